"""Where a loss stopped being a number: the equation, the cell, the step and the batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import DataError, SymgradError, explain
from ..ir.bounds import cell_text
from ..ir.interpret import interpret
from ..ir.system import System
from .data import Arrays


def first_broken(model: System, arrays: Arrays, dtype: str) -> tuple[str, str]:
    """The first equation of the model that gives a value that is not finite in `dtype`, with the cell; else nothing."""
    largest = np.finfo(dtype).max
    names = [eq.tensor for eq in model.equations if model.tensors[eq.tensor].dtype == "float"]
    try:
        with np.errstate(all="ignore"):
            values = interpret(model, arrays, outputs=tuple(names))
    except SymgradError:
        return "", ""
    for eq in model.equations:
        if eq.tensor not in values:
            continue
        found = values[eq.tensor]
        bad = np.argwhere(~(np.abs(found) <= largest))
        if len(bad):
            cell = ",".join(map(str, bad[0]))
            value = found[tuple(bad[0])]
            shown = f"{eq.tensor}[{cell}]" if cell else eq.tensor
            return eq.source, f"{shown} is {value:.3g}" + ("" if not np.isfinite(value) else f", too large for {dtype}")
    return "", ""


def need_finite(arrays: Arrays) -> None:
    """DataError for an array that is empty or holds a value that is not finite."""
    for name, array in arrays.items():
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            cell = cell_text(name, tuple(map(int, bad[0])))
            raise DataError(f"{cell} is {array[tuple(bad[0])]}: clean the data, or leave that observation out.")
        if np.ndim(array) and len(array) == 0:
            raise DataError(f"{name} has shape {array.shape}: the data hold no example.")


def need_finite_start(model: System, arrays: Arrays, output: str) -> None:
    """DataError with the equation that makes `output` not finite at these first values."""
    source, cell = first_broken(model, arrays, "float64")
    fix = "Begin where it is a number: start={...}."
    raise DataError(explain(f"{output} is not finite at the start: {cell or output}.", source, fix=fix))


def _hole(arrays: Arrays, name: str, rows: Mapping[str, np.ndarray] | None) -> str:
    """The first cell that is not finite, as it is numbered in the whole data."""
    bad = np.argwhere(~np.isfinite(arrays[name]))[0].tolist()
    value = arrays[name][tuple(bad)]
    if rows and name in rows:
        bad[0] = int(rows[name][bad[0]])
    return f"{cell_text(name, tuple(bad))} is {value}"


def report(
    model: System, arrays: Arrays, loss: float, place: str, dtype: str, rows: Mapping[str, np.ndarray] | None = None
) -> str:
    """The error's text: what, where, the equation, what to do. `rows` are those of the whole data, by name."""
    broken = [n for n, a in arrays.items() if a.dtype.kind == "f" and not np.isfinite(a).all()]
    inputs = [n for n in broken if model.tensors[n].role != "parameter"] if broken else []
    source, cell = first_broken(model, arrays, dtype)
    if inputs:
        hole = _hole(arrays, inputs[0], rows)
        fix = f"{', '.join(inputs)} holds values that are not finite ({hole}): clean the data."
    elif broken:
        fix = f"{', '.join(broken)} overflowed in the step before. Lower the learning rate, or scale the data."
    else:
        fix = "Lower the learning rate, or scale the data."
    what = f" The first value that is not finite: {cell}." if cell else ""
    return explain(f"the loss is {loss} in {place}.{what}", source, fix=fix)
