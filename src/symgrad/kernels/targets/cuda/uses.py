"""What a list of nodes reads and writes, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Basic, Expr

from ....ir.access import Index, all_reads
from ... import loops

READ, STORE, EXTREME = "read", "store", "extreme"


@dataclass(frozen=True)
class Use:
    """One access. `mode`: read, store, extreme, or the reduction that combines into the cell."""

    name: str
    cell: tuple[Expr, ...]
    mode: str
    inside: tuple[Index, ...]  # the loops around it, within the nodes looked at


def uses(nodes: list, inside: tuple[Index, ...] = ()) -> Iterator[Use]:
    """Every access of registers and buffers."""
    for node in nodes:
        match node:
            case loops.Set(register, value):
                yield from _reads((value,), inside)
                yield Use(register, (), STORE, inside)
            case loops.Store(buffer, cell, value):
                yield from _reads((value, *cell), inside)
                yield Use(buffer, cell, STORE, inside)
            case loops.Combine(target, cell, op, value, _, masked):
                yield from _reads((value, *(cell or ()), *masked), inside)
                yield Use(target, cell or (), op, inside)
            case loops.Extreme(target, args, _, value):
                yield from _reads((value,), inside)
                for name, cell, *_ in (target, *args):
                    yield from _reads(cell or (), inside)
                    yield Use(name, cell or (), EXTREME, inside)
            case loops.First(register, index, _, value, extreme):
                yield from _reads((value, extreme), (*inside, index))
                yield Use(register, (), STORE, inside)
            case loops.If(conditions, body):
                yield from _reads(conditions, inside)
                yield from uses(body, inside)
            case loops.For(index, _, body):
                yield from uses(body, (*inside, index))
            case _:
                raise TypeError(f"{type(node).__name__} is no node of a GPU function")


def _reads(expressions: tuple[Basic, ...], inside: tuple[Index, ...]) -> Iterator[Use]:
    for access in all_reads(expressions):
        yield Use(access.name, access.indices, READ, inside)


def by_name(found: Iterator[Use] | list[Use]) -> dict[str, list[Use]]:
    """name -> its uses, in order."""
    table: dict[str, list[Use]] = {}
    for use in found:
        table.setdefault(use.name, []).append(use)
    return table


def common_axis(found: list[Use], index: Index) -> bool:
    """Is some axis `index` in every one of these accesses? Then iterations have cells of their own."""
    return any(all(u.cell[axis] == index for u in found) for axis in range(len(found[0].cell)))


def only_sums(found: list[Use]) -> bool:
    return all(u.mode == "sum" for u in found)


def written(found: list[Use]) -> bool:
    return any(u.mode != READ for u in found)
