r"""Exact matrices: definiteness by an L D L^T factorisation over the rationals, and sums of squares by Gram matrices.

A polynomial p is a sum of squares iff p = m^T Q m with Q positive semidefinite, m the vector of monomials.
Q is sought in floating point, rounded to rationals that satisfy p = m^T Q m exactly, and then *factorised exactly*:
what comes back is a proof, the search is not trusted.
Source: H. Peyrl, P. A. Parrilo, Computing sum of squares decompositions with rational coefficients, TCS 409 (2008).
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from random import Random

import numpy as np
from sympy import Expr, Matrix, Poly, Rational

GRAM = 24  # at most so many monomials
ROUNDS = 400  # projections; each costs an eigendecomposition of a GRAM x GRAM matrix


def ldl(matrix: Matrix) -> tuple[list[list[Fraction]], list[Fraction]] | None:
    """(L, d) with A = L diag(d) L^T and all d >= 0 for a rational positive semidefinite A; None where A is not.

    >>> ldl(Matrix([[1, 2], [2, 4]]))[1]
    [Fraction(1, 1), Fraction(0, 1)]
    >>> ldl(Matrix([[1, 2], [2, 3]])) is None
    True
    """
    n = matrix.rows
    a = [[Fraction(int(matrix[i, j].p), int(matrix[i, j].q)) for j in range(n)] for i in range(n)]
    lower = [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    diagonal = []
    for k in range(n):
        pivot = a[k][k]
        column = [a[i][k] for i in range(k + 1, n)]
        if pivot < 0 or (pivot == 0 and any(column)):
            return None
        diagonal.append(pivot)
        if pivot == 0:
            continue
        for i in range(k + 1, n):
            lower[i][k] = a[i][k] / pivot
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                a[i][j] -= lower[i][k] * pivot * lower[j][k]
    return lower, diagonal


def squares(polynomial: Poly) -> list[tuple[Rational, Expr]] | None:
    """[(c, q), ...] with p = sum of c q**2 and c > 0, proved exactly; None where none was found.

    >>> from sympy.abc import x, y
    >>> squares(Poly(2*x**2 + 2*x*y + y**2, x, y))
    [(1, x + y), (1, x)]
    """
    if not polynomial.domain.is_QQ and not polynomial.domain.is_ZZ:
        return None
    monomials = _monomials(polynomial)
    if monomials is None or _negative_somewhere(polynomial):
        return None
    gram = _rational_gram(polynomial, monomials)
    found = None if gram is None else ldl(gram)
    if found is None:
        return None
    lower, diagonal = found
    atoms = [Poly({m: 1}, *polynomial.gens).as_expr() for m in monomials]
    rows = [
        (
            Rational(d.numerator, d.denominator),
            sum(Rational(lower[i][k].numerator, lower[i][k].denominator) * atoms[i] for i in range(k, len(atoms))),
        )
        for k, d in enumerate(diagonal)
        if d
    ]
    whole = Poly(sum((c * q**2 for c, q in rows), start=Rational(0)), *polynomial.gens)
    return rows if (whole - polynomial).is_zero else None


def _negative_somewhere(polynomial: Poly) -> bool:
    random = Random(1)
    points = ([Rational(random.randint(-12, 12), 4) for _ in polynomial.gens] for _ in range(25))
    return any(polynomial(*p) < 0 for p in points)


def _monomials(polynomial: Poly) -> list[tuple[int, ...]] | None:
    """Half of what occurs: exponents within half the box and half the degrees of p (a coarse Newton polytope)."""
    exponents = polynomial.monoms()
    count = len(polynomial.gens)
    high = [max(m[i] for m in exponents) for i in range(count)]
    low = [min(m[i] for m in exponents) for i in range(count)]
    total = [sum(m) for m in exponents]
    if any(h % 2 for h in high) or max(total) % 2 or min(total) % 2:
        return None
    grid = [()]
    for lo, hi in zip(low, high):
        grid = [(*m, e) for m in grid for e in range(-(-lo // 2), hi // 2 + 1)]
    kept = [m for m in grid if min(total) <= 2 * sum(m) <= max(total)]
    kept = _pruned(kept, set(exponents))
    return kept if 0 < len(kept) <= GRAM else None


def _pruned(monomials: list, present: set) -> list:
    """A monomial whose square does not occur, and that no other pair makes, has a zero diagonal in Q: it is left
    out."""
    while True:
        pairs = defaultdict(int)
        for i, a in enumerate(monomials):
            for b in monomials[i + 1 :]:
                pairs[tuple(x + y for x, y in zip(a, b))] += 1
        kept = [m for m in monomials if tuple(2 * x for x in m) in present or pairs[tuple(2 * x for x in m)]]
        if len(kept) == len(monomials):
            return kept
        monomials = kept


def _rational_gram(polynomial: Poly, monomials: list) -> Matrix | None:
    n = len(monomials)
    cells = defaultdict(list)
    for i in range(n):
        for j in range(n):
            cells[tuple(a + b for a, b in zip(monomials[i], monomials[j]))].append((i, j))
    wanted = {m: Rational(c) for m, c in polynomial.as_dict().items()}
    if any(m not in cells for m in wanted):
        return None
    for margin in (1e-3, 0.0):  # 0: p has zeros, and so has Q; only simple numbers can be met exactly
        found = _search(cells, wanted, n, margin)
        for digits in (0, 2, 6):
            gram = _rounded(found, cells, wanted, digits)
            if ldl(gram) is not None:
                return gram
    return None


def _search(cells, wanted, n: int, margin: float) -> np.ndarray:
    """Alternating projections between {m^T Q m = p} and {Q >= margin}."""
    scale = max(abs(float(c)) for c in wanted.values())
    q = np.zeros((n, n))
    for _ in range(ROUNDS):
        for monomial, places in cells.items():
            rows, columns = zip(*places)
            off = (float(wanted.get(monomial, 0)) - q[rows, columns].sum()) / len(places)
            q[rows, columns] += off
        values, vectors = np.linalg.eigh((q + q.T) / 2)
        floor = margin * scale
        if values[0] >= floor / 2 - 1e-12 * scale:
            break
        q = (vectors * np.maximum(values, floor)) @ vectors.T
    return q


def _rounded(q: np.ndarray, cells, wanted, digits: int) -> Matrix:
    """The nearest rationals of so many digits, moved back into {m^T Q m = p} exactly."""
    scale = 10**digits * 2 if digits else 2
    gram = [[Rational(round((q[i, j] + q[j, i]) / 2 * scale), scale) for j in range(len(q))] for i in range(len(q))]
    for monomial, places in cells.items():
        off = (wanted.get(monomial, Rational(0)) - sum(gram[i][j] for i, j in places)) / len(places)
        for i, j in places:
            gram[i][j] += off
    return Matrix(gram)
