"""Sparse matrices from products with few vectors, where the pattern is known.

Columns that share no row get one colour; one product with the sum of the unit vectors of a colour gives all its columns
at once. Source: A. R. Curtis, M. J. D. Powell, J. K. Reid, On the estimation of sparse Jacobian matrices, IMA Journal
of Applied Mathematics 13 (1974); A. H. Gebremedhin, F. Manne, A. Pothen, What color is your Jacobian?, SIAM Review 47
(2005), section 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def colour_columns(pattern) -> np.ndarray:
    """A colour for each column of a sparse pattern: greedy, columns with most entries first.

    >>> tridiagonal = np.tri(7, k=1) * np.tri(7, k=1).T
    >>> colour_columns(tridiagonal).tolist()
    [2, 0, 1, 2, 0, 1, 2]
    """
    from scipy.sparse import csc_array, csr_array  # noqa: PLC0415

    columns, rows = csc_array(pattern), csr_array(pattern)
    counts = np.diff(columns.indptr)
    colours = np.full(len(counts), -1)
    for column in np.argsort(-counts, kind="stable"):
        met = _reached(rows, columns.indices[columns.indptr[column] : columns.indptr[column + 1]])
        taken = set(colours[met].tolist())
        colours[column] = next(c for c in range(len(taken) + 1) if c not in taken)
    return colours


def _reached(rows, touched: np.ndarray) -> np.ndarray:
    """The columns with an entry in one of the rows `touched`."""
    parts = [rows.indices[rows.indptr[r] : rows.indptr[r + 1]] for r in touched]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=int)


def from_products(pattern, product: Callable[[np.ndarray], np.ndarray]):
    """The sparse matrix with this pattern (CSR), from one product `product(v) = matrix @ v` for each colour."""
    from scipy.sparse import coo_array  # noqa: PLC0415

    cells = coo_array(pattern)
    colours = colour_columns(pattern)
    values = np.zeros(len(cells.data))
    for colour in range(colours.max(initial=-1) + 1):
        result = np.ravel(product((colours == colour).astype(float)))
        chosen = colours[cells.col] == colour
        values[chosen] = result[cells.row[chosen]]
    return coo_array((values, (cells.row, cells.col)), shape=cells.shape).tocsr()
