"""Tables (pandas, polars) to arrays: columns scaled or one-hot by scikit-learn, missing values named; splits; a test
set that is looked at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DataError, SymgradError, UnknownNameError, did_you_mean
from .feeds import BEGIN
from .fitted import Fit
from .metrics import judge_of, metric_names
from .sources import checked

SCALERS = ("standard", "minmax", None)
MISSING = 5  # rows that are named


class TestSetWarning(UserWarning):
    """A test set was evaluated again: choosing by it makes its figures those of a validation set."""

    __test__ = False  # pytest: not a test


def column(frame: Any, name: str) -> np.ndarray:
    """One column of a pandas or polars frame (or a mapping), complete: DataError names the rows where it is not."""
    names = list(frame.columns) if hasattr(frame, "columns") else list(frame)
    if name not in names:
        hint = did_you_mean(name, map(str, names))
        raise UnknownNameError(f"the table has no column {name}; it has {', '.join(map(str, names))}. {hint}".rstrip())
    values = frame[name]
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    rows = np.flatnonzero(_missing(array))
    if len(rows):
        shown = ", ".join(map(str, rows[:MISSING])) + (", ..." if len(rows) > MISSING else "")
        raise DataError(
            f"column {name} has {len(rows)} missing value(s), in row(s) {shown}: fill them or drop the rows."
        )
    return array


def _missing(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f":
        return np.isnan(array)
    if array.dtype.kind in "OmM":  # None, NaN and pandas' NA are what is not equal to itself, or nothing
        return np.array([value is None or str(value) in ("<NA>", "NaT") or bool(value != value) for value in array])
    return np.zeros(len(array), dtype=bool)


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
            values = np.stack([column(frame, n).astype(float) for n in self.numbers], axis=1)
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


def _words(frame: Any, names: Sequence[str]) -> np.ndarray:
    return np.stack([column(frame, n).astype(str).astype(object) for n in names], axis=1)


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
    kinds = {name: column(frame, name).dtype.kind for name in columns}
    numbers = tuple(n for n, kind in kinds.items() if kind in "fiub")
    found = Preparation(numbers, tuple(n for n in kinds if n not in numbers))
    if numbers and scale:
        values = np.stack([column(frame, n).astype(float) for n in numbers], axis=1)
        found.scaler = {"standard": StandardScaler, "minmax": MinMaxScaler}[scale]().fit(values)
    if found.words:
        found.encoder = OneHotEncoder(sparse_output=False, dtype=float).fit(_words(frame, found.words))
    return found.apply(frame), found


@dataclass
class TestSet:
    """Data held back; `evaluate` counts, and warns from the second time on."""

    __test__ = False  # pytest: not a test

    arrays: dict[str, np.ndarray] = field(repr=False)
    evaluations: int = 0

    def evaluate(self, fit: Fit, metrics: str | Sequence[str] = ()) -> dict[str, float]:
        """Loss and metrics of a fit on the test set."""
        self.evaluations += 1
        if self.evaluations > 1:
            warnings.warn(
                f"this test set is evaluated for the {self.evaluations}. time: what is chosen by it is no longer "
                "tested by it. Choose by validation data.",
                TestSetWarning,
                stacklevel=2,
            )
        system = fit.system.prune([fit.loss])
        examples = checked(system, self.arrays, fit.dtype)
        feeds = fit.feeds(system, examples.arrays | fit.parameters)
        judged = judge_of(fit, examples, metric_names(metrics), feeds)(BEGIN)
        found = {"loss": judged.loss, "accuracy": judged.accuracy, **judged.metrics}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Split:
    """Arrays for training and validation, and the guarded test set."""

    train: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]
    test: TestSet


def split(
    data: Mapping[str, Any], test: float = 0.2, validation: float = 0.2, stratify: str | None = None, seed: int = 0
) -> Split:
    """Cut arrays of one length into training, validation and test parts: fractions of the whole, as 60/20/20.

    `stratify` names the array whose classes keep their shares. scikit-learn's `train_test_split` draws the rows.
    """
    from sklearn.model_selection import train_test_split  # noqa: PLC0415  (an extra)

    arrays = {name: np.asarray(array) for name, array in data.items()}
    count = _count(arrays)
    if not (0 < test < 1 and 0 <= validation < 1 and test + validation < 1):
        raise DataError(f"test and validation are fractions whose sum is below 1; they are {test} and {validation}.")
    classes = _classes(arrays, stratify)
    rows, held = train_test_split(np.arange(count), test_size=test, random_state=seed, stratify=classes)
    chosen = rows[:0]
    if validation:
        kept = None if classes is None else classes[rows]
        rows, chosen = train_test_split(rows, test_size=validation / (1 - test), random_state=seed, stratify=kept)
    parts = [{name: array[part] for name, array in arrays.items()} for part in (rows, chosen, held)]
    return Split(parts[0], parts[1], TestSet(parts[2]))


def folds(
    data: Mapping[str, Any], k: int = 5, stratify: str | None = None, seed: int = 0
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """k pairs of training and validation arrays, each example held out once; stratified by the classes of an array."""
    from sklearn.model_selection import KFold, StratifiedKFold  # noqa: PLC0415  (an extra)

    arrays = {name: np.asarray(array) for name, array in data.items()}
    count, classes = _count(arrays), _classes(arrays, stratify)
    if not 2 <= k <= count:
        raise DataError(f"k is the number of folds, from 2 to the number of examples, {count}; it is {k}.")
    kind = KFold if classes is None else StratifiedKFold
    for rows, held in kind(k, shuffle=True, random_state=seed).split(np.zeros(count), classes):
        yield {n: a[rows] for n, a in arrays.items()}, {n: a[held] for n, a in arrays.items()}


def _count(arrays: Mapping[str, np.ndarray]) -> int:
    counts = {name: len(np.atleast_1d(array)) for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        raise DataError(f"the arrays differ in length: {', '.join(f'{n} has {c}' for n, c in counts.items())}.")
    return next(iter(counts.values()))


def _classes(arrays: Mapping[str, np.ndarray], stratify: str | None) -> np.ndarray | None:
    if stratify is None:
        return None
    if stratify not in arrays:
        raise UnknownNameError(f"stratify={stratify!r} names no array; they are {', '.join(arrays)}.")
    return arrays[stratify]
