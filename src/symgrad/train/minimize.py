"""`minimize`: SciPy's solvers (and damped Newton) with derived derivatives, and a proof of what they found."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.optimize
from scipy.linalg import null_space
from scipy.optimize import OptimizeResult

from ..errors import SymgradError, did_you_mean
from ..kernels.outputs import UnknownOutputError
from .constraints import Constraint, constraints_of
from .curvature import Dense
from .descent import gradient_descent, newton
from .formula import by_name, system_of
from .gauss_newton import gauss_newton, natural_gradient
from .layout import Vector
from .objective import Objective, objective_of

OURS = {
    "newton": newton, "gradient-descent": gradient_descent, "gauss-newton": gauss_newton,
    "natural-gradient": natural_gradient,
}  # fmt: skip
SCIPY = {
    "trust-newton": "trust-ncg", "bfgs": "BFGS", "l-bfgs": "L-BFGS-B", "slsqp": "SLSQP", "trust-constr": "trust-constr",
}  # fmt: skip
METHODS = (*OURS, *SCIPY)
LIMITS = {"newton": 200, "gauss-newton": 500, "natural-gradient": 500}
CONSTRAINED = ("slsqp", "trust-constr")
BOUNDED = ("l-bfgs", *CONSTRAINED)
SMALL = 20  # parameters: up to here the curvature at the result is always looked at
STATIONARY = (
    1e-6  # |dL/dx_i| max(1, |x_i|) / max(1, |L|) below is a stationary point (Dennis and Schnabel, section 7.2)
)
ACTIVE = 1e-6  # a constraint that is so close to its limit holds there
LONG = 0.01  # a Newton step from a minimum is shorter than this share of the parameters


class Minimum(OptimizeResult):
    """SciPy's result; `result["w"]` is the value of w, and so is `result.x["w"]`."""

    def __missing__(self, name: Any) -> Any:
        x = dict.get(self, "x")
        if not isinstance(x, Vector) or x.layout is None or str(name) not in x.layout.shapes:
            raise UnknownOutputError(f"{name} is neither a parameter nor a part of the result.")
        return x[str(name)]


def minimize(
    f: Any,
    start: Mapping[Any, Any] | None = None,
    method: str | None = None,
    data: Any = None,
    constraints: Any = None,
    bounds: Mapping[Any, tuple] | None = None,
    loss: str | None = None,
    tolerance: float = 1e-8,
    limit: int | None = None,
    engine: str | None = None,
    output: str | None = None,
) -> Minimum:
    """A local minimum of `f` over its parameters, by derived gradient, Hessian or Hessian-vector products.

    `f` is a formula of scalars (text or SymPy; its parameters are the names in `start`), or a Program whose only
    scalar output (or `loss`) is minimised over its parameters, with `data` for its inputs. `method` is "newton"
    (damped, modified Cholesky factorisation), "trust-newton" (trust region, conjugate gradients on Hessian-vector
    products), "bfgs", "l-bfgs" (the default), "gradient-descent", "gauss-newton" or "natural-gradient" (of the
    network that `output` names, the tensor that the loss is taken of), or, with constraints, "slsqp" (their default) or
    "trust-constr". `constraints` are texts, ["x + y <= 1"], or limits of tensors of the program, {"c": (0, None)};
    `bounds` are pairs by name. `tolerance` is that of the gradient's largest entry, `limit` the number of steps.

    The result is SciPy's OptimizeResult; `.parameters`, `.x["w"]` and `["w"]` read by name. `success` is True only
    where the gradient vanishes (with constraints: the conditions of Karush, Kuhn and Tucker hold; `.multipliers`) and,
    where the Hessian is at hand, no curvature is negative (`.curvature` is its least eigenvalue).

    >>> found = minimize("(x - 1)**2 + 100*(y - x**2)**2", start={"x": -1.2, "y": 1.0}, method="newton")
    >>> found.success, round(found["y"], 9)
    (True, 1.0)
    """
    start, bounds = by_name(start, "start"), by_name(bounds, "bounds")
    data = {} if data is None else by_name(data, "data") if isinstance(data, Mapping) else data
    system = system_of(f, start, data if isinstance(data, dict) else {})
    also = tuple(map(str, constraints)) if isinstance(constraints, Mapping) else ()
    objective = objective_of(f, system, start, data, loss, also, engine)
    objective.through = output or ""
    given = constraints_of(constraints, objective, system)
    method = _method(method, bool(given), bool(bounds))
    box = _box(objective, bounds)
    found = _solve(objective, method, given, box, tolerance, limit)
    return _judged(objective, found, method, given, box)


def _method(method: str | None, constrained: bool, bounded: bool) -> str:
    if method is None:
        return "slsqp" if constrained else "l-bfgs"
    if method not in METHODS:
        hint = did_you_mean(str(method), METHODS)
        raise SymgradError(f"{method!r} is no method of minimize; they are {', '.join(METHODS)}. {hint}".rstrip())
    if constrained and method not in CONSTRAINED:
        raise SymgradError(f"{method} takes no constraints: use {' or '.join(CONSTRAINED)}.")
    if bounded and method not in BOUNDED:
        raise SymgradError(f"{method} takes no bounds: use {', '.join(BOUNDED)}.")
    return method


def _box(objective: Objective, bounds: dict[str, tuple]) -> list[tuple] | None:
    if not bounds:
        return None
    box: list[tuple] = [(None, None)] * objective.layout.size
    for name, pair in bounds.items():
        part = objective.layout.part(name)
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise SymgradError(f'the bounds of {name} are a pair, None where there is none: {{"{name}": (0, None)}}.')
        box[part] = [tuple(pair)] * (part.stop - part.start)
    return box


def _solve(objective: Objective, method: str, given: list[Constraint], box, tolerance: float, limit: int | None):
    if method in OURS:
        return OURS[method](objective, objective.start, tolerance, limit or LIMITS.get(method, 20_000))
    options: dict[str, Any] = {"maxiter": limit or 500 + 10 * objective.layout.size}
    options |= {"slsqp": {"ftol": 1e-15}, "l-bfgs": {"ftol": 0.0, "gtol": tolerance, "maxfun": 10**6}}.get(
        method, {"gtol": tolerance}
    )
    if method == "trust-constr":
        options |= {"xtol": 1e-14}
    derivatives: dict[str, Any] = {"jac": True}
    if method in ("trust-newton", "trust-constr"):
        derivatives["hessp"] = objective.product

    def run(start: np.ndarray, **more: float) -> OptimizeResult:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of is judged below
            return scipy.optimize.minimize(
                objective.both, start, method=SCIPY[method], bounds=box, options=options | more,
                constraints=[c.for_scipy() for c in given], **derivatives,
            )  # fmt: skip

    found = run(objective.start)
    if method == "trust-constr":  # SciPy stops with its barrier at 1e-5, that far inside: go on at a low one
        found = run(found.x, initial_barrier_parameter=1e-9, initial_barrier_tolerance=1e-9)
    if method == "trust-newton" and np.abs(objective.gradient(found.x)).max() > tolerance:
        found = _last_steps(objective, found, tolerance)
    return found


def _last_steps(objective: Objective, found: OptimizeResult, tolerance: float) -> OptimizeResult:
    """Where the value is at its rounding a trust region shrinks to nothing; Newton's equation still has digits to give:
    solved by conjugate gradients, as long as the gradient gets shorter."""
    from scipy.sparse.linalg import LinearOperator, cg  # noqa: PLC0415

    x = found.x
    for _ in range(10):
        slopes = objective.gradient(x)
        operator = LinearOperator((x.size, x.size), matvec=lambda v, at=x: objective.product(at, np.ravel(v)))
        step, _ = cg(operator, -slopes, rtol=1e-6)
        moved = x + step
        level = objective.value(moved) <= objective.value(x) + 1e-12 * abs(objective.value(x))
        if not (level and np.linalg.norm(objective.gradient(moved)) < np.linalg.norm(slopes)):
            break
        x = moved
        if np.abs(objective.gradient(x)).max() <= tolerance:
            break
    found.x = x
    return found


def _judged(objective: Objective, found: OptimizeResult, method: str, given: list[Constraint], box) -> Minimum:
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
        rest, active, result["multipliers"], fault = _karush(given, found.x, rest)
    if not (np.isfinite(value) and np.isfinite(slopes).all()):
        fault = f"the value is {value}: not finite" if not np.isfinite(value) else "the gradient is not finite"
    elif not fault and (np.abs(rest) * np.maximum(1, np.abs(found.x))).max(initial=0) > STATIONARY * max(
        1.0, abs(value)
    ):
        fault = f"the gradient does not vanish: its largest entry is {np.abs(rest).max():.1e} ({found.message})"
    if not fault and box is None and (method == "newton" or found.x.size <= SMALL):
        result["curvature"], fault = _second_order(objective, given, result, rest, active)
    result["success"] = not fault
    nearby = " of least value nearby" if result["curvature"] is not None else ""
    result["message"] = fault or f"a stationary point{nearby}"
    return result


def _inside(x: np.ndarray, slopes: np.ndarray, box: list[tuple]) -> np.ndarray:
    """The gradient without what points out of the box."""
    low = np.array([-np.inf if b[0] is None else b[0] for b in box], dtype=float)
    high = np.array([np.inf if b[1] is None else b[1] for b in box], dtype=float)
    return np.where(((x <= low) & (slopes > 0)) | ((x >= high) & (slopes < 0)), 0.0, slopes)


def _karush(given: list[Constraint], x: np.ndarray, slopes: np.ndarray):
    """The part of the gradient that no multiplier explains, the gradients of the active constraints, the multipliers by
    constraint (gradient = sum of multiplier times constraint's gradient), and what is violated."""
    violated = next((c for c in given if c.violation(x) > ACTIVE), None)
    if violated is not None:
        fault = f"the constraint {violated.name} is violated by {violated.violation(x):.1e}"
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
