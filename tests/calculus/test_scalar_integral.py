"""Antiderivatives, definite integrals and expansions: differentiated, compared with quadrature, wrong ones refused."""

import pytest
import sympy
from sympy import Abs, exp, log, oo, pi, sqrt

import symgrad as sg
from symgrad.calculus.scalar import antiderivative, check, integral
from symgrad.calculus.scalar.operators import Antiderivative, Definite, Series
from symgrad.calculus.scalar.steps import Work

x, y, m = sympy.symbols("x y m", real=True)
a, b = sympy.symbols("a b", positive=True)

PRIMITIVES = {
    x**3 - 2 * x: "power rule",
    x * exp(x): "integration by parts",
    exp(x) * sympy.sin(x): "integration by parts until the integral returns",
    x / (1 + x**2): "substitution",
    1 / (x**2 - 1): "integrand rewritten",
    sympy.sin(x) ** 2: "integrand rewritten",
    1 / x: "integral of 1/x",
    1 / (1 + x**2): "table",
    exp(-(x**2)): "table",
    sqrt(1 - x**2): "table",
    x * exp(-a * x): "substitution",
    (x + 1) / (x**3 + x): "integrand rewritten",
}


@pytest.mark.parametrize("f", PRIMITIVES, ids=str)
@pytest.mark.row("A7")
def test_antiderivatives(f):
    report = sg.integral(f, x)
    assert report.replays() and PRIMITIVES[f] in [s.rule.name for s in report.steps]
    assert check.agree(report.value.diff(x), f) >= 2


def test_the_logarithm_is_right_on_both_sides_of_zero():
    assert sg.integral("1/x", "x").value == log(Abs(x))


DEFINITE = [
    (Definite(x**2, x, 0, 3), 9),
    (Definite(sympy.sin(x), x, 0, pi), 2),
    (Definite(1 / sqrt(x), x, 0, 1), 2),
    (Definite(log(x), x, 0, 1), -1),
    (Definite(1 / (1 + x**2), x, -oo, oo), pi),
    (Definite(Abs(x - 1), x, 0, 3), sympy.Rational(5, 2)),
    (Definite(x, x, a, b), (b**2 - a**2) / 2),
    (Definite(x**2 * exp(-((x - m) ** 2) / (2 * b**2)), x, -oo, oo), sqrt(2 * pi) * b * (m**2 + b**2)),
    (Definite(exp(-Abs(x - m) / b), x, -oo, oo), 2 * b),
    (Definite(x ** (a - 1) * exp(-b * x) * log(x), x, 0, oo), sympy.gamma(a) * (sympy.digamma(a) - log(b)) / b**a),
    (Definite(exp(-x) * log(x) ** 2, x, 0, oo), sympy.EulerGamma**2 + pi**2 / 6),
    (Definite(Definite(x * y**2, x, 0, y), y, 0, 2), sympy.Rational(16, 5)),
    (Definite(Definite(exp(-(x**2) - x * y - y**2), x, -oo, oo), y, -oo, oo), 2 * pi / sqrt(3)),
    (Series(x**2, x, 1, 5), 55),
]


@pytest.mark.parametrize(("question", "value"), DEFINITE, ids=lambda q: str(q))
@pytest.mark.row("A7")
def test_definite_integrals(question, value):
    found = integral.integrate(question)
    assert found.replays() and found.checked >= 1
    assert check.agree(found.result, sympy.sympify(value)) not in (None, 0)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Definite(1 / x, x, 1, oo), "diverges"),
        (Definite(1 / x**2, x, -1, 1), "quadrature differ"),  # F(b) - F(a) is -2: F jumps inside
        (Definite(1 / x, x, -1, 1), "cannot be checked"),
        (Definite(sympy.sin(x), x, 0, oo), "cannot decide"),
        (Definite(x**x, x, 0, 1), "cannot decide"),
    ],
    ids=str,
)
def test_what_diverges_or_is_unknown_is_refused(question, message):
    with pytest.raises(sg.SymgradError, match=message):
        integral.integrate(question)


def test_the_integral_that_sympy_gets_wrong():
    """SymPy 1.14 gives -1; the integrand is 1."""
    question = Definite(sqrt(2 - x) * sqrt(1 / (2 - x)), x, 0, 1)
    with pytest.raises(sg.errors.CheckError, match="quadrature differ"):
        integral.compare(question, sympy.Integer(-1))
    try:
        assert integral.integrate(question).result == 1
    except sg.SymgradError as error:
        assert "cannot decide" in str(error)


def test_a_wrong_step_is_refused():
    node = Antiderivative(x * exp(x), x)
    with pytest.raises(sg.errors.CheckError, match="its derivative is not the integrand"):
        antiderivative.TABLE.replace((Work(node, x * exp(x)),), node)
    with pytest.raises(sg.errors.CheckError, match="its derivative is not the integrand"):
        antiderivative.PARTS.replace((Work(node, (x, 2 * exp(x))),), node)


def test_ranges_as_text():
    assert sg.integral("exp(-a*x**2)", ("x", "-oo", "oo"), positive=["a"]).value == sqrt(pi) / sqrt(a)
    assert sg.integral("relu(x)", ("x", -1, 2)).value == 2
    with pytest.raises(sg.SymgradError, match="a range is"):
        sg.integral("x", ("x", 0))
    with pytest.raises(sg.SymgradError, match="integrate over what"):
        sg.integral("x")


@pytest.mark.row("A9")
def test_taylor():
    report = sg.taylor("log(1 + x)", "x", 0, 4)
    assert report.value == -(x**4) / 4 + x**3 / 3 - x**2 / 2 + x and report.replays()
    assert sg.taylor("sqrt(x)", "x", 1, 1).value == sympy.Rational(1, 2) + x / 2  # the linearisation
    assert r"\xi" in report.latex()
    with pytest.raises(sg.SymgradError, match="no expansion about x = 0"):
        sg.taylor("log(x)", "x", 0, 2)
    with pytest.raises(sg.SymgradError, match="the order is a whole number"):
        sg.taylor("x", "x", 0, -1)
