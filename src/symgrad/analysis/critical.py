r"""Critical points and what they are: minimum, maximum, saddle, inflection, or "cannot decide".

>>> [(p.at["x"], p.kind) for p in critical_points("x**3 - 3*x").value]
[(-1, 'maximum'), (1, 'minimum')]
>>> critical_points("x**3 - 3*x*y**2").value[0].kind  # the monkey saddle: its Hessian there is 0
'saddle'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy
from sympy import Expr, Matrix, Rational, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import to_sympy
from ..ir.system import Step
from .question import Formula, Names, checked, formula, intervals, value, variables
from .report import Report
from .shapes import plain, smooth
from .signs import sign
from .solve import Solutions, changes, solve

SOURCE = "Nocedal and Wright, Numerical Optimization (2006), section 2.1"
ORDERS = 8  # derivatives looked at where the second is 0
KINDS = {(True, False): "minimum", (False, True): "maximum"}


@dataclass(frozen=True)
class Critical:
    """A critical point: where, the value there, its kind (None: cannot decide) and why."""

    at: Mapping[str, Expr]
    value: Expr
    kind: str | None
    why: str


def critical_points(expr: Formula, wrt: Names | None = None, on: Mapping[str, Any] | None = None) -> Report:
    """The critical points of a smooth formula in `wrt`, each with its kind. The value is a tuple of `Critical`.

    Polynomial and exponential equations are solved completely; otherwise the conclusion says what was searched.
    Raises SymgradError for a formula with kinks: the gradient does not exist everywhere.
    Source: Nocedal and Wright, Numerical Optimization (2006), section 2.1.
    """
    f = plain(formula(expr))
    if not smooth(f):
        raise SymgradError(f"{f} has kinks, where a minimum needs no zero gradient: ask for each smooth piece.")
    xs = variables(wrt, f)
    gradient = [f.diff(x) for x in xs]
    found = solve(gradient, xs, intervals(on))
    points = [_classified(f, xs, p) for p in found.points]
    steps = (*(_slope(f, x) for x in xs), _solved(gradient, xs, intervals(on), found), *(s for _, s in points))
    plainly = [p for p in found.points if not any(v.free_symbols for v in p.values()) and set(xs) >= f.free_symbols]
    off = max((abs(value(g, p)) for p in plainly for g in gradient), default=0)
    steps += (checked("gradient at the critical points", off, 1e-19, "50 digits"),) if points else ()
    return Report(
        f"Critical points of f in {', '.join(map(str, xs))}",
        f,
        steps,
        _said(points, found),
        tuple(c for c, _ in points),
        SOURCE,
    )


def _slope(f: Expr, x: Symbol) -> Step:
    rule = Rule(f"derivative by {x}", lambda context, before: before.diff(context), relation=r"\;\mapsto\; ")
    return rule.step(x, f)


def _solved(gradient, xs, on, found: Solutions) -> Step:
    rule = Rule("solve", lambda context, before: _points(solve(*context).points), relation=r"\iff ")
    before = ", ".join(f"{sympy.latex(to_sympy(g))} = 0" for g in gradient)
    return rule.step((gradient, xs, on), before, note=found.how)


def _points(points) -> str:
    listed = [r",\ ".join(f"{sympy.latex(s)} = {sympy.latex(_short(v))}" for s, v in p.items()) for p in points]
    return r"\;\text{ or }\; ".join(listed) or r"\text{nothing}"


def _short(v: Expr) -> Expr:
    return v.evalf(12) if v.has(sympy.Float, sympy.CRootOf) else v


def _said(points, found: Solutions) -> str:
    listed = [
        f"{c.kind or 'cannot decide'} at {', '.join(f'{n} = {_short(v)}' for n, v in c.at.items())}" for c, _ in points
    ]
    none = "no critical point" if found.complete else "cannot list them"
    text = "; ".join(listed) or none
    return f"{text[0].upper()}{text[1:]} ({found.how})."


def _classified(f: Expr, xs: tuple[Symbol, ...], point: dict) -> tuple[Critical, Step]:
    hessian = sympy.hessian(f, xs).applyfunc(lambda e: e.subs(point))
    rule = Rule(
        "second derivative test",
        lambda context, before: rf"\text{{{_kind(*context)[0] or 'cannot decide'}}}",
        SOURCE,
        relation=r"\;:\; ",
    )
    kind, why = _kind(f, xs, tuple(point.items()))
    step = rule.step((f, xs, tuple(point.items())), Matrix(hessian).applyfunc(_short), note=why)
    at = {s.name: v for s, v in point.items()}
    return Critical(at, f.subs(point), kind, why), step


def _kind(f: Expr, xs: tuple[Symbol, ...], point: tuple) -> tuple[str | None, str]:
    at = dict(point)
    counted = inertia(sympy.hessian(f, xs).applyfunc(lambda e: e.subs(at)))
    if counted is None:
        return None, "the sign of an eigenvalue is not known"
    plus, minus, zero = counted
    if plus and minus:
        return "saddle", f"{plus} positive and {minus} negative eigenvalues"
    if not zero:
        return KINDS[bool(plus), bool(minus)], "the Hessian is definite"
    return _higher(f, xs, at)


def inertia(matrix: Matrix) -> tuple[int, int, int] | None:
    """How many eigenvalues of a real symmetric matrix are positive, negative, zero: Descartes' rule, exact because all
    roots of its characteristic polynomial are real. None where a sign is not known.

    >>> inertia(Matrix([[1, 2], [2, 4]]))
    (1, 0, 1)
    """
    s = sympy.Dummy("s")
    coefficients = matrix.charpoly(s).all_coeffs()
    signs = []
    for c in coefficients:
        found = sign(sympy.simplify(to_sympy(c)) if not c.has(sympy.Float) else _cut(c))
        if found is None or found.relation not in ("<", ">", "=="):
            return None
        signs.append({"<": -1, ">": 1, "==": 0}[found.relation])
    zero = next(i for i, v in enumerate(reversed(signs)) if v)
    positive = changes(signs)
    negative = changes([v * (-1) ** i for i, v in enumerate(signs)])
    return positive, negative, zero


def _cut(number: Expr) -> Expr:
    """A number known to about 40 digits: 0 only if it is smaller than what those leave open."""
    return number.evalf(40)


def _higher(f: Expr, xs, at: dict) -> tuple[str | None, str]:
    """Degenerate: f - f(p) of one sign everywhere; or curves through p along which f - f(p) takes both signs."""
    height = f - f.subs(at)
    if not height.free_symbols:
        return None, "constant"
    t = Symbol("t", real=True)
    seen = {}
    for curve, text in _curves(xs, at, t):
        order, first = _first_derivative(height.subs(curve, simultaneous=True), t)
        if first is None:
            continue
        if order % 2:
            name = "inflection" if len(xs) == 1 else "saddle"
            return name, f"derivative {order} along {text} is {_short(first)}, the first that is not 0"
        seen[bool(first > 0)] = f"f has {'a minimum' if first > 0 else 'a maximum'} along {text}"
        if len(seen) == 2:
            return "saddle", "; ".join(seen.values())
        if len(xs) == 1:
            return KINDS[
                bool(first > 0), bool(first < 0)
            ], f"derivative {order} is {_short(first)}, the first that is not 0"
    found = sign(height)
    if found is not None and (found.nonnegative or found.nonpositive):
        return KINDS[
            found.nonnegative, not found.nonnegative
        ], f"f - f(p) {found.relation} 0 everywhere: {found.reason}"
    return None, "the Hessian is singular, and lines and parabolas through the point show no change of sign"


def _curves(xs, at: dict, t: Symbol) -> Iterator[tuple[dict, str]]:
    """Lines through the point, then parabolas."""
    if len(xs) == 1:
        yield {xs[0]: at[xs[0]] + t}, f"{xs[0]}"
        return
    for way in product((1, 0, -1, 2, -2), repeat=len(xs)):
        if any(way):
            yield {x: at[x] + w * t for x, w in zip(xs, way)}, f"direction {way}"
    halves = (Rational(1, 2), 1, Rational(3, 2), 2, 3)
    for i, j in product(range(len(xs)), repeat=2):
        for c in (*halves, *(-h for h in halves)) if i != j else ():
            yield (
                {x: at[x] + (t if k == i else c * t**2 if k == j else 0) for k, x in enumerate(xs)},
                f"{xs[j]} ~ {c} {xs[i]}^2",
            )


def _first_derivative(along: Expr, t: Symbol) -> tuple[int, Expr | None]:
    for order in range(1, ORDERS + 1):
        along = along.diff(t)
        found = sign(sympy.simplify(to_sympy(along.subs(t, 0))))
        if found is None:
            return order, None
        if found.relation != "==":
            return order, along.subs(t, 0)
    return ORDERS, None
