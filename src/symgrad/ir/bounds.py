"""Are all indices in range? Data (labels, gather indices) and affine accesses are checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy import Basic

from ..errors import DataError, DTypeError, IndexRangeError, ShapeError, explain
from .sizes import size_value
from .system import System, Tensor

KINDS = {"float": "fiubcO", "int": "iu", "bool": "b"}  # complex and object arrays: complex step and mpmath
WANTED = {"float": "real numbers", "int": "integers", "bool": "booleans"}


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
            size = "" if tensor.over.is_Integer else f"{tensor.over} is {limit}: "
            fix = f"{size or 'The '}labels are 0 .. {limit - 1}."
            if values.min() >= 1 and values.max() == limit:
                fix += f" Labels start at 0: pass {tensor.name} - 1."
            where = tuple(int(i) for i in np.argwhere((values < 0) | (values >= limit))[0])
            raise _label_error(tensor, values, where, fix)


def _label_error(tensor: Tensor, values: np.ndarray, where: tuple[int, ...], fix: str) -> IndexRangeError:
    at = cell_text(tensor.name, where)
    return IndexRangeError(explain(f"label {at} = {values[where]} is out of range.", declared_text(tensor), fix=fix))


def cell_text(name: str, cell: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, cell))}]" if cell else name


def declared_text(tensor: Tensor) -> str:
    """The declaration of a tensor, for an error."""
    letters = ", ".join(tensor.letters or map(str, tensor.shape))
    over = f" over {tensor.over}" if tensor.over is not None else ""
    return f"{tensor.name}: {tensor.role}[{letters}]{over}" if tensor.shape else f"{tensor.name}: {tensor.role}{over}"


def plain_array(tensor: Tensor, value) -> np.ndarray:
    """`value` as an array. DataError where entries are masked, IndexRangeError where 64 bits do not hold a label,
    ShapeError where nested lists are no array."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        where = tuple(int(i) for i in np.argwhere(np.ma.getmaskarray(value))[0])
        fix = f"Fill it, as in {tensor.name}.filled(0), or leave such rows out: masked entries are not skipped."
        raise DataError(explain(f"{cell_text(tensor.name, where)} is masked.", declared_text(tensor), fix=fix))
    try:
        array = np.asarray(value)
    except ValueError:  # NumPy: an inhomogeneous shape
        summary, fix = f"the rows of {tensor.name} differ in length.", "Pass an array: rows of one length."
        raise ShapeError(explain(summary, declared_text(tensor), fix=fix)) from None
    if tensor.dtype == "int" and array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        where = tuple(int(i) for i in np.argwhere(array > np.iinfo(np.int64).max)[0])
        size = tensor.over if tensor.over is not None else "its size"
        raise _label_error(tensor, array, where, f"The labels are 0 .. {size} - 1. Is it a -1 in an unsigned array?")
    return array


def real_array(tensor: Tensor, value) -> np.ndarray:
    """`value` for arithmetic with real numbers: DTypeError for complex numbers, text, None and other objects."""
    array = plain_array(tensor, value)
    if tensor.dtype == "float" and array.size and (array.dtype.kind == "c" or _not_real(array) is not None):
        raise dtype_error(tensor, value, array)
    return data_array(tensor, value)


def _not_real(array: np.ndarray) -> tuple[int, ...] | None:
    """The first cell of an array of objects that is no real number."""
    if array.dtype.kind != "O":
        return None
    return next((cell for cell, entry in np.ndenumerate(array) if not _is_real(entry)), None)


def _is_real(entry: Any) -> bool:
    if isinstance(entry, (str, bytes)):
        return False
    try:
        float(entry)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def data_array(tensor: Tensor, value) -> np.ndarray:
    """`value` as an array, or DTypeError: labels are integers, masks are booleans (nothing is rounded silently)."""
    array = plain_array(tensor, value)
    if array.dtype.kind in KINDS[tensor.dtype] or array.size == 0:
        return array
    raise dtype_error(tensor, value, array)


def dtype_error(tensor: Tensor, value, array: np.ndarray) -> DTypeError:
    """`value`, as an `array`, has a dtype that the tensor does not take."""
    summary = f"{tensor.name} must hold {WANTED[tensor.dtype]}, but the array has dtype {array.dtype}."
    return DTypeError(explain(summary, declared_text(tensor), fix=_dtype_fix(tensor, value, array)))


def _dtype_fix(tensor: Tensor, value, array: np.ndarray) -> str:
    cell = _not_real(array)
    if tensor.over is not None and (array.dtype.kind in "US" or (cell and isinstance(array[cell], str))):
        return f"Words become labels by np.unique({tensor.name}, return_inverse=True)[1]."
    if cell is not None:
        return f"{cell_text(tensor.name, cell)} is {array[cell]!r:.60}: replace it by a number."
    if array.dtype.kind == "c":
        return f"Pass {tensor.name}.real, or the real and the imaginary part as two tensors."
    if hasattr(value, "astype"):
        return f"Pass {tensor.name}.astype({tensor.dtype})."
    return f"Pass np.asarray({tensor.name}, {tensor.dtype})."
