"""Conditions over index letters: solved for a letter, dropped where a range implies them, compared with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sympy import Eq, Expr, Ne, Not
from sympy.core.relational import Ge, Gt, Le, Lt, Relational
from sympy.logic.boolalg import And, Boolean, BooleanAtom

from ..ir.access import Index, Size


def conjuncts(conditions: Iterable) -> list:
    """The conditions with every `and` taken apart."""
    return [part for c in conditions for part in (c.args if isinstance(c, And) else (c,))]


_FLIPPED = {Ge: Le, Le: Ge, Gt: Lt, Lt: Gt, Eq: Eq, Ne: Ne}


def isolate(condition: Boolean, indices: Sequence[Index]) -> Boolean:
    """A comparison with one index alone on its left: i + k - 1 >= 0 is k >= 1 - i."""
    kind = type(condition)
    if kind not in _FLIPPED or isinstance(condition.rhs, BooleanAtom):
        return condition
    difference = condition.lhs - condition.rhs
    for index in indices:
        for sign in (1, -1):
            rest = difference - sign * index
            if difference.has(index) and not rest.has(index):
                return _whole(kind if sign == 1 else _FLIPPED[kind], index, -sign * rest)
    return condition


def _whole(kind: type[Relational], index: Index, bound: Expr) -> Boolean:
    """i <= N - 1 is i < N, and i > j - 1 is i >= j."""
    constant = bound.as_coeff_Add()[0]
    if constant == -1 and kind in (Le, Gt):
        return {Le: Lt, Gt: Ge}[kind](index, bound + 1)
    if constant == 1 and kind is Lt and bound != 1:
        return Le(index, bound - 1)
    return kind(index, bound)


def implied(condition: Boolean, extents: Mapping[Index, Expr]) -> bool:
    """Does the range of its index say it already: i >= 0, i < I + J where i ends at I? That an axis has an entry,
    T > 0, is not worth saying."""
    if isinstance(condition, Gt | Lt) and condition.lts == 0 and isinstance(condition.gts, Size):
        return True
    if not isinstance(condition, Relational) or condition.lhs not in extents:
        return False
    size, bound = extents[condition.lhs], condition.rhs
    match condition:
        case Ge():
            return bool(bound.is_nonpositive)
        case Lt():
            return bool((bound - size).is_nonnegative)
        case Le():
            return bool((bound + 1 - size).is_nonnegative)
    return False


def exclude(a: Boolean, b: Boolean) -> bool:
    """Can `a` and `b` never hold together? False where it is not plain to see."""
    if a == Not(b):
        return True
    lower, upper = (a, b) if isinstance(a, (Ge, Gt)) else (b, a)
    if not (isinstance(lower, (Ge, Gt)) and isinstance(upper, (Le, Lt)) and lower.lhs == upper.lhs):
        return False
    gap = lower.rhs - upper.rhs + int(isinstance(lower, Gt)) + int(isinstance(upper, Lt))
    return bool(gap.is_positive)


def exhaustive(parts: Sequence[tuple[Boolean, ...]]) -> bool:
    """c1; not c1 and c2; ...; not c(n-1): one of these always holds."""
    for first in parts:
        open_condition, left = first, [p for p in parts if p is not first]
        while len(open_condition) == 1 and left:
            closing = Not(open_condition[0])
            following = next((p for p in left if closing in p), None)
            if following is None:
                break
            left.remove(following)
            open_condition = tuple(c for c in following if c != closing)
        if not left and not open_condition:
            return True
    return False
