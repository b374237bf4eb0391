"""Sizes: what a size expression is worth once arrays are bound, and whether two of them agree."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sympy import Add, Expr, Integer, Max, Min, Mul, Pow, Rational, floor

from ..errors import ShapeError, UnknownNameError, explain
from .access import Size, size_symbols
from .system import System


def size_value(expr: Expr, sizes: Mapping[Size, int]) -> int:
    """The integer value of a size expression; a negative extent is an empty axis.

    >>> size_value(floor((Size("P") - 3) / 2) + 1, {Size("P"): 10})
    4
    """
    value = _value(expr, sizes)
    if value.denominator != 1:
        raise ShapeError(f"size {expr} is not a whole number ({value}) for {_describe(sizes)}.")
    return max(int(value), 0)


def _value(expr: Expr, sizes: Mapping[Size, int]) -> Fraction:
    match expr:
        case Size():
            if expr not in sizes:
                raise ShapeError(explain(f"nothing determines the size {expr}.", fix=_size_fix(expr)))
            return Fraction(sizes[expr])
        case Integer() | Rational():
            return Fraction(int(expr.p), int(expr.q))
        case Add():
            return sum((_value(a, sizes) for a in expr.args), Fraction(0))
        case Mul():
            product = Fraction(1)
            for a in expr.args:
                product *= _value(a, sizes)
            return product
        case Pow() if expr.exp.is_Integer:
            return _value(expr.base, sizes) ** int(expr.exp)
        case floor():
            return Fraction(_value(expr.args[0], sizes).__floor__())
        case Max() | Min():
            pick = max if isinstance(expr, Max) else min
            return pick(_value(a, sizes) for a in expr.args)
    raise ShapeError(f"{expr} is not a size expression.")


def _size_fix(size: Size) -> str:
    letter = size.name.lower()
    return f'Pass it when the program is made: sg.program(text, sizes={{"{letter}": 10}}).'


def _describe(sizes: Mapping[Size, int]) -> str:
    return ", ".join(f"{s} = {v}" for s, v in sorted(sizes.items(), key=lambda item: item[0].name)) or "no sizes"


def bind_shapes(system: System, shapes: Mapping[str, tuple[int, ...]]) -> dict[Size, int]:
    """The value of each size variable, read off the arrays' shapes.

    `shapes` maps tensor names to array shapes. Raises ShapeError where a rank is wrong or two arrays disagree,
    UnknownNameError where a tensor that the system reads has no array.
    """
    sizes: dict[Size, int] = {}
    origin: dict[Size, tuple[str, int]] = {}
    declared = system.declared()
    for tensor in declared:
        if tensor.name not in shapes:
            raise UnknownNameError(f"{tensor.name} ({tensor.role}{_axes(tensor)}) was not passed.")
        shape = tuple(shapes[tensor.name])
        if len(shape) != tensor.rank:
            raise ShapeError(_wrong_rank(tensor, shape))
        for axis, (extent, value) in enumerate(zip(tensor.shape, shape)):
            if isinstance(extent, Size) and extent not in sizes:
                sizes[extent], origin[extent] = value, (tensor.name, axis)
    for tensor in declared:
        for axis, (extent, value) in enumerate(zip(tensor.shape, shapes[tensor.name])):
            expected = size_value(extent, sizes)
            if expected != value:
                raise ShapeError(_mismatch(system, shapes, origin, tensor.name, axis, extent, value, expected))
    return sizes


def _axes(tensor) -> str:
    return "[" + ", ".join(tensor.letters or map(str, tensor.shape)) + "]" if tensor.shape else ""


def _wrong_rank(tensor, shape) -> str:
    return explain(
        f"{tensor.name} has {tensor.rank} ax{'i' if tensor.rank == 1 else 'e'}s, but the array has {len(shape)}.",
        f"{tensor.name}: {tensor.role}{_axes(tensor)}",
        fix=f"{tensor.name} was given with shape {tuple(shape)}; "
        f"pass an array of shape ({', '.join(map(str, tensor.shape))}).",
    )


def _mismatch(system, shapes, origin, name, axis, extent, value, expected) -> str:
    """The error of design section 7: the equation that reads both tensors, with both values under the index."""
    tensor = system.tensors[name]
    other = next(((origin[s]) for s in sorted(size_symbols(extent), key=str) if s in origin), None)
    letter = tensor.letters[axis] if axis < len(tensor.letters) else str(extent)
    if other is None:
        return explain(
            f"index {letter} has two sizes.",
            f"{name}: {tensor.role}{_axes(tensor)}",
            fix=f"{name} was given with shape {tuple(shapes[name])}; axis {axis} must have {expected} entries.",
        )
    first, first_axis = other
    line, marks = _marked(system, {name: (axis, value), first: (first_axis, shapes[first][first_axis])})
    return explain(
        f"index {letter} has two sizes.",
        line,
        marks,
        f"{first} was given with shape {tuple(shapes[first])}, {name} with {tuple(shapes[name])}. "
        f"Pass {first} with {value} entries in axis {first_axis}, or {name} with {expected} in axis {axis}.",
    )


def _marked(system: System, values: Mapping[str, tuple[int, int]]) -> tuple[str, dict[int, str]]:
    """The user's line that reads all the tensors in `values`, and the columns of the given axes."""
    for eq in system.equations:
        if eq.source and all(f"{name}[" in eq.source for name in values):
            return eq.source, {_column(eq.source, n, a): str(v) for n, (a, v) in values.items()}
    tensors = [system.tensors[name] for name in values]
    return ", ".join(f"{t.name}: {t.role}{_axes(t)}" for t in tensors), {}


def _column(line: str, name: str, axis: int) -> int:
    column = line.index(f"{name}[") + len(name) + 1
    for _ in range(axis):
        column = line.index(",", column) + 1
    return column
