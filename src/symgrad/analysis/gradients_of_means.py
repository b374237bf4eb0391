r"""Gradients of expectations: the reparameterisation z = mu + sigma eps, and the score function.

>>> reparameterisation("mu", "sigma").value
(1, eps)
>>> from .densities import normal
>>> score(normal("mu", "sigma"), "mu").value
(-mu + x)/sigma**2
"""

from __future__ import annotations

import sympy
from sympy import S, Symbol

from ..calculus.patience import within
from ..calculus.scalar import check
from ..calculus.scalar.derivative import derivative
from ..calculus.scalar.steps import tidy
from ..errors import CheckError, SymgradError, explain
from ..functions import to_sympy, translate
from .densities import Density, Value, value
from .means import SECONDS, mean
from .report import Report

KINGMA = "Kingma and Welling, Auto-encoding variational Bayes, 2014, section 2.4"
WILLIAMS = "Williams, Simple statistical gradient-following algorithms, Machine Learning 8 (1992)"


def reparameterisation(mu: Value = "mu", sigma: Value = "sigma") -> Report:
    """z = mu + sigma eps with eps standard normal: dz/dmu and dz/dsigma, so that d E[f(z)] = E[f'(z) dz]."""
    names = [str(n) for n in (mu, sigma)]
    if not all(n.isidentifier() for n in names):
        raise SymgradError("mu and sigma are names.")
    m, s, eps = value(names[0]), value(names[1], positive=True), Symbol("eps", real=True)
    z = m + s * eps
    slopes = [derivative(z, by) for by in (m, s)]
    steps = tuple(step for d in slopes for step in d.steps)
    found = tuple(d.result for d in slopes)
    conclusion = f"With $z = {sympy.latex(z)}$: $dz/d{sympy.latex(m)} = {sympy.latex(found[0])}$ and " \
                 f"$dz/d{sympy.latex(s)} = {sympy.latex(found[1])}$."
    return Report("Reparameterisation", z, steps, conclusion, found, KINGMA)


def score(p: Density, parameter: str | Symbol, seconds: float = SECONDS) -> Report:
    r"""d log p/d parameter, for d E[f] = E[f d log p]. That its own expectation is 0 is derived and checked."""
    known = {s.name: s for s in p.log_density.free_symbols - {p.variable}}
    if str(parameter) not in known:
        names = ", ".join(sorted(known)) or "it has none"
        raise SymgradError(f"{parameter} is not a parameter of this density: {names}.")
    with within(seconds, "this score"):
        slope = derivative(translate(p.log_density), known[str(parameter)])
        found = tidy(to_sympy(slope.result))
        zero = mean(found, p)
    if zero.value != 0 and check.agree(zero.value, S.Zero) in (None, 0):
        raise CheckError(explain("the expectation of a score is 0, and this one's is not.", str(zero.value)))
    conclusion = r"$\nabla \mathbb{E}[f(x)] = \mathbb{E}[f(x) \nabla \log p(x)]$; the score has expectation 0."
    return Report("Score-function estimator", p.log_density, (*slope.steps, *zero.steps), conclusion, found, WILLIAMS)
