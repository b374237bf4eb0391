"""Products of arrays and what is made of one: @ dot outer kron cross, tr diag eye norm2, transposes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, count

from sympy import Eq, Expr, Integer

from ..errors import ShapeError
from ..ir.access import Access, Size
from .arrays import (
    Array,
    Cell,
    broadcast,
    contraction,
    fold,
    indices,
    misfit,
    number,
    settled,
    shape_text,
    square,
    times,
    unify,
    written,
)
from .scope import Reader
from .tree import Choice, Leaf, Tree

ZERO = Leaf(Integer(0))


def _operand(array: Array) -> str:
    return f"({array.text})" if " " in array.text and not array.text.endswith(")") else array.text


def matmul(reader: Reader, a: Array, b: Array, column: int) -> Array:
    """a @ b in NumPy's shapes: the last axis of a with the last but one of b; a vector has one axis only."""
    text = f"{_operand(a)} @ {_operand(b)}"
    if not a.rank or not b.rank:
        scalar = b if a.rank else a
        reader.refuse(f"@ multiplies arrays, and {scalar.text} is a number.", scalar.column, "Write `*` for it.")
    if max(a.rank, b.rank) > 2 and min(a.rank, b.rank) > 1:
        return _batched(reader, a, b, text)
    inner = max(b.rank - 2, 0)
    unify(reader, a, a.rank - 1, b, inner, "@ pairs")
    if a.diagonal is not None or b.diagonal is not None:
        return _scaled(reader, a, b, text)
    if a.factors and b.rank == 1:  # A @ B @ x is A @ (B @ x): no product of matrices
        first, second = a.factors
        return replace(matmul(reader, first, matmul(reader, second, b, column), column), text=text)

    def at(cell: Cell) -> Tree:
        (k,) = indices(reader, a, [a.rank - 1])
        left, right = cell[: a.rank - 1], cell[a.rank - 1 :]
        return contraction(reader, k, a.at((*left, k)), b.at((*right[:inner], k, *right[inner:])), cell, column)

    kept = [n for n in range(b.rank) if n != inner]
    sizes, letters = (tuple(values[n] for n in kept) for values in (b.sizes, b.letters))
    factors = (a, b) if a.rank == b.rank == 2 else ()
    return Array(a.sizes[:-1] + sizes, a.letters[:-1] + letters, at, text, a.column, factors=factors)


def _scaled(reader: Reader, a: Array, b: Array, text: str) -> Array:
    """A product with a diagonal matrix scales rows or columns: nothing is summed."""
    vector, other = a.diagonal or b.diagonal, a if a.diagonal is None else b
    assert vector is not None  # the caller saw one
    if other.diagonal is not None:
        return diagonal(reader, _times(reader, vector, other.diagonal, text), text)
    axis = other.rank - 1 if other is a else max(b.rank - 2, 0)

    def at(cell: Cell) -> Tree:
        return times(reader, (vector.at((cell[axis],)), other.at(cell)), a.column)

    return Array(other.sizes, other.letters, at, text, a.column)


def _times(reader: Reader, a: Array, b: Array, text: str) -> Array:
    return broadcast(reader, (a, b), lambda trees: times(reader, trees, a.column), text)


def _batched(reader: Reader, a: Array, b: Array, text: str) -> Array:
    """Stacks of matrices: the axes before the last two line up as element by element."""
    unify(reader, a, a.rank - 1, b, b.rank - 2, "@ pairs")
    big, small = (a, b) if a.rank >= b.rank else (b, a)
    for n in range(small.rank - 2):
        unify(reader, big, big.rank - small.rank + n, small, n, "@ pairs")

    def at(cell: Cell) -> Tree:
        (k,) = indices(reader, a, [a.rank - 1])
        stack, (i, j) = cell[:-2], cell[-2:]
        left = a.at((*stack[len(stack) - a.rank + 2 :], i, k))
        right = b.at((*stack[len(stack) - b.rank + 2 :], k, j))
        return contraction(reader, k, left, right, cell, a.column)

    sizes = (*big.sizes[:-2], a.sizes[-2], b.sizes[-1])
    return Array(sizes, (*big.letters[:-2], a.letters[-2], b.letters[-1]), at, text, a.column)


def dot(reader: Reader, a: Array, b: Array, column: int) -> Array:
    if not a.rank or not b.rank:
        return _times(reader, a, b, f"dot({a.text}, {b.text})")
    if max(a.rank, b.rank) > 2:
        misfit(reader, a, b, "dot is of vectors and matrices.", "For stacks of matrices write a @ b.")
    return matmul(reader, a, b, column)


def transpose(reader: Reader, a: Array, column: int) -> Array:
    """a.T: all axes in the opposite order."""
    if a.rank < 2:
        what = "a vector" if a.rank else "a number"
        fix = (
            "For a scalar write x @ y without .T, for the products of all pairs outer(x, y)."
            if a.rank
            else "Delete it."
        )
        reader.refuse(f"{a.text} is {what}: .T does nothing to it.", column, fix, ShapeError)
    text = f"{a.text}.T" if a.text.isidentifier() else f"({a.text}).T"
    turned = Array(a.sizes[::-1], a.letters[::-1], lambda cell: a.at(cell[::-1]), text, a.column, a.diagonal)
    return turned


def trace(reader: Reader, a: Array, column: int) -> Array:
    _ranks(reader, "tr", a, (2,), column)
    square(reader, a, "tr")
    return fold(reader, "sum", _main(a), [0], f"tr({a.text})")


def _main(a: Array) -> Array:
    return a.diagonal or Array(a.sizes[:1], a.letters[:1], lambda c: a.at((c[0], c[0])), f"diag({a.text})", a.column)


def diag(reader: Reader, a: Array, column: int) -> Array:
    """The diagonal matrix of a vector, the diagonal of a square matrix."""
    _ranks(reader, "diag", a, (1, 2), column)
    if a.rank == 1:
        return diagonal(reader, a, f"diag({a.text})")
    square(reader, a, "diag")
    return _main(a)


def diagonal(reader: Reader, vector: Array, text: str) -> Array:
    def at(cell: Cell) -> Tree:
        on = Eq(*cell)
        if on == True:  # noqa: E712  (a SymPy boolean)
            return vector.at(cell[:1])
        return Choice((on,), vector.at(cell[:1]), ZERO) if on != False else ZERO  # noqa: E712

    return Array(vector.sizes * 2, vector.letters * 2, at, text, vector.column, vector)


def eye(reader: Reader, a: Array, column: int) -> Array:
    """The identity matrix of a size: eye(N), eye(size(n)) or eye(3)."""
    tree = a.at(()) if not a.rank else None
    size = tree.expr if isinstance(tree, Leaf) else None
    if not isinstance(size, Expr) or not _counts(size):
        reader.refuse("eye takes one size.", column, "Write eye(N), eye(size(n)) or eye(3).", ShapeError)
    letter = size.name.lower() if isinstance(size, Size) and size.name.isidentifier() else "i"
    ones = Array((size,), (letter,), lambda _: Leaf(Integer(1)), "ones", column)
    return diagonal(reader, ones, f"eye({a.text})")


def _counts(size: Expr) -> bool:
    sized = size.is_integer and size.is_nonnegative and not size.has(Access)
    return bool(sized) and all(isinstance(s, Size) for s in size.free_symbols)


def outer(reader: Reader, a: Array, b: Array, column: int) -> Array:
    for part in (a, b):
        _ranks(reader, "outer", part, (1,), part.column)
    text = f"outer({a.text}, {b.text})"

    def at(cell: Cell) -> Tree:
        return times(reader, (a.at(cell[:1]), b.at(cell[1:])), column)

    return Array(a.sizes + b.sizes, a.letters + b.letters, at, text, column)


def kron(reader: Reader, a: Array, b: Array, column: int) -> Array:
    """All products: the entry [i*K + k, j*L + l] is a[i, j]*b[k, l]."""
    if a.rank != b.rank or a.rank not in (1, 2):
        fix = "Give it two vectors or two matrices."
        misfit(reader, a, b, f"kron({a.text}, {b.text}) needs two arrays of one rank.", fix)
    find = reader.draft.sizes.find
    shape = tuple(find(m * n) for m, n in zip(a.sizes, b.sizes))
    left, right = indices(reader, a), indices(reader, b)
    cell = tuple(i * find(n) + k for i, n, k in zip(left, b.sizes, right))
    body = times(reader, (a.at(left), b.at(right)), column)
    letters = distinct(reader, a.letters, shape)
    return Array(
        shape, letters, written(reader, "kron", shape, letters, [(cell, body)]), f"kron({a.text}, {b.text})", column
    )


def cross(reader: Reader, a: Array, b: Array, column: int) -> Array:
    """The vector product of two vectors with three entries."""
    three = Array((Integer(3),), ("i",), lambda _: ZERO, "a vector with three entries", column)
    for part in (a, b):
        _ranks(reader, "cross", part, (1,), part.column)
        unify(reader, part, 0, three, 0, "cross pairs")
    a, b = (settled(reader, x, "factor") for x in (a, b))
    cells = []
    for n in range(3):
        p, q = Integer((n + 1) % 3), Integer((n + 2) % 3)
        plus = reader.build("*", (a.at((p,)), b.at((q,))), column)
        minus = reader.build("*", (Leaf(Integer(-1)), a.at((q,)), b.at((p,))), column)
        cells.append(((Integer(n),), reader.build("+", (plus, minus), column)))
    at = written(reader, "cross", three.sizes, a.letters, cells)
    return Array(three.sizes, a.letters, at, f"cross({a.text}, {b.text})", column)


def squares(reader: Reader, a: Array, column: int) -> Array:
    """The sum of the squares of all entries."""
    two = Leaf(Integer(2))
    squared = broadcast(reader, (a,), lambda trees: reader.build("**", (trees[0], two), column), f"{a.text}**2")
    return fold(reader, "sum", squared, list(range(a.rank)), f"norm2({a.text})**2")


def norm2(reader: Reader, a: Array, column: int) -> Array:
    """The root of the sum of squares of all entries."""
    if not a.rank:
        return number(reader.build("abs", (a.at(()),), column), f"norm2({a.text})", column)
    return number(reader.build("sqrt", (squares(reader, a, column).at(()),), column), f"norm2({a.text})", column)


def _ranks(reader: Reader, name: str, a: Array, ranks: tuple[int, ...], column: int) -> None:
    if a.rank in ranks:
        return
    wanted = " or ".join({1: "a vector", 2: "a matrix"}[r] for r in ranks)
    found = f"has {a.rank} axes" if a.rank else "is a number"
    fix = f"{a.text} has the shape {shape_text(reader, a)}. Write the entries with indices."
    if not a.rank:
        fix = "Numbers are multiplied with `*`."
    reader.refuse(f"{name} takes {wanted}, and {a.text} {found}.", a.column, fix, ShapeError)


def distinct(reader: Reader, letters: tuple[str, ...], sizes: Cell) -> tuple[str, ...]:
    """The letters of a new tensor: one that is repeated, or is declared with another size, is replaced."""
    draft, found = reader.draft, []
    used = {*letters, *draft.letters, *draft.tensors, *draft.remaining}
    for letter, size in zip(letters, sizes):
        meant = draft.sizes.find(draft.letters.get(letter, [size])[0])
        if letter in found or meant != draft.sizes.find(size):
            spare = chain("ijklmnpqrstuvw", (f"{letter}{n}" for n in count(2)))
            letter = next(s for s in spare if s not in used)
        used.add(letter)
        found.append(letter)
    return tuple(found)


ONE: dict[str, Callable[[Reader, Array, int], Array]] = {
    "tr": trace, "trace": trace, "diag": diag, "eye": eye, "norm2": norm2, ".T": transpose,
}  # fmt: skip
TWO: dict[str, Callable[[Reader, Array, Array, int], Array]] = {
    "@": matmul, "dot": dot, "outer": outer, "kron": kron, "cross": cross,
}  # fmt: skip

__all__ = ["ONE", "TWO", "distinct", "squares"]
