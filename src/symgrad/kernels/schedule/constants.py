"""Tensors whose cells are all the same number: the number stands where they were read.

The derivative of a loss by itself is 1, that of a sum by each of its terms too. As tensors they would cut a pass over
the data in two, because what reads them has to wait for them.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Basic, Expr

from ...ir.access import Access, Index
from ...ir.system import Call, Equation, System
from .units import covers


def without_constants(system: System) -> System:
    """The system with constant tensors read nowhere but by routines; those that nobody needs are gone."""
    values: dict[str, Expr] = {}
    equations: list[Equation | Call] = []
    for eq in system.equations:
        if isinstance(eq, Equation):
            eq = replace(eq, terms=tuple(t.map(lambda e: _replaced(e, values)) for t in eq.terms)) if values else eq
            value = _value(system, eq)
            if value is not None:
                values[eq.tensor] = value
        equations.append(eq)
    used = {n for eq in equations if isinstance(eq, Call) for n in eq.arguments} | {*system.results()}
    kept = tuple(eq for eq in equations if isinstance(eq, Call) or eq.tensor not in values or eq.tensor in used)
    return replace(system, equations=kept)


def _value(system: System, eq: Equation) -> Expr | None:
    """What stands in every cell, if it does not depend on data or place."""
    if eq.reduce != "sum" or len(eq.terms) != 1 or system.tensors[eq.tensor].dtype != "float":
        return None
    (term,) = eq.terms
    plain = not term.guard and covers(term, system.tensors[eq.tensor].shape)
    return term.body if plain and not term.body.atoms(Access, Index) else None


def _replaced(expr: Basic, values: dict[str, Expr]) -> Basic:
    found = {a: values[a.name] for a in expr.atoms(Access) if a.name in values}
    return expr.xreplace(found) if found else expr
