"""From loops to the text of a Python module.

One walker, one expression printer; what differs between targets (imports, decorators, the parallel loop) is a small table
in `targets`. The module needs NumPy and Numba only, and runs un-jitted with the imports of `targets.python`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sympy import Basic, Expr, Mul

from ..ir.access import Access, Index, Size
from . import loops
from .expressions import Printer
from .spelling import functions
from .targets.table import Target

RESERVED = {
    "np", "math", "njit", "prange", "range", "float32", "float64", "int64", "INF", "min", "max", "run", "add",
    "chunk", "chunks", "first", "last", "piece", "start", "cell", "alone", "types", "intrinsic", *keyword.kwlist,
}  # fmt: skip


def emit(kernel: loops.Kernel, target: Target, real: str, header: str, threshold: int | None) -> str:
    """The text of the module. `threshold`: points from which a group runs in parallel (None: never)."""
    module = _Module(kernel, target, real, _names(kernel), threshold)
    launched = [s.function for s in kernel.steps if isinstance(s, loops.Launch)]
    groups = [text for f in launched for text in module.function(f)]
    run = module.run()
    parts = [f'"""{header}\n"""', target.imports, f"INF = {real}(np.inf)", target.helpers]
    parts += [f"{target.decorators[kind]}\n{text}" for kind, text in functions(module.called, real)]
    return "\n\n\n".join(p.strip("\n") for p in [*parts, *groups, run] if p.strip()) + "\n"


def _names(kernel: loops.Kernel) -> dict:
    """A Python name for every buffer, register and size; a tensor keeps its own where that is possible."""
    taken = set(RESERVED)
    names: dict = {}
    for key in (*kernel.dtypes, *kernel.sizes, *kernel.extents.values()):
        stem = re.sub(r"\W", "_", str(key))
        stem = stem if stem.isidentifier() and not stem.startswith(("f_", "group_", "u_", "cell_", "batch_")) else f"t_{stem}"
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
    depth: int = 0
    temporaries: int = 0
    parameters: dict[str, list[str]] = field(default_factory=dict)

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
        return ", ".join(self.printer.integer(c) for c in cell) or "0"

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
        self.line(f"{target} = {self._joined(node.op, dtype, target, self._value(node.value, node.target), node.loose)}")

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
        self.nodes(node.body or [])
        if not node.body:
            self.line("pass")
        self.depth -= 1
        del self.indices[node.index]

    def _loop_name(self, index: Index) -> str:
        stem = re.sub(r"\W", "_", index.name.split("#")[0])
        stem = stem if stem.isidentifier() else f"i_{stem}"
        return _free(stem, {*self.indices.values(), *self.names.values(), *RESERVED})

    # ----------------------------------------------------------------------------------------------------- functions
    def function(self, f: loops.Function) -> list[str]:
        """The text of a group's function, and of the one that runs its chunks in parallel."""
        used, body = self._body(f)
        self.parameters[f.name] = used
        start = ["first", "last"] if f.extent is not None else []
        texts = [f"{self.target.decorators['group']}\ndef {f.name}({', '.join([*start, *used])}):\n{body}"]
        if self.parallel(f):
            texts.append(self._chunks(f, used))
        return texts

    def _body(self, f: loops.Function) -> tuple[list[str], str]:
        """The parameters (the sizes that the body mentions, the arrays, the row buffers) and the text."""
        self.temporaries, self.depth = 0, 1
        self.line("alone()")
        if f.extent is not None:
            self.line("first = max(first, 0)")  # tells LLVM that no index is negative
        self.nodes(f.body)
        body = self.take()
        self.depth = 0
        words = set(re.findall(r"\w+", body))
        numbers = [self.names[s] for s in (*self.kernel.sizes, *self.kernel.extents.values())]
        arrays = [*f.arrays, *(b.name for b in f.buffers)]
        return [n for n in numbers if n in words] + [self.names[a] for a in arrays], body

    def parallel(self, f: loops.Function) -> bool:
        return f.parallel and self.threshold is not None

    def _chunks(self, f: loops.Function, used: list[str]) -> str:
        """Each chunk of rows has its own row buffers and its own sums, which start at the identity."""
        extent = self.extent(f.extent)
        own = {self.names[b.name]: b for b in (*f.buffers, *f.partial)}
        params = [f"{u}_chunks" if u in own else u for u in used]
        given = [f"{u}_chunks[piece]" if u in own else u for u in used]
        needed = [n for n in [extent, *(self.extent(s) for b in f.partial for s in b.shape)] if n.isidentifier()]
        params = [n for n in dict.fromkeys(needed) if n not in params] + params
        self.depth = 1
        self.line("alone()")
        self.line("for chunk in prange(chunks):")
        self.depth = 2
        self.line("piece = int64(chunk)")  # prange counts in unsigned integers, which with signed ones make floats
        for b in f.partial:
            self._filled(f"{self.names[b.name]}_chunks", ["piece"], b.shape, self.identity(b.op, b.dtype))
        bounds = f"{extent} * piece // chunks, {extent} * (piece + 1) // chunks"
        self.line(f"{f.name}({bounds}, {', '.join(given)})")
        self.depth = 0
        return f"{self.target.decorators['parallel']}\ndef {f.name}_parallel(chunks, {', '.join(params)}):\n{self.take()}"

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
        numbers = [self.names[s] for s in (*self.kernel.sizes, *self.kernel.extents.values())]
        arrays = [self.names[a] for a in (*self.kernel.arrays, *(b.name for b in self.kernel.scratch))]
        self.lines, self.depth = [], 1
        self.line("alone()")
        self.line("start = int64(0)")  # a literal 0 would be another type, and each group compiled twice
        for step in self.kernel.steps:
            _STEPS[type(step)](self, step)
        body = self.take()
        self.depth = 0
        return f"{self.target.decorators['run']}\ndef run({', '.join([*numbers, *arrays])}):\n{body}"

    def _fill(self, step: loops.Fill) -> None:
        name = step.buffer
        self._filled(self.names[name], [], self.kernel.shapes[name], self.identity(step.op, self.kernel.dtypes[name]))

    def _copy(self, step: loops.Copy) -> None:
        name = step.target
        cell = ", ".join(f"cell_{axis}" for axis in range(self.kernel.ranks[name])) or "0"
        self._filled(self.names[name], [], self.kernel.shapes[name], f"{self.names[step.source]}[{cell}]")

    def _launch(self, step: loops.Launch) -> None:
        f = step.function
        used = self.parameters[f.name]
        names = {self.names[a]: self.names[b] for a, b in zip(f.arrays, step.arguments)}
        scratch = {self.names[b]: self.names[s] for b, s in step.scratch.items()}
        sums = {self.names[b.name] for b in f.partial}
        given = [f"{scratch[u]}[0]" if u in scratch and u not in sums else names.get(u, u) for u in used]
        extent = self.extent(f.extent) if f.extent is not None else ""
        serial = f"{f.name}({', '.join((['start', extent] if extent else []) + given)})"
        if not self.parallel(f):
            self.line(serial)
            return
        self.line(f"if {self._points(f)} < {self.threshold}:")
        self.line(f"    {serial}")
        self.line("else:")
        self.depth += 1
        self._launch_chunks(f, used, names, scratch, extent)
        self.depth -= 1

    def _points(self, f: loops.Function) -> str:
        nests = [" * ".join(self.extent(e) for e in nest) or "1" for nest in f.work]
        return nests[0] if len(nests) == 1 else f"max({', '.join(nests)})"

    def _launch_chunks(self, f: loops.Function, used, names, scratch, extent: str) -> None:
        self.line(f"chunks = min({extent}, {self.target.chunks})")
        given = [scratch[u] if u in scratch else names.get(u, u) for u in used]
        needed = [n for n in [extent, *(self.extent(s) for b in f.partial for s in b.shape)] if n.isidentifier()]
        extra = [n for n in dict.fromkeys(needed) if n not in used]
        self.line(f"{f.name}_parallel(chunks, {', '.join([*extra, *given])})")
        for b in f.partial:
            name = self.names[b.name]
            self._gather(scratch[name], names[name], b)

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
        out, a, b = step.out, step.a, step.b
        batch = [f"[{', '.join(f'batch_{i}' for i in range(len(m.batch)))}]" if m.batch else "" for m in (out, a, b)]
        for i, extent in enumerate(out.batch):
            self.line(f"for batch_{i} in range({self.extent(extent)}):")
            self.depth += 1
        left, right = self._matrix(a, batch[1]), self._matrix(b, batch[2])
        if out.transposed:  # (a b)^T = b^T a^T
            stored = loops.Matrix(out.buffer, out.batch, out.columns, out.rows, False)
            left, right = self._turned(b, batch[2]), self._turned(a, batch[1])
        else:
            stored = out
        self.line(f"np.dot({left}, {right}, {self._matrix(stored, batch[0])})")
        self.depth -= len(out.batch)

    def _matrix(self, m: loops.Matrix, batch: str) -> str:
        name = self.names[m.buffer] + batch
        parts = (m.columns, m.rows) if m.transposed else (m.rows, m.columns)
        if any(len(p) > 1 for p in parts):
            shape = ", ".join(" * ".join(self._factor(e) for e in p) for p in parts if p)
            name = f"{name}.reshape({shape})"
        return f"{name}.T" if m.transposed and all(parts) else name

    def _turned(self, m: loops.Matrix, batch: str) -> str:
        return self._matrix(loops.Matrix(m.buffer, m.batch, m.columns, m.rows, not m.transposed), batch)

    def _factor(self, expr: Expr) -> str:
        text = self.extent(expr)
        return f"({text})" if isinstance(expr, Mul) or not text.isidentifier() else text


_NODES = {
    loops.Set: _Module._set, loops.Store: _Module._store, loops.Combine: _Module._combine,
    loops.Extreme: _Module._extreme, loops.If: _Module._if, loops.For: _Module._for,
}  # fmt: skip
_STEPS = {
    loops.Fill: _Module._fill, loops.Copy: _Module._copy, loops.Launch: _Module._launch, loops.Dot: _Module._dot,
}  # fmt: skip
