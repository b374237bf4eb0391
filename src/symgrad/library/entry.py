"""What an entry of the gallery is: a result, and what derives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..analysis.report import Report

GROUPS = ("calculus", "activations", "losses", "probability", "networks", "optimisation")


@dataclass(frozen=True)
class Entry:
    """One result. Either a program derives it: `output` of `text`, differentiated by `wrt` (by all parameters where it
    is None) with each of `verbs`, methods of a program. Or `ask()` is its derivation: a Report of `sg.analysis`.
    """

    name: str
    group: str
    summary: str
    text: str = ""
    output: str = ""
    wrt: tuple[str, ...] | None = None
    reference: str = ""
    verbs: tuple[str, ...] = ("gradient",)
    ask: Callable[[], Report] | None = None


def first_line(text: str | None) -> str:
    """The first sentence of a docstring, on one line."""
    words = " ".join((text or "").split("\n\n")[0].split())
    return words.split(". ")[0].rstrip(".") + "."
