"""Text to logical lines: comments off, lines joined inside brackets, each line told apart by its form.

names: role[letters], facts        a declaration
outputs: L, p                      the outputs
updates: w -> w_next               what replaces a state or a parameter
name[letters] = formula            an equation
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ..errors import NotationError, SymgradError, explain

LONGEST = (
    20_000  # characters in a line, brackets inside brackets: more is nobody's formula, and Python's parser has limits
)
DEEPEST = 60


@dataclass(frozen=True)
class Line:
    """One logical line as the user sees it; `split` is the column of its `:` or `=`."""

    text: str
    kind: str  # declaration | outputs | updates | equation
    split: int

    @property
    def left(self) -> str:
        return self.text[: self.split]

    @property
    def right(self) -> str:
        return self.text[self.split + 1 :]


def refuse(
    summary: str,
    line: str = "",
    marks: dict[int, str] | None = None,
    fix: str = "",
    kind: type[SymgradError] = NotationError,
) -> NoReturn:
    """Raise `kind` with the whole explanation."""
    raise kind(explain(summary, line, marks, fix))


def logical_lines(text: str) -> list[Line]:
    """The lines of a program, in order."""
    if not isinstance(text, str):
        refuse(f"a program is text, not {type(text).__name__}.", fix='Write sg.program("""...""").')
    return [_classified(line) for line in _joined(text)]


def _joined(text: str) -> Iterator[str]:
    pending, depth = "", 0
    for physical in text.splitlines():
        piece = physical.split("#", 1)[0].strip()
        if not piece:
            continue
        pending = f"{pending} {piece}".strip()
        depth = open_brackets(pending)
        if depth <= 0:
            yield pending
            pending = ""
    if pending:
        shown = pending if len(pending) <= 80 else pending[:80] + " ..."
        refuse("a bracket is never closed.", shown, fix="Close it, or end the line before the next equation starts.")


def open_brackets(line: str) -> int:
    """How many brackets are open at the end of `line`."""
    if len(line) > LONGEST:
        refuse(f"a line is longer than {LONGEST} characters.", line[:60] + " ...", fix="Cut it into several equations.")
    depth = 0
    for column, character in enumerate(line):
        depth += (character in "([{") - (character in ")]}")
        if depth > DEEPEST:
            refuse(
                f"brackets are nested more than {DEEPEST} deep.",
                line[:60] + " ...",
                fix="Name the inner parts by equations of their own.",
            )
        if depth < 0:
            refuse("a closing bracket has no opening one.", line, {column: ""}, "Delete it, or open it before.")
    return depth


def _classified(line: str) -> Line:
    colon, equals = _first(line, ":"), _first(line, "=")
    if colon >= 0 and (equals < 0 or colon < equals) and line[colon : colon + 2] != ":=":
        head = line[:colon].strip()
        kind = head if head in ("outputs", "updates") else "declaration"
        return Line(line, kind, colon)
    if equals >= 0 and line[equals - 1 : equals] != ":":
        return Line(line, "equation", equals)
    refuse(
        "this line is neither a declaration nor an equation.",
        line,
        fix="Write a declaration, x: input[n], or an equation, y[n] = 2*x[n].",
    )


def _first(line: str, wanted: str) -> int:
    """The column of the first `:` or of the first `=` that assigns, outside brackets; -1 without one."""
    depth = 0
    for column, character in enumerate(line):
        depth += (character in "([{") - (character in ")]}")
        if depth or character != wanted:
            continue
        if wanted == "=" and (
            line[column + 1 : column + 2] == "=" or line[column - 1 : column] in ("=", "<", ">", "!")
        ):
            continue
        return column
    return -1
