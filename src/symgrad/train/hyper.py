r"""The derivative of a validation loss by hyper-parameters, at trained parameters.

    w*(lambda) = argmin_w L(w, lambda),   dV/dlambda = V_lambda - L_{lambda w} v,   L_{ww} v = V_w

by the implicit function theorem. All five derivatives are derived; v comes from conjugate gradients on Hessian-vector
products, so that no Hessian is stored.

Source: Y. Bengio, Gradient-based optimization of hyperparameters, Neural Computation 12 (2000).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from .. import calculus
from ..errors import SymgradError, UnknownNameError
from ..ir.access import fresh_names
from .arguments import by_name
from .data import Arrays, inputs_of, name_arrays
from .evaluate import Evaluator
from .initial import given_parameters
from .layout import Layout
from .model import raw_system
from .second_order import directions, hessian_product, product_of

STATIONARY = 1e-4  # the theorem is about a minimum: larger gradients of the training loss (relative) are refused


def hypergradient(
    program: Any,
    training: str,
    validation: str,
    wrt: str | Iterable[str],
    parameters: Mapping[Any, Any],
    data: Mapping[Any, Any],
    engine: str | None = None,
) -> dict[str, Any]:
    """`d validation / d wrt` at `parameters` that minimise `training`.

    `program` holds both losses; `wrt` names inputs of it (in `data`), as the weight of a penalty. SymgradError where
    the gradient of the training loss does not vanish, or its Hessian is not positive definite.

    >>> ridge = "w: parameter\\na, t: input\\nL = (w - 1)**2 + a*w**2\\nV = (w - t)**2\\noutputs: L, V"
    >>> found = hypergradient(ridge, "L", "V", "a", {"w": 0.5}, {"a": 1.0, "t": 0.25})
    >>> round(found["a"], 9)  # w = 1/(1 + a), so dV/da = 2 (w - t) (-w^2) = -0.125
    -0.125
    """
    system = raw_system(program)
    names = tuple(map(str, wrt)) if isinstance(wrt, list | tuple | set) else (str(wrt),)
    arrays = name_arrays(inputs_of(system), by_name(data, "data"), "float64")
    for name in names:
        if name not in arrays:
            raise UnknownNameError(f"{name} is no input of the program; they are {', '.join(arrays)}.")
    start = given_parameters(system, arrays, by_name(parameters, "parameters"))
    layout = Layout({n: np.shape(a) for n, a in start.items()})
    point = layout.pack(start)
    inner = _gradient(system, training, layout.names, arrays, layout, point, engine)
    _need_stationary(
        layout.pack({n: inner[f"d{training}_d{n}"] for n in layout.names}), float(inner[training]), training
    )
    outer = _gradient(system, validation, (*layout.names, *names), arrays, layout, point, engine)
    slopes = layout.pack({n: outer[f"d{validation}_d{n}"] for n in layout.names})
    inverse = _solve(system, training, arrays, layout, point, slopes, engine)
    along = {n: f"{n}_dot" for n in layout.names}
    dot = next(fresh_names(set(system.tensors), f"{training}_dot"))
    mixed = calculus.jacobian(calculus.jvp(system, training, along, dot), dot, names)
    found = Evaluator(mixed, arrays, layout, engine, **directions(layout, inverse))(
        point, **directions(layout, inverse)
    )
    total = {n: np.asarray(outer[f"d{validation}_d{n}"]) - np.asarray(found[f"d{dot}_d{n}"]) for n in names}
    return {n: float(a) if a.ndim == 0 else a for n, a in total.items()}


def _gradient(
    system, output: str, names, arrays: Arrays, layout: Layout, point: np.ndarray, engine
) -> Mapping[str, Any]:
    return Evaluator(calculus.gradient(system, output, names), arrays, layout, engine)(point)


def _need_stationary(slopes: np.ndarray, value: float, training: str) -> None:
    largest = float(np.abs(slopes).max(initial=0))
    if not largest <= STATIONARY * max(1.0, abs(value)):
        raise SymgradError(
            f"these parameters do not minimise {training}: its gradient has an entry of {largest:.1e}. "
            "Train to the end first, as with sg.minimize(..., method='newton')."
        )


def _solve(
    system, training: str, arrays: Arrays, layout: Layout, point: np.ndarray, right: np.ndarray, engine
) -> np.ndarray:
    """`L_ww^-1 right`."""
    evaluate = Evaluator(
        hessian_product(system, training, layout.names), arrays, layout, engine, **directions(layout, point)
    )

    def times(vector: np.ndarray) -> np.ndarray:
        return product_of(evaluate(point, **directions(layout, np.ravel(vector))), training, layout)

    solution, failed = cg(LinearOperator((point.size,) * 2, matvec=times), right, rtol=1e-12, maxiter=20 * point.size)
    left = float(np.linalg.norm(times(solution) - right))
    if (failed and left > 1e-8 * np.linalg.norm(right)) or solution @ times(solution) < 0:
        raise SymgradError(f"the Hessian of {training} is not positive definite there: the minimum is not isolated.")
    return solution
