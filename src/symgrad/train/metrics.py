"""Metrics of predictions: programs of the library (`library.metrics`), compiled like a model. Here predictions and
targets are brought into the form that they read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from .. import calculus, notation
from ..errors import SymgradError, did_you_mean
from ..ir.system import System
from ..library.metrics import CLASSES, NAMES, OF_CLASSES, OF_VALUES, SIZES, VALUES
from .data import Arrays
from .step import bind


def metric_names(given: str | Iterable[str] | None, known: tuple[str, ...] = NAMES) -> tuple[str, ...]:
    names = () if given is None else tuple(given) if isinstance(given, list | tuple | set) else (given,)
    for name in names:
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise SymgradError(f"{name!r} is no metric; they are {', '.join(known)}. {hint}".rstrip())
    return names


@cache
def _program(text: str, names: tuple[str, ...]) -> System:
    """What the metrics `names` need of a program of the library."""
    return calculus.kernel_form(calculus.prepare(notation.parse(text, SIZES[text])).prune(list(names)))


def measure(
    names: Iterable[str], truth: np.ndarray, predicted: np.ndarray, labelled: bool, engine: str = "kernel"
) -> dict[str, Any]:
    """The metrics `names` of predictions: scores of classes (one axis more than the labels), probabilities of class 1
    (0/1 targets of the same shape), or values.

    >>> measure(["accuracy"], np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), True, "interpret")
    {'accuracy': 0.5}
    """
    names = tuple(names)
    found = _measured(CLASSES, tuple(n for n in OF_CLASSES if n in names), _scores(truth, predicted, labelled), engine)
    found |= _measured(VALUES, tuple(n for n in OF_VALUES if n in names), _values(truth, predicted), engine)
    return {n: found[n] for n in names}


def _measured(text: str, names: tuple[str, ...], arrays: Arrays, engine: str) -> dict[str, Any]:
    if not names:
        return {}
    system = _program(text, names)
    read = {n: a for n, a in arrays.items() if n in system.tensors}
    values = bind(system, read, "float64", "kernel" if engine == "cuda" else engine)()  # predictions are on the host
    return {n: np.array(v, int) if np.ndim(v) else float(v) for n, v in ((n, values[n]) for n in names)}


def _scores(truth: np.ndarray, predicted: np.ndarray, labelled: bool) -> Arrays:
    scores = predicted if labelled else np.stack([1 - predicted, predicted], -1)
    return {"s": scores.reshape(-1, scores.shape[-1]).astype(float), "y": np.ravel(truth).astype(np.int64)}


def _values(truth: np.ndarray, predicted: np.ndarray) -> Arrays:
    return {"t": _columns(truth), "p": _columns(predicted)}


def _columns(values: np.ndarray) -> np.ndarray:
    return np.reshape(np.asarray(values, float), (len(values), -1) if np.ndim(values) else (1, 1))
