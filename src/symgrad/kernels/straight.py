"""Rows that are long straight-line code: tiles, in which a vector runs across rows.

A row of geometry (a rotation, a projection, its Jacobian) is hundreds of operations on a few vectors of two or three
entries. LLVM vectorises none of it: loops of three are no vectors, and entries of neighbouring rows do not lie side by
side. So the loops inside a row are written out, row buffers become registers, and rows are taken in tiles: a matrix
`X[n, 3]` is copied to `X_tile[3, lane]` by shuffles, all operations run over the rows of a tile, and results are copied
back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Add, Expr, Function, Integer, Mul, Pow

from ..ir.access import Access, Index
from . import loops
from .expressions import costly
from .hoist import divisors, reciprocal
from .phases import mapped

MOST = 512      # statements of a row
ENTRIES = 16    # of a row of a matrix that is copied: one shuffle for each
CACHED = 1024   # numbers of a tile: they stay in the first cache, beside what is fetched for the next tile
WIDEST, NARROWEST = 128, 16  # rows of a tile
PART = 100      # operations that are a loop of their own
EACH = 16       # operations of it for each register that it takes from the loop before
DENSE = 2       # operations for each entry that is copied: what does less than that waits for memory
WIDE = 10       # entries of a row: LLVM makes vectors of so many by itself

Cells = dict[str, int]  # a matrix -> the entries of a row


class Straight:
    """The rows' loop of one function as loops over tiles. `work` makes names and buffers."""

    def __init__(self, work: Any, rows: loops.For, body: list[loops.Node], cells: Cells, extents: Mapping[str, tuple]):
        self.work, self.rows, self.body, self.cells = work, rows, body, cells
        self.lane = Index("lane#straight")
        self.parts = parts(body, work.registers)
        crossing = sorted({r for p in self.parts for r in p.stores})
        self.width = Integer(_width(sum(cells.values()) + len(crossing)))
        self.buffers: list[loops.Buffer] = []
        self.tiles = {n: self._tile(n, extents[n]) for n in sorted(cells)}
        self.kept = {n: self._tile(n, ()) for n in crossing}

    def _tile(self, name: str, shape: tuple[Expr, ...]) -> str:
        shape, dtype = (*shape, self.width), self.work.dtypes[name]
        self.buffers.append(loops.Buffer(self.work.name(f"{name}_tile", dtype, len(shape)), shape, dtype))
        return self.buffers[-1].name

    def node(self) -> loops.Tiles:
        read, written = _touched(self.body)
        kept = _replaced(self.body)  # what was there before does not matter
        copies = {n: loops.Turned(n, self.tiles[n], self.cells[n]) for n in self.cells}
        filled = [c for n, c in copies.items() if n in read or (n in written and kept.get(n, 0) < self.cells[n])]
        emptied = [replace(c, back=True) for n, c in copies.items() if n in written]
        return loops.Tiles(self.rows.index, self.width, [*filled, *map(self._lanes, self.parts), *emptied])

    def _lanes(self, part: Part) -> loops.Lanes:
        return loops.Lanes(self.rows.index, self.lane, [
            *(loops.Set(r, Access(self.kept[r], self.lane)) for r in part.loads),
            *(mapped(n, self.value, self.target) for n in part.nodes),
            *(loops.Store(self.kept[r], (self.lane,), Access(r)) for r in part.stores),
        ])  # fmt: skip

    def value(self, expr: Any) -> Any:
        if isinstance(expr, Access):
            name, cell = self.target(expr.name, expr.indices)
            return Access(name, *(cell or ()))
        return expr.func(*map(self.value, expr.args)) if expr.has(Access) else expr

    def target(self, name: str, cell: tuple[Expr, ...] | None) -> tuple[str, tuple[Expr, ...] | None]:
        cell = None if cell is None else tuple(map(self.value, cell))
        return (self.tiles[name], (*cell[1:], self.lane)) if name in self.tiles and cell is not None else (name, cell)


def straight(work: Any, function: loops.Function, rows: loops.For, extents: Mapping[str, tuple]) -> Straight | None:
    """The rows in tiles, where they are straight-line code that has work for it."""
    if not any(map(_small, extents.values())) or _entrywise(rows, extents):
        return None
    body = list(_unrolled(rows.body)) if _points(rows.body) <= MOST else []
    if not body or not all(isinstance(n, loops.Set | loops.Store | loops.Combine) for n in body):
        return None
    cells = _cells(body, rows.index, extents)
    buffers = {b.name: b.dtype for b in function.buffers}
    if any(n in buffers and not all(c.is_Integer for c in cell) for n, cell in _accesses(body)):
        return None
    if not cells or sum(_operations(e) for n in body for e in loops.values(n)) < DENSE * sum(cells.values()):
        return None
    body = _divided_once(_registers(body, buffers, work.register), work.register, work.dtypes)
    return Straight(work, rows, [_free(n, rows.index) for n in _late(body)], cells, extents)


def _width(cells: int) -> int:
    width = WIDEST
    while width > NARROWEST and width * cells > CACHED:
        width //= 2
    return width


# ------------------------------------------------------------------------------------------------- straight-line code
def _points(nodes: list[loops.Node]) -> int:
    """How many statements are there when all loops are written out? MOST + 1 where the number is not known."""
    total = 0
    for node in nodes:
        if not isinstance(node, loops.For):
            total += 1
        elif node.size.is_Integer and not node.least and not node.below:
            total += int(node.size) * _points(node.body)
        else:
            return MOST + 1
    return total


def _unrolled(nodes: list[loops.Node]) -> Iterator[loops.Node]:
    for node in nodes:
        if isinstance(node, loops.For):
            turns = range(int(node.size))
            for turn in reversed(turns) if node.reverse else turns:
                at = {node.index: Integer(turn)}
                yield from _unrolled([_at(n, at) for n in node.body])
        elif isinstance(node, loops.If) and all(c == True for c in node.conditions):  # noqa: E712  (SymPy's)
            yield from _unrolled(node.body)
        elif not isinstance(node, loops.If) or not any(c == False for c in node.conditions):  # noqa: E712
            yield node


def _at(node: loops.Node, at: Mapping) -> loops.Node:
    """The node with numbers in the place of indices."""
    match node:
        case loops.For():
            return replace(node, body=[_at(n, at) for n in node.body])
        case loops.If():
            return loops.If(tuple(c.xreplace(at) for c in node.conditions), [_at(n, at) for n in node.body])
        case loops.Set() | loops.Store() | loops.Combine():
            return mapped(node, lambda e: e.xreplace(at), lambda name, cell: (name, _cell_at(cell, at)))
    return node


def _cell_at(cell: tuple[Expr, ...] | None, at: Mapping) -> tuple[Expr, ...] | None:
    return None if cell is None else tuple(c.xreplace(at) for c in cell)


def _registers(body: list[loops.Node], buffers: Mapping[str, str], register: Callable[[str, str], str]):
    """The body with a register for each cell of the row buffers (given with their dtypes)."""
    held: dict[tuple, str] = {}

    def target(name: str, cell):
        if name not in buffers:
            return name, cell
        if (name, cell) not in held:
            held[name, cell] = register("_".join(map(str, (name, *cell))), buffers[name])
        return held[name, cell], None

    def value(expr: Any) -> Any:
        return expr.xreplace({a: Access(target(a.name, a.indices)[0]) for a in expr.atoms(Access) if a.name in buffers})

    return [_register(mapped(n, value, target)) for n in body]


def _register(node: loops.Node) -> loops.Node:
    """`buffer[()] = value` of a buffer that has become a register."""
    return loops.Set(node.buffer, node.value) if isinstance(node, loops.Store) and node.cell is None else node


def _divided_once(body: list[loops.Node], register: Callable[[str, str], str], dtypes: Mapping[str, str]):
    """The body with one division for each value that several are divided by."""
    uses: dict[tuple, list[int]] = {}
    values: dict[str, int] = {}  # how often each register and array has changed
    for number, node in enumerate(body):
        for divisor in dict.fromkeys(divisors([node])):
            names = sorted({a.name for a in divisor.atoms(Access)})
            if names and all(dtypes[n] == "float" for n in names):
                uses.setdefault((divisor, *(values.get(n, 0) for n in names)), []).append(number)
        values |= {n: values.get(n, 0) + 1 for n in loops.written(node)}
    before: dict[int, list[loops.Node]] = {}
    body = list(body)
    for (divisor, *_), places in uses.items():
        if len(places) > 1:
            made, change = reciprocal(divisor, lambda stem: register(stem, "float"))
            before.setdefault(places[0], []).extend(made)
            for number in places:
                body[number] = mapped(body[number], change, lambda name, cell: (name, cell))
    return [made for number, node in enumerate(body) for made in (*before.get(number, ()), node)]


def _late(body: list[loops.Node]) -> list[loops.Node]:
    """The body with registers set to a number right before they are used."""
    waiting: dict[str, loops.Node] = {}
    out: list[loops.Node] = []
    for node in body:
        if isinstance(node, loops.Set) and not node.value.has(Access):
            waiting[node.register] = node
            continue
        mentioned = {a.name for e in loops.values(node) for a in e.atoms(Access)} | set(loops.written(node))
        out += [waiting.pop(n) for n in sorted(mentioned & waiting.keys())]
        out.append(node)
    return [*out, *waiting.values()]


def _free(node: loops.Node, row: Index) -> loops.Node:
    """A sum into what rows share: one value for all rows of a tile, in any order."""
    if not isinstance(node, loops.Combine) or node.op != "sum" or not node.cell:
        return node
    return node if any(c.has(row) for c in node.cell) else replace(node, loose=True)


# -------------------------------------------------------------------------------------------------------------- parts
@dataclass(frozen=True)
class Part:
    """Statements that run over a tile before the next part does; registers that come from parts before, and go on."""

    nodes: list[loops.Node]
    loads: list[str]
    stores: list[str]


def parts(body: list[loops.Node], registers: set[str]) -> list[Part]:
    """The body in two parts, if many operations follow the last costly function and use few registers of before.

    A processor looks a few hundred instructions ahead: in a short loop it works on the next rows while a division or
    a root of these is under way. (And the compiler's time grows faster than the length of a loop.)
    """
    uses = [_uses(n, registers) for n in body]
    cut = max((i + 1 for i, n in enumerate(body) if any(map(costly, loops.values(n)))), default=0)
    crossing = sorted(_set(uses[:cut]) & _needed(uses[cut:]))
    sums = _needed(uses) & _set(uses)  # over the rows
    after = sum(_operations(e) for n in body[cut:] for e in loops.values(n))
    if not cut or after < max(PART, EACH * len(crossing)) or sums & _needed(uses[:cut]) & _needed(uses[cut:]):
        return [Part(body, [], [])]
    return [Part(body[:cut], [], crossing), Part(body[cut:], crossing, [])]


Uses = list[tuple[set[str], set[str]]]  # of each statement: the registers that it reads, those that it writes


def _uses(node: loops.Node, registers: set[str]) -> tuple[set[str], set[str]]:
    read = {a.name for e in loops.values(node) for a in e.atoms(Access)}
    read |= set(loops.written(node)) if isinstance(node, loops.Combine) else set()
    return read & registers, set(loops.written(node)) & registers


def _set(uses: Uses) -> set[str]:
    return set().union(*(written for _, written in uses))


def _needed(uses: Uses) -> set[str]:
    """The registers that are read before they are set."""
    known: set[str] = set()
    needed: set[str] = set()
    for read, written in uses:
        needed |= read - known
        known |= written
    return needed


# ------------------------------------------------------------------------------------------------ what is worth a tile
def _accesses(body: list[loops.Node]) -> Iterator[tuple[str, tuple[Expr, ...]]]:
    """Every read and write of a cell."""
    for node in body:
        yield from ((a.name, a.indices) for e in loops.values(node) for a in e.atoms(Access))
        if isinstance(node, loops.Store | loops.Combine) and node.cell is not None:
            yield loops.written(node)[0], node.cell


def _touched(body: list[loops.Node]) -> tuple[set[str], set[str]]:
    """What is read, and what is written."""
    read = {a.name for n in body for e in loops.values(n) for a in e.atoms(Access)}
    return read, {name for n in body for name in loops.written(n)}


def _replaced(body: list[loops.Node]) -> dict[str, int]:
    """How many cells of each array are stored before anything is added to them."""
    first: dict[tuple, bool] = {}
    for node in body:
        if isinstance(node, loops.Store | loops.Combine) and node.cell is not None:
            first.setdefault((loops.written(node)[0], node.cell), isinstance(node, loops.Store))
    counts: dict[str, int] = {}
    for (name, _), stored in first.items():
        counts[name] = counts.get(name, 0) + stored
    return counts


def _small(extents: tuple[Expr, ...]) -> bool:
    """Can rows of these extents be copied to a tile?"""
    count = Mul(*extents)
    return bool(count.is_Integer and 1 < count <= ENTRIES)


def _entrywise(rows: loops.For, extents: Mapping[str, tuple]) -> bool:
    """Do loops along the row take wide matrices entry by entry? They are vectors as they stand: tiles gain at most a
    tenth at ten entries (an optimiser's update), lose half at sixteen, and take longer to compile."""
    matrices = [(extents[name], cell, nest) for name, cell, nest in _placed(rows.body) if extents.get(name)]
    return not _summed(rows.body, rows.index) and all(
        cell == (rows.index, *nest) and Mul(*shape).is_Integer and Mul(*shape) >= WIDE
        for shape, cell, nest in matrices
    )


def _summed(
    nodes: list[loops.Node], row: Index, nest: tuple[Index, ...] = (), own: frozenset[str] = frozenset()
) -> bool:
    """Is anything summed along the row? Sums over rows are not, nor are registers of one entry (`own`)."""
    own |= {n.register for n in nodes if isinstance(n, loops.Set)}
    for node in nodes:
        match node:
            case loops.For(body=body, index=index):
                found = _summed(body, row, (*nest, index))
            case loops.If(body=body):
                found = _summed(body, row, nest, own)
            case loops.Combine(target=name, cell=None):
                found = bool(nest) and name not in own
            case loops.Combine(cell=tuple() as cell):
                found = tuple(i for i in cell if i != row) != nest
            case _:
                found = False
        if found:
            return True
    return False


def _placed(nodes: list[loops.Node], nest: tuple[Index, ...] = ()) -> Iterator[tuple[str, tuple, tuple]]:
    """Every read and write of a cell, and the loops that it is in."""
    for node in nodes:
        if isinstance(node, loops.For | loops.If):
            yield from _placed(node.body, (*nest, node.index) if isinstance(node, loops.For) else nest)
        else:
            yield from ((name, cell, nest) for name, cell in _accesses([node]))


def _cells(body: list[loops.Node], row: Index, extents: Mapping[str, tuple]) -> Cells:
    """The matrices that are used by rows, at known places, half of them or more."""
    used: dict[str, set] = {}
    for name, cell in _accesses(body):
        if name in extents:
            used.setdefault(name, set()).add(cell)
    found: Cells = {}
    for name, places in sorted(used.items()):  # their order is that of a set
        count = Mul(*extents[name])
        known = all(cell[0] == row and all(c.is_Integer for c in cell[1:]) for cell in places if cell)
        if known and _small(extents[name]) and count <= 2 * len(places):
            found[name] = int(count)
    return found


def _operations(expr: Any) -> int:
    own = len(expr.args) - 1 if isinstance(expr, Add | Mul) else 0
    own += 20 if isinstance(expr, Function) and costly(expr) else int(isinstance(expr, Pow | Function))
    return own if isinstance(expr, Access) else own + sum(map(_operations, expr.args))
