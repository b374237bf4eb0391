"""Recurrences: one loop over the ordered index, a step of all equations inside it; around it a loop over rows that do
not read one another, which may run in parallel and is shared with what else works on these rows.

What a step does not have to wait for is computed before: a sum that reads nothing of the recurrence is taken out of it
(`hoisted`) and becomes one large matrix product. A product of two matrices inside a step is a BLAS call on the slices
of that step (`products`); its result, like every tensor that nobody wants after the step, has no axis for the ordered
index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sympy import Add, Basic, Expr, Lt

from ...ir.access import Access, Index, fresh_names, index_symbols
from ...ir.recurrence import Scan, rows, scans
from ...ir.system import Equation, Range, System, Tensor, Term
from .contract import contractions
from .fuse import Fusion, after
from .tree import Contract, Group, Loop, Operand, Piece, Statement
from .units import Unit, letter, units


def hoisted(system: System) -> System:
    """The system with every sum in a recurrence that reads nothing of it in an equation of its own."""
    recurrent = scans(system.equations)
    if not recurrent:
        return system
    tensors, equations = dict(system.tensors), []
    names = fresh_names(tensors, "before")
    for eq in system.equations:
        scan = recurrent.get(eq.tensor)
        if scan and eq.reduce == "sum" and len(eq.terms) > 1:
            own = [t for t in eq.terms if t.reduced and not any(a.name in scan.axes for a in t.all_reads())]
            if own:
                shape, name = system.tensors[eq.tensor].shape, next(names)
                write = tuple(Index(f"i{axis}") for axis in range(len(shape)))
                tensors[name] = replace(system.tensors[eq.tensor], name=name, named=False, complement="", label="")
                equations.append(Equation(name, tuple(own)))
                whole = Term(write, Access(name, *write), tuple(map(Range, write, shape)))
                eq = replace(eq, terms=(*(t for t in eq.terms if t not in own), whole))
        equations.append(eq)
    return replace(system, tensors=tensors, equations=tuple(equations))


def place(fusion: Fusion, scan: Scan, blas: bool) -> None:
    """Put a recurrence into a group: its rows side by side where none reads another, else step by step."""
    group = Group()
    axes = None if blas and _has_products(fusion, scan) else _rows(fusion.system, scan)
    if axes is None:
        fusion.groups.append(group)
        _loop(fusion, group, group.body, scan, (), blas)
        return
    name, axis = next(iter(axes.items()))
    loop = Loop(fusion.fresh.index(fusion.system.tensors[name].letters[axis]), fusion.system.tensors[name].shape[axis])
    group.body.append(loop)
    _loop(fusion, group, loop.body, scan, ((axes, loop),), blas=False)
    fusion.join(group)


def _rows(system: System, scan: Scan) -> Mapping[str, int] | None:
    """The axis of the rows, if each equation runs over all of them."""
    axes = rows(scan)
    if axes is None:
        return None
    sizes = {system.tensors[name].shape[axis] for name, axis in axes.items()}
    sizes |= {t.sizes[t.write[axes[eq.tensor]]] for eq in scan.equations for t in eq.terms}  # pyright: ignore
    return axes if len(sizes) == 1 else None


def _has_products(fusion: Fusion, scan: Scan) -> bool:
    """Does a step hold a product of two matrices?"""
    before, found = fusion.system, False
    for eq in scan.equations if not any(isinstance(unit, Scan) for unit in scan.body) else ():
        if eq.reduce == "sum" and before.tensors[eq.tensor].dtype == "float":
            parts = [replace(t, body=b) for t in eq.terms for b in Add.make_args(t.body)]
            found = found or any(_matrix_products(fusion, scan, eq, part) is not None for part in parts)
    fusion.system = before
    return found


Around = tuple[tuple[Mapping[str, int], Loop], ...]  # the loops around a step, each with the axis of every tensor


def _loop(fusion: Fusion, group: Group, body: list, scan: Scan, around: Around, blas: bool) -> None:
    first = scan.equations[0]
    name = letter(scan.index(first, first.terms[0])) if first.terms else "t"
    loop = Loop(fusion.fresh.index(name), scan.size, reverse=scan.descending, ordered=True)
    body.append(loop)
    inside = (*around, (scan.axes, loop))
    for unit in scan.body:
        if isinstance(unit, Scan):
            _loop(fusion, group, loop.body, unit, inside, blas)
            continue
        eq = _whole(fusion.system, scan, unit)
        if blas and len(inside) == 1:
            eq = _with_products(fusion, group, loop, scan, eq)
        for made in units(fusion.system, eq, fusion.fresh):
            _enter(fusion, group, inside, made)


def _whole(system: System, scan: Scan, eq: Equation) -> Equation:
    """Every term runs over the whole ordered axis of its tensor, under a guard where it did not."""
    axis = scan.axes[eq.tensor]
    extent = system.tensors[eq.tensor].shape[axis]
    return replace(eq, terms=tuple(_extended(t, scan.index(eq, t), extent) for t in eq.terms))


def _extended(term: Term, index: Index, extent: Expr) -> Term:
    size = term.sizes[index]
    if size == extent:
        return term
    domain = tuple(Range(r.index, extent) if r.index == index else r for r in term.domain)
    return replace(term, domain=domain, guard=(Lt(index, size), *term.guard))


def _enter(fusion: Fusion, group: Group, inside: Around, unit: Unit) -> None:
    """Put a unit into the innermost of the loops, whose indices take the place of its own."""
    name = unit.statement.tensor
    group.note(unit.touches())
    group.count += 1
    for axes, loop in inside:
        index = unit.statement.write[axes[name]]
        own = next(r for r in unit.ranges if r.index == index)
        unit = unit.inside(own, loop.index)
        if own.size != loop.size:
            unit = replace(unit, statement=replace(unit.statement, when=(Lt(loop.index, own.size),)))
    fusion.into(inside[-1][1].body, unit, tuple(loop.index for _, loop in inside))


# matrix products inside a step ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Slice:
    """A tensor at fixed positions of some axes, under the name of a smaller tensor."""

    tensor: str
    fixed: tuple[tuple[int, Expr], ...]


@dataclass(frozen=True)
class _Found:
    """A term as matrix products of one step: `result` holds its value after `equations`, of which some are `calls`."""

    result: str
    equations: tuple[Equation, ...]
    calls: Mapping[str, Contract]
    slices: Mapping[str, _Slice]


def _with_products(fusion: Fusion, group: Group, loop: Loop, scan: Scan, eq: Equation) -> Equation:
    """The equation with its products of two matrices read from tensors that BLAS has filled in this step."""
    if eq.reduce != "sum" or fusion.system.tensors[eq.tensor].dtype != "float":
        return eq
    terms = []
    for term in eq.terms:
        parts = [replace(term, body=addend) for addend in Add.make_args(term.body)]
        before = fusion.system
        found = [_matrix_products(fusion, scan, eq, part) for part in parts]
        if any(f is None for f in found):
            fusion.system = before
            terms.append(term)
        else:
            terms += [_read(fusion, group, loop, scan, eq, *pair) for pair in zip(parts, found)]
    return replace(eq, terms=tuple(terms))


def _matrix_products(fusion: Fusion, scan: Scan, eq: Equation, term: Term) -> _Found | None:
    index, axis = scan.index(eq, term), scan.axes[eq.tensor]
    write = tuple(w for a, w in enumerate(term.write) if a != axis)
    if not term.reduced or any(index_symbols(g) - {index} or g.atoms(Access) for g in term.guard):
        return None
    if len(write) < 2 or not all(isinstance(w, Index) for w in write):
        return None
    slices: dict[str, _Slice] = {}
    body = _sliced(term.body, index, slices)
    if body is None:
        return None
    return _products(fusion, slices, Term(write, body, tuple(r for r in term.domain if r.index != index)))


def _read(fusion: Fusion, group: Group, loop: Loop, scan: Scan, eq: Equation, term: Term, found: _Found) -> Term:
    """Put the products into the step; the term that reads their result."""
    index, axis = scan.index(eq, term), scan.axes[eq.tensor]
    here, when = {index: loop.index}, tuple(g.xreplace({index: loop.index}) for g in term.guard)
    for step in found.equations:
        call = found.calls.get(step.tensor)
        if call is not None:
            statement = _statement(call, found.slices, here, when)
            group.note(statement.touches())
            loop.body.insert(after(loop.body, statement.touches()), statement)
            continue
        whole = replace(step, terms=tuple(t.map(lambda e: _unsliced(e, found.slices)) for t in step.terms))
        for unit in units(fusion.system, whole, fusion.fresh):
            unit = replace(unit, statement=replace(unit.statement.map(here), when=when))
            group.note(unit.touches())
            fusion.into(loop.body, unit, (loop.index,))
    write = tuple(w for a, w in enumerate(term.write) if a != axis)
    free = tuple(r for r in term.domain if r.index in term.write)
    return Term(term.write, Access(found.result, *write), free, term.guard)


def _sliced(body: Expr, index: Index, slices: dict[str, _Slice]) -> Expr | None:
    """The body with h[t-1, n, j] as the matrix `h[t - 1]` at [n, j]; None where the ordered index stands elsewhere."""
    places: dict[Basic, Basic] = {}
    for access in body.atoms(Access):
        fixed = tuple((a, i) for a, i in enumerate(access.indices) if index in i.free_symbols)
        if any(i.free_symbols & (index_symbols(i) - {index}) or i.atoms(Access) for _, i in fixed):
            return None
        if fixed:
            name = f"{access.name}[{', '.join(str(i) for _, i in fixed)}]"
            slices[name] = _Slice(access.name, fixed)
            rest = (i for a, i in enumerate(access.indices) if a not in dict(fixed))
            places[access] = Access(name, *rest)
    sliced = body.xreplace(places)
    return None if index in sliced.free_symbols else sliced


def _unsliced(expr: Basic, slices: Mapping[str, _Slice]) -> Basic:
    places = {}
    for access in expr.atoms(Access):
        if access.name in slices:
            held = slices[access.name]
            rest, fixed = iter(access.indices), dict(held.fixed)
            count = len(access.indices) + len(fixed)
            places[access] = Access(held.tensor, *(fixed[a] if a in fixed else next(rest) for a in range(count)))
    return expr.xreplace(places)


def _products(fusion: Fusion, slices: dict[str, _Slice], term: Term) -> _Found | None:
    """None where there is no product of two matrices, or one that BLAS cannot do on slices."""
    tensors = dict(fusion.system.tensors)
    name = next(fresh_names(tensors, "product"))
    tensors |= {n: _slice_tensor(n, s, tensors) for n, s in slices.items()}
    tensors[name] = Tensor(name, tuple(term.sizes[w] for w in term.write), named=False)
    system, calls = contractions(System(tensors, (Equation(name, (term,)),), (name,)), symmetric=False)
    wide = all(c.out.rows and c.out.columns and not c.out.batch for c in calls.values())
    if not calls or not wide or not all(_reachable(o, slices) for c in calls.values() for o in (c.a, c.b)):
        return None
    added = {n: t for n, t in system.tensors.items() if n not in slices and n not in fusion.system.tensors}
    fusion.system = replace(fusion.system, tensors=fusion.system.tensors | added)
    return _Found(name, system.equations, calls, slices)


def _slice_tensor(name: str, held: _Slice, tensors: dict[str, Tensor]) -> Tensor:
    of = tensors[held.tensor]
    shape = tuple(s for a, s in enumerate(of.shape) if a not in dict(held.fixed))
    return Tensor(name, shape, of.dtype, named=False)


def _reachable(operand: Operand, slices: dict[str, _Slice]) -> bool:
    """Is the slice a matrix in memory? Contiguous, or with one axis for its rows and one for its columns."""
    held = slices.get(operand.tensor)
    if held is None or [a for a, _ in held.fixed] == list(range(len(held.fixed))):
        return True
    last = len(held.fixed) + 1
    return len(operand.rows) == len(operand.columns) == 1 and last not in dict(held.fixed)


def _statement(call: Contract, slices: Mapping[str, _Slice], here, when) -> Statement:
    def placed(operand: Operand) -> Operand:
        held = slices.get(operand.tensor)
        return operand if held is None else replace(operand, tensor=held.tensor, fixed=held.fixed)

    call = Contract(placed(call.out), placed(call.a), placed(call.b))
    piece = Piece(Access(call.a.tensor, *call.a.cell) * Access(call.b.tensor, *call.b.cell))
    return Statement("product", call.out.tensor, call.out.cell, (piece,), when=when, call=call).map(here)

