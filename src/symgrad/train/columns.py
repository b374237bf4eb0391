"""Tables (pandas, polars) as what they are: named columns, complete or an error that says where they are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import DataError, SymgradError, UnknownNameError, did_you_mean

MISSING = 5  # rows that are named


def is_table(data: Any) -> bool:
    """A pandas or polars frame: it has columns, and is no mapping."""
    return hasattr(data, "columns") and hasattr(data, "__getitem__") and not isinstance(data, Mapping)


def named_columns(data: Any, names: Iterable[str]) -> Any:
    """The columns of a table that are called by one of `names`; data of another kind, or a table without such a column,
    as they are.

    >>> named_columns((1, 2), ["x"])
    (1, 2)
    """
    if not is_table(data):
        return data
    wanted = set(names)
    return {str(n): data[n] for n in data.columns if str(n) in wanted} or data


def column(frame: Any, name: Any) -> np.ndarray:
    """One column of a table (or of a mapping), complete: DataError names the rows where it is not."""
    if not (is_table(frame) or isinstance(frame, Mapping)):
        raise SymgradError(f"a table is a pandas or polars frame, or a dict of columns; not {type(frame).__name__}.")
    names = list(frame.columns) if is_table(frame) else list(frame)
    if name not in names:
        hint = did_you_mean(str(name), map(str, names))
        raise UnknownNameError(f"the table has no column {name}; it has {', '.join(map(str, names))}. {hint}".rstrip())
    return complete(frame[name], f"column {name}")


def complete(values: Any, what: str) -> np.ndarray:
    """A column as an array; DataError where values are missing."""
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    rows = np.flatnonzero(_missing(array))
    if len(rows):
        shown = ", ".join(map(str, rows[:MISSING])) + (", ..." if len(rows) > MISSING else "")
        raise DataError(f"{what} has {len(rows)} missing value(s), in row(s) {shown}: fill them or drop the rows.")
    return array


def _missing(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f":
        return np.isnan(array)
    if array.dtype.kind in "OmM":  # None, NaN and pandas' NA are what is not equal to itself, or nothing
        return np.array([value is None or str(value) in ("<NA>", "NaT") or bool(value != value) for value in array])
    return np.zeros(len(array), dtype=bool)


def plain(name: str, value: Any) -> Any:
    """A table or one of its columns as an array, complete; anything else as it is."""
    if is_table(value):
        columns = [column(value, n) for n in value.columns]
        return np.stack(columns, axis=1) if columns else np.empty((len(value), 0))
    return complete(value, name) if hasattr(value, "to_numpy") else value
