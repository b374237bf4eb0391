"""Kernels of many programs compiled to PTX, each text once, with what the assembler says about each.

Programs share most of their kernels' text (helpers always), and Numba takes half a second for one. So all of it lives
in one scope: a helper that is there is not compiled again, and a kernel that is there is only looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from symgrad.ir.system import System
from symgrad.kernels.device import ARCHITECTURES, offline_kernel
from symgrad.kernels.targets.cuda import offline
from symgrad.kernels.targets.cuda.record import Launched


@dataclass(frozen=True)
class Found:
    """One kernel on one architecture. `converts`: its module holds functions that are made for float64."""

    kernel: str
    arch: str
    resources: offline.Resources
    doubles: list[str]
    converts: bool = False


@dataclass
class Pool:
    """`pool.kernels(system)` are the kernels of a system; what was compiled before is not compiled again."""

    dtype: str = "float32"
    scope: dict[str, Any] = field(default_factory=lambda: {"__name__": "pool"})
    known: dict[str, str] = field(default_factory=dict)  # the first line of a part's definition -> the part
    found: dict[tuple, list[Found]] = field(default_factory=dict)

    def kernels(self, system: System, *archs: str) -> Iterator[Found]:
        kernel = offline_kernel(system, self.dtype)
        texts, converts = self._parts(kernel.source), "float64(" in kernel.source
        for launched in kernel.module.launches(*kernel.module.example()).launches:
            name = launched.kernel.__name__
            key = (texts[name], archs, *map(_kind, launched.arguments))
            if key not in self.found:
                self.found[key] = list(self._compiled(replace(launched, kernel=self.scope[name]), archs))
            yield from (replace(f, converts=converts) for f in self.found[key])

    def _parts(self, source: str) -> dict[str, str]:
        """Put the module's parts into the scope; the text of each kernel."""
        texts: dict[str, str] = {}
        for part in re.split(r"\n{3,}", source.split('"""', 2)[2].strip()):
            head = re.search(r"^(?:def )?(\w+)(?= =|\()", part, re.MULTILINE)
            name = head[1] if head else part
            if part.startswith("@cuda.jit\n"):
                texts[name] = re.sub(r"\bdef \w+\(", "def kernel(", part)
            if self.known.get(name) != part:
                self.known[name] = part
                exec(compile(part, name, "exec"), self.scope)  # our own text, made by emit
        return texts

    def _compiled(self, launched: Launched, archs: tuple[str, ...]) -> Iterator[Found]:
        for c in offline.compile_ptx([launched], *(ARCHITECTURES[a] for a in archs)):
            yield Found(c.name, f"sm_{c.arch[0]}{c.arch[1]}", c.resources(), c.doubles)


def _kind(value: Any) -> tuple:
    return (len(value.shape), str(value.dtype)) if hasattr(value, "shape") else (type(value).__name__,)
