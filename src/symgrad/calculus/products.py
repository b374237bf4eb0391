"""The derivative of y = prod[k] b[k] by one factor is the product of all the others, also where a factor is 0.

    before[k] = where(k > 0, before[k-1] b[k-1], 1)    after[k] = where(k < K-1, after[k+1] b[k+1], 1)
    dy/db[k] = before[k] after[k]

Two recurrences for each index of the product: as cheap as the product, and so is their derivative. (y/b[k] fails where
b[k] is 0.)
"""

from __future__ import annotations

from sympy import Expr, Integer

from ..ir.access import Access, Index
from ..ir.system import Equation, Range, Term
from .prefix import Running


def stems(eq: Equation) -> tuple[str, ...]:
    """Of names for the tensors that `other_factors` makes, in their order."""
    if eq.reduce != "prod" or not eq.terms[0].reduced:
        return ()
    own = () if _is_read(eq.terms[0]) else ("factor",)
    count = len(eq.terms[0].reduced)
    return (*own, *("row",) * (count - 1), *(("before", "after", "others") * count)[:-1])


def other_factors(eq: Equation, names: tuple[str, ...]) -> tuple[tuple[Equation, ...], Expr]:
    """The tensors `names` that are computed first, and the product of all other factors at each point of the term.

    In prod[k, l] the recurrences along l start from the product of the rows of the other k.
    """
    if not names:
        return (), Integer(1)
    (term,), source = eq.terms, iter(names)
    ranges, made = (*term.free, *term.reduced), []
    values = [term.body]  # at each point; then the products over the last index, over the last two, ...
    if not _is_read(term):
        made.append(Equation(next(source), (Term(_cell(ranges), term.body, ranges, term.guard),), "prod"))
        values = [Access(made[-1].tensor, *_cell(ranges))]
    for count in range(len(ranges) - 1, len(term.free), -1):
        made.append(Equation(next(source), (Term(_cell(ranges[:count]), values[-1], ranges[: count + 1]),), "prod"))
        values.append(Access(made[-1].tensor, *_cell(ranges[:count])))
    others: Expr = Integer(1)
    for count, value in enumerate(reversed(values), len(term.free) + 1):
        part, cell = ranges[:count], _cell(ranges[:count])
        before = Running("prod", part, cell[-1], value, shift=1, start=others).equation(next(source), cell)
        after = Running("prod", part, cell[-1], value, descending=True, shift=1).equation(next(source), cell)
        others = Access(before.tensor, *cell) * Access(after.tensor, *cell)
        made += [before, after]
        if part != ranges:
            made.append(Equation(next(source), (Term(cell, others, part),)))
            others = Access(made[-1].tensor, *cell)
    return tuple(made), others


def _cell(ranges: tuple[Range, ...]) -> tuple[Index, ...]:
    return tuple(r.index for r in ranges)


def _is_read(term: Term) -> bool:
    return isinstance(term.body, Access) and not term.guard
