"""Linear algebra in matrix notation: `x = solve(A, b)`, `w, V = eigh(A)` become Calls of the rows of `ir.calls`.

A routine reads whole tensors with the axes (batch..., core...), as in NumPy; an argument that is no such tensor gets an
equation of its own before the Call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Integer

from ..errors import ShapeError
from ..ir.access import Access
from ..ir.calls import ROWS, Row, batch_shape, written_shapes
from ..ir.system import Call, Equation, Tensor
from . import grammar as g
from .arrays import Array, Cell, indices, number, shape_text, unify
from .pieces import Addend, Maker, addends, piece, term
from .products import distinct
from .scope import Reader
from .sizes import letter_of
from .tree import Leaf, Tree
from .values import PARTS, ROUTINES


def routine(reader: Reader, node: g.Call, parts: Sequence[Array]) -> Array:
    """The value of a routine inside a formula: it has one result."""
    name = node.function
    row, chosen = _row(reader, node, parts)
    if chosen is None and len(row.writes) > 1:
        results = ", ".join(row.writes)
        reader.refuse(
            f"{name} has {len(row.writes)} results.",
            node.column,
            f"Give it an equation of its own: {results} = {name}({', '.join(row.reads)}).",
        )
    text = f"{name}({', '.join(p.text for p in parts)})"
    call = _call(reader, row, parts)
    found = _result(reader, call.writes[chosen or 0], text, node.column)
    if name == "specnorm":
        return _largest(found, text)
    return found if found.rank else number(found.at(()), text, node.column)


def several(reader: Reader, node: g.Node, parts: Sequence[Array], names: Sequence[str], column: int) -> None:
    """`w, V = eigh(A)`: one Call that writes all the names of the left side."""
    row, chosen = _row(reader, node, parts) if isinstance(node, g.Call) and node.function in ROUTINES else (None, None)
    count = 1 if row is None or chosen is not None else len(row.writes)
    if row is None or count != len(names):
        reader.refuse(
            f"the left side has {len(names)} names, the right side {count} value{'s' if count > 1 else ''}.",
            column,
            "Several names on the left take the results of one routine, as in w, V = eigh(A) or Q, R = qr(A).",
        )
    _call(reader, row, parts, tuple(names))


def _row(reader: Reader, node: g.Call, parts: Sequence[Array]) -> tuple[Row, int | None]:
    """The row that a call names, and which of its results is meant (None: all)."""
    name, chosen = PARTS.get(node.function, (node.function, None))
    if name == "solve" and len(parts) == 2 and not _is_vector(reader, *parts):
        name = "solve_columns"
    row = ROWS[name]
    if len(parts) != len(row.reads):
        word = "argument" if len(row.reads) == 1 else "arguments"
        fix = f"Write {node.function}({', '.join(row.reads)})."
        reader.refuse(f"{node.function} takes {len(row.reads)} {word}, not {len(parts)}.", node.column, fix)
    for part, letters in zip(parts, row.reads.values()):
        if part.rank < len(letters):
            what = "a matrix" if len(letters) == 2 else "a vector"
            found = f"has {part.rank} ax{'i' if part.rank == 1 else 'e'}s" if part.rank else "is a number"
            fix = "Declare it with its axes, as in A: input[i, i]."
            reader.refuse(f"{node.function} takes {what}, and {part.text} {found}.", part.column, fix, ShapeError)
    return row, chosen


def _is_vector(reader: Reader, A: Array, b: Array) -> bool:
    """Is b a vector, or one for each matrix of the stack A: A[n, i, i] and b[n, i]?"""
    find = reader.draft.sizes.find
    return b.rank <= 1 or (b.rank == A.rank - 1 and tuple(map(find, b.sizes)) == tuple(map(find, A.sizes[:-1])))


def _fit(reader: Reader, row: Row, parts: Sequence[Array]) -> None:
    """Core axes of one letter have one size; batch axes line up from the right."""
    first: dict[str, tuple[Array, int]] = {}
    for part, letters in zip(parts, row.reads.values()):
        own = part.rank - len(letters)
        if len(letters) == 2 and letters[0] == letters[1]:
            _square(reader, part, row.text)
        for axis, letter in enumerate(letters, own):
            if letter in first and first[letter][0] is not part:
                unify(reader, *first[letter], part, axis, f"{row.text} pairs")
            first.setdefault(letter, (part, axis))
    big, *rest = sorted(zip(parts, row.reads.values()), key=lambda p: len(p[1]) - p[0].rank)
    for small in rest:
        counts = [p.rank - len(letters) for p, letters in (big, small)]
        for axis in range(counts[1]):
            unify(reader, big[0], counts[0] - counts[1] + axis, small[0], axis, "stack by stack it pairs")


def _square(reader: Reader, part: Array, name: str) -> None:
    if reader.draft.sizes.find(part.sizes[-1] - part.sizes[-2]) != 0:
        reader.refuse(
            f"{name} needs a square matrix, and {part.text} has the shape {shape_text(reader, part)}.",
            part.column,
            "Declare both axes with one letter, as in A: input[i, i].",
            ShapeError,
        )


def _call(reader: Reader, row: Row, parts: Sequence[Array], names: tuple[str, ...] = ()) -> Call:
    """The Call, made once for the same arguments; with `names`, one that writes these."""
    _fit(reader, row, parts)
    draft, find = reader.draft, reader.draft.sizes.find
    arguments = tuple(_whole(reader, part, of) for part, of in zip(parts, row.reads))
    key = ("call", row.name, arguments)
    if key in draft.shared and not names:
        return draft.shared[key]
    shapes = {of: tuple(map(find, part.sizes)) for of, part in zip(row.reads, parts)}
    stems = [row.text] if len(row.writes) == 1 else list(row.writes)
    writes = names or tuple(draft.fresh(f"{reader.tensor}_{stem}") for stem in stems)
    call = Call(row.name, writes, arguments, len(batch_shape(row, shapes)), source=reader.line.text)
    for name, (of, shape) in zip(writes, written_shapes(row, shapes).items()):
        letters = distinct(reader, _letters(row, parts, of), shape)
        draft.tensors[name] = Tensor(name, shape, named=bool(names), letters=letters)
    draft.equations.append(call)
    draft.shared[key] = call
    return call


def _letters(row: Row, parts: Sequence[Array], result: str) -> tuple[str, ...]:
    """Letters for the axes of a result: those of the arguments' axes."""
    own = {of: part.letters for of, part in zip(row.reads, parts)}
    known: dict[str, str] = {}
    for of, letters in row.reads.items():
        for letter, axis in zip(letters, own[of][len(own[of]) - len(letters) :]):
            known.setdefault(letter, axis)
    batch = batch_shape(row, own)
    return (*batch, *(known.get(letter, letter) for letter in row.writes[result]))


def _whole(reader: Reader, part: Array, stem: str) -> str:
    """The tensor whose axes are those of `part`, in order."""
    axes = indices(reader, part)
    maker, tree = Maker(reader, reader.tensor), part.at(axes)
    plain = isinstance(tree, Leaf) and isinstance(tree.expr, Access)
    found: Any = tree.expr if plain else piece(maker, stem, axes, addends(maker, tree))
    if found.indices == axes:
        return found.name
    draft = reader.draft
    name = draft.fresh(f"{reader.tensor}_{stem}")
    draft.equations.append(Equation(name, (term(maker, axes, Addend(found)),), source=reader.line.text))
    shape, letters = tuple(map(maker.size, axes)), tuple(map(letter_of, axes))
    draft.tensors[name] = Tensor(name, shape, named=False, letters=letters)
    return name


def _result(reader: Reader, name: str, text: str, column: int) -> Array:
    tensor = reader.draft.tensors[name]

    def at(cell: Cell) -> Tree:
        return Leaf(Access(name, *cell))

    return Array(tensor.shape, tensor.letters, at, text, column)


def _largest(s: Array, text: str) -> Array:
    """The first of the singular values."""
    return Array(s.sizes[:-1], s.letters[:-1], lambda cell: s.at((*cell, Integer(0))), text, s.column)
