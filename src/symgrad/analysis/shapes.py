r"""The shape of a scalar function g(u1, ..., um): convex, concave, increasing, decreasing, *derived* from derivatives.

Nothing here is a table of shapes: softplus is convex because the sign of its second derivative s(u) s(-u) is proved.
A function with kinks is cut at them: it is convex if it is so between them, continuous, and its slope jumps upwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

import sympy
from sympy import Dummy, Expr, Interval, Matrix, S, floor, oo
from sympy.core.relational import Relational

from ..errors import DifferentiationError
from ..functions import heads, where
from .signs import REALS, Sign, is_zero, sign

KINKED = (where, heads.abs, heads.sign, heads.maximum, heads.minimum, heads.hardsigmoid, heads.finite, floor)


@dataclass(frozen=True)
class Shape:
    """Each field is the reason, or "" where there is no proof. `up` and `down` have one entry for each argument."""

    convex: str = ""
    concave: str = ""
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()


def shape(g: Expr, arguments: tuple[Dummy, ...], box: Mapping[Expr, Interval]) -> Shape:
    """What is proved of g over the box.

    >>> u = Dummy("u", real=True)
    >>> shape(heads.softplus(u), (u,), {}).convex
    'sigmoid(-_u)*sigmoid(_u) > 0'
    >>> shape(heads.sigmoid(u), (u,), {}).convex
    ''
    """
    return _shape(plain(g), tuple(arguments), tuple(sorted(box.items(), key=str)))


@lru_cache(maxsize=2000)
def _shape(g: Expr, arguments: tuple, box: tuple) -> Shape:
    if smooth(g):
        return _smooth(g, arguments, dict(box))
    if isinstance(g, (heads.maximum, heads.minimum)) and set(g.args) == set(arguments):
        return _extreme(g, len(arguments))
    return _kinked(g, arguments[0], dict(box)) if len(arguments) == 1 else Shape()


def plain(expr: Expr) -> Expr:
    """The mathematical value: `stop(x)` is x, `weighted(w, x)` is w x, and everything finite is itself."""
    if not expr.has(heads.stop, heads.finite, heads.weighted, heads.xlogy):
        return expr
    args = [plain(a) if isinstance(a, Expr) else a for a in expr.args]
    if isinstance(expr, (heads.stop, heads.finite)):
        return args[0]
    if isinstance(expr, heads.weighted):
        return args[0] * args[1]
    if isinstance(expr, heads.xlogy):
        return args[0] * sympy.log(args[1])
    return expr.func(*args) if args else expr


def smooth(expr: Expr) -> bool:
    """No kink anywhere: no head that has one, also not inside a definition."""
    return not uncut(expr).has(*KINKED)


def uncut(expr: Expr) -> Expr:
    """Functions with kinks written with `where`: |u| is where(u > 0, u, -u)."""
    if not expr.args:
        return expr
    args = [uncut(a) for a in expr.args]
    match expr:
        case heads.abs():
            return where(args[0] > 0, args[0], -args[0])
        case heads.maximum():
            return where(args[0] > args[1], *args)
        case heads.minimum():
            return where(args[0] > args[1], args[1], args[0])
    row = getattr(expr.func, "row", None)
    if row is not None and row.kinks and row.definition is not None:
        return uncut(row.definition.xreplace(dict(zip(row.arguments, args))))
    return expr.func(*args)


def _smooth(g: Expr, arguments: tuple, box: dict) -> Shape:
    try:
        slopes = [g.diff(u) for u in arguments]
        hessian = Matrix(len(arguments), len(arguments), lambda i, j: slopes[i].diff(arguments[j]))
    except (DifferentiationError, TypeError):
        return Shape()
    signs = [sign(s, box) for s in slopes]
    convex, concave = semidefinite(hessian, box)
    return Shape(convex, concave, *_ways(signs))


def _ways(signs: list[Sign | None]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    up = tuple(_said(s) if s and s.nonnegative else "" for s in signs)
    return up, tuple(_said(s) if s and s.nonpositive else "" for s in signs)


def _said(found: Sign) -> str:
    return f"{found.expr} {found.relation} 0"


def semidefinite(hessian: Matrix, box: Mapping[Expr, Interval]) -> tuple[str, str]:
    """(why H >= 0, why H <= 0) over the box: the sign of v^T H v as a polynomial in v, or of all principal minors."""
    if hessian.rows == 1:
        found = sign(hessian[0], box)
        return (
            _said(found) if found and found.nonnegative else "",
            _said(found) if found and found.nonpositive else "",
        )
    return _psd(hessian, box), _psd(-hessian, box)


def _psd(hessian: Matrix, box) -> str:
    for u in range(hessian.rows):
        found = sign(hessian[u, u], box)
        if found is not None and found.relation == "<":
            return ""
    v = [Dummy(f"v{i}", real=True) for i in range(hessian.rows)]
    form = sum(hessian[i, j] * v[i] * v[j] for i in range(len(v)) for j in range(len(v)))
    found = sign(form, box)
    if found and found.nonnegative:
        return f"v^T H v {found.relation} 0, {found.reason}"
    return "all principal minors are >= 0" if hessian.rows <= 3 and _minors(hessian, box) else ""


def _minors(hessian: Matrix, box) -> bool:
    every = range(hessian.rows)
    chosen = (list(c) for size in range(1, hessian.rows + 1) for c in combinations(every, size))
    return all((found := sign(hessian.extract(c, c).det(), box)) and found.nonnegative for c in chosen)


def _extreme(g: Expr, count: int) -> Shape:
    every = ("selects an argument",) * count
    if isinstance(g, heads.maximum):
        return Shape("a maximum of affine functions", "", every, ("",) * count)
    return Shape("", "a minimum of affine functions", every, ("",) * count)


def _kinked(g: Expr, u: Dummy, box: dict) -> Shape:
    cut = pieces(g, u, box.get(u, REALS))
    if not cut:
        return Shape()
    constants = {a: i for a, i in box.items() if a != u}
    seconds = [sign(e.diff(u, 2), {**constants, u: i}) for i, e in cut]
    jumps = [sign((right - left).diff(u).subs(u, i.end), constants) for (i, left), (_, right) in pairwise(cut)]
    slopes = [sign(e.diff(u), {**constants, u: i}) for i, e in cut]

    def holds(signs, which):
        return all(s is not None and getattr(s, which) for s in signs)

    points = ", ".join(str(i.end) for i, _ in cut[:-1])
    said = f"between its kinks at {points}, where its slope jumps "
    return Shape(
        f"convex {said}upwards" if holds([*seconds, *jumps], "nonnegative") else "",
        f"concave {said}downwards" if holds([*seconds, *jumps], "nonpositive") else "",
        ("each piece increases" if holds(slopes, "nonnegative") else "",),
        ("each piece decreases" if holds(slopes, "nonpositive") else "",),
    )


def pieces(g: Expr, u: Dummy, interval: Interval = REALS) -> list[tuple[Interval, Expr]]:
    """[(interval, smooth expression), ...] of a continuous function of one variable; [] where it cannot be cut.

    >>> u = Dummy("u", real=True)
    >>> [str(e) for _, e in pieces(heads.abs(u), u)]
    ['-_u', '_u']
    """
    cut = uncut(g)
    places = {p for c in _conditions(cut) for p in _breakpoints(c, u)}
    if None in places or cut.has(heads.sign, floor):
        return []
    inside = sorted(p for p in places if (p > interval.start) == True and (p < interval.end) == True)  # noqa: E712
    ends = [interval.start, *inside, interval.end]
    found = [(Interval(a, b), _on(cut, u, _between(a, b))) for a, b in pairwise(ends)]
    joined = all(is_zero((a - b).subs(u, i.end)) for (i, a), (_, b) in pairwise(found))
    return found if joined and all(smooth(e) for _, e in found) else []


def _conditions(expr: Expr) -> set[Relational]:
    """The comparisons that decide branches, innermost first: a comparison of branches is cut itself."""
    return {c for w in expr.atoms(where) for c in w.args[0].atoms(Relational)}


def _breakpoints(condition: Relational, u: Dummy) -> list:
    """Where `condition` may change: for each choice of the branches in it both sides are affine in u, with numbers."""
    found = []
    for difference in _choices(condition.lhs - condition.rhs):
        slope, at = difference.diff(u), difference.subs(u, 0)
        if not (slope.is_Rational and at.is_Rational):
            return [None]
        found += [-at / slope] if slope != 0 else []
    return found


def _choices(expr: Expr) -> list[Expr]:
    """`expr` with each `where` replaced by either branch."""
    inner = next((w for w in expr.atoms(where) if not (w.args[1].has(where) or w.args[2].has(where))), None)
    if inner is None:
        return [expr]
    return [c for branch in inner.args[1:] for c in _choices(expr.xreplace({inner: branch}))]


def _between(a, b):
    if a == -oo:
        return S.Zero if b == oo else b - 1
    return a + 1 if b == oo else (a + b) / 2


def _on(expr: Expr, u: Dummy, point) -> Expr:
    """The branch of every `where` that holds at `point`."""
    if not expr.has(where):
        return expr
    if isinstance(expr, where):
        return _on(expr.args[1] if _on(expr.args[0], u, point).subs(u, point) == sympy.true else expr.args[2], u, point)
    return expr.func(*(_on(a, u, point) for a in expr.args))
