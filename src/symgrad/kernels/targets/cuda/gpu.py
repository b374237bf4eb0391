"""The device: memory, launches, products. What `run` of a generated module speaks to."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ....errors import SymgradError, explain
from . import product, simulator
from .graphs import Graphs, Record, capture
from .needs import simulated
from .record import flat_blocks
from .seats import LIMITS, Limits, Seats, one_team, seats
from .streams import streams


class DeviceMemoryError(SymgradError):
    """The GPU's memory is full."""


class Gpu:
    """A device's computing stream and the memory that launches borrow: the n-th loan of each run is the same array.

    `tf32`: products of float32 matrices may round their factors to 10 bits (cuBLAS only).
    """

    def __init__(self, limits: Limits = LIMITS, record: Record | None = None, tf32: bool = False):
        self.limits, self.tf32 = limits, tf32
        self.graphs = Graphs(record)
        self._loans: dict[Any, list] = {}
        self._key: Any = None
        self._next = 0

    @classmethod
    def here(cls, tf32: bool = False) -> Gpu:
        """The GPU of this process, or the simulator in its place."""
        if simulated():
            return cls(simulator.LIMITS, tf32=tf32)
        return cls(record=capture, tf32=tf32)

    @property
    def stream(self) -> Any:
        return streams().compute

    # -------------------------------------------------------------------------------------------------------- memory
    def empty(self, shape: tuple[int, ...], dtype) -> Any:
        """An array on the device. DeviceMemoryError where there is no room, not even after what other sizes held."""
        found = self._allocated(shape, dtype)
        if found is None:
            self.free(but=self._key)
            found = self._allocated(shape, dtype)
        if found is None:
            raise DeviceMemoryError(self._full(shape, np.dtype(dtype)))
        return found

    def _allocated(self, shape: tuple[int, ...], dtype) -> Any:
        from numba import cuda  # noqa: PLC0415

        try:
            return cuda.device_array(shape or (1,), dtype, stream=self.stream)
        except Exception as error:  # numba's driver errors have no common class that the simulator knows
            if "OUT_OF_MEMORY" not in str(error).upper().replace(" ", "_"):
                raise
            return None

    def _full(self, shape, dtype: np.dtype) -> str:
        held = sum(a.size * a.dtype.itemsize for loans in self._loans.values() for a in loans)
        wanted = prod(shape) * dtype.itemsize
        text = f"the GPU's memory is full: {wanted:,} bytes for an array of shape {shape} are not free"
        return explain(f"{text}; kernels hold {held:,} bytes for intermediate results.", fix="Take smaller batches.")

    def put(self, array: np.ndarray) -> Any:
        """A copy of a host array on the device."""
        found = self.empty(array.shape, array.dtype)
        found.copy_to_device(np.ascontiguousarray(array).reshape(found.shape), stream=self.stream)
        return found

    def fetch(self, array) -> np.ndarray:
        """The array on the host, once all that was launched before is done."""
        found = array.copy_to_host(stream=self.stream)
        self.stream.synchronize()
        return found

    def scratch(self, shape: tuple[int, ...], dtype) -> Any:
        loans = self._loans.setdefault(self._key, [])
        if self._next == len(loans):
            loans.append(self.empty(tuple(max(e, 1) for e in shape), dtype))
        self._next += 1
        return loans[self._next - 1]

    @cached_property
    def notes(self) -> Any:
        """One number: what a routine noted of a matrix that it did not take (`linear.reason`)."""
        return self.empty((1,), np.int64)

    def free(self, but: Any = None) -> None:
        """Forget what runs have borrowed, of other sizes than `but`, and what was captured with it."""
        self._loans = {key: loans for key, loans in self._loans.items() if key == but}
        self.graphs.clear()

    # ------------------------------------------------------------------------------------------------------ launches
    def run(self, sizes: Hashable, key: Hashable, work: Callable[[], None], arrays: Sequence) -> None:
        """`work` launches; where it comes again with the same `key` it is replayed (never for None). `sizes` tell its
        loans apart."""

        def launches() -> None:
            self._key, self._next = sizes, 0
            work()

        try:
            if key is None:
                launches()
            else:
                self.graphs.run((sizes, key), launches, arrays)
        except DeviceMemoryError:
            self.free()
            raise

    def seats(self, rows: int, lanes: int, **options: bool) -> Seats:
        return seats(rows, lanes, limits=self.limits, **options)

    def team(self, lanes: int) -> Seats:
        return one_team(lanes, self.limits)

    def launch(self, kernel, taken: Seats, *arguments) -> None:
        kernel[taken.grid, taken.block, self.stream](*arguments)

    def each(self, kernel, array, value) -> None:
        """`kernel` on all cells of an array; `value` is a number or another array."""
        count = prod(array.shape)
        if not count:
            return
        given = value.reshape(count) if getattr(value, "shape", ()) else value
        grid = flat_blocks(count, self.limits)
        kernel[grid, self.limits.threads, self.stream](array.reshape(count), given)

    def multiply(self, kernel, tile: int, extents, a, turn_a, b, turn_b, c, turn_c) -> None:
        """c = a b for stacks of matrices, by the first of `product.BACKENDS` that is there."""
        product.multiply(self, kernel, tile, extents, a, turn_a, b, turn_b, c, turn_c)
