"""Ranges of SymPy's indices. `Sum(f, (i, a, b))` runs over a <= i <= b; here an index runs over 0 .. size-1.

A bound symbol is written as `start + index`, so that every position keeps the value that the user wrote. An end that
depends on an index bound before becomes a guard: `Sum(x[j], (j, 0, i))` is sum[j, j <= i](x[j]).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sympy import Dummy, Expr, Ge, Le, S, expand
from sympy.logic.boolalg import Boolean

from ...ir.access import Index, index_symbols


class Limits(NamedTuple):
    """low <= index <= high; both may depend on the indices that were bound before."""

    index: Index
    low: Expr
    high: Expr


class Bound(NamedTuple):
    """A bound symbol: its value is `start + limits.index`, which runs over 0 .. size-1 where the guards hold."""

    start: Expr
    limits: Limits
    size: Expr
    guards: tuple[Boolean, ...]


class Backwards(ValueError):
    """A range whose end may lie before its beginning, for which SymPy's convention is a negative sum."""


def bound(index: Index, low: Expr, high: Expr, outer: Sequence[Limits]) -> Bound:
    """The range low <= symbol <= high. Raises Backwards, and ValueError for ends that have no largest value."""
    width = expand(high - low + 1)
    if width.is_negative or (index_symbols(width) and not nonnegative(extreme(width, outer, -1))):
        raise Backwards
    start, end = extreme(low, outer, -1), extreme(high, outer, 1)
    limits = Limits(index, expand(low - start), expand(high - start))
    guards = []
    if limits.low != 0:
        guards.append(Ge(index, limits.low))
    if index_symbols(high):
        guards.append(Le(index, limits.high))
    return Bound(start, limits, expand(end - start + 1), tuple(guards))


def extreme(expr: Expr, limits: Sequence[Limits], sign: int) -> Expr:
    """The largest (sign 1) or least (sign -1) value of an affine expression over the ranges, innermost last."""
    for index, low, high in reversed(limits):
        slope: Expr = expr.coeff(index, 1)  # pyright: ignore[reportAssignmentType]
        if slope == 0:
            continue
        if not slope.is_nonnegative and not slope.is_nonpositive:
            raise ValueError(f"the sign of {slope} is not known")
        expr = expand(expr.xreplace({index: high if (slope * sign).is_nonnegative else low}))
    return expr


def nonnegative(expr: Expr) -> bool:
    """Is it >= 0 for all sizes >= 1, for certain?"""
    shifted = {s: 1 + Dummy(integer=True, nonnegative=True) for s in expr.free_symbols}
    return bool(expand(expr.xreplace(shifted)).is_nonnegative)


def least(candidates: Sequence[Expr], sign: int = 1) -> Expr | None:
    """The least (sign 1) or largest (sign -1) of some expressions in sizes, where that is certain."""
    distinct = list(dict.fromkeys(candidates))
    for one in distinct:
        if all(nonnegative(expand(sign * (other - one))) for other in distinct):
            return one
    return None


def infinite(*ends: Expr) -> bool:
    return any(e.has(S.Infinity, S.NegativeInfinity) for e in ends)
