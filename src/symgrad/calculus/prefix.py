"""Reductions over all that stands before, as recurrences: n steps in the place of n^2/2 points.

    S[i] = sum[j, j <= i](x[j])    is    S[i] = x[i] + where(i > 0, S[i-1], 0)

So are those from the other end (j >= i), of products, and of extremes. What reduces over all but one, j != i, is what
stands before joined with what stands behind. Products are rewritten before they are differentiated: the derivative of
a recurrence is a recurrence, that of a product over n points is at each of them a product over the n - 1 others.

Source: G. Gautam, S. Rajopadhye, Simplifying reductions, POPL 2006.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import Basic, Eq, Expr, Ge, Gt, Le, Lt, Mul, Ne, S, expand

from ..functions import ROWS
from ..ir.access import Access, Index, fresh_names, index_symbols
from ..ir.recurrence import arranged, reindexed
from ..ir.system import Equation, Range, System, Tensor, Term, is_plain, piece_tensor
from .rewrite import Rule

FLIPPED = {Lt: Gt, Gt: Lt, Le: Ge, Ge: Le, Ne: Ne}


def combined(reduce: str, first: Expr, second: Expr) -> Expr:
    """What a reduction makes of two values."""
    match reduce:
        case "sum":
            return first + second
        case "prod":
            return Mul(first, second)
    return ROWS[f"{reduce}imum"].head(first, second)


@dataclass(frozen=True)
class Running:
    """`value` reduced along `index`: over the entries up to the one `shift` behind it, or (`descending`) from the one
    `shift` ahead of it. With shift 0 the entry at the index itself is the last one, with 1 its neighbour."""

    reduce: str
    domain: tuple[Range, ...]  # of the result: the indices of the value, and `index`
    index: Index
    value: Expr
    descending: bool = False
    shift: int = 0
    guard: tuple[Basic, ...] = ()  # of a sum: where the value counts
    over: tuple[Range, ...] = ()  # of a sum: what is summed at each step
    start: Expr = S.One  # of a product: what stands before (or behind) all entries, with a shift

    def equation(self, name: str, write: tuple[Index, ...], source: str = "") -> Equation:
        """The recurrence that computes it.

        >>> from symgrad.ir.access import Index as I, Size
        >>> i, N = I("i"), Size("N")
        >>> eq = Running("prod", (Range(i, N),), i, Access("x", i), shift=1).equation("p", (i,))
        >>> [(t.body, t.guard) for t in eq.terms]
        [(p[i - 1]*x[i - 1], (i > 0,)), (1, (Eq(i, 0),))]
        """
        towards = 1 if self.descending else -1
        last = Access(name, *(w + towards if w == self.index else w for w in write))
        there = self.index + towards * self.shift
        value, *guards = (reindexed(e, self.index, there) for e in (self.value, *self.guard))
        if self.reduce == "sum":
            inside = self._inside(self.shift)[:1] if self.shift else ()
            first = Term(write, last, self.domain, self._inside(1)[:1])
            return _stated(name, [first, Term(write, value, (*self.domain, *self.over), (*inside, *guards))], source)
        holds, fails = self._inside(self.shift or 1)
        steps = Term(write, combined(self.reduce, last, value), self.domain, (holds,))
        if self.shift and self.reduce != "prod":  # before all entries: the identity, which the reduction starts from
            return replace(_stated(name, [steps], source), reduce=self.reduce)
        start = self.start if self.shift else value
        return _stated(name, [steps, Term(write, start, self.domain, (fails,))], source)

    @property
    def stem(self) -> str:
        return "after" if self.descending else "before"

    def _inside(self, count: int) -> tuple[Basic, Basic]:
        """The axis has an entry `count` before (or behind) the index; it has none."""
        if self.descending:
            edge = next(r.size for r in self.domain if r.index == self.index) - count
            return Lt(self.index, edge), Eq(self.index, edge) if count == 1 else Ge(self.index, edge)
        return (Gt(self.index, 0), Eq(self.index, 0)) if count == 1 else (Ge(self.index, count), Lt(self.index, count))


def _stated(name: str, terms: list[Term], source: str) -> Equation:
    """The equation; what can never hold is left out, what always holds goes unsaid (an axis of a few entries)."""
    kept = [replace(t, guard=tuple(g for g in t.guard if g != True)) for t in terms if False not in t.guard]  # noqa: E712
    return Equation(name, tuple(kept), source=source)


# the rule -------------------------------------------------------------------------------------------------------------


def prefixed(system: System, reductions: Collection[str] = ("sum", "prod", "max", "min")) -> System:
    """The system with prefix reductions of these kinds as recurrences; an extreme where nothing reads its place."""
    tensors, equations, steps = dict(system.tensors), [], list(system.log)
    read = {name for eq in system.equations for name in eq.read_names()} | set(system.results())
    for eq in system.equations:
        able = isinstance(eq, Equation) and eq.reduce in reductions and not read.intersection(eq.arg)
        step = PREFIX.step(dict(tensors), (eq,)) if able and any(any(prefixes(t)) for t in eq.terms) else None
        if step is None or step.after == step.before:
            equations.append(eq)
            continue
        steps.append(step)
        tensors = {name: tensor for name, tensor in tensors.items() if name not in eq.arg}
        for made in step.after[:-1]:
            tensors[made.tensor] = replace(piece_tensor(made), dtype=tensors[eq.tensor].dtype)
        equations += step.after
    if len(steps) == len(system.log):
        return system
    return replace(system, tensors=tensors, equations=arranged(equations), log=tuple(steps))


def _rewritten(tensors: Mapping[str, Tensor], before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    (eq,) = before
    names, made, terms = _Names(set(tensors)), list[Equation](), list[Term]()
    for term in eq.terms:
        runs = (_run(eq, term, prefix) for prefix in prefixes(term))
        found = next(filter(None, runs), None)
        if found is None:
            terms.append(term)
            continue
        value, runs = found.runs(names)
        if len(eq.terms) == 1 and found.is_all_of(tensors[eq.tensor]):
            return (*value, runs[0].equation(eq.tensor, found.reader.write, eq.source))  # pyright: ignore
        results = [run.equation(names.draw(run.stem), found.cell) for run in runs]
        made += [*value, *results]
        terms += found.reading([Access(result.tensor, *found.cell) for result in results])
    return (*made, replace(eq, terms=tuple(terms), arg=() if made else eq.arg))


PREFIX = Rule(
    "prefix reduction: each entry continues the one before",
    _rewritten,
    "Gautam and Rajopadhye, Simplifying reductions, POPL 2006",
)


class _Names:
    """Fresh names."""

    def __init__(self, taken: set[str]):
        self.taken = taken

    def draw(self, stem: str) -> str:
        name = next(fresh_names(self.taken, stem))
        self.taken.add(name)
        return name


# what a term reduces over ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prefix:
    """A guard that says how far the reduced index `inner` stands from `outer`, in each of `ways`: (descending, the
    least distance)."""

    guard: Basic
    inner: Index
    outer: Index
    ways: tuple[tuple[bool, int], ...]


def prefixes(term: Term) -> Iterator[Prefix]:
    """The guards that compare a reduced index with a written one that runs as far."""
    sizes, reduced = term.sizes, {r.index for r in term.reduced}
    for guard in term.guard if reduced else ():
        inside = index_symbols(guard)
        inner, outer = inside & reduced, inside.intersection(term.write)
        if len(inner) == len(outer) == 1 and len(inside) == 2 and guard.func in FLIPPED and not guard.atoms(Access):
            found = Prefix(guard, *inner, *outer, _ways(guard, *inner, *outer))
            if found.ways and sizes[found.inner] == sizes[found.outer]:
                yield found


def _ways(guard: Basic, inner: Index, outer: Index) -> tuple[tuple[bool, int], ...]:
    """Of `inner < outer` that is [(False, 1)], of `inner >= outer` [(True, 0)], of `!=` both sides."""
    difference, relation = expand(guard.args[0] - guard.args[1]), guard.func
    if difference.coeff(inner) == -1:
        difference, relation = -difference, FLIPPED[relation]
    rest = expand(inner - outer - difference)
    if not rest.is_Integer:
        return ()
    at = int(rest)  # inner - outer, compared with this
    ways = {Lt: [(False, 1 - at)], Le: [(False, -at)], Gt: [(True, at + 1)], Ge: [(True, at)],
            Ne: [(False, 1), (True, 1)] if at == 0 else []}[relation]  # fmt: skip
    return tuple(way for way in ways if way[1] >= 0)


@dataclass(frozen=True)
class _Run:
    """A prefix reduction: the term of its `value` at every entry, and the term that reads the results."""

    reduce: str
    value: Term
    reader: Term
    prefix: Prefix

    @property
    def cell(self) -> tuple[Index, ...]:
        """The indices of a result."""
        return tuple(self.prefix.outer if i == self.prefix.inner else i for i in self.value.write)  # pyright: ignore

    def runs(self, names: _Names) -> tuple[list[Equation], list[Running]]:
        """An equation for the value, if one entry of it takes several operations or none, and the recurrences."""
        here, value = {self.prefix.inner: self.prefix.outer}, self.value
        made: list[Equation] = []
        twice = not self.single and not isinstance(value.body, Access)
        if self.reduce != "sum" and (value.guard or value.reduced or twice):
            made.append(Equation(names.draw("value"), (value,), self.reduce))
            value = Term(value.write, Access(made[0].tensor, *value.write), value.free)
        value = value.rename(here)
        return made, [
            Running(self.reduce, value.free, self.prefix.outer, value.body, *way, value.guard, value.reduced)
            for way in self.prefix.ways
        ]

    def is_all_of(self, tensor: Tensor) -> bool:
        """Is the term nothing but one such result, at every cell of its tensor?"""
        term = self.reader
        covered = is_plain(term) and tuple(term.sizes[w] for w in term.write) == tensor.shape
        return covered and set(term.write) == set(self.cell) and term.body == 1 and not term.guard and self.single

    @property
    def single(self) -> bool:
        return len(self.prefix.ways) == 1

    def reading(self, results: list[Access]) -> list[Term]:
        """The terms of the equation that read the results."""
        if self.reduce == "sum":
            return [replace(self.reader, body=self.reader.body * result) for result in results]
        both = results[0] if self.single else combined(self.reduce, *results)
        return [replace(self.reader, body=both)]


def _run(eq: Equation, term: Term, prefix: Prefix) -> _Run | None:
    """None where the value depends on the outer index, so that no entry continues another."""
    reduced, outer = {r.index for r in term.reduced}, prefix.outer
    rest = [g for g in term.guard if g is not prefix.guard]
    inside = tuple(g for g in rest if outer not in index_symbols(g))
    outside = tuple(g for g in rest if outer in index_symbols(g))
    factors = Mul.make_args(term.body) if eq.reduce == "sum" else (term.body,)
    values = [f for f in factors if index_symbols(f) & reduced] if eq.reduce == "sum" else factors
    moving = set().union(*(index_symbols(e) for e in (*values, *inside)))
    if outer in moving or any(index_symbols(g) & reduced for g in outside):
        return None
    coefficient = Mul(*(f for f in factors if f not in values))
    held = tuple(r for r in term.free if r.index in moving)
    axis = next(r for r in term.domain if r.index == prefix.inner)
    over = tuple(r for r in term.reduced if r is not axis)
    value = Term((*(r.index for r in held), prefix.inner), Mul(*values), (*held, axis, *over), inside)
    return _Run(eq.reduce, value, Term(term.write, coefficient, term.free, outside), prefix)
