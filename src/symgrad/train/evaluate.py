"""Values and derivatives at a vector of parameters: the interpreter where that is cheaper than a compilation.

Which one runs is decided by the program and the sizes alone, never by a clock: the same call gives the same bits. The
figures were measured on one core (14 to 250 points, 3 to 17 equations): a compilation costs about 0.3 s and 0.07 s for
each equation, the interpreter 0.12 ms for each equation and 20 ns for each operation, a kernel next to nothing. A
solver evaluates a few hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .. import calculus
from ..errors import UnknownNameError
from ..ir.cost import flops
from ..ir.interpret import interpret
from ..ir.sizes import bind_shapes
from ..ir.system import System
from ..kernels import compile_system
from .data import Arrays
from .layout import Layout

EVALUATIONS = 500


def engine_of(system: System, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """`kernel` where `EVALUATIONS` calls of the interpreter would take longer than compiling, else `interpret`."""
    needed = system.prune()
    passed = replace(system, tensors={n: t for n, t in system.tensors.items() if n in shapes})
    operations = float(
        flops(needed).subs(bind_shapes(passed, {n: s for n, s in shapes.items() if n in passed.tensors}))
    )
    equations = len(needed.equations)
    interpreted = EVALUATIONS * (1.2e-4 * equations + 2e-8 * operations)
    return "kernel" if interpreted > 0.3 + 0.07 * equations else "interpret"


class Evaluator:
    """A System in its kernel form at fixed data; a call takes the vector of parameters (and other tensors by name)."""

    def __init__(self, system: System, data: Arrays, layout: Layout, engine: str | None = None, **others: np.ndarray):
        self.system = calculus.kernel_form(system)
        self.layout, self.calls, self._bound = layout, 0, None
        self.fixed = {n: a for n, a in (data | others).items() if n in self.system.tensors}
        shapes = {n: np.shape(a) for n, a in self.fixed.items()} | dict(layout.shapes)
        self.engine = engine or engine_of(self.system, shapes)
        if self.engine not in ("kernel", "interpret"):
            raise UnknownNameError(f"{engine} is not an engine; there are kernel, interpret.")

    def __call__(self, vector: np.ndarray, /, **others: np.ndarray) -> Mapping[str, Any]:
        self.calls += 1
        arrays = self.layout.unpack(vector) | others
        with np.errstate(all="ignore"):
            if self.engine == "interpret":
                return interpret(self.system, self.fixed | arrays)
            if self._bound is None:
                self._bound = compile_system(self.system).bind(**self.fixed | arrays)
            return self._bound(**arrays)
