"""`noise.draw` on a GPU: the text of `philox`, compiled for the device, fills an array where it is read.

Every number is the CPU's, bit for bit: integers are exact, and `rounded` keeps each product apart from the sum that
follows it, so `+ - * /` and square roots round as they do everywhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..kernels import cache as files
from ..kernels.targets.cuda import needs, simulator, text
from ..kernels.targets.cuda.emit import needed, rounded
from ..kernels.targets.cuda.gpu import Gpu
from ..kernels.targets.cuda.record import flat_blocks
from . import noise, philox

_WHOLE = (philox.philox, philox.uniform)
_REAL = (philox.central, philox.middle, philox.far, philox.tail_root, philox.normal)
FILL = """
@cuda.jit
def fill(out, examples, coordinates, step, k0, k1, gaussian):
    s0, s1 = step & MASK, (step >> HALF) << uint64(16)
    blocks, behind = (coordinates + 1) // 2, out.shape[2]
    for pair in range(cuda.grid(1), examples.shape[0] * blocks, cuda.gridsize(1)):
        e, first = pair // blocks, pair % blocks * 2
        e0, e1 = examples[e] & MASK, s1 | (examples[e] >> HALF)
        a, b, c, d = philox(uint64(pair % blocks), s0, e0, e1, k0, k1)
        u, v = uniform(a, b), uniform(c, d)
        out[first // behind, e, first % behind] = normal(u) if gaussian else u
        if first + 1 < coordinates:
            out[(first + 1) // behind, e, (first + 1) % behind] = normal(v) if gaussian else v
"""


@cache
def source() -> str:
    """The module: what `philox` says, and the kernel that fills an array of shape (before, examples, behind)."""
    constants = "\n".join(f"{n} = uint64({v})" for n, v in vars(philox).items() if isinstance(v, np.uint64))
    texts = [inspect.getsource(f) for f in _WHOLE] + [rounded(inspect.getsource(f)) for f in _REAL]
    device = ["@cuda.jit(device=True)\n" + t.replace("np.sqrt", "math.sqrt") for t in texts]
    parts = [*needed(text.OPERATIONS["float64"], "times"), constants, *device, FILL]
    return "\n\n\n".join(p.strip("\n") for p in (text.IMPORTS, *parts)) + "\n"


@cache
def compiled() -> Callable:
    """`fill` of the module."""
    return simulator.load(source())["fill"] if needs.simulated() else files.module(source(), "cuda noise").fill


@cache
def _gpu() -> Gpu:
    return Gpu.here()


def draw(
    seed: int, step: int, examples: Sequence[int] | np.ndarray, shape: tuple[int, ...], axis: int = 0,
    kind: str = "normal", name: str = "noise", dtype: str = "float64",
) -> Any:  # fmt: skip
    """An array on the device, of `shape`, whose axis `axis` counts the examples; numbers as `noise.draw` gives them."""
    gpu, numbers = _gpu(), noise.numbers_of(examples)
    out = gpu.empty(shape, dtype)
    coordinates = prod(shape[:axis]) * prod(shape[axis + 1 :])
    pairs = len(numbers) * ((coordinates + 1) // 2)
    if pairs:
        given = gpu.put(numbers), coordinates, np.uint64(step), *noise.key(seed, name), kind == "normal"
        parts = out.reshape(prod(shape[:axis]), len(numbers), prod(shape[axis + 1 :]))
        compiled()[flat_blocks(pairs, gpu.limits), gpu.limits.threads, gpu.stream](parts, *given)
    return out
