"""May the iterations of a loop be dealt out to lanes, or to teams? What becomes of what they share?

Iterations are independent if each register that they set is set before it is read and read nowhere else, and if each
buffer that they write has an axis that the loop's index alone decides. Shared is allowed where order does not matter:
a register into which they only combine (each lane combines into a part of its own, the parts are joined), the best of
all points, and sums into cells that they may meet in (atomic additions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Expr

from ....ir.access import Index
from ... import loops
from .uses import EXTREME, STORE, Use, by_name, common_axis, only_sums, uses, written

OPS = ("sum", "prod", "max", "min")


@dataclass(frozen=True)
class Shared:
    """What iterations share: registers into which they combine, by their reduction; extremes; buffers they meet in."""

    reduced: Mapping[str, str] = field(default_factory=dict)
    extremes: tuple[loops.Extreme, ...] = ()
    met: tuple[str, ...] = ()


def shared(
    kernel: loops.Kernel, loop: loops.For, outside: list[Use], own: frozenset[str] = frozenset()
) -> Shared | None:
    """What the iterations of `loop` share; None if they depend on one another.

    `outside` are the uses of the same function outside of the loop, `own` the buffers that each iteration has alone.
    """
    if loop.reverse:
        return None
    reduced: dict[str, str] = {}
    targets: set[str] = set()
    met: list[str] = []
    elsewhere = {u.name for u in outside}
    for name, found in by_name(uses(loop.body)).items():
        modes = {u.mode for u in found}
        if not written(found) or name in own:
            continue
        if name in kernel.registers:
            if modes == {EXTREME}:
                targets.add(name)
            elif len(modes) == 1 and modes <= set(OPS) and kernel.dtypes[name] != "bool":
                reduced[name] = next(iter(modes))
            elif not (found[0].mode == STORE and name not in elsewhere):
                return None
        elif not common_axis(found, loop.index):
            if not only_sums(found) or kernel.dtypes[name] == "bool":
                return None
            met.append(name)
    extremes = _extremes(loop.body, targets)
    return None if extremes is None else Shared(reduced, extremes, tuple(met))


def _extremes(body: list, targets: set[str]) -> tuple[loops.Extreme, ...] | None:
    """The nodes that find the extremes; None if two share a target, or a part of one stands in memory."""
    found = [n for n in loops.walk(body) if isinstance(n, loops.Extreme) and {n.target[0], *_args(n)} & targets]
    names = [name for n in found for name in (n.target[0], *_args(n))]
    alone = len(set(names)) == len(names) and set(names) == targets
    return tuple(found) if alone else None


def _args(node: loops.Extreme) -> tuple[str, ...]:
    return tuple(name for name, *_ in node.args)


def rows_shared(kernel: loops.Kernel, f: loops.Function, loop: loops.For) -> Shared | None:
    """What the rows share; None if they have to run in order. What stands before or behind them may share no memory
    with them that either writes."""
    outside = list(uses([n for n in f.body if n is not loop]))
    found = shared(kernel, loop, outside, frozenset(b.name for b in f.buffers))
    inside, around = by_name(uses(loop.body)), by_name(outside)
    for name in inside.keys() & around.keys() - kernel.registers:
        if written(inside[name]) or written(around[name]):
            return None
    return found


def index_sizes(nodes: list) -> dict[Index, Expr]:
    """The extent of each loop's index."""
    return {n.index: n.size for n in loops.walk(nodes) if isinstance(n, loops.For)}
