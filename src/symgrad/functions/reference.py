"""Small tools for the rows' references: quiet NumPy, SciPy loaded on first use, mpmath with guard digits."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import mpmath
import numpy as np
import scipy

GUARD = 64  # bits beyond the caller's precision: references may cancel mildly


def quiet(function: Callable) -> Callable:
    """`function` of float64 (or complex) arrays, without floating-point warnings.

    >>> float(quiet(np.log)(0))
    -inf
    """

    @wraps(function, assigned=("__name__", "__doc__"), updated=())
    def silent(*args):
        with np.errstate(all="ignore"):
            return function(*map(_inexact, args))

    return silent


def _inexact(value):
    array = np.asarray(value)
    return array if array.dtype.kind == "c" else array.astype(np.float64)


def sp(name: str) -> Callable:
    """The function `scipy.special.<name>`, imported when first called."""

    def call(*args):
        return getattr(scipy.special, name)(*args)

    call.__name__ = name
    return quiet(call)


def pointwise(function: Callable) -> Callable:
    """A function of Python floats, over arrays; what overflows or has a pole is NaN."""

    def safe(*args):
        try:
            return float(function(*map(float, args)))
        except (OverflowError, ZeroDivisionError, ValueError):
            return np.nan

    return quiet(np.vectorize(safe, otypes=[np.float64]))


def mp(function: Callable) -> Callable:
    """A reference in mpmath: `GUARD` bits more while it runs."""

    @wraps(function, assigned=("__name__", "__doc__"), updated=())
    def guarded(*args):
        with mpmath.extraprec(GUARD):
            value = function(*map(mpmath.mpf, args))
        return +value

    return guarded
