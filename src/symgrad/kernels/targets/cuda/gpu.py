"""The device: memory, launches, products. What `run` of a generated module speaks to."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ....errors import SymgradError, explain
from . import product, simulator
from .needs import simulated
from .record import flat_blocks
from .seats import LIMITS, Limits, Seats, one_team, seats


class Gpu:
    """One stream of a device and the memory that launches borrow: the n-th loan of each run is the same array."""

    def __init__(self, limits: Limits = LIMITS, stream: Any = 0):
        self.limits, self.stream = limits, stream
        self._loans: dict[Any, list] = {}
        self._key: Any = None
        self._next = 0

    @classmethod
    def here(cls) -> Gpu:
        """The GPU of this process, or the simulator in its place."""
        return cls(simulator.LIMITS if simulated() else LIMITS)

    # -------------------------------------------------------------------------------------------------------- memory
    def empty(self, shape: tuple[int, ...], dtype) -> Any:
        from numba import cuda  # noqa: PLC0415

        try:
            return cuda.device_array(shape, dtype, stream=self.stream)
        except Exception as error:  # numba's driver errors have no common class that the simulator knows
            if "OUT_OF_MEMORY" not in str(error).upper().replace(" ", "_"):
                raise
            raise SymgradError(self._full(shape, np.dtype(dtype))) from None

    def _full(self, shape, dtype: np.dtype) -> str:
        held = sum(a.size * a.dtype.itemsize for loans in self._loans.values() for a in loans)
        wanted = prod(shape) * dtype.itemsize
        text = f"the GPU's memory is full: {wanted:,} bytes for an array of shape {shape} are not free"
        return explain(f"{text}; kernels hold {held:,} bytes for intermediate results.", fix="Take smaller batches.")

    def put(self, array: np.ndarray) -> Any:
        from numba import cuda  # noqa: PLC0415

        return cuda.to_device(np.ascontiguousarray(array), stream=self.stream)

    def fetch(self, array) -> np.ndarray:
        """The array on the host, once all that was launched before is done."""
        found = array.copy_to_host(stream=self.stream)
        self.wait()
        return found

    def begin(self, key: Any) -> None:
        """A run starts; `key` says which sizes it has."""
        self._key, self._next = key, 0

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

    def free(self) -> None:
        """Forget what runs have borrowed."""
        self._loans.clear()

    # ------------------------------------------------------------------------------------------------------ launches
    def seats(self, rows: int, lanes: int, splits: bool = False, few: bool = False) -> Seats:
        return seats(rows, lanes, splits, few, self.limits)

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

    def wait(self) -> None:
        from numba import cuda  # noqa: PLC0415

        with suppress(AttributeError):  # the simulator has nothing to wait for
            cuda.synchronize()
