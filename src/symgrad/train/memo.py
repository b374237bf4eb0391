"""Derived Systems and kernels of this process, kept: a grid search fits one program many times.

The key is the text of a System's tensors and equations, never its identity; what is kept is immutable or made to be
shared (a kernel's arrays belong to what is bound from it).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..ir.system import System
from ..kernels import compile_system
from ..library.lift import TrainingStep
from ..library.optimizers import Optimizer
from .model import training_system

KEPT = 32


class Keyed:
    """A System that is equal to another of the same text."""

    def __init__(self, system: System):
        self.system = system
        self.text = repr((list(system.tensors.values()), system.equations, system.outputs, dict(system.updates)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def kernel_of(system: System, dtype: str, target: str = "cpu") -> Any:
    """The kernel of a System whose data are checked by the caller."""
    return _kernel(Keyed(system), dtype, target)


@lru_cache(KEPT)
def _kernel(keyed: Keyed, dtype: str, target: str) -> Any:
    return compile_system(keyed.system, target, dtype, check_facts=False)


def step_of(model: System, loss: str, optimizer: Optimizer) -> TrainingStep:
    """Loss, gradient and update in one System."""
    return _step(Keyed(model), loss, _Rule(optimizer))


class _Rule:
    """An optimiser that is equal to another of the same equations: the values of its numbers are inputs."""

    def __init__(self, optimizer: Optimizer):
        self.optimizer = optimizer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rule) and self.optimizer.text == other.optimizer.text

    def __hash__(self) -> int:
        return hash(self.optimizer.text)


@lru_cache(KEPT)
def _step(keyed: Keyed, loss: str, rule: _Rule) -> TrainingStep:
    return training_system(keyed.system, loss, rule.optimizer)
