"""Arrays of other libraries on the device, without a copy: `__cuda_array_interface__`, or DLPack.

What a kernel returns has `__cuda_array_interface__` as well: `cupy.asarray(out.y)`, `torch.as_tensor(out.y)` share its
memory.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ....errors import DTypeError, SymgradError, explain
from .streams import streams

CUDA = 2  # DLPack's number of the device type


def on_device(value: Any) -> bool:
    """Does the array lie on the GPU (or in the simulator, as one that would)?"""
    if isinstance(value, np.ndarray | np.generic | int | float | list | tuple):
        return False
    if hasattr(value, "copy_to_host"):
        return True
    if hasattr(value, "__dlpack_device__"):  # first: PyTorch's other attribute raises where a gradient is required
        return value.__dlpack_device__()[0] == CUDA
    return hasattr(value, "__cuda_array_interface__")


def imported(name: str, value: Any) -> Any:
    """The array as Numba's, its memory shared; what its library has still to do on it is waited for."""
    from numba import cuda  # noqa: PLC0415

    if hasattr(value, "copy_to_host"):
        return value
    try:
        interface = value if hasattr(value, "__cuda_array_interface__") else _by_dlpack(value)
        return cuda.as_cuda_array(interface)
    except SymgradError:
        raise
    except Exception as error:  # of whatever library the array comes from
        fix = "A tensor that requires a gradient is passed as tensor.detach()."
        raise DTypeError(explain(f"{name} cannot be read where it lies: {error}", fix=fix)) from None


def _by_dlpack(value: Any) -> Any:
    """The interface of an array that speaks DLPack only."""
    from cuda.core.utils import StridedMemoryView  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    view = StridedMemoryView.from_dlpack(value, stream_ptr=int(streams().compute))
    dtype = np.dtype(view.dtype)
    strides = None if view.strides is None else tuple(s * dtype.itemsize for s in view.strides)
    interface = {
        "shape": tuple(view.shape), "strides": strides, "typestr": dtype.str, "data": (view.ptr, view.readonly),
        "version": 3,
    }  # fmt: skip
    return SimpleNamespace(__cuda_array_interface__=interface, view=view)  # the view keeps the memory


def contiguous(array: Any) -> bool:
    return array.is_c_contiguous() if hasattr(array, "is_c_contiguous") else array.flags["C_CONTIGUOUS"]


def address(array: Any) -> int:
    """What tells the memory of one array from that of another."""
    pointer = getattr(array, "device_ctypes_pointer", None)
    return id(array) if pointer is None else int(pointer.value or 0)
