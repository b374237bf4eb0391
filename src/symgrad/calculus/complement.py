"""Value-safe complements: `P - Y` is never computed as a difference where P may be close to 1.

For a tensor P with a complement Q = 1 - P that is computed without cancellation,

    A P - B = (A - B) P - B Q,

whose right side loses nothing when P is near 1 and Y is 0 or 1: with one-hot labels it is exactly -Q at the label, and
the diagonal p - p p of a softmax's Jacobian is p Q.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul, Ne, S

from ..functions import complement_of, where
from ..ir.access import Access, Index, Size, reads
from ..ir.system import Equation, System, Tensor, Term
from .algebra import generators, linear_in, tidy
from .relations import Relations, pointwise, relations
from .rewrite import Rule


@dataclass(frozen=True)
class Look:
    """What `complement` looks at."""

    tensors: Mapping[str, Tensor]
    table: Relations


Fits = Callable[[Expr, Expr, Expr, Look], bool]  # may the cell `at` of A P and -B be carved out?


def keep_complements(context, before: tuple[Equation, ...]):
    """The rule: single bodies first, then a dense term with a term written at labels."""
    eq = before[-1]
    terms = [replace(t, body=_in_body(t.body, context)) for t in eq.terms]
    terms = list(_carved(terms, context, _at_label))
    return (replace(eq, terms=tuple(terms)),), []


def one_minus(system: System) -> System:
    """Kernel form: a tensor that is defined as 1 - P, cell by cell, is computed as P's complement."""
    table = relations(system)
    context = Look(system.tensors, table)
    steps = [ONE_MINUS.step(context, (eq,)) for eq in system.equations]
    changed = tuple(s for s in steps if s.before != s.after)
    return replace(system, equations=tuple(s.after[0] for s in steps), log=(*system.log, *changed))


def on_diagonals(system: System) -> System:
    """The last step of the kernel form: a dense term and a term on its diagonal that cancel where P is 1. Structured
    derivatives are made before it, because a diagonal and a matrix of rank one are solved with apart."""
    context = Look(system.tensors, relations(system))
    steps = [DIAGONAL.step(context, (eq,)) for eq in system.equations]
    changed = tuple(s for s in steps if s.before != s.after)
    return replace(system, equations=tuple(s.after[0] for s in steps), log=(*system.log, *changed))


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


def _on_diagonal(context: Look, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    (eq,) = before
    return (eq.with_terms(_carved(eq.terms, context, _at_equal)),) if len(eq.terms) > 1 else before


DIAGONAL = Rule("complement: A P - A on a diagonal is -A (1 - P)", _on_diagonal, ONE_MINUS.cite)


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
        power = _least_power(body, atom)
        parts = linear_in((body / atom**power).expand() if power else body, atom)
        if parts is None:
            continue
        a, b = parts[0], -parts[1]
        if b == 0 or _complemented(b, context) or _smaller(b, a):
            continue
        return atom**power * (tidy(a - b) * atom - b * complement(atom, context))
    return body


def _smaller(b: Expr, a: Expr) -> bool:
    """Is b/a made of numbers and sizes and at most 1/2, as 1/(10 K)? Then A P - B is far from 0 where P is near 1."""
    number, rest = tidy(b / a).as_coeff_Mul()
    sizes = rest.as_powers_dict()
    if not all(isinstance(s, Size) and power.is_number for s, power in sizes.items() if s != 1):
        return False
    return bool(number < 0 or (number <= S.Half and all(power <= 0 for s, power in sizes.items() if s != 1)))


def _least_power(body: Expr, atom: Expr) -> int:
    """How often `atom` is a factor of every addend: once in P - P^2. A power P^n counts as none."""
    addends = Add.make_args(body.expand() if isinstance(body, Mul) else body)
    powers = [a.as_powers_dict().get(atom, S.Zero) for a in addends]
    return min(int(p) if p.is_Integer else 0 for p in powers)


def _complemented(body: Expr, context) -> list[Expr]:
    """The atoms of a body that have a complement."""
    return [g for g in generators(body) if complement(g, context) is not None]


def _carved(terms: Sequence[Term], context, fits: Fits) -> Iterator[Term]:
    """A P in all cells and -B in few, as at [n, y[n]] or on the diagonal: where both write, the cell is carved out of
    the dense term."""
    pair = _pair(terms, context, fits)
    if pair is None:
        yield from terms
        return
    dense, few, axis, atom, a = pair
    here = {dense.write[axis]: few.write[axis]}
    p, b = atom.xreplace(here), -few.body
    yield replace(dense, guard=(*dense.guard, Ne(dense.write[axis], few.write[axis])))
    yield replace(few, body=_difference(a.xreplace(here), b, context) * p - b * complement(p, context))
    yield from (t for t in terms if t is not dense and t is not few)


def _pair(terms: Sequence[Term], context, fits: Fits):
    """A dense term A P, linear in a P along the axis in which the other writes few cells; that one, -B; axis, P, A."""
    for dense in terms:
        atoms = [a for a in _complemented(dense.body, context) if isinstance(a, Access)]
        for few in terms:
            axis = _carved_axis(dense, few)
            if axis is None:
                continue
            index, at = dense.write[axis], few.write[axis]
            for atom in (a for a in atoms if index in a.indices):
                parts = linear_in(dense.body, atom)
                if parts is not None and parts[1] == 0 and fits(at, parts[0].xreplace({index: at}), -few.body, context):
                    return dense, few, axis, atom, parts[0]
    return None


def _at_label(at: Expr, a: Expr, b: Expr, context) -> bool:
    return bool(at.atoms(Access))


def _at_equal(at: Expr, a: Expr, b: Expr, context) -> bool:
    """On a diagonal, A P and -B cancel near P = 1 only if A and B are equal."""
    return isinstance(at, Index) and _difference(a, b, context) == 0


def _difference(a: Expr, b: Expr, context) -> Expr:
    """a - b, and 0 where that shows only once definitions are written out."""
    short = tidy(a - b)
    return S.Zero if short != 0 and tidy(_in_model(short, context)) == 0 else short


def _in_model(expr: Expr, context) -> Expr:
    """What is defined cell by cell is written out: a share of a softmax as e/S."""
    for access in reads(expr):
        inside = context.table.expand(access)
        if inside is not None and not inside.is_Function:
            return _in_model(expr.xreplace({access: inside}), context)
    return expr


def _carved_axis(dense: Term, few: Term) -> int | None:
    """The one axis at which `few` writes a cell that data or another index say, and `dense` an index of its own; the
    others agree."""
    if dense is few or dense.reduced or few.reduced or len(dense.write) != len(few.write):
        return None
    if set(dense.guard) != set(few.guard):  # the cell is carved out where the other writes, and only there
        return None
    axes = [n for n, (d, w) in enumerate(zip(dense.write, few.write)) if d != w]
    index = dense.write[axes[0]] if len(axes) == 1 else None
    if not isinstance(index, Index) or dense.write.count(index) > 1:
        return None
    return axes[0] if set(few.indices) == set(dense.indices) - {index} else None  # one cell for each row, not several
