"""Named parameters as one flat vector, as SciPy's solvers take them, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnknownNameError, did_you_mean


@dataclass(frozen=True)
class Layout:
    """The names and shapes of parameters, in the order in which they lie in the vector.

    >>> layout = Layout({"w": (2,), "b": ()})
    >>> layout.pack({"w": [1.0, 2.0], "b": 3.0})
    array([1., 2., 3.])
    >>> layout.unpack(np.array([1.0, 2.0, 3.0]))["b"]
    array(3.)
    """

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.shapes)

    @property
    def size(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes.values())

    def slices(self) -> Iterator[tuple[str, slice]]:
        start = 0
        for name, shape in self.shapes.items():
            yield name, slice(start, start := start + math.prod(shape))

    def pack(self, arrays: Mapping[str, Any]) -> np.ndarray:
        parts = [np.asarray(arrays[name], dtype=float).ravel() for name in self.names]
        return np.concatenate(parts) if parts else np.empty(0)

    def unpack(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        vector = np.asarray(vector, dtype=float)
        return {name: vector[part].reshape(self.shapes[name]).copy() for name, part in self.slices()}

    def part(self, name: Any) -> slice:
        """Where a parameter lies in the vector."""
        found = dict(self.slices()).get(str(name))
        if found is None:
            names, hint = ", ".join(self.names), did_you_mean(str(name), self.names)
            raise UnknownNameError(f"{name} is no parameter; they are {names}. {hint}".rstrip())
        return found

    def labels(self) -> list[str]:
        """A name for each entry: `b`, `w[0]`, `w[1]`."""
        found = []
        for name, shape in self.shapes.items():
            cells = np.ndindex(*shape) if shape else [()]
            found += [f"{name}[{','.join(map(str, cell))}]" if cell else name for cell in cells]
        return found


class Vector(np.ndarray):
    """A vector that is also read by name: `x["w"]` has the shape of w.

    >>> Vector.of(Layout({"w": (2,), "b": ()}), np.array([1.0, 2.0, 3.0]))["w"]
    array([1., 2.])
    """

    layout: Layout | None

    @staticmethod
    def of(layout: Layout, values: np.ndarray) -> Vector:
        vector = np.array(values, dtype=float).view(Vector)
        vector.layout = layout
        return vector

    def __array_finalize__(self, of):
        self.layout = None  # what NumPy makes of a part of the vector has other entries

    def __getitem__(self, key):
        if self.layout is None or not (isinstance(key, str) or getattr(key, "is_Symbol", False)):
            return super().__getitem__(key)
        values = np.asarray(self)[self.layout.part(key)].reshape(self.layout.shapes[str(key)])
        return float(values) if values.ndim == 0 else values
