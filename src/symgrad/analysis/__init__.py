"""Questions about a formula, each answered by a `Report`: steps that can be replayed, a conclusion, a value.

A row in the table below is a public name; its module is loaded when the name is first used (PEP 562).
"""

from __future__ import annotations

import importlib

from ..errors import did_you_mean

_MODULES = {
    "Density": "densities",
    "Report": "report",
    "bernoulli": "densities",
    "beta": "densities",
    "categorical": "densities",
    "cross_entropy": "means",
    "dirichlet": "densities",
    "independent": "densities",
    "normal_vector": "densities",
    "elbo": "evidence",
    "entropy": "means",
    "expectation": "means",
    "exponential": "densities",
    "gamma": "densities",
    "jensen_shannon": "divergence",
    "kl": "divergence",
    "laplace": "densities",
    "marginal": "means",
    "mutual_information": "divergence",
    "negative_log_likelihood": "likelihood",
    "normal": "densities",
    "normalisation": "means",
    "penalty": "likelihood",
    "reparameterisation": "gradients_of_means",
    "score": "gradients_of_means",
    "variance": "means",
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
