"""The text of linear-algebra routines: one matrix each, by LAPACK. What follows from an LU decomposition calls it
by address (`lapack` in the target's text), a tenth of the compile time of np.linalg, which serves the others.

A matrix that a routine does not take raises ValueError with a key of `ir.calls.REASONS` (LAPACK itself: LinAlgError);
`run` notes in its table which Call it was at, from which `Kernel` makes the error of the interpreter.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..ir.routines import ASYMMETRY, DISTINCT, TAME

EPS = {"float64": "float64(2.220446049250313e-16)", "float32": "float32(1.1920929e-07)"}

# f_probe and f_condition: a right side with a part along every direction, and the condition number that its solution
# shows, with rows and columns scaled to 1 (as in ir.routines)
TEXTS = {
    "probe": """
def f_probe(A, y):
    for i in range(A.shape[0]):
        size = REAL(0.0)
        for j in range(A.shape[1]):
            size += abs(A[i, j])
        y[i] = REAL(math.cos(float64(1.0 + i))) * size
""",
    "condition": """
def f_condition(A, y):
    largest = np.zeros(A.shape[1], A.dtype)
    for i in range(A.shape[0]):
        size = REAL(0.0)
        for j in range(A.shape[1]):
            size += abs(A[i, j])
        for j in range(A.shape[1]):
            if abs(A[i, j]) > largest[j] * size:
                largest[j] = abs(A[i, j]) / size
    found = REAL(0.0)
    for j in range(A.shape[1]):
        found = max(found, abs(y[j] * largest[j]))
    return found
""",
    "regular": """
def f_regular(A, y):
    if f_condition(A, y) * EPS > REAL(1.0):
        raise ValueError("singular")
""",
    "symmetric": """
def f_symmetric(A):
    S = np.empty(A.shape, A.dtype)
    size = REAL(0.0)
    off = REAL(0.0)
    for i in range(A.shape[0]):
        for j in range(A.shape[0]):
            S[i, j] = (A[i, j] + A[j, i]) * REAL(0.5)
            size = max(size, abs(A[i, j]))
            off = max(off, abs(A[i, j] - A[j, i]))
    if off > REAL(ASYMMETRY) * size:
        raise ValueError("asymmetric")
    return S
""",
    "turn": """
def f_turn(V, j):
    size = REAL(0.0)
    for i in range(V.shape[0]):
        size = max(size, abs(V[i, j]))
    for i in range(V.shape[0]):
        if abs(V[i, j]) >= size * REAL(0.5):
            return REAL(-1.0) if V[i, j] < REAL(0.0) else REAL(1.0)
    return REAL(1.0)
""",
    "factor": """
def f_factor(A, F, pivots):
    for i in range(A.shape[0]):
        for j in range(A.shape[0]):
            F[i, j] = A[i, j]
    return getrf(A.shape[0], address(F), address(pivots), F)
""",
    "solve": """
def f_solve(A, b, x):
    n = A.shape[0]
    F = np.empty((n, n), A.dtype)
    pivots = np.empty(n, np.int32)
    if f_factor(A, F, pivots) != 0:
        raise ValueError("singular")
    y = np.empty((2, n), A.dtype)
    for i in range(n):
        y[0, i] = b[i]
    f_probe(A, y[1])
    getrs(n, 2, address(F), address(pivots), address(y), F)
    f_regular(A, y[1])
    for i in range(n):
        x[i] = y[0, i]
""",
    "solve_columns": """
def f_solve_columns(A, b, x):
    n, m = b.shape
    F = np.empty((n, n), A.dtype)
    pivots = np.empty(n, np.int32)
    if f_factor(A, F, pivots) != 0:
        raise ValueError("singular")
    y = np.empty((m + 1, n), A.dtype)
    for i in range(n):
        for j in range(m):
            y[j, i] = b[i, j]
    f_probe(A, y[m])
    getrs(n, m + 1, address(F), address(pivots), address(y), F)
    f_regular(A, y[m])
    for i in range(n):
        for j in range(m):
            x[i, j] = y[j, i]
""",
    "inverse": """
def f_inverse(A, F, pivots, X, z):
    n = A.shape[0]
    work = np.empty(64 * max(n, 1), A.dtype)
    y = np.empty(n, A.dtype)
    f_probe(A, y)
    for i in range(n):
        for j in range(n):
            X[i, j] = F[i, j]
    getri(n, address(X), address(pivots), address(work), work.size, F)
    for i in range(n):
        z[i] = REAL(0.0)
        for j in range(n):
            z[i] += X[i, j] * y[j]
""",
    "inv": """
def f_inv(A, X):
    n = A.shape[0]
    F = np.empty((n, n), A.dtype)
    pivots = np.empty(n, np.int32)
    if f_factor(A, F, pivots) != 0:
        raise ValueError("singular")
    z = np.empty(n, A.dtype)
    f_inverse(A, F, pivots, X, z)
    f_regular(A, z)
""",
    "determinant": """
def f_determinant(F, pivots):
    found = REAL(1.0)
    for i in range(F.shape[0]):
        found *= F[i, i] if pivots[i] == i + 1 else -F[i, i]
    return found
""",
    "det": """
def f_det(A, d):
    F = np.empty(A.shape, A.dtype)
    pivots = np.empty(A.shape[0], np.int32)
    f_factor(A, F, pivots)
    d[0] = f_determinant(F, pivots)
""",
    "signlogdet": """
def f_signlogdet(A):
    F = np.empty(A.shape, A.dtype)
    pivots = np.empty(A.shape[0], np.int32)
    if f_factor(A, F, pivots) != 0:
        return 0, REAL(-np.inf)
    sign = 1
    value = REAL(0.0)
    for i in range(A.shape[0]):
        sign *= -1 if (F[i, i] < REAL(0.0)) != (pivots[i] != i + 1) else 1
        value += REAL(math.log(abs(F[i, i])))
    return sign, value
""",
    "logdet": """
def f_logdet(A, d):
    sign, value = f_signlogdet(A)
    if sign < 0:
        raise ValueError("negative")
    if sign == 0:
        raise ValueError("zero")
    d[0] = value
""",
    "logabsdet": """
def f_logabsdet(A, d):
    sign, value = f_signlogdet(A)
    if sign == 0:
        raise ValueError("zero")
    d[0] = value
""",
    "adjugate": """
def f_adjugate(A, C):
    n = A.shape[0]
    F = np.empty((n, n), A.dtype)
    pivots = np.empty(n, np.int32)
    f_factor(A, F, pivots)
    det = f_determinant(F, pivots)
    if det != REAL(0.0):
        X = np.empty((n, n), A.dtype)
        z = np.empty(n, A.dtype)
        f_inverse(A, F, pivots, X, z)
        if f_condition(A, z) <= REAL(TAME):
            for i in range(n):
                for j in range(n):
                    C[i, j] = X[i, j] * det
            return
    U, s, Vh = np.linalg.svd(A)
    f_factor(U, F, pivots)
    sign = f_determinant(F, pivots)
    f_factor(Vh, F, pivots)
    sign *= f_determinant(F, pivots)
    others = np.empty(n, A.dtype)
    for k in range(n):
        others[k] = sign
        for j in range(n):
            if j != k:
                others[k] *= s[j]
    for i in range(n):
        for j in range(n):
            total = REAL(0.0)
            for k in range(n):
                total += Vh[k, i] * others[k] * U[j, k]
            C[i, j] = total
""",
    "eliminate": """
def f_eliminate(A, X, d, Y):
    n = A.shape[0]
    R = A.copy()
    for i in range(n):
        d[i] = REAL(0.0)
        for j in range(n):
            X[i, j] = REAL(1.0) if i == j else REAL(0.0)
            Y[i, j] = X[i, j]
    for k in range(n):
        p = k
        q = k
        for i in range(k, n):
            for j in range(k, n):
                if abs(R[i, j]) > abs(R[p, q]):
                    p = i
                    q = j
        if R[p, q] == REAL(0.0):
            break
        for j in range(n):
            if p != k:
                R[k, j], R[p, j] = -R[p, j], R[k, j]
                X[k, j], X[p, j] = -X[p, j], X[k, j]
        for i in range(n):
            if q != k:
                R[i, k], R[i, q] = -R[i, q], R[i, k]
                Y[i, k], Y[i, q] = -Y[i, q], Y[i, k]
        d[k] = R[k, k]
        for i in range(k + 1, n):
            left = R[i, k] / R[k, k]
            for j in range(k + 1, n):
                R[i, j] -= left * R[k, j]
            for j in range(n):
                X[i, j] -= left * X[k, j]
        for i in range(n):
            for j in range(k + 1, n):
                Y[i, j] -= Y[i, k] * (R[k, j] / R[k, k])
""",
    "pivots": """
def f_pivots(d, p):
    n = d.shape[0]
    for i in range(n):
        if i < n - 1 and abs(d[i]) <= REAL(DISTINCT) * REAL(n) * EPS * abs(d[0]):
            raise ValueError("deficient")
        p[i] = REAL(1.0) / d[i] if i < n - 1 else REAL(0.0)
""",
    "cholesky": """
def f_cholesky(A, L):
    F = np.linalg.cholesky(f_symmetric(A))
    for i in range(A.shape[0]):
        for j in range(A.shape[0]):
            L[i, j] = F[i, j]
""",
    "eigh": """
def f_eigh(A, w, V):
    values, vectors = np.linalg.eigh(f_symmetric(A))
    for j in range(A.shape[0]):
        w[j] = values[j]
        turn = f_turn(vectors, j)
        for i in range(A.shape[0]):
            V[i, j] = vectors[i, j] * turn
""",
    "svd": """
def f_svd(A, U, s, Vh):
    left, values, right = np.linalg.svd(A, full_matrices=False)
    for k in range(s.shape[0]):
        s[k] = values[k]
        turn = f_turn(left, k)
        for i in range(A.shape[0]):
            U[i, k] = left[i, k] * turn
        for j in range(A.shape[1]):
            Vh[k, j] = right[k, j] * turn
""",
    "qr": """
def f_qr(A, Q, R):
    if A.shape[0] < A.shape[1]:
        raise ValueError("wide")
    left, right = np.linalg.qr(A)
    for k in range(A.shape[1]):
        turn = REAL(-1.0) if right[k, k] < REAL(0.0) else REAL(1.0)
        for i in range(A.shape[0]):
            Q[i, k] = left[i, k] * turn
        for j in range(A.shape[1]):
            R[k, j] = right[k, j] * turn
""",
    "gaps": """
def f_gaps(w, G):
    n = w.shape[0]
    size = REAL(0.0)
    for i in range(n):
        size = max(size, abs(w[i]))
    for i in range(n):
        for j in range(n):
            apart = w[j] - w[i]
            if i != j and abs(apart) <= REAL(DISTINCT) * REAL(n) * EPS * size:
                raise ValueError("equal")
            G[i, j] = REAL(0.0) if i == j else REAL(1.0) / apart
""",
}
NEEDS = {
    "solve": ("probe", "condition", "regular", "factor"), "solve_columns": ("probe", "condition", "regular", "factor"),
    "inv": ("probe", "condition", "regular", "factor", "inverse"), "det": ("factor", "determinant"),
    "logdet": ("factor", "signlogdet"), "logabsdet": ("factor", "signlogdet"),
    "adjugate": ("probe", "condition", "factor", "determinant", "inverse"),
    "cholesky": ("symmetric",), "eigh": ("symmetric", "turn"), "svd": ("turn",),
}  # fmt: skip


def texts(names: Iterable[str], real: str, decorator: str) -> list[str]:
    """The functions of these routines, what they call first."""
    wanted: dict[str, None] = {}
    for name in names:
        wanted |= dict.fromkeys((*NEEDS.get(name, ()), name))
    words = {"REAL": real, "EPS": EPS[real], "ASYMMETRY": str(ASYMMETRY), "DISTINCT": str(DISTINCT)}
    words["TAME"] = str(float(np.finfo(real).eps) ** TAME)
    found = []
    for name in wanted:
        text = TEXTS[name].strip("\n")
        for word, value in words.items():
            text = text.replace(word, value)
        found.append(f"{decorator}\n{text}")
    return found
