"""The machine operations that vector functions are made of, in NumPy: what the intrinsics of a generated module do.

Each works on scalars of float32 or float64 and gives a scalar of the same type; Python's own floats among the arguments
(literals) take the type of the others.
"""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np

MATH = SimpleNamespace(fabs=np.abs, copysign=np.copysign, sqrt=np.sqrt)  # what the functions call of `math`


def _real(*values) -> type:
    return np.float32 if any(isinstance(v, np.float32) for v in values) else np.float64


def fma(a, b, c):
    """a*b + c, rounded once.

    >>> float(fma(0.1, 10.0, -1.0))
    5.551115123125783e-17
    """
    real = _real(a, b, c)
    a, b, c = real(a), real(b), real(c)
    product = a * b
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)) or product == 0.0 or product + c == 0.0 == c:
        return product + c
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    return product + c if exact == 0 else _rounded(exact, real)


def _rounded(exact: Fraction, real: type):
    """The nearest number of the type; float32 by way of an odd float64, so that it is rounded once."""
    try:
        value = float(exact)
    except OverflowError:
        return real(math.inf if exact > 0 else -math.inf)
    if real is np.float32 and math.isfinite(value) and Fraction(value) != exact:
        other = math.nextafter(value, math.inf if Fraction(value) < exact else -math.inf)
        value = value if int(np.float64(value).view(np.int64)) & 1 else other
    return real(value)


def rint(x):
    """The nearest integer, ties to even."""
    return np.rint(x)


def horner(z, coefficients):
    """The polynomial with these coefficients, constant first, a fused operation for each."""
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = fma(total, z, c)
    return total


def exact_sum(a, b):
    """(s, e): s is a + b rounded, s + e is a + b. D. E. Knuth, TAOCP 2, 4.2.2, theorem B."""
    s = a + b
    part = s - a
    return s, (a - (s - part)) + (b - part)


def exact_product(a, b):
    """(p, e): p is a*b rounded, p + e is a*b."""
    p = a * b
    return p, fma(a, b, -p)


def scale(x, n):
    """x 2**n for an integer n that is a float."""
    real = _real(x, n)
    return real(np.ldexp(real(x), int(n))) if math.isfinite(n) else real(x) * real(n)


def whole(n):
    """The integer n, 0 or more, which is a float, as an index."""
    return np.uint64(n)


def normal(x):
    """(m, n): x = m 2**n with m between sqrt(1/2) and sqrt(2), for x > 0 that is not subnormal."""
    real = _real(x)
    if not 0 < x < math.inf:
        return real(np.nan), real(0)
    m, n = math.frexp(float(x))
    return (real(m), real(n)) if m * m >= 0.5 else (real(2 * m), real(n - 1))
