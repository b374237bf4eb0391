"""A loop that computes a costly function and sums it becomes two: one that stores the values, one that sums them.

LLVM unrolls a loop with a sum several times beyond the vector's length, so that the sum does not wait for itself, and
leaves what does not fill all of that to scalar code: 36 of 100 entries. A loop without a sum is as wide as one vector,
and the loop that only sums is short. Done where the values are stored anyway.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from ..ir.access import Access
from . import loops
from .expressions import costly


def split(kernel: loops.Kernel) -> loops.Kernel:
    """The kernel with sums of costly values in loops of their own."""

    def nodes(body: list[loops.Node]) -> list[loops.Node]:
        out: list[loops.Node] = []
        for node in body:
            if isinstance(node, loops.For) and not node.rows and _flat(node):
                out += _apart(node, kernel)
            else:
                out.append(loops.inside(node, nodes))
        return out

    return loops.rewritten(kernel, nodes)


def _flat(loop: loops.For) -> bool:
    return all(isinstance(n, loops.Set | loops.Store | loops.Combine) for n in loop.body)


def _apart(loop: loops.For, kernel: loops.Kernel) -> list[loops.Node]:
    sums = [n for n in loop.body if isinstance(n, loops.Combine) and n.cell is None and n.loose and n.op == "sum"]
    rest = [n for n in loop.body if n not in sums]
    stored = {
        n.value.name: Access(n.buffer, *n.cell) for n in rest
        if isinstance(n, loops.Store) and isinstance(n.value, Access) and n.value.name in kernel.registers
    }  # fmt: skip
    moved = [replace(n, value=_from_memory(n.value, stored)) for n in sums]
    if not sums or not any(costly(e) for n in rest for e in loops.values(n)) or not _free(moved, sums, rest, kernel):
        return [loop]
    return [replace(loop, body=rest), replace(loop, body=list(moved))]


def _from_memory(value: Expr, stored: dict[str, Access]) -> Expr:
    return value.xreplace({a: stored[a.name] for a in value.atoms(Access) if a.name in stored})


def _free(moved: list[loops.Combine], sums: list[loops.Combine], rest: list[loops.Node], kernel: loops.Kernel) -> bool:
    """Do the sums use nothing else that the loop changes, and nothing else uses them? Each entry is written once."""
    own = {n.target for n in sums}
    changed = {name for n in rest for name in loops.written(n)}
    used = {a.name for n in rest for e in loops.values(n) for a in e.atoms(Access)}
    if own & (changed | used) or any(costly(n.value) for n in moved):
        return False
    read = {a for n in moved for e in loops.values(n) for a in e.atoms(Access)}
    writes = [(n.buffer, n.cell) for n in rest if isinstance(n, loops.Store)]
    if len({b for b, _ in writes}) < len(writes):
        return False
    return all(a.name not in changed or (a.name, a.indices) in writes for a in read)
