"""Rows: functions with kinks and jumps, each kink with the derivative that the table chooses there, as PyTorch does."""

from __future__ import annotations

import mpmath
import numpy as np
from sympy import Eq, Integer, Rational

from . import heads as h
from .reference import mp, quiet
from .row import Kink, Row, X, Y, formula, math_, source, vector

HALF = Rational(1, 2)
SCALE = Rational("1.0507009873554804934")
ALPHA = Rational("1.6732632423543772848")
BOTH = Rational("1.7580993408473768599")  # their product
TIE = (Kink((1, 1), (HALF, HALF), "a tie is shared equally, as in PyTorch"),)


def _float_pair(value):
    return mpmath.mpf(int(value.p)) / int(value.q)


def _identity(x):
    return x


def _elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0, x)))


def _elu_mp(x, alpha=1):
    return x if x > 0 else alpha * mpmath.expm1(x)


def _leaky_mp(x, slope=None):
    return x if x > 0 else x / 100 if slope is None else slope * x


def _hardsigmoid_mp(x):
    return min(max((x + 3) / 6, mpmath.mpf(0)), mpmath.mpf(1))


def _stop_complex(z):
    return np.real(z) + 0j


KINKED = [
    Row("stop", h.stop, quiet(_identity), _identity, formula(X), r"\operatorname{stop}", slopes=(Integer(0),),
        complex=_stop_complex, cite="the value of x, constant for every derivative"),
    Row("finite", h.finite, quiet(lambda x: np.where(np.isfinite(x), x, 0.0)),
        lambda x: x if mpmath.isfinite(x) else mpmath.mpf(0), vector("finite"),
        r"\operatorname{finite}", slopes=(Integer(1),), complex=lambda z: np.where(np.isfinite(z), z, 0)),
    Row("weighted", h.weighted, quiet(lambda w, x: np.where(w == 0, 0.0, w * x)), lambda w, x: w * x if w else w,
        formula(h.where(Eq(X, 0), 0, X * Y), X, Y), r"{0} \left({1}\right)", slopes=(Y, X), arguments=(X, Y),
        complex=lambda w, x: np.where(w == 0, 0, w * x), cite="w x, and 0 where the weight is 0 and x is infinite"),
    Row("sign", h.sign, quiet(np.sign), mp(mpmath.sign), formula(h.where(X > 0, 1, h.where(X < 0, -1, X))),
        r"\operatorname{sign}", jump="sign jumps at 0", complex=lambda z: np.sign(np.real(z)) + 0j),
    Row("floor", h.floor, quiet(np.floor), mp(mpmath.floor), source("round_down"),
        r"\left\lfloor {0} \right\rfloor", jump="floor jumps at every whole number",
        complex=lambda z: np.floor(np.real(z)) + 0j),
    Row("abs", h.abs, quiet(np.abs), mp(abs), math_("fabs"), r"\left|{0}\right|", slopes=(h.stop(h.sign(X)),),
        complex=lambda z: np.where(np.real(z) < 0, -z, z),
        kinks=(Kink(0, 0, "the middle of -1 and 1, as in PyTorch"),)),
    Row("maximum", h.maximum, quiet(np.maximum), mp(max),
        formula(h.where(X >= Y, X, h.where(X < Y, Y, X + Y)), X, Y), r"\max\left({0}, {1}\right)",
        definition=h.where(X > Y, X, h.where(X < Y, Y, (X + Y) / 2)), arguments=(X, Y), kinks=TIE,
        complex=lambda x, y: np.where(np.real(x) >= np.real(y), x, y)),
    Row("minimum", h.minimum, quiet(np.minimum), mp(min),
        formula(h.where(X <= Y, X, h.where(X > Y, Y, X + Y)), X, Y), r"\min\left({0}, {1}\right)",
        definition=h.where(X < Y, X, h.where(X > Y, Y, (X + Y) / 2)), arguments=(X, Y), kinks=TIE,
        complex=lambda x, y: np.where(np.real(x) <= np.real(y), x, y)),
    Row("relu", h.relu, quiet(lambda x: np.where(x <= 0, 0.0, x)), mp(lambda x: max(x, mpmath.mpf(0))),
        formula(h.where(X <= 0, 0, X)), r"\operatorname{relu}", definition=h.where(X <= 0, 0, X),
        complex=lambda z: np.where(np.real(z) <= 0, 0, z), kinks=(Kink(0, 0, "an inactive unit, as in PyTorch"),)),
    Row("leaky_relu", h.leaky_relu, quiet(lambda x, a=0.01: np.where(x > 0, x, a * x)),
        mp(_leaky_mp), formula(h.where(X > 0, X, Y * X), X, Y),
        r"\operatorname{leaky\_relu}", definition=h.where(X > 0, X, Y * X), arguments=(X, Y),
        complex=lambda z, a=0.01: np.where(np.real(z) > 0, z, a * z),
        kinks=(Kink((0, Rational(1, 100)), (Rational(1, 100), 0), "the left slope, as in PyTorch"),)),
    Row("prelu", h.prelu, quiet(lambda x, a: np.where(x > 0, x, a * x)), mp(lambda x, a: x if x > 0 else a * x),
        formula(h.where(X > 0, X, Y * X), X, Y), r"\operatorname{prelu}", definition=h.where(X > 0, X, Y * X),
        arguments=(X, Y), complex=lambda z, a: np.where(np.real(z) > 0, z, a * z),
        kinks=(Kink((0, Rational(1, 4)), (Rational(1, 4), 0), "the left slope, as in PyTorch"),)),
    Row("elu", h.elu, quiet(_elu), mp(_elu_mp), formula(h.where(X > 0, X, Y * h.expm1(X)), X, Y),
        r"\operatorname{elu}", definition=h.where(X > 0, X, Y * h.expm1(X)), arguments=(X, Y),
        complex=lambda z, a=1.0: np.where(np.real(z) > 0, z, a * np.expm1(z)),
        kinks=(Kink((0, 2), (2, 0), "the left slope, as in PyTorch; no kink for alpha = 1"),)),
    Row("selu", h.selu, quiet(lambda x: float(SCALE) * _elu(x, float(ALPHA))),
        mp(lambda x: _float_pair(SCALE) * _elu_mp(x, _float_pair(ALPHA))),
        formula(h.where(X > 0, SCALE * X, BOTH * h.expm1(X))), r"\operatorname{selu}",
        definition=h.where(X > 0, SCALE * X, BOTH * h.expm1(X)),
        complex=lambda z: float(SCALE) * np.where(np.real(z) > 0, z, float(ALPHA) * np.expm1(z)),
        kinks=(Kink(0, BOTH, "the left slope, as in PyTorch"),),
        cite="Klambauer, Unterthiner, Mayr and Hochreiter, 2017"),
    Row("hardsigmoid", h.hardsigmoid, quiet(lambda x: np.clip((x + 3) / 6, 0, 1)), mp(_hardsigmoid_mp),
        vector("hardsigmoid"), r"\operatorname{hardsigmoid}",
        definition=h.where(X <= -3, 0, h.where(X >= 3, 1, (X + 3) / 6)),
        complex=lambda z: np.where(np.real(z) <= -3, 0, np.where(np.real(z) >= 3, 1, (z + 3) / 6)),
        kinks=(Kink(-3, 0, "saturated, as in PyTorch"), Kink(3, 0, "saturated, as in PyTorch"))),
    Row("hardswish", h.hardswish, quiet(lambda x: x * np.clip((x + 3) / 6, 0, 1)), mp(lambda x: x * _hardsigmoid_mp(x)),
        formula(X * h.hardsigmoid(X)), r"\operatorname{hardswish}", definition=X * h.hardsigmoid(X),
        complex=lambda z: z * np.where(np.real(z) <= -3, 0, np.where(np.real(z) >= 3, 1, (z + 3) / 6)),
        kinks=(Kink(-3, 0, "saturated"), Kink(3, 1, "saturated")), ulp={"slope": 64},  # beside its zero -3/2
        cite="Howard et al., 2019"),
]  # fmt: skip
