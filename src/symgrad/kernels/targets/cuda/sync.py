"""Where the lanes of a team have to wait for one another.

Two accesses of a buffer need an order if one of them writes and different lanes may make them. They do not if the
loops of lanes around both have an index that is a position of the cell: iteration k is always run by the same lane;
nor if the leading lane makes both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sympy import Basic

from ....ir.access import Index, all_reads
from ... import loops
from . import nodes
from .uses import READ, uses

ALL, LEAD = "all", "lead"


@dataclass(frozen=True)
class Access:
    """One access of a buffer. `who`: all lanes, the leading one, or the axes at which the lane's own index stands."""

    name: str
    write: bool
    who: str | frozenset[int]
    added: bool = False  # atomically


def accesses(body: list, who: str = ALL, lane: Index | None = None) -> Iterator[Access]:
    """The accesses of a team's body, registers among them."""

    def made(name, cell, write, added=False):
        axes = frozenset(a for a, position in enumerate(cell) if position == lane)
        return Access(name, write, axes if lane is not None else who, added)

    def read(*expressions: Basic):
        return (made(a.name, a.indices, False) for a in all_reads(expressions))

    for node in body:
        match node:
            case nodes.Rows(body=inner):
                yield from accesses(inner, who, lane)
            case nodes.Lanes(index=index, body=inner):
                yield from accesses(inner, who, index)
            case nodes.Lead(body=inner):
                yield from accesses(inner, LEAD, lane)
            case loops.For(body=inner):
                yield from accesses(inner, who, lane)
            case loops.If(conditions=conditions, body=inner):
                yield from read(*conditions)
                yield from accesses(inner, who, lane)
            case nodes.Atomic(buffer, cell, value):
                yield from read(value, *cell)
                yield made(buffer, cell, True, added=True)
            case nodes.Best(value=value, here=here):
                yield from read(value, here)
            case nodes.Hit(value=value, extreme=extreme):
                yield from read(value, extreme)
            case nodes.Sync() | nodes.Join() | nodes.JoinBest() | nodes.Missing() | nodes.Deposit():
                pass
            case _:
                for use in uses([node]):
                    yield made(use.name, use.cell, use.mode != READ)


def synchronised(body: list, registers: frozenset[str]) -> list:
    """The body with a `Sync` around each node that writes what other lanes touch."""
    table: dict[str, list[Access]] = {}
    for access in accesses(body):
        if access.name not in registers:
            table.setdefault(access.name, []).append(access)
    unsafe = {name for name, found in table.items() if _unsafe(found)}
    return _placed(body, unsafe) if unsafe else body


def _unsafe(found: list[Access]) -> bool:
    if not any(a.write for a in found) or all(a.added for a in found) or all(a.who == LEAD for a in found):
        return False
    axes = [a.who for a in found]
    return any(isinstance(w, str) for w in axes) or not frozenset.intersection(*axes)


def _placed(body: list, unsafe: set[str]) -> list:
    out: list = []
    for node in body:
        if isinstance(node, nodes.Rows | loops.For | loops.If):
            out.append(replace(node, body=_placed(node.body, unsafe)))
        elif any(a.write and a.name in unsafe for a in accesses([node])):
            if not (out and isinstance(out[-1], nodes.Sync)):
                out.append(nodes.Sync())
            out += [node, nodes.Sync()]
        else:
            out.append(node)
    return out
