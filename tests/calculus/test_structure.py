"""What is found from the text of a loss alone: the table of structures, with symbolic sizes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from structures import MODELS, arrays_of, differences, holds, model
from sympy import expand, sympify

from symgrad import program
from symgrad.calculus.rewrite import replays
from symgrad.errors import ShapeError, SymgradError
from symgrad.structured import Structure

# model, by, kinds of the terms, numbers stored, plan
HESSIANS = [
    ("sum of functions", "x", ["diagonal"], "I", "divide"),
    ("logistic regression", "w", ["dense"], "D**2", "dense"),
    ("matrix factorisation", "U", ["block diagonal"], "K**2", "blocks"),
    ("matrix factorisation", "V", ["block diagonal"], "K**2", "blocks"),
    ("masked factorisation", "U", ["block diagonal"], "K**2*N", "blocks"),
    ("ridge factorisation", "U", ["block diagonal", "diagonal"], "K**2 + 1", "blocks"),
    ("Rosenbrock", "x", ["diagonal", "banded", "banded", "diagonal"], "2*I - 2", "banded"),
    ("softmax cross-entropy", "z", ["block diagonal, rank one", "diagonal"], "3*K*N", "woodbury"),
    ("logsumexp", "x", ["rank one", "diagonal"], "K", "woodbury"),
    ("softmax regression", "W", ["dense"], "D**2*K**2", "dense"),
    ("two layers", "W1", ["dense"], "D**2*H**2", "dense"),
    ("two layers", "W2", ["block diagonal"], "H**2", "blocks"),
    ("quadratic form", "x", ["dense"], "I**2", "dense"),
    ("pair energies", "r", ["block diagonal", "diagonal"], "C**2*I + I", "blocks"),
    ("embedding", "E", ["Kronecker"], "J**2 + V", "blocks"),
    ("convolution", "x", ["banded"], "K", "banded"),
    ("convolution", "w", ["dense"], "K**2", "dense"),
    ("least squares", "W", ["block diagonal"], "D**2", "blocks"),
    ("two sides", "X", ["Kronecker"], "J**2 + K**2", "kronecker"),
    ("layer normalisation", "x", ["block diagonal", "diagonal"], "K**2*N + K*N", "blocks"),
    ("grid", "u", ["diagonal", "banded", "banded", "diagonal"] * 2, "2*I*J - I - J", "sparse"),
    ("graph", "x", ["diagonal", "sparse by data", "sparse by data"], "M + N", "sparse"),
    ("norm", "x", ["rank one", "diagonal"], "2*I + 1", "woodbury"),
    ("variance", "x", ["rank one", "diagonal"], "0", "woodbury"),
    ("flip", "x", ["permuted", "permuted", "diagonal"], "2*I", "sparse"),
    ("diagonal of a matrix", "A", ["diagonal", "permuted"], "I", "sparse"),
    ("exponential of a diagonal", "d", ["diagonal"], "I", "divide"),
    ("diagonal and matrix", "d", ["diagonal"], "I", "divide"),
    ("squared with a ridge", "d", ["dense"], "I**2", "dense"),
    ("product", "x", ["dense"], "I**2", "dense"),
    ("row maxima", "x", ["sparse by data"], "0", "divide"),
    ("cumulative sum", "x", ["dense"], "I**2", "dense"),
    ("exponential of a sum", "a", ["dense"], "I**2", "dense"),
]


@pytest.mark.parametrize(("name", "by", "kinds", "storage", "plan"), HESSIANS)
def test_hessian(name, by, kinds, storage, plan):
    found = model(name).hessian("L", by).structure(f"d2L_d{by}_d{by}")
    assert [t.kind for t in found.terms] == kinds
    assert expand(found.storage - polynomial(storage, found)) == 0
    assert found.plan.kind == plan
    assert not found.notes or name == "product"
    assert str(found.storage) == "0" or f"{found.storage} numbers" in str(found)


def polynomial(text, found):
    return sympify(text, locals={s.name: s for s in found.system_sizes})     # text of this file


def test_mixed_blocks_stay_apart():
    """The mixed block of a factorisation: an outer product and a block for each k, never K^2 M N numbers."""
    found = model("matrix factorisation").hessian("L", ["U", "V"]).structure("d2L_dU_dV")
    assert expand(found.storage - polynomial("K*M + K*N + M*N", found)) == 0
    assert found.plan.kind == "multiply"
    assert str(found.terms[1].repeated) == "(k,)"


# output, by, text, kinds, numbers stored
JACOBIANS = [
    ("y", "x", "x: parameter[i] \n y[i] = tanh(x[i])*x[i]", ["diagonal"], "I"),
    ("y", "x", "x: parameter[i] \n y[i] = 2*x[i]", ["diagonal"], "0"),
    ("z", "W", "X: input[n,d]; W: parameter[d,k] \n z[n,k] = sum[d](X[n,d]*W[d,k])", ["block"], "D*N"),
    ("p", "z", "z: parameter[n,k] \n p[n,k] = softmax[k](z[n,k])", ["block diagonal, rank one", "diagonal"], "K*N"),
    ("y", "x", "x: parameter[p]; w: input[k] \n y[i] = sum[k](w[k]*x[i+k])", ["block"], "K"),
    ("y", "E", "t: label[n] over v; E: parameter[v,j] \n y[n,j] = E[t[n],j]**2", ["sparse by data"], "J*N"),
    ("y", "x", "x: parameter[i] \n y[i] = x[i+1] - x[i]", ["block", "block"], "0"),
    ("A", "x", "x: parameter[i]; y: input[j] \n A[i,j] = x[i]*y[j]", ["block"], "J"),
    ("B", "A", "A: parameter[i,j] \n B[j,i] = A[i,j]**2", ["block"], "I*J"),
]


@pytest.mark.parametrize(("output", "by", "text", "kinds", "storage"), JACOBIANS)
def test_jacobian(output, by, text, kinds, storage):
    of = program(text.replace(";", "\n"))
    derived = of.jacobian(output, by)
    found = derived.structure(f"d{output}_d{by}")
    assert [t.kind for t in found.terms] == kinds
    assert expand(found.storage - polynomial(storage, found)) == 0
    _, dense, arrays = holds(derived, f"d{output}_d{by}")
    # central differences with h = 1e-5 are good to h^2 f''' and 1e-16/h
    np.testing.assert_allclose(dense, differences(of, output, by, arrays), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_compressed_is_dense_is_differences(name):
    of = model(name)
    gradient, derived = of.gradient("L"), of.hessian("L")
    for output in derived.outputs:
        _, v, w = output.split("_")
        _, dense, arrays = holds(derived, output)
        expected = differences(gradient, f"dL_{v}", w[1:], arrays)
        # as above, relative to the largest entry: powers up to 8 of inputs up to 3
        np.testing.assert_allclose(dense, expected, rtol=1e-5, atol=1e-6 * (1 + np.abs(expected).max(initial=0)))


def test_the_rules_replay():
    for name in ("four stencils", "layer normalisation"):
        derived = model(name).hessian("L", "x")
        steps = [*derived.structure("d2L_dx_dx").system.log]
        assert all(replays(s) for s in steps if s.rule.name.startswith(("structure", "compressed")))
        assert any(s.rule.name.startswith("compressed") for s in steps)


def test_stencils_keep_their_band_however_deep():
    """Terms along one diagonal are one: without that the number of terms squares at every stencil."""
    found = model("four stencils").hessian("L", "x").structure("d2L_dx_dx")
    assert found.plan.kind == "banded" and (found.plan.low, found.plan.high) == (4, 4)
    assert len(found.terms) <= 24 and not found.notes


def test_words():
    text = str(model("matrix factorisation").hessian("L", "U").structure("d2L_dU_dU").at(N=500, M=500, K=5))
    assert text == (
        "d2L_dU_dU[n, k, n, j]: block diagonal over n: blocks of 5 x 5, the same for all n, symmetric, 25 numbers.\n"
        "25 numbers instead of 6,250,000. A Newton step: one Cholesky factorisation of size 5, for all blocks."
    )
    rows = str(model("Rosenbrock").hessian("L").structure("d2L_dx_dx")).splitlines()
    assert rows[1] == "d2L_dx_dx[j + 1, j]: banded, offset 1, the transpose of term 3, I - 1 numbers."
    assert rows[2] == "d2L_dx_dx[i, i + 1]: banded, offset -1, the transpose of term 2, no new numbers."
    assert rows[-1].endswith("banded Cholesky, 1 below and 1 above the diagonal.")


def test_the_plan_is_final_when_sizes_are_bound():
    found = model("convolution").hessian("L", "x").structure("d2L_dx_dx")
    assert found.plan.kind == "banded"
    assert found.at(P=100, K=3, I=98).plan.kind == "banded"
    assert found.at(P=6, K=5, I=2).plan.kind == "dense"


def test_latex():
    latex = model("matrix factorisation").hessian("L", "U").structure("d2L_dU_dU").latex()
    assert r"C_{k,j} &= \sum_{m} V_{m,j} V_{m,k}" in latex
    assert r"2 C_{k,j} \delta_{n,i}" in latex
    shown = model("logistic regression").hessian("L").structure("d2L_dw_dw")
    assert r"\sum_{n} X_{n,d} X_{n,i} s_{n} (1 - s_{n})" in shown.latex()
    assert shown._repr_latex_().startswith("$")


def test_errors():
    derived = model("Rosenbrock").hessian("L")
    with pytest.raises(SymgradError, match="x is not a Jacobian or Hessian of this program, so its rows are not"):
        derived.structure("x")
    with pytest.raises(ShapeError, match="N is not a size of d2L_dx_dx; it has I"):
        derived.structure("d2L_dx_dx").at(N=3)


def test_rows_may_be_given():
    of = program("A: input[i,j]; B[i,j] = A[i,j]**2".replace(";", "\n"))
    assert of.structure("B", rows=1).terms[0].kind == "dense"


def test_same_bytes_in_every_process():
    script = (
        "from structures import model\n"
        "for n in ('second differences', 'softmax cross-entropy', 'graph', 'grid'):\n"
        "    h = model(n).hessian('L')\n"
        "    for o in h.outputs:\n"
        "        s = h.structure(o)\n"
        "        print(s, s.latex(), [t.view for t in s.terms])\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    runs = [
        subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
                       capture_output=True, check=True).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1] and runs[0]


@pytest.mark.parametrize("change", ["a term", "an offset", "a core"])
def test_what_is_wrong_is_caught(change, monkeypatch):
    """Negative control: a lost term, a wrong offset, a transposed core do not pass `holds`."""
    derived = model("Rosenbrock").hessian("L")

    def broken(self, *args):
        parts = list(original(self, *args).parts)
        if change == "a term":
            parts.pop()
        elif change == "an offset":
            place = parts[1].row
            parts[1] = replace(parts[1], row=replace(place, flat=np.roll(place.flat, 1)))
        else:
            array, labels = parts[0].factors[0]
            parts[0] = replace(parts[0], factors=((array[::-1], labels),))
        return replace(original(self, *args), parts=tuple(parts))

    original = Structure.bind
    holds(derived, "d2L_dx_dx")
    monkeypatch.setattr(Structure, "bind", broken)
    with pytest.raises(AssertionError):
        holds(derived, "d2L_dx_dx")


def test_arrays_are_left_alone():
    derived = model("Rosenbrock").hessian("L")
    arrays = arrays_of(derived)
    before = {n: a.copy() for n, a in arrays.items()}
    derived.structured("d2L_dx_dx", target="interpreter")(**arrays).solve(np.ones_like(arrays["x"]), 1e3)
    assert all(np.array_equal(before[n], arrays[n]) for n in arrays)
