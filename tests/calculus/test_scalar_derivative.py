"""sg.explain: each derivative against SymPy's, each step replayed, and wrong rules caught."""

from dataclasses import replace

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symgrad as sg
from symgrad.calculus.patience import within
from symgrad.calculus.scalar import check, derivative
from symgrad.calculus.scalar.derivative import DERIVED_BY_SYMPY
from symgrad.calculus.scalar.steps import rule

x, y = sympy.symbols("x y", real=True)


def names(report):
    return [step.rule.name for step in report.steps]


def test_the_chain_rule_names_what_is_inside():
    report = sg.explain("(3*x + 2)**2", "x")
    assert report.value == sympy.factor_terms(18 * x + 12) and names(report)[0] == "chain rule"
    assert report.steps[0].note == "with $u = 3 x + 2$"
    assert report.replays()


@pytest.mark.parametrize(
    ("formula", "rules"),
    [
        ("7", {"constant rule"}),
        ("5*x", {"constant multiple rule"}),
        ("x**3", {"power rule"}),
        ("x + sin(x)", {"sum rule", "trigonometric rule"}),
        ("x*exp(x)", {"product rule", "derivative of exp"}),
        ("x/(1 + x**2)", {"quotient rule"}),
        ("log(x)/x", {"quotient rule", "derivative of log"}),
        ("2**x", {"exponential rule"}),
        ("x**x", {"logarithmic differentiation", "product rule"}),
        ("sigmoid(x)", {"derivative of sigmoid"}),
        ("logaddexp(x, 2*x)", {"chain rule, several variables"}),
        ("where(x > 0, x, 0)", {"case by case"}),
        (sympy.atan(x) * sympy.sinh(x), {"derivative of atan", "derivative of sinh"}),
    ],
    ids=lambda value: None if isinstance(value, set) else str(value),  # sets have no order
)
@pytest.mark.row("A2")
def test_each_rule_is_named_where_it_is_used(formula, rules):
    report = sg.explain(formula, "x" if isinstance(formula, str) else x)
    assert rules <= set(names(report)) and report.replays()


def test_higher_orders_and_partial_derivatives():
    assert sg.explain("x**4", "x", 3).value == 24 * x
    assert sg.explain("sin(x)*y", "x", 2).value == -y * sympy.sin(x)
    assert [sg.explain("x**2 + y**2", v).value.subs({x: 3, y: 4}) for v in ("x", "y")] == [6, 8]


@pytest.mark.row("A4")
def test_named_intermediates_sum_over_the_paths():
    report = sg.explain("u = x**2; v = sin(x); w = u*v; L = w + u", "x")
    assert names(report)[0] == "chain rule over the paths"
    want = sympy.diff(x**2 * sympy.sin(x) + x**2, x)
    assert check.agree(report.value, want) >= 3 and report.replays()


def test_plain_symbols_come_back():
    t = sympy.Symbol("t")
    assert sg.explain(t**3, t).value == 3 * t**2


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("sign(x)", "sign jumps at 0, so it has no derivative there"),
        ("where(x > 0, 1, 2)*x", "the two cases differ at x = 0"),
        ("foo(x)", "foo is not a function of the notation"),
        (sympy.floor(x), "floor jumps, so it has no derivative there"),
        (sympy.Function("f")(x), "f is not a function of the table"),
        ([1, 2], "a formula is text or a SymPy expression"),
        ("a = b; c = a", None),
        ("a = a", "used before this line or defined twice"),
    ],
    ids=str,
)
def test_errors_of_the_house(formula, message):
    if message is None:
        assert sg.explain(formula, "b").value == 1
        return
    with pytest.raises(sg.SymgradError, match=message):
        sg.explain(formula, "x")


def test_kinks_are_said():
    assert "at 0 the derivative jumps" in str(sg.explain("abs(x)", "x"))


def test_documents():
    report = sg.explain("x**x*sigmoid(x)", "x")
    assert r"\begin{document}" in report.latex() and "<math" in report.html() and "## References" in report.markdown()
    assert report._repr_latex_().startswith("$$")


# -- random formulas, against SymPy

UNARY = (
    lambda u: u, sympy.sin, sympy.cos, lambda u: sympy.exp(u / 3), lambda u: sympy.log(1 + u**2),
    lambda u: sympy.sqrt(2 + u**2), lambda u: 1 / (2 + u**2), sympy.tanh, sympy.atan, lambda u: u**3,
)  # fmt: skip
LEAVES = st.sampled_from([x, y, x + 1, 2 * x, x**2, sympy.Integer(2), x * y])
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda f, u: f(u), st.sampled_from(UNARY), inner),
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(FORMULAS)
@pytest.mark.row("A2")
def test_random_formulas(formula):
    report = sg.explain(formula, x)
    assert report.replays()
    gap = (report.value - sympy.diff(formula, x)).subs({x: sympy.Rational(7, 10), y: sympy.Rational(-4, 10)})
    assert abs(gap.evalf(30)) < 1e-15  # one formula in two spellings, in 30 digits


# -- negative controls


def test_a_step_that_was_changed_does_not_replay():
    report = sg.explain("x*sin(x)", "x")
    first = replace(report.steps[0], after=report.steps[0].after + 1)
    assert not replace(report, steps=(first, *report.steps[1:])).replays()


def test_a_wrong_rule_is_caught(monkeypatch):
    wrong = rule("product rule", lambda node, data: derivative.Diff(node.body.args[0], node.variable))
    monkeypatch.setattr(derivative, "PRODUCT", wrong)
    with pytest.raises(sg.errors.CheckError, match="derived and SymPy's derivative differ"):
        sg.explain("x*sin(x)", "x")


def test_differences_see_what_sympy_would_not():
    """Independent of SymPy: a slope that is off by a millionth is not the slope."""
    assert check.is_slope(x**3, x, 3 * x**2)
    assert not check.is_slope(x**3, x, 3 * x**2 + sympy.Rational(1, 10**6))


def test_the_limit_on_time():
    with pytest.raises(sg.SymgradError, match="a loop was not decided"), within(0.1, "a loop"):
        while True:
            pass
    with within(60, "nothing"):
        pass


def test_derivatives_that_only_sympy_knows_are_right_by_differences():
    for head in DERIVED_BY_SYMPY:
        call = head(2, x) if head in (sympy.uppergamma, sympy.lowergamma) else head(x)
        assert check.is_slope(call, x, call.diff(x)), head
