"""`DeviceKernel`: a System compiled for a GPU. Arrays may be NumPy's or lie on the device already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..errors import SymgradError, explain
from ..ir.sizes import size_value
from ..ir.system import System
from . import cache, checks, loops
from .compiled import Compiled, Frame, Options
from .device_bound import DeviceBound
from .header import header
from .kernel import Kernel
from .outputs import Outputs
from .targets.cuda import needs, offline, product, simulator
from .targets.cuda.emit import TILE, emit
from .targets.cuda.gpu import Gpu
from .targets.cuda.interchange import on_device
from .targets.cuda.record import Record, Spec
from .targets.cuda.seats import Limits

ARCHITECTURES = {"sm_80": (8, 0), "sm_90": (9, 0), "sm_100": (10, 0)}
STEPS = (loops.Fill, loops.Launch, loops.Dot, loops.Copy, loops.Routine)
NODES = (loops.Set, loops.Store, loops.Combine, loops.Extreme, loops.First, loops.If, loops.For)
EXAMPLE = 64  # every size, where kernels are compiled without arrays: PTX does not depend on sizes


class Module:
    """The GPU text of a plan, and its functions: on a device, or in the simulator."""

    def __init__(self, base: Compiled):
        _need_steps(base.loops)
        self.base = base
        self.simulated = needs.simulated()
        self._numbers: dict[tuple[int, ...], tuple[int, ...]] = {}
        tile = simulator.TILE if self.simulated else TILE
        self.source = emit(base.loops, base.options.dtype, header(base.system), tile)

    @property
    def limits(self) -> Limits:
        return simulator.LIMITS if self.simulated else Limits()

    @cached_property
    def run(self) -> Callable[..., None]:
        if self.simulated:
            return simulator.load(self.source)["run"]
        return cache.module(self.source, f"cuda {self.base.options.dtype}").run

    def numbers(self, frame: Frame) -> tuple[int, ...]:
        """The sizes that `run` takes: those of the loops before they are tuned for a CPU."""
        found = self._numbers.get(frame.numbers)
        if found is None:
            wanted = (*self.base.loops.sizes, *self.base.loops.extents)
            found = self._numbers[frame.numbers] = tuple(size_value(e, frame.sizes) for e in wanted)
        return found

    def launches(self, numbers: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]]) -> Record:
        """What `run` does at these sizes: launches and memory; nothing runs."""
        record = Record(self.limits)
        self.run(record, *numbers, *(self._spec(n, shapes) for n in self.base.loops.arrays))
        return record

    def _spec(self, name: str, shapes: Mapping[str, tuple[int, ...]]) -> Spec:
        return Spec(shapes[name], self.dtype(name))

    def plan(self, frame: Frame) -> str:
        """The launches, and every array with its bytes."""
        record = self.launches(self.numbers(frame), frame.shapes)
        given = {t.name for t in self.base.whole.declared()}
        rows = [(n, self._spec(n, frame.shapes), "given" if n in given else "own") for n in self.base.loops.arrays]
        lines = [f"    {n} {'x'.join(map(str, s.shape))} {s.dtype}: {s.nbytes:,} bytes, {kind}" for n, s, kind in rows]
        borrowed = sum(s.nbytes for s in record.borrowed)
        total = borrowed + sum(s.nbytes for _, s, _ in rows)
        lines.append(f"    {len(record.borrowed)} arrays for parts of sums and the like: {borrowed:,} bytes")
        return "\n".join([f"{len(record.launches)} launches, {total:,} bytes on the device:", *lines])

    @property
    def captured(self) -> bool:
        """May its launches be captured in a graph?"""
        return product.captured() or not any(isinstance(s, loops.Dot) for s in self.base.loops.steps)

    def dtype(self, name: str) -> np.dtype:
        kind = {"float": self.base.options.real, "int": np.int64, "bool": np.bool_}[self.base.loops.dtypes[name]]
        return np.dtype(kind)

    def example(self) -> tuple[tuple[int, ...], Mapping[str, tuple[int, ...]]]:
        """Sizes and shapes that stand for any."""
        found = self.base.loops
        shapes = {n: (EXAMPLE,) * max(found.ranks[n], 1) for n in found.arrays}
        return (EXAMPLE,) * (len(found.sizes) + len(found.extents)), shapes


def _need_steps(kernel: loops.Kernel) -> None:
    """SymgradError where the loops hold something that has no GPU text."""
    for step in kernel.steps:
        found = [step] if not isinstance(step, loops.Launch) else list(loops.walk(step.function.body))
        for node in found:
            if not isinstance(node, STEPS if node is step else NODES):
                what = getattr(getattr(node, "call", None), "name", type(node).__name__)
                fix = 'Compile with target="cpu", or leave that equation to the CPU.'
                raise SymgradError(explain(f'"{what}" has no CUDA kernel in this version.', fix=fix))


@dataclass(frozen=True, eq=False)
class DeviceKernel:
    """`kernel(**arrays)` runs on the GPU; `kernel.source` is the generated module, `kernel.ptx()` its machine code.

    Arrays with `__cuda_array_interface__` or DLPack (Numba, CuPy, PyTorch, JAX) are read where they are. Results are
    NumPy arrays unless an argument was on the device: then they stay there.
    """

    host: Kernel  # the same System on the CPU: it checks what is passed
    gpu: Gpu = field(default_factory=Gpu.here)

    @cached_property
    def module(self) -> Module:
        return Module(self.host.compiled)

    @cached_property
    def in_place(self) -> Module:
        """The module that overwrites what the system updates."""
        return Module(self.host.in_place)

    @property
    def system(self) -> System:
        return self.host.system

    @property
    def source(self) -> str:
        return self.module.source

    def ptx(self, arch: str = "sm_90") -> list[offline.Compiled]:
        """The PTX of every kernel, for `sm_80`, `sm_90` or `sm_100`; needs no GPU."""
        if arch not in ARCHITECTURES:
            raise SymgradError(f"{arch} is not an architecture here; there are {', '.join(ARCHITECTURES)}.")
        needs.need_compiler()
        launches = self.module.launches(*self.module.example()).launches
        return list(offline.compile_ptx(launches, ARCHITECTURES[arch]))

    def __call__(self, /, *positional, **arrays) -> Outputs:
        checks.named(self.system, positional)
        there = any(map(on_device, arrays.values()))
        bound = DeviceBound(self, arrays)
        return bound() if there else bound.fetched()

    def bind(self, /, *positional, **arrays) -> DeviceBound:
        """The kernel with arrays that stay on the device."""
        checks.named(self.system, positional, "kernel.bind")
        return DeviceBound(self, arrays)

    def plan(self, **shapes: tuple[int, ...]) -> str:
        """The memory that a call with arrays of these shapes takes, in words; needs no GPU."""
        return self.module.plan(self.host.compiled.frame(shapes))


def device_kernel(system: System, options: Options, whole: System, tf32: bool = False) -> DeviceKernel:
    """A kernel for a GPU; it compiles and prints without one."""
    host = Kernel(system, replace(options, slices=False, symmetric=False, small=False), whole)
    return DeviceKernel(host, Gpu.here(tf32))


def offline_kernel(system: System, dtype: str = "float64") -> DeviceKernel:
    """A kernel to look at, without a GPU: its source, its PTX."""
    return device_kernel(system.prune(), Options(dtype), system)
