"""Lines of Python for the nodes of `loops`: one walker, one expression printer."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sympy import Basic, Eq, Expr, Mul, Ne

from ..ir.access import Access, Index, Size
from . import loops
from .expressions import Printer
from .pace import PART

WORDS = """
    add address alone array aside at back binding blocks by_reference called cell cells cgutils chunked chunks
    copy drained edges f_larger f_smaller FAR far fetch fill first float32 float64 fortran from_tile front gemm
    get_cython_function_address getrf getri getrs here higher hit INF int32 int64 intrinsic invoke ir lane lapack
    last leading lines lower make_array math max min move name njit np once part PASSED past perform piece pieces
    place populate_array prange product range root row rows run scale settled soon start stop symmetric syrk table tile
    to_tile types uint64 update weight
"""
PREFIXES = ("f_", "group_", "stage_", "part_", "join_", "u_", "cell_", "batch_", "at_", "nan_")
RESERVED = frozenset({*keyword.kwlist, *WORDS.split()})  # what the text itself uses


def python_names(kernel: loops.Kernel, reserved: Iterable[str] = RESERVED) -> dict:
    """A Python name for every buffer, register and size; a tensor keeps its own where that is possible."""
    taken = set(reserved)
    names: dict = {}
    for key in (*kernel.dtypes, *kernel.sizes, *kernel.extents.values()):
        stem = re.sub(r"\W", "_", str(key))
        stem = (
            stem
            if stem.isidentifier() and not stem.startswith(PREFIXES)
            else f"t_{stem}"
        )
        if isinstance(key, Size) and stem in taken:
            stem = f"size_{stem}"
        names[key] = _free(stem, taken)
    return names


def _free(stem: str, taken: set[str]) -> str:
    name, number = stem, 0
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name)
    return name


@dataclass
class Writer:
    """The text of functions, line by line. `names` gives every buffer, register and size its Python name."""

    kernel: loops.Kernel
    real: str
    names: dict
    called: dict = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    indices: dict[Index, str] = field(default_factory=dict)
    unsigned: dict[Expr, str] = field(default_factory=dict)
    depth: int = 0
    temporaries: int = 0
    reserved: frozenset[str] = RESERVED
    nans: dict[str, str] = field(default_factory=dict)  # extremes of the loop being written -> the name for their NaN
    apart: ClassVar[bool] = True  # is NaN looked for beside an extreme?

    def __post_init__(self):
        self.printer = Printer(self.real, self._place, self._symbol, self._let, self.called)
        found = [n for n in loops.everything(self.kernel) if isinstance(n, loops.First | loops.Extreme)]
        self.extremes = {n for node in found for n in loops.written(node)}

    # ------------------------------------------------------------------------------------------------------ printing
    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def take(self) -> str:
        text, self.lines = "\n".join(self.lines), []
        return text + "\n"

    def _let(self, text: str) -> str:
        self.temporaries += 1
        name = f"u_{self.temporaries}"
        self.line(f"{name} = {text}")
        return name

    def _symbol(self, symbol: Basic) -> tuple[str, str]:
        return (self.indices[symbol] if isinstance(symbol, Index) else self.names[symbol]), "int"

    def _place(self, access: Access) -> tuple[str, str]:
        name, dtype = access.name, self.kernel.dtypes[access.name]
        if name in self.kernel.registers:
            return self.names[name], dtype
        return f"{self.names[name]}[{self._cell(access.indices)}]", dtype

    def _cell(self, cell: Iterable[Expr]) -> str:
        return ", ".join(self.unsigned.get(c) or self.printer.integer(c) for c in cell) or "0"

    def _target(self, name: str, cell) -> str:
        return self.names[name] if cell is None else f"{self.names[name]}[{self._cell(cell)}]"

    def extent(self, expr: Expr) -> str:
        return self.names[self.kernel.extents[expr]] if expr in self.kernel.extents else self.printer.integer(expr)

    def shape(self, extents: Iterable[Expr]) -> str:
        parts = [self.extent(e) for e in extents]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"

    def identity(self, op: str, dtype: str) -> str:
        if op == "arg":
            return "-1"
        if dtype == "bool":
            return str(op == "prod")
        if dtype == "int":
            return {"sum": "0", "prod": "1", "max": "-9223372036854775807 - 1", "min": "9223372036854775807"}[op]
        return {"sum": f"{self.real}(0.0)", "prod": f"{self.real}(1.0)", "max": "-INF", "min": "INF"}[op]

    # --------------------------------------------------------------------------------------------------------- nodes
    def nodes(self, nodes: list[loops.Node]) -> None:
        for node in nodes:
            NODES[type(node)](self, node)

    def _set(self, node: loops.Set) -> None:
        self.line(f"{self.names[node.register]} = {self._value(node.value, node.register)}")

    def _store(self, node: loops.Store) -> None:
        self.line(f"{self._target(node.buffer, node.cell)} = {self._value(node.value, node.buffer)}")

    def _value(self, value: Expr, name: str) -> str:
        dtype = self.kernel.dtypes[name]
        if value.is_infinite and dtype == "int":
            return self.identity("max" if value.is_extended_negative else "min", dtype)
        if dtype == "bool" and isinstance(value, Access):
            return self._place(value)[0]
        return self.printer.of(value, dtype)

    def _combine(self, node: loops.Combine) -> None:
        target, dtype = self._target(node.target, node.cell), self.kernel.dtypes[node.target]
        value = self._value(node.value, node.target)
        if node.masked:
            conditions = " and ".join(self._masking(c) for c in node.masked)
            value = f"{value} if {conditions} else {self.identity(node.op, dtype)}"
        if node.cell is None and node.target in self.nans:
            self._apart(node, target, value)
            return
        self.line(f"{target} = {self._joined(node.op, dtype, target, value, node.loose)}")

    def _masking(self, condition: Basic) -> str:
        """A comparison of an index with the place of an extreme: 32 bits each, so that as many fit into a vector as
        there are values of float32 (`compiled` refuses longer axes)."""
        if isinstance(condition, Eq | Ne):
            index, place = sorted(condition.args, key=lambda side: isinstance(side, Access))
            if isinstance(index, Index) and isinstance(place, Access) and place.name in self.extremes:
                sign = "==" if isinstance(condition, Eq) else "!="
                return f"int32({self.indices[index]}) {sign} int32({self._place(place)[0]})"
        return self.printer._closed_condition(condition)

    def _joined(self, op: str, dtype: str, left: str, right: str, loose: bool = False) -> str:
        if dtype == "bool":
            return f"{left} {'or' if op in ('sum', 'max') else 'and'} ({right})"
        if op in ("max", "min"):
            name = {"max": "larger", "min": "smaller"}[op]
            if dtype == "float":
                self.called.setdefault(name, None)
                return f"f_{name}({left}, {right})"
            return f"{op}({left}, {right})"
        if op == "sum" and loose and dtype == "float":
            return f"add({left}, {right})"
        if op == "prod":
            return f"{left} * ({right})"
        return f"{left} + ({right})" if " if " in right else f"{left} + {right}"

    def _extreme(self, node: loops.Extreme) -> None:
        """np.maximum's order: NaN is the largest and the first one stays; `arg < 0` says that nothing came before."""
        name, cell = node.target
        target, value = self._target(name, cell), self._let(self._value(node.value, name))
        first = self._target(*node.args[0][:2])
        sign = ">" if node.op == "max" else "<"
        test = f"{first} < 0 or {value} {sign} {target}"
        if self.kernel.dtypes[name] == "float":
            test += f" or ({value} != {value} and {target} == {target})"
        self.line(f"if {test}:")
        self.depth += 1
        self.line(f"{target} = {value}")
        for arg, where, index in node.args:
            self.line(f"{self._target(arg, where)} = {self.indices[index]}")
        self.depth -= 1

    def _first(self, node: loops.First) -> None:
        """The least position, as a minimum over positions: no branch leaves the loop."""
        extent, target = self.extent(node.size), self._target(node.register, node.cell)
        if node.part == "whole":
            name = self.indices[node.index] = self._loop_name(node.index)
            self.line(f"place = int32({extent})")
            self.line(f"for {name} in range({extent}):")
            self.depth += 1
            self._search(node, "place", f"int32({extent})", f"int32({name})")
            self.depth -= 1
            del self.indices[node.index]
            self.line(f"{target} = int64(place) if place < {extent} else -1")
        if node.part == "start":
            self.line(f"{target} = int64({extent})")
        if node.part == "each":
            self._search(node, target, f"int64({extent})", self.indices[node.index])
        if node.part == "end":
            self.line(f"{target} = {target} if {target} < {extent} else -1")

    def _search(self, node: loops.First, target: str, extent: str, here: str) -> None:
        value, extreme = self.printer.real(node.value), self.printer.real(node.extreme)
        same = f"{value} == {extreme} or ({value} != {value} and {extreme} != {extreme})"
        self.line(f"hit = {here} if {same} else {extent}")
        self.line(f"{target} = hit if hit < {target} else {target}")

    def _if(self, node: loops.If) -> None:
        conditions = [self.printer._closed_condition(c) for c in node.conditions]
        self.line(f"if {' and '.join(conditions)}:")
        self.depth += 1
        self.nodes(node.body)
        self.depth -= 1

    def _choice(self, node: loops.Choice) -> None:
        conditions = [self.printer._closed_condition(c) for c in node.conditions]
        for head, body in ((f"if {' and '.join(conditions)}:", node.yes), ("else:", node.no)):
            self.line(head)
            self.depth += 1
            self.nodes(body)
            self.depth -= 1

    def _tiles(self, node: loops.Tiles) -> None:
        width = self.extent(node.width)
        for strip in node.strips:
            self.line(f"{' = '.join(self._left(strip))} = int64(0)")
            if node.parts is not None:
                size = self.bytes((node.width, strip.entries))
                self.line(f"{self.names[strip.step]} = lines({size}, {self.extent(node.parts)})")
        self.line(f"for tile in range(first, last, {width}):")
        self.depth += 1
        self.line(f"rows = min(last - tile, {width})")
        if node.strips:
            self.line(f"here = (tile - first) % {self.extent(2 * node.width)} if far else tile")
        self.nodes(node.body)
        if node.strips:
            self.line("if far:")
        for strip in node.strips:
            self.line(f"    {self._rest(strip)}")
            given = f"{self.names[strip.array]}, {self.names[strip.strip]}, tile, here, rows"
            self.line(f"    {', '.join(self._left(strip))} = edges({given}, {self.bytes((strip.entries,))})")
        self.depth -= 1
        for strip in node.strips:
            self.line(self._rest(strip))

    def _left(self, strip: loops.Strip) -> list[str]:
        return [self.names[name] for name in (strip.at, strip.end, strip.shift)]

    def _rest(self, strip: loops.Strip) -> str:
        """The lines of a strip that are left, to memory."""
        at, end, shift = self._left(strip)
        return f"drained({at}, {end}, {shift}, {end} - {at})"

    def _parts(self, start: str, stop: str, pace: loops.Pace | None) -> str:
        """The arguments of a loop's range; with a pace, a loop over its parts stands around it."""
        if pace is None:
            return stop if start == "0" else f"{start}, {stop}"
        self.line(f"for part in range({start}, {stop}, {PART}):")
        self.depth += 1
        self.line("if far:")
        for strip in pace.strips:
            at, end, shift = self._left(strip)
            self.line(f"    {at} = drained({at}, {end}, {shift}, {self.names[strip.step]})")
        for array in pace.arrays:
            self.line(f"    fetch({self.names[array]}, tile + lane + {self.extent(pace.ahead)}, part, {PART})")
        return f"part, min(part + {PART}, {stop})"

    def _lanes(self, node: loops.Lanes) -> None:
        name = self._loop_name(node.index)
        self.indices |= {node.index: name, node.lane: "lane"}
        self.unsigned[node.index] = f"at_{name}"
        depth, rows = self.depth, self._parts("0", "rows", node.pace)
        self.line(f"for lane in range({rows}):")
        self.depth += 1
        self.line(f"{name} = tile + lane")
        self.line(f"at_{name} = uint64({name})")
        if node.at is not None:
            self.unsigned[node.at] = "at"
            self.line("at = uint64(here + lane)")
        self.nodes(node.body)
        self.depth = depth
        del self.indices[node.index], self.indices[node.lane], self.unsigned[node.index]

    def _turned(self, node: loops.Turned) -> None:
        word = "from_tile" if node.back else "to_tile"
        self.line(f"{word}({self.names[node.matrix]}, tile, rows, {self.names[node.tile]}, {node.entries})")

    def _for(self, node: loops.For) -> None:
        name = self._loop_name(node.index)
        outer, self.nans = self.nans, {r: f"nan_{self.names[r]}" for r in self._extremes_of(node)}
        for register, nan in self.nans.items():
            self.line(f"{nan} = int32({self.names[register]} != {self.names[register]})")
        depth, turns = self.depth, self._turns(node)
        self.line(f"for {name} in range({turns}):")
        self.indices[node.index] = name
        self.depth += 1
        if node.rows:  # an index that may be negative for all LLVM knows keeps a loop from being vectorised
            self.unsigned[node.index] = f"at_{name}"
            self.line(f"at_{name} = uint64({name})")
        self.nodes(node.body or [])
        if not node.body:
            self.line("pass")
        self.depth = depth
        for register, nan in self.nans.items():
            self.line(f"{self.names[register]} = {self.real}(np.nan) if {nan} else {self.names[register]}")
        del self.indices[node.index]
        self.unsigned.pop(node.index, None)
        self.nans = outer

    def _extremes_of(self, node: loops.For) -> list[str]:
        """Registers of which the loop takes the largest or least value, and does nothing else with them."""
        if node.rows or not self.apart:
            return []
        found = {n.target for n in node.body if isinstance(n, loops.Combine) and self._extreme_register(n)}
        uses = [(*loops.written(n), *_read(n)) for n in loops.walk(node.body)]
        return [r for r in sorted(found) if sum(r in used for used in uses) == 1]

    def _extreme_register(self, node: loops.Combine) -> bool:
        return node.cell is None and node.op in ("max", "min") and self.kernel.dtypes[node.target] == "float"

    def _apart(self, node: loops.Combine, target: str, value: str) -> None:
        """A step of an extreme, and whether a NaN was met: LLVM does not vectorise an extreme in which NaN counts."""
        value = value if value.isidentifier() else self._let(value)
        nan, word = self.nans[node.target], {"max": "higher", "min": "lower"}[node.op]
        self.line(f"{nan} = int32(1) if {value} != {value} else {nan}")
        self.line(f"{target} = {word}({value}, {target})")

    def _turns(self, node: loops.For) -> str:
        """The arguments of a loop's range."""
        if node.rows:
            return "first, last"
        extent = self.extent(node.size)
        if node.reverse:
            return f"{extent} - 1, -1, -1"
        stop = f"min({', '.join([extent, *map(self.printer.integer, node.below)])})" if node.below else extent
        start = f"max({', '.join(['0', *map(self.printer.integer, node.least)])})" if node.least else "0"
        return self._parts(start, stop, node.pace)

    # ------------------------------------------------------------------------------------------------ matrix products
    def _dot(self, node: loops.Dot) -> None:
        self.line(self.multiplied(node, "int64(0)", "int64(1)"))

    def multiplied(self, dot: loops.Dot, piece: str, chunks: str) -> str:
        """One block of a product."""
        left, right, out = product_of(dot)
        a, b, c = (self._matrix(m) for m in (left, right, out))
        turns = (str(int(m.transposed)) for m in (left, right))
        return f"product({a}, int64({next(turns)}), {b}, int64({next(turns)}), {c}, {piece}, {chunks})"

    def _matrix(self, m: loops.Matrix) -> str:
        """The buffer as a matrix of two axes, as it is stored."""
        name = self.names[m.buffer]
        if m.batch:
            name += f"[{', '.join(f'batch_{i}' for i in range(len(m.batch)))}]"
        if m.fixed:
            at = dict(m.fixed)
            name += f"[{', '.join(self._cell([at[a]]) if a in at else ':' for a in range(max(at) + 1))}]"
        parts = (m.columns, m.rows) if m.transposed else (m.rows, m.columns)
        if m.start is not None:
            start = self.printer.integer(m.start)
            name += f"[{start} : {start} + {self.extent(parts[0][0])}]"
        if all(len(p) == 1 for p in parts):
            return name
        return f"array(address({name}), ({', '.join(self.flat(p) for p in parts)}), {self.real})"

    def bytes(self, extents: Iterable[Expr]) -> str:
        """How many bytes so many numbers take."""
        size = {"float32": 4, "float64": 8}[self.real]
        return " * ".join([*(self._factor(e) for e in extents if e != 1), str(size)])

    def flat(self, extents: Iterable[Expr]) -> str:
        return " * ".join(self._factor(e) for e in extents) or "1"

    def _factor(self, expr: Expr) -> str:
        text = self.extent(expr)
        return f"({text})" if isinstance(expr, Mul) or not text.isidentifier() else text

    def _loop_name(self, index: Index) -> str:
        stem = re.sub(r"\W", "_", index.name.split("#")[0])
        stem = stem if stem.isidentifier() else f"i_{stem}"
        return _free(stem, {*self.indices.values(), *self.names.values(), *self.reserved})


NODES = {
    loops.Set: Writer._set, loops.Store: Writer._store, loops.Combine: Writer._combine,
    loops.Extreme: Writer._extreme, loops.First: Writer._first, loops.If: Writer._if, loops.For: Writer._for,
    loops.Dot: Writer._dot,
    loops.Choice: Writer._choice, loops.Tiles: Writer._tiles, loops.Lanes: Writer._lanes, loops.Turned: Writer._turned,
}  # fmt: skip


def _read(node: loops.Node) -> set[str]:
    return {a.name for e in loops.values(node) for a in e.atoms(Access)}


def product_of(dot: loops.Dot) -> tuple[loops.Matrix, loops.Matrix, loops.Matrix]:
    """(left, right, result as it is stored): (a b)^T = b^T a^T."""
    out, a, b = dot.out, dot.a, dot.b
    return (_turned(b), _turned(a), _turned(out)) if out.transposed else (a, b, out)


def _turned(m: loops.Matrix) -> loops.Matrix:
    return replace(m, rows=m.columns, columns=m.rows, transposed=not m.transposed)
