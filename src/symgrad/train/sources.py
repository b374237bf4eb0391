"""From what people pass as data to what a run goes through: arrays or batches, checked, weighed, cut."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from ..errors import DataError, SymgradError
from ..ir.system import System
from ..kernels.checks import facts as check_facts
from . import mapped
from .data import Arrays, Examples, asked_of, examples_axis, examples_of, name_arrays, sizes_of, split_rows, take_rows
from .feeds import schedules_of
from .fitted import Fit
from .stream import Stream, is_stream, stream_of
from .targets import label_of
from .weights import example_weights, weighted


@dataclass(frozen=True)
class Data:
    """The System whose loss is trained (with weights of examples where they are asked for), and its arrays, checked."""

    system: System
    plain: System
    examples: Examples | Stream
    weight: str = ""


def scheduled(system: System, schedules: Any, data: Any) -> tuple[dict, Any]:
    """The value of each scheduled input by update, and the data without their bases."""
    followed = schedules_of(system, schedules, data)
    if followed and isinstance(data, Mapping):
        data = {name: array for name, array in data.items() if name not in followed}
    return followed, data


def data_of(
    model: System, loss: str, prediction: str | None, given, dtype: str, optional, epochs: int, by_class, by_sample
) -> Data:
    """What was passed as data: arrays, or batches."""
    if is_stream(given):
        return _streamed(model, loss, given, dtype, optional, epochs, by_class, by_sample)
    return _weighed(model, loss, prediction, given, dtype, optional, by_class, by_sample)


def _streamed(model: System, loss: str, data, dtype: str, optional, epochs: int, by_class, by_sample) -> Data:
    if by_class is not None or by_sample is not None:
        raise SymgradError("weights of examples are for arrays: put a weight into the batches and into the loss.")
    system = model.prune([loss])
    return Data(system, system, stream_of(data, lambda batch: checked(system, batch, dtype, optional), epochs))


def _weighed(
    model: System, loss: str, prediction: str | None, given, dtype: str, optional, by_class, by_sample
) -> Data:
    system = model.prune([loss])
    examples = checked(system, given, dtype, optional)
    if examples.batched and examples.count == 0:
        raise DataError("the data hold no example.")
    label = label_of(Fit(model, loss, prediction, {}))
    weights = example_weights(examples.arrays, label, examples.count, by_class, by_sample)
    if weights is None:
        return Data(system, system, examples)
    size = examples_axis(system, examples.arrays)
    if size is None:
        raise SymgradError("this program cannot be cut into examples, so there is nothing to weigh.")
    system, name = weighted(system, loss, size)
    arrays = examples.arrays | {name: weights.astype(dtype)}
    return Data(system, model.prune([loss]), Examples(arrays, (*examples.batched, name), examples.count), name)


def divide(data: Data, validation, dtype: str, optional, rng) -> tuple[Examples | Stream, Examples | None]:
    """The training examples and, where `validation` asks for them, those held out."""
    everything = data.examples
    if validation is None:
        return everything, None
    if not isinstance(validation, Real):
        held_out = checked(data.plain, validation, dtype, optional)
        if held_out.batched and held_out.count == 0:
            raise DataError("the validation data hold no example.")
        return everything, held_out
    if isinstance(everything, Stream) or not everything.batched:
        raise DataError("these data cannot be cut into examples: pass validation data instead of a fraction.")
    parts = split_rows(everything.count, float(validation), rng)
    held = take_rows(everything.arrays, everything.batched, parts[1])
    held.pop(data.weight, None)
    return replace(everything, count=len(parts[0]), rows=parts[0]), examples_of(data.plain, held)


def checked(system: System, data, dtype: str, optional: tuple[str, ...] = ()) -> Examples:
    """Named arrays whose dtypes, shapes, labels and facts have been looked at once, for all rows."""
    arrays = name_arrays(asked_of(system, data, optional), data, dtype)
    sizes_of(system, arrays)
    for name, array in arrays.items():
        check_facts(system.tensors[name], array)
    return examples_of(system, arrays)


def digest(system: System, loss: str) -> str:
    """What was trained: a hash of the equations."""
    equations = [(eq.tensor, eq.reduce, [str(t) for t in eq.terms]) for eq in system.prune([loss]).equations]
    return hashlib.sha256(repr(equations).encode()).hexdigest()[:16]


def digest_arrays(arrays: Arrays) -> str:
    """What it was trained on: a hash of shapes, dtypes, and up to 64 rows of each array (data may be larger than
    memory)."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name}{array.shape}{array.dtype}".encode())
        rows = np.atleast_1d(array)
        picked = np.unique(np.linspace(0, max(len(rows) - 1, 0), 64).astype(int)) if len(rows) else np.zeros(0, int)
        found.update(np.ascontiguousarray(mapped.take(rows, picked)).tobytes())
    return found.hexdigest()[:16]
