r"""The evidence lower bound: log p(x) >= E_q[log p(x|z)] - KL(q(z) || p(z)), derived by Jensen's inequality.

For densities whose evidence can be integrated the bound is certified: the gap is KL(q || p(z|x)).

>>> from .densities import bernoulli
>>> z = sympy.Symbol("z", real=True)
>>> elbo(bernoulli("1/2", z), bernoulli("(1 + z)/3"), bernoulli("1/2", z)).value
-log(3) + log(2)/2
"""

from __future__ import annotations

import sympy

from ..calculus.patience import within
from ..calculus.rewrite import Rule
from ..calculus.scalar import check
from ..calculus.scalar.integral import compare, settle
from ..calculus.scalar.operators import Definite
from ..calculus.scalar.steps import Calculation
from ..errors import CheckError, SymgradError, explain
from ..ir.system import Step
from .densities import Density
from .divergence import kl
from .means import SECONDS, mean
from .report import Report

KINGMA = "Kingma and Welling, Auto-encoding variational Bayes, 2014"


def _stated(after: str, before) -> str:
    return after


JENSEN = Rule("Jensen: the logarithm is concave", _stated, "Jensen, Acta Mathematica 30 (1906)", relation=r"\ge")
THEOREM = (
    ("marginalisation", r"\log p(x)", r"\log \int p(x \mid z)\, p(z)\, dz"),
    ("multiplied and divided by q", "", r"\log \mathbb{E}_{q}\left[\frac{p(x \mid z)\, p(z)}{q(z)}\right]"),
    ("", "", r"\mathbb{E}_{q}\left[\log \frac{p(x \mid z)\, p(z)}{q(z)}\right]"),
    ("logarithm of a product", "",
     r"\mathbb{E}_{q}\left[\log p(x \mid z)\right] - \mathbb{E}_{q}\left[\log \frac{q(z)}{p(z)}\right]"),
    ("definition of the divergence", "",
     r"\mathbb{E}_{q}\left[\log p(x \mid z)\right] - \mathrm{KL}\left(q \,\|\, p\right)"),
)  # fmt: skip


def elbo(prior: Density, likelihood: Density, q: Density, seconds: float = SECONDS) -> Report:
    """The bound for p(z) = `prior`, p(x|z) = `likelihood` (its parameters hold z), q(z) = `q`.

    `.value` is the bound in closed form. Where the evidence can be integrated, log p(x) - bound = KL(q || p(z|x)) is
    checked; the conclusion says whether it was.
    """
    z = q.variable
    prior = prior.renamed(z)
    if z not in likelihood.log_density.free_symbols:
        raise SymgradError(f"the likelihood does not depend on {z}: give it a parameter that holds {z}.")
    with within(seconds, "this bound"):
        fit, divergence = mean(likelihood.log_density, q), kl(q, prior, seconds)
        bound = sympy.expand(fit.value - divergence.value)
        certified = _gap(prior, likelihood, q, bound)
    last = Step("both terms found above", THEOREM[-1][2], bound)
    steps = (*_theorem(), *fit.steps, *divergence.steps, last)
    return Report("Evidence lower bound", "", steps, certified, bound, KINGMA)


def _theorem() -> list[Step]:
    steps: list[Step] = []
    for name, before, after in THEOREM:
        start = before or steps[-1].after
        steps.append(Step(name or JENSEN, start, after, after))
    return steps


def _gap(prior: Density, likelihood: Density, q: Density, bound: sympy.Expr) -> str:
    """log p(x) - bound = KL(q || posterior) >= 0, with the posterior from Bayes' rule."""
    z = q.variable
    if prior.discrete or likelihood.discrete:
        return "The evidence was not integrated."
    try:
        start = Definite(likelihood.density * prior.density, z, *prior.support)
        evidence = settle(Calculation(start)).result
        compare(start, evidence)
        log_posterior = likelihood.log_density + prior.log_density - sympy.log(evidence)
        gap = mean(q.log_density - sympy.expand_log(log_posterior), q)
    except SymgradError as error:
        return f"The evidence has no closed form here: {str(error).splitlines()[0]}"
    difference = sympy.expand_log(sympy.log(evidence)) - bound
    if check.agree(difference, gap.value) in (None, 0):
        raise CheckError(explain("the gap of the bound is not the divergence from the posterior.", f"{difference}"))
    return "Certified: the gap to the integrated evidence is the divergence of q from the posterior."
