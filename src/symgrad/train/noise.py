"""Noise that belongs to an example: each value is a function of (seed, name, step, example, coordinate).

So it is the same however the examples are cut into batches, in whatever order, on however many threads; and an epoch
is repeated by repeating its number.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np

from ..errors import SymgradError
from ..ir.system import Tensor
from ..kernels import cache as files
from ..kernels.machine import Run, address
from ..kernels.targets.cpu_text import ARRAY, CELLS
from . import philox

KINDS = ("normal", "uniform")
LIMIT = 2**48  # of examples and of steps

_HEAD = """\
import math

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
"""
_RUN = """\
@njit
def run(table):
    out = array(table[0], (table[1], table[2]), np.float64)
    examples = cells(table[3], table[1], np.uint64(0))
    fill(out, examples, table[2], np.uint64(table[4]), np.uint64(table[5]), np.uint64(table[6]), table[7] != 0)
"""
_PARTS = (philox.philox, philox.uniform, philox.central, philox.middle, philox.far, philox.tail_root, philox.normal)


def draw(
    seed: int,
    step: int,
    examples: Sequence[int] | np.ndarray,
    shape: tuple[int, ...] = (),
    kind: str = "normal",
    name: str = "noise",
    dtype: str = "float64",
    engine: str = "kernel",
) -> np.ndarray:
    """Noise of shape `(len(examples), *shape)`: standard normal, or uniform on the open interval (0, 1).

    `examples` are the numbers of the examples in the whole data set, `step` is the number of the epoch or of the step,
    `name` the tensor's. The float32 values are the float64 ones rounded (a uniform one may round to 1). The engine
    "numpy" is the reference: it gives the same bits as the compiled one. A Bernoulli variable is `draw(...) < p` of a
    uniform one, in a model `where(u[n] < p, 1, 0)`.

    Raises SymgradError for another kind, or numbers that are negative or at least 2**48.

    >>> whole = draw(0, 1, range(6), (2,))
    >>> bool((draw(0, 1, [4, 1], (2,)) == whole[[4, 1]]).all())
    True
    """
    if kind not in KINDS:
        raise SymgradError(f"{kind} is no kind of noise; there are {', '.join(KINDS)}.")
    numbers = numbers_of(examples)
    if not 0 <= step < LIMIT:
        raise SymgradError(f"step is a number from 0 to 2**48 - 1; it is {step}.")
    out = np.empty((len(numbers), prod(shape)))
    fill = {"kernel": fill_compiled, "numpy": fill_arrays}[engine]
    fill(out, numbers, prod(shape), np.uint64(step), *key(seed, name), kind == "normal")
    return out.reshape(len(numbers), *shape).astype(dtype, copy=False)


def kind_of(tensor: Tensor) -> str:
    """What a noise tensor is filled with: `u: noise[n], uniform` is uniform, any other is normal."""
    return "uniform" if tensor.has("uniform") else "normal"


def key(seed: int, name: str) -> tuple[np.uint64, np.uint64]:
    """Two words of 32 bits from a hash of seed and name."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest[:4], "little")), np.uint64(int.from_bytes(digest[4:], "little"))


def numbers_of(examples: Sequence[int] | np.ndarray) -> np.ndarray:
    """The numbers of examples, checked, as `philox.fill` takes them."""
    numbers = np.asarray(examples, dtype=np.int64)
    if numbers.ndim != 1 or (len(numbers) and (numbers.min() < 0 or numbers.max() >= LIMIT)):
        raise SymgradError("examples are numbers of examples, each from 0 to 2**48 - 1.")
    return numbers.astype(np.uint64)


def fill_arrays(out, examples, coordinates, step, k0, k1, gaussian) -> None:
    """`philox.fill` on whole arrays."""
    block = np.arange((coordinates + 1) // 2, dtype=np.uint64)[None, :]
    high = ((step >> philox.HALF) << np.uint64(16)) | (examples[:, None] >> philox.HALF)
    a, b, c, d = philox.philox(block, step & philox.MASK, examples[:, None] & philox.MASK, high, k0, k1)
    values = np.stack([philox.uniform(a, b), philox.uniform(c, d)], axis=-1)
    values = values.reshape(len(examples), -1)[:, :coordinates]
    out[...] = quantile(values) if gaussian else values


def quantile(u: np.ndarray) -> np.ndarray:
    """`philox.normal` of each entry."""
    q = u - 0.5
    r = philox.tail_root(*np.frexp(np.where(q < 0, u, 1 - u)))
    tail = np.where(r <= 5, philox.middle(r), philox.far(r))
    return np.where(np.abs(q) <= 0.425, philox.central(q), np.where(q < 0, -tail, tail))


def fill_compiled(out, examples, coordinates, step, k0, k1, gaussian) -> None:
    """`philox.fill`, compiled; its machine code is kept with that of the kernels."""
    numbers = (address(out), len(examples), coordinates, address(examples), int(step), int(k0), int(k1), gaussian)
    _compiled()(np.array(numbers, np.int64))


@cache
def _compiled() -> Run:
    constants = [f"{n} = np.uint64({v})" for n, v in vars(philox).items() if isinstance(v, np.uint64)]
    parts = [f"@njit\n{inspect.getsource(part)}" for part in (*_PARTS, philox.fill)]
    return files.function("\n\n".join([_HEAD + ARRAY + CELLS, "\n".join(constants), *parts, _RUN]), "noise")
