"""The value of an expression at one point: in mpmath by the rows' references, in float64 by their kernel spellings.

`spelled` computes what a generated kernel computes, operation by operation, but quietly: where IEEE arithmetic
overflows or divides by zero, un-jitted Python raises, and compiled code does not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import FunctionType, SimpleNamespace
from typing import Any

import mpmath
import numpy as np
from sympy import Add, Basic, Mul, Piecewise, Pow, Rational, Symbol, nan
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from . import special, vector
from .heads import where

RELATIONS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Numbers:
    """A number system: how a constant, a power and a call of a row are computed."""

    constant: Callable[[Basic], Any]
    power: Callable[[Any, Any], Any]
    call: Callable[[Any, list], Any]
    elementary: Callable[[str, list], Any]  # SymPy's own exp, log, sin, cos, tan


def _quiet(function: Callable) -> Callable:
    """A function of `math` that returns what IEEE arithmetic gives where Python raises."""

    def silent(x):
        try:
            return np.float64(function(x))
        except OverflowError:
            return np.float64(np.inf)
        except ValueError:
            return np.float64(np.inf if function is math.lgamma and x == x else np.nan)

    return silent


QUIET_MATH = SimpleNamespace(
    exp=np.exp, log=np.log, log1p=np.log1p, expm1=np.expm1, sqrt=np.sqrt, sin=np.sin, cos=np.cos, tan=np.tan,
    tanh=np.tanh, fabs=np.fabs, copysign=np.copysign, isfinite=np.isfinite, floor=np.floor, inf=np.float64(np.inf),
    nan=np.float64(np.nan), erf=_quiet(math.erf), erfc=_quiet(math.erfc), lgamma=_quiet(math.lgamma),
    gamma=_quiet(math.gamma), asin=np.arcsin, acos=np.arccos, atan=np.arctan, asinh=np.arcsinh,
    acosh=np.arccosh, atanh=np.arctanh,
)  # fmt: skip


@cache
def quiet_source(name: str) -> Callable:
    """The function `name` of `special`, on NumPy scalars and with a `math` that does not raise."""
    names = (*special.needs(name), name)
    scope: dict[str, Any] = {"math": QUIET_MATH}
    for each in names:
        scope[each] = FunctionType(getattr(special, each).__code__, scope)
    return scope[name]


def _spelled_call(row, args: list):
    kernel = row.kernel
    if kernel.kind == "math":
        return getattr(QUIET_MATH, kernel.name)(*args)
    if kernel.kind == "vector":
        return vector.function(kernel.name, "float64")(*args)
    if kernel.kind == "source":
        return np.float64(quiet_source(kernel.name)(*args))
    return _value(kernel.expression, dict(zip(kernel.args, args)), FLOAT)


def _plain(name: str, x):
    """SymPy's own functions: those that kernels compute."""
    return _plain("sin", x) / _plain("cos", x) if name == "tan" else vector.function(name, "float64")(x)


def _float_power(base, exponent):
    if isinstance(exponent, Rational) and exponent == Rational(1, 2):
        return np.sqrt(base)
    if isinstance(exponent, Rational) and exponent.q == 1 and abs(exponent.p) <= 4:
        value = base
        for _ in range(abs(int(exponent.p)) - 1):
            value = value * base
        return value if exponent.p > 0 else np.float64(1.0) / value
    return np.power(base, np.float64(exponent))


def _mp_constant(expr: Basic):
    return expr._to_mpmath(mpmath.mp.prec)


def _mp_power(base, exponent):
    return mpmath.power(base, _mp_constant(exponent) if isinstance(exponent, Rational) else exponent)


FLOAT = Numbers(
    constant=lambda e: np.float64(float(e.evalf(20))),
    power=_float_power,
    call=_spelled_call,
    elementary=lambda name, args: _plain(name, args[0]),
)
MPMATH = Numbers(
    constant=_mp_constant,
    power=_mp_power,
    call=lambda row, args: row.mpmath(*args),
    elementary=lambda name, args: getattr(mpmath, name)(*args),
)


def spelled(expr: Basic, point: Mapping[Symbol, float]) -> float:
    """`expr` at `point` in float64, each function as a kernel computes it."""
    with np.errstate(all="ignore"):
        return float(_value(expr, {s: np.float64(v) for s, v in point.items()}, FLOAT))


def precise(expr: Basic, point: Mapping[Symbol, Any]):
    """`expr` at `point` in mpmath, at the current precision."""
    return _value(expr, {s: mpmath.mpf(v) for s, v in point.items()}, MPMATH)


def _value(expr: Basic, point: Mapping, numbers: Numbers):
    def of(e):
        return _value(e, point, numbers)

    match expr:
        case Symbol():
            return point[expr]
        case BooleanTrue() | BooleanFalse():
            return bool(expr)
        case Relational():
            return RELATIONS[expr.rel_op](of(expr.lhs), of(expr.rhs))
        case And():
            return all(map(of, expr.args))
        case Or():
            return any(map(of, expr.args))
        case Not():
            return not of(expr.args[0])
        case where():
            return of(expr.args[1] if of(expr.args[0]) else expr.args[2])
        case Piecewise():
            pairs: Any = expr.args
            return next((of(value) for value, condition in pairs if of(condition)), numbers.constant(nan))
    if expr.is_number and not expr.has(where):
        return numbers.constant(expr)
    over, under = _fraction(expr)
    match expr:
        case Add():
            return _fold(operator.add, map(of, expr.args))
        case Mul():
            return _quotient([of(a) for a in over], [of(a) for a in under])
        case Pow():
            return numbers.power(of(expr.base), expr.exp if expr.exp.is_Rational else of(expr.exp))
    args = [of(a) for a in expr.args]
    row = getattr(expr.func, "row", None)
    return numbers.call(row, args) if row else numbers.elementary(expr.func.__name__, args)


def _fraction(expr: Basic) -> tuple[list, list]:
    """Factors above and below the line: a/b is one division, not a*(1/b)."""
    under = [a for a in Mul.make_args(expr) if a.is_Pow and a.exp.is_Rational and a.exp < 0]
    return [a for a in Mul.make_args(expr) if a not in under], [1 / a for a in under]


def _quotient(over: list, under: list):
    value = _fold(operator.mul, iter(over)) if over else 1
    return value / _fold(operator.mul, iter(under)) if under else value


def _fold(join: Callable, values):
    total = next(values)
    for value in values:
        total = join(total, value)
    return total
