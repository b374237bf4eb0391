"""Rows: exponentials, logarithms, trigonometric functions."""

from __future__ import annotations

import mpmath
import numpy as np
import scipy
import sympy
from sympy import Eq, Rational, exp, log

from . import heads as h
from .reference import mp, pointwise, quiet, sp
from .row import Kink, Row, X, Y, formula, source, vector
from .special import exprel_moment, stumpff

INF = float("inf")


def _log1mexp(x):
    return np.where(x > -0.6931471805599453, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _log1mexp_mp(x):
    return mpmath.log(-mpmath.expm1(x)) if x > -1 else mpmath.log1p(-mpmath.exp(x))


def _exprel_mp(x):
    return mpmath.expm1(x) / x if x else mpmath.mpf(1)


def _logaddexp_mp(x, y):
    return max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y)))


def _logaddexp_complex(x, y):
    shift = np.maximum(np.real(x), np.real(y))
    return shift + np.log(np.exp(x - shift) + np.exp(y - shift))


def _binary_entropy_mp(p):
    return -p * mpmath.log(p) - (1 - p) * mpmath.log1p(-p) if 0 < p < 1 else mpmath.mpf(0)


def _sinc_complex(z):
    return np.where(z == 0, 1, np.sin(z) / np.where(z == 0, 1, z))


def _jn_mp(n, x):
    if x == 0:
        return mpmath.mpf(1 if n == 0 else 0)
    parity = -1 if x < 0 and n % 2 else 1
    return parity * mpmath.sqrt(mpmath.pi / (2 * abs(x))) * mpmath.besselj(n + mpmath.mpf(1) / 2, abs(x))


def _stumpff_mp(k, s):
    half = mpmath.mpf(1) / 2
    return mpmath.hyp1f2(1, (k + 1) * half, (k + 2) * half, -s / 4) / mpmath.factorial(k)


ELEMENTARY = [
    Row("exp", exp, quiet(np.exp), mp(mpmath.exp), vector("exp"), r"\exp", complex=np.exp),
    Row("log", log, quiet(np.log), mp(mpmath.log), vector("log"), r"\log", complex=np.log, domain=(0, INF)),
    Row("sin", sympy.sin, quiet(np.sin), mp(mpmath.sin), vector("sin"), r"\sin", complex=np.sin),
    Row("cos", sympy.cos, quiet(np.cos), mp(mpmath.cos), vector("cos"), r"\cos", complex=np.cos),
    Row("tan", sympy.tan, quiet(np.tan), mp(mpmath.tan), formula(sympy.sin(X) / sympy.cos(X)), r"\tan", complex=np.tan),
]

EXPONENTIAL = [
    Row(
        "expm1", h.expm1, quiet(np.expm1), mp(mpmath.expm1), vector("expm1"), r"\operatorname{expm1}",
        definition=exp(X) - 1, complex=np.expm1,
    ),
    Row(
        "exprel", h.exprel, sp("exprel"), mp(_exprel_mp), vector("exprel"),
        r"\operatorname{exprel}",
        definition=h.expm1(X) / X, slopes=(h.exprel_moment(1, X),), ulp={"slope": 10},
        complex=lambda z: np.expm1(z) / z,
        cite="the mean of exp(t x) over 0 < t < 1",
    ),
    Row(
        "exprel_moment", h.exprel_moment, pointwise(exprel_moment),
        mp(lambda k, x: mpmath.hyp1f1(k + 1, k + 2, x) / (k + 1)), source("exprel_moment"),
        r"\varphi_{{0}}\left({1}\right)",
        slopes=(None, h.exprel_moment(X + 1, Y)), arguments=(X, Y), orders=(1, 2, 3),
        ulp={"value": 10, "slope": 10},
        cite="integral of t**k exp(t x) over 0 < t < 1, differentiated under the integral",
    ),
    Row(
        "log1p", h.log1p, quiet(np.log1p), mp(mpmath.log1p), vector("log1p"), r"\operatorname{log1p}",
        definition=log(1 + X), complex=np.log1p, domain=(-1, INF),
    ),
    Row(
        "log1mexp", h.log1mexp, quiet(_log1mexp), mp(_log1mexp_mp),
        formula(h.where(Rational(-7, 10) < X, log(-h.expm1(X)), h.log1p(-exp(X)))), r"\operatorname{log1mexp}",
        definition=log(1 - exp(X)), atoms=(h.bose(-X), h.bose(X)), complex=lambda z: np.log(-np.expm1(z)),
        domain=(-INF, 0), cite="log(1 - exp(x)) for x < 0; Maechler, Accurately computing log(1 - exp(-|a|)), 2012",
    ),
    Row(
        "bose", h.bose, quiet(lambda x: 1 / np.expm1(x)), mp(lambda x: 1 / mpmath.expm1(x)), formula(1 / h.expm1(X)),
        r"\frac{1}{e^{{0}} - 1}", definition=1 / (exp(X) - 1), atoms=(h.bose(X), h.bose(-X)),
        complex=lambda z: 1 / np.expm1(z),
    ),
    Row(
        "xlogx", h.xlogx, quiet(lambda x: scipy.special.xlogy(x, x)), mp(lambda x: x * mpmath.log(x) if x else x),
        formula(h.where(Eq(X, 0), 0, X * log(X))), r"[0] \log\left({0}\right)", definition=X * log(X),
        ulp={"slope": 64},  # log(x) + 1 beside its zero 1/e
        complex=lambda z: z * np.log(z), domain=(0, INF),
    ),
    Row(
        "xlogy", h.xlogy, sp("xlogy"), mp(lambda x, y: x * mpmath.log(y) if x else x),
        formula(h.where(Eq(X, 0), 0, X * log(Y)), X, Y), r"{0} \log {1}", arguments=(X, Y),
        slopes=(h.where(Eq(X, 0) & (Y <= 0), 0, log(Y)), h.where(Eq(X, 0), 0, X / Y)), definition=X * log(Y),
        complex=lambda x, y: x * np.log(y), domain=(0, INF),
        kinks=(Kink((0, 0), (0, 0), "0 log 0 = 0 stays 0 when either moves, as in PyTorch for the first"),),
    ),
    Row(
        "binary_entropy", h.binary_entropy, quiet(lambda p: scipy.special.entr(p) - scipy.special.xlog1py(1 - p, -p)),
        mp(_binary_entropy_mp),
        formula(h.where(Rational(1, 2) < X, -h.xlogx(1 - X) - X * log(X),
                        -h.xlogx(X) - (1 - X) * h.log1p(-X))),
        r"H_2", definition=-X * log(X) - (1 - X) * log(1 - X), atoms=(h.logit(X),),
        complex=lambda p: -p * np.log(p) - (1 - p) * np.log1p(-p), domain=(0, 1), cite="in nats",
    ),
    Row(
        "logaddexp", h.logaddexp, quiet(np.logaddexp), mp(_logaddexp_mp),
        formula(h.where(Eq(X, Y), X + log(2), h.maximum(X, Y) + h.log1p(exp(-h.abs(X - Y)))), X, Y),
        r"\log\left(e^{{0}} + e^{{1}}\right)", definition=log(exp(X) + exp(Y)),
        atoms=(h.sigmoid(X - Y), h.sigmoid(Y - X)), arguments=(X, Y), complex=_logaddexp_complex,
        ulp={"slope": 400},  # x - y is rounded: error |x - y| u
    ),
    Row(
        "sinc", h.sinc, quiet(lambda x: np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1.0, x))), mp(mpmath.sinc),
        formula(h.where(Eq(X, 0), 1, sympy.sin(X) / X)), r"\operatorname{sinc}", definition=sympy.sin(X) / X,
        slopes=(-h.spherical_jn(1, X),), ulp={"slope": 8}, complex=_sinc_complex, cite="sin(x)/x; DLMF 10.51.3",
    ),
    Row(
        "spherical_jn", h.spherical_jn, quiet(lambda n, x: scipy.special.spherical_jn(n.astype(np.int64), x)),
        mp(_jn_mp), source("spherical_jn"), r"j_{{0}}\left({1}\right)",
        slopes=(None, (X * h.spherical_jn(X - 1, Y) - (X + 1) * h.spherical_jn(X + 1, Y)) / (2 * X + 1)),
        arguments=(X, Y), orders=(0, 1, 2), ulp={"value": 8, "slope": 64}, cite="DLMF 10.51.2",
    ),
    Row(
        "stumpff", h.stumpff, quiet(np.vectorize(stumpff, otypes=[float])), mp(_stumpff_mp), vector("stumpff"),
        r"c_{{0}}\left({1}\right)",
        slopes=(None, h.where(  # one form cancels where the root is large, the other where it is small
            (Y < 10) | Eq(X, 0), (X * h.stumpff(X + 2, Y) - h.stumpff(X + 1, Y)) / 2,
            (h.stumpff(X - 1, Y) - X * h.stumpff(X, Y)) / (2 * Y))),
        arguments=(X, Y), orders=(0, 1, 2, 3), domain=(-1, 2.0**38),  # beyond, the root's last bits are full turns
        ulp={"slope": 16},  # a difference of two neighbours
        cite="K. Stumpff, Himmelsmechanik I (1959), chapter V: entire functions of the square of an angle",
    ),
]  # fmt: skip
