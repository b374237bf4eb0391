"""Gradients of long recurrences with the states of one segment in memory at a time (`calculus.segments`).

    forward:   state_0 = 0;  (state_(s+1), parts_s) = step(state_s)       the states between segments are kept
    then:      L and dL/dparts from the sum of the parts
    backward:  (state_s bar, parameters bar) += adjoint of step(state_s)  at (state_(s+1) bar, dL/dparts)

With S segments of T steps there are S states between them and T/S inside one: sqrt(T) of each for S = sqrt(T).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr

from ..calculus import gradient, kernel_form
from ..calculus.segments import Segments, segments
from ..errors import SymgradError
from ..ir.access import Access, Index
from ..ir.check import check
from ..ir.interpret import interpret
from ..ir.sizes import bind_shapes, size_value
from ..ir.system import Equation, Range, System, Tensor, Term
from ..kernels import compile_system

STORED = 1 << 28  # bytes of states: where a gradient would store more, it is computed by segments
PAIRED = "paired"


@dataclass(frozen=True, eq=False)
class Segmented:
    """`segmented(**arrays)`: the output and its gradient, as the plain gradient program computes them."""

    system: System  # the model, not differentiated
    output: str
    wrt: tuple[str, ...]
    length: int | None  # steps in a segment; None: chosen by bytes
    whole: Callable[..., Mapping[str, Any]]  # the plain gradient
    run: Callable[[System], Callable[..., Mapping[str, Any]]]  # compiles or interprets

    @cached_property
    def cut(self) -> Segments:
        return segments(replace(self.system, outputs=(self.output,), updates={}).prune())

    @cached_property
    def forward(self) -> tuple[Callable[..., Mapping[str, Any]], ...]:
        """Of the first segment, and of the others."""
        return self.run(self.cut.first), self.run(self.cut.step)

    @cached_property
    def middle(self) -> Callable[..., Mapping[str, Any]]:
        rest = self.cut.rest
        given = (*self.cut.parts, *(n for n in self.wrt if n in rest.tensors))
        return self.run(gradient(rest, self.output, given))

    def moving(self, step: System) -> tuple[str, ...]:
        """What the adjoint of a step is taken by: parameters, and the states before the segment."""
        states = (n for names in self.cut.before.values() for n in names)
        return tuple(n for n in (*self.wrt, *states) if n in step.tensors and step.tensors[n].dtype == "float")

    @cached_property
    def backward(self) -> tuple[Callable[..., Mapping[str, Any]], ...]:
        return self.adjoint(self.cut.first), self.adjoint(self.cut.step)

    def adjoint(self, step: System) -> Callable[..., Mapping[str, Any]]:
        moving = self.moving(step)
        if not moving:
            return lambda **arrays: {}
        derived = gradient(_paired(step), PAIRED, moving)
        return self.run(replace(derived, outputs=tuple(f"d{PAIRED}_d{n}" for n in moving)))

    def __call__(self, **arrays: Any) -> dict[str, Any]:
        sizes = bind_shapes(self.system, {n: np.shape(a) for n, a in arrays.items()})
        steps = size_value(self.cut.size, sizes)
        length = self.length or self.chosen(steps, sizes)
        if length >= steps:
            return dict(self.whole(**arrays))
        count = max(1, min(math.ceil(steps / length), steps // max(1, self.most)))
        times = [np.ascontiguousarray(t) for t in np.array_split(np.arange(steps), count)]
        return self.gradient(arrays, times, sizes)

    def given(self, number: int, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """What the segment takes."""
        return _needed(self.cut.step if number else self.cut.first, arrays)

    @property
    def most(self) -> int:
        return max((len(names) for names in self.cut.before.values()), default=0)

    def chosen(self, steps: int, sizes: Mapping) -> int:
        """All steps where their states are few bytes; else about sqrt(T)."""
        stored = 2 * sum(8 * _entries(t.shape, sizes) for t in self.cut.stored)  # and their adjoints
        return steps if stored <= STORED else math.isqrt(steps - 1) + 1

    def gradient(self, arrays: Mapping[str, Any], times: list[np.ndarray], sizes: Mapping) -> dict[str, Any]:
        cut = self.cut
        pairs = [(b, e) for name in cut.before for b, e in zip(cut.before[name], cut.behind[name])]
        states = {b: np.zeros([size_value(s, sizes) for s in cut.step.tensors[b].shape]) for b, _ in pairs
                  if b in cut.step.tensors}  # fmt: skip
        kept, parts = [], {}
        for number, time in enumerate(times):
            kept.append(states)
            found = self.forward[number > 0](**self.given(number, {**arrays, **states, cut.time: time}))
            states = {b: np.array(found[e]) for b, e in pairs if b in states}
            parts = {n: found[n] + parts[n] if n in parts else np.array(found[n]) for n in cut.parts}
        middle = self.middle(**_needed(cut.rest, arrays), **parts)
        bars = {f"{n}_bar": np.asarray(middle[f"d{self.output}_d{n}"]) for n in cut.parts}
        bars |= {f"{e}_bar": np.zeros_like(states[b]) for b, e in pairs if b in states}
        total = {n: np.array(middle[f"d{self.output}_d{n}"]) for n in self.wrt if n in cut.rest.tensors}
        for number in reversed(range(len(times))):
            given = self.given(number, {**arrays, **kept[number], cut.time: times[number]})
            found = self.backward[number > 0](**given, **bars)
            for name in (n for n in self.wrt if f"d{PAIRED}_d{n}" in found):
                share = found[f"d{PAIRED}_d{name}"]
                total[name] = total[name] + share if name in total else np.array(share)
            bars |= {f"{e}_bar": np.array(found[f"d{PAIRED}_d{b}"]) for b, e in pairs if f"d{PAIRED}_d{b}" in found}
        for name in self.wrt:
            total.setdefault(name, np.zeros(np.shape(arrays[name])))
        return {self.output: middle[self.output], **{f"d{self.output}_d{n}": np.asarray(total[n]) for n in self.wrt}}


def segmented(program: Any, length: int | None = None, target: str = "cpu", **options: Any) -> Segmented:
    """The gradient `program` computed by segments of `length` steps; None: sqrt(T) where the states of all steps and
    their adjoints take more than `STORED` bytes. RecurrenceError where the recurrence cannot be cut."""
    made = program.origin
    if made is None or made.verb != "gradient":
        raise SymgradError('segments are of a gradient: program.gradient("L").segmented().')
    if length is not None and not (isinstance(length, int) and length > 0):
        raise SymgradError(f"a segment has a whole number of steps, not {length!r}.")

    def run(system: System) -> Callable[..., Mapping[str, Any]]:
        if target == "interpreter":
            return lambda **arrays: interpret(system, arrays)
        return compile_system(kernel_form(system), target, **options)

    whole = program.evaluate if target == "interpreter" else program.compile(target, **options)
    found = Segmented(made.of.independent(made.wrt), made.output, made.wrt, length, whole, run)
    _ = found.cut  # refused here, not at the first call
    return found


def _paired(step: System) -> System:
    """With the output `paired`: every output times an adjoint that is given, summed."""
    tensors, terms = dict(step.tensors), []
    for name in step.outputs:
        of = step.tensors[name]
        tensors[f"{name}_bar"] = replace(of, name=f"{name}_bar", role="input", named=True)
        cell = tuple(Index(f"{letter}^{axis}") for axis, letter in enumerate(of.letters))
        domain = tuple(map(Range, cell, of.shape))
        terms.append(Term((), Access(f"{name}_bar", *cell) * Access(name, *cell), domain))
    tensors[PAIRED] = Tensor(PAIRED, ())
    return check(System(tensors, (*step.equations, Equation(PAIRED, tuple(terms))), (PAIRED,)))


def _needed(system: System, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {t.name: arrays[t.name] for t in system.declared() if t.name in arrays}


def _entries(shape: tuple[Expr, ...], sizes: Mapping) -> int:
    return math.prod(size_value(s, sizes) for s in shape)
