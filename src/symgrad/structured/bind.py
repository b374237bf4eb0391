"""From a compressed system and arrays to a `StructuredMatrix`: cores get their indices, places their positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import Basic, Expr, Mul

from ..calculus.structure import Block, Plan
from ..ir.access import Access, Index, Size, index_symbols
from ..ir.arithmetic import FLOAT64, INTEGER, Arithmetic, evaluate
from ..ir.bounds import check_data, in_range
from ..ir.sizes import size_value
from ..ir.system import System
from .matrix import Part, Place, StructuredMatrix


def bind(
    system: System,
    name: str,
    blocks: tuple[Block, ...],
    plan: Plan,
    symmetric: bool,
    sizes: Mapping[Size, int],
    values: Mapping[str, Any],
) -> StructuredMatrix:
    """The matrix of the view of `name`; `values` holds the cores and the integer tensors that place them."""
    placing = {n: system.tensors[n] for b in blocks for n in b.data if n in system.tensors}
    given = {n: t for n, t in placing.items() if t.role != "defined"}
    check_data(replace(system, tensors=given), sizes, values)
    rows = blocks[0].rows if blocks else len(system.tensors[name].shape) // 2
    shape = tuple(size_value(s, sizes) for s in system.tensors[name].shape)
    parts = tuple(_part(b, system, shape, sizes, values) for b in blocks)
    stored = {core for b in blocks for core, _ in b.cores}
    count = sum(int(np.size(values[core])) for core in stored)
    return StructuredMatrix(name, shape[:rows], shape[rows:], parts, plan, symmetric, count)


def refilled(matrix: StructuredMatrix, blocks: tuple[Block, ...], values: Mapping[str, Any]) -> StructuredMatrix:
    """The matrix with other cores in the same places."""
    parts = []
    for part, block in zip(matrix.parts, blocks):
        cores, conditions = part.factors[: len(block.cores)], part.factors[len(block.cores) :]
        filled = tuple((np.asarray(values[n], float), labels) for (n, _), (_, labels) in zip(block.cores, cores))
        parts.append(replace(part, factors=(*filled, *conditions)))
    return replace(matrix, parts=tuple(parts))


@dataclass(frozen=True)
class _Points:
    """What the atoms of an index expression are worth on a grid."""

    grid: Mapping[Index, np.ndarray]
    system: System
    sizes: Mapping[Size, int]
    values: Mapping[str, Any]
    guarded: bool = False           # may a position lie outside, because a condition fails there?
    arithmetic: Arithmetic = INTEGER

    def access(self, access: Access):
        array = np.asarray(self.values[access.name])
        cell = (np.asarray(evaluate(i, self, integer=True)) for i in access.indices)
        return array[tuple(_inside(i, extent, access, self.guarded) for i, extent in zip(cell, array.shape))]

    def symbol(self, symbol: Basic):
        return self.grid[symbol] if isinstance(symbol, Index) else size_value(symbol, self.sizes)

    def is_float(self, access: Access) -> bool:
        return self.system.tensors[access.name].dtype == "float"

    def at(self, expr: Basic) -> np.ndarray:
        return np.asarray(evaluate(expr, self, integer=True))


def _part(block: Block, system: System, shape: tuple[int, ...], sizes, values) -> Part:
    view = block.view
    labels = {index: n for n, index in enumerate(view.indices)}
    extents = tuple(size_value(r.size, sizes) for r in view.domain)
    env = _Points(_grid(view.indices, extents), system, sizes, values, bool(view.guard))
    factors = [(np.asarray(values[n], float), tuple(labels[i] for i in c)) for n, c in block.cores]
    factors += [_condition(g, labels, extents, env) for g in view.guard]
    coefficient = Mul(*(f for f in Mul.make_args(view.body) if not f.has(Access)))
    row = _place(block.row, shape[: block.rows], labels, extents, env)
    column = _place(block.column, shape[block.rows :], labels, extents, env)
    plain = tuple(labels.get(p) for p in block.row)
    return Part(_number(coefficient, env), tuple(factors), row, column, extents, plain)


def _number(coefficient: Expr, env: _Points) -> float:
    return float(evaluate(coefficient, replace(env, arithmetic=FLOAT64)))


def _inside(index: np.ndarray, extent: int, what: Any, guarded: bool) -> np.ndarray:
    """The positions, cut off where a condition fails (the value there is 0); without one, IndexRangeError outside."""
    return np.clip(index, 0, max(extent - 1, 0)) if guarded else in_range(index, extent, what)


def _grid(indices: tuple[Index, ...], extents: tuple[int, ...]) -> dict[Index, np.ndarray]:
    """Sparse grids that broadcast against each other."""
    return dict(zip(indices, np.meshgrid(*map(np.arange, extents), indexing="ij", sparse=True)))


def _condition(guard: Basic, labels, extents, env: _Points) -> tuple[np.ndarray, tuple[int, ...]]:
    """A condition as a factor that is 0 or 1."""
    inside = tuple(sorted(labels[i] for i in index_symbols(guard)))
    return _over(env.at(guard), inside, extents).astype(float), inside


def _place(cell: tuple[Expr, ...], shape: tuple[int, ...], labels, extents, env: _Points) -> Place:
    """Flat positions."""
    inside = tuple(dict.fromkeys(labels[i] for p in cell for i in sorted(index_symbols(p), key=str)))
    flat: Any = np.int64(0)
    for position, extent in zip(cell, shape):
        flat = flat * extent + _inside(env.at(position), extent, position, env.guarded)
    ordered = tuple(sorted(inside))
    flat = _over(np.asarray(flat), ordered, extents)
    return Place(inside, np.transpose(flat, [ordered.index(n) for n in inside]))


def _over(array: np.ndarray, inside: tuple[int, ...], extents: tuple[int, ...]) -> np.ndarray:
    """The array over the labels `inside` (sorted) alone, spread out."""
    full = np.broadcast_to(array, tuple(n if k in inside else 1 for k, n in enumerate(extents))) if extents else array
    return np.reshape(full, tuple(extents[k] for k in inside))
