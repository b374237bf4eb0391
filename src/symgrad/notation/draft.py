"""What is known while a program is read: tensors, equations so far, sizes, shared pieces, names that are taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from sympy import Expr

from ..ir.access import Size, fresh_names
from ..ir.system import Call, Equation, Tensor, Term
from .sizes import Sizes


@dataclass
class Draft:
    sizes: Sizes = field(default_factory=Sizes)
    fixed: dict[str, Expr] = field(default_factory=dict)  # sizes=, by letter
    letters: dict[str, list[Expr]] = field(default_factory=dict)  # letter -> the sizes of axes declared with it
    seen: dict[str, list[tuple[str, Expr]]] = field(default_factory=dict)  # letter -> (tensor, size) of earlier lines
    tensors: dict[str, Tensor] = field(default_factory=dict)
    equations: list[Equation | Call] = field(default_factory=list)
    remaining: dict[str, int] = field(default_factory=dict)  # tensor -> lines that still have to come
    pending: dict[str, list[Term]] = field(default_factory=dict)  # the terms of a tensor with several lines
    recurrent: dict[str, tuple[bool, ...]] = field(default_factory=dict)  # defined by itself -> its plain axes
    open: list[tuple] = field(default_factory=list)  # what `solve` left open in the lines of recurrences
    shared: dict = field(default_factory=dict)  # key of a piece -> its tensor, axis order, args
    taken: set[str] = field(default_factory=set)  # every name in the text
    functions: dict = field(default_factory=dict)  # name -> what the program defines by `name(x) = ...`
    numbers: Iterator[int] = field(default_factory=count)

    def fresh(self, stem: str) -> str:
        name = next(fresh_names(self.taken, stem))
        self.taken.add(name)
        return name

    def number(self) -> int:
        return next(self.numbers)


def size_of_letter(letter: str) -> Size:
    """The size variable of an axis letter: its capital."""
    return Size(letter.upper())
