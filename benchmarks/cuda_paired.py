"""`paired` for engines on a GPU: a call ends when the device has done its work; a copy's bandwidth stands beside it.

Nothing here runs without a GPU, but for the case `dry` of each file, in Numba's simulator:

    NUMBA_ENABLE_CUDASIM=1 python benchmarks/cuda_cross_entropy.py --case dry --engine symgrad --seconds 0
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import paired

SIZE = 2**30  # bytes of the copy whose bandwidth is measured
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX takes most of the memory otherwise


def ours(bound: Any, run: Callable[[], Mapping]) -> tuple[Callable, Callable]:
    """Call and results of our engine: `run()` puts its launches on the stream of `bound`."""
    gpu = bound.kernel.gpu
    bound.trusted = True

    def call():
        run()
        gpu.stream.synchronize()

    def results():
        return {name: gpu.fetch(a) if hasattr(a, "copy_to_host") else a for name, a in run().items()}

    return call, results


def torch_engine(start: Callable[[Any], tuple[Callable, Callable]]):
    """`start(torch)` gives a function and what makes results of what it returns; with CUDA graphs."""

    def engine(case: Any):
        import torch

        function, named = start(case, torch)
        compiled = torch.compile(function, mode="max-autotune")

        def call():
            found = compiled()
            torch.cuda.synchronize()
            return found

        return call, lambda: {n: a.detach().cpu().numpy() for n, a in named(call()).items()}

    return engine


def jax_engine(start: Callable[[Any], tuple[Callable, Callable]]):
    def engine(case: Any):
        import jax

        function, named = start(case, jax)
        compiled = jax.jit(function)
        return (lambda: jax.block_until_ready(compiled())), lambda: named(compiled())

    return engine


def bandwidth() -> float:
    """Bytes a second of a copy on the device, both ways counted; 0 in the simulator."""
    from numba import cuda

    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return 0.0
    source, target = (cuda.device_array(SIZE, "uint8") for _ in range(2))
    taken = []
    for _ in range(20):
        cuda.synchronize()
        begun = time.perf_counter()
        target.copy_to_device(source)
        cuda.synchronize()
        taken.append(time.perf_counter() - begun)
    return 2 * SIZE / statistics.median(taken)


def main(
    file: str, question: str, cases: Mapping[str, Any], engines: Mapping[str, Any], tolerance: float,
    traffic: Callable[[Any], int] | None = None,
) -> None:  # fmt: skip
    """`paired.main`; `traffic(case)` is how many bytes have to be read and written at least."""
    rate = bandwidth() if traffic is not None and "--child" not in sys.argv and "--help" not in sys.argv else 0.0
    if rate:
        print(f"copy: {rate / 1e9:.0f} GB/s")

    def note(case: str, rounds: dict[str, list[float]]) -> str:
        if traffic is None or not rate:
            return ""
        share = traffic(cases[case]) / statistics.median(next(iter(rounds.values()))) / rate
        return f" | {100 * share:.0f} % of the copy's bandwidth"

    paired.main(file, question, cases, engines, tolerance, note)
