"""How a System runs: compiled, on a GPU ("cuda"), or by the interpreter ("interpret": slow, and the meaning)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ..errors import UnknownNameError
from ..ir.interpret import interpret
from ..ir.system import System
from ..kernels import Bound
from .data import Arrays
from .memo import kernel_of

Outputs = Mapping[str, Any]


class Runner(Protocol):
    """A System with arrays of its own. A call gives the outputs; `step` also replaces each updated tensor by its next
    value, all at once; both take new values for some tensors. `runner["W"]` is the current value."""

    def __call__(self, /, **arrays) -> Outputs: ...
    def step(self, /, **arrays) -> Outputs: ...
    def set(self, /, **arrays) -> None: ...
    def __getitem__(self, name: str) -> Any: ...


def bind(system: System, arrays: Arrays, dtype: str, engine: str = "kernel") -> Runner:
    """Compile `system` and give it `arrays`. Facts about the data are checked by the caller, once for all rows."""
    if engine not in ENGINES:
        raise UnknownNameError(f"{engine} is not an engine; there are {', '.join(ENGINES)}.")
    return ENGINES[engine](system, arrays, dtype)


def _kernel(system: System, arrays: Arrays, dtype: str) -> Bound:
    kernel = kernel_of(system, dtype)
    if system.updates:
        kernel.bind(**arrays).step()  # compiles now, on a copy of what is updated: no epoch waits for it
    return kernel.bind(**arrays)


class OnDevice:
    """A kernel on a GPU: parameters, states and what is not a batch stay there; results come back as NumPy arrays."""

    def __init__(self, system: System, arrays: Arrays, dtype: str):
        self.bound = kernel_of(system, dtype, "cuda").bind(**arrays)

    def __call__(self, /, **arrays) -> Outputs:
        return self.bound.fetched(**arrays)

    def step(self, /, **arrays) -> Outputs:
        return self.bound.step(**arrays)

    def set(self, /, **arrays) -> None:
        self.bound.set(**arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.bound[name]


class Interpreted:
    """The interpreter in a kernel's place; the arrays keep `dtype`, the arithmetic is float64."""

    def __init__(self, system: System, arrays: Arrays, dtype: str):
        self.system, self.arrays = system, {name: np.array(a) for name, a in arrays.items()}

    def __call__(self, /, **arrays) -> Outputs:
        self.arrays |= arrays
        return interpret(self.system, self.arrays)

    def step(self, /, **arrays) -> Outputs:
        values = self(**arrays)
        with np.errstate(over="ignore"):  # what overflows float32 shows in the next loss
            for name, following in self.system.updates.items():
                self.arrays[name][...] = values[following]
        return values

    def set(self, /, **arrays) -> None:
        """Other values for some tensors; what is updated stays the same array."""
        for name, value in arrays.items():
            if name in self.system.updates:
                self.arrays[name][...] = value
            else:
                self.arrays[name] = np.asarray(value)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]


ENGINES = {"kernel": _kernel, "cuda": OnDevice, "interpret": Interpreted}
