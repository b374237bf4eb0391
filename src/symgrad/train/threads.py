"""How many threads the matrix products of a step get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

from ..ir.access import Size
from ..ir.cost import flops
from ..ir.system import System

SMALL = 5e7  # operations in a step; below, a second thread saves less than a millisecond


@contextmanager
def blas_threads(system: System, sizes: Mapping[Size, int]) -> Iterator[None]:
    """One BLAS thread while small steps run, else as many as there are.

    OpenBLAS's threads wait for each other by spinning. Where another process has the core, each product then waits for
    milliseconds: 9.6 ms instead of 0.33 ms a step was seen for a network of 64-128-64-10 on two busy cores. Without
    threadpoolctl, which is in the extra `train`, nothing is changed.
    """
    small = float(flops(system).subs(sizes)) <= SMALL
    with _one_thread() if small else nullcontext():
        yield


def _one_thread():
    try:
        from threadpoolctl import threadpool_limits  # noqa: PLC0415  (an extra)
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, "blas")
