"""From a function of `loops` to kernels: rows to teams, inner loops to lanes, what is left of sums to a second kernel.

Any function can be run by one team in its own order; what can be dealt out is. The result is correct for every
number of lanes and teams; `seats` chooses these by the sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sympy import Expr, Integer

from ....ir.access import Access, Index, Size, all_reads
from ... import loops
from . import nodes
from .dealt import Shared, rows_shared
from .lanes import NOTHING, Names, Shares
from .nodes import Best, Deposit, JoinBest, Lanes, Lead, Rows, Scratch, Team
from .normal import accumulations
from .sync import accesses, synchronised
from .uses import by_name, uses

LEFT = Size("left")  # how many teams or blocks have left a part


def distribute(names: Names, f: loops.Function) -> list[Team]:
    """The kernels that run `f`, one after the other."""
    f = replace(f, body=accumulations(f.body))
    rows = next((n for n in f.body if isinstance(n, loops.For) and n.rows), None)
    found = rows_shared(names.kernel, f, rows) if rows is not None else None
    if rows is None or found is None or (f.body[-1] is not rows and not (found.reduced or found.extremes)):
        return [_Function(names, f).alone()]
    return _Function(names, f, found).over_rows(rows)


@dataclass
class _Function:
    names: Names
    f: loops.Function
    grid: Shared = NOTHING  # what the rows share
    scratch: list[Scratch] = field(default_factory=list)

    def __post_init__(self):
        self.shares = Shares(self.names, self.f, self.grid)

    # --------------------------------------------------------------------------------------------------- one team
    def alone(self) -> Team:
        """One team runs everything in order; loops inside are dealt to its lanes."""
        self._rows_in_scratch()
        body = self._synchronised(self.shares.uniform(self.f.body))
        note = "" if self.f.extent is None else "one team: a row needs what those before it have written"
        return self._team(self.f.name, body, None, note=note)

    def _synchronised(self, body: list) -> list:
        return synchronised(body, self.names.kernel.registers | self.names.registers)

    def _rows_in_scratch(self) -> None:
        self.scratch += [Scratch(b.name, b.shape, b.dtype, "team") for b in self.f.buffers]

    def _team(self, name, body, rows, arrays=None, **options) -> Team:
        arrays = self.f.arrays if arrays is None else arrays
        lanes = tuple(dict.fromkeys(self.shares.lanes))
        return Team(name, tuple(arrays), body, rows, lanes, tuple(self.scratch), **options)

    # -------------------------------------------------------------------------------------------------- many teams
    def over_rows(self, rows: loops.For) -> list[Team]:
        """A kernel over the rows, and those that join what teams and blocks have left."""
        self._rows_in_scratch()
        found, position = self.grid, self.f.body.index(rows)
        head, tail = self.f.body[:position], self.f.body[position + 1 :]
        start = [n for n in head if not self._state(n)]
        start += [self.shares.part(name, op, self.names.kernel.dtypes[name]) for name, op in found.reduced.items()]
        start += [n for e in found.extremes for n in self.shares.best_part(e)]
        start += self._team_vectors(rows)
        body = self._synchronised([*start, Rows(rows.index, rows.size, self.shares.uniform(rows.body))])
        waits = any(isinstance(n, nodes.Sync | nodes.Join | JoinBest) for n in nodes.walk(body))
        splits = not waits and not any(s.per == "team" for s in self.scratch)
        arrays = self._touched(body)
        options = {"splits": splits, "across": _across(rows.index, body)}
        teams = [self._team(self.f.name, [*body, *self._deposits()], rows.size, arrays, **options)]
        if found.reduced or found.extremes:
            teams.append(self._finish(head, tail))
        return teams + [self._finish_vector(name, parts) for name, parts in self.shares.vectors.items()]

    def _touched(self, body: list) -> list[str]:
        """The function's arrays that this kernel takes."""
        seen = {a.name for a in accesses(body)}
        return [a for a in self.f.arrays if a in seen]

    def _state(self, node) -> bool:
        """Does this node of the head start a register that rows combine into?"""
        states = {*self.grid.reduced, *(n for e in self.grid.extremes for n in (e.target[0], *(a for a, *_ in e.args)))}
        return isinstance(node, loops.Set) and node.register in states

    def _team_vectors(self, rows: loops.For) -> list[Lanes]:
        """Vectors that rows add to get cells of each team's own, if no two lanes of a team meet in one."""
        start, table = [], by_name(uses(self.f.body))
        for name in self.grid.met:
            found = table[name]
            by_data = any(u.cell and u.cell[0].atoms(Access) for u in found)
            if by_data or name not in {b.name for b in self.f.partial} or self.shares.meet(rows.body, name):
                continue
            dtype, (size,) = self.names.kernel.dtypes[name], self._shape(name)
            parts = self.shares.vectors[name] = self.names.new(f"{name}_parts", dtype, 1)
            self.scratch.append(Scratch(parts, (size,), dtype, "team"))
            cell = Index("cell")
            start.append(Lanes(cell, size, [loops.Store(parts, (cell,), Integer(0))]))
        return start

    def _shape(self, name: str) -> tuple[Expr, ...]:
        return next(b.shape for b in self.f.partial if b.name == name)

    def _deposits(self) -> list[Deposit]:
        left = []
        for name, op in self.grid.reduced.items():
            left.append(Deposit(self.shares.parts[name], op, self._block_array(name)))
        for e in self.grid.extremes:
            name = e.target[0]
            parts, places = self._block_array(name), self.names.new(f"{name}_places", "int", 1)
            self.scratch.append(Scratch(places, (), "int", "block"))
            left.append(Deposit(self.shares.parts[name], e.op, parts, self.shares.places[name], places))
        return left

    def _block_array(self, name: str) -> str:
        parts = self.names.new(f"{name}_parts", self.names.kernel.dtypes[name], 1)
        self.scratch.append(Scratch(parts, (), self.names.kernel.dtypes[name], "block"))
        return parts

    # ------------------------------------------------------------------------------------------------ second kernels
    def _finish(self, head: list, tail: list) -> Team:
        """One team joins what the blocks have left with what there was before the rows, and does what stands behind."""
        other = _Function(self.names, self.f)
        block = iter([s for s in self.scratch if s.per == "block"])
        index = Index("block")
        body: list = list(head)
        for name, op in self.grid.reduced.items():
            parts = next(block).name
            start = other.shares.part(name, op, self.names.kernel.dtypes[name])
            loop = Lanes(index, LEFT, [loops.Combine(other.shares.parts[name], None, op, Access(parts, index))])
            body += [start, loop, nodes.Join(name, other.shares.parts[name], op)]
        for e in self.grid.extremes:
            parts, places = next(block).name, next(block).name
            start = other.shares.best_part(e)
            part, place = other.shares.parts[e.target[0]], other.shares.places[e.target[0]]
            loop = Lanes(index, LEFT, [Best(part, place, e.op, Access(parts, index), Access(places, index))])
            body += [*start, loop, self.shares.join_best(e, part, place)]
        body = self._synchronised([*body, *other.shares.uniform(tail)])
        arrays = (*self._touched(body), *(s.name for s in self.scratch if s.per == "block"))
        return Team(f"{self.f.name}_end", arrays, body, None, (LEFT,), left=True)

    def _finish_vector(self, name: str, parts: str) -> Team:
        """A row for each cell: the sum over the teams."""
        cell, team = Index("cell"), Index("team")
        shape, dtype = self._shape(name), self.names.kernel.dtypes[name]
        total, part = self.names.new(f"{name}_", dtype), self.names.new(f"{name}_part", dtype)
        body = [
            loops.Set(total, Access(name, cell)),
            loops.Set(part, Integer(0)),
            Lanes(team, LEFT, [loops.Combine(part, None, "sum", Access(parts, team, cell))]),
            nodes.Join(total, part, "sum"),
            Lead([loops.Store(name, (cell,), Access(total))]),
        ]
        rows = Rows(cell, shape[0], body)
        return Team(f"{self.f.name}_{name}", (name, parts), [rows], shape[0], (LEFT,), left=True)


def _across(row: Index, body: list) -> bool:
    """Is there an access whose last axis is that of the rows, and another one that of the lanes?"""
    lanes = {n.index for n in nodes.walk(body) if isinstance(n, Lanes)}
    return any(cell and cell[-1] == row and lanes & {*cell[:-1]} for n in nodes.walk(body) for cell in _cells(n))


def _cells(node) -> Iterator[tuple[Expr, ...]]:
    if isinstance(node, loops.Node):
        yield from (a.indices for a in all_reads(tuple(loops.values(node))))
    if isinstance(node, loops.Store | loops.Combine):
        yield node.cell or ()
