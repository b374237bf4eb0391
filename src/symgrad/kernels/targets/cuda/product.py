"""Matrix products on the device, through one function, by the first of three that is there: cuBLAS with a handle of our
own, CuPy (which brings cuBLAS along), the generated kernel. The last is always there, and what the simulator runs.

Our own handle may be used while a graph is captured; CuPy refuses that.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

from .cublas import Cublas
from .needs import simulated
from .record import matrices, tiles


def multiply(gpu: Any, kernel, tile: int, extents, a, turn_a, b, turn_b, c, turn_c) -> None:
    """c[s] = a[s] @ b[s]; `extents` are those of stack, rows, summed axis and columns, a turned matrix is stored with
    columns before rows."""
    batch, rows, inner, columns = extents
    if not batch * rows * columns:
        return
    backend = library() if inner else None
    if isinstance(backend, Cublas):
        backend.multiply(gpu, extents, a, turn_a, b, turn_b, c, turn_c)
        return
    given = matrices(extents, a, turn_a, b, turn_b, c, turn_c)
    if backend is not None:
        _by_cupy(backend, gpu, *given)
    else:
        kernel[tiles(batch, rows, columns, tile), (tile, tile), gpu.stream](*given)


@cache
def library() -> Any:
    """`Cublas`, the module cupy, or None: the generated kernel."""
    if simulated():
        return None
    found = Cublas.found()
    if found is None and importlib.util.find_spec("cupy") is not None:
        import cupy  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

        return cupy
    return found


def captured() -> bool:
    """May a graph be captured that holds products?"""
    return library() is None or isinstance(library(), Cublas)


def _by_cupy(cupy: Any, gpu: Any, a, turn_a, b, turn_b, c, turn_c) -> None:
    """(a b)^T = b^T a^T: a turned result is the product of the turned operands in the other order."""
    left, right, out = (cupy.asarray(m) for m in (a, b, c))
    left, right = (m.transpose(0, 2, 1) if t else m for m, t in ((left, turn_a), (right, turn_b)))
    if turn_c:
        left, right = right.transpose(0, 2, 1), left.transpose(0, 2, 1)
    with cupy.cuda.ExternalStream(int(gpu.stream)):
        cupy.matmul(left, right, out=out)
