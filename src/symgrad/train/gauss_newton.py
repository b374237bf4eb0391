r"""Gauss-Newton and the natural gradient for small networks: the curvature of the loss, the network linearised.

    L(z(w), w) ,   J = dz/dw ,   G = J^T L_zz J + J^T L_zw + L_wz J + L_ww        (L's own derivatives at fixed z)
    (G + lambda) s = -dL/dw ,   w <- w + s        lambda as Levenberg and Marquardt have it

G is the Hessian of L without the curvature of z: not negative where L is convex in z (and in w, as a penalty is). Where
L is a negative log-likelihood and z its natural parameter, L_zz does not read the targets; then G is Fisher's matrix,
and s the natural gradient. That is asked of the derived equations, not assumed. s comes from conjugate gradients on
products with G: one jvp, one Hessian product at fixed z, one vjp, all derived.

Sources: N. N. Schraudolph, Fast curvature matrix-vector products, Neural Computation 14 (2002); J. Martens, New
insights and perspectives on the natural gradient method, JMLR 21 (2020), sections 8 and 9; J. J. More (1978).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import OptimizeResult
from scipy.sparse.linalg import LinearOperator, cg

from .. import calculus
from ..errors import SymgradError, UnknownNameError, did_you_mean
from ..ir.access import fresh_names
from ..ir.system import Equation, System
from .evaluate import Evaluator
from .layout import Layout
from .objective import Objective
from .second_order import directions, hessian_product

FIRST = 1.0  # lambda before the first step
GOOD, BAD = 0.75, 0.25  # ratio of what the loss fell to what the model promised: lambda falls above, grows below
LARGEST = 1e16  # a lambda beyond: no step lowers the loss


def cut(system: System, output: str, names: tuple[str, ...]) -> System:
    """The system in which `output` is a parameter and not computed.

    Raises UnknownNameError for what is no tensor that depends on the parameters.
    """
    computed = [eq.tensor for eq in system.equations if isinstance(eq, Equation) and eq.tensor not in system.outputs]
    defined = [n for n in computed if system.tensors[n].named]
    depends = [n for n in defined if {t.name for t in system.prune([n]).declared("parameter")} & set(names)]
    if output not in depends:
        hint = did_you_mean(str(output), depends)
        raise UnknownNameError(f"output is the network's, one of {', '.join(depends)}; not {output!r}. {hint}".rstrip())
    equations = tuple(eq for eq in system.equations if output not in eq.writes)
    tensors = {**system.tensors, output: replace(system.tensors[output], role="parameter", complement="")}
    return replace(system, tensors=tensors, equations=equations)


@dataclass
class Curvature:
    """Products with G at a point."""

    objective: Objective
    output: str

    def __post_init__(self):
        given = self.objective
        system, names, loss = given.system, given.layout.names, given.output
        self.names, taken = names, set(system.tensors)
        self.dot = next(fresh_names(taken, f"{self.output}_dot"))
        fixed = cut(system, self.output, names).prune([loss])
        self.direct = tuple(t.name for t in fixed.declared("parameter") if t.name != self.output)
        start = directions(given.layout, given.start)
        along = calculus.jvp(system, self.output, {n: f"{n}_dot" for n in names}, self.dot)
        along = along.prune([self.output, self.dot])
        self.along = Evaluator(along, given.data, given.layout, given.engine, **start)
        first = self.along(given.start, **start)
        shapes = {self.output: np.shape(first[self.output])} | {n: given.layout.shapes[n] for n in self.direct}
        self.inner = Layout(shapes)
        self.product = hessian_product(fixed, loss, self.inner.names)
        self.within = Evaluator(
            self.product, given.data, self.inner, given.engine, **directions(self.inner, np.zeros(self.inner.size))
        )
        bar = f"{self.output}_bar"
        back = calculus.vjp(system, self.output, names).prune([f"{n}_bar" for n in names])
        zero = {bar: np.zeros(shapes[self.output])}
        self.back = Evaluator(back, given.data, given.layout, given.engine, **zero)

    def reads_targets(self) -> list[str]:
        """The data that L_zz reads and z does not: for a likelihood in its natural parameter, none."""
        system, kept = self.objective.system, calculus.kernel_form(self.product)
        kept = kept.prune([f"{self.objective.output}_hvp_{self.output}"])
        network = {t.name for t in system.prune([self.output]).declared()}
        return [t.name for t in kept.declared("input", "label") if t.name in system.tensors and t.name not in network]

    def at(self, vector: np.ndarray) -> LinearOperator:
        """G at `vector`."""
        layout, loss = self.objective.layout, self.objective.output
        here = layout.unpack(vector)

        def times(direction: np.ndarray) -> np.ndarray:
            direction = np.ravel(direction)
            found = self.along(vector, **directions(layout, direction))
            inside = {self.output: found[self.output]} | {n: here[n] for n in self.direct}
            moved = layout.unpack(direction)
            towards = {f"{self.output}_dot": found[self.dot]} | {f"{n}_dot": moved[n] for n in self.direct}
            bent = self.within(self.inner.pack(inside), **towards)
            pulled = self.back(vector, **{f"{self.output}_bar": np.asarray(bent[f"{loss}_hvp_{self.output}"])})
            total = {n: np.asarray(pulled[f"{n}_bar"]) for n in self.names}
            for name in self.direct:
                total[name] = total[name] + bent[f"{loss}_hvp_{name}"]
            return layout.pack(total)

        return LinearOperator((layout.size,) * 2, matvec=times, dtype=float)


def gauss_newton(objective: Objective, start: np.ndarray, tolerance: float, limit: int) -> OptimizeResult:
    """Levenberg-Marquardt steps with G."""
    return _steps(objective, Curvature(objective, _output(objective)), start, tolerance, limit)


def natural_gradient(objective: Objective, start: np.ndarray, tolerance: float, limit: int) -> OptimizeResult:
    """The same steps where G is Fisher's matrix; SymgradError where it is not."""
    curvature = Curvature(objective, _output(objective))
    targets = curvature.reads_targets()
    if targets:
        raise SymgradError(
            f"the curvature of {objective.output} by {curvature.output} reads {targets[0]}, so it is not Fisher's "
            f"matrix: {curvature.output} is no natural parameter of a likelihood. Use method=\"gauss-newton\"."
        )
    return _steps(objective, curvature, start, tolerance, limit)


def _output(objective: Objective) -> str:
    if not objective.through:
        raise SymgradError("say what is linearised, the network's output before the loss: minimize(..., output='z').")
    return objective.through


def _steps(
    objective: Objective, curvature: Curvature, start: np.ndarray, tolerance: float, limit: int
) -> OptimizeResult:
    x, damping, step, message = start, FIRST, 0, f"{limit} steps were not enough"
    while step < limit:
        value, slopes = objective.both(x)
        if not (np.isfinite(value) and np.isfinite(slopes).all()):
            message = "the value or the gradient is not finite"
            break
        if np.abs(slopes).max() <= tolerance:
            message = "the gradient vanishes"
            break
        step, matrix = step + 1, curvature.at(x)
        direction = _direction(matrix, slopes, damping)
        promised = float(slopes @ direction + 0.5 * direction @ matrix.matvec(direction))
        ratio = (objective.value(x + direction) - value) / promised if promised < 0 else -1.0
        level = promised < 0 and abs(promised) <= 1e-13 * max(1.0, abs(value))  # the value is at its rounding
        if level:
            shorter = np.linalg.norm(objective.gradient(x + direction)) < np.linalg.norm(slopes)
            ratio = 1.0 if shorter else -1.0
        damping = damping / 3 if ratio > GOOD else damping * 4 if not ratio >= BAD else damping
        if ratio > 0:
            x = x + direction
        elif damping > LARGEST or level:
            message = "no step lowers the value any more"
            break
    value, slopes = objective.both(x)
    return OptimizeResult(x=x, fun=value, jac=slopes, nit=step, success=False, message=message)


def _direction(matrix: LinearOperator, slopes: np.ndarray, damping: float) -> np.ndarray:
    size = slopes.size
    damped = LinearOperator((size, size), matvec=lambda v: matrix.matvec(v) + damping * np.ravel(v), dtype=float)
    rough = min(0.1, float(np.sqrt(np.linalg.norm(slopes))))
    return cg(damped, -slopes, rtol=rough, maxiter=2 * size)[0]
