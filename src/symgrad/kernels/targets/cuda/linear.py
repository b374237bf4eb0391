"""Linear algebra by a team: one matrix for each team, in its memory `W`, which the lanes share column by column.

A routine returns 0, or the number of what a matrix lacks (its place in `ir.calls.REASONS`, from 1), the same in each
lane. What every lane needs (pivots, norms) each of them computes for itself: that takes the square of the size where
the rest takes the cube, and no exchange.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from sympy import Expr

from ....ir.calls import REASONS, ROWS, core_sizes
from ....ir.routines import ASYMMETRY, DISTINCT
from ... import loops
from . import elimination, rotations
from .text import filled

TEXTS = {**elimination.TEXTS, **rotations.TEXTS}
NEEDS = {
    **dict.fromkeys(("solve", "solve_columns", "inv"), ("augment", "eliminate", "backwards", "regular")),
    "det": ("copied", "eliminate"), **dict.fromkeys(("logdet", "logabsdet"), ("copied", "eliminate", "logarithm")),
    "cholesky": ("symmetric",), "eigh": ("symmetric", "rotation", "rotate", "turn"),
    "qr": ("copied", "reflect", "reflected"),
    "svd": ("rotation", "rotate", "orthogonal", "reflect", "reflected", "decompose", "turn"),
    "adjugate": ("rotation", "rotate", "orthogonal", "reflect", "reflected", "decompose"),
}  # fmt: skip
WORK: Mapping[str, tuple[str, str]] = {  # rows and columns of W, in the letters of `ir.calls.ROWS`
    "solve": ("i + 1", "i + 2"), "solve_columns": ("i + 1", "i + m + 1"), "inv": ("i + 1", "2 * i + 1"),
    **dict.fromkeys(("det", "logdet", "logabsdet", "cholesky"), ("i", "i")), "eigh": ("2 * i", "i"),
    "svd": ("3 * max(m, n) + 2 * min(m, n) + 1", "min(m, n)"), "qr": ("m + 2", "n"), "adjugate": ("5 * i + 1", "i"),
    "gaps": ("1", "1"),
}  # fmt: skip
SWEEPS = 40  # of rotations; each squares what is left, so 10 are rarely reached
NOTHING = 2**62  # what the notes hold where every matrix was taken
CODES = 16  # more than there are reasons: a note is CODES times the call's number, and the reason's


def helpers(names: Iterable[str], real: str) -> list[str]:
    """The device functions of these routines, what they call first."""
    wanted: dict[str, None] = {}
    for name in names:
        wanted |= dict.fromkeys((*NEEDS.get(name, ()), name))
    words = {reason.upper(): str(number) for number, reason in enumerate(REASONS, 1)}
    words |= {"REAL": real, "EPS": str(float(np.finfo(real).eps)), "SWEEPS": str(SWEEPS)}
    words |= {"ASYMMETRY": str(ASYMMETRY), "DISTINCT": str(DISTINCT)}
    return ["@cuda.jit(device=True)\n" + filled(TEXTS[name].strip("\n"), words) for name in wanted]


def work(step: loops.Routine, shapes: Mapping[str, tuple[Expr, ...]], text) -> list[str]:
    """The rows and columns of W for one team; `text(extent)` is how an extent is written."""
    row = ROWS[step.call.name]
    sizes = core_sizes(row, {of: shapes[buffer] for of, (buffer, *_) in zip(row.reads, step.operands)})
    return [re.sub(r"\b[imn]\b", lambda m: text(sizes[m[0]]), size) for size in WORK[step.call.name]]


def reason(note: int) -> tuple[int, str]:
    """The number of the call that left a note, and the key of `REASONS`.

    >>> reason(2 * CODES + 1)
    (2, 'singular')
    """
    number, code = divmod(note, CODES)
    return number, list(REASONS)[code - 1]
