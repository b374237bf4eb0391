r"""Compressed storage, as two kinds of ordinary equations: cores, and a view that says where they stand.

    H[n, k, n, l] = sum[m](2 V[m,k] V[m,l])      becomes      c[k, l]       = sum[m](V[m,k] V[m,l])
                                                              H[n, k, n, l] = 2 c[k, l]

Each term of a derivative is taken apart into factors that share no reduced index. A factor depends on some of the
written indices only: those are the coordinates of its core. The view multiplies cores and places the product; an index
of the place on which no core depends repeats one block. Nothing is approximated: the view has the value that the
equation had, at every cell, and the step replays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, NamedTuple

from sympy import Add, Basic, Expr, Integer, Mul, expand_mul

from ...ir.access import Access, Index, fresh_names, index_symbols, size_symbols
from ...ir.canonical import term_text
from ...ir.cost import NOMINAL
from ...ir.system import Equation, Range, System, Tensor, Term
from ..algebra import common_factor, factors_of
from ..join import align
from ..rewrite import Rule
from .fold import Direction, block_place, common_place, direction, filled_blocks, lowest_axes

ADDENDS = 4         # a body with more addends is not taken apart: `a[i] + b[j]` is two vectors, not a matrix
ORDERS = 4          # cores of up to so many coordinates are looked up in every order of them


class Factor(NamedTuple):
    """Factors of a body that hang together: what one core holds."""

    body: Expr
    cell: tuple[tuple[Range, Expr], ...]    # coordinate, and the position written there (`v: t[n]` for a scatter)
    bound: tuple[Range, ...]                # every other index: summed over
    guard: tuple[Basic, ...]

    @property
    def coordinates(self) -> tuple[Index, ...]:
        return tuple(r.index for r, _ in self.cell)

    @property
    def term(self) -> Term:
        plain = (r for r, position in self.cell if position == r.index)
        return Term(tuple(p for _, p in self.cell), self.body, (*plain, *self.bound), self.guard)


@dataclass(frozen=True)
class Placed:
    """One term, taken apart: `coefficient * product of factors` goes to `place`."""

    place: tuple[Expr, ...]
    domain: tuple[Range, ...]
    guard: tuple[Basic, ...]
    coefficient: Expr
    factors: tuple[Factor, ...]


def compress(system: System, name: str) -> System:
    """The system with the equation of `name` replaced by cores `<name>_core`, `<name>_core_1`, ... and the view."""
    before = system.defining()[name]
    step = COMPRESS.step((system.tensors, name), (before,))
    declared = {eq.tensor: tensor for eq, tensor in _cores(system.tensors, name, before)[0]}
    position = system.equations.index(before)
    equations = (*system.equations[:position], *step.after, *system.equations[position + 1 :])
    log = (*system.log, step)
    return replace(system, tensors={**system.tensors, **declared}, equations=equations, log=log)


def _compress(context, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    cores, view = _cores(*context, before[0])
    return (*(eq for eq, _ in cores), view)


COMPRESS = Rule("compressed storage: each factor once, over the indices that it depends on", _compress)


def _cores(tensors, name: str, eq: Equation) -> tuple[list[tuple[Equation, Tensor]], Equation]:
    shape = tensors[name].shape
    placed = [take_apart(part, shape) for whole in eq.terms for part in _addends(whole, shape)]
    if any(_everywhere(p, shape) for p in placed):  # every other term lies inside this one: nothing more is stored
        placed = [_as_it_stands(term, shape) for term in eq.terms]
    variants = (placed, _aligned(placed, shape), _blocked(eq.terms, shape))
    attempts = [_stored(variant, tensors, name) for variant in variants]
    store, views = min(attempts, key=lambda attempt: attempt[0].numbers())
    return list(store.cores.values()), replace(eq, terms=tuple(align(v, tensors[name].letters) for v in views))


def _stored(placed: list[Placed], tensors, name: str) -> tuple[_Store, list[Term]]:
    store = _Store(fresh_names(tensors, f"{name}_core"))
    return store, [_view(group, store) for group in _together(placed)]


# taking a term apart --------------------------------------------------------------------------------------------------


def _addends(term: Term, shape: tuple[Expr, ...]) -> list[Term]:
    """A body that is a short sum of products of smaller cores is one term for each of them."""
    body = expand_mul(term.body) if isinstance(term.body, (Add, Mul)) else term.body
    if not isinstance(body, Add) or len(body.args) > ADDENDS or term.reduced:
        return [term]
    parts = [replace(term, body=addend) for addend in sorted(body.args, key=str)]
    return parts if max(_widest(p, shape) for p in parts) < _widest(term, shape) else [term]


def _widest(term: Term, shape: tuple[Expr, ...]) -> int:
    return max((len(f.cell) for f in take_apart(term, shape).factors), default=0)


def take_apart(term: Term, shape: tuple[Expr, ...]) -> Placed:
    """The factors of a term, apart as far as reduced and scattered indices allow."""
    place, scattered = _gathered(term, shape)
    kept = set().union(set(), *map(index_symbols, place))
    hidden = [r for r in term.domain if r.index not in kept]
    ranges = {r.index: r for r in (*term.domain, *(r for r, _ in scattered))}
    coefficient, groups = _groups(term, {r.index for r in hidden}, scattered)
    factors = [_factor(body, guard, cell, ranges, hidden, place) for body, guard, cell in groups]
    domain = tuple(ranges[i] for i in _in_order(place))
    guard = tuple(g for g in term.guard if index_symbols(g) <= set(_in_order(place)))
    return Placed(place, domain, guard, coefficient, tuple(_absorb(factors)))


def _gathered(term: Term, shape: tuple[Expr, ...]) -> tuple[tuple[Expr, ...], list[tuple[Range, Expr]]]:
    """The place with one new index for each position that stands for itself: `[t[n], j, t[n], k]` is `[v, j, v, k]`
    with the core written at `t[n]`. A position whose indices occur in another one (`[i+k, i]`) stays as it is."""
    place, scattered = list(term.write), []
    taken = {i.name for i in term.indices}
    for position in dict.fromkeys(term.write):
        inside = index_symbols(position)
        others = set().union(set(), *(index_symbols(w) for w in term.write if w != position))
        if not inside or inside & others or (len(inside) < 2 and not position.has(Access)):
            continue
        axis = term.write.index(position)
        index = Index(next(fresh_names(taken, str(shape[axis]).lower() if shape[axis].is_Symbol else "p")))
        taken.add(index.name)
        scattered.append((Range(index, shape[axis]), position))
        place = [index if w == position else w for w in place]
    return tuple(place), scattered


def _groups(term: Term, hidden: set[Index], scattered) -> tuple[Expr, list[tuple[Expr, tuple, tuple]]]:
    """(coefficient, [(body, guards, scattered coordinates)]): factors, guards and scattered positions that share a
    hidden index, or that a guard ties together, form one group."""
    parts: list[tuple[Any, str]] = [(f, "factor") for f in _factors(term.body)]
    parts += [(g, "guard") for g in term.guard if index_symbols(g) & hidden]
    parts += [((r, position), "cell") for r, position in scattered]
    groups: list[tuple[set[Index], list]] = []
    coefficient: list[Expr] = []
    for part, kind in parts:
        if kind == "factor" and not index_symbols(part) and not part.has(Access):
            coefficient.append(part)
            continue
        touched = index_symbols(part[1] if kind == "cell" else part) & hidden
        met = [g for g in groups if g[0] & touched]
        groups = [g for g in groups if not g[0] & touched]
        groups.append((touched.union(*(g[0] for g in met)), [p for g in met for p in g[1]] + [(part, kind)]))
    lone = [r.size for r in term.domain if r.index in hidden and not any(r.index in g[0] for g in groups)]
    return Mul(*coefficient, *lone), [
        (
            Mul(*(p for p, kind in members if kind == "factor")),
            tuple(p for p, kind in members if kind == "guard"),
            tuple(p for p, kind in members if kind == "cell"),
        )
        for _, members in groups
    ]


def _factors(body: Expr) -> list[Expr]:
    """The factors of a product; what all addends of a sum share counts as one."""
    return [g for f in factors_of(body) for g in factors_of(common_factor(f))]


def _factor(body: Expr, guard: tuple, cell: tuple, ranges, hidden: list[Range], place: tuple[Expr, ...]) -> Factor:
    """The coordinates in the order of the place; everything else that occurs is summed over."""
    inside = set().union(index_symbols(body), *map(index_symbols, guard), *(index_symbols(p) for _, p in cell))
    written = {r.index: p for r, p in cell}
    coordinates = [i for i in _in_order(place) if i in inside or i in written]
    bound = tuple(r for r in hidden if r.index in inside)
    return Factor(body, tuple((ranges[i], written.get(i, i)) for i in coordinates), bound, guard)


def _in_order(place: tuple[Expr, ...]) -> list[Index]:
    return list(dict.fromkeys(i for w in place for i in sorted(index_symbols(w), key=str)))


def _absorb(factors: list[Factor]) -> list[Factor]:
    """A factor over fewer coordinates joins one over more, unless both are sums: fewer numbers are stored."""
    kept: list[Factor] = []
    for f in sorted(factors, key=lambda f: (-len(f.cell), not f.bound, str(f.body))):
        home = next((n for n, k in enumerate(kept) if _joins(f, k)), None)
        if home is None:
            kept.append(f)
        else:
            k = kept[home]
            kept[home] = Factor(k.body * f.body, k.cell, (*k.bound, *f.bound), (*k.guard, *f.guard))
    return kept


def _joins(small: Factor, large: Factor) -> bool:
    if not set(small.coordinates) <= set(large.coordinates) or (small.bound and large.bound):
        return False
    return all(position == r.index for f in (small, large) for r, position in f.cell)


def _everywhere(placed: Placed, shape: tuple[Expr, ...]) -> bool:
    """One core with a number for each cell of the tensor."""
    ranges = tuple(Range(w, s) for w, s in zip(placed.place, shape))
    return len(placed.factors) == 1 and placed.factors[0].coordinates == placed.place and placed.domain == ranges


def _as_it_stands(term: Term, shape: tuple[Expr, ...]) -> Placed:
    """The term as a contribution to a dense core."""
    taken = {i.name for i in term.indices}
    place: list[Index] = []
    cell: list[tuple[Range, Expr]] = []
    for position, extent in zip(term.write, shape):
        plain = isinstance(position, Index) and position not in place and term.sizes[position] == extent
        index = position if plain else Index(next(fresh_names(taken, "p")))
        taken.add(index.name)
        place.append(index)
        cell.append((Range(index, extent), position))
    return _in_core(term, tuple(place), tuple(r for r, _ in cell), tuple(cell))


def _in_core(
    term: Term, place: tuple[Expr, ...], ranges: tuple[Range, ...], cell: tuple[tuple[Range, Expr], ...]
) -> Placed:
    """The term as a contribution to one core over all of `place`."""
    bound = tuple(r for r in term.domain if r.index not in place)
    return Placed(place, ranges, (), Integer(1), (Factor(term.body, cell, bound, term.guard),))


# cores and views ------------------------------------------------------------------------------------------------------


def _aligned(placed: list[Placed], shape: tuple[Expr, ...]) -> list[Placed]:
    """Terms along one diagonal, `[i, i+1]` and `[i+1, i+2]`, in one place `[p, p+1]`: they add up in one core."""
    found = [direction(p.place) if _whole(p) else None for p in placed]
    return [p if d is None or found.count(d) == 1 else _moved(p, d, shape) for p, d in zip(placed, found)]


def _blocked(terms: tuple[Term, ...], shape: tuple[Expr, ...]) -> list[Placed]:
    """Terms that fill a block of a few numbers between them add up in one core."""
    placed: list[Placed] = []
    for group, short in filled_blocks(terms, shape):
        if short:
            placed += (_in_core(t, *block_place(t, shape, short)) for t in group)
        else:
            placed += (take_apart(part, shape) for term in group for part in _addends(term, shape))
    return placed


def _whole(placed: Placed) -> bool:
    """Is the term one core over all of its place?"""
    return len(placed.factors) == 1 and set(placed.factors[0].coordinates) == {r.index for r in placed.domain}


def _moved(placed: Placed, found: Direction, shape: tuple[Expr, ...]) -> Placed:
    (factor,) = placed.factors
    inside = {i.name for i in (*(r.index for r in placed.domain), *factor.term.indices)}
    place, domain = common_place(found, shape, inside)
    written = {r.index: position for r, position in factor.cell}
    positions = [placed.place[a].xreplace(written) for a in lowest_axes(found)]
    plain = tuple(r for r, position in factor.cell if position == r.index)
    moved = Factor(factor.body, tuple(zip(domain, positions)), (*plain, *factor.bound), (*placed.guard, *factor.guard))
    return Placed(place, domain, (), placed.coefficient, (moved,))


def _together(placed: list[Placed]) -> Iterator[list[Placed]]:
    """Terms of one place, each a single core over all of it, add up in one core."""
    groups: dict[object, list[Placed]] = {}
    for number, p in enumerate(placed):
        letters = {r.index: Index(f"@{n}") for n, r in enumerate(p.domain)}
        cell = tuple(str(w.xreplace(letters)) for w in p.place)
        guard = tuple(sorted(str(g.xreplace(letters)) for g in p.guard))
        key = (cell, tuple(str(r.size) for r in p.domain), guard) if _whole(p) and p.domain else number
        groups.setdefault(key, []).append(p)
    yield from groups.values()


def _view(group: list[Placed], store: _Store) -> Term:
    first = group[0]
    if len(group) == 1:
        reads = [store.read([_guarded(f, first)]) for f in first.factors]
        return Term(first.place, Mul(first.coefficient, *reads), first.domain, first.guard)
    letters = [dict(zip((r.index for r in p.domain), (r.index for r in first.domain))) for p in group]
    scaled = [p.factors[0]._replace(body=p.coefficient * p.factors[0].body) for p in group]
    same = [_renamed(_guarded(f, p), m) for f, p, m in zip(scaled, group, letters)]
    return Term(first.place, store.read(same), first.domain, first.guard)


def _guarded(factor: Factor, placed: Placed) -> Factor:
    """A core keeps every guard over its own coordinates: one of them may be what keeps a read in range."""
    held = tuple(g for g in placed.guard if index_symbols(g) <= set(factor.coordinates))
    return factor._replace(guard=(*held, *factor.guard))


def _renamed(factor: Factor, letters: dict[Index, Index]) -> Factor:
    """Coordinates get the letters of another place; bound indices in the way step aside."""
    taken = {i.name for i in letters.values()}
    mapping = dict(letters)
    for r in factor.bound:
        if r.index.name in taken:
            name = next(fresh_names({*taken, *(b.index.name for b in factor.bound)}, r.index.name))
            mapping[r.index] = Index(name)
            taken.add(name)
    cell = tuple((Range(mapping.get(r.index, r.index), r.size), p.xreplace(mapping)) for r, p in factor.cell)
    order = list(letters.values())
    return Factor(
        factor.body.xreplace(mapping),
        tuple(sorted(cell, key=lambda c: order.index(c[0].index))),
        tuple(Range(mapping.get(r.index, r.index), r.size) for r in factor.bound),
        tuple(g.xreplace(mapping) for g in factor.guard),
    )


class _Store:
    """The cores made so far: equal ones are one, in whatever order they name their coordinates."""

    def __init__(self, names: Iterator[str]):
        self.names = names
        self.known: dict[str, str] = {}
        self.cores: dict[str, tuple[Equation, Tensor]] = {}

    def numbers(self) -> int:
        """How much is stored where every size is the same."""
        total = Add(*(Mul(*tensor.shape) for _, tensor in self.cores.values()))
        return int(total.xreplace({s: Integer(NOMINAL) for s in size_symbols(total)}))

    def read(self, factors: list[Factor]) -> Expr:
        """The access to the core that holds the sum of `factors` (all over the same coordinates)."""
        coordinates = factors[0].coordinates
        orders = list(permutations(range(len(coordinates)))) if len(coordinates) <= ORDERS else [None]
        for order in orders:
            name = self.known.get(_text(factors, order))
            if name is not None:
                return Access(name, *(coordinates[n] for n in order or range(len(coordinates))))
        name = next(self.names)
        self.known[_text(factors, None)] = name
        ranges = [r for r, _ in factors[0].cell]
        tensor = Tensor(name, tuple(r.size for r in ranges), letters=tuple(r.index.name for r in ranges))
        self.cores[name] = (Equation(name, tuple(f.term for f in factors)), tensor)
        return Access(name, *coordinates)


def _text(factors: list[Factor], order: tuple[int, ...] | None) -> str:
    texts = []
    for f in factors:
        term = f.term
        write = term.write if order is None else tuple(term.write[n] for n in order)
        texts.append(term_text(replace(term, write=write)))
    ranges = [r for r, _ in factors[0].cell]
    extents = [ranges[n].size for n in order] if order is not None else [r.size for r in ranges]
    return f"{extents} " + " ++ ".join(sorted(texts))
