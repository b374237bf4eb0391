"""The CPU: Numba. One table for the text; the threading layer and its lock."""

from __future__ import annotations

import ctypes
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

import numba

from .table import Target

# `contract` lets a*b + c be one instruction. Nothing else is relaxed: re-association would undo compensated sums
# and complements (S - e), and `nnan` would remove the tests for NaN. Only `add`, which accumulates the sum of a loop
# whose order is free, may be re-associated, so that such loops are vectorised.
#
# `alone` keeps LLVM from copying a group into each of its callers (compile time), and says that arrays do not overlap,
# which the caller guarantees: without it a loop over many arrays is not vectorised. `address` and `array` carry arrays
# through a table of integers into the one function with a parallel loop, which compiles the slower the more it is passed.
IMPORTS = """\
import math

import numpy as np
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from numpy import float32, float64, int64


@intrinsic
def alone(context):
    def generate(target, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        for argument in builder.function.args:
            if argument.name.endswith(".4"):  # the data pointer of an array
                argument.add_attribute("noalias")
        return target.get_dummy_value()

    return types.void(), generate
"""
PARALLEL = """\


@intrinsic
def address(context, array):
    def generate(target, builder, signature, arguments):
        data = make_array(signature.args[0])(target, builder, arguments[0]).data
        return builder.ptrtoint(data, target.get_value_type(types.int64))

    return types.int64(array), generate


@intrinsic
def array(context, address, shape, dtype):
    kind = types.Array(dtype.dtype, len(shape), "C")

    def generate(target, builder, signature, arguments):
        made = make_array(kind)(target, builder)
        extents = cgutils.unpack_tuple(builder, arguments[1])
        size = target.get_constant(types.intp, target.get_abi_sizeof(target.get_data_type(kind.dtype)))
        strides = [size]
        for extent in reversed(extents[1:]):
            strides.insert(0, builder.mul(strides[0], extent))
        data = builder.inttoptr(arguments[0], made.data.type)
        populate_array(made, data, extents, strides, size, None)
        return made._getvalue()

    return kind(address, shape, dtype), generate
"""
HELPERS = """\
@njit(error_model="numpy", fastmath={"reassoc", "contract"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def add(total, value):
    return total + value
"""
INNER = 'error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True'
CPU = Target(
    name="cpu",
    imports=IMPORTS + PARALLEL,
    helpers=HELPERS,
    decorators={
        "scalar": f"@njit({INNER})",
        "double": f"@njit({INNER})",
        "group": f'@njit({INNER}, fastmath={{"contract"}})',
        "parallel": f'@njit({INNER}, fastmath={{"contract"}}, parallel=True)',
        "run": '@njit(error_model="numpy", nogil=True, cache=True, no_cfunc_wrapper=True)',
    },
    chunks=32,
)

_LAUNCH = threading.RLock()
_SAFE = ("omp", "tbb")


@cache
def prepare() -> None:
    """Make an installed TBB visible to Numba, which does not look inside a virtual environment."""
    for name in ("libtbb.so.12", "libtbb.12.dylib"):
        path = Path(sys.prefix) / "lib" / name
        if path.exists():
            with suppress(OSError):
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def launch(function, arguments) -> None:
    """Run a compiled `run`. Numba's own thread pool (workqueue) aborts the process when two Python threads enter it at
    once, so calls take turns until another layer is known to be in use."""
    if _concurrent():
        function(*arguments)
        return
    with _LAUNCH:
        function(*arguments)


def _concurrent() -> bool:
    try:
        return numba.threading_layer() in _SAFE
    except ValueError:  # no parallel function has run yet
        return False
