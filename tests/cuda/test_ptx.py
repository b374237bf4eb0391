"""Every kernel of the catalogue and of the library, compiled to PTX without a GPU: it assembles for three
architectures, nothing spills, registers leave room for two blocks, and float32 stays float32.

Needs the extra `gpu`; skipped where it is not installed. Kernels of the same text are compiled once (`ptx.Pool`).
"""

import importlib
import importlib.util

import pytest
from catalogue import BY_NAME
from ptx import Found, Pool
from systems import CATALOGUED, LIBRARY, programs

from symgrad.kernels.device import ARCHITECTURES, offline_kernel
from symgrad.kernels.targets.cuda import needs, offline

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None or needs.simulated(), reason='needs pip install "symgrad[gpu]"'
)
CEILING = 128  # registers of a thread: two blocks of 256 threads fit on a multiprocessor, which has 65536
SINGLE = Pool("float32")


def faults(found: Found, ceiling: int = CEILING) -> list[str]:
    """What is wrong with a float32 kernel."""
    r = found.resources
    wrong = [f"{r.spilled} bytes spilled"] * bool(r.spilled) + [f"{r.stack} bytes of stack"] * bool(r.stack)
    wrong += [f"{r.registers} registers"] * (not 0 < r.registers <= ceiling)
    wrong += [f"{len(found.doubles)} instructions in double precision"] * bool(found.doubles)
    return [f"{found.kernel} for {found.arch}: {w}" for w in wrong]


@pytest.mark.parametrize("name", [*CATALOGUED, *LIBRARY])
def test_kernels_assemble_without_spills_or_double_precision(name):
    kernels = [k for program in programs(name) for k in SINGLE.kernels(program.kernel, *ARCHITECTURES)]
    assert {k.arch for k in kernels} == set(ARCHITECTURES)
    assert [fault for k in kernels for fault in faults(k)] == []


def test_faults_are_found():
    """The negative controls: the same kernels in float64, a lower ceiling, the assembler's own words about a spill."""
    kernels = list(Pool("float64").kernels(BY_NAME["function exp"].gradient().kernel, "sm_90"))
    assert any("double precision" in fault for k in kernels for fault in faults(k))
    assert any("registers" in fault for k in kernels for fault in faults(k, ceiling=8))
    log = "16 bytes stack frame, 24 bytes spill stores, 8 bytes spill loads\nptxas info : Used 255 registers"
    resources = offline._resources(log)
    assert resources == offline.Resources(255, 32, 16, 0)
    assert len(faults(Found("k", "sm_90", resources, []))) == 3


def test_one_typed_kernel_serves_every_architecture():
    """Its PTX is that of a compilation for that architecture alone, but for mangled names."""
    kernel = offline_kernel(BY_NAME["scatter"].gradient().kernel, "float32")
    for arch in ("sm_80", "sm_100"):
        alone = {c.name: c.ptx for c in kernel.ptx(arch)}
        launches = kernel.module.launches(kernel.module.example()).launches
        for c in offline.compile_ptx(launches, (9, 0), ARCHITECTURES[arch]):
            if c.arch == ARCHITECTURES[arch]:
                assert instructions(c.ptx) == instructions(alone[c.name]), (arch, c.name)


def instructions(ptx: str) -> list[str]:
    """The instructions with their registers, without names of functions and parameters."""
    lines = (line.split() for line in ptx.splitlines())
    return [" ".join(w for w in words if "_ZN" not in w) for words in lines if words and not words[0].startswith("//")]
