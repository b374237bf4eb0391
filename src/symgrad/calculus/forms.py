"""The display and the kernel form of a System, and a scalar's value as one expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sympy import Add, Basic, Expr

from ..functions import ROWS, stop
from ..ir.access import Access, reads
from ..ir.recurrence import arranged
from ..ir.system import Equation, Step, System
from .algebra import OPERATIONS, operations, tidy
from .complement import one_minus
from .gather import gathered
from .hoist import hoist
from .join import align, is_factor, join, sort_domain
from .near_one import near_one
from .prefix import PREFIX, prefixed
from .relations import Relations, relations
from .rewrite import Rule, derived
from .shift import shift_first
from .simplify import close
from .stable import RULE as STABLE

LEAF = 8  # a closed form of at most so many operations is written out in the outputs


def display_form(system: System) -> System:
    """The closed forms that a person reads; the `log` is the derivation, the raw adjoints included."""
    return _readable(close(system, display=True))


def kernel_form(system: System) -> System:
    """The raw form plus rules that lose no accuracy."""
    return hoist(gathered(prefixed(near_one(shift_first(one_minus(close(system, display=False)))))))


def _readable(system: System) -> System:
    """The model's own equations as the user wrote them, and short closed forms written out in the outputs."""
    table = relations(system)
    written = {step.before[0].tensor: step.before[0] for step in system.log if step.rule in (STABLE, PREFIX)}
    equations = {eq.tensor: _together(written.get(eq.tensor, eq), table) for eq in system.equations}
    steps = list(system.log)
    wanted = [name for name in system.outputs if name in equations]
    made = derived(system.log)
    leaves = {name: equations[name] for name in made if _is_leaf(equations.get(name), made)}
    for name in wanted:
        step = LEAVES.step((system.tensors, dict(leaves)), (equations[name],))
        if step.after != step.before:
            (equations[name],) = step.after
            steps.append(step)
            if name in made and _is_leaf(equations[name], made):
                leaves[name] = equations[name]
    return replace(system, equations=arranged(tuple(equations.values())), log=tuple(steps))


def _together(eq: Equation, table: Relations) -> Equation:
    """The opposite of `split`: pieces that are defined cell by cell are written out."""
    return eq.with_terms(replace(t, body=_plain(_written_out(t.body, table, t.guard))) for t in eq.terms)


def _plain(body: Expr) -> Expr:
    """A weight times a logarithm is written as the product that it is, and a sign, whose derivative nobody asks for
    here, without its stop."""
    weighted, sign = ROWS["weighted"].head, ROWS["sign"].head
    shown = body.replace(lambda e: isinstance(e, stop) and isinstance(e.args[0], sign), lambda e: e.args[0])
    return shown.replace(lambda e: isinstance(e, weighted), lambda e: e.args[0] * e.args[1])


def _written_out(body: Expr, table: Relations, guards: tuple[Basic, ...] = ()) -> Expr:
    for access in reads(body):
        inside = None if table.worthy(access.name) else table.expand(access, guards)
        if inside is not None:
            candidate = body.xreplace({access: inside})
            if operations(candidate) <= OPERATIONS:
                return _written_out(candidate, table, guards)
    return body


def _is_leaf(eq: Equation | None, made: Mapping[str, Step]) -> bool:
    """A derived tensor whose closed form is short, reduces nothing and reads no other derived tensor."""
    if eq is None or len(eq.terms) != 1 or eq.terms[0].reduced or eq.terms[0].guard:
        return False
    body = eq.terms[0].body
    return operations(body) <= LEAF and not any(a.name in made for a in reads(body))


def _write_out(context, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    tensors, leaves = context
    (eq,) = before
    terms = []
    for term in eq.terms:
        for access in term.value_reads():
            if access.name in leaves and access.name != eq.tensor and is_factor(term, access):
                (term,) = join(term, access, leaves[access.name], tensors[access.name])
        terms.append(sort_domain(align(term, tensors[eq.tensor].letters)))
    return (eq.with_terms(terms),)


LEAVES = Rule("write the short closed form out", _write_out)



def in_inputs(system: System, name: str) -> Expr:
    """The value of a rank-0 tensor as one expression in what no equation writes. Every equation must be rank 0."""
    values: dict[Expr, Expr] = {}
    for eq in system.equations:
        if all(t.write == () and not t.domain and not t.guard for t in eq.terms) and eq.reduce == "sum":
            values[Access(eq.tensor)] = Add(*(t.body.xreplace(values) for t in eq.terms))
    return tidy(values[Access(name)])
