"""`Kernel`: a compiled System. It checks arrays, provides buffers, and runs the generated module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np

from ..ir.system import System
from . import checks
from .bound import Bound
from .compiled import Compiled, Options
from .machine import address
from .outputs import Outputs


@dataclass(frozen=True, eq=False)
class Kernel:
    """A System compiled for a target. `kernel(**arrays)` runs it; `kernel.source` is the generated module.

    Each array is checked (name, dtype, shape, contiguity, labels, indices) before anything runs. Results are new
    arrays; `kernel.bind(**arrays)` keeps them, and the updated tensors, from call to call.
    """

    system: System  # what is computed
    options: Options
    whole: System  # with tensors that are not needed: they may be passed
    _checked: dict[str, ref] = field(default_factory=dict, repr=False)

    @cached_property
    def compiled(self) -> Compiled:
        return Compiled(self.system, self.options, self.whole, in_place=False)

    @cached_property
    def in_place(self) -> Compiled:
        """The module that overwrites what the system updates."""
        return Compiled(self.system, self.options, self.whole, in_place=True)

    @property
    def source(self) -> str:
        return self.compiled.source

    def __call__(self, /, *positional, **arrays) -> Outputs:
        if positional:
            checks.named(self.system, positional)
        arrays = self._given(arrays)
        compiled = self.compiled
        frame = compiled.frame({n: a.shape for n, a in arrays.items()})
        if compiled.looks:
            compiled.check_data(frame, arrays)
        results = {n: compiled.empty(n, frame) for n in self._results if n not in arrays}
        work = compiled.borrow(frame)
        table, places = work.table, compiled.places
        for held in (arrays, results):
            for name, array in held.items():
                if name in places:
                    table[places[name]] = address(array)
        compiled.launch(frame, table)
        compiled.give_back(frame, work)
        return self._outputs(arrays, results)

    def export(self, path: str | Path) -> None:
        """Write a module with a function `evaluate(**arrays)`. It needs NumPy and Numba only.

        Raises SymgradError where indices depend on data in a way that the module could not check.
        """
        from .export import standalone  # noqa: PLC0415  (few processes write files)

        Path(path).write_text(standalone(self.system, self.options.dtype, {}), encoding="utf-8")

    def run_python(self, /, *positional, **arrays) -> Outputs:
        """The same text without the compiler: slow, for tests."""
        checks.named(self.system, positional, "kernel.run_python")
        arrays, compiled = self._given(arrays), self.compiled
        frame = compiled.frame({n: a.shape for n, a in arrays.items()})
        compiled.check_data(frame, arrays)
        results = {n: compiled.empty(n, frame) for n in self._results if n not in arrays}
        lines = {n: a.reshape(1) if a.ndim == 0 else a for n, a in arrays.items()}
        with np.errstate(all="ignore"):
            compiled.launch_python(frame, lines | results | compiled.work(frame).arrays)
        return self._outputs(arrays, results)

    def bind(self, /, *positional, **arrays) -> Bound:
        """A `Bound` on these arrays."""
        checks.named(self.system, positional, "kernel.bind")
        return Bound(self, arrays)

    @cached_property
    def _results(self) -> tuple[str, ...]:
        return tuple(self.system.results())

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(t.name for t in self.system.declared())

    @cached_property
    def _plain(self) -> Mapping[str, np.dtype]:
        """The dtype of each tensor whose contents nobody looks at when it is passed."""
        dtypes = {"float": np.dtype(self.options.real), "int": np.dtype(np.int64), "bool": np.dtype(np.bool_)}
        looked = self.options.check_finite
        return {
            t.name: dtypes[t.dtype] for t in self.whole.declared()
            if not looked and not (self.options.check_facts and t.facts)
        }  # fmt: skip

    def _given(self, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
        if given.keys() != self._names:
            checks.known(self.whole, self.system, given)
        return {n: self.array(n, value) for n, value in given.items()}

    def _outputs(self, arrays: Mapping[str, np.ndarray], results: Mapping[str, np.ndarray]) -> Outputs:
        tensors = self.whole.tensors
        return Outputs({
            n: (results[n] if tensors[n].shape else results[n][0]) if n in results else self.result(n, arrays[n].copy())
            for n in self._results
        })  # fmt: skip

    def array(self, name: str, value) -> np.ndarray:
        """`value` converted and its contents checked as the options ask."""
        if type(value) is np.ndarray and self._plain.get(name) is value.dtype and value.flags.carray:
            return value
        tensor = self.whole.tensors[name]
        array = checks.converted(tensor, value, self.options.real)
        if self.options.check_finite:
            checks.finite(tensor, array)
        if self.options.check_facts and tensor.facts and array.ndim == tensor.rank and not self._seen(name, value):
            checks.facts(tensor, array)
            if isinstance(value, np.ndarray):
                self._checked[name] = ref(value)
        return array

    def _seen(self, name: str, value) -> bool:
        """Facts are checked once for each array object."""
        known = self._checked.get(name)
        return known is not None and known() is value

    def result(self, name: str, array: np.ndarray):
        """The array, or the number where the tensor is one."""
        return array if self.whole.tensors[name].shape else array.reshape(-1)[0]
