"""Which input a prediction is compared with."""

from __future__ import annotations

from .fitted import Fit


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
