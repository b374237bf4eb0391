"""Rows: the logistic function and its relatives, hyperbolic functions."""

from __future__ import annotations

import mpmath
import numpy as np
from sympy import Rational, exp, log, pi, sqrt

from . import heads as h
from .reference import mp, quiet, sp
from .row import Row, X, formula, vector

INF = float("inf")
NEAR_ZERO = {"slope": 64}  # the two terms of the derivative cancel beside its zero, by up to a factor 64
E = exp(-h.abs(X))
CUBIC = sqrt(8 / pi) * (X + Rational(44715, 10**6) * X**3)
# gelu_tanh beyond 50 is 0 or x to 3800 digits: the cubic is kept from overflowing there. Its rounding error, up to
# 3 u |cubic|, is the relative error of the left tail, where the cubic goes down to -708.


def _sech(x):
    e = np.exp(-np.abs(x))
    return 2 * e / (1 + e * e)


def _log_cosh(x):
    a = np.abs(x)
    return np.where(a < 1, np.log1p(2 * np.sinh(np.minimum(a, 1) / 2) ** 2), a + np.log1p(np.exp(-2 * a)) - np.log(2))


def _tanh_softplus_mp(x):
    e = mpmath.exp(x)
    return x * e * (e + 2) / (e * (e + 2) + 2)


SIGMOID = [
    Row(
        "sigmoid", h.sigmoid, sp("expit"), mp(lambda x: 1 / (1 + mpmath.exp(-x))), vector("sigmoid"),
        r"\sigma", definition=1 / (1 + exp(-X)), atoms=(h.sigmoid(X), h.sigmoid(-X)),
        complex=lambda z: 1 / (1 + np.exp(-z)),
    ),
    Row(
        "softplus", h.softplus, quiet(lambda x: np.logaddexp(0, x)), mp(lambda x: mpmath.log1p(mpmath.exp(x))),
        vector("softplus"), r"\operatorname{softplus}", definition=log(1 + exp(X)),
        atoms=(h.sigmoid(X), h.sigmoid(-X)), complex=lambda z: np.log1p(np.exp(z)),
    ),
    Row(
        "log_sigmoid", h.log_sigmoid, sp("log_expit"), mp(lambda x: -mpmath.log1p(mpmath.exp(-x))),
        formula(-h.softplus(-X)), r"\log \sigma\left({0}\right)", definition=-h.softplus(-X),
        complex=lambda z: -np.log1p(np.exp(-z)),
    ),
    Row(
        "logit", h.logit, sp("logit"), mp(lambda p: mpmath.log(p) - mpmath.log1p(-p)),
        formula(h.where((Rational(1, 4) < X) & (Rational(3, 4) > X), h.log1p((2 * X - 1) / (1 - X)), log(X / (1 - X)))),
        r"\operatorname{logit}", definition=log(X / (1 - X)), atoms=(X, 1 - X),
        complex=lambda p: np.log(p) - np.log1p(-p), domain=(0, 1),
    ),
    Row(
        "tanh", h.tanh, quiet(np.tanh), mp(mpmath.tanh), vector("tanh"), r"\tanh",
        definition=(exp(X) - exp(-X)) / (exp(X) + exp(-X)), atoms=(h.sech(X), h.tanh(X)), complex=np.tanh,
    ),
    Row(
        "sech", h.sech, quiet(_sech), mp(mpmath.sech), vector("sech"), r"\operatorname{sech}",
        definition=2 / (exp(X) + exp(-X)), atoms=(h.sech(X), h.tanh(X)), complex=lambda z: 1 / np.cosh(z),
    ),
    Row(
        "log_cosh", h.log_cosh, quiet(_log_cosh), mp(lambda x: mpmath.log1p(2 * mpmath.sinh(x / 2) ** 2)),
        formula(h.where(h.abs(X) < 1, h.log1p(h.expm1(X) ** 2 * exp(-X) / 2), h.abs(X) + h.log1p(E**2) - log(2))),
        r"\log \cosh\left({0}\right)", definition=log((exp(X) + exp(-X)) / 2), atoms=(h.sech(X), h.tanh(X)),
        complex=lambda z: np.log(np.cosh(z)),
    ),
    Row(
        "softsign", h.softsign, quiet(lambda x: x / (1 + np.abs(x))), mp(lambda x: x / (1 + abs(x))),
        formula(X / (1 + h.abs(X))), r"\operatorname{softsign}", definition=X / (1 + h.abs(X)),
        atoms=(1 + h.abs(X),), complex=lambda z: z / (1 + np.where(z.real < 0, -z, z)),
    ),
    Row(
        "silu", h.silu, quiet(lambda x: x * sp("expit")(x)), mp(lambda x: x / (1 + mpmath.exp(-x))),
        vector("silu"), r"\operatorname{silu}", definition=X * h.sigmoid(X),
        complex=lambda z: z / (1 + np.exp(-z)), ulp=NEAR_ZERO,
        slope_from=-707, cite="Elfwing, Uchibe and Doya, 2018",
    ),
    Row(
        "mish", h.mish, quiet(lambda x: x * np.tanh(np.logaddexp(0, x))), mp(_tanh_softplus_mp),
        vector("mish"), r"\operatorname{mish}", definition=X * h.tanh(h.softplus(X)),
        complex=lambda z: z * np.tanh(np.log1p(np.exp(z))), ulp={"slope": 128},
        slope_from=-707, cite="Misra, 2019",
    ),
    Row(
        "gelu_tanh", h.gelu_tanh, quiet(lambda x: x * sp("expit")(1.5957691216057308 * (x + 0.044715 * x**3))),
        mp(lambda x: x / (1 + mpmath.exp(-mpmath.sqrt(8 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)))),
        vector("gelu_tanh"), r"\operatorname{gelu}_{\tanh}",
        definition=h.where(X < -50, 0, h.where(X > 50, X, X * h.sigmoid(CUBIC))), ulp={"value": 1500, "slope": 1500},
        complex=lambda z: z / (1 + np.exp(-1.5957691216057308 * (z + 0.044715 * z**3))),
        cite="Hendrycks and Gimpel, 2016: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3)))",
    ),
]  # fmt: skip
