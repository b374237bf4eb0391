"""Symmetric products: sum over k of w[k] f[k, m] f[k, m'], by blocks of rows scaled with the root of their weight."""

import numba
import numpy as np
import pytest

import symgrad as sg
from symgrad.ir.interpret import interpret
from symgrad.kernels import loops
from symgrad.kernels.kernel import Kernel, Options

PROGRAMS = {
    "plain": "X: input[n,d] \n C[d,e] = sum[n](X[n,d]*X[n,e])",
    "weights of both signs": "X: input[n,d]; w: input[n] \n C[d,e] = sum[n](w[n]*X[n,d]*X[n,e])",
    "a function of rows": "X: input[n,d]; p: input[n,k]; c: input[n]; a: input \n"
    "C[d,k,e,l] = a*sum[n](tanh(c[n])*X[n,d]*p[n,k]*X[n,e]*p[n,l])",
    "beside another term": "X: input[n,d]; w: input[n]; B: input[d,d] \n"
    "C[d,e] = B[d,e] + 2*sum[n](w[n]**3*X[n,d]*X[n,e])",
    "gathered rows": "E: input[v,d]; t: label[n] over v; w: input[n] \n C[d,e] = sum[n](w[n]*E[t[n],d]*E[t[n],e])",
    "not symmetric": "X: input[n,d]; Y: input[n,d]; w: input[n] \n C[d,e] = sum[n](w[n]*X[n,d]*Y[n,e])",
    "transposed halves": "X: input[n,d]; p: input[n,k] \n C[d,k,l,e] = sum[n](X[n,d]*p[n,k]*X[n,e]*p[n,l])",
}


def program(name):
    return sg.program(PROGRAMS[name].replace(";", "\n"))


def arrays_of(system, rows, width=3, seed=0):
    rng = np.random.default_rng(seed)
    sizes = {"N": rows, "D": width, "K": 2, "V": 4}
    arrays = {}
    for tensor in system.declared():
        shape = tuple(sizes[str(s)] for s in tensor.shape)
        arrays[tensor.name] = rng.integers(0, 4, shape) if tensor.dtype == "int" else rng.normal(size=shape)
    return arrays


def is_gram(kernel):
    return any(isinstance(step, loops.Gram) for step in kernel.compiled.loops.steps)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_text_means_the_sum(name):
    """Un-jitted, serial and in chunks; fewer rows than a block, more, none."""
    system = program(name).kernel
    assert is_gram(Kernel(system, Options(), system)) == (name not in ("not symmetric", "transposed halves"))
    for rows in (0, 5, 300):
        arrays = arrays_of(system, rows)
        expected = interpret(system, arrays)["C"]
        for options in ({}, {"parallel": True}):
            got = Kernel(system, Options(**options), system).run_python(**arrays)["C"]
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12 * (1 + rows))  # sums in another order


@pytest.fixture(scope="module")
def compiled():
    system = program("weights of both signs").kernel
    return Kernel(system, Options(parallel=True), system)


def test_compiled(compiled):
    """Weights of both signs: symmetric to the last bit, and the same bits whatever the number of threads."""
    arrays = arrays_of(compiled.system, 1000, 7)
    got = compiled(**arrays)["C"]
    expected = (arrays["X"].T * arrays["w"]) @ arrays["X"]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)  # 1000 products of size up to 10
    assert np.array_equal(got, got.T)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        assert np.array_equal(compiled(**arrays)["C"], got)
    finally:
        numba.set_num_threads(before)


def test_what_is_not_finite_stays_so(compiled):
    arrays = {"X": np.ones((3, 2)), "w": np.array([1.0, np.nan, -1.0])}
    assert np.isnan(compiled(**arrays)["C"]).all()
    arrays["w"] = np.array([1.0, np.inf, -1.0])
    assert np.array_equal(compiled(**arrays)["C"], np.full((2, 2), np.inf))


def test_single_precision():
    system = program("weights of both signs").kernel
    arrays = {n: a.astype("float32") for n, a in arrays_of(system, 300, 7).items()}
    got = Kernel(system, Options("float32"), system).run_python(**arrays)["C"]
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, (arrays["X"].T * arrays["w"]) @ arrays["X"], rtol=0, atol=1e-3)


def test_a_wrong_sign_would_be_seen(monkeypatch):
    """Negative control: rows with a negative weight added instead of subtracted."""
    system = program("weights of both signs").kernel
    arrays = arrays_of(system, 50)
    kernel = Kernel(system, Options(), system)
    source = kernel.compiled.source
    monkeypatch.setattr(kernel.compiled, "source", source.replace("float64(-1.0)", "float64(1.0)"))
    wrong = kernel.run_python(**arrays)["C"]
    assert np.abs(wrong - interpret(system, arrays)["C"]).max() > 1


ROWS = "X: input[n,d]; v: input[d]; t: label[n] over n\nw[n] = sigmoid(sum[d](X[n,d]*v[d]))\n"
CHAINS = {
    "a weight of the row": ("C[d,e] = sum[n](w[n]*X[n,d]*X[n,e])", True),
    "with a sum over rows": ("C[d,e] = sum[n](w[n]*X[n,d]*X[n,e])\nu[d] = sum[n](w[n]*X[n,d])\noutputs: C, u", True),
    "a weight of another row": ("C[d,e] = sum[n](w[t[n]]*X[n,d]*X[n,e])", False),
    "weights of all rows": ("s = sum[n](w[n])\nC[d,e] = sum[n](tanh(w[n]*s)*X[n,d]*X[n,e])", True),  # s is known then
}


@pytest.mark.parametrize("name", CHAINS)
def test_rows_go_through_both(name):
    """What a weight needs of its own row is computed just before the row enters the product, and nothing else."""
    text, expected = CHAINS[name]
    program = sg.program(ROWS.replace(";", "\n") + text)
    kernel = program.compile(parallel=True)
    steps = kernel.compiled.tuned.steps
    assert any(isinstance(step, loops.Chain) for step in steps) == expected
    for rows in (0, 5, 300, 1100):
        rng = np.random.default_rng(rows)
        given = {"X": rng.normal(size=(rows, 4)), "v": rng.normal(size=4), "t": rng.permutation(rows)}
        given = {n: a for n, a in given.items() if n in {t.name for t in program.kernel.declared()}}
        want = program.evaluate(**given)
        for found in (kernel(**given), kernel.run_python(**given)):
            for output, value in found.items():
                np.testing.assert_allclose(value, want[output], rtol=1e-12, atol=1e-12 * (1 + rows))  # sums' orders
