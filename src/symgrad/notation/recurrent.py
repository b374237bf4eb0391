"""Recurrences in a text: which tensors are defined through themselves or each other, before any line is read.

Such a tensor may be read in its own line and in those before it. What its axes measure is not known then, so a read of
it at a plain index only says that two sizes are equal, and one at `t - 1` says nothing; both are checked when the
program is complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace

from ..errors import RecurrenceError
from ..ir.access import Index, Size
from ..ir.recurrence import arranged, components, plainly, scans
from ..ir.system import Equation, Tensor
from . import grammar as g
from .draft import Draft
from .lines import Line, refuse


def foresee(draft: Draft, lines: Sequence[tuple[Line, g.Node, g.Read]]) -> None:
    """Give every tensor of a circle of definitions a shape of unknown sizes, so that it can be read ahead. `lines` has
    each line with its right side and what it defines."""
    names = list(dict.fromkeys(head.name for _, _, head in lines))
    number = {name: n for n, name in enumerate(names)}
    read: list[dict[int, tuple[Line, int]]] = [{} for _ in names]
    for line, side, head in lines:
        for name, column in _reads(side):
            if name in number:
                read[number[head.name]].setdefault(number[name], (line, column))
    for members in components([sorted(r) for r in read]):
        if len(members) > 1 or members[0] in read[members[0]]:
            for _, _, head in lines:
                if number[head.name] in members:
                    _foreseen(draft, head, read[number[head.name]], members)


def _reads(node: g.Node) -> Iterator[tuple[str, int]]:
    """The names in a formula that are not letters of a reduction, each with its column."""
    match node:
        case g.Name(id=name):
            yield name, node.column
        case g.Read():
            yield node.name, node.column
    bound = {letter.id for letter in node.letters} if isinstance(node, g.Reduce) else set()
    for part in _parts(node):
        yield from (found for found in _reads(part) if found[0] not in bound)


def _parts(node: g.Node) -> Iterable[g.Node]:
    for field in fields(node):
        content = getattr(node, field.name)
        if field.name != "letters" and isinstance(content, tuple):
            yield from content
        elif isinstance(content, g.Node):
            yield content


def _foreseen(draft: Draft, head: g.Read, read: dict[int, tuple[Line, int]], members: list[int]) -> None:
    if not head.positions:
        line, column = next(place for other, place in sorted(read.items()) if other in members)
        refuse(
            f"{head.name} is defined by itself, and it has no index along which it could grow.",
            line.text,
            {column: ""},
            f"A recurrence reads an earlier entry: {head.name}[t] = where(t == 0, ..., {head.name}[t-1] ...).\n"
            f"If the next value of {head.name} is meant, give it a name of its own, as in {head.name}_next.",
            RecurrenceError,
        )
    plain = tuple(isinstance(p, g.Name) for p in head.positions)
    before = draft.recurrent.get(head.name)
    if before is not None:
        draft.recurrent[head.name] = tuple(a and b for a, b in zip(before, plain))
        return
    draft.recurrent[head.name] = plain
    letters = tuple(p.id if isinstance(p, g.Name) else "ijklmnpqrst"[a % 11] for a, p in enumerate(head.positions))
    shape = tuple(Size(f"{letter.upper()}?{draft.number()}") for letter in letters)
    draft.tensors[head.name] = Tensor(head.name, shape, letters=letters)


def ahead(draft: Draft, name: str) -> bool:
    """Is the tensor read before all its lines are?"""
    return name in draft.recurrent and bool(draft.remaining.get(name))


def circles(equations: Sequence[Equation]) -> dict[str, set[str]]:
    """tensor -> the tensors of the recurrence to which it belongs."""
    return {name: set(scan.axes) for name, scan in scans(equations).items()}


def in_order(
    tensors: dict[str, Tensor], equations: Sequence[Equation], recurrent: Iterable[str]
) -> tuple[Equation, ...]:
    """The equations, each after what it reads; in a recurrence `h[t+1] = f(h[t])` is `h[t] = f(h[t-1])` where t > 0."""
    recurrent = set(recurrent)
    if not recurrent:
        return tuple(equations)
    return arranged([_shifted_back(eq, tensors[eq.tensor]) if eq.tensor in recurrent else eq for eq in equations])


def _shifted_back(eq: Equation, tensor: Tensor) -> Equation:
    """Plain writes along each axis that some line writes shifted."""
    for axis in range(tensor.rank):
        places = [t.write[axis] for t in eq.terms]
        if any(p.has(Index) and not isinstance(p, Index) for p in places):
            terms = tuple(plainly(t, axis, tensor.shape[axis], tensor.letters[axis]) for t in eq.terms)
            eq = replace(eq, terms=terms)
    return eq
