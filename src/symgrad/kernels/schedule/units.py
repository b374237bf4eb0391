"""From an equation to units: small loop nests that the fusion places one after the other.

A unit says what happens and which of its loops may come first; `fuse` decides with what it shares them. For
y[F] = sum_R body the unit is either a nest over F whose body is `fill; nest over R: accumulate` (a value that stays
in a register), or, where the memory order wants R outside, a fill of y and a nest that accumulates into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from sympy import Expr

from ...ir.access import Access, Index, all_reads
from ...ir.system import Equation, Range, System, Term
from .tree import Piece, Statement, Touch

EVERY = Index("every")  # stands for all positions of an axis


@dataclass(frozen=True)
class Unit:
    """A nest to be placed: `ranges` in the preferred order around `content`.

    `free` holds the ranges that may be moved in front of all others (plain axes of what is written); a `whole` unit
    (one that reduces or scatters) carries `fill`, the statement that gives each cell its identity first.
    """

    ranges: tuple[Range, ...]
    statement: Statement
    free: tuple[Index, ...]  # indices that are plain axes of the written tensor
    fill: bool = False  # the cells have to be filled first
    keep: tuple[Index, ...] = ()  # indices whose relative order is fixed (arg)

    def touches(self) -> list[Touch]:
        found = self.statement.touches()
        if self.fill:  # of every cell, also where the statement writes one position of an axis
            cell = tuple(w if w in self.free else EVERY for w in self.statement.write)
            found.append(Touch(self.statement.tensor, cell, "assign"))
        return found

    def inside(self, candidate: Range, index: Index) -> Unit:
        """The unit inside a loop that took the place of `candidate`."""
        mapping = {candidate.index: index}
        ranges = tuple(r for r in self.ranges if r is not candidate)
        free = tuple(mapping.get(i, i) for i in self.free)
        keep = tuple(mapping.get(i, i) for i in self.keep if i != candidate.index)
        return replace(self, ranges=ranges, free=free, keep=keep, statement=self.statement.map(mapping))


class Fresh:
    """Index symbols that no other loop uses; the letter survives for printing."""

    def __init__(self) -> None:
        self.numbers = count()

    def index(self, letter: str) -> Index:
        return Index(f"{letter.split('#')[0]}#{next(self.numbers)}")

    def term(self, term: Term) -> Term:
        return term.rename({r.index: self.index(r.index.name) for r in term.domain})


def letter(index: Index) -> str:
    return index.name.split("#")[0]


def units(
    system: System, eq: Equation, fresh: Fresh, started: bool = False, joins: Callable[[Unit], bool] | None = None
) -> Iterator[Unit]:
    """The units of an equation; `started`: its tensor already holds a value (a BLAS call wrote it).

    Terms that define each cell at one point come first, as one statement, unless a sum `joins` rows that are there:
    those other terms would have to wait for.
    """
    shape = system.tensors[eq.tensor].shape
    terms = list(eq.terms)
    if eq.reduce == "sum" and not started:
        direct = [t for t in terms if covers(t, shape)]
        rest = [t for t in terms if t not in direct]
        if direct and rest and joins and joins(_accumulate(eq, fresh.term(rest[0]), shape, fill=True)):
            terms = [*rest, *direct]
        elif direct:
            yield _assign(eq, direct, fresh)
            terms, started = rest, True
    if not terms and not started:
        yield _empty(eq, shape, fresh)
    for term in terms:
        yield _accumulate(eq, fresh.term(term), shape, fill=not started)
        started = True


def covers(term: Term, shape: tuple[Expr, ...]) -> bool:
    """Each point writes one cell of its own, and all cells are written (or their guard fails)."""
    sizes = term.sizes
    if len(set(term.write)) != len(term.write) or set(term.write) != set(term.indices):
        return False
    return all(sizes[w] == extent for w, extent in zip(term.write, shape))


def _assign(eq: Equation, terms: list[Term], fresh: Fresh) -> Unit:
    """y[F] = sum of the terms that define each cell at one point, as one statement."""
    first = terms[0]
    letters = {w: fresh.index(w.name) for w in first.write}
    pieces = []
    for term in terms:
        mapping = {w: letters[f] for w, f in zip(term.write, first.write)}
        pieces.append(Piece(term.body.xreplace(mapping), tuple(g.xreplace(mapping) for g in term.guard)))
    write = tuple(letters[w] for w in first.write)
    ranges = tuple(Range(letters[w], first.sizes[w]) for w in first.write)
    statement = Statement("assign", eq.tensor, write, tuple(pieces))
    return Unit(ordered(statement, ranges), statement, write)


def _empty(eq: Equation, shape, fresh: Fresh) -> Unit:
    write = tuple(fresh.index(f"i{axis}") for axis in range(len(shape)))
    return Unit(tuple(map(Range, write, shape)), Statement("fill", eq.tensor, write, op=eq.reduce, arg=eq.arg), write)


def _accumulate(eq: Equation, term: Term, shape, fill: bool) -> Unit:
    reduced = tuple(r.index for r in term.reduced)
    kind = Statement("accumulate", eq.tensor, term.write, (Piece(term.body, term.guard),), eq.reduce, eq.arg, reduced)
    free = tuple(w for w, extent in zip(term.write, shape) if _alone(term, w) and term.sizes[w] == extent)
    scatters = set(term.write) != set(free)
    keep = () if not eq.arg else term.indices if scatters else reduced
    return Unit(ordered(kind, term.domain, keep, free), kind, free, fill, keep)


def _alone(term: Term, position: Expr) -> bool:
    """`position` is a plain index, and of one axis only."""
    return isinstance(position, Index) and term.write.count(position) == 1


# ------------------------------------------------------------------------------------------------------- loop order
def ordered(
    statement: Statement, ranges: tuple[Range, ...], keep: tuple[Index, ...] = (), free=()
) -> tuple[Range, ...]:
    """The ranges with the index of the most last axes innermost; `keep` stays in its order.

    Of a tensor of two or more axes the written ones come first where the choice is open: then rows can run in parallel.
    """
    expressions = [e for p in statement.pieces for e in (p.body, *p.guard)]
    cells = [(2, a.indices) for a in all_reads(expressions)] + [(1, statement.write)]
    score = {r.index: sum(_inner(r.index, w, cell) for w, cell in cells) for r in ranges}
    order = sorted(ranges, key=lambda r: score[r.index])
    if len(statement.write) >= 2 and len(order) > 2:
        first = next((r for r in order if r.index in free), order[0])
        order = [first, *(r for r in order if r is not first)]
    kept = iter([r for r in ranges if r.index in keep])
    return tuple(next(kept) if r.index in keep else r for r in order)


def _inner(index: Index, weight: int, cell) -> int:
    votes = 0
    for axis, position in enumerate(cell):
        if index in position.free_symbols:
            votes += weight if axis == len(cell) - 1 and not position.atoms(Access) else -weight
    return votes
