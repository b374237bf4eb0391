"""What was checked, how far it was off, what was allowed and why: the rows of a certificate, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np

HEADINGS = ("check", "of", "error", "allowed", "result")


@dataclass(frozen=True)
class Check:
    """One line. `worst` holds the inputs at which the error was largest, `where` says which entry."""

    name: str
    of: str = ""
    error: float = 0.0
    tolerance: float = 0.0
    reason: str = ""  # why the tolerance is what it is, or why the check was left out
    skipped: bool = False
    where: str = ""
    worst: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def passed(self) -> bool:
        return self.skipped or bool(self.error <= self.tolerance)  # an error that is NaN does not pass

    @property
    def result(self) -> str:
        return "left out" if self.skipped else "passed" if self.passed else "FAILED"

    def cells(self) -> tuple[str, ...]:
        if self.skipped:
            return (self.name, self.of, "", "", self.result)
        return (self.name, self.of, _number(self.error), _number(self.tolerance), self.result)


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"


def left_out(name: str, of: str, reason: str) -> Check:
    return Check(name, of, reason=reason, skipped=True)


@dataclass(frozen=True)
class Certificate:
    """The outcome of `program.verify()`: `.ok`, the rows, and the input that made a row fail."""

    rows: tuple[Check, ...]
    seed: int = 0

    @property
    def ok(self) -> bool:
        """Every check passed, and at least one was made."""
        return bool(self.rows) and all(r.passed for r in self.rows) and not all(r.skipped for r in self.rows)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(r for r in self.rows if not r.passed)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        table = [HEADINGS, *(r.cells() for r in self.rows)]
        widths = [max(len(row[c]) for row in table) for c in range(len(HEADINGS))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in table]
        lines.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join([*lines, self.summary(), *(_failure(r) for r in self.failed)])

    def summary(self) -> str:
        made = [r for r in self.rows if not r.skipped]
        if not made:
            return "Nothing was checked."
        passed = sum(r.passed for r in made)
        return f"{passed} of {len(made)} checks passed (seed {self.seed})."

    def _repr_markdown_(self) -> str:
        rows = ["| " + " | ".join(cells) + " |" for cells in (HEADINGS, *(r.cells() for r in self.rows))]
        rows.insert(1, "|" + "---|" * len(HEADINGS))
        return "\n".join([*rows, "", self.summary(), *("\n```\n" + _failure(r) + "\n```" for r in self.failed)])

    def _repr_html_(self) -> str:
        def line(tag: str, cells) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

        body = "".join(line("td", r.cells()) for r in self.rows)
        notes = "".join(f"<pre>{escape(_failure(r))}</pre>" for r in self.failed)
        return f"<table>{line('th', HEADINGS)}{body}</table><p>{escape(self.summary())}</p>{notes}"

    def reasons(self) -> str:
        """Why each tolerance is what it is, and why a check was left out."""
        return "\n".join(f"{r.name} ({r.of}): {r.reason}" for r in self.rows if r.reason)


def _failure(row: Check) -> str:
    lines = [f"{row.name} of {row.of} failed: {row.where or row.reason}"]
    for name, value in row.worst.items():
        text = np.array2string(np.asarray(value), precision=17, threshold=40, max_line_width=100)
        lines.append(f"    {name} = " + text.replace("\n", "\n    " + " " * (len(name) + 3)))
    return "\n".join(lines)
