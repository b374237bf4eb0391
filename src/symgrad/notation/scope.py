"""Where names get their meaning: the scope of a place in the text, and the equation being read.

Every binder gets an index of its own (`k?7`), so that no letter is ever captured; each read is noted as a `Use`, from
which `sizes` finds out how far the indices run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sympy.logic.boolalg import Boolean

from ..errors import NotationError
from ..ir.access import Index, Size
from . import grammar as g
from .algebra import Unrepresentable
from .draft import Draft
from .lines import Line, refuse
from .sizes import Use
from .tree import Tree, combine


@dataclass(frozen=True)
class Scope:
    """Where a name is read: the letters that are bound there, the guards that hold there."""

    letters: Mapping[str, Index] = field(default_factory=dict)
    guards: tuple[Boolean, ...] = ()

    def under(self, *guards: Boolean) -> Scope:
        return replace(self, guards=(*self.guards, *guards))


@dataclass
class Reader:
    """One equation being read."""

    draft: Draft
    line: Line
    tensor: str = ""  # that the equation defines
    extents: dict[Index, Size] = field(default_factory=dict)  # every index of the equation and its size variable
    uses: list[Use] = field(default_factory=list)
    guards: list[Boolean] = field(default_factory=list)  # all of them

    def refuse(self, summary: str, column: int, fix: str = "", kind=NotationError, mark: str = ""):
        refuse(summary, self.line.text, {column: mark}, fix, kind)

    def bind(self, letter: g.Name) -> Index:
        """A new index for a letter of the left side or of a reduction."""
        tensor = self.draft.tensors.get(letter.id)
        if tensor is not None and tensor.rank == 0:
            self.refuse(
                f"{letter.id} is a {tensor.role} and cannot be an index letter too.",
                letter.column,
                "Use another letter for the index.",
            )
        index = Index(f"{letter.id}?{self.draft.number()}")
        self.extents[index] = Size(f"{letter.id.upper()}?{index.name.split('?')[1]}")
        if letter.id.upper() in self.draft.fixed:
            self.draft.sizes.replaced[self.extents[index]] = self.draft.fixed[letter.id.upper()]
        return index

    def build(self, name: str, args: tuple[Tree, ...], column: int) -> Tree:
        try:
            return combine(name, args)
        except Unrepresentable as error:
            self.refuse(f"{error}.", column, error.fix)
