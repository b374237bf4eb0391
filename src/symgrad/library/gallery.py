"""The registry of derivations: what `symgrad list` shows, `symgrad derive` prints and `derivations/` runs."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from ..errors import UnknownNameError, did_you_mean
from .chosen import CHOSEN
from .entry import GROUPS, Entry
from .programs import programs
from .questions import questions
from .reports import reports

_ALL = (*questions(), *CHOSEN, *programs(), *reports())
GALLERY: Mapping[str, Entry] = {
    entry.name: entry for group in GROUPS for entry in _ALL if entry.group == group
}


def names() -> tuple[str, ...]:
    return tuple(GALLERY)


def entry(name: str) -> Entry:
    """The entry of that name; UnknownNameError lists those that exist, and the nearest one."""
    if name not in GALLERY:
        text = f"{name} is not in the gallery; symgrad list shows its {len(GALLERY)} entries. {_nearest(name)}"
        raise UnknownNameError(text.rstrip())
    return GALLERY[name]


def _nearest(name: str) -> str:
    """The entry that is spelled most like `name`, or has a word that is: `softmx` means softmax_cross_entropy."""
    whole = did_you_mean(name, GALLERY)
    if whole:
        return whole
    words = {word: entry for entry in GALLERY for word in entry.split("_")}
    close = get_close_matches(name, words, n=1, cutoff=0.6)
    return f"Did you mean {words[close[0]]}?" if close else ""
