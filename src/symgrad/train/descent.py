r"""The two solvers that SciPy does not have: damped Newton with a modified Cholesky factorisation, gradient descent.

    (H + E) s = -g ,   x <- x + t s        t halved until f falls enough (Armijo)

E is 0 where H is positive definite. Else H = L D L^T (Bunch-Kaufman), and the eigenvalues of D are made positive, so
that s is a direction of descent. A point where the gradient vanishes and the curvature is negative is left along it.

Sources: S. H. Cheng, N. J. Higham, A modified Cholesky algorithm based on a symmetric indefinite factorization, SIAM J.
Matrix Anal. Appl. 19 (1998); J. Nocedal, S. Wright, Numerical Optimization, 2nd ed. (2006), sections 3.1 and 3.4.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, ldl, solve_triangular
from scipy.optimize import OptimizeResult

from .objective import Objective

EPS = float(np.finfo(float).eps)


def modified_solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`(H + E)^-1 right`, with E = 0 where the symmetric matrix H is positive definite.

    >>> modified_solve(np.diag([2.0, -4.0]), np.array([2.0, 4.0]))
    array([1., 1.])
    """
    try:
        return cho_solve(cho_factor(matrix), right)
    except LinAlgError:
        pass
    lower, blocks, order = ldl(matrix)
    values, vectors = np.linalg.eigh(blocks)
    least = np.sqrt(EPS) * max(np.abs(values).max(), EPS)
    triangle = lower[order]
    inner = solve_triangular(triangle, right[order], lower=True, unit_diagonal=True)
    inner = vectors @ ((vectors.T @ inner) / np.maximum(np.abs(values), least))
    solution = np.empty_like(right)
    solution[order] = solve_triangular(triangle.T, inner, lower=False, unit_diagonal=True)
    return solution


def newton(objective: Objective, start: np.ndarray, tolerance: float, limit: int) -> OptimizeResult:
    """Damped Newton. It stops where no step lowers the value or the gradient."""
    x = start
    for step in range(limit):
        value, slopes = objective.both(x)
        hessian = objective.hessian(x)
        if not (np.isfinite(value) and np.isfinite(slopes).all() and np.isfinite(hessian).all()):
            return _stopped(objective, x, step, False, "the value or a derivative is not finite")
        if np.abs(slopes).max() <= tolerance:
            values, vectors = np.linalg.eigh(hessian)
            if values[0] >= -np.sqrt(EPS) * max(np.abs(values).max(), 1.0):
                return _stopped(objective, x, step, True, "the gradient vanishes")
            direction = vectors[:, 0] * (-1.0 if vectors[:, 0] @ slopes > 0 else 1.0)
        else:
            direction = -modified_solve(hessian, slopes)
        moved = _damped(objective, x, direction, direction @ hessian @ direction)
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
