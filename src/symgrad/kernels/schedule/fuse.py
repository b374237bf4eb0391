"""Which loops are shared: units are placed, in order, into the earliest group of loops that may run them.

Two nests may share a loop if, for each tensor that one of them writes and the other touches, some axis is indexed by
exactly that loop's index in every access: then iterations work on cells of their own, and inside an iteration the order
of the statements is kept. Two accumulations into one tensor commute, so they need no such axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sympy import Mul

from ...ir.access import Access, Index
from ...ir.system import Range, System, Tensor
from .tree import Group, Loop, Statement, Touch, statements, touches, walk
from .units import EVERY, Fresh, Unit, letter

PRIVATE = 8192  # entries of a matrix that each chunk of rows may have for itself
SHORT = 32  # turns of a loop inside a short row
LARGEST = 120  # statements in one group: LLVM's time grows faster than the function


def private(tensor: Tensor, small: bool) -> bool:
    """May each chunk of rows have a sum of its own?"""
    entries = Mul(*tensor.shape)
    return tensor.rank <= 1 or (small and bool(entries.is_Integer and entries <= PRIVATE))


class Fusion:
    """The groups so far. `share=False` gives each unit a group of its own (the plain lowering, for tests). `small`: may
    rows sum into small matrices?"""

    def __init__(self, system: System, fresh: Fresh, share: bool = True, small: bool = True):
        self.system, self.fresh, self.share, self.small = system, fresh, share, small
        self.groups: list[Group] = []

    def call(self, contract) -> None:
        group = Group(call=contract)
        group.note(contract.touches())
        self.groups.append(group)

    def place(self, unit: Unit) -> None:
        """Put the unit into a group that is there, or into a new one at the end."""
        found = self._group(unit) if self.share else None
        if found is None:
            group, first = Group(), next(_candidates(unit), None)
            self.groups.append(group)
            self._place(group, unit, first)
        else:
            self._place(found[0], unit, found[1])

    def joins(self, unit: Unit) -> bool:
        """Would the unit sum over the rows of a group that is there?"""
        found = self._group(unit) if self.share else None
        return found is not None and found[1] is not None and found[1].index not in unit.free

    def _group(self, unit: Unit) -> tuple[Group, Range | None] | None:
        mine = unit.touches()
        ranks = {t.tensor: self.system.tensors[t.tensor].rank for t in mine}
        names = {n for n, rank in ranks.items() if rank or not unit.ranges}  # numbers are no reason to share a loop
        for group in self._since(mine):
            if group.call or group.count >= LARGEST or not names & set(group.touched):
                continue
            if not unit.ranges:
                if group.loop is None and not (unit.fill and group.fills):
                    return group, None
                continue
            loop = group.loop
            if loop is None or loop.ordered:
                continue
            for candidate in _candidates(unit):
                if self._wide(unit, candidate) or not _meets(loop, candidate, unit):
                    continue
                return group, candidate
        return None

    def _since(self, mine: list[Touch]) -> list[Group]:
        """The groups from the last one on that has to come before what touches `mine`."""
        backwards = reversed(range(len(self.groups)))
        return self.groups[next((i for i in backwards if _conflict(self.groups[i].touched, mine)), 0) :]

    def join(self, made: Group) -> None:
        """Put a group that is one loop over rows into one before it that works on the same rows, or at the end."""
        names, body = set(made.touched), touches(made.body)
        filled = {n for n, _ in made.fills}
        mine = [touch for found in body.values() for touch in found]
        mine += [Touch(n, (EVERY,) * self.system.tensors[n].rank, "assign") for n in sorted(filled)]
        share = self.share and not any(filled & set(g.touched) for g in self.groups)
        for group in self._since(mine) if share else ():
            loop, rows = group.loop, made.loop
            if not loop or not rows or loop.ordered or loop.size != rows.size or not names & set(group.touched):
                continue
            there = touches(loop.body)
            both = [n for n in body if n in there and _conflict({n: there[n]}, body[n])]
            if all(_separate(loop.index, rows.index, there[n], body[n]) for n in both):
                loop.body += [_mapped(node, {rows.index: loop.index}) for node in rows.body]
                group.note(mine)
                group.fills += made.fills
                group.count += made.count
                return
        self.groups.append(made)

    def rejoined(self) -> None:
        """Join groups that had nothing in common when they were begun, and have now: the first equation of one reads
        other tensors than the first of the other. Only short rows, whose values then stay in registers."""
        groups, self.groups = self.groups, []
        for group in groups:
            before = max((g.count for g in self.groups), default=0)
            if group.loop and not group.loop.ordered and _short(group) and group.count + before <= LARGEST:
                self.join(group)
            else:
                self.groups.append(group)

    def _wide(self, unit: Unit, candidate: Range) -> bool:
        """A reduction across the rows of a group is kept per chunk of rows: only for scalars, vectors, and what is
        known to be small."""
        return candidate.index not in unit.free and not private(self.system.tensors[unit.statement.tensor], self.small)

    def _place(self, group: Group, unit: Unit, first: Range | None) -> None:
        touched = unit.touches()
        if unit.fill and first is not None and first.index not in unit.free:
            group.fills.append((unit.statement.tensor, unit.statement.op))
            group.fills += [(name, "arg") for name in unit.statement.arg]
            unit = replace(unit, fill=False)
        if first is None:
            self.into(group.body, unit, ())
        else:
            loop = group.loop or Loop(first.index, first.size)
            if not group.body:
                group.body.append(loop)
            self._enter(loop, first, unit, ())
        group.note(touched)
        group.count += 1

    def _enter(self, loop: Loop, candidate: Range, unit: Unit, around: tuple[Index, ...]) -> None:
        rest = unit.inside(candidate, loop.index)
        self.into(loop.body, rest, (*around, loop.index))

    def into(self, body: list, unit: Unit, around: tuple[Index, ...]) -> None:
        """Place what is left of `unit` into the body of the loops `around`."""
        found = self._loop(body, unit)
        first = found[1] if found else next(_candidates(unit), None)
        if unit.fill and (first is None or first.index not in unit.free):
            self._fill(body, unit, around)
            unit = replace(unit, fill=False)
            found = self._loop(body, unit) if found else None
        if found:
            self._enter(*found, unit, around)
        elif first is not None:
            loop = Loop(first.index, first.size)
            body.append(loop)
            self._enter(loop, first, unit, around)
        else:
            body.insert(after(body, unit.statement.touches()), unit.statement)

    def _loop(self, body: list, unit: Unit) -> tuple[Loop, Range] | None:
        """A loop of `body` that may take the unit, and the range that becomes its index."""
        if not self.share:
            return None
        mine = unit.statement.touches()
        for loop in body[max(after(body, mine) - 1, 0) :]:
            if not isinstance(loop, Loop) or loop.ordered:
                continue
            for candidate in _candidates(unit):
                if _meets(loop, candidate, unit) and _alike(loop, unit) and not _leaves_register(unit, candidate):
                    return loop, candidate
        return None

    def _fill(self, body: list, unit: Unit, around: tuple[Index, ...]) -> None:
        """Give the cells that the unit writes inside `around` their identity first."""
        statement, shape = unit.statement, self.system.tensors[unit.statement.tensor].shape
        cell, loops = [], []
        for position, extent in zip(statement.write, shape):
            if position in around and position in unit.free:
                cell.append(position)
            else:
                index = self.fresh.index(letter(position) if isinstance(position, Index) else "i")
                loops.append(Loop(index, extent))
                cell.append(index)
        node: Loop | Statement = Statement(
            "fill", statement.tensor, tuple(cell), op=statement.op, arg=statement.arg, when=statement.when
        )
        for loop in reversed(loops):
            loop.body.append(node)
            node = loop
        body.insert(0, node)


def _mapped(node: Loop | Statement, mapping: dict) -> Loop | Statement:
    if isinstance(node, Statement):
        return node.map(mapping)
    return replace(node, body=[_mapped(inner, mapping) for inner in node.body])


def _short(group: Group) -> bool:
    """Are all loops inside its rows short, and known to be?"""
    inner = [n.size for n in walk(group.body) if isinstance(n, Loop) and n is not group.loop]
    return all(size.is_Integer and size <= SHORT for size in inner)


def _candidates(unit: Unit) -> Iterator[Range]:
    """The ranges that may come first, the preferred one first; `keep` indices stay in order."""
    kept = [r.index for r in unit.ranges if r.index in unit.keep]
    return (r for r in unit.ranges if r.index not in kept or r.index == kept[0])


def _commute(a: str, b: str) -> bool:
    return a == b and a != "assign"


def _conflict(there: dict[str, list[Touch]], mine: list[Touch]) -> bool:
    """Does some pair of accesses have to keep its order?"""
    return any(
        not _commute(t.mode, other.mode) and not _apart(t, other) for t in mine for other in there.get(t.tensor, ())
    )


def _apart(a: Touch, b: Touch) -> bool:
    """Different cells for every value of the loops around both, as h[t] and h[t - 1]."""
    return any(p != q and (p - q).is_Integer for p, q in zip(a.cell, b.cell))


def after(body: list, mine: list[Touch]) -> int:
    """The first position after everything that has to come before."""
    return max((i + 1 for i, node in enumerate(body) if _conflict(touches([node]), mine)), default=0)


def _meets(loop: Loop, candidate: Range, unit: Unit) -> bool:
    """May `loop` run the unit, with the loop's index in the place of the candidate?"""
    if loop.size != candidate.size:
        return False
    there = touches(loop.body)
    mine: dict[str, list[Touch]] = {}
    for touch in unit.statement.touches():
        mine.setdefault(touch.tensor, []).append(touch)
    return all(
        _separate(loop.index, candidate.index, there[name], mine[name])
        for name in mine
        if name in there and _conflict({name: there[name]}, mine[name])
    )


def _separate(index: Index, candidate: Index, there: list[Touch], mine: list[Touch]) -> bool:
    """Is some axis indexed by the loop in every access of the tensor?"""
    rank = len(there[0].cell)
    return any(
        all(t.cell[axis] == index for t in there) and all(t.cell[axis] == candidate for t in mine)
        for axis in range(rank)
    )


def _leaves_register(unit: Unit, candidate: Range) -> bool:
    """Would a sum that is innermost, and so stays in a register, be made cell by cell in memory?"""
    first = unit.ranges[0].index
    rest = {r.index for r in unit.ranges} - {candidate.index}
    return candidate.index not in unit.free and first in unit.free and bool(rest & set(unit.free))


def _alike(loop: Loop, unit: Unit) -> bool:
    """Loops that LLVM cannot vectorise (an arg, a scatter) are kept apart from those that it can."""
    if len(unit.ranges) > 1 or any(isinstance(node, Loop) for node in loop.body):
        return True
    simple = _simple(unit.statement)
    return all(_simple(s) == simple for s in statements(loop.body))


def _simple(statement: Statement) -> bool:
    return not statement.arg and not any(w.atoms(Access) for w in statement.write)
