"""From loops to the text of a Python module.

What differs between targets (imports, decorators, the parallel loop) is a small table in `targets`. The module needs
NumPy, SciPy's BLAS and Numba, and runs un-jitted in the namespace of `targets.python`.

A step of `run` is a stage: a function of (piece, chunks, place) that does one piece of the work, with the sizes and
addresses that it needs at `place`. Numba takes the same time for three integers however many arrays there are, a chunk
of rows can be run by address, and steps that differ in names only (the layers of a network) are one function.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sympy import Integer, Mul

from . import gram, loops
from .routines import texts
from .same import unnamed
from .spans import bounded
from .spelling import functions
from .targets.table import Target
from .write import Writer, product_of, python_names

PRODUCTS = re.compile(r"\b(product|update|symmetric)\(")  # only what needs SciPy imports it: 0.1 s of a process's start
PART = 48  # steps of one function: the compiler's time grows faster than the length of a function


def emit(kernel: loops.Kernel, target: Target, real: str, header: str, threshold: int | None) -> str:
    """The text of the module. `threshold`: points from which a group runs in parallel (None: never)."""
    writer = Writer(kernel, real, python_names(kernel))
    module = _Module(kernel, target, real, threshold, writer)
    steps = [single for s in kernel.steps for single in ([s.rows, s.gram] if isinstance(s, loops.Chain) else [s])]
    called = dict.fromkeys(s.call.name for s in steps if isinstance(s, loops.Routine))
    groups = texts(called, real, target.decorators["double"])
    groups += [module.function(s.function) for s in steps if isinstance(s, loops.Launch)]
    groups += [gram.function(module, s) for s in steps if isinstance(s, loops.Gram)]
    run = module.run()
    text = "\n".join([*groups, *module.stages, *run])
    blas, lapack = target.blas * bool(PRODUCTS.search(text)), target.lapack * ("getrf(" in text)
    tiles, streams = target.tiles * ("_tile(" in text), target.streams * ("aside(" in text)
    imports = [target.imports, target.fortran * bool(blas or lapack), blas, lapack, tiles, streams]
    parts = [f'"""{header}\n"""', *imports, f"INF = {real}(np.inf)", target.helpers, *module.joins.values()]
    parts += [f"{target.decorators[kind]}\n{text}" for kind, text in functions(writer.called, real)]
    return "\n\n\n".join(p.strip("\n") for p in [*parts, *groups, *module.stages, *run] if p.strip()) + "\n"


@dataclass
class _Module:
    """The functions of a module: groups, stages, `run`."""

    kernel: loops.Kernel
    target: Target
    real: str
    threshold: int | None
    writer: Writer
    parameters: dict[str, list[str]] = field(default_factory=dict)  # of each group
    shared: dict[str, str] = field(default_factory=dict)  # a function's text without names -> its name
    spoken: dict[str, str] = field(default_factory=dict)  # a group -> the function that computes it
    stages: list[str] = field(default_factory=list)
    joins: dict[str, str] = field(default_factory=dict)
    routines: int = 0

    # ----------------------------------------------------------------------------------------------------- functions
    def function(self, f: loops.Function) -> str:
        """The text of a group's function; empty where another group has the same."""
        self.writer.temporaries, self.writer.depth = 0, 1
        self.writer.nodes(bounded(f.body))
        if strips(f):
            self.writer.line("settled()")
        arrays = [*f.arrays, *(b.name for b in f.buffers)]
        return self.defined(f.name, ["first", "last"] if f.extent is not None else [], arrays)

    def defined(self, name: str, start: list[str], arrays: list[str]) -> str:
        """The function of the lines that have been written. Its parameters stand in the order of their first use."""
        body = self.writer.take()
        self.writer.depth = 0
        known = {"far", *(self.writer.names[key] for key in (*self._numbers(), *arrays))}
        used = [word for word in dict.fromkeys(re.findall(r"\w+", body)) if word in known]
        self.parameters[name] = used
        decorator = self.target.decorators["group"]
        return self._once(name, f"{decorator}\ndef {name}({', '.join([*start, *used])}):\n    alone()\n{body}")

    def _once(self, name: str, text: str) -> str:
        """The text, if there is no such function yet."""
        self.spoken[name] = self.shared.setdefault(unnamed(text), name)
        return text if self.spoken[name] == name else ""

    def parallel(self, f: loops.Function) -> bool:
        """Can it ever be worth it? Work of a fixed size may be too small."""
        if not f.parallel or self.threshold is None:
            return False
        return any(not _points(nest) or _points(nest) >= self.threshold for nest in f.work)

    def dtype(self, dtype: str) -> str:
        return {"float": self.real, "int": "int64", "bool": "np.bool_"}[dtype]

    # -------------------------------------------------------------------------------------------------------- stages
    def perform(self, chunks: str) -> None:
        """A line of `run`: the stage of the lines that have been written, in so many chunks (empty: always one)."""
        lines, self.writer.lines = self.writer.lines, []
        keys = self._used("\n".join(lines))
        text = "\n".join(f"    {line}" for line in [*self._unpacked(keys, range(len(keys))), *lines])
        name = f"stage_{len(self.stages)}"
        head = f"def {name}(piece, chunks, place):\n    alone()\n    table = array(place, ({len(keys)},), int64)"
        text = self._once(name, f"{self.target.decorators['group']}\n{head}\n{text}\n")
        self.stages += [text] * bool(text)
        places = ", ".join(str(self._places[key]) for key in keys) + "," * (len(keys) == 1)
        how = f"perform({self.spoken[name]}, {chunks}" if chunks else f"once({self.spoken[name]}"
        self.step(f"{how}, table, ({places}))  # {', '.join(self.writer.names[key] for key in keys)}")

    def step(self, *lines: str) -> None:
        """Lines of `run`."""
        self.steps[-1] += lines

    def _used(self, text: str) -> list:
        """The sizes and arrays that a text mentions, in the order of first use; then the sizes of their shapes."""
        known = self._known
        found = [known[word] for word in dict.fromkeys(re.findall(r"\w+", text)) if word in known]
        shapes = " ".join(self.writer.shape(self._shapes[key]) for key in found if key in self._shapes)
        found += [known[word] for word in dict.fromkeys(re.findall(r"\w+", shapes)) if word in known]
        return list(dict.fromkeys(found))

    def _unpacked(self, keys: list, places) -> list[str]:
        """Sizes and arrays from the table."""
        sizes, arrays = [], []
        for key, place in zip(keys, places):
            name = self.writer.names[key]
            if key not in self._shapes:
                sizes.append(f"{name} = table[{place}]")
                continue
            dtype = self.dtype(self.kernel.dtypes[key])
            arrays.append(f"{name} = array(table[{place}], {self.writer.shape(self._shapes[key])}, {dtype})")
        return sizes + arrays

    def __post_init__(self):
        kernel = self.kernel
        shapes = {n: kernel.shapes[n] or (Integer(1),) for n in kernel.arrays}
        self._shapes = shapes | {b.name: (Integer(b.pieces or self.target.chunks), *b.shape) for b in kernel.scratch}
        self._places = {key: place for place, key in enumerate([*self._numbers(), *self._shapes])}
        self._known = {self.writer.names[key]: key for key in self._places}
        self.steps: list[list[str]] = []

    def _numbers(self) -> list:
        return [*self.kernel.sizes, *self.kernel.extents.values()]

    def place(self, key) -> str:
        """The address of an array, or a size, in the table of `run`."""
        return f"table[{self._places[key]}]"

    # ----------------------------------------------------------------------------------------------------------- run
    def run(self) -> list[str]:
        """The text of `run`, and of the parts that it is made of if it is long."""
        for step in self.kernel.steps:
            self.steps.append(self.lines(_STEPS[type(step)], step))
        if len(self.steps) <= PART:
            return [self._run("run", self.steps, "run")]
        parts = [self.steps[i : i + PART] for i in range(0, len(self.steps), PART)]
        texts = [self._run(f"part_{number}", part, "double") for number, part in enumerate(parts)]
        return [*texts, self._run("run", [[f"part_{number}(table)" for number in range(len(parts))]], "run")]

    def lines(self, write: Callable, *given) -> list[str]:
        """The lines of `run` that `write` makes."""
        self.steps.append([])
        self.writer.lines, self.writer.depth = [], 0
        write(self, *given)
        return self.steps.pop()

    def _run(self, name: str, steps: list[list[str]], decorator: str) -> str:
        lines = [line for step in steps for line in step]
        keys = self._used("\n".join(line.split("  # ")[0] for line in lines))
        unpacked = self._unpacked(keys, [self._places[key] for key in keys])
        body = "\n".join(f"    {line}" for line in ["alone()", *unpacked, *lines])
        return f"{self.target.decorators[decorator]}\ndef {name}(table):\n{body}"

    def _fill(self, step: loops.Fill) -> None:
        dtype = self.kernel.dtypes[step.buffer]
        value = self.writer.identity(step.op, dtype)
        value = value if dtype == "float" else f"{self.dtype(dtype)}({value})"
        self.step(f"fill({self.place(step.buffer)}, {self._count(self._shapes[step.buffer])}, {value})"
                  f"  # {self.writer.names[step.buffer]}")  # fmt: skip

    def _copy(self, step: loops.Copy) -> None:
        like = self._like(self.kernel.dtypes[step.target])
        places = f"{self.place(step.source)}, {self.place(step.target)}"
        self.step(f"copy({places}, {self._count(self._shapes[step.target])}, {like})"
                  f"  # {self.writer.names[step.target]}")  # fmt: skip

    def _count(self, shape) -> str:
        return f"int64({self.writer.flat(shape)})"

    def _like(self, dtype: str) -> str:
        return f"{self.dtype(dtype)}(0)"

    def _launch(self, step: loops.Launch) -> None:
        f = step.function
        many = self.parallel(f)
        self.prepared(step, many)
        extent = self.writer.extent(f.extent) if f.extent is not None else ""
        self.called(step, self.bounds(extent, many) if extent else [], many)
        rows = f"int64({extent})" if f.least == 1 else f"max(int64(1), int64({extent}) // {f.least})"
        chunks = f"pieces({rows}, {self._work(f)}, int64({self.threshold}))" if many else ""
        if many and f.partial:
            self.step(f"chunks = {chunks}")
            chunks = "chunks"
        self.perform(chunks)
        if many:
            self.joined(step)

    def prepared(self, step: loops.Launch, many: bool) -> None:
        """What a chunk does before it calls the step's function: its own sums begin."""
        f, names = step.function, self.writer.names
        for b in f.partial if many else ():
            filled(self.writer, names[step.scratch[b.name]], ["piece"], b.shape, self.writer.identity(b.op, b.dtype))
        if strips(f):
            held = dict(zip(f.arrays, step.arguments))
            large = dict.fromkeys(held[s.array] for s in strips(f))
            self.writer.line(f"far = {' + '.join(self.writer.bytes(self._shapes[a]) for a in large)} >= FAR")

    def called(self, step: loops.Launch, bounds: list[str], many: bool) -> None:
        given = [*bounds, *self._given(step, "piece" if many else "0", many)]
        self.writer.line(f"{self.spoken[step.function.name]}({', '.join(given)})")

    def joined(self, step: loops.Launch) -> None:
        """The chunks' sums."""
        f = step.function
        for b in f.partial:
            self._join(step.scratch[b.name], dict(zip(f.arrays, step.arguments))[b.name], b)

    def bounds(self, extent: str, many: bool) -> list[str]:
        """The first row, and that behind the last."""
        if many:
            return [f"{extent} * piece // chunks", f"{extent} * (piece + 1) // chunks"]
        return ["int64(0)", f"int64({extent})"]

    def _given(self, step: loops.Launch, piece: str, sums: bool) -> list[str]:
        """The arguments of a group: buffers for its arrays; scratch rows for row buffers and (`sums`) for its sums."""
        f = step.function
        names = {self.writer.names[a]: self.writer.names[b] for a, b in zip(f.arrays, step.arguments)}
        own = (*f.buffers, *f.partial) if sums else f.buffers
        names |= {self.writer.names[b.name]: f"{self.writer.names[step.scratch[b.name]]}[{piece}]" for b in own}
        large = {self.writer.names[s.strip]: names[self.writer.names[s.array]] for s in strips(f)}
        names |= {strip: f"aside({array}, {names[strip]}, far)" for strip, array in large.items()}
        return [names.get(u, u) for u in self.parameters[f.name]]

    def _work(self, f: loops.Function) -> str:
        """The points of the longest nest."""
        if any(_points(nest) >= (self.threshold or 0) for nest in f.work):
            return f"int64({self.threshold})"
        nests = [f"int64({' * '.join(map(self.writer.extent, nest))})" for nest in f.work if not _points(nest)]
        return nests[0] if len(nests) == 1 else f"max({', '.join(nests)})"

    def _join(self, parts: str, array: str, b: loops.Buffer) -> None:
        """Combine the chunks' results in order: the same bits whatever the number of threads."""
        name = f"join_{b.op}" + f"_{b.dtype}" * (b.dtype != "float")
        joined = self.writer._joined(b.op, b.dtype, "whole[cell]", "own[piece * count + cell]")
        self.joins[name] = JOIN.format(self.target.decorators["double"], name, joined)
        count = self._count(b.shape)
        self.step(f"{name}({self.place(array)}, {self.place(parts)}, chunks, {count}, {self._like(b.dtype)})"
                  f"  # {self.writer.names[array]}")  # fmt: skip

    def _routine(self, step: loops.Routine) -> None:
        """The call's number goes into the last place of the table: an error is about that call."""
        self.routines += 1
        self.writer.line(f"table[{len(self._places)}] = {self.routines}")
        self._over_batch(step.batch)
        operands = ", ".join(self._operand(*o, len(step.batch)) for o in step.operands)
        self.writer.line(f"f_{step.call.name}({operands})")
        self.step(*self.writer.lines)

    def _over_batch(self, batch) -> None:
        for i, extent in enumerate(batch):
            self.writer.line(f"for batch_{i} in range({self.writer.extent(extent)}):")
            self.writer.depth += 1

    def _operand(self, buffer: str, own: int, core: int, batch: int) -> str:
        """One matrix of a stack; a number as an array of one entry."""
        cell = [f"batch_{i}" for i in range(batch - own, batch)]
        if cell and not core:
            cell[-1] = f"{cell[-1]}:{cell[-1]} + 1"
        return self.writer.names[buffer] + (f"[{', '.join(cell)}]" if cell else "")

    def _dot(self, step: loops.Dot) -> None:
        """A matrix product, if large in blocks; their number depends on the sizes only."""
        left, _, out = product_of(step)
        rows, columns = self.writer.flat(out.rows), self.writer.flat(out.columns)
        many = self.threshold is not None and not step.out.batch and bool(step.out.rows and step.out.columns)
        self._over_batch(out.batch)
        self.writer.line(self.writer.multiplied(step, *(("piece", "chunks") if many else ("int64(0)", "int64(1)"))))
        points = " * ".join([rows, columns, self.writer.flat(left.columns)])
        least, enough = (self.target.block, self.target.products) if self.threshold else (1, 0)
        limits = f"int64({points}), int64({least}), int64({enough})"
        self.perform(f"blocks(int64({rows}), int64({columns}), {limits})" if many else "")


def strips(f: loops.Function) -> list[loops.Strip]:
    """The strips of a function: one for each of its results in each of its forms."""
    return [s for n in loops.walk(f.body) if isinstance(n, loops.Tiles) for s in n.strips]


def filled(writer: Writer, array: str, cell: list[str], shape, value: str) -> None:
    """Loops that set every cell: whole-array expressions take Numba longer to compile."""
    depth, cell = writer.depth, list(cell)
    for axis, extent in enumerate(shape):
        if extent == 1:
            cell.append("0")
            continue
        writer.line(f"for cell_{axis} in range({writer.extent(extent)}):")
        writer.depth += 1
        cell.append(f"cell_{axis}")
    writer.line(f"{array}[{', '.join(cell) or '0'}] = {value}")
    writer.depth = depth


JOIN = """{}
def {}(target, parts, chunks, count, like):
    alone()
    whole = cells(target, count, like)
    own = cells(parts, chunks * count, like)
    for piece in range(chunks):
        for cell in range(count):
            whole[cell] = {}
"""


def _points(nest) -> int:
    """The number of points of a nest of fixed size, else 0."""
    product = Mul(*nest)
    return int(product) if product.is_Integer else 0


_STEPS = {
    loops.Fill: _Module._fill, loops.Copy: _Module._copy, loops.Launch: _Module._launch, loops.Dot: _Module._dot,
    loops.Routine: _Module._routine, loops.Gram: gram.step, loops.Chain: gram.chain,
}  # fmt: skip
