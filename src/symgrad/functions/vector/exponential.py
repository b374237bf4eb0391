"""Exponentials, logarithms and sigmoids without a branch. The text of these functions goes into generated modules.

A pair (h, l) is a number h + l with about twice the digits; `_parts` functions give pairs, and a power of two that is
multiplied last, so that results below the smallest normal number come out as they should. Names in capitals are tables
of `coefficients`.
"""

# ruff: noqa: F821  (tables and machine operations stand in the module that the text is put into)
# pyright: reportUndefinedVariable=false

import math


def exp_parts(a, b):
    """exp(a + b) = 2**n (h + l), b far smaller than a, l up to 0.07.

    exp(r) = 1 + r + r**2 P(r) with r = a - n log(2); log(2) in two parts, so that n times the first is exact.
    """
    n = fma(a, LOG2E, ROUND) - ROUND
    f = fma(-n, LOG2_HIGH, a)
    r = fma(-n, LOG2_LOW, f)
    s = fma(-n, LOG2_LOW, f - r) + b
    p = r * r * horner(r, EXP)
    h = 1.0 + r
    return h, ((1.0 - h) + r) + fma(s, h + p, p), n


def exp_factors(a, b):
    """exp(a + b) = 2**n (1 + y), b far smaller than a; y is right to a unit, and there is no sum yet to be rounded."""
    n = fma(a, LOG2E, ROUND) - ROUND
    r = fma(-n, LOG2_HIGH, a) + fma(-n, LOG2_LOW, b)
    return fma(r * r, horner(r, EXP), r), n


def exp(x):
    """exp(x). Half a unit from the last sum, and from r and from y, both below 1/2, a quarter each."""
    a = EXP_LOW if x < EXP_LOW else x
    a = EXP_HIGH if a > EXP_HIGH else a
    n = fma(a, LOG2E, ROUND) - ROUND
    r = fma(-n, LOG2_LOW, fma(-n, LOG2_HIGH, a))
    y = fma(r * r, horner(r, EXP), r)
    return scale(1.0 + y, n)


def expm1_parts(x):
    """exp(x) - 1 = 2**n (d + e)."""
    a = EXPM1_LOW if x < EXPM1_LOW else x
    a = EXP_HIGH if a > EXP_HIGH else a
    h, l, n = exp_parts(a, 0.0)
    d, e = exact_sum(h, -scale(1.0, -n))
    return d, e + l, n


def expm1(x):
    """exp(x) - 1."""
    d, e, n = expm1_parts(x)
    return x if x == 0.0 else scale(d + e, n)


def exprel(x):
    """(exp(x) - 1)/x."""
    d, e, n = expm1_parts(x)
    q = scale((d + e) / x, n)
    q = 1.0 if x == 0.0 else q
    return INF if x > EXP_HIGH else q


def half_exp(a):
    """exp(a)/2 for a >= 0: the half goes into the power of two, so it overflows where the result does."""
    h, l, n = exp_parts(EXP_HIGH if a > EXP_HIGH else a, 0.0)
    return scale(h + l, n - 1.0)


def sinh(x):
    """(exp(x) - exp(-x))/2; beyond 20, exp(-|x|) is nothing beside exp(|x|)."""
    a = math.fabs(x)
    b = 20.0 if a > 20.0 else a
    y = half_exp(a) if a > 20.0 else 0.5 * (expm1(b) - expm1(-b))
    return math.copysign(y, x)


def cosh(x):
    """(exp(x) + exp(-x))/2."""
    a = math.fabs(x)
    return half_exp(a) + 0.5 * exp(-a)


def log_parts(f, g, n):
    """The pair log((1 + f + g) 2**n), g far smaller than f: log(1 + f) = f - f**2/2 + f**3 P(f)."""
    s = 0.5 * f
    p, q = exact_product(s, f)
    h = f - p
    l = ((f - h) - p) - q + fma(-g, f * (1.0 - f), g)
    l = fma(f * f * f, horner(f, LOG), l)
    t, e = exact_sum(n * LOG2_HIGH, h)
    return t, e + fma(n, LOG2_LOW, l)


def log(x):
    """log(x); subnormal numbers are multiplied by a power of two first."""
    small = x < TINY
    y = x * NORMAL if small else x
    m, n = normal(y)
    n = n - NORMAL_POWER if small else n
    t, e = log_parts(m - 1.0, 0.0, n)
    y = t + e
    y = -INF if x == 0.0 else y
    y = NAN if x < 0.0 else y
    return y if x < INF else x


def log1p_parts(x):
    """The pair log(1 + x)."""
    u, c = exact_sum(1.0, x)
    m, n = normal(u)
    f, g = exact_sum(m - 1.0, scale(c, -n))
    return log_parts(f, g, n)


def log1p(x):
    """log(1 + x)."""
    t, e = log1p_parts(x)
    y = t + e
    y = x if math.fabs(x) < TINY else y
    y = -INF if x == -1.0 else y
    y = NAN if x < -1.0 else y
    return y if x < INF else x


def quotient(p, pl, d, dl, y):
    """(p + pl)/(d + dl) with y near 1/d."""
    q = p * y
    return q, y * (fma(-q, d, p) + fma(-q, dl, pl))


def sigmoid_parts(x, xl):
    """1/(1 + exp(-x - xl)) = 2**n q; left of 0 as exp(x)/(1 + exp(x))."""
    a = math.fabs(x)
    al = xl if x > 0.0 else -xl
    a = EXP_END if a > EXP_END else a
    f, g, n = exp_parts(-a, -al)
    h = f + g
    l = (f - h) + g
    s = scale(1.0, n)
    d = fma(h, s, 1.0)
    dl = fma(h, s, 1.0 - d) + l * s
    p = h if x < 0.0 else 1.0
    pl = l if x < 0.0 else 0.0
    q, ql = quotient(p, pl, d, dl, 1.0 / d)
    return q + ql, n if x < 0.0 else 0.0


def decay_less_one(a):
    """exp(-a) = 2**n (1 + y + l) for a >= 0; computed once where sigmoid(x), sigmoid(-x) and softplus(x) are needed."""
    a = EXP_END if a > EXP_END else a
    n = fma(a, -LOG2E, ROUND) - ROUND
    f = fma(-n, LOG2_HIGH, -a)
    r = fma(-n, LOG2_LOW, f)
    p = horner(r, EXP)
    y = fma(r * r, p, r)
    return y, fma(r * r, p, r - y) + fma(-n, LOG2_LOW, f - r), n


def decay_parts(a):
    """exp(-a) = 2**n (e + l) for a >= 0."""
    y, _, n = decay_less_one(a)
    e = 1.0 + y
    return e, (1.0 - e) + y, n


def sigmoid_factors(x):
    """1/(1 + exp(-x)) = q s with a power of two s; left of 0 as exp(x)/(1 + exp(x))."""
    e, l, n = decay_parts(math.fabs(x))
    s = scale(1.0, n)
    d = fma(e, s, 1.0)
    p = e if x < 0.0 else 1.0
    pl = l if x < 0.0 else 0.0
    q, ql = quotient(p, pl, d, fma(e, s, 1.0 - d), 1.0 / d)
    return q + ql, s if x < 0.0 else 1.0


def sigmoid(x):
    """1/(1 + exp(-x))."""
    q, s = sigmoid_factors(x)
    return q * s


def softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    e, _, n = decay_parts(math.fabs(x))
    u = e * scale(1.0, n)
    y = u * horner(u, SOFTPLUS)
    return y + x if x > 0.0 else y


def silu(x):
    """x sigmoid(x)."""
    q, s = sigmoid_factors(x)
    y = -EXP_END if x < -EXP_END else x
    return y * q * s


def gelu_tanh(x):
    """x sigmoid(u) with u = sqrt(8/pi) (x + 0.044715 x**3) as a pair; behind +-40 it is 0 or x."""
    y = -40.0 if x < -40.0 else x
    y = 40.0 if y > 40.0 else y
    z, zl = exact_product(y, y)
    p, e = exact_product(z, CUBE[0])
    w, wl = exact_sum(1.0, p)
    wl = wl + (e + fma(zl, CUBE[0], z * CUBE[1]))
    k, kl = exact_product(y, SLOPE[0])
    u, ul = exact_product(k, w)
    q, n = sigmoid_parts(u, ul + fma(k, wl, fma(y, SLOPE[1], kl) * w))
    x = -40.0 if x < -40.0 else x
    return scale(x * q, n)


def mish(x):
    """x tanh(log(1 + exp(x))) = x e (e + 2)/(e (e + 2) + 2), e = exp(x); right of 0 divided by e**2."""
    a = math.fabs(x)
    a = EXP_END if a > EXP_END else a
    h, l, n = exp_parts(-a, 0.0)
    h = h + l
    e = scale(h, n)
    right = (1.0 + 2.0 * e) / fma(2.0 * e, 1.0 + e, 1.0)
    left = h * (e + 2.0) / fma(e, e + 2.0, 2.0)
    y = -EXP_END if x < -EXP_END else x
    return scale(y * (left if x < 0.0 else right), n if x < 0.0 else 0.0)


def tanh_gap(x):
    """2 (1 - tanh(|x|)) = 4 e/(1 + e) with e = exp(-2 |x|)."""
    y, _, n = decay_less_one(2.0 * math.fabs(x))
    s = scale(4.0, n)
    e = fma(s, y, s)
    return e / fma(0.25, e, 1.0)


def tanh(x):
    """tanh(x): a polynomial times x for |x| < 1.05, else 1 - 2 e/(1 + e)."""
    a = math.fabs(x)
    near = fma(a, horner(fma(a, a, -0.5), TANH), a)
    return math.copysign(near if a < 1.05 else fma(-0.5, tanh_gap(x), 1.0), x)


def sech_squared(x):
    """sech(x)**2 = (1 - tanh(|x|)) (1 + tanh(|x|)), with the exponential of `tanh`."""
    q = tanh_gap(x)
    return fma(-0.25 * q, q, q)


def sech(x):
    """2 e/(1 + e**2) with e = exp(-|x|)."""
    y, l, n = decay_less_one(math.fabs(x))
    s = scale(1.0, n)
    e = fma(s, y, s)
    h = 1.0 + y
    d = fma(e, e, 1.0)
    q, c = quotient(h, ((1.0 - h) + y) + l, d, fma(e, e, 1.0 - d), 1.0 / d)
    return scale(q + c, n + 1.0)
