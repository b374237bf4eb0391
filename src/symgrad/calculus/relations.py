"""Definitions read as relations: `p = e/S` gives `e = p S`; `q = 1/b`, `b = 2 + a` give `a = 1/q - 2`.

A relation is used to express a body in names that a person knows. Its class decides where it may act (see "Three forms"
in docs/design.md): a monomial whose solution divides by nothing new acts in every form; an additive one in the display
form only, and only where it removes a piece and makes the body shorter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from sympy import Add, Basic, Dummy, Expr, Mul, Pow, fraction, together

from ..functions import complement_of
from ..ir.access import Access, Index, index_symbols, reads
from ..ir.recurrence import contradict
from ..ir.system import Equation, System, Tensor, is_plain
from .algebra import OPERATIONS, generators, operations, tidy

WORTH = 40  # an expression larger than this is not tried


@dataclass(frozen=True)
class Definition:
    """`tensor[letters] = body`, true at every cell where the guards hold."""

    tensor: str
    letters: tuple[Index, ...]
    body: Expr
    guard: tuple[Basic, ...] = ()

    def at(self, indices: tuple[Expr, ...], guards: tuple[Basic, ...]) -> Expr | None:
        """The body at a cell; None where the guards do not say that it holds there."""
        binding = dict(zip(self.letters, indices))
        if not all(g in (True, *guards) for g in (g.xreplace(binding) for g in self.guard)):
            return None
        return self.body.xreplace(binding)


@dataclass(frozen=True)
class Relations:
    """Every pointwise definition of a system, indexed by what it defines and by what it reads."""

    tensors: Mapping[str, Tensor]
    by_name: Mapping[str, Definition]
    readers: Mapping[object, tuple[Definition, ...]]   # by tensor name, and by function head
    order: Mapping[str, int]
    by_function: Mapping[type, tuple[Definition, ...]] = field(default_factory=dict)
    guarded: Mapping[str, tuple[Definition, ...]] = field(default_factory=dict)  # definitions that hold under guards

    def worthy(self, name: str) -> bool:
        """May the tensor stand in a formula for a person to read?"""
        tensor = self.tensors.get(name)
        return tensor is None or tensor.named or bool(tensor.label)

    def expand(self, access: Access, guards: tuple[Basic, ...] = ()) -> Expr | None:
        """The definition of a cell, where there is a pointwise one; also one that holds under the guards."""
        definition = self.by_name.get(access.name)
        if definition is not None:
            return definition.at(access.indices, ())
        found = (d.at(access.indices, guards) for d in self.guarded.get(access.name, ()))
        return next((body for body in found if body is not None), None) if guards else None


def relations(system: System, usable: set[str] | None = None) -> Relations:
    """Collect the definitions of `system`; with `usable`, only tensors of that set are taken."""
    by_name: dict[str, Definition] = {}
    readers: dict[object, list[Definition]] = {}
    by_function: dict[type, list[Definition]] = {}
    guarded: dict[str, tuple[Definition, ...]] = {}
    for eq in system.equations:
        if usable is not None and eq.tensor not in usable:
            continue
        definition = pointwise(eq)
        if definition is None:
            guarded[eq.tensor] = tuple(d for d in piecewise(eq) if operations(d.body) <= WORTH)
            for piece in guarded[eq.tensor]:
                if piece.body.is_Function:
                    by_function.setdefault(piece.body.func, []).append(piece)
            continue
        if operations(definition.body) > WORTH:
            continue
        by_name[eq.tensor] = definition
        for key in {_key(g) for g in generators(definition.body)} | {a.name for a in reads(definition.body)}:
            readers.setdefault(key, []).append(definition)
        if definition.body.is_Function:
            by_function.setdefault(definition.body.func, []).append(definition)
    order = {eq.tensor: n for n, eq in enumerate(system.equations)}

    def preference(definition: Definition) -> tuple[bool, bool]:
        tensor = system.tensors[definition.tensor]
        return not tensor.complement, not tensor.named

    return Relations(
        system.tensors,
        by_name,
        {n: tuple(sorted(r, key=preference)) for n, r in readers.items()},
        order,
        {f: tuple(d) for f, d in by_function.items()},
        guarded,
    )


def _key(atom: Expr) -> object:
    """Under what a definition is found that reads an access, or a function of accesses."""
    return atom.name if isinstance(atom, Access) else atom.func


def pointwise(eq: Equation) -> Definition | None:
    """The equation as one expression per cell, if no term reduces, scatters or is guarded."""
    if eq.reduce != "sum" or not eq.terms:
        return None
    letters = eq.terms[0].write
    bodies = []
    for term in eq.terms:
        if term.guard or not is_plain(term):
            return None
        bodies.append(term.body.xreplace(dict(zip(term.write, letters))))
    return Definition(eq.tensor, letters, Add(*bodies))


def piecewise(eq: Equation) -> list[Definition]:
    """The equation as one expression for each set of guards, of which only one holds at a cell."""
    if eq.reduce != "sum" or not all(map(is_plain, eq.terms)):
        return []
    cases: dict[frozenset, list[Expr]] = {}
    letters = eq.terms[0].write if eq.terms else ()
    for term in eq.terms:
        same = dict(zip(term.write, letters))
        guard = frozenset(g.xreplace(same) for g in term.guard)
        cases.setdefault(guard, []).append(term.body.xreplace(same))
    if not all(contradict((*a, *b)) for a, b in combinations(cases, 2)):
        return []
    return [Definition(eq.tensor, letters, Add(*b), tuple(sorted(guard, key=str))) for guard, b in cases.items()]


def solve_for(atom: Expr, definition: Definition) -> tuple[Expr, bool] | None:
    """The value of an access or a function in terms of the tensor that `definition` defines from it, and whether the
    relation is a monomial.

    None where the relation does not determine it: an index of the definition is left open, or there are several roots.
    """
    for pattern in generators(definition.body):
        binding = _match(pattern, atom, definition.letters)
        if binding is None:
            continue
        whole = Access(definition.tensor, *(binding[i] for i in definition.letters))
        hole = Dummy("hole", real=True)
        body = definition.body.xreplace(binding).xreplace({atom: hole})
        rest, dependent = body.as_independent(hole, as_Add=True)
        coefficient, power = dependent.as_independent(hole, as_Add=False)
        if power == hole:
            return (whole - rest) / coefficient, rest == 0
        if power == 1 / hole:
            return coefficient / (whole - rest), rest == 0
    return None


def _match(pattern: Expr, target: Expr, letters: tuple[Index, ...]) -> dict | None:
    """Bind `letters` so that `pattern` becomes `target` (pattern variables bind indices, never sizes)."""
    if _key(pattern) != _key(target):
        return None
    ours, theirs = reads(pattern), reads(target)
    if [a.name for a in ours] != [a.name for a in theirs]:
        return None
    binding: dict = {}
    for p, t in zip(ours, theirs):
        for i, j in zip(p.indices, t.indices):
            if i in letters and binding.setdefault(i, j) != j:
                return None
    return binding if set(letters) <= set(binding) and pattern.xreplace(binding) == target else None


def named_functions(body: Expr, table: Relations, itself: str = "", guards: tuple[Basic, ...] = ()) -> Expr:
    """Replace a function of accesses by the tensor that is defined as exactly that; also through its complement.

    `sech(z)**2` becomes `1 - h**2` where `h = tanh(z)`, `sigmoid(-z)` becomes `1 - s` where `s = sigmoid(z)`.
    """
    mapping: dict[Expr, Expr] = {}
    for atom in generators(body):
        if not atom.is_Function:
            continue
        found = _lookup(atom, table, itself, guards)
        if found is None:
            found = _complement(atom, table, itself, guards)
        if found is not None:
            mapping[atom] = found
    for power in sorted(body.atoms(Pow), key=str):
        found = _complement(power, table, itself, guards)
        if found is None:
            found = _power_of_named(power, table, itself)
        if found is not None:
            mapping[power] = found
    return body.xreplace(mapping) if mapping else body


def _complement(atom: Expr, table: Relations, itself: str, guards: tuple[Basic, ...]) -> Expr | None:
    other = complement_of(atom)
    if other is None:
        return None
    inside = {f: _lookup(f, table, itself, guards) for f in generators(other) if f.is_Function}
    if not inside or any(v is None for v in inside.values()):
        return None
    return other.xreplace(inside)


def _power_of_named(power: Pow, table: Relations, itself: str) -> Expr | None:
    """`v**(-1/2)` is `1/f` and `x**-2` is `f**2` where `f = v**(1/2)`, `f = 1/x`."""
    base, exponent = power.args
    if not isinstance(base, Access) or not exponent.is_Rational:
        return None
    for definition in table.readers.get(base.name, ()):
        body = definition.body
        if definition.tensor == itself or not isinstance(body, Pow) or not body.exp.is_Rational:
            continue
        if not table.worthy(definition.tensor):
            continue
        binding = _match(body.base, base, definition.letters)
        if binding is None or not (exponent / body.exp).is_Integer:
            continue
        value = Access(definition.tensor, *(binding[i] for i in definition.letters)) ** (exponent / body.exp)
        if operations(value) < operations(power):
            return value
    return None


def _lookup(atom: Expr, table: Relations, itself: str, guards: tuple[Basic, ...]) -> Access | None:
    for definition in table.by_function.get(atom.func, ()):
        if definition.tensor == itself or not table.worthy(definition.tensor):
            continue
        binding = _match(definition.body, atom, definition.letters)
        if binding is not None and definition.at(tuple(binding[i] for i in definition.letters), guards) is not None:
            return Access(definition.tensor, *(binding[i] for i in definition.letters))
    return None


def eliminate(body: Expr, table: Relations, itself: str, additive: bool) -> Expr:
    """Express `body` in worthy tensors as far as that makes it shorter. `itself` is the tensor being defined.

    With `additive`, additive relations and forward inlining act too, and functions are expressed by tensors that
    were made from them (display form).
    """
    for atom in _pieces(body, table) + (_functions(body) if additive else []):
        if not body.has(atom):
            continue
        options = [body]
        for value in _values(atom, table, itself, additive, depth=4):
            candidate = tidy(body.xreplace({atom: value}))
            if operations(candidate) <= OPERATIONS and not _new_divisor(candidate, body):
                options.append(candidate)
        body = min(options, key=lambda e: (len(_pieces(e, table)), operations(e)))
    return tidy(body)


def _pieces(body: Expr, table: Relations) -> list[Expr]:
    """The accesses to eliminate, the ones defined last first."""
    found = [a for a in reads(body) if not table.worthy(a.name)]
    return sorted(found, key=lambda a: (-len(a.indices), -table.order.get(a.name, -1), str(a)))


def _functions(body: Expr) -> list[Expr]:
    return [g for g in generators(body) if g.is_Function and reads(g)]


def _values(atom: Expr, table: Relations, itself: str, additive: bool, depth: int) -> Iterator[Expr]:
    """What a piece is worth: through the tensors that read it, and (display form) by its own definition."""
    if additive and isinstance(atom, Access):
        inlined = table.expand(atom)
        if inlined is not None:
            yield inlined
    if depth == 0:
        return
    for definition in table.readers.get(_key(atom), ()):
        if definition.tensor == itself:
            continue
        solved = solve_for(atom, definition)
        if solved is None or not (solved[1] or additive):
            continue
        value = solved[0]
        if table.worthy(definition.tensor):
            yield value
            continue
        whole = next(a for a in reads(value) if a.name == definition.tensor)
        for outer in _values(whole, table, itself, additive, depth - 1):
            if not outer.has(atom):
                yield value.xreplace({whole: outer})


def _new_divisor(candidate: Expr, plain: Expr) -> bool:
    """Does the candidate divide by an access that the plain form does not divide by? (It may be 0 there.)"""
    return bool(divisors(candidate) - divisors(plain))


def divisors(expr: Expr) -> set[Expr]:
    denominator = fraction(together(expr))[1] if operations(expr) < OPERATIONS else Mul(*expr.atoms(Pow))
    return {a for a in reads(denominator) if index_symbols(a) or not a.indices}
