"""Sine and cosine without a branch."""

# ruff: noqa: F821  (tables and machine operations stand in the module that the text is put into)
# pyright: reportUndefinedVariable=false

import math


def near_quarter_turns(x, e):
    """x + e = n pi/2 + r + s for |n| up to 2**(digits - 2), e far smaller than x; pi/2 in three parts; k is n modulo 4,
    from -2 to 2."""
    n = rint(x * PER_TURN)
    a = fma(-n, TURN[0], x)
    p, q = exact_product(n, TURN[1])
    b, t = exact_sum(a, -p)
    s = fma(-n, TURN[2], t - q) + e
    r = b + s
    return r, (b - r) + s, n - 4.0 * rint(0.25 * n)


def quarter_turns(x):
    """x = n pi/2 + r + s; k is n modulo 4, from -2 to 2."""
    r, s, k = near_quarter_turns(x, 0.0)
    far, more, turns = far_quarter_turns(x)
    near = math.fabs(x) < FAR
    k = k if near else turns - 4.0 * rint(0.25 * turns)
    return r if near else far, s if near else more, k


def far_quarter_turns(x):
    """The same for large x: a whole number times 2/pi modulo 4, by a row of a table for each power of two."""
    m, n = normal(math.fabs(x))
    m = math.copysign(m * NORMAL, x)
    j = n - FAR_POWER
    j = 0.0 if j < 0.0 else j
    row = whole(FAR_ROWS if j > FAR_ROWS else j)
    p, a = exact_product(m, FAR_TURNS[row, 0])
    q, b = exact_product(m, FAR_TURNS[row, 1])
    r, c = exact_product(m, FAR_TURNS[row, 2])
    p, d = exact_sum(p - 4.0 * rint(0.25 * p), a)
    p, e = exact_sum(p, q)
    k = rint(p)
    d, f = exact_sum(d, e)
    b, g = exact_sum(b, r)
    b, h = exact_sum(b, d)
    p, d = exact_sum(p - k, b)
    d = d + (h + (f + g) + fma(m, FAR_TURNS[row, 3], c))
    t = p + d
    u, v = exact_product(t, TURN[0])
    return u, v + fma(t, TURN[1], ((p - t) + d) * TURN[0]), k


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
    y = y if math.fabs(x) < INF else NAN
    return x if math.fabs(x) < TINY else y


def cos(x):
    """cos(x)."""
    r, s, k = quarter_turns(x)
    y = sine_parts(r, s) if math.fabs(k) == 1.0 else cosine_parts(r, s)
    y = -y if k == 1.0 or math.fabs(k) == 2.0 else y
    return y if math.fabs(x) < INF else NAN
