"""The text of elimination by a team (`linear`): systems of equations, determinants, Cholesky factors.

Gauss with partial pivoting, Cholesky: G. H. Golub, C. F. Van Loan, Matrix Computations (4th ed. 2013), 3.4 and 4.2.
"""

TEXTS = {
    # [A | right sides | probe]; row n holds the sizes of A's rows. The probe has a part along every direction.
    "augment": """
def f_augment(A, W, last, lane, width):
    n = A.shape[0]
    for i in range(lane, n, width):
        size = REAL(0.0)
        for j in range(n):
            W[i, j] = A[i, j]
            size += abs(A[i, j])
        W[n, i] = size
        W[i, last] = size * (REAL((i + 1) * 40503 % 65536) - REAL(32767.5)) * REAL(0.000030517578125)
""",
    # the sign of the rows' permutation; 0 where a pivot is 0
    "eliminate": """
def f_eliminate(W, n, lane, width):
    sign = REAL(1.0)
    for k in range(n):
        team_sync()
        best = k
        for i in range(k + 1, n):
            if abs(W[i, k]) > abs(W[best, k]):
                best = i
        pivot = W[best, k]
        team_sync()
        if pivot == REAL(0.0):
            return REAL(0.0)
        if best != k:
            sign = -sign
            for j in range(lane, W.shape[1], width):
                held = W[k, j]
                W[k, j] = W[best, j]
                W[best, j] = held
            team_sync()
        for i in range(k + 1 + lane, n, width):
            W[i, k] = W[i, k] / pivot
        team_sync()
        for j in range(k + 1 + lane, W.shape[1], width):
            for i in range(k + 1, n):
                W[i, j] -= W[i, k] * W[k, j]
    team_sync()
    return sign
""",
    "backwards": """
def f_backwards(W, n, lane, width):
    for j in range(n + lane, W.shape[1], width):
        for i in range(n - 1, -1, -1):
            total = W[i, j]
            for k in range(i + 1, n):
                total -= W[i, k] * W[k, j]
            W[i, j] = total / W[i, i]
    team_sync()
""",
    # is the condition number that the probe's solution shows, with rows and columns scaled to 1, below 1/eps?
    "regular": """
def f_regular(A, W, last):
    n = A.shape[0]
    found = REAL(0.0)
    for j in range(n):
        largest = REAL(0.0)
        for i in range(n):
            if abs(A[i, j]) > largest * W[n, i]:
                largest = abs(A[i, j]) / W[n, i]
        found = max(found, abs(W[j, last] * largest))
    return SINGULAR if found * REAL(EPS) > REAL(1.0) else 0
""",
    "solve": """
def f_solve(A, b, x, W, lane, width):
    n = A.shape[0]
    f_augment(A, W, n + 1, lane, width)
    for i in range(lane, n, width):
        W[i, n] = b[i]
    if f_eliminate(W, n, lane, width) == REAL(0.0):
        return SINGULAR
    f_backwards(W, n, lane, width)
    for i in range(lane, n, width):
        x[i] = W[i, n]
    return f_regular(A, W, n + 1)
""",
    "solve_columns": """
def f_solve_columns(A, b, x, W, lane, width):
    n, m = A.shape[0], b.shape[1]
    f_augment(A, W, n + m, lane, width)
    for j in range(lane, m, width):
        for i in range(n):
            W[i, n + j] = b[i, j]
    if f_eliminate(W, n, lane, width) == REAL(0.0):
        return SINGULAR
    f_backwards(W, n, lane, width)
    for j in range(lane, m, width):
        for i in range(n):
            x[i, j] = W[i, n + j]
    return f_regular(A, W, n + m)
""",
    "inv": """
def f_inv(A, X, W, lane, width):
    n = A.shape[0]
    f_augment(A, W, n + n, lane, width)
    for j in range(lane, n, width):
        for i in range(n):
            W[i, n + j] = REAL(1.0) if i == j else REAL(0.0)
    if f_eliminate(W, n, lane, width) == REAL(0.0):
        return SINGULAR
    f_backwards(W, n, lane, width)
    for j in range(lane, n, width):
        for i in range(n):
            X[i, j] = W[i, n + j]
    return f_regular(A, W, n + n)
""",
    "copied": """
def f_copied(A, W, lane, width):
    for j in range(lane, A.shape[1], width):
        for i in range(A.shape[0]):
            W[i, j] = A[i, j]
""",
    "det": """
def f_det(A, d, W, lane, width):
    f_copied(A, W, lane, width)
    value = f_eliminate(W, A.shape[0], lane, width)
    for i in range(A.shape[0]):
        if value != REAL(0.0):
            value *= W[i, i]
    if lane == 0:
        d[0] = value
    return 0
""",
    # (sign of det A, log of its size)
    "logarithm": """
def f_logarithm(A, W, lane, width):
    f_copied(A, W, lane, width)
    sign = f_eliminate(W, A.shape[0], lane, width)
    value = REAL(0.0)
    if sign != REAL(0.0):
        for i in range(A.shape[0]):
            sign = -sign if W[i, i] < REAL(0.0) else sign
            value += math.log(abs(W[i, i]))
    return sign, value
""",
    "logdet": """
def f_logdet(A, d, W, lane, width):
    sign, value = f_logarithm(A, W, lane, width)
    if lane == 0:
        d[0] = value
    if sign == REAL(0.0):
        return ZERO
    return NEGATIVE if sign < REAL(0.0) else 0
""",
    "logabsdet": """
def f_logabsdet(A, d, W, lane, width):
    sign, value = f_logarithm(A, W, lane, width)
    if lane == 0:
        d[0] = value
    return ZERO if sign == REAL(0.0) else 0
""",
    # the symmetric part of A into W; is A far from it?
    "symmetric": """
def f_symmetric(A, W, lane, width):
    n = A.shape[0]
    size = REAL(0.0)
    off = REAL(0.0)
    for i in range(n):
        for j in range(n):
            size = max(size, abs(A[i, j]))
            off = max(off, abs(A[i, j] - A[j, i]))
    for j in range(lane, n, width):
        for i in range(n):
            W[i, j] = (A[i, j] + A[j, i]) * REAL(0.5)
    team_sync()
    return ASYMMETRIC if off > REAL(ASYMMETRY) * size else 0
""",
    "cholesky": """
def f_cholesky(A, L, W, lane, width):
    n = A.shape[0]
    code = f_symmetric(A, W, lane, width)
    for k in range(n):
        pivot = W[k, k]
        if pivot != pivot:
            return INFINITE
        if pivot <= REAL(0.0):
            return code if code > 0 else INDEFINITE
        root = math.sqrt(pivot)
        team_sync()
        for i in range(k + lane, n, width):
            W[i, k] = root if i == k else W[i, k] / root
        team_sync()
        for j in range(k + 1 + lane, n, width):
            for i in range(j, n):
                W[i, j] -= W[i, k] * W[j, k]
        team_sync()
    for j in range(lane, n, width):
        for i in range(n):
            L[i, j] = W[i, j] if i >= j else REAL(0.0)
    return code
""",
    "gaps": """
def f_gaps(w, G, W, lane, width):
    n = w.shape[0]
    size = REAL(0.0)
    for i in range(n):
        size = max(size, abs(w[i]))
    code = 0
    for i in range(n):
        for j in range(n):
            apart = w[j] - w[i]
            if i != j and abs(apart) <= REAL(DISTINCT) * REAL(n) * REAL(EPS) * size:
                code = EQUAL
            if j % width == lane:
                G[i, j] = REAL(0.0) if i == j else REAL(1.0) / apart
    return code
""",
}
