"""What the symbols of a SymPy model stand for: sizes, scalars, matrices, and the axes of every `IndexedBase`.

An axis holds the positions first .. first + extent - 1. With a shape the extent is given; the first position is 0 or 1,
whichever the reads fit (`Sum(x[i], (i, 1, n))` fits 1 only). Without a shape the axis holds exactly what is read, and
that has to be 0 .. n-1 or 1 .. n for a size or a number n: anything else would be a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy
from sympy import Dummy, Expr, Integer, Symbol, expand
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from ...errors import ShapeError
from ...ir.access import Access, Index, Size, index_symbols
from ..draft import Draft
from ..lines import refuse
from .names import Names, identifier
from .ranges import Backwards, Limits, bound, extreme, infinite, least, nonnegative


@dataclass(frozen=True)
class Statement:
    """`name = right`; `left` is what the user wrote for the name, if anything."""

    name: str
    left: Any
    right: Any

    @property
    def text(self) -> str:
        return f"{self.left if self.left is not None else self.name} = {self.right}"


@dataclass
class Base:
    """An `IndexedBase`: its axes, where they begin, and what is known of its positions."""

    symbol: Symbol
    shape: tuple[Expr, ...] | None
    rank: int
    defined: bool = False
    reads: list[tuple[Read, ...]] = field(default_factory=list)
    first: tuple[Expr, ...] = ()
    extents: tuple[Expr, ...] = ()
    over: Expr | None = None  # of an integer base: its values lie in 0 .. over-1


@dataclass(frozen=True)
class Read:
    """One position: how far it reaches. `bounded` is False where a condition or data may keep it in range."""

    low: Expr
    high: Expr
    bounded: bool
    text: str


@dataclass
class Survey:
    names: Names
    sizes: dict[Symbol, Size] = field(default_factory=dict)
    scalars: dict[str, Symbol] = field(default_factory=dict)
    bases: dict[str, Base] = field(default_factory=dict)
    matrices: dict[str, tuple[Any, tuple[Expr, ...]]] = field(default_factory=dict)  # axes of length 1 are left out
    integers: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)

    def size(self, expr: Any) -> Expr:
        """A dimension or an end of a range without bound symbols."""
        return expand(sympy.sympify(expr).xreplace(self.sizes))


@dataclass(frozen=True)
class Place:
    """Where a symbol is read: what is bound there, innermost last."""

    bound: Mapping[Any, Expr | None] = field(default_factory=dict)  # -> its value in indices; None: not an index
    limits: tuple[Limits, ...] = ()
    guarded: bool = False


def survey(statements: list[Statement], names: Names, draft: Draft, first: int | None) -> Survey:
    """Walk over all statements; then decide where every axis begins and ends."""
    if first not in (None, 0, 1):
        refuse(f"first={first!r}: an axis begins at 0 or at 1.", fix="Pass first=0 or first=1.")
    found = Survey(names, defined={s.name for s in statements})
    _sizes(found, statements, draft)
    for statement in statements:
        _Walk(found, statement, draft).statement()
    for name, base in found.bases.items():
        _axes(name, base, first)
    for name, base in found.bases.items():
        _over(found, name, base)
    return found


def _sizes(found: Survey, statements: list[Statement], draft: Draft) -> None:
    """Every symbol in a shape, in the range of an index or in an end of a sum is a size."""
    ends: list[Any] = []
    free: set[Any] = set()
    tensors: set[str] = set()
    for expr in (e for s in statements for e in (s.left, s.right) if isinstance(e, (sympy.Basic, sympy.MatrixBase))):
        free |= expr.free_symbols
        for part in sympy.preorder_traversal(expr):
            match part:
                case sympy.Sum() | sympy.Product():
                    ends += [end for _, *two in part.limits for end in two]
                case sympy.Idx():
                    ends += [e for e in (part.lower, part.upper) if e is not None]
                    free |= set().union(*(e.free_symbols for e in (part.lower, part.upper) if e is not None))
                case sympy.IndexedBase():
                    tensors.add(identifier(part.label))
                    ends += part.shape or ()
                    free |= set().union(*(e.free_symbols for e in part.shape or ()))
                case MatrixExpr():
                    tensors |= {identifier(part)} if isinstance(part, sympy.MatrixSymbol) else set()
                    ends += part.shape
                    free |= set().union(*(sympy.sympify(e).free_symbols for e in part.shape))
    symbols = {s for end in ends for s in sympy.sympify(end).free_symbols if s in free and type(s) in (Symbol, Dummy)}
    for symbol in sorted(symbols, key=str):
        found.sizes[symbol] = draft.sizes.declare(found.names.size(symbol, tensors))
        draft.letters[found.sizes[symbol].name.lower()] = [found.sizes[symbol]]


class _Walk:
    """One statement: notes what it reads."""

    def __init__(self, found: Survey, statement: Statement, draft: Draft):
        self.found, self.of, self.draft = found, statement, draft

    def refuse(self, summary: str, fix: str = "", kind=None) -> None:
        refuse(f"{summary}.", self.of.text, fix=fix, **({"kind": kind} if kind else {}))

    def statement(self) -> None:
        place = Place()
        left = self.of.left
        if isinstance(left, sympy.Indexed):
            place = self.left(left)
        elif left is not None:
            self.found.names.tensor(left)
        self.visit(self.of.right, place)

    def left(self, left: Any) -> Place:
        """`y[i, j] = ...`: each symbol runs over one axis of y."""
        place, symbols = Place(), list(left.indices)
        if any(not isinstance(s, (Symbol, sympy.Idx)) for s in symbols) or len(set(symbols)) < len(symbols):
            self.refuse("the left side has one symbol for each axis", f"Write Eq({left.base}[i, j], ...).")
        for axis, symbol in enumerate(symbols):
            place = self.bind(symbol, *self.range_of(left, symbol, axis), place)
        base = self.base(left)
        base.defined = True
        base.reads.append(tuple(self.read(p, place, left) for p in left.indices))
        return place

    def range_of(self, left: Any, symbol: Any, axis: int) -> tuple[Any, Any]:
        """The range of a symbol of the left side: its own, or that of the axis."""
        if isinstance(symbol, sympy.Idx) and symbol.upper is not None:
            return symbol.lower, symbol.upper
        if left.base.shape is not None:
            return Integer(0), left.base.shape[axis] - 1
        self.refuse(f"{symbol} has no range", f"Write {symbol} = Idx('{symbol}', n), or give {left.base} a shape.")
        raise AssertionError

    def bind(self, symbol: Any, low: Any, high: Any, place: Place) -> Place:
        low, high = (self.position(sympy.sympify(e), place) for e in (low, high))
        if infinite(low, high):
            self.refuse(f"{symbol} runs to infinity", "A sum or product has finitely many terms.")
        try:
            made = bound(Index(f"i?{self.draft.number()}"), low, high, place.limits)
        except Backwards:
            self.refuse(
                f"the range {low} .. {high} of {symbol} may run backwards, which SymPy reads as a negative sum",
                "Choose ends with end >= begin - 1 for all sizes >= 1.",
            )
            raise
        except ValueError as error:
            self.refuse(f"the range of {symbol} is not read: {error}", "Its ends are sums of symbols and numbers.")
            raise
        value = made.start + made.limits.index
        return Place({**place.bound, symbol: value}, (*place.limits, made.limits), place.guarded)

    def visit(self, expr: Any, place: Place) -> None:
        match expr:
            case sympy.Sum() | sympy.Product():
                for limit in reversed(expr.limits):
                    place = self.bind(limit[0], *self.ends(limit), place)
                self.visit(expr.function, place)
            case sympy.Indexed():
                self.base(expr).reads.append(tuple(self.read(p, place, expr) for p in expr.indices))
            case MatrixElement():
                self.visit(expr.parent, place)
                for position in expr.indices:
                    self.position(position, place)
            case sympy.MatrixSymbol():
                self.matrix(expr)
            case sympy.Lambda():
                self.visit(expr.expr, replace(place, bound={**place.bound, **dict.fromkeys(expr.variables)}))
            case sympy.Piecewise():
                for value, condition in map(tuple, expr.args):
                    self.visit(condition, place)
                    self.visit(value, replace(place, guarded=True))
            case sympy.Idx() | Symbol():
                self.symbol(expr, place)
            case sympy.Identity() | sympy.ZeroMatrix() | sympy.OneMatrix():
                return
            case sympy.MatrixBase():
                for entry in expr:
                    self.visit(entry, place)
            case _:
                for arg in expr.args:
                    self.visit(arg, place)

    def ends(self, limit: Any) -> tuple[Any, Any]:
        symbol, *ends = limit
        if len(ends) == 2:
            return ends[0], ends[1]
        if isinstance(symbol, sympy.Idx) and symbol.upper is not None and not ends:
            return symbol.lower, symbol.upper
        self.refuse(f"{symbol} has no range", f"Write Sum(..., ({symbol}, 0, n - 1)).")
        raise AssertionError

    def symbol(self, symbol: Any, place: Place) -> None:
        if symbol in place.bound or symbol in self.found.sizes:
            return
        if isinstance(symbol, sympy.Idx):
            self.refuse(f"the index {symbol} is free", f"Sum over it, or write an equation: Eq(y[{symbol}], ...).")
        name = self.found.names.tensor(symbol)
        if name == self.of.name:
            self.refuse(f"{name} is defined by itself", "Give the result another name: program(..., output='L').")
        if name not in self.found.defined:
            self.found.scalars[name] = symbol

    def matrix(self, symbol: Any) -> None:
        name = self.found.names.tensor(symbol)
        if name == self.of.name:
            self.refuse(f"{name} is defined by itself", "Give the result another name: program(..., output='L').")
        self.found.matrices[name] = symbol, tuple(self.found.size(s) for s in symbol.shape if s != 1)

    def base(self, read: Any) -> Base:
        """The base of a read, noted."""
        symbol, found = read.base.label, self.found
        name = found.names.tensor(symbol, read.base)
        if name in found.bases and found.bases[name].rank != len(read.indices):
            counts = f"{found.bases[name].rank} and with {len(read.indices)}"
            self.refuse(f"{name} is read with {counts} indices", kind=ShapeError)
        if name == self.of.name and read is not self.of.left:
            self.refuse(f"{name} is defined by itself", "Recursions are read from text: sg.program(text).")
        shape = read.base.shape
        extents = None if shape is None else tuple(found.size(s) for s in shape)
        return found.bases.setdefault(name, Base(symbol, extents, len(read.indices)))

    def read(self, position: Any, place: Place, read: Any) -> Read:
        value = self.position(position, place)
        if value.has(Access):
            return Read(value, value, False, str(read))
        low, high = (extreme(value, place.limits, sign) for sign in (-1, 1))
        return Read(low, high, not place.guarded and not index_symbols(low) and not index_symbols(high), str(read))

    def position(self, expr: Any, place: Place) -> Expr:
        """An index expression in our indices, sizes and integer tensors (of which only the names matter here)."""
        known: dict[Any, Any] = {}
        for part in _atoms(expr):
            if place.bound.get(part) is not None:
                known[part] = place.bound[part]
            elif part in self.found.sizes:
                known[part] = self.found.sizes[part]
            elif isinstance(part, sympy.Indexed):
                self.visit(part, place)
                name = self.found.names.tensor(part.base.label, part.base)
                self.found.integers.add(name)
                known[part] = Access(name, *(self.position(p, place) for p in part.indices))
            else:
                self.symbol(part, place)
                name = self.found.names.tensor(part)
                self.found.integers.add(name)
                known[part] = Access(name)
        return expand(expr.xreplace(known))


def _atoms(expr: Any) -> Iterator[Any]:
    """The symbols and reads of an index expression; not those inside a read."""
    if isinstance(expr, (sympy.Indexed, sympy.Idx, Symbol)):
        yield expr
    else:
        for arg in expr.args:
            yield from _atoms(arg)


# axes


def _axes(name: str, base: Base, first: int | None) -> None:
    found = [_axis(name, base, axis, first) for axis in range(base.rank)]
    base.first, base.extents = tuple(f for f, _ in found), tuple(e for _, e in found)


def _axis(name: str, base: Base, axis: int, first: int | None) -> tuple[Expr, Expr]:
    """(first position, extent) of one axis."""
    reads = [r[axis] for r in base.reads if r[axis].bounded]
    low, high = least([r.low for r in reads]), least([r.high for r in reads], -1)
    if base.shape is not None:
        extent = base.shape[axis]
        return _first(name, base, axis, extent, low, high, first), extent
    text = base.reads[0][axis].text
    known = low is not None and high is not None
    begin = low if first is None else Integer(first)
    if known and begin in (0, 1) and nonnegative(low - begin):
        extent = expand(high - begin + 1)
        if isinstance(extent, (Size, Integer)):
            return begin, extent
    reached = f"from {low} to {high}" if known else "at positions of which none is the largest"
    refuse(
        f"{name} has no shape, and is read {reached}.",
        text,
        fix=f"Write IndexedBase('{name}', shape=(n,)), or read it from 0 to n - 1 or from 1 to n.",
        kind=ShapeError,
    )


def _first(name: str, base: Base, axis: int, extent: Expr, low, high, first: int | None) -> Expr:
    """Where an axis of known extent begins: at the one of 0 and 1 that every read fits."""
    text = base.reads[0][axis].text
    if first is None and low is None:
        return Integer(0)
    fits = [b for b in (0, 1) if not _outside(low, high, b, extent)]
    if first is not None:
        fits = [first] if first in fits or low is None else []
    if len(fits) == 2 and low != 0:
        refuse(
            f"{name} has {extent} entries and is read from {low} to {high}: it may begin at 0 or at 1.",
            text, fix="Pass first=0 (SymPy's own convention) or first=1.", kind=ShapeError,
        )  # fmt: skip
    if not fits:
        refuse(
            f"{name} is read from {low} to {high}, and has {extent} entries.",
            text, fix=f"Its positions are 0 .. {extent - 1}, or 1 .. {extent}.", kind=ShapeError,
        )  # fmt: skip
    return Integer(fits[0])


def _outside(low: Expr, high: Expr | None, begin: int, extent: Expr) -> bool:
    """Does a read certainly leave begin .. begin + extent - 1?"""
    below = not nonnegative(low - begin)
    return below or (high is not None and nonnegative(high - begin - extent))


def _over(found: Survey, name: str, base: Base) -> None:
    """The values of an integer base lie in the axis that they index, where that begins at 0 and they stand alone."""
    if name not in found.integers:
        return
    overs = set()
    for other in found.bases.values():
        for reads in other.reads:
            for axis, read in enumerate(reads):
                alone = isinstance(read.low, Access) and read.low.name == name
                if alone and other.first[axis] == 0:
                    overs.add(other.extents[axis])
    base.over = overs.pop() if len(overs) == 1 else None
