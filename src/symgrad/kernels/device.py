"""`DeviceKernel`: a System compiled for a GPU. Arrays may be NumPy's or lie on the device already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError, SymgradError, explain
from ..ir.system import System
from . import cache, checks, loops
from .compiled import Compiled, Frame, Options
from .header import header
from .kernel import Kernel
from .outputs import Outputs
from .targets.cuda import linear, needs, offline, simulator
from .targets.cuda.emit import TILE, emit
from .targets.cuda.gpu import Gpu
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

    def launches(self, frame: Frame) -> Record:
        """What `run` does at these sizes: launches and memory; nothing runs."""
        record = Record(self.limits)
        self.run(record, *frame.numbers, *(self._spec(n, frame) for n in self.base.loops.arrays))
        return record

    def _spec(self, name: str, frame: Frame) -> Spec:
        return Spec(frame.shapes[name], self.dtype(name))

    def dtype(self, name: str) -> np.dtype:
        kind = {"float": self.base.options.real, "int": np.int64, "bool": np.bool_}[self.base.loops.dtypes[name]]
        return np.dtype(kind)

    def example(self) -> Frame:
        """Sizes and shapes that stand for any."""
        found = self.base.loops
        shapes = {n: (EXAMPLE,) * max(found.ranks[n], 1) for n in found.arrays}
        return Frame({}, (EXAMPLE,) * (len(found.sizes) + len(found.extents)), shapes)


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

    Arrays with `__cuda_array_interface__` (Numba, CuPy, PyTorch, JAX) are read where they are. Results are NumPy arrays
    unless an argument was on the device: then they stay there.
    """

    host: Kernel  # the same System on the CPU: it checks what is passed
    gpu: Gpu = field(default_factory=lambda: Gpu(simulator.LIMITS if needs.simulated() else Limits()))

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
        launches = self.module.launches(self.module.example()).launches
        return list(offline.compile_ptx(launches, ARCHITECTURES[arch]))

    def __call__(self, /, *positional, **arrays) -> Outputs:
        checks.named(self.system, positional)
        bound = DeviceBound(self, arrays)
        return bound() if any(map(on_device, arrays.values())) else bound.fetched()

    def bind(self, /, *positional, **arrays) -> DeviceBound:
        """The kernel with arrays that stay on the device."""
        checks.named(self.system, positional, "kernel.bind")
        return DeviceBound(self, arrays)

    def plan(self, **shapes: tuple[int, ...]) -> str:
        """The memory that a call with arrays of these shapes takes, in words."""
        record = self.module.launches(self.host.compiled.frame(shapes))
        own = sum(s.nbytes for s in record.borrowed)
        return f"{len(record.launches)} launches; {own:,} bytes for intermediate results"


def on_device(value) -> bool:
    return hasattr(value, "__cuda_array_interface__") or hasattr(value, "copy_to_host")  # the latter: the simulator's


def _contiguous(array) -> bool:
    return array.is_c_contiguous() if hasattr(array, "is_c_contiguous") else array.flags["C_CONTIGUOUS"]


class DeviceBound:
    """A kernel with arrays on the device. `bound.step(...)` replaces what the system updates; `bound["W"]` fetches.

    As `Bound`: `trusted = True` skips the checks of labels and indices where the whole data set has been checked.
    """

    def __init__(self, kernel: DeviceKernel, given: Mapping[str, Any]):
        self.kernel, self.trusted = kernel, False
        self.arrays: dict[str, Any] = {}
        self._checked: dict[str, np.ndarray] = {}  # integers and booleans, which decide about cells
        self._results: dict[Any, dict[str, Any]] = {}
        checks.known(kernel.host.whole, kernel.system, given)
        self._take(given)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise SymgradError(f"{name} is not bound; the bound tensors are {', '.join(self.arrays)}.")
        return self._fetch(name, self.arrays[name])

    def set(self, /, **arrays) -> None:
        """Rebind tensors."""
        checks.known(self.kernel.host.whole, self.kernel.system, arrays, required=False)
        self._take(arrays)

    def __call__(self, /, *positional, **arrays) -> Outputs:
        """The outputs, on the device."""
        checks.named(self.kernel.system, positional, "bound")
        return Outputs(dict(self._run(self.kernel.module, arrays, self.kernel.system.results())))

    def fetched(self, /, **arrays) -> Outputs:
        """The outputs as NumPy arrays."""
        found = self._run(self.kernel.module, arrays, self.kernel.system.results())
        return Outputs({n: self._fetch(n, a) for n, a in found})

    def step(self, /, *positional, **arrays) -> Outputs:
        """Run once and update; the outputs of rank 0 are fetched, others stay on the device."""
        checks.named(self.kernel.system, positional, "bound.step")
        found = self._run(self.kernel.in_place, arrays, self.kernel.system.outputs)
        tensors = self.kernel.host.whole.tensors
        return Outputs({n: a if tensors[n].rank else self._fetch(n, a) for n, a in found})

    # --------------------------------------------------------------------------------------------------------- arrays
    def _take(self, given: Mapping[str, Any]) -> None:
        for name, value in given.items():
            array = self._device_array(name, value) if on_device(value) else self._host_array(name, value)
            if name in self.kernel.system.updates and on_device(value):
                array = self._copied(array)
            self.arrays[name] = array

    def _host_array(self, name: str, value) -> Any:
        host = self.kernel.host
        array = host.array(name, value)
        if array.ndim != host.whole.tensors[name].rank:
            raise ShapeError(f"{name} has {host.whole.tensors[name].rank} axes, but the array has {array.ndim}.")
        if array.dtype.kind != "f":
            self._checked[name] = array
        return self.kernel.gpu.put(array.reshape(array.shape or (1,)))

    def _device_array(self, name: str, value) -> Any:
        from numba import cuda  # noqa: PLC0415

        tensor, wanted = self.kernel.host.whole.tensors[name], self.kernel.module.dtype(name)
        array = value if hasattr(value, "copy_to_host") else cuda.as_cuda_array(value)
        if array.dtype != wanted or not _contiguous(array):
            order = "" if _contiguous(array) else ", not in C order"
            raise DTypeError(explain(
                f"{name} lies on the device as {array.dtype}{order}; the kernel reads {wanted} in C order.",
                fix="Convert it there: no copy is made behind your back.",
            ))  # fmt: skip
        if len(array.shape) != tensor.rank and not (tensor.rank == 0 and array.shape == (1,)):
            raise ShapeError(f"{name} has {tensor.rank} axes, but the array has {len(array.shape)}.")
        if wanted.kind != "f":
            self._checked[name] = array.copy_to_host()
        return array.reshape(1) if not array.shape else array

    def _copied(self, array) -> Any:
        copy = self.kernel.gpu.empty(array.shape, array.dtype)
        copy.copy_to_device(array)
        return copy

    def _fetch(self, name: str, array) -> Any:
        return self.kernel.host.result(name, self.kernel.gpu.fetch(array))

    # ------------------------------------------------------------------------------------------------------------ run
    def _run(self, module: Module, given: Mapping[str, Any], wanted) -> Iterator[tuple[str, Any]]:
        if given:
            self.set(**given)
        gpu, base = self.kernel.gpu, module.base
        tensors = self.kernel.host.whole.tensors
        frame = base.frame({n: tuple(a.shape) if tensors[n].rank else () for n, a in self.arrays.items()})
        if not self.trusted:
            base.check_data(frame, _Lazy(self))
        held = self._own(module, frame) | self.arrays
        gpu.begin((id(module), frame.numbers))
        module.run(gpu, *frame.numbers, *(held[n] for n in base.loops.arrays))
        if base.calls:
            self._need_matrices(module)
        buffer = base.plan.storage.buffer
        return iter([(n, held[buffer.get(n, n)]) for n in wanted])

    def _need_matrices(self, module: Module) -> None:
        """The interpreter's error where a routine was given a matrix that it does not take."""
        note = int(self.kernel.gpu.fetch(self.kernel.gpu.notes)[0])
        if note != linear.NOTHING:
            number, reason = linear.reason(note)
            raise module.base.refusal(ValueError(reason), number)

    def _own(self, module: Module, frame: Frame) -> dict[str, Any]:
        """Results and work buffers: one set for each set of sizes."""
        key = (id(module), frame.numbers)
        if key not in self._results:
            names = [n for n in module.base.loops.arrays if n not in self.arrays]
            empty = self.kernel.gpu.empty
            self._results[key] = {n: empty(frame.shapes[n], module.dtype(n)) for n in names}
        return self._results[key]


class _Lazy(Mapping):
    """The bound arrays for the checks of data: integers as they were passed, others fetched only if asked for."""

    def __init__(self, bound: DeviceBound):
        self.bound = bound

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.bound.arrays:
            raise KeyError(name)
        kept = self.bound._checked.get(name)
        return kept if kept is not None else np.asarray(self.bound[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.bound.arrays)

    def __len__(self) -> int:
        return len(self.bound.arrays)


def device_kernel(system: System, options: Options, whole: System) -> DeviceKernel:
    """A kernel for a GPU; it compiles and prints without one."""
    return DeviceKernel(Kernel(system, replace(options, slices=False, symmetric=False, small=False), whole))


def offline_kernel(system: System, dtype: str = "float64") -> DeviceKernel:
    """A kernel to look at, without a GPU: its source, its PTX."""
    return device_kernel(system.prune(), Options(dtype), system)
