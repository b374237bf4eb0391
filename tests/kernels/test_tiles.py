"""Rows that are short run in tiles, and divisions leave loops: same values at every length, exact at the extremes."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels import across

# softmax with a temperature, labels, a sum over rows into a vector, and a matrix that is read along rows
TEXT = """
z: parameter[n, k]
c: parameter[k]
t: parameter
y: label[n] over k
s[n,k] = (z[n,k] + c[k])/t
p[n,k] = softmax[k](s[n,k])
q[n] = sum[k](p[n,k]*tanh(z[n,k]))/(1 + sum[k](z[n,k]**2))
L = mean[n](-log(p[n,y[n]]) + q[n])
"""


@pytest.fixture(scope="module")
def program():
    return sg.program(TEXT).gradient("L")


@pytest.fixture(scope="module")
def kernel(program):
    return program.compile(parallel=True)


def arrays(rows, classes):
    rng = np.random.default_rng(rows + classes)
    z, c = rng.normal(size=(rows, classes)), rng.normal(size=classes)
    return {"z": z, "c": c, "t": 1.7, "y": rng.integers(0, classes, rows)}


@pytest.mark.parametrize("rows", [1, 127, 128, 129, 300])
@pytest.mark.parametrize("classes", [1, 3, across.SHORT, across.SHORT + 1])
def test_every_length_gives_the_same(program, kernel, rows, classes):
    given = arrays(rows, classes)
    expected, found = program.evaluate(**given), kernel(**given)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-14, err_msg=name)  # sums in other orders


def test_both_forms_are_in_the_text_and_the_length_chooses(program):
    source = program.compile(parallel=False).source
    assert f"if K <= {across.SHORT}:" in source and f"range(first, last, {across.NARROW})" in source
    fixed = sg.program(TEXT.replace("[n, k]", "[n, 10]").replace("over k", "over 10")).gradient("L")
    assert "if K <=" not in fixed.compile(parallel=False).source


def test_functions_between_the_loops_of_long_rows_run_across_rows():
    text = TEXT.replace("parameter[n, k]", "parameter[n, 500]")
    source = sg.program(text).gradient("L").compile(parallel=False).source.split("def group_")[1]
    assert "range(first, last, 8)" in source  # 4096 entries of a row of 500
    phases = source.split("for tile in ")[1].split("for lane in ")[1:]
    with_loops = [part for part in phases if "for k in" in part]
    assert 2 <= len(with_loops) < len(phases)
    assert "f_log1p" in "".join(phases) and "f_log1p" not in "".join(with_loops)


def test_a_row_without_functions_between_its_loops_stays_a_row():
    text = "X: input[n, 500]\nw: parameter[500]\nz[n] = sum[d](X[n,d]*w[d])\ns[n] = z[n]*sum[d](X[n,d])"
    assert "lane" not in sg.program(text).compile(parallel=False).source.split("def group_")[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_hoisted_division_is_a_division(dtype):
    """At the ends of the range, where a plain reciprocal is infinite, zero or subnormal."""
    kernel = sg.program("x: input[k]\ns: input[n]\ny[n,k] = x[k]/s[n]").compile(dtype=dtype)
    assert "steady" in kernel.source and "over" in kernel.source
    limits = np.finfo(dtype)
    tiny, large = limits.smallest_subnormal, limits.max
    edges = np.array([0, -0.0, tiny, -3 * tiny, limits.tiny, 1, -3, large, np.inf, -np.inf, np.nan, large / 3], dtype)
    rng = np.random.default_rng(0)
    inner = rng.normal(size=50) * np.exp2(rng.integers(-100, 100, 50))
    both = np.concatenate([edges, inner.astype(dtype)])
    with np.errstate(all="ignore"):
        exact = both / both[:, None]
        found = kernel(x=both, s=both).y
        normal = np.isfinite(exact) & (np.abs(exact) >= limits.tiny)
        # two roundings more than a division: 1.5 units of the last place, and at most 2 as seen by its own rounding
        assert (np.abs(found - exact)[normal] <= 2 * np.spacing(np.abs(exact[normal]))).all()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    np.testing.assert_array_equal(found[np.isinf(exact)], exact[np.isinf(exact)])
    np.testing.assert_array_equal(found[exact == 0], exact[exact == 0])


def test_a_divisor_that_the_loop_changes_stays():
    """Negative control of the pass: the running sum divides, and is another one at each k."""
    text = "x: input[n, k]\nc[n,k] = sum[j, j <= k](x[n,j])\ny[n,k] = x[n,k]/c[n,k]"
    kernel = sg.program(text).compile()
    x = np.random.default_rng(0).uniform(1, 2, (4, 6))
    np.testing.assert_allclose(kernel(x=x).y, x / np.cumsum(x, 1), rtol=1e-15)
