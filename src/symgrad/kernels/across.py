"""Rows that are short: vectors run across rows, not along them.

A loop over ten entries is too short for a vector of sixteen. Where the loops inside a row are no longer than `SHORT`,
the rows are taken in tiles of `WIDTH`, and each statement runs over the rows of a tile before the next one does: rows
are independent of each other (but for sums, whose order is free). What a row keeps in a register or a row buffer
gets one more axis, the row's place in the tile; so do arrays that are read along rows, which are copied once.

Where the length is known only when the kernel runs, both forms are there and the length decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sympy import Basic, Expr, Function, Integer, Le, Mod, ceiling, floor

from ..functions import row_of, where
from ..ir.access import Access, Index, fresh_names
from . import loops
from .expressions import divided

SHORT, WIDTH = 32, 128


def across(kernel: loops.Kernel) -> loops.Kernel:
    """The kernel with tiles where rows are short."""
    work = _Work(dict(kernel.dtypes), dict(kernel.ranks), set(kernel.registers), list(kernel.scratch))
    steps = [work.step(s, kernel.shapes) if isinstance(s, loops.Launch) else s for s in kernel.steps]
    scratch = tuple(work.scratch)
    return replace(
        kernel, steps=tuple(steps), dtypes=work.dtypes, ranks=work.ranks, registers=frozenset(work.registers),
        scratch=scratch,
    )  # fmt: skip


@dataclass
class _Work:
    dtypes: dict[str, str]
    ranks: dict[str, int]
    registers: set[str]
    scratch: list[loops.Buffer]
    shared: dict[tuple, list[str]] = field(default_factory=dict)  # scratch for tiles, by shape and dtype

    def step(self, step: loops.Launch, shapes) -> loops.Launch:
        function = step.function
        rows = next((n for n in function.body if isinstance(n, loops.For) and n.rows), None)
        nodes = list(loops.walk(function.body))
        if rows is None or not function.parallel or any(isinstance(n, loops.Dot) for n in nodes) or not _worth(rows):
            return step
        longest = _unknown(rows)
        if longest is None:
            return step
        tiles = _Tiles(self, step, in_memory(rows, {b.name for b in function.partial}), shapes)
        chosen: loops.Node = tiles.node()
        if longest:
            chosen = loops.Choice(tuple(Le(e, SHORT) for e in longest), [chosen], [rows])
        body = [chosen if n is rows else n for n in function.body]
        kept = function.buffers if longest else ()
        return replace(
            step, function=replace(function, body=body, buffers=(*kept, *tiles.buffers)),
            scratch={**step.scratch, **{b.name: self.lend(b, tiles.buffers) for b in tiles.buffers}},
        )  # fmt: skip

    def name(self, stem: str, dtype: str, rank: int) -> str:
        found = next(fresh_names({*self.dtypes}, stem))
        self.dtypes[found], self.ranks[found] = dtype, rank
        return found

    def lend(self, buffer: loops.Buffer, mine: list[loops.Buffer]) -> str:
        """A scratch array for all chunks; functions run one after the other and share them."""
        key = (buffer.shape, buffer.dtype)
        position = [b for b in mine if (b.shape, b.dtype) == key].index(buffer)
        pool = self.shared.setdefault(key, [])
        if position == len(pool):
            name = self.name("scratch", buffer.dtype, len(buffer.shape) + 1)
            self.scratch.append(loops.Buffer(name, buffer.shape, buffer.dtype))
            pool.append(name)
        return pool[position]


# --------------------------------------------------------------------------------------------------------- which rows
def _worth(rows: loops.For) -> bool:
    """Is there a function inside a loop along the row? Vectors across rows load and store what lies apart."""
    return any(
        _costly(e) for n in rows.body if isinstance(n, loops.For) for node in loops.walk(n.body)
        for e in loops.values(node)
    )  # fmt: skip


def _costly(expr: Basic) -> bool:
    """Does it hold a function that is computed by a polynomial?"""
    for f in expr.atoms(Function):
        if isinstance(f, where | divided | floor | ceiling | Mod):  # these have no row
            continue
        kernel = row_of(f).kernel
        if kernel.kind in ("vector", "source") or (kernel.kind == "expression" and _costly(kernel.expression)):
            return True
    return False


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
            case loops.For() | loops.If():
                node = replace(node, body=_spilled(node.body, shared))
            case loops.Choice():
                node = replace(node, yes=_spilled(node.yes, shared), no=_spilled(node.no, shared))
        out.append(node)
    return out


# -------------------------------------------------------------------------------------------------------------- tiles
class _Tiles:
    """The rows' loop of one function, in tiles."""

    def __init__(self, work: _Work, step: loops.Launch, rows: loops.For, shapes):
        self.work, self.rows, self.function = work, rows, step.function
        self.lane = Index("lane#across")
        self.buffers: list[loops.Buffer] = []
        self.tile: dict[str, str] = {}  # a register or row buffer -> what holds it for a tile
        for b in self.function.buffers:
            self.tile[b.name] = self.buffer(b.name, b.shape, b.dtype)
        for name in sorted(self.crossing()):
            self.tile[name] = self.buffer(name, (), work.dtypes[name])
        self.copied: dict[str, str] = {}  # an array that is read along rows -> its rows of a tile
        held = dict(zip(self.function.arrays, step.arguments))
        self.filled = [n for name in self.along(held, shapes) for n in self.copy(name, shapes[held[name]][1:])]

    def buffer(self, stem: str, shape: Iterable[Expr], dtype: str) -> str:
        fixed = (*(e if e.is_Integer else Integer(SHORT) for e in shape), Integer(WIDTH))
        name = self.work.name(f"{stem}_tile", dtype, len(fixed))
        self.buffers.append(loops.Buffer(name, fixed, dtype))
        return name

    def node(self) -> loops.Tiles:
        return loops.Tiles(self.rows.index, WIDTH, [*self.filled, *self.nodes(self.rows.body)])

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

    def along(self, held, shapes) -> list[str]:
        """Arrays that are only read, by rows, in a loop along the row: their entries there do not lie side by side."""
        written = {name for n in loops.walk(self.function.body) for name in loops.written(n)}
        found: dict[str, bool] = {}
        for run in (n for n in self.rows.body if isinstance(n, loops.For | loops.First)):
            for a in {a for n in loops.walk([run]) for e in loops.values(n) for a in e.atoms(Access)}:
                if a.name in held and a.name not in written and len(a.indices) > 1:
                    found[a.name] = found.get(a.name, True) and a.indices[0] == self.rows.index
        extents = {n.size for n in loops.walk(self.rows.body) if isinstance(n, loops.For | loops.First)}
        everywhere = [a for n in loops.walk(self.rows.body) for e in loops.values(n) for a in e.atoms(Access)]
        good = [n for n in sorted(found) if found[n] and set(shapes[held[n]][1:]) <= extents]
        return [n for n in good if all(a.indices[0] == self.rows.index for a in everywhere if a.name == n)]

    def copy(self, name: str, extents: tuple[Expr, ...]) -> list[loops.Node]:
        """tile[k, lane] = array[row, k]."""
        self.copied[name] = self.buffer(name, extents, self.work.dtypes[name])
        index = [Index(f"i{axis}#across") for axis in range(len(extents))]
        store = loops.Store(self.copied[name], (*index, self.lane), Access(name, self.rows.index, *index))
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
        return (self.tile[name], (*(cell or ()), self.lane)) if name in self.tile else (name, cell)

    def mapped(self, node: loops.Node) -> loops.Node:
        match node:
            case loops.Set():
                name, cell = self.target(node.register, None)
                value = self.value(node.value)
                return loops.Set(name, value) if cell is None else loops.Store(name, cell, value)
            case loops.Store():
                return loops.Store(*self.target(node.buffer, node.cell), self.value(node.value))
            case loops.Combine():
                name, cell = self.target(node.target, node.cell)
                masked = tuple(map(self.value, node.masked))
                return replace(node, target=name, cell=cell, value=self.value(node.value), masked=masked)
            case loops.Extreme():
                args = tuple((*self.target(name, cell), index) for name, cell, index in node.args)
                return replace(node, target=self.target(*node.target), args=args, value=self.value(node.value))
            case loops.First():
                name, cell = self.target(node.register, None)
                value, extreme = self.value(node.value), self.value(node.extreme)
                return replace(node, register=name, cell=cell, value=value, extreme=extreme)
            case loops.If():
                return loops.If(tuple(map(self.value, node.conditions)), [self.mapped(n) for n in node.body])
            case loops.For():
                return replace(node, body=[self.mapped(n) for n in node.body])
        raise TypeError(f"{type(node).__name__} is not a statement of a row")


def _runs(nodes: list[loops.Node]) -> Iterator[list[loops.Node] | loops.For]:
    """Statements in a row together; loops along the row, also that of a search, alone."""
    run: list[loops.Node] = []
    for node in nodes:
        if isinstance(node, loops.First) and node.part == "whole":
            yield from filter(None, (run, [replace(node, part="start")]))
            yield loops.For(node.index, node.size, [replace(node, part="each")])
            run = [replace(node, part="end")]
        elif isinstance(node, loops.For):
            yield from filter(None, (run,))
            yield node
            run = []
        else:
            run.append(node)
    if run:
        yield run


def _all_runs(nodes: list[loops.Node]) -> Iterator[list[loops.Node]]:
    """Each list of statements that becomes one loop over the tile."""
    for run in _runs(nodes):
        if isinstance(run, loops.For):
            yield from _all_runs(run.body)
        else:
            yield run
