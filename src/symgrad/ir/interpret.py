"""The meaning of a System, in NumPy. Every pass, kernel and target is compared with this file.

Each term is evaluated at all points of its domain at once, in float64 (or in another `Arithmetic`: complex numbers,
mpmath, integers modulo a prime), and combined into the cells that it writes. Nothing is clever here on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import Basic

from ..errors import IndexRangeError, explain
from .access import Access, Index, Size
from .arithmetic import FLOAT64, INTEGER, Arithmetic, evaluate
from .bounds import check_data, data_array, in_range, plain_array, real_array
from .recurrence import Unit, groups
from .routines import run
from .sizes import bind_shapes, size_value
from .system import Call, Equation, System, Term

Fixed = Mapping[int, int]  # axis of a written tensor -> the value of the ordered index there
CHUNK = 1 << 22  # points evaluated at once; a larger domain is cut along its first index


def interpret(
    system: System, arrays: Mapping[str, Any], arithmetic: Arithmetic = FLOAT64, outputs: tuple[str, ...] | None = None
) -> dict[str, np.ndarray]:
    """Run the system on `arrays` (one for each declared tensor); return the outputs and the updates' next values.

    `outputs` may name any tensors of the system. The arrays are not modified.
    """
    needed = system.prune(outputs)
    shapes = {t.name: plain_array(t, arrays[t.name]).shape for t in system.declared() if t.name in arrays}
    sizes = bind_shapes(_passed(system, needed, arrays), shapes)
    taken = real_array if arithmetic is FLOAT64 else data_array
    values = {t.name: arithmetic.array(taken(t, arrays[t.name]), t.dtype) for t in needed.declared()}
    check_data(needed, sizes, values)
    env = _Environment({}, needed, values, sizes, arithmetic)
    for unit in groups(needed.equations):
        _run(unit, env, {})
    return {name: values[name] for name in needed.results()}


def _passed(system: System, needed: System, arrays: Mapping[str, Any]) -> System:
    """The tensors that fix the sizes: those that are needed, and whatever else was passed (it may hold a size)."""
    tensors = {t.name: t for t in system.declared() if t.name in arrays or t.name in needed.tensors}
    return replace(system, tensors=tensors, equations=needed.equations, outputs=(), updates={})


def _run(unit: Unit, env: _Environment, at: Mapping[str, Fixed]) -> None:
    """Run an equation, or a recurrence: all its equations at one value of the ordered index, then at the next."""
    if isinstance(unit, Call):
        env.values.update(run(unit, env.values, env.arithmetic))
        return
    if isinstance(unit, Equation):
        try:
            _equation(unit, env, at.get(unit.tensor, {}))
        except IndexRangeError as error:
            raise IndexRangeError(explain(str(error), unit.source)) from None
        return
    for eq in unit.equations:
        if eq.tensor not in env.values:
            _start(eq, env)
    steps = range(size_value(unit.size, env.sizes))
    for step in reversed(steps) if unit.descending else steps:
        here = {eq.tensor: {**at.get(eq.tensor, {}), unit.axes[eq.tensor]: step} for eq in unit.equations}
        for inner in unit.body:
            _run(inner, env, here)


def _start(eq: Equation, env: _Environment) -> None:
    """Fill the tensors of an equation with the identity of its reduction."""
    tensor = env.system.tensors[eq.tensor]
    shape = tuple(size_value(s, env.sizes) for s in tensor.shape)
    env.values[eq.tensor] = env.arithmetic.full(shape, eq.reduce, tensor.dtype)
    env.values.update((name, np.full(shape, -1, dtype=np.int64)) for name in eq.arg)


def _equation(eq: Equation, env: _Environment, fixed: Fixed) -> None:
    """Combine the points of every term; of a recurrence, those whose write has the `fixed` values at these axes."""
    if not fixed:
        _start(eq, env)
    result, dtype = env.values[eq.tensor], env.system.tensors[eq.tensor].dtype
    ring = env.arithmetic if dtype == "float" else INTEGER
    for term in eq.terms:
        for points in _chunks(term, env.sizes, fixed):
            _, body, cells = _points(term, points, result.shape, env, ring)
            ring.combine(eq.reduce, result.reshape(-1), cells, body, dtype)
    for position, name in enumerate(eq.arg):
        _arg(eq.terms[0], position, result, env.values[name], env, ring, fixed)


def _chunks(term: Term, sizes, fixed: Fixed):
    """Index arrays (sparse, broadcasting) that cover the domain, at most about CHUNK points each."""
    ranges = [np.arange(size_value(r.size, sizes)) for r in term.domain]
    for axis, value in fixed.items():
        position = term.indices.index(term.write[axis])  # a plain index: `recurrence` has proved it
        ranges[position] = ranges[position][value : value + 1]
    if any(not len(r) for r in ranges):
        return
    rows = len(ranges[0]) if ranges else 1
    step = max(1, CHUNK // max(1, math.prod(len(r) for r in ranges[1:])))
    for start in range(0, rows, step):
        axes = [r[start : start + step] if n == 0 else r for n, r in enumerate(ranges)]
        grids = np.meshgrid(*axes, indexing="ij", sparse=True)
        yield dict(zip(term.indices, grids)), tuple(len(a) for a in axes)


def _points(term: Term, points, shape, env: _Environment, ring: Arithmetic):
    """The points whose guards hold, in domain order: index values, body values, flat numbers of the written cells."""
    grid, extents = points
    flat = {index: np.broadcast_to(g, extents).ravel() for index, g in grid.items()}
    count = int(np.prod(extents, dtype=np.int64))
    for guard in term.guard:  # one after the other: a later guard may read where an earlier one holds
        mask = np.broadcast_to(np.asarray(evaluate(guard, env.at(flat)), dtype=bool), (count,))
        flat = {index: g[mask] for index, g in flat.items()}
        count = int(mask.sum())
        if not count:  # constant positions are out of range at times where no point is
            return flat, ring.asarray(np.zeros(0)), np.zeros(0, dtype=np.int64)
    env = env.at(flat)
    body = np.broadcast_to(ring.asarray(evaluate(term.body, env, integer=ring is INTEGER)), (count,))
    cells = np.zeros(count, dtype=np.int64)
    for axis, position in enumerate(term.write):
        cells = cells * shape[axis] + in_range(env.index(position, count), shape[axis], position)
    return flat, body, cells


def _arg(term: Term, position: int, result, arg, env: _Environment, ring: Arithmetic, fixed: Fixed) -> None:
    """Note in `arg` the reduced index at the first point (in domain order) whose body equals the extreme."""
    index, arg = term.reduced[position].index, arg.reshape(-1)
    for points in _chunks(term, env.sizes, fixed):
        flat, body, cells = _points(term, points, result.shape, env, ring)
        extreme = result.reshape(-1)[cells]
        hit = ((body == extreme) | ((body != body) & (extreme != extreme))) & (arg[cells] < 0)
        hit = np.asarray(hit, dtype=bool)
        arg[cells[hit][::-1]] = flat[index][hit][::-1]  # reversed: of several writes to one cell the first point stays


@dataclass(frozen=True)
class _Environment:
    """What the atoms of a body are worth at a set of points."""

    points: Mapping[Index, np.ndarray]
    system: System
    values: dict[str, np.ndarray]  # filled as the equations run
    sizes: Mapping[Size, int]
    arithmetic: Arithmetic

    def at(self, points: Mapping[Index, np.ndarray]) -> _Environment:
        return replace(self, points=points)

    def access(self, access: Access):
        array = self.values[access.name]
        cell = [in_range(self.index(i), extent, access) for i, extent in zip(access.indices, array.shape)]
        return array[tuple(cell)]

    def is_float(self, access: Access) -> bool:
        return self.system.tensors[access.name].dtype == "float"

    def symbol(self, symbol: Basic):
        if isinstance(symbol, Index):
            return self.points[symbol]
        return size_value(symbol, self.sizes)

    def index(self, expr: Basic, count: int | None = None) -> np.ndarray:
        """An index expression, exactly, in integers."""
        value = np.asarray(evaluate(expr, self, integer=True), dtype=np.int64)
        return value if count is None else np.broadcast_to(value, (count,))
