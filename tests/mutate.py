"""Wrong derivatives on purpose: one defect in one adjoint equation. A law that does not see them is no law."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sympy import Integer

from symgrad.ir.access import Access
from symgrad.ir.system import Call, Equation, System, Term


def _scaled(by: int) -> Callable[[Equation], Iterator[Equation]]:
    def change(eq: Equation) -> Iterator[Equation]:
        first, *rest = eq.terms
        yield replace(eq, terms=(replace(first, body=first.body * Integer(by)), *rest))

    return change


def _lost_term(eq: Equation) -> Iterator[Equation]:
    if len(eq.terms) > 1:
        yield replace(eq, terms=eq.terms[1:])


def _swapped_index(eq: Equation) -> Iterator[Equation]:
    """A[i, j] becomes A[j, i] where both indices have one size."""
    for position, term in enumerate(eq.terms):
        for access in term.value_reads():
            if len(access.indices) == 2 and _swappable(term, *access.indices):
                other = Access(access.name, *access.indices[::-1])
                changed = replace(term, body=term.body.xreplace({access: other}))
                yield replace(eq, terms=(*eq.terms[:position], changed, *eq.terms[position + 1 :]))


def _swappable(term: Term, first, second) -> bool:
    sizes = term.sizes
    return first in sizes and second in sizes and first != second and sizes[first] == sizes[second]


def _lost_guard(eq: Equation) -> Iterator[Equation]:
    for position, term in enumerate(eq.terms):
        if term.guard and _stays_in_range(term):
            changed = replace(term, guard=term.guard[1:])
            yield replace(eq, terms=(*eq.terms[:position], changed, *eq.terms[position + 1 :]))


def _stays_in_range(term: Term) -> bool:
    """Every position is a plain index: nothing leaves its axis when a guard goes."""
    positions = [*term.write, *(i for a in term.value_reads() for i in a.indices)]
    return all(p in term.indices for p in positions)


MUTATIONS: dict[str, Callable[[Equation], Iterator[Equation]]] = {
    "a factor too many": _scaled(2),
    "a wrong sign": _scaled(-1),
    "a lost term": _lost_term,
    "a swapped index": _swapped_index,
    "a lost guard": _lost_guard,
}


def mutants(primal: System, derived: System, kind: str) -> Iterator[System]:
    """`derived` with one of its equations that `primal` does not have changed."""
    own = {eq.tensor for eq in primal.equations}
    for position, eq in enumerate(derived.equations):
        if eq.tensor in own or isinstance(eq, Call):
            continue
        for changed in MUTATIONS[kind](eq):
            yield derived.with_equations((*derived.equations[:position], changed, *derived.equations[position + 1 :]))
