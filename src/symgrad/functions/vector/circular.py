"""Sine and cosine without a branch."""

# ruff: noqa: F821  (tables and machine operations stand in the module that the text is put into)
# pyright: reportUndefinedVariable=false

import math


def quarter_turns(x):
    """x = n pi/2 + r + s, pi/2 in three parts; k is n modulo 4, from -2 to 2."""
    n = rint(x * PER_TURN)
    a = fma(-n, TURN[0], x)
    p, e = exact_product(n, TURN[1])
    b, t = exact_sum(a, -p)
    s = fma(-n, TURN[2], t - e)
    r = b + s
    return r, (b - r) + s, n - 4.0 * rint(0.25 * n)


def sine_parts(r, s):
    """sin(r + s) for |r| < pi/4."""
    z = r * r
    return r + fma(r * z, horner(z, SIN), fma(-0.5 * z, s, s))


def cosine_parts(r, s):
    """cos(r + s) for |r| < pi/4."""
    z = r * r
    half = 0.5 * r
    p, q = exact_product(half, r)
    c = 1.0 - p
    return c + (((1.0 - c) - p) - q + fma(z * z, horner(z, COS), -r * s))


def sin(x):
    """sin(x)."""
    r, s, k = quarter_turns(x)
    y = cosine_parts(r, s) if math.fabs(k) == 1.0 else sine_parts(r, s)
    y = -y if k == -1.0 or math.fabs(k) == 2.0 else y
    y = NAN if math.fabs(x) > FAR else y
    return x if math.fabs(x) < TINY else y


def cos(x):
    """cos(x)."""
    r, s, k = quarter_turns(x)
    y = sine_parts(r, s) if math.fabs(k) == 1.0 else cosine_parts(r, s)
    y = -y if k == 1.0 or math.fabs(k) == 2.0 else y
    return NAN if math.fabs(x) > FAR else y
