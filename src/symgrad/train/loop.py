"""The training loop. Each step is one call of a kernel that holds loss, gradient and update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SymgradError
from ..library.optimizers import Optimizer
from . import checkpoint as files
from .arguments import batch_size_of, by_name, callbacks_of, dtype_of, engine_on, optimizer_of, step_callbacks_of, whole
from .data import Examples, examples_axis, sizes_of
from .deployed.frames import ROWS, summary
from .epoch import Epoch
from .events import events
from .feeds import BEGIN, described, feeds_of
from .fitted import Fit, evaluated
from .initial import initial_parameters
from .judge import Judged, judge_of
from .metrics import metric_names
from .model import loss_of, model_text, prediction_of, raw_system
from .progress import shown
from .run import Callback, Run, StepCallback
from .sources import data_of, digest, digest_arrays, divide, scheduled
from .trainer import trainer_of
from .watch import Watch, value_of


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
    schedules: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, float] | None = None,
    tensorboard: str | Path | None = None,
    device: str = "cpu",
    step_callbacks: StepCallback | Iterable[StepCallback] = (),
    every: int | None = None,
) -> Fit:
    """Minimise the loss of `program` over its parameters, by the derived gradient.

    `data` is a tuple of arrays in the order in which the inputs are declared, or a dict by name. `loss` defaults to the
    only scalar output, `prediction` to the only other output. `validation` is a fraction to hold out, or data like
    `data`. `optimizer` is one of `sg.optimizers`, as in `adam(1e-3)`, or its name. `batch_size=None` uses all examples
    in every step. A callback gets each `Epoch` and the `Fit` so far, and stops the training by returning True. `start`
    gives parameters their first values.

    Data may also come in batches: an iterator (one epoch), a function that returns one, or a loader that can be gone
    through again; its batches are the steps, and validation data are given as arrays.

    Noise that the data do not hold is drawn: each value is a function of seed, name, epoch and example, so that it does
    not depend on how the examples are cut into batches. `schedules` lets scalar inputs follow the step, as in
    `{"beta": sg.schedules.linear(0, 1, 500)}` for annealing. `evaluation` replaces inputs and noise by constants where
    the model is judged and predicts: `{"rate": 0}` turns dropout off.

    `metrics` names figures of the validation data for each epoch ("f1", "r2", ...: `metrics.NAMES`). With `monitor`
    ("validation_loss", "validation_f1", "loss", ...) the parameters returned are those of the best epoch; `patience`
    also stops after so many epochs without a better one. `accumulate` batches make one update. `class_weight`
    ("balanced" or a mapping) and `sample_weight` weigh the examples in the loss. `tensorboard` is a folder for event
    files.

    `checkpoint` is a file (.npz), written whole after every epoch; with `resume=True` a run that was stopped at
    whatever moment goes on from there, bit for bit as if it had not been. Ctrl-C ends the run between two steps and
    returns the fit so far; the file holds the last whole epoch.

    `step_callbacks` get a `Running` (number of updates, epoch, mean loss since the call before) and the `Fit`, whose
    parameters are copies of the present ones, after every `every` updates; between two calls the updates are made in
    compiled code, and their bits are the same with and without callbacks. True ends the run there, like Ctrl-C: the
    history and the checkpoint hold whole epochs. With `progress`, `every` also shows the loss so often.

    `device="cuda"` runs every step on a GPU: parameters, the optimiser's states and what is no batch stay there.

    Raises SymgradError for other arguments than these, DataError where the loss is not finite (it names epoch, batch
    and equation), ShapeError, DTypeError, IndexRangeError and UnknownNameError for data that do not fit the program.

    >>> from symgrad.library.optimizers import adam
    >>> x = np.linspace(0, 1, 32)
    >>> line = "x: input[n]\\ny: input[n]\\na, b: parameter\\nL = mean[n]((a*x[n] + b - y[n])**2)"
    >>> done = fit(line, (x, 3*x + 1), optimizer=adam(0.1), epochs=300, batch_size=None)
    >>> round(float(done.parameters["a"]), 2)
    3.0
    >>> seen = []
    >>> see = lambda step, fit: seen.append((step.number, step.epoch))
    >>> done = fit(line, (x, 3*x + 1), epochs=2, batch_size=8, every=3, step_callbacks=see)
    >>> seen
    [(3, 1), (6, 2)]
    """
    optimizer, callbacks = optimizer_of(optimizer), callbacks_of(callbacks)
    step_callbacks, every = step_callbacks_of(step_callbacks, every)
    epochs, seed, batch_size = whole("epochs", epochs, 0), whole("seed", seed, 0), batch_size_of(batch_size)
    engine, dtype, constants = engine_on(device, engine), dtype_of(dtype), by_name(evaluation, "evaluation")
    accumulate, names = whole("accumulate", accumulate, 1), metric_names(metrics)
    model = raw_system(program)
    loss = loss_of(model, loss)
    prediction = prediction_of(model, prediction)
    followed, data = scheduled(model.prune([loss]), schedules, data)
    optional = tuple(followed)
    split_seed, start_seed, order_seed = np.random.SeedSequence(seed).spawn(3)
    data = data_of(model, loss, prediction, data, dtype, optional, epochs, class_weight, sample_weight)
    training, held_out = divide(data, validation, dtype, optional, np.random.default_rng(split_seed))
    if isinstance(training, Examples):
        training = replace(training, batch_size=batch_size)
    sizes = sizes_of(data.system, training.arrays)
    needed = model.prune([n for n in (loss, prediction) if n])
    parameters = initial_parameters(needed, sizes, start_seed, dtype, start)
    result = Fit(evaluated(needed, constants), loss, prediction, parameters, [], dtype, seed, engine)
    result.evaluation, result.text = constants, model_text(program)
    size, bound = examples_axis(data.system, training.arrays), sizes_of(data.system, training.arrays | parameters)
    result.batch = "" if size is None else str(size)
    result.shapes = {n: a.shape for n, a in training.arrays.items() if n != data.weight}
    result.summary = summary({n: a for n, a in training.some(ROWS).items() if n != data.weight})
    feeds = feeds_of(data.system, training.arrays, bound, size, seed, dtype, engine, followed)
    trainer = trainer_of(data.system, training, feeds, parameters, sizes, loss, optimizer, accumulate, dtype, engine)
    judge = judge_of(result, held_out, names, feeds) if held_out else None
    if names and not judge:
        raise SymgradError("metrics are of validation data: pass validation=0.2, or data.")
    watch = _watch(monitor, patience, held_out is not None)
    judged = judge(BEGIN) if judge else Judged(None, None, {})  # compiles now: no epoch waits for it
    if watch:
        value_of(Epoch(0, 0.0, judged.loss, judged.accuracy, 0.0, judged.metrics), watch.monitor)
    settings = {
        "program": digest(data.system, loss), "optimizer": [optimizer.text, dict(optimizer.values)], "seed": seed,
        "batch_size": batch_size, "accumulate": accumulate, "dtype": dtype, "monitor": watch and watch.monitor,
        "schedules": described(schedules), "evaluation": constants,
        "data": digest_arrays(training.arrays) if isinstance(training, Examples) else "a stream",
        "validation": digest_arrays(held_out.arrays if held_out else {}),
    }  # fmt: skip
    run = Run(result, trainer, judge, watch, np.random.default_rng(order_seed), settings, data.system, every=every)
    path = None if checkpoint is None else files.npz(checkpoint)
    if path is not None and path.exists():
        run.resume(path, resume)
    with trainer.threads, shown(epochs, progress) as show, events(tensorboard) as record:
        run.steps = (*step_callbacks, show)
        run.epochs(epochs, (*callbacks, show, record), path)
    return result


def _watch(monitor: str | None, patience: int | None, held_out: bool) -> Watch | None:
    if patience is not None:
        whole("patience", patience, 1)
    if monitor is None and patience is None:
        return None
    return Watch(monitor or ("validation_loss" if held_out else "loss"), patience)
