r"""Stationary points under constraints: Lagrange multipliers, and the conditions of Karush, Kuhn and Tucker.

>>> report = lagrange("x*y", ["x + y = 1"])
>>> [(p.at, p.kind) for p in report.value]
[({'x': 1/2, 'y': 1/2}, 'maximum')]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import sympy
from sympy import Expr, Matrix, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import to_sympy
from ..ir.system import Step
from .convex import convexity
from .critical import inertia
from .question import Formula, Names, checked, formula, intervals, value, variables
from .report import Report
from .shapes import smooth
from .solve import Solutions, solve

SOURCE = "Nocedal and Wright, Numerical Optimization (2006), chapter 12"
REGULAR = "constraint qualification fails: the active gradients are linearly dependent"


@dataclass(frozen=True)
class Constrained:
    """A point, its multipliers, the kind (None: cannot decide) and why. `multipliers` is empty at a point where the
    constraint qualification fails: it may be an extremum although no multiplier exists."""

    at: Mapping[str, Expr]
    multipliers: Mapping[str, Expr]
    value: Expr
    kind: str | None
    why: str


def equation(text: Formula) -> Expr:
    """`g` for "g = 0", "a = b", or a formula that is meant to vanish."""
    if isinstance(text, str) and "=" in text:
        left, _, right = text.partition("=")
        return formula(left) - formula(right)
    return formula(text)


def inequality(text: Formula) -> Expr:
    """`g` for "g <= 0", "a <= b" or "a >= b"."""
    if isinstance(text, str):
        for sign_, relation in ((1, "<="), (-1, ">=")):
            if relation in text:
                left, _, right = text.partition(relation)
                return sign_ * (formula(left) - formula(right))
    return formula(text)


def lagrange(f: Formula, constraints: Iterable[Formula], wrt: Names | None = None, on: Mapping | None = None) -> Report:
    """Stationary points of f under equations ("x + y = 1"), classified by the Hessian of the Lagrangian on the tangent
    space. The value is a tuple of `Constrained`.

    Raises SymgradError for a formula with kinks. Source: Nocedal and Wright (2006), theorems 12.5 and 12.6.
    """
    return _report("Lagrange multipliers", f, list(map(equation, constraints)), [], wrt, on)


def kkt(
    f: Formula,
    inequalities: Iterable[Formula] = (),
    equalities: Iterable[Formula] = (),
    wrt: Names | None = None,
    on: Mapping | None = None,
) -> Report:
    """Points that satisfy the Karush-Kuhn-Tucker conditions of: minimise f where "g <= h" and "a = b".

    Where f and every inequality are proved convex and equations are affine, each such point is a global minimum.

    >>> report = kkt("(x - 2)**2 + y**2", ["x + y <= 1", "y >= 0"])
    >>> report.value[0].at, report.value[0].kind
    ({'x': 1, 'y': 0}, 'global minimum')
    """
    return _report(
        "Karush-Kuhn-Tucker conditions",
        f,
        list(map(equation, equalities)),
        list(map(inequality, inequalities)),
        wrt,
        on,
    )


def _report(title: str, f: Formula, equal: list[Expr], below: list[Expr], wrt, on) -> Report:
    f = formula(f)
    xs = variables(wrt, f, *equal, *below)
    if not all(smooth(e) for e in (f, *equal, *below)):
        raise SymgradError("a formula here has kinks, where no gradient exists: ask for each smooth piece.")
    convex = bool(below) and _convex(f, equal, below, xs)
    steps, points, complete = [], [], True
    for active in _active_sets(below):
        found = _stationary(f, xs, equal, below, active, intervals(on), convex)
        steps += found[0]
        points += [p for p in found[1] if p.at not in [q.at for q in points]]
        complete &= found[2]
    steps += [_check(f, xs, equal, below, points)] if points else []
    steps += (
        [Step("convexity", f, r"\text{convex, and so are the constraints: each such point is a global minimum}")]
        if convex
        else []
    )
    return Report(title, f, tuple(steps), _said(points, complete), tuple(points), SOURCE)


def _convex(f, equal, below, xs) -> bool:
    straight = all(g.is_polynomial(*xs) and sympy.Poly(g, *xs).total_degree() <= 1 for g in equal)
    return straight and all(convexity(e, xs).value.convex for e in (f, *below))


def _active_sets(below: Sequence[Expr]) -> Iterable[tuple[int, ...]]:
    return (c for size in range(len(below) + 1) for c in combinations(range(len(below)), size))


def lagrangian(f: Expr, equal: Sequence[Expr], active: Sequence[Expr]) -> tuple[Expr, list[Symbol], list[Symbol]]:
    lams = [Symbol(f"lambda_{i + 1}" if len(equal) > 1 else "lambda", real=True) for i in range(len(equal))]
    mus = [Symbol(f"mu_{i + 1}", real=True) for i in range(len(active))]
    return f + sum(m * g for m, g in zip([*lams, *mus], [*equal, *active])), lams, mus


def _stationary(f, xs, equal, below, active, on, convex: bool):
    tight = [below[i] for i in active]
    whole, lams, mus = lagrangian(f, equal, tight)
    unknown = (*lams, *mus, *xs)
    equations = [*(whole.diff(x) for x in xs), *equal, *tight]
    found = solve(equations, unknown, on)
    kept = [p for p in found.points if all(_sign(p[m]) >= 0 for m in mus) and _feasible(below, active, p)]
    form = Rule("Lagrangian", lambda context, before: lagrangian(before, *context)[0], SOURCE, relation=r"\;\mapsto\; ")
    step = form.step((equal, tight), f)
    solved = Rule("stationary and feasible", lambda context, before: _text(solve(*context).points), relation=r"\iff ")
    gradient = ", ".join(sympy.latex(to_sympy(e)) + " = 0" for e in equations)
    steps = [step, solved.step((equations, unknown, on), gradient, note=found.how + _dropped(found, kept))]
    idle = [g for i, g in enumerate(below) if i not in active]
    points = [_constrained(f, whole, xs, equal, tight, idle, mus, p, convex) for p in kept]
    irregular = _irregular(f, xs, [*equal, *tight], on, below, active)
    return steps, points + irregular, found.complete


def _dropped(found: Solutions, kept) -> str:
    count = len(found.points) - len(kept)
    return f"; {count} of them left out: a multiplier is negative or another constraint is violated" if count else ""


def _sign(number: Expr) -> int:
    return int(sympy.sign(number.evalf(40))) if abs(number.evalf(40)) > sympy.Rational(1, 10**25) else 0


def _feasible(below, active, point) -> bool:
    return all(_sign(g.subs(point)) <= 0 for i, g in enumerate(below) if i not in active)


def _text(points) -> str:
    listed = [r",\ ".join(f"{sympy.latex(s)} = {sympy.latex(_short(v))}" for s, v in p.items()) for p in points]
    return r"\;\text{ or }\; ".join(listed) or r"\text{nothing}"


def _short(v: Expr) -> Expr:
    return v.evalf(12) if v.has(sympy.Float, sympy.CRootOf) else v


def _constrained(f, whole, xs, equal, tight, idle, mus, p, convex: bool) -> Constrained:
    at = {x.name: p[x] for x in xs}
    multipliers = {s.name: v for s, v in p.items() if s not in xs}
    kind, why = ("global minimum", "convex problem") if convex else _second_order(whole, xs, [*equal, *tight], p)
    if not convex and any(_sign(g.subs(p)) == 0 for g in idle):
        kind, why = None, "a constraint is tight with multiplier 0; " + why
    elif mus and not convex:
        if any(_sign(p[m]) == 0 for m in mus) or kind != "minimum":
            kind, why = None, "a Karush-Kuhn-Tucker point: " + why
    elif not convex and not (equal or tight):
        why = "no constraint is active; " + why
    return Constrained(at, multipliers, f.subs(p), kind, why)


def _second_order(whole: Expr, xs, constraints, p: dict) -> tuple[str | None, str]:
    """The Hessian of the Lagrangian on the tangent space of the constraints."""
    jacobian = Matrix([[g.diff(x).subs(p) for x in xs] for g in constraints]) if constraints else Matrix(0, len(xs), [])
    tangent = jacobian.nullspace() if constraints else [sympy.eye(len(xs))[:, i] for i in range(len(xs))]
    if constraints and jacobian.rank() < len(constraints):
        return None, REGULAR
    if not tangent:
        return "minimum", "isolated: the constraints leave this point only"
    basis = Matrix.hstack(*tangent)
    counted = inertia(basis.T * sympy.hessian(whole, xs).subs(p) * basis)
    if counted is None:
        return None, "the sign of an eigenvalue is not known"
    plus, minus, zero = counted
    if plus and minus:
        return "saddle", "the Hessian of the Lagrangian is indefinite on the tangent space"
    if zero:
        return None, "the Hessian of the Lagrangian is singular on the tangent space"
    return ("minimum" if plus else "maximum"), "the Hessian of the Lagrangian is definite on the tangent space"


def _irregular(f, xs, constraints, on, below, active) -> list[Constrained]:
    """Points of the constraints where their gradients are dependent: no multiplier need exist there."""
    if not constraints or len(constraints) > len(xs):
        return []
    jacobian = Matrix([[g.diff(x) for x in xs] for g in constraints])
    minors = [jacobian[:, list(c)].det() for c in combinations(range(len(xs)), len(constraints))]
    if any(m.is_number and m != 0 for m in minors):
        return []
    found = solve([*constraints, *minors], xs, on)
    return [
        Constrained({x.name: p[x] for x in xs}, {}, f.subs(p), None, REGULAR)
        for p in found.points
        if _feasible(below, active, p)
    ]


def _check(f, xs, equal, below, points) -> Step:
    def off(point):
        at = {x: point.at[x.name] for x in xs}
        return max((abs(value(g, at)) for g in equal), default=0) if not any(v.free_symbols for v in at.values()) else 0

    return checked("constraints at the points", max(map(off, points)), 1e-19, "50 digits")


def _said(points: list[Constrained], complete: bool) -> str:
    if not points:
        return "No point satisfies the conditions." if complete else "Cannot list the points."
    listed = "; ".join(
        f"{p.kind or 'cannot decide'} at {', '.join(f'{n} = {_short(v)}' for n, v in p.at.items())} "
        f"(f = {_short(p.value)}; {p.why})"
        for p in points
    )
    return f"{listed[0].upper()}{listed[1:]}." + ("" if complete else " Other points are not excluded.")
