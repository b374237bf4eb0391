r"""Derivatives of what equations define: F(x, y) = 0 gives dy/dx = -(dF/dy)^-1 dF/dx; an argmin is such a y.

>>> implicit("x**2 + y**2 = 25", "y", "x").value[0, 0]
-x/y
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

import mpmath
import sympy
from sympy import Expr, Function, Matrix, Rational, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import to_sympy
from ..ir.system import Step
from .constrained import equation
from .question import Formula, Names, checked, formula, value, variables
from .report import Report

SOURCE = "Krantz and Parks, The Implicit Function Theorem (2003), theorem 3.3.1"


def implicit(equations: Formula | Iterable[Formula], of: Names, by: Names) -> Report:
    """dy/dx where the equations F(x, y) = 0 define y = `of`, x = `by`. The value is the Jacobian, a row for each y.

    Raises SymgradError where there are not as many equations as unknowns, or dF/dy is singular everywhere.
    Source: Krantz and Parks, The Implicit Function Theorem (2003), theorem 3.3.1.
    """
    rows = [equation(e) for e in ([equations] if isinstance(equations, Formula) else equations)]
    ys, xs = variables(of, *rows), variables(by, *rows)
    if len(rows) != len(ys):
        raise SymgradError(
            f"{len(rows)} equations cannot define {len(ys)} unknowns ({', '.join(map(str, ys))}): pass one for each."
        )
    return _report(rows, ys, xs, f"d({', '.join(map(str, ys))})/d({', '.join(map(str, xs))})")


def argmin_derivative(f: Formula, of: Names, by: Names) -> Report:
    """The derivative of y*(x) = argmin_y f(x, y) by x: its gradient stays 0, so -(d2f/dy dy)^-1 d2f/dy dx.

    >>> argmin_derivative("(a*w - b)**2 + lam*w**2", "w", "lam").value[0, 0]
    -w/(a**2 + lam)
    """
    expr = formula(f)
    ys, xs = variables(of, expr), variables(by, expr)
    first = Rule(
        "the gradient vanishes at the minimum",
        lambda context, before: Matrix([before.diff(y) for y in context]),
        relation=r"\;\mapsto\; 0 = ",
    ).step(ys, expr)
    report = _report(list(first.after), ys, xs, f"Derivative of the argmin by {', '.join(map(str, xs))}")
    return Report(report.title, expr, (first, *report.steps), report.conclusion, report.value, SOURCE)


def hypergradient(training: Formula, validation: Formula, of: Names, by: str) -> Report:
    """d validation(w*(h))/dh with w* = argmin_w training(w, h): dV/dh + dV/dw dw*/dh.

    The value is an expression in w* (named as w) and h. Source: Bengio, Gradient-based optimization of hyperparameters,
    Neural Computation 12 (2000).
    """
    inner = argmin_derivative(training, of, by)
    goal = formula(validation)
    ys, (h,) = variables(of, formula(training)), variables(by, formula(training))
    chain = Rule(
        "chain rule through the argmin",
        lambda context, before: _through(before, *context),
        SOURCE,
        relation=r"\;\mapsto\; ",
    )
    step = chain.step((ys, h, inner.value), goal)
    return Report(
        f"Hyper-parameter gradient by {h}",
        goal,
        (*inner.steps, step),
        f"d validation/d{h} = {step.after} at the minimum.",
        step.after,
        SOURCE,
    )


def _through(goal: Expr, ys, h: Symbol, slope: Matrix) -> Expr:
    return sympy.factor(goal.diff(h) + sum(goal.diff(y) * slope[i, 0] for i, y in enumerate(ys)))


def _report(rows: list[Expr], ys, xs, title: str) -> Report:
    named = {y: Function(y.name)(*xs) for y in ys}
    differentiate = Rule(
        "differentiate, with y a function of x",
        lambda context, before: _total(before, *context),
        SOURCE,
        relation=r"= 0 \;\mapsto\; 0 = ",
    )
    steps = [differentiate.step((named, x), Matrix(rows)) for x in xs]
    solving = Rule(
        "solve for the derivative", lambda context, before: _solved(before, *context), SOURCE, relation=r"\;\mapsto\; "
    )
    last = solving.step((named, ys, xs), tuple(s.after for s in steps))
    slope = last.after
    last = Step(solving, last.before, slope, last.context)
    steps = (*steps, last, _against_differences(rows, ys, xs, slope))
    return Report(title, Matrix(rows), steps, f"Where dF/dy is invertible, {title} = {slope.tolist()}.", slope, SOURCE)


def _total(rows: Matrix, named: Mapping, x: Symbol) -> Matrix:
    return Matrix([to_sympy(r.subs(named)).diff(x) for r in rows])


def _solved(totals: tuple, named: Mapping, ys, xs) -> Matrix:
    """The totals are linear in the derivatives: a linear system for each x."""
    back = {f: y for y, f in named.items()}
    columns = []
    for x, total in zip(xs, totals):
        unknown = [sympy.Dummy(f"d{y}") for y in ys]
        plain = total.subs({named[y].diff(x): u for y, u in zip(ys, unknown)}).subs(back)
        matrix = plain.jacobian(unknown)
        if sympy.simplify(matrix.det()) == 0:
            raise SymgradError("dF/dy is singular everywhere: the equations do not define these unknowns.")
        rest = -plain.subs(dict.fromkeys(unknown, 0))
        columns.append(matrix.LUsolve(rest).applyfunc(sympy.factor))
    return Matrix.hstack(*columns)


def _against_differences(rows, ys, xs, slope: Matrix) -> Step:
    """A point of the solution set is found by Newton's method, moved along x, and found again."""
    random = Random(2)
    others = sorted(set().union(*(r.free_symbols for r in rows)) - set(ys), key=str)
    rows = [to_sympy(r) for r in rows]
    for _ in range(40):
        at = {s: Rational(random.randint(4, 24), 8) for s in others}
        found = _newton(rows, ys, at, [Rational(random.randint(2, 24), 8) for _ in ys])
        if found is None:
            continue
        worst = _moved(rows, ys, xs, slope, at, found)
        if worst is not None:
            return checked("dy/dx against central differences of the solution", worst, 1e-10, "40 digits, step 1e-12")
    return Step("numeric check", "", r"\text{left out: no real solution was found near simple numbers}")


def _newton(rows, ys, at, start):
    with mpmath.workdps(40):
        point = [mpmath.mpf(v.p) / v.q if isinstance(v, Rational) else v for v in start]
        jacobian = Matrix(rows).jacobian(ys)
        for _ in range(60):
            here = {**at, **{y: sympy.Float(str(v), 45) for y, v in zip(ys, point)}}
            f = mpmath.matrix([value(r, here, 45) for r in rows])
            j = mpmath.matrix([[value(e, here, 45) for e in row] for row in jacobian.tolist()])
            if not all(map(mpmath.isfinite, [*f, *j])):
                return None
            try:
                step = mpmath.lu_solve(j, f)
            except (ZeroDivisionError, ValueError, TypeError):
                return None
            point = [v - s for v, s in zip(point, step)]
            if mpmath.norm(step) < mpmath.mpf("1e-35"):
                return point
    return None


def _moved(rows, ys, xs, slope, at, found):
    worst, h = mpmath.mpf(0), Rational(1, 10**12)
    with mpmath.workdps(40):
        here = {**at, **{y: sympy.Float(str(v), 45) for y, v in zip(ys, found)}}
        for column, x in enumerate(xs):
            right, left = (_newton(rows, ys, {**at, x: at[x] + s * h}, found) for s in (1, -1))
            if right is None or left is None:
                return None
            for row in range(len(ys)):
                difference = (right[row] - left[row]) * 10**12 / 2
                exact = value(slope[row, column], here, 45)
                worst = max(worst, abs(difference - exact) / (1 + abs(exact)))
    return worst if mpmath.isfinite(worst) else None
