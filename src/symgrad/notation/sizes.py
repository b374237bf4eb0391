"""Size variables: unified by every plain use of an index, solved from affine uses.

* a plain use `x[.., i, ..]` says: the size of i is the extent of that axis;
* an index that occurs only in affine accesses takes the largest extent that stays in range:
  `x[2*i + k]` with k < K and P entries gives (P - K)//2 + 1; a side that a guard bounds is no constraint;
* what nothing determines takes the size of the declared axis of that letter, or the one given by `sizes=`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Basic, Expr, Integer, Min, expand, floor
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne

from ..errors import ShapeError
from ..ir.access import Access, Index, Size, index_symbols, size_symbols
from .lines import refuse


class SizeConflict(ValueError):
    """Two extents that cannot be equal."""


@dataclass
class Sizes:
    """Union-find over size variables; an entry maps a variable to what replaced it."""

    replaced: dict[Size, Expr] = field(default_factory=dict)
    order: dict[Size, int] = field(default_factory=dict)  # declared ones, first declared first

    def declare(self, size: Size) -> Size:
        self.order.setdefault(size, len(self.order))
        return size

    def find(self, expr: Any) -> Any:
        """`expr` with every replaced variable written out."""
        while True:
            known = {s: self.replaced[s] for s in expr.free_symbols if s in self.replaced}
            if not known:
                return expr
            expr = expr.xreplace(known)

    def unify(self, left: Expr, right: Expr) -> None:
        """Make two extents equal; the variable declared first stays. Raises SizeConflict."""
        left, right = self.find(left), self.find(right)
        difference = expand(left - right)
        if difference == 0:
            return
        alone = {s for s in (left, right) if isinstance(s, Size)}
        for size in sorted(size_symbols(difference), key=lambda s: (s not in alone, *self._late(s))):
            slope = difference.coeff(size, 1)
            rest = expand(difference - slope * size)
            emptied = not rest.free_symbols and size not in alone  # I + J against I does not mean that J is 0
            if slope in (1, -1) and size not in rest.free_symbols and not emptied:
                self.replaced[size] = -rest * slope
                return
        raise SizeConflict(f"{left} and {right}")

    def _late(self, size: Size) -> tuple[int, str]:
        return -self.order.get(size, 10**9), size.name

    def unknown(self, size: Size) -> bool:
        return placeholder(self.find(size))


def placeholder(expr: Basic) -> bool:
    """A size variable that still waits for its value (its name holds a `?`, which no user can type)."""
    return any("?" in s.name for s in size_symbols(expr))


@dataclass(frozen=True)
class Use:
    """`position` stands at one axis of a tensor, under `guards`."""

    position: Expr
    extent: Expr
    tensor: str
    axis: int
    column: int
    guards: tuple = ()
    over: Expr | None = None  # the range of the integer tensor that `position` reads
    loose: bool = False  # of a recurrence, read before its size is known: checked, but nothing is found from it


def solve(
    sizes: Sizes,
    line: str,
    extents: Mapping[Index, Size],
    uses: list[Use],
    known: Mapping[str, Expr],
    guards: Sequence[Basic] = (),
) -> None:
    """Give every index of an equation its size. `known`: the sizes of the letters that are declared; `guards`: all
    guards of the equation, of which `j < 5` gives j a size that nothing else gives."""
    uses = [u for u in uses if not u.loose]
    sliding = _sliding(uses)
    _plain(sizes, line, extents, [u for u in uses if u.position not in sliding])
    _affine(sizes, extents, uses, known)
    for index, size in extents.items():
        fallback = [known[letter_of(index)]] if letter_of(index) in known else _ends(index, guards)
        if sizes.unknown(size) and fallback:
            sizes.unify(size, fallback[0])
            _affine(sizes, extents, uses, known)


def determined(sizes: Sizes, line: str, extents: Mapping[Index, Size], uses: list[Use]) -> None:
    """ShapeError where an index has no size, or where an access certainly leaves its axis."""
    for index, size in extents.items():
        if sizes.unknown(size):
            _undetermined(line, index, uses)
    for use in uses:
        _reach(sizes, line, extents, use)


def _ends(index: Index, guards: Sequence[Basic]) -> list[Expr]:
    """The sizes E of guards `index < E`."""
    gaps = [(expand(gap - index), isinstance(g, Lt | Gt)) for g in guards for gap in _gaps(g)]
    return [-rest if strict else 1 - rest for rest, strict in gaps if not rest.free_symbols - size_symbols(rest)]


def letter_of(index: Index) -> str:
    return index.name.split("?")[0]


def _sliding(uses: list[Use]) -> set[Index]:
    """Indices as in x[i+1] - x[i]: their plain uses are at one axis that they also leave, so they are constraints."""
    found: set[Index] = set()
    moved = [u for u in uses if not isinstance(u.position, Index | Access | Integer)]
    for index in {i for u in moved for i in index_symbols(u.position)}:
        plain = {(u.tensor, u.axis) for u in uses if u.position == index}
        leaves = [u for u in moved if (u.tensor, u.axis) in plain and (u.position - index).is_positive]
        if len(plain) == 1 and any(not bounded(u, 1) for u in leaves):
            found.add(index)
    return found


def _plain(sizes: Sizes, line: str, extents: Mapping[Index, Size], uses: Iterable[Use]) -> None:
    first: dict[Index, Use] = {}
    for use in uses:
        try:
            if isinstance(use.position, Index):
                sizes.unify(extents[use.position], use.extent)
                first.setdefault(use.position, use)
            elif isinstance(use.position, Access) and use.over is not None:
                sizes.unify(use.over, use.extent)
        except SizeConflict:
            _conflict(sizes, line, extents, first.get(use.position), use)


def _conflict(sizes: Sizes, line: str, extents: Mapping[Index, Size], first: Use | None, use: Use):
    here = sizes.find(use.extent)
    if isinstance(use.position, Access):
        over = sizes.find(use.over)
        refuse(
            f"{use.position.name} has values below {over}, but axis {use.axis} of {use.tensor} has {here} entries.",
            line,
            {use.column: str(here)},
            "Declare both with one letter.",
            ShapeError,
        )
    letter, there = letter_of(use.position), sizes.find(extents[use.position])
    marks = {use.column: str(here)} | ({first.column: str(there)} if first else {})
    other = f"axis {first.axis} of {first.tensor}" if first else f"sizes={{'{letter}': {there}}}"
    refuse(
        f"index {letter} has two sizes.",
        line,
        marks,
        f"{other} has {there} entries, axis {use.axis} of {use.tensor} has {here}. "
        f"Use two letters, or declare both axes with one size.",
        ShapeError,
    )


def affine(expr: Expr) -> tuple[dict[Index, Expr], Expr]:
    """The coefficient of each index, and the rest (which may hold reads of integer tensors)."""
    if isinstance(expr, Index):
        return {expr: Integer(1)}, Integer(0)
    expr = expand(expr)
    outside = expr.xreplace({a: Integer(0) for a in expr.atoms(Access)})
    slopes = {i: expr.coeff(i, 1) for i in sorted(index_symbols(outside), key=str)}
    return slopes, expand(expr - sum(c * i for i, c in slopes.items()))


def _affine(sizes: Sizes, extents: Mapping[Index, Size], uses: list[Use], known: Mapping[str, Expr]) -> None:
    """Solve for one unknown index after the other, as long as an access leaves exactly one."""
    progress = True
    while progress:
        progress = False
        limits: dict[Index, list[Expr]] = {}
        waiting: set[Index] = set()
        for use in uses:
            unknown = [i for i in affine(use.position)[0] if sizes.unknown(extents[i])]
            if len(unknown) == 1:
                limits.setdefault(unknown[0], []).extend(_limit(sizes, extents, use, unknown[0]))
            elif any(_limit(sizes, extents, use, i) for i in unknown):
                waiting.update(unknown)
        for index, found in limits.items():
            if found and index not in waiting:
                largest = Min(*dict.fromkeys(map(sizes.find, found)))
                sizes.unify(extents[index], _shifted(sizes, index, largest, uses, known))
                progress = True
                break


def _shifted(sizes: Sizes, index: Index, largest: Expr, uses: list[Use], known: Mapping[str, Expr]) -> Expr:
    """In `where(0 < t, x[t-1], 0)` t may run to T + 1; a declared letter means its own T where that is no more."""
    declared = known.get(letter_of(index))
    guarded = any(index in u.position.free_symbols and (bounded(u, 1) or bounded(u, -1)) for u in uses)
    fits = declared is not None and guarded and (largest - sizes.find(declared)).is_nonnegative
    return declared if fits else largest


def _limit(sizes: Sizes, extents: Mapping[Index, Size], use: Use, index: Index) -> list[Expr]:
    """The largest size of `index` with which `use` stays in range: none where a guard bounds it or data enters."""
    slopes, rest = affine(use.position)
    slope = slopes[index]
    if rest.has(Access) or slope.has(Access):
        return []
    sign = 1 if slope.is_nonnegative else -1 if slope.is_nonpositive else 0
    if sign == 0 or bounded(use, sign):
        return []
    others = {i: c for i, c in slopes.items() if i != index}
    if sign > 0:
        room = use.extent - 1 - _extreme(sizes, extents, others, rest, 1)
    else:
        room = _extreme(sizes, extents, others, rest, -1)
    slope = sign * slope
    room = expand(sizes.find(room))
    if sizes.find(extents[index]) in room.free_symbols:  # x[I - 1 - i]: true of every size
        return []
    return [expand(room + 1) if slope == 1 else floor(room / slope) + 1]


def _extreme(sizes: Sizes, extents: Mapping[Index, Size], slopes: Mapping[Index, Expr], rest: Expr, sign: int) -> Expr:
    """The largest (sign 1) or smallest (sign -1) value of an affine expression over its ranges."""
    total = rest
    for index, slope in slopes.items():
        if (sign * slope).is_nonnegative:
            total += slope * (extents[index] - 1)
    return sizes.find(total)


def bounded(use: Use, sign: int) -> bool:
    """Does a guard bound `use.position` from above (sign 1) or below (sign -1) by an index-free value?"""
    return any(not index_symbols(expand(gap - sign * use.position)) for guard in use.guards for gap in _gaps(guard))


def _gaps(guard: Basic) -> list[Expr]:
    """Expressions that the guard keeps from growing: of `a < b` that is a - b."""
    match guard:
        case Lt() | Le():
            return [guard.lhs - guard.rhs]
        case Gt() | Ge():
            return [guard.rhs - guard.lhs]
        case Eq():
            return [guard.lhs - guard.rhs, guard.rhs - guard.lhs]
        case Ne() if guard.rhs == 0:  # an index that is not 0 is larger
            return [-guard.lhs]
    return []


def _undetermined(line: str, index: Index, uses: list[Use]):
    letter = letter_of(index)
    together = [u for u in uses if index in u.position.free_symbols and len(index_symbols(u.position)) > 1]
    reason = "several sizes fit" if together else "nothing determines it"
    refuse(
        f"index {letter} has no size: {reason}.",
        line,
        {u.column: "" for u in together[:1]},
        f'Pass it when the program is made: sg.program(text, sizes={{"{letter}": 10}}).',
        ShapeError,
    )


def _reach(sizes: Sizes, line: str, extents: Mapping[Index, Size], use: Use) -> None:
    """An access that certainly leaves its axis is refused now, not when the arrays come."""
    if isinstance(use.position, Index):
        return
    slopes, rest = affine(use.position)
    if rest.has(Access) or any(s.has(Access) for s in slopes.values()):
        return
    extent = sizes.find(use.extent)
    high, low = (_extreme(sizes, extents, slopes, rest, sign) for sign in (1, -1))
    position = use.position.xreplace({i: Index(letter_of(i)) for i in slopes})
    place = (
        f"{use.tensor}[{', '.join([*['..'] * use.axis, str(position)])}]" if use.axis else f"{use.tensor}[{position}]"
    )
    if not bounded(use, 1) and not _related(use) and expand(high - extent).is_nonnegative:
        refuse(
            f"{place} reaches index {high} of an axis with {extent} entries.",
            line,
            {use.column: ""},
            _start(use, place, f"{position} < {extent}"),
            ShapeError,
        )
    if not bounded(use, -1) and not _related(use) and low.is_negative:
        refuse(
            f"{place} reaches index {low}.",
            line,
            {use.column: ""},
            _start(use, place, f"0 <= {position}"),
            ShapeError,
        )


def _start(use: Use, place: str, guard: str) -> str:
    if use.loose:
        return f"A recurrence says how it starts: where({guard}, {place}, ...), with the first value for the dots."
    return f"Guard it, as in where({guard}, ..., 0), or sum[j, {guard}](...)."


def _related(use: Use) -> bool:
    """Some guard speaks of an index of this access: it may keep it in range in a way that is not seen here."""
    inside = index_symbols(use.position)
    return any(inside & index_symbols(g) for g in use.guards)


def fixed_sizes(given: Mapping[str, int] | None) -> dict[str, Expr]:
    """The argument `sizes=` by letter: {"k": 10} and {"K": 10} say the same."""
    result: dict[str, Expr] = {}
    for letter, value in (given or {}).items():
        if not isinstance(letter, str) or isinstance(value, bool) or not isinstance(value, int) or value < 0:
            refuse(
                f"sizes={{{letter!r}: {value!r}}} is not a size.",
                kind=ShapeError,
                fix='Pass whole numbers by letter: sizes={"k": 10}.',
            )
        result[letter.upper()] = Integer(value)
    return result
