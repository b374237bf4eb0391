"""What an expression tends to, part by part, with the arithmetic of infinities; None where that does not decide.

Sums, products, powers and continuous functions of what the parts tend to. 0/0, inf/inf, 0 inf, inf - inf, 1^inf give
None, and so does what oscillates, except beside a factor that tends to 0.

>>> from sympy import atan, oo
>>> x = Symbol("x", real=True)
>>> tends(atan(x) + 1/x, x, oo, 0), tends(1/x, x, S.Zero, 1), tends(1/x, x, S.Zero, 0) is None
(pi/2, oo, True)
"""

from __future__ import annotations

from functools import reduce

import sympy
from sympy import Add, Expr, Function, Mul, Pow, S, Symbol, exp, log

from ...functions import to_sympy, where
from ...functions.heads import ScalarFunction
from . import check

UNBOUNDED = (S.Infinity, S.NegativeInfinity)
BOUNDED = (sympy.sin, sympy.cos, sympy.atan, sympy.tanh, sympy.erf, sympy.sign)
JUMPS = (sympy.floor, sympy.ceiling, sympy.sign, sympy.Heaviside, sympy.Piecewise)


def tends(f: Expr, x: Symbol, point: Expr, side: int) -> Expr | None:
    """The limit of f for x -> point, or None."""
    return _tends(to_sympy(f) if f.has(ScalarFunction, where) else f, x, point, int(side))


def _tends(f: Expr, x: Symbol, point: Expr, side: int) -> Expr | None:
    if x not in f.free_symbols:
        return f
    if f == x:
        return point
    if f.has(*JUMPS):
        return None
    if isinstance(f, Mul):
        return _product(f, x, point, side)
    if isinstance(f, Pow) and not isinstance(f, exp):
        return _power(f, x, point, side)
    parts = [_tends(a, x, point, side) for a in f.args]
    if any(p is None for p in parts):
        return None
    if isinstance(f, Add):
        return _finite_or_infinite(Add(*parts))
    return _function(f, parts, x, point, side)


def _finite_or_infinite(value: Expr) -> Expr | None:
    return None if value.has(S.NaN, S.ComplexInfinity) or not _plain(value) else value


def _plain(value: Expr) -> bool:
    """A finite expression, or one of the two infinities alone."""
    return value in UNBOUNDED or not value.has(*UNBOUNDED)


def _product(f: Mul, x: Symbol, point: Expr, side: int) -> Expr | None:
    parts = [_tends(a, x, point, side) for a in f.args]
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        rest = [a for a, p in zip(f.args, parts) if p is None]
        vanishing = known and all(p not in UNBOUNDED for p in known) and any(zero(p) for p in known)
        return S.Zero if vanishing and all(isinstance(a, BOUNDED) for a in rest) else None
    if any(p in UNBOUNDED for p in parts):
        signs = [_sign(p) for p in parts]
        return S.Infinity * reduce(lambda a, b: a * b, signs) if None not in signs and 0 not in signs else None
    return Mul(*parts)


def _sign(value: Expr) -> int | None:
    if value in UNBOUNDED:
        return 1 if value is S.Infinity else -1
    if zero(value):
        return 0
    return 1 if value.is_positive else -1 if value.is_negative else None


def _power(f: Pow, x: Symbol, point: Expr, side: int) -> Expr | None:
    base, exponent = (_tends(a, x, point, side) for a in f.args)
    if base is None or exponent is None:
        return None
    if base in UNBOUNDED or exponent in UNBOUNDED:
        return _infinite_power(base, exponent, f, x)
    if zero(base):
        return _power_of_zero(f, exponent, x, point, side)
    if f.exp.is_Integer or base.is_positive:
        return base**exponent
    return None if base.is_negative else base**exponent  # a root of a symbol: where it is real


def _infinite_power(base: Expr, exponent: Expr, f: Pow, x: Symbol) -> Expr | None:
    if x not in f.exp.free_symbols and base in UNBOUNDED:
        if exponent.is_negative:
            return S.Zero
        if not exponent.is_positive or not (base is S.Infinity or exponent.is_Integer):
            return None
        return base**exponent
    if x not in f.base.free_symbols and base.is_positive and base.is_number and base != 1:
        grows = (base > 1) == (exponent is S.Infinity)
        return S.Infinity if grows else S.Zero
    return None


def _power_of_zero(f: Pow, exponent: Expr, x: Symbol, point: Expr, side: int) -> Expr | None:
    if x in f.exp.free_symbols:
        return None
    if exponent.is_positive:
        return S.Zero
    if not exponent.is_negative:
        return None
    if exponent.is_Integer and exponent % 2 == 0:
        return S.Infinity
    signs = {_sign_beside(f.base, x, point, s) for s in ((side,) if side or point in UNBOUNDED else (1, -1))}
    sign = signs.pop() if len(signs) == 1 else None
    if sign is None or (sign < 0 and not exponent.is_Integer):
        return None
    return S.Infinity * sign


def _sign_beside(f: Expr, x: Symbol, point: Expr, side: int) -> int | None:
    """The sign of f beside one of its zeros: that of its lowest derivative that is not 0, times side**order."""
    if point in UNBOUNDED:
        return None
    for order in range(1, 7):
        slope = f.diff(x, order).subs(x, point)
        if slope.is_zero is False and slope.is_extended_real and (slope.is_positive or slope.is_negative):
            return (1 if slope.is_positive else -1) * side**order
        if not zero(slope):
            return None
    return None


def _function(f: Function, parts: list[Expr], x: Symbol, point: Expr, side: int) -> Expr | None:
    if isinstance(f, log) and zero(parts[0]):
        one_sided = side or f.args[0].is_nonnegative
        return S.NegativeInfinity if one_sided and _sign_beside(f.args[0], x, point, side) == 1 else None
    value = f.func(*parts)
    if value.has(sympy.AccumBounds) or value.is_extended_real is False:
        return None
    value = _finite_or_infinite(value)
    if value is None or (isinstance(f, (sympy.gamma, sympy.tan, sympy.cot)) and not value.is_finite):
        return None
    return value


def zero(value: Expr) -> bool:
    """Is it 0: proved, or (for a number or a formula in symbols) in 30 digits at every point?"""
    if value.is_zero is not None:
        return value.is_zero
    return not value.has(*UNBOUNDED) and check.agree(value, S.Zero) not in (None, 0)
