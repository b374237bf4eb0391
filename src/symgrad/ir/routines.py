"""The values of the routines of `ir.calls`, on stacks of matrices: float64 by NumPy, complex numbers (for the complex
step), 50 digits by mpmath, and exactly in a finite field. A matrix for which a value does not exist is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
from sympy import Integer

from ..errors import DegenerateError, SymgradError, explain
from .arithmetic import Arithmetic
from .calls import FIXES, ROWS, Row, reasons, row_of
from .system import Call

ASYMMETRY = 0.1  # of the largest entry. Rounding leaves 1e-13 and difference quotients 0.01; other matrices are far off
DISTINCT = 8  # two eigenvalues closer than this many n eps |w| are one: their own rounding is of that size
TAME = -1 / 3  # up to the condition number eps^(-1/3), A^-1 det A loses a third of the digits at most
Matrices = tuple[np.ndarray, ...]


class Refused(Exception):
    """A key of `calls.REASONS`."""


def run(call: Call, values: Mapping[str, np.ndarray], arithmetic: Arithmetic) -> dict[str, np.ndarray]:
    """What the call writes. Raises DegenerateError, with the equation, where that does not exist."""
    row, arrays = row_of(call), [values[name] for name in call.arguments]
    try:
        with np.errstate(all="ignore"):
            found = _table(arithmetic)(row, arrays, arithmetic)
    except Refused as refused:
        raise refusal(call, str(refused)) from None
    return {name: np.asarray(arithmetic.asarray(value)) for name, value in zip(call.writes, found)}


def refusal(call: Call, reason: str) -> DegenerateError:
    """The error for a matrix that the routine does not take."""
    return DegenerateError(explain(reasons(row_of(call), reason), call.source, fix=FIXES[reason]))


def _table(arithmetic: Arithmetic) -> Callable[[Row, list[np.ndarray], Arithmetic], Matrices]:
    if arithmetic.dtype is np.float64:
        return _float
    if arithmetic.dtype is np.complex128:
        return _complex
    return _multiprecision if arithmetic.name == "mpmath" else _exact


# float64 --------------------------------------------------------------------------------------------------------------


def _float(row: Row, arrays: list[np.ndarray], arithmetic: Arithmetic) -> Matrices:
    if any(a.size == 0 for a in arrays[:1]) and row.name not in ("det", "logdet", "logabsdet"):
        return _empty(row, arrays)
    try:
        return FLOAT[row.name](*arrays)
    except np.linalg.LinAlgError:
        infinite = not all(np.all(np.isfinite(a)) for a in arrays)
        raise Refused("infinite" if infinite else "indefinite" if row.positive else "singular") from None


def _empty(row: Row, arrays: list[np.ndarray]) -> Matrices:
    """Matrices without entries."""
    parts = [(a.shape[: a.ndim - len(c)], a.shape[a.ndim - len(c) :], c) for a, c in zip(arrays, row.reads.values())]
    sizes = {c: n for _, core, letters in parts for c, n in zip(letters, core)}
    sizes |= {k: min(sizes[c] for c in among) for k, among in row.least.items()}
    batch = max((own for own, _, _ in parts), key=len)
    return tuple(np.zeros((*batch, *(sizes[c] for c in letters))) for letters in row.writes.values())


def _symmetric(A: np.ndarray) -> np.ndarray:
    """The symmetric part; refused where A is far from it."""
    turned = np.swapaxes(A, -1, -2)
    if np.any(np.abs(A - turned) > ASYMMETRY * np.max(np.abs(A), axis=(-1, -2), keepdims=True)):
        raise Refused("asymmetric")
    return (A + turned) / 2


def _probe(A: np.ndarray) -> np.ndarray:
    """A right side that has a part along every direction, scaled as the rows of A are."""
    return np.cos(1.0 + np.arange(A.shape[-1])) * np.sum(np.abs(A), axis=-1)


def _regular(A: np.ndarray, y: np.ndarray) -> None:
    """Refuse A where y = A^-1 probe shows a condition number above 1/eps."""
    if np.any(condition(A, y) * np.finfo(A.dtype).eps > 1):
        raise Refused("singular")


def condition(A: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A lower bound, seldom far off, for the condition number of A with rows and columns scaled to 1."""
    scaled = np.max(np.abs(A) / np.sum(np.abs(A), axis=-1, keepdims=True), axis=-2)
    return np.max(np.abs(y * scaled), axis=-1)


def _solve(A: np.ndarray, b: np.ndarray) -> Matrices:
    return (_solve_columns(A, b[..., None])[0][..., 0],)


def _solve_columns(A: np.ndarray, b: np.ndarray) -> Matrices:
    batch = np.broadcast_shapes(A.shape[:-2], b.shape[:-2])
    probe = np.broadcast_to(_probe(A)[..., None], (*batch, A.shape[-1], 1))
    x = np.linalg.solve(A, np.concatenate([np.broadcast_to(b, (*batch, *b.shape[-2:])), probe], axis=-1))
    _regular(A, x[..., -1])
    return (x[..., :-1],)


def _inv(A: np.ndarray) -> Matrices:
    X = np.linalg.inv(A)
    _regular(A, np.einsum("...ij,...j->...i", X, _probe(A)))
    return (X,)


def _logdet(A: np.ndarray) -> Matrices:
    sign, value = np.linalg.slogdet(A)
    if np.any(sign <= 0):
        raise Refused("negative" if np.any(sign < 0) else "zero")
    return (value,)


def _logabsdet(A: np.ndarray) -> Matrices:
    sign, value = np.linalg.slogdet(A)
    if np.any(sign == 0):
        raise Refused("zero")
    return (value,)


def others(s: np.ndarray) -> np.ndarray:
    """The product of all the other entries, for each entry (no division: one may be 0)."""
    n = s.shape[-1]
    return np.stack([np.prod(s[..., np.arange(n) != i], axis=-1) for i in range(n)], axis=-1)


def _adjugate(A: np.ndarray) -> Matrices:
    """A^-1 det A where A is far from singular. Elsewhere, with A = U diag(s) Vh:
    adj A = det U det Vh  Vh^T diag(products of the other s) U^T."""
    try:
        X = np.linalg.inv(A)
        if np.all(condition(A, np.einsum("...ij,...j->...i", X, _probe(A))) <= np.finfo(A.dtype).eps ** TAME):
            return (X * np.linalg.det(A)[..., None, None],)
    except np.linalg.LinAlgError:
        pass
    U, s, Vh = np.linalg.svd(A)
    sign = np.linalg.det(U) * np.linalg.det(Vh)
    V = np.swapaxes(Vh, -1, -2) * others(s)[..., None, :]
    return (sign[..., None, None] * (V @ np.swapaxes(U, -1, -2)),)


def _diagonalised(A: np.ndarray, size: Callable, inverse: Callable) -> tuple:
    """X A Y = diag(d) for one matrix, by elimination with the largest pivot that is left. `size` says how large a pivot
    is (0: it cannot be divided by)."""
    n, A = len(A), A.copy()
    one = A[:1, :1].reshape(-1)[0] * 0 + 1 if n else 1
    X, Y = (np.array([[one if i == j else one * 0 for j in range(n)] for i in range(n)], dtype=A.dtype) for _ in "XY")
    for k in range(n):
        sizes = [[size(A[i, j]) for j in range(k, n)] for i in range(k, n)]
        i, j = (k + int(p) for p in np.unravel_index(np.argmax(np.array(sizes, dtype=float)), (n - k, n - k)))
        if not sizes[i - k][j - k]:
            break
        for M in (A, X):
            M[[k, i]] = M[[i, k]]
            if i != k:
                M[k] = -M[k]
        for M in (A, Y):
            M[:, [k, j]] = M[:, [j, k]]
            if j != k:
                M[:, k] = -M[:, k]
        left, right = A[k + 1 :, k] * inverse(A[k, k]), A[k, k + 1 :] * inverse(A[k, k])
        A[k + 1 :, k + 1 :] = A[k + 1 :, k + 1 :] - left[:, None] * A[k, k + 1 :]
        X[k + 1 :] = X[k + 1 :] - left[:, None] * X[k]
        Y[:, k + 1 :] = Y[:, k + 1 :] - Y[:, k, None] * right
    return X, np.array([A[i, i] for i in range(n)], dtype=A.dtype), Y


def _reciprocal(value: Any) -> Any:
    return 1 / value


def _all_but_last(d: np.ndarray, inverse: Callable) -> tuple:
    return (np.array([*(inverse(x) for x in d[:-1]), d[-1] * 0], dtype=d.dtype),)


def _pivots(d: np.ndarray) -> Matrices:
    before = d[..., :-1]
    limit = DISTINCT * d.shape[-1] * np.finfo(float).eps * np.max(np.abs(d), axis=-1, keepdims=True)
    if np.any(np.abs(before) <= limit):
        raise Refused("deficient")
    return (np.concatenate([1 / before, np.zeros((*d.shape[:-1], 1))], axis=-1),)


def signs(V: np.ndarray) -> np.ndarray:
    """For each column, the sign of its first entry of at least half the largest size."""
    large = np.abs(V) >= np.max(np.abs(V), axis=-2, keepdims=True) / 2
    first = np.take_along_axis(V, np.argmax(large, axis=-2)[..., None, :], axis=-2)
    return np.where(first < 0, -1, 1)


def _eigh(A: np.ndarray) -> Matrices:
    w, V = np.linalg.eigh(_symmetric(A))
    return w, V * signs(V)


def _svd(A: np.ndarray) -> Matrices:
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    turn = signs(U)
    return U * turn, s, Vh * np.swapaxes(turn, -1, -2)


def _qr(A: np.ndarray) -> Matrices:
    if A.shape[-2] < A.shape[-1]:
        raise Refused("wide")
    Q, R = np.linalg.qr(A)
    turn = np.where(np.diagonal(R, axis1=-2, axis2=-1) < 0, -1, 1)
    return Q * turn[..., None, :], R * turn[..., :, None]


def _gaps(w: np.ndarray) -> Matrices:
    n = w.shape[-1]
    apart = w[..., None, :] - w[..., :, None] + np.eye(n)
    limit = DISTINCT * n * np.finfo(float).eps * np.max(np.abs(w), axis=-1)[..., None, None]
    if np.any((np.abs(apart) <= limit) & ~np.eye(n, dtype=bool)):
        raise Refused("equal")
    return (1 / apart - np.eye(n),)


FLOAT: dict[str, Callable[..., Matrices]] = {
    "solve": _solve, "solve_columns": _solve_columns, "inv": _inv, "det": lambda A: (np.linalg.det(A),),
    "logdet": _logdet, "logabsdet": _logabsdet, "adjugate": _adjugate,
    "cholesky": lambda A: (np.linalg.cholesky(_symmetric(A)),), "eigh": _eigh, "svd": _svd, "qr": _qr, "gaps": _gaps,
    "eliminate": lambda A: _each(ROWS["eliminate"], [A], lambda a: _diagonalised(a, abs, _reciprocal)),
    "pivots": _pivots,
}  # fmt: skip


# other numbers: one matrix after the other ----------------------------------------------------------------------------


def _each(row: Row, arrays: list[np.ndarray], one: Callable[..., tuple]) -> Matrices:
    """`one` for each cell of the batch."""
    cores = [len(letters) for letters in row.reads.values()]
    batch = np.broadcast_shapes(*(a.shape[: a.ndim - c] for a, c in zip(arrays, cores)))
    stacks = [np.broadcast_to(a, (*batch, *a.shape[a.ndim - c :])) for a, c in zip(arrays, cores)]
    found = [one(*(s[cell] for s in stacks)) for cell in np.ndindex(*batch)]
    if not found:
        return _empty(row, arrays)
    results = []
    for parts in zip(*found):
        parts = [np.asarray(p) for p in parts]
        joined = np.empty((len(parts), *parts[0].shape), dtype=parts[0].dtype)
        for place, part in enumerate(parts):
            joined[place] = part if part.shape else part[()]
        results.append(joined.reshape((*batch, *parts[0].shape)))
    return tuple(results)


def _complex(row: Row, arrays: list[np.ndarray], arithmetic: Arithmetic) -> Matrices:
    if row.name not in COMPLEX:
        raise SymgradError(f"{row.text} is not analytic: the complex step does not apply")
    try:
        return _each(row, arrays, COMPLEX[row.name])
    except np.linalg.LinAlgError:
        raise Refused("singular") from None


def _complex_logdet(A: np.ndarray) -> tuple:
    """log det A up to the sign of det A: analytic."""
    sign, value = np.linalg.slogdet(A)
    return (value + 1j * np.angle(sign * np.sign(sign.real)),)


def _complex_cholesky(A: np.ndarray) -> tuple:
    """L L^T = A without conjugation: analytic in A."""
    A, L = (A + A.T) / 2, np.zeros_like(A)
    for j in range(len(A)):
        L[j, j] = np.sqrt(A[j, j] - L[j, :j] @ L[j, :j])
        L[j + 1 :, j] = (A[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    return (L,)


def _minors(A: np.ndarray, det: Callable) -> tuple:
    """The adjugate by its definition: C[i, j] = (-1)^(i+j) det(A without row j and column i)."""
    C = np.empty_like(A)
    for i, j in np.ndindex(*A.shape):
        minor = np.delete(np.delete(A, j, 0), i, 1)
        C[i, j] = det(minor) * (-1) ** (i + j) if minor.size else A[i, j] * 0 + 1
    return (C,)


def _complex_gaps(w: np.ndarray) -> tuple:
    apart = w[None, :] - w[:, None] + np.eye(len(w))
    return (1 / apart - np.eye(len(w)),)


COMPLEX: dict[str, Callable[..., tuple]] = {
    "solve": lambda A, b: (np.linalg.solve(A, b),), "solve_columns": lambda A, b: (np.linalg.solve(A, b),),
    "inv": lambda A: (np.linalg.inv(A),), "det": lambda A: (np.linalg.det(A),),
    "logdet": _complex_logdet, "logabsdet": _complex_logdet, "cholesky": _complex_cholesky,
    "adjugate": lambda A: _minors(A, np.linalg.det), "gaps": _complex_gaps,
    "eliminate": lambda A: _diagonalised(A, abs, _reciprocal), "pivots": lambda d: _all_but_last(d, _reciprocal),
}  # fmt: skip


def _multiprecision(row: Row, arrays: list[np.ndarray], arithmetic: Arithmetic) -> Matrices:
    """By mpmath, at its current precision."""
    try:
        return _each(row, arrays, MULTIPRECISION[row.name])
    except (ZeroDivisionError, ValueError):
        raise Refused("indefinite" if row.positive else "equal" if row.name == "gaps" else "singular") from None


def _mp(A: np.ndarray) -> Any:
    return mpmath.matrix(A.tolist())


def _array(M) -> np.ndarray:
    return np.array(M.tolist(), dtype=object).reshape(M.rows, M.cols)


def _mp_solve(A: np.ndarray, b: np.ndarray) -> tuple:
    x = _array(mpmath.inverse(_mp(A)) * _mp(b))
    return (x.reshape(b.shape),)


def _mp_logabsdet(A: np.ndarray) -> tuple:
    return (np.array(mpmath.log(abs(mpmath.det(_mp(A)))), dtype=object),)


def _mp_det(A: np.ndarray) -> tuple:
    return (np.array(mpmath.det(_mp(A)), dtype=object),)


def _mp_eigh(A: np.ndarray) -> tuple:
    w, V = mpmath.eigsy(_mp((A + A.T) / 2))
    V = _array(V)
    return _array(w).ravel(), V * signs(V)


def _mp_svd(A: np.ndarray) -> tuple:
    U, s, Vh = map(_array, mpmath.svd_r(_mp(A)))
    turn = signs(U)
    return U * turn, s.ravel(), Vh * turn.T


def _mp_qr(A: np.ndarray) -> tuple:
    if A.shape[0] < A.shape[1]:
        raise Refused("wide")
    Q, R = map(_array, mpmath.qr(_mp(A), mode="skinny"))
    turn = np.where(np.diagonal(R) < 0, -1, 1)
    return Q * turn, R * turn[:, None]


MULTIPRECISION: dict[str, Callable[..., tuple]] = {
    "solve": _mp_solve, "solve_columns": _mp_solve, "inv": lambda A: (_array(mpmath.inverse(_mp(A))),), "det": _mp_det,
    "logdet": _mp_logabsdet, "logabsdet": _mp_logabsdet, "adjugate": lambda A: _minors(A, lambda m: mpmath.det(_mp(m))),
    "cholesky": lambda A: (_array(mpmath.cholesky(_mp((A + A.T) / 2))),), "eigh": _mp_eigh, "svd": _mp_svd,
    "qr": _mp_qr, "gaps": _complex_gaps, "eliminate": lambda A: _diagonalised(A, abs, _reciprocal),
    "pivots": lambda d: _all_but_last(d, _reciprocal),
}  # fmt: skip


def _exact(row: Row, arrays: list[np.ndarray], ring: Arithmetic) -> Matrices:
    """By Gaussian elimination in a field: residues modulo a prime, dual ones, rational functions."""
    one: Any = np.asarray(ring.asarray(1)).item()

    def identity(A):
        return [[one if i == j else one * 0 for j in range(len(A))] for i in range(len(A))]

    def det(A):
        return _eliminated(A, identity(A), ring)[0]

    def clean(value):
        return value % ring.modulus if ring.modulus else value

    def inverse(value):
        if not _invertible(clean(value), ring):
            raise SymgradError("a division by zero modulo a prime")
        return _scalar(ring.power(clean(value), Integer(-1)))

    def of(A, *b):
        n = len(A)
        match row.name:
            case "solve":
                return (np.array(_eliminated(A, b[0].reshape(n, 1), ring)[1], dtype=object).reshape(n),)
            case "solve_columns" | "inv":
                right = b[0] if b else identity(A)
                return (np.array(_eliminated(A, right, ring)[1], dtype=object).reshape(n, len(right[0])),)
            case "det":
                return (np.array(det(A), dtype=object),)
            case "adjugate":
                return _minors(np.asarray(A, dtype=object), det)
            case "eliminate":
                found = _diagonalised(_plain(A), lambda v: int(_invertible(clean(v), ring)), inverse)
                return tuple(clean(part) for part in found)
            case "pivots":
                return _all_but_last(_plain(A), inverse)
        raise SymgradError(f"{row.text} is not rational: the program has no meaning modulo a prime")

    return _each(row, arrays, of)


def _eliminated(A, B, ring: Arithmetic) -> tuple:
    """(det A, A^-1 B). A singular matrix is refused, but for its determinant."""

    def clean(value):
        return value % ring.modulus if ring.modulus else value

    rows = [[*map(_scalar, a), *map(_scalar, b)] for a, b in zip(A, B)]
    n = len(rows)
    det = np.asarray(ring.asarray(1)).item()
    for j in range(n):
        place = next((i for i in range(j, n) if _invertible(rows[i][j], ring)), None)
        if place is None:
            raise SymgradError("a division by zero modulo a prime")
        if place != j:
            rows[j], rows[place], det = rows[place], rows[j], clean(det * -1)
        pivot = rows[j][j]
        det = clean(det * pivot)
        inverse = _scalar(ring.power(pivot, Integer(-1)))
        rows[j] = [clean(x * inverse) for x in rows[j]]
        for i in range(n):
            if i != j:
                factor = rows[i][j]
                rows[i] = [clean(x + clean(y * factor) * -1) for x, y in zip(rows[i], rows[j])]
    return det, [row[n:] for row in rows]


def _plain(values: np.ndarray) -> np.ndarray:
    """The same as plain numbers of the field."""
    return np.array([_scalar(v) for v in values.reshape(-1)], dtype=object).reshape(values.shape)


def _scalar(value):
    """A plain number of the field: Python integers do not overflow."""
    return int(value) if isinstance(value, np.integer) else value.item() if isinstance(value, np.ndarray) else value


def _invertible(value, ring: Arithmetic) -> bool:
    try:
        ring.power(value, Integer(-1))
    except SymgradError:
        return False
    return value != 0
