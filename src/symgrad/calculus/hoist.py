"""Kernel form: a function is computed once for each value of what it depends on, and once in the whole program.

    y[a,i] = w[a,i]*exp(s)*(s - t)   ->   once = exp(s),   once_2 = once*(s - t),   y[a,i] = w[a,i]*once_2

Fewer operations: a loop-invariant call leaves its loop, and so does what depends on no index at all; a call that an
equation before has made is read. Divisions stay where they are (a reciprocal may overflow where the quotient does not).
Source: A. V. Aho et al., Compilers, 2nd ed. (2006), sections 9.1.4 and 9.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import Add, Basic, Expr, Function, Mul, Pow

from ..functions import finite, stop, where
from ..ir.access import Access, Index, all_reads, fresh_names, index_symbols, reads, sort_key
from ..ir.recurrence import scans
from ..ir.system import Equation, Range, System, Term, piece_tensor
from .rewrite import Rule

Call = tuple[Expr, tuple[Expr, ...], tuple[Basic, ...]]  # with placeholders for indices; how far these run; conditions


@dataclass(frozen=True)
class Known:
    """The calls that tensors hold; new tensors are called `stem_first`, `stem_(first + 1)`, ..."""

    calls: Mapping[Call, str]
    stem: str
    first: int
    inside: tuple[str, ...] = ()  # the tensors of the recurrence to which the equation belongs


def hoist(system: System) -> System:
    """The system with repeated and loop-invariant calls read from tensors of their own."""
    calls: dict[Call, str] = {}
    tensors, equations, steps = dict(system.tensors), [], list(system.log)
    stem = next(s for s in fresh_names((), "once") if not any(n.startswith(s) for n in system.tensors))
    count, recurrent = 1, scans(system.equations)
    for eq in system.equations:
        inside = tuple(recurrent[eq.tensor].axes) if eq.tensor in recurrent else ()
        step = RULE.step(Known(dict(calls), stem, count, inside), (eq,))
        count += len(step.after) - 1
        if step.after != step.before:
            steps.append(step)
        for made in step.after[:-1]:
            tensors[made.tensor] = piece_tensor(made)
        for made in step.after:
            _learn(made, calls)
        equations += step.after
    return replace(system, tensors=tensors, equations=tuple(equations), log=tuple(steps))


def _hoisted(known: Known, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    (eq,) = before
    calls = dict(known.calls)
    made: list[Equation] = []
    terms = []
    for term in eq.terms:
        for find in (_inside_choices, _candidates, _scalars):
            mapping: dict[Expr, Expr] = {}
            for part in find(term):
                key, letters = _key(part, term)
                moves_out = find is not _inside_choices and index_symbols(part) < set(term.indices)
                moves_out = moves_out and not _in_step(part, known.inside)
                if key not in calls and moves_out:
                    piece = Term(letters, part, tuple(Range(i, term.sizes[i]) for i in letters), key[-1])
                    made.append(Equation(f"{known.stem}_{known.first + len(made)}", (piece,)))
                    calls[key] = made[-1].tensor
                if key in calls:
                    mapping[part] = Access(calls[key], *letters)
            if mapping:
                term = replace(term, body=_replaced(term.body, mapping))
        terms.append(term)
    return (*made, replace(eq, terms=tuple(terms))) if tuple(terms) != eq.terms else before


def _in_step(part: Expr, inside: tuple[str, ...]) -> bool:
    """Does it read a fixed entry of its own recurrence? Outside the loop over the steps that is not computed yet."""
    return any(a.name in inside and not all(isinstance(p, Index) for p in a.indices) for a in reads(part))


RULE = Rule("loop-invariant: computed once", _hoisted,
            "Aho, Lam, Sethi, Ullman, Compilers (2006), section 9.5")  # fmt: skip


def _candidates(term: Term) -> list[Expr]:
    """The outermost calls and choices of the body that read by plain indices."""
    return sorted(dict.fromkeys(_calls(term.body)), key=sort_key)


def _calls(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Access):
        return
    if isinstance(expr, Function) and not isinstance(expr, stop | finite) and _plain(expr):
        yield expr
    elif not isinstance(expr, where):
        for arg in expr.args:
            yield from _calls(arg)


def _inside_choices(term: Term) -> list[Expr]:
    """Calls in the branches of choices: they are not moved out, but read where a tensor holds them."""
    inside = {c for choice in term.body.atoms(where) for branch in choice.args[1:] for c in branch.atoms(Function)}
    return sorted((c for c in inside if not isinstance(c, Access | where | stop | finite) and _plain(c)), key=sort_key)


def _scalars(term: Term) -> list[Expr]:
    """Sums of, and products of, what no index moves, beside something that moves."""
    return sorted(dict.fromkeys(_still(term.body)), key=sort_key) if term.domain else []


def _still(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Add):
        for addend in expr.args:
            yield from _still(addend)
    elif isinstance(expr, Mul):
        fixed = _fixed_factors(expr)
        if len(fixed) > 1 or (fixed and isinstance(fixed[0], Add)):
            yield Mul(*fixed)
        for factor in expr.args:
            if isinstance(factor, Add) and factor not in fixed:
                yield from _still(factor)


def _fixed_factors(product: Expr) -> list[Expr]:
    """Factors that read, but no index; without quotients."""
    return [f for f in Mul.make_args(product)
            if reads(f) and not index_symbols(f) and not f.has(stop)
            and not any(p.exp.is_negative for p in f.atoms(Pow))]  # fmt: skip


def _replaced(body: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """`xreplace` that also finds a product inside a longer one."""
    if body in mapping:
        return mapping[body]
    if isinstance(body, Mul):
        fixed = _fixed_factors(body)
        if len(fixed) > 1 and Mul(*fixed) in mapping:
            others = [_replaced(f, mapping) for f in body.args if f not in fixed]
            return Mul(mapping[Mul(*fixed)], *others)
    if isinstance(body, Add | Mul):
        return body.func(*(_replaced(a, mapping) for a in body.args))
    return body.xreplace(mapping)


def _plain(call: Expr) -> bool:
    found = reads(call)
    covered = {p for a in found for p in a.indices}
    return bool(found) and all(isinstance(p, Index) or p.is_Integer for p in covered) and index_symbols(call) <= covered


def _key(call: Expr, term: Term) -> tuple[Call, tuple[Index, ...]]:
    """The call up to the names of its indices, and these in order of their first use."""
    letters = tuple(dict.fromkeys(p for a in reads(call) for p in a.indices if isinstance(p, Index)))
    places = {index: Index(f"#{n}") for n, index in enumerate(letters)}
    return (call.xreplace(places), tuple(term.sizes[i] for i in letters), _conditions(call, term)), letters


def _conditions(call: Expr, term: Term) -> tuple[Basic, ...]:
    """The conditions on sizes under which the positions that the call reads are there: x[2] under I > 2."""
    if all(isinstance(p, Index) for a in reads(call) for p in a.indices):
        return ()
    return tuple(g for g in term.guard if not index_symbols(g) and not all_reads((g,)))


def _learn(eq: Equation, calls: dict[Call, str]) -> None:
    """An equation that is nothing but a call, cell by cell, holds its values."""
    if eq.elementwise and isinstance(eq.terms[0].body, Function):
        term = eq.terms[0]
        if [term.body] == _candidates(term):
            key, letters = _key(term.body, term)
            if letters == term.write:
                calls.setdefault(key, eq.tensor)
