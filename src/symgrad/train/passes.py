"""One pass over the examples, update by update or many updates in one compiled call. Both give the same bits.

Updates are compiled together where one kernel holds loss, gradient and update (no accumulation), on a CPU, with arrays
in memory. Everything else (loaders, mapped files, the interpreter, a GPU) goes update by update.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np

from ..kernels import Bound, Rows
from .data import Examples
from .feeds import Moment
from .mapped import mapping
from .trainer import Trainer

PATIENCE = 0.1  # seconds of one compiled call: Ctrl-C is answered between two
MOST = 2**26  # bytes of noise that are drawn at once


class Done(NamedTuple):
    """An update that has been made: the loss before it, and over how many examples."""

    loss: float
    examples: int


def updates(
    trainer: Trainer, rng: np.random.Generator, epoch: int, first: int, every: int | None = None
) -> Iterator[list[Done]]:
    """The updates of an epoch in the order in which they are made, as many at a time as one call makes. `first` is the
    number of updates before. No call goes beyond an update whose number is a multiple of `every`."""
    if not together(trainer):
        number = count(first)
        for update in trainer.updates(rng):
            yield [Done(trainer.run(update, Moment(epoch, next(number))), update.count)]
        return
    examples = trainer.examples
    assert isinstance(examples, Examples)
    order = rng.permutation(examples.count)
    size = min(examples.batch_size or examples.count, examples.count)
    full = examples.count // size * size
    for part in (order[:full].reshape(-1, size), order[full:].reshape(1, -1)):
        if part.size:
            yield from _calls(trainer, part, epoch, first, every)
            first += len(part)


def together(trainer: Trainer) -> bool:
    """Can several updates be made in one compiled call?"""
    examples, feeds = trainer.examples, trainer.feeds
    if trainer.collect is not None or not isinstance(trainer.apply, Bound) or not isinstance(examples, Examples):
        return False
    first = all(list(t.shape).count(feeds.size) == 0 or t.shape[0] == feeds.size for t in feeds.noise)
    return bool(examples.batched) and first and all(mapping(examples.arrays[n]) is None for n in examples.batched)


def _calls(
    trainer: Trainer, rows: np.ndarray, epoch: int, first: int, every: int | None
) -> Iterator[list[Done]]:
    """The updates on these rows (of one length), in calls that take about `PATIENCE`."""
    at, some, size = 0, 1, rows.shape[1]
    most = max(1, MOST // max(1, _noise(trainer, rows[:1], epoch, first)))
    while at < len(rows):
        count = some if every is None else min(some, every - (first + at) % every)
        taken = _taken(trainer, rows[at : at + count], epoch, first + at)
        began = time.perf_counter()
        losses = trainer.apply.steps(trainer.loss, taken)
        spent = time.perf_counter() - began
        yield [Done(float(loss), size) for loss in losses]
        at += count
        some = min(most, 4 * some, max(1, int(count * PATIENCE / max(spent, 1e-6))))


def _noise(trainer: Trainer, rows: np.ndarray, epoch: int, first: int) -> int:
    """The bytes of noise of one update."""
    return sum(a.nbytes for a in trainer.feeds.at(trainer.examples.numbers(rows[0]), Moment(epoch, first)).values())


def _taken(trainer: Trainer, rows: np.ndarray, epoch: int, first: int) -> dict[str, Rows]:
    """What changes from update to update: batches, the noise of their examples, noise and scalars of the update."""
    examples, feeds = trainer.examples, trainer.feeds
    numbers = examples.numbers(rows)
    found = {n: Rows(examples.arrays[n], numbers) for n in examples.batched}
    own = {t.name for t in feeds.noise if feeds.size in t.shape}
    if own:
        drawn = feeds.at(numbers.reshape(-1), Moment(epoch, first))
        found |= {n: Rows(drawn[n], np.arange(rows.size).reshape(rows.shape)) for n in own}
    if len(feeds.noise) > len(own) or feeds.schedules:
        each = [feeds.at(n, Moment(epoch, first + i)) for i, n in enumerate(numbers)]
        found |= {n: Rows(np.stack([e[n] for e in each]), np.arange(len(rows))) for n in each[0] if n not in own}
    return found
