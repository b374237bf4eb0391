"""How far a spelling is from the exact value: ULP errors against mpmath, with the contract's rule at sign changes.

The contract (docs/design.md, section 4): within 4 ULP of the exact value, except around a sign change of the result,
where |f| < |x f'|/64: there at most 4 u |x f'|. Nothing non-finite, and no zero, where the exact
value is a normal number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import mpmath
import numpy as np
from sympy import Expr, Integer, Symbol

from .evaluate import precise, spelled

DIGITS = 60
UNIT = 2.0**-53
MAGNITUDES = (
    0.0, 5e-324, 1e-300, 1e-160, 1e-20, 1e-8, 1e-3, 0.1, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.5, 9.0, 17.3, 26.7, 37.4,
    40.5, 88.9, 350.2, 700.1, 706.9, 712.3, 1000.0, 1e4, 1e8, 1e154, 1e300,
)  # fmt: skip


class Worst(NamedTuple):
    """The largest error found: its size, where, what was computed, what is exact."""

    ulp: float
    at: Any
    got: float
    exact: float


def ulps(got: float, exact, slack: float = 0.0, dtype: str = "float64") -> float:
    """The error of `got` in units in the last place of `exact`, or of `slack` where that is larger.

    >>> ulps(1.0 + 2**-52, 1.0), ulps(1.0 + 2**-23, 1.0, dtype="float32")
    (1.0, 1.0)
    """
    limits = np.finfo(dtype)
    tiny, huge = float(limits.tiny), float(limits.max)
    if abs(exact) > huge or abs(exact) < tiny:  # not a normal number: overflow and underflow are what one expects
        fine = abs(got) >= huge / 2 if abs(exact) > huge else abs(got) <= 2 * tiny
        return 0.0 if fine else float("inf")
    if not np.isfinite(got) or (got == 0.0 and slack == 0.0):
        return float("inf")
    place = float(np.spacing(np.array(abs(float(exact)), dtype)))
    return float(abs(mpmath.mpf(float(got)) - exact) / max(place, slack))


def worst(expr: Expr, derivative: Expr | None, points: Iterable[Mapping[Symbol, float]]) -> Worst:
    """The worst error of `expr`, spelled as in a kernel, over the points; `derivative` widens sign changes."""
    found = Worst(0.0, None, 0.0, 0.0)
    for point in points:
        with mpmath.workdps(DIGITS):
            exact = exact_value(expr, point)
            if exact is None:
                continue
            error = ulps(spelled(expr, point), exact, slack(exact, derivative, point))
        if error > found.ulp:
            found = Worst(error, tuple(point.values()), spelled(expr, point), float(exact))
    return found


def exact_value(expr: Expr, point: Mapping):
    """The value in mpmath; None at a pole and outside of the domain."""
    try:
        value = precise(expr, point)
    except (ZeroDivisionError, ValueError):  # a pole
        return None
    return value if isinstance(value, (mpmath.mpf, int)) and mpmath.isfinite(value) else None


def slack(exact, derivative: Expr | None, point: Mapping, unit: float = UNIT) -> float:
    """u |x f'| where that says that the result changes sign nearby, else 0."""
    if derivative is None:
        return 0.0
    slope = exact_value(derivative, point)
    reach = 0 if slope is None else abs(slope) * max(abs(mpmath.mpf(v)) for v in point.values())
    return float(unit * reach) if 64 * abs(exact) < reach else 0.0


def points(row, slope: bool = False) -> list[dict[Symbol, float]]:
    """Adversarial arguments for a row: every magnitude and sign, the neighbours of kinks and of the domain's ends."""
    low, high = row.domain
    values = [v for v in _values(row) if low < v < high and not (slope and v < row.slope_from)]
    if len(row.arguments) == 1 or row.orders:
        return [{row.arguments[-1]: v} for v in values]
    few = [s * m for m in (0.0, 1e-300, 1e-8, 0.3, 1.0, 3.0, 40.5, 706.9, 1e4, 1e300) for s in (-1.0, 1.0)]
    return [dict(zip(row.arguments, (a, b))) for a in few for b in few if low < b < high]


def _values(row) -> list[float]:
    ends = [e for e in row.domain if np.isfinite(e)]
    special = [float(v) for v in (*row.edges, *(k.at for k in row.kinks)) if not isinstance(v, tuple)]
    beside = [float(np.nextafter(v, t)) for v in (*special, *ends) for t in (-np.inf, np.inf)]
    near = [e + s * d for e in ends for s in (-1, 1) for d in (1e-15, 1e-9, 1e-4, 0.2)]
    return sorted({*MAGNITUDES, *(-m for m in MAGNITUDES), *special, *beside, *near})


def calls(row) -> list[Expr]:
    """The call of the row on its own arguments; for an integer first argument, one call for each order tried."""
    if row.orders:
        return [row.head(Integer(n), row.arguments[1]) for n in row.orders]
    return [row.head(*row.arguments)]
