r"""The answer to a question about a formula, as a document: statement, steps, conclusion, sources.

A step is the same `Step` that a System's log holds: rule, before, after. Here `before` and `after` are SymPy
expressions or relations (or LaTeX, as text, where SymPy has no spelling). A step whose `before` is the `after` of the
step before it continues that line. A rule is a `calculus.rewrite.Rule`, which replays, or a plain name.

>>> from sympy import Integer, Symbol
>>> x = Symbol("x")
>>> report = Report("A square", (x + 1)**2, (Step("expand", (x + 1)**2, x**2 + 2*x + 1),), "It is a parabola.")
>>> print(report)
# A square
<BLANKLINE>
$$
\begin{aligned}
& \left(x + 1\right)^{2} \\
&\quad = x^{2} + 2 x + 1 \qquad \text{(expand)}
\end{aligned}
$$
<BLANKLINE>
It is a parabola.
<BLANKLINE>
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from sympy import Basic
from sympy.printing.latex import LatexPrinter

from ..calculus.rewrite import Rule, replays
from ..functions import stop
from ..ir.system import Step
from ..typeset.blocks import (
    FULL,
    Block,
    Formula,
    Heading,
    Items,
    Paragraph,
    escape_dollars,
)
from ..typeset.mathml import CARET
from ..typeset.measure import width
from ..typeset.printed import Printed

Shown = Basic | str  # SymPy, or LaTeX as text
SPECIAL = re.compile(r"[_%&#$]")  # of a rule's name in LaTeX's text


@dataclass(frozen=True)
class Report(Printed):
    """`statement`: what is asked, SymPy or text; `conclusion`: the answer in a sentence, with $formulas$;
    `value`: the answer as an object (an expression, a matrix, a word, None for "cannot decide")."""

    title: str
    statement: Shown = ""
    steps: tuple[Step, ...] = ()
    conclusion: str = ""
    value: Any = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"<Report {self.title!r}: {len(self.steps)} steps>"

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(_blocks(self))

    def references(self) -> tuple[str, ...]:
        """The sources that the rules cite, each once, in the order of first use; then the report's own."""
        cites = [getattr(step.rule, "cite", "") for step in self.steps]
        return tuple(dict.fromkeys(c for c in (*cites, self.source) if c))

    def replays(self) -> bool:
        """Does every step that holds a `Rule` give again what it says?"""
        return all(replays(step) for step in self.steps if isinstance(step.rule, Rule))

    def _repr_latex_(self) -> str:
        lines = [line for block in self.blocks if isinstance(block, Formula) for line in block.lines]
        body = " \\\\\n".join(lines)
        return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"


def latex(shown: Any) -> str:
    """SymPy (or a number) as LaTeX; text is LaTeX already."""
    if isinstance(shown, str):
        return shown
    if isinstance(shown, Basic):
        shown = shown.replace(stop, lambda held: held)  # a mark for differentiation, not for the reader
    return _Printer({"ln_notation": False}).doprint(shown)


class _Printer(LatexPrinter):
    """SymPy's, with the usual names of the gamma function's kin."""

    def _print_loggamma(self, expr, exp=None) -> str:
        return self._called(r"\log \Gamma", expr.args[0], exp)

    def _print_polygamma(self, expr, exp=None) -> str:
        order, x = expr.args
        return self._called(r"\psi" if order == 0 else rf"\psi^{{({self._print(order)})}}", x, exp)

    def _called(self, name: str, argument, exp) -> str:
        shown = rf"{name}\left({self._print(argument)}\right)"
        return shown if exp is None else rf"\left({shown}\right)^{{{exp}}}"


def _blocks(report: Report) -> Iterable[Block]:
    first = report.steps[0].before if report.steps else None
    if report.statement != "" and report.statement != first:
        is_text = isinstance(report.statement, str)
        yield Paragraph(report.statement) if is_text else Formula((f"& {latex(report.statement)}",))
    for chain in _chains(report.steps):
        yield Formula(tuple(_rows(chain)))
        yield from (Paragraph(_note(step), "note") for step in chain if step.note or step.under)
    if report.conclusion:
        yield Paragraph(report.conclusion)
    if report.references():
        yield Heading("References")
        yield Items(tuple(map(escape_dollars, report.references())), numbered=True)


def _chains(steps: tuple[Step, ...]) -> list[list[Step]]:
    """Runs of steps in which each continues the line that the step before it has left."""
    chains: list[list[Step]] = [[step] for step in steps[:1]]
    for last, step in pairwise(steps):
        if step.before == last.after:
            chains[-1].append(step)
        else:
            chains.append([step])
    return chains


def _rows(chain: list[Step]) -> Iterable[str]:
    if chain[0].before != "":
        yield f"& {latex(chain[0].before)}"
    for step in chain:
        relation = getattr(step.rule, "relation", "=")
        name = getattr(step.rule, "name", str(step.rule))
        lead = rf"\quad {relation} " if step.before != "" else " "
        shown, reason = f"&{lead}{latex(step.after)}", rf"\qquad \text{{({_text(name)})}}"
        yield from (f"{shown} {reason}",) if width(shown[1:] + reason) <= FULL else (shown, f"& {reason}")


def _text(name: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", name).replace("^", CARET)


def _note(step: Step) -> str:
    name = getattr(step.rule, "name", str(step.rule))
    return "; ".join([f"{name}: {step.note}" if step.note else name, *(f"under {fact}" for fact in step.under)]) + "."
