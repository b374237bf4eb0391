"""cuBLAS through ctypes, with a handle and a workspace of our own: so a product may be captured in a graph.

cuBLAS API reference (CUDA 13): 2.1.7 workspace, 2.4 helper functions, 2.8.5 cublas<t>gemmStridedBatched. Matrices are
stored by columns there: one stored by rows is its transpose.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ....errors import SymgradError
from .interchange import address

WORKSPACE = 32 << 20  # bytes, as the reference recommends for compute capability 9; older ones need 4 MiB
DEFAULT_MATH, TF32_MATH = 0, 3  # cublasMath_t: TF32 is used where it is asked for, never by default
PLAIN, TURNED = 0, 1  # cublasOperation_t
REALS = {
    "float32": ("cublasSgemmStridedBatched", ctypes.c_float), "float64": ("cublasDgemmStridedBatched", ctypes.c_double),
}  # fmt: skip


class Gemm(NamedTuple):
    """One product by columns: result (m x n) = first (m x k) second (k x n), each with its leading dimension."""

    first_is_a: bool
    turn_first: int
    turn_second: int
    m: int
    n: int
    k: int
    lead_first: int
    lead_second: int
    lead_result: int


def gemm(extents: tuple[int, int, int, int], turn_a: int, turn_b: int, turn_c: int) -> Gemm:
    """How cuBLAS computes c = a b for matrices stored by rows; a turned one is stored by columns.

    >>> gemm((1, 2, 3, 4), 0, 0, 0)
    Gemm(first_is_a=False, turn_first=0, turn_second=0, m=4, n=2, k=3, lead_first=4, lead_second=3, lead_result=4)
    """
    _, rows, inner, columns = extents
    lead_a, lead_b = (rows if turn_a else inner), (inner if turn_b else columns)
    if turn_c:  # what is stored is c itself, by columns
        return Gemm(True, PLAIN if turn_a else TURNED, PLAIN if turn_b else TURNED, rows, columns, inner,
                    lead_a, lead_b, rows)  # fmt: skip
    return Gemm(False, TURNED if turn_b else PLAIN, TURNED if turn_a else PLAIN, columns, rows, inner,
                lead_b, lead_a, columns)  # fmt: skip


@dataclass
class Cublas:
    """The library, its handle, and the workspace that it may use."""

    library: Any
    handle: Any
    workspace: Any = None

    @classmethod
    def found(cls) -> Cublas | None:
        """None where the library is not installed (`pip install nvidia-cublas`, or CUDA's toolkit)."""
        with suppress(Exception):  # whatever a finder of libraries, or a half-installed one, raises: it is not usable
            from cuda.pathfinder import load_nvidia_dynamic_lib  # noqa: PLC0415  # pyright: ignore

            library = ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)
            handle = ctypes.c_void_p()
            if library.cublasCreate_v2(ctypes.byref(handle)) == 0:
                return cls(library, handle)
        return None

    def multiply(self, gpu: Any, extents, a, turn_a, b, turn_b, c, turn_c) -> None:
        """c[s] = a[s] b[s], on the computing stream."""
        name, real = REALS[np.dtype(a.dtype).name]
        self._prepare(gpu)
        g = gemm(extents, turn_a, turn_b, turn_c)
        batch, rows, inner, columns = extents
        operands = (a, rows * inner), (b, inner * columns)
        (first, apart_first), (second, apart_second) = operands if g.first_is_a else operands[::-1]
        integer, long, pointer = ctypes.c_int, ctypes.c_longlong, ctypes.c_void_p
        self._call(
            name, integer(g.turn_first), integer(g.turn_second), integer(g.m), integer(g.n), integer(g.k),
            ctypes.byref(real(1.0)), pointer(address(first)), integer(g.lead_first), long(apart_first),
            pointer(address(second)), integer(g.lead_second), long(apart_second), ctypes.byref(real(0.0)),
            pointer(address(c)), integer(g.lead_result), long(rows * columns), integer(batch),
        )  # fmt: skip

    def _prepare(self, gpu: Any) -> None:
        """Stream, workspace (which setting a stream takes away) and precision."""
        if self.workspace is None:
            self.workspace = gpu.empty((WORKSPACE,), np.uint8)
        self._call("cublasSetStream_v2", ctypes.c_void_p(int(gpu.stream)))
        size = ctypes.c_size_t(prod(self.workspace.shape))
        self._call("cublasSetWorkspace_v2", ctypes.c_void_p(address(self.workspace)), size)
        self._call("cublasSetMathMode", ctypes.c_int(TF32_MATH if gpu.tf32 else DEFAULT_MATH))

    def _call(self, name: str, *arguments) -> None:
        status = getattr(self.library, name)(self.handle, *arguments)
        if status:
            raise SymgradError(f"{name} failed with status {status} (cublasStatus_t).")
