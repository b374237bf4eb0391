"""The atoms of a body: index symbols, size symbols, and `Access`, the read of one tensor cell.

SymPy sees an `Access` as one real scalar. Everything about indices is done here and in the passes, never by SymPy
(its bound-index algebra is silently wrong; see docs/design.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any
from weakref import WeakValueDictionary

from sympy import Basic, Expr, Symbol, sympify
from sympy.core.symbol import Str

_LETTERS: dict[tuple[type, str], Symbol] = {}
_READS: WeakValueDictionary[tuple, Access] = WeakValueDictionary()


def _letter(cls: type, name: str) -> Any:
    """One object for each letter: comparing is then a look at an address. (SymPy keeps the last thousand only.)"""
    if (cls, name) not in _LETTERS:
        _LETTERS[cls, name] = Symbol.__new__(cls, name, integer=True, nonnegative=True)
    return _LETTERS[cls, name]


class Index(Symbol):
    """An index letter. It ranges over 0 .. size-1; the `Range` that holds it gives the size."""

    __slots__ = ()

    def __new__(cls, name: str) -> Index:
        return _letter(cls, name)

    def __getnewargs_ex__(self):
        return ((self.name,), {})


class Size(Symbol):
    """A size variable: the extent of a tensor axis, written as the capital of its index letter."""

    __slots__ = ()

    def __new__(cls, name: str) -> Size:
        return _letter(cls, name)

    def __getnewargs_ex__(self):
        return ((self.name,), {})


class Access(Expr):
    """The read `name[indices]`; rank 0 is allowed. The only constructor, and always real.

    >>> n = Index("n")
    >>> Access("x", n, 2*n + 1)
    x[n, 2*n + 1]
    """

    is_commutative = True
    is_real = True
    is_extended_real = True
    is_finite = True
    is_complex = True
    is_number = False  # pyright: ignore[reportAssignmentType]

    def __new__(cls, name: str | Str, *indices) -> Access:
        key = (name.name if isinstance(name, Str) else name, *map(sympify, indices))
        made = _READS.get(key)
        if made is None:  # one object for each read: its hash, its text and comparisons are then found once
            made = _READS[key] = Expr.__new__(cls, Str(key[0]), *key[1:])
        return made

    @property
    def name(self) -> str:
        return self.args[0].name

    @property
    def indices(self) -> tuple[Expr, ...]:
        return self.args[1:]

    @cached_property
    def text(self) -> str:
        """As it prints."""
        return str(self)

    def _sympystr(self, printer) -> str:
        if not self.indices:
            return self.name
        return f"{self.name}[{', '.join(map(printer._print, self.indices))}]"

    def _eval_derivative(self, symbol):
        raise TypeError("derivatives are taken through `calculus`, which replaces accesses by placeholders")


def reads(expr: Basic) -> list[Access]:
    """The distinct accesses whose *values* enter `expr`, sorted; reads inside index positions are not among them."""
    found: set[Access] = set()
    _collect(expr, found)
    return sorted(found, key=sort_key)


def _collect(expr: Basic, found: set[Access]) -> None:
    if isinstance(expr, Access):
        found.add(expr)
    else:
        for arg in expr.args:
            _collect(arg, found)


def all_reads(exprs: Iterable[Basic]) -> list[Access]:
    """Every access in `exprs`, also those inside index positions (integer tensors), sorted."""
    found: set[Access] = set()
    return sorted(found.union(*map(_accesses, exprs)), key=sort_key)


@lru_cache(8192)  # a schedule asks again for each place that it tries
def _accesses(expr: Basic) -> frozenset[Access]:
    own = {expr} if isinstance(expr, Access) else set()
    return frozenset(own.union(*map(_accesses, expr.indices if own else expr.args)))


def index_symbols(expr: Basic) -> set[Index]:
    """The index letters on which `expr` depends."""
    return {s for s in expr.free_symbols if isinstance(s, Index)}


def size_symbols(expr: Basic) -> set[Size]:
    return {s for s in expr.free_symbols if isinstance(s, Size)}


_ORDER: dict[Basic, str] = {}


def sort_key(expr: Basic) -> str:
    """A total order that does not depend on hashing: the printed text."""
    if isinstance(expr, Access):
        return expr.text
    if len(_ORDER) > 50_000:
        _ORDER.clear()
    text = _ORDER.get(expr)
    if text is None:
        text = _ORDER[expr] = str(expr)
    return text


def fresh_names(taken: Iterable[str], stem: str) -> Iterator[str]:
    """`stem`, `stem_1`, `stem_2`, ... without those in `taken`."""
    taken = taken if isinstance(taken, Mapping) else set(taken)
    if stem not in taken:
        yield stem
    count = 0
    while True:
        count += 1
        name = f"{stem}_{count}"
        if name not in taken:
            yield name


def rename(expr: Basic, mapping: Mapping[Basic, Basic]) -> Basic:
    """Substitute symbols all at once (`xreplace`): nothing is evaluated twice, nothing is captured."""
    return expr.xreplace(mapping) if mapping else expr
