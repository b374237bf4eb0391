"""Floating-point operations and bytes of a System, as polynomials in its sizes.

The model: an addition, multiplication, division, comparison or choice is 1, a square root is 1, an elementary function
is `FUNCTION` (what a branch-free polynomial of full precision costs), any other one what its definition or its kernel
spelling costs; index arithmetic is free. A factor that does not depend on a reduced index is multiplied once per cell.
A product of several reads is contracted pairwise, and a cumulative reduction is a scan, as the schedule does.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import prod
from typing import Any

from sympy import (
    Add,
    Basic,
    Eq,
    Expr,
    Ge,
    Gt,
    Integer,
    Le,
    Lt,
    Mod,
    Mul,
    Ne,
    Number,
    Pow,
    Rational,
    Symbol,
    expand,
    floor,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from ..functions import ROWS
from ..functions.heads import ScalarFunction
from .access import Access, Index, Size, index_symbols
from .calls import call_flops
from .system import Call, Equation, System, Term

FUNCTION = 10
CHEAP = dict.fromkeys(("finite", "where", "abs", "sign", "relu", "maximum", "minimum", "floor", "Mod"), 1)
NOMINAL = 64  # what a size that is not known counts as when contraction orders are compared
MOST_FACTORS = 8  # beyond this many factors a product is contracted from left to right
ITEMSIZE = {"int": 8, "bool": 1}


def flops(system: System) -> Expr:
    """Operations of every equation of the system (prune it first to count only what the outputs need).

    >>> from symgrad.ir.access import Index as I, Size
    >>> from symgrad.ir.system import Equation, Range, Tensor
    >>> i, j, M, N = I("i"), I("j"), Size("M"), Size("N")
    >>> term = Term((i,), Access("A", i, j) * Access("x", j), (Range(i, M), Range(j, N)))
    >>> flops(System({}, (Equation("y", (term,)),), ("y",)))
    2*M*N
    """
    return expand(Add(*(_flops(system, eq) for eq in system.equations)))


def bytes_moved(system: System, itemsize: int = 8) -> Expr:
    """Bytes of the declared tensors that are read, and of the results that are written."""
    read = set().union(*(eq.read_names() for eq in system.equations)) if system.equations else set()
    names = [t.name for t in system.declared() if t.name in read] + list(system.results())
    tensors = [system.tensors[n] for n in names]
    return expand(Add(*(Mul(ITEMSIZE.get(t.dtype, itemsize), *t.shape) for t in tensors)))


def _flops(system: System, eq: Equation | Call) -> Expr:
    return call_flops(system, eq) if isinstance(eq, Call) else equation_flops(eq)


def equation_flops(eq: Equation) -> Expr:
    return Add(*(_term(t, eq.reduce, len(eq.terms) > 1) for t in eq.terms))


def _term(term: Term, reduce: str, several: bool) -> Expr:
    reduced = {r.index for r in term.reduced}
    scan = _scan(term, reduced)
    if scan is not None:
        return scan
    combine = 1 if reduced or several else 0
    if reduce != "sum" or not reduced:
        return (operations(term.body) + combine) * points(term)
    if not isinstance(term.body, (Mul, Access, Number)) or term.guard:
        return _factored(term, reduced)
    return _contraction(term, several)


def _factored(term: Term, reduced: set[Index]) -> Expr:
    """A guarded or additive sum: factors free of the reduced indices are multiplied once per cell."""
    inner = [f for f in Mul.make_args(term.body) if index_symbols(f) & reduced]
    outer = [f for f in Mul.make_args(term.body) if not index_symbols(f) & reduced and f not in (1, -1)]
    body = Mul(*inner, evaluate=False) if len(inner) > 1 else inner[0] if inner else Integer(1)
    once = operations(Mul(*outer)) + 1 if outer and inner else 0
    return (operations(body) + 1) * points(term) + once * _box(term, {r.index for r in term.free})


def _scan(term: Term, reduced: set[Index]) -> Expr | None:
    """Prefix reductions (`k' < k`: one pass), and those over the others (`k' != k`: a prefix, a suffix, a product)."""
    if len(term.guard) != 1 or not isinstance(term.guard[0], (Lt, Le, Gt, Ge, Ne)):
        return None
    sides = set(term.guard[0].args)
    inner, outer = sides & reduced, sides - reduced
    if len(inner) != 1 or len(outer) != 1 or not isinstance(next(iter(outer)), Index):
        return None
    if term.sizes[next(iter(inner))] != term.sizes[next(iter(outer))]:
        return None
    dependent = [f for f in Mul.make_args(term.body) if index_symbols(f) & inner]
    if any(index_symbols(f) & outer for f in dependent):
        return None
    passes = 3 if isinstance(term.guard[0], Ne) else 1
    others = set(term.indices) - outer
    once = [f for f in Mul.make_args(term.body) if f not in dependent and f not in (1, -1)]
    per_cell = operations(Mul(*once)) + 1 if once and dependent else 0
    cells = _box(term, set(term.indices) - inner)
    return (operations(Mul(*dependent)) + passes) * _box(term, others) + per_cell * cells


def _contraction(term: Term, several: bool) -> Expr:
    """sum over the reduced indices of a product: pairwise, in the cheapest order (sizes that are not known count as
    equal)."""
    factors = [f for f in Mul.make_args(term.body) if f not in (1, -1)]
    own = Add(*(operations(f) * _box(term, index_symbols(f)) for f in factors))
    kept = frozenset().union(*(index_symbols(w) for w in term.write))
    groups = [frozenset(index_symbols(f)) for f in factors if index_symbols(f)]
    constants = len(factors) - len(groups)
    covered = frozenset().union(*groups)
    cell = _box(term, set(kept & covered))
    idle = _box(term, set(term.indices) - covered) if set(term.indices) - covered - kept else Integer(1)
    known = tuple((r.index, int(r.size)) for r in term.domain if r.size.is_Integer)
    steps = _path(tuple(groups), kept, known)
    path = Add(*(weight * _box(term, set(indices)) for indices, weight in steps))
    scale = constants * cell + (cell if idle != 1 and factors else 0)
    return own + path + scale + (_box(term, set(kept)) if several else 0)


@lru_cache(maxsize=4096)
def _path(
    groups: tuple[frozenset, ...], kept: frozenset, known: tuple[tuple[Index, int], ...] = ()
) -> tuple[tuple[frozenset, int], ...]:
    """The steps (indices looped over, operations per point) of the cheapest pairwise contraction."""
    if not groups:
        return ()
    extents = dict(known)

    def box(indices: frozenset) -> int:
        return prod(extents.get(i, NOMINAL) for i in indices)

    best: dict[frozenset[int], tuple[int, tuple, frozenset]] = {}
    everything = frozenset(range(len(groups)))
    for i, group in enumerate(groups):  # an index that only this factor has is summed before anything is multiplied
        needed = kept.union(*(groups[o] for o in everything - {i}))
        alone = not group <= needed
        best[frozenset([i])] = (box(group) if alone else 0, ((group, 1),) if alone else (), group & needed)
    for count in range(2, len(groups) + 1):
        for subset in map(frozenset, combinations(sorted(everything), count)):
            needed = kept.union(*(groups[i] for i in everything - subset))
            joined = [_join(best, left, subset - left, needed, box) for left in _halves(subset)]
            best[subset] = min(joined, key=lambda b: b[0])
    return best[everything][1]


def _halves(subset: frozenset[int]):
    members = sorted(subset)
    if len(members) > MOST_FACTORS:
        return [frozenset(members[:-1])]
    first, rest = members[0], members[1:]
    return [frozenset((first, *some)) for size in range(len(rest)) for some in combinations(rest, size)]


def _join(best, left, right, needed, box):
    (cost_l, steps_l, ind_l), (cost_r, steps_r, ind_r) = best[left], best[right]
    both = ind_l | ind_r
    weight = 2 if both - needed else 1
    return cost_l + cost_r + weight * box(both), (*steps_l, *steps_r, (both, weight)), both & needed


def points(term: Term) -> Expr:
    """How many points of the domain pass the guards: exact for a comparison of two indices of one size and for an
    equality that determines an index, and no more than there are solutions of an equation in integers; other guards
    (masks, padding) count in full."""
    alive, factor = set(term.indices), Integer(1)
    for index, extent in _solutions(term).items():
        alive -= {index}
        factor *= extent
    sizes = term.sizes
    for guard in term.guard:
        if isinstance(guard, Eq):
            sides = (guard.args, guard.args[::-1])
            alive -= {next((s for s, other in sides if s in alive and s not in index_symbols(other)), None)}
        elif isinstance(guard, (Lt, Le, Gt, Ge, Ne)) and set(guard.args) <= alive:
            i, j = guard.args
            if sizes[i] == sizes[j]:
                alive -= {i, j}
                factor *= _pairs(guard, sizes[i])
    return factor * _box(term, alive)


def _solutions(term: Term) -> dict[Index, Expr]:
    """index -> how many values it takes. Where 0 <= e < P with e = j - a, each a leaves P values for j. Where
    e = floor(j/s) - b and j mod s + s b < K, the points (j, b) are as many as those of P times K."""
    found: dict[Index, Any] = {}
    lower = {g.lhs for g in term.guard if isinstance(g, Ge) and g.rhs == 0}
    upper = [(g.lhs, g.rhs) for g in term.guard if isinstance(g, Lt)]
    for point, extent in upper:
        if point not in lower or extent.has(Access, Index):
            continue
        cells = [i for i in sorted(index_symbols(point), key=str) if i not in found and i in term.write]
        for cell in cells[:1]:
            if not point.has(floor):
                if expand(point).coeff(cell, 1) in (1, -1):
                    found[cell] = extent
                continue
            for place, size in upper:
                rest = [m for m in place.atoms(Mod) if m.has(cell)]
                others = [i for i in index_symbols(place) - {cell} if rest and place.coeff(i, 1) == rest[0].args[1]]
                if rest and others and place == rest[0] + rest[0].args[1] * others[0]:
                    found |= {cell: extent, others[0]: size}
    return found


def _pairs(guard: Relational, n: Expr) -> Expr:
    if isinstance(guard, Ne):
        return n * (n - 1)
    return n * (n - 1) / 2 if isinstance(guard, (Lt, Gt)) else n * (n + 1) / 2


def _box(term: Term, indices: set) -> Expr:
    return Mul(*(r.size for r in term.domain if r.index in indices))


@lru_cache(maxsize=16384)
def operations(expr: Basic) -> int:
    """Operations to evaluate a body once: a repeated subexpression is computed once, a constant (numbers and sizes)
    before the loop, and a function of the table costs what its kernel does."""
    seen: set[Basic] = set()
    _visit(expr, seen)
    return sum(map(_own, seen))


def _visit(expr: Basic, seen: set[Basic]) -> None:
    if expr in seen or isinstance(expr, Access) or not _varies(expr):
        return
    seen.add(expr)
    for arg in expr.args:
        _visit(arg, seen)


def _varies(expr: Basic) -> bool:
    return expr.has(Access) or any(not isinstance(s, Size) for s in expr.free_symbols)


def _own(expr: Basic) -> int:
    """The operations of the outermost node."""
    match expr:
        case Symbol():
            return 0
        case Add() | Mul():
            return len([a for a in expr.args if a != -1]) - 1
        case Pow():
            return _power(expr.exp)
        case Boolean():
            return max(len(expr.args) - 1, 1)
    return _function(expr.func)


@lru_cache(maxsize=1024)
def _function(head) -> int:
    name = head.__name__
    if name in CHEAP:
        return CHEAP[name]
    row = ROWS.get(name)
    if row is None or row.kernel.kind == "math":
        return FUNCTION
    if row.kernel.kind == "vector":  # one that is composed takes about as long as its parts: x tanh(softplus(x))
        inside = row.definition.atoms(ScalarFunction) if row.definition is not None else ()
        return FUNCTION * max(1, len(inside))
    spelling = row.kernel.expression if row.kernel.kind == "expression" else row.definition
    return operations(spelling) if spelling is not None else FUNCTION


def _power(exponent: Expr) -> int:
    if not isinstance(exponent, Rational) or exponent.q > 2:
        return 2 * FUNCTION
    whole = abs(int(exponent.p)) if exponent.q == 1 else abs(int(exponent.p)) // 2
    squarings = max(whole.bit_length() - 1, 0) + max(bin(whole).count("1") - 1, 0)
    root = int(exponent.q == 2) + int(exponent.q == 2 and whole > 0)
    return squarings + root + int(exponent.p < 0)
