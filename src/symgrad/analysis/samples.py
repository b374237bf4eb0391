"""Random arrays for a system: small, of simple numbers, with the facts that its tensors are declared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy import Interval, oo

from ..errors import ShapeError, UnknownNameError
from ..ir.access import size_symbols
from ..ir.sizes import size_value
from ..ir.system import System, Tensor
from .signs import POSITIVE, REALS


def interval_of(tensor: Tensor) -> Interval:
    """Where the cells of a declared tensor lie."""
    facts = {f.name for f in tensor.facts}
    if "positive" in facts:
        return POSITIVE
    return Interval(0, oo) if facts & {"nonnegative", "distribution", "one-hot"} or tensor.dtype != "float" else REALS


def arrays_for(system: System, data: Mapping[str, Any], rng, extent: int) -> dict[str, np.ndarray]:
    """The caller's arrays, others drawn with the declared facts; every size that is free is `extent`."""
    needed = {t.name: t for t in system.declared()}
    sizes = {
        s: extent
        for t in needed.values()
        for e in (*t.shape, *((t.over,) if t.over is not None else ()))
        for s in size_symbols(e)
    }
    for name, array in data.items():
        if name not in needed:
            raise UnknownNameError(f"{name} is not an input of this program. It has {', '.join(needed)}.")
        if np.ndim(array) != needed[name].rank:
            raise ShapeError(f"{name} has {needed[name].rank} axes, the array has {np.ndim(array)}.")
        sizes |= {e: int(n) for e, n in zip(needed[name].shape, np.shape(array)) if e.is_Symbol}
    drawn = {}
    for name, tensor in needed.items():
        shape = tuple(size_value(e, sizes) for e in tensor.shape)
        limit = size_value(tensor.over, sizes) if tensor.over is not None else 2
        drawn[name] = np.asarray(data[name]) if name in data else array_for(tensor, shape, rng, limit)
    return drawn


def array_for(tensor: Tensor, shape: tuple[int, ...], rng, limit: int = 2) -> np.ndarray:
    if tensor.dtype == "int":
        return rng.integers(0, limit, shape)
    if tensor.dtype == "bool":
        return np.ones(shape, dtype=bool)
    values = np.asarray(np.round(rng.normal(0, 1.5, shape) * 16) / 16)
    if interval_of(tensor) != REALS:
        values = np.abs(values) + 0.0625
    if tensor.has("symmetric"):
        values = values + np.swapaxes(values, -1, -2)
    for fact in tensor.facts:
        if fact.name in ("distribution", "one-hot"):
            if fact.name == "one-hot":
                values = (values == values.max(axis=fact.axes, keepdims=True)).astype(float)
            values = values / values.sum(axis=fact.axes, keepdims=True)
    return values
