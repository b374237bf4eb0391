"""Even functions of a root are entire functions of what is under it: there is nothing to divide by at 0.

    cos(sqrt(s)) = c_0(s)      sin(sqrt(s))/sqrt(s) = sinc(sqrt(s)) = c_1(s)      (1 - cos(sqrt(s)))/s = c_2(s)

With s = sum_i r_i**2, the angle of a rotation vector, the left sides are 0/0 at r = 0, the values or their derivatives;
the right sides, Stumpff's functions, are power series in s, and so are their derivatives.
"""

from __future__ import annotations

from collections.abc import Callable

from sympy import Add, Expr, Integer, Mul, Pow, Rational, cos, sin

from ..functions import apply

HALF = Rational(1, 2)
COSINE = apply("stumpff", Integer(0), Integer(1)).func
SINC = apply("sinc", Integer(0)).func

Seen = Callable[[Expr], Expr]  # an expression with a definition in the place of an access


def even_function(expr: Expr, through: Seen) -> Expr | None:
    """cos or sinc of a root, or a product with sin(u)/u or (1 - cos(u))/u**2; None where there is nothing to do."""
    if isinstance(expr, cos | SINC):
        under = _under_root(expr.args[0], through)
        return None if under is None else apply("stumpff", Integer(0 if isinstance(expr, cos) else 1), under)
    if not isinstance(expr, Mul):
        return None
    for factor in expr.args:
        found = _numerator(factor, through)
        if found is not None:
            order, under, scale = found
            quotient = _divided(expr, factor, under, order, through)
            if quotient is not None:
                return scale * apply("stumpff", Integer(order), under) * quotient
    return None


def _under_root(expr: Expr, through: Seen) -> Expr | None:
    """s, where `expr` is sqrt(s) of something that varies."""
    seen = through(expr)
    return seen.base if isinstance(seen, Pow) and seen.exp == HALF and not seen.base.is_number else None


def _numerator(factor: Expr, through: Seen) -> tuple[int, Expr, Expr] | None:
    """sin(sqrt(s)): (1, s, 1); c (1 - cos(sqrt(s))): (2, s, c)."""
    seen = through(factor)
    if isinstance(seen, sin):
        under = _under_root(seen.args[0], through)
        return None if under is None else (1, under, Integer(1))
    if isinstance(seen, Add) and len(seen.args) == 2 and seen.args[0].is_Number:
        scale, rest = seen.args
        over = -rest / scale
        if isinstance(over, COSINE) and over.args[0] == 0:
            return 2, over.args[1], scale
    return None


def _divided(product: Expr, numerator: Expr, under: Expr, order: int, through: Seen) -> Expr | None:
    """The other factors times sqrt(s)**order, if together they divide by at least that."""
    power, others = Integer(0), []
    for factor in product.args:
        if factor == numerator:
            continue
        base, exponent = factor.as_base_exp()
        if base == under:
            power += 2 * exponent
        elif _under_root(base, through) == under:
            power += exponent
        else:
            others.append(factor)
    if not (power.is_Integer and power <= -order):
        return None
    return Mul(*others, Pow(under, (power + order) / 2))
