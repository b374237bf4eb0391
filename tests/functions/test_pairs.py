"""Complement pairs, SymPy's heads in and out, errors of jumps."""

from __future__ import annotations

import mpmath
import pytest
import sympy
from sympy import Symbol

from symgrad.errors import DifferentiationError
from symgrad.functions import COMPLEMENTS, apply, complement_of, stop, to_sympy, translate
from symgrad.functions.evaluate import precise
from symgrad.functions.heads import polygamma, sech, sigmoid, tanh
from symgrad.functions.row import X

x = Symbol("x", real=True)
y = Symbol("y", real=True)


@pytest.mark.parametrize("pair", COMPLEMENTS, ids=str)
def test_pairs_add_up_to_one(pair):
    with mpmath.workdps(40):
        for at in (-3, -0.25, 0.5, 7):
            assert abs(sum(precise(p, {X: at}) for p in pair) - 1) < mpmath.mpf("1e-38")


def test_complement_of():
    assert complement_of(sigmoid(-x)) == 1 - sigmoid(x)
    assert complement_of(sech(x + y) ** 2) == 1 - tanh(x + y) ** 2
    assert complement_of(apply("erfc", x)) == 1 - apply("erf", x)
    for other in (sigmoid(x), sech(x), sech(x) ** 3, x, apply("erf", x)):
        assert complement_of(other) is None


def test_translate_there_and_back():
    ours = translate(sympy.tanh(x) + sympy.Abs(y) + sympy.Max(x, y, 1) + sympy.erf(x))
    assert {f.func.__name__ for f in ours.atoms(sympy.Function)} == {"tanh", "abs", "maximum", "erf"}
    assert to_sympy(ours) == sympy.tanh(x) + sympy.Abs(y) + sympy.Max(x, y, 1) + sympy.erf(x)
    cases = translate(sympy.Piecewise((x, x > 0), (-x, True)))
    assert cases == apply("where", x > 0, x, -x)


def test_a_jump_is_an_error_with_a_fix():
    with pytest.raises(DifferentiationError) as caught:
        (y * apply("sign", x)).diff(x)
    assert str(caught.value) == (
        "sign jumps at 0, so it has no derivative there.\n"
        "    sign(x)\n"
        "    Write stop(sign(x)) if it is to count as a constant."
    )
    assert (y * stop(apply("sign", x))).diff(x) == 0


def test_an_order_is_not_differentiated():
    with pytest.raises(DifferentiationError, match="polygamma is not differentiated by argument 1"):
        polygamma(x, y).diff(x)


def test_bodies_differentiate_to_stable_forms():
    assert (y * apply("silu", 2 * x)).diff(y) == apply("silu", 2 * x)
    assert apply("relu", x).diff(x).diff(x) == 0
    assert apply("abs", x).diff(x).diff(x) == 0
    assert apply("maximum", x, x).diff(x) == 1
