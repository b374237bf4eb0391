"""`minimize`: SciPy's solvers (and damped Newton) with derived derivatives, and a proof of what they found."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import OptimizeResult

from ..errors import SymgradError, did_you_mean
from .arguments import by_name, number, whole
from .columns import is_table
from .constraints import Constraint, constraints_of
from .descent import gradient_descent, newton
from .formula import data_by_name, system_of
from .gauss_newton import gauss_newton, natural_gradient
from .limits import limits
from .objective import Objective, objective_of
from .optimum import Minimum, judged

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
    data = data_by_name(data, f) if data is None or is_table(data) or isinstance(data, Mapping) else data
    system = system_of(f, start, data if isinstance(data, dict) else {})
    also = tuple(map(str, constraints)) if isinstance(constraints, Mapping) else ()
    objective = objective_of(f, system, start, data, loss, also, engine)
    objective.through = output or ""
    given = constraints_of(constraints, objective, system)
    method = _method(method, bool(given), bool(bounds))
    box, tolerance = _box(objective, bounds), number("tolerance", tolerance, 0.0)
    limit = None if limit is None else whole("limit", limit, 0)
    with np.errstate(all="ignore"):
        objective.need_start()
        found = _solve(objective, method, given, box, tolerance, limit)
        return judged(objective, found, method, given, box)


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
    box: list[tuple] = [(-np.inf, np.inf)] * objective.layout.size
    for name, pair in bounds.items():
        part = objective.layout.part(name)
        box[part] = list(zip(*limits(name, pair, objective.layout.shapes[name])))
    return box


def _solve(objective: Objective, method: str, given: list[Constraint], box, tolerance: float, limit: int | None):
    if method in OURS:
        steps = LIMITS.get(method, 20_000) if limit is None else limit
        return OURS[method](objective, objective.start, tolerance, steps)
    options: dict[str, Any] = {"maxiter": 500 + 10 * objective.layout.size if limit is None else limit}
    options |= {"slsqp": {"ftol": 1e-15}, "l-bfgs": {"ftol": 0.0, "gtol": tolerance, "maxfun": 10**6}}.get(
        method, {"gtol": tolerance}
    )
    if method == "trust-constr":
        options |= {"xtol": 1e-14}
    derivatives: dict[str, Any] = {"jac": True}
    if method in ("trust-newton", "trust-constr"):
        derivatives["hessp"] = objective.product

    def run(start: np.ndarray, **more: float) -> OptimizeResult:
        best: list[Any] = [np.inf, start]

        def both(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, slopes = objective.both(x)
            if value < best[0]:
                best[:] = value, np.array(x)
            return value, slopes

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of is judged below
            try:
                return scipy.optimize.minimize(
                    both, start, method=SCIPY[method], bounds=box, options=options | more,
                    constraints=[c.for_scipy() for c in given], **derivatives,
                )  # fmt: skip
            except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:  # an overflow inside the solver
                return OptimizeResult(x=best[1], nit=0, message=f"SciPy's {SCIPY[method]} gave up: {error}")

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
