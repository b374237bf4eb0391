"""From a function of `loops` to kernels: rows to teams, inner loops to lanes, what is left of sums to a second kernel.

Any function can be run by one team in its own order; what can be dealt out is. The result is correct for every
number of lanes and teams; `seats` chooses these by the sizes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sympy import Expr, Integer

from ....ir.access import Access, Index, Size, fresh_names
from ... import loops
from ...lower import IDENTITY
from . import nodes
from .dealt import Shared, index_sizes, rows_shared, shared
from .nodes import Atomic, Best, Deposit, JoinBest, Lanes, Lead, Rows, Scratch, Team
from .normal import accumulations
from .sync import accesses, synchronised
from .uses import uses

LEFT = Size("left")  # how many teams or blocks have left a part
NOTHING = Shared()
SHORT = 4  # a loop of fewer iterations is not worth a lane each, if there is a longer one inside


@dataclass
class Names:
    """The registers and arrays that kernels need beside those of the loops."""

    kernel: loops.Kernel
    dtypes: dict[str, str] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    registers: set[str] = field(default_factory=set)

    def new(self, stem: str, dtype: str, rank: int | None = None) -> str:
        """A register, or (`rank` given) an array."""
        name = next(fresh_names({*self.kernel.dtypes, *self.dtypes}, stem))
        self.dtypes[name], self.ranks[name] = dtype, rank or 0
        if rank is None:
            self.registers.add(name)
        return name

    def extended(self) -> loops.Kernel:
        k = self.kernel
        return replace(
            k, dtypes={**k.dtypes, **self.dtypes}, ranks={**k.ranks, **self.ranks},
            registers=k.registers | self.registers,
        )  # fmt: skip


def distribute(names: Names, f: loops.Function) -> list[Team]:
    """The kernels that run `f`, one after the other."""
    f = replace(f, body=accumulations(f.body))
    rows = next((n for n in f.body if isinstance(n, loops.For) and n.rows), None)
    found = rows_shared(names.kernel, f, rows) if rows is not None else None
    if rows is None or found is None or (f.body[-1] is not rows and not (found.reduced or found.extremes)):
        return [_Function(names, f).alone()]
    return _Function(names, f).over_rows(rows, found)


@dataclass
class _Function:
    names: Names
    f: loops.Function
    lanes: list[Expr] = field(default_factory=list)
    scratch: list[Scratch] = field(default_factory=list)
    grid: Shared = NOTHING  # what the rows share
    parts: dict[str, str] = field(default_factory=dict)  # register -> the part of it that a lane has
    places: dict[str, str] = field(default_factory=dict)  # target of an extreme -> the place that belongs to its part
    vectors: dict[str, str] = field(default_factory=dict)  # buffer that rows add to -> the array of its team's parts

    def __post_init__(self):
        self.sizes = index_sizes(self.f.body)
        self.all = list(uses(self.f.body))

    # --------------------------------------------------------------------------------------------------- one team
    def alone(self) -> Team:
        """One team runs everything in order; loops inside are dealt to its lanes."""
        self._rows_in_scratch()
        body = self._synchronised(self.uniform(self.f.body))
        note = "" if self.f.extent is None else "one team: a row needs what those before it have written"
        return self._team(self.f.name, body, None, note=note)

    def _synchronised(self, body: list) -> list:
        return synchronised(body, self.names.kernel.registers | self.names.registers)

    def _rows_in_scratch(self) -> None:
        self.scratch += [Scratch(b.name, b.shape, b.dtype, "team") for b in self.f.buffers]

    def _team(self, name, body, rows, arrays=None, **options) -> Team:
        arrays = self.f.arrays if arrays is None else arrays
        lanes = tuple(dict.fromkeys(self.lanes))
        return Team(name, tuple(arrays), body, rows, lanes, tuple(self.scratch), **options)

    # -------------------------------------------------------------------------------------------------- many teams
    def over_rows(self, rows: loops.For, found: Shared) -> list[Team]:
        """A kernel over the rows, and those that join what teams and blocks have left."""
        self.grid = found
        self._rows_in_scratch()
        position = self.f.body.index(rows)
        head, tail = self.f.body[:position], self.f.body[position + 1 :]
        start = [n for n in head if not self._state(n)]
        start += [self._part(name, op, self.names.kernel.dtypes[name]) for name, op in found.reduced.items()]
        start += [n for e in found.extremes for n in self._best_part(e)]
        start += self._team_vectors(rows)
        body = self._synchronised([*start, Rows(rows.index, rows.size, self.uniform(rows.body))])
        waits = any(isinstance(n, nodes.Sync | nodes.Join | JoinBest) for n in nodes.walk(body))
        splits = not waits and not any(s.per == "team" for s in self.scratch)
        arrays = self._touched(body)
        teams = [self._team(self.f.name, [*body, *self._deposits()], rows.size, arrays, splits=splits)]
        if found.reduced or found.extremes:
            teams.append(self._finish(head, tail))
        return teams + [self._finish_vector(name, parts) for name, parts in self.vectors.items()]

    def _touched(self, body: list) -> list[str]:
        """The function's arrays that this kernel takes."""
        seen = {a.name for a in accesses(body)}
        return [a for a in self.f.arrays if a in seen]

    def _state(self, node) -> bool:
        """Does this node of the head start a register that rows combine into?"""
        states = {*self.grid.reduced, *(n for e in self.grid.extremes for n in (e.target[0], *(a for a, *_ in e.args)))}
        return isinstance(node, loops.Set) and node.register in states

    def _part(self, name: str, op: str, dtype: str) -> loops.Set:
        self.parts[name] = self.names.new(f"{name}_part", dtype)
        return loops.Set(self.parts[name], IDENTITY[op])

    def _best_part(self, e: loops.Extreme) -> list[loops.Set]:
        target = e.target[0]
        start = self._part(target, e.op, self.names.kernel.dtypes[target])
        self.places[target] = self.names.new(f"{target}_place", "int")
        return [start, loops.Set(self.places[target], Integer(-1))]

    def _team_vectors(self, rows: loops.For) -> list[Lanes]:
        """Vectors that rows add to get cells of each team's own, if no two lanes of a team meet in one."""
        start = []
        for name in self.grid.met:
            found = [u for u in self.all if u.name == name]
            by_data = any(u.cell and u.cell[0].atoms(Access) for u in found)
            if by_data or name not in {b.name for b in self.f.partial} or self._lanes_meet(rows.body, name):
                continue
            dtype, (size,) = self.names.kernel.dtypes[name], self._shape(name)
            parts = self.vectors[name] = self.names.new(f"{name}_parts", dtype, 1)
            self.scratch.append(Scratch(parts, (size,), dtype, "team"))
            cell = Index("cell")
            start.append(Lanes(cell, size, [loops.Store(parts, (cell,), Integer(0))]))
        return start

    def _shape(self, name: str) -> tuple[Expr, ...]:
        return next(b.shape for b in self.f.partial if b.name == name)

    def _lanes_meet(self, body: list, name: str) -> bool:
        """Does `name` have to be added to atomically inside a loop that is dealt to lanes?"""
        for node in body:
            if isinstance(node, loops.For):
                found = self._dealt(node)
                if found is not None and name in found.met:
                    return True
                if found is None and self._lanes_meet(node.body, name):
                    return True
            elif isinstance(node, loops.If) and self._lanes_meet(node.body, name):
                return True
        return False

    def _deposits(self) -> list[Deposit]:
        left = []
        for name, op in self.grid.reduced.items():
            left.append(Deposit(self.parts[name], op, self._block_array(name)))
        for e in self.grid.extremes:
            name = e.target[0]
            parts, places = self._block_array(name), self.names.new(f"{name}_places", "int", 1)
            self.scratch.append(Scratch(places, (), "int", "block"))
            left.append(Deposit(self.parts[name], e.op, parts, self.places[name], places))
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
            start = other._part(name, op, self.names.kernel.dtypes[name])
            loop = Lanes(index, LEFT, [loops.Combine(other.parts[name], None, op, Access(parts, index))])
            body += [start, loop, nodes.Join(name, other.parts[name], op)]
        for e in self.grid.extremes:
            parts, places = next(block).name, next(block).name
            start = other._best_part(e)
            part, place = other.parts[e.target[0]], other.places[e.target[0]]
            loop = Lanes(index, LEFT, [Best(part, place, e.op, Access(parts, index), Access(places, index))])
            body += [*start, loop, self._join_best(e, part, place)]
        body = self._synchronised([*body, *other.uniform(tail)])
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

    # ---------------------------------------------------------------------------------------------- inside a team
    def uniform(self, body: list) -> list:
        """The body as every lane runs it."""
        out: list = []
        for node in body:
            match node:
                case loops.For():
                    out += self._loop(node)
                case loops.If(conditions, inner):
                    out.append(loops.If(conditions, self.uniform(inner)))
                case loops.First():
                    out += self._search(node)
                case _:
                    out += self._statement(node)
        return out

    def _dealt(self, loop: loops.For) -> Shared | None:
        """What its lanes share if the loop is dealt to them."""
        found = shared(self.names.kernel, loop, list(uses(_without(self.f.body, loop))))
        if found is None:
            return None
        short = loop.size.is_Integer and loop.size < SHORT
        longer = any(isinstance(n, loops.For) for n in loop.body)
        return None if short and longer else found

    def _loop(self, loop: loops.For) -> list:
        found = self._dealt(loop)
        if found is None:
            return [loops.For(loop.index, loop.size, self.uniform(loop.body), loop.reverse)]
        self.lanes.append(loop.size)
        before: list = []
        after: list = []
        parts, places = dict(self.parts), dict(self.places)
        for name, op in found.reduced.items():
            if name not in self.grid.reduced:
                before.append(self._part(name, op, self.names.kernel.dtypes[name]))
                after.append(nodes.Join(name, self.parts[name], op))
        for e in found.extremes:
            if e.target[0] not in {g.target[0] for g in self.grid.extremes}:
                before += self._best_part(e)
                after.append(self._join_best(e, self.parts[e.target[0]], self.places[e.target[0]]))
        body = [m for n in loop.body for m in self._lane(n, found)]
        self.parts, self.places = parts, places
        return [*before, Lanes(loop.index, loop.size, body), *after]

    def _lane(self, node, found: Shared) -> list:
        """A node inside a loop of lanes: what they share goes into parts, to cells they meet in they add atomically."""
        met = {*found.met, *self.grid.met}
        match node:
            case loops.For(index, size, body, reverse):
                return [loops.For(index, size, [m for n in body for m in self._lane(n, found)], reverse)]
            case loops.If(conditions, body):
                return [loops.If(conditions, [m for n in body for m in self._lane(n, found)])]
            case loops.Combine(target, None) if target in self.parts:
                return [replace(node, target=self.parts[target])]
            case loops.Combine(target, cell, "sum", value) if cell is not None and target in met:
                return [self._added(target, cell, value, met=target in found.met)]
            case loops.Extreme(target) if target[0] in self.places:
                return [self._best(node)]
        return [node]

    def _added(self, target: str, cell, value, met: bool):
        if target in self.vectors:
            return loops.Combine(self.vectors[target], cell, "sum", value)
        if met or target in self.grid.met:
            return Atomic(target, cell, value)
        return loops.Combine(target, cell, "sum", value)

    def _best(self, e: loops.Extreme) -> Best:
        place: Expr = Integer(0)
        for *_, index in e.args:
            place = place * self.sizes[index] + index
        return Best(self.parts[e.target[0]], self.places[e.target[0]], e.op, e.value, place)

    def _join_best(self, e: loops.Extreme, part: str, place: str) -> JoinBest:
        return JoinBest(part, place, e, tuple(self.sizes[index] for *_, index in e.args))

    def _search(self, node: loops.First) -> list:
        """The least index with the value: the minimum over lanes of the first one that each of them meets."""
        self.lanes.append(node.size)
        part = self.names.new(f"{node.register}_part", "int")
        return [
            loops.Set(part, node.size),
            nodes.Lanes(node.index, node.size, [nodes.Hit(part, node.index, node.value, node.extreme)]),
            loops.Set(node.register, node.size),
            nodes.Join(node.register, part, "min"),
            nodes.Missing(node.register, node.size),
        ]

    def _statement(self, node) -> list:
        """A statement of a team: registers in every lane, memory by one."""
        match node:
            case loops.Set():
                return [node]
            case loops.Combine(target, None, _) if target in self.grid.reduced:
                return [Lead([replace(node, target=self.parts[target])])]
            case loops.Combine(_, None, _):
                return [node]
            case loops.Combine(target, cell, "sum", value) if target in self.grid.met:
                return [Lead([self._added(target, cell, value, met=True)])]
            case loops.Extreme(target, _, _, _) if target[0] in self.places:
                return [Lead([self._best(node)])]
            case loops.Extreme((_, None), _, _, _):
                return [node]
        return [Lead([node])]


def _without(body: list, loop: loops.For) -> list:
    """The nodes without one loop."""
    out: list = []
    for node in body:
        if node is loop:
            continue
        if isinstance(node, loops.For):
            node = loops.For(node.index, node.size, _without(node.body, loop), node.reverse, node.rows)
        elif isinstance(node, loops.If):
            node = loops.If(node.conditions, _without(node.body, loop))
        out.append(node)
    return out
