"""Training, validation and test parts, and folds, drawn by scikit-learn; a test set that is looked at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..errors import DataError, SymgradError, UnknownNameError, did_you_mean
from .arguments import by_name, whole
from .columns import column, is_table
from .fitted import Fit


class TestSetWarning(UserWarning):
    """A test set was evaluated again: choosing by it makes its figures those of a validation set."""

    __test__ = False  # pytest: not a test


@dataclass
class TestSet:
    """Data held back; `evaluate` counts, and warns from the second time on."""

    __test__ = False  # pytest: not a test

    arrays: dict[str, np.ndarray] = field(repr=False)
    evaluations: int = 0

    def evaluate(self, fit: Fit, metrics: str | Sequence[str] = ()) -> dict[str, Any]:
        """Loss and metrics of a fit on the test set, as `Fit.evaluate`."""
        if not isinstance(fit, Fit):
            raise SymgradError(f"a test set evaluates what sg.fit returned; this is {type(fit).__name__}.")
        self.evaluations += 1
        if self.evaluations > 1:
            warnings.warn(
                f"this test set is evaluated for the {self.evaluations}. time: what is chosen by it is no longer "
                "tested by it. Choose by validation data.",
                TestSetWarning,
                stacklevel=2,
            )
        return fit.evaluate(self.arrays, metrics)


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

    arrays = _arrays(data)
    count, seed = _count(arrays), whole("seed", seed, 0)
    fractions = isinstance(test, Real) and isinstance(validation, Real)
    if not (fractions and 0 < test < 1 and 0 <= validation < 1 and test + validation < 1):
        raise DataError(f"test and validation are fractions whose sum is below 1; they are {test} and {validation}.")
    classes = _classes(arrays, stratify)
    try:
        rows, held = train_test_split(np.arange(count), test_size=test, random_state=seed, stratify=classes)
        chosen = rows[:0]
        if validation:
            kept = None if classes is None else classes[rows]
            rows, chosen = train_test_split(rows, test_size=validation / (1 - test), random_state=seed, stratify=kept)
    except ValueError as error:  # a class with one example, or too few examples
        raise DataError(f"{count} examples cannot be cut like this: {error}") from None
    parts = [{name: array[part] for name, array in arrays.items()} for part in (rows, chosen, held)]
    return Split(parts[0], parts[1], TestSet(parts[2]))


def folds(
    data: Mapping[str, Any], k: int = 5, stratify: str | None = None, seed: int = 0
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """k pairs of training and validation arrays, each example held out once; stratified by the classes of an array."""
    from sklearn.model_selection import KFold, StratifiedKFold  # noqa: PLC0415  (an extra)

    arrays = _arrays(data)
    count, classes = _count(arrays), _classes(arrays, stratify)
    if not (isinstance(k, Integral) and 2 <= k <= count):
        raise DataError(f"k is the number of folds, from 2 to the number of examples, {count}; it is {k}.")
    rarest = k if classes is None else np.unique(classes, return_counts=True)[1].min()
    if rarest < k:
        raise DataError(f"a class of {stratify} has {rarest} example(s): fewer than the {k} folds.")
    kind = KFold if classes is None else StratifiedKFold
    for rows, held in kind(k, shuffle=True, random_state=seed).split(np.zeros(count), classes):
        yield {n: a[rows] for n, a in arrays.items()}, {n: a[held] for n, a in arrays.items()}


def _arrays(data: Any) -> dict[str, np.ndarray]:
    """The arrays of a mapping, or the columns of a table."""
    if is_table(data):
        return {str(n): column(data, n) for n in data.columns}
    if not isinstance(data, Mapping):
        kind = type(data).__name__
        raise SymgradError(f'what is cut is a mapping of arrays, as in {{"X": X, "y": y}}, or a table; not {kind}.')
    return {name: np.asarray(array) for name, array in by_name(data, "data").items()}


def _count(arrays: Mapping[str, np.ndarray]) -> int:
    counts = {name: len(np.atleast_1d(array)) for name, array in arrays.items()}
    if not counts:
        raise DataError("there is no array to cut.")
    if len(set(counts.values())) != 1:
        raise DataError(f"the arrays differ in length: {', '.join(f'{n} has {c}' for n, c in counts.items())}.")
    return next(iter(counts.values()))


def _classes(arrays: Mapping[str, np.ndarray], stratify: str | None) -> np.ndarray | None:
    if stratify is None:
        return None
    if stratify not in arrays:
        hint = did_you_mean(str(stratify), arrays)
        raise UnknownNameError(f"stratify={stratify!r} names no array; they are {', '.join(arrays)}. {hint}".rstrip())
    return arrays[stratify]
