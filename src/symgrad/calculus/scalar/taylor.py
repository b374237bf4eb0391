"""Taylor's formula to any order, with Lagrange's remainder; each coefficient by the rules of differentiation.

>>> x = Symbol("x", real=True)
>>> taylor(sympy.exp(x), x, sympy.S.Zero, 3).polynomial
x**3/6 + x**2/2 + x + 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath
import sympy
from sympy import Add, Expr, Rational, Symbol

from ...errors import CheckError, SymgradError, explain
from . import check
from .derivative import derivative
from .steps import Calculation, tidy
from .tends import tends

HIGHEST = 40


@dataclass(frozen=True)
class Expansion:
    """f(x) = polynomial + remainder, the remainder being slope(xi) (x - a)^(n+1)/(n+1)! for a xi between a and x."""

    polynomial: Expr
    remainder: Expr
    coefficients: tuple[Expr, ...]
    derivatives: tuple[Calculation, ...]  # of f, f', ...: one more than the order
    between: Symbol
    checked: int


def taylor(f: Expr, x: Symbol, a: Expr, order: int) -> Expansion:
    """The expansion of f about a. Raises SymgradError where a derivative has no value at a."""
    if not isinstance(order, int) or not 0 <= order <= HIGHEST:
        raise SymgradError(f"the order is a whole number from 0 to {HIGHEST}, not {order!r}.")
    slopes, calculations = [f], []
    for _ in range(order + 1):
        calculations.append(derivative(slopes[-1], x))
        slopes.append(calculations[-1].result)
    coefficients = tuple(_at(s, x, a) / sympy.factorial(k) for k, s in enumerate(slopes[:-1]))
    polynomial = Add(*(c * (x - a) ** k for k, c in enumerate(coefficients)))
    xi = Symbol("xi" if "xi" not in {s.name for s in f.free_symbols} else "xi_", real=True)
    remainder = slopes[-1].xreplace({x: xi}) * (x - a) ** (order + 1) / sympy.factorial(order + 1)
    return Expansion(polynomial, remainder, coefficients, tuple(calculations), xi, _compare(f, x, a, polynomial, order))


def _at(slope: Expr, x: Symbol, a: Expr) -> Expr:
    value = tends(slope, x, a, 0)
    if value is None or value.is_finite is False or value.has(sympy.oo, sympy.nan):
        summary = f"there is no expansion about {x} = {a}: a derivative has no value there."
        raise SymgradError(explain(summary, str(slope)))
    return tidy(value)


def _compare(f: Expr, x: Symbol, a: Expr, polynomial: Expr, order: int) -> int:
    """Halving the distance divides f - polynomial by about 2^(order + 1): at how many points that is seen."""
    compared = 0
    for point in check.points((f.free_symbols | polynomial.free_symbols) - {x}):
        gaps = [_gap(f, polynomial, {**point, x: check.value(a + Rational(1, 4**k), point)}) for k in (4, 5)]
        if None in gaps:
            continue
        floor = mpmath.mpf("1e-22")  # 30 digits less what f and polynomial lose together
        if gaps[0] > floor and gaps[1] > gaps[0] / 2 ** (2 * order + 1):
            raise CheckError(explain("the polynomial does not follow the function to this order.", f"{polynomial}"))
        compared += 1
        if compared >= check.ENOUGH or not point:
            break
    return compared


def _gap(f: Expr, polynomial: Expr, point: dict) -> Any:
    first, second = check.value(f, point), check.value(polynomial, point)
    return None if first is None or second is None else abs(first - second)
