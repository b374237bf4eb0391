"""From loops to the text of a Python module.

What differs between targets (imports, decorators, the parallel loop) is a small table in `targets`. The module needs
NumPy, SciPy's BLAS and Numba, and runs un-jitted in the namespace of `targets.python`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sympy import Integer, Mul

from . import gram, loops
from .routines import texts
from .spans import bounded
from .spelling import functions
from .targets.table import Target
from .write import Writer, product_of, python_names


def emit(kernel: loops.Kernel, target: Target, real: str, header: str, threshold: int | None) -> str:
    """The text of the module. `threshold`: points from which a group runs in parallel (None: never)."""
    writer = Writer(kernel, real, python_names(kernel))
    module = _Module(kernel, target, real, threshold, writer)
    launched = [s.function for s in kernel.steps if isinstance(s, loops.Launch)]
    called = dict.fromkeys(s.call.name for s in kernel.steps if isinstance(s, loops.Routine))
    groups = texts(called, real, target.decorators["double"])
    groups += [module.function(f) for f in launched]
    groups += [gram.function(module, s) for s in kernel.steps if isinstance(s, loops.Gram)]
    groups += [module.chunk(number, step) for number, step in enumerate(module.launches())]
    run = module.run()
    parts = [f'"""{header}\n"""', target.imports, f"INF = {real}(np.inf)", target.helpers]
    parts += [f"{target.decorators[kind]}\n{text}" for kind, text in functions(writer.called, real)]
    return "\n\n\n".join(p.strip("\n") for p in [*parts, *groups, run] if p.strip()) + "\n"


@dataclass
class _Module:
    """The functions of a module: groups, their chunks, `run`."""

    kernel: loops.Kernel
    target: Target
    real: str
    threshold: int | None
    writer: Writer
    parameters: dict[str, list[str]] = field(default_factory=dict)
    stages: int = 0
    routines: int = 0

    # ----------------------------------------------------------------------------------------------------- functions
    def function(self, f: loops.Function) -> str:
        """The text of a group's function."""
        used, body = self._body(f)
        self.parameters[f.name] = used
        start = ["first", "last"] if f.extent is not None else []
        return f"{self.target.decorators['group']}\ndef {f.name}({', '.join([*start, *used])}):\n{body}"

    def _body(self, f: loops.Function) -> tuple[list[str], str]:
        """The parameters (the sizes that the body mentions, the arrays, the row buffers) and the text."""
        self.writer.temporaries, self.writer.depth = 0, 1
        self.writer.line("alone()")
        self.writer.nodes(bounded(f.body))
        body = self.writer.take()
        self.writer.depth = 0
        return self.mentioned(body, [*f.arrays, *(b.name for b in f.buffers)]), body

    def mentioned(self, body: str, arrays: list[str]) -> list[str]:
        """The parameters of a function: the sizes that its text mentions, its arrays."""
        words = set(re.findall(r"\w+", body))
        numbers = [self.writer.names[s] for s in (*self.kernel.sizes, *self.kernel.extents.values())]
        return [n for n in numbers if n in words] + [self.writer.names[a] for a in arrays]

    def parallel(self, f: loops.Function) -> bool:
        """Can it ever be worth it? Work of a fixed size may be too small."""
        if not f.parallel or self.threshold is None:
            return False
        return any(not _points(nest) or _points(nest) >= self.threshold for nest in f.work)

    def launches(self) -> list[loops.Launch | loops.Dot | loops.Gram]:
        """The steps that may run in parallel."""
        return [s for s in self.kernel.steps if self._splits(s)]

    def _splits(self, step: loops.Step) -> bool:
        if isinstance(step, loops.Launch):
            return self.parallel(step.function)
        if isinstance(step, loops.Gram):
            return self.threshold is not None
        return (
            isinstance(step, loops.Dot)
            and self.threshold is not None
            and not step.out.batch
            and bool(step.out.rows and step.out.columns)
        )

    def chunk(self, number: int, step: loops.Launch | loops.Dot | loops.Gram) -> str:
        """One chunk of a step's rows."""
        self.writer.depth = 1
        self.writer.line("alone()")
        body_start = len(self.writer.lines)
        if isinstance(step, loops.Dot):
            self._block(step)
        elif isinstance(step, loops.Gram):
            gram.rows(self, step)
        else:
            self._rows(step)
        words = set(re.findall(r"\w+", "\n".join(self.writer.lines[body_start:])))
        table = f"table = array(place, ({len(self._keys()) + 1},), int64)"
        self.writer.lines[body_start:body_start] = ["    " + line for line in [table, *self._unpacked(words)]]
        self.writer.depth = 0
        return f"{self.target.decorators['group']}\ndef chunk_{number}(piece, chunks, place):\n{self.writer.take()}"

    def _rows(self, step: loops.Launch) -> None:
        """A group's rows, with row buffers and sums of their own; the sums start at the identity."""
        f = step.function
        for b in f.partial:
            scratch = self.writer.names[step.scratch[b.name]]
            self._filled(scratch, ["piece"], b.shape, self.writer.identity(b.op, b.dtype))
        extent = self.writer.extent(f.extent)
        bounds = f"{extent} * piece // chunks, {extent} * (piece + 1) // chunks"
        self.writer.line(f"{f.name}({bounds}, {', '.join(self._given(step, 'piece', sums=True))})")

    def _block(self, step: loops.Dot) -> None:
        """Some rows of a matrix product."""
        rows = self.writer.flat(step.out.columns if step.out.transposed else step.out.rows)
        self.writer.line(self.writer.multiplied(step, f"{rows} * piece // chunks", f"{rows} * (piece + 1) // chunks"))

    def _unpacked(self, words: set[str]) -> list[str]:
        """Sizes and arrays from the table."""
        arrays, numbers = [], []
        for position, key in enumerate(self._keys()):
            name = self.writer.names[key]
            shape = self._shapes().get(key)
            if shape is not None and name in words:
                dtype = self.dtype(self.kernel.dtypes[key])
                arrays.append(f"{name} = array(table[{position}], {self.writer.shape(shape)}, {dtype})")
        words = words | set(re.findall(r"\w+", " ".join(arrays)))
        for position, key in enumerate(self._keys()):
            if self.writer.names[key] in words and key not in self._shapes():
                numbers.append(f"{self.writer.names[key]} = table[{position}]")
        return numbers + arrays

    def dtype(self, dtype: str) -> str:
        return {"float": self.real, "int": "int64", "bool": "np.bool_"}[dtype]

    def _shapes(self) -> dict:
        kernel = self.kernel
        shapes = {n: kernel.shapes[n] or (Integer(1),) for n in kernel.arrays}
        return shapes | {b.name: (Integer(b.pieces or self.target.chunks), *b.shape) for b in kernel.scratch}

    def _keys(self) -> list:
        """What run takes: sizes, arrays, scratch."""
        kernel = self.kernel
        return [*kernel.sizes, *kernel.extents.values(), *kernel.arrays, *(b.name for b in kernel.scratch)]

    def _given(self, step: loops.Launch, piece: str, sums: bool) -> list[str]:
        """The arguments of a group: buffers for its arrays; scratch rows for row buffers and (`sums`) for its sums."""
        f = step.function
        names = {self.writer.names[a]: self.writer.names[b] for a, b in zip(f.arrays, step.arguments)}
        own = (*f.buffers, *f.partial) if sums else f.buffers
        names |= {self.writer.names[b.name]: f"{self.writer.names[step.scratch[b.name]]}[{piece}]" for b in own}
        return [names.get(u, u) for u in self.parameters[f.name]]

    def _filled(self, array: str, cell: list[str], shape, value: str) -> None:
        """Loops that set every cell: whole-array expressions take Numba longer to compile."""
        depth, cell = self.writer.depth, list(cell)
        for axis, extent in enumerate(shape):
            if extent == 1:
                cell.append("0")
                continue
            self.writer.line(f"for cell_{axis} in range({self.writer.extent(extent)}):")
            self.writer.depth += 1
            cell.append(f"cell_{axis}")
        self.writer.line(f"{array}[{', '.join(cell) or '0'}] = {value}")
        self.writer.depth = depth

    # ----------------------------------------------------------------------------------------------------------- run
    def run(self) -> str:
        self.writer.lines, self.writer.depth = [], 1
        self.writer.line("alone()")
        self.writer.line("start = int64(0)")  # a literal 0 would be another type, and each group compiled twice
        for step in self.kernel.steps:
            _STEPS[type(step)](self, step)
        words = set(re.findall(r"\w+", "\n".join(self.writer.lines)))
        self.writer.lines[1:1] = ["    " + line for line in self._unpacked(words)]
        body = self.writer.take()
        self.writer.depth = 0
        return f"{self.target.decorators['run']}\ndef run(table):\n{body}"

    def _fill(self, step: loops.Fill) -> None:
        name = step.buffer
        self._filled(
            self.writer.names[name],
            [],
            self.kernel.shapes[name],
            self.writer.identity(step.op, self.kernel.dtypes[name]),
        )

    def _copy(self, step: loops.Copy) -> None:
        name = step.target
        cell = ", ".join(f"cell_{axis}" for axis in range(self.kernel.ranks[name])) or "0"
        self._filled(self.writer.names[name], [], self.kernel.shapes[name], f"{self.writer.names[step.source]}[{cell}]")

    def _launch(self, step: loops.Launch) -> None:
        f = step.function
        extent = self.writer.extent(f.extent) if f.extent is not None else ""
        count = extent if extent.isidentifier() else f"int64({extent})"
        given = (["start", count] if extent else []) + self._given(step, "0", sums=False)
        serial = f"{f.name}({', '.join(given)})"
        if not self.parallel(f):
            self.writer.line(serial)
            return
        small = self._small(f)
        if small:
            self.writer.line(f"if {small}:")
            self.writer.line(f"    {serial}")
            self.writer.line("else:")
            self.writer.depth += 1
        self.writer.line(f"chunks = {self.target.chunks} if {count} > {self.target.chunks} else {count}")
        self.writer.line(f"chunked(entry(chunk_{self.stages}), chunks, address(table))")
        self.stages += 1
        for b in f.partial:
            self._gather(
                self.writer.names[step.scratch[b.name]],
                self.writer.names[dict(zip(f.arrays, step.arguments))[b.name]],
                b,
            )
        if small:
            self.writer.depth -= 1

    def _small(self, f: loops.Function) -> str:
        """The test whether the work of every nest is below the threshold; empty where it never is."""
        if self.threshold == 0 or any(_points(nest) >= self.threshold for nest in f.work):
            return ""
        nests = [" * ".join(self.writer.extent(e) for e in nest) for nest in f.work if not _points(nest)]
        return " and ".join(f"{nest} < {self.threshold}" for nest in nests)

    def _gather(self, parts: str, array: str, b: loops.Buffer) -> None:
        """Combine the chunks' results in order: the same bits whatever the number of threads."""
        depth = self.writer.depth
        self.writer.line("for chunk in range(chunks):")
        self.writer.depth += 1
        cell = "0"
        if b.shape[0] != 1:
            self.writer.line(f"for cell in range({self.writer.extent(b.shape[0])}):")
            self.writer.depth += 1
            cell = "cell"
        joined = self.writer._joined(b.op, b.dtype, f"{array}[{cell}]", f"{parts}[chunk, {cell}]")
        self.writer.line(f"{array}[{cell}] = {joined}")
        self.writer.depth = depth

    def _routine(self, step: loops.Routine) -> None:
        """The call's number goes into the last place of the table: an error is about that call."""
        self.routines += 1
        self.writer.line(f"table[{len(self._keys())}] = {self.routines}")
        depth = self.writer.depth
        for i, extent in enumerate(step.batch):
            self.writer.line(f"for batch_{i} in range({self.writer.extent(extent)}):")
            self.writer.depth += 1
        operands = ", ".join(self._operand(*o, len(step.batch)) for o in step.operands)
        self.writer.line(f"f_{step.call.name}({operands})")
        self.writer.depth = depth

    def _operand(self, buffer: str, own: int, core: int, batch: int) -> str:
        """One matrix of a stack; a number as an array of one entry."""
        cell = [f"batch_{i}" for i in range(batch - own, batch)]
        if cell and not core:
            cell[-1] = f"{cell[-1]}:{cell[-1]} + 1"
        return self.writer.names[buffer] + (f"[{', '.join(cell)}]" if cell else "")

    def _dot(self, step: loops.Dot) -> None:
        _, _, out = product_of(step)
        whole = self.writer.multiplied(step, "start", f"int64({self.writer.flat(out.rows)})")
        if self._splits(step):
            self._dot_in_blocks(step, whole)
            return
        for i, extent in enumerate(out.batch):
            self.writer.line(f"for batch_{i} in range({self.writer.extent(extent)}):")
            self.writer.depth += 1
        self.writer.line(whole)
        self.writer.depth -= len(out.batch)

    def _dot_in_blocks(self, step: loops.Dot, whole: str) -> None:
        """Blocks of rows in parallel; their number depends on the sizes only."""
        left, _, out = product_of(step)
        rows, least = self.writer.flat(out.rows), self.target.block
        points = " * ".join([rows, self.writer.flat(out.columns), self.writer.flat(left.columns)])
        enough = self.target.products if self.threshold else 0
        self.writer.line(f"blocks = int64({rows} // {least if enough else 1})")
        self.writer.line(f"if blocks < 2 or {points} < {enough}:")
        self.writer.line(f"    {whole}")
        self.writer.line("else:")
        self.writer.line(f"    blocks = {self.target.chunks} if blocks > {self.target.chunks} else blocks")
        self.writer.line(f"    chunked(entry(chunk_{self.stages}), blocks, address(table))")
        self.stages += 1


def _points(nest) -> int:
    """The number of points of a nest of fixed size, else 0."""
    product = Mul(*nest)
    return int(product) if product.is_Integer else 0


_STEPS = {
    loops.Fill: _Module._fill, loops.Copy: _Module._copy, loops.Launch: _Module._launch, loops.Dot: _Module._dot,
    loops.Routine: _Module._routine, loops.Gram: gram.step,
}  # fmt: skip
