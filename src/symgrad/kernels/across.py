"""Rows that are short: vectors run across rows, not along them.

A loop over ten entries is too short for a vector of sixteen. Where the loops inside a row are no longer than `SHORT`,
the rows are taken in tiles of `WIDTH`, and each statement runs over the rows of a tile before the next one does: rows
are independent of each other (but for sums, whose order is free). What a row keeps in a register or a row buffer
gets one more axis, the row's place in the tile; so do arrays that are read along rows, which are copied once.

Where the length is known only when the kernel runs, both forms are there and the length decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sympy import Expr, Integer, Le, Min, Mul

from ..ir.access import Access, Index
from . import loops
from .additions import Additions
from .expressions import costly
from .phases import Blocks, mapped, phases
from .straight import Straight, straight

SHORT = 32
WIDTH, NARROW, MANY = 128, 64, 128  # rows of a tile; of one whose rows have many entries in row buffers
UNROLLED = 16   # turns of a loop inside a loop over the tile
LEAST = 64      # rows of a chunk: few are no tile


def across(kernel: loops.Kernel) -> loops.Kernel:
    """The kernel with tiles where rows are short."""
    work = _Work(kernel)
    return work.made([work.step(s, kernel.shapes) if isinstance(s, loops.Launch) else s for s in kernel.steps])


class _Work(Additions):
    def step(self, step: loops.Launch, shapes) -> loops.Launch:
        function = step.function
        rows = next((n for n in function.body if isinstance(n, loops.For) and n.rows), None)
        if rows is None or not function.parallel or any(isinstance(n, loops.Dot) for n in loops.walk(function.body)):
            return step
        longest = _unknown(rows) if _worth(rows) else None
        shared = {b.name for b in function.partial}
        if longest is None and (found := self.straight(step, in_memory(rows, shared), shapes)):
            body = [found.node() if n is rows else n for n in function.body]
            return self.made_of(step, body, found.buffers, ())
        short = None if longest is None else _Tiles(self, step, in_memory(rows, shared), shapes)
        long = self.blocks(function, rows) if longest != () else None
        if short is None and long is None:
            return step
        other = long.node() if long else rows
        chosen = other if short is None else short.node()
        if short is not None and longest:
            chosen = loops.Choice(tuple(Le(e, SHORT) for e in longest), [chosen], [other])
        body = [chosen if n is rows else n for n in function.body]
        made = [b for form in (short, long) if form is not None for b in form.buffers]
        return self.made_of(step, body, made, function.buffers if long is None and longest != () else ())

    def made_of(self, step: loops.Launch, body: list[loops.Node], made: list[loops.Buffer], kept) -> loops.Launch:
        """The step with another body, with the buffers `made` beside those of its own that it has kept."""
        function = replace(step.function, body=body, buffers=(*kept, *made), least=LEAST)
        return replace(step, function=function, scratch=step.scratch | {b.name: self.lend(b, made) for b in made})

    def straight(self, step: loops.Launch, rows: loops.For, shapes) -> Straight | None:
        """The rows in tiles, where they are long straight-line code."""
        held = dict(zip(step.function.arrays, step.arguments))
        shared = {b.name for b in step.function.partial}
        extents = {name: shapes[buffer][1:] for name, buffer in held.items() if name not in shared}
        return straight(self, step.function, rows, extents)

    def blocks(self, function: loops.Function, rows: loops.For) -> Blocks | None:
        """The rows in blocks, where that lets a function run across rows."""
        found = phases(rows.body)
        if len(found) < 2:
            return None
        made = Blocks(rows, found, function, self.block, self)
        self.extent(made.size)
        return made

    def block(self, stem: str, shape: tuple[Expr, ...], dtype: str) -> loops.Buffer:
        return loops.Buffer(self.name(f"{stem}_block", dtype, len(shape)), shape, dtype)


# --------------------------------------------------------------------------------------------------------- which rows
def _worth(rows: loops.For) -> bool:
    """Is there a function inside a loop along the row? Vectors across rows load and store what lies apart."""
    return any(
        costly(e) for n in rows.body if isinstance(n, loops.For) for node in loops.walk(n.body)
        for e in loops.values(node)
    )  # fmt: skip


def _unknown(rows: loops.For) -> tuple[Expr, ...] | None:
    """The extents of the inner loops that are known only at run time; None where one is long for sure."""
    extents = {n.size for n in loops.walk(rows.body) if isinstance(n, loops.For | loops.First)}
    if any(e.is_Integer and e > SHORT for e in extents):
        return None
    return tuple(sorted((e for e in extents if not e.is_Integer), key=str))


def in_memory(rows: loops.For, partial: set[str]) -> loops.For:
    """The rows' loop without registers for the `partial` arrays, into which all rows accumulate: a cell is loaded into
    a register, added to and stored inside one row, and several rows at once would each store their own."""
    shared = {
        n.register: n.value for n in loops.walk([rows])
        if isinstance(n, loops.Set) and isinstance(n.value, Access) and n.value.name in partial
    }  # fmt: skip
    return replace(rows, body=_spilled(rows.body, shared))


def _spilled(nodes: list[loops.Node], shared: dict[str, Access]) -> list[loops.Node]:
    out: list[loops.Node] = []
    for node in nodes:
        match node:
            case loops.Set(register=name) if name in shared:
                continue
            case loops.Store(value=Access(name=name)) if name in shared:
                continue
            case loops.Combine(target=name) if name in shared:
                node = replace(node, target=shared[name].name, cell=shared[name].indices)
        out.append(loops.inside(node, lambda body: _spilled(body, shared)))
    return out


def _width(function: loops.Function) -> int:
    """Fewer rows where each has many entries: a tile stays in cache."""
    entries = sum(Mul(*(e if e.is_Integer else SHORT for e in b.shape)) for b in function.buffers)
    return NARROW if entries > MANY else WIDTH


# -------------------------------------------------------------------------------------------------------------- tiles
class _Tiles:
    """The rows' loop of one function, in tiles."""

    def __init__(self, work: _Work, step: loops.Launch, rows: loops.For, shapes):
        self.work, self.rows, self.function, self.width = work, rows, step.function, Integer(_width(step.function))
        self.lane = Index("lane#across")
        self.buffers: list[loops.Buffer] = []
        self.tile: dict[str, str] = {}  # a register or row buffer -> what holds it for a tile
        for b in self.function.buffers:
            self.tile[b.name] = self.buffer(b.name, b.shape, b.dtype)
        for name in sorted(self.crossing()):
            self.tile[name] = self.buffer(name, (), work.dtypes[name])
        self.copied: dict[str, str] = {}  # an array that is read or written along rows -> its rows of a tile
        held = dict(zip(self.function.arrays, step.arguments))
        extents = {name: shapes[buffer][1:] for name, buffer in held.items()}
        self.filled = [n for name in self.along(extents) for n in self.copy(name, extents[name])]
        self.emptied = [n for name in self.made(extents) for n in self.copy(name, extents[name], back=True)]

    def buffer(self, stem: str, shape: Iterable[Expr], dtype: str) -> str:
        fixed = (*(e if e.is_Integer else Min(e, SHORT) for e in shape), self.width)
        name = self.work.name(f"{stem}_tile", dtype, len(fixed))
        self.buffers.append(loops.Buffer(name, fixed, dtype))
        return name

    def node(self) -> loops.Tiles:
        return loops.Tiles(self.rows.index, self.width, [*self.filled, *self.nodes(self.rows.body), *self.emptied])

    def lanes(self, nodes: list[loops.Node]) -> loops.Lanes:
        return loops.Lanes(self.rows.index, self.lane, nodes)

    def nodes(self, nodes: list[loops.Node]) -> list[loops.Node]:
        """Statements become loops over the tile; a loop along the row goes outside."""
        out: list[loops.Node] = []
        for run in _runs(nodes):
            if isinstance(run, loops.For):
                out.append(replace(run, body=self.nodes(run.body)))
            else:
                out.append(self.lanes([self.mapped(n) for n in run]))
        return out

    # ------------------------------------------------------------------------------------------------- what is needed
    def crossing(self) -> set[str]:
        """Registers that are set for a row and needed in more than one loop over its tile."""
        where: dict[str, set[int]] = {}
        inside: set[str] = set()
        for number, run in enumerate(_all_runs(self.rows.body)):
            for node in loops.walk(run):
                inside |= set(loops.written(node))
                names = {a.name for e in loops.values(node) for a in e.atoms(Access)} | set(loops.written(node))
                for name in names:
                    where.setdefault(name, set()).add(number)
        outside = {name for n in self.function.body if n is not self.rows for name in loops.written(n)}
        return {n for n in inside & self.work.registers - outside if len(where[n]) > 1}

    def along(self, extents: Mapping[str, tuple]) -> list[str]:
        """Arrays that are only read, by rows, in a loop along the row: their entries there do not lie side by side."""
        written = {name for n in loops.walk(self.function.body) for name in loops.written(n)}
        runs = [n for n in self.rows.body if isinstance(n, loops.For | loops.First)]
        found = {a.name for n in loops.walk(runs) for e in loops.values(n) for a in e.atoms(Access)}
        return [n for n in sorted(found) if n in extents and n not in written and self.by_rows(n, extents[n])]

    def made(self, extents: Mapping[str, tuple]) -> list[str]:
        """Arrays of which a loop along the row writes every entry before anything reads one."""
        first: dict[str, bool] = {}
        for run in self.rows.body:
            plain = not any(isinstance(n, loops.If) for n in loops.walk([run]))
            inside = {n.index: n.size for n in loops.walk([run]) if isinstance(n, loops.For)}
            for node in loops.walk([run]):
                for a in {a for e in loops.values(node) for a in e.atoms(Access)}:
                    first.setdefault(a.name, False)
                for name in loops.written(node):
                    cell = node.cell if isinstance(node, loops.Store) else ()
                    covers = plain and tuple(inside.get(i) for i in cell[1:]) == extents.get(name, ())
                    first.setdefault(name, covers and len(set(cell)) == len(cell) > 1)
        return [n for n in sorted(first) if first[n] and n in extents and self.by_rows(n, extents[n])]

    def by_rows(self, name: str, extents: tuple) -> bool:
        """Is the array's first axis the row in every access, and are the others short?"""
        nodes = list(loops.walk(self.rows.body))
        cells = [a.indices for n in nodes for e in loops.values(n) for a in e.atoms(Access) if a.name == name]
        cells += [n.cell for n in nodes if isinstance(n, loops.Store | loops.Combine) and name in loops.written(n)]
        lengths = {n.size for n in nodes if isinstance(n, loops.For | loops.First)}
        alone = all(isinstance(n, loops.Store | loops.Combine) for n in nodes if name in loops.written(n))
        return alone and bool(extents) and set(extents) <= lengths and all(c and c[0] == self.rows.index for c in cells)

    def copy(self, name: str, extents: tuple[Expr, ...], back: bool = False) -> list[loops.Node]:
        """tile[k, lane] = array[row, k], or the other way."""
        tile = self.copied[name] = self.buffer(name, extents, self.work.dtypes[name])
        index = tuple(Index(f"i{axis}#across") for axis in range(len(extents)))
        here, there = Access(name, self.rows.index, *index), Access(tile, *index, self.lane)
        target, value = (here, there) if back else (there, here)
        store = loops.Store(target.name, target.indices, value)
        inner: list[loops.Node] = [store]
        for i, extent in reversed(list(zip(index, extents))):
            inner = [loops.For(i, extent, inner)]
        return [self.lanes(inner)]

    # -------------------------------------------------------------------------------------------------------- mapping
    def value(self, expr: Any) -> Any:
        """`expr` with what belongs to a row at the row's place in the tile."""
        if isinstance(expr, Access):
            indices = tuple(self.value(i) for i in expr.indices)
            if expr.name in self.tile:
                return Access(self.tile[expr.name], *indices, self.lane)
            if expr.name in self.copied:
                return Access(self.copied[expr.name], *indices[1:], self.lane)
            return Access(expr.name, *indices)
        return expr.func(*map(self.value, expr.args)) if expr.has(Access) else expr

    def target(self, name: str, cell: tuple[Expr, ...] | None) -> tuple[str, tuple[Expr, ...] | None]:
        cell = None if cell is None else tuple(map(self.value, cell))
        if name in self.copied and cell is not None:
            return self.copied[name], (*cell[1:], self.lane)
        return (self.tile[name], (*(cell or ()), self.lane)) if name in self.tile else (name, cell)

    def mapped(self, node: loops.Node) -> loops.Node:
        if isinstance(node, loops.If):
            return loops.If(tuple(map(self.value, node.conditions)), [self.mapped(n) for n in node.body])
        if isinstance(node, loops.For):
            return replace(node, body=[self.mapped(n) for n in node.body])
        node = mapped(node, self.value, self.target)
        if isinstance(node, loops.Combine) and node.op == "sum" and node.cell and self.lane not in node.cell:
            return replace(node, loose=True)  # into what rows share: one value for all rows of the tile
        return node


def _runs(nodes: list[loops.Node]) -> Iterator[list[loops.Node] | loops.For]:
    """Statements in a row together; loops along the row, also that of a search, alone."""
    run: list[loops.Node] = []
    for node in nodes:
        if isinstance(node, loops.First) and node.part == "whole":
            yield from filter(None, (run, [replace(node, part="start")]))
            yield loops.For(node.index, node.size, [replace(node, part="each")])
            run = [replace(node, part="end")]
        elif isinstance(node, loops.For) and not _unrolled(node):
            yield from filter(None, (run,))
            yield node
            run = []
        else:
            run.append(node)
    if run:
        yield run


def _unrolled(loop: loops.For) -> bool:
    """A short loop of known length stays inside the loop over the tile: LLVM unrolls it, a sum stays in a register."""
    short = loop.size.is_Integer and loop.size <= UNROLLED
    plain = all(isinstance(n, loops.Combine | loops.Set | loops.Store) for n in loop.body)
    return bool(short) and plain and not any(costly(e) for n in loop.body for e in loops.values(n))


def _all_runs(nodes: list[loops.Node]) -> Iterator[list[loops.Node]]:
    """Each list of statements that becomes one loop over the tile."""
    for run in _runs(nodes):
        if isinstance(run, loops.For):
            yield from _all_runs(run.body)
        else:
            yield run
