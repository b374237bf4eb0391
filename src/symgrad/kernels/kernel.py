"""`Kernel`: a compiled System. It checks arrays, provides buffers, and runs the generated module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from weakref import ref

import numpy as np

from ..errors import ShapeError, SymgradError, UnknownNameError, did_you_mean
from ..ir.bounds import check_data
from ..ir.calls import REASONS, row_of
from ..ir.routines import refusal
from ..ir.sizes import bind_shapes, size_value
from ..ir.system import System
from . import cache, checks, loops
from .emit import emit
from .header import header
from .lower import lower
from .schedule import schedule
from .targets import cpu, python

SMALL = 20_000  # points: below, starting threads costs more than it saves
FRAMES = 32  # sets of sizes for which buffers and checked positions are kept


class UnknownOutputError(UnknownNameError, KeyError):
    """A result that the kernel does not have; also a KeyError, as mappings raise it."""

    def __str__(self) -> str:  # KeyError would show the text in quotes
        return str(self.args[0])


class Outputs(Mapping):
    """The results by name, also as attributes: `out["dL_dW"]` and `out.dL_dW`."""

    def __init__(self, values: Mapping[str, Any]):
        self._values = dict(values)

    def __getitem__(self, name: str):
        if name in self._values:
            return self._values[name]
        raise UnknownOutputError(_no_output(name, self._values))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str):
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(_no_output(name, values))

    def __repr__(self) -> str:
        return f"Outputs({', '.join(self._values)})"


def _no_output(name, known: Mapping) -> str:
    return f"there is no output {name}; the outputs are {', '.join(known)}. {did_you_mean(str(name), known)}".rstrip()


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

    @property
    def real(self) -> type:
        return {"float64": np.float64, "float32": np.float32}[self.dtype]

    @property
    def threshold(self) -> int | None:
        return {None: SMALL, True: 0, False: None}[self.parallel]


@dataclass(frozen=True)
class Frame:
    """What one set of sizes fixes: the numbers that `run` takes and the shapes of its arrays."""

    sizes: Mapping
    numbers: tuple[int, ...]
    shapes: Mapping[str, tuple[int, ...]]


class Compiled:
    """One generated module: text, function, frames, and work buffers that calls lend to each other."""

    def __init__(self, system: System, options: Options, whole: System, in_place: bool):
        self.system, self.options, self.whole = system, options, whole
        self.plan = schedule(system, in_place, options.share, options.blas, options.slices, options.symmetric)
        self.loops: loops.Kernel = lower(self.plan)
        self.arrays = (*self.loops.arrays, *(b.name for b in self.loops.scratch))
        linear = loops.Dot | loops.Gram | loops.Routine
        self.blas = any(isinstance(node, linear) for node in loops.everything(self.loops))
        self.calls = [step.call for step in self.loops.steps if isinstance(step, loops.Routine)]
        self._frames: dict[tuple, Frame] = {}
        self._lent: dict[tuple, list[dict[str, np.ndarray]]] = {}

    @cached_property
    def source(self) -> str:
        return emit(self.loops, cpu.CPU, self.options.dtype, header(self.system), self.options.threshold)

    @cached_property
    def run(self) -> Callable[..., None]:
        """The compiled function (from the disk cache where it was compiled before)."""
        cpu.prepare()
        return cache.module(self.source, self.options.dtype).run

    @cached_property
    def run_python(self) -> Callable[..., None]:
        return python.load(self.source, cpu.CPU)["run"]

    @cached_property
    def positions(self):
        return checks.positions(self.system)

    def frame(self, shapes: Mapping[str, tuple[int, ...]]) -> Frame:
        """Sizes bound, static positions checked; kept for the next call with these shapes."""
        key = tuple(sorted(shapes.items()))
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
        wanted = (*self.loops.sizes, *self.loops.extents)
        numbers = tuple(size_value(e, sizes) for e in wanted)
        tensors = self.plan.system.tensors
        shapes = {n: tuple(size_value(s, sizes) for s in tensors[n].shape) or (1,) for n in self.loops.arrays}
        for b in self.loops.scratch:
            shapes[b.name] = (b.pieces or cpu.CPU.chunks, *(size_value(s, sizes) for s in b.shape))
        return Frame(sizes, numbers, shapes)

    def check_data(self, frame: Frame, arrays: Mapping[str, np.ndarray]) -> None:
        check_data(self.system, frame.sizes, arrays)
        checks.check_indices(self.system, self.positions, frame.sizes, arrays)

    def empty(self, name: str, frame: Frame) -> np.ndarray:
        dtype = {"float": self.options.real, "int": np.int64, "bool": np.bool_}[self.loops.dtypes[name]]
        return np.empty(frame.shapes[name], dtype)

    def borrow(self, frame: Frame) -> dict[str, np.ndarray]:
        """Work buffers that nobody else is using now."""
        waiting = self._lent.get(frame.numbers)
        if waiting:
            return waiting.pop()
        return {n: self.empty(n, frame) for n in (*self.plan.storage.work, *(b.name for b in self.loops.scratch))}

    def table(self) -> np.ndarray:
        """Where `run` notes what its parallel chunks need, and last the number of the routine that it is at."""
        return np.zeros(len(self.arrays) + len(self.loops.sizes) + len(self.loops.extents) + 1, np.int64)

    def launch(self, arguments) -> None:
        """Run on `arguments`, the last of which is the table."""
        try:
            cpu.launch(self.run, arguments, self.blas)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise self._refusal(error, int(arguments[-1][-1])) from None

    def launch_python(self, arguments) -> None:
        """The same un-jitted; its table holds arrays."""
        table = list(arguments[-1])
        try:
            self.run_python(*arguments[:-1], table)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise self._refusal(error, int(table[-1])) from None

    def _refusal(self, error: Exception, number: int) -> Exception:
        """The error of the interpreter for the routine at which `run` stopped."""
        if not number:
            return error
        call, reason = self.calls[number - 1], str(error)
        if isinstance(error, np.linalg.LinAlgError):
            infinite = "NaN" in reason or "converge" in reason
            reason = "infinite" if infinite else "indefinite" if row_of(call).positive else "singular"
        return refusal(call, reason) if reason in REASONS else error

    def give_back(self, frame: Frame, work: dict[str, np.ndarray]) -> None:
        if len(self._lent) > FRAMES:
            self._lent.clear()
        self._lent.setdefault(frame.numbers, []).append(work)


@dataclass(frozen=True, eq=False)
class Kernel:
    """A System compiled for a target. `kernel(**arrays)` runs it; `kernel.source` is the generated module.

    Each array is checked (name, dtype, shape, contiguity, labels, indices) before anything runs. Results are new
    arrays; `kernel.bind(**arrays)` keeps them, and the updated tensors, from call to call.
    """

    system: System  # what is computed
    options: Options
    whole: System  # with tensors that are not needed: they may be passed
    _checked: dict[str, ref] = field(default_factory=dict, repr=False)

    @cached_property
    def compiled(self) -> Compiled:
        return Compiled(self.system, self.options, self.whole, in_place=False)

    @cached_property
    def in_place(self) -> Compiled:
        """The module that overwrites what the system updates."""
        return Compiled(self.system, self.options, self.whole, in_place=True)

    @property
    def source(self) -> str:
        return self.compiled.source

    def __call__(self, /, *positional, **arrays) -> Outputs:
        checks.named(self.system, positional)
        return self._evaluate(arrays, Compiled.launch)

    def run_python(self, /, *positional, **arrays) -> Outputs:
        """The same text without the compiler: slow, for tests."""
        checks.named(self.system, positional, "kernel.run_python")
        with np.errstate(all="ignore"):
            return self._evaluate(arrays, Compiled.launch_python)

    def bind(self, /, *positional, **arrays) -> Bound:
        """A `Bound` on these arrays."""
        checks.named(self.system, positional, "kernel.bind")
        return Bound(self, arrays)

    def _evaluate(self, given: Mapping[str, Any], launch) -> Outputs:
        compiled = self.compiled
        checks.known(self.whole, self.system, given)
        arrays = {n: self.array(n, value) for n, value in given.items()}
        frame = compiled.frame({n: a.shape for n, a in arrays.items()})
        compiled.check_data(frame, arrays)
        results = {n: compiled.empty(n, frame) for n in self.system.results() if n not in arrays}
        work = compiled.borrow(frame)
        table = compiled.table()
        held = {n: a.reshape(1) if a.ndim == 0 else a for n, a in arrays.items()} | results | work
        launch(compiled, (*frame.numbers, *(held[n] for n in compiled.arrays), table))
        compiled.give_back(frame, work)
        return Outputs({n: self.result(n, held[n], copy=n in arrays) for n in self.system.results()})

    def array(self, name: str, value) -> np.ndarray:
        """`value` converted and its contents checked as the options ask."""
        tensor = self.whole.tensors[name]
        array = checks.converted(tensor, value, self.options.real)
        if self.options.check_finite:
            checks.finite(tensor, array)
        if self.options.check_facts and tensor.facts and array.ndim == tensor.rank and not self._seen(name, value):
            checks.facts(tensor, array)
            if isinstance(value, np.ndarray):
                self._checked[name] = ref(value)
        return array

    def _seen(self, name: str, value) -> bool:
        """Facts are checked once for each array object."""
        known = self._checked.get(name)
        return known is not None and known() is value

    def result(self, name: str, array: np.ndarray, copy: bool = False):
        if self.whole.tensors[name].rank == 0:
            return array.reshape(-1)[0]
        return array.copy() if copy else array


class Bound:
    """A kernel with arrays of its own: `bound()` writes into the same outputs each time.

    `bound.step(X=..., y=...)` also replaces every updated tensor (parameters, states) by its next value, in place.

    Arguments of a call rebind the named tensors. `bound["W"]` is the current value. Set `bound.trusted = True` to
    skip the checks of the data (labels, gathered indices) where the whole data set has been checked before.
    """

    def __init__(self, kernel: Kernel, given: Mapping[str, Any]):
        self.kernel, self.trusted = kernel, False
        self.arrays: dict[str, np.ndarray] = {}
        self._frames: dict[tuple, _Slots] = {}
        checks.known(kernel.whole, kernel.system, given)
        self._take(given)

    def __getitem__(self, name: str):
        if name not in self.arrays:
            raise SymgradError(f"{name} is not bound; the bound tensors are {', '.join(self.arrays)}.")
        return self.kernel.result(name, self.arrays[name])

    def set(self, /, **arrays) -> None:
        """Rebind tensors."""
        checks.known(self.kernel.whole, self.kernel.system, arrays, required=False)
        self._take(arrays)

    def __call__(self, /, *positional, **arrays) -> Outputs:
        """The outputs (and next values) at the bound arrays; nothing is updated."""
        checks.named(self.kernel.system, positional, "bound")
        return self._run(self.kernel.compiled, arrays, self.kernel.system.results())

    def step(self, /, *positional, **arrays) -> Outputs:
        """Run once and update; returns the outputs, computed before the update."""
        checks.named(self.kernel.system, positional, "bound.step")
        return self._run(self.kernel.in_place, arrays, self.kernel.system.outputs)

    def _take(self, given: Mapping[str, Any]) -> None:
        system = self.kernel.whole
        for name, value in given.items():
            array = self.kernel.array(name, value)
            held = self.arrays.get(name)
            if array.ndim == 0:
                array = array.reshape(1)
            rank = max(system.tensors[name].rank, 1)
            if array.ndim != rank:
                bind_shapes(system, {n: a.shape for n, a in self.arrays.items()} | {name: np.shape(value)})
                raise ShapeError(f"{name} has {system.tensors[name].rank} axes, but the array has {np.ndim(value)}.")
            if name in system.updates:  # it is overwritten: a copy of the caller's array, made once
                if held is not None and held.shape == array.shape:
                    held[...] = array
                    continue
                array = array.copy()
            self.arrays[name] = array

    def _run(self, compiled: Compiled, given: Mapping[str, Any], wanted) -> Outputs:
        if given:
            self.set(**given)
        slots = self._slots(compiled)
        if not self.trusted:
            compiled.check_data(slots.frame, self.arrays)
        for position, name in slots.declared:
            slots.arguments[position] = self.arrays[name]
        compiled.launch(slots.arguments)
        return Outputs({n: self.kernel.result(n, slots.results.get(n, self.arrays.get(n))) for n in wanted})

    def _slots(self, compiled: Compiled) -> _Slots:
        key = (id(compiled), *(a.shape for a in self.arrays.values()))
        found = self._frames.get(key)
        if found is None:
            found = self._frames[key] = self._new_slots(compiled)
        return found

    def _new_slots(self, compiled: Compiled) -> _Slots:
        ranks = {n: self.kernel.whole.tensors[n].rank for n in self.arrays}
        frame = compiled.frame({n: a.shape if ranks[n] else () for n, a in self.arrays.items()})
        names = compiled.arrays
        own = {n: compiled.empty(n, frame) for n in names if n not in self.arrays}
        arguments = [*frame.numbers, *(own.get(n) for n in names), compiled.table()]
        declared = tuple((len(frame.numbers) + i, n) for i, n in enumerate(names) if n in self.arrays)
        buffer = compiled.plan.storage.buffer
        results = {n: own[buffer[n]] for n in self.kernel.system.results() if buffer[n] in own}
        return _Slots(frame, arguments, declared, results)


@dataclass(frozen=True)
class _Slots:
    """The arguments of `run` for one set of shapes."""

    frame: Frame
    arguments: list
    declared: tuple[tuple[int, str], ...]  # where the bound arrays go
    results: Mapping[str, np.ndarray]
