r"""Lagrange multipliers for tensors: the stationarity conditions of a model under constraints, for any sizes.

The Lagrangian is one more equation of the model, and its gradient is derived like any other. A condition that reads
each cell alone is solved for it; a constraint that is linear in the cells then fixes the factor that they share.

>>> text = "S: input[i,i], symmetric \n w: parameter[i] \n f = w @ S @ w \n g = w @ w - 1"
>>> stationarity(text, ["g"]).value.conditions
{'w': 'S w = \\lambda w'}
>>> text = ("x: input[i] \n m: input \n p: parameter[i], positive \n H = -sum[i](p[i]*log(p[i])) \n"
...     "one = sum[i](p[i]) - 1 \n mean = sum[i](p[i]*x[i]) - m")
>>> stationarity(text, ["one", "mean"]).value.solutions["p"].splitlines()[-2]
'p[i] = exp(-lam_mean*x[i])/Z'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Rational

from ..calculus.rewrite import Rule
from ..ir.access import Access
from ..ir.interpret import interpret
from ..ir.system import Step, System
from ..notation import to_text
from ..typeset.equation import latex_equation, sides
from ..typeset.matrix import matrix_equation
from .lagrangian import Problem, cells, condition, derived, normalised, problem_of, solution, symmetric, system_of
from .question import checked
from .report import Report
from .samples import arrays_for

SOURCE = "Nocedal and Wright, Numerical Optimization (2006), theorem 12.1"


@dataclass(frozen=True)
class Stationarity:
    """`conditions`: an equation in LaTeX for each unknown; `solutions`: equations as text, where there is one."""

    conditions: Mapping[str, str]
    solutions: Mapping[str, str]


def stationarity(model: str | System | Any, constraints: Iterable[str], wrt: Iterable[str] | None = None) -> Report:
    """The conditions under which the scalar output is stationary where the `constraints`, tensors of the model, are 0.

    `model` is text in the notation, a System, or a Program; `wrt` are the unknowns (default: all parameters).
    The value is a `Stationarity`. Raises SymgradError where there is not one scalar output beside the constraints.
    """
    problem = problem_of(system_of(model), tuple(constraints), wrt)
    system = problem.system
    shown = latex_equation(system.defining()[problem.name], system)
    first = LAGRANGIAN.step(problem, "".join(_listed(problem)))
    steps: list[Step] = [first, _against_differences(problem)]
    conditions, solutions = {}, {}
    for name in problem.unknowns:
        moved = MOVED.step((problem, name), "")
        steps += [GRADIENT.step((problem, name), shown), replace(moved, under=symmetric(system))]
        conditions[name] = moved.after
        solved = solution(problem, name)
        if solved is not None:
            steps += [SOLVED.step((problem, name), moved.after), _vanishes(problem, name, solved)]
            scaled = normalised(problem, name, solved)
            if scaled is not None:
                steps += [SCALED.step((problem, name), steps[-2].after), _holds(problem, name, *scaled)]
            solutions[name] = to_text(scaled[1] if scaled else cells(problem, name, solved))
    said = "; ".join(f"${c}$" for c in conditions.values())
    return Report("Stationarity under constraints", "", tuple(steps), f"Stationary where {said}.",
                  Stationarity(conditions, solutions), SOURCE)


# -- what a step shows


def _listed(problem: Problem) -> Iterable[str]:
    equations = problem.system.defining()
    yield r"\begin{gathered}"
    yield r" \\ ".join(latex_equation(equations[g], problem.system) + " = 0" for g, _ in problem.multipliers)
    yield r"\end{gathered}"


def _sides(problem: Problem, name: str) -> str:
    """The terms with a multiplier on the right side, a common number taken out."""
    eq, multipliers = condition(problem, name), {m for _, m in problem.multipliers}
    right = [t for t in eq.terms if multipliers & {a.name for a in t.body.atoms(Access)}]
    left = [t for t in eq.terms if t not in right]
    numbers = [t.body.as_coeff_Mul()[0] for t in (*left, *right)]
    common = sympy.gcd_list(numbers) if all(n.is_Rational for n in numbers) else Rational(1)
    common = -common if left and left[0].body.could_extract_minus_sign() else common
    parts = [eq.with_terms(replace(t, body=t.body / s) for t in p) for p, s in ((left, common), (right, -common))]
    system = derived(problem)
    whole = [matrix_equation(p, system) if p.terms else "0 = 0" for p in parts]
    if None not in whole:
        return " = ".join(w.split(" = ", 1)[1] for w in whole if w)
    return " = ".join(sides(p, system)[1] if p.terms else "0" for p in parts)


def _with_zero(problem: Problem, name: str) -> str:
    return latex_equation(condition(problem, name), derived(problem)) + " = 0"


def _shown(problem: Problem) -> str:
    return latex_equation(problem.system.defining()[problem.name], problem.system)


def _lines(system: System) -> str:
    return r",\quad ".join(latex_equation(eq, system) for eq in system.equations[::-1])


def _solved_text(problem: Problem, name: str) -> str:
    found = solution(problem, name)
    return "" if found is None else _lines(cells(problem, name, found))


def _scaled_text(problem: Problem, name: str) -> str:
    found = solution(problem, name)
    scaled = None if found is None else normalised(problem, name, found)
    return "" if scaled is None else _lines(scaled[1])


LAGRANGIAN = Rule("Lagrangian: each constraint with a multiplier", lambda problem, before: _shown(problem), SOURCE,
                  relation=r"\;\mapsto\; ")
GRADIENT = Rule("the derivative of the Lagrangian vanishes", lambda context, before: _with_zero(*context), SOURCE,
                relation=r"\;\mapsto\; ")
MOVED = Rule("terms with a multiplier to the right", lambda context, before: _sides(*context))
SOLVED = Rule("solve for the cell", lambda context, before: _solved_text(*context), relation=r"\iff ")
SCALED = Rule("the constraint fixes the common factor", lambda context, before: _scaled_text(*context),
              relation=r"\implies ")


# -- numbers


def _point(problem: Problem, seed: int = 0) -> dict[str, np.ndarray]:
    return arrays_for(problem.system, {}, np.random.default_rng(seed), 3)


def _against_differences(problem: Problem) -> Step:
    """The gradient of the Lagrangian against central differences of it."""
    at, step = _point(problem), 1e-5
    worst = 0.0
    for name in problem.unknowns:
        slope = f"d{problem.name}_d{name}"
        exact = interpret(derived(problem), at, outputs=(slope,))[slope]
        for cell in np.ndindex(at[name].shape):
            high, low = (_moved(problem, at, name, cell, sign * step) for sign in (1, -1))
            worst = max(worst, abs((high - low) / (2 * step) - exact[cell]) / (1 + abs(exact[cell])))
    return checked("the gradient of the Lagrangian against central differences", worst, 1e-6, "step 1e-5, float64")


def _moved(problem: Problem, at: Mapping, name: str, cell: tuple, by: float) -> float:
    moved = at[name].copy()
    moved[cell] += by
    return float(interpret(problem.system, {**at, name: moved}, outputs=(problem.name,))[problem.name])


def _vanishes(problem: Problem, name: str, solved: Expr) -> Step:
    """The gradient at the solution, for random data and multipliers."""
    at = _point(problem, 1)
    found = interpret(cells(problem, name, solved), at, outputs=(name,))[name]
    slope = f"d{problem.name}_d{name}"
    rest = interpret(derived(problem), {**at, name: found}, outputs=(slope,))[slope]
    return checked("the derivative of the Lagrangian at the solution", np.abs(rest).max(), 1e-9, "float64")


def _holds(problem: Problem, name: str, constraint: str, scaled: System) -> Step:
    """The constraint at the solution in which it has fixed the factor."""
    at = _point(problem, 2)
    found = interpret(scaled, at, outputs=(name,))[name]
    off = interpret(problem.system, {**at, name: found}, outputs=(constraint,))[constraint]
    return checked(f"the constraint {constraint} there", np.abs(off).max(), 1e-9, "float64")
