"""Split bodies into small ones (A-normal form), so that differentiating one is a look at a few symbols.

After `split` every body is a constant, a product of powers of accesses, one function of accesses, or one `where`.
The pieces are virtual tensors (`named=False`): the schedule keeps them in registers, the display form removes them.
Inlining instead explodes: `h + tanh(a h)` six layers deep has 64,152 operations, ten layers do not return.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sympy import Add, Expr, Mul, Pow

from ..functions import stop, where
from ..ir.access import Access, Index, fresh_names, index_symbols, reads, sort_key
from ..ir.recurrence import Scan, arranged, scans
from ..ir.system import Call, Equation, Range, System, Tensor, Term
from .algebra import OPERATIONS, operations

PRODUCT = 3  # a product of more factors over the same indices is folded in pairs: its adjoints share the partial ones


def split(system: System) -> System:
    """The same system with small bodies; the new pieces stand before the equation that they were cut from."""
    pieces = _Pieces(system)
    equations: list[Equation | Call] = []
    for eq in system.equations:
        if isinstance(eq, Call):
            equations.append(eq)
            continue
        terms = tuple(t for term in eq.terms for t in _split_term(eq, pieces.entered(eq, term), pieces))
        equations += pieces.take()
        equations.append(eq if terms == eq.terms else replace(eq, terms=terms))
    return replace(system, tensors={**system.tensors, **pieces.tensors}, equations=arranged(equations))


class _Pieces:
    """The pieces made so far; equal ones are shared."""

    def __init__(self, system: System):
        self.tensors: dict[str, Tensor] = {}
        self.known: dict[tuple, str] = {}
        self.waiting: list[Equation] = []
        self.names: Iterator[str] = fresh_names(system.tensors, "v")
        self.scans = scans(system.equations)
        self.scan: Scan | None = None    # the recurrence of the equation at hand
        self.ordered: set[Index] = set()

    def entered(self, eq: Equation, term: Term) -> Term:
        """Note to which recurrence the term belongs."""
        self.scan = self.scans.get(eq.tensor)
        self.ordered = {self.scan.index(eq, term)} if self.scan else set()
        return term

    def take(self) -> list[Equation]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def access(self, body: Expr, term: Term) -> Access:
        """A tensor that holds `body` at each point it depends on; `body` itself is split further."""
        domain, guard = _support(body, term, self.carried(body))
        write = tuple(r.index for r in domain)
        key = (body, domain, guard)
        if key not in self.known:
            name = next(self.names)
            self.known[key] = name
            host = Term(write, body, domain, guard)
            terms = tuple(_split_term(None, host, self))
            shape, letters = tuple(r.size for r in domain), tuple(i.name for i in write)
            self.tensors[name] = Tensor(name, shape, named=False, letters=letters)
            self.waiting.append(Equation(name, terms))
        return Access(self.known[key], *write)

    def carried(self, body: Expr) -> set[Index]:
        """A piece that reads a recurrence at a fixed entry, h[0], is computed at each step of it: never too early."""
        axes = self.scan.axes if self.scan else {}
        fixed = any(a.name in axes and not index_symbols(a.indices[axes[a.name]]) for a in reads(body))
        return self.ordered if fixed else set()


def _support(body: Expr, term: Term, carried: set[Index]) -> tuple[tuple[Range, ...], tuple]:
    """The indices that `body` depends on, with the guards over them.

    A guard that shares an index with a shifted or data-dependent read may be what keeps that read in range: then the
    piece takes all of the guard's indices.
    """
    needed = index_symbols(body) | carried
    for guard in term.guard:
        shared = index_symbols(guard) & needed
        if shared and any(_unprotected(a, shared) for a in reads(body)):
            needed |= index_symbols(guard)
    domain = tuple(r for r in term.domain if r.index in needed)
    return domain, tuple(g for g in term.guard if index_symbols(g) <= needed)


def _unprotected(access: Access, shared: set[Index]) -> bool:
    return any(not isinstance(i, Index) and index_symbols(i) & shared for i in access.indices)


def _split_term(eq: Equation | None, term: Term, pieces: _Pieces) -> Iterator[Term]:
    body = term.body
    if isinstance(body, Add) and live_reads(body):
        if eq is None or eq.reduce == "sum":
            for addend in sorted(body.args, key=sort_key):
                yield from _split_term(eq, replace(term, body=addend), pieces)
        else:
            yield replace(term, body=pieces.access(body, term))
    else:
        yield replace(term, body=_small(body, term, pieces))


def _small(body: Expr, term: Term, pieces: _Pieces) -> Expr:
    """`body` with everything that is not simple enough replaced by a piece."""
    if _atomic(body):
        return body
    if isinstance(body, Mul):
        return _product([_factor(f, term, pieces) for f in body.args], term, pieces)
    if isinstance(body, Pow):
        return _factor(body, term, pieces)
    if isinstance(body, where):
        if operations(body) <= OPERATIONS:  # whole: what is computed for the other branch only may be infinite
            return body
        return where(body.args[0], *(_argument(a, term, pieces) for a in body.args[1:]))
    if isinstance(body, Add):
        return pieces.access(body, term)
    return body.func(*(_argument(a, term, pieces) for a in body.args))


def live_reads(expr: Expr) -> list[Access]:
    """The accesses through which a derivative can flow: not those under `stop`, nor those in a condition."""
    found: set[Access] = set()

    def walk(e) -> None:
        if isinstance(e, Access):
            found.add(e)
        elif not isinstance(e, stop):
            for a in e.args[1:] if isinstance(e, where) else e.args:
                walk(a)

    walk(expr)
    return sorted(found, key=sort_key)


def feeding(system: System, output: str) -> set[str]:
    """The tensors on whose values the derivative of `output` may depend."""
    reading = {name: flowing(eq) for eq in system.equations for name in eq.writes}
    found, waiting = set(), [output]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += reading.get(name, ())
    return found


def flowing(eq: Equation | Call) -> set[str]:
    """The tensors through which a derivative can flow into what `eq` writes."""
    if isinstance(eq, Call):
        return set(eq.arguments)
    return {a.name for t in eq.terms for a in live_reads(t.body)}


def _atomic(expr: Expr) -> bool:
    return isinstance(expr, Access) or not live_reads(expr)


def _argument(expr: Expr, term: Term, pieces: _Pieces) -> Expr:
    """An argument of a function: an access, a constant multiple of one, a constant, or a piece."""
    if _atomic(expr):
        return expr
    if isinstance(expr, Mul):
        reading = [f for f in expr.args if live_reads(f)]
        if len(reading) == 1 and isinstance(reading[0], Access):
            return expr
    return pieces.access(expr, term)


def _factor(expr: Expr, term: Term, pieces: _Pieces) -> Expr:
    """A factor of a product: a constant, or a power of an access."""
    if _atomic(expr):
        return expr
    if isinstance(expr, Pow):
        base, exponent = expr.args
        return Pow(_argument_access(base, term, pieces), _argument_access(exponent, term, pieces))
    return pieces.access(expr, term)


def _argument_access(expr: Expr, term: Term, pieces: _Pieces) -> Expr:
    return expr if _atomic(expr) else pieces.access(expr, term)


def _product(factors: list[Expr], term: Term, pieces: _Pieces) -> Expr:
    """Fold factors over the same indices in pairs, so that a product of m factors has adjoints of cost O(m)."""
    groups: dict[frozenset, list[Expr]] = {}
    for factor in factors:
        groups.setdefault(frozenset(index_symbols(factor)) if live_reads(factor) else frozenset(), []).append(factor)
    folded: list[Expr] = []
    for _, group in sorted(groups.items(), key=lambda item: sorted(i.name for i in item[0])):
        constants = [f for f in group if not live_reads(f)]
        reading = sorted((f for f in group if live_reads(f)), key=sort_key)
        while len(reading) > PRODUCT:
            reading = [*reading[2:], pieces.access(Mul(*reading[:2]), term)]
        folded += [*constants, *reading]
    return Mul(*folded)
