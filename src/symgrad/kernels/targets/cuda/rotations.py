"""The text of rotations and reflections by a team (`linear`): eigenvalues, singular values, orthogonal factors.

Jacobi's rotations of two sides (eigh) and of one (svd), Householder's reflections: G. H. Golub, C. F. Van Loan, Matrix
Computations (4th ed. 2013), 5.2, 8.5, 8.6.
"""

TEXTS = {
    # (c, s): the rotation that makes two directions orthogonal, of which `a` and `b` are the sizes, `g` the product
    "rotation": """
def f_rotation(a, b, g):
    tau = (b - a) / (g + g)
    t = math.copysign(REAL(1.0), tau) / (abs(tau) + math.sqrt(REAL(1.0) + tau * tau))
    c = REAL(1.0) / math.sqrt(REAL(1.0) + t * t)
    return c, t * c
""",
    "rotate": """
def f_rotate(W, rows, p, q, c, s, lane, width):
    for i in range(lane, rows, width):
        x, y = W[i, p], W[i, q]
        W[i, p] = c * x - s * y
        W[i, q] = s * x + c * y
""",
    # the sign of the first entry of at least half the largest size
    "turn": """
def f_turn(V, first, rows, j):
    size = REAL(0.0)
    for i in range(rows):
        size = max(size, abs(V[first + i, j]))
    for i in range(rows):
        if abs(V[first + i, j]) >= size * REAL(0.5):
            return REAL(-1.0) if V[first + i, j] < REAL(0.0) else REAL(1.0)
    return REAL(1.0)
""",
    "eigh": """
def f_eigh(A, w, V, W, lane, width):
    n = A.shape[0]
    code = f_symmetric(A, W, lane, width)
    for j in range(lane, n, width):
        for i in range(n):
            W[n + i, j] = REAL(1.0) if i == j else REAL(0.0)
    for sweep in range(SWEEPS):
        team_sync()
        off = REAL(0.0)
        size = REAL(0.0)
        for i in range(n):
            size += W[i, i] * W[i, i]
            for j in range(i):
                off += W[i, j] * W[i, j]
        if size != size or off != off:
            return INFINITE
        if off <= REAL(EPS) * REAL(EPS) * size * REAL(0.25):
            break
        for p in range(n):
            for q in range(p + 1, n):
                team_sync()
                g = W[p, q]
                if g != REAL(0.0):
                    c, s = f_rotation(W[p, p], W[q, q], g)
                    team_sync()
                    f_rotate(W, n + n, p, q, c, s, lane, width)
                    team_sync()
                    for j in range(lane, n, width):
                        x, y = W[p, j], W[q, j]
                        W[p, j] = c * x - s * y
                        W[q, j] = s * x + c * y
    team_sync()
    for j in range(lane, n, width):
        place = 0
        for i in range(n):
            if W[i, i] < W[j, j] or (W[i, i] == W[j, j] and i < j):
                place += 1
        w[place] = W[j, j]
        turn = f_turn(W, n, n, j)
        for i in range(n):
            V[i, place] = W[n + i, j] * turn
    return code
""",
    # rotates columns 0 .. of W until they are orthogonal in their first `rows` rows; the rows behind rotate with them
    "orthogonal": """
def f_orthogonal(W, rows, all_rows, lane, width):
    columns = W.shape[1]
    for sweep in range(SWEEPS):
        rotated = False
        for p in range(columns):
            for q in range(p + 1, columns):
                team_sync()
                a = REAL(0.0)
                b = REAL(0.0)
                g = REAL(0.0)
                for i in range(rows):
                    a += W[i, p] * W[i, p]
                    b += W[i, q] * W[i, q]
                    g += W[i, p] * W[i, q]
                team_sync()
                if abs(g) > REAL(EPS) * REAL(rows) * math.sqrt(a) * math.sqrt(b):
                    rotated = True
                    c, s = f_rotation(a, b, g)
                    f_rotate(W, all_rows, p, q, c, s, lane, width)
        if not rotated:
            break
    team_sync()
""",
    # W = Q R: R replaces W above the diagonal, the reflections what is below; rows r and r + 1 hold their first entries
    # and factors
    "reflect": """
def f_reflect(W, r, lane, width):
    columns = W.shape[1]
    for k in range(columns):
        team_sync()
        size = REAL(0.0)
        for i in range(k, r):
            size += W[i, k] * W[i, k]
        x = W[k, k]
        value = -math.copysign(math.sqrt(size), x)
        head = x - value
        factor = REAL(1.0) / (size - x * value) if size > REAL(0.0) else REAL(0.0)
        team_sync()
        for j in range(k + 1 + lane, columns, width):
            dot = head * W[k, j]
            for i in range(k + 1, r):
                dot += W[i, k] * W[i, j]
            W[k, j] -= dot * factor * head
            for i in range(k + 1, r):
                W[i, j] -= dot * factor * W[i, k]
        if lane == 0:
            W[k, k] = value
            W[r, k] = head
            W[r + 1, k] = factor
    team_sync()
""",
    "reflected": """
def f_reflected(W, r, Q, lane, width):
    columns = W.shape[1]
    for j in range(lane, columns, width):
        for i in range(r):
            Q[i, j] = REAL(1.0) if i == j else REAL(0.0)
        for k in range(columns - 1, -1, -1):
            dot = W[r, k] * Q[k, j]
            for i in range(k + 1, r):
                dot += W[i, k] * Q[i, j]
            Q[k, j] -= dot * W[r + 1, k] * W[r, k]
            for i in range(k + 1, r):
                Q[i, j] -= dot * W[r + 1, k] * W[i, k]
    team_sync()
""",
    "qr": """
def f_qr(A, Q, R, W, lane, width):
    rows, columns = A.shape
    if rows < columns:
        return WIDE
    f_copied(A, W, lane, width)
    f_reflect(W, rows, lane, width)
    f_reflected(W, rows, Q, lane, width)
    for j in range(lane, columns, width):
        for i in range(columns):
            value = W[i, j] if i <= j else REAL(0.0)
            R[i, j] = -value if W[i, i] < REAL(0.0) else value
        if W[j, j] < REAL(0.0):
            for i in range(rows):
                Q[i, j] = -Q[i, j]
    return 0
""",
    # A (or, if it is wide, its transpose) = U diag(s) V^T: V's rows from r, U's from r + c, sorted; the sign of
    # det U det V. Householder's reflections complete U where columns vanish.
    "decompose": """
def f_decompose(A, W, r, c, lane, width):
    wide = A.shape[0] < A.shape[1]
    for j in range(lane, c, width):
        for i in range(r):
            W[i, j] = A[j, i] if wide else A[i, j]
        for i in range(c):
            W[r + i, j] = REAL(1.0) if i == j else REAL(0.0)
    f_orthogonal(W, r, r + c, lane, width)
    first = r + c
    for j in range(lane, c, width):
        size = REAL(0.0)
        for i in range(r):
            size += W[i, j] * W[i, j]
        W[first + r, j] = math.sqrt(size)
    team_sync()
    sign = REAL(1.0)
    for j in range(c):
        for i in range(j):
            if W[first + r, i] < W[first + r, j]:
                sign = -sign
    for j in range(lane, c, width):
        place = 0
        for i in range(c):
            if W[first + r, i] > W[first + r, j] or (W[first + r, i] == W[first + r, j] and i < j):
                place += 1
        for i in range(r + c):
            W[first + r + 1 + i, place] = W[i, j]
    team_sync()
    for j in range(lane, c, width):
        for i in range(r):
            W[first + i, j] = W[first + r + 1 + i, j]
        for i in range(c):
            W[r + i, j] = W[first + r + r + 1 + i, j]
    f_reflect(W[first:], r, lane, width)
    f_reflected(W[first:], r, W, lane, width)
    for k in range(c):
        if W[first + r + 1, k] != REAL(0.0):
            sign = -sign
        if W[first + k, k] < REAL(0.0):
            sign = -sign
    return sign
""",
    "svd": """
def f_svd(A, U, s, Vh, W, lane, width):
    c = s.shape[0]
    r = max(A.shape[0], A.shape[1])
    f_decompose(A, W, r, c, lane, width)
    wide = A.shape[0] < A.shape[1]
    for k in range(lane, c, width):
        value = W[r + c + k, k]
        if value != value:
            return INFINITE
        s[k] = abs(value)
        for i in range(r):
            W[i, k] = -W[i, k] if value < REAL(0.0) else W[i, k]
        turn = f_turn(W, r, c, k) if wide else f_turn(W, 0, r, k)
        for i in range(A.shape[0]):
            U[i, k] = (W[r + i, k] if wide else W[i, k]) * turn
        for j in range(A.shape[1]):
            Vh[k, j] = (W[j, k] if wide else W[r + j, k]) * turn
    return 0
""",
    "adjugate": """
def f_adjugate(A, C, W, lane, width):
    n = A.shape[0]
    sign = f_decompose(A, W, n, n, lane, width)
    for i in range(lane, n, width):
        for j in range(n):
            C[i, j] = REAL(0.0)
        for k in range(n):
            others = sign
            for l in range(n):
                others = others * (abs(W[n + n + l, l]) if l != k else REAL(1.0))
            others = -others if W[n + n + k, k] < REAL(0.0) else others
            for j in range(n):
                C[i, j] += W[n + i, k] * others * W[j, k]
    return 0
""",
}
