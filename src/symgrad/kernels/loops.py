"""The small typed language between a schedule and Python text.

Expressions are SymPy scalars whose atoms are `Access` (of a buffer, or of rank 0 for a register), `Index` (a loop's
variable) and `Size`. Every register and buffer has a dtype: `float` (the kernel's), `int` (64 bits) or `bool`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import Basic, Expr

from ..ir.access import Index
from ..ir.system import Call


@dataclass(frozen=True)
class Set:
    """`register = value`."""

    register: str
    value: Expr


@dataclass(frozen=True)
class Store:
    """`buffer[cell] = value`."""

    buffer: str
    cell: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True)
class Combine:
    """`target = op(target, value)`; a target without cell is a register. `loose`: the order of a sum may change.

    Where a condition of `masked` fails, the identity is combined instead of the value (which may be computed all the
    same): unlike an `If`, LLVM vectorises that.
    """

    target: str
    cell: tuple[Expr, ...] | None
    op: str  # sum | prod | max | min
    value: Expr
    loose: bool = False
    masked: tuple[Basic, ...] = ()


@dataclass(frozen=True)
class Extreme:
    """If `value` is the first extreme so far: `target = value`, and each `arg` the index where it lies."""

    target: tuple[str, tuple[Expr, ...] | None]
    args: tuple[tuple[str, tuple[Expr, ...] | None, Index], ...]
    op: str  # max | min
    value: Expr


@dataclass(frozen=True)
class First:
    """`register` = the least index below `size` at which `value` equals `extreme` (NaN equals NaN), or -1.

    A `part` of it is what comes before the loop over `index` (`start`), one turn (`each`), or what follows (`end`).
    """

    register: str
    index: Index
    size: Expr
    value: Expr
    extreme: Expr
    part: str = "whole"
    cell: tuple[Expr, ...] | None = None  # where `register` is an array


@dataclass
class If:
    """The body where all conditions hold; they are tested in order."""

    conditions: tuple[Basic, ...]
    body: list[Node]


@dataclass
class For:
    index: Index
    size: Expr
    body: list[Node]
    reverse: bool = False
    rows: bool = False  # the outermost loop, from `start` to `stop`
    least: tuple[Expr, ...] = ()  # the index is at least these
    below: tuple[Expr, ...] = ()  # ... and below these
    pace: Pace | None = None


@dataclass
class Choice:
    """`yes` where all conditions hold, else `no`."""

    conditions: tuple[Basic, ...]
    yes: list[Node]
    no: list[Node]


@dataclass(frozen=True)
class Strip:
    """Where a tile of rows of `array` is written first: a half of the buffer `strip`, or the array itself if it is not
    large. Registers: what of the tile before is not in memory yet are the lines from `at` to `end`, which stand `shift`
    bytes further in the strip; `step` bytes are copied at a time."""

    array: str
    strip: str
    entries: Expr  # of a row
    at: str
    end: str
    shift: str
    step: str


@dataclass(frozen=True)
class Pace:
    """What a loop does beside its work, after each part of its turns: it writes lines of the tile before to memory, and
    fetches the next tile's rows of `arrays`."""

    strips: tuple[Strip, ...]
    arrays: tuple[str, ...]
    ahead: Expr  # rows from one tile to the next


@dataclass
class Tiles:
    """The rows from `start` to `stop` in tiles of `width`; the body holds `Lanes`. `parts`: how often in a tile strips
    are copied from, if a loop keeps a pace."""

    index: Index
    width: Expr
    body: list[Node]
    strips: tuple[Strip, ...] = ()
    parts: Expr | None = None


@dataclass
class Lanes:
    """The body for each row `index` of a tile; `lane` is its place in the tile, `at` that in a strip."""

    index: Index
    lane: Index
    body: list[Node]
    at: Index | None = None
    pace: Pace | None = None


@dataclass(frozen=True)
class Turned:
    """The rows of a tile of `matrix`, of `entries` each, as columns of `tile`; or (`back`) the other way."""

    matrix: str
    tile: str
    entries: int
    back: bool = False


@dataclass(frozen=True)
class Buffer:
    """Memory of one chunk of rows: a row buffer, or (`op` given) what the chunk accumulates."""

    name: str
    shape: tuple[Expr, ...]
    dtype: str
    op: str = ""
    pieces: int = 0  # how many chunks there may be (1: the function never runs in chunks); 0: as many as the target has


@dataclass
class Function:
    """One generated function over `rows` (of extent `extent`; None: no loop). `buffers` are its row buffers,
    `partial` the
    arrays into which rows accumulate: each chunk of rows gets its own."""

    name: str
    arrays: tuple[str, ...]
    body: list[Node]
    buffers: tuple[Buffer, ...] = ()
    extent: Expr | None = None
    partial: tuple[Buffer, ...] = ()
    parallel: bool = False
    work: tuple[tuple[Expr, ...], ...] = ()  # the extents of the deepest nests
    least: int = 1  # rows of a chunk


@dataclass(frozen=True)
class Fill:
    buffer: str
    op: str  # the reduction whose identity is filled in; `arg` fills -1


@dataclass(frozen=True)
class Launch:
    function: Function
    arguments: tuple[str, ...]  # buffers, in the order of `function.arrays`
    scratch: Mapping[str, str]  # row buffer or partial array -> the scratch array that holds it for all chunks


@dataclass(frozen=True)
class Matrix:
    """A buffer as a matrix: the extents of batch, rows and columns; `transposed`: stored with columns before rows."""

    buffer: str
    batch: tuple[Expr, ...]
    rows: tuple[Expr, ...]
    columns: tuple[Expr, ...]
    transposed: bool
    fixed: tuple[tuple[int, Expr], ...] = ()  # axes that stand at one position
    start: Expr | None = None  # where the first axis starts, if only a part of it is used


@dataclass(frozen=True)
class Dot:
    """out = a @ b, for each batch index: a step of `run`, or (without batch) a node of a function."""

    out: Matrix
    a: Matrix
    b: Matrix


@dataclass(frozen=True)
class Gram:
    """out[m, m'] = sum over rows k of weight[k] value[k, m] value[k, m'].

    Chunks of rows add up in `parts`. Rows are scaled into the buffer `block` by the roots of `weights`; without these
    buffers `matrix` is stored as it is needed.
    """

    name: str
    out: str
    row: Index
    count: Expr
    columns: tuple[tuple[Index, Expr], ...]
    value: Expr
    weight: Expr
    arrays: tuple[str, ...]
    parts: Buffer
    block: Buffer | None
    weights: Buffer | None
    scratch: Mapping[str, str]

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        return tuple(b for b in (self.weights, self.block, self.parts) if b is not None)


@dataclass(frozen=True)
class Routine:
    """A routine of `routines` for each cell of `batch`. An operand is (buffer, its batch axes, the rank of its core):
    it is taken at the last batch indices only."""

    call: Call
    operands: tuple[tuple[str, int, int], ...]  # what is read, then what is written
    batch: tuple[Expr, ...]


@dataclass(frozen=True)
class Copy:
    source: str
    target: str


@dataclass(frozen=True)
class Chain:
    """A function and a product over the same rows: some at a time go through both."""

    rows: Launch
    gram: Gram


Node = Set | Store | Combine | Extreme | First | If | For | Choice | Tiles | Lanes | Turned | Dot
Step = Fill | Launch | Dot | Gram | Routine | Copy | Chain


@dataclass(frozen=True)
class Kernel:
    """What `emit` prints: the steps of `run`, the arrays it takes, and what each name is."""

    steps: tuple[Step, ...]
    arrays: tuple[str, ...]  # parameters of run, in order
    dtypes: Mapping[str, str]  # of every buffer and register
    ranks: Mapping[str, int]
    shapes: Mapping[str, tuple[Expr, ...]]  # of the arrays
    registers: frozenset[str]
    sizes: tuple[Expr, ...]  # size variables that run takes
    extents: Mapping[Expr, str]  # size expressions that are not variables -> the name that holds the value
    scratch: tuple[Buffer, ...]  # one for each chunk, along a first axis


def walk(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, If | For | Tiles | Lanes):
            yield from walk(node.body)
        if isinstance(node, Choice):
            yield from walk([*node.yes, *node.no])


def inside(node: Node, change: Callable[[list[Node]], list[Node]]) -> Node:
    """The node with `change` done to the bodies that it holds."""
    match node:
        case If() | For() | Tiles() | Lanes():
            return replace(node, body=change(node.body))
        case Choice():
            return replace(node, yes=change(node.yes), no=change(node.no))
    return node


def rewritten(kernel: Kernel, change: Callable[[list[Node]], list[Node]]) -> Kernel:
    """The kernel with `change` done to the body of every function."""
    steps = tuple(
        replace(s, function=replace(s.function, body=change(s.function.body))) if isinstance(s, Launch) else s
        for s in kernel.steps
    )
    return replace(kernel, steps=steps)


def everything(kernel: Kernel) -> Iterator[Step | Node]:
    """The steps of `run`, and the nodes of their functions."""
    for step in kernel.steps:
        yield step
        if isinstance(step, Launch):
            yield from walk(step.function.body)


def written(node: Node) -> tuple[str, ...]:
    """The registers and buffers that the node itself changes (not its body)."""
    match node:
        case Set() | First():
            return (node.register,)
        case Store():
            return (node.buffer,)
        case Combine():
            return (node.target,)
        case Extreme():
            return (node.target[0], *(name for name, _, _ in node.args))
        case Turned():
            return (node.matrix if node.back else node.tile,)
        case Dot():
            return (node.out.buffer,)
    return ()


def values(node: Node) -> Iterator[Basic]:
    """The expressions that the node itself reads: values, conditions, positions."""
    match node:
        case Set():
            yield node.value
        case Store():
            yield from (node.value, *node.cell)
        case Combine():
            yield from (node.value, *(node.cell or ()), *node.masked)
        case Extreme():
            yield from (node.value, *(node.target[1] or ()), *(e for _, cell, _ in node.args for e in cell or ()))
        case First():
            yield from (node.value, node.extreme)
        case If() | Choice():
            yield from node.conditions
