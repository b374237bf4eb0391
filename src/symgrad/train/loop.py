"""The training loop. Each step is one call of a kernel that holds loss, gradient and update."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from .. import calculus
from ..errors import DataError, SymgradError
from ..ir.system import System
from ..kernels.checks import facts as check_facts
from ..library.optimizers import Optimizer
from . import checkpoint as files
from .arguments import batch_size_of, callbacks_of, optimizer_of, whole
from .data import (
    Arrays,
    Examples,
    examples_of,
    inputs_of,
    name_arrays,
    sizes_of,
    split_rows,
    take_rows,
)
from .data import (
    batch_size_of as size_of_examples,
)
from .fitted import Fit
from .initial import initial_parameters
from .metrics import judge_of, label_of, metric_names
from .model import loss_of, prediction_of, raw_system
from .progress import shown
from .run import Callback, Run
from .trainer import trainer_of
from .watch import Watch
from .weights import example_weights, weighted


def fit(
    program: Any,
    data: Any,
    loss: str | None = None,
    prediction: str | None = None,
    optimizer: Optimizer | str | None = None,
    epochs: int = 20,
    batch_size: int | None = 64,
    validation: Any = None,
    seed: int = 0,
    callbacks: Callback | Iterable[Callback] = (),
    start: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    engine: str = "kernel",
    progress: bool = False,
    metrics: str | Iterable[str] = (),
    monitor: str | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    accumulate: int = 1,
    class_weight: Any = None,
    sample_weight: Any = None,
) -> Fit:
    """Minimise the loss of `program` over its parameters, by the derived gradient.

    `data` is a tuple of arrays in the order in which the inputs are declared, or a dict by name. `loss` defaults to the
    only scalar output, `prediction` to the only other output. `validation` is a fraction to hold out, or data like
    `data`. `optimizer` is one of `sg.optimizers`, as in `adam(1e-3)`, or its name. `batch_size=None` uses all examples
    in every step. A callback gets each `Epoch` and the `Fit` so far, and stops the training by returning True. `start`
    gives parameters their first values.

    `metrics` names figures of the validation data for each epoch ("f1", "r2", ...: `metrics.NAMES`). With `monitor`
    ("validation_loss", "validation_f1", "loss", ...) the parameters returned are those of the best epoch; `patience`
    also stops after so many epochs without a better one. `accumulate` batches make one update. `class_weight`
    ("balanced" or a mapping) and `sample_weight` weigh the examples in the loss.

    `checkpoint` is a file (.npz), written whole after every epoch; with `resume=True` a run that was stopped at
    whatever moment goes on from there, bit for bit as if it had not been. Ctrl-C ends the run between two steps and
    returns the fit so far; the file holds the last whole epoch.

    Raises SymgradError for other arguments than these, DataError where the loss is not finite (it names epoch, batch
    and equation), ShapeError, DTypeError, IndexRangeError and UnknownNameError for data that do not fit the program.

    >>> from symgrad.library.optimizers import adam
    >>> x = np.linspace(0, 1, 32)
    >>> line = "x: input[n]\\ny: input[n]\\na, b: parameter\\nL = mean[n]((a*x[n] + b - y[n])**2)"
    >>> done = fit(line, (x, 3*x + 1), optimizer=adam(0.1), epochs=300, batch_size=None)
    >>> round(float(done.parameters["a"]), 2)
    3.0
    """
    optimizer, callbacks = optimizer_of(optimizer), callbacks_of(callbacks)
    epochs, seed, batch_size = whole("epochs", epochs, 0), whole("seed", seed, 0), batch_size_of(batch_size)
    accumulate, names = whole("accumulate", accumulate, 1), metric_names(metrics)
    model = raw_system(program)
    loss = loss_of(model, loss)
    prediction = prediction_of(model, prediction)
    split_seed, start_seed, order_seed = np.random.SeedSequence(seed).spawn(3)
    data = _weighed(model, loss, prediction, data, dtype, class_weight, sample_weight)
    training, held_out = _divide(data, validation, dtype, np.random.default_rng(split_seed))
    sizes = sizes_of(data.system, training.arrays)
    needed = model.prune([n for n in (loss, prediction) if n])
    parameters = initial_parameters(needed, sizes, start_seed, dtype, start)
    result = Fit(calculus.kernel_form(needed), loss, prediction, parameters, [], dtype, seed, engine)
    trainer = trainer_of(
        data.system, training, parameters, sizes, loss, optimizer, batch_size, accumulate, dtype, engine
    )
    judge = judge_of(result, held_out, names) if held_out else None
    if names and not judge:
        raise SymgradError("metrics are of validation data: pass validation=0.2, or data.")
    watch = _watch(monitor, patience, held_out is not None)
    if judge:
        judge()  # compiles now: no epoch waits for it
    settings = {
        "program": _digest(data.system, loss), "optimizer": [optimizer.text, dict(optimizer.values)], "seed": seed,
        "batch_size": batch_size, "accumulate": accumulate, "dtype": dtype, "monitor": watch and watch.monitor,
        "data": _digest_arrays(training.arrays), "validation": _digest_arrays(held_out.arrays if held_out else {}),
    }  # fmt: skip
    run = Run(result, trainer, judge, watch, np.random.default_rng(order_seed), settings, data.system)
    path = None if checkpoint is None else files.npz(checkpoint)
    if path is not None and path.exists():
        run.resume(path, resume)
    with trainer.threads, shown(epochs, progress) as show:
        run.epochs(epochs, (*callbacks, show), path)
    return result


@dataclass(frozen=True)
class Data:
    """The System whose loss is trained (with weights of examples where they are asked for), and its arrays, checked."""

    system: System
    plain: System
    examples: Examples
    weight: str = ""


def _weighed(model: System, loss: str, prediction: str | None, given, dtype: str, by_class, by_sample) -> Data:
    system = model.prune([loss])
    examples = checked(system, given, dtype)
    if examples.batched and examples.count == 0:
        raise DataError("the data hold no example.")
    label = label_of(Fit(model, loss, prediction, {}))
    weights = example_weights(examples.arrays, label, examples.count, by_class, by_sample)
    if weights is None:
        return Data(model, system, examples)
    size = size_of_examples(system, inputs_of(system))
    if size is None:
        raise SymgradError("this program cannot be cut into examples, so there is nothing to weigh.")
    model, name = weighted(model, loss, size)
    arrays = examples.arrays | {name: weights.astype(dtype)}
    return Data(model, system, Examples(arrays, (*examples.batched, name), examples.count), name)


def _divide(data: Data, validation, dtype: str, rng) -> tuple[Examples, Examples | None]:
    """The training examples and, where `validation` asks for them, those held out."""
    everything = data.examples
    if validation is None:
        return everything, None
    if not isinstance(validation, Real):
        return everything, checked(data.plain, validation, dtype)
    if not everything.batched:
        raise DataError("this program cannot be cut into examples: pass validation data instead of a fraction.")
    parts = split_rows(everything.count, float(validation), rng)
    held = take_rows(everything.arrays, everything.batched, parts[1])
    held.pop(data.weight, None)
    return replace(everything, count=len(parts[0]), rows=parts[0]), examples_of(data.plain, held)


def checked(system: System, data, dtype: str) -> Examples:
    """Named arrays whose dtypes, shapes, labels and facts have been looked at once, for all rows."""
    arrays = name_arrays(inputs_of(system), data, dtype)
    sizes_of(system, arrays)
    for name, array in arrays.items():
        check_facts(system.tensors[name], array)
    return examples_of(system, arrays)


def _watch(monitor: str | None, patience: int | None, held_out: bool) -> Watch | None:
    if patience is not None:
        whole("patience", patience, 1)
    if monitor is None and patience is None:
        return None
    return Watch(monitor or ("validation_loss" if held_out else "loss"), patience)


def _digest(system: System, loss: str) -> str:
    """What was trained: a hash of the equations."""
    equations = [(eq.tensor, eq.reduce, [str(t) for t in eq.terms]) for eq in system.prune([loss]).equations]
    return hashlib.sha256(repr(equations).encode()).hexdigest()[:16]


def _digest_arrays(arrays: Arrays) -> str:
    """What it was trained on: a hash of shapes, dtypes, and up to 64 rows of each array (data may be larger than
    memory)."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name}{array.shape}{array.dtype}".encode())
        rows = np.atleast_1d(array)
        picked = np.unique(np.linspace(0, max(len(rows) - 1, 0), 64).astype(int)) if len(rows) else np.zeros(0, int)
        found.update(np.ascontiguousarray(rows[picked]).tobytes())
    return found.hexdigest()[:16]
