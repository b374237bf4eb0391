r"""Curvature of a Program's outputs: the rules of `curvature`, walked over the equations in order.

Of each tensor is known what holds for every cell: its curvature in the variables, where it lies, whether it is
log-convex or a sum of squares. Definitions are looked through where a tensor alone says too little (p = sigmoid(z)
in a cross-entropy). A shift that is stopped is a number like any other here: sum exp(u - c) is exp(-c) sum exp(u), and
c cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
from sympy import Add, Dummy, Expr, Interval, Mul, exp, expand_log, oo

from ..calculus.prepare import prepare
from ..calculus.relations import Definition, pointwise
from ..calculus.rewrite import Rule
from ..errors import SymgradError, UnknownNameError
from ..functions import stop
from ..ir.access import Access, index_symbols, reads
from ..ir.arithmetic import MPMATH
from ..ir.interpret import interpret
from ..ir.system import Equation, Step, System, Term
from ..typeset.equation import latex_equation, latex_expr
from . import convex as scalar
from .curvature import (
    AFFINE,
    BOYD,
    CONCAVE,
    CONSTANT,
    CONVEX,
    UNKNOWN,
    Context,
    Found,
    Leaf,
    added,
    curvature,
    log_convex,
    sum_of_squares,
)
from .report import Report
from .samples import array_for, arrays_for, interval_of
from .signs import POSITIVE, REALS, sign

EXTREME = {"max": (CONVEX, (CONSTANT, AFFINE, CONVEX)), "min": (CONCAVE, (CONSTANT, AFFINE, CONCAVE))}


def _reduced(reduce: str, curvatures: tuple[str, ...]) -> str:
    """The curvature of what a reduction makes of terms."""
    if reduce == "sum" or set(curvatures) <= {CONSTANT}:
        return added(curvatures)
    result, allowed = EXTREME.get(reduce, (UNKNOWN, ()))
    return result if all(c in allowed for c in curvatures) else UNKNOWN


REDUCE = Rule(
    "sum, maximum or minimum over indices",
    lambda context, before: rf"\text{{{_reduced(*context)}}}",
    BOYD + "3.2.1 and 3.2.3",
    relation=r"\qquad\text{is }",
)


@dataclass(frozen=True)
class Walk:
    """What is known so far. `meaning` holds definitions to look through, `unshifted` those that always are."""

    system: System
    leaves: Mapping[str, Leaf]
    meaning: Mapping[str, Definition]
    unshifted: Mapping[str, Definition]
    steps: tuple[Step, ...] = ()

    def context(self, expr: Expr) -> Context:
        leaves = {a: self.leaves[a.name] for a in expr.atoms(Access)}
        return Context(leaves, show=lambda e: latex_expr(e, self.system))


def program_convexity(model: Any, wrt, data: Mapping[str, Any]) -> Report:
    """`model`: a Program, or the System that a text says."""
    written: System = model if isinstance(model, System) else model.raw
    names = tuple(t.name for t in written.declared("parameter")) if wrt is None else _names(wrt)
    for name in names:
        if name not in written.tensors:
            raise UnknownNameError(f"{name} is not a tensor of this program. It has {', '.join(written.tensors)}.")
    raw = prepare(model, set(names) & set(model.defining())) if model is written else model.independent(names)
    system = raw.prune()
    output = _output(system)
    walk = walked(system, frozenset(names))
    title = f"Curvature of {output} in {', '.join(names)}"
    statement = f"${latex_equation(system.defining()[output], system)}$"
    found = walk.leaves[output].curvature
    tries = TRIES if found == UNKNOWN else CONFIRM
    points = list(_counterexamples(system, output, names, data, tries))
    if found == UNKNOWN:
        return scalar.refuted(title, statement, points)
    word = AFFINE if found == CONSTANT else found
    wrong = [p for p in points if word == AFFINE or p.refutes == word]
    if wrong:
        raise SymgradError(
            f"the proof that {output} is {word} is contradicted at {wrong[0]}. Please report this program."
        )
    checked = Step("numeric check", "", rf"\text{{no contradiction at the middle of }} {tries} \text{{ pairs}}")
    facts = "" if all(not t.facts for t in system.declared()) else ", for data that have the declared facts"
    return Report(
        title,
        statement,
        (*walk.steps, checked),
        f"{word.capitalize()} in {', '.join(names)}{facts}.",
        scalar.Curvature(word),
        scalar.SOURCE,
    )


def _names(wrt) -> tuple[str, ...]:
    return (wrt,) if isinstance(wrt, str) else tuple(map(str, wrt))


def _output(system: System) -> str:
    scalars = [n for n in system.outputs if system.tensors[n].rank == 0]
    if len(scalars) != 1:
        raise SymgradError(f"convexity is asked of one scalar output; this program has {', '.join(system.outputs)}.")
    return scalars[0]


def walked(system: System, names: frozenset[str]) -> Walk:
    """Every equation in order."""
    leaves = {t.name: Leaf(AFFINE if t.name in names else CONSTANT, interval_of(t)) for t in system.declared()}
    walk = Walk(system, leaves, {}, {})
    for eq in system.equations:
        if eq.tensor not in names:
            walk = _after(walk, eq)
        else:
            leaf = Leaf(AFFINE, interval_of(system.tensors[eq.tensor]))
            walk = replace(walk, leaves={**walk.leaves, eq.tensor: leaf})
    return walk


def _after(walk: Walk, eq: Equation) -> Walk:
    leaf, steps = _equation(walk, eq)
    leaves = {**walk.leaves, eq.tensor: leaf}
    for name in eq.arg:
        leaves[name] = Leaf(UNKNOWN if leaf.curvature != CONSTANT else CONSTANT, Interval(-1, oo))
    walk = replace(walk, leaves=leaves, steps=(*walk.steps, *steps))
    shifted = _without_shift(walk, eq)
    if shifted is not None:
        definition, name, inner = shifted
        base = _equation(walk, inner)[0]
        return replace(walk, leaves={**walk.leaves, name: base}, unshifted={**walk.unshifted, eq.tensor: definition})
    definition = pointwise(eq)
    return walk if definition is None else replace(walk, meaning={**walk.meaning, eq.tensor: definition})


def _equation(walk: Walk, eq: Equation) -> tuple[Leaf, tuple[Step, ...]]:
    if any(
        walk.leaves[a.name].curvature != CONSTANT
        for t in eq.terms
        for e in (*t.write, *t.guard)
        for a in e.atoms(Access)
    ):
        return Leaf(UNKNOWN), ()
    found = [_term(walk, t) for t in eq.terms]
    kind = _reduced(eq.reduce, tuple(f.curvature for _, f in found))
    bodies = [(body, walk.context(body)) for body, _ in found]
    whole = eq.reduce == "sum" and not any(t.guard for t in eq.terms) and kind != CONSTANT
    leaf = Leaf(
        kind,
        _range(walk, eq, bodies),
        log_convex=whole and all(log_convex(b, c) for b, c in bodies),
        squares=eq.reduce == "sum" and kind != CONSTANT and all(sum_of_squares(b, c) for b, c in bodies),
    )
    if kind in (CONSTANT, UNKNOWN):
        return leaf, ()
    data = (eq.reduce, tuple(f.curvature for _, f in found))
    step = REDUCE.step(data, latex_equation(eq, walk.system) if eq.tensor in walk.system.tensors else eq.tensor)
    below = tuple(s for _, f in found for s in f.steps) if kind != AFFINE else ()
    return leaf, (*below, step)


def _range(walk: Walk, eq: Equation, bodies) -> Interval:
    """Where the cells lie, from the signs of the bodies. An empty sum is 0; a minimum over nothing is infinite."""
    if eq.reduce not in ("sum", "max", "min"):
        return REALS
    signs = [s for body, context in bodies if (s := sign(body, context.box))]
    if len(signs) < len(bodies):
        return REALS
    guarded = any(t.guard for t in eq.terms)
    if all(s.relation == ">" for s in signs) and not guarded:
        return POSITIVE
    return Interval(0, oo) if all(s.nonnegative for s in signs) and (eq.reduce == "sum" or not guarded) else REALS


def _term(walk: Walk, term: Term) -> tuple[Expr, Found]:
    """The body, in the spelling whose curvature is known, if one is."""
    first = None
    for body in _spellings(walk, term.body):
        context = walk.context(body)
        found = curvature(body, context)
        first = first or (body, Found(UNKNOWN))
        if found.known and _index_free(body, walk) and scalar.convex_domain(body, context):
            return body, found
    return first or (term.body, Found(UNKNOWN))


def _index_free(body: Expr, walk: Walk) -> bool:
    """No variable stands in an index."""
    inner = {a for access in body.atoms(Access) for i in access.indices for a in i.atoms(Access)}
    return all(walk.leaves[a.name].curvature == CONSTANT for a in inner)


def _spellings(walk: Walk, body: Expr) -> Iterator[Expr]:
    """The body; definitions that say more written out; all definitions written out. Shifts always cancel first."""
    unshifted = _simplified(written_out(body, walk.unshifted), walk)
    yield unshifted
    vague = {n: d for n, d in walk.meaning.items() if walk.leaves[n].curvature not in (CONSTANT, AFFINE)}
    for known in ({n: d for n, d in vague.items() if walk.leaves[n].curvature == UNKNOWN}, vague, walk.meaning):
        yield _simplified(written_out(body, {**known, **walk.unshifted}), walk)


def written_out(body: Expr, known: Mapping[str, Definition]) -> Expr:
    """`body` with the definitions of these tensors in the place of their reads."""
    found = {a: known[a.name] for a in reads(body) if a.name in known}
    if not found:
        return body
    bodies = {a: d.body.xreplace(dict(zip(d.letters, a.indices))) for a, d in found.items()}
    return written_out(body.xreplace(bodies), known)


def _simplified(body: Expr, walk: Walk) -> Expr:
    """Logarithms of products apart, so that shifts cancel."""
    named: dict[Expr, Dummy] = {}
    for part in [*body.atoms(stop), *reads(body)]:
        positive = isinstance(part, Access) and walk.leaves[part.name].interval == POSITIVE
        named[part] = Dummy(str(part), positive=True) if positive else Dummy(str(part), real=True)
    plain = _one_exponential(expand_log(body.xreplace(named)))
    return plain.xreplace({d: p for p, d in named.items()})


def _one_exponential(expr: Expr) -> Expr:
    """exp(a) exp(b) is exp(a + b), which SymPy leaves as it is."""
    if not expr.args:
        return expr
    args = [_one_exponential(a) for a in expr.args]
    together = Add(*(a.args[0] for a in args if isinstance(a, exp)))
    if not isinstance(expr, Mul) or sum(isinstance(a, exp) for a in args) < 2:
        return expr.func(*args)
    return Mul(exp(together), *(a for a in args if not isinstance(a, exp)))


def _without_shift(walk: Walk, eq: Equation) -> tuple[Definition, str, Equation] | None:
    """S[F] = sum exp(u - c[F]) as (S[F] = exp(-c[F]) T[F], T, T[F] = sum exp(u))."""
    if eq.reduce != "sum" or len(eq.terms) != 1 or not eq.terms[0].reduced:
        return None
    (term,) = eq.terms
    body = written_out(term.body, {**walk.meaning, **walk.unshifted})
    bound = {r.index for r in term.reduced}
    factors = [f for f in Mul.make_args(body) if isinstance(f, exp)]
    shift = Add(*(a for f in factors for a in Add.make_args(f.args[0]) if a.has(stop) and not index_symbols(a) & bound))
    if shift == 0 or not all(w.is_Symbol for w in term.write):
        return None
    name = f"{eq.tensor} unshifted"
    definition = Definition(eq.tensor, term.write, exp(shift) * Access(name, *term.write))
    return definition, name, Equation(name, (replace(term, body=_one_exponential(body * exp(-shift))),))


TRIES = 120  # pairs of points in search of a counterexample
CONFIRM = 24  # pairs that a proof is held against


def _counterexamples(
    system: System, output: str, names, data: Mapping[str, Any], tries: int
) -> Iterator[scalar.Counterexample]:
    """Pairs of points of simple numbers, compared in float64 and, where it matters, again with 50 digits."""
    rng = np.random.default_rng(0)
    wanted = {1, -1}
    for n in range(tries):
        arrays = arrays_for(system, data, rng, 2 + n % 2)
        other = {**arrays, **{w: array_for(system.tensors[w], arrays[w].shape, rng) for w in names}}
        if n % 3 == 1:
            other |= {w: -arrays[w] for w in names if interval_of(system.tensors[w]) == REALS}
        if n % 3 == 2:
            other |= {w: arrays[w] + (other[w] - arrays[w]) / 16 for w in names}
        middle = {**arrays, **{w: (arrays[w] + other[w]) / 2 for w in names}}
        points = (middle, arrays, other)
        gap, scale = _gap([interpret(system, p, outputs=(output,))[output] for p in points])
        if not np.isfinite(gap) or abs(gap) <= 1e-10 * scale or np.sign(gap) not in wanted:
            continue
        with mpmath.workdps(50):
            exact, size = _gap([interpret(system, p, MPMATH, (output,))[output] for p in points])
            sure = bool(abs(exact) > scalar.MARGIN * size)
        if sure and np.sign(float(exact)) == np.sign(gap):
            wanted.discard(int(np.sign(gap)))
            yield scalar.Counterexample(_shown(arrays, names), _shown(other, names), float(exact))
        if not wanted:
            return


def _gap(at):
    middle, left, right = (a[()] for a in at)
    return middle - (left + right) / 2, max(abs(middle), abs(left), abs(right))


def _shown(arrays, names) -> dict[str, Any]:
    return {w: arrays[w].tolist() for w in names}
