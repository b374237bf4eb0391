"""Limits, and derivatives from their definition, against known values and the rules."""

import pytest
import sympy

import symgrad as sg
from symgrad.calculus.scalar import limit as limits
from symgrad.calculus.scalar.definition import by_definition
from symgrad.calculus.scalar.derivative import derivative
from symgrad.calculus.scalar.limit import LHOPITAL

x = sympy.Symbol("x", real=True)
oo = sympy.oo


@pytest.mark.parametrize(
    ("formula", "point", "side", "value"),
    [
        ("sin(x)/x", 0, "both", 1),
        ("(exp(x) - 1)/x", 0, "both", 1),
        ("(1 - cos(x))/x**2", 0, "both", sympy.Rational(1, 2)),
        ("(x - sin(x))/x**3", 0, "both", sympy.Rational(1, 6)),
        ("(x**2 - 1)/(x - 1)", 1, "both", 2),
        ("(sqrt(4 + x) - 2)/x", 0, "both", sympy.Rational(1, 4)),
        ("log(x)/x", "oo", "both", 0),
        ("x*log(x)", 0, "+", 0),
        ("x**2*exp(-x)", "oo", "both", 0),
        ("(2*x**2 + 1)/(x**2 - x)", "oo", "both", 2),
        ("(1 + 1/x)**x", "oo", "both", sympy.E),
        ("sqrt(x**2 + x) - x", "oo", "both", sympy.Rational(1, 2)),
        ("x*sin(1/x)", 0, "both", 0),
        ("1/x", 0, "+", oo),
        ("1/x", 0, "-", -oo),
        ("1/x**2", 0, "both", oo),
        ("tanh(x)", "oo", "both", 1),
        ("exp(x)/x**3", "oo", "both", oo),
    ],
)
@pytest.mark.row("A1")
def test_limits(formula, point, side, value):
    report = sg.limit(formula, "x", point, side)
    assert report.value == value and report.replays()


@pytest.mark.parametrize(
    ("formula", "point"),
    [("1/x", 0), ("abs(x)/x", 0), ("sin(1/x)", 0), ("sin(x)", "oo"), ("where(x > 0, 1, 0)", 0)],
)
def test_where_there_is_no_limit_none_is_given(formula, point):
    with pytest.raises(sg.SymgradError, match="cannot decide this limit"):
        sg.limit(formula, "x", point)


def test_lhopital_says_which_form():
    report = sg.limit("log(x)/x", "x", "oo")
    (step,) = [s for s in report.steps if s.rule is LHOPITAL]
    assert step.note == "both tend to infinity"


def test_a_wrong_limit_contradicts_the_numbers():
    with pytest.raises(sg.errors.CheckError, match="values near the point differ"):
        limits.compare(sympy.sin(x) / x, x, sympy.S.Zero, 0, sympy.Integer(2))


def test_lhopital_needs_its_condition():
    """cos(x)/x is 1/0, not 0/0: the slopes would give 0."""
    with pytest.raises(sg.SymgradError, match="cannot decide"):
        sg.limit("cos(x)/x", "x", 0)


@pytest.mark.parametrize(
    "f",
    [
        x**5 - 3 * x, sympy.sqrt(x), 1 / x, x**-3, x ** sympy.Rational(1, 3), sympy.exp(x), sympy.log(x), sympy.sin(x),
        sympy.cos(x), sympy.tan(x), 2**x, sympy.exp(x**2), sympy.sin(x) * sympy.exp(x), 1 / (1 + x**2),
        sympy.sqrt(1 + x**2), x * sympy.log(x), sympy.sin(3 * x + 1),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.row("A1")
def test_the_definition_and_the_rules_agree(f):
    found = by_definition(f, x)
    assert found.replays() and found.steps[0].rule.name == "definition"
    assert all(step.rule is not LHOPITAL for step in found.steps)  # it would be circular
    gap = (found.result - derivative(f, x).result).subs(x, sympy.Rational(7, 10))
    assert abs(gap.evalf(30)) < 1e-20


def test_what_algebra_does_not_decide_is_said():
    with pytest.raises(sg.SymgradError, match="not decided by algebra"):
        sg.explain("abs(x)", "x", definition=True)
