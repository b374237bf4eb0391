"""Watching a metric: the best epoch so far, its parameters, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import SymgradError, did_you_mean
from ..library.metrics import LARGER_IS_BETTER
from .epoch import Epoch


def value_of(epoch: Epoch, monitor: str) -> float:
    """A figure of the history by name; SymgradError names those that there are."""
    figures = epoch.figures()
    if monitor not in figures:
        hint = did_you_mean(monitor, figures)
        raise SymgradError(f"the history has no {monitor}; it has {', '.join(figures)}. {hint}".rstrip())
    return figures[monitor]


@dataclass
class Watch:
    """The best parameters by `monitor`; `waited` epochs have passed since."""

    monitor: str
    patience: int | None = None
    best: float = math.nan
    epoch: int = 0
    parameters: dict[str, np.ndarray] = field(default_factory=dict)

    def see(self, epoch: Epoch, parameters: Mapping[str, np.ndarray]) -> bool:
        """Note the epoch; True where patience has run out."""
        value = value_of(epoch, self.monitor)
        sign = -1 if self.monitor.removeprefix("validation_") in LARGER_IS_BETTER else 1
        if not self.epoch or sign * value < sign * self.best:
            self.best, self.epoch = value, epoch.number
            self.parameters = {n: np.array(a) for n, a in parameters.items()}
        return self.patience is not None and epoch.number - self.epoch >= self.patience

    def meta(self) -> dict[str, Any]:
        return {"monitor": self.monitor, "best": self.best, "epoch": self.epoch}
