"""From a table's columns to features: numbers scaled, words one-hot, by scikit-learn; learnt once, applied again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, SymgradError
from .columns import column

SCALERS = ("standard", "minmax", None)


@dataclass
class Preparation:
    """What was learnt from the training table: means, ranges, categories. `apply` uses them on new tables."""

    numbers: tuple[str, ...]
    words: tuple[str, ...]
    scaler: Any = None
    encoder: Any = None

    def apply(self, frame: Any) -> np.ndarray:
        """The features, one row for each row of the table; DataError for a category that the training table lacks."""
        parts = []
        if self.numbers:
            values = _numbers(frame, self.numbers)
            parts.append(values if self.scaler is None else self.scaler.transform(values))
        if self.words:
            words = _words(frame, self.words)
            for place, name in enumerate(self.words):
                new = sorted(set(words[:, place]) - set(self.encoder.categories_[place]))
                if new:
                    known = ", ".join(map(str, self.encoder.categories_[place]))
                    raise DataError(f"column {name} holds {new[0]!r}, which the training table did not: {known}.")
            parts.append(self.encoder.transform(words))
        return np.concatenate(parts, axis=1)

    @property
    def names(self) -> list[str]:
        """A name for each feature: the column, or column=category."""
        found = list(self.numbers)
        for place, name in enumerate(self.words):
            found += [f"{name}={category}" for category in self.encoder.categories_[place]]
        return found


def _numbers(frame: Any, names: Sequence[str]) -> np.ndarray:
    """The columns as numbers, all of them finite."""
    found = []
    for name in names:
        values = column(frame, name)
        try:
            values = values.astype(float)
        except (TypeError, ValueError):
            raise DataError(f"column {name} holds {_word(values)!r}, and the training table held numbers.") from None
        infinite = np.flatnonzero(~np.isfinite(values))
        if infinite.size:
            raise DataError(f"column {name} holds {values[infinite[0]]} in row {infinite[0]}: a number must be finite.")
        found.append(values)
    return _stacked(names, found)


def _word(values: np.ndarray) -> Any:
    """The first entry that is no number."""
    return next((v for v in values.tolist() if not isinstance(v, int | float)), values[0])


def _stacked(names: Sequence[str], columns: Sequence[np.ndarray]) -> np.ndarray:
    lengths = {name: len(values) for name, values in zip(names, columns)}
    if len(set(lengths.values())) > 1:
        raise DataError(f"the columns differ in length: {', '.join(f'{n} has {c}' for n, c in lengths.items())}.")
    return np.stack(columns, axis=1)


def _words(frame: Any, names: Sequence[str]) -> np.ndarray:
    return _stacked(names, [column(frame, n).astype(str).astype(object) for n in names])


def prepare(frame: Any, columns: Sequence[str], scale: str | None = "standard") -> tuple[np.ndarray, Preparation]:
    """The features of a table: numbers scaled ("standard", "minmax" or None), other columns one-hot; and what to apply
    to the next table.

    >>> X, preparation = prepare({"size": [1.0, 3.0], "color": ["red", "blue"]}, ["size", "color"], scale="minmax")
    >>> X.tolist(), preparation.names
    ([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]], ['size', 'color=blue', 'color=red'])
    """
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler  # noqa: PLC0415  (an extra)

    if scale not in SCALERS:
        raise SymgradError(f'scale is "standard", "minmax" or None, not {scale!r}.')
    columns = [columns] if isinstance(columns, str) else list(columns)
    if not columns:
        raise SymgradError("name the columns that become features: prepare(table, ['size', 'color']).")
    kinds = {name: column(frame, name).dtype.kind for name in columns}
    strange = next((n for n, kind in kinds.items() if kind in "cmM"), None)
    if strange is not None:
        dtype = column(frame, strange).dtype
        raise DataError(f"column {strange} has dtype {dtype}: make numbers or words of it first.")
    if not len(column(frame, columns[0])):
        raise DataError("the table holds no row.")
    numbers = tuple(n for n, kind in kinds.items() if kind in "fiub")
    found = Preparation(numbers, tuple(n for n in kinds if n not in numbers))
    if numbers and scale:
        values = _numbers(frame, numbers)
        found.scaler = {"standard": StandardScaler, "minmax": MinMaxScaler}[scale]().fit(values)
    if found.words:
        found.encoder = OneHotEncoder(sparse_output=False, dtype=float).fit(_words(frame, found.words))
    return found.apply(frame), found
