"""What a compressed view says about a matrix, term by term: which indices repeat, which ones no core depends on, how
far from the diagonal a term reaches, whether it is a product of thin factors, which term is the transpose of which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from sympy import Add, Expr, Integer, Mul

from ...ir.access import Access, Index, all_reads, index_symbols, reads
from ...ir.canonical import term_text
from ...ir.system import System, Term
from ..algebra import OPERATIONS, factors_of, operations
from ..join import is_factor, join, merge, reach
from ..relations import Relations, relations

MOST = 12       # a term that unfolds into more is not compared with its transpose


class Offsets(NamedTuple):
    """Row minus column along one axis lies between `low` and `high`."""

    low: Expr
    high: Expr


@dataclass(frozen=True)
class Block:
    """One term of the view, and what its cores are."""

    view: Term
    rows: int                                   # how many axes of the tensor are rows; the others are columns
    shape: tuple[Expr, ...]                     # of the whole tensor
    cores: tuple[tuple[str, tuple[Index, ...]], ...]    # name and coordinates of each core read
    storage: Expr                               # numbers that this term adds to those stored for the terms before it
    rank: Expr | None                           # a bound that holds for each repeated index, where there is one
    partner: int | None = None                  # the term that is its transpose, counted from 0; its own if symmetric

    @property
    def row(self) -> tuple[Expr, ...]:
        return self.view.write[: self.rows]

    @property
    def column(self) -> tuple[Expr, ...]:
        return self.view.write[self.rows :]

    @cached_property
    def repeated(self) -> tuple[Index, ...]:
        """Indices of rows and columns alike: independent systems, or a band."""
        both = _indices(self.row) & _indices(self.column)
        return tuple(i for i in self.view.indices if i in both)

    @cached_property
    def independent(self) -> tuple[Index, ...]:
        """Indices of the place on which no core depends: one block serves them all."""
        used = {i for _, coordinates in self.cores for i in coordinates}
        return tuple(i for i in self.view.indices if i not in used)

    @property
    def data(self) -> tuple[str, ...]:
        """The integer tensors that say where the entries stand."""
        return tuple(dict.fromkeys(a.name for a in all_reads([*self.view.write, *self.view.guard])))

    @property
    def square(self) -> bool:
        return self.shape[: self.rows] == self.shape[self.rows :]

    def same(self, axis: int) -> bool:
        """Is the row's position along `axis` always the column's?"""
        return self.row[axis] == self.column[axis]

    def offsets(self, axis: int) -> Offsets | None:
        """Bounds of row minus column along `axis`, where both move together; None where nothing ties them."""
        difference = (self.row[axis] - self.column[axis]).expand()
        if difference.has(Access):
            return None
        if not index_symbols(difference):
            return Offsets(difference, difference)
        if not index_symbols(self.row[axis]) & index_symbols(self.column[axis]):
            return None
        reached = reach(difference, self.view.sizes)
        return Offsets(*reached) if reached else None

    def narrow(self, axis: int) -> bool:
        """Does the term stay within a band along `axis` that is not the whole of it?"""
        found = self.offsets(axis)
        if found is None:
            return False
        return not any((far - self.shape[axis] + 1).is_nonnegative for far in (found.high, -found.low))

    def covers(self, axis: int) -> bool:
        """Does the place run over the whole of `axis`, once, whatever the other indices are?"""
        position = self.row[axis]
        return self.view.sizes.get(position) == self.shape[axis] and not any(g.has(position) for g in self.view.guard)

    def thin(self) -> bool:
        """Is every core over rows only or columns only (beside the repeated indices)? Then each block has rank one."""
        shared = _indices(self.row) & _indices(self.column)
        left, right = _indices(self.row) - shared, _indices(self.column) - shared
        tied = any(index_symbols(g) & left and index_symbols(g) & right for g in self.view.guard)
        sides = [(set(c) & left, set(c) & right) for _, c in self.cores]
        return bool(left and right) and not tied and not any(a and b for a, b in sides)

    @property
    def kind(self) -> str:
        """The word for it; see `words` for the sentence."""
        if self.data:
            return "sparse by data"
        if self.square:
            named = self._square_kind()
            if named:
                return named
        elif self.repeated:
            return "block"
        return "rank one" if self.thin() else "dense"

    def _square_kind(self) -> str:
        axes = range(self.rows)
        same = [self.same(a) for a in axes]
        if all(same):
            return "diagonal"
        tied = [self.narrow(a) for a in axes]
        if all(tied):
            return "banded"
        if _indices(self.row) == _indices(self.column):
            return "permuted"
        if len([g for g in self.kronecker() if not set(g) <= set(self.identity())]) > 1:
            return "Kronecker"
        if any(same):
            return "block diagonal, rank one" if self.thin() else "block diagonal"
        return "banded blocks" if any(tied) else ""

    def kronecker(self) -> tuple[tuple[int, ...], ...]:
        """The axes that each core spans, where the cores are over disjoint axes, each with row and column; an axis
        without a core is an identity. Empty where the block is no Kronecker product of at least two factors."""
        sides = [self._axis(a) for a in range(self.rows)]
        groups = [tuple(a for a in range(self.rows) if sides[a] & set(c)) for _, c in self.cores]
        identity = [(a,) for a in self.identity()]
        whole = all(set(c) == set().union(*(sides[a] for a in g)) for g, (_, c) in zip(groups, self.cores))
        plain = all(isinstance(p, Index) for p in self.view.write) and not self.view.guard
        apart = all(sum(map(len, sets)) == len(set().union((), *sets)) for sets in (sides, groups))
        eye = all(self.same(a) and self.covers(a) for (a,) in identity)
        factors = (*groups, *identity)
        return factors if plain and apart and whole and eye and all(groups) and len(factors) > 1 else ()

    def identity(self) -> tuple[int, ...]:
        """The axes of which no core knows."""
        used = {i for _, coordinates in self.cores for i in coordinates}
        return tuple(a for a in range(self.rows) if not self._axis(a) & used)

    def _axis(self, axis: int) -> set[Index]:
        return index_symbols(self.row[axis]) | index_symbols(self.column[axis])


def _indices(cell: tuple[Expr, ...]) -> set[Index]:
    return set().union(set(), *map(index_symbols, cell))


def blocks(system: System, name: str, rows: int) -> tuple[Block, ...]:
    """The blocks of a compressed system (`compress`): one for each term of the view of `name`."""
    view = system.defining()[name]
    definitions = system.defining()
    stored: set[str] = set()
    found: list[Block] = []
    for term in view.terms:
        cores = tuple((a.name, a.indices) for f in factors_of(term.body) for a in reads(f) for _ in range(_power(f)))
        fresh = [n for n in dict.fromkeys(n for n, _ in cores) if n not in stored]
        stored |= set(fresh)
        storage = Add(*(Mul(*system.tensors[n].shape) for n in fresh))
        rank = _rank(term, rows, cores, definitions)
        found.append(Block(term, rows, system.tensors[name].shape, cores, storage, rank))
    return _partnered(found, system)


def _power(factor: Expr) -> int:
    return int(factor.exp) if factor.is_Pow else 1


def _rank(term: Term, rows: int, cores, definitions) -> Expr | None:
    """One core that is a sum of products of a row factor and a column factor has at most the rank of that sum."""
    row, column = _indices(term.write[:rows]), _indices(term.write[rows:])
    left, right = row - column, column - row
    if not left or not right:
        return None
    rank: Expr = Integer(1)
    for name, coordinates in cores:
        if not (set(coordinates) & left and set(coordinates) & right):
            continue
        eq = definitions[name]
        if len(eq.terms) != 1:
            return None
        inner = eq.terms[0]
        letters = dict(zip(inner.write, coordinates))
        for f in factors_of(inner.body):
            inside = {letters.get(i, i) for i in index_symbols(f)}
            if inside & left and inside & right:
                return None
        rank *= Mul(*(r.size for r in inner.domain if r.index not in set().union(*map(index_symbols, inner.write))))
    return rank


def _partnered(found: list[Block], system: System) -> tuple[Block, ...]:
    """Which term is the transpose of which: the canonical text of the term with rows and columns swapped."""
    if not found or not found[0].square:
        return tuple(found)
    plain = [_expanded(b, system) for b in found]
    texts = [_texts(terms) for terms in plain]
    swapped = [_texts([_transposed(t, b.rows) for t in terms]) for terms, b in zip(plain, found)]
    return tuple(replace(b, partner=texts.index(s) if s in texts else None) for b, s in zip(found, swapped))


def _texts(terms: list[Term]) -> tuple[str, ...]:
    return tuple(sorted(map(term_text, terms)))


def _transposed(term: Term, rows: int) -> Term:
    return Term((*term.write[rows:], *term.write[:rows]), term.body, term.domain, term.guard)


def _expanded(block: Block, system: System) -> list[Term]:
    """The term with its cores, and the pieces that they are made of, written out: is it its own transpose?"""
    definitions, table = system.defining(), relations(system)
    done, waiting = [], [block.view]
    while waiting:
        term = waiting.pop()
        pieces = [a for a in term.value_reads() if a.name in dict(block.cores) or not table.worthy(a.name)]
        opened = next((o for a in pieces if (o := _opened(term, a, definitions, table)) is not None), None)
        if opened is None or len(done) + len(waiting) > MOST:
            done.append(term)
        else:
            waiting += opened
    return list(merge(done))


def _opened(term: Term, access: Access, definitions, table: Relations) -> list[Term] | None:
    definition = definitions.get(access.name)
    if definition is None or definition.reduce != "sum" or not definition.terms:
        return None
    value = table.expand(access)
    if value is not None:
        body = term.body.xreplace({access: value})
        return [replace(term, body=body)] if operations(body) <= OPERATIONS else None
    return join(term, access, definition, table.tensors[access.name]) if is_factor(term, access) else None
