"""Every program whose kernels the CUDA tests look at: gradients of the catalogue, what the library's texts derive."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from catalogue import BY_NAME, CATALOGUE

from symgrad import book
from symgrad.api import Program
from symgrad.library.gallery import GALLERY, entry
from symgrad.verify import draw

CATALOGUED = [f"catalogue: {e.name}" for e in CATALOGUE]
LIBRARY = [f"library: {name}" for name in GALLERY if entry(name).text]


class Case(NamedTuple):
    """A derived program, and arrays at which it is finite."""

    program: Program
    arrays: dict[str, np.ndarray]


@cache
def programs(name: str) -> tuple[Program, ...]:
    """The derived programs of a catalogue's or a library's entry."""
    where, _, name = name.partition(": ")
    return (BY_NAME[name].gradient(),) if where == "catalogue" else book.derived(entry(name))


def cases(name: str) -> Iterator[Case]:
    """They with arrays: the catalogue's own, or drawn."""
    where, _, plain = name.partition(": ")
    for program in programs(name):
        arrays = BY_NAME[plain].arrays() if where == "catalogue" else draw.finite_point(program.raw, 0)
        yield Case(program, arrays)
