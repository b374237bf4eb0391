"""The section `[data]` of a training run in a TOML file: columns of a file as arrays for the inputs of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..errors import DataError, SymgradError, did_you_mean
from ..ir.system import Tensor
from .deployed.frames import read_csv
from .features import Preparation, prepare


@dataclass
class Read:
    """What was read: the arrays, how columns became features, and the words that became labels."""

    path: Path
    arrays: dict[str, Any] = field(default_factory=dict)
    preparation: Preparation | None = None
    classes: list[str] | None = None


def known(path: Path, section: str, table: Any, names: Iterable[str]) -> None:
    """SymgradError for an entry of the section that is none of `names`."""
    if not isinstance(table, Mapping):
        raise SymgradError(f"{path}: {section} is a table: write [{section}].")
    for name in table:
        if name not in names:
            place = f"[{section}] has no entry" if section else "there is no section"
            hint = did_you_mean(name, names)
            raise SymgradError(f"{path}: {place} {name}; there are {', '.join(names)}. {hint}".rstrip())


def text_of(path: Path, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise SymgradError(f"{path}: {name} is text in quotes, not {value!r}.")
    return value


def read_data(path: Path, given: Any, tensors: list[Tensor], optional: Iterable[str]) -> Read:
    """An array for each input that the section names. DataError says what is wrong with a file or a column."""
    names, made = [t.name for t in tensors], Read(path)
    known(path, "data", given, ("file", "scale", *names))
    needed = [t.name for t in tensors if t.role != "noise" and t.name not in optional]
    missing = [n for n in needed if n not in given]
    source = _source(path, given.get("file"))
    if missing and any(n not in source for n in missing):
        raise SymgradError(f"{path}: [data] does not say what {missing[0]} is: {missing[0]} = \"column\".")
    chosen = {n: given.get(n, n) for n in [*needed, *(n for n in names if n in given and n not in needed)]}
    made.arrays = {t.name: _array(made, t, chosen[t.name], source, given) for t in tensors if t.name in chosen}
    return made


def _source(path: Path, file: Any) -> Mapping[str, np.ndarray]:
    if file is None:
        return {}
    name = path.parent / text_of(path, "data.file", file)
    try:
        if name.suffix == ".npz":
            with np.load(name, allow_pickle=False) as arrays:
                return dict(arrays)
        if name.suffix == ".csv":
            return {n: _typed(column) for n, column in read_csv(name).items()}
    except OSError as error:
        raise DataError(f"{path}: data.file: {name} cannot be read: {error.strerror or error}.") from None
    except (ValueError, EOFError, BadZipFile) as error:
        raise DataError(f"{path}: data.file: {_unreadable(name, error)}") from None
    raise SymgradError(f"{path}: data.file is a .csv or an .npz file, not {name.name}.")


def _unreadable(file: Path, error: Exception) -> str:
    """What is wrong with a file of data; NumPy takes whatever is no array for a pickle."""
    return str(error) if file.suffix == ".csv" else f"{file} is no {file.suffix} file of arrays of numbers."


def _typed(column: np.ndarray) -> np.ndarray:
    """Text as numbers where all of it is numbers, or missing."""
    try:
        return np.array([float(text) if text else np.nan for text in column])
    except ValueError:
        return np.array([text or None for text in column], dtype=object)


def _array(made: Read, tensor: Tensor, given: Any, source: Mapping[str, np.ndarray], section: Mapping) -> np.ndarray:
    path = made.path
    if isinstance(given, int | float) and not isinstance(given, bool):
        return np.array(given)
    if isinstance(given, str) and given.endswith(".npy"):
        try:
            return np.load(path.parent / given, mmap_mode="r")
        except OSError as error:
            place = f"data.{tensor.name}: {given}"
            raise DataError(f"{path}: {place} cannot be read: {error.strerror or error}.") from None
        except (ValueError, EOFError) as error:
            raise DataError(f"{path}: data.{tensor.name}: {_unreadable(path.parent / given, error)}") from None
    columns = [given] if isinstance(given, str) else given
    if not (isinstance(columns, list) and columns and all(isinstance(c, str) for c in columns)):
        raise SymgradError(f"{path}: data.{tensor.name} is a column, a list of columns, a .npy file or a number.")
    for name in columns:
        if name not in source:
            hint = did_you_mean(name, source)
            held = f"it has {', '.join(source)}" if source else "there is none: file = \"data.csv\""
            raise SymgradError(f"{path}: data.{tensor.name}: the file has no {name}; {held}. {hint}".rstrip())
    if isinstance(given, list):
        return _features(made, columns, source, section.get("scale", "none"))
    return _whole(made, tensor, source[given])


def _features(made: Read, columns: list[str], source: Mapping[str, np.ndarray], scale: str) -> np.ndarray:
    if scale not in ("standard", "minmax", "none"):
        raise SymgradError(f'{made.path}: data.scale is "standard", "minmax" or "none", not {scale!r}.')
    array, made.preparation = prepare(source, columns, None if scale == "none" else scale)
    return array


def _whole(made: Read, tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """A column as the tensor takes it: labels are whole numbers, and words become them."""
    if tensor.dtype != "int" or values.dtype.kind in "iu":
        return values
    if values.dtype.kind == "f" and (values == np.floor(values)).all():
        return values.astype(np.int64)
    if values.dtype.kind == "O" and not any(v is None for v in values):
        found, labels = np.unique(values.astype(str), return_inverse=True)
        made.classes = found.tolist()
        return labels
    raise DataError(f"{made.path}: data.{tensor.name} holds labels: whole numbers or words, and none may be missing.")
