"""From loops to the text of a Python module.

One walker, one expression printer; what differs between targets (imports, decorators, the parallel loop) is a small table
in `targets`. The module needs NumPy and Numba only, and runs un-jitted with the imports of `targets.python`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sympy import Basic, Expr, Integer, Mul

from ..ir.access import Access, Index, Size
from . import loops
from .expressions import Printer
from .spelling import functions
from .targets.table import Target

RESERVED = {
    "np", "math", "njit", "prange", "range", "float32", "float64", "int64", "uint64", "INF", "min", "max", "run", "add",
    "chunk", "chunks", "first", "last", "piece", "start", "cell", "alone", "chunked", "stage", "blocks", "hit", "product", "gemm", "scale", "ir", "binding", "get_cython_function_address", "name", "table", "address", "array", "cgutils", "make_array", "populate_array", "types", "intrinsic", *keyword.kwlist,
}  # fmt: skip


def emit(kernel: loops.Kernel, target: Target, real: str, header: str, threshold: int | None) -> str:
    """The text of the module. `threshold`: points from which a group runs in parallel (None: never)."""
    module = _Module(kernel, target, real, _names(kernel), threshold)
    launched = [s.function for s in kernel.steps if isinstance(s, loops.Launch)]
    groups = [module.function(f) for f in launched]
    groups += [module.chunk(number, step) for number, step in enumerate(module.launches())]
    run = module.run()
    chunked = module.chunked()
    parts = [f'"""{header}\n"""', target.imports, f"INF = {real}(np.inf)", target.helpers]
    parts += [f"{target.decorators[kind]}\n{text}" for kind, text in functions(module.called, real)]
    return "\n\n\n".join(p.strip("\n") for p in [*parts, *groups, chunked, run] if p.strip()) + "\n"


def _names(kernel: loops.Kernel) -> dict:
    """A Python name for every buffer, register and size; a tensor keeps its own where that is possible."""
    taken = set(RESERVED)
    names: dict = {}
    for key in (*kernel.dtypes, *kernel.sizes, *kernel.extents.values()):
        stem = re.sub(r"\W", "_", str(key))
        stem = stem if stem.isidentifier() and not stem.startswith(("f_", "group_", "u_", "cell_", "batch_", "chunk_", "at_")) else f"t_{stem}"
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
class _Module:
    kernel: loops.Kernel
    target: Target
    real: str
    names: dict
    threshold: int | None
    called: dict = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    indices: dict[Index, str] = field(default_factory=dict)
    unsigned: dict[Expr, str] = field(default_factory=dict)
    depth: int = 0
    temporaries: int = 0
    parameters: dict[str, list[str]] = field(default_factory=dict)
    stages: int = 0

    def __post_init__(self):
        self.printer = Printer(self.real, self._place, self._symbol, self._let, self.called)

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
            _NODES[type(node)](self, node)

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
            conditions = " and ".join(self.printer._closed_condition(c) for c in node.masked)
            value = f"{value} if {conditions} else {self.identity(node.op, dtype)}"
        self.line(f"{target} = {self._joined(node.op, dtype, target, value, node.loose)}")

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
        name, extent, target = self._loop_name(node.index), self.extent(node.size), self.names[node.register]
        self.indices[node.index] = name
        value, extreme = self.printer.real(node.value), self.printer.real(node.extreme)
        del self.indices[node.index]
        self.line(f"{target} = int64({extent})")
        self.line(f"for {name} in range({extent}):")
        same = f"{value} == {extreme} or ({value} != {value} and {extreme} != {extreme})"
        self.line(f"    hit = {name} if {same} else int64({extent})")
        self.line(f"    {target} = hit if hit < {target} else {target}")
        self.line(f"{target} = {target} if {target} < {extent} else -1")

    def _if(self, node: loops.If) -> None:
        conditions = [self.printer._closed_condition(c) for c in node.conditions]
        self.line(f"if {' and '.join(conditions)}:")
        self.depth += 1
        self.nodes(node.body)
        self.depth -= 1

    def _for(self, node: loops.For) -> None:
        name = self._loop_name(node.index)
        extent = self.extent(node.size)
        span = "first, last" if node.rows else f"{extent} - 1, -1, -1" if node.reverse else extent
        self.line(f"for {name} in range({span}):")
        self.indices[node.index] = name
        self.depth += 1
        if node.rows:  # an index that may be negative for all LLVM knows keeps a loop from being vectorised
            self.unsigned[node.index] = f"at_{name}"
            self.line(f"at_{name} = uint64({name})")
        self.nodes(node.body or [])
        if not node.body:
            self.line("pass")
        self.depth -= 1
        del self.indices[node.index]
        self.unsigned.pop(node.index, None)

    def _loop_name(self, index: Index) -> str:
        stem = re.sub(r"\W", "_", index.name.split("#")[0])
        stem = stem if stem.isidentifier() else f"i_{stem}"
        return _free(stem, {*self.indices.values(), *self.names.values(), *RESERVED})

    # ----------------------------------------------------------------------------------------------------- functions
    def function(self, f: loops.Function) -> str:
        """The text of a group's function."""
        used, body = self._body(f)
        self.parameters[f.name] = used
        start = ["first", "last"] if f.extent is not None else []
        return f"{self.target.decorators['group']}\ndef {f.name}({', '.join([*start, *used])}):\n{body}"

    def _body(self, f: loops.Function) -> tuple[list[str], str]:
        """The parameters (the sizes that the body mentions, the arrays, the row buffers) and the text."""
        self.temporaries, self.depth = 0, 1
        self.line("alone()")
        self.nodes(f.body)
        body = self.take()
        self.depth = 0
        words = set(re.findall(r"\w+", body))
        numbers = [self.names[s] for s in (*self.kernel.sizes, *self.kernel.extents.values())]
        arrays = [*f.arrays, *(b.name for b in f.buffers)]
        return [n for n in numbers if n in words] + [self.names[a] for a in arrays], body

    def parallel(self, f: loops.Function) -> bool:
        """Can it ever be worth it? Work of a fixed size may be too small."""
        if not f.parallel or self.threshold is None:
            return False
        return any(not _points(nest) or _points(nest) >= self.threshold for nest in f.work)

    def chunked(self) -> str:
        """The one function with a parallel loop (each takes Numba half a second): it runs the chunks of any group."""
        launches = self.launches()
        if not launches:
            return ""
        lines = ["def chunked(stage, chunks, table):", "    alone()", "    for chunk in prange(chunks):"]
        lines.append("        piece = int64(chunk)")  # prange counts in unsigned integers, which with signed ones make floats
        for number in range(len(launches)):
            lines.append(f"        {'el' if number else ''}if stage == {number}:")
            lines.append(f"            chunk_{number}(piece, chunks, table)")
        return "\n".join([self.target.decorators["parallel"], *lines])

    def launches(self) -> list[loops.Launch | loops.Dot]:
        """The steps that may run in parallel."""
        return [s for s in self.kernel.steps if self._splits(s)]

    def _splits(self, step: loops.Step) -> bool:
        if isinstance(step, loops.Launch):
            return self.parallel(step.function)
        return isinstance(step, loops.Dot) and self.threshold is not None and not step.out.batch and bool(
            step.out.rows and step.out.columns
        )

    def chunk(self, number: int, step: loops.Launch | loops.Dot) -> str:
        """One chunk of a step's rows."""
        self.depth = 1
        self.line("alone()")
        body_start = len(self.lines)
        if isinstance(step, loops.Dot):
            self._block(step)
        else:
            self._rows(step)
        words = set(re.findall(r"\w+", "\n".join(self.lines[body_start:])))
        self.lines[body_start:body_start] = ["    " + line for line in self._unpacked(words)]
        self.depth = 0
        return f"{self.target.decorators['group']}\ndef chunk_{number}(piece, chunks, table):\n{self.take()}"

    def _rows(self, step: loops.Launch) -> None:
        """A group's rows, with row buffers and sums of their own; the sums start at the identity."""
        f = step.function
        for b in f.partial:
            scratch = self.names[step.scratch[b.name]]
            self._filled(scratch, ["piece"], b.shape, self.identity(b.op, b.dtype))
        extent = self.extent(f.extent)
        bounds = f"{extent} * piece // chunks, {extent} * (piece + 1) // chunks"
        self.line(f"{f.name}({bounds}, {', '.join(self._given(step, 'piece', sums=True))})")

    def _block(self, step: loops.Dot) -> None:
        """Some rows of a matrix product."""
        rows = self._flat(step.out.columns if step.out.transposed else step.out.rows)
        self.line(self._multiplied(step, f"{rows} * piece // chunks", f"{rows} * (piece + 1) // chunks"))

    @staticmethod
    def _product_of(step: loops.Dot) -> tuple[loops.Matrix, loops.Matrix, loops.Matrix]:
        """(left, right, result as it is stored): (a b)^T = b^T a^T."""
        out, a, b = step.out, step.a, step.b
        if not out.transposed:
            return a, b, out
        return _turned(b), _turned(a), loops.Matrix(out.buffer, out.batch, out.columns, out.rows, False)

    def _flat(self, extents) -> str:
        return " * ".join(self._factor(e) for e in extents) or "1"

    def _unpacked(self, words: set[str]) -> list[str]:
        """Sizes and arrays from the table that `run` filled."""
        arrays, numbers = [], []
        for position, key in enumerate(self._keys()):
            name = self.names[key]
            shape = self._shapes().get(key)
            if shape is not None and name in words:
                dtype = self.dtype(self.kernel.dtypes[key])
                arrays.append(f"{name} = array(table[{position}], {self.shape(shape)}, {dtype})")
        words = words | set(re.findall(r"\w+", " ".join(arrays)))
        for position, key in enumerate(self._keys()):
            if self.names[key] in words and key not in self._shapes():
                numbers.append(f"{self.names[key]} = table[{position}]")
        return numbers + arrays

    def dtype(self, dtype: str) -> str:
        return {"float": self.real, "int": "int64", "bool": "np.bool_"}[dtype]

    def _shapes(self) -> dict:
        kernel = self.kernel
        shapes = {n: kernel.shapes[n] or (Integer(1),) for n in kernel.arrays}
        return shapes | {b.name: (Integer(self.target.chunks), *b.shape) for b in kernel.scratch}

    def _keys(self) -> list:
        """What run takes: sizes, arrays, scratch."""
        kernel = self.kernel
        return [*kernel.sizes, *kernel.extents.values(), *kernel.arrays, *(b.name for b in kernel.scratch)]

    def _given(self, step: loops.Launch, piece: str, sums: bool) -> list[str]:
        """The arguments of a group: buffers for its arrays; scratch rows for row buffers and (`sums`) for its sums."""
        f = step.function
        names = {self.names[a]: self.names[b] for a, b in zip(f.arrays, step.arguments)}
        own = (*f.buffers, *f.partial) if sums else f.buffers
        names |= {self.names[b.name]: f"{self.names[step.scratch[b.name]]}[{piece}]" for b in own}
        return [names.get(u, u) for u in self.parameters[f.name]]

    def _filled(self, array: str, cell: list[str], shape, value: str) -> None:
        """Loops that set every cell: whole-array expressions take Numba longer to compile."""
        depth, cell = self.depth, list(cell)
        for axis, extent in enumerate(shape):
            if extent == 1:
                cell.append("0")
                continue
            self.line(f"for cell_{axis} in range({self.extent(extent)}):")
            self.depth += 1
            cell.append(f"cell_{axis}")
        self.line(f"{array}[{', '.join(cell) or '0'}] = {value}")
        self.depth = depth

    # ----------------------------------------------------------------------------------------------------------- run
    def run(self) -> str:
        self.lines, self.depth = [], 1
        self.line("alone()")
        self.line("start = int64(0)")  # a literal 0 would be another type, and each group compiled twice
        if self.launches():
            for position, key in enumerate(self._keys()):
                name = self.names[key]
                self.line(f"table[{position}] = {f'address({name})' if key in self._shapes() else name}")
        for step in self.kernel.steps:
            _STEPS[type(step)](self, step)
        body = self.take()
        self.depth = 0
        arguments = ", ".join([*(self.names[k] for k in self._keys()), "table"])
        return f"{self.target.decorators['run']}\ndef run({arguments}):\n{body}"

    def _fill(self, step: loops.Fill) -> None:
        name = step.buffer
        self._filled(self.names[name], [], self.kernel.shapes[name], self.identity(step.op, self.kernel.dtypes[name]))

    def _copy(self, step: loops.Copy) -> None:
        name = step.target
        cell = ", ".join(f"cell_{axis}" for axis in range(self.kernel.ranks[name])) or "0"
        self._filled(self.names[name], [], self.kernel.shapes[name], f"{self.names[step.source]}[{cell}]")

    def _launch(self, step: loops.Launch) -> None:
        f = step.function
        extent = self.extent(f.extent) if f.extent is not None else ""
        count = extent if extent.isidentifier() else f"int64({extent})"
        given = (["start", count] if extent else []) + self._given(step, "0", sums=False)
        serial = f"{f.name}({', '.join(given)})"
        if not self.parallel(f):
            self.line(serial)
            return
        small = self._small(f)
        if small:
            self.line(f"if {small}:")
            self.line(f"    {serial}")
            self.line("else:")
            self.depth += 1
        self.line(f"chunks = {self.target.chunks} if {count} > {self.target.chunks} else {count}")
        self.line(f"chunked(int64({self.stages}), chunks, table)")
        self.stages += 1
        for b in f.partial:
            self._gather(self.names[step.scratch[b.name]], self.names[dict(zip(f.arrays, step.arguments))[b.name]], b)
        if small:
            self.depth -= 1

    def _small(self, f: loops.Function) -> str:
        """The test whether the work of every nest is below the threshold; empty where it never is."""
        if self.threshold == 0 or any(_points(nest) >= self.threshold for nest in f.work):
            return ""
        nests = [" * ".join(self.extent(e) for e in nest) for nest in f.work if not _points(nest)]
        return " and ".join(f"{nest} < {self.threshold}" for nest in nests)

    def _gather(self, parts: str, array: str, b: loops.Buffer) -> None:
        """Combine the chunks' results in order: the same bits whatever the number of threads."""
        depth = self.depth
        self.line("for chunk in range(chunks):")
        self.depth += 1
        cell = "0"
        if b.shape[0] != 1:
            self.line(f"for cell in range({self.extent(b.shape[0])}):")
            self.depth += 1
            cell = "cell"
        joined = self._joined(b.op, b.dtype, f"{array}[{cell}]", f"{parts}[chunk, {cell}]")
        self.line(f"{array}[{cell}] = {joined}")
        self.depth = depth

    def _dot(self, step: loops.Dot) -> None:
        _, _, out = self._product_of(step)
        whole = self._multiplied(step, "start", f"int64({self._flat(out.rows)})")
        if self._splits(step):
            self._dot_in_blocks(step, whole)
            return
        for i, extent in enumerate(out.batch):
            self.line(f"for batch_{i} in range({self.extent(extent)}):")
            self.depth += 1
        self.line(whole)
        self.depth -= len(out.batch)

    def _multiplied(self, step: loops.Dot, first: str, last: str) -> str:
        left, right, out = self._product_of(step)
        a, b, c = (self._matrix(m) for m in (left, right, out))
        turns = (str(int(m.transposed)) for m in (left, right))
        return f"product({a}, int64({next(turns)}), {b}, int64({next(turns)}), {c}, {first}, {last})"

    def _dot_in_blocks(self, step: loops.Dot, whole: str) -> None:
        """Blocks of rows in parallel; their number depends on the sizes only."""
        left, _, out = self._product_of(step)
        rows, least = self._flat(out.rows), self.target.block
        points = " * ".join([rows, self._flat(out.columns), self._flat(left.columns)])
        enough = self.target.products if self.threshold else 0
        self.line(f"blocks = int64({rows} // {least if enough else 1})")
        self.line(f"if blocks < 2 or {points} < {enough}:")
        self.line(f"    {whole}")
        self.line("else:")
        self.line(f"    blocks = {self.target.chunks} if blocks > {self.target.chunks} else blocks")
        self.line(f"    chunked(int64({self.stages}), blocks, table)")
        self.stages += 1

    def _matrix(self, m: loops.Matrix) -> str:
        """The buffer as a matrix of two axes, as it is stored."""
        name = self.names[m.buffer]
        if m.batch:
            name += f"[{', '.join(f'batch_{i}' for i in range(len(m.batch)))}]"
        parts = (m.columns, m.rows) if m.transposed else (m.rows, m.columns)
        if all(len(p) == 1 for p in parts):
            return name
        return f"array(address({name}), ({', '.join(self._flat(p) for p in parts)}), {self.real})"

    def _factor(self, expr: Expr) -> str:
        text = self.extent(expr)
        return f"({text})" if isinstance(expr, Mul) or not text.isidentifier() else text


def _turned(m: loops.Matrix) -> loops.Matrix:
    return loops.Matrix(m.buffer, m.batch, m.columns, m.rows, not m.transposed)


def _points(nest) -> int:
    """The number of points of a nest of fixed size, else 0."""
    product = Mul(*nest)
    return int(product) if product.is_Integer else 0


_NODES = {
    loops.Set: _Module._set, loops.Store: _Module._store, loops.Combine: _Module._combine,
    loops.Extreme: _Module._extreme, loops.First: _Module._first, loops.If: _Module._if, loops.For: _Module._for,
}  # fmt: skip
_STEPS = {
    loops.Fill: _Module._fill, loops.Copy: _Module._copy, loops.Launch: _Module._launch, loops.Dot: _Module._dot,
}  # fmt: skip
