"""Lines of Python for the nodes of a team, beside those that every target prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ....ir.access import Access
from ... import loops
from ...write import NODES, Writer
from . import nodes


@dataclass
class TeamWriter(Writer):
    """`joins` collects what a team does together: (operation, dtype, with a place)."""

    joins: dict[tuple[str, str, bool], None] = field(default_factory=dict)
    apart: ClassVar[bool] = False

    def nodes(self, nodes: list) -> None:
        for node in nodes:
            PRINTED[type(node)](self, node)

    def _indented(self, head: str, body: list) -> None:
        self.line(head)
        self.depth += 1
        self.nodes(body)
        self.depth -= 1

    def _dealt(self, node: nodes.Rows | nodes.Lanes, mine: str, of: str) -> None:
        name = self._loop_name(node.index)
        self.indices[node.index] = name
        self._indented(f"for {name} in range({mine}, {self.extent(node.size)}, {of}):", node.body)
        del self.indices[node.index]

    def _rows(self, node: nodes.Rows) -> None:
        self._dealt(node, "team", "teams")

    def _lanes(self, node: nodes.Lanes) -> None:
        self._dealt(node, "lane", "width")

    def _lead(self, node: nodes.Lead) -> None:
        self._indented("if lane == 0:", node.body)

    def _sync(self, node: nodes.Sync) -> None:
        self.line("team_sync()")

    def _named(self, register: str, op: str, placed: bool = False) -> str:
        dtype = self.kernel.dtypes[register]
        self.joins.setdefault((op, dtype, placed))
        if (dtype == "float" and op in ("max", "min")) or placed:
            self.called.setdefault({"max": "larger", "min": "smaller"}[op], None)
        elif op in ("max", "min"):
            self.called |= {"larger": None, "smaller": None}
        return f"{'first_' if placed else ''}{op}{'' if dtype == 'float' else '_int'}"

    def _shared(self, register: str, placed: bool = False) -> str:
        """The shared arrays through which the parts of a register are joined."""
        name = "shared" if self.kernel.dtypes[register] == "float" else "shared_int"
        return f"{name}, shared_int" if placed else name

    def _join(self, node: nodes.Join) -> None:
        target, dtype = self.names[node.target], self.kernel.dtypes[node.target]
        total = f"team_{self._named(node.target, node.op)}({self.names[node.part]}, {self._shared(node.target)})"
        self.line(f"{target} = {self._joined(node.op, dtype, target, total)}")

    def _atomic(self, node: nodes.Atomic) -> None:
        cell = self._cell(node.cell)
        at = f"({cell})" if len(node.cell) > 1 else cell
        self.line(f"cuda.atomic.add({self.names[node.buffer]}, {at}, {self._value(node.value, node.buffer)})")

    def _best(self, node: nodes.Best) -> None:
        part, place = self.names[node.part], self.names[node.place]
        value, here = self._value(node.value, node.part), self.printer.integer(node.here)
        name = self._named(node.part, node.op, placed=True)
        self.line(f"{part}, {place} = {name}({part}, {place}, {value}, {here})")

    def _join_best(self, node: nodes.JoinBest) -> None:
        part, place = self.names[node.part], self.names[node.place]
        name = self._named(node.part, node.state.op, placed=True)
        self.line(f"{part}, {place} = team_{name}({part}, {place}, {self._shared(node.part, True)})")
        behind, texts = "", []
        for extent in reversed(node.sizes):
            text = f"{place} // ({behind})" if behind else place
            texts.append(f"{text} % {self._closed_extent(extent)}" if len(texts) + 1 < len(node.sizes) else text)
            behind = f"{behind} * {self._closed_extent(extent)}" if behind else self._closed_extent(extent)
        held = dict(self.indices)
        for (*_, index), text in zip(node.state.args, reversed(texts)):
            self.indices[index] = text
        state = loops.Extreme(node.state.target, node.state.args, node.state.op, Access(node.part))
        self._indented(f"if {place} >= 0:", [state])
        self.indices = held

    def _closed_extent(self, extent) -> str:
        text = self.extent(extent)
        return text if text.isidentifier() or text.isdecimal() else f"({text})"

    def _hit(self, node: nodes.Hit) -> None:
        value, extreme = self.printer.real(node.value), self.printer.real(node.extreme)
        part, here = self.names[node.part], self.indices[node.index]
        self.line(f"if {value} == {extreme} or ({value} != {value} and {extreme} != {extreme}):")
        self.line(f"    {part} = min({part}, {here})")

    def _missing(self, node: nodes.Missing) -> None:
        name = self.names[node.register]
        self.line(f"{name} = {name} if {name} < {self.extent(node.size)} else -1")

    def _deposit(self, node: nodes.Deposit) -> None:
        name = self._named(node.part, node.op, placed=bool(node.place))
        given = [node.parts, *filter(None, [node.places]), node.part, *filter(None, [node.place])]
        shared = self._shared(node.part, bool(node.place))
        self.line(f"deposit_{name}({', '.join(self.names[n] for n in given)}, {shared})")


PRINTED = {
    **NODES, nodes.Rows: TeamWriter._rows, nodes.Lanes: TeamWriter._lanes, nodes.Lead: TeamWriter._lead,
    nodes.Sync: TeamWriter._sync, nodes.Join: TeamWriter._join, nodes.Atomic: TeamWriter._atomic,
    nodes.Best: TeamWriter._best, nodes.JoinBest: TeamWriter._join_best, nodes.Hit: TeamWriter._hit,
    nodes.Missing: TeamWriter._missing, nodes.Deposit: TeamWriter._deposit,
}  # fmt: skip
