"""Compiled elementary functions: within the stated bounds, without a branch, the same bits as their Python."""

import re

import numpy as np
import pytest
import scipy.special
from assembly import libm, packed

import symgrad as sg
from symgrad.functions import ROWS
from symgrad.kernels import compile_system
from symgrad.kernels.targets import cpu
from symgrad.verify import ulp

DTYPES = ("float64", "float32")
SWEPT = (
    "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "sin", "cos", "erf", "erfc", "gelu", "gelu_tanh", "log_ndtr",
    "softplus", "logit", "sinh", "cosh",
)  # fmt: skip
VECTORISED = ("exp", "log1p", "tanh", "sin", "erf", "ndtr", "gelu", "log_cosh")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SWEPT)
def test_values_and_derivatives_are_within_the_stated_bound(name, dtype):
    for line in ulp.sweep(ROWS[name], dtype, 200):
        assert line.ok, line


@pytest.mark.parametrize("name", ["erf", "tanh"])
def test_float32_is_within_a_unit_where_its_two_forms_meet(name):
    """Every number between 0.8 and 1.3: a polynomial up to 1.05, then 1 minus a quotient. The reference is float64."""
    first, last = np.array([0.8, 1.3], "float32").view(np.uint32)
    x = np.arange(first, last, dtype=np.uint32).view(np.float32)
    got = sg.program(f"x: input[n]\ny[n] = {name}(x[n])").compile(dtype="float32", parallel=False)(x=x)["y"]
    exact = {"erf": scipy.special.erf, "tanh": np.tanh}[name](x.astype(np.float64))
    assert np.max(np.abs(got - exact)) <= np.spacing(np.float32(0.99))  # both values lie between 1/2 and 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_square_of_sech_is_a_function_of_its_own(dtype):
    """It shares the exponential and the division with tanh, and goes to 0 where its value does."""
    text = "x: parameter[n]\ny[n] = tanh(x[n])\nL = sum[n](y[n])"
    kernel = sg.program(text).gradient("L").compile(dtype=dtype, outputs=("y", "dL_dx"))
    assert "f_sech_squared(" in kernel.source and "f_sech(" not in kernel.source
    x = np.array([0.0, -0.3, 3.0, -20.0, 40.0, np.inf, np.nan], dtype)
    exact = 1 / np.cosh(x.astype(np.longdouble)) ** 2
    np.testing.assert_allclose(kernel(x=x)["dL_dx"], exact, rtol=4 * np.finfo(dtype).eps)  # the bound of a derivative


def test_wrong_values_are_found():
    """Negative control: an error of one part in a million, and the textbook derivative of sigmoid."""
    case = next(ulp.cases(ROWS["exp"]))
    (x,) = ulp.grid(ROWS["exp"], "float64", 50)
    x = x[np.abs(x) < 700]
    exact = [ulp._exact(case, (v,)) for v in x]
    assert ulp._worst(np.exp(x), case, exact, "float64")[0] <= 1
    assert ulp._worst(np.exp(x) * (1 + 1e-6), case, exact, "float64")[0] > 1e6
    (line, slope) = ulp.sweep(ROWS["sigmoid"], "float64", 50, peers=True)
    assert line.ok and slope.ok and slope.peers[0] == np.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_code_and_python_agree(dtype):
    """To the last place: LLVM may fuse a product with the one sum that uses it."""
    text = "x: input[n]\na[n] = tanh(x[n])\nb[n] = sin(x[n])\nc[n] = gelu(x[n])\nd[n] = log1p(x[n])"
    kernel = compile_system(sg.program(text).kernel, dtype=dtype, parallel=False)
    x = np.array([-0.0, 1e-40, -3e-5, 0.3, -0.9, 2.5, -7.7, 12.25, 1e5, 3e10, -1e37, np.inf, -np.inf, np.nan], dtype)
    compiled, plain = kernel(x=x), kernel.run_python(x=x)
    for name in "abcd":
        np.testing.assert_allclose(compiled[name], plain[name], rtol=np.finfo(dtype).eps, atol=0, err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", VECTORISED)
def test_loops_are_vectorised(name, dtype, monkeypatch, tmp_path):
    """The assembly computes with packed numbers and calls no function of libm. Numba shows it for fresh code only."""
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    text = assembly(f"fresh: input[n]\ny[n] = {name}(fresh[n])", {"fresh": np.ones(64, dtype)}, dtype)
    assert packed(text) >= 10
    assert not libm(text)


def test_the_assembly_check_sees_libm(monkeypatch, tmp_path):
    """Negative control: lgamma loops and calls."""
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    assert libm(assembly("fresh: input[n]\ny[n] = lgamma(fresh[n])", {"fresh": np.ones(64)}, "float64"))


CHOICE = "m[n] = where(fresh[n] > 0, log1p(fresh[n]), exp(fresh[n]))"


@pytest.mark.parametrize("text", ["m[n] = max[k](fresh[n,k])", CHOICE])
def test_extremes_and_choices_are_vectorised(text, monkeypatch, tmp_path):
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    shape = "n, k" if "k" in text else "n"
    x = np.ones((8,) * len(shape.split(", ")), "float32")
    found = assembly(f"fresh: input[{shape}]\n{text}", {"fresh": x}, "float32")
    assert len(re.findall(r"\bv?(?:max|min|cmp)\w*p[sd]\b|\bfcm\w+|\bfmax\w*\s+v", found)) >= 4 and not libm(found)


def assembly(text, arrays, dtype):
    kernel = sg.program(text).compile(dtype=dtype, parallel=False)
    kernel(**arrays)
    return kernel.compiled.run.keep.get_asm_str()


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


@pytest.mark.parametrize("dtype", DTYPES)
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
