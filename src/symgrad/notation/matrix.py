"""Matrix notation: equations without indices, in NumPy's spelling and shapes. Grammar tree -> `tree`.

    L = 0.5*norm2(A @ x - b)**2        p = softmax(X @ W)        m = A.mean(0)

An equation is read so if its left side has no brackets and its right side reads a tensor with axes without brackets.
The tree is the one that indices would give: everything after it knows nothing of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sympy import Integer, Ne, S

from ..errors import ShapeError
from ..ir.access import Access, Index
from . import grammar as g
from .algebra import Unrepresentable
from .arrays import Array, Cell, adopted, broadcast, diagonals, fold, fresh, number, share, times
from .draft import Draft
from .places import CONSTANTS, access, named
from .products import ONE, TWO, distinct, squares
from .routines import routine, several
from .scope import Reader, Scope
from .tree import AT_PLACE, Choice, Leaf, Tree
from .values import ARRAY_OPERATORS, CONDITIONS, MATRIX, ROUTINES, known_function, on_indices, value

FOLDS = ("sum", "mean", "prod", "max", "min")
LAST = ("logsumexp", *AT_PLACE)  # over the last axis
OPERATORS = ("+", "*", "**")


def is_matrix(draft: Draft, node: g.Node) -> bool:
    """Does the right side read whole arrays?"""
    match node:
        case g.Name(id=name):
            return name in draft.tensors and draft.tensors[name].rank > 0
        case g.Call(function=function, args=args):
            whole = function in ARRAY_OPERATORS or (function in {*MATRIX, *ROUTINES} and function not in draft.tensors)
            return whole or any(is_matrix(draft, a) for a in args)
    return False


def matrix(reader: Reader, node: g.Node, column: int) -> tuple[tuple[Index, ...], Tree]:
    """The indices that the left side (at `column`) writes, and the tree at them."""
    name = reader.tensor
    if reader.draft.remaining[name] > 1 or name in reader.draft.pending:
        reader.refuse(
            f"{name} has several lines, and this one defines all of it.",
            column,
            f"Write the others in one equation with it, or indices on each line: {name}[i] = ...",
        )
    try:
        array = _array(reader, node)
        letters = distinct(reader, array.letters, array.sizes)
        write = tuple(fresh(reader, letter, size) for letter, size in zip(letters, array.sizes))
        return write, array.at(write)
    except Unrepresentable as error:
        reader.refuse(f"{error}.", node.column, error.fix)


def matrices(reader: Reader, node: g.Node, names: Sequence[str], column: int) -> None:
    """`w, V = eigh(A)`: the names of the left side are what one routine writes."""
    parts = tuple(_array(reader, a) for a in node.args) if isinstance(node, g.Call) else ()
    try:
        several(reader, node, parts, names, column)
    except Unrepresentable as error:
        reader.refuse(f"{error}.", node.column, error.fix)


def tidied(draft: Draft, name: str, start: int) -> None:
    """The equations from `start` on, which define `name`: without copies, diagonals as repeated indices."""
    adopted(draft, name)
    draft.equations[start:] = map(diagonals, draft.equations[start:])


def _array(reader: Reader, node: g.Node) -> Array:
    match node:
        case g.Number():
            return number(Leaf(node.value), str(node.value), node.column)
        case g.Name():
            return _name(reader, node)
        case g.Read() | g.Reduce():
            return number(value(reader, node, Scope()), _called(node), node.column)
        case g.Call(function="size"):
            return number(value(reader, node, Scope()), "size(...)", node.column)
        case g.Call(function=function) if function in CONDITIONS:
            reader.refuse("a comparison is not a number.", node.column, "Write where(condition, 1, 0).")
        case g.Call():
            return _call(reader, node)
    raise TypeError(node)


def _called(node: g.Read | g.Reduce) -> str:
    return f"{node.name}[...]" if isinstance(node, g.Read) else f"{node.kind}[...](...)"


def _name(reader: Reader, node: g.Name) -> Array:
    name, draft = node.id, reader.draft
    tensor = draft.tensors.get(name)
    if tensor is None and name in draft.letters and name != name.upper() and name not in (*draft.remaining, *CONSTANTS):
        fix = f"Its size is {name.upper()} or size({name}). An equation with indices has brackets on its left."
        reader.refuse(f"{name} is the letter of an axis, not a value.", node.column, fix)
    if tensor is None or not tensor.rank or draft.remaining.get(name):
        return number(Leaf(named(reader, node, Scope())), name, node.column)
    if tensor.dtype == "bool":
        reader.refuse(f"{name} is boolean, not a number.", node.column, f"Write where({name}, 1, 0).")
    return _tensor(reader, node)


def _tensor(reader: Reader, node: g.Name) -> Array:
    tensor = reader.draft.tensors[node.id]
    sizes = tuple(map(reader.draft.sizes.find, tensor.shape))
    return Array(sizes, tensor.letters, lambda cell: Leaf(Access(node.id, *cell)), node.id, node.column)


def _call(reader: Reader, node: g.Call) -> Array:
    name, column = node.function, node.column
    hidden = name in reader.draft.tensors or name in reader.draft.remaining
    if not hidden and (name in ONE or name in TWO):
        return _product(reader, node)
    if not hidden and name in ROUTINES:
        return routine(reader, node, tuple(_array(reader, a) for a in node.args))
    if not hidden and (name in FOLDS or name in LAST or name[1:] in g.METHODS):
        return _fold(reader, node)
    if not hidden and name == "where" and len(node.args) == 3:
        return _where(reader, node)
    known_function(reader, node)
    if name == "**" and _is_norm(reader, node):
        return squares(reader, _array(reader, node.args[0].args[0]), column)
    parts = tuple(_array(reader, a) for a in node.args)
    if not parts:
        return number(value(reader, node, Scope()), f"{name}()", column)

    def build(trees: tuple[Tree, ...]) -> Tree:
        return times(reader, trees, column) if name == "*" else reader.build(name, trees, column)

    return broadcast(reader, parts, build, _spelled(name, parts))


def _spelled(name: str, parts: tuple[Array, ...]) -> str:
    """How an error shows the value of a call."""
    first = parts[0].text
    if name == "*" and first == "-1" and len(parts) == 2:
        return f"-{parts[1].text}"
    if name == "**" and len(parts) == 2 and parts[1].text == "-1":
        return f"1/{first}"
    if name not in OPERATORS:
        return f"{name}({_listed(parts)})"
    return "(" + f" {name} ".join(p.text for p in parts).replace("+ -", "- ").replace("* 1/", "/ ") + ")"


def _listed(parts: tuple[Array, ...]) -> str:
    return ", ".join(p.text for p in parts)


def _is_norm(reader: Reader, node: g.Call) -> bool:
    """norm2(x)**2 is the sum of squares: no root is taken."""
    match node.args:
        case (g.Call(function="norm2", args=(_,)), g.Number(value=Integer() as power)):
            return power == 2 and "norm2" not in reader.draft.tensors
    return False


def _product(reader: Reader, node: g.Call) -> Array:
    name, count = node.function, 1 if node.function in ONE else 2
    if len(node.args) != count:
        call = f"{name}({', '.join('ab'[:count])})"
        word = "argument" if count == 1 else "arguments"
        reader.refuse(f"{name} takes {count} {word}, not {len(node.args)}.", node.column, f"Write {call}.")
    parts = [_array(reader, a) for a in node.args]
    return (ONE if count == 1 else TWO)[name](reader, *parts, node.column)


# folds over axes


def _fold(reader: Reader, node: g.Call) -> Array:
    """A.sum(), A.sum(1), sum(A), softmax(A): over all axes, over one, over the last."""
    kind = node.function.removeprefix(".")
    if not 1 <= len(node.args) <= 2:
        reader.refuse(f"{kind} takes an array and perhaps an axis.", node.column, f"Write {kind}(A) or {kind}(A, 0).")
    array = _array(reader, node.args[0])
    text = f"{kind}({array.text})"
    if not array.rank and kind in FOLDS and len(node.args) == 1:
        return replace(array, text=text)
    if not array.rank:
        reader.refuse(
            f"{kind} is of an array, and {array.text} is a number.", array.column, f"Write {array.text} alone."
        )
    if len(node.args) == 2 and node.function in ("max", "min"):
        reader.refuse(
            f"{kind}({array.text}, ...) could be along an axis, or the {kind}imum of two.",
            node.column,
            f"Write {array.text}.{kind}(0) along axis 0, {kind}imum({array.text}, b) for the entries of two arrays.",
        )
    if len(node.args) == 2:
        axes = [_axis(reader, node, kind, array)]
    else:
        axes = [array.rank - 1] if kind in LAST else list(range(array.rank))
    if kind in AT_PLACE:
        return share(reader, kind, array, axes[0], text)
    return fold(reader, kind, array, axes, text)


def _axis(reader: Reader, node: g.Call, kind: str, array: Array) -> int:
    sign, given = 1, node.args[1]
    match given:
        case g.Call(function="*", args=(g.Number(value=S.NegativeOne), g.Number() as inner)):
            sign, given = -1, inner
    if not isinstance(given, g.Number) or not given.value.is_Integer:
        fix = f"Write {node.function}({array.text}, 0)." if node.function == kind else f"Write {array.text}.{kind}(0)."
        reader.refuse(f"the axis of {kind} is a whole number.", node.args[1].column, fix)
    axis = sign * int(given.value)
    if not -array.rank <= axis < array.rank:
        word = "axis" if array.rank == 1 else "axes"
        reader.refuse(
            f"{array.text} has no axis {axis}.",
            node.args[1].column,
            f"It has {array.rank} {word}, counted from 0.",
            ShapeError,
        )
    return axis % array.rank


# conditions


def _where(reader: Reader, node: g.Call) -> Array:
    parts = (_condition(reader, node.args[0]), *(_array(reader, a) for a in node.args[1:]))

    def build(trees: tuple[Tree, ...]) -> Tree:
        test, yes, no = trees
        if test in (Leaf(S.true), Leaf(S.false)):
            return yes if test == Leaf(S.true) else no
        if isinstance(test, Leaf) and on_indices(reader, test.expr):
            return Choice((test.expr,), yes, no)
        return reader.build("where", trees, node.column)

    return broadcast(reader, parts, build, f"where({_listed(parts)})")


def _condition(reader: Reader, node: g.Node) -> Array:
    match node:
        case g.Call(function="and" | "or" | "not" as word, args=args):
            parts = tuple(_condition(reader, a) for a in args)
            return broadcast(reader, parts, lambda t: reader.build(word, t, node.column), "the condition")
        case g.Call(function=function, args=args) if function in CONDITIONS:
            parts = tuple(_array(reader, a) for a in args)
            return broadcast(reader, parts, lambda t: reader.build(function, t, node.column), "the condition")
        case g.Name(id=name) if name in reader.draft.tensors and reader.draft.tensors[name].dtype == "bool":
            if not reader.draft.tensors[name].rank:
                return number(Leaf(Ne(access(reader, g.Read(name, (), node.column), Scope()), 0)), name, node.column)
            array = _tensor(reader, node)

            def at(cell: Cell) -> Tree:
                return Leaf(Ne(array.at(cell).expr, 0))

            return Array(array.sizes, array.letters, at, name, node.column)
    reader.refuse("this is not a condition.", node.column, "Write a comparison: where(A > 0, A, 0).")
