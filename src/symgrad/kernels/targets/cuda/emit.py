"""From loops to the text of a GPU module: kernels, and `run`, which launches them in order.

`run(gpu, ...)` speaks to the device through `gpu` only: `seats` and `team` (how many threads), `scratch` (memory of
one launch), `launch`, `each`, `multiply`. So the same text runs on a device, in Numba's simulator, and without
either, where `gpu` notes the launches and their types (`record`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ... import loops
from ...spelling import functions
from ...write import RESERVED, python_names
from . import linear, text
from .distribute import LEFT, distribute
from .lanes import Names
from .nodes import Scratch, Team
from .write import TeamWriter

TILE = 16  # rows and columns of a tile of a matrix product
WORDS = RESERVED | {  # what the text itself uses
    "W", "W_of", "code", "copy", "cuda", "exact_product", "exact_sum", "fill", "first_max", "first_min", "fma", "gpu",
    "horner", "int32", "lane", "libdevice", "normal", "notes", "rint", "scale", "seat", "seats", "shared",
    "shared_int", "team", "team_mask", "team_sync", "teams", "threads", "times", "whole", "width",
}  # fmt: skip


def emit(kernel: loops.Kernel, real: str, header: str, tile: int = TILE) -> str:
    """The text of the module."""
    names = Names(kernel)
    teams = {id(s): distribute(names, s.function) for s in kernel.steps if isinstance(s, loops.Launch)}
    kernel = names.extended()
    kernel = replace(kernel, sizes=(*kernel.sizes, LEFT))
    writer = TeamWriter(kernel, real, python_names(kernel, WORDS), reserved=WORDS)
    module = _Module(kernel, real, writer, teams, tile)
    kernels = [module.kernel_text(t) for made in teams.values() for t in made]
    kernels += [module.routine_text(i, s) for i, s in enumerate(module.routines, 1)]
    run = module.run()
    helpers = needed("\n\n\n".join([text.SEAT, *module.helpers(run)]), "\n".join([*kernels, run]))
    parts = [f'"""{header}\n"""', text.IMPORTS, f"INF = {real}(np.inf)", *helpers, *kernels, run]
    return "\n\n\n".join(p.strip("\n") for p in parts if p.strip()) + "\n"


def needed(helpers: str, rest: str) -> list[str]:
    """The helpers (three line ends apart) whose names stand in the rest, or in a helper that is needed."""
    kept: list[str] = []
    for part in reversed([p.strip("\n") for p in re.split(r"\n{3,}", helpers) if p.strip()]):
        defined = set(re.findall(r"^(?:def )?(\w+)(?= =|\()", part, re.M))
        used = set(re.findall(r"\w+", "\n".join([rest, *kept])))
        if defined & used:
            kept.append(part)
    return kept[::-1]


@dataclass
class _Module:
    kernel: loops.Kernel
    real: str
    writer: TeamWriter
    teams: Mapping[int, list[Team]]
    tile: int
    parameters: dict[str, list[str]] = field(default_factory=dict)
    waits: bool = False  # do the lanes of a team wait for one another?

    def __post_init__(self):
        self.routines = [s for s in self.kernel.steps if isinstance(s, loops.Routine)]

    # --------------------------------------------------------------------------------------------------- functions
    def kernel_text(self, team: Team) -> str:
        writer = self.writer
        writer.temporaries, writer.depth = 0, 1
        if team.note:
            writer.line(f"# {team.note}")
        own = [s for s in team.scratch if s.per == "team"]
        writer.nodes(team.body)
        used = set(re.findall(r"\w+", "\n".join(writer.lines)))
        seats = [w if w in used or (w == "team" and own) else "_" for w in ("lane", "width", "team", "teams")]
        first = int(bool(team.note))
        shared = {"shared": self.real, "shared_int": "int64"}
        views = [f"    {n} = cuda.shared.array(32, {t})" for n, t in shared.items() if n in used]
        views += [f"    {self.name(s.name)} = {self.given(s)}[team]" for s in own]
        writer.lines[first:first] = [f"    {', '.join(seats)} = seat()"] * (set(seats) != {"_"}) + views
        self.waits |= "team_sync" in used
        body = writer.take()
        writer.depth = 0
        given = self._numbers(body) + [self.name(a) for a in team.arrays]
        given += [self.given(s) for s in team.scratch]
        self.parameters[team.name] = given
        return f"@cuda.jit\ndef {team.name}({', '.join(given)}):\n{body}"

    def routine_text(self, number: int, step: loops.Routine) -> str:
        """A matrix of the stack for each team; what it lacks is noted under the call's number."""
        extents = [self.writer.extent(e) for e in step.batch]
        at, behind = {}, ""
        for axis in reversed(range(len(extents))):
            position = f"cell // ({behind})" if behind else "cell"
            at[f"batch_{axis}"] = f"{position} % {extents[axis]}" if axis else position
            behind = f"{behind} * {extents[axis]}" if behind else extents[axis]
        operands = [self._operand(*o, len(step.batch)) for o in step.operands]
        lines = [
            "lane, width, team, teams = seat()", "W = W_of[team]", f"for cell in range(team, {behind or '1'}, teams):",
            *(f"    {name} = {value}" for name, value in sorted(at.items())),
            f"    code = f_{step.call.name}({', '.join(operands)}, W, lane, width)",
            f"    if code > 0 and lane == 0:\n            cuda.atomic.min(notes, 0, {linear.CODES * number} + code)",
            "    team_sync()",
        ]  # fmt: skip
        self.waits = True
        self.parameters[f"{step.call.name}_{number}"] = given = [
            *self._numbers("\n".join(lines)), *dict.fromkeys(self.name(buffer) for buffer, *_ in step.operands),
        ]  # fmt: skip
        head = f"@cuda.jit\ndef {step.call.name}_{number}({', '.join([*given, 'W_of', 'notes'])}):\n"
        return head + "".join(f"    {line}\n" for line in lines)

    def _operand(self, buffer: str, own: int, core: int, batch: int) -> str:
        """One matrix of a stack; a number as an array of one entry."""
        cell = [f"batch_{i}" for i in range(batch - own, batch)]
        if cell and not core:
            cell[-1] = f"{cell[-1]} : {cell[-1]} + 1"
        return self.name(buffer) + (f"[{', '.join(cell)}]" if cell else "")

    def _numbers(self, body: str) -> list[str]:
        """The sizes and extents that a text speaks of."""
        words = set(re.findall(r"\w+", re.sub("#.*", "", body)))
        named = (self.name(s) for s in (*self.kernel.sizes, *self.kernel.extents.values()))
        return [n for n in named if n in words]

    def name(self, key) -> str:
        return self.writer.names[key]

    def helpers(self, run: str) -> list[str]:
        """The functions that the kernels call."""
        made = functions((n for n in self.writer.called if n not in text.COMPARE), self.real)
        source = "".join(t for _, t in made)
        found = []
        if re.search(r"\b(fma|rint|horner|exact_sum|exact_product|scale|whole|normal)\b|\*", source):
            found += [text.OPERATIONS[self.real], text.EXACT]
        compared = {*self.writer.called} | {n for n in ("larger", "smaller") if f"f_{n}" in source}
        found += [text.COMPARE[n] for n in ("larger", "smaller") if n in compared]
        found.append(text.COMPARE["add"])
        for kind, function in made:
            decorator = "" if kind == "constant" else "@cuda.jit(device=True)\n"
            found.append(decorator + (rounded(function) if kind == "scalar" else function))
        if self.waits or self.writer.joins:
            found.append(text.SYNC)
        found += text.joins(self.writer.joins)
        found += linear.helpers(dict.fromkeys(s.call.name for s in self.routines), self.real)
        found += [t for n, t in text.EACH.items() if f"gpu.each({n}," in run]
        if "gpu.multiply(" in run:
            found.append(text.PRODUCT.replace("TYPE", self.real).replace("TILE", str(self.tile)))
        return found

    # --------------------------------------------------------------------------------------------------------- run
    def run(self) -> str:
        self.writer.lines, self.writer.depth = [], 1
        if self.routines:
            self.writer.line(f"gpu.each(fill, gpu.notes, {linear.NOTHING})")
        for step in self.kernel.steps:
            _STEPS[type(step)](self, step)
        if not self.kernel.steps:
            self.writer.line("pass")
        body = self.writer.take()
        self.writer.depth = 0
        given = [self.name(k) for k in (*self.kernel.sizes[:-1], *self.kernel.extents.values(), *self.kernel.arrays)]
        return f"def run({', '.join(['gpu', *given])}):\n{body}"

    def _fill(self, step: loops.Fill) -> None:
        value = self.writer.identity(step.op, self.kernel.dtypes[step.buffer])
        self.writer.line(f"gpu.each(fill, {self.name(step.buffer)}, {value})")

    def _copy(self, step: loops.Copy) -> None:
        self.writer.line(f"gpu.each(copy, {self.name(step.target)}, {self.name(step.source)})")

    def _launch(self, step: loops.Launch) -> None:
        renamed = {self.name(a): self.name(b) for a, b in zip(step.function.arrays, step.arguments)}
        scratch: dict[str, str] = {}
        for number, team in enumerate(self.teams[id(step)]):
            seats = self._seats(team)
            if number:
                self.writer.line(f"{self.name(LEFT)} = seats.{'blocks' if team.rows is None else 'teams'}")
            else:
                self.writer.line(f"seats = {seats}")
            for s in team.scratch:
                scratch[self.name(s.name)] = name = self.given(s)
                self.writer.line(f"{name} = gpu.scratch({self._scratch(s)})")
            given = [renamed.get(p, scratch.get(p, p)) for p in self.parameters[team.name]]
            self.writer.line(f"gpu.launch({', '.join([team.name, seats if number else 'seats', *given])})")

    def given(self, s: Scratch) -> str:
        """The parameter that holds what all teams have; each takes its own row of it."""
        return self.name(s.name) + ("_of" if s.per == "team" else "")

    def _seats(self, team: Team) -> str:
        lanes = [self.writer.extent(e) for e in team.lanes]
        wide = f"max({', '.join(lanes)})" if len(lanes) > 1 else lanes[0] if lanes else "1"
        options = ["splits=True"] * bool(team.splits and lanes)
        options += ["few=True"] * any(s.per == "team" for s in team.scratch) + ["across=True"] * team.across
        if team.rows is None:
            return f"gpu.team({wide})"
        return f"gpu.seats({', '.join([self.writer.extent(team.rows), wide, *options])})"

    def _scratch(self, s: Scratch) -> str:
        kind = {"float": self.real, "int": "int64", "bool": "np.bool_"}[s.dtype]
        extents = [f"seats.{s.per}s", *(self.writer.extent(e) for e in s.shape)]
        return f"({', '.join(extents)}{',' * (len(extents) == 1)}), {kind}"

    def _dot(self, step: loops.Dot) -> None:
        out, a, b = step.out, step.a, step.b
        extents = [self._flat(e) for e in (out.batch, out.rows, a.columns, out.columns)]
        matrices = ", ".join(f"{self.name(m.buffer)}, {int(m.transposed)}" for m in (a, b, out))
        self.writer.line(f"gpu.multiply(product, {self.tile}, ({', '.join(extents)}), {matrices})")

    def _routine(self, step: loops.Routine) -> None:
        name = f"{step.call.name}_{self.routines.index(step) + 1}"
        room = linear.work(step, self.kernel.shapes, self._closed)
        count, lanes = self._flat(step.batch), self._closed(self._longest(step))
        seats = f"gpu.seats({count}, {lanes}, few=True)" if step.batch else f"gpu.team({lanes})"
        self.writer.line(f"seats = {seats}")
        self.writer.line(f"W = gpu.scratch((seats.teams, {', '.join(room)}), {self.real})")
        self.writer.line(f"gpu.launch({', '.join([name, 'seats', *self.parameters[name], 'W', 'gpu.notes'])})")

    def _longest(self, step: loops.Routine):
        """The extent along which lanes share the work: that of the last axis of what is read first."""
        return self.kernel.shapes[step.operands[0][0]][-1]

    def _closed(self, extent) -> str:
        text = self.writer.extent(extent)
        return text if text.isidentifier() or text.isdecimal() else f"({text})"

    def _flat(self, extents) -> str:
        return " * ".join(map(self._closed, extents)) or "1"


_STEPS = {
    loops.Fill: _Module._fill, loops.Copy: _Module._copy, loops.Launch: _Module._launch, loops.Dot: _Module._dot,
    loops.Routine: _Module._routine,
}  # fmt: skip


def rounded(function: str) -> str:
    """The text of a function with each product rounded by itself (`text`)."""
    return ast.unparse(_Rounded().visit(ast.parse(function))) + "\n"


class _Rounded(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Mult):
            return node
        return ast.Call(ast.Name("times", ast.Load()), [node.left, node.right], [])
