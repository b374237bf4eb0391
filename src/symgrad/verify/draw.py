"""Random inputs for a System: small sizes that differ pairwise, values that respect roles and facts.

Pairwise different sizes make a transposed matrix an error of shape; values that are not special make a lost factor an
error of value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product

import numpy as np
from numpy.random import Generator
from sympy import Add, Expr, Mul

from ..errors import SymgradError
from ..ir.access import Access, Size, index_symbols, size_symbols
from ..ir.arithmetic import PRIME
from ..ir.calls import row_of
from ..ir.interpret import interpret
from ..ir.sizes import size_value
from ..ir.system import Call, System, Tensor, Term

Arrays = dict[str, np.ndarray]
DISTRIBUTIONS = ("distribution", "one-hot")

# where real values are drawn from; later ones serve functions with a smaller domain (log, erfinv, logit, log(x - 1))
REGIONS: tuple[tuple[str, Callable[[Generator, tuple], np.ndarray]], ...] = (
    ("normal", lambda rng, shape: rng.normal(0.1, 0.9, shape)),
    ("0.3 to 1.7", lambda rng, shape: rng.uniform(0.3, 1.7, shape)),
    ("0.1 to 0.9", lambda rng, shape: rng.uniform(0.1, 0.9, shape)),
    ("-0.8 to 0.8", lambda rng, shape: rng.uniform(-0.8, 0.8, shape)),
    ("1.2 to 2.8", lambda rng, shape: rng.uniform(1.2, 2.8, shape)),
    ("-2 to -0.2", lambda rng, shape: rng.uniform(-2.0, -0.2, shape)),
)


def draw_sizes(system: System, rng: Generator, most: int = 6) -> dict[Size, int]:
    """Small sizes, different from each other, for which no extent of the system is empty."""
    names = sorted({s for e in _extents(system) for s in size_symbols(e)}, key=str)
    for attempt in range(400):
        top = max(most, len(names) + 2) + attempt // 20
        values = rng.permutation(np.arange(2, top + 1))[: len(names)]
        sizes = dict(zip(names, map(int, values)))
        if all(size_value(e, sizes) > 0 for e in _extents(system)) and _in_range(system, sizes):
            return sizes
    raise SymgradError("no small sizes were found for which every extent of the program is positive")


def _extents(system: System) -> list:
    shapes = [e for t in system.tensors.values() for e in (*t.shape, *((t.over,) if t.over is not None else ()))]
    return shapes + [r.size for eq in system.equations for term in eq.terms for r in term.domain]


def _in_range(system: System, sizes: dict[Size, int]) -> bool:
    """Affine accesses without guards stay inside their axes: they are extreme at the corners of the domain."""
    for eq in system.equations:
        for term in (t for t in eq.terms if not t.guard):
            for access in term.all_reads():
                for position, extent in zip(access.indices, system.tensors[access.name].shape):
                    if isinstance(position, Add | Mul) and not _fits(position, extent, term, sizes):
                        return False
    return True


def _fits(position: Expr, extent: Expr, term: Term, sizes: dict[Size, int]) -> bool:
    if position.atoms(Access):
        return True
    ends = {r.index: size_value(r.size, sizes) - 1 for r in term.domain}
    moving = sorted(index_symbols(position), key=str)
    corners = [
        position.xreplace(sizes).xreplace(dict(zip(moving, c))) for c in product(*((0, ends[i]) for i in moving))
    ]
    return min(corners) >= 0 and max(corners) < size_value(extent, sizes)


def draws(system: System, seed: int, facts: bool = True) -> Iterator[Arrays]:
    """Endless inputs for `system`, region after region; with `facts` False, distributions are not normalised."""
    rng = np.random.default_rng(seed)
    ranges, suited = index_ranges(system), symmetric_arguments(system)
    attempt = 0
    while True:
        sizes = draw_sizes(system, rng)
        chosen = {t.name: REGIONS[_region(attempt, rng)][1] for t in system.declared()}
        drawn = {t.name: _values(t, sizes, rng, chosen[t.name], facts, ranges) for t in system.declared()}
        yield drawn | {name: _suited(drawn[name], positive) for name, positive in suited.items()}
        attempt += 1


def _region(attempt: int, rng: Generator) -> int:
    if attempt < 4 * len(REGIONS):
        return attempt // 2 % len(REGIONS)
    return int(rng.integers(len(REGIONS)))


def _values(tensor: Tensor, sizes, rng: Generator, region, facts: bool, ranges) -> np.ndarray:
    shape = tuple(size_value(e, sizes) for e in tensor.shape)
    if tensor.dtype == "int":
        limit = tensor.over if tensor.over is not None else ranges.get(tensor.name)
        return rng.integers(0, size_value(limit, sizes) if limit is not None else 3, shape)
    if tensor.dtype == "bool":
        mask = rng.random(shape) < 0.6
        mask[(..., *(0,) * min(len(shape), 1))] = True  # no row is masked out: a mean divides by its count
        return mask
    values = np.asarray(region(rng, shape)) if not tensor.has("uniform") else rng.uniform(0.0, 1.0, shape)
    if tensor.has("positive") or tensor.has("nonnegative"):
        values = np.abs(values) + 0.1
    if tensor.has("symmetric"):
        values = values + np.swapaxes(values, -1, -2)
    return _on_simplex(tensor, values, rng) if facts else values


def symmetric_arguments(system: System) -> dict[str, bool]:
    """Declared tensors of which a Call takes the symmetric part: must they be positive definite?"""
    found: dict[str, bool] = {}
    for call in (eq for eq in system.equations if isinstance(eq, Call) and row_of(eq).symmetric):
        (name,) = call.arguments
        if system.tensors[name].role != "defined":
            found[name] = found.get(name, False) or row_of(call).positive
    return found


def _suited(values: np.ndarray, positive: bool) -> np.ndarray:
    """A symmetric matrix, or a positive definite one whose condition number is small."""
    turned = np.swapaxes(values, -1, -2)
    return values @ turned + np.eye(values.shape[-1]) if positive else values + turned


def _on_simplex(tensor: Tensor, values: np.ndarray, rng: Generator) -> np.ndarray:
    for fact in tensor.facts:
        if fact.name not in DISTRIBUTIONS:
            continue
        weights = rng.exponential(size=values.shape) + 0.05
        if fact.name == "one-hot":
            weights = (weights == weights.max(axis=fact.axes, keepdims=True)).astype(float)
        values = weights / weights.sum(axis=fact.axes, keepdims=True)
    return values


def index_ranges(system: System) -> dict[str, object]:
    """For an integer tensor that declares no range: the extent of the axis that it indexes."""
    found: dict[str, object] = {}
    for eq in system.equations:
        for term in eq.terms:
            cells = [(eq.tensor, term.write), *((a.name, a.indices) for a in term.all_reads())]
            for name, cell in cells:
                for position, extent in zip(cell, system.tensors[name].shape):
                    if isinstance(position, Access):
                        found.setdefault(position.name, extent)
    return found


def finite_point(system: System, seed: int, facts: bool = True, tries: int = 80) -> Arrays:
    """Inputs at which every output of `system` is finite and all indices are in range."""
    stream = draws(system, seed, facts)
    reason = "an output is not finite at any of them"
    for _ in range(tries):
        arrays = next(stream)
        try:
            if all(np.all(np.isfinite(v)) for v in interpret(system, arrays).values()):
                return arrays
        except SymgradError as error:
            reason = str(error)
    raise SymgradError(f"no input was found among {tries} random ones: {reason}")


def residues(system: System, arrays: Mapping[str, np.ndarray], rng: Generator) -> Arrays:
    """Inputs of the same shapes modulo a prime: uniform, with distributions that sum to 1 exactly."""
    out: Arrays = {}
    for tensor in system.declared():
        value = np.asarray(arrays[tensor.name])
        if tensor.dtype == "float" and not tensor.has("one-hot"):
            value = rng.integers(1, PRIME, value.shape)
            for fact in tensor.facts:
                if fact.name == "distribution":
                    value = _sum_to_one(value, fact.axes)
            if tensor.has("symmetric"):
                value = np.triu(value) + np.swapaxes(np.triu(value, 1), -1, -2)
        out[tensor.name] = np.asarray(value)
    return out


def _sum_to_one(value: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    moved = np.moveaxis(value, axes, range(len(axes))).copy()
    flat = moved.reshape(int(np.prod(moved.shape[: len(axes)])), *moved.shape[len(axes) :])
    flat[-1] = (1 - flat[:-1].sum(axis=0)) % PRIME
    return np.moveaxis(flat.reshape(moved.shape), range(len(axes)), axes)
