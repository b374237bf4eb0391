"""How a fit is shown: in one line, as a table of its history, in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .epoch import Epoch

if TYPE_CHECKING:
    from .fitted import Fit

LINES = 20  # of the history in a notebook; of a longer one every so many


def rows(history: Sequence[Epoch]) -> list[dict[str, str]]:
    """The figures of each epoch as text, by name."""
    return [{"epoch": str(e.number)} | {n: f"{v:.6g}" for n, v in e.figures().items()} for e in history]


def table(history: Sequence[Epoch]) -> str:
    """The history as text, a line for each epoch."""
    lines = rows(history)
    names = list(dict.fromkeys(n for row in lines for n in row))
    widths = {n: max(len(n), *(len(row.get(n, "")) for row in lines)) for n in names}
    head = "  ".join(n.rjust(widths[n]) for n in names)
    return "\n".join([head, *("  ".join(row.get(n, "").rjust(widths[n]) for n in names) for row in lines)])


def sentences(fit: Fit) -> list[str]:
    """What the run was, and how it ended."""
    weights = sum(np.size(a) for a in fit.parameters.values())
    chosen = next((e for e in fit.history if e.number == fit.best_epoch), fit.history[-1] if fit.history else None)
    found = [f"{fit.loss} minimised over {weights:,} number{'s' * (weights != 1)} in {', '.join(fit.parameters)}"]
    if chosen:
        figures = ", ".join(f"{n} {v:.4g}" for n, v in chosen.figures().items())
        found.append(f"epoch {chosen.number} of {len(fit.history)}: {figures}")
    return found + [f"stopped: {fit.stopped}"] * bool(fit.stopped)


def text(fit: Fit) -> str:
    return f"Fit({'; '.join(sentences(fit))})"


def html(fit: Fit) -> str:
    """Sentences, the parameters' shapes, the history."""
    shapes = ((n, " × ".join(map(str, np.shape(a))) or "a number") for n, a in fit.parameters.items())
    step = -(-len(fit.history) // LINES) or 1
    lines = rows([e for e in fit.history if e.number % step == 0 or e.number in (1, len(fit.history), fit.best_epoch)])
    names = list(dict.fromkeys(n for row in lines for n in row))
    parts = [*(f"<p>{escape(sentence)}</p>" for sentence in sentences(fit)), _table(("parameter", "shape"), shapes)]
    return "\n".join([*parts, _table(names, ([row.get(n, "") for n in names] for row in lines))])


def _table(head, body) -> str:
    cells = "".join(f"<th>{escape(h)}</th>" for h in head)
    lines = ("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in body)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
