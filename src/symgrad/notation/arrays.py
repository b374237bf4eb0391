"""Arrays without indices: an axis is a size and a letter; a cell's value is the scalar tree that indices would spell.

    A @ x   is   the Array of rank 1 whose cell [i] is sum[k](A[i,k]*x[k])

Every use of `at` binds indices of its own, so nothing is captured; sizes are unified where axes line up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sympy import Eq, Expr, Integer, S

from ..errors import ShapeError
from ..ir.access import Access, Index
from ..ir.system import Call, Equation, Tensor, Term
from .draft import Draft
from .lines import refuse
from .pieces import Maker, addends, piece, term
from .scope import Reader
from .sizes import SizeConflict
from .tree import Choice, Fold, Leaf, Tree, free

Cell = tuple[Expr, ...]


@dataclass(frozen=True)
class Array:
    """A value with axes; `text` and `column` show it in errors."""

    sizes: tuple[Expr, ...]
    letters: tuple[str, ...]
    at: Callable[[Cell], Tree]  # the tree at a cell; repeated and constant positions are allowed
    text: str
    column: int
    diagonal: Array | None = None  # the vector of which this is the diagonal matrix
    factors: tuple[Array, ...] = ()  # the two matrices of which this is the product

    @property
    def rank(self) -> int:
        return len(self.sizes)


def fresh(reader: Reader, letter: str, size: Expr) -> Index:
    """A new index over `size`."""
    index = Index(f"{letter}?{reader.draft.number()}")
    reader.extents[index] = size
    return index


def indices(reader: Reader, array: Array, axes: Sequence[int] | None = None) -> tuple[Index, ...]:
    chosen = range(array.rank) if axes is None else axes
    return tuple(fresh(reader, array.letters[n], array.sizes[n]) for n in chosen)


def number(tree: Tree, text: str, column: int) -> Array:
    return Array((), (), lambda _: tree, text, column)


def shape_text(reader: Reader, array: Array) -> str:
    found = ", ".join(str(reader.draft.sizes.find(s)) for s in array.sizes)
    return f"({found},)" if array.rank == 1 else f"({found})"


def misfit(reader: Reader, a: Array, b: Array, summary: str, fix: str):
    """Refuse two arrays; both shapes stand under the equation."""
    marks = {b.column: shape_text(reader, b)} | {a.column: shape_text(reader, a)}
    refuse(summary, reader.line.text, marks, fix, ShapeError)


# sizes


def unify(reader: Reader, a: Array, m: int, b: Array, n: int, word: str) -> None:
    """Axis m of a and axis n of b are one: equal sizes, or sizes of different letters that nothing tells apart.

    Two letters stay two sizes where the arrays would fit the other way round: `A @ x` with A[i,j] and x[i].
    """
    sizes = reader.draft.sizes
    left, right = sizes.find(a.sizes[m]), sizes.find(b.sizes[n])
    if left == right:
        return
    ones = (left == 1) != (right == 1)
    crossed = left in map(sizes.find, _others(b, n)) or right in map(sizes.find, _others(a, m))
    try:
        if ones or crossed:
            raise SizeConflict
        sizes.unify(left, right)
    except SizeConflict:
        _conflict(reader, a, left, b, right, word, ones, crossed)


def _others(array: Array, axis: int) -> tuple[Expr, ...]:
    return array.sizes[:axis] + array.sizes[axis + 1 :]


def _conflict(reader: Reader, a: Array, left: Expr, b: Array, right: Expr, word: str, ones: bool, crossed: bool):
    shapes = f"{a.text} has the shape {shape_text(reader, a)}, {b.text} the shape {shape_text(reader, b)}."
    fix = "Declare both axes with one letter, or with one size."
    if crossed:
        fix = f"{_turned(reader, a, b, word)}\nIf the axes are the same, declare both with one letter."
    if ones:
        fix = "An axis of size 1 is not repeated: declare it without that axis, or write the equation with indices."
    misfit(
        reader,
        a,
        b,
        f"{a.text} and {b.text} do not fit: {word} {left} with {right}.",
        f"{shapes} {fix}".replace(" \n", "\n"),
    )


def _turned(reader: Reader, a: Array, b: Array, word: str) -> str:
    """The transposed product or sum that fits, where there is one."""
    sizes, sign = reader.draft.sizes, "@" if word == "@ pairs" else "*"
    first, second = [tuple(map(sizes.find, x.sizes)) for x in (a, b)]
    if sign == "@" and a.rank == 2 and first[0] == second[0]:
        return f"Write {_enclosed(a.text)}.T @ {b.text}. "
    if sign == "@" and b.rank == 2 and first[-1] == second[-1]:
        return f"Write {a.text} @ {_enclosed(b.text)}.T. "
    if sign == "*" and first == second[::-1] and a.rank == 2:
        return f"Transpose one of them: {_enclosed(b.text)}.T. "
    if sign == "*" and {a.rank, b.rank} == {1, 2}:
        big, small = (a, b) if a.rank == 2 else (b, a)
        return f"NumPy lines up the last axes: for the rows write ({_enclosed(big.text)}.T * {small.text}).T. "
    return ""


def _enclosed(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def square(reader: Reader, array: Array, word: str) -> None:
    """Both axes have one size."""
    if array.rank == 2 and reader.draft.sizes.find(array.sizes[0] - array.sizes[1]) == 0:
        return
    reader.refuse(
        f"{word} needs a square matrix, and {array.text} has the shape {shape_text(reader, array)}.",
        array.column,
        "Declare both axes with one letter, as in A: input[i, i].",
        ShapeError,
    )


# element by element


def broadcast(reader: Reader, parts: Sequence[Array], build: Callable[[tuple[Tree, ...]], Tree], text: str) -> Array:
    """`build` of the parts cell by cell, the last axes lined up as in NumPy."""
    big = max(parts, key=lambda p: p.rank)
    for part in parts:
        for n in range(part.rank):
            if part is not big:
                unify(reader, big, big.rank - part.rank + n, part, n, "element by element it pairs")

    def at(cell: Cell) -> Tree:
        return build(tuple(p.at(cell[len(cell) - p.rank :]) for p in parts))

    return Array(big.sizes, big.letters, at, text, min(p.column for p in parts))


def times(reader: Reader, trees: Sequence[Tree], column: int) -> Tree:
    """The product; a factor that is zero outside its guard guards the whole."""
    if len(trees) == 1:
        return trees[0]
    for n, tree in enumerate(trees):
        if isinstance(tree, Choice) and tree.no == Leaf(Integer(0)):
            rest = times(reader, (tree.yes, *trees[:n], *trees[n + 1 :]), column)
            return Choice(tree.guards, rest, tree.no)
    return reader.build("*", tuple(trees), column)


def contraction(reader: Reader, k: Index, a: Tree, b: Tree, cell: Cell, column: int) -> Tree:
    """The cell sum[k](a*b). Where it is the whole, a sum in one factor joins this one if that adds no point:
    x @ A @ y is one sum over i and j. (Elsewhere the partial product is worth keeping: its adjoint is then shared.)"""
    for inner, other in ((a, b), (b, a)):
        summed = isinstance(inner, Fold) and inner.kind == "sum" and isinstance(other, Leaf)
        if not cell and summed and free(other) | {k} <= free(inner.body):
            return Fold("sum", (k, *inner.bound), (), times(reader, (inner.body, other), column))
    return Fold("sum", (k,), (), times(reader, (a, b), column))


# folds


def fold(reader: Reader, kind: str, array: Array, axes: Sequence[int], text: str) -> Array:
    """sum, mean, prod, max, min, logsumexp over `axes`."""
    kept = [n for n in range(array.rank) if n not in axes]

    def at(cell: Cell) -> Tree:
        bound = indices(reader, array, axes)
        places = dict(zip(kept, cell)) | dict(zip(axes, bound))
        return Fold(kind, bound, (), array.at(tuple(places[n] for n in range(array.rank))))

    sizes, letters = tuple(array.sizes[n] for n in kept), tuple(array.letters[n] for n in kept)
    return Array(sizes, letters, at if axes else array.at, text, array.column)


def share(reader: Reader, kind: str, array: Array, axis: int, text: str) -> Array:
    """softmax and log_softmax along `axis`. Their tree says only at which index the value stands, so a cell such as
    [i, i] is read from an equation of its own."""

    def plain(cell: Cell) -> Tree:
        return Fold(kind, (cell[axis],), (), array.at(cell))

    def at(cell: Cell) -> Tree:
        if len(set(cell)) == len(cell) and all(isinstance(c, Index) for c in cell):
            return plain(cell)
        return settled(reader, replace(array, at=plain), kind).at(cell)

    return Array(array.sizes, array.letters, at, text, array.column)


# equations of their own


def settled(reader: Reader, array: Array, stem: str) -> Array:
    """The same array, read from a tensor that holds it."""
    axes = indices(reader, array)
    maker, tree = Maker(reader, reader.tensor), array.at(axes)
    plain = isinstance(tree, Leaf) and isinstance(tree.expr, Access)
    found = tree.expr if plain else piece(maker, stem, axes, addends(maker, tree))
    return replace(array, at=lambda cell: Leaf(found.xreplace(dict(zip(axes, cell)))))


def written(
    reader: Reader, stem: str, shape: Cell, letters: tuple[str, ...], cells: Sequence[tuple[Cell, Tree]]
) -> Callable[[Cell], Tree]:
    """`at` of a new tensor into which each tree is written at its cell."""
    maker = Maker(reader, reader.tensor)
    name = reader.draft.fresh(f"{reader.tensor}_{stem}")
    terms = tuple(term(maker, write, part) for write, tree in cells for part in addends(maker, tree))
    reader.draft.equations.append(Equation(name, terms, source=reader.line.text))
    reader.draft.tensors[name] = Tensor(name, shape, named=False, letters=letters)
    return lambda cell: Leaf(Access(name, *cell))


def diagonals(eq: Equation) -> Equation:
    """Guards i == j of two indices become one index: D[i, i] = x[i] instead of D[i, j] = x[i] where i == j."""
    if eq.reduce != "sum":
        return eq
    return replace(eq, terms=tuple(map(_diagonal, eq.terms)))


def _diagonal(term: Term) -> Term:
    for guard in term.guard:
        if isinstance(guard, Eq) and all(isinstance(side, Index) for side in guard.args):
            return _diagonal(_merged(term, guard))
    return term


def _merged(term: Term, guard: Eq) -> Term:
    keep, drop = sorted(guard.args, key=term.indices.index)
    one = term.map(lambda e: e.xreplace({drop: keep}))
    guards = tuple(g for g in one.guard if g != S.true)
    return replace(one, guard=guards, domain=tuple(r for r in term.domain if r.index != drop))


def adopted(draft: Draft, name: str) -> None:
    """`K = kron(A, B)` is the tensor that was made for the product, not a copy of it."""
    *before, copy = draft.equations
    body = copy.terms[0].body
    if copy.tensor != name or not copy.elementwise or not isinstance(body, Access) or not before:
        return
    made = before[-1]
    own = body.name in made.writes and not draft.tensors[body.name].named
    if isinstance(made, Call) and own and body.indices == copy.terms[0].write:
        _renamed(draft, made, {body.name: name})
        return
    if made.tensor == body.name and body.indices == copy.terms[0].write and _scattered(made):
        draft.equations[-2:] = [replace(made, tensor=name)]
        del draft.tensors[made.tensor]


def _renamed(draft: Draft, call: Call, names: dict[str, str]) -> None:
    """The call writes the user's tensor itself."""
    renamed = call.rename(names)
    draft.equations[-2:] = [renamed]
    draft.shared = {k: renamed if v == call else v for k, v in draft.shared.items()}
    for old in names:
        del draft.tensors[old]


def _scattered(eq: Equation) -> bool:
    return any(not isinstance(w, Index) for t in eq.terms for w in t.write)
