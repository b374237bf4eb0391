"""A fit as a folder that runs without symgrad: a Python module (NumPy and Numba), safetensors, a model card, a CLI."""

from __future__ import annotations

import json
import platform
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import typeset
from ..errors import DTypeError, ShapeError, SymgradError, UnknownNameError
from ..ir.system import System, Tensor
from ..kernels.export import standalone
from .arguments import by_name
from .data import inputs_of
from .deployed import frames, tensors
from .features import Preparation
from .files import path_of, whole_folder
from .fitted import Fit
from .targets import label_of

FORMAT = "symgrad model 1"
RUNTIME = ("tensors.py", "frames.py", "command.py")  # copied as they are

MODULE = '''"""{name}: a model trained and exported by symgrad {version}. It needs NumPy and Numba.

{equations}

    import {name}
    {name}.predict({example})    # {result}
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from . import kernel, tensors

FOLDER = Path(__file__).parent
ABOUT = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))
PARAMETERS = tensors.read(FOLDER / "parameters.safetensors")


def predict({arguments}) -> np.ndarray:
    """{result}, for {inputs}. ValueError says what is wrong with an array."""
    return kernel.evaluate({passed}, **PARAMETERS)["{prediction}"]
'''

MAIN = '''"""python -m {name} predict data.csv"""

from . import ABOUT, command_line

raise SystemExit(command_line(ABOUT))
'''

COMMAND = '''

def command_line(about, argv=None):
    """The exit code of `python -m {name} ...`."""
    from .command import main

    return main(about, predict, argv)
'''


def export(
    fit: Fit, folder: str | Path, columns: Sequence[str] | None = None, preparation: Preparation | None = None,
    classes: Iterable[Any] | None = None,
) -> Path:  # fmt: skip
    """Write the folder; see `Fit.export`."""
    folder = path_of("an export", folder)
    name = _name(folder)
    system = predicting(fit)
    text = standalone(system, fit.dtype, sizes_of_fit(fit, system))
    about = _about(fit, system, name, columns, preparation, classes)
    need_folder(folder)
    used = {t.name for t in system.declared("parameter")}
    parameters = {n: np.asarray(a) for n, a in fit.parameters.items() if n in used}
    with whole_folder(folder) as new:
        tensors.write(new / "parameters.safetensors", parameters, {"producer": f"symgrad {_version('symgrad')}"})
        _write(new / "model.json", json.dumps(about, indent=1))
        _write(new / "kernel.py", text)
        _write(new / "__init__.py", _module(fit, system, name) + COMMAND.format(name=name))
        _write(new / "__main__.py", MAIN.format(name=name))
        _write(new / "README.md", card(fit, about))
        for part in RUNTIME:
            shutil.copyfile(Path(tensors.__file__).with_name(part), new / part)
    return folder


def _name(folder: Path) -> str:
    name = folder.resolve().name
    if not name.isidentifier():
        raise SymgradError(f"the folder's name is the module's: {name!r} is none. Write to {folder.parent / 'model'}.")
    return name


def need_folder(folder: Path) -> None:
    """SymgradError where no model may be written: an earlier export is replaced, anything else is left alone."""
    _name(folder)
    if folder.exists() and not folder.is_dir():
        raise SymgradError(f"{folder} is a file, and an export is a folder. Choose another name.")
    if folder.exists() and any(folder.iterdir()):
        try:
            earlier = json.loads((folder / "model.json").read_text(encoding="utf-8"))["format"]
        except (OSError, ValueError, KeyError):
            earlier = None
        if earlier != FORMAT:
            raise SymgradError(f"{folder} exists and holds other files: nothing was written. Choose a new folder.")


def _write(path: Path, text: str) -> None:
    path.write_text(text.rstrip() + "\n", encoding="utf-8")


def predicting(fit: Fit) -> System:
    if fit.prediction is None:
        raise UnknownNameError("an exported model predicts: name the tensor, sg.fit(..., prediction='p').")
    return fit.system.prune([fit.prediction])


def sizes_of_fit(fit: Fit, system: System) -> dict:
    """Every size but that of the examples, as it was in training."""
    shapes = {n: np.shape(a) for n, a in fit.parameters.items()} | dict(fit.shapes)
    batch = fit.batch
    found = {}
    for tensor in system.declared():
        for extent, value in zip(tensor.shape, shapes.get(tensor.name, ())):
            if extent.is_Symbol and str(extent) != batch:
                found[extent] = int(value)
    return found


def _about(fit: Fit, system: System, name: str, columns, preparation: Preparation | None, classes) -> dict[str, Any]:
    """All that the folder's files say about the model, as JSON takes it."""
    inputs = inputs_of(system)
    plane = [t.name for t in inputs if t.rank == 2]
    if (columns or preparation) and len(plane) != 1:
        raise SymgradError(f"columns are those of one input of rank 2; there are {', '.join(plane) or 'none'}.")
    listed = described(preparation) if preparation else [{"name": str(c)} for c in columns or ()]
    width = sum(len(c.get("categories", "1")) for c in listed)
    given = fit.shapes.get(plane[0]) if plane else None
    if listed and given and width != given[1]:
        raise SymgradError(f"columns make {width} features; {plane[0]} has {given[1]}.")
    return {
        "format": FORMAT, "name": name, "prediction": fit.prediction, "loss": fit.loss, "dtype": fit.dtype,
        "inputs": {t.name: t.rank for t in inputs}, "integers": [t.name for t in inputs if t.dtype == "int"],
        "features": plane[0] if len(plane) == 1 else None, "columns": listed,
        "classes": _classes(fit, system, classes), "summary": dict(fit.summary),
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in ("symgrad", "numpy", "numba")},
    }  # fmt: skip


def _classes(fit: Fit, system: System, classes: Iterable[Any] | None) -> list | None:
    """What the columns of a prediction that scores classes are called."""
    if classes is not None:
        return [c.item() if isinstance(c, np.generic) else c for c in classes]
    label = label_of(fit)
    if label is None:
        return None
    parameters = {n: np.shape(a) for n, a in fit.parameters.items()}
    axis = system.tensors[fit.prediction].shape[-1]
    for tensor in system.declared("parameter"):
        for extent, value in zip(tensor.shape, parameters[tensor.name]):
            if extent == axis:
                return list(range(value))
    return None


def described(preparation: Preparation) -> list[dict[str, Any]]:
    """What was learnt from the training table, as plain data: shifts, scales, categories."""
    found: list[dict[str, Any]] = []
    scaler = preparation.scaler
    for place, name in enumerate(preparation.numbers):
        if scaler is None:
            found.append({"name": name})
        elif hasattr(scaler, "data_min_"):
            found.append({"name": name, "subtract": scaler.data_min_[place], "divide": 1 / scaler.scale_[place]})
        else:
            found.append({"name": name, "subtract": scaler.mean_[place], "divide": scaler.scale_[place]})
    for place, name in enumerate(preparation.words):
        found.append({"name": name, "categories": [str(c) for c in preparation.encoder.categories_[place]]})
    return [{n: float(v) if isinstance(v, np.floating) else v for n, v in c.items()} for c in found]


def _module(fit: Fit, system: System, name: str) -> str:
    names = [t.name for t in inputs_of(system)]
    result = _shaped(system.tensors[fit.prediction])
    return MODULE.format(
        name=name, version=_version("symgrad"), equations=textwrap.indent(equations(fit), "    "),
        example=", ".join(f"{n}=..." for n in names), result=result, arguments=", ".join(names),
        inputs=" and ".join(_shaped(t) for t in inputs_of(system)), passed=", ".join(f"{n}={n}" for n in names),
        prediction=fit.prediction,
    )  # fmt: skip


def _shaped(tensor: Tensor) -> str:
    return f"{tensor.name}[{', '.join(map(str, tensor.shape))}]" if tensor.rank else tensor.name


def equations(fit: Fit) -> str:
    """The model's equations, one for each line."""
    if fit.text:
        return fit.text.strip().replace('"""', "'''").replace("\\", "/")
    return "\n".join(typeset.text_equation(eq, fit.system) for eq in fit.system.equations)


def card(fit: Fit, about: Mapping[str, Any]) -> str:
    """The model card, in Markdown (Mitchell et al., Model cards for model reporting, FAT* 2019: what can be said)."""
    last = fit.history[-1].figures() if fit.history else {}
    best = next((e.figures() for e in fit.history if e.number == fit.best_epoch), last)
    versions = ", ".join(f"{n} {v}" for n, v in about["versions"].items())
    names = frames.feature_names(about)
    lines = [
        f"# {about['name']}", "",
        f"Trained and exported by symgrad {about['versions']['symgrad']}. Runs on NumPy and Numba.",
        "", "## Use", "", "```", f"python -m {about['name']} predict data.csv",
        f"python -m {about['name']} drift data.csv", "```", "", "## Model", "", "```", equations(fit), "```", "",
        "| parameter | shape |", "|---|---|",
        *(f"| {n} | {' x '.join(map(str, np.shape(a))) or 'a number'} |" for n, a in fit.parameters.items()),
        "", "## Training", "",
        f"Loss `{fit.loss}`, {len(fit.history)} epochs, seed {fit.seed}, {fit.dtype}"
        + (f", parameters of epoch {fit.best_epoch}" if fit.best_epoch else "") + ".", "",
        "| figure | value |", "|---|---|", *(f"| {n} | {v:.6g} |" for n, v in best.items()), "", "## Data", "",
        "| column | rows | mean | standard deviation | least | largest |", "|---|---|---|---|---|---|",
        *(f"| {n} | {c['rows']} | {c['mean']:.4g} | {c['sd']:.4g} | {c['least']:.4g} | {c['largest']:.4g} |"
          for n, c in ((names.get(n, n), c) for n, c in fit.summary.items())),
        "", "## Versions", "", versions,
    ]  # fmt: skip
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def drift(fit: Fit, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How far new data are from the training data; see `Fit.drift`."""
    arrays = {n: a if isinstance(a, np.memmap) else np.asarray(a) for n, a in by_name(data, "data").items()}
    for name, array in arrays.items():
        then = fit.shapes.get(name)
        if then is not None and (array.ndim != len(then) or array.shape[1:] != tuple(then[1:])):
            known = ", ".join(f"{n} {tuple(s)}" for n, s in fit.shapes.items())
            raise ShapeError(f"{name} has shape {array.shape}; the training data had {known}.")
        if array.dtype.kind not in "fiub" or not array.ndim:
            raise DTypeError(f"{name} must hold real numbers, but the array has dtype {array.dtype}.")
    try:
        return frames.drift(dict(fit.summary), arrays)
    except ValueError as error:
        raise SymgradError(str(error)) from None
