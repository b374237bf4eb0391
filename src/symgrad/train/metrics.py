"""How good a fit is on held-out examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .data import Arrays, Examples
from .fitted import Fit
from .step import bind


def judge_of(result: Fit, held_out: Examples) -> Callable[[], tuple[float, float | None]]:
    """Loss and accuracy on the held-out examples, by a kernel with outputs pruned."""
    label = label_of(result)
    outputs = (result.loss,) if label is None else (result.loss, result.prediction)
    system = result.system.prune([n for n in outputs if n])
    names = [name for name in result.parameters if name in system.tensors]
    runner = bind(system, held_out.arrays | _chosen(result.parameters, names), result.dtype, result.engine)

    def judge() -> tuple[float, float | None]:
        values = runner(**_chosen(result.parameters, names))
        if label is None:
            return float(values[result.loss]), None
        right = np.argmax(values[result.prediction], axis=-1) == held_out.arrays[label]
        return float(values[result.loss]), float(np.mean(right))

    return judge


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
