"""Names for SymPy's symbols: tensors, size variables and index letters that the notation can spell."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from itertools import chain, count
from typing import Any

from sympy import Expr

from ...ir.access import Size
from ..lines import refuse

SPARE = "ijklmnpqrstuvw"


def identifier(symbol: Any) -> str:
    r"""The name of a symbol as an identifier: `\lambda` and `lambda` are lambda_, `x_{1}` is x_1.

    >>> [identifier(name) for name in ("x", "lambda", r"\theta", "x_{1}", "x'")]
    ['x', 'lambda_', 'theta', 'x_1', 'x_']
    """
    text = symbol if isinstance(symbol, str) else getattr(symbol, "name", str(symbol))
    name = re.sub(r"\W", "_", re.sub(r"[\\{}^]", "", str(text)))
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"{name}_" if keyword.iskeyword(name) else f"_{name}"
    return f"v{name}" if name.startswith("__") else name


class Names:
    """What is taken: tensors by the symbol that they stand for, letters of sizes."""

    def __init__(self, defined: Iterable[str]):
        self.defined = set(defined)
        self.of: dict[str, Any] = {}
        self.sizes: dict[str, str] = {}  # letter -> the symbol of that size

    def tensor(self, symbol: Any, key: Any = None) -> str:
        """The name of a tensor; two symbols that would share one are refused."""
        name, key = identifier(symbol), key if key is not None else symbol
        if self.of.setdefault(name, key) != key:
            refuse(
                f"two symbols are called {name}: {_described(self.of[name])} and {_described(key)}.",
                fix="Give one of them another name.",
            )
        return name

    def size(self, symbol: Any, tensors: Iterable[str]) -> Size:
        """The size variable of a symbol; its letter is the symbol's name in small letters, if that is free."""
        stem = identifier(symbol).lower()
        taken = {*tensors, *self.sizes}
        letter = next(n for n in chain([stem], (f"{stem}_{k}" for k in count(1))) if n not in taken)
        self.sizes[letter] = str(symbol)
        return Size(letter.upper())

    def letters(self, extents: Iterable[Expr]) -> tuple[str, ...]:
        """Letters for the axes of a declared tensor: those of their sizes."""
        found: list[str] = []
        for extent in extents:
            letter = extent.name.lower() if isinstance(extent, Size) else ""
            taken = {*found, *self.sizes, *self.of}
            found.append(letter or next(c for c in chain(SPARE, (f"i{k}" for k in count(1))) if c not in taken))
        return tuple(found)

    def index(self, symbol: Any, extent: Expr) -> str:
        """A letter for a bound index: its own name, unless that means a tensor or another size."""
        stem = identifier(symbol)
        own = Size(stem.upper())
        for name in chain([stem], SPARE, (f"i{k}" for k in count(1))):
            if name not in self.of and name not in self.defined and (name.lower() not in self.sizes or extent == own):
                return name
        raise AssertionError  # the last source does not end


def _described(key: Any) -> str:
    return f"{type(key).__name__} {key}"
