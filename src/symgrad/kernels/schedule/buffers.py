"""Where each tensor lives: a register, a row buffer of one function, or memory that the caller binds.

Tensors that only one group touches and that nobody asked for lose every axis that all their accesses share with the
loops around them. What stays in memory between groups reuses the buffers of tensors that are no longer needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Expr

from ...ir.access import Index
from ...ir.system import System
from .tree import Group, Loop, Statement, touches


@dataclass(frozen=True)
class Local:
    """A tensor of one function: the axes that are left (none: a register), and their extents."""

    group: int
    axes: tuple[int, ...]
    shape: tuple[Expr, ...]


@dataclass(frozen=True)
class Storage:
    local: Mapping[str, Local]
    buffer: Mapping[str, str]  # tensor in memory -> the buffer that holds it (its own name, or another's)
    work: tuple[str, ...]  # buffers that the kernel provides beside inputs and results


def store(system: System, groups: tuple[Group, ...], in_place: bool) -> tuple[Storage, Mapping[str, str]]:
    users = _users(groups)
    asked = {*system.results(), *(t.name for t in system.declared())}
    local: dict[str, Local] = {}
    for name, where in users.items():
        if name not in asked and len(where) == 1:
            found = _local(system, name, where[0], groups[where[0]])
            if found:
                local[name] = found
    buffer = {name: name for name in users if name not in local} | {name: name for name in asked}
    copies: dict[str, str] = {}
    if in_place:
        copies = _alias(system, groups, users, buffer)
    work = _reuse(system, users, buffer, asked)
    return Storage(local, buffer, work), copies


def _users(groups: tuple[Group, ...]) -> dict[str, list[int]]:
    users: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        for name in group.touched:
            users.setdefault(name, []).append(number)
    return users


def _local(system: System, name: str, number: int, group: Group) -> Local | None:
    if group.call or any(name == filled for filled, _ in group.fills):
        return None
    around, inside = _joint_scope(group.body, name)
    cells = [t.cell for t in touches(inside)[name]]
    around = _lasting(group.body, around, cells)
    rank = system.tensors[name].rank
    axes = tuple(a for a in range(rank) if not _fixed([c[a] for c in cells], around))
    return Local(number, axes, tuple(system.tensors[name].shape[a] for a in axes))


def _lasting(body: list, around: set[Index], cells: list) -> set[Index]:
    """The loops whose index may be left out: not those inside a recurrence that reads the tensor's earlier entries."""
    outside: set[Index] = set()
    loop = body[0] if len(body) == 1 and isinstance(body[0], Loop) else None
    while loop is not None and loop.index in around:
        mine = [[axis for axis, p in enumerate(cell) if loop.index in p.free_symbols] for cell in cells]
        if loop.ordered and any(mine) and not any(_fixed([c[a] for c in cells], {loop.index}) for a in mine[0]):
            return outside
        outside.add(loop.index)
        loop = next((n for n in loop.body if isinstance(n, Loop) and n.index in around), None)
    return around


def _fixed(positions: list[Expr], around: set[Index]) -> bool:
    return positions[0] in around and all(p == positions[0] for p in positions)


def _alias(system: System, groups, users, buffer: dict[str, str]) -> dict[str, str]:
    """Let the next value of a parameter overwrite it where no later read wants the old one; the others are copied."""
    copies = {}
    taken: set[str] = set()
    for old, new in system.updates.items():
        if (
            new in taken
            or new in system.outputs
            or new in system.updates
            or not _may_overwrite(groups, users, old, new)
        ):
            copies[old] = new
        else:
            buffer[new] = old
            taken.add(new)
    return copies


def _may_overwrite(groups, users, old: str, new: str) -> bool:
    writers = users.get(new, [])
    readers = users.get(old, [])
    if not writers or (readers and max(readers) > min(writers)):
        return False
    group = groups[writers[0]]
    if writers[0] not in readers:
        return not group.call or old not in group.touched
    if group.call or any(filled == new for filled, _ in group.fills):
        return False
    return _one_place(group.body, old, new)


def _one_place(body: list, old: str, new: str) -> bool:
    """All reads of `old` lie in the innermost loop body that writes `new`, at the same cell, and not after that."""
    around, inside = _joint_scope(body, old, new)
    found = touches(inside)
    cells = [t.cell for n in (old, new) for t in found[n]]
    first = cells[0]
    if any(c != first for c in cells) or not set(first) <= around or len(set(first)) != len(first):
        return False
    last_read = max(i for i, node in enumerate(inside) if old in touches([node]))
    return last_read <= min(i for i, node in enumerate(inside) if new in touches([node]))


def _joint_scope(body: list, *names: str) -> tuple[set[Index], list]:
    """The loops around every access of the tensors, and the nodes of the innermost one that hold them."""
    around: set[Index] = set()
    while True:
        inside = [node for node in body if any(n in touches([node]) for n in names)]
        if len(inside) != 1 or isinstance(inside[0], Statement):
            return around, inside
        around.add(inside[0].index)
        body = inside[0].body


def _reuse(system: System, users, buffer: dict[str, str], asked: set[str]) -> tuple[str, ...]:
    """Buffers of one shape and dtype follow one another; a linear scan over the groups."""
    spans = {n: (min(w), max(w)) for n, w in users.items() if buffer.get(n) == n and n not in asked}
    free: dict[tuple, list[tuple[int, str]]] = {}
    work: list[str] = []
    for name, (start, end) in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        tensor = system.tensors[name]
        pool = free.setdefault((tensor.shape, tensor.dtype), [])
        ready = [p for p in pool if p[0] < start]
        if ready:
            pool.remove(ready[0])
            buffer[name] = ready[0][1]
        else:
            work.append(name)
        pool.append((end, buffer[name]))
    return tuple(work)
