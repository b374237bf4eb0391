"""What an entry of the gallery is, and how a table of the library becomes entries."""

from __future__ import annotations

from dataclasses import dataclass

GROUPS = ("activations", "losses", "probability", "networks", "optimisation")


@dataclass(frozen=True)
class Entry:
    """One derivation: the program, and the output that is differentiated by `wrt` (all parameters where it is None).

    `verb` is the method of the program that derives: gradient, jacobian, vjp.
    """

    name: str
    group: str
    summary: str
    text: str
    output: str
    wrt: tuple[str, ...] | None = None
    reference: str = ""
    verb: str = "gradient"


def first_line(text: str | None) -> str:
    """The first sentence of a docstring, on one line."""
    words = " ".join((text or "").split("\n\n")[0].split())
    return words.split(". ")[0].rstrip(".") + "."
