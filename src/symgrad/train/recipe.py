"""A training run in a TOML file: model, data, optimiser, schedules, options of `sg.fit`, what to write.

    model = "model.txt"                   # a file, or the text itself; or [model] library = "mlp", layers = [4, 16, 3]

    [data]
    file = "iris.csv"                     # .csv, .npz; an entry may also name a .npy file (memory-mapped)
    X = ["width", "length"]               # the columns of each input; one name for one column
    y = "species"                         # words become labels
    scale = "standard"                    # standard, minmax or none, of lists of columns

    [optimizer]
    name = "adam"
    lr = 0.01
    clip_norm = 1.0
    schedule = { name = "cosine", T_max = 1000 }

    [schedules]                           # of scalar inputs
    beta = { name = "linear", start_factor = 0, end_factor = 1, total_iters = 500 }

    [fit]                                 # what sg.fit takes: epochs, batch_size, validation, seed, metrics, ...
    epochs = 20
    validation = 0.2

    [output]
    save = "iris.npz"                     # also: curve, export, tensorboard, checkpoint

Paths are relative to the file. `recipe(path)` is the call as data: running it is `sg.fit(**call.arguments)`.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..errors import DataError, SymgradError, did_you_mean
from ..ir.system import Tensor
from ..library import models, optimizers, schedules
from .data import inputs_of
from .deployed.frames import read_csv
from .fitted import Fit
from .loop import fit
from .model import raw_system
from .tables import Preparation, prepare

SECTIONS = ("model", "data", "optimizer", "schedules", "fit", "output")
OUTPUTS = ("save", "curve", "export", "tensorboard", "checkpoint")
ELSEWHERE = ("program", "data", "optimizer", "schedules", "callbacks", "checkpoint", "tensorboard", "start")
OPTIONS = tuple(n for n in inspect.signature(fit).parameters if n not in ELSEWHERE)


@dataclass
class Recipe:
    """A call of `sg.fit`, and where its results go."""

    path: Path
    arguments: dict[str, Any]
    output: dict[str, Path] = field(default_factory=dict)
    preparation: Preparation | None = None
    classes: list[str] | None = None

    def run(self, progress: bool = False) -> Fit:
        """Train, and write what `[output]` asks for."""
        done = fit(**self.arguments, progress=progress)
        if "save" in self.output:
            done.save(self.output["save"])
        if "curve" in self.output:
            done.plot(self.output["curve"])
        if "export" in self.output:
            done.export(self.output["export"], preparation=self.preparation, classes=self.classes)
        return done


def recipe(path: str | Path) -> Recipe:
    """Read the file. SymgradError says which entry is wrong, DataError what is wrong with the data."""
    path = Path(path)
    table = _parsed(path)
    _known(path, "", table, SECTIONS)
    if "model" not in table or "data" not in table:
        raise SymgradError(f"{path}: {'model' if 'model' not in table else '[data]'} is missing.")
    text = _model(path, table["model"])
    made, followed = Recipe(path, {"program": text}), table.get("schedules", {})
    if not isinstance(followed, Mapping):
        raise SymgradError(f"{path}: schedules is a table: write [schedules].")
    made.arguments["data"] = _data(made, table["data"], inputs_of(raw_system(text)), followed)
    made.arguments["optimizer"] = _optimizer(path, table.get("optimizer", {}))
    made.arguments["schedules"] = {n: _schedule(path, f"schedules.{n}", s) for n, s in followed.items()}
    _known(path, "fit", table.get("fit", {}), OPTIONS)
    made.arguments |= table.get("fit", {})
    output = table.get("output", {})
    _known(path, "output", output, OUTPUTS)
    made.output = {name: path.parent / _text(path, f"output.{name}", value) for name, value in output.items()}
    made.arguments |= {n: p for n, p in made.output.items() if n in ("tensorboard", "checkpoint")}
    return made


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SymgradError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SymgradError(f"{path} is not TOML: {error}.") from None


def _known(path: Path, section: str, table: Any, names: Iterable[str]) -> None:
    if not isinstance(table, Mapping):
        raise SymgradError(f"{path}: {section} is a table: write [{section}].")
    for name in table:
        if name not in names:
            place = f"[{section}] has no entry" if section else "there is no section"
            hint = did_you_mean(name, names)
            raise SymgradError(f"{path}: {place} {name}; there are {', '.join(names)}. {hint}".rstrip())


def _text(path: Path, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise SymgradError(f"{path}: {name} is text in quotes, not {value!r}.")
    return value


def _model(path: Path, given: Any) -> str:
    """The model's text: itself, a file, or a model of the library."""
    if isinstance(given, Mapping):
        return _library(path, dict(given))
    if "\n" in _text(path, "model", given):
        return given
    file = path.parent / given
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SymgradError(f"{path}: model = {given!r}: {file} cannot be read: {error.strerror or error}.") from None


def _library(path: Path, given: dict[str, Any]) -> str:
    name, layers = given.pop("library", None), given.pop("layers", [])
    if not isinstance(layers, list):
        raise SymgradError(f"{path}: [model] layers is a list of sizes, as in [4, 16, 3]; not {layers!r}.")
    functions = {n: f for n, f in vars(models).items() if inspect.isfunction(f) and f.__module__ == models.__name__}
    known = [n for n in functions if not n.startswith("_")]
    if name not in known:
        hint = did_you_mean(str(name), known)
        raise SymgradError(f"{path}: [model] library = {name!r}; there are {', '.join(known)}. {hint}".rstrip())
    return _called(path, "model", getattr(models, name), layers, given)


def _called(path: Path, section: str, function: Any, positional: list, named: dict[str, Any]) -> Any:
    """`function(*positional, **named)`, with the section in the error where it does not take these."""
    try:
        inspect.signature(function).bind(*positional, **named)
    except TypeError as error:
        takes = ", ".join(inspect.signature(function).parameters)
        raise SymgradError(f"{path}: [{section}] {function.__name__}: {error}; it takes {takes}.") from None
    return function(*positional, **named)


def _optimizer(path: Path, given: Any) -> Any:
    if not isinstance(given, Mapping):
        raise SymgradError(f'{path}: optimizer is a table: [optimizer], name = "adam".')
    given = dict(given)
    name, schedule = given.pop("name", "adam"), given.pop("schedule", None)
    clip = {n: given.pop(n) for n in ("clip_value", "clip_norm") if n in given}
    if name not in optimizers.NAMES:
        hint = did_you_mean(str(name), optimizers.NAMES)
        known = ", ".join(optimizers.NAMES)
        raise SymgradError(f"{path}: there is no optimizer {name!r}; there are {known}. {hint}".rstrip())
    made = _called(path, "optimizer", getattr(optimizers, name), [], given)
    for kind, value in clip.items():
        made = getattr(made, kind)(value)
    return made if schedule is None else made.scheduled(_schedule(path, "optimizer.schedule", schedule))


def _schedule(path: Path, place: str, given: Any) -> Any:
    given = dict(given) if isinstance(given, Mapping) else {"name": given}
    name = given.pop("name", None)
    if name not in schedules.NAMES:
        hint = did_you_mean(str(name), schedules.NAMES)
        known = ", ".join(schedules.NAMES)
        raise SymgradError(f"{path}: {place}: no schedule {name!r}; there are {known}. {hint}".rstrip())
    return _called(path, place, getattr(schedules, name), [], given)


# data


def _data(made: Recipe, given: Any, tensors: list[Tensor], optional: Iterable[str]) -> dict[str, Any]:
    """An array for each input that the file names."""
    path, names = made.path, [t.name for t in tensors]
    _known(path, "data", given, ("file", "scale", *names))
    needed = [t.name for t in tensors if t.role != "noise" and t.name not in optional]
    missing = [n for n in needed if n not in given]
    source = _source(path, given.get("file"))
    if missing and any(n not in source for n in missing):
        raise SymgradError(f"{path}: [data] does not say what {missing[0]} is: {missing[0]} = \"column\".")
    chosen = {n: given.get(n, n) for n in [*needed, *(n for n in names if n in given and n not in needed)]}
    return {t.name: _array(made, t, chosen[t.name], source, given) for t in tensors if t.name in chosen}


def _source(path: Path, file: Any) -> Mapping[str, np.ndarray]:
    if file is None:
        return {}
    name = path.parent / _text(path, "data.file", file)
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


def _array(made: Recipe, tensor: Tensor, given: Any, source: Mapping[str, np.ndarray], section: Mapping) -> np.ndarray:
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


def _features(made: Recipe, columns: list[str], source: Mapping[str, np.ndarray], scale: str) -> np.ndarray:
    if scale not in ("standard", "minmax", "none"):
        raise SymgradError(f'{made.path}: data.scale is "standard", "minmax" or "none", not {scale!r}.')
    array, made.preparation = prepare(source, columns, None if scale == "none" else scale)
    return array


def _whole(made: Recipe, tensor: Tensor, values: np.ndarray) -> np.ndarray:
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
