"""Linear systems with a structured matrix, one function for each kind of plan.

Sources: G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. (2013), sections 2.1.4, 4.2, 4.3, 12.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import SymgradError

if TYPE_CHECKING:
    from .matrix import Part, StructuredMatrix

RESIDUAL = 1e-3     # a solution that leaves more than this part of the right side solves nothing


def solve(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    """x with (matrix + ridge I) x = g; the product with the result is compared with g."""
    with np.errstate(all="ignore"):
        try:
            x = SOLVERS[matrix.plan.kind](matrix, g, ridge)
        except np.linalg.LinAlgError:
            x = np.full(matrix.shape[1], np.nan)
        left = matrix @ x + ridge * x - g
    if not np.linalg.norm(left) <= RESIDUAL * np.linalg.norm(g):
        raise SymgradError(_singular(matrix, ridge))
    return x


def _singular(matrix: StructuredMatrix, ridge: float) -> str:
    at = f" with ridge = {ridge:g}" if ridge else ""
    fix = f"    Add to its diagonal: solve(g, ridge={max(10 * ridge, 1e-6):g})."
    return f"{matrix.name} is singular to working precision{at}: no step solves it.\n{fix}"


def divide(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    return g / (matrix.diagonal + ridge)


def woodbury(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    """(D + U V^T)^-1 g = D^-1 g - D^-1 U (1 + V^T D^-1 U)^-1 V^T D^-1 g, block by block."""
    d, left, right, order = _diagonal_and_thin(matrix, ridge)
    if not np.all(d):
        return blocks(matrix, g, ridge)
    y = g[order].reshape(d.shape) / d
    inner = np.eye(left.shape[2]) + right.swapaxes(1, 2) @ (left / d)
    x = y - (left / d) @ np.linalg.solve(inner, right.swapaxes(1, 2) @ y)
    return _back(x.ravel(), order)


def _diagonal_and_thin(matrix: StructuredMatrix, ridge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(D, U, V, the order of rows that makes blocks of them): one block for each entry of the first axis."""
    order = block_order(matrix)
    thin = [p for p in matrix.parts if set(p.row.labels) != set(p.column.labels)]
    scaled = np.full(matrix.shape[0], ridge)
    for p in matrix.parts:
        if p not in thin:
            rows, _, values = p.entries()
            scaled += np.bincount(rows, weights=values, minlength=scaled.size)
    size = int(matrix.plan.size)
    left, right = (np.stack(s, -1).reshape(-1, size, len(thin)) for s in zip(*(_sides(matrix, p, order) for p in thin)))
    return scaled[order].reshape(-1, size, 1), left, right, order


def _sides(matrix: StructuredMatrix, p: Part, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The row factor and the column factor of a thin part, each over all rows, in block order."""
    only = set(p.column.labels) - set(p.row.labels)
    right = tuple(f for f in p.factors if set(f[1]) & only)
    left = tuple(f for f in p.factors if not set(f[1]) & only)
    u = p.coefficient * p.contract(left, p.row.labels)
    v = p.contract(right, p.column.labels)
    count = matrix.shape[0]
    return tuple(
        np.bincount(place.flat.ravel(), weights=side.ravel(), minlength=count)[order]
        for place, side in ((p.row, u), (p.column, v))
    )


def banded(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    from scipy.linalg import solve_banded, solveh_banded  # noqa: PLC0415

    order = block_order(matrix)
    low, high = int(matrix.plan.low), int(matrix.plan.high)
    band = _band(matrix, order, low, high)
    band[high] += ridge
    if matrix.symmetric:
        try:
            return _back(solveh_banded(band[: high + 1], g[order], check_finite=False), order)
        except np.linalg.LinAlgError:
            pass    # not positive definite
    return _back(solve_banded((low, high), band, g[order], check_finite=False), order)


def _band(matrix: StructuredMatrix, order: np.ndarray, low: int, high: int) -> np.ndarray:
    """Diagonals as rows, the way LAPACK keeps them: band[high + i - j, j] = matrix[i, j]."""
    count = order.size
    rank = _back(np.arange(count), order)
    band = np.zeros((low + high + 1) * count)
    for p in matrix.parts:
        rows, columns, values = p.entries()
        i, j = rank[rows], rank[columns]
        inside = values != 0     # a point whose condition fails stands nowhere
        band += np.bincount(((high + i - j) * count + j)[inside], values[inside], band.size)
    return band.reshape(low + high + 1, count)


def blocks(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    """One dense factorisation for each block along the plan's axes, or one for all."""
    order = block_order(matrix)
    stacked = _stacked(matrix, order, ridge)
    right = g[order].reshape(-1, stacked.shape[1], 1)
    if len(stacked) == 1:
        return _back(_dense(stacked[0], right[:, :, 0].T, matrix.symmetric).T.ravel(), order)
    return _back(_dense_many(stacked, right, matrix.symmetric).ravel(), order)


def _stacked(matrix: StructuredMatrix, order: np.ndarray, ridge: float) -> np.ndarray:
    """The blocks along the plan's axes, each once, with the ridge: `(count, size, size)`."""
    size, count = int(matrix.plan.size), int(matrix.plan.count)
    rank = _back(np.arange(order.size), order)
    stacked = np.zeros(count * size * size)
    for p in matrix.parts:
        shown = p if count * size == order.size else p.first(matrix.plan.axes)
        rows, columns, values = shown.entries()
        stacked += np.bincount(rank[rows] * size + rank[columns] % size, values, stacked.size)
    return stacked.reshape(count, size, size) + ridge * np.eye(size)


def _dense(a: np.ndarray, b: np.ndarray, symmetric: bool) -> np.ndarray:
    from scipy.linalg import cho_factor, cho_solve, lu_factor, lu_solve  # noqa: PLC0415

    if symmetric:
        try:
            return cho_solve(cho_factor(a, check_finite=False), b, check_finite=False)
        except np.linalg.LinAlgError:
            pass    # not positive definite
    if not np.linalg.matrix_rank(a) == len(a):
        raise np.linalg.LinAlgError
    return lu_solve(lu_factor(a, check_finite=False), b, check_finite=False)


def _dense_many(a: np.ndarray, b: np.ndarray, symmetric: bool) -> np.ndarray:
    if symmetric:
        try:
            return _substituted(np.linalg.cholesky(a), b)
        except np.linalg.LinAlgError:
            pass    # one of them is not positive definite
    return np.linalg.solve(a, b)


def _substituted(lower: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Forward and back substitution with L L^T, all blocks at once."""
    x = b.copy()
    for i in range(x.shape[1]):
        x[:, i] = (x[:, i] - (lower[:, i, None, :i] @ x[:, :i])[:, 0]) / lower[:, i, i, None]
    for i in reversed(range(x.shape[1])):
        x[:, i] = (x[:, i] - (lower[:, i + 1 :, i][:, None] @ x[:, i + 1 :])[:, 0]) / lower[:, i, i, None]
    return x


def sparse(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    from scipy.sparse import diags_array  # noqa: PLC0415
    from scipy.sparse.linalg import splu  # noqa: PLC0415

    a = matrix.to_scipy_sparse("csc")
    try:
        return splu((a + diags_array(np.full(len(g), ridge))).tocsc()).solve(g)
    except RuntimeError as error:   # SuperLU: exactly singular
        raise np.linalg.LinAlgError(str(error)) from None


def kronecker(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    """(A x B)^-1 g: each factor along its own axes; with a ridge, in the eigenvectors of all factors."""
    (p,) = matrix.parts
    rows, columns = p.row.labels, p.column.labels
    factors = [([a for a, label in enumerate(rows) if label in labels], array, labels) for array, labels in p.factors]
    square = [(axes, _matrix_of(array, labels, rows, columns)) for axes, array, labels in factors]
    x = g.reshape(matrix.row_shape)
    if ridge and not matrix.symmetric:
        return blocks(matrix, g, ridge)
    if ridge:
        return _in_eigenvectors(x, square, p.coefficient, ridge).ravel()
    for axes, a in square:
        x = _along(x, axes, lambda moved, a=a: np.linalg.solve(a, moved))
    return x.ravel() / p.coefficient


def _in_eigenvectors(x: np.ndarray, square, coefficient: float, ridge: float) -> np.ndarray:
    """(c A x B + r)^-1 with A = Q diag(l) Q^T: divide by c l m + r between Q and Q^T."""
    values = np.full(x.shape, coefficient)
    vectors = []
    for axes, a in square:
        eigenvalues, q = np.linalg.eigh(a)
        values = _along(values, axes, lambda moved, e=eigenvalues: e[:, None] * moved)
        x = _along(x, axes, lambda moved, q=q: q.T @ moved)
        vectors.append((axes, q))
    x = x / (values + ridge)
    for axes, q in vectors:
        x = _along(x, axes, lambda moved, q=q: q @ moved)
    return x


def _matrix_of(array: np.ndarray, labels, rows, columns) -> np.ndarray:
    """A core as a square matrix; an index of both sides is a diagonal of it."""
    extent = dict(zip(labels, array.shape))
    axes = [a for a, label in enumerate(rows) if label in labels]
    operands, row_labels, fresh = [array, list(labels)], [], max(labels) + 1
    for a in axes:
        if rows[a] == columns[a]:
            operands += [np.eye(extent[rows[a]]), [fresh, rows[a]]]
        row_labels.append(fresh if rows[a] == columns[a] else rows[a])
        fresh += 1
    n = int(np.prod([extent[rows[a]] for a in axes]))
    return np.einsum(*operands, [*row_labels, *(columns[a] for a in axes)]).reshape(n, n)


def _along(x: np.ndarray, axes: list[int], change) -> np.ndarray:
    """`change` on the matrix whose rows are the given axes."""
    moved = np.moveaxis(x, axes, range(len(axes)))
    rows = int(np.prod(moved.shape[: len(axes)]))
    return np.moveaxis(change(moved.reshape(rows, -1)).reshape(moved.shape), range(len(axes)), axes)


def _refuse(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    raise SymgradError(f"{matrix.name} has {matrix.shape[0]} rows and {matrix.shape[1]} columns: nothing to solve.")


def _zero(matrix: StructuredMatrix, g: np.ndarray, ridge: float) -> np.ndarray:
    return g / ridge if ridge else np.full(matrix.shape[1], np.nan)


# definiteness ---------------------------------------------------------------------------------------------------------


def definite(matrix: StructuredMatrix, ridge: float) -> bool:
    """Is the symmetric matrix + ridge I positive definite? By the factorisation of its plan."""
    with np.errstate(all="ignore"):
        try:
            return bool(DEFINITE[matrix.plan.kind](matrix, ridge))
        except np.linalg.LinAlgError:
            return False


def _definite_diagonal(matrix: StructuredMatrix, ridge: float) -> bool:
    return bool(np.all(matrix.diagonal + ridge > 0))


def _definite_woodbury(matrix: StructuredMatrix, ridge: float) -> bool:
    """D + U V^T with D > 0: the eigenvalues of V^T D^-1 U lie above -1 (they are real, for U V^T is symmetric)."""
    d, left, right, _ = _diagonal_and_thin(matrix, ridge)
    if not np.all(d > 0):
        return _definite_blocks(matrix, ridge)
    return bool(np.all(np.linalg.eigvals(right.swapaxes(1, 2) @ (left / d)).real > -1))


def _definite_banded(matrix: StructuredMatrix, ridge: float) -> bool:
    from scipy.linalg import cholesky_banded  # noqa: PLC0415

    band = _band(matrix, block_order(matrix), int(matrix.plan.low), high := int(matrix.plan.high))
    band[high] += ridge
    cholesky_banded(band[: high + 1], check_finite=False)
    return True


def _definite_blocks(matrix: StructuredMatrix, ridge: float) -> bool:
    np.linalg.cholesky(_stacked(matrix, block_order(matrix), ridge))
    return True


def _definite_sparse(matrix: StructuredMatrix, ridge: float) -> bool:
    """Gauss elimination without an exchange of rows has positive pivots only where the matrix is positive definite."""
    from scipy.sparse import diags_array  # noqa: PLC0415
    from scipy.sparse.linalg import splu  # noqa: PLC0415

    a = (matrix.to_scipy_sparse("csc") + diags_array(np.full(matrix.shape[0], ridge))).tocsc()
    try:
        found = splu(a, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:    # exactly singular
        return False
    return bool(np.array_equal(found.perm_r, found.perm_c) and np.all(found.U.diagonal() > 0))


def _definite_kronecker(matrix: StructuredMatrix, ridge: float) -> bool:
    (p,) = matrix.parts
    values = np.array([p.coefficient])
    for array, labels in p.factors:
        square = _matrix_of(array, labels, p.row.labels, p.column.labels)
        values = np.outer(values, np.linalg.eigvalsh(square)[[0, -1]]).ravel()  # the extremes come from the extremes
    return bool(values.min() + ridge > 0)


DEFINITE = {
    "zero": lambda matrix, ridge: ridge > 0,
    "divide": _definite_diagonal,
    "woodbury": _definite_woodbury,
    "banded": _definite_banded,
    "kronecker": _definite_kronecker,
    "blocks": _definite_blocks,
    "dense": _definite_blocks,
    "sparse": _definite_sparse,
}


SOLVERS = {
    "zero": _zero,
    "multiply": _refuse,
    "divide": divide,
    "woodbury": woodbury,
    "banded": banded,
    "kronecker": kronecker,
    "blocks": blocks,
    "dense": blocks,
    "sparse": sparse,
}


def block_order(matrix: StructuredMatrix) -> np.ndarray:
    """Rows sorted by block: the axes of the plan first. order[position] = row."""
    axes = matrix.plan.axes
    rest = [a for a in range(len(matrix.row_shape)) if a not in axes]
    return np.arange(matrix.shape[0]).reshape(matrix.row_shape).transpose(*axes, *rest).ravel()


def _back(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty_like(values)
    result[order] = values
    return result
