"""What a solver asks of a Hessian: a direction of descent, the curvature along it, the least eigenvalue.

Small and dense Hessians are NumPy matrices with a modified Cholesky factorisation. One that has a structure is never
formed: it is factored by its plan, with a multiple of the identity added where it is not positive definite.

Sources: S. H. Cheng, N. J. Higham, A modified Cholesky algorithm based on a symmetric indefinite factorization, SIAM J.
Matrix Anal. Appl. 19 (1998); J. Nocedal, S. Wright, Numerical Optimization, 2nd ed. (2006), algorithm 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, ldl, solve_triangular

from ..calculus.structure.plan import LARGE
from ..structured import StructuredMatrix

EPS = float(np.finfo(float).eps)
FLAT = 1e-10    # an eigenvalue below this share of the largest one is none
LOST = 1e-200  # a smaller entry, beside the largest one, is none
DENSE = ("dense", "zero")


def curvature_of(matrix: StructuredMatrix) -> Dense | Structured:
    """The Hessian as its plan suggests."""
    rows = matrix.shape[0]
    if rows <= LARGE or matrix.plan.kind in DENSE:
        return Dense(matrix.dense().reshape(rows, rows))
    return Structured(matrix)


@dataclass(frozen=True, eq=False)
class Dense:
    """A symmetric matrix."""

    matrix: np.ndarray

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.matrix).all())

    def along(self, direction: np.ndarray) -> float:
        return float(direction @ self.matrix @ direction)

    def descent(self, slopes: np.ndarray) -> np.ndarray:
        return -modified_solve(self.matrix, slopes)

    @cached_property
    def eigen(self) -> tuple[np.ndarray, np.ndarray]:
        return np.linalg.eigh((self.matrix + self.matrix.T) / 2)

    @property
    def scale(self) -> float:
        """The largest eigenvalue in absolute value."""
        return float(np.abs(self.eigen[0]).max(initial=0.0))

    @property
    def least(self) -> tuple[float, np.ndarray]:
        """The least eigenvalue and its eigenvector."""
        values, vectors = self.eigen
        return float(values[0]), vectors[:, 0]

    def newton(self, slopes: np.ndarray) -> np.ndarray:
        """Newton's step in the directions that are curved."""
        values, vectors = self.eigen
        bent = values > FLAT * values.max(initial=0.0)
        return -vectors[:, bent] @ ((vectors.T @ slopes)[bent] / values[bent])


@dataclass(frozen=True, eq=False)
class Structured:
    """A symmetric matrix that is kept as it was derived."""

    matrix: StructuredMatrix

    @property
    def finite(self) -> bool:
        return all(np.isfinite(array).all() for part in self.matrix.parts for array, _ in part.factors)

    def along(self, direction: np.ndarray) -> float:
        return float(direction @ np.ravel(self.matrix @ direction))

    @cached_property
    def scale(self) -> float:
        """A bound of the eigenvalues: the largest sum of absolute values in a column, estimated from below by three
        products (and by the diagonal)."""
        rows = self.matrix.shape[0]
        signs = np.where(np.arange(rows) % 2, 1.0, -1.0)
        probes = (np.ones(rows), signs, np.where(np.arange(rows) % 4 < 2, 1.0, -1.0))
        found = [np.abs(self.matrix @ p).max(initial=0.0) for p in probes]
        return float(max(*found, np.abs(self.matrix.diagonal).max(initial=0.0), EPS))

    def descent(self, slopes: np.ndarray) -> np.ndarray:
        return -np.ravel(self.matrix.solve(slopes, self._ridge(1e-3)))

    def _ridge(self, first: float) -> float:
        """0 where the matrix is positive definite; else a multiple of the identity that makes it so."""
        ridge = 0.0
        while not self.matrix.positive_definite(ridge):
            ridge = max(2 * ridge, first * self.scale)
        return ridge

    @cached_property
    def least(self) -> tuple[float, np.ndarray]:
        """The least eigenvalue (to 4 digits) and its eigenvector: those nearest to a shift below all of them."""
        from scipy.sparse.linalg import LinearOperator, eigsh  # noqa: PLC0415

        rows, shift = self.matrix.shape[0], self._ridge(FLAT) or FLAT * self.scale
        product = LinearOperator((rows, rows), matvec=lambda v: np.ravel(self.matrix @ np.ravel(v)))
        solve = LinearOperator((rows, rows), matvec=lambda v: np.ravel(self.matrix.solve(np.ravel(v), shift)))
        start = np.where(np.arange(rows) % 3, 1.0, 0.5)
        values, vectors = eigsh(product, 1, sigma=-shift, OPinv=solve, v0=start, tol=1e-4)
        return float(values[0]), vectors[:, 0]

    def newton(self, slopes: np.ndarray) -> np.ndarray:
        return -np.ravel(self.matrix.solve(slopes, FLAT * self.scale))


def modified_solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`(H + E)^-1 right`, with E = 0 where the symmetric matrix H is positive definite. Else H = L D L^T (Bunch and
    Kaufman), and the eigenvalues of D are made positive, so that the result is a direction of descent.

    >>> modified_solve(np.diag([2.0, -4.0]), np.array([2.0, 4.0]))
    array([1., 1.])
    """
    try:
        return cho_solve(cho_factor(matrix), right)
    except LinAlgError:
        pass
    largest = np.abs(matrix).max()
    if largest < LOST:
        return right / EPS**1.5  # as of a matrix of zeros
    scaled = matrix / largest
    lower, blocks, order = ldl(np.where(np.abs(scaled) < LOST, 0.0, scaled))  # a subnormal pivot divides to infinity
    values, vectors = np.linalg.eigh(blocks * largest)
    least = np.sqrt(EPS) * max(np.abs(values).max(), EPS)
    triangle = lower[order]
    inner = solve_triangular(triangle, right[order], lower=True, unit_diagonal=True)
    inner = vectors @ ((vectors.T @ inner) / np.maximum(np.abs(values), least))
    solution = np.empty_like(right)
    solution[order] = solve_triangular(triangle.T, inner, lower=False, unit_diagonal=True)
    return solution
