"""Every kernel of the catalogue and of the library, compiled to PTX without a GPU: it assembles for three
architectures, nothing spills, a block finds its registers, and float32 stays float32.

Needs the extra `gpu`; skipped where it is not installed. Kernels of the same text are compiled once (`ptx.Pool`).
"""

import importlib.util
import re
from dataclasses import replace

import pytest
from catalogue import BY_NAME, FUNCTIONS
from ptx import Found, Pool
from systems import CATALOGUED, LIBRARY, programs

from symgrad.kernels.device import ARCHITECTURES, offline_kernel
from symgrad.kernels.targets.cuda import needs, offline

if importlib.util.find_spec("numba_cuda") is None or needs.simulated():
    pytest.skip('needs pip install "symgrad[gpu]"', allow_module_level=True)

BLOCK = 256  # threads of a block; a multiprocessor has 65536 registers
# no more than one block of them needs; on the newer architectures a bound just above the most that was seen (146)
CEILING = {"sm_80": 65536 // BLOCK, "sm_90": 168, "sm_100": 168}
# made for float64, also in a float32 kernel (kernels/spelling.py): near their poles and for large arguments they reduce
# by sines, whose reduction keeps 40 bytes in local memory
CONVERTING = {
    "exprel", "exprel_moment", "sinc", "spherical_jn", "lgamma", "digamma", "trigamma", "polygamma",
}  # fmt: skip
REDUCTION = 40
SINGLE = Pool("float32")


def faults(found: Found) -> list[str]:
    """What is wrong with a float32 kernel."""
    r = found.resources
    ceiling = CEILING[found.arch]
    wrong = [f"{r.spilled} bytes spilled"] * bool(r.spilled) + [f"{r.registers} registers"] * (r.registers > ceiling)
    wrong += [f"{r.stack} bytes of stack"] * (r.stack > (REDUCTION if found.converts else 0))
    wrong += [f"{len(found.doubles)} instructions in double precision"] * bool(found.doubles and not found.converts)
    return [f"{found.kernel} for {found.arch}: {w}" for w in wrong]


@pytest.mark.parametrize("name", [*CATALOGUED, *LIBRARY])
def test_kernels_assemble_without_spills_or_double_precision(name):
    kernels = [k for program in programs(name) for k in SINGLE.kernels(program.kernel, *ARCHITECTURES)]
    assert {k.arch for k in kernels} == set(ARCHITECTURES)
    assert [fault for k in kernels for fault in faults(k)] == []


def test_faults_are_found():
    """The negative controls: the same kernels in float64, and the assembler's own words about a spill."""
    for found in Pool("float64").kernels(BY_NAME["function exp"].gradient().kernel, "sm_90"):
        single = replace(found, converts=False)  # as if float32 had been asked for
        assert not found.doubles or "double precision" in " ".join(faults(single))
    assert found.doubles
    log = "48 bytes stack frame, 24 bytes spill stores, 8 bytes spill loads\nptxas info : Used 255 registers"
    resources = offline._resources(log)
    assert resources == offline.Resources(255, 32, 48, 0)
    assert len(faults(Found("k", "sm_90", resources, []))) == 3


def test_which_functions_are_computed_in_double_precision():
    names = {e.name: offline_kernel(e.gradient().kernel, "float32").source for e in FUNCTIONS}
    assert {n.removeprefix("function ") for n, source in names.items() if "float64(" in source} == CONVERTING


def test_one_typed_kernel_serves_every_architecture():
    """Its PTX is that of a compilation for that architecture alone, but for mangled names."""
    kernel = offline_kernel(BY_NAME["scatter"].gradient().kernel, "float32")
    for arch in ("sm_80", "sm_100"):
        alone = {c.name: c.ptx for c in kernel.ptx(arch)}
        launches = kernel.module.launches(*kernel.module.example()).launches
        for c in offline.compile_ptx(launches, (9, 0), ARCHITECTURES[arch]):
            if c.arch == ARCHITECTURES[arch]:
                assert instructions(c.ptx) == instructions(alone[c.name]), (arch, c.name)


def instructions(ptx: str) -> list[str]:
    """The lines without names of functions, parameters and shared arrays, which are numbered through."""
    return [re.sub(r"_ZN\w+|_cudapy_smem_\d+", "", line) for line in ptx.splitlines() if not line.startswith("//")]
