"""`Fit`: what training returns. It predicts, and it is saved as plain arrays and JSON: loading executes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import calculus
from ..errors import ShapeError, UnknownNameError
from ..ir.system import System
from . import checkpoint
from .data import Arrays, inputs_of, name_arrays, sizes_of
from .model import raw_system
from .step import Runner, bind


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


@dataclass
class Fit:
    """Trained parameters, and how they came about."""

    system: System                   # the kernel form of the model
    loss: str
    prediction: str | None
    parameters: Arrays
    history: list[Epoch] = field(default_factory=list)
    dtype: str = "float32"
    seed: int = 0
    engine: str = "kernel"
    best_epoch: int | None = None    # whose parameters these are, where a metric chose them
    stopped: str = ""                # why the training ended before the last epoch
    _runners: dict[str, Runner] = field(default_factory=dict, repr=False, compare=False)

    def predict(self, *data: Any, **arrays: Any) -> np.ndarray:
        """The `prediction` tensor for new inputs: positional in the order of declaration, or by name.

        Inputs that the prediction does not need (labels) are not asked for.
        """
        if self.prediction is None:
            raise UnknownNameError("this fit has no prediction: name the tensor, sg.fit(..., prediction='p').")
        return self.compute(self.prediction, data if data and not arrays else arrays)

    def compute(self, name: str, data: Any) -> np.ndarray:
        """Any tensor of the model at the trained parameters."""
        if name not in self.system.tensors:
            raise UnknownNameError(f"{name} is not a tensor of this model.")
        system = self.system.prune([name])
        inputs = name_arrays(inputs_of(system), data, self.dtype)
        needed = {t.name for t in system.declared("parameter")}
        arrays = inputs | {n: a for n, a in self.parameters.items() if n in needed}
        sizes_of(system, inputs)
        if name not in self._runners:
            self._runners[name] = bind(system, arrays, self.dtype, self.engine)
        return np.array(self._runners[name](**arrays)[name])

    def save(self, path: str | Path) -> Path:
        """Write `path` (.npz): the parameters as arrays, everything else as JSON text. No pickle."""
        return checkpoint.write(checkpoint.npz(path), self.meta(), checkpoint.prefixed("parameter", self.parameters))

    def meta(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON takes it."""
        return {
            "loss": self.loss,
            "prediction": self.prediction,
            "history": [list(e) for e in self.history],
            "dtype": self.dtype,
            "seed": self.seed,
            "best_epoch": self.best_epoch,
        }

    def table(self) -> str:
        """The history as text, a line for each epoch."""
        rows = [{"epoch": str(e.number)} | {n: f"{v:.6g}" for n, v in e.figures().items()} for e in self.history]
        names = list(dict.fromkeys(n for row in rows for n in row))
        widths = {n: max(len(n), *(len(row.get(n, "")) for row in rows)) for n in names}
        lines = ["  ".join(n.rjust(widths[n]) for n in names)]
        return "\n".join([*lines, *("  ".join(row.get(n, "").rjust(widths[n]) for n in names) for row in rows)])

    def to_pandas(self) -> Any:
        """The history as a pandas DataFrame, indexed by epoch."""
        import pandas  # noqa: PLC0415  (an extra)

        rows = [{"epoch": e.number, **e.figures(), "seconds": e.seconds} for e in self.history]
        return pandas.DataFrame(rows).set_index("epoch") if rows else pandas.DataFrame()

    def plot(self, path: str | Path, title: str = "") -> Path:
        """Write the loss curve; the suffix chooses the format (.png, .svg, .pdf)."""
        from .curve import save_curve  # noqa: PLC0415  (matplotlib is an extra)

        return save_curve([self.history], path, title)

    @staticmethod
    def load(path: str | Path, program: Any) -> Fit:
        """The fit in `path`, for the program it was made from (a Program or text).

        Raises DataError where the file is not a saved fit, ShapeError where it holds another model's parameters.
        """
        return _load(Path(path), calculus.kernel_form(raw_system(program)))


def _load(path: Path, system: System) -> Fit:
    meta, arrays = checkpoint.read(path)
    parameters = checkpoint.part(arrays, "best") or checkpoint.part(arrays, "parameter")
    _same_parameters(system, parameters)
    history = [Epoch(*row) for row in meta["history"]]
    loaded = Fit(system, meta["loss"], meta["prediction"], parameters, history, meta["dtype"], meta["seed"])
    return replace(loaded, best_epoch=meta["best_epoch"])


def _same_parameters(system: System, parameters: Mapping[str, np.ndarray]) -> None:
    expected = {t.name: t.rank for t in system.declared("parameter")}
    found = {name: a.ndim for name, a in parameters.items()}
    if expected != found:
        raise ShapeError(
            "the file holds the parameters of another model.\n"
            f"    file: {', '.join(f'{n} (rank {r})' for n, r in found.items())}\n"
            f"    program: {', '.join(f'{n} (rank {r})' for n, r in expected.items())}"
        )
