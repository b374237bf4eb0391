"""`DeviceBound`: a kernel with arrays that stay on the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError, SymgradError, explain
from . import checks
from .compiled import Frame
from .outputs import Outputs
from .targets.cuda import linear
from .targets.cuda.gpu import DeviceMemoryError
from .targets.cuda.interchange import address, contiguous, imported, on_device
from .targets.cuda.streams import Staging

if TYPE_CHECKING:
    from .device import DeviceKernel, Module


class DeviceBound:
    """A kernel with arrays on the device. `bound.step(...)` replaces what the system updates; `bound["W"]` fetches.

    As `Bound`: `trusted = True` skips the checks of labels and indices where the whole data set has been checked.
    """

    def __init__(self, kernel: DeviceKernel, given: Mapping[str, Any]):
        self.kernel, self.trusted = kernel, False
        self.arrays: dict[str, Any] = {}
        self._staging = Staging(kernel.gpu.empty)
        self._checked: dict[str, np.ndarray] = {}  # integers and booleans, which decide about cells
        self._results: dict[Any, dict[str, Any]] = {}
        checks.known(kernel.host.whole, kernel.system, given)
        try:
            self._take(given)
        except DeviceMemoryError as error:
            raise _planned(error, kernel.plan(**{n: np.shape(a) for n, a in given.items()})) from None

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
            if name in self.kernel.system.updates:
                array = self._kept(name, array)
            elif isinstance(array, np.ndarray):
                array = self._staging.send(name, array) if name in self.arrays else self.kernel.gpu.put(array)
            self.arrays[name] = array

    def _kept(self, name: str, array: Any) -> Any:
        """What is updated stays where it is: a copy of what was given."""
        held = self.arrays.get(name)
        if held is None or held.shape != array.shape:
            held = self.kernel.gpu.empty(array.shape, array.dtype)
        held.copy_to_device(array, stream=self.kernel.gpu.stream)
        return held

    def _host_array(self, name: str, value) -> np.ndarray:
        host = self.kernel.host
        array = host.array(name, value)
        if array.ndim != host.whole.tensors[name].rank:
            raise ShapeError(f"{name} has {host.whole.tensors[name].rank} axes, but the array has {array.ndim}.")
        if array.dtype.kind != "f":
            self._checked[name] = array
        return array.reshape(array.shape or (1,))

    def _device_array(self, name: str, value) -> Any:
        tensor, wanted = self.kernel.host.whole.tensors[name], self.kernel.module.dtype(name)
        array = imported(name, value)
        if array.dtype != wanted or not contiguous(array):
            order = "" if contiguous(array) else ", not in C order"
            raise DTypeError(explain(
                f"{name} lies on the device as {array.dtype}{order}; the kernel reads {wanted} in C order.",
                fix="Convert it there: no copy is made behind your back.",
            ))  # fmt: skip
        if len(array.shape) != tensor.rank and not (tensor.rank == 0 and array.shape == (1,)):
            raise ShapeError(f"{name} has {tensor.rank} axes, but the array has {len(array.shape)}.")
        if wanted.kind != "f":
            self._checked[name] = self.kernel.gpu.fetch(array)
        return array.reshape(1) if not array.shape else array

    def _fetch(self, name: str, array) -> Any:
        return self.kernel.host.result(name, self.kernel.gpu.fetch(array))

    # ------------------------------------------------------------------------------------------------------------ run
    def _run(self, module: Module, given: Mapping[str, Any], wanted) -> Iterator[tuple[str, Any]]:
        if given:
            self.set(**given)
        base, tensors = module.base, self.kernel.host.whole.tensors
        frame = base.frame({n: tuple(a.shape) if tensors[n].rank else () for n, a in self.arrays.items()})
        if not self.trusted:
            base.check_data(frame, _Lazy(self))
        try:
            held = self._own(module, frame) | self.arrays
            self._launch(module, frame, [held[n] for n in base.loops.arrays])
        except DeviceMemoryError as error:
            self._results.clear()
            raise _planned(error, module.plan(frame)) from None
        if base.calls:
            self._need_matrices(module)
        buffer = base.plan.storage.buffer
        return iter([(n, held[buffer.get(n, n)]) for n in wanted])

    def _launch(self, module: Module, frame: Frame, arrays: list) -> None:
        gpu, numbers = self.kernel.gpu, module.numbers(frame)
        sizes = (id(module), numbers)
        key = tuple(map(address, arrays)) if module.captured else None
        gpu.run(sizes, key, lambda: module.run(gpu, *numbers, *arrays), arrays)
        self._staging.launched()

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


def _planned(error: DeviceMemoryError, plan: str) -> DeviceMemoryError:
    return DeviceMemoryError(f"{error}\nThe plan: {plan}")


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
