"""How many threads run a kernel, from its sizes alone: so results do not depend on the device.

A row of one number (no loop inside) is a thread's; short rows are shared by a part of a warp, longer ones by a warp,
long ones by a block. Where an array lies across (its last axis is that of the rows), a warp takes long ones too: the
teams of a block then use tiles of 32 x 8 of it, whose sectors are used whole, as a transposition by tiles does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    threads: int = 256  # of a block, a power of two
    warp: int = 32
    long: int = 2048  # a row from which a whole block shares it
    blocks: int = 8192  # of a grid; teams with more rows than that take several
    few: int = 4096  # teams, where each needs memory of its own


LIMITS = Limits()


@dataclass(frozen=True)
class Seats:
    """`grid` = (blocks, blocks that share a row), `block` = (lanes of a team in one block, teams of one block)."""

    grid: tuple[int, int]
    block: tuple[int, int]

    @property
    def teams(self) -> int:
        return self.grid[0] * self.block[1]

    @property
    def blocks(self) -> int:
        return self.grid[0] * self.grid[1]


def seats(
    rows: int, lanes: int, splits: bool = False, few: bool = False, across: bool = False, limits: Limits = LIMITS
) -> Seats:
    """The teams for `rows` of `lanes` numbers. `splits`: blocks may share a row; `few`: each team needs memory;
    `across`: an array is read or written along the rows.

    >>> seats(1000, 10)
    Seats(grid=(63, 1), block=(16, 16))
    >>> seats(8, 100_000)
    Seats(grid=(8, 1), block=(256, 1))
    >>> seats(8, 100_000, splits=True)
    Seats(grid=(8, 98), block=(256, 1))
    >>> seats(5000, 5000, across=True)
    Seats(grid=(625, 1), block=(32, 8))
    """
    width = min(_width(lanes, limits), limits.warp) if across else _width(lanes, limits)
    side = limits.threads // width
    most = min(limits.blocks, max(limits.few // side, 1)) if few else limits.blocks
    blocks = max(min(-(-rows // side), most), 1)
    shared = max(min(lanes // (4 * width) + 1, limits.blocks // blocks), 1) if splits and lanes >= limits.long else 1
    return Seats((blocks, shared), (width, side))


def one_team(lanes: int, limits: Limits = LIMITS) -> Seats:
    """The only team of a kernel without rows.

    >>> one_team(1), one_team(100).block
    (Seats(grid=(1, 1), block=(1, 1)), (256, 1))
    """
    alone = Limits(limits.threads, limits.warp, limits.warp + 1)
    return Seats((1, 1), (_width(lanes, alone), 1))


def _width(lanes: int, limits: Limits) -> int:
    return limits.threads if lanes >= limits.long else min(limits.warp, limits.threads, _power(lanes))


def _power(number: int) -> int:
    """The least power of two that is not less."""
    return 1 << max(number - 1, 0).bit_length()
