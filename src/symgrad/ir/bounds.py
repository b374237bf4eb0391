"""Are all indices in range? Data (labels, gather indices) and affine accesses are checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sympy import Basic

from ..errors import DTypeError, IndexRangeError, explain
from .sizes import size_value
from .system import System, Tensor

KINDS = {"float": "fiubcO", "int": "iu", "bool": "b"}  # complex and object arrays: complex step and mpmath


def in_range(index: np.ndarray, extent: int, what: Basic) -> np.ndarray:
    """`index`, or IndexRangeError where it leaves 0 .. extent-1 (NumPy would wrap a negative one silently)."""
    if index.size and (index.min() < 0 or index.max() >= extent):
        bad = index.min() if index.min() < 0 else index.max()
        raise IndexRangeError(f"{what} reaches index {bad} of an axis with {extent} entries.")
    return index


def check_data(system: System, sizes, arrays: Mapping[str, np.ndarray]) -> None:
    """Every integer tensor with a declared range (`label[n] over k`) holds only values inside it."""
    for tensor in system.declared():
        if tensor.over is None:
            continue
        values, limit = np.asarray(arrays[tensor.name]), size_value(tensor.over, sizes)
        if values.size and (values.min() < 0 or values.max() >= limit):
            where = tuple(int(i) for i in np.argwhere((values < 0) | (values >= limit))[0])
            bad = values[where]
            at = f"{tensor.name}[{', '.join(map(str, where))}]" if where else tensor.name
            raise IndexRangeError(
                explain(
                    f"label {at} = {bad} is out of range.",
                    f"{tensor.name}: {tensor.role}[{', '.join(tensor.letters)}] over {tensor.over}",
                    fix=f"{tensor.over} is {limit}: labels are 0 .. {limit - 1}.",
                )
            )


def data_array(tensor: Tensor, value) -> np.ndarray:
    """`value` as an array, or DTypeError: labels are integers, masks are booleans (nothing is rounded silently)."""
    array = np.asarray(value)
    if array.dtype.kind in KINDS[tensor.dtype] or array.size == 0:
        return array
    wanted = {"float": "real numbers", "int": "integers", "bool": "booleans"}[tensor.dtype]
    over = f" over {tensor.over}" if tensor.over is not None else ""
    raise DTypeError(
        explain(
            f"{tensor.name} must hold {wanted}, but the array has dtype {array.dtype}.",
            f"{tensor.name}: {tensor.role}[{', '.join(tensor.letters or map(str, tensor.shape))}]{over}",
            fix=f"Pass {tensor.name}.astype({tensor.dtype}).",
        )
    )
