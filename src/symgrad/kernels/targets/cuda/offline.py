"""PTX without a GPU, and what the assembler says about it: registers, spills, instructions."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from .record import Launched, Spec

Arch = tuple[int, int]  # compute capability, (9, 0) for sm_90
DOUBLE = re.compile(r"^\s*(?!ld|st|mov|cvta)[a-z]\w*(?:\.\w+)*\.f64\b", re.MULTILINE)


@dataclass(frozen=True)
class Compiled:
    """A kernel's PTX for one architecture."""

    name: str
    arch: Arch
    ptx: str

    @property
    def doubles(self) -> list[str]:
        """The instructions that compute in double precision."""
        return [line.strip() for line in self.ptx.splitlines() if DOUBLE.match(line)]

    def resources(self) -> Resources:
        """What the assembler allots; raises where the PTX is not valid."""
        return assembled(self.ptx, self.arch)


@dataclass(frozen=True)
class Resources:
    registers: int  # of a thread
    spilled: int  # bytes that do not fit into registers, stored and loaded
    stack: int  # bytes
    shared: int  # bytes of a block


def compile_ptx(launches: Sequence[Launched], *archs: Arch) -> Iterator[Compiled]:
    """The PTX of each kernel for each architecture, once for each signature.

    Typing and lowering take most of the time and do not depend on the architecture (from 8.0 on), so they are done
    once. Numba's `compile` would repeat them, so what it calls itself is called here.
    """
    numba: Any = importlib.import_module("numba.cuda.compiler")  # an optional package
    types = numba.types
    seen: set[tuple] = set()
    for launched in launches:
        name, signature = launched.kernel.__name__, tuple(_type(types, a) for a in launched.arguments)
        if (name, signature) in seen:
            continue
        seen.add((name, signature))
        with without_device(archs[0]):
            function, kinds = launched.kernel.py_func, types.void(*signature)
            library, _ = numba._compile_pyfunc_with_fixup(function, kinds, device=False, abi="numba", cc=archs[0])
        for arch in archs:
            yield Compiled(name, arch, library.get_asm_str(cc=arch))


def _type(types: Any, value: Any):
    if isinstance(value, Spec):
        return types.Array(_scalar(types, value.dtype), len(value.shape), "C")
    if isinstance(value, np.generic):
        return _scalar(types, value.dtype)
    return types.boolean if isinstance(value, bool) else types.int64


def _scalar(types: Any, dtype: np.dtype):
    return types.boolean if dtype == np.bool_ else getattr(types, dtype.name)


@contextmanager
def without_device(arch: Arch):
    """Device functions are compiled for the current device, which numba-cuda asks the driver for; here for `arch`."""
    dispatcher: Any = importlib.import_module("numba.cuda.dispatcher")
    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=arch)
    try:
        yield
    finally:
        dispatcher.get_current_device = asked


def assembled(ptx: str, arch: Arch) -> Resources:
    """The report of nvJitLink's assembler."""
    from cuda.bindings import nvjitlink  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    options = [f"-arch=sm_{arch[0]}{arch[1]}", "-Xptxas=-v", "-verbose"]
    handle = nvjitlink.create(len(options), options)
    try:
        data = ptx.encode() + b"\0"
        nvjitlink.add_data(handle, nvjitlink.InputType.PTX, data, len(data), "kernel")
        nvjitlink.complete(handle)
        log = bytearray(nvjitlink.get_info_log_size(handle))
        nvjitlink.get_info_log(handle, log)
    finally:
        nvjitlink.destroy(handle)
    return _resources(log.decode(errors="replace"))


_COUNTS: Mapping[str, str] = {
    "registers": r"Used (\d+) registers", "spilled": r"(\d+) bytes spill (?:stores|loads)",
    "stack": r"(\d+) bytes stack frame", "shared": r"(\d+) bytes smem",
}  # fmt: skip


def _resources(log: str) -> Resources:
    total: Callable[[str], int] = lambda pattern: sum(map(int, re.findall(pattern, log)))  # noqa: E731
    return Resources(**{name: total(pattern) for name, pattern in _COUNTS.items()})
