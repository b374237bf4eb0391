"""Rows of memory-mapped files, read into buffers: what is read through the mapping would stay in the process.

A page fault brings more than its page into the process: Linux maps what lies around it and is in memory, up to 2 MiB,
so that a few thousand rows in random order are gigabytes. Reads of the file itself leave nothing behind.
"""

from __future__ import annotations

import mmap
import os

import numpy as np


def take(array: np.ndarray, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """`array[rows]`, into `out` where it is given."""
    out = np.empty((len(rows), *array.shape[1:]), array.dtype) if out is None else out
    place = place_of(array)
    if place is not None and out.flags.c_contiguous and array.shape[1:] == out.shape[1:]:
        try:
            return _read(*place, rows % len(array), out)
        except OSError:  # the file has another name by now; the mapping holds it
            pass
    return np.take(array, rows, axis=0, out=out, mode="clip")


def mapping(array: np.ndarray) -> np.memmap | None:
    """The mapping that an array is, or is a view of."""
    base = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return base


def place_of(array: np.ndarray) -> tuple[str, int] | None:
    """The file that a memory-mapped array shows as it is on the disk, and where in it the array begins."""
    of = mapping(array)
    file = getattr(of, "_mmap", None)
    if of is None or not isinstance(file, mmap.mmap) or not of.filename or not hasattr(os, "preadv"):
        return None
    if of.mode == "c" or not array.flags.c_contiguous or array.ndim == 0:
        return None
    begin = of.offset - of.offset % mmap.ALLOCATIONGRANULARITY
    ahead = array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    return os.fspath(of.filename), begin + ahead


def _read(path: str, position: int, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
    width = out.nbytes // max(len(rows), 1)
    view = memoryview(out.reshape(-1)).cast("B") if out.size else memoryview(b"")
    handle = os.open(path, os.O_RDONLY)
    try:
        for at, row in enumerate(rows.tolist()):
            if os.preadv(handle, [view[at * width : (at + 1) * width]], position + row * width) != width:
                raise OSError(f"{path} is shorter than its mapping")
    finally:
        os.close(handle)
    return out
