"""Exception types, and `explain`: what is wrong, the equation, both values, what to type instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SymgradError(Exception):
    """Base of every error that a user can cause. Its text is complete: summary, equation, fix."""


class NotationError(SymgradError):
    """The text is not in the notation, or would need to be evaluated."""


class RecurrenceError(NotationError):
    """Equations that define each other in a circle that no index orders."""


class UnknownNameError(SymgradError):
    """A tensor, function, output or size that was never declared."""


class ShapeError(SymgradError):
    """Two sizes for one axis, a wrong rank, or a size that nothing determines."""


class IndexRangeError(SymgradError):
    """An index or a label that lies outside its axis."""


class DTypeError(SymgradError):
    """An array of a dtype that the tensor does not take."""


class DataError(SymgradError):
    """NaN, infinity or a broken fact in the data, where the caller asked for the check."""


class DegenerateError(SymgradError):
    """A matrix for which what was asked does not exist: singular, not positive definite, with equal eigenvalues."""


class DifferentiationError(SymgradError):
    """A kink without a named choice, or an output that cannot be differentiated."""


class TimeLimitError(SymgradError):
    """A derivation that took longer than `sg.time_limit` allows."""


class CheckError(SymgradError):
    """A System that breaks an invariant: a defect of a pass, or of a System built by hand."""


def explain(summary: str, equation: str = "", marks: dict[int, str] | None = None, fix: str = "") -> str:
    """Lay out an error: the summary, the equation with `^ value` under the marked columns, the fix.

    >>> print(explain("index d has two sizes.", "z[n] = X[n,d]*W[d]", {11: "783", 16: "784"}, "Pass 784 columns."))
    index d has two sizes.
        z[n] = X[n,d]*W[d]
                   ^ 783 ^ 784
        Pass 784 columns.
    """
    lines = [summary]
    if equation:
        lines.append("    " + equation)
    if marks:
        pointer = ""
        for column, value in sorted(marks.items()):
            if pointer and len(pointer) >= column:
                pointer += " "
            pointer = pointer.ljust(column)
            pointer += f"^ {value}".rstrip()
        lines.append("    " + pointer)
    if fix:
        lines += ["    " + line for line in fix.splitlines()]
    return "\n".join(lines)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the closest known name, or nothing.

    >>> did_you_mean("sofmax", ["softmax", "sum"])
    'Did you mean softmax?'
    """
    close = get_close_matches(name, sorted(set(known)), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""
