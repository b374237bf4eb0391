"""How a row runs: in phases, with extremes as vectors, sums of costly values apart, one pass over the data."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import SymgradError
from symgrad.ir.access import Size
from symgrad.kernels import checks

LOGISTIC = """
X: input[n, d]
y: input[n]
w: parameter[d]
z[n] = sum[d](X[n,d]*w[d])
L = mean[n](softplus(z[n]) - y[n]*z[n]) + 0.05*sum[d](w[d]**2)
"""
CROSS_ENTROPY = """
z: parameter[n, k]
y: label[n] over k
p[n,k] = softmax[k](z[n,k])
L = mean[n](-log(p[n,y[n]]))
"""
MIXTURE = """
x: input[n, i]
mu: parameter[k, i]
Q: parameter[k, i, j]
y[n,k,i] = sum[j](Q[k,i,j]*(x[n,j] - mu[k,j]))
L = sum[n](logsumexp[k](-sum[i](y[n,k,i]**2)))
"""


def group(source: str, number: int) -> str:
    return source.split(f"def group_{number}(")[1].split("\n\n\n")[0]


def agree(program, kernel, **given):
    expected, found = program.evaluate(**given), kernel(**given)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-11, atol=1e-13, err_msg=name)  # sums in other orders


@pytest.mark.parametrize("parallel", [False, True])
def test_the_gradient_of_logistic_regression_reads_the_data_once(parallel):
    program, rng = sg.program(LOGISTIC).gradient("L"), np.random.default_rng(0)
    kernel = program.compile(parallel=parallel)
    first = group(kernel.source, 0)
    assert "dL_dw" in first and "X[" not in group(kernel.source, 1)
    assert first.count("for lane in range(rows):") == 3  # products, functions across rows, the sum over rows
    for rows in (1, 70, 500):
        given = {"X": rng.normal(size=(rows, 40)), "y": rng.random(rows), "w": rng.normal(size=40)}
        agree(program, kernel, **given)


def test_the_cell_of_the_label_is_replaced():
    """No test of the label inside the loop; and the sum of costly values is a loop of its own in long rows."""
    program, rng = sg.program(CROSS_ENTROPY).gradient("L"), np.random.default_rng(1)
    kernel = program.compile(parallel=False)
    text = group(kernel.source, 0)
    assert "if k != y" not in text and "int32(k) != int32(p_arg)" in text
    long = text.split("    else:\n")[1]
    loops = long.split("for k in range(K):")
    assert not any("f_exp(" in part and "add(p_total" in part.split("for lane")[0] for part in loops)
    agree(program, kernel, z=rng.normal(size=(9, 70)) * 30, y=rng.integers(0, 70, 9))


def test_a_guard_stays_where_another_cell_is_written():
    """Negative control: the second term stands one place further."""
    text = "x: input[n, k]\ny: label[n] over k\na[n,k] = where(k != y[n], exp(x[n,k]), 0)\ns[n] = sum[k](a[n,k])"
    program = sg.program(text)
    given = {"x": np.random.default_rng(2).normal(size=(5, 40)), "y": np.arange(5)}
    agree(program, program.compile(parallel=False), **given)
    assert program.evaluate(**given)["s"][0] < np.exp(given["x"][0]).sum()


@pytest.mark.parametrize("length", [3, 40, 100])
def test_an_extreme_knows_nan_and_infinity_wherever_they_stand(length):
    program = sg.program("x: input[n, k]\nm[n] = max[k](x[n,k])\nl[n] = min[k](x[n,k])\noutputs: m, l")
    kernel = program.compile(parallel=False)
    x = np.random.default_rng(3).normal(size=(5, length))
    x[1, 0] = x[2, length - 1] = x[3, length // 2] = np.nan
    x[4], x[4, 1] = -np.inf, np.inf
    found = kernel(x=x)
    np.testing.assert_array_equal(found["m"], x.max(1))
    np.testing.assert_array_equal(found["l"], x.min(1))


@pytest.mark.parametrize("parallel", [False, True])
def test_rows_sum_into_small_matrices_and_factors_are_summed_first(parallel):
    program = sg.program(MIXTURE, sizes={"i": 3, "k": 4}).gradient("L")
    kernel, rng = program.compile(parallel=parallel), np.random.default_rng(4)
    text = group(kernel.source, 0)
    assert "dL_dQ" in text and "dL_dmu" not in text  # y is summed over n before it meets Q
    for rows in (1, 65, 200):
        agree(program, kernel, x=rng.normal(size=(rows, 3)), mu=rng.normal(size=(4, 3)), Q=rng.normal(size=(4, 3, 3)))


def test_a_value_and_its_derivative_are_one_pass():
    program = sg.program("x: parameter[n]\ny[n] = tanh(x[n])\nL = sum[n](y[n])").gradient("L")
    kernel = program.compile(outputs=["y", "dL_dx"])
    assert kernel.source.count("def group_") == 1
    x = np.linspace(-2, 2, 7)
    np.testing.assert_allclose(kernel(x=x)["dL_dx"], 1 - np.tanh(x) ** 2, rtol=1e-14)  # the last places


def test_an_extreme_over_too_many_entries_is_refused():
    system = sg.program(CROSS_ENTROPY).kernel
    with pytest.raises(SymgradError, match=r"over 2\*\*31 entries or more"):
        checks.check_places(system, {Size("N"): 1, Size("K"): 2**31})
