"""The display form and the kernel form of a derivative one above the other, and the errors of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import mpmath
import numpy as np

from ..api import Program
from ..errors import SymgradError
from ..functions.accuracy import ulps
from ..ir.arithmetic import MPMATH
from ..ir.interpret import interpret
from ..ir.system import System
from ..typeset.blocks import Block, Formula, Heading, Paragraph, Table, escape_dollars
from ..typeset.equation import equation_lines, shown_equations
from ..verify.draw import Arrays, finite_point

DIGITS = 60
SCALES = (1.0, 30.0)  # moderate inputs, and such at which exponentials saturate
SHOWN = 12  # outputs of one table


def forms(program: Program) -> Iterable[Block]:
    """The lines in which the two differ, then the largest error of each output; nothing where no line differs."""
    display, kernel = (_lines(form.prune()) for form in (program.display, program.kernel))
    on_paper = [line for line in display if line not in kernel]
    in_kernel = [line for line in kernel if line not in display]
    if not on_paper or not in_kernel:
        return
    yield Heading("Two forms", 3)
    yield Paragraph("On paper:")
    yield Formula(tuple(on_paper))
    yield Paragraph("In the kernel:")
    yield Formula(tuple(in_kernel))
    yield from _errors(program)


def _lines(form: System) -> list[str]:
    return [line for eq in shown_equations(form) for line in equation_lines(eq, form)]


def _errors(program: Program) -> Iterable[Block]:
    try:
        found = largest_errors(program)
    except SymgradError:  # no inputs at which all is finite
        return
    rows = [(escape_dollars(n), *(_shown(e) for e in pair)) for n, pair in list(found.items())[:SHOWN]]
    yield Table(("largest error in ULP", "on paper", "in the kernel"), tuple(rows))
    yield Paragraph(f"Inputs: random ones, and the same times {SCALES[-1]:g}; inf: not finite, or 0, where the exact "
                    "value is a normal number.", "note")  # fmt: skip


def _shown(error: float) -> str:
    return f"{error:.3g}" if error < 1e4 else f"{error:.0e}" if np.isfinite(error) else "inf"


def largest_errors(program: Program, seed: int = 0) -> dict[str, tuple[float, float]]:
    """For each output the largest error of the display and of the kernel form, in units in the last place."""
    found = dict.fromkeys(program.outputs, (0.0, 0.0))
    for arrays in _inputs(program.raw, seed):
        with mpmath.workdps(DIGITS), np.errstate(all="ignore"):
            exact = interpret(program.raw, arrays, MPMATH)
            both = [interpret(form, arrays) for form in (program.display, program.kernel)]
        for name, before in found.items():
            errors = (_error(form[name], exact[name]) for form in both)
            found[name] = tuple(map(max, before, errors))  # pyright: ignore[reportArgumentType]
    return found


def _error(got, exact) -> float:
    with mpmath.workdps(DIGITS):
        pairs = zip(np.ravel(got), np.ravel(np.asarray(exact, dtype=object)))
        return max((ulps(float(a), mpmath.mpf(b)) for a, b in pairs if mpmath.isfinite(b)), default=0.0)


def _inputs(raw: System, seed: int) -> Iterator[Arrays]:
    arrays = finite_point(raw, seed)
    free = {t.name for t in raw.declared() if t.dtype == "float" and not t.facts}
    for scale in SCALES:
        yield {n: a * scale if n in free else a for n, a in arrays.items()}
