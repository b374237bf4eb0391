"""Constraints for SciPy: text such as "x + y <= 1", or tensors of a program between two limits; derivatives derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import NonlinearConstraint
from sympy.core.relational import Eq, GreaterThan, LessThan, Relational, StrictGreaterThan, StrictLessThan

from .. import calculus, notation
from ..errors import SymgradError
from ..ir.sizes import bind_shapes
from ..ir.system import System
from .data import shape_of
from .evaluate import Evaluator
from .formula import formula
from .limits import limits
from .objective import Objective
from .second_order import directions, hessian_product, product_of, weighted_sum

LIMITS = {
    Eq: (0.0, 0.0), LessThan: (-np.inf, 0.0), StrictLessThan: (-np.inf, 0.0),
    GreaterThan: (0.0, np.inf), StrictGreaterThan: (0.0, np.inf),
}  # fmt: skip


@dataclass
class Constraint:
    """`lower <= output <= upper`, entry by entry, as functions of the objective's vector."""

    name: str
    system: System
    output: str
    lower: Any
    upper: Any
    objective: Objective

    @cached_property
    def _first(self) -> Evaluator:
        derived = calculus.jacobian(self.system, self.output, self.objective.layout.names)
        return Evaluator(derived, self.objective.data, self.objective.layout, self.objective.engine)

    def value(self, vector: np.ndarray) -> np.ndarray:
        return np.ravel(self._first(vector)[self.output])

    def jacobian(self, vector: np.ndarray) -> np.ndarray:
        found, layout = self._first(vector), self.objective.layout
        count = np.size(found[self.output])
        return np.hstack([np.reshape(found[f"d{self.output}_d{n}"], (count, -1)) for n in layout.names])

    @cached_property
    def _weighted(self) -> tuple[System, str, str]:
        whole, total, weight = weighted_sum(self.system, self.output)
        return hessian_product(whole, total, self.objective.layout.names), total, weight

    def hessian(self, vector: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
        """The Hessians of the entries, summed with the multipliers."""
        system, total, weight = self._weighted
        layout, shape = self.objective.layout, np.shape(self._first(vector)[self.output])
        given = {weight: np.reshape(multipliers, shape)}
        evaluate = Evaluator(system, self.objective.data, layout, "interpret", **given, **directions(layout, vector))
        units = np.eye(layout.size)
        return np.array([product_of(evaluate(vector, **directions(layout, u)), total, layout) for u in units])

    def for_scipy(self) -> NonlinearConstraint:
        return NonlinearConstraint(self.value, self.lower, self.upper, jac=self.jacobian, hess=self.hessian)

    def violation(self, vector: np.ndarray) -> float:
        value = self.value(vector)
        return float(np.maximum(np.maximum(self.lower - value, value - self.upper), 0).max(initial=0))

    def active(self, vector: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows of the Jacobian of the entries that are at a limit, the sign that their multiplier must have (0 for
        an equation) where gradient = rows^T multipliers, and which entries these are."""
        value = self.value(vector)
        lower, upper = np.broadcast_to(self.lower, value.shape), np.broadcast_to(self.upper, value.shape)
        low, high = value <= lower + width, value >= upper - width
        signs = np.where(low & high, 0, np.where(low, 1, -1))
        return self.jacobian(vector)[low | high], signs[low | high], low | high


def constraints_of(given: Any, objective: Objective, system: System) -> list[Constraint]:
    """`given` as constraints: one text or several, or a mapping from tensors of the program to pairs of limits."""
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [_limits(str(name), pair, objective, system) for name, pair in given.items()]
    found = [given] if isinstance(given, str | Relational) else list(given) if isinstance(given, Iterable) else [given]
    return [_relation(text, objective) for text in found]


def _limits(name: str, pair: Any, objective: Objective, system: System) -> Constraint:
    read = system.prune([name])
    shapes = {n: np.shape(a) for n, a in objective.data.items()} | dict(objective.layout.shapes)
    sizes = bind_shapes(read, {n: s for n, s in shapes.items() if n in read.tensors})
    lower, upper = limits(name, pair, shape_of(read.tensors[name], sizes), "limits")
    return Constraint(name, read, name, lower, upper, objective)


def _relation(text: Any, objective: Objective) -> Constraint:
    names = (*objective.layout.names, *objective.data)
    relation = notation.scalar(text, names) if isinstance(text, str) else text
    if not isinstance(relation, Relational) or relation.func not in LIMITS:
        raise SymgradError(
            f'a constraint is an equation or inequality, such as "x + y <= 1" or "x*y == 1"; not {text!r}.'
        )
    if any(objective.layout.shapes.get(s.name) for s in relation.free_symbols):
        raise SymgradError(
            f"{text}: this program's parameters are tensors. Name a tensor of it: constraints={{'c': (0, None)}}."
        )
    system = calculus.prepare(formula(relation.lhs - relation.rhs, objective.layout.names, objective.data))
    return Constraint(str(text), system, system.outputs[0], *LIMITS[relation.func], objective)
