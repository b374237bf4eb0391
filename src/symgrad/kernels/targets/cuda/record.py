"""`run` without a device: which kernels it launches with which types, and what memory they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

import numpy as np

from .seats import LIMITS, Limits, Seats, one_team, seats


@dataclass(frozen=True)
class Spec:
    """An array that is not there."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def reshape(self, *shape) -> Spec:
        return Spec(tuple(shape[0]) if isinstance(shape[0], tuple) else shape, self.dtype)


@dataclass(frozen=True)
class Launched:
    """One launch: the kernel, its grid and block, and its arguments (arrays as `Spec`)."""

    kernel: Callable
    grid: tuple[int, ...]
    block: tuple[int, ...]
    arguments: tuple


@dataclass
class Record:
    """Takes the place of `gpu` in `run`."""

    limits: Limits = LIMITS
    launches: list[Launched] = field(default_factory=list)
    borrowed: list[Spec] = field(default_factory=list)

    notes = Spec((1,), np.dtype(np.int64))  # what routines note of matrices that they do not take

    def seats(self, rows: int, lanes: int, **options: bool) -> Seats:
        return seats(rows, lanes, limits=self.limits, **options)

    def team(self, lanes: int) -> Seats:
        return one_team(lanes, self.limits)

    def scratch(self, shape: tuple[int, ...], dtype) -> Spec:
        self.borrowed.append(Spec(shape, np.dtype(dtype)))
        return self.borrowed[-1]

    def launch(self, kernel, taken: Seats, *arguments) -> None:
        self._note(kernel, taken.grid, taken.block, arguments)

    def each(self, kernel, array, value) -> None:
        count = prod(array.shape)
        given = tuple(a.reshape(count) if isinstance(a, Spec) else a for a in (array, value))
        self._note(kernel, (flat_blocks(count, self.limits),), (self.limits.threads,), given)

    def multiply(self, kernel, tile: int, extents, a, turn_a, b, turn_b, c, turn_c) -> None:
        batch, rows, _, columns = extents
        given = matrices(extents, a, turn_a, b, turn_b, c, turn_c)
        self._note(kernel, tiles(batch, rows, columns, tile), (tile, tile), given)

    def _note(self, kernel, grid, block, arguments) -> None:
        self.launches.append(Launched(kernel, tuple(grid), tuple(block), tuple(arguments)))


def matrices(extents, a, turn_a, b, turn_b, c, turn_c) -> tuple:
    """The operands of a product as stacks of matrices, each with whether it is stored with columns before rows."""
    batch, rows, inner, columns = extents
    shapes = ((rows, inner), (inner, columns), (rows, columns))
    turns = (turn_a, turn_b, turn_c)
    stacks = (m.reshape((batch, *(s[::-1] if t else s))) for m, s, t in zip((a, b, c), shapes, turns))
    return tuple(part for pair in zip(stacks, turns) for part in pair)


def tiles(batch: int, rows: int, columns: int, tile: int) -> tuple[int, int, int]:
    """The grid of a product in tiles."""
    return max(-(-columns // tile), 1), max(-(-rows // tile), 1), max(min(batch, 65535), 1)


def flat_blocks(count: int, limits: Limits) -> int:
    return max(min(-(-count // limits.threads), limits.blocks), 1)
