"""Rows: error function, normal distribution, gamma function."""

from __future__ import annotations

import mpmath
import numpy as np
import scipy
from sympy import exp, log, pi, sqrt

from . import heads as h
from . import special
from .reference import mp, pointwise, quiet, sp
from .row import Row, X, Y, formula, source, vector

INF = float("inf")


def _erfc_mp(x):
    """mpmath's erfc overflows for huge arguments: the first terms of the asymptotic series there."""
    if x < 1e30:
        return mpmath.erfc(x)
    return mpmath.exp(-x * x) / (x * mpmath.sqrt(mpmath.pi)) * (1 - 1 / (2 * x * x))


def _ndtr_mp(x):
    return _erfc_mp(-x / mpmath.sqrt(2)) / 2


def _mills_mp(x):
    return mpmath.npdf(x) / _ndtr_mp(x) if x > -1e20 else _mills_gap_mp(x) - x


def _mills_gap_mp(x):
    if x < -1e20:  # 1/a - 2/a**3 + ..., where the sum would cancel
        return -1 / x + 2 / x**3 - 10 / x**5
    with mpmath.extraprec(max(0, 4 * mpmath.mag(x)) if x else 0):
        return x + _mills_mp(x)


def _erfcx_mp(x):
    return mpmath.exp(x * x) * _erfc_mp(x)


def _log_ndtr_mp(x):
    return mpmath.log(_ndtr_mp(x)) if x < 0 else mpmath.log1p(-_ndtr_mp(-x))


def _erfinv_slope_mp(x):
    return mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(mpmath.erfinv(x) ** 2)


def _lgamma_mp(x):
    if x > 0:
        return mpmath.loggamma(x)
    return mpmath.log(mpmath.pi / abs(mpmath.sinpi(x))) - mpmath.loggamma(1 - x)


def _lgamma_complex(z):
    """The analytic function that is log|Gamma| on the real axis; left of 0 by reflection (DLMF 5.5.3)."""
    left = np.real(z) <= 0
    sine = np.sin(np.pi * np.where(left, z, 0.5))
    reflected = np.log(np.pi / (sine * np.sign(np.real(sine))))
    return np.where(left, reflected, 0) + np.where(left, -1, 1) * scipy.special.loggamma(np.where(left, 1 - z, z))


def _psi_mp(n, x):
    """mpmath.psi, which takes |x| steps on the left, there with the reflection formula."""
    if x > -20:
        return mpmath.psi(n, x)
    cot = mpmath.cospi(x) / mpmath.sinpi(x)
    powers = [0, 1]  # of cot(pi x), whose derivative is -pi (1 + cot(pi x)**2)
    for _ in range(n):
        slope = [k * c for k, c in enumerate(powers)][1:]
        powers = [-a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope])]
    return (-1) ** n * mpmath.psi(n, 1 - x) - mpmath.pi ** (n + 1) * sum(c * cot**k for k, c in enumerate(powers))


# ULP tolerances other than 4: the derivative of gelu has two terms that cancel beside its zero, by up to a factor 64;
# those of erfcx and mills_gap cancel in a tail (no derivative of the public functions, first or second, contains them);
# polygamma multiplies several rounded powers.
NORMAL = [
    Row("erf", h.erf, sp("erf"), mp(mpmath.erf), vector("erf"), r"\operatorname{erf}",
        slopes=(2 / sqrt(pi) * h.gaussian(X),), complex=sp("erf"), cite="DLMF 7.2.1"),
    Row("erfc", h.erfc, sp("erfc"), mp(_erfc_mp), vector("erfc"), r"\operatorname{erfc}",
        definition=1 - h.erf(X), complex=sp("erfc")),
    Row("gaussian", h.gaussian, quiet(lambda x: np.exp(-x * x)), mp(lambda x: mpmath.exp(-x * x)), vector("gaussian"),
        r"e^{-[0]^{2}}", definition=exp(-X**2), atoms=(h.gaussian(X), X), complex=lambda z: np.exp(-z * z)),
    Row("erfcx", h.erfcx, sp("erfcx"), mp(_erfcx_mp), vector("erfcx"), r"\operatorname{erfcx}",
        definition=exp(X**2) * h.erfc(X), slopes=(2 * X * h.erfcx(X) - 2 / sqrt(pi),), ulp={"slope": INF},
        complex=sp("erfcx")),
    Row("erfinv", h.erfinv, sp("erfinv"), mp(mpmath.erfinv), vector("erfinv"),
        r"\operatorname{erf}^{-1}\left({0}\right)",
        slopes=(h.erfinv_slope(X),), domain=(-1, 1), cite="the inverse of erf: 1/erf'(erfinv(x))"),
    Row("erfinv_slope", h.erfinv_slope, quiet(lambda x: np.sqrt(np.pi) / 2 * np.exp(scipy.special.erfinv(x) ** 2)),
        mp(_erfinv_slope_mp), formula(sqrt(pi) / 2 * h.erfcx(h.abs(h.erfinv(X))) / (1 - h.abs(X))),
        r"\left(\operatorname{erf}^{-1}\right)^{\prime}\left({0}\right)",
        definition=sqrt(pi) / 2 * exp(h.erfinv(X) ** 2),
        atoms=(h.erfinv(X), h.erfinv_slope(X)), domain=(-1, 1), ulp={"slope": 8}),
    Row("ndtr", h.ndtr, sp("ndtr"), mp(_ndtr_mp), vector("ndtr"), r"\Phi",
        definition=h.erfc(-X / sqrt(2)) / 2, atoms=(h.norm_pdf(X),), complex=sp("ndtr")),
    Row("norm_pdf", h.norm_pdf, quiet(lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi)), mp(mpmath.npdf),
        vector("norm_pdf"), r"\phi", definition=exp(-(X**2) / 2) / sqrt(2 * pi), atoms=(h.norm_pdf(X), X),
        complex=lambda z: np.exp(-z * z / 2) / np.sqrt(2 * np.pi)),
    Row("gelu", h.gelu, quiet(lambda x: x * scipy.special.ndtr(x)), mp(lambda x: x * _ndtr_mp(x)), vector("gelu"),
        r"\operatorname{gelu}", definition=X * h.ndtr(X), ulp={"slope": 64}, complex=lambda z: z * sp("ndtr")(z),
        cite="Hendrycks and Gimpel, 2016"),
    Row("log_ndtr", h.log_ndtr, sp("log_ndtr"), mp(_log_ndtr_mp), vector("log_ndtr"), r"\log \Phi\left({0}\right)",
        definition=log(h.ndtr(X)), atoms=(h.inverse_mills(X),), complex=sp("log_ndtr")),
    Row("inverse_mills", h.inverse_mills, pointwise(special.inverse_mills), mp(_mills_mp), vector("inverse_mills"),
        r"\frac{\phi\left({0}\right)}{\Phi\left({0}\right)}", definition=h.norm_pdf(X) / h.ndtr(X),
        atoms=(h.inverse_mills(X), h.mills_gap(X)), ulp={"slope": 10}),
    Row("mills_gap", h.mills_gap, pointwise(special.mills_gap), mp(_mills_gap_mp), vector("mills_gap"),
        r"\operatorname{mills\_gap}", definition=X + h.inverse_mills(X), ulp={"value": 8, "slope": INF}),
]  # fmt: skip

GAMMA = [
    Row("lgamma", h.lgamma, sp("gammaln"), mp(_lgamma_mp), source("lgamma"),
        r"\log \Gamma\left({0}\right)", slopes=(h.digamma(X),), complex=_lgamma_complex,
        cite="log|Gamma(x)|; DLMF 5.2.2"),
    Row("digamma", h.digamma, sp("digamma"), mp(lambda x: _psi_mp(0, x)), source("digamma"), r"\psi",
        slopes=(h.trigamma(X),), complex=sp("digamma"), cite="DLMF 5.15.1"),
    Row("trigamma", h.trigamma, quiet(lambda x: scipy.special.polygamma(1, x)), mp(lambda x: _psi_mp(1, x)),
        source("trigamma"), r"\psi^{(1)}\left({0}\right)", slopes=(h.polygamma(2, X),), ulp={"slope": 8},
        cite="DLMF 5.15.1"),
    Row("polygamma", h.polygamma, quiet(lambda n, x: scipy.special.polygamma(n.astype(np.int64), x)),
        mp(lambda n, x: _psi_mp(int(n), x)), source("polygamma"), r"\psi^{({0})}\left({1}\right)",
        slopes=(None, h.polygamma(X + 1, Y)), arguments=(X, Y), orders=(2, 3, 4), ulp={"value": 12, "slope": 12},
        cite="DLMF 5.15.1"),
]  # fmt: skip
