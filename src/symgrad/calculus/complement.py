"""Value-safe complements: `P - Y` is never computed as a difference where P may be close to 1.

For a tensor P with a complement Q = 1 - P that is computed without cancellation,

    A P - B = (A - B) P - B Q,

whose right side loses nothing when P is near 1 and Y is 0 or 1: with one-hot labels it is exactly -Q at the label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import Expr, Ne

from ..functions import complement_of, where
from ..ir.access import Access, Index, reads
from ..ir.system import Equation, System, Tensor, Term
from .algebra import generators, linear_in, tidy
from .relations import Relations, pointwise, relations
from .rewrite import Rule


def keep_complements(context, before: tuple[Equation, ...]):
    """The rule: single bodies first, then a dense term with a term written at labels."""
    eq = before[-1]
    terms = [replace(t, body=_in_body(t.body, context)) for t in eq.terms]
    terms = list(_at_labels(terms, context))
    return (replace(eq, terms=tuple(terms)),), []


def one_minus(system: System) -> System:
    """Kernel form: a tensor that is defined as 1 - P, cell by cell, is computed as P's complement."""
    table = relations(system)
    context = Look(system.tensors, table)
    steps = [ONE_MINUS.step(context, (eq,)) for eq in system.equations]
    changed = tuple(s for s in steps if s.before != s.after)
    return replace(system, equations=tuple(s.after[0] for s in steps), log=(*system.log, *changed))


@dataclass(frozen=True)
class Look:
    """What `complement` looks at."""

    tensors: Mapping[str, Tensor]
    table: Relations


def _one_minus(context: Look, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    (eq,) = before
    definition = pointwise(eq)
    other = None if definition is None else 1 - definition.body
    if other is None or not (isinstance(other, Access) or other.is_Function):
        return before
    value = complement(other, context)
    if value is None or any(a.name == eq.tensor for a in reads(value)):
        return before
    return (replace(eq, terms=(replace(eq.terms[0], body=value),)),)


ONE_MINUS = Rule("complement: 1 - P is computed without the difference", _one_minus,
                 "Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.7")  # fmt: skip


def complement(atom: Expr, context) -> Expr | None:
    """1 - P without cancellation: P's complement tensor, or the complement of the function that P is."""
    if not isinstance(atom, Access):
        return function_complement(atom)
    tensor = context.tensors.get(atom.name)
    if tensor is None:
        return None
    if tensor.complement in context.tensors:
        return _written_out(Access(tensor.complement, *atom.indices), context)
    definition = context.table.expand(atom)
    return None if definition is None else function_complement(definition)


def _written_out(expr: Expr, context) -> Expr:
    """Definitions put in as long as they are rational or a choice: at a label, one cell is computed, not a tensor."""
    for access in reads(expr):
        inside = None if context.table.worthy(access.name) and access != expr else context.table.expand(access)
        if inside is not None and (not inside.is_Function or isinstance(inside, where)):
            return _written_out(expr.xreplace({access: inside}), context)
    return expr


def function_complement(expr: Expr) -> Expr | None:
    """f(-x) where the table says that f(-x) = 1 - f(x), as for sigmoid and the normal distribution function."""
    if not expr.is_Function or len(expr.args) != 1:
        return None
    mirrored = expr.func(-expr.args[0])
    return mirrored if complement_of(mirrored) == 1 - expr else None


def _in_body(body: Expr, context) -> Expr:
    for atom in _complemented(body, context):
        parts = linear_in(body, atom)
        if parts is None:
            continue
        a, b = parts[0], -parts[1]
        if b == 0 or _complemented(b, context):
            continue
        return tidy(a - b) * atom - b * complement(atom, context)
    return body


def _complemented(body: Expr, context) -> list[Expr]:
    """The atoms of a body that have a complement."""
    return [g for g in generators(body) if complement(g, context) is not None]


def _at_labels(terms: list[Term], context) -> Iterator[Term]:
    """A P at [n, k] and -B at [n, y[n]]: the cell of the label is carved out of the dense term."""
    pair = _pair(terms, context)
    if pair is None:
        yield from terms
        return
    dense, label, axis, atom, a = pair
    index = dense.write[axis]
    at = label.write[axis]
    here = {index: at}
    p, a_here, b = atom.xreplace(here), a.xreplace(here), -label.body
    rest = complement(p, context)
    yield replace(dense, guard=(*dense.guard, Ne(index, at)))
    yield replace(label, body=tidy(a_here - b) * p - b * rest)
    yield from (t for t in terms if t is not dense and t is not label)


def _pair(terms: list[Term], context):
    for dense in terms:
        atoms = [a for a in _complemented(dense.body, context) if isinstance(a, Access)]
        for label in terms:
            axis = _label_axis(dense, label)
            if axis is None:
                continue
            for atom in atoms:
                parts = linear_in(dense.body, atom)
                if parts is not None and parts[1] == 0 and dense.write[axis] in atom.indices:
                    return dense, label, axis, atom, parts[0]
    return None


def _label_axis(dense: Term, label: Term) -> int | None:
    """The one axis at which `label` writes a data-dependent cell and `dense` a plain index; the others agree."""
    if dense is label or dense.reduced or label.reduced or len(dense.write) != len(label.write):
        return None
    if set(dense.guard) != set(label.guard):  # the cell is carved out where the label is, and only there
        return None
    axes = [n for n, (d, w) in enumerate(zip(dense.write, label.write)) if d != w]
    if len(axes) != 1 or not isinstance(dense.write[axes[0]], Index):
        return None
    if set(label.indices) != set(dense.indices) - {dense.write[axes[0]]}:  # one label for each row, not several
        return None
    return axes[0] if label.write[axes[0]].atoms(Access) else None

