"""Examples that stay on a GPU: uploaded once, and a batch is gathered there by the numbers of its examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..kernels import cache as files
from ..kernels.targets.cuda import needs, simulator, text
from ..kernels.targets.cuda.gpu import DeviceMemoryError, Gpu
from ..kernels.targets.cuda.record import flat_blocks
from ..kernels.targets.cuda.streams import Staging
from .data import Arrays, Examples
from .mapped import mapping

TAKE = """
@cuda.jit
def take(out, source, rows):
    width = out.shape[1]
    for cell in range(cuda.grid(1), out.shape[0] * width, cuda.gridsize(1)):
        out[cell // width, cell % width] = source[rows[cell // width], cell % width]
"""


@cache
def compiled() -> Callable:
    """`take` of the module."""
    source = f"{text.IMPORTS}\n\n{TAKE}"
    return simulator.load(source)["take"] if needs.simulated() else files.module(source, "cuda rows").take


@dataclass(frozen=True)
class Resident:
    """Arrays by name whose rows are examples, on the device."""

    gpu: Gpu
    arrays: Arrays
    staging: Staging
    _batches: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False)

    def rows(self, numbers: np.ndarray) -> dict[str, Any]:
        """The rows `numbers` of each array, in an array that the next batch of that length overwrites."""
        rows = self.staging.send("rows", numbers.astype(np.int64))
        found = {name: self._taken(name, rows, len(numbers)) for name in self.arrays}
        self.staging.launched()
        return found

    def _taken(self, name: str, rows: Any, count: int) -> Any:
        source = self.arrays[name]
        out = self._batches.get((name, count))
        if out is None:
            out = self._batches[name, count] = self.gpu.empty((count, *source.shape[1:]), source.dtype)
        width = prod(source.shape[1:])
        if count * width:
            flat = out.reshape(count, width), source.reshape(source.shape[0], width)
            grid = flat_blocks(count * width, self.gpu.limits)
            compiled()[grid, self.gpu.limits.threads, self.gpu.stream](*flat, rows)
        return out


def resident(examples: Examples) -> Examples:
    """The examples with their real numbers on the device, where these fit.

    Labels and other integers, which are checked before each step, and arrays in files stay where they are.
    """
    gpu = Gpu.here()
    arrays = {n: examples.arrays[n] for n in examples.batched}
    wanted = {n: a for n, a in arrays.items() if a.dtype.kind == "f" and mapping(a) is None}
    try:
        held = {n: gpu.put(a) for n, a in wanted.items()}
    except DeviceMemoryError:
        return examples
    return replace(examples, resident=Resident(gpu, held, Staging(gpu.empty))) if held else examples
