"""Questions about a formula, each answered by a `Report`: steps that can be replayed, a conclusion, a value.

A row in the table below is a public name; its module is loaded when the name is first used (PEP 562).
"""

from __future__ import annotations

import importlib

from ..errors import did_you_mean

_MODULES = {
    "Density": "densities",
    "Report": "report",
    "argmin_derivative": "implicitly",
    "bernoulli": "densities",
    "beta": "densities",
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
    "gamma": "densities",
    "gradient_descent_rate": "descent",
    "gradient_flow": "stability",
    "hypergradient": "implicitly",
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
    "mutual_information": "divergence",
    "negative_log_likelihood": "likelihood",
    "normal": "densities",
    "normal_vector": "densities",
    "normalisation": "means",
    "penalty": "likelihood",
    "posterior": "conjugate",
    "reparameterisation": "gradients_of_means",
    "score": "gradients_of_means",
    "separable": "networks",
    "spectral": "perturbation",
    "stacked_linear": "networks",
    "vanishing_gradient": "networks",
    "variance": "means",
    "variance_propagation": "networks",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}. {did_you_mean(name, __all__)}".rstrip())
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
