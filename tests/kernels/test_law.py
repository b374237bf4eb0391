"""Law 4: the generated text un-jitted == jitted == `interpret`, on the catalogue."""

import numpy as np
import pytest
from catalogue import BY_NAME, CATALOGUE

import symgrad as sg
from symgrad.ir.interpret import interpret
from symgrad.kernels.compiled import Options
from symgrad.kernels.kernel import Kernel

NAMES = [e.name for e in CATALOGUE]
# float64: sums are added in another order than in the interpreter, over at most a few hundred points.
# float32: the same, and inputs are rounded once; conditions of the catalogue's points are below 100.
TOLERANCE = {"float64": 1e-10, "float32": 3e-4}
PLAIN = {"share": False, "blas": False}


def system_of(name):
    entry = BY_NAME[name]
    try:
        return entry.gradient().kernel
    except sg.errors.SymgradError:
        return entry.program().kernel


def typed(arrays, dtype):
    return {n: np.asarray(a).astype(dtype) if np.asarray(a).dtype.kind == "f" else a for n, a in arrays.items()}


def differences(expected, out, dtype):
    """The names of the results that are not close, in one list."""
    tolerance = TOLERANCE[dtype]
    wrong = []
    for name, value in expected.items():
        value, got = np.asarray(value, float), np.asarray(out[name], float)
        finite = np.abs(value[np.isfinite(value)])
        scale = max(1.0, finite.max()) if finite.size else 1.0
        if value.shape != got.shape or not np.allclose(got, value, tolerance, tolerance * scale, equal_nan=True):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_text_means_what_the_system_means(name):
    """Un-jitted: fused and plain, serial and in chunks, both precisions."""
    system, arrays = system_of(name), BY_NAME[name].arrays()
    expected = interpret(system, arrays)
    for dtype in TOLERANCE:
        for options in ({}, PLAIN, {"parallel": True}):
            kernel = Kernel(system.prune(), Options(dtype, **options), system)
            assert differences(expected, kernel.run_python(**typed(arrays, dtype)), dtype) == []


JITTED = """\
A: parameter[i,j]
B: parameter[j,k]
c: parameter[k]
s: parameter[i]
lab: label[i] over k
z[i,k] = s[i]*sum[j](A[i,j]*B[j,k]) + c[k]
p[i,k] = softmax[k](z[i,k])
r[i] = sum[k, k <= i](tanh(z[i,k]))
m[i] = max[k](z[i,k])
q[i] = prod[k](1 + z[i,k]/8)
g[k] = sum[i](sigmoid(z[i,k])**3)
L = mean[i](-log(p[i,lab[i]])) + sum[i](r[i]*q[i] + m[i]) + sum[k](sqrt(1 + g[k]**2))
"""


def jitted_arrays(n=7):
    rng = np.random.default_rng(3)
    return {
        "A": rng.normal(size=(n, 4)), "B": rng.normal(size=(4, 5)), "c": rng.normal(size=5), "s": rng.normal(size=n),
        "lab": rng.integers(0, 5, n),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("parallel", [False, True])
def test_machine_code_means_what_the_system_means(dtype, parallel):
    system, arrays = sg.program(JITTED).gradient("L").kernel, jitted_arrays()
    kernel = Kernel(system.prune(), Options(dtype, parallel=parallel), system)
    expected = interpret(system, arrays)
    assert differences(expected, kernel(**typed(arrays, dtype)), dtype) == []
    empty = {**arrays, "A": np.zeros((0, 4)), "s": np.zeros(0), "lab": np.zeros(0, int)}
    assert differences(interpret(system, empty), kernel(**typed(empty, dtype)), dtype) == []
    assert all(np.asarray(v).dtype == dtype for v in kernel(**typed(arrays, dtype)).values())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_machine_code_on_the_catalogue(name):
    system, arrays = system_of(name), BY_NAME[name].arrays()
    kernel = Kernel(system.prune(), Options("float64", parallel=False), system)
    assert differences(interpret(system, arrays), kernel(**arrays), "float64") == []


def test_a_wrong_text_is_found():
    """Negative control: one function changed in the generated text."""
    system, arrays = sg.program(JITTED).gradient("L").kernel, jitted_arrays()
    kernel = Kernel(system.prune(), Options(parallel=False), system)
    text = kernel.compiled.source
    assert "f_tanh(z_)" in text
    kernel.compiled.source = text.replace("f_tanh(z_)", "f_tanh(-z_)")
    assert "L" in differences(interpret(system, arrays), kernel.run_python(**arrays), "float64")


def test_same_bits_whatever_the_number_of_threads():
    numba = pytest.importorskip("numba")
    system = sg.program(JITTED).gradient("L").kernel
    arrays = jitted_arrays(100)
    kernel = Kernel(system.prune(), Options(parallel=True), system)
    first = kernel(**arrays)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        second = kernel(**arrays)
    finally:
        numba.set_num_threads(before)
    for name in first:
        assert np.array_equal(first[name], second[name])


def test_nan_and_ties_follow_the_interpreter():
    system = sg.program("x: input[n, k]\nm[n] = max[k](x[n,k])\na[n] = argmax[k](x[n,k])\noutputs: m, a").kernel
    x = np.array([[1.0, 3.0, 3.0], [np.nan, 2.0, 5.0], [2.0, np.nan, np.nan], [-np.inf, -np.inf, -np.inf]])
    kernel = Kernel(system.prune(), Options(parallel=False), system)
    expected = interpret(system, {"x": x})
    for out in (kernel(x=x), kernel.run_python(x=x)):
        assert np.array_equal(out.m, expected["m"], equal_nan=True)
        assert np.array_equal(out.a, expected["a"])
        assert out.a.tolist() == [1, 0, 1, 0]
    nothing = kernel(x=np.zeros((2, 0)))
    assert nothing.m.tolist() == [-np.inf, -np.inf] and nothing.a.tolist() == [-1, -1]
