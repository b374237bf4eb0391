"""How far rounding alone may move an output: what remains of a sum that cancels is not wrong, it is not there.

Every point of every equation is multiplied by 1 + 2^-40 r, r random within (-1, 1), and the program is run in float64;
the outputs move in proportion, so 2^-13 of that is what roundings of 2^-53 do.

Source: D. S. Parker, Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic (1997).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..ir.arithmetic import FLOAT64, Arithmetic
from ..ir.interpret import interpret
from ..ir.system import System
from .draw import Arrays

SIZE = 2.0**-40
TRIALS = 2


@dataclass(frozen=True)
class _Jittered(Arithmetic):
    """float64 in which every value that is added or multiplied into a cell is a little off (an extreme stays one)."""

    rng: np.random.Generator | None = None

    def combine(self, reduce: str, flat: np.ndarray, cells: np.ndarray, values: np.ndarray, dtype: str) -> None:
        if dtype == "float" and reduce in ("sum", "prod") and self.rng is not None:
            values = values * (1 + SIZE * self.rng.uniform(-1, 1, np.shape(values)))
        super().combine(reduce, flat, cells, values, dtype)


def rounding_of(system: System, arrays: Arrays, seed: int) -> dict[str, float]:
    """For each output, how far roundings of relative size 2^-53 move its entries.

    >>> from symgrad.notation import parse
    >>> total = parse("x: input[n] \\n y = sum[n](x[n])")
    >>> 1e-9 < rounding_of(total, {"x": np.array([1e8, 1.0, -1e8])}, 0)["y"] < 1e-7
    True
    """
    exact, moved = interpret(system, arrays), {}
    for trial in range(TRIALS):
        values = {f.name: getattr(FLOAT64, f.name) for f in fields(Arithmetic)}
        found = interpret(system, arrays, _Jittered(**values, rng=np.random.default_rng((seed, trial))))
        for name, value in exact.items():
            off = np.abs(np.asarray(found[name], dtype=float) - value)
            size = float(np.max(off[np.isfinite(off)], initial=0.0)) * 2.0**-53 / SIZE
            moved[name] = max(moved.get(name, 0.0), size)
    return moved
