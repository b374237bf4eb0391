"""Streams of this process: one on which everything is computed, one for transfers; arrays on their way to the device.

A batch goes through pinned memory on the second stream, into one of two device arrays in turn, so that it can be on its
way while the step before still reads the other. Events keep the order: a device array is not overwritten before the
kernels that read it are done, pinned memory not before it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np

SHAPES = 4  # of one tensor, for which arrays are kept: whole batches, the last one of an epoch


class Streams(NamedTuple):
    compute: Any
    transfer: Any


@cache
def streams() -> Streams:
    """Both wait for work on the legacy default stream, where other libraries put theirs, and it for them."""
    from numba import cuda  # noqa: PLC0415

    return Streams(cuda.stream(), cuda.stream())


@dataclass(frozen=True)
class Slot:
    """A device array, the pinned memory in front of it, and when each was used last."""

    pinned: np.ndarray
    device: Any
    sent: Any  # event: the pinned memory is free again
    read: Any  # event: the device array is


@dataclass
class Staging:
    """Host arrays on their way to the device. `empty(shape, dtype)` makes a device array."""

    empty: Any
    slots: dict[tuple, list[Slot]] = field(default_factory=dict)
    used: dict[str, Slot] = field(default_factory=dict)  # those that the next launch reads

    def send(self, name: str, array: np.ndarray) -> Any:
        """The device array that will hold `array`, in the order of the computing stream."""
        slot = self._next((name, array.shape, array.dtype.str), array)
        compute, transfer = streams()
        slot.sent.synchronize()
        slot.pinned[...] = array
        slot.read.wait(transfer)
        slot.device.copy_to_device(slot.pinned, stream=transfer)
        slot.sent.record(transfer)
        slot.sent.wait(compute)
        self.used[name] = slot
        return slot.device

    def launched(self) -> None:
        """The kernels that read what was sent have been put on the computing stream."""
        for slot in self.used.values():
            slot.read.record(streams().compute)

    def _next(self, key: tuple, array: np.ndarray) -> Slot:
        """The older of two slots."""
        held = self.slots.setdefault(key, [])
        held.append(held.pop(0) if len(held) == 2 else self._slot(array))
        known = [k for k in self.slots if k[0] == key[0]]
        for old in known[: max(len(known) - SHAPES, 0)]:
            del self.slots[old]
        return held[-1]

    def _slot(self, array: np.ndarray) -> Slot:
        from numba import cuda  # noqa: PLC0415

        pinned = cuda.pinned_array(array.shape, array.dtype)
        return Slot(pinned, self.empty(array.shape, array.dtype), cuda.event(), cuda.event())
