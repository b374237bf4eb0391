"""Numba's simulator in a GPU's place (NUMBA_ENABLE_CUDASIM=1): the same text, run by Python, a thread for each lane.

It has barriers, shared memory and atomic additions; the exchange of registers inside a warp is added here, machine
operations are those of functions/vector/machine.py.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ....functions.vector import OPERATIONS, machine
from ..python import QUIET
from .seats import Limits
from .text import EXACT, IMPORTS
from .text import OPERATIONS as TEXTS

LIMITS = Limits(threads=4, warp=4, long=64, blocks=2, few=4)  # a thread costs 0.1 ms
TILE = 2
PATIENCE = 60  # seconds that a lane waits for one that has failed


def load(source: str) -> dict[str, Any]:
    """The functions of a generated module; kernels run in the simulator."""
    from numba import cuda  # noqa: PLC0415  (the simulator's)

    _exchange()
    scope: dict[str, Any] = {
        "math": QUIET, "np": np, "cuda": cuda, "times": lambda a, b: a * b,
        "float32": np.float32, "float64": np.float64, "int32": np.int32, "int64": int, "uint64": np.uint64,
    }  # fmt: skip
    scope |= {name: getattr(machine, name) for name in OPERATIONS}
    for text in (IMPORTS, *_operations()):
        source = source.replace(text.strip(), "", 1)
    exec(compile(source, "<symgrad kernel, simulated>", "exec"), scope)  # our own text, made by emit
    return scope


def _operations() -> list[str]:
    """The texts of machine operations, as they stand in a module."""
    return [part for text in (*TEXTS.values(), EXACT) for part in text.strip().split("\n\n\n")]


def _exchange() -> None:
    """Give the simulator `shfl_xor_sync` and `syncwarp`: the lanes of the mask wait for each other, and no others, who
    may be in another row by then."""
    from numba.cuda.simulator import kernelapi  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    def exchanged(self, mask, value, step):
        thread: Any = threading.current_thread()
        held = thread._manager.__dict__.setdefault("exchanged", {})
        held[thread.thread_id] = value
        waited(self, mask)
        found = held[thread.thread_id ^ int(step)]
        waited(self, mask)
        return found

    def waited(self, mask):
        thread: Any = threading.current_thread()
        threads = int(np.prod(thread._manager._block_dim))
        lanes = (int(mask) & ((1 << threads) - 1)).bit_count()
        if lanes == threads:
            thread.syncthreads()
        elif lanes > 1:
            barriers = thread._manager.__dict__.setdefault("barriers", {})
            barriers.setdefault(int(mask), threading.Barrier(lanes)).wait(PATIENCE)

    kernelapi.FakeCUDAModule.shfl_xor_sync = exchanged
    kernelapi.FakeCUDAModule.syncwarp = waited
