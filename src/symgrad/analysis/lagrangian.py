"""The Lagrangian as one more equation of a model, its derivative by an unknown, that condition solved for a cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import sympy
from sympy import Add, Dummy, Expr, Mul

from ..calculus import display_form, gradient, prepare
from ..calculus.relations import pointwise
from ..errors import SymgradError, UnknownNameError, did_you_mean
from ..functions import to_sympy
from ..ir.access import Access, Index, Size, index_symbols
from ..ir.system import Equation, Range, System, Tensor, Term
from ..notation import parse
from .systems import written_out

SOURCE = "Nocedal and Wright, Numerical Optimization (2006), theorem 12.1"


@dataclass(frozen=True, eq=False)
class Problem:
    """The model with its Lagrangian `name`, the unknowns, and {constraint: its multiplier}."""

    system: System
    name: str
    unknowns: tuple[str, ...]
    multipliers: tuple[tuple[str, str], ...]


def problem_of(system: System, constraints: tuple[str, ...], wrt: Iterable[str] | None) -> Problem:
    unknowns = tuple(t.name for t in system.declared("parameter")) if wrt is None else tuple(wrt)
    for name in (*constraints, *unknowns):
        if name not in system.tensors:
            raise UnknownNameError(f"{name} is not a tensor of this model. {did_you_mean(name, system.tensors)}")
    goals = [n for n in system.outputs if n not in constraints and system.tensors[n].rank == 0]
    if len(goals) != 1:
        raise SymgradError(f"one scalar output is to be stationary; beside the constraints there are {len(goals)}.")
    taken = {*system.tensors}
    name = next(n for n in ("L", "Lagrangian", *(f"L_{k}" for k in range(99))) if n not in taken)
    pairs = tuple((g, "lam" if len(constraints) == 1 and "lam" not in taken else f"lam_{g}") for g in constraints)
    terms = [Term((), Access(goals[0]), ())]
    tensors = {**system.tensors, name: Tensor(name, ())}
    for g, multiplier in pairs:
        shape = system.tensors[g].shape
        tensors[multiplier] = Tensor(multiplier, shape, role="input", letters=system.tensors[g].letters)
        ranges = tuple(Range(Index(f"{'ijklmn'[k]}"), size) for k, size in enumerate(shape))
        at = tuple(r.index for r in ranges)
        terms.append(Term((), -Access(multiplier, *at) * Access(g, *at), ranges))
    whole = System(tensors, (*system.equations, Equation(name, tuple(terms))), (name,))
    return Problem(whole, name, unknowns, pairs)


@cache
def derived(problem: Problem) -> System:
    """The gradient of the Lagrangian, in its display form."""
    return display_form(gradient(prepare(problem.system, problem.unknowns), problem.name, problem.unknowns))


def condition(problem: Problem, name: str) -> Equation:
    """The derivative of the Lagrangian by one unknown: scalars written out, symmetric tensors in one order of indices,
    a term for each addend."""
    system, prefix = derived(problem), f"d{problem.name}_d"
    adjoints = [e for e in system.equations if e.tensor.startswith(prefix) and isinstance(e, Equation)]
    known = {e.tensor: found for e in adjoints if (found := pointwise(e))}
    eq = system.defining()[prefix + name]
    if not isinstance(eq, Equation):
        raise SymgradError(f"the derivative by {name} is the result of {eq.name}, not a sum of terms.")
    terms = []
    for term in eq.terms:
        body = sympy.expand(_ordered(written_out(term.body, known), problem.system), log=False, power_exp=False)
        terms += [replace(term, body=part) for part in Add.make_args(body)]
    return eq.with_terms(terms)


def symmetric(system: System) -> tuple[str, ...]:
    """The facts that `condition` uses."""
    return tuple(f"{t.name} symmetric" for t in system.tensors.values() if t.has("symmetric"))


def _ordered(body: Expr, system: System) -> Expr:
    """S[j, i] is S[i, j] where S is symmetric."""
    reads = [a for a in body.atoms(Access) if a.name in system.tensors and system.tensors[a.name].has("symmetric")]
    return body.xreplace({a: Access(a.name, *a.indices[:-2], *sorted(a.indices[-2:], key=str)) for a in reads})


# -- a condition that reads each cell alone


def solution(problem: Problem, name: str) -> Expr | None:
    """The unknown's cell as an expression of everything else; None where the condition does not give it."""
    eq = condition(problem, name)
    letters = eq.terms[0].write
    cell = Access(name, *letters)
    whole = Add(*(t.body for t in eq.terms))
    if any(t.reduced or t.guard or t.write != letters for t in eq.terms):
        return None
    if {a for a in whole.atoms(Access) if a.name in problem.unknowns} != {cell}:
        return None
    positive = problem.system.tensors[name].has("positive")
    u = Dummy("u", positive=True) if positive else Dummy("u", real=True)
    reads = {a: Dummy(str(a), real=True) for a in whole.atoms(Access) if a != cell}
    plain = whole.xreplace({**reads, cell: u})
    letters = {a: Dummy(str(a), real=True) for a in plain.atoms(Index, Size)}
    try:
        found = sympy.solve(to_sympy(plain.xreplace(letters)), u)
    except NotImplementedError:
        return None
    back = {d: a for a, d in {**reads, **letters}.items()}
    return found[0].xreplace(back) if len(found) == 1 else None


def cells(problem: Problem, name: str, solved: Expr) -> System:
    """The equation name[...] = solved."""
    return _text_system(problem, [Equation(name, (Term(_letters(problem, name), solved, _ranges(problem, name)),))])


def _letters(problem: Problem, name: str) -> tuple:
    return condition(problem, name).terms[0].write


def _ranges(problem: Problem, name: str) -> tuple[Range, ...]:
    return condition(problem, name).terms[0].domain


def normalised(problem: Problem, name: str, solved: Expr) -> tuple[str, System] | None:
    """(constraint, equations): p = c h, where c holds the multiplier of a constraint sum a p = b and no letter that is
    summed there: then c = b/Z with Z = sum a h. None where no constraint is of that form."""
    for g, multiplier in problem.multipliers:
        parts = _linear(problem.system.defining()[g], name)
        if parts is None:
            continue
        read, weight, domain, write, constant = parts
        letters = dict(zip(_letters(problem, name), read.indices))
        factors = Mul.make_args(sympy.expand(solved.xreplace(letters), power_exp=True, power_base=False))
        shared = [f for f in factors if index_symbols(f) <= set(write)]
        rest = Mul(*(f for f in factors if f not in shared))
        held = {a.name for f in shared for a in f.atoms(Access)}
        if multiplier not in held or multiplier in {a.name for a in rest.atoms(Access)}:
            continue
        back = {v: k for k, v in letters.items()}
        z = next(n for n in ("Z", "partition", "Z_0") if n not in problem.system.tensors)
        sum_ = Equation(z, (Term(write, weight * rest, domain),))
        cell = Term(_letters(problem, name), (constant * rest / Access(z, *write)).xreplace(back),
                    _ranges(problem, name))
        return g, _text_system(problem, [sum_, Equation(name, (cell,))])
    return None


def _linear(eq: Any, name: str) -> tuple | None:
    """(the read, its factor, domain, write, b) of g = sum a p - b."""
    if not isinstance(eq, Equation) or eq.reduce != "sum" or any(t.guard for t in eq.terms):
        return None
    having = [t for t in eq.terms if name in {a.name for a in t.body.atoms(Access)}]
    others = [t for t in eq.terms if t not in having]
    if len(having) != 1 or any(t.domain != having[0].free for t in others):
        return None
    (term,) = having
    reads = [a for a in term.body.atoms(Access) if a.name == name]
    weight = term.body / reads[0]
    if len(reads) != 1 or weight.has(reads[0]) or not all(isinstance(i, Index) for i in reads[0].indices):
        return None
    return reads[0], weight, term.domain, term.write, -Add(*(t.body for t in others))


def _text_system(problem: Problem, equations: list[Equation]) -> System:
    """The equations with the declarations of what they read."""
    names = {a.name for eq in equations for a in eq.reads()}
    made = {eq.tensor for eq in equations}
    tensors = {n: t for n, t in problem.system.tensors.items() if n in names - made}
    for eq in equations:
        sizes = eq.terms[0].sizes
        tensors[eq.tensor] = Tensor(eq.tensor, tuple(sizes[i] for i in eq.terms[0].write),
                                    letters=tuple(map(str, eq.terms[0].write)))
    return System(tensors, tuple(equations), (equations[-1].tensor,))


def system_of(model: Any) -> System:
    if isinstance(model, str):
        return parse(model)
    return model if isinstance(model, System) else model.written or model.raw
