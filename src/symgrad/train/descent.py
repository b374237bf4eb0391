r"""The two solvers that SciPy does not have: damped Newton on a Hessian of any structure, and gradient descent.

    (H + E) s = -g ,   x <- x + t s        t halved until f falls enough (Armijo)

E is 0 where H is positive definite; else it makes H + E so (`curvature`). A point where the gradient vanishes and the
curvature is negative is left along it.

Source: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed. (2006), sections 3.1 and 3.4.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import OptimizeResult

from .curvature import EPS
from .objective import Objective


def newton(objective: Objective, start: np.ndarray, tolerance: float, limit: int) -> OptimizeResult:
    """Damped Newton. It stops where no step lowers the value or the gradient."""
    x = start
    for step in range(limit):
        value, slopes = objective.both(x)
        hessian = objective.curvature(x)
        if not (np.isfinite(value) and np.isfinite(slopes).all() and hessian.finite):
            return _stopped(objective, x, step, False, "the value or a derivative is not finite")
        if np.abs(slopes).max() <= tolerance:
            least, direction = hessian.least
            if least >= -np.sqrt(EPS) * max(hessian.scale, 1.0):
                return _stopped(objective, x, step, True, "the gradient vanishes")
            direction = -direction if direction @ slopes > 0 else direction
        else:
            direction = hessian.descent(slopes)
        moved = _damped(objective, x, direction, hessian.along(direction))
        if moved is None:
            return _stopped(objective, x, step, False, "no step lowers the value any more")
        x = moved
    return _stopped(objective, x, limit, False, f"{limit} steps were not enough")


def _damped(objective: Objective, x: np.ndarray, direction: np.ndarray, curvature: float) -> np.ndarray | None:
    """The first of x + s, x + s/2, x + s/4, ... that lowers the value enough. Where the value is at its rounding, the
    gradient decides."""
    value, slopes = objective.both(x)
    fall, length = float(slopes @ direction), 1.0
    for _ in range(60):
        moved = x + length * direction
        there, slopes_there = objective.both(moved)
        expected = 1e-4 * (length * fall + 0.5 * length**2 * min(curvature, 0.0))
        if expected < 0 and there <= value + expected:
            return moved
        rounding = abs(there - value) <= 8 * EPS * abs(value)
        if rounding and np.linalg.norm(slopes_there) < np.linalg.norm(slopes):
            return moved
        length /= 2
    return None


def gradient_descent(objective: Objective, start: np.ndarray, tolerance: float, limit: int) -> OptimizeResult:
    """Steepest descent; the step length is tried at twice the last one and halved until the value falls enough."""
    x, length = start, 1.0
    for step in range(limit):
        value, slopes = objective.both(x)
        if not np.isfinite(slopes).all():
            return _stopped(objective, x, step, False, "the gradient is not finite")
        if np.abs(slopes).max() <= tolerance:
            return _stopped(objective, x, step, True, "the gradient vanishes")
        squared, length = float(slopes @ slopes), 2 * length
        while objective.value(x - length * slopes) > value - 0.5 * length * squared:
            length /= 2
            if length * squared <= EPS * abs(value) and length < 1e-12:
                return _stopped(objective, x, step, False, "no step lowers the value any more")
        x = x - length * slopes
    return _stopped(objective, x, limit, False, f"{limit} steps were not enough")


def _stopped(objective: Objective, x: np.ndarray, steps: int, success: bool, message: str) -> OptimizeResult:
    value, slopes = objective.both(x)
    return OptimizeResult(x=x, fun=value, jac=slopes, nit=steps, success=success, message=message)
