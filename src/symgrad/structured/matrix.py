"""`StructuredMatrix`: a Jacobian or Hessian in numbers, as cores and the places where their products stand.

    y[row(i, j)] += coefficient * product of cores[i, j] * x[column(i, j)]

is how a part multiplies: gather, contract, scatter. Nothing of the size of the dense matrix is made unless asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ..calculus.structure import Plan
from ..errors import ShapeError
from . import solve

Labels = tuple[int, ...]    # which indices of a part an array runs over


@dataclass(frozen=True, eq=False)
class Place:
    """Flat positions in rows (or columns), an array over the indices `labels`."""

    labels: Labels
    flat: np.ndarray

    def in_order(self, count: int) -> bool:
        """Are these all positions, one after the other?"""
        return self.flat.size == count and np.array_equal(self.flat.ravel(), np.arange(count))

    def within(self, extents: tuple[int, ...]) -> Place:
        return Place(self.labels, self.flat[tuple(slice(extents[n]) for n in self.labels)])


@dataclass(frozen=True, eq=False)
class Part:
    """One term of the matrix: `coefficient * product of factors` at each point of the indices, placed."""

    coefficient: float
    factors: tuple[tuple[np.ndarray, Labels], ...]      # cores, and conditions as 0/1
    row: Place
    column: Place
    extents: tuple[int, ...]                            # of the indices, in order of their labels
    plain: tuple[int | None, ...]                       # the index that a row axis is, where it is a plain one

    @property
    def labels(self) -> Labels:
        return tuple(range(len(self.extents)))

    def contract(self, factors, kept: Labels) -> np.ndarray:
        """The sum of the product over every index not in `kept`, as an array over `kept`."""
        present = {label for _, labels in factors for label in labels}
        covered = tuple(label for label in kept if label in present)
        if not factors:
            value = np.float64(1)
        elif len(factors) == 1 and factors[0][1] == covered:
            value = factors[0][0]
        else:
            operands = [operand for array, labels in factors for operand in (array, list(labels))]
            value = np.einsum(*operands, list(covered), optimize=len(factors) > 2)
        shape = tuple(self.extents[label] if label in covered else 1 for label in kept)
        return np.broadcast_to(np.reshape(value, shape), tuple(self.extents[label] for label in kept))

    def product(self) -> np.ndarray:
        """The value at every point."""
        return self.coefficient * self.contract(self.factors, self.labels)

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(rows, columns, values), one for each point; several may name one cell."""
        return self.spread(self.row), self.spread(self.column), np.ravel(self.product())

    def whole(self, shape: tuple[int, int]) -> np.ndarray | None:
        """The values as a matrix, where they fill it cell by cell."""
        along = (*self.row.labels, *self.column.labels) == self.labels
        if not along or not self.row.in_order(shape[0]) or not self.column.in_order(shape[1]):
            return None
        return self.product().reshape(shape)

    def spread(self, place: Place) -> np.ndarray:
        shape = tuple(self.extents[label] if label in place.labels else 1 for label in self.labels)
        order = np.argsort(place.labels) if place.labels else []
        return np.broadcast_to(np.transpose(place.flat, order).reshape(shape), self.extents).ravel()

    def first(self, axes: tuple[int, ...]) -> Part:
        """The part at the first cell along `axes` only (plain ones)."""
        chosen = {self.plain[a] for a in axes}
        extents = tuple(1 if label in chosen else e for label, e in enumerate(self.extents))
        return replace(self, extents=extents, row=self.row.within(extents), column=self.column.within(extents))

    def apply(self, x: np.ndarray, rows: int, source: Place, target: Place) -> np.ndarray:
        gathered = (self.coefficient * x[source.flat], source.labels)
        y = self.contract((*self.factors, gathered), target.labels)
        return np.bincount(target.flat.ravel(), weights=y.ravel(), minlength=rows)


@dataclass(frozen=True, eq=False)
class StructuredMatrix:
    """The value of a derivative, compressed. `matrix @ v`, `.solve(g)`, `.dense()`, `.to_scipy_sparse()`.

    Rows and columns may be given flat or in the shape of their tensors: `v` of shape `(N, K)` or `(N*K,)`.
    """

    name: str
    row_shape: tuple[int, ...]
    column_shape: tuple[int, ...]
    parts: tuple[Part, ...]
    plan: Plan                      # final: the sizes are known
    symmetric: bool
    storage: int                    # numbers held in cores

    @property
    def shape(self) -> tuple[int, int]:
        return prod(self.row_shape), prod(self.column_shape)

    def __matmul__(self, x: Any) -> np.ndarray:
        """The product with a vector, on the compressed form."""
        return self._applied(x, self.column_shape, self.row_shape, False)

    def transposed_product(self, y: Any) -> np.ndarray:
        """The product of the transpose with a vector."""
        return self._applied(y, self.row_shape, self.column_shape, True)

    def _applied(self, x: Any, given: tuple[int, ...], wanted: tuple[int, ...], back: bool) -> np.ndarray:
        flat, shaped = vector(x, given, self.name)
        count = prod(wanted)
        y = np.zeros(count)
        for p in self.parts:
            y += p.apply(flat, count, *((p.row, p.column) if back else (p.column, p.row)))
        return y.reshape(wanted) if shaped else y

    def solve(self, g: Any, ridge: float = 0.0) -> np.ndarray:
        """x with (matrix + ridge * identity) x = g, by the plan, without forming the dense matrix where the plan
        does not say so. Raises SymgradError for a matrix that is singular to working precision."""
        flat, shaped = vector(g, self.row_shape, self.name)
        x = solve.solve(self, flat, float(ridge))
        return x.reshape(self.column_shape) if shaped else x

    def positive_definite(self, ridge: float = 0.0) -> bool:
        """Is this symmetric matrix + ridge * identity positive definite? Decided by the factorisation of the plan."""
        return solve.definite(self, float(ridge))

    @cached_property
    def diagonal(self) -> np.ndarray:
        """The diagonal, flat."""
        total = np.zeros(min(self.shape))
        for p in self.parts:
            rows, columns, values = p.entries()
            on = rows == columns
            total += np.bincount(rows[on], weights=values[on], minlength=total.size)
        return total

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(rows, columns, values) of every entry that may differ from zero; cells may repeat and then add up."""
        found = [p.entries() for p in self.parts] or [(np.zeros(0, np.int64),) * 2 + (np.zeros(0),)]
        return tuple(np.concatenate(arrays) for arrays in zip(*found))

    def to_scipy_sparse(self, format: str = "csr"):
        """The matrix in SciPy's sparse format, rows and columns flat."""
        from scipy.sparse import coo_array  # noqa: PLC0415

        rows, columns, values = self.entries()
        return coo_array((values, (rows, columns)), shape=self.shape).asformat(format)

    def dense(self) -> np.ndarray:
        """The whole array, with the axes of the tensor: `(*row_shape, *column_shape)`."""
        full = (*self.row_shape, *self.column_shape)
        if len(self.parts) == 1 and (whole := self.parts[0].whole(self.shape)) is not None:
            return whole.reshape(full)
        rows, columns, values = self.entries()
        flat = np.bincount(rows * self.shape[1] + columns, weights=values, minlength=self.shape[0] * self.shape[1])
        return flat.reshape(full)

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"<StructuredMatrix {self.name}: {rows} x {columns}, {self.storage:,} numbers; {self.plan}>"


def vector(x: Any, shape: tuple[int, ...], name: str) -> tuple[np.ndarray, bool]:
    """`x` flat, and whether it came in the shape of its tensor."""
    x = np.asarray(x, dtype=float)
    count = prod(shape)
    if x.shape == shape:
        return x.reshape(-1), len(shape) != 1
    if x.shape != (count,):
        raise ShapeError(f"{name} takes a vector of shape {shape} or ({count},), not {x.shape}.")
    return x, False
