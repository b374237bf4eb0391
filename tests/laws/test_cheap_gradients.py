"""Law 7: flops(gradient) <= 5 flops(f) and flops(Hessian times vector) <= 20 flops(f), as polynomials in the sizes
(W. Baur, V. Strassen 1983; Griewank and Walther, Evaluating Derivatives, sections 4.6 and 5.4).

Both sides count `cost.flops` of the kernel form; f counts one operation more for each cell of an input, since a program
that only moves data has a gradient that adds (the adjoint of a copy).
"""

import pytest
from catalogue import BY_NAME, CATALOGUE
from sympy import Add, Dummy, Integer, Poly, expand, floor

from symgrad.api import Program, program
from symgrad.ir.cost import flops

NAMES = [e.name for e in CATALOGUE]
FACTOR = 5
SECOND = 20  # of a Hessian-vector product
DEAR = 26  # Cholesky: n^3/3 itself; its adjoint solves with the triangular factor as with any matrix (known, not nice)


def nonnegative(polynomial) -> bool:
    """Is it >= 0 for all sizes >= 1? Sufficient: no negative coefficient after every size became 1 + s."""
    polynomial = expand(expand(polynomial).xreplace({f: Dummy() for f in polynomial.atoms(floor)}))
    symbols = sorted(polynomial.free_symbols, key=str)
    if not symbols:
        return bool(polynomial >= 0)
    shifted = expand(polynomial.xreplace({s: 1 + s for s in symbols}))
    return all(c >= 0 for c in Poly(shifted, *symbols).coeffs())


def excess(gradient: Program, factor: int = FACTOR):
    """flops(derivative) - 5 (flops(f) + cells of the parameters)."""
    f = gradient.origin.of
    reading = Add(*(_cells(t) for t in f.raw.declared("parameter")))
    value = flops(f.kernel.prune((gradient.origin.output,)))
    difference = expand(flops(gradient.kernel.prune()) - factor * (value + reading))
    for extent in sorted(_differences(f.raw), key=str):  # a valid convolution has I - K + 1 = E >= 1 outputs
        size = next((s for s in sorted(extent.free_symbols, key=str) if extent.coeff(s) == 1), None)
        if size is not None and size in difference.free_symbols:
            difference = expand(difference.xreplace({size: Dummy() + size - extent}))
    return difference


def _differences(system):
    ranges = {r.size for eq in system.equations for t in eq.terms for r in t.domain}
    sums = (e for e in ranges if isinstance(e, Add) and not e.atoms(floor))
    return {e for e in sums if any(part.could_extract_minus_sign() for part in e.args)}


def _cells(tensor):
    cells = Integer(1)
    for extent in tensor.shape:
        cells *= extent
    return cells


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_cheap(name):
    gradient = BY_NAME[name].gradient()
    factor = DEAR if "dear" in BY_NAME[name].tags else FACTOR
    assert nonnegative(-excess(gradient, factor)), (flops(gradient.kernel.prune()), excess(gradient, factor))


# where f itself is so cheap that the law does not hold, each with its reason
DEARER = {
    "Cholesky factor": "n^3/3 itself, and a triangular factor is solved with as any matrix: 91 n^3/3",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.xfail(strict=True, reason=DEARER[n])) if n in DEARER else n for n in NAMES],
)
def test_hessian_vector_products_are_cheap(name):
    product = BY_NAME[name].product()
    assert nonnegative(-excess(product, SECOND)), (flops(product.kernel.prune()), excess(product, SECOND))


@pytest.mark.parametrize("depth", [2, 8])
def test_gradients_of_chains_are_cheap(depth):
    lines = ["x: input[n, d]", *(f"W{p}: parameter[d, d]" for p in range(depth)), "h0[n,d] = x[n,d]"]
    lines += [f"h{p + 1}[n,d] = h{p}[n,d] + tanh(sum[e](h{p}[n,e]*W{p}[e,d]))" for p in range(depth)]
    text = "\n".join([*lines, f"L = mean[n](sum[d](h{depth}[n,d]**2))"])
    assert nonnegative(-excess(program(text).gradient("L")))


def test_an_expensive_gradient_is_found():
    """The negative control: forward differences, one evaluation of f for each parameter, break the law."""
    gradient = BY_NAME["linear regression"].gradient()
    f = gradient.origin.of
    cells = Add(*(_cells(t) for t in f.raw.declared("parameter")))
    assert not nonnegative(-(excess(gradient) + cells * flops(f.kernel.prune(("L",)))))
