"""How a System runs: schedule, loops, text, machine code."""

from __future__ import annotations

from typing import Any

from ..errors import SymgradError
from ..ir.system import System
from .bound import Bound
from .compiled import Options
from .kernel import Kernel
from .outputs import Outputs
from .steps import Rows

__all__ = ["Bound", "Kernel", "Outputs", "Rows", "compile_system"]

DTYPES = ("float64", "float32")
TARGETS = ("cpu", "cuda")


def compile_system(
    system: System,
    target: str = "cpu",
    dtype: str = "float64",
    *,
    parallel: bool | None = None,
    deterministic: bool = True,
    check_facts: bool = True,
    check_finite: bool = False,
    tf32: bool = False,
) -> Any:
    """The kernel of `system`: `kernel(**arrays)` returns its outputs (and the next values of what it updates).

    `parallel`: threads always, never, or (None) where the work is worth it. `deterministic`: the same bits whatever the
    number of threads, which holds for False too: work is cut by sizes alone, and sums are joined in order.
    `check_facts` looks at declared facts once for each array, `check_finite` refuses NaN and infinity. Machine code is
    made at the first call. The target "cuda" gives a `device.DeviceKernel`; SymgradError where no GPU is there, with
    what is missing. `tf32`: there, products of float32 matrices may round their factors to 10 bits.
    """
    if target not in TARGETS:
        raise SymgradError(f'there is no target "{target}" in this version; there are {", ".join(TARGETS)}.')
    if dtype not in DTYPES:
        raise SymgradError(f'a kernel computes in "float64" or "float32", not in {dtype!r}.')
    options = Options(dtype, parallel, deterministic, check_facts, check_finite)
    if target == "cuda":
        from .device import device_kernel  # noqa: PLC0415  (most processes run on the CPU)
        from .targets.cuda import needs  # noqa: PLC0415

        needs.need_device()
        return device_kernel(system.prune(), options, system, tf32)
    return Kernel(system.prune(), options, system)
