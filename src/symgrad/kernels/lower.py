"""From a schedule to loops: the only file that sees both.

In each loop body a tensor that is written there, and accessed at one cell only, is kept in a register: it is loaded
first
(unless it is defined there), combined, and stored after its last write if anybody else wants it. Element-wise chains
and row reductions so pass through registers whatever their tensors are called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sympy import Expr, Integer, oo

from ..ir.access import Access, Index, Size, all_reads, fresh_names, size_symbols
from ..ir.calls import row_of
from ..ir.system import Call, System
from . import loops
from .schedule.fuse import private
from .schedule.plan import Schedule
from .schedule.tree import Contract, Gram, Group, Loop, Piece, Routine, Statement, statements, touches, walk

ROWS = 128      # rows of a symmetric product that are scaled and multiplied at once
PIECES = 8      # chunks of them, each with a sum of its own
IDENTITY = {"sum": Integer(0), "prod": Integer(1), "max": -oo, "min": oo}


def lower(plan: Schedule) -> loops.Kernel:
    """The kernel that runs `plan`."""
    names = _Names(plan)
    steps: list[loops.Step] = []
    for number, group in enumerate(plan.groups):
        steps += _group(plan, group, number, names)
    steps += [loops.Copy(plan.storage.buffer[new], old) for old, new in plan.copies.items()]
    arrays = _arrays(plan)
    sizes, extents = _extents(plan)
    scratch = tuple(b for pool in names.scratch.values() for b in pool)
    shapes = {n: plan.system.tensors[n].shape for n in arrays}
    return loops.Kernel(
        tuple(steps), arrays, names.dtypes, names.ranks, shapes, frozenset(names.registers), sizes, extents, scratch
    )


def _arrays(plan: Schedule) -> tuple[str, ...]:
    """Every buffer in memory: declared tensors, results, work."""
    system, buffer = plan.system, plan.storage.buffer
    declared = [t.name for t in system.declared()]
    results = [buffer[n] for n in system.results()]
    return tuple(dict.fromkeys((*declared, *results, *plan.storage.work)))


def _extents(plan: Schedule) -> tuple[tuple[Expr, ...], dict[Expr, str]]:
    """The size variables, and a name for each extent that is an expression of them."""
    found: list[Expr] = []
    for tensor in plan.system.tensors.values():
        found += tensor.shape
    for group in plan.groups:
        calls = [s.call for s in statements(group.body)] + [group.call]
        for operand in (o for call in calls if isinstance(call, Contract) for o in (call.out, call.a, call.b)):
            found += [r.size for part in (operand.rows, operand.columns) for r in part]
        found += [node.size for node in walk(group.body) if isinstance(node, Loop)]
        for statement in statements(group.body):
            found += [s for p in statement.pieces for e in (p.body, *p.guard) for s in size_symbols(e)]
            found += [s for e in statement.when for s in size_symbols(e)]
            found += [s for t in statement.touches() for e in t.cell for s in size_symbols(e)]
    sizes = {s for e in found for s in size_symbols(e)}
    odd = dict.fromkeys(e for e in found if not isinstance(e, Size) and not e.is_Integer)
    return tuple(sorted(sizes, key=str)), {e: f"extent_{i}" for i, e in enumerate(odd)}


class _Names:
    """Names of registers, and the dtype of everything."""

    def __init__(self, plan: Schedule):
        tensors = plan.system.tensors
        self.dtypes = {n: t.dtype for n, t in tensors.items()}
        self.ranks = {n: t.rank for n, t in tensors.items()}
        self.registers: set[str] = set()
        self.scratch: dict[tuple, list[loops.Buffer]] = {}

    def register(self, stem: str, dtype: str) -> str:
        name = next(fresh_names({*self.dtypes}, stem))
        self.dtypes[name] = dtype
        self.ranks[name] = 0
        self.registers.add(name)
        return name

    def buffer(self, stem: str, shape: tuple[Expr, ...]) -> loops.Buffer:
        """Memory of each chunk of a symmetric product."""
        name = next(fresh_names({*self.dtypes}, stem))
        self.dtypes[name], self.ranks[name] = "float", len(shape)
        return loops.Buffer(name, shape, "float", pieces=PIECES)

    def lend(self, buffers: Iterable[loops.Buffer]) -> dict[str, str]:
        """A scratch array for each of a function's buffers; functions run one after the other and share them."""
        lent, used = {}, {}
        for buffer in buffers:
            key = (buffer.shape, buffer.dtype, buffer.pieces)
            pool, position = self.scratch.setdefault(key, []), used.get(key, 0)
            if position == len(pool):
                name = next(fresh_names({*self.dtypes}, "scratch"))
                self.dtypes[name], self.ranks[name] = buffer.dtype, len(buffer.shape) + 1
                pool.append(loops.Buffer(name, buffer.shape, buffer.dtype, pieces=buffer.pieces))
            lent[buffer.name], used[key] = pool[position].name, position + 1
        return lent


# ------------------------------------------------------------------------------------------------------------ groups
def _group(plan: Schedule, group: Group, number: int, names: _Names) -> Iterable[loops.Step]:
    buffer = plan.storage.buffer
    for name, op in group.fills:
        yield loops.Fill(buffer[name], op)
    if isinstance(group.call, Routine):
        yield _routine(plan.system, group.call.call, buffer)
        return
    if isinstance(group.call, Gram):
        yield _gram(plan.system, group.call, number, buffer, names)
        return
    if group.call:
        yield _dot(group.call, buffer)
        return
    function = _Lowering(plan, group, number, names).function()
    scratch = names.lend((*function.buffers, *function.partial))
    yield loops.Launch(function, tuple(buffer[a] for a in function.arrays), scratch)


def _routine(system: System, call: Call, buffer) -> loops.Routine:
    row, operands = row_of(call), []
    cores = (*row.reads.values(), *row.writes.values())
    for name, letters in zip((*call.arguments, *call.writes), cores):
        operands.append((buffer[name], system.tensors[name].rank - len(letters), len(letters)))
    return loops.Routine(call, tuple(operands), system.tensors[call.tensor].shape[: call.batch])


def _gram(system: System, call: Gram, number: int, buffer, names: _Names) -> loops.Gram:
    """Rows that are stored as they are needed are not copied."""
    plain = _stored_rows(system, call)
    value, weight = (_in_buffers(e, buffer) for e in (call.value, call.weight))
    columns = tuple((r.index, r.size) for r in call.columns)
    shape = tuple(size for _, size in columns)
    parts = names.buffer("sums", (*shape, *shape))
    block = None if plain else names.buffer("block", (Integer(ROWS), *shape))
    weights = None if weight == 1 else names.buffer("weights", (Integer(ROWS),))
    scratch = names.lend(b for b in (parts, block, weights) if b is not None)
    arrays = tuple(sorted({a.name for a in all_reads([value, weight])}))
    return loops.Gram(
        f"group_{number}", buffer[call.out], *call.row, columns, value, weight, arrays, parts, block, weights, scratch
    )


def _stored_rows(system: System, call: Gram) -> bool:
    value, (letters, sizes) = call.value, zip(*call.columns)
    if call.weight != 1 or not isinstance(value, Access):
        return False
    return value.indices == (call.row.index, *letters) and system.tensors[value.name].shape[1:] == sizes


def _in_buffers(expr: Expr, buffer) -> Expr:
    """The expression with each tensor's buffer in the place of its name."""
    found = {a: Access(buffer[a.name], *(_in_buffers(i, buffer) for i in a.indices)) for a in _outer(expr)}
    return expr.xreplace(found)


def _dot(call, buffer) -> loops.Dot:
    return loops.Dot(*(_matrix(o, buffer[o.tensor], o.fixed) for o in (call.out, call.a, call.b)))


def _matrix(operand, buffer: str, fixed) -> loops.Matrix:
    parts = ((r.size for r in part) for part in (operand.batch, operand.rows, operand.columns))
    return loops.Matrix(buffer, *(tuple(p) for p in parts), operand.transposed, fixed, operand.start)


@dataclass
class _Lowering:
    """Lowers one group. `held` maps a tensor to the register that holds its cell in the bodies being lowered."""

    plan: Schedule
    group: Group
    number: int
    names: _Names

    def __post_init__(self):
        self.held: dict[str, str] = {}
        self.ranges: dict[Index, Expr] = {}
        self.local = {n: l for n, l in self.plan.storage.local.items() if l.group == self.number}
        self.partly = {s.tensor for s in statements(self.group.body) if s.when}

    @property
    def system(self) -> System:
        return self.plan.system

    def function(self) -> loops.Function:
        group, loop = self.group, self.group.loop
        arrays = tuple(sorted({self._alias(n) for n in touches(group.body) if n not in self.local}))
        head = self._scalars()
        body = head + self.body(group.body, ())
        rows = next((n for n in body if isinstance(n, loops.For)), None)
        partial = self._partial()
        if loop is not None and not loop.ordered and rows is not None:
            rows.rows = True
        buffers = tuple(
            loops.Buffer(n, l.shape, self.system.tensors[n].dtype, pieces=int(loop is not None and loop.ordered))
            for n, l in sorted(self.local.items())
            if l.axes
        )
        extent = loop.size if loop is not None and not loop.ordered else None
        parallel = extent is not None and partial is not None
        return loops.Function(
            f"group_{self.number}", arrays, body, buffers, extent, partial or (), parallel, _work(group.body)
        )

    def _alias(self, name: str) -> str:
        """Two tensors of the group in one buffer (an update in place) are one array: the buffer's."""
        buffer = self.plan.storage.buffer.get(name, name)
        return buffer if buffer != name and buffer in self.group.touched and buffer not in self.local else name

    def _scalars(self) -> list[loops.Node]:
        """Scalars that are only read are loaded once."""
        found = touches(self.group.body)
        nodes: list[loops.Node] = []
        for name in found:
            if name in self.local or self.system.tensors[name].rank or any(t.mode != "read" for t in found[name]):
                continue
            register = self.names.register(f"{name}_0", self.system.tensors[name].dtype)
            nodes.append(loops.Set(register, Access(self._alias(name))))
            self.held[name] = register
        return nodes

    def _partial(self) -> tuple[loops.Buffer, ...] | None:
        """Tensors into which the rows accumulate, with the reduction; None if rows cannot run in parallel."""
        loop = self.group.loop
        if loop is None or loop.ordered:
            return None
        partial: list[loops.Buffer] = []
        for name, found in touches(self.group.body).items():
            modes = {t.mode for t in found}
            if name in self.local or modes == {"read"}:
                continue
            rank, shape = self.system.tensors[name].rank, self.system.tensors[name].shape
            if any(all(t.cell[axis] == loop.index for t in found) for axis in range(rank)):
                continue
            args = any(name in (s.tensor, *s.arg) and s.arg for s in statements(self.group.body))
            (mode, *others) = sorted(modes)
            if others or mode not in IDENTITY or not private(self.system.tensors[name], self.plan.small) or args:
                return None
            dtype = self.system.tensors[name].dtype
            partial.append(loops.Buffer(name, shape or (Integer(1),), dtype, mode))
        return tuple(partial)

    # -------------------------------------------------------------------------------------------------------- bodies
    def body(self, nodes: list[Loop | Statement], around: tuple[Index, ...]) -> list[loops.Node]:
        taken = self._promote(nodes, around)
        out: list[loops.Node] = [
            loops.Set(self.held[n], Access(self._alias(n), *self._cell(n, cell)))
            for n, cell, first, _ in taken
            if first
        ]
        out += [loops.Set(self.held[n], Integer(0)) for n, *_ in taken if n in self.partly]
        for position, node in enumerate(nodes):
            out += self._node(node, around)
            out += [
                loops.Store(self._alias(n), self._cell(n, cell), Access(self.held[n]))
                for n, cell, _, last in taken
                if last == position and self._wanted(n)
            ]
        for n, *_ in taken:
            del self.held[n]
        return out

    def _wanted(self, name: str) -> bool:
        local = self.local.get(name)
        return local is None or bool(local.axes)

    def _promote(self, nodes, around):
        """(tensor, cell, load it first, position of its last write) for the tensors that this body keeps in a
        register.
        """
        taken = []
        for name, found in touches(nodes).items():
            cell = found[0].cell
            if name in self.held or all(t.mode == "read" for t in found) or any(t.cell != cell for t in found):
                continue
            if not all(c in around for c in cell) or (name in self.partly and self._wanted(name)):
                continue
            if len(found) == 1 and found[0].mode == "assign" and self._wanted(name):
                continue
            writers = [i for i, node in enumerate(nodes) if self._writes(node, name)]
            load = not self._defines(nodes[writers[0]], name)
            taken.append((name, cell, load, writers[-1]))
        for name, *_ in taken:
            tensor = self.system.tensors[name]
            stem = name if self.local.get(name) and not self.local[name].axes else f"{name}_"
            self.held[name] = self._register(name, stem, tensor.dtype)
        return taken

    def _register(self, name: str, stem: str, dtype: str) -> str:
        if stem == name:  # the tensor is nothing but a register
            self.names.registers.add(name)
            return name
        return self.names.register(stem, dtype)

    @staticmethod
    def _writes(node, name: str) -> bool:
        return any(t.mode != "read" for t in touches([node]).get(name, ()))

    @staticmethod
    def _defines(node, name: str) -> bool:
        return isinstance(node, Statement) and node.kind in ("assign", "fill")

    def _node(self, node: Loop | Statement, around: tuple[Index, ...]) -> list[loops.Node]:
        if isinstance(node, Statement):
            nodes = _STATEMENTS[node.kind](self, node)
            return [loops.If(node.when, nodes)] if node.when else nodes
        found = self._search(node)
        if found:
            return found
        self.ranges[node.index] = node.size
        body = self.body(node.body, (*around, node.index))
        loop = loops.For(node.index, node.size, body, node.reverse)
        return [loop] if node is self.group.loop else _unswitched(loop)  # rows run in chunks

    def _search(self, loop: Loop) -> list[loops.Node]:
        """A max over one row with its arg, as two loops that LLVM vectorises: the extreme, then where it is first.

        Only for values that are read: a recomputed value could differ from the stored one in its last bit.
        """
        s = loop.body[0] if len(loop.body) == 1 else None
        if not isinstance(s, Statement) or len(s.arg) != 1 or s.reduced != (loop.index,) or s.pieces[0].guard:
            return []
        value, held = s.pieces[0].body, [self.held.get(n) for n in (s.tensor, *s.arg)]
        if not isinstance(value, Access) or None in held or self.system.tensors[s.tensor].dtype != "float":
            return []
        if loop is self.group.loop or any(n == s.tensor for n, _ in self.group.fills):
            return []  # it goes on from what earlier rows have found
        value = self.value(value)
        target, where = held
        return [
            loops.For(loop.index, loop.size, [loops.Combine(target, None, s.op, value)]),
            loops.First(where, loop.index, loop.size, value, Access(target)),
        ]

    # ---------------------------------------------------------------------------------------------------- statements
    def product(self, s: Statement) -> list[loops.Node]:
        operands = (s.call.out, s.call.a, s.call.b) if s.call else ()
        return [loops.Dot(*map(self._slice, operands))]

    def _slice(self, operand) -> loops.Matrix:
        """An operand where it is stored: a buffer of one step has lost its fixed axes."""
        local = self.local.get(operand.tensor)
        axes = local.axes if local else range(self.system.tensors[operand.tensor].rank)
        fixed = tuple((list(axes).index(axis), position) for axis, position in operand.fixed if axis in axes)
        return _matrix(operand, self._alias(operand.tensor), fixed)

    def _cell(self, name: str, cell) -> tuple[Expr, ...]:
        """The position in the tensor's storage: a row buffer has lost some axes."""
        local = self.local.get(name)
        cell = tuple(self.value(c) for c in cell)
        return cell if local is None else tuple(cell[a] for a in local.axes)

    def value(self, expr):
        """`expr` with each access as it is stored: a register, or a cell of a buffer."""
        if not expr.has(Access):
            return expr
        return expr.xreplace({a: self._stored(a) for a in _outer(expr)})

    def _stored(self, access: Access) -> Access:
        held = self.held.get(access.name)
        return Access(held) if held else Access(self._alias(access.name), *self._cell(access.name, access.indices))

    def _target(self, name: str, cell) -> tuple[str, tuple[Expr, ...] | None]:
        held = self.held.get(name)
        return (held, None) if held else (self._alias(name), self._cell(name, cell))

    def _put(self, name: str, cell, value) -> loops.Node:
        target, where = self._target(name, cell)
        return loops.Set(target, value) if where is None else loops.Store(target, where, value)

    def _guarded(self, piece: Piece, nodes: list[loops.Node]) -> list[loops.Node]:
        if not piece.guard:
            return nodes
        return [loops.If(tuple(self.value(g) for g in piece.guard), nodes)]

    def assign(self, s: Statement) -> list[loops.Node]:
        first, *rest = s.pieces
        if not rest and not first.guard:
            return [self._put(s.tensor, s.write, self.value(first.body))]
        register = self.held.get(s.tensor) or self.names.register(f"{s.tensor}_", self.system.tensors[s.tensor].dtype)
        nodes: list[loops.Node] = []
        if first.guard:
            nodes.append(loops.Set(register, IDENTITY[s.op]))
            rest = s.pieces
        else:
            nodes.append(loops.Set(register, self.value(first.body)))
        for piece in rest:
            nodes += self._guarded(piece, [loops.Combine(register, None, s.op, self.value(piece.body))])
        if s.tensor not in self.held:
            nodes.append(loops.Store(self._alias(s.tensor), self._cell(s.tensor, s.write), Access(register)))
        return nodes

    def fill(self, s: Statement) -> list[loops.Node]:
        nodes = [self._put(s.tensor, s.write, IDENTITY[s.op])]
        return nodes + [self._put(name, s.write, Integer(-1)) for name in s.arg]

    def accumulate(self, s: Statement) -> list[loops.Node]:
        (piece,) = s.pieces
        target, cell = self._target(s.tensor, s.write)
        value = self.value(piece.body)
        if s.arg:
            args = tuple((*self._target(name, s.write), index) for name, index in zip(s.arg, s.reduced))
            return self._guarded(piece, [loops.Extreme((target, cell), args, s.op, value)])
        if piece.guard and cell is None and s.op == "sum" and self._harmless(s.tensor, piece.body):
            masked = tuple(self.value(g) for g in piece.guard)
            return [loops.Combine(target, None, s.op, value, loose=True, masked=masked)]
        return self._guarded(piece, [loops.Combine(target, cell, s.op, value, loose=cell is None)])

    def _harmless(self, name: str, body: Expr) -> bool:
        """May the body be computed where its guard fails? Only if every read is in range whatever the guard says."""
        if self.system.tensors[name].dtype != "float":
            return False
        return all(
            a.name in self.held
            or all(self.ranges.get(i) == e for i, e in zip(a.indices, self.system.tensors[a.name].shape))
            for a in body.atoms(Access)
        )


_STATEMENTS = {
    "assign": _Lowering.assign, "fill": _Lowering.fill, "accumulate": _Lowering.accumulate,
    "product": _Lowering.product,
}  # fmt: skip


def _unswitched(loop: loops.For) -> list[loops.Node]:
    """A condition that does not change in the loop is tested once before it."""
    inner = loop.body[0] if len(loop.body) == 1 else None
    if not isinstance(inner, loops.If) or any(c.has(Access, loop.index) for c in inner.conditions):
        return [loop]
    return [loops.If(inner.conditions, [loops.For(loop.index, loop.size, inner.body, loop.reverse)])]


def _outer(expr) -> list[Access]:
    """The outermost accesses of an expression (an index position may read another tensor)."""
    if isinstance(expr, Access):
        return [expr]
    return [a for arg in expr.args for a in _outer(arg)]


def _work(body: list) -> tuple[tuple[Expr, ...], ...]:
    """The extents of each deepest nest: the largest product decides between serial and parallel."""
    nests: dict[tuple[Expr, ...], None] = {}
    for node in body:
        if isinstance(node, Loop):
            nests |= dict.fromkeys((node.size, *rest) for rest in _work(node.body))
    return _longest(nests) or ((),)


def _longest(nests) -> tuple[tuple[Expr, ...], ...]:
    """Without those that are contained in another one."""
    return tuple(n for n in nests if not any(n != m and not _missing(n, m) for m in nests))


def _missing(small: tuple, large: tuple) -> list:
    rest = list(large)
    return [e for e in small if e not in rest or rest.remove(e)]
