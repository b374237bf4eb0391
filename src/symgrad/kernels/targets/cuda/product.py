"""Matrix products on the device, through one function: CuPy (cuBLAS) where it is installed, else the generated kernel.

CuPy calls cuBLAS with a handle of its own and refuses to while a stream is captured; the generated kernel is always
there, and is what the simulator runs.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

from .needs import simulated
from .record import matrices, tiles


def multiply(gpu: Any, kernel, tile: int, extents, a, turn_a, b, turn_b, c, turn_c) -> None:
    """c[s] = a[s] @ b[s]; `extents` are those of stack, rows, summed axis and columns, a turned matrix is stored with
    columns before rows."""
    batch, rows, inner, columns = extents
    if not batch * rows * columns:
        return
    given = matrices(extents, a, turn_a, b, turn_b, c, turn_c)
    if inner and library():
        _by_library(gpu, *given)
    else:
        kernel[tiles(batch, rows, columns, tile), (tile, tile), gpu.stream](*given)


@cache
def library() -> Any:
    """CuPy, or None."""
    if simulated() or importlib.util.find_spec("cupy") is None:
        return None
    import cupy  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    return cupy


def _by_library(gpu: Any, a, turn_a, b, turn_b, c, turn_c) -> None:
    """(a b)^T = b^T a^T: a turned result is the product of the turned operands in the other order."""
    cupy = library()
    left, right, out = (cupy.asarray(m) for m in (a, b, c))
    left, right = (m.transpose(0, 2, 1) if t else m for m, t in ((left, turn_a), (right, turn_b)))
    if turn_c:
        left, right = right.transpose(0, 2, 1), left.transpose(0, 2, 1)
    with cupy.cuda.ExternalStream(getattr(gpu.stream, "handle", gpu.stream) or 0):
        cupy.matmul(left, right, out=out)
