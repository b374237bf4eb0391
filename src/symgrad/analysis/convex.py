r"""Convex, concave, affine or neither: with a proof, or with points that refute it; else "cannot decide".

>>> convexity("log(exp(x) + exp(y)) + (x - y)**2").value.word
'convex'
>>> convexity("x**2 - y**2").value.word
'neither'
>>> convexity("x*log(x)").conclusion
'Convex on x in (0, inf).'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from random import Random
from typing import Any

import mpmath
from scipy.optimize import minimize
from sympy import Expr, Interval, Rational, Symbol, oo

from ..calculus.rewrite import Rule
from ..ir.system import Step, System
from .curvature import AFFINE, CONCAVE, CONSTANT, CONVEX, POSITIVE, Context, Leaf, conditions, curvature
from .question import Formula, Names, checked, formula, intervals, value, variables
from .report import Report
from .shapes import plain, smooth
from .signs import REALS, sign

SOURCE = "Boyd and Vandenberghe, Convex Optimization (2004), chapter 3"
TRIES = 400
MARGIN = mpmath.mpf("1e-30")  # of values with 50 digits: a gap above it is not rounding


@dataclass(frozen=True)
class Counterexample:
    """Two points between which the function lies above (`gap` > 0) or below its chord, at their middle."""

    left: Mapping[str, Any]
    right: Mapping[str, Any]
    gap: float  # f(middle) - (f(left) + f(right))/2, checked with 50 digits

    @property
    def refutes(self) -> str:
        return CONVEX if self.gap > 0 else CONCAVE


@dataclass(frozen=True)
class Curvature:
    """`word`: affine, convex, concave, neither, "not convex", "not concave", or None for "cannot decide"."""

    word: str | None
    counterexamples: tuple[Counterexample, ...] = ()

    @property
    def convex(self) -> bool | None:
        """True where proved, False where refuted, None where neither."""
        return _verdict(self, CONVEX)

    @property
    def concave(self) -> bool | None:
        return _verdict(self, CONCAVE)


def _verdict(found: Curvature, kind: str) -> bool | None:
    if found.word in (kind, AFFINE, CONSTANT):
        return True
    return False if any(c.refutes == kind for c in found.counterexamples) else None


def convexity(expr: Formula | Any, wrt: Names | None = None, on: Mapping | None = None, **data) -> Report:
    r"""Is a formula, or the output of a Program or System, convex in `wrt` (default: all symbols; all parameters)?

    `on` maps names to intervals, `on={"x": (0, 2)}`; without it the natural domain is taken where that is an interval
    for each variable or a convex set that the rules can see. For a Program, `data` gives arrays for the search of a
    counterexample; a proof holds for all data that have the declared facts.

    The value is a `Curvature`; its word is None where there is neither a proof nor a counterexample.
    Raises SymgradError for a name that is not in the formula. Source: Boyd and Vandenberghe (2004), chapter 3.

    >>> import symgrad as sg
    >>> lasso = sg.program("A: input[i,j] \n b: input[i] \n x: parameter[j] \n"
    ...     "L = sum[i]((sum[j](A[i,j]*x[j]) - b[i])**2) + sum[j](abs(x[j]))")
    >>> convexity(lasso).value.word
    'convex'
    """
    if isinstance(expr, System) or hasattr(expr, "raw"):
        from .systems import program_convexity  # noqa: PLC0415  (tensors are not needed for a formula of scalars)

        return program_convexity(expr, wrt, data)
    return _of_formula(formula(expr), wrt, intervals(on))


def _of_formula(expr: Expr, wrt: Names | None, on: Mapping[str, Interval]) -> Report:
    xs = variables(wrt, expr)
    context = _domain(expr, xs, on)
    found = curvature(expr, context)
    whole = convex_domain(expr, context)
    where = domain_text(xs, context)
    title = f"Curvature in {', '.join(map(str, xs))}"
    if found.known and whole:
        steps = (*found.steps, _midpoints(expr, xs, context, found.curvature))
        word = AFFINE if found.curvature == CONSTANT else found.curvature
        return Report(title, expr, steps, f"{word.capitalize()}{where}.", Curvature(word), SOURCE)
    return refuted(title, expr, list(counterexamples(expr, xs, context)), where)


def refuted(title: str, statement, points: list[Counterexample], where: str = "") -> Report:
    """The report of what the counterexamples refute; "cannot decide" where there are none."""
    kinds = {c.refutes for c in points}
    word = None if not kinds else "neither" if len(kinds) == 2 else f"not {kinds.pop()}"
    steps = tuple(_refutation(c) for c in points)
    if word is None:
        text = f"Cannot decide{where}: no rule proves it, and no counterexample was found."
    else:
        text = f"{'Neither convex nor concave' if word == 'neither' else word.capitalize()}{where}."
    return Report(title, statement, steps, text, Curvature(word, tuple(points)), SOURCE)


def _refutation(found: Counterexample) -> Step:
    relation = ">" if found.gap > 0 else "<"
    rule = Rule(
        "midpoint",
        lambda context, before: (
            rf"\tfrac{{1}}{{2}}\left(f(a) + f(b)\right) "
            rf"{'+' if context > 0 else '-'} "
            f"{abs(context):.3g}"
        ),
        SOURCE,
        relation=relation,
    )
    note = f"a: {_point(found.left)}; b: {_point(found.right)}"
    return rule.step(found.gap, r"f\left(\tfrac{a + b}{2}\right)", note=note)


def _point(point: Mapping[str, Any]) -> str:
    return ", ".join(f"{n} = {v}" for n, v in point.items())


def _domain(expr: Expr, xs: tuple[Symbol, ...], on: Mapping[str, Interval]) -> Context:
    """Intervals: what the caller gives, cut by what each variable alone must satisfy; and what else stays positive."""
    box = {
        s: on.get(s.name, POSITIVE if s.is_positive else Interval(0, oo) if s.is_nonnegative else REALS)
        for s in {*expr.free_symbols, *xs}
    }
    positive = set()
    for argument, kind in conditions(plain(expr)):
        if kind in ("positive", "nonnegative"):
            positive |= {argument} if kind == "positive" else set()
            alone = [s for s in argument.free_symbols if s in xs]
            if len(alone) == 1 == len(argument.free_symbols):
                box[alone[0]] = box[alone[0]].intersect(_half_line(argument, alone[0]) or REALS)
    leaves = {s: Leaf(AFFINE if s in xs else CONSTANT, i) for s, i in box.items()}
    return Context(leaves, frozenset(positive))


def _half_line(argument: Expr, x: Symbol) -> Interval | None:
    """Where a x + b > 0, a and b numbers."""
    slope, at = argument.diff(x), argument.subs(x, 0)
    if not (slope.is_Rational and slope != 0 and at.is_Rational):
        return None
    end = -at / slope
    return Interval.open(end, oo) if slope > 0 else Interval.open(-oo, end)


def convex_domain(expr: Expr, context: Context) -> bool:
    """Every condition of the domain holds in the whole box, or keeps a convex part of it."""
    for argument, kind in conditions(plain(expr)):
        if not context.varying(argument):
            continue
        bare = replace(context, positive=frozenset())
        found = sign(argument, context.box)
        if found is not None and ((found.strict and found.relation == ">") or (kind == "nonzero" and found.strict)):
            continue
        if kind == "nonnegative" and found is not None and found.nonnegative:
            continue
        if kind == "nonzero" and argument in context.positive:
            continue
        if kind == "nonzero" or curvature(argument, bare).curvature not in (AFFINE, CONCAVE, CONSTANT):
            return False
    return True


def domain_text(xs: tuple[Symbol, ...], context: Context) -> str:
    """' on x in (0, inf)' for the variables that do not run over all reals."""
    parts = []
    for x in xs:
        interval = context.leaves[x].interval
        if interval != REALS:
            left, right = "(" if interval.left_open else "[", ")" if interval.right_open else "]"
            parts.append(f"{x} in {left}{_end(interval.start)}, {_end(interval.end)}{right}")
    return " on " + ", ".join(parts) if parts else ""


def _end(number: Expr) -> str:
    return {oo: "inf", -oo: "-inf"}.get(number, str(number))


def _draw(interval: Interval, random: Random) -> Rational:
    """A simple rational number inside the interval."""
    low, high = interval.start, interval.end
    step = Rational(random.randint(1, 31), random.choice((1, 2, 4, 8)))
    if low == -oo and high == oo:
        return step * random.choice((-1, 1))
    if high == oo:
        return low + step
    if low == -oo:
        return high - step
    return low + (high - low) * Rational(random.randint(1, 31), 32)


def _pairs(xs, context: Context, tries: int, seed: int = 0) -> Iterator[tuple[dict, dict]]:
    """Pairs of points, far and near, along axes, diagonals and random lines; and other symbols at one value."""
    random = Random(seed)
    others = [s for s, leaf in context.leaves.items() if s not in xs]
    for n in range(tries):
        fixed = {s: _draw(context.leaves[s].interval, random) for s in sorted(others, key=str)}
        a = {x: _draw(context.leaves[x].interval, random) for x in xs}
        b = {x: _draw(context.leaves[x].interval, random) for x in xs}
        shrink = Rational(1, (1, 4, 64)[n % 3])
        moved = [x for x in xs if random.random() < 0.7] or [random.choice(xs)]
        b = {x: a[x] + (b[x] - a[x]) * shrink if x in moved else a[x] for x in xs}
        yield {**fixed, **a}, {**fixed, **b}


def _gap(expr: Expr, a: dict, b: dict, digits: int):
    """f(middle) - (f(a) + f(b))/2 and the size of what was added, with so many digits."""
    middle = {s: (a[s] + b[s]) / 2 for s in a}
    at = [value(expr, p, digits) for p in (middle, a, b)]
    if not all(mpmath.isfinite(v) for v in at):
        return None, mpmath.mpf(0)
    with mpmath.workdps(digits):
        return at[0] - (at[1] + at[2]) / 2, max(abs(v) for v in at)


def counterexamples(expr: Expr, xs: tuple[Symbol, ...], context: Context) -> Iterator[Counterexample]:
    """At most one against each of convex and concave."""
    wanted = {1, -1}
    for a, b in chain(_pairs(xs, context, TRIES), _along_curvature(expr, xs, context)) if xs else ():
        gap, scale = _gap(expr, a, b, 20)
        if gap is None or not abs(gap) > mpmath.mpf("1e-15") * scale or mpmath.sign(gap) not in wanted:
            continue
        gap, scale = _gap(expr, a, b, 50)
        if gap is not None and abs(gap) > MARGIN * scale:
            wanted.discard(int(mpmath.sign(gap)))
            yield Counterexample({str(s): v for s, v in a.items()}, {str(s): v for s, v in b.items()}, float(gap))
        if not wanted:
            return


def _along_curvature(expr: Expr, xs, context: Context, starts: int = 6) -> Iterator[tuple[dict, dict]]:
    """Pairs across a point where the second derivative along a direction was made as small, or large, as possible."""
    if not smooth(plain(expr)):
        return
    form = _second_along(plain(expr), xs)
    random = Random(3)
    for n in range(starts):
        towards = 1 if n % 2 else -1
        fixed = {s: _draw(leaf.interval, random) for s, leaf in sorted(context.leaves.items(), key=str)}

        def along(point, towards=towards, fixed=fixed):
            found = value(form, {**fixed, **_lengthened(xs, point)}, 15)
            return -towards * float(found) if mpmath.isfinite(found) and abs(found) < 1e100 else 1e9

        start = [float(fixed[x]) * (0.1 if n > 1 else 1.0) for x in xs] + [random.gauss(0, 1) for _ in xs]
        best = minimize(along, start, method="Nelder-Mead", options={"maxfev": 150 * len(xs)})
        centre = {**fixed, **{x: Rational(round(v * 2**20), 2**20) for x, v in zip(xs, best.x)}}
        way = dict(zip(xs, (Rational(round(v * 64), 64) for v in best.x[len(xs) :])))
        for scale in range(0, 16, 2):
            moved = [{s: v + t * way.get(s, 0) / 2**scale for s, v in centre.items()} for t in (1, -1)]
            if all(m[x] in context.leaves[x].interval for m in moved for x in xs):
                yield moved[0], moved[1]


def _lengthened(xs, point) -> dict:
    names = [*xs, *(_direction(x) for x in xs)]
    return {s: Rational(round(v * 2**40), 2**40) for s, v in zip(names, point)}


def _direction(x: Symbol) -> Symbol:
    return Symbol(f"d{x}", real=True)


def _second_along(expr: Expr, xs) -> Expr:
    """d^T H d/(d^T d)."""
    ways = [_direction(x) for x in xs]
    once = sum(d * expr.diff(x) for d, x in zip(ways, xs))
    return sum(d * once.diff(x) for d, x in zip(ways, xs)) / sum(d**2 for d in ways)


def _midpoints(expr: Expr, xs, context: Context, kind: str) -> Step:
    """No pair of 40 points contradicts the proof."""
    worst = mpmath.mpf(0)
    for a, b in _pairs(xs, context, 40, seed=7) if xs else ():
        gap, scale = _gap(expr, a, b, 30)
        if gap is not None:
            off = {CONVEX: gap, CONCAVE: -gap}.get(kind, abs(gap))
            worst = max(worst, off / (1 + scale))
    return checked("f at the middle of 40 pairs of points against its chord", max(worst, 0), 1e-20, "30 digits")
