"""What a pass adds to a kernel: registers, row buffers with scratch that holds them, sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sympy import Expr

from ..ir.access import fresh_names
from . import loops


@dataclass
class Additions:
    kernel: loops.Kernel
    dtypes: dict[str, str] = field(init=False)
    ranks: dict[str, int] = field(init=False)
    registers: set[str] = field(init=False)
    scratch: list[loops.Buffer] = field(init=False)
    extents: dict[Expr, str] = field(init=False)
    shared: dict[tuple, list[str]] = field(default_factory=dict)  # scratch that was added, by shape and dtype

    def __post_init__(self):
        self.dtypes, self.ranks = dict(self.kernel.dtypes), dict(self.kernel.ranks)
        self.registers, self.scratch = set(self.kernel.registers), list(self.kernel.scratch)
        self.extents = dict(self.kernel.extents)

    def name(self, stem: str, dtype: str, rank: int) -> str:
        found = next(fresh_names({*self.dtypes}, stem))
        self.dtypes[found], self.ranks[found] = dtype, rank
        return found

    def register(self, stem: str, dtype: str) -> str:
        found = self.name(stem, dtype, 0)
        self.registers.add(found)
        return found

    def extent(self, size: Expr) -> None:
        """Let `run` compute a size."""
        if not size.is_Integer:
            self.extents.setdefault(size, f"extent_{len(self.extents)}")

    def lend(self, buffer: loops.Buffer, mine: list[loops.Buffer]) -> str:
        """A scratch array for all chunks; functions run one after the other and share them."""
        key = (buffer.shape, buffer.dtype)
        position = [b for b in mine if (b.shape, b.dtype) == key].index(buffer)
        pool = self.shared.setdefault(key, [])
        if position == len(pool):
            name = self.name("scratch", buffer.dtype, len(buffer.shape) + 1)
            self.scratch.append(loops.Buffer(name, buffer.shape, buffer.dtype))
            pool.append(name)
        return pool[position]

    def made(self, steps: Iterable[loops.Step]) -> loops.Kernel:
        """The kernel of these steps."""
        return replace(
            self.kernel, steps=tuple(steps), dtypes=self.dtypes, ranks=self.ranks,
            registers=frozenset(self.registers), scratch=tuple(self.scratch), extents=self.extents,
        )  # fmt: skip
