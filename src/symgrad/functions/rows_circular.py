"""Inverse trigonometric and hyperbolic functions. Kernels call libm for the inverses: one scalar at a time."""

from __future__ import annotations

import mpmath
import numpy as np
import sympy
from sympy import Rational, exp, sqrt

from . import heads as h
from .reference import mp, quiet
from .row import Row, X, formula, math_, vector

INF = float("inf")
LARGE = 2**30  # x**2 + 1 is x**2 here, and x**2 does not overflow yet in float32


CIRCULAR = [
    Row(
        "asin", h.asin, quiet(np.arcsin), mp(mpmath.asin), math_("asin"), r"\arcsin", domain=(-1, 1),
        slopes=(1 / (sqrt(1 - X) * sqrt(1 + X)),), complex=np.arcsin, cite="DLMF 4.24.7",
    ),
    Row(
        "acos", h.acos, quiet(np.arccos), mp(mpmath.acos), math_("acos"), r"\arccos", domain=(-1, 1),
        slopes=(-1 / (sqrt(1 - X) * sqrt(1 + X)),), complex=np.arccos, cite="DLMF 4.24.8",
    ),
    Row(
        "atan", h.atan, quiet(np.arctan), mp(mpmath.atan), math_("atan"), r"\arctan", definition=sympy.atan(X),
        complex=np.arctan, cite="DLMF 4.24.9",
    ),
    Row(
        "sinh", h.sinh, quiet(np.sinh), mp(mpmath.sinh), vector("sinh"), r"\sinh",
        definition=(exp(X) - exp(-X)) / 2, atoms=(h.cosh(X),), complex=np.sinh,
    ),
    Row(
        "cosh", h.cosh, quiet(np.cosh), mp(mpmath.cosh), vector("cosh"), r"\cosh",
        definition=(exp(X) + exp(-X)) / 2, atoms=(h.sinh(X),), complex=np.cosh,
    ),
    Row(
        "asinh", h.asinh, quiet(np.arcsinh), mp(mpmath.asinh), math_("asinh"), r"\operatorname{arsinh}",
        definition=sympy.asinh(X), atoms=(h.asinh_slope(X),), complex=np.arcsinh,
    ),
    Row(
        "asinh_slope", h.asinh_slope, quiet(lambda x: 1 / np.hypot(1, x)), mp(lambda x: 1 / mpmath.sqrt(1 + x * x)),
        formula(h.where(h.abs(X) < LARGE, 1 / sqrt(1 + X**2), 1 / h.abs(X))), r"\frac{1}{\sqrt{1 + [0]^2}}",
        definition=(1 + X**2) ** Rational(-1, 2), atoms=(X, h.asinh_slope(X)), complex=lambda z: 1 / np.sqrt(1 + z * z),
    ),
    Row(
        "acosh", h.acosh, quiet(np.arccosh), mp(mpmath.acosh), math_("acosh"), r"\operatorname{arcosh}",
        slopes=(1 / (sqrt(X - 1) * sqrt(X + 1)),), domain=(1, INF), complex=np.arccosh, cite="DLMF 4.37.7",
    ),
    Row(
        "atanh", h.atanh, quiet(np.arctanh), mp(mpmath.atanh), math_("atanh"), r"\operatorname{artanh}",
        definition=(sympy.log(1 + X) - sympy.log(1 - X)) / 2, atoms=(1 - X, 1 + X), domain=(-1, 1), complex=np.arctanh,
    ),
]  # fmt: skip
