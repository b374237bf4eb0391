"""Second derivatives by several tensors as one symmetric matrix of the tensors laid end to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sympy import Integer

from ..calculus.structure import Plan
from ..calculus.structure.plan import LARGE, SPARSE
from .matrix import Part, Place, StructuredMatrix


def joined(name: str, tiles: Mapping[tuple[int, int], StructuredMatrix]) -> StructuredMatrix:
    """The matrix of the tiles `(i, j)`, i <= j, counted from 0; the tile `(j, i)` is the transpose of `(i, j)`.

    A single tile keeps its plan. Several are solved by a sparse factorisation, or by a dense one where it is small or
    most entries may differ from zero.
    """
    if set(tiles) == {(0, 0)}:
        return tiles[0, 0]
    sizes = [tiles[i, i].shape[0] for i in range(1 + max(i for i, _ in tiles))]
    begin = np.concatenate([[0], np.cumsum(sizes)])
    parts: list[Part] = []
    for (i, j), tile in tiles.items():
        parts += (_moved(p, begin[i], begin[j], False) for p in tile.parts)
        parts += (_moved(p, begin[i], begin[j], True) for p in tile.parts if i != j)
    rows = int(begin[-1])
    stored = sum(tile.storage for tile in tiles.values())
    return StructuredMatrix(name, (rows,), (rows,), tuple(parts), _plan(parts, rows), True, stored)


def _moved(part: Part, down: int, right: int, turned: bool) -> Part:
    row = Place(part.row.labels, part.row.flat + down)
    column = Place(part.column.labels, part.column.flat + right)
    row, column = (column, row) if turned else (row, column)
    return replace(part, row=row, column=column, plain=(None,))


def _plan(parts: list[Part], rows: int) -> Plan:
    entries = sum(int(np.prod(p.extents)) for p in parts)
    sparse = rows > LARGE and SPARSE * entries < rows * rows
    return Plan("sparse" if sparse else "dense", (), Integer(rows))
