"""`Fit`: what training returns. It predicts, and it is saved as plain arrays and JSON: loading executes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import calculus
from ..errors import DataError, ShapeError, UnknownNameError
from ..ir.system import System
from .data import Arrays, inputs_of, name_arrays, sizes_of
from .model import raw_system
from .step import Runner, bind

FORMAT = "symgrad fit 1"


class Epoch(NamedTuple):
    """One line of the history. Validation figures are None where there is no validation data (or no label)."""

    number: int
    loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


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
        path = Path(path)
        if path.suffix != ".npz":
            path = path.with_name(path.name + ".npz")
        meta = {
            "format": FORMAT,
            "loss": self.loss,
            "prediction": self.prediction,
            "history": [list(e) for e in self.history],
            "dtype": self.dtype,
            "seed": self.seed,
        }
        text = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez(file, meta=text, **{f"parameter.{n}": a for n, a in self.parameters.items()})
        return path

    @staticmethod
    def load(path: str | Path, program: Any) -> Fit:
        """The fit in `path`, for the program it was made from (a Program or text).

        Raises DataError where the file is not a saved fit, ShapeError where it holds another model's parameters.
        """
        return _load(Path(path), calculus.kernel_form(raw_system(program)))


def _load(path: Path, system: System) -> Fit:
    try:
        with np.load(path, allow_pickle=False) as file:
            meta = json.loads(bytes(file["meta"]).decode())
            parameters = {n.removeprefix("parameter."): file[n] for n in file.files if n != "meta"}
    except (ValueError, KeyError, OSError) as error:
        raise DataError(f"{path} is not a saved fit: {error}") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise DataError(f"{path} is not a saved fit of this version ({FORMAT!r}).")
    _same_parameters(system, parameters)
    history = [Epoch(*row) for row in meta["history"]]
    return Fit(system, meta["loss"], meta["prediction"], parameters, history, meta["dtype"], meta["seed"])


def _same_parameters(system: System, parameters: Mapping[str, np.ndarray]) -> None:
    expected = {t.name: t.rank for t in system.declared("parameter")}
    found = {name: a.ndim for name, a in parameters.items()}
    if expected != found:
        raise ShapeError(
            "the file holds the parameters of another model.\n"
            f"    file: {', '.join(f'{n} (rank {r})' for n, r in found.items())}\n"
            f"    program: {', '.join(f'{n} (rank {r})' for n, r in expected.items())}"
        )
