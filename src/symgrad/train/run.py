"""A training run, epoch by epoch: what a checkpoint holds, how it ends, and how it goes on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, SymgradError
from ..ir.system import System
from . import checkpoint as files
from . import passes
from .data import Arrays, Examples, Part, Update
from .diagnose import report
from .epoch import Epoch, Running
from .feeds import Moment
from .fitted import Fit
from .interrupt import interruptible
from .judge import Judged
from .stream import Stream
from .trainer import Trainer
from .watch import Watch

Callback = Callable[[Epoch, Fit], Any]
StepCallback = Callable[[Running, Fit], Any]
TOLD = "a callback returned True"


@dataclass
class Window:
    """The updates since the last call of the step callbacks."""

    total: float = 0.0
    count: int = 0
    began: float = field(default_factory=time.perf_counter)

    def add(self, update: passes.Done) -> None:
        self.total += update.loss * update.examples
        self.count += update.examples


@dataclass
class Run:
    """A training run between two epochs: all that a checkpoint holds."""

    result: Fit
    trainer: Trainer
    judge: Callable[[Moment], Judged] | None
    watch: Watch | None
    rng: np.random.Generator
    settings: dict[str, Any]
    model: System
    done: int = 0
    updates: int = 0
    every: int | None = None  # updates between two calls of the step callbacks
    steps: tuple[StepCallback, ...] = ()
    begun: tuple[Arrays, Any] = field(default_factory=lambda: ({}, None))

    def epochs(self, epochs: int, callbacks: Iterable[Callback], path: Path | None) -> None:
        with interruptible() as asked:
            try:
                while self.done < epochs and not self.result.stopped:
                    done, early = self.done, self.epoch(asked)
                    if self.done > done:
                        self.after(callbacks, path)
                    self.result.stopped = self.result.stopped or early
            except KeyboardInterrupt:
                self.result.stopped = "interrupted"
        if self.watch and self.watch.epoch:
            self.result.best_epoch = self.watch.epoch
            _copy(self.watch.parameters, self.result.parameters)

    def epoch(self, asked: Callable[[], bool]) -> str:
        """One pass over the examples; why the run ends with it or in the midst of it, if it does."""
        began, total, count, window, early = time.perf_counter(), 0.0, 0, Window(), ""
        self.begun = self.trainer.state(), self.rng.bit_generator.state
        batches = itertools.count(1)
        for made in passes.updates(self.trainer, self.rng, self.done, self.updates, self.every):
            for update in made:
                batch = next(batches)
                if not np.isfinite(update.loss):
                    raise DataError(self.diverged(update.loss, batch))
                total, count = total + update.loss * update.examples, count + update.examples
                window.add(update)
                self.updates += 1
            if self.every and self.updates % self.every == 0:
                early, window = self.told(window), Window()
            if asked() or (early and count != getattr(self.trainer.examples, "count", None)):
                _copy(self.trainer.state(), self.result.parameters)
                return early or "interrupted"
        _copy(self.trainer.state(), self.result.parameters)
        self.done += 1
        found = self.judge(Moment(0, max(self.updates - 1, 0))) if self.judge else Judged(None, None, {})
        seconds = time.perf_counter() - began
        self.result.history.append(Epoch(self.done, total / count, found.loss, found.accuracy, seconds, found.metrics))
        return early

    def told(self, window: Window) -> str:
        """The step callbacks are asked; why the run ends, if one of them says so."""
        _copy(self.trainer.state(), self.result.parameters)
        seconds = time.perf_counter() - window.began
        running = Running(self.updates, self.done + 1, window.total / window.count, seconds)
        return TOLD if True in [callback(running, self.result) for callback in self.steps] else ""

    def after(self, callbacks: Iterable[Callback], path: Path | None) -> None:
        """What follows an epoch: the best parameters are kept, the checkpoint is written, callbacks are asked."""
        last = self.result.history[-1]
        if self.watch and self.watch.see(last, self.result.parameters):
            self.result.stopped = f"no better {self.watch.monitor} for {self.watch.patience} epochs"
        if path is not None:
            self.save(path)
        answers = [callback(last, self.result) for callback in callbacks]
        if True in answers:
            self.result.stopped = self.result.stopped or TOLD

    def save(self, path: Path) -> None:
        meta = self.result.meta() | {
            "settings": self.settings, "done": self.done, "updates": self.updates,
            "order": self.rng.bit_generator.state, "stopped": self.result.stopped,
            "watch": self.watch.meta() if self.watch else None,
            "best_epoch": self.watch.epoch if self.watch else None,
        }  # fmt: skip
        arrays = files.prefixed("parameter", self.result.parameters) | files.prefixed("state", self.trainer.state())
        files.write(path, meta, arrays | files.prefixed("best", self.watch.parameters if self.watch else {}))

    def resume(self, path: Path, wanted: bool) -> None:
        """Go on from the checkpoint."""
        if not wanted:
            fix = "pass resume=True to go on from it (in a file: resume = true), or another checkpoint."
            raise SymgradError(f"{path} exists: {fix}")
        meta, arrays = files.read(path)
        files.same_run(path, meta.get("settings", {}), self.settings)
        self.trainer.restore(files.part(arrays, "state"))
        _copy(files.part(arrays, "parameter"), self.result.parameters)
        self.result.history[:] = [Epoch(*row) for row in meta["history"]]
        self.done, self.updates, self.rng.bit_generator.state = meta["done"], meta["updates"], meta["order"]
        if self.watch and meta["watch"]:
            self.watch.best, self.watch.epoch = meta["watch"]["best"], meta["watch"]["epoch"]
            self.watch.parameters = files.part(arrays, "best")
            if self.watch.patience is not None and self.done - self.watch.epoch >= self.watch.patience:
                self.result.stopped = meta["stopped"]

    def diverged(self, loss: float, failed: int) -> str:
        """The error's text. The step has overwritten the parameters that gave this loss: the epoch is run again up to
        the batch before."""
        place = f"epoch {self.done + 1}, batch {failed}"
        if not self.trainer.examples.again:
            return report(self.model, {}, loss, f"{place}, step {self.updates + 1}", self.result.dtype)
        state, order = self.begun
        self.trainer.restore(state)
        self.rng.bit_generator.state = order
        first, steps, found, rows = self.updates - failed + 1, 0, {}, {}
        for batch, update in enumerate(self.trainer.updates(self.rng), start=1):
            steps = batch
            if batch < failed:
                self.trainer.run(update, Moment(self.done, first + batch - 1))
            elif batch == failed:
                found, rows = self.seen(update)
        place = f"{place} of {steps}, step {self.updates + 1}"
        return report(self.model.prune([self.trainer.loss]), found, loss, place, self.result.dtype, rows)

    def seen(self, update: Update) -> tuple[Arrays, Arrays]:
        """All that the loss reads in an update, and the rows that the batched arrays are of the whole data."""
        examples, names = self.trainer.examples, self.model.prune([self.trainer.loss]).tensors
        parts = [(p.numbers, {n: _host(examples, n, p) for n in p.arrays}) for p in update.parts]
        arrays, numbers = examples.arrays | parts[0][1], np.concatenate([n for n, _ in parts])
        arrays |= {n: np.concatenate([a[n] for _, a in parts]) for n in examples.batched}
        arrays |= self.trainer.feeds.on_host().at(numbers, Moment(self.done, self.updates))
        values = self.trainer.state()
        arrays |= {n: values.get(n, a) for n, a in self.result.parameters.items()}
        return {n: a for n, a in arrays.items() if n in names}, dict.fromkeys(examples.batched, numbers)


def _host(examples: Examples | Stream, name: str, part: Part) -> np.ndarray:
    """A copy of what a part holds, of the examples' own arrays where the part lies on a GPU."""
    found = part.arrays[name]
    return np.array(found) if isinstance(found, np.ndarray) else examples.arrays[name][part.numbers]


def _copy(source: Mapping[str, np.ndarray], into: Arrays) -> None:
    for name, value in into.items():
        if name in source:
            value[...] = source[name]
