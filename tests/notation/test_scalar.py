"""Formulas of scalars, from text and from SymPy."""

import numpy as np
import pytest
import sympy
from sympy import Rational, Symbol, symbols

from symgrad import notation
from symgrad.errors import NotationError, SymgradError, UnknownNameError
from symgrad.ir.interpret import interpret

X, Y = symbols("x y", real=True)


def test_text_is_read():
    assert notation.scalar("x**2 + y**2") == X**2 + Y**2
    assert notation.scalar("0.1*x - pi") == X / 10 - sympy.pi
    assert notation.scalar("sqrt(x**2 + 1)/3") == sympy.sqrt(X**2 + 1) / 3
    assert notation.scalar("e*x", names=["e", "x"]) == Symbol("e", real=True) * X


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("x + z", UnknownNameError, "z is not declared.\n    x + z\n        ^\n    The names are x, y."),
        ("sinn(x)", UnknownNameError, "sinn is not a function of the notation."),
        ("sum[i](x)", NotationError, "this formula is of scalars: it has no indices."),
        ("x[0]", NotationError, "this formula is of scalars: it has no indices."),
        ("x) + (y", NotationError, "a closing bracket has no opening one."),
        ("(x", NotationError, "a bracket is never closed."),
        ("1/0", NotationError, "this divides by zero."),
        ("__import__(x)", NotationError, "__import__ is not a name of the notation."),
        ("", NotationError, "a formula is missing."),
    ],
)
def test_errors(text, kind, expected):
    with pytest.raises(kind) as caught:
        notation.scalar(text, names=["x", "y"])
    assert str(caught.value).startswith(expected)


def value(expr, **at):
    system = notation.from_scalar(expr, [X])
    return float(interpret(system, at)["f"])


P = sympy.Piecewise((X**2, X < 0), (X, X < 1), (1, True))


@pytest.mark.parametrize("point", [-1.5, -0.25, 0.5, 2.0])
@pytest.mark.parametrize(
    "expr",
    [
        X**2 + 3, sympy.tanh(X), sympy.Abs(X), sympy.sign(X), sympy.Max(X, 0, X**2), sympy.Min(X, 1), P, sympy.sinh(X),
        sympy.cosh(X), sympy.coth(X), sympy.sech(X), sympy.csch(X), sympy.sec(X), sympy.csc(X), sympy.cot(X),
        sympy.erf(X),
        sympy.erfc(X), sympy.sqrt(X**2), sympy.Heaviside(X), 0.1 * X, sympy.exp(X) * sympy.log(X**2), sympy.re(X),
        sympy.loggamma(X**2 + 1), sympy.digamma(X**2 + 1), sympy.polygamma(1, X**2 + 1), sympy.sinc(X),
    ],
    ids=str,
)  # fmt: skip
def test_sympy_heads_keep_their_value(expr, point):
    # SymPy's own value at 30 digits; 1e-13: a few roundings of float64, with condition numbers up to 10
    np.testing.assert_allclose(value(expr, x=point), float(expr.subs(X, Rational(point)).evalf(30)), rtol=1e-13)


def test_roles():
    system = notation.from_scalar(X**2 * Y + Symbol("f"), [X])
    assert system.tensors["x"].role == "parameter"
    assert system.tensors["y"].role == system.tensors["f"].role == "input"
    assert system.outputs == ("value",)
    assert notation.from_scalar(X, ["x", "unused"]).tensors["unused"].role == "parameter"


@pytest.mark.parametrize("expr", [sympy.airyai(X), sympy.Function("g")(X), sympy.atan2(X, Y)], ids=str)
def test_functions_outside_the_table_are_refused(expr):
    with pytest.raises(UnknownNameError, match="is not a function of the table"):
        notation.from_scalar(expr, [X])


def test_what_has_no_value_is_refused():
    for expr in (sympy.Piecewise((X, X > 0)), sympy.nan * X, sympy.I * X):
        with pytest.raises(SymgradError):
            notation.from_scalar(expr, [X])
