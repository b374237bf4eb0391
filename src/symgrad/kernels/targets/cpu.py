"""The CPU: Numba. One table for the text; the threading layer and its lock."""

from __future__ import annotations

import ctypes
import threading
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import scipy
from llvmlite import binding

from .. import threads
from .cpu_text import CPU

__all__ = ["BLAS_THREADS", "CPU", "GUARDED", "Guard", "launch", "one_blas_thread", "prepare"]

_LAUNCH = threading.RLock()
_COUNT = threading.Lock()
_FREE = nullcontext()
_SAFE = ("omp", "tbb")


BLAS_THREADS = 9_000  # multiplications: OpenBLAS runs smaller products, also of a matrix and a vector, in one thread


class Guard(NamedTuple):
    """What a call may start: threads of the BLAS, threads of Numba."""

    blas: bool
    threads: bool


GUARDED = Guard(True, True)


@cache
def prepare() -> None:
    """Make SciPy's BLAS visible to kernels, which else import scipy.linalg for it."""
    library = _library()
    for name in ("sgemm", "dgemm", "ssyrk", "dsyrk"):
        function = getattr(library, f"scipy_{name}_", None)
        if function is not None:
            binding.add_symbol(f"symgrad_{name}", ctypes.cast(function, ctypes.c_void_p).value)


def launch(function, table, guard: Guard) -> None:
    """Run a compiled `run`. Numba's own thread pool (workqueue) aborts the process when two Python threads enter it at
    once, so calls that may start threads take turns there."""
    turns = guard.threads and threads.pool().layer not in _SAFE
    with one_blas_thread() if guard.blas else _FREE, _LAUNCH if turns else _FREE:
        function(table)


# --------------------------------------------------------------------------------------------------------------- BLAS
# SciPy's OpenBLAS, which np.dot calls in compiled code, has threads of its own. They wait by spinning: on a machine
# that is busy with anything else, one small product then takes milliseconds (a step of a small network: 24 ms instead
# of 0.25 ms). Kernels call it with one thread, and run blocks of a large product in their own threads.
@cache
def _library() -> ctypes.CDLL | None:
    """SciPy's OpenBLAS; None where SciPy brings another BLAS."""
    found = sorted((Path(scipy.__file__).parent.parent / "scipy.libs").glob("libscipy_openblas*"))
    found += sorted((Path(scipy.__file__).parent / ".dylibs").glob("libscipy_openblas*"))
    with suppress(OSError, IndexError):
        return ctypes.CDLL(str(found[0]))
    return None


@cache
def _openblas():
    """(get, set) of the number of threads."""
    library = _library()
    with suppress(AttributeError):
        if library is not None:
            return library.scipy_openblas_get_num_threads, library.scipy_openblas_set_num_threads
    return None


class _Threads:
    """How many calls want one thread, and the number to restore after the last."""

    inside = 0
    before = 1


@contextmanager
def one_blas_thread():
    """SciPy's BLAS uses one thread inside the block; afterwards what it used before."""
    library = _openblas()
    if library is None:
        yield
        return
    get, put = library
    with _COUNT:
        if not _Threads.inside:
            _Threads.before = get()
            if _Threads.before != 1:
                put(1)
        _Threads.inside += 1
    try:
        yield
    finally:
        with _COUNT:
            _Threads.inside -= 1
            if not _Threads.inside and _Threads.before != 1:
                put(_Threads.before)
