"""Which tensors have a value for each step of a recurrence, and along which axis: what is computed step by step.

Used to cut a recurrence into `segments`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Basic, Expr

from ..errors import RecurrenceError, explain
from ..ir.access import Access, Index, index_symbols
from ..ir.system import Call, Equation, System, Term


def refused(why: str, eq: Equation | Call | None = None) -> RecurrenceError:
    source = eq.source if eq is not None else ""
    fix = "Compute its gradient with all states stored: program.gradient(...).compile()."
    return RecurrenceError(explain(f"the program cannot be cut into segments: {why}.", source, fix=fix))


def along(system: System, size: Expr, axes: dict[str, int]) -> dict[str, int]:
    """tensor -> its ordered axis, for all that is computed step by step: what reads the recurrences at the step that it
    is written at, and what such equations read there."""
    defining = system.defining()
    while True:
        found = {}
        for eq in system.equations:
            for term in eq.terms:
                found |= _reached(system, defining, eq, term, axes, size)
        if found.items() <= axes.items():
            return axes
        axes = {**found, **axes}


def _reached(system: System, defining, eq: Equation | Call, term: Term, axes: Mapping[str, int], size: Expr):
    """Tensors that this term shows to be computed step by step."""
    found: dict[str, int] = {}
    if eq.tensor not in axes:
        for access in term.all_reads():
            step = step_of(access, axes)
            if step in term.write:
                found |= {name: term.write.index(step) for name in eq.writes}  # pyright: ignore[reportArgumentType]
        return found
    step = term.write[axes[eq.tensor]]
    for access in term.all_reads():
        for axis, position in enumerate(access.indices):
            there = defining.get(access.name)
            if position == step and isinstance(there, Equation) and access.name not in axes:
                plain = all(isinstance(t.write[axis], Index) for t in there.terms)
                if plain and system.tensors[access.name].shape[axis] == size:
                    found |= dict.fromkeys(there.writes, axis)
    return found


def step_of(access: Access, axes: Mapping[str, int]) -> Basic | None:
    """The index of the step at which a tensor is read, up to a shift."""
    if access.name not in axes:
        return None
    used = index_symbols(access.indices[axes[access.name]])
    return next(iter(used)) if len(used) == 1 else None
