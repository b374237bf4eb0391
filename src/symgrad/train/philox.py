"""Random numbers as a function of a counter: Philox 4x32-10, and the normal distribution by its inverse.

    J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011), 3.3.
    M. J. Wichura, Algorithm AS 241: the percentage points of the normal distribution, Applied Statistics 37 (1988).

The functions work on NumPy arrays and, compiled by Numba, on single numbers. Both give the same bits: there are only
integers, `+ - * /` and square roots, which round alike everywhere, and never a library's exp, log or sin.
"""

from __future__ import annotations

import math

import numpy as np

MASK, HALF, HIGH = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(20)
MULTIPLY_0, MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
TWELVE, ONE = np.uint64(12), np.uint64(1)


def philox(c0, c1, c2, c3, k0, k1):
    """Four random words of 32 bits for a counter of four and a key of two; all are uint64 below 2**32."""
    for _ in range(10):
        p, q = MULTIPLY_0 * c0, MULTIPLY_1 * c2
        c0, c1, c2, c3 = (q >> HALF) ^ c1 ^ k0, q & MASK, (p >> HALF) ^ c3 ^ k1, p & MASK
        k0, k1 = (k0 + WEYL_0) & MASK, (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


def uniform(high, low):
    """A number in (0, 1) of two words: an odd multiple of 2**-53, so that it is exact and never 0 or 1."""
    return ((((high << HIGH) | (low >> TWELVE)) << ONE) | ONE) * 1.1102230246251565e-16


def central(q):
    """The quantile of 1/2 + q for |q| <= 0.425."""
    r = 0.180625 - q * q
    over = ((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
              + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
            + 133.14166789178437745) * r + 3.387132872796366608  # fmt: skip
    under = ((((((5226.495278852854561 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
               + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
             + 42.313330701600911252) * r + 1.0  # fmt: skip
    return q * over / under


def middle(r):
    """The quantile for r = sqrt(-log(tail)) up to 5, without its sign."""
    r = r - 1.6
    over = ((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
              + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
            + 4.6303378461565452959) * r + 1.42343711074968357734  # fmt: skip
    under = ((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
               + 0.14810397642748007459) * r + 0.68976733498510000455) * r + 1.6763848301838038494) * r
             + 2.05319162663775882187) * r + 1.0  # fmt: skip
    return over / under


def far(r):
    """The quantile for r = sqrt(-log(tail)) above 5, without its sign."""
    r = r - 5.0
    over = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
              + 0.026532189526576123093) * r + 0.29656057182850489123) * r + 1.7848265399172913358) * r
            + 5.4637849111641143699) * r + 6.6579046435011037772  # fmt: skip
    under = ((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
               + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
             + 0.59983220655588793769) * r + 1.0  # fmt: skip
    return over / under


def tail_root(mantissa, exponent):
    """sqrt(-log(x)) for x = mantissa*2**exponent below 1/2, with mantissa in [1/2, 1), as fdlibm's log."""
    low = 1.0 * (mantissa < 0.7071067811865476)
    mantissa, exponent = mantissa + low * mantissa, exponent - low
    f = mantissa - 1.0
    s = f / (2.0 + f)
    z, half = s * s, 0.5 * f * f
    rest = ((((((0.1479819860511658591 * z + 0.1531383769920937332) * z + 0.1818357216161805012) * z
              + 0.2222219843214978396) * z + 0.2857142874366239149) * z + 0.3999999999940941908) * z
            + 0.6666666666666735130) * z  # fmt: skip
    return np.sqrt(-(exponent * 0.6931471805599453 + (f - (half - s * (half + rest)))))


def normal(u):
    """The quantile of one number u in (0, 1)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        return central(q)
    r = tail_root(*math.frexp(u if q < 0.0 else 1.0 - u))
    value = middle(r) if r <= 5.0 else far(r)
    return -value if q < 0.0 else value


def fill(out, examples, coordinates, step, k0, k1, gaussian):
    """`out[e, c]` for each example and the first `coordinates` coordinates; two values come from one counter."""
    s0, s1 = step & MASK, (step >> HALF) << np.uint64(16)
    for e in range(len(examples)):
        e0, e1 = examples[e] & MASK, s1 | (examples[e] >> HALF)
        for block in range((coordinates + 1) // 2):
            a, b, c, d = philox(np.uint64(block), s0, e0, e1, k0, k1)
            u, v = uniform(a, b), uniform(c, d)
            out[e, 2 * block] = normal(u) if gaussian else u
            if 2 * block + 1 < coordinates:
                out[e, 2 * block + 1] = normal(v) if gaussian else v
