"""Lines against numbers: two expressions agree at points where both are real, in 30 digits.

A symbolic answer is never trusted because of where it came from. `agree` compares it with an independent one at
points that lie in the domain of both, and says how many there were: without any, nothing was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mpmath
import sympy
from sympy import Expr, Symbol

from ...functions import to_sympy, translate
from ...functions.evaluate import precise

DIGITS = 30
NEAR = mpmath.mpf("1e-12")  # half the digits and a margin: a right formula agrees to 20 and more, a wrong one to none
VALUES = ("0.7312", "1.3457", "-0.5421", "2.2163", "0.2719", "-1.6173", "3.1031", "0.0913")
TRIES = 24
ENOUGH = 4


def value(expr: Expr, point: Mapping[Symbol, object]) -> Any:
    """`expr` at a point in mpmath, or None where it is not a finite real number."""
    return evaluator(expr)(point)


def evaluator(expr: Expr) -> Callable[[Mapping[Symbol, object]], Any]:
    """`value` of one expression at many points."""
    spelled = translate(expr)
    return lambda point: _finite(expr, spelled, point)


def _finite(expr: Expr, spelled: Expr, point: Mapping[Symbol, object]) -> Any:
    with mpmath.workdps(DIGITS):
        found = _value(expr, spelled, point)
        if found is None or not mpmath.isfinite(found):
            return None
        if isinstance(found, mpmath.mpc):
            return None if abs(found.imag) > abs(found.real) * NEAR + NEAR else found.real
        return mpmath.mpf(found)


def _value(expr: Expr, spelled: Expr, point: Mapping[Symbol, object]) -> Any:
    try:
        return precise(spelled, point)
    except Exception:  # any failure of one evaluator is left to the other
        pass
    try:
        exact = {s: sympy.Float(str(v), DIGITS) for s, v in point.items()}
        number = to_sympy(expr).evalf(DIGITS, subs=exact)
        return number._to_mpmath(mpmath.mp.prec) if number.is_number else None
    except Exception:  # not a number: no value
        return None


def points(symbols: Iterable[Symbol]) -> Iterable[dict[Symbol, Any]]:
    """Points where nothing special happens, positive where a symbol is; the same in every run."""
    ordered = sorted(set(symbols), key=str)
    for k in range(TRIES):
        yield {s: _coordinate(s, k, i) for i, s in enumerate(ordered)}


def _coordinate(symbol: Symbol, turn: int, position: int) -> Any:
    number = mpmath.mpf(VALUES[(turn + 3 * position + turn // len(VALUES)) % len(VALUES)])
    number *= (1, mpmath.mpf("0.31"), mpmath.mpf("1.9"))[turn // len(VALUES)]
    if symbol.is_integer:
        number = mpmath.mpf(1 + turn % 5)
    return abs(number) if symbol.is_nonnegative else -abs(number) if symbol.is_nonpositive else number


def near(a: Any, b: Any, tolerance: Any = NEAR) -> bool:
    return abs(a - b) <= tolerance * max(1, abs(a), abs(b))


def agree(left: Expr, right: Expr, symbols: Iterable[Symbol] = ()) -> int | None:
    """At how many points the two were compared and agree; None where they differ somewhere.

    >>> from sympy import cos, sin
    >>> from sympy.abc import x
    >>> agree(sin(2*x), 2*sin(x)*cos(x)) > 2, agree(sin(2*x), 2*sin(x))
    (True, None)
    """
    compared = 0
    for point in points({*left.free_symbols, *right.free_symbols, *symbols}):
        a, b = value(left, point), value(right, point)
        if a is None or b is None:
            continue
        if not near(a, b):
            return None
        compared += 1
        if compared == ENOUGH:
            break
    return compared


STEP = mpmath.mpf("1e-9")  # a central difference with it is right to 1e-18 times the third derivative, in 30 digits
SLOPE = mpmath.mpf("1e-10")


def is_slope(f: Expr, x: Symbol, slope: Expr) -> bool:
    """Is `slope` the slope of f at the points where both are real? Differences, so no rule is involved."""
    compared = 0
    for point in points({*f.free_symbols, *slope.free_symbols, x}):
        found = value(slope, point)
        difference = _difference(f, x, point)
        if found is None or difference is None:
            continue
        if not near(difference, found, SLOPE):
            return False
        compared += 1
        if compared == ENOUGH:
            break
    return True


@mpmath.workdps(DIGITS)
def _difference(f: Expr, x: Symbol, point: Mapping) -> Any:
    high, low = (value(f, {**point, x: point[x] + s * STEP}) for s in (1, -1))
    return None if high is None or low is None else (high - low) / (2 * STEP)
