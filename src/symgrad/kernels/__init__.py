"""How a System runs: schedule, loops, text, machine code."""

from __future__ import annotations

from ..errors import SymgradError
from ..ir.system import System
from .kernel import Bound, Kernel, Options, Outputs

__all__ = ["Bound", "Kernel", "Outputs", "compile_system"]

DTYPES = ("float64", "float32")


def compile_system(
    system: System,
    target: str = "cpu",
    dtype: str = "float64",
    *,
    parallel: bool | None = None,
    deterministic: bool = True,
    check_facts: bool = True,
    check_finite: bool = False,
) -> Kernel:
    """The kernel of `system`: `kernel(**arrays)` returns its outputs (and the next values of what it updates).

    `parallel`: threads always, never, or (None) where the work is worth it. `deterministic`: the same bits whatever the
    number of threads. `check_facts` looks at declared facts once for each array, `check_finite` refuses NaN and
    infinity. Machine code is made at the first call.
    """
    if target != "cpu":
        raise SymgradError(f'there is no target "{target}" in this version; use target="cpu".')
    if dtype not in DTYPES:
        raise SymgradError(f'a kernel computes in "float64" or "float32", not in {dtype!r}.')
    options = Options(dtype, parallel, deterministic, check_facts, check_finite)
    return Kernel(system.prune(), options, system)
