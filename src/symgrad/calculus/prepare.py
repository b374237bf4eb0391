"""From a program as written to its raw form: derivatives inside the model resolved, naive spellings replaced, products
over all that stands before as recurrences.

An equation may read `diff(u[n], x[n])`. It becomes a read of a derived tensor, made by a reverse sweep over the
equations before it. An axis along which u[n] depends on x[n] alone (`ir.locality` proves it) is shared: the sweep costs
a few evaluations of u, not one for each n. Without that proof the whole Jacobian is derived, and its cell read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import DifferentiationError, explain
from ..functions import diff
from ..ir.access import Access, Index, fresh_names, sort_key
from ..ir.locality import followed
from ..ir.system import Equation, System
from .prefix import prefixed
from .reverse import jacobian
from .rewrite import Rule
from .stable import Prepared

RULE = Rule("derivative inside the model", lambda context, before: (_with_reads(before[0], dict(context)),))


def prepare(system: System, independent: Iterable[str] = ()) -> System:
    """The raw form of `system`. Definitions of `independent` tensors are not looked through.

    Raises DifferentiationError for a derivative by what the tensor does not depend on, or at a jump.
    """
    inside = {a.args[1].name for eq in system.equations for a in _derivatives(eq)}
    done = Prepared(replace(system, equations=()), frozenset({*independent, *inside}))
    for eq in system.equations:
        reads: dict[diff, Access] = {}
        while pending := _derivatives(_with_reads(eq, reads)):
            extended, read = _derived(done.system, pending[0], eq)
            done, reads = replace(done, system=extended), {**_resolved(reads, pending[0], read), pending[0]: read}
        if reads:
            step = RULE.step(tuple(reads.items()), (eq,))
            done = replace(done, system=replace(done.system, log=(*done.system.log, step)))
            (eq,) = step.after
        done = done.extended(eq)
    return prefixed(done.system, ("prod",))


def _derivatives(eq: Equation) -> list[diff]:
    """Those of reads: in `diff(diff(u, x), x)` the inner one first."""
    found = {a for t in eq.terms for e in t.expressions() for a in e.atoms(diff)}
    return sorted((a for a in found if isinstance(a.args[0], Access)), key=sort_key)


def _resolved(reads: dict, atom: diff, read: Access) -> dict:
    return {key: value.xreplace({atom: read}) for key, value in reads.items()}


def _with_reads(eq: Equation, reads: dict) -> Equation:
    """`eq` with each derivative read from the tensor that holds it, innermost first."""
    for atom, read in reads.items():
        eq = eq.with_terms(t.map(lambda e, pair={atom: read}: e.xreplace(pair)) for t in eq.terms)
    return eq


def _derived(system: System, atom: diff, eq: Equation) -> tuple[System, Access]:
    """The system with the derivative of the atom's tensor, and the read of the cell in question."""
    of, by = atom.args
    shared = _shared_axes(system, of, by, eq)
    pattern = next(fresh_names(system.tensors, f"d{of.name}_d{by.name}"))
    outputs = system.outputs
    try:
        system = jacobian(system, of.name, [by.name], pattern, shared)
    except DifferentiationError as error:
        raise DifferentiationError(explain(str(error).splitlines()[0], eq.source)) from None
    lead = [place for axis, place in enumerate(of.indices) if axis not in shared]
    return replace(system, outputs=outputs), Access(pattern, *lead, *by.indices)


def _shared_axes(system: System, of: Access, by: Access, eq: Equation) -> tuple[int, ...]:
    """The axes of `of` whose index is one of `by` too, where each entry depends on its own entry only."""
    shared = []
    for axis, place in enumerate(by.indices):
        follows = followed(system, by.name, axis)
        if of.name not in follows:
            summary = f"{of.name} does not depend on {by.name}: the derivative would be 0 everywhere."
            raise DifferentiationError(explain(summary, eq.source, fix="Write diff(what depends, what it depends on)."))
        position = follows[of.name]
        if position is not None and isinstance(place, Index) and of.indices[position] == place:
            shared.append(position)
    return tuple(dict.fromkeys(shared))

