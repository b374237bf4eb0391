"""The training loop. Each step is one call of a kernel that holds loss, gradient and update."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .. import calculus
from ..errors import DataError, explain
from ..ir.access import Size
from ..ir.sizes import bind_shapes
from ..ir.system import System
from ..kernels.checks import facts as check_facts
from ..library.optimizers import Optimizer
from .arguments import batch_size_of, callbacks_of, optimizer_of, whole
from .data import (
    Arrays,
    Examples,
    batches,
    examples_of,
    inputs_of,
    name_arrays,
    shape_of,
    sizes_of,
    split_rows,
    take_rows,
)
from .fitted import Epoch, Fit
from .initial import initial_parameters
from .metrics import judge_of
from .model import loss_of, prediction_of, raw_system, training_system
from .progress import shown
from .step import Runner, bind
from .threads import blas_threads

Callback = Callable[[Epoch, Fit], Any]


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
) -> Fit:
    """Minimise the loss of `program` over its parameters, by the derived gradient.

    `data` is a tuple of arrays in the order in which the inputs are declared, or a dict by name. `loss` defaults to the
    only scalar output, `prediction` to the only other output. `validation` is a fraction to hold out, or data like
    `data`. `optimizer` is one of `sg.optimizers`, as in `adam(1e-3)`, or its name. `batch_size=None` uses all examples
    in every step. A callback gets each `Epoch` and the `Fit` so far, and stops the training by returning True. `start`
    gives parameters their first values.

    Raises SymgradError for other arguments than these, DataError where the loss is not finite (it names epoch and
    batch), ShapeError, DTypeError, IndexRangeError and UnknownNameError for data that do not fit the program.

    >>> from symgrad.library.optimizers import adam
    >>> x = np.linspace(0, 1, 32)
    >>> line = "x: input[n]\\ny: input[n]\\na, b: parameter\\nL = mean[n]((a*x[n] + b - y[n])**2)"
    >>> done = fit(line, (x, 3*x + 1), optimizer=adam(0.1), epochs=300, batch_size=None)
    >>> round(float(done.parameters["a"]), 2)
    3.0
    """
    optimizer, callbacks = optimizer_of(optimizer), callbacks_of(callbacks)
    epochs, seed, batch_size = whole("epochs", epochs, 0), whole("seed", seed, 0), batch_size_of(batch_size)
    model = raw_system(program)
    loss = loss_of(model, loss)
    prediction = prediction_of(model, prediction)
    split_seed, start_seed, order_seed = np.random.SeedSequence(seed).spawn(3)
    training, held_out = _divide(model, loss, data, validation, dtype, np.random.default_rng(split_seed))
    sizes = sizes_of(model, training.arrays)
    needed = model.prune([n for n in (loss, prediction) if n])
    parameters = initial_parameters(needed, sizes, start_seed, dtype, start)
    result = Fit(calculus.kernel_form(needed), loss, prediction, parameters, [], dtype, seed, engine)
    trainer = _trainer(model, training, parameters, sizes, loss, optimizer, batch_size, dtype, engine)
    judge = judge_of(result, held_out) if held_out else None
    if judge:
        judge()  # compiles now: no epoch waits for it
    with trainer.threads, shown(epochs, progress) as show:
        _epochs(result, trainer, judge, epochs, np.random.default_rng(order_seed), (*callbacks, show))
    return result


def _divide(model: System, loss: str, data, validation, dtype: str, rng) -> tuple[Examples, Examples | None]:
    """The training examples and, where `validation` asks for them, those held out."""
    system = model.prune([loss])
    everything = _checked(system, data, dtype)
    if everything.batched and everything.count == 0:
        raise DataError("the data hold no example.")
    if validation is None:
        return everything, None
    if not isinstance(validation, Real):
        return everything, _checked(system, validation, dtype)
    if not everything.batched:
        raise DataError("this program cannot be cut into examples: pass validation data instead of a fraction.")
    parts = split_rows(everything.count, float(validation), rng)
    train, held = (take_rows(everything.arrays, everything.batched, rows) for rows in parts)
    return examples_of(system, train), examples_of(system, held)


def _checked(system: System, data, dtype: str) -> Examples:
    """Named arrays whose dtypes, shapes, labels and facts have been looked at once, for all rows."""
    arrays = name_arrays(inputs_of(system), data, dtype)
    sizes_of(system, arrays)
    for name, array in arrays.items():
        check_facts(system.tensors[name], array)
    return examples_of(system, arrays)


@dataclass(frozen=True)
class Trainer:
    """The compiled step, and buffers for each number of rows that occurs (a full batch, the last one)."""

    examples: Examples
    batch_size: int
    runner: Runner
    buffers: Mapping[int, Arrays]
    loss: str
    threads: AbstractContextManager

    def run(self, rows: np.ndarray) -> float:
        """One step on the examples `rows`; the loss before it."""
        batch = self.examples.gather(rows, self.buffers[len(rows)])
        return float(self.runner.step(**batch)[self.loss])


def _trainer(model, examples: Examples, parameters, sizes, loss, optimizer, batch_size, dtype, engine) -> Trainer:
    training = training_system(model, loss, optimizer)
    system = training.system
    size = examples.count if batch_size is None or not examples.batched else min(batch_size, examples.count)
    fixed = {n: a for n, a in examples.arrays.items() if n not in examples.batched}
    fixed |= {n: a for n, a in parameters.items() if n in system.tensors}
    fixed |= {training.shared[n]: np.array(v, dtype) for n, v in optimizer.values.items()}
    fixed |= _states(system, sizes, dtype, fixed)
    buffers = {rows: examples.buffers(rows) for rows in {size, examples.count % size or size}}
    first = examples.gather(np.arange(size), buffers[size])
    runner = bind(system, fixed | first, dtype, engine)
    batch_sizes = bind_shapes(system, {name: a.shape for name, a in (fixed | first).items()})
    return Trainer(examples, size, runner, buffers, loss, blas_threads(system, batch_sizes))


def _states(system: System, sizes: Mapping[Size, int], dtype: str, given: Arrays) -> Arrays:
    return {t.name: np.zeros(shape_of(t, sizes), dtype) for t in system.declared("state") if t.name not in given}


def _epochs(result: Fit, trainer: Trainer, judge, epochs: int, rng, callbacks: Iterable[Callback]) -> None:
    for number in range(1, epochs + 1):
        begun = time.perf_counter()
        loss = _one_epoch(trainer, number, rng)
        for name, value in result.parameters.items():
            value[...] = trainer.runner[name]
        validation = judge() if judge else (None, None)
        result.history.append(Epoch(number, loss, *validation, time.perf_counter() - begun))
        answers = [callback(result.history[-1], result) for callback in callbacks]
        if True in answers:
            return


def _one_epoch(trainer: Trainer, number: int, rng: np.random.Generator) -> float:
    """The mean loss of the epoch's examples."""
    total, count = 0.0, trainer.examples.count
    for batch, rows in enumerate(batches(count, trainer.batch_size, rng), start=1):
        loss = trainer.run(rows)
        if not np.isfinite(loss):
            raise DataError(_diverged(trainer, loss, number, batch))
        total += loss * len(rows)
    return total / count


def _diverged(trainer: Trainer, loss: float, epoch: int, batch: int) -> str:
    number = -(-trainer.examples.count // trainer.batch_size)
    broken = [n for n, a in trainer.examples.arrays.items() if a.dtype.kind == "f" and not np.isfinite(a).all()]
    fix = (
        f"{', '.join(broken)} holds values that are not finite: clean the data."
        if broken
        else "Lower the learning rate, or scale the data."
    )
    return explain(f"the loss is {loss} in epoch {epoch}, batch {batch} of {number}.", fix=fix)
