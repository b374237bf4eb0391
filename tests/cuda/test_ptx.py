"""GPU kernels compiled to PTX without a GPU: they assemble, nothing spills, float32 stays float32.

Needs the extra `gpu`; skipped where it is not installed. Every program would take an hour of Numba's time, so these
were chosen to hold every kind of node: rows by threads and teams, extremes with places, atomic additions, vectors of
team parts, products, scans, and the dearest functions.
"""

import importlib.util

import pytest
from catalogue import BY_NAME

from symgrad.kernels.device import ARCHITECTURES, offline_kernel
from symgrad.kernels.targets.cuda import needs, offline

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None or needs.simulated(), reason='needs pip install "symgrad[gpu]"'
)
EVERY, ONE = tuple(ARCHITECTURES), ("sm_90",)
CHOSEN = {"function gelu": EVERY, "function sin": ONE, "minimum over two axes": ONE, "classifier": ONE}
CEILING = 128  # registers of a thread: two blocks of 256 threads fit on a multiprocessor


@pytest.mark.parametrize("name", CHOSEN)
def test_kernels_assemble_without_spills_or_double_precision(name):
    kernel = offline_kernel(BY_NAME[name].gradient().kernel, "float32")
    for arch in CHOSEN[name]:
        for compiled in kernel.ptx(arch):
            found = compiled.resources()
            assert found.spilled == 0 and found.stack == 0, (arch, compiled.name, found)
            assert 0 < found.registers <= CEILING, (arch, compiled.name, found)
            assert compiled.doubles == [], (arch, compiled.name)


def test_double_precision_is_found():
    """The negative control: the same kernel in float64."""
    (first, *rest) = offline_kernel(BY_NAME["function exp"].gradient().kernel, "float64").ptx("sm_90")
    assert any(c.doubles for c in (first, *rest))


def test_a_spill_is_found():
    """The negative control of the report: the assembler's own words."""
    log = "16 bytes stack frame, 24 bytes spill stores, 8 bytes spill loads\nptxas info : Used 255 registers"
    assert offline._resources(log) == offline.Resources(255, 32, 16, 0)
