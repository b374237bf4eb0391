"""The text that every GPU module starts with: machine operations and what a team does together.

`fma`, `rint`, ... are the operations of functions/vector/machine.py. NVVM would join a product and a sum that uses it
into one instruction wherever it sees both, which undoes compensated sums; `times` is a product that it leaves alone, so
elementary functions give the bits of their NumPy reference.

A team is `blockDim.x` threads: a part of a warp, which exchanges registers, or a whole block, which goes through shared
memory. The order in which parts are joined depends on the numbers of threads only, so results are the same in each run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

IMPORTS = """\
import math

import numpy as np
from numba import cuda
from numba.cuda import cgutils, libdevice, types
from numba.cuda.extending import intrinsic
from numpy import float32, float64, int32, int64, uint64
"""


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with its words of capital letters replaced.

    >>> filled("x = REAL(0.5)", {"REAL": "float32"})
    'x = float32(0.5)'
    """
    return re.sub(r"\b[A-Z]{3,}\b", lambda found: words[found[0]], text)


OPERATION = """
fma = libdevice.FMA
times = libdevice.TIMES
rint = libdevice.RINT


@cuda.jit(device=True)
def scale(x, n):
    power = libdevice.ROUND(n)
    half = power >> 1
    x = times(x, libdevice.FLOAT(INT((half + BIAS) << DIGITS)))
    return times(x, libdevice.FLOAT(INT((power - half + BIAS) << DIGITS)))


@cuda.jit(device=True)
def whole(n):
    return uint64(libdevice.UNSIGNED(n))


@cuda.jit(device=True)
def normal(x):
    bits = libdevice.BITS(x)
    n = (bits - ROOT) >> DIGITS
    return libdevice.FLOAT(INT(bits - (n << DIGITS))), REAL(n)
"""
_WORDS = {  # ROOT: the bits of the square root of 1/2
    "float32": {
        "FMA": "fmaf_rn", "TIMES": "fmul_rn", "RINT": "rintf", "ROUND": "float2int_rn", "UNSIGNED": "float2uint_rn",
        "BITS": "float_as_int", "FLOAT": "int_as_float", "INT": "int32", "DIGITS": "23", "BIAS": "127",
        "ROOT": "0x3F3504F3", "REAL": "float32",
    },
    "float64": {
        "FMA": "fma_rn", "TIMES": "dmul_rn", "RINT": "rint", "ROUND": "double2ll_rn", "UNSIGNED": "double2ull_rn",
        "BITS": "double_as_longlong", "FLOAT": "longlong_as_double", "INT": "int64", "DIGITS": "52", "BIAS": "1023",
        "ROOT": "0x3FE6A09E667F3BCD", "REAL": "float64",
    },
}  # fmt: skip
OPERATIONS = {real: filled(OPERATION, words) for real, words in _WORDS.items()}
EXACT = """
@intrinsic
def horner(context, z, coefficients):
    def generate(target, builder, signature, arguments):
        *rest, total = cgutils.unpack_tuple(builder, arguments[1])
        for coefficient in reversed(rest):
            total = builder.fma(total, arguments[0], coefficient)
        return total

    return z(z, coefficients), generate


@cuda.jit(device=True)
def exact_sum(a, b):
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@cuda.jit(device=True)
def exact_product(a, b):
    product = times(a, b)
    return product, fma(a, b, -product)
"""

SEAT = """
@cuda.jit(device=True)
def seat():
    lane = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    team = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    return lane, cuda.gridDim.y * cuda.blockDim.x, team, cuda.gridDim.x * cuda.blockDim.y
"""

COMPARE = {
    "larger": """
@cuda.jit(device=True)
def f_larger(x, y):
    return x if x >= y or x != x else y
""",
    "smaller": """
@cuda.jit(device=True)
def f_smaller(x, y):
    return x if x <= y or x != x else y
""",
    "add": """
@cuda.jit(device=True)
def add(total, value):
    return total + value
""",
}

FIRST = """
@cuda.jit(device=True)
def first_NAME(x, i, y, j):
    if j < 0:
        return x, i
    if i < 0 or y SIGN x or (y != y and x == x) or (j < i and (x == y or (x != x and y != y))):
        return y, j
    return x, i
"""

SYNC = """
@cuda.jit(device=True)
def team_mask(threads):
    return (0xFFFFFFFF >> (32 - threads)) << (cuda.threadIdx.y * cuda.blockDim.x & (32 - threads))


@cuda.jit(device=True)
def team_sync():
    if cuda.blockDim.x > 32:
        cuda.syncthreads()
    else:
        cuda.syncwarp(team_mask(cuda.blockDim.x))
"""

# JOINED: the parts x and y joined. `shared` has a cell for each warp of the block; it stands in the kernel, because
# numba-cuda gives one name to the shared arrays of different functions.
JOIN = """
@cuda.jit(device=True)
def warp_NAME(x, threads):
    mask, step = team_mask(threads), threads // 2
    while step > 0:
        y = cuda.shfl_xor_sync(mask, x, step)
        x = JOINED
        step //= 2
    return x


@cuda.jit(device=True)
def block_NAME(x, shared):
    threads = cuda.blockDim.x * cuda.blockDim.y
    thread = cuda.threadIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    y = warp_NAME(x, min(threads, 32))
    cuda.syncthreads()
    if thread % 32 == 0:
        shared[thread // 32] = y
    cuda.syncthreads()
    x = shared[0]
    for warp in range(1, (threads + 31) // 32):
        y = shared[warp]
        x = JOINED
    return x


@cuda.jit(device=True)
def team_NAME(x, shared):
    return block_NAME(x, shared) if cuda.blockDim.x > 32 else warp_NAME(x, cuda.blockDim.x)


@cuda.jit(device=True)
def deposit_NAME(parts, x, shared):
    x = block_NAME(x, shared)
    if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
        parts[cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x] = x
"""

JOIN_FIRST = """
@cuda.jit(device=True)
def warp_first_NAME(x, i, threads):
    mask, step = team_mask(threads), threads // 2
    while step > 0:
        x, i = first_NAME(x, i, cuda.shfl_xor_sync(mask, x, step), cuda.shfl_xor_sync(mask, i, step))
        step //= 2
    return x, i


@cuda.jit(device=True)
def block_first_NAME(x, i, shared, placed):
    threads = cuda.blockDim.x * cuda.blockDim.y
    thread = cuda.threadIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    x, i = warp_first_NAME(x, i, min(threads, 32))
    cuda.syncthreads()
    if thread % 32 == 0:
        shared[thread // 32] = x
        placed[thread // 32] = i
    cuda.syncthreads()
    x, i = shared[0], placed[0]
    for warp in range(1, (threads + 31) // 32):
        x, i = first_NAME(x, i, shared[warp], placed[warp])
    return x, i


@cuda.jit(device=True)
def team_first_NAME(x, i, shared, placed):
    if cuda.blockDim.x > 32:
        return block_first_NAME(x, i, shared, placed)
    return warp_first_NAME(x, i, cuda.blockDim.x)


@cuda.jit(device=True)
def deposit_first_NAME(parts, places, x, i, shared, placed):
    x, i = block_first_NAME(x, i, shared, placed)
    if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
        parts[cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x] = x
        places[cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x] = i
"""

EACH = {
    "fill": """
@cuda.jit
def fill(array, value):
    for i in range(cuda.grid(1), array.shape[0], cuda.gridsize(1)):
        array[i] = value
""",
    "copy": """
@cuda.jit
def copy(array, source):
    for i in range(cuda.grid(1), array.shape[0], cuda.gridsize(1)):
        array[i] = source[i]
""",
}

PRODUCT = """
@cuda.jit
def product(a, turn_a, b, turn_b, c, turn_c):
    left = cuda.shared.array((TILE, TILE + 1), TYPE)
    right = cuda.shared.array((TILE, TILE + 1), TYPE)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    rows, columns = (c.shape[2], c.shape[1]) if turn_c else (c.shape[1], c.shape[2])
    inner = a.shape[1] if turn_a else a.shape[2]
    row, column = cuda.blockIdx.y * TILE + y, cuda.blockIdx.x * TILE + x
    down, across = cuda.blockIdx.y * TILE + x, cuda.blockIdx.x * TILE + y
    for s in range(cuda.blockIdx.z, c.shape[0], cuda.gridDim.z):
        total = TYPE(0.0)
        for start in range(0, inner, TILE):
            if turn_a:
                left[x, y] = a[s, start + y, down] if start + y < inner and down < rows else TYPE(0.0)
            else:
                left[y, x] = a[s, row, start + x] if start + x < inner and row < rows else TYPE(0.0)
            if turn_b:
                right[x, y] = b[s, across, start + x] if start + x < inner and across < columns else TYPE(0.0)
            else:
                right[y, x] = b[s, start + y, column] if start + y < inner and column < columns else TYPE(0.0)
            cuda.syncthreads()
            for k in range(TILE):
                total += left[y, k] * right[k, x]
            cuda.syncthreads()
        if row < rows and column < columns:
            if turn_c:
                c[s, column, row] = total
            else:
                c[s, row, column] = total
"""
JOINED = {"sum": "x + y", "prod": "x * y", "max": "f_larger(x, y)", "min": "f_smaller(x, y)"}


def joins(wanted: Iterable[tuple[str, str, bool]]) -> list[str]:
    """The functions that join the parts of a team: (operation, dtype, with a place) each."""
    found: list[str] = []
    for op, dtype, placed in wanted:
        text = JOIN_FIRST if placed else JOIN
        name = op if dtype == "float" else f"{op}_int"
        if placed:
            sign = ">" if op == "max" else "<"
            found.append(FIRST.replace("SIGN", sign).replace("NAME", name))
        found.append(text.replace("JOINED", JOINED[op]).replace("NAME", name))
    return found
