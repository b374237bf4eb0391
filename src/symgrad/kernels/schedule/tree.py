"""The pieces of a schedule: statements, loops over them, groups of loops, calls.

A `Statement` is one scalar action at one point; a `Loop` runs its body for each value of its index; a `Group` is what
becomes one generated function. Each loop has an index of its own, so nests can be merged without capturing a letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sympy import Basic, Expr

from ...ir.access import Access, Index, all_reads, index_symbols
from ...ir.system import Call, Range

Cell = tuple[Expr, ...]


@dataclass(frozen=True)
class Piece:
    """One summand of a statement: `body` where all of `guard` hold."""

    body: Expr
    guard: tuple[Basic, ...] = ()


@dataclass(frozen=True)
class Statement:
    """What happens at one point.

    kind `assign`      tensor[write] = sum of the pieces whose guards hold (the identity of `op` if there is none)
         `fill`        tensor[write] = identity of `op`; arg tensors = -1
         `accumulate`  tensor[write] = op(tensor[write], piece) if its guard holds; arg tensors follow an extreme
         `product`     tensor = the matrix product `call`, of which `piece` is one point

    Nothing happens where a condition of `when` (on the ordered indices of recurrences) fails.
    """

    kind: str
    tensor: str
    write: Cell
    pieces: tuple[Piece, ...] = ()
    op: str = "sum"
    arg: tuple[str, ...] = ()  # integer tensors of a max or min
    reduced: tuple[Index, ...] = ()  # their indices, in the order of the domain
    when: tuple[Basic, ...] = ()
    call: Contract | None = None

    def map(self, mapping: Mapping[Basic, Basic]) -> Statement:
        """The statement with indices replaced."""
        pieces = tuple(
            Piece(p.body.xreplace(mapping), tuple(g.xreplace(mapping) for g in p.guard)) for p in self.pieces
        )
        return Statement(
            self.kind, self.tensor, tuple(w.xreplace(mapping) for w in self.write), pieces, self.op, self.arg,
            tuple(mapping.get(i, i) for i in self.reduced),
            tuple(w.xreplace(mapping) for w in self.when), self.call and self.call.map(mapping),
        )  # fmt: skip

    def reads(self) -> list[Access]:
        expressions = [*self.write, *(e for p in self.pieces for e in (p.body, *p.guard))]
        return all_reads(expressions)

    def touches(self) -> list[Touch]:
        """Every access, with what it does to the cell."""
        mode = self.op if self.kind == "accumulate" else "assign"
        found = [Touch(a.name, a.indices, "read") for a in self.reads()]
        found.append(Touch(self.tensor, self.write, mode))
        found += [Touch(name, self.write, "assign") for name in self.arg]
        return found

    def indices(self) -> set[Index]:
        return set().union(*(index_symbols(e) for t in self.touches() for e in t.cell))


@dataclass(frozen=True)
class Touch:
    """One access of a tensor: `read`, `assign`, or the reduction that accumulates into it."""

    tensor: str
    cell: Cell
    mode: str


@dataclass
class Loop:
    """`for index in range(size)`; `reverse` counts down; the iterations of an `ordered` one read earlier ones."""

    index: Index
    size: Expr
    body: list[Loop | Statement] = field(default_factory=list)
    reverse: bool = False
    ordered: bool = False


@dataclass(frozen=True)
class Operand:
    """A tensor as a matrix in a contraction: which of its axes form the batch, the rows and the columns."""

    tensor: str
    batch: tuple[Range, ...]
    rows: tuple[Range, ...]
    columns: tuple[Range, ...]
    transposed: bool  # stored as [batch, columns, rows]
    fixed: tuple[tuple[int, Expr], ...] = ()  # in a recurrence: axes that stand at one position, as in h[t - 1]
    start: Expr | None = None  # where the first axis starts, if only a part of it is used

    @property
    def cell(self) -> Cell:
        """One entry, in the order in which the tensor is stored."""
        parts = (self.columns, self.rows) if self.transposed else (self.rows, self.columns)
        moving = iter([r.index for part in (self.batch, *parts) for r in part])
        fixed, count = dict(self.fixed), len(self.fixed) + len([*self.batch, *self.rows, *self.columns])
        return tuple(fixed[a] if a in fixed else next(moving) for a in range(count))

    def map(self, mapping: Mapping[Basic, Basic]) -> Operand:
        return replace(self, fixed=tuple((axis, position.xreplace(mapping)) for axis, position in self.fixed))


@dataclass(frozen=True)
class Contract:
    """out[b, m, n] = sum_k a[b, m, k] * b[b, k, n], by BLAS."""

    out: Operand
    a: Operand
    b: Operand

    def map(self, mapping: Mapping[Basic, Basic]) -> Contract:
        return Contract(self.out.map(mapping), self.a.map(mapping), self.b.map(mapping))

    def into(self, name: str) -> Contract:
        return replace(self, out=replace(self.out, tensor=name))

    def touches(self) -> list[Touch]:
        return [
            Touch(self.out.tensor, (), "assign"),
            Touch(self.a.tensor, (), "read"),
            Touch(self.b.tensor, (), "read"),
        ]


@dataclass(frozen=True)
class Gram:
    """out[m, m'] = sum_k weight[k] * value[k, m] * value[k, m'], by symmetric updates with blocks of rows."""

    out: str
    row: Range
    columns: tuple[Range, ...]
    value: Expr  # over the row and the columns
    weight: Expr  # over the row; 1 for none

    def into(self, name: str) -> Gram:
        return replace(self, out=name)

    def touches(self) -> list[Touch]:
        found = [Touch(a.name, (), "read") for a in all_reads([self.value, self.weight])]
        return [*found, Touch(self.out, (), "assign")]


@dataclass(frozen=True)
class Routine:
    """A linear-algebra routine on whole tensors, for each cell of its batch axes."""

    call: Call

    def touches(self) -> list[Touch]:
        found = [Touch(name, (), "read") for name in self.call.arguments]
        return found + [Touch(name, (), "assign") for name in self.call.writes]


@dataclass(eq=False)
class Group:
    """Statements and loops that become one function, one BLAS call or one routine."""

    body: list[Loop | Statement] = field(default_factory=list)
    call: Contract | Gram | Routine | None = None
    fills: list[tuple[str, str]] = field(default_factory=list)  # (tensor, op) filled before the group runs
    touched: dict[str, list[Touch]] = field(default_factory=dict)
    count: int = 0  # statements

    @property
    def loop(self) -> Loop | None:
        return self.body[0] if len(self.body) == 1 and isinstance(self.body[0], Loop) else None

    def note(self, touches: list[Touch]) -> None:
        for touch in touches:
            self.touched.setdefault(touch.tensor, []).append(touch)


def walk(nodes: list[Loop | Statement]) -> Iterator[Loop | Statement]:
    for node in nodes:
        yield node
        if isinstance(node, Loop):
            yield from walk(node.body)


def statements(nodes: list[Loop | Statement]) -> Iterator[Statement]:
    return (node for node in walk(nodes) if isinstance(node, Statement))


def touches(nodes: list[Loop | Statement]) -> dict[str, list[Touch]]:
    """tensor -> its accesses in `nodes`."""
    found: dict[str, list[Touch]] = {}
    for statement in statements(nodes):
        for touch in statement.touches():
            found.setdefault(touch.tensor, []).append(touch)
    return found
