"""What a team's lanes run: the body of a function with its inner loops dealt out.

Outside of `Lanes` every lane runs the same with the same registers, and one of them writes (`Lead`). What iterations
combine into goes into a part of each lane's own; the parts are joined behind the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sympy import Expr, Integer

from ....ir.access import fresh_names
from ... import loops
from ...lower import IDENTITY
from . import nodes
from .dealt import Shared, index_sizes, shared
from .nodes import Atomic, Best, JoinBest, Lanes, Lead
from .uses import uses

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


@dataclass
class Shares:
    """How the lanes of a team share the work of a function, and the names of what belongs to each."""

    names: Names
    f: loops.Function
    grid: Shared = NOTHING  # what the rows share
    lanes: list[Expr] = field(default_factory=list)  # extents of the loops that are dealt out
    parts: dict[str, str] = field(default_factory=dict)  # register -> the part of it that a lane has
    places: dict[str, str] = field(default_factory=dict)  # target of an extreme -> the place that belongs to its part
    vectors: dict[str, str] = field(default_factory=dict)  # buffer that rows add to -> the array of its team's parts

    def __post_init__(self):
        self.sizes = index_sizes(self.f.body)

    def part(self, name: str, op: str, dtype: str) -> loops.Set:
        self.parts[name] = self.names.new(f"{name}_part", dtype)
        return loops.Set(self.parts[name], IDENTITY[op])

    def best_part(self, e: loops.Extreme) -> list[loops.Set]:
        target = e.target[0]
        start = self.part(target, e.op, self.names.kernel.dtypes[target])
        self.places[target] = self.names.new(f"{target}_place", "int")
        return [start, loops.Set(self.places[target], Integer(-1))]

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

    def dealt(self, loop: loops.For) -> Shared | None:
        """What its lanes share if the loop is dealt to them."""
        found = shared(self.names.kernel, loop, list(uses(_without(self.f.body, loop))))
        if found is None:
            return None
        short = loop.size.is_Integer and loop.size < SHORT
        longer = any(isinstance(n, loops.For) for n in loop.body)
        return None if short and longer else found

    def meet(self, body: list, name: str) -> bool:
        """Does `name` have to be added to atomically inside a loop that is dealt to lanes?"""
        for node in body:
            if isinstance(node, loops.For):
                found = self.dealt(node)
                if found is not None and name in found.met:
                    return True
                if found is None and self.meet(node.body, name):
                    return True
            elif isinstance(node, loops.If) and self.meet(node.body, name):
                return True
        return False

    def _loop(self, loop: loops.For) -> list:
        found = self.dealt(loop)
        if found is None:
            return [loops.For(loop.index, loop.size, self.uniform(loop.body), loop.reverse)]
        self.lanes.append(loop.size)
        before: list = []
        after: list = []
        parts, places = dict(self.parts), dict(self.places)
        for name, op in found.reduced.items():
            if name not in self.grid.reduced:
                before.append(self.part(name, op, self.names.kernel.dtypes[name]))
                after.append(nodes.Join(name, self.parts[name], op))
        for e in found.extremes:
            if e.target[0] not in {g.target[0] for g in self.grid.extremes}:
                before += self.best_part(e)
                after.append(self.join_best(e, self.parts[e.target[0]], self.places[e.target[0]]))
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

    def join_best(self, e: loops.Extreme, part: str, place: str) -> JoinBest:
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
