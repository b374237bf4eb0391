"""Data for a program: names, dtypes, sizes; the split into training and validation; minibatches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError, ShapeError, UnknownNameError, explain
from ..ir.access import Size
from ..ir.bounds import check_data, dtype_error, plain_array
from ..ir.sizes import bind_shapes, size_value
from ..ir.system import System, Tensor
from . import mapped
from .columns import is_table, named_columns, plain

Arrays = dict[str, np.ndarray]
KINDS = {"float": "fiub", "int": "iu", "bool": "b"}


def inputs_of(system: System) -> list[Tensor]:
    """The tensors that data are bound to, in the order of declaration."""
    return system.declared("input", "label", "noise")


def asked_of(system: System, data: Any, optional: Iterable[str] = ()) -> list[Tensor]:
    """The tensors that `data` hold: noise, which is drawn, and `optional` ones only where they are given."""
    tensors = inputs_of(system)
    data = named_columns(data, [t.name for t in tensors])
    needed = [t for t in tensors if t.role != "noise" and t.name not in optional]
    if isinstance(data, Mapping):
        return [t for t in tensors if t in needed or t.name in data]
    return tensors if isinstance(data, tuple) and len(data) == len(tensors) else needed


def name_arrays(tensors: Sequence[Tensor], data: Any, dtype: str) -> Arrays:
    """`data` (one array, a tuple in the order of declaration, a mapping, or a table with a column for each) as named
    arrays of the right dtype."""
    data = named_columns(data, [t.name for t in tensors])
    if isinstance(data, Mapping):
        named = dict(data)
    else:
        several = isinstance(data, tuple) or (isinstance(data, list) and len(tensors) > 1)
        arrays = data if several else (data,)
        if len(arrays) != len(tensors):
            raise UnknownNameError(_expected(tensors, _described(arrays if several else data)))
        named = {t.name: a for t, a in zip(tensors, arrays)}
    if set(named) != {t.name for t in tensors}:
        raise UnknownNameError(_expected(tensors, ", ".join(map(str, named)) or "nothing"))
    return {t.name: _converted(t, named[t.name], dtype) for t in tensors}


def _described(data: Any) -> str:
    if isinstance(data, tuple | list):
        return f"{len(data)} array{'s' * (len(data) != 1)}"
    if is_table(data):
        return f"a table with the columns {', '.join(map(str, data.columns))}"
    return "one array" if hasattr(data, "__array__") else repr(data) if np.isscalar(data) else type(data).__name__


def _expected(tensors: Sequence[Tensor], given: str) -> str:
    names = ", ".join(t.name for t in tensors) or "none"
    return explain(
        f"the data must be {len(tensors)} array{'s' * (len(tensors) != 1)} ({names}); it is {given}.",
        fix=f"Pass a tuple in that order, or a dict with the keys {names}.",
    )


def _converted(tensor: Tensor, value: Any, dtype: str) -> np.ndarray:
    array = plain_array(tensor, plain(tensor.name, value))
    if array.dtype.kind not in KINDS[tensor.dtype] and array.size:
        raise dtype_error(tensor, value, array)
    target = {"float": dtype, "int": "int64", "bool": "bool"}[tensor.dtype]
    if isinstance(value, np.memmap) and array.dtype != target:
        raise DataError(
            f"{tensor.name} is a file of {array.dtype}, and training is in {target}: converting it would read all of "
            f'it into memory. Pass dtype="{array.dtype}", or write the file in {target}.'
        )
    if isinstance(value, np.memmap) and value.flags.c_contiguous:
        return value
    return np.ascontiguousarray(array, dtype=target).reshape(array.shape)  # ascontiguousarray makes rank 0 rank 1


def sizes_of(system: System, arrays: Mapping[str, np.ndarray]) -> dict[Size, int]:
    """What the data say about the sizes. A number of classes that only labels mention is the largest label plus one."""
    arrays = {n: a for n, a in arrays.items() if n in system.tensors}
    bound = replace(system, tensors={n: t for n, t in system.tensors.items() if n in arrays})
    sizes = bind_shapes(bound, {name: a.shape for name, a in arrays.items()})
    for name in arrays:
        over = system.tensors[name].over
        if isinstance(over, Size) and over not in sizes and arrays[name].size:
            sizes[over] = int(arrays[name].max()) + 1
    check_data(bound, sizes, arrays)
    return sizes


def batch_size_of(system: System, tensors: Sequence[Tensor]) -> Size | None:
    """The size variable that counts the examples: the first axis of the first input, if data may be cut along it.

    None where the axis also occurs elsewhere (a graph's `A[n, n]`, a parameter per example) or is fixed.
    """
    first = next((t for t in tensors if t.rank), None)
    size = first.shape[0] if first is not None else None
    if not isinstance(size, Size):
        return None
    cut = {t.name for t in tensors}
    for tensor in system.declared():
        if tensor.role == "noise" and tensor.name not in cut:
            continue  # it is drawn for as many examples as there are
        elsewhere = tensor.shape[1:] if tensor.name in cut else tensor.shape
        if any(size in extent.free_symbols for extent in elsewhere):
            return None
        if tensor.name in cut and tensor.rank and tensor.shape[0] != size and size in tensor.shape[0].free_symbols:
            return None
    return size


def examples_axis(system: System, arrays: Iterable[str]) -> Size | None:
    """`batch_size_of` where `arrays` are given and noise is perhaps not."""
    held = set(arrays)
    return batch_size_of(system, [t for t in inputs_of(system) if t.name in held])


class Part(NamedTuple):
    """What goes through a kernel at once: arrays by name, and the numbers of their examples in the whole data."""

    arrays: Arrays
    numbers: np.ndarray


class Update(NamedTuple):
    """The examples of one update, in parts. A part is to be used before the next one is asked for."""

    parts: Iterable[Part]
    count: int


@dataclass(frozen=True)
class Examples:
    """Arrays by name, which of them are cut along their first axis, and how many rows that axis has."""

    arrays: Arrays
    batched: tuple[str, ...]
    count: int
    rows: np.ndarray | None = None  # those of the arrays' rows that are examples; None: all
    batch_size: int | None = None  # of a part; None: all
    again: bool = True  # an epoch can be repeated
    resident: Any = None  # `device_data.Resident`: arrays of which batches are taken on a GPU
    _buffers: dict[int, Arrays] = field(init=False, default_factory=dict, repr=False, compare=False)

    def numbers(self, rows: np.ndarray) -> np.ndarray:
        """The rows of the arrays that hold the examples `rows`."""
        return rows if self.rows is None else self.rows[rows]

    def part(self, rows: np.ndarray | None = None) -> Part:
        """The examples `rows` (else a first batch), in buffers that the next part of the same length overwrites."""
        rows = np.arange(min(self.batch_size or self.count, self.count)) if rows is None else rows
        numbers = self.numbers(rows)
        there = {} if self.resident is None else self.resident.rows(numbers)
        if len(rows) not in self._buffers:
            arrays = {name: self.arrays[name] for name in self.batched if name not in there}
            empty = {name: np.empty((len(rows), *array.shape[1:]), array.dtype) for name, array in arrays.items()}
            self._buffers[len(rows)] = empty
        buffers = self._buffers[len(rows)]
        for name, buffer in buffers.items():
            mapped.take(self.arrays[name], numbers, buffer)
        return Part(buffers | there, numbers)

    def some(self, most: int) -> Arrays:
        """The batched arrays at the examples, of `most` examples evenly spaced where there are more."""
        rows = np.arange(self.count)
        if self.count > most:
            rows = np.unique(np.linspace(0, self.count - 1, most).astype(int))
        numbers = self.numbers(rows)
        return {name: mapped.take(self.arrays[name], numbers) for name in self.batched}

    def updates(self, rng: np.random.Generator, accumulate: int = 1) -> Iterator[Update]:
        """The updates of one epoch: every example once, in random order."""
        size = min(self.batch_size or self.count, self.count) if self.batched else self.count
        for rows in batches(self.count, size * accumulate, rng):
            parts = (self.part(rows[start : start + size]) for start in range(0, len(rows), size))
            yield Update(parts, len(rows))


def examples_of(system: System, arrays: Arrays) -> Examples:
    """The examples in `arrays`, which hold the inputs of `system`, noise perhaps not."""
    size = examples_axis(system, arrays)
    cut = (t for t in inputs_of(system) if t.name in arrays and t.rank)
    batched = tuple(t.name for t in cut if size is not None and t.shape[0] == size)
    return Examples(arrays, batched, len(arrays[batched[0]]) if batched else 1)


def take_rows(arrays: Arrays, batched: Sequence[str], rows: np.ndarray) -> Arrays:
    """The examples `rows` of the batched arrays; the others as they are."""
    return {name: mapped.take(array, rows) if name in batched else array for name, array in arrays.items()}


def split_rows(count: int, fraction: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers for training and for validation, in random order."""
    if not 0 < fraction < 1:
        raise DataError(f"validation is a fraction between 0 and 1, or data like the training data; it is {fraction}.")
    held_out = round(count * fraction)
    if not 0 < held_out < count:
        raise DataError(f"validation={fraction} of {count} examples leaves one side empty.")
    order = rng.permutation(count)
    return order[held_out:], order[:held_out]


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The rows of one epoch in random order, `size` at a time; the last batch may be smaller."""
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def shape_of(tensor: Tensor, sizes: Mapping[Size, int]) -> tuple[int, ...]:
    """The concrete shape; ShapeError names the tensor whose size nothing determines."""
    try:
        return tuple(size_value(extent, sizes) for extent in tensor.shape)
    except ShapeError as error:
        axes = ", ".join(tensor.letters)
        raise ShapeError(explain(f"{tensor.name}: {tensor.role}[{axes}]", fix=str(error))) from None
