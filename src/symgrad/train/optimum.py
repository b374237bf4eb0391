"""What a solver found, looked at: is the gradient zero, do the multipliers exist, is no curvature negative.

Source: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed. (2006), chapters 2 and 12.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import OptimizeResult

from ..kernels.outputs import UnknownOutputError
from .constraints import Constraint
from .curvature import Dense
from .layout import Vector
from .objective import Objective

SMALL = 20  # parameters: up to here the curvature at the result is always looked at
STATIONARY = (
    1e-6  # |dL/dx_i| max(1, |x_i|) / max(1, |L|) below is a stationary point (Dennis and Schnabel, section 7.2)
)
ACTIVE = 1e-6  # a constraint that is so close to its limit holds there
SINGULAR = 1e-14  # an eigenvalue below this share of the largest one is rounding
STEADY = 0.1  # the share by which the curvature along Newton's step may change
LONG = 0.01  # a Newton step from a minimum is shorter than this share of the parameters


class Minimum(OptimizeResult):
    """SciPy's result; `result["w"]` is the value of w, and so is `result.x["w"]`."""

    def __missing__(self, name: Any) -> Any:
        x = dict.get(self, "x")
        if not isinstance(x, Vector) or x.layout is None or str(name) not in x.layout.shapes:
            raise UnknownOutputError(f"{name} is neither a parameter nor a part of the result.")
        return x[str(name)]

    def _repr_html_(self) -> str:
        """What a notebook shows: the same lines as in a terminal."""
        return f"<pre>{escape(repr(self))}</pre>"


def judged(objective: Objective, found: OptimizeResult, method: str, given: list[Constraint], box) -> Minimum:
    """The result with names, and with a `success` that was checked."""
    value, slopes = objective.both(found.x)
    result = Minimum(
        x=Vector.of(objective.layout, found.x), fun=value, jac=Vector.of(objective.layout, slopes),
        nit=found.nit, nfev=objective.evaluations, method=method, curvature=None,
        parameters={n: Vector.of(objective.layout, found.x)[n] for n in objective.layout.names},
    )  # fmt: skip
    rest = slopes if box is None else _inside(found.x, slopes, box)
    fault, active = "", np.zeros((0, found.x.size))
    if given:
        rest, active, result["multipliers"], fault = _karush(given, found.x, rest, found.message)
    if not (np.isfinite(value) and np.isfinite(slopes).all()):
        fault = f"the value is {value}: not finite" if not np.isfinite(value) else "the gradient is not finite"
    elif not fault and (np.abs(rest) * np.maximum(1, np.abs(found.x))).max(initial=0) > STATIONARY * max(
        1.0, abs(value)
    ):
        fault = f"the gradient does not vanish: its largest entry is {np.abs(rest).max():.1e} ({found.message})"
    if not fault and box is None and (method == "newton" or found.x.size <= SMALL):
        result["curvature"], fault = _second_order(objective, given, result, rest, active)
    result["success"] = not fault
    result["message"] = fault or f"a stationary point{_kind(objective, result, bool(given) or box is not None)}"
    return result


def _kind(objective: Objective, result: Minimum, limited: bool) -> str:
    """What the second derivatives say of a stationary point.

    It is a minimum where Newton's iteration would converge to one from here: the Hessian is positive definite and
    hardly changes along Newton's step (Kantorovich; Nocedal and Wright, theorem 3.5).
    """
    if result["curvature"] is None:
        return ""
    if limited:
        return " of least value nearby"
    x, slopes = np.asarray(result["x"]), np.asarray(result["jac"])
    hessian = objective.curvature(x)
    step = hessian.newton(slopes)
    change = abs(objective.curvature(x + step).along(step) - hessian.along(step))
    if result["curvature"] > SINGULAR * hessian.scale and change <= STEADY * abs(hessian.along(step)):
        return " of least value nearby"
    return " where the second derivatives vanish in some direction: it may be no minimum"


def _inside(x: np.ndarray, slopes: np.ndarray, box: list[tuple]) -> np.ndarray:
    """The gradient without what points out of the box."""
    low, high = np.array(box).T
    return np.where(((x <= low) & (slopes > 0)) | ((x >= high) & (slopes < 0)), 0.0, slopes)


def _karush(given: list[Constraint], x: np.ndarray, slopes: np.ndarray, message: str):
    """The part of the gradient that no multiplier explains, the gradients of the active constraints, the multipliers by
    constraint (gradient = sum of multiplier times constraint's gradient), and what is violated."""
    violated = next((c for c in given if c.violation(x) > ACTIVE), None)
    if violated is not None:
        fault = f"the constraint {violated.name} is violated by {violated.violation(x):.1e} ({message})"
        return slopes, np.zeros((0, x.size)), {}, fault
    found = [c.active(x, ACTIVE) for c in given]
    matrix = np.vstack([rows for rows, _, _ in found])
    signs = np.concatenate([signs for _, signs, _ in found])
    values = np.linalg.lstsq(matrix.T, slopes, rcond=None)[0] if len(matrix) else np.zeros(0)
    multipliers, begin = {}, 0
    for constraint, (rows, _, at) in zip(given, found):
        multipliers[constraint.name] = np.zeros(at.size)
        multipliers[constraint.name][at] = values[begin : (begin := begin + len(rows))]
    wrong = (signs * values < -STATIONARY * max(1.0, np.abs(slopes).max())).any()
    fault = "a multiplier has the wrong sign: the value falls into the interior" if wrong else ""
    return slopes - matrix.T @ values, matrix, multipliers, fault


def _second_order(
    objective: Objective, given: list[Constraint], result: Minimum, rest: np.ndarray, active: np.ndarray
) -> tuple[float | None, str]:
    """The least eigenvalue of the Hessian (of the Lagrangian, along the active constraints), and what it says."""
    x = np.asarray(result["x"])
    along = null_space(active) if len(active) else np.eye(x.size) if given or x.size <= SMALL else None
    hessian = objective.curvature(x) if along is None else _curvature_along(along, objective, given, result)
    if not hessian.finite or (along is not None and not along.size):
        return None, ""
    least, _ = hessian.least
    if least < -1e-7 * max(hessian.scale, 1e-300):
        return least, "this is no minimum: the value falls along a direction of negative curvature"
    step = hessian.newton(rest if along is None else along.T @ rest)
    if np.abs(step).max(initial=0) > LONG * max(1.0, np.abs(x).max()):
        return least, "the gradient is small, but Newton's step is long: the value may have no minimum"
    return least, ""


def _curvature_along(along: np.ndarray, objective: Objective, given: list[Constraint], result: Minimum) -> Dense:
    """The Hessian of the Lagrangian in the coordinates of a subspace, from one product for each parameter."""
    x = np.asarray(result["x"])
    hessian = np.array([objective.product(x, u) for u in np.eye(x.size)])
    for constraint in given:
        hessian = hessian - constraint.hessian(x, result["multipliers"][constraint.name])
    return Dense(along.T @ ((hessian + hessian.T) / 2) @ along)
