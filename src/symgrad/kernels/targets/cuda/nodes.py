"""What a GPU function is made of, beside the nodes of `loops`.

A function is run by teams of threads: one thread, part of a warp, a warp or a block. A team has its rows one after the
other; each of its threads (lanes) runs the whole body with the same registers, except inside `Lanes`, whose iterations
are dealt out. So what stands outside of `Lanes` is the same in every lane, and only one of them (`Lead`) writes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr

from ....ir.access import Index
from ... import loops


@dataclass
class Rows:
    """The outermost loop; the rows are dealt to the teams of the grid."""

    index: Index
    size: Expr
    body: list[Node]


@dataclass
class Lanes:
    """A loop whose iterations are dealt to the lanes of the team."""

    index: Index
    size: Expr
    body: list[Node]


@dataclass
class Lead:
    """One lane of the team runs this."""

    body: list[Node]


@dataclass(frozen=True)
class Sync:
    """What the lanes have written is seen by all lanes behind this."""


@dataclass(frozen=True)
class Join:
    """`target = op(target, the parts of all lanes)`; then every lane has the same value."""

    target: str
    part: str
    op: str


@dataclass(frozen=True)
class Atomic:
    """`buffer[cell] += value`, where other lanes or teams may do the same at that moment."""

    buffer: str
    cell: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True)
class Best:
    """The better of (part, place) and (value, here): the first extreme and the number of its point, -1 for none."""

    part: str
    place: str
    op: str  # max | min
    value: Expr
    here: Expr


@dataclass(frozen=True)
class JoinBest:
    """The best (part, place) of all lanes replaces the target and the args of `state` if it is better."""

    part: str
    place: str
    state: loops.Extreme
    sizes: tuple[Expr, ...]  # of the indices of the args, in their order


@dataclass(frozen=True)
class Hit:
    """`part = min(part, index)` where `value` equals `extreme` (NaN equals NaN)."""

    part: str
    index: Index
    value: Expr
    extreme: Expr


@dataclass(frozen=True)
class Missing:
    """-1 in the place of `size`, which stands for: no such index."""

    register: str
    size: Expr


@dataclass(frozen=True)
class Deposit:
    """The total of a block goes into its cell of `parts`; with `place`, the best one and its number into `places`."""

    part: str
    op: str
    parts: str
    place: str = ""
    places: str = ""


Node = loops.Node | Rows | Lanes | Lead | Sync | Join | Atomic | Best | JoinBest | Hit | Missing | Deposit


@dataclass(frozen=True)
class Scratch:
    """Memory of one launch: its first axis counts the teams or the blocks of the launch."""

    name: str
    shape: tuple[Expr, ...]  # of the other axes
    dtype: str
    per: str  # team | block


@dataclass(frozen=True)
class Team:
    """One kernel: the rows (None: the grid is one team), the loops that lanes share, and its memory."""

    name: str
    arrays: tuple[str, ...]
    body: list[Node]
    rows: Expr | None
    lanes: tuple[Expr, ...]  # extents of the loops that are dealt to lanes
    scratch: tuple[Scratch, ...] = ()
    splits: bool = False  # may several blocks share one row?
    across: bool = False  # is an array read or written along the rows?
    left: bool = False  # does it join what the teams or blocks of the launch before have left?
    note: str = ""


def walk(nodes: list[Node]):
    for node in nodes:
        yield node
        if isinstance(node, Rows | Lanes | Lead | loops.For | loops.If):
            yield from walk(node.body)
