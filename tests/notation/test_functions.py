"""Functions that a program defines for itself mean their formula; mistakes are answered in the user's words."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import NotationError, SymgradError

TEXT = """
x: input[n]
w: parameter
swish(x, beta) = x*sigmoid(beta*x)
twice(x) = swish(swish(x, 2), 1)
y[n] = twice(w*x[n]) + max[i, i <= n](swish(x[i], w))
L = mean[n](y[n]**2)
"""


def test_a_call_means_its_formula():
    def swish(x, beta):
        return x / (1 + np.exp(-beta * x))

    x, w = np.random.default_rng(0).normal(size=6), 0.7
    y = swish(swish(w * x, 2), 1) + np.maximum.accumulate(swish(x, w))
    program = sg.program(TEXT)
    assert float(program.evaluate(x=x, w=w)["L"]) == pytest.approx((y**2).mean(), rel=1e-13)
    assert program.gradient("L").verify(kernel=False).ok


def test_a_function_may_take_a_name_of_the_table():
    assert sg.program("relu(x) = x**2\ny = relu(-3)").evaluate()["y"] == 9


def test_in_matrix_notation():
    program = sg.program("A: input[i, j]\nx: parameter[j]\nhalf(t) = t/2\ny = half(A @ x)")
    A, x = np.random.default_rng(1).normal(size=(2, 3)), np.arange(3.0)
    np.testing.assert_allclose(program.evaluate(A=A, x=x)["y"], A @ x / 2, rtol=1e-14)


@pytest.mark.parametrize(
    "text, message",
    [
        ("f(x) = sum[i](x)\ny = f(1)", "a function is of scalars: its formula has no brackets."),
        ("f(x, x) = x\ny = f(1)", "f needs names in the parentheses, each once."),
        ("f(x) = x\ny = f(1, 2)", "f takes 1 argument, not 2."),
        ("n: input\nf(x) = n*x\ny = f(1)", "Add it to the parentheses: f(x, n) = ..."),
        ("f(x) = x\nf(x) = 2*x\ny = f(1)", "f is defined twice."),
        ("f(x) = f(x)\ny = f(1)", "f is not a function of the notation."),
        ("f(x) = x*x\ny = " + "f(" * 30 + "2" + ")" * 30, "a formula is too long once its functions are put in."),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(SymgradError) as caught:
        sg.program(text)
    assert message in str(caught.value)


def test_a_left_side_that_is_neither_is_still_refused():
    with pytest.raises(NotationError, match="f needs names in the parentheses"):
        sg.program("f(2) = 3")
    with pytest.raises(NotationError, match="the left side is not a tensor"):
        sg.program("x + 1 = 3")


def test_short_names_mean_what_numpy_gives_them():
    text = """
        x: parameter[n, i]
        a[n,i] = log2(x[n,i]) + log10(x[n,i]) + rsqrt(x[n,i]) + clip(x[n,i], 1, 2) + atan(x[n,i]) + sinh(x[n,i])
        v[n] = var[i](x[n,i])
        s[n] = std[i, i > 0](x[n,i])
        low[n] = argmin[i](x[n,i])
        L = sum[n,i](a[n,i]) + sum[n](v[n]*s[n])
        outputs: a, v, s, low, L
    """
    program = sg.program(text)
    x = np.random.default_rng(0).uniform(0.5, 3.0, size=(4, 5))
    got = program.evaluate(x=x)
    expected = np.log2(x) + np.log10(x) + x**-0.5 + np.clip(x, 1, 2) + np.arctan(x) + np.sinh(x)
    np.testing.assert_allclose(got["a"], expected, rtol=1e-14)  # a few roundings
    np.testing.assert_allclose(got["v"], x.var(axis=1), rtol=1e-13)
    np.testing.assert_allclose(got["s"], x[:, 1:].std(axis=1), rtol=1e-13)
    np.testing.assert_array_equal(got["low"], x.argmin(axis=1))
    assert program.gradient("L").verify(kernel=False).ok


@pytest.mark.parametrize(
    "formula, message",
    [
        ("arctan(x)", "Write atan(x)."),
        ("cumsum[i](x)", "Write a guard: S[i] = sum[j, j <= i](x[j])."),
        ("norm[i](x)", "norm2(x) in an equation without indices"),
        ("argmin[i,j](x)", "Write argmin[k](z[k])."),
    ],
)
def test_names_of_other_libraries_are_answered_by_what_to_write(formula, message):
    with pytest.raises(SymgradError) as caught:
        sg.program(f"x: input\ny = {formula}")
    assert message in str(caught.value)


def test_ragged_lists_are_refused_by_name():
    with pytest.raises(SymgradError, match="the rows of x differ in length"):
        sg.program("x: input[i, j]\ny = sum[i,j](x[i,j])").evaluate(x=[[1.0], [2.0, 3.0]])
