"""A scalar to be minimised, as functions of one vector: value, gradient, Hessian, Hessian times vector, all derived."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .. import calculus
from ..errors import DataError, SymgradError, UnknownNameError
from ..ir.system import System
from .curvature import Dense, Structured, curvature_of
from .data import Arrays, inputs_of, name_arrays, sizes_of
from .diagnose import need_finite, need_finite_start
from .evaluate import Evaluator
from .formula import is_formula
from .initial import given_parameters, initial_parameters
from .layout import Layout
from .model import loss_of
from .second_order import Hessian, directions, hessian_product, product_of


@dataclass
class Objective:
    """`output` of `system` as a function of the parameters in the order of `layout`."""

    system: System
    output: str
    layout: Layout
    data: Arrays
    start: np.ndarray
    engine: str | None = None
    through: str = ""  # the tensor that Gauss-Newton linearises
    _kept: dict[bytes, tuple[float, np.ndarray]] = field(default_factory=dict, repr=False)
    _bent: dict[bytes, Dense | Structured] = field(default_factory=dict, repr=False)

    @cached_property
    def _first(self) -> Evaluator:
        return Evaluator(
            calculus.gradient(self.system, self.output, self.layout.names), self.data, self.layout, self.engine
        )

    @cached_property
    def _second(self) -> Hessian:
        return Hessian(self.system, self.output, self.data, self.layout, self.engine)

    @cached_property
    def _product(self) -> Evaluator:
        derived = hessian_product(self.system, self.output, self.layout.names)
        return Evaluator(derived, self.data, self.layout, self.engine, **directions(self.layout, self.start))

    @property
    def evaluations(self) -> int:
        return self._first.calls

    def both(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient, computed together; a value that is not a number counts as infinite."""
        key = np.asarray(vector, dtype=float).tobytes()
        if key not in self._kept:
            found = self._first(vector)
            value = float(found[self.output])
            slopes = self.layout.pack({n: found[f"d{self.output}_d{n}"] for n in self.layout.names})
            self._kept.clear()
            self._kept[key] = (np.inf if np.isnan(value) else value, slopes)
        value, slopes = self._kept[key]
        return value, slopes.copy()

    def need_start(self) -> None:
        """DataError where the value at the start is not finite, with the equation that makes it so."""
        if np.isfinite(self.both(self.start)[0]):
            return
        need_finite(self.data)
        need_finite_start(self.system, self.data | self.layout.unpack(self.start), self.output)

    def value(self, vector: np.ndarray) -> float:
        return self.both(vector)[0]

    def gradient(self, vector: np.ndarray) -> np.ndarray:
        return self.both(vector)[1]

    def curvature(self, vector: np.ndarray) -> Dense | Structured:
        """The Hessian, with the structure that it has."""
        key = np.asarray(vector, dtype=float).tobytes()
        if key not in self._bent:
            self._bent = {key: curvature_of(self._second(vector))}
        return self._bent[key]

    def product(self, vector: np.ndarray, along: np.ndarray) -> np.ndarray:
        """The Hessian times `along`."""
        return product_of(self._product(vector, **directions(self.layout, along)), self.output, self.layout)


def objective_of(
    given: Any, system: System, start: dict, data: Any, loss: str | None, also: tuple[str, ...], engine: str | None
) -> Objective:
    """What `minimize` was passed, with data and start checked; `also` are tensors that constraints read. A program's
    parameters have a usual start."""
    output = loss_of(system, loss)
    for name in also:
        if name not in system.tensors:
            raise UnknownNameError(f"{name} is not a tensor of this program; it has {', '.join(system.tensors)}.")
    whole = system.prune([output, *also])
    if isinstance(data, dict):  # what only other outputs read may be passed with the rest
        idle = {t.name for t in inputs_of(system)} - {t.name for t in inputs_of(whole)}
        data = {name: array for name, array in data.items() if name not in idle}
    system = whole.prune([output])
    arrays = name_arrays(inputs_of(whole), data, "float64")
    empty = next((n for n, a in arrays.items() if a.ndim and len(a) == 0), None)
    if empty is not None:
        raise DataError(f"{empty} has shape {arrays[empty].shape}: the data hold no example.")
    if is_formula(given):
        axes = [name for name, array in arrays.items() if array.ndim]
        if axes:
            raise SymgradError(
                f"{axes[0]} is an array, and a formula is of scalars: write a program that says how entries combine, "
                f"as in L = sum[n](({axes[0]}[n] - a)**2), or call sg.curve_fit for least squares."
            )
        parameters = given_parameters(whole, arrays, start)
    else:
        parameters = initial_parameters(whole, sizes_of(whole, arrays), 0, "float64", start)
    order = [*(n for n in start if n in parameters), *(n for n in parameters if n not in start)]
    layout = Layout({n: parameters[n].shape for n in order})
    return Objective(system, output, layout, arrays, layout.pack(parameters), engine)
