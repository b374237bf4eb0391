"""The derivative of one small body by one read: what forward and reverse mode share."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

from sympy import Add, Dummy, Eq, Expr, Pow, diff

from ..errors import DifferentiationError, explain
from ..functions import stop, where
from ..ir.access import Access, Index
from ..ir.system import Equation, Term, is_plain
from .split import live_reads


def factors(eq: Equation, names: Container[str]) -> Iterator[tuple[Term, Access, Expr]]:
    """Each read of one of `names` by a term of the equation, with the term's derivative by it where that is not 0."""
    for term in eq.terms:
        for access in live_reads(term.body):
            if access.name in names and (factor := local_derivative(eq, term, access)) != 0:
                yield term, access, factor


def local_derivative(eq: Equation, term: Term, access: Access) -> Expr:
    """d(body)/d(access) with the other accesses fixed; the body's own value is read, not computed again.

    Raises DifferentiationError, with the user's line, for a jump or a kink without a choice.
    """
    try:
        factor = _partial(term.body, access)
    except DifferentiationError as error:
        raise DifferentiationError(explain(str(error), eq.source)) from None
    if eq.elementwise and term.body.is_Function and not isinstance(term.body, stop):
        factor = factor.xreplace({term.body: Access(eq.tensor, *term.write)})
    return factor


def _partial(body: Expr, access: Access) -> Expr:
    hole = Dummy("hole", real=True)
    powers = {p: Dummy("power", real=True) for p in body.atoms(Pow) if p.base == access and not p.exp.is_number}
    plain = body.xreplace(powers).xreplace({access: hole})
    parts = [diff(plain, hole), *(diff(plain, dummy) * _power_rule(p) for p, dummy in powers.items())]
    return Add(*parts).xreplace({dummy: p for p, dummy in powers.items()}).xreplace({hole: access})


def _power_rule(power: Pow) -> Expr:
    """d x**k/dx = k x**(k - 1), and 0 for k = 0 also at x = 0, where SymPy's k x**k/x is 0/0."""
    return where(Eq(power.exp, 0), 0, power.exp * power.base ** (power.exp - 1))


def chosen_point(eq: Equation, term: Term) -> dict[Index, Access]:
    """For a max or min: the reduced indices at the point that was chosen."""
    if not is_plain(replace(term, domain=term.free)):
        summary = f"the {eq.reduce} in {eq.tensor} scatters: it has no derivative."
        raise DifferentiationError(explain(summary, eq.source))
    return {r.index: Access(name, *term.write) for r, name in zip(term.reduced, eq.arg)}


def at_arg(eq: Equation, term: Term) -> Term:
    """A term of a max or min at the chosen point only: `arg` takes the place of the reduced indices."""
    chosen = chosen_point(eq, term)
    exists = tuple(position >= 0 for position in chosen.values())
    return Term(term.write, term.body.xreplace(chosen), term.free, exists)
