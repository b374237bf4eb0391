"""Memory-mapped arrays: pages that were read stay in the process until somebody gives them back."""

from __future__ import annotations

import mmap
from collections.abc import Iterable

import numpy as np

PAGE = mmap.PAGESIZE
MOST = 256 * 2**20  # bytes of pages that rows in random order may bring in before they are given back


def file_of(array: np.ndarray) -> mmap.mmap | None:
    """The file behind an array that is a view of one."""
    base = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None) if not isinstance(base, memoryview) else base.obj
    return base


def touched(arrays: Iterable[np.ndarray]) -> int:
    """The bytes of pages that one row of the mapped arrays brings in, at most."""
    mapped = (a for a in arrays if file_of(a) is not None)
    return sum(PAGE + a.nbytes // max(len(a), 1) for a in mapped)


def give_back(arrays: Iterable[np.ndarray]) -> None:
    """Let the process forget the pages of mapped files; they are read again where they are needed."""
    for file in {id(f): f for f in map(file_of, arrays) if f is not None}.values():
        if hasattr(file, "madvise"):
            file.madvise(mmap.MADV_DONTNEED)
