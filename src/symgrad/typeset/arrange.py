"""What is printed for an equation, before anybody prints it: left side, summands, conditions, in one set of letters.

    write = [n, k], letters (n, k)          -> dL_dz[n,k] = ...
    write = [n, y[n]]                       -> the summand has the factor Iverson(k = y[n])
    write = [tok[n], j]                     -> the sum runs over the n with tok[n] = v
    write = [I + j]                         -> j becomes i - I, where i >= I

Terms that sum over the same indices under the same conditions become one summand. The LaTeX printer and the text
printer both start here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Eq, Expr, Function, Integer, Mul, S, Symbol, true
from sympy.core.relational import Ge, Lt
from sympy.logic.boolalg import Boolean

from ..ir.access import Access, Index, index_symbols, sort_key
from ..ir.system import Equation, Range, System, Tensor, Term
from .conditions import conjuncts, exclude, exhaustive, implied, isolate
from .order import common_factors, is_negative, ordering, split_common

SQUARE = "ijklmnopqrstuvw"  # where two axes have one letter, the next of these


class Iverson(Function):
    """1 where the condition holds, 0 elsewhere. It exists only on paper."""

    nargs = 1
    is_real = True


@dataclass(frozen=True)
class Summand:
    """coefficient * reduce over `reduced`, where all of `under` hold, of `body`; all that only where `where` holds."""

    coefficient: Expr
    body: Expr
    reduced: tuple[Range, ...] = ()
    under: tuple[Boolean, ...] = ()
    where: tuple[Boolean, ...] = ()


@dataclass(frozen=True)
class Arranged:
    """`tensor[letters] =` the sum of `summands`; with `cases`, the summand whose condition holds, else the identity."""

    tensor: str
    letters: tuple[Index, ...]
    summands: tuple[Summand, ...]
    reduce: str = "sum"
    arg: tuple[str, ...] = ()
    cases: bool = False
    otherwise: bool = True  # do the cases leave something out?


def arrange(eq: Equation, system: System) -> Arranged:
    """The equation in the tensor's own letters."""
    tensor = tensor_of(eq, system)
    letters = _letters(eq, tensor)
    parts = [s for term in eq.terms if (s := _summand(term, eq, letters, tensor.shape))]
    parts = _merge(parts) if eq.reduce == "sum" else parts
    cases = bool(parts) and all(p.where for p in parts) and _disjoint(parts)
    if not cases and any(p.where for p in parts):
        parts = _merge([_with_factor(p) for p in parts])
    parts = [_in_reading_order(_pull(p) if eq.reduce == "sum" else p, system) for p in parts]
    summands = tuple(_positive_first(parts) if eq.reduce == "sum" and not cases else parts)
    return Arranged(
        eq.tensor, letters, summands, eq.reduce, eq.arg, cases, cases and not exhaustive([p.where for p in parts])
    )


def tensor_of(eq: Equation, system: System) -> Tensor:
    """The declaration; one is made up for a tensor that a rewrite has removed since (its first plain write tells)."""
    if eq.tensor in system.tensors:
        return system.tensors[eq.tensor]
    term = max(eq.terms, key=lambda t: sum(isinstance(w, Index) for w in t.write), default=Term((), S.Zero, ()))
    shape = tuple(term.sizes.get(w, Symbol("?")) for w in term.write)
    return Tensor(eq.tensor, shape, letters=tuple(str(w) if isinstance(w, Index) else "" for w in term.write))


def _scalars(eq: Equation) -> set[str]:
    """Names that an index letter must not take: scalars of this equation."""
    return {a.name for a in eq.reads() if not a.indices}


def _letters(eq: Equation, tensor: Tensor) -> tuple[Index, ...]:
    """One letter for each axis of the left side: the tensor's, else the first write's, else one made from the size."""
    taken = _scalars(eq)
    chosen: list[Index] = []
    for axis in range(tensor.rank):
        wanted = tensor.letters[axis] if axis < len(tensor.letters) else ""
        wanted = wanted or _written_letter(eq, axis) or _size_letter(tensor.shape[axis])
        name = next(n for n in _candidates(wanted, free=True) if n not in taken)
        taken.add(name)
        chosen.append(Index(name))
    return tuple(chosen)


def _written_letter(eq: Equation, axis: int) -> str:
    return next((_base(t.write[axis].name) for t in eq.terms if isinstance(t.write[axis], Index)), "")


def _size_letter(size: Expr) -> str:
    return size.name.lower() if isinstance(size, Symbol) and size.name.isidentifier() else "i"


def _base(name: str) -> str:
    """`k_1` and `k'` are made from `k`."""
    return name.rstrip("'").split("_")[0] or name


def _candidates(wanted: str, free: bool) -> Iterator[str]:
    """The letter; then, on the left side, the following letters (i, j), and under a sum k_1, k_2 (printed k', k'')."""
    base = _base(wanted)
    yield base
    if free and base in SQUARE:
        yield from SQUARE[SQUARE.index(base) + 1 :]
    number = 0
    while True:
        number += 1
        yield f"{base}_{number}"


def _summand(term: Term, eq: Equation, letters: tuple[Index, ...], shape: Sequence[Expr]) -> Summand | None:
    """The term in the letters of the left side; None where its conditions are false."""
    term = _marked(term)
    solved, conditions = _solve_writes(term, letters, shape)
    remaining = [r for r in term.domain if r.index not in solved]
    naming = _name_reduced(remaining, {*map(str, letters), *_scalars(eq)})
    bound = [naming[r.index] for r in remaining]

    def printed(expr):
        return expr.xreplace(solved).xreplace(naming)

    conditions = [isolate(c, (*bound, *letters)) for c in conjuncts(map(printed, (*term.guard, *conditions)))]
    if S.false in conditions:
        return None
    extents = {**dict(zip(letters, shape)), **{naming[r.index]: r.size for r in remaining}}
    conditions = [c for c in dict.fromkeys(conditions) if c != true and not implied(c, extents)]
    under = tuple(c for c in conditions if index_symbols(c).intersection(bound))
    where = tuple(c for c in conditions if c not in under)
    ranges = tuple(Range(naming[r.index], r.size) for r in remaining)
    return Summand(Integer(1), printed(term.body), ranges, under, where)


def _marked(term: Term) -> Term:
    """The term's own indices, told apart from the letters of the left side."""
    return term.rename({i: Index("~" + i.name) for i in term.indices})


def _solve_writes(term: Term, letters: tuple[Index, ...], shape: Sequence[Expr]):
    """({index: its value in the letters}, conditions): what makes the term write the cell `letters`."""
    solved: dict[Index, Expr] = {}
    conditions: list = []
    for axis in sorted(range(len(letters)), key=lambda a: not isinstance(term.write[a], Index)):
        write = term.write[axis].xreplace(solved)
        found = _unit_index(write, [r for r in term.domain if r.index not in solved])
        if found is None:
            conditions.append(Eq(letters[axis], write))
            continue
        index, size, sign = found
        value = sign * (letters[axis] - (write - sign * index))
        solved = {i: v.xreplace({index: value}) for i, v in solved.items()} | {index: value}
        conditions += _within(value, size, letters[axis], shape[axis])
    return solved, [c.xreplace(solved) for c in conditions]


def _unit_index(write: Expr, domain: Iterable[Range]) -> tuple[Index, Expr, int] | None:
    """The first index that `write` can be solved for in integers: its coefficient is 1 or -1."""
    for index, size in domain:
        for sign in (1, -1):
            if write.has(index) and not (write - sign * index).has(index):
                return index, size, sign
    return None


def _within(value: Expr, size: Expr, letter: Index, extent: Expr) -> list:
    """0 <= value < size, less what 0 <= letter < extent implies."""
    needed = [] if value.is_nonnegative else [Ge(value, 0)]
    highest = value.subs(letter, extent - 1) if value.coeff(letter) == 1 else None
    inside = extent == Symbol("?") or (highest is not None and (size - 1 - highest).is_nonnegative)
    return needed if inside else [*needed, Lt(value, size)]


def _name_reduced(remaining: Sequence[Range], taken: set[str]) -> dict[Index, Index]:
    taken, naming = set(taken), {}
    for r in remaining:
        name = next(n for n in _candidates(r.index.name[1:], free=False) if n not in taken)
        taken.add(name)
        naming[r.index] = Index(name)
    return naming


# -- all terms --------------------------------------------------------------------------------------------------------


def _merge(parts: list[Summand]) -> list[Summand]:
    """Add the bodies of parts that run over the same points."""
    groups: dict[tuple, list[Expr]] = {}
    for p in parts:
        key = (tuple(sorted(p.reduced, key=str)), frozenset(p.under), frozenset(p.where))
        groups.setdefault(key, []).append(p)
    return [replace(g[0], body=_sum([p.body for p in g])) for g in groups.values()]


def _sum(bodies: list[Expr]) -> Expr:
    if len(bodies) == 1:
        return bodies[0]
    return common_factors(Add(*bodies))


def _with_factor(part: Summand) -> Summand:
    return replace(part, body=part.body * Mul(*map(Iverson, part.where)), where=())


def _pull(part: Summand) -> Summand:
    """Factors that do not depend on the summed indices go in front of the sum."""
    if not part.reduced:
        return part
    bound = {r.index for r in part.reduced}
    outside, inside = split_common(part.body)
    factors = [f for f in (*Mul.make_args(outside), *Mul.make_args(inside)) if f != 1]
    front = [f for f in factors if not index_symbols(f) & bound]
    rest = [f for f in factors if index_symbols(f) & bound]
    if not rest:
        return part
    return replace(part, coefficient=_product(front), body=_product(rest))


def _product(factors: list[Expr]) -> Expr:
    """Multiply, but keep a number and a sum apart: SymPy would write 2*(a + b) as 2*a + 2*b."""
    numbers = [f for f in factors if f.is_Number]
    others = [f for f in factors if not f.is_Number]
    number, other = Mul(*numbers), Mul(*others)
    if number == 1 or other == 1 or not isinstance(other, Add):
        return number * other
    return Mul(number, other, evaluate=False)


def _in_reading_order(part: Summand, system: System) -> Summand:
    """The summed letters in the order in which the tensors that are read show them."""
    place = ordering(system)
    found = sorted(part.body.atoms(Access), key=lambda a: (place(a.name), sort_key(a)))
    seen = [position for a in found for position in a.indices]
    order = {r.index: seen.index(r.index) if r.index in seen else len(seen) for r in part.reduced}
    return replace(part, reduced=tuple(sorted(part.reduced, key=lambda r: (order[r.index], r.index.name))))


def _positive_first(parts: list[Summand]) -> list[Summand]:
    return sorted(
        parts, key=lambda p: is_negative(p.coefficient) != is_negative(p.body) and not isinstance(p.body, Add)
    )


def _disjoint(parts: list[Summand]) -> bool:
    """Do the conditions exclude each other? A single equality is better written as a delta."""
    if len(parts) == 1:
        return not all(isinstance(c, Eq) for c in parts[0].where)
    pairs = [(a, b) for i, a in enumerate(parts) for b in parts[:i]]
    return all(any(exclude(c, d) for c in a.where for d in b.where) for a, b in pairs)


def evident(r: Range, exprs: Iterable[Expr], system: System) -> bool:
    """Does the letter itself tell its range: N for n, or a plain read along an axis of that size?"""
    if isinstance(r.size, Symbol) and r.size.name.lower() == _base(r.index.name):
        return True
    reads = {a for e in exprs for a in e.atoms(Access)}
    return any(
        system.tensors[a.name].shape[axis] == r.size
        for a in sorted(reads, key=sort_key)
        if a.name in system.tensors
        for axis, position in enumerate(a.indices)
        if position == r.index
    )
