"""Rows that are long: some at a time, and what happens once for each row runs across them.

Inside a row LLVM vectorises the loops, but the functions between two loops (a sigmoid of a product of the row with
weights, the logarithm of a sum) would be computed for one row after the other. So the rows are taken in blocks that
stay in cache, and the row's statements are cut into phases: loops along the row, row after row; then the functions,
one vector across the rows of the block; then the next loops. A register that is needed in a later phase gets a place
for each row of the block, and a row buffer one row of memory for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sympy import Expr, Max, Min, Mul, floor

from ..ir.access import Access, Index
from . import loops
from .expressions import costly

MOST = 128       # rows of a block
ENTRIES = 4096   # of all rows of a block, along the longest nest: they stay in the first cache


@dataclass(frozen=True)
class Phase:
    """Statements that run for each row of a block before the next phase starts."""

    nodes: tuple[loops.Node, ...]
    vector: bool


def phases(rows: list[loops.Node]) -> list[Phase]:
    """A row's statements in phases: runs of statements with a costly function are vectors, all else is joined.

    One phase means that nothing is gained.
    """
    found: list[Phase] = []
    for run in _runs(rows):
        vector = not any(isinstance(n, loops.For | loops.First) for n in loops.walk(run)) and _costly(run)
        if found and not vector and not found[-1].vector:
            found[-1] = Phase((*found[-1].nodes, *run), False)
        else:
            found.append(Phase(tuple(run), vector))
    return found if any(not p.vector for p in found) else found[:1]


def _runs(nodes: list[loops.Node]) -> Iterator[list[loops.Node]]:
    """Statements without a loop together, loops alone."""
    run: list[loops.Node] = []
    for node in nodes:
        if any(isinstance(n, loops.For | loops.First) for n in loops.walk([node])):
            yield from filter(None, (run, [node]))
            run = []
        else:
            run.append(node)
    if run:
        yield run


def _costly(nodes: list[loops.Node]) -> bool:
    return any(costly(e) for n in loops.walk(nodes) for e in loops.values(n))


def height(rows: loops.For) -> Expr:
    """How many rows make a block: as many as stay in cache."""
    return Max(1, Min(MOST, floor(ENTRIES / Max(1, *_nests(rows.body)))))


def _nests(nodes: list[loops.Node]) -> Iterator[Expr]:
    for node in nodes:
        if isinstance(node, loops.For):
            yield from (Mul(node.size, inner) for inner in _nests(node.body))
            yield node.size
        elif isinstance(node, loops.If):
            yield from _nests(node.body)


class Blocks:
    """The rows' loop of one function, in blocks with phases. `buffer` makes memory for a block."""

    def __init__(self, rows: loops.For, found: list[Phase], function: loops.Function, buffer: Callable, kernel: Any):
        self.rows, self.found, self.function = rows, found, function
        self.lane = Index("lane#block")
        self.size = height(rows)
        self.buffers: list[loops.Buffer] = []
        self.own: dict[str, str] = {}  # a register or row buffer -> what holds it for the block
        crossing = self._crossing(kernel.registers)
        for b in function.buffers:
            self.own[b.name] = self._made(buffer(b.name, (self.size, *b.shape), b.dtype))
        self.registers = sorted(crossing)
        for name in self.registers:
            self.own[name] = self._made(buffer(name, (self.size,), kernel.dtypes[name]))

    def _made(self, buffer: loops.Buffer) -> str:
        self.buffers.append(buffer)
        return buffer.name

    def _crossing(self, registers: set[str]) -> set[str]:
        """Registers that one phase sets and another needs, and that start anew in each row."""
        outside = {name for n in self.function.body if n is not self.rows for name in loops.written(n)}
        users = [_mentioned(p.nodes) for p in self.found]
        set_here = set().union(*(_written(p.nodes) for p in self.found)) & registers - outside
        return {n for n in set_here if sum(n in u for u in users) > 1}

    def node(self) -> loops.Tiles:
        before: set[str] = set()
        body: list[loops.Node] = []
        for number, phase in enumerate(self.found):
            used, set_here = _mentioned(phase.nodes), _written(phase.nodes)
            later = set().union(*(_mentioned(p.nodes) for p in self.found[number + 1 :]))
            loads = [r for r in self.registers if r in used & before]
            stores = [r for r in self.registers if r in set_here & later]
            before |= set_here
            body.append(loops.Lanes(self.rows.index, self.lane, [
                *(loops.Set(r, Access(self.own[r], self.lane)) for r in loads),
                *(self._mapped(n) for n in phase.nodes),
                *(loops.Store(self.own[r], (self.lane,), Access(r)) for r in stores),
            ]))  # fmt: skip
        return loops.Tiles(self.rows.index, self.size, body)

    # -------------------------------------------------------------------------------------------------------- mapping
    def _value(self, expr: Any) -> Any:
        """`expr` with row buffers at the row's place in the block."""
        if isinstance(expr, Access):
            name, cell = self._target(expr.name, expr.indices)
            return Access(name, *(cell or ()))
        return expr.func(*map(self._value, expr.args)) if expr.has(Access) else expr

    def _target(self, name: str, cell):
        cell = None if cell is None else tuple(map(self._value, cell))
        held = name in self.own and name not in self.registers
        return (self.own[name], (self.lane, *cell)) if held and cell is not None else (name, cell)

    def _mapped(self, node: loops.Node) -> loops.Node:
        if isinstance(node, loops.If):
            return loops.If(tuple(map(self._value, node.conditions)), [self._mapped(n) for n in node.body])
        if isinstance(node, loops.For):
            return replace(node, body=[self._mapped(n) for n in node.body])
        return mapped(node, self._value, self._target)


def mapped(node: loops.Node, value: Callable, target: Callable) -> loops.Node:
    """A statement with changed values and targets; a register that has become a cell is stored."""
    match node:
        case loops.Set():
            name, cell = target(node.register, None)
            new = value(node.value)
            return loops.Set(name, new) if cell is None else loops.Store(name, cell, new)
        case loops.Store():
            return loops.Store(*target(node.buffer, node.cell), value(node.value))
        case loops.Combine():
            name, cell = target(node.target, node.cell)
            masked = tuple(map(value, node.masked))
            return replace(node, target=name, cell=cell, value=value(node.value), masked=masked)
        case loops.Extreme():
            args = tuple((*target(name, cell), index) for name, cell, index in node.args)
            return replace(node, target=target(*node.target), args=args, value=value(node.value))
        case loops.First():
            name, cell = target(node.register, node.cell)
            return replace(node, register=name, cell=cell, value=value(node.value), extreme=value(node.extreme))
    raise TypeError(f"{type(node).__name__} is not a statement of a row")


def _written(nodes) -> set[str]:
    return {name for n in loops.walk(list(nodes)) for name in loops.written(n)}


def _mentioned(nodes) -> set[str]:
    read = {a.name for n in loops.walk(list(nodes)) for e in loops.values(n) for a in e.atoms(Access)}
    return read | _written(nodes)
