"""SymPy scalars to trees: sums and products of `Indexed`, conditions, functions of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy
from sympy import Dummy, Expr, Float, Integer, NumberSymbol, Rational, Symbol, expand
from sympy.core.function import Application, AppliedUndef
from sympy.logic.boolalg import Boolean
from sympy.matrices.expressions.matexpr import MatrixExpr

from ...errors import NotationError, ShapeError, SymgradError
from ...functions import ROWS, row_of, where
from ...ir.access import Access, Index
from ..arrays import fresh
from ..places import is_affine
from ..scalar import in_rows
from ..scope import Reader
from ..tree import Choice, Fold, Leaf, Tree, combine
from ..values import on_indices
from .names import identifier
from .ranges import Bound, Limits, bound
from .survey import Survey


class Problem(ValueError):
    """What a statement cannot say: the summary without its full stop, what helps, and the kind of error."""

    def __init__(self, summary: str, fix: str = "", kind: type[SymgradError] = NotationError):
        super().__init__(summary)
        self.fix, self.kind = fix, kind


@dataclass(frozen=True)
class Inside:
    """What is bound at a place: index symbols to their positions, other symbols to trees."""

    places: Mapping[Any, Expr] = field(default_factory=dict)
    values: Mapping[Any, Tree] = field(default_factory=dict)
    limits: tuple[Limits, ...] = ()
    guarded: bool = False  # does a condition hold here? It may be what keeps a read in range

    def where(self, values: Mapping[Any, Tree]) -> Inside:
        return replace(self, values={**self.values, **values})


@dataclass(frozen=True)
class Reading:
    """One statement being read."""

    reader: Reader
    found: Survey

    def bind(self, symbol: Any, low: Expr, high: Expr, inside: Inside) -> tuple[Inside, Bound]:
        """A new index for a symbol that runs over low .. high."""
        width = expand(high - low + 1)
        index = fresh(self.reader, self.found.names.index(symbol, width), width)
        made = bound(index, low, high, inside.limits)
        self.reader.extents[index] = made.size
        places = {**inside.places, symbol: made.start + index}
        return replace(inside, places=places, limits=(*inside.limits, made.limits)), made

    def defined(self, name: str) -> str:
        """The name, where it is an input or an earlier statement."""
        if name not in self.reader.draft.tensors:
            raise Problem(f"{name} is read before it is defined", f"Move the equation of {name} above this one.")
        return name

    def position(self, expr: Any, inside: Inside) -> Expr:
        """An index expression: affine in indices, with reads of integer tensors."""
        found = expand(self._integer(expr, inside))
        if not is_affine(found):
            fix = "An index is made of symbols, whole numbers and integer tensors: 2*i + k - 1."
            raise Problem(f"the index {expr} is not affine", fix)
        return found

    def _integer(self, expr: Any, inside: Inside) -> Expr:
        if expr in inside.places:
            return inside.places[expr]
        if expr in self.found.sizes:
            return self.found.sizes[expr]
        if isinstance(expr, sympy.Indexed):
            return read(self, expr, inside)
        if isinstance(expr, Symbol):
            return Access(identifier(expr))
        return expr.func(*(self._integer(a, inside) for a in expr.args)) if expr.args else expr


def tree(reading: Reading, expr: Any, inside: Inside) -> Tree:
    """The tree of a SymPy scalar."""
    match expr:
        case _ if expr in inside.values:
            return inside.values[expr]
        case _ if expr in inside.places or expr in reading.found.sizes:
            return Leaf(reading.position(expr, inside))
        case Float():
            return Leaf(Rational(str(float(expr))))
        case Rational() | NumberSymbol():
            return Leaf(expr)
        case sympy.Add() | sympy.Mul():
            return _combined(reading, "+" if isinstance(expr, sympy.Add) else "*", expr.args, inside)
        case sympy.Pow():
            return _combined(reading, "**", expr.args, inside)
        case sympy.Sum() | sympy.Product():
            return _fold(reading, expr, inside)
        case sympy.Indexed():
            return Leaf(read(reading, expr, inside))
        case sympy.Piecewise():
            return _piecewise(reading, expr, inside)
        case sympy.KroneckerDelta():
            same = sympy.Eq(*expr.args[:2])
            return _case(reading, same, Leaf(Integer(1)), Leaf(Integer(0)), inside)
        case where():
            return _case(reading, expr.args[0], *(tree(reading, a, inside) for a in expr.args[1:]), inside)
        case Symbol():
            return Leaf(Access(reading.defined(identifier(expr))))
    for kind, convert in WHOLE.items():
        if isinstance(expr, kind) and (found := convert(reading, expr, inside)) is not None:
            return found
    if isinstance(expr, Application):  # functions, Max, Min
        return _function(reading, expr, inside)
    raise _unread(expr)


def _unread(expr: Any) -> Problem:
    name = type(expr).__name__
    if isinstance(expr, MatrixExpr):
        return Problem(f"{expr} is a matrix, where a number is wanted", f"Write Trace({expr}), or an entry of it.")
    fixes = {
        "Derivative": "A derivative inside a model is written in text: diff(u[n], x[n]).",
        "Integral": "An integral is found by sg.integral(...), which gives a formula without it.",
        "Infinity": "A formula is of real numbers only.",
        "ImaginaryUnit": "A formula is of real numbers only.",
    }
    return Problem(f"{name} is not read in a formula", fixes.get(name, "Write it by sums, products and functions."))


WHOLE: dict[type, Callable[[Reading, Any, Inside], Tree | None]] = {}  # scalars made of matrices; see `matrices`


def _combined(reading: Reading, name: str, args: Any, inside: Inside) -> Tree:
    return combine(name, tuple(tree(reading, a, inside) for a in args))


# reads


def read(reading: Reading, expr: Any, inside: Inside) -> Access:
    """`x[i, 2*j + 1]`: positions counted from where the axes of x begin."""
    name = reading.defined(identifier(expr.base.label))
    base = reading.found.bases[name]
    places = [expand(reading.position(p, inside) - f) for p, f in zip(expr.indices, base.first)]
    for place, extent in zip(places, base.extents):
        check_reach(reading, expr, place, extent)
    return Access(name, *places)


def check_reach(reading: Reading, expr: Any, place: Expr, extent: Expr) -> None:
    """A plain index runs over the axis, or over fewer entries of it; two sizes that nothing relates are refused."""
    if not isinstance(place, Index):
        return
    size = reading.reader.extents[place]
    if size == extent or not (expand(size - extent).is_positive or _unrelated(size, extent)):
        return
    raise Problem(
        f"an index of {expr} runs over {size} entries, and that axis has {extent}",
        "Give the axis and the range one size.",
        ShapeError,
    )


def _unrelated(size: Expr, extent: Expr) -> bool:
    return bool(size.free_symbols) and bool(extent.free_symbols) and not size.free_symbols & extent.free_symbols


# sums and products


def _fold(reading: Reading, expr: Any, inside: Inside) -> Tree:
    """The sum over all limits; SymPy lists the innermost first."""
    bounds, guards = [], []
    for symbol, *ends in reversed(expr.limits):
        ends = ends or [symbol.lower, symbol.upper]
        low, high = (reading.position(e, inside) for e in ends)
        inside, made = reading.bind(symbol, low, high, inside)
        bounds.append(made.limits.index)
        guards += made.guards
    kind = "prod" if isinstance(expr, sympy.Product) else "sum"
    return Fold(kind, tuple(bounds), tuple(guards), tree(reading, expr.function, inside))


# conditions


def _piecewise(reading: Reading, expr: Any, inside: Inside) -> Tree:
    *cases, (last, always) = expr.args
    if always != sympy.true:
        summary = "this Piecewise has no value where all its conditions fail"
        raise Problem(summary, "End it with (value, True).")
    inside = replace(inside, guarded=True)
    found = tree(reading, last, inside)
    for value, condition in reversed(cases):
        found = _case(reading, condition, tree(reading, value, inside), found, inside)
    return found


def _case(reading: Reading, condition: Any, yes: Tree, no: Tree, inside: Inside) -> Tree:
    """Conditions on indices become guards, those on values stay in the body."""
    parts = condition.args if isinstance(condition, sympy.And) else (condition,)
    found = [_condition(reading, part, inside) for part in parts]
    guards = tuple(t.expr for t in found if isinstance(t, Leaf) and on_indices(reading.reader, t.expr))
    values = [t for t in found if not (isinstance(t, Leaf) and on_indices(reading.reader, t.expr))]
    if sympy.false in guards:
        return no
    if values:
        yes = combine("where", (values[0] if len(values) == 1 else combine("and", tuple(values)), yes, no))
    guards = tuple(g for g in guards if g != sympy.true)
    return Choice(guards, yes, no) if guards else yes


_WORDS = {sympy.And: "and", sympy.Or: "or", sympy.Not: "not"}
_SIGNS = {
    sympy.Lt: "<", sympy.Le: "<=", sympy.Gt: ">", sympy.Ge: ">=", sympy.Eq: "==", sympy.Ne: "!=",
}  # fmt: skip


def _condition(reading: Reading, expr: Any, inside: Inside) -> Tree:
    if expr in (sympy.true, sympy.false):
        return Leaf(expr)
    if expr.func in _WORDS:
        return combine(_WORDS[expr.func], tuple(_condition(reading, a, inside) for a in expr.args))
    if expr.func in _SIGNS:
        return _combined(reading, _SIGNS[expr.func], expr.args, inside)
    raise Problem(f"{expr} is not a comparison", "A condition compares numbers with < <= > >= Eq Ne, And, Or, Not.")


# functions


def _function(reading: Reading, expr: Any, inside: Inside) -> Tree:
    """A row of the table, or SymPy's function by its definition in rows."""
    if any(row.head is expr.func for row in ROWS.values()):
        return _combined(reading, row_of(expr).name, expr.args, inside)
    if isinstance(expr, AppliedUndef):
        raise Problem(f"{expr} is a function without a formula", f"Write what {expr.func} is.")
    holes = [a if a.is_number or isinstance(a, Boolean) else Dummy(real=True) for a in expr.args]
    body = in_rows(expr.func(*holes))
    values = {h: tree(reading, a, inside) for h, a in zip(holes, expr.args) if isinstance(h, Dummy)}
    if body.func is expr.func and not any(row.head is body.func for row in ROWS.values()):
        raise _unread(expr)
    return tree(reading, body, inside.where(values))


__all__ = ["WHOLE", "Inside", "Problem", "Reading", "check_reach", "tree"]
