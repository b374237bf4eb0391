r"""Maximum likelihood: a loss is the negative logarithm of a density, less what the prediction does not change.

>>> negative_log_likelihood("normal").value
(-mu + x)**2
>>> negative_log_likelihood("bernoulli").value
-x*log(rho) - (1 - x)*log(1 - rho)
>>> penalty("laplace").value
Abs(w)
"""

from __future__ import annotations

from collections.abc import Callable

import sympy
from sympy import Abs, Add, Expr, KroneckerDelta, S, Symbol

from ..calculus.scalar import check
from ..calculus.scalar.steps import line_rule
from ..errors import CheckError, SymgradError, did_you_mean
from ..ir.system import Step
from . import densities
from .densities import Density
from .report import Report

GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016, sections 5.5 and 5.6.1"
LIKELIHOODS: dict[str, tuple[Callable[[], Density], str]] = {
    "normal": (densities.normal, "the squared error: with sigma fixed, its mean over the data is the MSE"),
    "laplace": (densities.laplace, "the absolute error: with b fixed, its mean over the data is the MAE"),
    "bernoulli": (densities.bernoulli, "the binary cross-entropy"),
    "categorical": (densities.categorical, "the categorical cross-entropy, with the label one-hot"),
    "exponential": (densities.exponential, "the exponential deviance"),
}


def _negative_log(density: Density, line) -> Expr:
    return Add(*(-term for term in Add.make_args(sympy.expand_log(density.log_density))))


def _without_constants(parameters: tuple[Symbol, ...], line: Expr) -> Expr:
    """Addends in which no predicted parameter stands do not change the minimiser."""
    return Add(*(term for term in Add.make_args(line) if term.free_symbols & set(parameters)))


def _without_factor(parameters: tuple[Symbol, ...], line: Expr) -> Expr:
    """A positive factor that holds no prediction does not change the minimiser."""
    return _factor(line, parameters)[1]


def _factor(line: Expr, parameters: tuple[Symbol, ...]) -> tuple[Expr, Expr]:
    if isinstance(line, Add):
        return S.One, line
    kept = [f for f in sympy.Mul.make_args(line) if f.free_symbols & set(parameters)]
    rest = sympy.Mul(*kept)
    constant = line / rest
    return (constant, rest) if constant.is_positive else (S.One, line)


NEGATIVE_LOG = line_rule("negative log-likelihood", _negative_log)
CONSTANTS = line_rule("terms without the prediction dropped", _without_constants, relation=r"\simeq")
FACTOR = line_rule("positive factor dropped", _without_factor, relation=r"\simeq")


def negative_log_likelihood(name: str) -> Report:
    """-log p(x | parameters) of one observation as a loss of the predicted parameter.

    `name` is normal, laplace, bernoulli, categorical or exponential. The dropped terms and factor are steps; that
    they do not move the minimiser is checked: the slopes are equal up to the factor.
    """
    if name not in LIKELIHOODS:
        raise SymgradError(f"{name!r} is not among {', '.join(LIKELIHOODS)}. {did_you_mean(str(name), LIKELIHOODS)}")
    make, meaning = LIKELIHOODS[name]
    density = make()
    predicted = density.parameters if density.discrete or name == "exponential" else density.parameters[:1]
    return _loss(density, predicted, f"Maximum likelihood: {density.name}", meaning)


def penalty(name: str) -> Report:
    """-log of the prior of a weight w: normal gives L2, laplace L1."""
    priors = {"normal": (densities.normal, "L2 regularisation (weight decay)"), "laplace": (densities.laplace, "L1")}
    if name not in priors:
        raise SymgradError(f"{name!r} is not among {', '.join(priors)}. {did_you_mean(str(name), priors)}")
    w = Symbol("w", real=True)
    return _loss(priors[name][0](0, "tau", w), (w,), f"Prior of a weight: {name}", priors[name][1])


def _loss(density: Density, predicted: tuple, title: str, meaning: str) -> Report:
    first = NEGATIVE_LOG.step(density, density.log_density)
    first = Step(first.rule, r"-\log p(x)", first.after, density)
    second = CONSTANTS.step(predicted, first.after)
    third = FACTOR.step(predicted, second.after)
    steps = tuple(s for s in (first, second, third) if s.before != s.after)
    loss = _indexed(third.after, density)
    scale, _ = _factor(second.after, predicted)
    for parameter in predicted:
        if not _same_slope(first.after, scale * third.after, parameter):
            raise CheckError(f"dropping terms changed the slope by {parameter}.")
    return Report(title, "", steps, f"This is {meaning}.", loss, GOODFELLOW)


def _same_slope(whole: Expr, kept: Expr, parameter: Symbol) -> bool:
    smooth = [f.replace(Abs, lambda g: sympy.sqrt(g**2)).replace(KroneckerDelta, lambda i, j: Symbol(f"y_{j}"))
              for f in (whole, kept)]
    return check.agree(smooth[0].diff(parameter), smooth[1].diff(parameter)) not in (None, 0)


def _indexed(loss: Expr, density: Density) -> Expr:
    """delta_{x k} is the k-th entry of the one-hot label y."""
    return loss.replace(KroneckerDelta, lambda i, j: Symbol(f"y_{j if j.is_number else i}", real=True))
