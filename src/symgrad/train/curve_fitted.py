"""`CurveFit`: what `curve_fit` returns; its uncertainty, its table, its picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from .. import calculus
from ..errors import SymgradError
from ..ir.system import System
from . import least_squares
from .data import Arrays, inputs_of, name_arrays
from .evaluate import Evaluator
from .formula import data_by_name
from .layout import Layout
from .least_squares import Problem, Run

DIGITS = 1e-6  # a larger relative error of the sum of squares (and of standard errors) by rounding is said
TITLE = "{count} observations, {free} degrees of freedom, residual standard deviation {sd:.6g}"


@dataclass(frozen=True)
class Model:
    """Predictions as equations, and where the parameters lie."""

    text: str
    system: System
    output: str
    layout: Layout
    data: Arrays
    engine: str | None = None

    def slope(self, name: str) -> str:
        return f"d{self.output}_d{name}"

    def evaluator(self, data: Arrays, engine: str | None = None) -> Evaluator:
        derived = calculus.jacobian(self.system, self.output, self.layout.names)
        return Evaluator(derived, data, self.layout, engine or self.engine)

    def values(self, evaluate: Evaluator, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The predictions, and their Jacobian with a row for each of them."""
        found = evaluate(vector)
        values = np.array(found[self.output], dtype=float)
        widths = (math.prod(shape) for shape in self.layout.shapes.values())
        columns = [np.reshape(found[self.slope(n)], (values.size, w)) for n, w in zip(self.layout.names, widths)]
        return values, np.concatenate(columns, axis=1)


@dataclass(frozen=True, repr=False)
class CurveFit:
    """Parameters and their standard errors by name; the sum of squares; whether and why this is an optimum.

    `covariance` has the order of `labels`; it is infinite where the data do not determine the parameters, and 0 for
    those that a bound holds. `runs` says where each solver arrived, best first. `residuals` are `f - y`.
    """

    parameters: dict[str, Any]
    standard_errors: dict[str, Any]
    residual_sum_of_squares: float
    covariance: np.ndarray
    success: bool
    message: str
    degrees_of_freedom: int
    residuals: np.ndarray
    runs: tuple[Run, ...]
    model: Model = field(repr=False)
    target: np.ndarray = field(repr=False)
    variance: float = field(repr=False)  # of an observation of weight one

    @staticmethod
    def of(model: Model, problem: Problem, runs: list[Run], target, weight, absolute: bool) -> CurveFit:
        best, layout = runs[0], model.layout
        free = target.size - int(problem.free(best.x).sum())
        variance = 1.0 if absolute else best.sum_of_squares / free if free > 0 else np.inf
        covariance = _covariance(problem, best.x, variance)
        errors = _named(layout, np.sqrt(np.diag(covariance)))
        residuals = problem.residuals(best.x).reshape(target.shape) / weight
        return CurveFit(
            _named(layout, best.x), errors, best.sum_of_squares, covariance, not best.fault,
            best.fault or _agreement(problem, runs), free, residuals, tuple(runs), model, target, variance,
        )  # fmt: skip

    @property
    def x(self) -> np.ndarray:
        """The parameters as one vector."""
        return self.model.layout.pack(self.parameters)

    @property
    def labels(self) -> list[str]:
        return self.model.layout.labels()

    @property
    def correlation(self) -> np.ndarray:
        errors = np.sqrt(np.diag(self.covariance))
        return self.covariance / np.outer(errors, errors)

    def predict(self, data: Mapping[Any, Any]) -> np.ndarray:
        """The formula at new data."""
        return self._at(data)[0]

    def interval(self, level: float = 0.95) -> dict[str, tuple]:
        """Confidence intervals of the parameters, by Student's t and the linearised model."""
        wide = self._quantile(level)
        return {
            n: (p - wide * self.standard_errors[n], p + wide * self.standard_errors[n])
            for n, p in self.parameters.items()
        }

    def band(
        self, data: Mapping[Any, Any], level: float = 0.95, kind: str = "confidence"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limits at new data: of the curve ("confidence"), or of a new observation ("prediction")."""
        if kind not in ("confidence", "prediction"):
            raise SymgradError(f'a band is of kind "confidence" or "prediction", not {kind!r}.')
        values, jacobian = self._at(data)
        spread = np.einsum("ni,ij,nj->n", jacobian, self.covariance, jacobian).reshape(values.shape)
        wide = self._quantile(level) * np.sqrt(spread + (self.variance if kind == "prediction" else 0.0))
        return values - wide, values + wide

    def _at(self, data: Mapping[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
        arrays = name_arrays(inputs_of(self.model.system), data_by_name(data, self.model.text), "float64")
        return self.model.values(self.model.evaluator(arrays, "interpret"), self.x)

    def _quantile(self, level: float) -> float:
        from scipy.special import stdtrit  # noqa: PLC0415

        if not (isinstance(level, Real) and 0 < level < 1):
            raise SymgradError(f"level is a probability between 0 and 1, such as 0.95; it is {level}.")
        return float(stdtrit(max(self.degrees_of_freedom, 1), 0.5 + level / 2))

    def plot(self, path: str | Path | None = None) -> Any:
        """The observations, the curve and its 95 % band against the only predictor; else observed against fitted.

        Returns matplotlib's Figure; with `path` it is also written (.png, .svg or .pdf).
        """
        from .curve import new_figure, save_figure  # noqa: PLC0415  (matplotlib is an extra)

        figure, axes = new_figure()
        columns = {n: a for n, a in self.model.data.items() if a.ndim == 1 and a.shape == self.target.shape}
        if len(columns) == len(self.model.data) == 1:
            self._curve(axes, *columns.items())
        else:
            axes.plot(self.target.ravel(), (self.target + self.residuals).ravel(), "o", label="observations")
            axes.axline((self.target.min(),) * 2, slope=1, color="C1", label="fitted = observed")
            axes.set(xlabel="observed", ylabel="fitted")
        axes.set_title(self.model.text, fontsize="small")
        axes.legend(frameon=False)
        if path is not None:
            save_figure(figure, path)
        return figure

    def _curve(self, axes: Any, column: tuple[str, np.ndarray]) -> None:
        name, values = column
        fine = np.linspace(values.min(), values.max(), 400)
        low, high = self.band({name: fine})
        axes.plot(values, self.target, "o", markersize=3, label="observations")
        axes.plot(fine, self.predict({name: fine}), label="fit")
        if np.isfinite(low).all():
            axes.fill_between(fine, low, high, alpha=0.25, color="C1", label="95 % confidence")
        axes.set(xlabel=name, ylabel="y")

    def __repr__(self) -> str:
        numbers = zip(self.labels, self.x, np.sqrt(np.diag(self.covariance)))
        verdict = "success" if self.success else "FAILED"
        return f"CurveFit({', '.join(f'{n} = {v:.6g} ± {e:.2g}' for n, v, e in numbers)}; {verdict}: {self.message})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the table."""
        return f"<pre>{escape(str(self))}</pre>"

    def __str__(self) -> str:
        """A table: estimate, standard error and 95 % interval of each parameter."""
        wide, errors = self._quantile(0.95), np.sqrt(np.diag(self.covariance))
        rows = [("", "estimate", "standard error", "95 % interval")]
        for label, value, error in zip(self.labels, self.x, errors):
            limits = f"{value - wide * error:.6g} to {value + wide * error:.6g}"
            rows.append((label, f"{value:.10g}", f"{error:.6g}", limits))
        widths = [max(map(len, column)) for column in zip(*rows)]
        table = "\n".join("  ".join(c.rjust(w) for c, w in zip(row, widths)).rstrip() for row in rows)
        sd = np.sqrt(self.variance)
        title = TITLE.format(count=self.target.size, free=self.degrees_of_freedom, sd=sd)
        verdict = "success" if self.success else "FAILED"
        total = f"residual sum of squares {self.residual_sum_of_squares:.10g}"
        return "\n".join([self.model.text.strip(), table, total, title, f"{verdict}: {self.message}"])


def _named(layout: Layout, vector: np.ndarray) -> dict[str, Any]:
    return {n: float(a) if a.ndim == 0 else a for n, a in layout.unpack(vector).items()}


def _covariance(problem: Problem, vector: np.ndarray, variance: float) -> np.ndarray:
    """`(J^T J)^-1` times the variance, for the parameters that no bound holds; 0 for the others: they are constants."""
    jacobian, free = problem.jacobian(vector), problem.free(vector)
    covariance = np.zeros((vector.size,) * 2)
    inverse = least_squares.geometry(jacobian[:, free]).inverse() if np.isfinite(jacobian).all() else np.inf
    undetermined = not np.isfinite(variance) or not np.isfinite(inverse).all()
    covariance[np.ix_(free, free)] = np.inf if undetermined else inverse * variance
    return covariance


def _agreement(problem: Problem, runs: list[Run]) -> str:
    """What the other runs say about the best one, which is an optimum."""
    limit = runs[0].sum_of_squares * (1 + least_squares.SAME) + problem.floor
    same = [r for r in runs if r.sum_of_squares <= limit]
    other = [r for r in runs if not r.fault and r.sum_of_squares > limit]
    text = f"an optimum; {len(same)} of {len(runs)} runs reached it"
    if other:
        text += f"; another local optimum has the sum of squares {other[0].sum_of_squares:.6g}"
    lost = 2 * problem.rounding / np.sqrt(runs[0].sum_of_squares) if runs[0].sum_of_squares else 0.0
    if lost > DIGITS:
        text += f"; the residuals are so small that rounding leaves their sum of squares an error of {lost:.0e}"
    return text
