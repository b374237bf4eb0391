"""The compiled training step, alone or as a gradient that is accumulated over several batches and then applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .. import calculus
from ..ir.access import Access, Index, Size, fresh_names
from ..ir.sizes import bind_shapes
from ..ir.system import Equation, Range, System, Tensor, Term
from ..library.lift import TrainingStep
from ..library.optimizers import Optimizer
from .data import Arrays, Examples, Part, Update, shape_of
from .feeds import BEGIN, Feeds, Moment
from .memo import step_of
from .step import Runner, bind
from .stream import Stream
from .threads import blas_threads


@dataclass(frozen=True)
class Trainer:
    """One update: a kernel that holds parameters and states, alone or behind one that adds gradients up."""

    examples: Examples | Stream
    feeds: Feeds
    accumulate: int
    apply: Runner  # holds parameters and the optimiser's states
    updated: tuple[str, ...]
    collect: Runner | None  # the gradient, added up; None where one kernel does it all
    sums: Mapping[str, str]  # the gradient's name in `apply` -> the sum's name in `collect`
    share: str  # the input of `collect` that weighs a part by its examples
    parameters: tuple[str, ...]
    loss: str
    threads: AbstractContextManager

    def updates(self, rng: np.random.Generator) -> Iterator[Update]:
        return self.examples.updates(rng, self.accumulate)

    def run(self, update: Update, moment: Moment = BEGIN) -> float:
        """One update; the loss before it."""
        if self.collect is None:
            (part,) = update.parts
            return float(self.apply.step(**self.given(part, moment))[self.loss])
        total = 0.0
        self.collect.set(**{n: self.apply[n] for n in self.parameters})
        self.collect.set(**{s: np.zeros_like(self.collect[s]) for s in self.sums.values()})
        dtype = np.asarray(self.collect[self.share]).dtype
        for part in update.parts:
            count = len(part.numbers)
            given = self.given(part, moment) | {self.share: np.array(count / update.count, dtype)}
            total += float(self.collect.step(**given)[self.loss]) * count
        self.apply.step(**{gradient: self.collect[s] for gradient, s in self.sums.items()})
        return total / update.count

    def given(self, part: Part, moment: Moment) -> Arrays:
        """All that a step reads but what it keeps itself."""
        return part.arrays | self.feeds.at(part.numbers, moment)

    def state(self) -> Arrays:
        """A copy of all that an update changes: parameters and the optimiser's states."""
        return {name: np.array(self.apply[name]) for name in self.updated}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.apply.set(**state)


def trainer_of(
    model: System, examples: Examples | Stream, feeds: Feeds, parameters: Arrays, sizes: Mapping[Size, int], loss: str,
    optimizer: Optimizer, accumulate: int, dtype: str, engine: str,
) -> Trainer:  # fmt: skip
    """Derive, compile and bind the step."""
    if engine == "cuda" and isinstance(examples, Examples):
        from .device_data import resident  # noqa: PLC0415  (most processes run on the CPU)

        examples = resident(examples)
    part = examples.part()
    data = examples.arrays | part.arrays | feeds.at(part.numbers)
    if accumulate == 1:
        training = step_of(model, loss, optimizer)
        whole, collect, share, sums = training.system, None, "", {}
        given = data
    else:
        whole, added, share = accumulation(model, loss)
        training = _applied(whole, added, optimizer)
        zeros = {a.held: np.zeros(shape_of(whole.tensors[a.held], sizes), dtype) for a in added}
        read = {n: a for n, a in parameters.items() if n in whole.tensors}
        collect = bind(whole, data | read | zeros | {share: np.array(1.0, dtype)}, dtype, engine)
        sums = {a.slope: a.held for a in added}
        given = {slope: zeros[held] for slope, held in sums.items()}
    system = training.system
    given = given | {n: a for n, a in parameters.items() if n in system.tensors}
    given |= {training.shared[n]: np.array(v, dtype) for n, v in optimizer.values.items()}
    given |= {t.name: np.zeros(shape_of(t, sizes), dtype) for t in system.declared("state") if t.name not in given}
    return Trainer(
        examples, feeds, accumulate, bind(system, given, dtype, engine), tuple(system.updates), collect, sums, share,
        tuple(n for n in parameters if n in whole.tensors), loss, _threads(whole, data | parameters),
    )  # fmt: skip


def _threads(system: System, arrays: Arrays) -> AbstractContextManager:
    shapes = {n: np.shape(a) for n, a in arrays.items() if n in system.tensors}
    passed = replace(system, tensors={n: system.tensors[n] for n in shapes})
    return blas_threads(system, bind_shapes(passed, shapes))


class Added(NamedTuple):
    """A parameter, its derivative, and the state that the derivatives of several batches are added up in."""

    parameter: str
    slope: str
    held: str


def accumulation(model: System, loss: str) -> tuple[System, list[Added], str]:
    """The gradient added to sums, `sum_W -> sum_W + share*dL_dW`: the System, the sums, the name of `share`.

    With `share` = rows of the batch / rows of the update, the sums are the gradient of one large batch where the loss
    is a mean over the examples.
    """
    wrt = tuple(t.name for t in model.prune([loss]).declared("parameter"))
    gradient = calculus.kernel_form(calculus.gradient(model, loss, wrt))
    names = set(gradient.tensors)
    share = _new(names, "share")
    tensors = {**gradient.tensors, share: Tensor(share, (), role="input")}
    equations, updates, added = list(gradient.equations), dict(gradient.updates), []
    for name, slope in zip(wrt, gradient.outputs[1:]):
        held, following = _new(names, f"sum_{name}"), _new(names, f"sum_next_{name}")
        like = gradient.tensors[slope]
        indices = tuple(Index(f"i{axis}") for axis in range(like.rank))
        domain = tuple(Range(i, extent) for i, extent in zip(indices, like.shape))
        letters = tuple(map(str, indices))
        tensors[held] = Tensor(held, like.shape, role="state", letters=letters)
        tensors[following] = Tensor(following, like.shape, letters=letters)
        body = Access(held, *indices) + Access(share) * Access(slope, *indices)
        equations.append(Equation(following, (Term(indices, body, domain),)))
        updates[held] = following
        added.append(Added(name, slope, held))
    whole = replace(gradient, tensors=tensors, equations=tuple(equations), outputs=(loss,), updates=updates)
    return whole.prune(), added, share


def _applied(gradient: System, added: list[Added], optimizer: Optimizer) -> TrainingStep:
    """The optimiser's step for derivatives that come from outside."""
    tensors = {a.parameter: gradient.tensors[a.parameter] for a in added}
    tensors |= {a.slope: replace(gradient.tensors[a.held], name=a.slope, role="input") for a in added}
    return optimizer.step(System(tensors, (), ()), {a.parameter: a.slope for a in added})


def _new(taken: set[str], stem: str) -> str:
    name = next(fresh_names(taken, stem))
    taken.add(name)
    return name
