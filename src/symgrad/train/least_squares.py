r"""Nonlinear least squares: several solvers from several starts, a polished optimum, and proof that it is one.

    minimise  S(b) = sum_n r_n(b)^2 ,   r = (f(x, b) - y) / sigma ,   J = dr/db derived

SciPy's solvers do the work (MINPACK's Levenberg-Marquardt, the trust region `trf`). One that says it has converged may
stand on a plateau, or where a parameter has no influence any more; so runs compete, and what is called a success has
passed `examine`. Where f is linear in some parameters, they are also eliminated (variable projection).

Sources: J. J. More, The Levenberg-Marquardt algorithm (1978); M. A. Branch, T. F. Coleman, Y. Li, SIAM J. Sci. Comput.
21 (1999); G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) and L. Kaufman, BIT 15 (1975) for the projection;
D. M. Bates, D. G. Watts, Technometrics 23 (1981) for the relative offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

EPS = float(np.finfo(float).eps)
TOLERANCE = 1e-15  # of every solver: each run goes on until rounding stops it
OFFSET = 1e-7  # a relative offset below is an optimum; polishing usually leaves 1e-10
RANK = 1e-13  # a singular value of the scaled Jacobian below this share of the largest is rounding
SAME = 1e-8  # two sums of squares that differ by less than this share are one optimum
UNDETERMINED = "the data do not determine all parameters: the Jacobian has not full rank"
HUGE = 1e100  # in the place of a residual that is not finite: the solvers step back from it


@dataclass(frozen=True)
class Problem:
    """Residuals, their Jacobian, bounds, and the parameters in which the residuals are linear."""

    residuals: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[[np.ndarray], np.ndarray]
    start: np.ndarray
    scale: float  # the size of the data: below EPS times this, a residual is rounding
    lower: np.ndarray
    upper: np.ndarray
    linear: np.ndarray  # True where a parameter enters linearly
    curvature: Callable[[np.ndarray], np.ndarray]  # sum_n r_n times the Hessian of r_n, a matrix

    @property
    def bounded(self) -> bool:
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    @property
    def floor(self) -> float:
        """A sum of squares of rounding errors."""
        return (1e2 * EPS * self.scale) ** 2

    @property
    def rounding(self) -> float:
        """The length of what rounding adds to the residuals: of the data alone, each to half a unit in the last place,
        and as much again for some operations of the formula."""
        return 1e1 * EPS * self.scale

    def free(self, vector: np.ndarray) -> np.ndarray:
        """The parameters that no bound holds."""
        gradient = self.jacobian(vector).T @ self.residuals(vector)
        return ~(((vector <= self.lower) & (gradient >= 0)) | ((vector >= self.upper) & (gradient <= 0)))

    def finite(self, vector: np.ndarray) -> np.ndarray:
        values = self.residuals(vector)
        return np.where(np.isfinite(values), values, HUGE)

    def sum_of_squares(self, vector: np.ndarray) -> float:
        values = self.finite(vector)
        with np.errstate(over="ignore"):
            return float(values @ values)


@dataclass(frozen=True)
class Run:
    """Where one solver arrived."""

    name: str
    x: np.ndarray
    sum_of_squares: float
    fault: str = ""  # why this is no optimum; empty where it is one


@dataclass(frozen=True)
class Geometry:
    """The Jacobian at a point by its singular values, columns scaled to length one."""

    scales: np.ndarray
    left: np.ndarray
    singular: np.ndarray
    right: np.ndarray

    @property
    def rank(self) -> int:
        largest = self.singular[0] if self.singular.size else 0.0
        return int((self.singular > RANK * largest).sum())

    def solve(self, residual: np.ndarray) -> np.ndarray:
        """The step of least length (in scaled parameters) that minimises the linear model."""
        kept = self.rank
        return -(self.right[:kept].T @ ((self.left[:, :kept].T @ residual) / self.singular[:kept])) / self.scales

    def inverse(self) -> np.ndarray:
        """(J^T J)^-1, infinite where the data do not determine a parameter."""
        if self.rank < len(self.scales):
            return np.full((len(self.scales),) * 2, np.inf)
        root = (self.right.T / self.singular) / self.scales[:, None]
        return root @ root.T


def geometry(jacobian: np.ndarray) -> Geometry:
    scales = np.linalg.norm(jacobian, axis=0)
    scales = np.where(scales > 0, scales, 1.0)
    return Geometry(scales, *np.linalg.svd(jacobian / scales, full_matrices=False))


def solve(problem: Problem, methods: Sequence[str]) -> list[Run]:
    """The runs, best first. More starts are tried only where the first runs disagree or none has an optimum."""
    runs: list[Run] = []
    for name, begin in _attempts(problem, methods):
        runs.append(_examined(problem, name, begin()))
        good = sorted(r.sum_of_squares for r in runs if not r.fault)
        best = min(r.sum_of_squares for r in runs)
        if len(good) >= min(2, len(methods)) and good[1 if len(good) > 1 else 0] <= best * (1 + SAME) + problem.floor:
            break
    return _best_first(problem, runs)


def _best_first(problem: Problem, runs: list[Run]) -> list[Run]:
    """By sum of squares. Among those that are least up to rounding, one that finds the parameters undetermined has the
    say, then a proved optimum, then those where the solver gave up close by."""
    least = min((r.sum_of_squares for r in runs if np.isfinite(r.sum_of_squares)), default=np.inf)

    def key(run: Run) -> tuple:
        beaten = not run.sum_of_squares <= least * (1 + SAME) + problem.floor
        verdict = 0 if run.fault == UNDETERMINED else 2 if run.fault else 1
        return beaten, beaten and run.sum_of_squares, verdict, run.sum_of_squares

    return sorted(runs, key=key)


def _attempts(problem: Problem, methods: Sequence[str]) -> Iterable[tuple[str, Callable[[], np.ndarray]]]:
    for method in methods:
        yield method, lambda m=method: _run(problem, m, problem.start)
    if problem.linear.any() and not problem.bounded:
        for method in methods:
            yield f"{method}, linear parameters eliminated", lambda m=method: _projected(problem, m)
    rng = np.random.default_rng(0)
    for number in range(1, 5):
        moved = problem.start * (1 + 0.2 * number * rng.uniform(-1, 1, problem.start.size))
        moved = np.clip(moved + (moved == 0) * 0.1 * rng.standard_normal(moved.size), problem.lower, problem.upper)
        for method in methods:
            yield f"{method}, start {number} nearby", lambda m=method, s=moved: _run(problem, m, s)


def _run(problem: Problem, method: str, start: np.ndarray) -> np.ndarray:
    return _scipy(problem.finite, problem.jacobian, start, method, (problem.lower, problem.upper))


def _scipy(residuals, jacobian, start: np.ndarray, method: str, bounds=(-np.inf, np.inf)) -> np.ndarray:
    from scipy.optimize import least_squares  # noqa: PLC0415  (slow to load)

    def slopes(vector):
        return np.nan_to_num(jacobian(vector), nan=0.0, posinf=HUGE, neginf=-HUGE)

    options = {} if method == "lm" else {"bounds": bounds}
    try:
        with np.errstate(all="ignore"):
            found = least_squares(
                residuals, start, slopes, method=method, x_scale="jac", ftol=TOLERANCE, xtol=TOLERANCE, gtol=TOLERANCE,
                max_nfev=300 * (start.size + 1), **options,
            )  # fmt: skip
    except (ValueError, np.linalg.LinAlgError):  # overflow inside the solver: this run has failed
        return start
    return found.x


def _projected(problem: Problem, method: str) -> np.ndarray:
    """Variable projection: the linear parameters are always at their best for the others."""
    linear = problem.linear

    def joined(others: np.ndarray) -> np.ndarray:
        """The whole vector: the linear parameters solve a linear problem."""
        vector = problem.start.copy()
        vector[~linear] = others
        for _ in range(2):  # the second solve takes away what rounding left of the first
            columns = np.nan_to_num(problem.jacobian(vector)[:, linear])
            vector[linear] += geometry(columns).solve(problem.finite(vector))
        return vector

    def residuals(others):
        with np.errstate(all="ignore"):
            return problem.finite(joined(others))

    def jacobian(others):
        whole = np.nan_to_num(problem.jacobian(joined(others)))
        shape = geometry(whole[:, linear])
        basis = shape.left[:, : shape.rank]
        return whole[:, ~linear] - basis @ (basis.T @ whole[:, ~linear])  # Kaufman's approximation

    if linear.all():
        return joined(problem.start[:0])
    return joined(_scipy(residuals, jacobian, problem.start[~linear], method))


def _examined(problem: Problem, name: str, vector: np.ndarray) -> Run:
    vector = polish(problem, vector)
    return Run(name, vector, problem.sum_of_squares(vector), examine(problem, vector))


def polish(problem: Problem, vector: np.ndarray) -> np.ndarray:
    """Gauss-Newton steps by singular values as long as each is much shorter than the one before.

    A solver stops where the sum of squares no longer changes, at half the digits; the linear problem has them all.
    """
    if not np.isfinite(vector).all() or not np.isfinite(problem.residuals(vector)).all():
        return vector
    vector, last = _snapped(problem, vector), np.inf
    for _ in range(50):
        residual, jacobian = problem.residuals(vector), problem.jacobian(vector)
        if not (np.isfinite(jacobian).all() and jacobian.size):
            return vector
        free = problem.free(vector)
        if not free.any():
            return vector
        shape = geometry(jacobian[:, free])
        step = np.zeros_like(vector)
        step[free] = shape.solve(residual)
        length = float(np.linalg.norm(shape.scales * step[free]))
        moved = np.clip(vector + step, problem.lower, problem.upper)
        worse = problem.sum_of_squares(moved) > problem.sum_of_squares(vector) * (1 + 1e-12) + problem.floor
        if length > 0.9 * last or worse or length == 0:
            return vector
        vector, last = moved, length
    return vector


def _snapped(problem: Problem, vector: np.ndarray) -> np.ndarray:
    """On the bound where a solver that stays inside has all but reached it and still wants to go out."""
    gradient = problem.jacobian(vector).T @ problem.residuals(vector)
    for bound, outward in ((problem.lower, gradient > 0), (problem.upper, gradient < 0)):
        near = np.abs(vector - bound) <= 1e-6 * np.maximum(1, np.abs(np.where(np.isfinite(bound), bound, 0)))
        vector = np.where(near & outward, bound, vector)
    return vector


def examine(problem: Problem, vector: np.ndarray) -> str:
    """Why `vector` is no well-determined optimum, or nothing.

    The relative offset compares the part of the residual that lies in the tangent plane with the part that does not: at
    an optimum it is 0, whatever the units.
    """
    residual = problem.residuals(vector)
    if not (np.isfinite(vector).all() and np.isfinite(residual).all()):
        return "the residuals are not finite"
    jacobian = problem.jacobian(vector)
    if not np.isfinite(jacobian).all():
        return "the Jacobian is not finite"
    free = problem.free(vector)
    if not free.any():
        return ""
    shape = geometry(jacobian[:, free])
    if shape.rank < free.sum():
        return UNDETERMINED
    tangent = float(np.linalg.norm(shape.left.T @ residual))
    whole = float(np.linalg.norm(residual))
    if whole**2 <= problem.floor:
        return ""
    if tangent > OFFSET * whole + problem.rounding:
        return f"no optimum was reached: the relative offset is {tangent / whole:.1e}"
    return _second_order(problem.curvature(vector)[np.ix_(free, free)], shape)


def _second_order(curvature: np.ndarray, shape: Geometry) -> str:
    """The Hessian of S/2, J^T J and the residuals' curvature, in coordinates in which J^T J is the identity."""
    root = (shape.right.T / shape.singular) / shape.scales[:, None]
    bent = root.T @ curvature @ root
    if np.isfinite(bent).all() and np.linalg.eigvalsh(bent)[0] < -1:
        return "this is no minimum: the sum of squares falls along a direction of negative curvature"
    return ""
