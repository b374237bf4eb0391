"""Data that come in batches from an iterator: each batch is named, checked and trained on, none is kept."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from ..errors import DataError, SymgradError
from .data import Arrays, Examples, Part, Update


def is_stream(data: Any) -> bool:
    """An iterator, a function that makes one, or an object that can be iterated again (a loader); no array or table."""
    if isinstance(data, Mapping | tuple | list | np.ndarray) or hasattr(data, "__array__") or hasattr(data, "columns"):
        return False
    return isinstance(data, Iterable) or callable(data)


@dataclass
class Stream:
    """One pass over the iterator is an epoch. `first` is the first batch, which says what the sizes are."""

    source: Callable[[], Iterator[Any]]
    check: Callable[[Any], Examples]
    first: Examples
    again: bool

    @property
    def arrays(self) -> Arrays:
        return self.first.arrays

    @property
    def batched(self) -> tuple[str, ...]:
        return self.first.batched

    def some(self, most: int) -> Arrays:
        """The first batch."""
        return self.first.some(most)

    def part(self) -> Part:
        """What a kernel may be compiled on."""
        return Part(self.first.arrays, np.arange(self.first.count))

    def updates(self, rng: np.random.Generator, accumulate: int = 1) -> Iterator[Update]:
        """The batches of one epoch, in the order of the iterator, `accumulate` to an update."""
        number, batches = 0, map(self.check, self.source())
        while group := list(islice(batches, accumulate)):
            parts = []
            for found in group:
                parts.append(Part(found.arrays, np.arange(number, number := number + found.count)))
            yield Update(parts, sum(len(p.numbers) for p in parts))
        if not number:
            raise DataError("the iterator gave no batch: it was used up. Pass a function that makes a new one.")


def _iterated(make: Callable) -> Iterator[Any]:
    """The iterator that a function returns. What its own code raises is the user's to see."""
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise SymgradError(f"a function that gives batches is called without arguments ({error}).") from None
    except ValueError:  # a builtin without a signature
        pass
    found = make()
    if not isinstance(found, Iterable):
        raise SymgradError(
            f"a function that gives batches returns an iterator; this one returned {type(found).__name__}. "
            "Write it with yield: def batches(): yield X, y."
        )
    return iter(found)


def stream_of(data: Any, check: Callable[[Any], Examples], epochs: int) -> Stream:
    """The stream of an iterable (again for each epoch), of a function that returns one, or of an iterator (one epoch).

    Raises SymgradError for an iterator and several epochs, DataError where there is no batch.
    """
    once = isinstance(data, Iterator)
    if once and epochs > 1:
        raise SymgradError(
            f"an iterator can be gone through once, and epochs is {epochs}: pass epochs=1, or a function that makes a "
            "new iterator for each epoch, as in sg.fit(model, lambda: batches())."
        )
    made = (lambda: _iterated(data)) if callable(data) and not isinstance(data, Iterable) else (lambda: iter(data))
    batches = made()
    try:
        first = next(batches)
    except StopIteration:
        raise DataError("the iterator gave no batch.") from None
    return Stream((lambda: chain([first], batches)) if once else made, check, check(first), not once)
