"""Put a tensor's definition in the place of a read of it: one point for each pair of points whose cells agree.

Right only where the read is a *factor* of its term (design section 2); `exp(D)` or `D + A` read densely.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sympy import Basic, Eq, Expr, Gt, Mul, sympify

from ..ir.access import Access, Index, fresh_names, index_symbols
from ..ir.recurrence import reindexed
from ..ir.system import Equation, Range, Tensor, Term
from .algebra import factors_of


def is_factor(term: Term, access: Access) -> bool:
    """Is the read a factor of the body, once, and nowhere else in the term?"""
    factors = factors_of(term.body)
    elsewhere = [*(f for f in factors if f != access), *term.write, *term.guard]
    return factors.count(access) == 1 and not any(e.has(access) for e in elsewhere)


def join(term: Term, access: Access, definition: Equation, tensor: Tensor) -> list[Term]:
    """`term` with its factor `access` replaced by each term of `definition` (a `sum` equation) in turn."""
    outside = Mul(*(f for f in factors_of(term.body) if f != access))
    return [_pair(replace(term, body=outside), access.indices, part, tensor) for part in definition.terms]


def _pair(reader: Term, at: tuple, part: Term, tensor: Tensor) -> Term:
    part = apart(part, reader)
    solved: dict = {}           # index of either side -> its value
    guards: list = []
    for axis, (cell, position) in enumerate(zip(part.write, at)):
        cell, position = cell.xreplace(solved), position.xreplace(solved)
        if cell == position:
            continue
        if cell in part.indices and part.sizes[cell] == tensor.shape[axis]:
            solved = _add(solved, cell, position)
        elif position in reader.indices and reader.sizes[position] == tensor.shape[axis]:
            solved = _add(solved, position, cell)
        elif cell in part.indices:
            solved = _add(solved, cell, position)
            guards += [position >= 0, position < part.sizes[cell]]
        elif (found := _solution(cell, position, {**reader.sizes, **part.sizes})) is not None:
            solved = _add(solved, *found)
        else:
            guards.append(Eq(cell, position))
    ranges = [r for r in (*reader.domain, *part.domain) if r.index not in solved]
    joined = Term(reader.write, reader.body * part.body, tuple(ranges), (*reader.guard, *part.guard, *guards))
    joined = joined.map(lambda e: e.xreplace(solved))
    kept = dict.fromkeys(g for g in joined.guard if g != True)  # noqa: E712  (a SymPy truth value)
    return _unflipped(replace(joined, guard=tuple(kept)))


def _solution(cell: Expr, position: Expr, sizes: Mapping[Index, Expr]) -> tuple[Index, Expr] | None:
    """An index of `cell == position` and its value, where that stays in the index's range for certain."""
    difference = (cell - position).expand()
    if not difference.is_polynomial(*index_symbols(difference)) or difference.has(Access):
        return None
    for index in sorted(index_symbols(difference), key=str):
        coefficient = difference.coeff(index)
        value = (index - coefficient * difference).expand()
        if coefficient not in (1, -1) or value.has(index):
            continue
        reached = reach(value, sizes)
        if reached and reached[0].is_nonnegative and (sizes[index] - 1 - reached[1]).is_nonnegative:
            return index, value
    return None


def reach(expr: Expr, sizes: Mapping[Index, Expr]) -> tuple[Expr, Expr] | None:
    """The least and the largest value of an index expression with integer coefficients over the box of its indices."""
    low = high = expr.as_independent(*index_symbols(expr), as_Add=True)[0]
    for index in sorted(index_symbols(expr), key=str):
        coefficient = sympify(expr.coeff(index))
        if not coefficient.is_number or index in index_symbols((expr - coefficient * index).expand()):
            return None
        far = coefficient * (sizes[index] - 1)
        low, high = (low + far, high) if coefficient < 0 else (low, high + far)
    return low.expand(), high.expand()


def _unflipped(term: Term) -> Term:
    """`[N-1-b, b]` counted the other way, `[b, N-1-b]`: the first axis of an index is written plainly."""
    seen: set[Index] = set()
    for position in term.write:
        inside = index_symbols(position)
        index = next(iter(inside)) if len(inside) == 1 else None
        if index in term.indices and index not in seen and (position + index - term.sizes[index] + 1).expand() == 0:
            return _unflipped(term.map(lambda e, i=index, flip=position: e.xreplace({i: flip})).map(_expanded_index))
        seen |= inside
    return term


def _expanded_index(expr: Basic) -> Basic:
    """Index positions multiplied out: what was flipped twice is plain again."""
    if isinstance(expr, Access):
        return Access(expr.name, *(_expanded_index(i) if i.has(Access) else i.expand() for i in expr.indices))
    if not expr.has(Access):
        return expr.expand() if isinstance(expr, Expr) and index_symbols(expr) else expr
    return expr.func(*(_expanded_index(a) if a.args else a for a in expr.args))


def _add(solved: dict, index: Index, value) -> dict:
    return {**{k: v.xreplace({index: value}) for k, v in solved.items()}, index: value}


def apart(part: Term, other: Term) -> Term:
    """`part` with index letters that `other` does not use (required against capture)."""
    taken = {i.name for i in other.indices}
    mapping = {}
    for index in part.indices:
        if index.name in taken:
            name = next(fresh_names({*taken, *(i.name for i in part.indices)}, index.name))
            mapping[index] = Index(name)
        taken.add(mapping.get(index, index).name)
    return part.rename(mapping) if mapping else part


def align(term: Term, letters: tuple[str, ...]) -> Term:
    """Rename indices so that plain writes carry the tensor's own letters; a reduced index in the way steps aside."""
    targets: dict[Index, Index] = {}
    for position, letter in zip(term.write, letters):
        if isinstance(position, Index) and position not in targets and Index(letter) not in targets.values():
            targets[position] = Index(letter)
    taken = {i.name for i in targets.values()}
    mapping = dict(targets)
    for r in term.domain:
        if r.index not in targets:
            name = r.index.name.rstrip("'")
            name = r.index.name if r.index.name not in taken else next(fresh_names(taken, name))
            mapping[r.index] = Index(name)
            taken.add(name)
    if all(a == b for a, b in mapping.items()):
        return term
    return term.rename(mapping)


def pinned(term: Term) -> Term:
    """A summed index that a guard sets to one value, t == 0, has that value: one point instead of T."""
    for index, size in term.reduced:
        for guard in term.guard:
            value = guard.rhs if isinstance(guard, Eq) and guard.lhs == index else None
            if value is None or value.atoms(Access, Index):
                continue
            inside = [Gt(value + 1, 0), Gt(size, value)]
            moved = term.map(lambda e, i=index, v=value: reindexed(e, i, v))
            guards = tuple(dict.fromkeys(g for g in (*inside, *moved.guard) if g != True))  # noqa: E712
            return pinned(replace(moved, domain=tuple(r for r in term.domain if r.index != index), guard=guards))
    return term


def sort_domain(term: Term) -> Term:
    """Free indices in the order of the write, then the reduced ones as they stand."""
    order = {}
    for position in term.write:
        for index in sorted(index_symbols(position), key=str):
            order.setdefault(index, len(order))
    ranges: list[Range] = sorted(term.domain, key=lambda r: order.get(r.index, len(order)))
    return replace(term, domain=tuple(ranges))


def merge(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Add the bodies of terms that write the same cells over the same points."""
    groups: dict[tuple, Term] = {}
    for term in terms:
        key = (term.write, frozenset(term.domain), frozenset(term.guard))
        first = groups.get(key)
        groups[key] = term if first is None else replace(first, body=first.body + term.body)
    return tuple(t for t in groups.values() if t.body != 0)
