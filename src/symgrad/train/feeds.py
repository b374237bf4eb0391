"""What a step reads besides the data: noise, drawn for each example, and scalars that follow a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import SymgradError, did_you_mean
from ..ir.access import Size
from ..ir.system import System, Tensor
from ..library.schedules import Schedule
from . import noise
from .data import Arrays, inputs_of, shape_of

ENGINES = {"kernel": "kernel", "interpret": "numpy"}  # these and the device draw the same bits


class Moment(NamedTuple):
    """Where a run is: the epoch and the update, both counted from 0."""

    epoch: int = 0
    update: int = 0


BEGIN = Moment()


@dataclass(frozen=True)
class Feeds:
    """Noise that the data do not hold, and scheduled inputs.

    Noise with one axis over the examples is a function of (seed, name, epoch, example, coordinate): the same however
    the examples are cut into batches. Other noise belongs to the update.
    """

    noise: tuple[Tensor, ...] = ()
    schedules: Mapping[str, Callable[[float], float]] = field(default_factory=dict)
    size: Size | None = None
    sizes: Mapping[Size, int] = field(default_factory=dict)
    seed: int = 0
    dtype: str = "float64"
    engine: str = "kernel"
    purpose: str = ""  # validation and prediction draw numbers of their own

    def at(self, numbers: np.ndarray, moment: Moment = BEGIN) -> Arrays:
        """The arrays for the examples `numbers`."""
        found = {t.name: self._drawn(t, numbers, moment) for t in self.noise}
        return found | {n: np.array(value(moment.update), self.dtype) for n, value in self.schedules.items()}

    def _drawn(self, tensor: Tensor, numbers: np.ndarray, moment: Moment) -> Any:
        sizes = dict(self.sizes) | ({} if self.size is None else {self.size: len(numbers)})
        shape = shape_of(tensor, sizes)
        axes = [axis for axis, extent in enumerate(tensor.shape) if extent == self.size]
        options = {"kind": noise.kind_of(tensor), "name": f"{self.purpose}{tensor.name}", "dtype": self.dtype}
        if len(axes) == 1:
            return self._array(moment.epoch, numbers, shape, axes[0], **options)
        return self._array(moment.update, np.zeros(1, np.int64), (1, *shape), 0, **options).reshape(shape)

    def _array(self, step: int, numbers: np.ndarray, shape: tuple[int, ...], axis: int, **options) -> Any:
        """Noise of `shape`, whose axis `axis` counts the examples `numbers`; on the device for the engine "cuda"."""
        if self.engine == "cuda":
            from . import device_noise  # noqa: PLC0415  (most processes run on the CPU)

            return device_noise.draw(self.seed, step, numbers, shape, axis, **options)
        rest = shape[:axis] + shape[axis + 1 :]
        drawn = noise.draw(self.seed, step, numbers, rest, engine=ENGINES[self.engine], **options)
        return np.ascontiguousarray(np.moveaxis(drawn, 0, axis))

    def on_host(self) -> Feeds:
        """The same noise as NumPy arrays."""
        return replace(self, engine="kernel") if self.engine == "cuda" else self

    def elsewhere(self, purpose: str, system: System) -> Feeds:
        """The feeds of another evaluation of the model, of what `system` reads."""
        read = {t.name for t in system.declared()}
        kept = {n: value for n, value in self.schedules.items() if n in read}
        return replace(self, noise=tuple(t for t in self.noise if t.name in read), schedules=kept, purpose=purpose)


NOTHING = Feeds()


def feeds_of(
    system: System, arrays: Arrays, sizes: Mapping[Size, int], size: Size | None, seed: int, dtype: str, engine: str,
    schedules: Mapping[str, Callable[[float], float]] | None = None, purpose: str = "",
) -> Feeds:  # fmt: skip
    """The feeds of what `system` reads and `arrays` do not hold."""
    drawn = tuple(t for t in inputs_of(system) if t.role == "noise" and t.name not in arrays)
    return Feeds(drawn, schedules or {}, size, sizes, seed, dtype, engine, purpose)


def schedules_of(system: System, given: Any, data: Any) -> dict[str, Callable[[float], float]]:
    """For each scheduled input its value in an update. A number for it in the data is the base, which else is 1.

    Raises SymgradError for what is no scalar input, or no schedule.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise SymgradError('schedules are by name: schedules={"beta": sg.schedules.linear(0, 1, total_iters=500)}.')
    scalars = [t.name for t in system.declared("input") if t.rank == 0 and t.dtype == "float"]
    held = data if isinstance(data, Mapping) else {}
    return {str(n): _values(str(n), schedule, scalars, held.get(n, 1.0)) for n, schedule in given.items()}


def _values(name: str, schedule: Any, scalars: list[str], base: Any) -> Callable[[float], float]:
    if name not in scalars:
        known = f"they are {', '.join(scalars)}" if scalars else "there are none"
        raise SymgradError(f"{name} is no scalar input of the loss; {known}. {did_you_mean(name, scalars)}".rstrip())
    if isinstance(schedule, Schedule):
        return lambda update: schedule(update, float(base))
    if not callable(schedule):
        raise SymgradError(f"a schedule is one of sg.schedules, or a function of the step; {name} has {schedule!r}.")
    return schedule


def described(schedules: Mapping[str, Any] | None) -> list:
    """What a checkpoint says of schedules, so that a run is resumed with the same ones."""
    return [
        [str(name), s.text, dict(s.values)] if isinstance(s, Schedule) else [str(name), getattr(s, "__qualname__", "")]
        for name, s in sorted((schedules or {}).items())
    ]
