"""Pairs that add up to 1. Kernels keep both members, each without cancellation; a person wants to read `1 - s`.

s(1 - s) loses all digits at x = 40, where sigma(x) sigma(-x) loses none; so the rewriting here is for display only.

>>> from sympy import Symbol
>>> x = Symbol("x", real=True)
>>> complement_of(heads.sigmoid(-x)), complement_of(heads.sech(x)**2), complement_of(heads.sigmoid(x))
(1 - sigmoid(x), 1 - tanh(x)**2, None)
"""

from __future__ import annotations

from sympy import Expr

from . import heads
from .row import X

# (what a kernel computes, its partner): the two add up to 1 for every x
COMPLEMENTS: tuple[tuple[Expr, Expr], ...] = (
    (heads.sigmoid(-X), heads.sigmoid(X)),
    (heads.ndtr(-X), heads.ndtr(X)),
    (heads.sech(X) ** 2, heads.tanh(X) ** 2),
    (heads.erfc(X), heads.erf(X)),
)


def complement_of(expr: Expr) -> Expr | None:
    """`1 - partner` where `expr` is the first member of a pair, else None.

    f(-x) counts as the complement of f(x) where SymPy prints its argument with a leading minus sign.
    """
    for first, partner in COMPLEMENTS:
        argument = _argument(expr, first)
        if argument is not None:
            return 1 - partner.xreplace({X: argument})
    return None


def _argument(expr: Expr, pattern: Expr) -> Expr | None:
    """The x for which `pattern` is `expr`."""
    if pattern.is_Pow:
        return _argument(expr.base, pattern.base) if expr.is_Pow and expr.exp == pattern.exp else None
    if expr.func != pattern.func:
        return None
    argument = expr.args[0]
    if pattern.args[0] == X:
        return argument
    return -argument if argument.could_extract_minus_sign() else None
