"""symgrad: write the loss as mathematics; get its derivation, its LaTeX, and kernels that train."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .garbage import uncollected

with uncollected():
    from .api import Program, program
    from .calculus import time_limit
    from .errors import SymgradError, did_you_mean
    from .scalars import gradient, hessian, hvp, jacobian

if TYPE_CHECKING:  # what editors and type checkers read: the lazy names below
    from . import analysis
    from .library import activations, distributions, gallery, layers, losses, models, optimizers, schedules
    from .stepwise import explain, integral, limit, taylor
    from .train import Fit, bridges, curve_fit, fit, hypergradient, minimize, tables
    from .train import estimators as sklearn

__version__ = "0.1.0"

# public name -> module that defines it. These are loaded on first use (PEP 562): importing symgrad loads SymPy, which
# every program needs, but no Numba, no matplotlib, no scikit-learn.
_PUBLIC = {
    "fit": "symgrad.train",
    "Fit": "symgrad.train",
    "curve_fit": "symgrad.train",
    "minimize": "symgrad.train",
    "hypergradient": "symgrad.train",
    "sklearn": "symgrad.train.estimators",
    "tables": "symgrad.train.tables",
    "bridges": "symgrad.train.bridges",
    "optimizers": "symgrad.library.optimizers",
    "schedules": "symgrad.library.schedules",
    "models": "symgrad.library.models",
    "activations": "symgrad.library.activations",
    "losses": "symgrad.library.losses",
    "distributions": "symgrad.library.distributions",
    "layers": "symgrad.library.layers",
    "gallery": "symgrad.library.gallery",
    "analysis": "symgrad.analysis",
    "explain": "symgrad.stepwise",
    "limit": "symgrad.stepwise",
    "integral": "symgrad.stepwise",
    "taylor": "symgrad.stepwise",
}
_MODULES = {
    "analysis", "sklearn", "tables", "optimizers", "schedules", "models", "activations", "losses", "distributions",
    "layers", "gallery", "bridges",
}  # fmt: skip

__all__ = [
    "Fit",
    "Program",
    "SymgradError",
    "__version__",
    "activations",
    "analysis",
    "bridges",
    "curve_fit",
    "distributions",
    "explain",
    "fit",
    "gallery",
    "gradient",
    "hessian",
    "hvp",
    "hypergradient",
    "integral",
    "jacobian",
    "layers",
    "limit",
    "losses",
    "minimize",
    "models",
    "optimizers",
    "program",
    "schedules",
    "sklearn",
    "tables",
    "taylor",
    "time_limit",
]


def __getattr__(name: str):
    if name not in _PUBLIC:
        hint = did_you_mean(name, __all__)
        raise AttributeError(f"module 'symgrad' has no attribute {name!r}. {hint}".rstrip())
    module = importlib.import_module(_PUBLIC[name])
    value = module if name in _MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
