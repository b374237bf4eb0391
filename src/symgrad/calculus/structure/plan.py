"""How a Newton step is taken with a structured matrix: the cheapest exact solver that its blocks allow.

Whether a band is narrow is known when the sizes are: `decide` takes them as far as they are known, and the sentence
says on what the rest depends. Sources: G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. (2013), sections 2.1.4
(Sherman, Morrison, Woodbury), 4.3 (banded), 12.3 (Kronecker products).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Expr, Integer, Max, Mul

from ...ir.access import Size
from .blocks import Block

KINDS = ("zero", "multiply", "divide", "woodbury", "banded", "kronecker", "blocks", "sparse", "dense")
NARROW = 4      # a band is worth its own factorisation where it takes less than a quarter of the matrix
SPARSE = 10     # a sparse factorisation, where at most one entry in ten can differ from zero
ONE, NONE = Integer(1), Integer(0)
LARGE = 200     # below so many rows a dense factorisation is as fast as any


@dataclass(frozen=True)
class Plan:
    """`kind` is one of KINDS. `axes` are those along which the matrix is block diagonal, `size` the rows of one block,
    `count` how many blocks are factored, `rank` of what is added to a diagonal, `low` and `high` the band."""

    kind: str
    axes: tuple[int, ...] = ()
    size: Expr = ONE
    count: Expr = ONE
    rank: int = 0
    low: Expr = NONE
    high: Expr = NONE

    def __str__(self) -> str:
        return _SENTENCES[self.kind](self)


def decide(blocks: tuple[Block, ...], shape: tuple[Expr, ...], rows: int, sizes: Mapping[Size, int] | None = None):
    """The plan for a matrix of these blocks; with `sizes`, the final one."""
    if shape[:rows] != shape[rows:]:
        return Plan("multiply")
    if not blocks:
        return Plan("zero")
    axes = tuple(a for a in range(rows) if all(b.same(a) for b in blocks))
    rest = tuple(a for a in range(rows) if a not in axes)
    size = Mul(*(shape[a] for a in rest))
    count = Integer(1) if _repeats(blocks, axes) else Mul(*(shape[a] for a in axes))
    if not rest:
        return Plan("divide", axes, count=count)
    if _diagonal_plus_thin(blocks, axes, rest):
        return Plan("woodbury", axes, size, count, rank=sum(b.thin() for b in blocks))
    band = _band(blocks, rest)
    if band is not None and _narrow(band, size, sizes):
        return Plan("banded", axes, size, count, 0, *band)
    if len(blocks) == 1 and len(blocks[0].kronecker()) - len(axes) > 1:
        return Plan("kronecker", axes, size, count)
    if _sparse(blocks, axes, rest, shape, sizes):
        return Plan("sparse", axes, size, count)
    return Plan("blocks" if axes else "dense", axes, size, count)


def _repeats(blocks: tuple[Block, ...], axes: tuple[int, ...]) -> bool:
    """Is every block along `axes` the same one?"""
    for block in blocks:
        for axis in axes:
            if not block.covers(axis) or block.row[axis] not in block.independent:
                return False
            others = [p for a, p in enumerate(block.row) if a != axis]
            if any(p.has(block.row[axis]) for p in others):
                return False
    return bool(axes)


def _diagonal_plus_thin(blocks: tuple[Block, ...], axes: tuple[int, ...], rest: tuple[int, ...]) -> bool:
    diagonal = [b for b in blocks if all(b.same(a) for a in rest)]
    others = [b for b in blocks if b not in diagonal]
    whole = any(all(b.covers(a) for a in rest) for b in diagonal)
    return whole and bool(others) and all(b.thin() and _apart(b, axes) for b in others)


def _apart(block: Block, axes: tuple[int, ...]) -> bool:
    """Do rows and columns share nothing but the numbers of the blocks?"""
    return set(block.repeated) <= {block.row[a] for a in axes}


def _band(blocks: tuple[Block, ...], rest: tuple[int, ...]) -> tuple[Expr, Expr] | None:
    """How far below and above the diagonal entries stand, along the only axis that is left."""
    if len(rest) != 1 or not all(b.narrow(rest[0]) for b in blocks):
        return None
    found = [o for b in blocks if (o := b.offsets(rest[0])) is not None]
    return _furthest([o.high for o in found]), _furthest([-o.low for o in found])


def _furthest(reaches: list[Expr]) -> Expr:
    """The largest of several reaches, none less than 0. A size is at least 1 where there is anything to reach."""
    reaches = [r for r in dict.fromkeys(reaches) if not r.is_nonpositive]
    return Max(*reaches) if reaches else Integer(0)


def _narrow(band: tuple[Expr, Expr], size: Expr, sizes) -> bool:
    if sizes is None:
        return True
    low, high, rows = (value_at(e, sizes) for e in (*band, size))
    return NARROW * (low + high + 1) < rows


def _sparse(blocks, axes, rest, shape, sizes) -> bool:
    """Few entries differ from zero: in every term rows and columns share more than the numbers of the blocks."""
    if sizes is None:
        return not any(_apart(b, axes) for b in blocks)
    size = value_at(Mul(*shape[: len(axes) + len(rest)]), sizes)
    entries = sum(value_at(Mul(*(r.size for r in b.view.domain)), sizes) for b in blocks)
    inner = value_at(Mul(*(shape[a] for a in rest)), sizes)
    return inner > LARGE and SPARSE * entries < size * inner


def value_at(expr: Expr, sizes: Mapping[Size, int]) -> int:
    return int(expr.xreplace(dict(sizes)))


def _systems(plan: Plan, what: str) -> str:
    if not plan.axes:
        return f"one {what} of size {plan.size}"
    if plan.count == 1:
        return f"one {what} of size {plan.size}, for all blocks"
    return f"{plan.count} {what}s of size {plan.size}"


_SENTENCES = {
    "zero": lambda p: "no step: the matrix is zero",
    "multiply": lambda p: "multiply only: rows and columns differ",
    "divide": lambda p: "divide" + (" by one number" if p.count == 1 else " entry by entry"),
    "woodbury": lambda p: f"Woodbury: divide by the diagonal, correct by rank {p.rank}"
    + (f" in each of {p.count} blocks" if p.count != 1 else ""),
    "banded": lambda p: f"banded Cholesky, {p.low} below and {p.high} above the diagonal",
    "kronecker": lambda p: "factor by factor: each Kronecker factor is solved on its own axes",
    "blocks": lambda p: _systems(p, "Cholesky factorisation"),
    "sparse": lambda p: "sparse factorisation",
    "dense": lambda p: _systems(p, "dense Cholesky factorisation"),
}
