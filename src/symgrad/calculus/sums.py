"""Sums in terms: factors that do not depend on a reduced index leave the sum, and a sum that equals something known
(an existing definition, a fact, a size) is replaced by it; what is left and stands beside other factors gets a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import Add, Basic, Expr, Integer, Mul, S

from ..ir.access import Access, Index, all_reads, index_symbols, reads, sort_key
from ..ir.system import Equation, Range, System, Term
from .algebra import factors_of
from .relations import Relations


@dataclass(frozen=True)
class Known:
    """A sum with a name: the access to read instead, its indices in the order of the canonical text."""

    tensor: str
    order: tuple[int, ...]
    scale: Expr = S.One  # the tensor is so many times the sum: 1/N where it is the mean


@lru_cache(maxsize=20_000)
def sum_key(
    factors: tuple[Expr, ...], bound: tuple[Range, ...], guards: tuple[Basic, ...]
) -> tuple[str, tuple[Index, ...]]:
    """Canonical text of a sum, and its free indices in the order in which the text numbers them.

    Equal texts mean equal sums up to that numbering; two equal sums may (rarely) get different texts.
    """
    sizes = {r.index: r.size for r in bound}
    parts = [*factors, *guards]
    blank = {i: Index("#") if i in sizes else Index("@") for p in parts for i in index_symbols(p)}
    parts.sort(key=lambda p: (sort_key(p.xreplace(blank)), sort_key(p)))
    free: dict[Index, Index] = {}
    names: dict[Index, Index] = {}
    for part in parts:
        for index in _in_order(part):
            if index in sizes:
                names.setdefault(index, Index(f"#{len(names) - len(free)}"))
            elif index not in free:
                free[index] = names[index] = Index(f"@{len(free)}")
    extents = ", ".join(f"{names[i]}<{sizes[i]}" for i in names if i in sizes)
    return f"{extents}: {' * '.join(sort_key(p.xreplace(names)) for p in parts)}", tuple(free)


def _in_order(expr: Basic) -> list[Index]:
    """Index letters by position: accesses first, by name."""
    found: list[Index] = []
    for access in all_reads([expr]):
        for position in access.indices:
            found += sorted((s for s in index_symbols(position)), key=str)
    found += sorted(index_symbols(expr), key=str)
    return list(dict.fromkeys(found))


def known_sums(system: System) -> dict[str, Known]:
    """The sums that have a name in `system`: one term, plain write, something reduced."""
    known: dict[str, Known] = {}
    for eq in system.equations:
        entry = known_sum(eq)
        if entry is not None:
            known.setdefault(*entry)
    return known


def known_sum(eq: Equation) -> tuple[str, Known] | None:
    if eq.reduce != "sum" or len(eq.terms) != 1:
        return None
    term = eq.terms[0]
    if not term.reduced or set(term.write) != {r.index for r in term.free} or len(set(term.write)) != len(term.write):
        return None
    factors = factors_of(term.body)
    scale = Mul(*(f for f in factors if not index_symbols(f) and not all_reads([f])))
    inside = tuple(f for f in factors if index_symbols(f) or all_reads([f]))
    text, free = sum_key(inside, term.reduced, term.guard)
    if not inside or set(free) != set(term.write):
        return None
    return text, Known(eq.tensor, tuple(free.index(w) for w in term.write), scale)


@dataclass(frozen=True)
class Sums:
    """What `settle_term` looks at."""

    table: Relations
    known: Mapping[str, Known]


@dataclass
class Settled:
    """The outcome for one term: the term, sums that need a name, and the facts that were used."""

    term: Term
    named: list[Equation]
    under: list[str]


def settle_term(term: Term, sums: Sums, names: Iterable[str], piece: bool = False) -> Settled:
    """Take the factors of a term apart along its reduced indices and replace the sums that are known.

    In the equation of a `piece`, a sum that stands beside tensors gets a name too: the piece is then defined cell by
    cell, and disappears into its readers: `p (S dS + dp)` with `dS = -s/S` becomes `p (dp - s)`, s = sum_k p dp.
    """
    outcome = Settled(term, [], [])
    if not term.reduced:
        return outcome
    names = iter(names)
    term = _without_zeros(term, sums, outcome.under)
    outside, components = _components(term)
    kept: list[_Component] = []
    for component in components:
        value = resolve(component, sums, outcome.under)
        if value is None:
            kept.append(component)
        else:
            outside.append(value)
    elsewhere = set().union(*(index_symbols(f) for f in outside)) if outside else set()
    kept.sort(key=lambda c: len(c.free), reverse=True)
    body_factors, ranges, guards = list(outside), list(term.free), []
    for position, component in enumerate(kept):
        others = elsewhere | set().union(set(), *(c.free for c in kept[:position] + kept[position + 1 :]))
        if position == 0 and others <= component.free and not (piece and any(reads(f) for f in outside)):
            body_factors += component.factors
            ranges += component.bound
            guards += component.guards
        else:
            body_factors.append(_give_name(component, term, next(names), outcome))
    free_guards = [g for g in term.guard if not index_symbols(g) & {r.index for r in term.reduced}]
    outcome.term = replace(
        term, body=Mul(*body_factors), domain=tuple(ranges), guard=tuple(dict.fromkeys([*free_guards, *guards]))
    )
    return outcome


@dataclass(frozen=True)
class _Component:
    """Factors and guards that hang together through reduced indices."""

    factors: tuple[Expr, ...]
    guards: tuple[Basic, ...]
    bound: tuple[Range, ...]

    @property
    def free(self) -> set[Index]:
        used = set().union(set(), *(index_symbols(p) for p in (*self.factors, *self.guards)))
        return used - {r.index for r in self.bound}


def _components(term: Term) -> tuple[list[Expr], list[_Component]]:
    """Factors free of every reduced index, and the connected groups of the others."""
    bound = {r.index for r in term.reduced}
    parts = [(f, False) for f in factors_of(term.body)] + [(g, True) for g in term.guard if index_symbols(g) & bound]
    groups: list[tuple[set[Index], list]] = [({r.index}, []) for r in term.reduced]
    outside = []
    for part, is_guard in parts:
        touched = index_symbols(part) & bound
        if not touched:
            outside.append(part)
            continue
        merged = [g for g in groups if g[0] & touched]
        rest = [g for g in groups if not g[0] & touched]
        joined = (set().union(*(g[0] for g in merged)), [p for g in merged for p in g[1]] + [(part, is_guard)])
        groups = [*rest, joined]
    components = [
        _Component(
            tuple(p for p, guard in parts if not guard),
            tuple(p for p, guard in parts if guard),
            tuple(r for r in term.reduced if r.index in indices),
        )
        for indices, parts in groups
    ]
    return outside, components


def resolve(component: _Component, sums: Sums, under: list[str], depth: int = 2) -> Expr | None:
    """What a sum is worth, where that is known."""
    if not component.factors and not component.guards:
        return Mul(*(r.size for r in component.bound))
    text, free = sum_key(component.factors, component.bound, component.guards)
    if text in sums.known:
        entry = sums.known[text]
        return Access(entry.tensor, *(free[i] for i in entry.order)) / entry.scale
    fact = _by_fact(component, sums)
    if fact is not None:
        under.append(fact)
        return Integer(1)
    if not depth:
        return None
    value = _by_parts(component, sums, under)
    return _by_definition(component, sums, under, depth) if value is None else value


def _by_fact(component: _Component, sums: Sums) -> str | None:
    """sum_k Y[n, k] = 1 where Y is declared a distribution (or one-hot) over that axis."""
    if len(component.factors) != 1 or component.guards or len(component.bound) != 1:
        return None
    access, (index, size) = component.factors[0], component.bound[0]
    tensor = sums.table.tensors.get(access.name) if isinstance(access, Access) else None
    if tensor is None or access.indices.count(index) != 1 or len([i for i in access.indices if i.has(index)]) != 1:
        return None
    axis = access.indices.index(index)
    declared = any(f.name in ("distribution", "one-hot") and f.axes == (axis,) for f in tensor.facts)
    return f"sum[{index}]({access}) = 1" if declared and tensor.shape[axis] == size else None


def _by_definition(component: _Component, sums: Sums, under: list[str], depth: int) -> Expr | None:
    """Put in the definition of a factor and try again: sum_k p = sum_k e/S = S/S = 1."""
    bound = {r.index for r in component.bound}
    for access in reads(Mul(*component.factors)):
        expanded = sums.table.expand(access)
        if expanded is None or access not in component.factors:
            continue
        factors = [f for f in component.factors if f != access] + factors_of(expanded)
        outside, components = _components(Term((), Mul(*factors), component.bound, component.guards))
        found: list[str] = []
        values = [resolve(c, sums, found, depth - 1) for c in components]
        if all(v is not None for v in values) and not any(index_symbols(f) & bound for f in outside):
            under += found
            return Mul(*outside, *values)
    return None


def _without_zeros(term: Term, sums: Sums, under: list[str]) -> Term:
    """The term without those addends of its body whose sum is known to vanish."""
    addends = Add.make_args(term.body)
    if len(addends) == 1:
        return term
    whole = _Component((), term.guard, tuple(term.reduced))
    left = [a for a in addends if _value(Mul.make_args(a), whole, sums, under) != 0]
    return term if len(left) == len(addends) else replace(term, body=Add(*left))


def _value(factors: Iterable[Expr], whole: _Component, sums: Sums, under: list[str], depth: int = 2) -> Expr | None:
    """What the sum of a product over the range of `whole` is worth, where every part of it is known."""
    outside, components = _components(Term((), Mul(*factors), whole.bound, whole.guards))
    found: list[str] = []
    values = [resolve(c, sums, found, depth) for c in components]
    if any(value is None for value in values):
        return None
    under += found
    return Mul(*outside, *values)


def _by_parts(component: _Component, sums: Sums, under: list[str]) -> Expr | None:
    """0 for a sum whose parts are all known and cancel: sum_n (x - mu) = N mu - N mu."""
    total = [f for f in component.factors if isinstance(f, Add)]
    if len(total) != 1:
        return None
    others, found = [f for f in component.factors if f is not total[0]], []
    values = [_value([part, *others], component, sums, found, depth=0) for part in total[0].args]
    if any(value is None for value in values) or Add(*values) != 0:
        return None
    under += found
    return Integer(0)


def _give_name(component: _Component, term: Term, name: str, outcome: Settled) -> Access:
    """A new tensor for a sum that stands beside other factors: computed once, not once for each of their points."""
    free = tuple(r for r in term.free if r.index in component.free)
    write = tuple(r.index for r in free)
    domain = (*free, *component.bound)
    inherited = [g for g in term.guard if index_symbols(g) <= set(write)]  # one may keep a read in range
    inner = Term(write, Mul(*component.factors), domain, (*inherited, *component.guards))
    outcome.named.append(Equation(name, (inner,)))
    return Access(name, *write)

