"""How good a fit is on held-out examples: its loss, and metrics of its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..errors import SymgradError
from ..library.metrics import OF_CLASSES, OF_VALUES
from .data import Arrays, Examples
from .feeds import BEGIN, NOTHING, Feeds, Moment
from .fitted import Fit
from .metrics import measure, metric_names
from .sources import checked
from .step import bind
from .targets import label_of, target_of


class Judged(NamedTuple):
    """Figures of one evaluation."""

    loss: float | None
    accuracy: float | None
    metrics: dict[str, Any]


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
        wanted = dict.fromkeys(("accuracy", *names) if label else names)
        scores = np.asarray(values[predicted])
        _need_probabilities(names, result, scores, label is not None)
        found = measure(wanted, truth, scores, label is not None, result.engine)
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
        if label is not None and name in OF_VALUES:
            raise SymgradError(f"{name} is of values; {result.prediction} scores classes.")
        if label is None and name in OF_CLASSES and not np.isin(truth, (0, 1)).all():
            raise SymgradError(f"{name} is of classes; the target holds other values than 0 and 1.")


def _need_probabilities(names: tuple[str, ...], result: Fit, predicted: np.ndarray, labelled: bool) -> None:
    """SymgradError for scores that are no probabilities, where a metric takes them for such."""
    total = predicted.sum(-1) if labelled else None
    if labelled and "calibration_error" in names and not np.allclose(total, 1, atol=1e-3):
        raise SymgradError(
            f"calibration_error is of probabilities; {result.prediction} sums to {np.ravel(total)[0]:.3g} over the "
            "classes: make the softmax the prediction."
        )
    of_classes = next((n for n in names if n in OF_CLASSES), None)
    if not labelled and of_classes and not ((predicted >= 0) & (predicted <= 1)).all():
        raise SymgradError(
            f"{of_classes} of two classes is of probabilities; {result.prediction} lies between {predicted.min():.3g} "
            f"and {predicted.max():.3g}: make the sigmoid the prediction."
        )


def evaluate(fit: Fit, data: Any, metrics: str | Iterable[str] | None) -> dict[str, Any]:
    """Loss and metrics of a fit on data that hold the targets; see `Fit.evaluate`."""
    names = metric_names(metrics, (*OF_CLASSES, *OF_VALUES))
    system = fit.system.prune([fit.loss])
    examples = checked(system, data, fit.dtype)
    judged = judge_of(fit, examples, names, fit.feeds(system, examples.arrays | fit.parameters))(BEGIN)
    found = {"loss": judged.loss, "accuracy": judged.accuracy, **judged.metrics}
    return {name: value for name, value in found.items() if value is not None}


def _chosen(arrays: Arrays, names: list[str]) -> Arrays:
    return {name: arrays[name] for name in names}
