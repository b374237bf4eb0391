r"""Convexity by rules of composition, over expressions whose atoms are symbols or cells of tensors.

    sum        f1 + f2 is convex where both are                    scale     c f is convex where f is and c >= 0
    compose    g(f1, ..., fm) is convex where g is (in all its arguments together) and each fi is affine, or convex
               while g increases in it, or concave while g decreases in it
    log-sum    log f is convex where f is log-convex: exp of convex, and sums and products of log-convex functions
    norm       sqrt(f1**2 + ... + c) is convex where each fi is affine

That g is convex or increasing is proved from its derivatives (`shapes`). Each application is a Step whose rule computes
the answer again. Sources: Boyd and Vandenberghe, Convex Optimization (2004), sections 3.2 and 3.5; Grant, Boyd and Ye,
Disciplined convex programming (2006).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy
from sympy import Add, Dummy, Expr, Interval, Mul, Pow, Rational, Symbol, exp, log, oo

from ..calculus.rewrite import Rule
from ..functions import heads, row_of
from ..ir.access import Access, reads
from ..ir.system import Step
from .shapes import plain, shape
from .signs import POSITIVE, REALS, sign

CONSTANT, AFFINE, CONVEX, CONCAVE, UNKNOWN = "constant", "affine", "convex", "concave", "unknown"
_OPPOSITE = {CONVEX: CONCAVE, CONCAVE: CONVEX}
BOYD = "Boyd and Vandenberghe, Convex Optimization (2004), section "


@dataclass(frozen=True)
class Leaf:
    """What is known of an atom as a function of the variables."""

    curvature: str = CONSTANT
    interval: Interval = REALS
    log_convex: bool = False
    squares: bool = False  # a sum of squares of affine functions, plus a constant that is not negative


@dataclass(frozen=True)
class Context:
    """The atoms that vary, where each atom lies, and how an expression is shown in a step."""

    leaves: Mapping[Expr, Leaf]
    positive: frozenset[Expr] = frozenset()  # expressions that the domain keeps positive
    show: Callable[[Expr], Any] = field(default=lambda e: e)

    @property
    def box(self) -> dict[Expr, Interval]:
        return {a: leaf.interval for a, leaf in self.leaves.items() if leaf.interval != REALS}

    def varying(self, expr: Expr) -> set[Expr]:
        atoms = expr.atoms(Symbol, Access)
        return {a for a in atoms if a in self.leaves and self.leaves[a].curvature != CONSTANT}

    def interval(self, expr: Expr) -> Interval:
        """Where the expression lies, as far as its sign tells."""
        if expr in self.leaves:
            return self.leaves[expr].interval
        if expr in self.positive:
            return POSITIVE
        found = sign(expr, self.box)
        if found is None or found.relation == "==":
            return REALS
        half = {">": POSITIVE, ">=": Interval(0, oo), "<": Interval.open(-oo, 0), "<=": Interval(-oo, 0)}
        return half[found.relation]


@dataclass(frozen=True)
class Found:
    curvature: str
    steps: tuple[Step, ...] = ()

    @property
    def known(self) -> bool:
        return self.curvature != UNKNOWN


def _text(curvature: str) -> str:
    return rf"\text{{{curvature}}}"


def added(curvatures) -> str:
    """The curvature of a sum."""
    kinds = set(curvatures) - {CONSTANT}
    if not kinds:
        return CONSTANT
    kinds -= {AFFINE}
    return AFFINE if not kinds else kinds.pop() if len(kinds) == 1 else UNKNOWN


def _scaled(factor: Expr, curvature: str, box) -> str:
    if curvature in (CONSTANT, AFFINE, UNKNOWN):
        return curvature
    found = sign(factor, box)
    if found is None:
        return UNKNOWN
    return curvature if found.nonnegative else _OPPOSITE[curvature]


def _composed(g: Expr, arguments: tuple, curvatures: tuple[str, ...], box) -> str:
    """Boyd and Vandenberghe, eq. (3.15)."""
    known = shape(g, arguments, box)
    for kind, holds, along, against in (
        (CONVEX, known.convex, known.up, known.down),
        (CONCAVE, known.concave, known.down, known.up),
    ):
        fits = (
            c == AFFINE or (c == CONVEX and along[i]) or (c == CONCAVE and against[i]) for i, c in enumerate(curvatures)
        )
        if holds and all(fits):
            return kind
    return UNKNOWN


SUM = Rule("sum", lambda context, before: _text(added(context)), BOYD + "3.2.1", relation=r"\text{ is }")
SCALE = Rule(
    "constant factor", lambda context, before: _text(_scaled(*context)), BOYD + "3.2.1", relation=r"\text{ is }"
)
COMPOSE = Rule(
    "composition",
    lambda context, before: _text(_composed(*context)),
    BOYD + "3.2.4, eq. (3.15)",
    relation=r"\text{ is }",
)
LOG = Rule(
    "logarithm of a log-convex function",
    lambda context, before: _text(CONVEX if _log_convex(*context) else UNKNOWN),
    BOYD + "3.5.2",
    relation=r"\text{ is }",
)
NORM = Rule(
    "Euclidean norm of affine functions",
    lambda context, before: _text(CONVEX if _squares(*context) else UNKNOWN),
    BOYD + "3.1.5",
    relation=r"\text{ is }",
)


def curvature(expr: Expr, context: Context) -> Found:
    """The curvature of `expr` in the atoms that vary, with the steps that prove it."""
    return _curvature(plain(expr), context)


def _curvature(expr: Expr, context: Context) -> Found:
    if not context.varying(expr):
        return Found(CONSTANT)
    if expr in context.leaves:
        return Found(context.leaves[expr].curvature)
    for attempt in (_structure, _frontier):
        found = attempt(expr, context)
        if found.known:
            return found
    expanded = expr.expand()
    return _structure(expanded, context) if expanded != expr else Found(UNKNOWN)


def _structure(expr: Expr, context: Context) -> Found:
    if isinstance(expr, Add):
        return _sum(expr, context)
    if isinstance(expr, Mul):
        constant, rest = expr.as_independent(*context.varying(expr), as_Add=False)
        if constant != 1:
            return _scale(expr, constant, rest, context)
    if isinstance(expr, log) and _log_convex(expr.args[0], context):
        return _by(LOG, (expr.args[0], context), expr, context)
    if isinstance(expr, Pow) and expr.exp == Rational(1, 2) and _squares(expr.base, context):
        return _by(NORM, (expr.base, context), expr, context)
    return _compose(expr, context)


def _sum(expr: Add, context: Context) -> Found:
    parts = []
    for addend in expr.args:
        parts.append(_curvature(addend, context))
        if not parts[-1].known:
            return parts[-1]
    curvatures = tuple(p.curvature for p in parts)
    below = tuple(s for p in parts for s in p.steps)
    if added(curvatures) in (CONSTANT, AFFINE, UNKNOWN):
        return Found(added(curvatures))
    return _by(SUM, curvatures, expr, context, below)


def _scale(expr: Expr, constant: Expr, rest: Expr, context: Context) -> Found:
    inner = _curvature(rest, context)
    if inner.curvature in (AFFINE, UNKNOWN):
        return inner
    note = "" if constant.is_number else f"$\\operatorname{{sign}}$ of the factor: {sign(constant, context.box)}"
    return _by(SCALE, (constant, inner.curvature, context.box), expr, context, inner.steps, note)


def _by(rule: Rule, data: Any, expr: Expr, context: Context, below: tuple[Step, ...] = (), note: str = "") -> Found:
    step = rule.step(data, context.show(expr), note=note)
    return Found(step.after[len(r"\text{") : -1], (*below, step))


def _compose(expr: Expr, context: Context) -> Found:
    """The outermost function of what stands inside it."""
    varying = [a for a in expr.args if context.varying(a)] if not isinstance(expr, (Add, Mul)) else []
    if not varying or not all(isinstance(a, Expr) for a in varying):
        return Found(UNKNOWN)
    inner = [_curvature(a, context) for a in varying]
    if not all(f.known for f in inner):
        return Found(UNKNOWN)
    return _through(expr, varying, inner, context)


def _through(expr: Expr, inside: list[Expr], inner: list[Found], context: Context) -> Found:
    names = [Dummy(f"u{i + 1}" if len(inside) > 1 else "u", real=True) for i in range(len(inside))]
    g = expr.xreplace(dict(zip(inside, names)))
    if context.varying(g):
        return Found(UNKNOWN)
    held = {a: Dummy(str(a), real=True) for a in reads(g)}  # cells that do not vary: SymPy differentiates plain symbols
    g = g.xreplace(held)
    box = {held.get(a, a): interval for a, interval in context.box.items()}
    box |= {u: context.interval(a) for u, a in zip(names, inside)}
    data = (g, tuple(names), tuple(f.curvature for f in inner), {k: v for k, v in box.items() if v != REALS})
    if _composed(*data) == UNKNOWN:
        return Found(UNKNOWN)
    known = shape(*data[:2], data[3])
    why = known.convex if _composed(*data) == CONVEX else known.concave
    way = "".join(
        f"; in ${_plain_latex(u)}$: {known.up[i] or known.down[i]}"
        for i, (u, f) in enumerate(zip(names, inner))
        if f.curvature != AFFINE
    )
    note = f"$g = {_plain_latex(g)}$, second derivative: {why.replace('_u', 'u')}{way.replace('_u', 'u')}"
    return _by(COMPOSE, data, expr, context, tuple(s for f in inner for s in f.steps), note)


def _plain_latex(expr: Expr) -> str:
    named = {d: Symbol(d.name, real=True) for d in expr.atoms(Dummy)}
    return sympy.latex(expr.xreplace(named)) if not expr.has(Access) else str(expr.xreplace(named))


def _frontier(expr: Expr, context: Context) -> Found:
    """A function of affine functions: its Hessian in those, and if that is not definite, in the atoms themselves."""
    affine = sorted(set(_affine_parts(expr, context)), key=str)
    atoms = sorted(context.varying(expr), key=str)
    if all(context.leaves[a].curvature == AFFINE for a in atoms):
        for inside in (affine, atoms):
            if 0 < len(inside) <= 4:
                found = _through(expr, inside, [Found(AFFINE)] * len(inside), context)
                if found.known:
                    return found
    return Found(UNKNOWN)


def _affine_parts(expr: Expr, context: Context) -> Iterator[Expr]:
    if not context.varying(expr):
        return
    if expr in context.leaves or (isinstance(expr, (Add, Mul)) and _is_affine(expr, context)):
        yield expr
    else:
        for a in expr.args:
            yield from _affine_parts(a, context)


def _is_affine(expr: Expr, context: Context) -> bool:
    atoms = context.varying(expr)
    if not all(context.leaves[a].curvature == AFFINE for a in atoms):
        return False
    named = {a: Dummy(real=True) for a in atoms}
    inside = expr.xreplace(named)
    return inside.is_polynomial(*named.values()) and sympy.Poly(inside, *named.values()).total_degree() <= 1


def log_convex(expr: Expr, context: Context) -> bool:
    return _log_convex(plain(expr), context)


def _log_convex(expr: Expr, context: Context) -> bool:
    """exp(convex), positive constants, and sums, products and positive powers of log-convex functions."""
    if not context.varying(expr):
        found = sign(expr, context.box)
        return found is not None and found.relation == ">"
    if expr in context.leaves:
        return context.leaves[expr].log_convex
    if isinstance(expr, exp):
        return _curvature(expr.args[0], context).curvature in (AFFINE, CONVEX)
    if isinstance(expr, (Add, Mul)):
        return all(_log_convex(a, context) for a in expr.args)
    if isinstance(expr, Pow) and expr.exp.is_number:
        return _log_convex(expr.base, context) if expr.exp.is_positive else _concave_positive(expr.base, context)
    return False


def _concave_positive(expr: Expr, context: Context) -> bool:
    """1/f is log-convex where f is concave and positive."""
    found = _curvature(expr, context)
    return found.curvature in (AFFINE, CONCAVE) and context.interval(expr) == POSITIVE


def sum_of_squares(expr: Expr, context: Context) -> bool:
    return _squares(plain(expr), context)


def _squares(expr: Expr, context: Context) -> bool:
    """sum of c f**2 with f affine, and constants, c and constants >= 0; at least one square varies."""
    if not context.varying(expr):
        found = sign(expr, context.box)
        return found is not None and found.nonnegative
    if expr in context.leaves:
        return context.leaves[expr].squares
    if isinstance(expr, Add):
        return all(_squares(a, context) for a in expr.args)
    if isinstance(expr, Mul):
        constant, rest = expr.as_independent(*context.varying(expr), as_Add=False)
        found = sign(constant, context.box)
        return constant != 1 and found is not None and found.nonnegative and _squares(rest, context)
    if isinstance(expr, Pow) and expr.exp == 2:
        return _curvature(expr.base, context).curvature == AFFINE
    return False


def conditions(expr: Expr) -> list[tuple[Expr, str]]:
    """(argument, positive | nonnegative | nonzero | refused): where the expression is defined."""
    found: dict[tuple[Expr, str], None] = {}
    for part in sympy.preorder_traversal(expr):
        match part:
            case log():
                found[part.args[0], "positive"] = None
            case Pow() if part.exp.is_Rational and part.exp.q % 2 == 0:
                found[part.base, "positive" if part.exp.is_negative else "nonnegative"] = None
            case Pow() if part.exp.is_negative:
                found[part.base, "nonzero"] = None
            case Pow() if not part.exp.is_Integer and not isinstance(part, exp):
                found[part.base, "positive"] = None
            case sympy.tan():
                found[sympy.cos(part.args[0]), "nonzero"] = None
            case heads.bose():
                found[part.args[0], "nonzero"] = None
            case heads.lgamma() | heads.digamma() | heads.trigamma() | heads.polygamma():
                found[part.args[-1], "positive"] = None
            case heads.ScalarFunction():
                low, high = row_of(part).domain
                last = part.args[-1]
                if low != float("-inf"):
                    found[last - Rational(low), "positive"] = None
                if high != float("inf"):
                    found[Rational(high) - last, "positive"] = None
    return list(found)
