"""`Compiled`: one generated module, its machine code, and what each set of sizes fixes.

`run` takes one array of integers, the table: sizes, addresses of arrays, a place where it notes the routine that it
is at, and the address of what runs chunks in threads (0: nothing does). An argument that is one array costs Numba
0.2 us a call however many arrays the kernel has; whoever fills in an address keeps the array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..ir.bounds import check_data
from ..ir.calls import REASONS, row_of
from ..ir.routines import refusal
from ..ir.sizes import bind_shapes, size_value
from ..ir.system import System
from . import cache, checks, loops, threads
from .across import across
from .chains import chained
from .emit import emit
from .fission import split
from .guards import replaced
from .header import header
from .hoist import hoisted
from .lower import lower
from .machine import Run, address
from .schedule import schedule
from .streams import streamed
from .targets import cpu, python

SMALL = 20_000  # points: below, starting threads costs more than it saves
LINE = 64  # bytes of a line of the cache
FRAMES = 32  # sets of sizes for which buffers and checked positions are kept


@dataclass(frozen=True)
class Options:
    dtype: str = "float64"
    parallel: bool | None = None  # None: by size
    deterministic: bool = True
    check_facts: bool = True
    check_finite: bool = False
    share: bool = True  # fuse loops
    blas: bool = True  # matrix products by BLAS
    slices: bool = True  # also of parts of matrices: in the steps of recurrences, and where a guard cuts a sum short
    symmetric: bool = True  # symmetric ones by blocks of rows
    small: bool = True  # chunks of rows have sums of their own into small matrices too

    @property
    def real(self) -> type:
        return {"float64": np.float64, "float32": np.float32}[self.dtype]

    @property
    def threshold(self) -> int | None:
        return {None: SMALL, True: 0, False: None}[self.parallel]


@dataclass(frozen=True)
class Frame:
    """What one set of sizes fixes: the numbers that `run` takes, shapes of arrays, ends of labels, the guard."""

    sizes: Mapping
    numbers: tuple[int, ...]
    shapes: Mapping[str, tuple[int, ...]]
    labels: tuple[tuple[str, int], ...] = ()  # integer tensors with a declared range, and its end
    guard: cpu.Guard = cpu.GUARDED


@dataclass(frozen=True)
class Work:
    """Work buffers that nobody else is using now, and a table that holds the sizes and their addresses."""

    arrays: Mapping[str, np.ndarray]
    table: np.ndarray


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array that begins where a line of the cache does: no vector lies in two."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -address(memory) % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Compiled:
    """One generated module: text, function, frames, and work buffers that calls lend to each other."""

    def __init__(self, system: System, options: Options, whole: System, in_place: bool):
        self.system, self.options, self.whole = system, options, whole
        o = options
        self.plan = schedule(system, in_place, o.share, o.blas, o.slices, o.symmetric, o.small)
        self.loops: loops.Kernel = lower(self.plan)
        self.calls = [step.call for step in self.loops.steps if isinstance(step, loops.Routine)]
        self._frames: dict[tuple, Frame] = {}
        self._lent: dict[tuple, list[Work]] = {}

    @cached_property
    def tuned(self) -> loops.Kernel:
        """The loops as they run on a CPU."""
        return chained(streamed(split(across(hoisted(replaced(self.loops))))), self.loops)

    @cached_property
    def source(self) -> str:
        return emit(self.tuned, cpu.CPU, self.options.dtype, header(self.system), self.options.threshold)

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """What the table holds the addresses of."""
        return (*self.tuned.arrays, *(b.name for b in self.tuned.scratch))

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where in the table each address stands: behind the sizes."""
        return {n: len(self.tuned.sizes) + len(self.tuned.extents) + i for i, n in enumerate(self.arrays)}

    @cached_property
    def run(self) -> Run:
        """The compiled function (from the disk cache where it was compiled before)."""
        cpu.prepare()
        return cache.function(self.source, self.options.dtype)

    @cached_property
    def run_python(self) -> Callable[[list], None]:
        return python.load(self.source, cpu.CPU)["run"]

    @cached_property
    def positions(self):
        return checks.positions(self.system)

    @cached_property
    def gathers(self) -> bool:
        """Do indices depend on data beside labels?"""
        return any(p.data for p in self.positions)

    @cached_property
    def looks(self) -> bool:
        """Are there labels or indices among the data that have to be looked at in every call?"""
        return self.gathers or any(t.over is not None for t in self.system.declared())

    # ---------------------------------------------------------------------------------------------------------- sizes
    def frame(self, shapes: Mapping[str, tuple[int, ...]]) -> Frame:
        """Sizes bound, static positions checked; kept for the next call with these shapes."""
        key = tuple(shapes.items())
        found = self._frames.get(key)
        if found is None:
            found = self._new_frame(shapes)
            while len(self._frames) >= FRAMES:
                self._frames.pop(next(iter(self._frames)))
            self._frames[key] = found
        return found

    def _new_frame(self, shapes) -> Frame:
        passed = {n: t for n, t in self.whole.tensors.items() if n in shapes}  # one that is not read may hold a size
        sizes = bind_shapes(replace(self.system, tensors=self.system.tensors | passed), shapes)
        checks.check_sizes(self.system, self.positions, sizes)
        checks.check_places(self.system, sizes)
        wanted = (*self.tuned.sizes, *self.tuned.extents)
        numbers = tuple(size_value(e, sizes) for e in wanted)
        tensors = self.plan.system.tensors
        shapes = {n: tuple(size_value(s, sizes) for s in tensors[n].shape) or (1,) for n in self.loops.arrays}
        for b in self.tuned.scratch:
            shapes[b.name] = (b.pieces or cpu.CPU.chunks, *(size_value(s, sizes) for s in b.shape))
        labels = tuple((t.name, size_value(t.over, sizes)) for t in self.system.declared() if t.over is not None)
        return Frame(sizes, numbers, shapes, labels, self._guard(lambda e: size_value(e, sizes)))

    def _guard(self, value: Callable) -> cpu.Guard:
        """Can this size start threads of Numba's, or of the BLAS?"""
        steps = list(loops.everything(self.loops))
        products = [_multiplications(s, value) for s in steps if isinstance(s, loops.Dot | loops.Gram)]
        blas = bool(self.calls) or max(products, default=0) >= cpu.BLAS_THREADS
        least = self.options.threshold
        if least is None:
            return cpu.Guard(blas, False)
        works = [
            np.prod([value(e) for e in nest]) for s in steps if isinstance(s, loops.Launch)
            for nest in s.function.work if s.function.parallel
        ]  # fmt: skip
        enough = cpu.CPU.products if least else 0
        return cpu.Guard(blas, max(works, default=-1) >= least or max(products, default=-1) >= enough)

    # --------------------------------------------------------------------------------------------------------- buffers
    def check_data(self, frame: Frame, arrays: Mapping[str, np.ndarray]) -> None:
        """IndexRangeError for a label or a gathered index outside its axis."""
        for name, end in frame.labels:
            if not inside(arrays[name], end):
                check_data(self.system, frame.sizes, arrays)
        if self.gathers:
            checks.check_indices(self.system, self.positions, frame.sizes, arrays)

    def empty(self, name: str, frame: Frame) -> np.ndarray:
        return np.empty(frame.shapes[name], self._dtype(name))

    def _dtype(self, name: str) -> np.dtype:
        return np.dtype({"float": self.options.real, "int": np.int64, "bool": np.bool_}[self.tuned.dtypes[name]])

    def borrow(self, frame: Frame) -> Work:
        """Work buffers that nobody else is using now."""
        waiting = self._lent.get(frame.numbers)
        if waiting:
            try:
                return waiting.pop()
            except IndexError:  # another thread was faster
                pass
        return self.work(frame)

    def work(self, frame: Frame) -> Work:
        names = (*self.plan.storage.work, *(b.name for b in self.tuned.scratch))
        arrays = {n: aligned(frame.shapes[n], self._dtype(n)) for n in names}
        table = np.zeros(len(frame.numbers) + len(self.arrays) + 2, np.int64)
        table[-1] = threads.driver() if frame.guard.threads else 0
        table[: len(frame.numbers)] = frame.numbers
        for name, array in arrays.items():
            table[self.places[name]] = address(array)
        return Work(arrays, table)

    def give_back(self, frame: Frame, work: Work) -> None:
        if len(self._lent) > FRAMES:
            self._lent.clear()
        self._lent.setdefault(frame.numbers, []).append(work)

    # ------------------------------------------------------------------------------------------------------------- run
    def launch(self, frame: Frame, table: np.ndarray) -> None:
        try:
            cpu.launch(self.run, table, frame.guard)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise self.refusal(error, int(table[-2])) from None

    def launch_python(self, frame: Frame, arrays: Mapping[str, np.ndarray]) -> None:
        """The same un-jitted; its table holds arrays."""
        table = [*frame.numbers, *(arrays[n] for n in self.arrays), 0, 0]
        try:
            self.run_python(table)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise self.refusal(error, int(table[-2])) from None

    def refusal(self, error: Exception, number: int) -> Exception:
        """The error of the interpreter for the routine at which `run` stopped."""
        if not number:
            return error
        call, reason = self.calls[number - 1], str(error)
        if isinstance(error, np.linalg.LinAlgError):
            infinite = "NaN" in reason or "converge" in reason
            reason = "infinite" if infinite else "indefinite" if row_of(call).positive else "singular"
        return refusal(call, reason) if reason in REASONS else error


def inside(labels: np.ndarray, end: int) -> bool:
    """Are they all from 0 to `end` - 1? As unsigned numbers, negative ones are very large."""
    return not labels.size or int(labels.view(np.uint64).max()) < end


def _multiplications(step: loops.Dot | loops.Gram, value: Callable) -> int:
    if isinstance(step, loops.Gram):
        columns = [extent for _, extent in step.columns]
        parts = ((step.count,), columns, columns)
    else:
        parts = (step.out.rows, step.out.columns, step.a.columns)
    return int(np.prod([value(e) for part in parts for e in part]))
