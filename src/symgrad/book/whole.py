"""All entries as one book: contents, the derivations group by group, an index of rules, references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import SymgradError
from ..library.entry import GROUPS, Entry
from ..typeset.blocks import Block, Heading, Items, Links, Paragraph, escape_dollars
from ..typeset.files import write_document
from .derived import Derived, derived
from .page import page, title

TITLE = "The mathematics of deep learning, derived"
SUFFIXES = {"latex": ".tex", "md": ".md", "html": ".html", "pdf": ".pdf"}
Told = Callable[[Entry], None]


def write_book(
    entries: Iterable[Entry], folder: Path, format: str = "html", told: Told = lambda entry: None, kernel: bool = False
) -> Path:
    """Write `book` in the format (latex, md, html, pdf) into the folder, which is made; return its path.

    `told` is called before each entry. Raises SymgradError where the folder cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise SymgradError(f"cannot make the folder {folder}: {error.strerror}.") from error
    return write_document(TITLE, book(entries, told, kernel), folder / f"book{SUFFIXES[format]}")


def book(entries: Iterable[Entry], told: Told = lambda entry: None, kernel: bool = False) -> Iterable[Block]:
    """The blocks: what is in it, a part for each group, the index of rules, the references."""
    entries, body, rules = tuple(entries), [], {}
    for group in GROUPS:
        chosen = [entry for entry in entries if entry.group == group]
        body += [Heading(group.capitalize())] * bool(chosen)
        for entry in chosen:
            told(entry)
            found = derived(entry)
            _enter(rules, entry, found)
            body.append(Heading(title(entry), 3, anchor(entry)))
            body += map(_below, page(entry, found, kernel))
    yield Heading("Contents")
    groups = {g: [e for e in entries if e.group == g] for g in GROUPS}
    yield Links(tuple((g.capitalize(), _places(chosen)) for g, chosen in groups.items() if chosen))
    yield from body
    yield Heading("Index of rules")
    yield Paragraph("Each rule, and the derivations that use it.")
    index = ((escape_dollars(name), _places(users)) for name, (_, users) in sorted(rules.items()))
    yield Links(tuple(index), inline=True)
    yield Heading("References")
    yield Items(tuple(map(escape_dollars, references(entries, rules))))


def anchor(entry: Entry) -> str:
    return entry.name.replace("_", "-")


def references(entries: Iterable[Entry], rules: Mapping[str, tuple[str, list[Entry]]]) -> list[str]:
    """Sources of the rules and of the entries, each once, in alphabetical order."""
    return sorted({c for c in (*(cite for cite, _ in rules.values()), *(e.reference for e in entries)) if c})


def _enter(rules: dict[str, tuple[str, list[Entry]]], entry: Entry, found: Iterable[Derived]) -> None:
    for step in (step for one in found for step in _steps(one)):
        name = getattr(step.rule, "name", str(step.rule)).split(":")[0]  # behind it: what the rule says
        _, users = rules.setdefault(name, (getattr(step.rule, "cite", ""), []))
        if not users or users[-1] is not entry:
            users.append(entry)


def _steps(found: Derived) -> tuple:
    return found.steps if hasattr(found, "steps") else found.display.log


def _places(entries: Iterable[Entry]) -> tuple[tuple[str, str], ...]:
    return tuple((title(entry), anchor(entry)) for entry in entries)


def _below(block: Block) -> Block:
    """Headings of a page stand below that of the entry."""
    return replace(block, level=4) if isinstance(block, Heading) else block
