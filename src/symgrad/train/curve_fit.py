"""`curve_fit`: the parameters of a formula from data, with their uncertainty, by the derived Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import DataError, ShapeError, SymgradError, UnknownNameError, did_you_mean
from ..ir.bounds import real_array
from ..ir.system import System, Tensor
from . import least_squares
from .arguments import by_name
from .columns import plain
from .curve_fitted import CurveFit, Model
from .data import Arrays, inputs_of, name_arrays
from .diagnose import need_finite, need_finite_start
from .evaluate import Evaluator
from .formula import data_by_name, is_formula, over_examples, system_of
from .initial import given_parameters
from .layout import Layout
from .limits import limits
from .model import prediction_of
from .second_order import directions, hessian_product, product_of, weighted_sum

METHODS = {"lm": ("lm",), "trf": ("trf",), "dogbox": ("dogbox",), None: ("lm", "trf")}


def curve_fit(
    expr: Any,
    data: Mapping[Any, Any],
    y: Any,
    start: Mapping[Any, Any],
    sigma: Any = None,
    absolute_sigma: bool = False,
    bounds: Mapping[Any, tuple] | None = None,
    method: str | None = None,
    prediction: str | None = None,
    engine: str | None = None,
) -> CurveFit:
    r"""Least squares: the parameters that minimise `sum_n ((f(x_n, b) - y_n)/sigma_n)^2`.

    `expr` is a formula of scalars (text or SymPy) or a Program whose output `prediction` has the shape of `y`. `data`
    gives the other names their arrays, one entry for each observation; `start` gives each parameter a first value.
    `sigma` is the standard deviation of each `y`: relative weights, or known errors with `absolute_sigma`. `bounds` are
    pairs, None where there is none: `{"b1": (0, None)}`. `method` is "lm" (Levenberg-Marquardt, MINPACK), "trf" (trust
    region) or "dogbox"; by default the first two compete, from further starts if they disagree. `engine` is "kernel" or
    "interpret"; by default a kernel is compiled only where that is cheaper than a few hundred evaluations.

    The result's `success` is True only for an optimum that was proved to be one: the residual is orthogonal to the
    tangent plane, the Jacobian has full rank, no curvature is negative. It may still be a local one.

    Raises UnknownNameError, ShapeError, DataError (values that are not finite) and SymgradError.

    >>> x = np.array([1.0, 2.0, 4.0, 8.0])
    >>> found = curve_fit("a*exp(-k*x)", {"x": x}, 3*np.exp(-x/2), start={"a": 1, "k": 1})
    >>> found.success, round(found.parameters["k"], 6)
    (True, 0.5)
    """
    data, start = data_by_name(data, expr), by_name(start, "start")
    model = _model(expr, data, start, prediction, engine)
    target = _target(y, "y")
    weight = _weight(sigma, target)
    problem = _problem(model, target, weight, model.layout.pack(start), by_name(bounds, "bounds"))
    with np.errstate(all="ignore"):
        runs = least_squares.solve(problem, _methods(method, problem.bounded))
        if runs[0].fault and not np.isfinite(problem.residuals(problem.start)).all():
            need_finite_start(model.system, model.data | model.layout.unpack(problem.start), model.output)
    return CurveFit.of(model, problem, runs, target, weight, absolute_sigma)


def _methods(method: str | None, bounded: bool) -> tuple[str, ...]:
    if method not in METHODS:
        known = [m for m in METHODS if m]
        hint = did_you_mean(str(method), known)
        raise SymgradError(f"{method!r} is no method of curve_fit; they are {', '.join(known)}. {hint}".rstrip())
    if bounded and method == "lm":
        raise SymgradError('Levenberg-Marquardt ("lm") takes no bounds: use method="trf".')
    return ("trf", "dogbox") if bounded and method is None else METHODS[method]


def _model(expr: Any, data: Arrays, start: dict[str, Any], prediction: str | None, engine: str | None) -> Model:
    """The System of the predictions, the data by name, and the Jacobian's evaluator."""
    both = sorted(set(data) & set(start))
    if both:
        raise UnknownNameError(f"{both[0]} is in data and in start: a name is one or the other.")
    system = system_of(expr, start, data)
    if is_formula(expr):
        if prediction is not None:
            raise SymgradError(f"prediction={prediction!r} names an output of a program; a formula has one value.")
        if not data:
            raise DataError("a curve is fitted to observations: pass data={\"x\": ...}, an array for each predictor.")
        system = over_examples(system, data)
        output = system.outputs[0]
    else:
        output = prediction_of(system, prediction)
        if output is None:
            raise UnknownNameError(
                "what is compared with y must be named: the outputs are "
                f"{', '.join(system.outputs)}. Pass prediction='p'."
            )
        system = system.prune([output])
    arrays = name_arrays(inputs_of(system), data, "float64")
    need_finite(arrays)
    parameters = given_parameters(system, arrays, start)
    start.update(parameters)
    return Model(str(expr), system, output, Layout({n: a.shape for n, a in parameters.items()}), arrays, engine)


def _target(values: Any, name: str) -> np.ndarray:
    array = np.asarray(real_array(Tensor(name, (), role="input"), plain(name, values)), dtype=float)
    need_finite({name: array})
    return array


def _weight(sigma: Any, target: np.ndarray) -> np.ndarray:
    if sigma is None:
        return np.ones_like(target)
    given = _target(sigma, "sigma")
    if (given <= 0).any():
        raise DataError(f"sigma holds standard deviations: each is above 0; the least is {given.min()}.")
    if given.shape not in ((), target.shape):
        raise ShapeError(f"sigma has shape {given.shape}; y has {target.shape}.")
    return np.broadcast_to(1 / given, target.shape)


def _problem(model: Model, target: np.ndarray, weight: np.ndarray, start: np.ndarray, bounds) -> least_squares.Problem:
    evaluate = model.evaluator(model.data)
    kept: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def at(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        key = vector.tobytes()
        if key not in kept:
            kept.clear()
            values, jacobian = model.values(evaluate, vector)
            kept[key] = (weight * (values - target)).ravel(), weight.reshape(-1, 1) * jacobian
        return kept[key]

    values, _ = model.values(evaluate, start)
    if values.shape != target.shape:
        raise ShapeError(f"y has shape {target.shape}; the formula gives {values.shape}.")
    lower, upper = _bounds(model.layout, bounds, start)
    linear = _linear(evaluate.system, model)
    scale = float(np.linalg.norm(weight * target))
    curvature = _curvature(model, lambda v: at(v)[0].reshape(target.shape) * weight)
    return least_squares.Problem(lambda v: at(v)[0], lambda v: at(v)[1], start, scale, lower, upper, linear, curvature)


def _curvature(model: Model, weighted: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The Hessians of the predictions, summed with the weighted residuals: one derived product for each parameter."""
    whole, total, bar = weighted_sum(model.system, model.output)
    layout, kept = model.layout, []

    def matrix(vector: np.ndarray) -> np.ndarray:
        given = {bar: weighted(vector)}
        if not kept:
            system = hessian_product(whole, total, layout.names)
            kept.append(Evaluator(system, model.data, layout, model.engine, **given, **directions(layout, vector)))
        units = np.eye(layout.size)
        found = [kept[0](vector, **given, **directions(layout, unit)) for unit in units]
        return np.array([product_of(f, total, layout) for f in found])

    return matrix


def _bounds(layout: Layout, bounds: dict[str, tuple], start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lower, upper = np.full(layout.size, -np.inf), np.full(layout.size, np.inf)
    for name, pair in bounds.items():
        part = layout.part(name)
        lower[part], upper[part] = limits(name, pair, layout.shapes[name])
        if (lower[part] == upper[part]).any():
            raise SymgradError(f"the bounds of {name} leave it no room: pass it as data, or write the number into f.")
        outside = np.flatnonzero((start[part] < lower[part]) | (start[part] > upper[part]))
        if outside.size:
            value, low, high = (float(a[part][outside[0]]) for a in (start, lower, upper))
            raise SymgradError(f"{name} starts at {value:g}, outside of its bounds {low:g} to {high:g}.")
    return lower, upper


def _linear(system: System, model: Model) -> np.ndarray:
    """Where the predictions are affine in all of these parameters together: none of their derivatives reads one."""
    reads = {n: {t.name for t in system.prune([model.slope(n)]).declared("parameter")} for n in model.layout.names}
    chosen: list[str] = []
    for name in sorted(reads, key=lambda n: len(reads[n])):
        if name not in reads[name] and not any(name in reads[c] or c in reads[name] for c in chosen):
            chosen.append(name)
    flags = np.zeros(model.layout.size, dtype=bool)
    for name in chosen:
        flags[model.layout.part(name)] = True
    return flags
