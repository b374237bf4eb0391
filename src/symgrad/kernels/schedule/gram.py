"""Which sums of products are symmetric: out[m, m'] = sum over k of w[k] f[k, m] f[k, m'].

Half of the entries are enough, and no copy of f in the size of the data is made: rows of f, scaled by the root of their
weight, go through a block that stays in cache (`kernels.gram`). Weighted least squares, covariances, Gauss-Newton
matrices and the Hessians of generalised linear models are of this form.
"""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Expr, Mul

from ...ir.access import Access, index_symbols
from ...ir.system import Range, Tensor, Term
from .tree import Gram

FEW = 8     # a sum over so few points is no matrix product


def gram(out: str, term: Term, tensors: Mapping[str, Tensor]) -> tuple[Expr, Gram] | None:
    """(what does not depend on k, the rest), where the term (without guards, with a plain write) is of this form."""
    if len(term.reduced) != 1 or len(term.write) % 2 or not term.write:
        return None
    (row,) = term.reduced
    half = len(term.write) // 2
    left, right = term.write[:half], term.write[half:]
    mirror = dict(zip(right, left))
    if any(term.sizes[a] != term.sizes[b] for b, a in mirror.items()) or (row.size.is_Integer and row.size <= FEW):
        return None
    parts = _sides(term, row, set(left), set(right))
    if parts is None or any(a for a in _plain_factors(term.body) if tensors[a.name].dtype != "float"):
        return None
    steady, weight, mine, other = parts
    value = Mul(*mine)
    if not mine or value != Mul(*other).xreplace(mirror) or not set(left) <= index_symbols(value):
        return None
    columns = tuple(Range(i, term.sizes[i]) for i in left)
    return Mul(*steady), Gram(out, row, columns, value, Mul(*weight))


def _sides(term: Term, row: Range, left: set, right: set) -> tuple[list, list, list, list] | None:
    """The factors that depend on k not at all, alone, with the first indices, with the last; None if one has both."""
    steady, weight, mine, other = [], [], [], []
    for factor in Mul.make_args(term.body):
        used = index_symbols(factor)
        if row.index not in used:
            steady.append(factor)
        elif used == {row.index}:
            weight.append(factor)
        elif used <= left | {row.index}:
            mine.append(factor)
        elif used <= right | {row.index}:
            other.append(factor)
        else:
            return None
    return steady, weight, mine, other


def _plain_factors(body: Expr) -> list[Access]:
    return [f for f in Mul.make_args(body) if isinstance(f, Access)]
