"""SymPy matrix expressions to arrays. An axis of length 1 is left out: a column x (n x 1) is a vector x[n].

A.inverse()*b is solve(A, b), A.applyfunc(f) is f of every entry, an entry A[i, j] is counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sympy
from sympy import Expr, Integer, MatrixBase, expand
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from ...errors import ShapeError
from ...ir.access import Access, Size
from .. import grammar as g
from .. import products
from ..arrays import Array, Cell, broadcast, fold, number, settled, times, written
from ..routines import routine
from ..tree import Leaf, Tree, combine
from .names import identifier
from .ranges import extreme
from .scalars import WHOLE, Inside, Problem, Reading, check_reach, tree

COLUMN = 0  # errors show SymPy's text, in which no column is known
MOST = 64  # of a matrix power, written out as products
ONE = Integer(1)


@dataclass(frozen=True)
class Matrix:
    """A value of SymPy's shape; `array` lacks the axes of length 1."""

    rows: Expr
    columns: Expr
    array: Array

    @property
    def scalar(self) -> bool:
        return self.rows == self.columns == 1


def array(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    """The array of a matrix expression."""
    if isinstance(expr, (MatrixExpr, MatrixBase)):
        for kind, convert in KINDS.items():
            if isinstance(expr, kind):
                return convert(reading, expr, inside)
        raise Problem(f"{type(expr).__name__} is not read", FIXES.get(type(expr).__name__, "Write it by entries."))
    return Matrix(ONE, ONE, number(tree(reading, expr, inside), str(expr), COLUMN))


FIXES = {
    "BlockMatrix": "Give each block an equation, or write A.as_explicit() for blocks of known shape.",
    "BlockDiagMatrix": "Give each block an equation of its own.",
    "MatrixSlice": "Read entries, A[i, j], under a Sum over the rows and columns that you want.",
    "FunctionMatrix": "Write an equation for its entries: Eq(Y[i, j], ...).",
}


def _shape(reading: Reading, expr: Any) -> tuple[Expr, Expr]:
    rows, columns = (reading.found.size(s) for s in expr.shape)
    return rows, columns


def _letters(reading: Reading, shape: tuple[Expr, ...]) -> tuple[str, ...]:
    return tuple(s.name.lower() if isinstance(s, Size) else "ij"[n % 2] for n, s in enumerate(shape))


def _kept(reading: Reading, expr: Any) -> tuple[Expr, ...]:
    return tuple(s for s in _shape(reading, expr) if s != 1)


def _filled(reading: Reading, expr: Any, value: int) -> Matrix:
    """Every entry is one number."""
    sizes = _kept(reading, expr)
    filled = Array(sizes, _letters(reading, sizes), lambda _: Leaf(Integer(value)), str(expr), COLUMN)
    return Matrix(*_shape(reading, expr), filled)


# leaves


def _symbol(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    name, sizes = reading.defined(identifier(expr)), _kept(reading, expr)
    letters = reading.reader.draft.tensors[name].letters
    return Matrix(*_shape(reading, expr), Array(sizes, letters, lambda c: Leaf(Access(name, *c)), name, COLUMN))


def _identity(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    rows, columns = _shape(reading, expr)
    if rows == 1:
        return _filled(reading, expr, 1)
    size = number(Leaf(rows), str(rows), COLUMN)
    return Matrix(rows, columns, products.eye(reading.reader, size, COLUMN))


def _explicit(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    """A matrix of formulas: each entry is written into its cell."""
    rows, columns = _shape(reading, expr)
    sizes = _kept(reading, expr)
    if not sizes:
        return Matrix(rows, columns, number(tree(reading, expr[0, 0], inside), str(expr), COLUMN))
    cells = []
    for i in range(expr.rows):
        for j in range(expr.cols):
            cell = tuple(Integer(p) for p, s in zip((i, j), (rows, columns)) if s != 1)
            cells.append((cell, tree(reading, expr[i, j], inside)))
    letters = products.distinct(reading.reader, tuple("ij"[: len(sizes)]), sizes)
    at = written(reading.reader, "entries", sizes, letters, cells)
    return Matrix(rows, columns, Array(sizes, letters, at, str(expr), COLUMN))


# sums and products


def _added(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    parts = [array(reading, a, inside).array for a in expr.args]
    found = broadcast(reading.reader, parts, lambda trees: combine("+", trees), str(expr))
    return Matrix(*_shape(reading, expr), found)


def _entrywise(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    parts = [array(reading, a, inside) for a in expr.args]
    found = parts[0]
    for part in parts[1:]:
        found = replace(found, array=_times(reading, found.array, part.array))
    return found


def _times(reading: Reading, a: Array, b: Array) -> Array:
    return broadcast(reading.reader, (a, b), lambda t: times(reading.reader, t, COLUMN), f"{a.text}*{b.text}")


def _multiplied(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    """A product, from the end at which a vector stands; an inverse before a factor solves a system."""
    scalars = [a for a in expr.args if not isinstance(a, (MatrixExpr, MatrixBase))]
    factors = [a for a in expr.args if isinstance(a, (MatrixExpr, MatrixBase))]
    if factors[-1].shape[1] == 1 or factors[0].shape[0] != 1:
        found = array(reading, factors[-1], inside)
        for factor in reversed(factors[:-1]):
            found = _solved(reading, factor, found, inside)
    else:
        found = array(reading, factors[0], inside)
        for factor in factors[1:]:
            found = _product(reading, found, array(reading, factor, inside))
    for scalar in scalars:
        value = number(tree(reading, scalar, inside), str(scalar), COLUMN)
        found = replace(found, array=_times(reading, value, found.array))
    return found


def _solved(reading: Reading, factor: Any, right: Matrix, inside: Inside) -> Matrix:
    if isinstance(factor, sympy.Inverse) and factor.shape[0] != 1:
        parts = (array(reading, factor.arg, inside).array, right.array)
        return Matrix(right.rows, right.columns, _routine(reading, "solve", *parts))
    return _product(reading, array(reading, factor, inside), right)


def _product(reading: Reading, a: Matrix, b: Matrix) -> Matrix:
    """(r x k)(k x c); where k is 1 every entry of one meets every entry of the other."""
    if a.columns != 1:
        found = products.matmul(reading.reader, a.array, b.array, COLUMN)
    elif a.rows == 1 or b.columns == 1:
        found = _times(reading, a.array, b.array)
    else:
        found = products.outer(reading.reader, a.array, b.array, COLUMN)
    return Matrix(a.rows, b.columns, found)


def _power(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    base, exponent = expr.args
    if not exponent.is_Integer or not 0 < abs(exponent) <= MOST:
        raise Problem(
            f"the power {exponent} of a matrix is not read",
            "A whole number is; otherwise write it by eigenvalues in text: w, V = eigh(A).",
        )
    found = array(reading, base if exponent > 0 else sympy.Inverse(base), inside)
    if found.scalar:
        tall = combine("**", (found.array.at(()), Leaf(Integer(abs(exponent)))))
        return replace(found, array=number(tall, str(expr), COLUMN))
    return _raised(reading, found, int(abs(exponent)))


def _raised(reading: Reading, base: Matrix, exponent: int) -> Matrix:
    """By repeated squaring; what is used twice is computed once."""
    if exponent == 1:
        return base
    half = _raised(reading, base, exponent // 2)
    if exponent > 3:
        half = replace(half, array=settled(reading.reader, half.array, "power"))
    square = _product(reading, half, half)
    return _product(reading, square, base) if exponent % 2 else square


def _transposed(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    found = array(reading, expr.arg, inside)
    turned = products.transpose(reading.reader, found.array, COLUMN) if found.array.rank == 2 else found.array
    return Matrix(found.columns, found.rows, turned)


def _inverse(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    found = array(reading, expr.arg, inside)
    if found.scalar:
        reciprocal = combine("**", (found.array.at(()), Leaf(Integer(-1))))
        return replace(found, array=number(reciprocal, str(expr), COLUMN))
    return replace(found, array=_routine(reading, "inv", found.array))


def _routine(reading: Reading, name: str, *parts: Array) -> Array:
    return routine(reading.reader, g.Call(name, parts, COLUMN), parts)


def _kronecker(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    first, *rest = (array(reading, a, inside) for a in expr.args)
    for part in rest:
        if first.array.rank != part.array.rank or (first.rows == 1) != (part.rows == 1):
            raise Problem(f"{expr} has factors of different kinds", "Write its entries with indices.")
        found = products.kron(reading.reader, first.array, part.array, COLUMN)
        first = Matrix(first.rows * part.rows, first.columns * part.columns, found)
    return first


# entry by entry


def _applied(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    """f of every entry; one that is computed and used twice gets an equation of its own."""
    found = array(reading, expr.expr, inside)
    (variable,) = expr.function.variables
    base = found.array
    if expr.function.expr.count(variable) > 1:
        base = settled(reading.reader, base, "v")

    def at(cell: Cell) -> Tree:
        return tree(reading, expr.function.expr, inside.where({variable: base.at(cell)}))

    return replace(found, array=replace(base, at=at, text=str(expr), diagonal=None, factors=()))


def _entry_power(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    found = array(reading, expr.base, inside)
    exponent = array(reading, expr.exp, inside).array
    powered = broadcast(reading.reader, (found.array, exponent), lambda t: combine("**", t), str(expr))
    return replace(found, array=powered)


def _diagonal(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    """The matrix with a vector on its diagonal, or with only the diagonal of another matrix."""
    found = array(reading, expr.args[0], inside)
    vector = found.array if found.array.rank == 1 else products.diag(reading.reader, found.array, COLUMN)
    return Matrix(*_shape(reading, expr), products.diagonal(reading.reader, vector, str(expr)))


def _diagonal_of(reading: Reading, expr: Any, inside: Inside) -> Matrix:
    found = array(reading, expr.args[0], inside)
    if found.rows != found.columns:
        raise Problem(f"{expr} is the diagonal of a matrix that is not square", "Read its entries under a Sum.")
    return Matrix(found.rows, ONE, products.diag(reading.reader, found.array, COLUMN))


KINDS: dict[type, Callable[[Reading, Any, Inside], Matrix]] = {
    sympy.MatrixSymbol: _symbol,
    sympy.Identity: _identity,
    sympy.ZeroMatrix: lambda reading, expr, _: _filled(reading, expr, 0),
    sympy.OneMatrix: lambda reading, expr, _: _filled(reading, expr, 1),
    sympy.Inverse: _inverse,
    sympy.MatPow: _power,
    sympy.MatAdd: _added,
    sympy.MatMul: _multiplied,
    sympy.Transpose: _transposed,
    sympy.Adjoint: _transposed,
    sympy.HadamardProduct: _entrywise,
    sympy.HadamardPower: _entry_power,
    ElementwiseApplyFunction: _applied,
    sympy.KroneckerProduct: _kronecker,
    sympy.DiagMatrix: _diagonal,
    sympy.DiagonalMatrix: _diagonal,
    sympy.DiagonalOf: _diagonal_of,
    MatrixBase: _explicit,
}


# scalars made of matrices


def _trace(reading: Reading, expr: Any, inside: Inside) -> Tree:
    found = array(reading, expr.arg, inside)
    return found.array.at(()) if found.scalar else products.trace(reading.reader, found.array, COLUMN).at(())


def _determinant(reading: Reading, expr: Any, inside: Inside, name: str = "det") -> Tree:
    found = array(reading, expr.arg, inside)
    return found.array.at(()) if found.scalar else _routine(reading, name, found.array).at(())


def _logarithm(reading: Reading, expr: Any, inside: Inside) -> Tree | None:
    """log det A and log |det A|: one routine, which does not overflow where the determinant would; else None."""
    inner = expr.args[0]
    name = "logdet"
    if isinstance(inner, sympy.Abs):
        inner, name = inner.args[0], "logabsdet"
    if not isinstance(inner, sympy.Determinant) or inner.arg.shape[0] == 1:
        return None
    return _determinant(reading, inner, inside, name)


def _entry(reading: Reading, expr: Any, inside: Inside) -> Tree:
    """One entry of a matrix; SymPy counts from 0."""
    found = array(reading, expr.parent, inside)
    places = [reading.position(p, inside) for p in expr.indices]
    for place, size in zip(places, (found.rows, found.columns)):
        _inside(reading, expr, place, size, inside)
    cell = tuple(p for p, size in zip(places, (found.rows, found.columns)) if size != 1)
    return found.array.at(cell)


def _inside(reading: Reading, expr: Any, place: Expr, size: Expr, inside: Inside) -> None:
    """Refuse what certainly leaves the axis; what only some sizes allow is checked when the arrays come."""
    check_reach(reading, expr, place, size)
    if inside.guarded or place.has(Access):
        return
    low, high = (extreme(place, inside.limits, sign) for sign in (-1, 1))
    if low.is_negative or (expand(high - size)).is_nonnegative:
        raise Problem(
            f"{expr} reaches position {low if low.is_negative else high} of an axis with {size} entries",
            f"Entries of a matrix are counted from 0: its ranges are (i, 0, {size - 1}).",
            ShapeError,
        )


def _dot(reading: Reading, expr: Any, inside: Inside) -> Tree:
    """DotProduct(x, y) of two vectors, whether columns or rows."""
    a, b = (array(reading, part, inside).array for part in expr.args)
    product = _times(reading, a, b)
    return fold(reading.reader, "sum", product, list(range(product.rank)), str(expr)).at(())


WHOLE.update({
    sympy.Trace: _trace, sympy.Determinant: _determinant, MatrixElement: _entry, sympy.DotProduct: _dot,
    sympy.log: _logarithm,
})  # fmt: skip
