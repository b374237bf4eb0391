"""The shift of a logsumexp is subtracted first: `(u - c) - log(S)`, never `u - (c + log(S))`.

    c = max_k u_k,   S = sum_k exp(u_k - c)   =>   u_j - logsumexp(u) = (u_j - c) - log(S)

Where u_j is the largest, u_j - c is exactly 0 and the tiny log(S) is the answer; added to c first, it is lost. Each
difference becomes a term of its own, because a sum of scalars has no order. Kernel form only.
Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions (2021), section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sympy import Add, Basic, Expr

from ..functions import finite, stop
from ..ir.access import Access, Index, reads, sort_key
from ..ir.system import Equation, System, Term
from .algebra import OPERATIONS, linear_in, operations
from .relations import Relations, relations
from .rewrite import Rule


@dataclass(frozen=True)
class Look:
    """What the rule looks at: definitions, and the equation of each maximum."""

    table: Relations
    maxima: Mapping[str, Equation]


def shift_first(system: System) -> System:
    """The system with u - c computed before anything is added to it."""
    maxima = {eq.tensor: eq for eq in system.equations if eq.reduce == "max" and len(eq.terms) == 1}
    if not maxima:
        return system
    context = Look(relations(system), maxima)
    steps = [RULE.step(context, (eq,)) for eq in system.equations]
    changed = tuple(s for s in steps if s.before != s.after)
    return replace(system, equations=tuple(s.after[0] for s in steps), log=(*system.log, *changed))


def _apart(context: Look, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    (eq,) = before
    if eq.reduce != "sum":
        return before
    terms = tuple(_terms(eq.terms, context))
    return before if terms == eq.terms else (eq.with_terms(terms),)


def _terms(terms: Iterable[Term], context: Look) -> Iterator[Term]:
    """Terms of one domain are one sum of scalars; where it holds a difference, that is a term, and the rest is one."""
    for _, same in groupby(terms, key=lambda t: (t.write, t.domain, t.guard)):
        group = list(same)
        total = Add(*(_written_out(t.body, context) for t in group))
        found = _difference(total, context) if operations(total) <= OPERATIONS else None
        if found is None:
            yield from group
            continue
        rest, differences = total, []
        while found is not None:
            rest, difference = found
            differences.append(difference)
            found = _difference(rest, context)
        yield from (replace(group[0], body=body) for body in (*differences, rest) if body != 0)


def _written_out(body: Expr, context: Look) -> Expr:
    """A read of c + log(S), as that sum: the value of a logsumexp is a tensor where it was differentiated."""
    found = {access: context.table.expand(access) for access in reads(body)}
    sums = {a: e for a, e in found.items() if isinstance(e, Add) and any(_is_shift(p, context) for p in e.args)}
    return body.xreplace(sums) if sums else body


def _difference(total: Expr, context: Look) -> tuple[Expr, Expr] | None:
    """(rest, a*(u - c)) with total = rest + a*(u - c); None where there is no such pair, or nothing beside it."""
    for c in sorted((f for f in total.atoms(stop) if _is_shift(f, context)), key=sort_key):
        parts = linear_in(total.expand(), c)
        if parts is None:
            continue
        for u in (a for a in reads(parts[1]) if _shifts(c, a, context)):
            beside = linear_in(parts[1], u)
            if beside is not None and (beside[0] + parts[0]).expand() == 0 and beside[1] != 0:
                return beside[1], beside[0] * (u - c)
    return None


def _is_shift(expr: Basic, context: Look) -> bool:
    inside = expr.args[0] if isinstance(expr, stop) else expr
    return expr != inside and isinstance(inside, finite) and getattr(inside.args[0], "name", None) in context.maxima


def _shifts(c: Basic, u: Access, context: Look) -> bool:
    """Is u one of the cells whose maximum c is?"""
    maximum: Any = c.args[0].args[0]  # stop(finite(maximum)); its own positions may be reads too
    (term,) = context.maxima[maximum.name].terms
    if not isinstance(term.body, Access) or term.body.name != u.name:
        return False
    at = {p: here for p, here in zip(term.body.indices, u.indices) if isinstance(p, Index)}
    return tuple(w.xreplace(at) for w in term.write) == maximum.indices


RULE = Rule("shift: u - c is subtracted first", _apart,
            "Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021), section 4")  # fmt: skip
