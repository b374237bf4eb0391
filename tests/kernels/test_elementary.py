"""The generated exp against mpmath, over everything that is representable; and the BLAS threads around a call."""

import mpmath
import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels import compile_system
from symgrad.kernels.targets import cpu

LIMITS = {"float64": (-746.0, 709.78), "float32": (-104.0, 88.72)}
EDGES = [0.0, -0.0, 1e-30, -1e-30, np.inf, -np.inf, np.nan, 1e30, -1e30]


def ulps(values, x):
    """The largest error, in units of the last place of the exact value."""
    worst = 0.0
    with mpmath.workprec(120):
        for got, at in zip(values, x):
            exact = mpmath.exp(mpmath.mpf(float(at)))
            unit = float(np.spacing(np.array(float(exact), values.dtype)))
            worst = max(worst, float(abs(mpmath.mpf(float(got)) - exact) / mpmath.mpf(unit)))
    return worst


@pytest.mark.parametrize("dtype", LIMITS)
def test_exp_is_within_one_ulp(dtype):
    kernel = compile_system(sg.program("x: input[n]\ny[n] = exp(x[n])").kernel, dtype=dtype, parallel=False)
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(*LIMITS[dtype], 2001), rng.normal(size=500)]).astype(dtype)
    compiled = kernel(x=x).y
    assert ulps(compiled, x) < 1
    assert np.allclose(kernel.run_python(x=x[::50]).y, compiled[::50], rtol=4 * np.finfo(dtype).eps, atol=0)
    edges = np.array(EDGES, dtype)
    with np.errstate(over="ignore"):
        assert np.array_equal(kernel(x=edges).y, np.exp(edges), equal_nan=True)


def test_a_wrong_exp_is_found():
    """Negative control: an error of one part in a million."""
    x = np.linspace(-1, 1, 5)
    assert ulps(np.exp(x) * (1 + 1e-6), x) > 1


def test_the_number_of_blas_threads_is_restored():
    library = cpu._openblas()
    if library is None:
        pytest.skip("SciPy does not bring OpenBLAS here")
    get, put = library
    before = get()
    try:
        put(2)
        wanted = get()
        with cpu.one_blas_thread(), cpu.one_blas_thread():
            assert get() == 1
        assert get() == wanted
    finally:
        put(before)


@pytest.mark.parametrize("dtype", LIMITS)
def test_matrix_products_of_all_layouts(dtype):
    """Each operand and the result transposed or not; empty axes; large enough to be cut into blocks."""
    rng = np.random.default_rng(0)
    for text in ("i,j|j,k|i,k", "j,i|j,k|i,k", "i,j|k,j|i,k", "j,i|k,j|k,i", "i,j|j|i", "j,i|j|i"):
        a, b, c = text.split("|")
        kernel = compile_system(sg.program(f"A: input[{a}]\nB: input[{b}]\nC[{c}] = sum[j](A[{a}]*B[{b}])").kernel,
                                dtype=dtype)  # fmt: skip
        for sizes in ({"i": 3, "j": 4, "k": 5}, {"i": 0, "j": 4, "k": 5}, {"i": 3, "j": 0, "k": 5},
                      {"i": 150, "j": 200, "k": 160}):  # fmt: skip
            left, right = (rng.normal(size=[sizes[x] for x in t.split(",")]).astype(dtype) for t in (a, b))
            want = np.einsum(f"{a},{b}->{c}".replace(",", "").replace(f"{a}{b}".replace(",", ""),
                             f"{a.replace(',', '')},{b.replace(',', '')}"), left.astype(float), right)  # fmt: skip
            tolerance = 200 * np.finfo(dtype).eps * 20  # 200 products of normal numbers, summed in another order
            assert np.allclose(kernel(A=left, B=right).C, want, atol=tolerance)
