"""The error function and the normal distribution without a branch.

For a >= 0, erfc(a) = exp(-a**2) erfcx(a). Where that is not 0, erfcx(a) = 1/(1 + a (sqrt(pi) - P(a)/Q(a))), with one
division: near 0 and far from it the quotient is small beside the rest, so rounding P and Q costs little. For all a at
once, as a pair: (1 + 2 a) erfcx(a) is a polynomial in t = (a - 4)/(a + 4), M. M. Shepherd and J. G. Laframboise,
Chebyshev approximation of (1 + 2x) exp(x**2) erfc(x), Math. Comp. 36, 1981.
"""

# ruff: noqa: F821  (tables and machine operations stand in the module that the text is put into)
# pyright: reportUndefinedVariable=false

import math


def gaussian_factors(x, half):
    """exp(-half x x) = 2**n (1 + y), the square as a pair; half is a power of two."""
    p, e = exact_product(half * x, x)
    return exp_factors(-p, -e)


def gaussian(x):
    """exp(-x**2)."""
    a = math.fabs(x)
    y, n = gaussian_factors(SQUARE_END if a > SQUARE_END else a, 1.0)
    return scale(1.0 + y, n)


def norm_pdf(x):
    """exp(-x**2/2)/sqrt(2 pi)."""
    a = math.fabs(x)
    y, n = gaussian_factors(TAIL_END if a > TAIL_END else a, 0.5)
    return scale(fma(DENSITY, y, DENSITY), n)


def erfcx_parts(a, b):
    """The pair erfcx(a + b) for 0 <= a < 1e18, b far smaller than a."""
    p, pl = exact_sum(a, 4.0)
    m, ml = exact_sum(a, -4.0)
    d, dl = exact_sum(a, 0.5)
    y = 1.0 / (p * d)
    q, e = quotient(m, ml + b, p, pl + b, y * d)
    t = q + e
    w = t * horner(t, ERFCX)
    c = ERFCX_MIDDLE[0] + w
    cl = ((ERFCX_MIDDLE[0] - c) + w) + ERFCX_MIDDLE[1]
    return quotient(0.5 * c, 0.5 * cl, d, dl + b, y * p)


def erfc_factors(a):
    """erfc(a) = 2**n p for a >= 0."""
    a = SQUARE_END if a > SQUARE_END else a
    y, n = gaussian_factors(a, 1.0)
    q = horner(a, ERFC_BELOW)
    return fma(q, y, q) / fma(a, fma(ROOT_PI, q, -horner(a, ERFC_ABOVE)), q), n


def erf(x):
    """erf(x): a polynomial times x for |x| < 1.05, else 1 - erfc(|x|)."""
    a = math.fabs(x)
    p, n = erfc_factors(a)
    near = fma(a, horner(fma(a, a, -0.5), ERF), a)
    y = near if a < 1.05 else 1.0 - scale(p, n)
    return math.copysign(y, x)


def erfc(x):
    """erfc(x)."""
    p, n = erfc_factors(math.fabs(x))
    y = scale(p, n)
    return 2.0 - y if x < 0.0 else y


def erfcx(x):
    """exp(x**2) erfc(x)."""
    a = math.fabs(x)
    v, w = erfcx_parts(1e9 if a > 1e9 else a, 0.0)
    y = v + w if a < 1e9 else ROOT_PI_INVERSE / a
    h, n = gaussian_factors(SQUARE_END if a > SQUARE_END else a, -1.0)
    left = scale(fma(2.0, h, 2.0), n) - y
    return left if x < 0.0 else y


def tail_factors(a):
    """The distribution function at -a: 2**n p for a >= 0, half of erfc(a/sqrt(2))."""
    a = TAIL_END if a > TAIL_END else a
    y, n = gaussian_factors(a, 0.5)
    q = horner(a, TAIL_BELOW)
    return 0.5 * fma(q, y, q) / fma(a, fma(ROOT_HALF_PI, q, -horner(a, TAIL_ABOVE)), q), n


def ndtr(x):
    """The distribution function of the standard normal."""
    p, n = tail_factors(math.fabs(x))
    y = scale(p, n)
    return y if x < 0.0 else 1.0 - y


def gelu(x):
    """x ndtr(x); the factor that underflows is multiplied last."""
    p, n = tail_factors(math.fabs(x))
    y = -TAIL_END if x < -TAIL_END else x
    left = scale(y * p, n)
    return left if x < 0.0 else x * (1.0 - scale(p, n))


def log_ndtr(x):
    """log ndtr(x): left of 0 as log(erfcx(a)/2) - a**2/2."""
    a = math.fabs(x)
    p, n = tail_factors(a)
    b = 1e9 if a > 1e9 else a
    z, e = exact_product(b, ROOT_HALF[0])
    v, w = erfcx_parts(z, fma(b, ROOT_HALF[1], e))
    s, sl = exact_product(0.5 * a, a)
    m, k = normal(0.5 * v)
    t, e = log_parts(m - 1.0, scale(0.5 * w, -k), k)
    y, yl = exact_sum(t, -s)
    left = y + (yl + (e - sl))
    left = -s if s > 1e30 else left
    return left if x < 0.0 else log1p(-scale(p, n))


def gap_parts(a):
    """The pair density(a)/distribution(-a) - a, for a >= 0."""
    p, pl = exact_sum(a, 4.0)
    m, ml = exact_sum(a, -4.0)
    q, e = quotient(m, ml, p, pl, 1.0 / p)
    t = q + e if a < INF else 1.0
    d, dl = exact_sum(1.0, a)
    w = t * horner(t, GAP)
    c = GAP_MIDDLE[0] + w
    return quotient(c, ((GAP_MIDDLE[0] - c) + w) + GAP_MIDDLE[1], d, dl, 1.0 / d)


def mills_gap(x):
    """x + norm_pdf(x)/ndtr(x)."""
    a = math.fabs(x)
    v, w = gap_parts(a)
    left = v + w if a < INF else 0.0
    return left if x < 0.0 else x + norm_pdf(x) / ndtr(x)


def inverse_mills(x):
    """norm_pdf(x)/ndtr(x)."""
    a = math.fabs(x)
    v, w = gap_parts(a)
    left = a + (v + w) if a < INF else a
    return left if x < 0.0 else norm_pdf(x) / ndtr(x)


def erfinv(x):
    """Winitzki's approximation (2e-3), then two of Halley's steps (each cubes the error), on erfc in the tails."""
    a = math.fabs(x)
    b = a if a < 1.0 else 0.5
    o = log1p(-b) + log1p(b)
    t = fma(0.5, o, 4.330746750799873)
    y = math.sqrt(math.sqrt(fma(t, t, -o / 0.147)) - t)
    y = erfinv_step(b, erfinv_step(b, y))
    q = b * b
    near = fma(q, fma(q, 0.09766361950392056, 0.14393173084921979), 0.2617993877991494)
    near = 0.886226925452758 * b * fma(q, near, 1.0)
    y = near if b < ERFINV_NEAR else y
    y = INF if a == 1.0 else y
    y = y if a <= 1.0 else NAN
    return math.copysign(y, x)


def erfinv_step(a, y):
    """A step of Halley's method for erf(y) = a."""
    p, n = erfc_factors(y)
    h, k = gaussian_factors(y, 1.0)
    r = (1.0 - a) - scale(p, n) if a > 0.5 else erf(y) - a
    r = r * 0.886226925452758 / scale(1.0 + h, k)
    return y - r / (1.0 + y * r)
