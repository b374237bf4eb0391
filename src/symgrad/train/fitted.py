"""`Fit`: what training returns. It predicts, and it is saved as plain arrays and JSON: loading executes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import calculus, notation
from ..errors import ShapeError, UnknownNameError
from ..ir.system import System
from . import checkpoint, shown
from .data import Arrays, asked_of, examples_axis, name_arrays, sizes_of
from .epoch import Epoch
from .feeds import Feeds, feeds_of
from .model import raw_system
from .step import Runner, bind


@dataclass(repr=False)
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
    evaluation: Mapping[str, float] = field(default_factory=dict)  # inputs and noise that are constants in `system`
    text: str = ""                   # the model as its author wrote it
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of the training arrays
    batch: str = ""                  # the size that counts the examples
    summary: Mapping[str, Any] = field(default_factory=dict)  # of the training data, by column: moments, deciles
    _runners: dict[str, Runner] = field(default_factory=dict, repr=False, compare=False)

    def predict(self, *data: Any, **arrays: Any) -> np.ndarray:
        """The `prediction` tensor for new inputs: positional in the order of declaration, or by name.

        Inputs that the prediction does not need (labels) are not asked for. Noise is drawn where it is not passed.
        """
        if self.prediction is None:
            raise UnknownNameError("this fit has no prediction: name the tensor, sg.fit(..., prediction='p').")
        return self.compute(self.prediction, data if data and not arrays else arrays)

    def compute(self, name: str, data: Any) -> np.ndarray:
        """Any tensor of the model at the trained parameters."""
        if name not in self.system.tensors:
            raise UnknownNameError(f"{name} is not a tensor of this model.")
        system = self.system.prune([name])
        inputs = name_arrays(asked_of(system, data), data, self.dtype)
        needed = {t.name for t in system.declared("parameter")}
        arrays = inputs | {n: a for n, a in self.parameters.items() if n in needed}
        sizes_of(system, inputs)
        feeds = self.feeds(system, arrays)
        arrays |= feeds.at(np.arange(feeds.sizes[feeds.size] if feeds.size is not None else 1))
        if name not in self._runners:
            self._runners[name] = bind(system, arrays, self.dtype, self.engine)
        return np.array(self._runners[name](**arrays)[name])

    def evaluate(self, data: Any, metrics: str | Iterable[str] | None = None) -> dict[str, Any]:
        """Loss, and the metrics that are named ("accuracy", "precision", "recall", "f1", "calibration_error",
        "confusion_matrix" of classes; "r2", "mean_squared_error", "mean_absolute_error" of values), on other data.

        Each is a program of the library, compiled; a confusion matrix has a row for each true class.
        """
        from .judge import evaluate  # noqa: PLC0415  (it reads Fit)

        return evaluate(self, data, metrics)

    def feeds(self, system: System, arrays: Arrays, purpose: str = "prediction ") -> Feeds:
        """Noise that `system` reads and nobody gave, by the seed: the same in every call."""
        size, sizes = examples_axis(system, arrays), sizes_of(system, arrays)
        return feeds_of(system, arrays, sizes, size, self.seed, self.dtype, self.engine, purpose=purpose)

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
            "evaluation": dict(self.evaluation),
            "text": self.text,
            "shapes": {n: list(s) for n, s in self.shapes.items()},
            "batch": self.batch,
            "summary": dict(self.summary),
        }

    def __repr__(self) -> str:
        return shown.text(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the last figures, the parameters, the history."""
        return shown.html(self)

    def table(self) -> str:
        """The history as text, a line for each epoch."""
        return shown.table(self.history)

    def to_pandas(self) -> Any:
        """The history as a pandas DataFrame, indexed by epoch."""
        import pandas  # noqa: PLC0415  (an extra)

        rows = [{"epoch": e.number, **e.figures(), "seconds": e.seconds} for e in self.history]
        return pandas.DataFrame(rows).set_index("epoch") if rows else pandas.DataFrame()

    def plot(self, path: str | Path, title: str = "") -> Path:
        """Write the loss curve; the suffix chooses the format (.png, .svg, .pdf)."""
        from .curve import save_curve  # noqa: PLC0415  (matplotlib is an extra)

        return save_curve([self.history], path, title)

    def tensorboard(self, folder: str | Path) -> Path:
        """Write the history as a TensorBoard event file into `folder`; the file's path."""
        from .events import write_history  # noqa: PLC0415  (it reads Epoch)

        return write_history(self.history, folder)

    def export(
        self, folder: str | Path, columns: Sequence[str] | None = None, preparation: Any = None, classes: Any = None
    ) -> Path:
        """Write a folder that runs without symgrad: a Python module of NumPy and Numba with `predict`, the parameters
        in safetensors, a model card, and `python -m NAME predict data.csv`.

        `columns` names the features in a table, or `preparation` (of `sg.tables.prepare`) says how they are made of
        its columns; `classes` names what a prediction scores. Raises SymgradError where the folder holds other files,
        or the model computes an index from data.
        """
        from .export import export  # noqa: PLC0415  (it reads Fit)

        return export(self, folder, columns, preparation, classes)

    def to_onnx(self, path: str | Path) -> Path:
        """Write the prediction as an ONNX graph and, where onnxruntime is installed, compare it with the kernel.

        Raises SymgradError with the equation that has no ONNX operator.
        """
        from .onnx_export import to_onnx  # noqa: PLC0415

        return to_onnx(self, path)

    def drift(self, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        """How far new data are from the training data, the worst column first: the population stability index over
        the training deciles (`verdict`: small, moderate, large), the shift of the mean, what lies outside the range."""
        from .export import drift  # noqa: PLC0415

        return drift(self, data)

    @staticmethod
    def load(path: str | Path, program: Any) -> Fit:
        """The fit in `path`, for the program it was made from (a Program or text).

        Raises DataError where the file is not a saved fit, ShapeError where it holds another model's parameters.
        """
        return _load(checkpoint.npz(path), raw_system(program))


def evaluated(system: System, constants: Mapping[str, float]) -> System:
    """The kernel form of the model with inputs and noise replaced by constants, where it is judged and predicts."""
    return calculus.kernel_form(notation.at(system, **constants) if constants else system)


def _load(path: Path, raw: System) -> Fit:
    meta, arrays = checkpoint.read(path)
    constants = meta["evaluation"]
    system = evaluated(raw, constants)
    parameters = checkpoint.part(arrays, "best") or checkpoint.part(arrays, "parameter")
    _same_parameters(system, parameters)
    history = [Epoch(*row) for row in meta["history"]]
    loaded = Fit(system, meta["loss"], meta["prediction"], parameters, history, meta["dtype"], meta["seed"])
    about = {"text": meta["text"], "batch": meta["batch"], "summary": meta["summary"]}
    shapes = {n: tuple(s) for n, s in meta["shapes"].items()}
    return replace(loaded, best_epoch=meta["best_epoch"], evaluation=constants, shapes=shapes, **about)


def _same_parameters(system: System, parameters: Mapping[str, np.ndarray]) -> None:
    expected = {t.name: t.rank for t in system.declared("parameter")}
    found = {name: a.ndim for name, a in parameters.items()}
    if expected != found:
        raise ShapeError(
            "the file holds the parameters of another model.\n"
            f"    file: {', '.join(f'{n} (rank {r})' for n, r in found.items())}\n"
            f"    program: {', '.join(f'{n} (rank {r})' for n, r in expected.items())}"
        )
