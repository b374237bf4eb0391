"""`Bound`: a kernel with arrays of its own. A call with nothing new takes a microsecond."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError, SymgradError
from ..ir.sizes import bind_shapes
from . import checks
from .compiled import Compiled, Frame, Work, inside
from .machine import address
from .outputs import Outputs
from .steps import Rows, many

if TYPE_CHECKING:
    from .kernel import Kernel


class Bound:
    """A kernel with arrays of its own: `bound()` writes into the same outputs each time.

    `bound.step(X=..., y=...)` also replaces every updated tensor (parameters, states) by its next value, in place.

    Arguments of a call rebind the named tensors. `bound["W"]` is the current value. Set `bound.trusted = True` to
    skip the checks of the data (labels, gathered indices) where the whole data set has been checked before.
    """

    def __init__(self, kernel: Kernel, given: Mapping[str, Any]):
        self.kernel, self.trusted = kernel, False
        self.arrays: dict[str, np.ndarray] = {}
        self._slots: dict[tuple, Slots] = {}
        self._now: dict[bool, Slots] = {}  # those of the present shapes; in place or not
        self._held: dict[tuple, np.ndarray] = {}  # what `steps` gathers into
        checks.known(kernel.whole, kernel.system, given)
        self._take(given)

    def __getitem__(self, name: str):
        if name not in self.arrays:
            raise SymgradError(f"{name} is not bound; the bound tensors are {', '.join(self.arrays)}.")
        return self.kernel.result(name, self.arrays[name])

    def set(self, /, **arrays) -> None:
        """Rebind tensors."""
        if not arrays.keys() <= self.arrays.keys():
            checks.known(self.kernel.whole, self.kernel.system, arrays, required=False)
        self._take(arrays)

    def __call__(self, /, *positional, **arrays) -> Outputs:
        """The outputs (and next values) at the bound arrays; nothing is updated."""
        if positional or arrays:
            checks.named(self.kernel.system, positional, "bound")
            self.set(**arrays)
        return (self._now.get(False) or self._find(False)).outputs(self.trusted, self.arrays)

    def step(self, /, *positional, **arrays) -> Outputs:
        """Run once and update; returns the outputs, computed before the update."""
        if positional or arrays:
            checks.named(self.kernel.system, positional, "bound.step")
            self.set(**arrays)
        return (self._now.get(True) or self._find(True)).outputs(self.trusted, self.arrays)

    def steps(self, loss: str, taken: Mapping[str, Rows]) -> np.ndarray:
        r"""One update for each entry along the first axis of every `rows`, all in one compiled call; the losses.

        `Rows(source, rows)` gives a tensor the value `source[rows[step]]`. What tensors hold afterwards are the last
        step's values, in memory of this object. The steps end behind a loss that is not finite.

        >>> import symgrad as sg
        >>> text = "x: input[n]\nw: state\nL = mean[n](w*x[n])\nw_next = w - 0.5*L\nupdates: w -> w_next"
        >>> bound = sg.program(text).compile(outputs=["L"]).bind(x=np.zeros(2), w=1.0)
        >>> bound.steps("L", {"x": Rows(np.arange(4.0), np.array([[0, 1], [2, 3], [1, 2]]))})
        array([ 0.5    ,  1.875  , -0.28125])
        """
        arrays = {n: self._own(n, rows) for n, rows in taken.items()}
        self.set(**{n: a for n, a in arrays.items() if self.arrays[n] is not a})
        slots = self._now.get(True) or self._find(True)
        if not self.trusted:
            self._check_rows(slots, taken)
        number = dict(slots.numbers)[loss]
        done = many(slots, number, arrays, taken)
        if len(done) < len(next(iter(taken.values())).rows) and np.isfinite(done[-1:]).all():
            self.step()  # says what is wrong
        return done

    def _own(self, name: str, rows: Rows) -> np.ndarray:
        """Memory for a tensor's value in a step."""
        shape = rows.shape or (1,)
        key = (name, shape)
        if key not in self._held:
            self._held[key] = np.empty(shape, rows.source.dtype)
        return self._held[key]

    def _check_rows(self, slots: Slots, taken: Mapping[str, Rows]) -> None:
        """IndexRangeError where a label or index among the rows that will be read lies outside of its axis."""
        compiled, frame = slots.compiled, slots.frame
        fine = all(n in taken and inside(taken[n].source, end) for n, end in frame.labels)
        if compiled.looks and not (fine and not compiled.gathers):
            for step in range(len(next(iter(taken.values())).rows)):
                given = {n: rows.at(step).reshape(self.arrays[n].shape) for n, rows in taken.items()}
                compiled.check_data(frame, self.arrays | given)

    def _take(self, given: Mapping[str, Any]) -> None:
        updates, changed = self.kernel.whole.updates, {}
        for name, value in given.items():
            held = self.arrays.get(name)
            plain = name not in updates and name in self.kernel._plain
            if plain and held is not None and held is value and held.flags.carray:
                continue
            array = self._shaped(name, value)
            if name in updates:  # it is overwritten: a copy of the caller's array, made once
                if held is not None and held.shape == array.shape:
                    held[...] = array
                    continue
                array = array.copy()
            if held is None or held.shape != array.shape:
                self._now = {}
            self.arrays[name] = changed[name] = array
        for slots in self._now.values():
            slots.point(changed)

    def _shaped(self, name: str, value) -> np.ndarray:
        """The array that is bound: one entry where the tensor is a number."""
        system = self.kernel.whole
        array = self.kernel.array(name, value)
        if array.ndim == 0:
            array = array.reshape(1)
        if array.ndim != max(system.tensors[name].rank, 1):
            bind_shapes(system, {n: a.shape for n, a in self.arrays.items()} | {name: np.shape(value)})
            raise ShapeError(f"{name} has {system.tensors[name].rank} axes, but the array has {np.ndim(value)}.")
        return array

    def _find(self, in_place: bool) -> Slots:
        """The slots for the present shapes, pointing at the present arrays."""
        key = (in_place, *(a.shape for a in self.arrays.values()))
        found = self._slots.get(key)
        if found is None:
            compiled = self.kernel.in_place if in_place else self.kernel.compiled
            wanted = self.kernel.system.outputs if in_place else self.kernel.system.results()
            found = self._slots[key] = slots_of(compiled, self.arrays, wanted)
        found.point(self.arrays)
        self._now[in_place] = found
        return found


@dataclass(frozen=True)
class Slots:
    """The table of `run` for one set of shapes, with outputs and work buffers that are used again and again."""

    compiled: Compiled
    frame: Frame
    work: Work
    own: Mapping[str, np.ndarray]  # buffers that the caller does not bind, by name
    fixed: Mapping[str, Any]  # the outputs; numbers are put in after each call
    numbers: tuple[tuple[str, np.ndarray], ...]
    bound: tuple[tuple[str, str], ...]  # outputs that are bound tensors, and their names
    quick: Callable[[], int] | None  # `run`, where nothing has to be guarded; not 0 where it failed

    def point(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Put the addresses of bound arrays into the table."""
        places, table = self.compiled.places, self.work.table
        for name, array in arrays.items():
            if name in places:
                table[places[name]] = address(array)

    def outputs(self, trusted: bool, arrays: Mapping[str, np.ndarray]) -> Outputs:
        """Run, and the results."""
        compiled = self.compiled
        if compiled.looks and not trusted:
            compiled.check_data(self.frame, arrays)
        if self.quick is None or self.quick():
            compiled.launch(self.frame, self.work.table)
        values = dict(self.fixed)
        for name, array in self.numbers:
            values[name] = array[0]
        for name, source in self.bound:
            values[name] = arrays[source] if compiled.whole.tensors[name].shape else arrays[source][0]
        return Outputs(values)


def slots_of(compiled: Compiled, arrays: Mapping[str, np.ndarray], wanted) -> Slots:
    tensors, buffer = compiled.whole.tensors, compiled.plan.storage.buffer
    frame = compiled.frame({n: a.shape if tensors[n].shape else () for n, a in arrays.items()})
    work = compiled.work(frame)
    own = {n: compiled.empty(n, frame) for n in compiled.arrays if n not in arrays and n not in work.arrays}
    places = {n: buffer[n] for n in wanted}
    held = {n: own[b] for n, b in places.items() if b in own}
    slots = Slots(
        compiled, frame, work, own, dict.fromkeys(wanted) | {n: a for n, a in held.items() if tensors[n].shape},
        tuple((n, a) for n, a in held.items() if not tensors[n].shape),
        tuple((n, b) for n, b in places.items() if b not in own),
        compiled.run.on(work.table) if not compiled.calls and frame.guard == (False, False) else None,
    )  # fmt: skip
    slots.point(own)
    return slots
