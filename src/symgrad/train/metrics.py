"""How good a fit is on held-out examples: loss, and metrics from the confusion matrix or from the residuals.

The predictions come out of a compiled kernel; a metric is one count over them. Names and meaning are scikit-learn's:
precision, recall and F1 are means over the classes ("macro"), a class that was never predicted has precision 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..errors import SymgradError, did_you_mean
from .data import Arrays, Examples
from .feeds import NOTHING, Feeds, Moment
from .fitted import Fit
from .step import bind

BINS = 10  # of the calibration error


class Judged(NamedTuple):
    """Figures of one evaluation."""

    loss: float | None
    accuracy: float | None
    metrics: dict[str, float]


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts, a row for each true class, a column for each predicted one.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 0],
           [1, 1]])
    """
    flat = np.bincount(truth.ravel() * classes + predicted.ravel(), minlength=classes**2)
    return flat.reshape(classes, classes)


def _accuracy(counts: np.ndarray) -> float:
    return float(np.trace(counts) / counts.sum())


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _occurring(counts: np.ndarray) -> np.ndarray:
    """The classes that are true or predicted somewhere: scikit-learn's labels."""
    return (counts.sum(0) + counts.sum(1)) > 0


def _precision(counts: np.ndarray) -> float:
    return float(_ratio(np.diag(counts).astype(float), counts.sum(0))[_occurring(counts)].mean())


def _recall(counts: np.ndarray) -> float:
    return float(_ratio(np.diag(counts).astype(float), counts.sum(1))[_occurring(counts)].mean())


def _f1(counts: np.ndarray) -> float:
    return float(_ratio(2.0 * np.diag(counts), counts.sum(0) + counts.sum(1))[_occurring(counts)].mean())


def calibration_error(truth: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy, over bins of confidence (Guo et al., ICML 2017, section 2)."""
    predicted = probabilities.argmax(-1).ravel()
    sure = np.clip(probabilities.max(-1).ravel().astype(float), 0, 1)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    right = np.bincount(place, predicted == truth.ravel(), bins)
    return float(np.abs(right - np.bincount(place, sure, bins)).sum() / sure.size)


def _r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    spread = float(((truth - truth.mean(0)) ** 2).sum())
    return 1 - float(((truth - predicted) ** 2).sum()) / spread if spread else 0.0


COUNTED: dict[str, Callable[[np.ndarray], float]] = {
    "accuracy": _accuracy, "precision": _precision, "recall": _recall, "f1": _f1,
}  # fmt: skip
RESIDUAL: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "r2": _r2,
    "mean_squared_error": lambda truth, predicted: float(((truth - predicted) ** 2).mean()),
    "mean_absolute_error": lambda truth, predicted: float(np.abs(truth - predicted).mean()),
}
NAMES = (*COUNTED, "calibration_error", *RESIDUAL)
LARGER_IS_BETTER = {*COUNTED, "r2"}


def metric_names(given: str | Iterable[str] | None) -> tuple[str, ...]:
    names = () if given is None else tuple(given) if isinstance(given, list | tuple | set) else (given,)
    for name in names:
        if name not in NAMES:
            hint = did_you_mean(str(name), NAMES)
            raise SymgradError(f"{name!r} is no metric; they are {', '.join(NAMES)}. {hint}".rstrip())
    return names


def measure(names: Iterable[str], truth: np.ndarray, predicted: np.ndarray, labelled: bool) -> dict[str, float]:
    """The metrics `names` of predictions: scores of classes (one axis more than the labels), probabilities of class 1
    (0/1 targets of the same shape), or values."""
    found, counts = {}, None
    for name in names:
        if name in RESIDUAL:
            found[name] = RESIDUAL[name](np.asarray(truth, float), np.asarray(predicted, float))
            continue
        scores = predicted if labelled else np.stack([1 - predicted, predicted], -1)
        labels = np.asarray(truth).astype(np.int64)
        if name == "calibration_error":
            found[name] = calibration_error(labels, scores)
            continue
        if counts is None:
            counts = confusion_matrix(labels, scores.argmax(-1), scores.shape[-1])
        found[name] = COUNTED[name](counts)
    return found


def judge_of(
    result: Fit, held_out: Examples, names: tuple[str, ...] = (), feeds: Feeds = NOTHING
) -> Callable[[Moment], Judged]:
    """Loss, accuracy and metrics on the held-out examples, by a kernel with outputs pruned."""
    label, target = label_of(result), target_of(result)
    truth = held_out.arrays.get(label or target or "")
    _measurable(names, result, label, truth)
    predicted = result.prediction if label or (names and target) else None
    system = result.system.prune([n for n in (result.loss, predicted) if n])
    parameters = [name for name in result.parameters if name in system.tensors]
    feeds, numbers = feeds.elsewhere("validation ", system), np.arange(held_out.count)
    fixed = {n: a for n, a in held_out.arrays.items() if n in system.tensors} | feeds.at(numbers)
    runner = bind(system, fixed | _chosen(result.parameters, parameters), result.dtype, result.engine)

    def judge(moment: Moment) -> Judged:
        changing = feeds.at(numbers, moment) if feeds.schedules else {}
        values = runner(**_chosen(result.parameters, parameters), **changing)
        loss = float(values[result.loss])
        if predicted is None or truth is None:
            return Judged(loss, None, {})
        wanted = ("accuracy", *names) if label else names
        found = measure(dict.fromkeys(wanted), truth, np.asarray(values[predicted]), label is not None)
        return Judged(loss, found["accuracy"] if label else None, {n: found[n] for n in names})

    return judge


def _measurable(names: tuple[str, ...], result: Fit, label: str | None, truth: Any) -> None:
    """SymgradError for a metric that this program's prediction and targets do not have."""
    if names and truth is None:
        raise SymgradError(
            "metrics compare a prediction with its target: name it, sg.fit(..., prediction='p'); the target is a label "
            "that the prediction scores, or the only input of its shape."
        )
    for name in names:
        if label is not None and name in RESIDUAL:
            raise SymgradError(f"{name} is of values; {result.prediction} scores classes.")
        if label is None and name not in RESIDUAL and not np.isin(truth, (0, 1)).all():
            raise SymgradError(f"{name} is of classes; the target holds other values than 0 and 1.")


def _chosen(arrays: Arrays, names: list[str]) -> Arrays:
    return {name: arrays[name] for name in names}


def label_of(result: Fit) -> str | None:
    """The label that the prediction scores: one axis more than the label, of the label's range."""
    if result.prediction is None:
        return None
    predicted = result.system.tensors[result.prediction]
    labels = [t for t in result.system.prune([result.loss]).declared() if t.over is not None]
    fits = [t.name for t in labels if predicted.shape == (*t.shape, t.over)]
    return fits[0] if len(fits) == 1 else None


def target_of(result: Fit) -> str | None:
    """The input that the prediction is compared with: the only one of its shape that it does not read itself."""
    if result.prediction is None:
        return None
    read = {t.name for t in result.system.prune([result.prediction]).declared()}
    shape = result.system.tensors[result.prediction].shape
    inputs = result.system.prune([result.loss]).declared("input", "label")
    fits = [t.name for t in inputs if t.name not in read and t.shape == shape]
    return fits[0] if len(fits) == 1 else None
