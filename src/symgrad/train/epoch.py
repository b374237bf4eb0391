"""What callbacks get: one line of the history of a training run, or the run between two updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Epoch(NamedTuple):
    """One line of the history. Validation figures are None where there is no validation data (or no label)."""

    number: int
    loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float
    metrics: Mapping[str, float] = {}  # those that were asked for, on the validation data

    def figures(self) -> dict[str, float]:
        """What there is, by name: loss, validation_loss, validation_accuracy, validation_f1, ..."""
        found = {"loss": self.loss, "validation_loss": self.validation_loss}
        found |= {"validation_accuracy": self.validation_accuracy}
        found |= {f"validation_{name}": value for name, value in self.metrics.items()}
        return {name: value for name, value in found.items() if value is not None}


class Running(NamedTuple):
    """The run after `number` updates, in the middle of an epoch (numbered from 1)."""

    number: int
    epoch: int
    loss: float  # the mean over the examples since the call before, or since the epoch began
    seconds: float  # since then
