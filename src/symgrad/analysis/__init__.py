"""Questions about a formula, each answered by a `Report`: steps that can be replayed, a conclusion, a value.

A row in the table below is a public name; its module is loaded when the name is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ..errors import did_you_mean

if TYPE_CHECKING:  # what editors and type checkers read; the same names
    from .conjugate import posterior
    from .constrained import kkt, lagrange
    from .convex import convexity
    from .critical import critical_points
    from .densities import (
        Density,
        bernoulli,
        beta,
        binomial,
        categorical,
        dirichlet,
        exponential,
        gamma,
        geometric,
        independent,
        laplace,
        negative_binomial,
        normal,
        normal_vector,
        poisson,
    )
    from .descent import gradient_descent_rate
    from .divergence import jensen_shannon, kl, mutual_information
    from .evidence import elbo
    from .gradients_of_means import reparameterisation, score
    from .identities import identity
    from .implicitly import argmin_derivative, hypergradient, implicit
    from .information import fisher
    from .likelihood import negative_log_likelihood, penalty
    from .means import cross_entropy, entropy, expectation, marginal, variance
    from .multipliers import stationarity
    from .networks import largest_difference, separable, stacked_linear, vanishing_gradient, variance_propagation
    from .normaliser import normalisation
    from .perturbation import spectral
    from .pieces import meets
    from .recurrences import recurrence
    from .report import Report
    from .stability import gradient_flow, lyapunov
    from .variations import euler_lagrange, maximum_entropy

_MODULES = {
    "Density": "densities",
    "Report": "report",
    "argmin_derivative": "implicitly",
    "bernoulli": "densities",
    "beta": "densities",
    "binomial": "densities",
    "categorical": "densities",
    "convexity": "convex",
    "critical_points": "critical",
    "cross_entropy": "means",
    "dirichlet": "densities",
    "elbo": "evidence",
    "entropy": "means",
    "euler_lagrange": "variations",
    "expectation": "means",
    "exponential": "densities",
    "fisher": "information",
    "gamma": "densities",
    "geometric": "densities",
    "gradient_descent_rate": "descent",
    "gradient_flow": "stability",
    "hypergradient": "implicitly",
    "identity": "identities",
    "implicit": "implicitly",
    "independent": "densities",
    "jensen_shannon": "divergence",
    "kkt": "constrained",
    "kl": "divergence",
    "lagrange": "constrained",
    "laplace": "densities",
    "largest_difference": "networks",
    "lyapunov": "stability",
    "marginal": "means",
    "maximum_entropy": "variations",
    "meets": "pieces",
    "mutual_information": "divergence",
    "negative_binomial": "densities",
    "negative_log_likelihood": "likelihood",
    "normal": "densities",
    "normal_vector": "densities",
    "normalisation": "normaliser",
    "penalty": "likelihood",
    "poisson": "densities",
    "posterior": "conjugate",
    "recurrence": "recurrences",
    "reparameterisation": "gradients_of_means",
    "score": "gradients_of_means",
    "separable": "networks",
    "spectral": "perturbation",
    "stacked_linear": "networks",
    "stationarity": "multipliers",
    "vanishing_gradient": "networks",
    "variance": "means",
    "variance_propagation": "networks",
}

__all__ = [
    "Density",
    "Report",
    "argmin_derivative",
    "bernoulli",
    "beta",
    "binomial",
    "categorical",
    "convexity",
    "critical_points",
    "cross_entropy",
    "dirichlet",
    "elbo",
    "entropy",
    "euler_lagrange",
    "expectation",
    "exponential",
    "fisher",
    "gamma",
    "geometric",
    "gradient_descent_rate",
    "gradient_flow",
    "hypergradient",
    "identity",
    "implicit",
    "independent",
    "jensen_shannon",
    "kkt",
    "kl",
    "lagrange",
    "laplace",
    "largest_difference",
    "lyapunov",
    "marginal",
    "maximum_entropy",
    "meets",
    "mutual_information",
    "negative_binomial",
    "negative_log_likelihood",
    "normal",
    "normal_vector",
    "normalisation",
    "penalty",
    "poisson",
    "posterior",
    "recurrence",
    "reparameterisation",
    "score",
    "separable",
    "spectral",
    "stacked_linear",
    "stationarity",
    "vanishing_gradient",
    "variance",
    "variance_propagation",
]


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}. {did_you_mean(name, __all__)}".rstrip())
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
