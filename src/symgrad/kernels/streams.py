"""Results that are too large for the caches are written past them.

An ordinary store first fetches the line that it writes to, and later pushes other lines out. So a tile of rows is
written to a strip of memory that stays in cache, and copied from there by stores that do neither, while the next tile
is computed in another strip (`pace`). The sizes when the kernel runs decide: where the arrays are not large, what
stands for the strip is the array itself.

Only for arrays of which a row writes every cell before it reads one, and that no other step of the kernel touches; and
only where the loop that writes them computes no costly function: beside one, ordinary stores cost no time, while those
past the caches, of which a core has few under way, come after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sympy import Expr, Max, Min, Mul, floor

from ..ir.access import Access, Index
from . import loops
from .across import LEAST
from .additions import Additions
from .expressions import costly
from .pace import paced
from .phases import mapped

ENTRIES = 2048  # of the rows of a tile, for each array: strips stay in the first cache
MOST = 1024  # rows of a tile
AT = Index("at#strip")  # a row's place in its strip

Shapes = Mapping[str, tuple[Expr, ...]]


def streamed(kernel: loops.Kernel) -> loops.Kernel:
    """The kernel with strips for its results."""
    work = _Work(kernel)
    return work.made([work.step(s) if isinstance(s, loops.Launch) else s for s in kernel.steps])


class _Work(Additions):
    def step(self, step: loops.Launch) -> loops.Launch:
        function = step.function
        shapes = self.results(step)
        if not function.parallel or any(isinstance(n, loops.Dot) for n in loops.walk(function.body)):
            return step
        made: list[loops.Buffer] = []
        body = [self.node(n, shapes, made) for n in function.body]
        if not made:
            return step
        lent = {b.name: self.lend(b, made) for b in made}
        least = max(function.least, LEAST if any(len(shapes[a]) == 1 for a in shapes) else 1)
        function = replace(function, body=body, buffers=(*function.buffers, *made), least=least)
        return replace(step, function=function, scratch={**step.scratch, **lent})

    def results(self, step: loops.Launch) -> Shapes:
        """The arrays of numbers, a row of each for every row of the loop, that no other step touches."""
        function, kernel = step.function, self.kernel
        elsewhere = {name for other in kernel.steps if other is not step for name in _touched(other)}
        kept = {b.name for b in (*function.partial, *function.buffers)}
        found = {a: kernel.shapes[b] for a, b in zip(function.arrays, step.arguments) if b not in elsewhere}
        return {
            a: shape for a, shape in found.items()
            if shape and shape[0] == function.extent and a not in kept and self.dtypes[a] == "float"
        }  # fmt: skip

    def node(self, node: loops.Node, shapes: Shapes, made: list[loops.Buffer]) -> loops.Node:
        """The rows' loop in tiles with strips; where short rows have a form of their own, only that for long ones."""
        if isinstance(node, loops.Choice):
            return replace(node, no=[self.node(n, shapes, made) for n in node.no])
        if not isinstance(node, loops.Tiles) and not (isinstance(node, loops.For) and node.rows):
            return node
        found = [a for a, shape in shapes.items() if _whole(node.body, a, node.index, shape)]
        if not found:
            return node
        if isinstance(node, loops.For):
            lanes = loops.Lanes(node.index, Index("lane#strip"), node.body)
            node = loops.Tiles(node.index, self.width(shapes[a] for a in found), [lanes])
        strips = tuple(self.strip(a, (2 * node.width, *shapes[a][1:]), made) for a in found)
        node = paced(replace(node, body=_moved(node.body, {s.array: s.strip for s in strips}), strips=strips))
        for extent in (2 * node.width, *filter(None, [node.parts])):
            self.extent(extent)
        return node

    def width(self, shapes: Iterable[tuple[Expr, ...]]) -> Expr:
        size = Max(1, Min(MOST, floor(ENTRIES / Max(1, *(Mul(*shape[1:]) for shape in shapes)))))
        self.extent(size)
        return size

    def strip(self, array: str, shape: tuple[Expr, ...], made: list[loops.Buffer]) -> loops.Strip:
        strip = self.name(f"{array}_strip", "float", len(shape))
        made.append(loops.Buffer(strip, shape, "float"))
        state = (self.register(f"{array}_{word}", "int") for word in ("at", "end", "shift", "step"))
        return loops.Strip(array, strip, Mul(*shape[1:]), *state)


def _touched(step: loops.Step) -> Iterator[str]:
    """The arrays that a step mentions."""
    match step:
        case loops.Launch():
            yield from step.arguments
        case loops.Fill():
            yield step.buffer
        case loops.Copy():
            yield from (step.source, step.target)
        case loops.Routine():
            yield from (name for name, *_ in step.operands)
        case loops.Dot():
            yield from (step.out.buffer, step.a.buffer, step.b.buffer)
        case loops.Gram():
            yield from (step.out, *step.arrays)


def _whole(nodes: list[loops.Node], array: str, row: Index, shape: tuple[Expr, ...]) -> bool:
    """Does a row write every cell of its own before it reads one, and touch no cell of another row?"""
    cells = [cell for n in loops.walk(nodes) for name, cell in _accesses(n) if name == array]
    others = any(isinstance(n, loops.Extreme | loops.First | loops.Turned) and array in _names(n)
                 for n in loops.walk(nodes))  # fmt: skip
    few = len(shape) == 1 and any(isinstance(n, loops.For) for n in loops.walk(nodes))  # a number for each row
    alone = not others and not few and all(c and c[0] == row for c in cells)
    return alone and bool(_covered(nodes, array, shape[1:], {}))


def _covered(nodes: list[loops.Node], array: str, extents: tuple, around: dict[Expr, Expr]) -> bool | None:
    """Is the first statement that mentions the array a store into all cells of the row? None: nothing mentions it."""
    for node in nodes:
        match node:
            case loops.For():
                cut = node.least or node.below
                inner = _covered(node.body, array, extents, around | ({} if cut else {node.index: node.size}))
            case loops.Lanes() | loops.Tiles():
                inner = _covered(node.body, array, extents, around)
            case loops.Store(buffer=name, cell=cell) if name == array:
                read = any(a.name == array for e in loops.values(node) for a in e.atoms(Access))
                whole = not read and len(set(cell)) == len(cell) and tuple(map(around.get, cell[1:])) == extents
                inner = whole and not _computes(nodes)
            case _:
                mentions = any(name == array for n in loops.walk([node]) for name, _ in _accesses(n))
                inner = False if mentions else None
        if inner is not None:
            return inner
    return None


def _names(node: loops.Node) -> set[str]:
    return {node.matrix, node.tile} if isinstance(node, loops.Turned) else set(loops.written(node))


def _computes(nodes: list[loops.Node]) -> bool:
    """Is there a costly function, or a loop, beside the statements?"""
    return any(isinstance(n, loops.For | loops.First) or any(map(costly, loops.values(n))) for n in nodes)


def _accesses(node: loops.Node) -> Iterator[tuple[str, tuple[Expr, ...]]]:
    yield from ((a.name, a.indices) for e in loops.values(node) for a in e.atoms(Access))
    if isinstance(node, loops.Store):
        yield node.buffer, node.cell
    if isinstance(node, loops.Combine) and node.cell is not None:
        yield node.target, node.cell
    if isinstance(node, loops.Extreme | loops.First):
        yield from ((name, ()) for name in loops.written(node))


def _moved(nodes: list[loops.Node], to: Mapping[str, str]) -> list[loops.Node]:
    """The statements with rows of the arrays in their strips."""

    def placed(name: str, cell: tuple[Expr, ...]) -> tuple[str, tuple[Expr, ...]]:
        return (to[name], (AT, *cell[1:])) if name in to else (name, cell)

    def value(expr: Any) -> Any:
        if isinstance(expr, Access):
            name, cell = placed(expr.name, tuple(map(value, expr.indices)))
            return Access(name, *cell)
        return expr.func(*map(value, expr.args)) if expr.has(Access) else expr

    def target(name: str, cell: tuple[Expr, ...] | None) -> tuple[str, tuple[Expr, ...] | None]:
        return (name, cell) if cell is None else placed(name, tuple(map(value, cell)))

    out: list[loops.Node] = []
    for node in nodes:
        match node:
            case loops.Lanes():
                out.append(replace(node, body=_moved(node.body, to), at=AT))
            case loops.For():
                out.append(replace(node, body=_moved(node.body, to)))
            case loops.If():
                out.append(loops.If(tuple(map(value, node.conditions)), _moved(node.body, to)))
            case loops.Turned():
                out.append(node)
            case _:
                out.append(mapped(node, value, target))
    return out
