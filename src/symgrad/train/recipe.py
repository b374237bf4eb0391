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
    every = 200                           # updates between two lines of progress

    [output]
    save = "iris.npz"                     # also: curve, export, tensorboard, checkpoint

Paths are relative to the file. `recipe(path)` is the call as data: running it is `sg.fit(**call.arguments)`.
"""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SymgradError, did_you_mean
from ..library import models, optimizers, schedules
from .curve import need_picture
from .data import inputs_of
from .export import need_folder
from .features import Preparation
from .fitted import Fit
from .loop import fit
from .model import raw_system
from .recipe_data import known, read_data, text_of

SECTIONS = ("model", "data", "optimizer", "schedules", "fit", "output")
OUTPUTS = ("save", "curve", "export", "tensorboard", "checkpoint")
ELSEWHERE = (
    "program", "data", "optimizer", "schedules", "callbacks", "step_callbacks", "checkpoint", "tensorboard", "start",
)  # fmt: skip
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
    known(path, "", table, SECTIONS)
    if "model" not in table or "data" not in table:
        raise SymgradError(f"{path}: {'model' if 'model' not in table else '[data]'} is missing.")
    text = _model(path, table["model"])
    made, followed = Recipe(path, {"program": text}), table.get("schedules", {})
    if not isinstance(followed, Mapping):
        raise SymgradError(f"{path}: schedules is a table: write [schedules].")
    read = read_data(path, table["data"], inputs_of(raw_system(text)), followed)
    made.arguments["data"], made.preparation, made.classes = read.arrays, read.preparation, read.classes
    made.arguments["optimizer"] = _optimizer(path, table.get("optimizer", {}))
    made.arguments["schedules"] = {n: _schedule(path, f"schedules.{n}", s) for n, s in followed.items()}
    known(path, "fit", table.get("fit", {}), OPTIONS)
    made.arguments |= table.get("fit", {})
    output = table.get("output", {})
    known(path, "output", output, OUTPUTS)
    made.output = {name: path.parent / text_of(path, f"output.{name}", value) for name, value in output.items()}
    made.arguments |= {n: p for n, p in made.output.items() if n in ("tensorboard", "checkpoint")}
    for name, target in made.output.items():
        _writable(path, name, target)
    return made


def _writable(path: Path, name: str, target: Path) -> None:
    """SymgradError now for what could not be written when the training is over."""
    if name == "export":
        need_folder(target)
    elif name == "curve":
        need_picture(target)
    existing = next(p for p in (target.absolute(), *target.absolute().parents) if p.exists())
    if not os.access(existing, os.W_OK):
        raise SymgradError(f"{path}: output.{name}: {existing} may not be written.")


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SymgradError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SymgradError(f"{path} is not TOML: {error}.") from None


def _model(path: Path, given: Any) -> str:
    """The model's text: itself, a file, or a model of the library."""
    if isinstance(given, Mapping):
        return _library(path, dict(given))
    if "\n" in text_of(path, "model", given):
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
