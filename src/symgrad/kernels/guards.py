"""A value for all entries but one, and another for that one: no test inside the loop.

The derivative of a cross-entropy is a probability at every class, except at the label, where another term stands. As
equations those are two terms, the first under the guard `k != y[n]`. The loop that writes the first may as well write
every cell, if the second then replaces the cell that the guard left out: what had been 0 plus the second.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Basic, Expr, Integer, Ne

from ..ir.access import Access
from . import loops


def replaced(kernel: loops.Kernel) -> loops.Kernel:
    """The kernel without guards whose cell is written afterwards."""
    return loops.rewritten(kernel, _nodes)


def _nodes(nodes: list[loops.Node]) -> list[loops.Node]:
    out: list[loops.Node] = []
    for node in nodes:
        node = loops.inside(node, _nodes)
        if isinstance(node, loops.Combine) and out and (pair := _pair(out[-1], node)):
            out[-1:] = pair
        else:
            out.append(node)
    return out


def _pair(loop: loops.Node, other: loops.Combine) -> list[loops.Node] | None:
    """The loop without its guard, and a store; None where the two do not fit."""
    if not isinstance(loop, loops.For) or loop.rows or other.op != "sum" or other.cell is None or other.masked:
        return None
    found = [i for i, n in enumerate(loop.body) if isinstance(n, loops.Store) and n.buffer == other.target]
    if len(found) != 1 or found[0] < 2 or _reads(loop, other.target) or other.target in _names([other.value]):
        return None
    start, guarded, store = loop.body[found[0] - 2 : found[0] + 1]
    value = _guarded(start, guarded, store)
    if value is None or not isinstance(guarded, loops.If) or not isinstance(store, loops.Store):
        return None
    if len(guarded.conditions) != 1:
        return None
    exception = _exception(guarded.conditions[0], loop)
    cell = None if exception is None else tuple(c.xreplace({loop.index: exception}) for c in store.cell)
    if exception is None or store.cell.count(loop.index) != 1 or cell != other.cell:
        return None
    body = [*loop.body[: found[0] - 2], loops.Store(store.buffer, store.cell, value), *loop.body[found[0] + 1 :]]
    if isinstance(start, loops.Set) and any(start.register in _mentioned(n) for n in loops.walk(body)):
        return None
    return [replace(loop, body=body), loops.Store(other.target, other.cell, other.value)]


def _guarded(start: loops.Node, guarded: loops.Node, store: loops.Node) -> Expr | None:
    """The value of `r = 0; if ...: r += value; cell = r`."""
    inner = guarded.body[0] if isinstance(guarded, loops.If) and len(guarded.body) == 1 else None
    fits = (
        isinstance(start, loops.Set) and start.value == Integer(0) and isinstance(store, loops.Store)
        and isinstance(inner, loops.Combine) and inner.cell is None and inner.op == "sum"
        and inner.target == start.register and store.value == Access(start.register)
    )  # fmt: skip
    return inner.value if fits and isinstance(inner, loops.Combine) else None


def _exception(condition: Basic, loop: loops.For) -> Expr | None:
    """The one index at which the condition fails, if the loop does not change it."""
    if not isinstance(condition, Ne) or loop.index not in condition.args:
        return None
    (other,) = [a for a in condition.args if a != loop.index] or [loop.index]
    written = {name for n in loops.walk(loop.body) for name in loops.written(n)}
    accesses = other.atoms(Access)
    steady = accesses and loop.index not in other.free_symbols and not {a.name for a in accesses} & written
    return other if steady and isinstance(other, Access) else None


def _reads(loop: loops.For, name: str) -> bool:
    return any(name in _names(loops.values(n)) for n in loops.walk(loop.body))


def _names(expressions) -> set[str]:
    return {a.name for e in expressions for a in e.atoms(Access)}


def _mentioned(node: loops.Node) -> set[str]:
    return _names(loops.values(node)) | set(loops.written(node))
