"""Keep a derivative on the way small, so that its reader can take it term by term and no structure is lost.

`cut`: a long or summed body of a structured term gets a name over its own indices: `d[n, k, n] = c[n, k]`.
`fold`: terms whose places differ by a shift are one term with one core: `[i, i]` and `[i+1, i+1]` are `[p, p]` with
`c[i] += ...; c[i+1] += ...`. Chains of stencils would otherwise square the number of terms.
`gather`: terms that between them fill a block of a few numbers are one block: `[n, a, n, a]` beside `[n, a, n, b]` is
`c[n, a, b]` where a and b run to 2. Kept apart, each of them would be carried through every reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sympy import Add, Expr, Integer, Min, Mul

from ...ir.access import Access, Index, fresh_names, index_symbols
from ...ir.system import Equation, Range, Tensor, Term, piece_tensor
from ..algebra import OPERATIONS, operations

LONG = OPERATIONS // 2  # an equation with more operations is cut
FOLDED = 8              # one with more terms is folded
BLOCK = 64              # a block of so many numbers has no structure worth keeping, once most of it is written


def cut(eq: Equation, names: Iterator[str]) -> tuple[list[Equation], Equation]:
    """(named bodies, the equation that reads them). Where no term is structured there is nothing to keep."""
    size = sum(operations(t.body) for t in eq.terms) + len(eq.terms) - 1
    if not any(is_structured(t) for t in eq.terms):
        return [], eq
    cores: list[Equation] = []
    terms: list[Term] = []
    for term in eq.terms:
        wanted = term.reduced or (size > LONG and operations(term.body) > 1)
        name = next(names, None) if wanted else None
        if name is None:
            terms.append(term)
            continue
        cell = tuple(r.index for r in term.free)
        cores.append(Equation(name, (Term(cell, term.body, (*term.free, *term.reduced), term.guard),)))
        guard = tuple(g for g in term.guard if index_symbols(g) <= set(cell))
        terms.append(Term(term.write, Access(name, *cell), term.free, guard))
    return cores, replace(eq, terms=tuple(terms))


def is_structured(term: Term) -> bool:
    """Do some positions of its place move together: a diagonal, a band, ...? A constant position is none: `[a, 0]`,
    `[a, 1]` and `[a, 2]` are a matrix of three columns."""
    return len(term.free) < sum(bool(index_symbols(w)) for w in term.write)


def fills(terms: Iterable[Term], shape: tuple[Expr, ...]) -> bool:
    """Do the terms fill a tensor of a few numbers?"""
    numbers = Mul(*shape)
    return numbers.is_Integer and numbers <= BLOCK and _cells(terms, range(len(shape))) >= numbers


def gather(eq: Equation, shape: tuple[Expr, ...], names: Iterator[str]) -> tuple[list[Equation], Equation]:
    """(cores, the equation with one term for each block that several terms fill)."""
    cores: list[Equation] = []
    terms: list[Term] = []
    for group, short in filled_blocks(eq.terms, shape):
        name = next(names, None) if short else None
        if name is None:
            terms += group
            continue
        placed = [block_place(t, shape, short) for t in group]
        place, ranges, _ = placed[0]
        core = (replace(t, write=tuple(p for _, p in cell)) for t, (_, _, cell) in zip(group, placed))
        cores.append(Equation(name, tuple(core)))
        terms.append(Term(place, Access(name, *(r.index for r in ranges)), ranges))
    return cores, replace(eq, terms=tuple(terms))


def filled_blocks(terms: Iterable[Term], shape: tuple[Expr, ...]) -> Iterator[tuple[list[Term], list[int]]]:
    """The terms in groups, each with the short axes that its terms fill; without any for what stays as it is."""
    short = [a for a, size in enumerate(shape) if size.is_Integer]
    groups: dict[object, list[Term]] = {}
    for number, term in enumerate(terms):
        groups.setdefault(_outer(term, short) or number, []).append(term)
    for group in groups.values():
        yield group, short if len(group) > 1 and _is_block(group, shape, short) else []


def _is_block(group: list[Term], shape: tuple[Expr, ...], short: list[int]) -> bool:
    """Is every term structured along the long axes, and do the terms fill the short ones?"""
    outer = [replace(t, write=tuple(w for a, w in enumerate(t.write) if a not in short)) for t in group]
    numbers = Mul(*(shape[a] for a in short))
    return all(map(is_structured, outer)) and numbers <= BLOCK and _cells(group, short) >= numbers


def _cells(terms: Iterable[Term], axes: Iterable[int]) -> Expr:
    """How many cells the terms write along `axes`, each place counted once."""
    places = {tuple(t.write[a] for a in axes): t for t in terms}
    return Add(*(Mul(*(r.size for r in t.domain if any(w.has(r.index) for w in place))) for place, t in places.items()))


def _outer(term: Term, short: list[int]) -> object:
    """The place along the long axes up to the names of its indices; None where an index is on both kinds of axes."""
    outer = [w for a, w in enumerate(term.write) if a not in short]
    inner = set().union(set(), *(index_symbols(term.write[a]) for a in short))
    letters = list(dict.fromkeys(i for w in outer for i in sorted(index_symbols(w), key=str)))
    if not letters or inner & set(letters) or not all(isinstance(w, Index) for w in outer):
        return None
    return tuple((letters.index(w), term.sizes[w]) for w in outer)


def block_place(
    term: Term, shape: tuple[Expr, ...], short: list[int]
) -> tuple[tuple[Expr, ...], tuple[Range, ...], tuple[tuple[Range, Expr], ...]]:
    """The place of the block, its ranges, and for each of them the position at which the term writes into its core."""
    fresh = fresh_names({i.name for i in term.indices}, "p")
    place = tuple(Index(next(fresh)) if a in short else w for a, w in enumerate(term.write))
    cell = {i: (Range(i, shape[a] if a in short else term.sizes[i]), term.write[a]) for a, i in enumerate(place)}
    return place, tuple(r for r, _ in cell.values()), tuple(cell.values())


def fold(eq: Equation, shape: tuple[Expr, ...], names: Iterator[str]) -> tuple[list[Equation], Equation]:
    """(cores, the equation with one term for each direction of a band)."""
    groups: dict[object, list[Term]] = {}
    for number, term in enumerate(eq.terms):
        found = None if term.reduced else direction(term.write)
        groups.setdefault(found or number, []).append(term)
    cores: list[Equation] = []
    terms: list[Term] = []
    for found, group in groups.items():
        name = next(names, None) if len(group) > 1 else None
        if name is None:
            terms += group
            continue
        place, domain = common_place(found, shape, {i.name for t in group for i in t.indices})
        lowest = lowest_axes(found)
        cores.append(Equation(name, tuple(replace(t, write=tuple(t.write[a] for a in lowest)) for t in group)))
        terms.append(Term(place, Access(name, *(r.index for r in domain)), domain))
    return cores, replace(eq, terms=tuple(terms))


Direction = tuple[tuple[int | None, int], ...]


def direction(place: tuple[Expr, ...]) -> Direction | None:
    """For each position, the number of the index that it moves with and how far it is from the lowest position that
    does; None where a position is not an index plus a number. Equal directions differ by shifts."""
    parts = [p for w in place if (p := _shifted(w)) is not None]
    if len(parts) < len(place):
        return None
    letters = list(dict.fromkeys(index for index, _ in parts if index is not None))
    lowest = {i: min(c for index, c in parts if index == i) for i in letters}
    return tuple((letters.index(i), c - lowest[i]) if i is not None else (None, c) for i, c in parts)


def lowest_axes(found: Direction) -> list[int]:
    """For each index, the first axis where its lowest position stands."""
    letters = sorted({n for n, _ in found if n is not None})
    return [next(a for a, (n, c) in enumerate(found) if n == letter and c == 0) for letter in letters]


def common_place(
    found: Direction, shape: tuple[Expr, ...], taken: set[str]
) -> tuple[tuple[Expr, ...], tuple[Range, ...]]:
    """The place of all terms of one direction, and its ranges: as far as every position stays inside its axis."""
    indices: list[Index] = []
    for axis in lowest_axes(found):
        stem = str(shape[axis]).lower() if shape[axis].is_Symbol else "p"
        indices.append(Index(next(fresh_names({*taken, *(i.name for i in indices)}, stem))))
    domain = tuple(Range(i, _extent(found, n, shape)) for n, i in enumerate(indices))
    return tuple(indices[n] + c if n is not None else Integer(c) for n, c in found), domain


def _extent(found: Direction, letter: int, shape: tuple[Expr, ...]) -> Expr:
    return Min(*(s - c for (n, c), s in zip(found, shape) if n == letter))


def _shifted(position: Expr) -> tuple[Index | None, int] | None:
    inside = index_symbols(position)
    if len(inside) > 1:
        return None
    index = next(iter(inside), None)
    rest = position - index if index is not None else position
    return (index, int(rest)) if rest.is_Integer else None


def core_tensor(core: Equation, of: Equation) -> Tensor:
    """The declaration of a core: its shape is the box over which `of` reads it."""
    reader = next((t for t in of.terms if isinstance(t.body, Access) and t.body.name == core.tensor), None)
    if reader is None:  # a cut body that a folded core reads
        return piece_tensor(core)
    ranges = [Range(i, reader.sizes[i]) for i in reader.body.indices]
    letters = tuple(r.index.name for r in ranges)
    return Tensor(core.tensor, tuple(r.size for r in ranges), named=False, letters=letters)
