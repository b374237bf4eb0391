r"""A document from a title and sections, written in the format of its path.

document("Softmax", [("Model", [Code(text)]), ("Derivation", grad.derivation), ("Check", certificate_text)], "out.html")
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..ir.system import Equation, System
from .blocks import Block, Code, Formula, Heading, Items, Links, Paragraph, Picture, Table
from .derivation import Derivation
from .equation import equation_lines, shown_equations
from .files import write_document

BLOCKS = (Code, Formula, Heading, Items, Links, Paragraph, Picture, Table)
Content = Block | Derivation | System | str


def document(title: str, sections: Iterable[tuple[str, Content | Sequence[Content]]], path: str | Path) -> Path:
    """Write a document; return its path.

    A section is (heading, content); content is one or several of: text (paragraphs, with $...$ formulas), a block,
    a Derivation (its steps, result and references), a System (its equations). The extension of `path` is the format:
    .md, .html, .tex or .pdf.
    """
    return write_document(title, section_blocks(sections), path)


def section_blocks(sections: Iterable[tuple[str, Content | Sequence[Content]]]) -> list[Block]:
    """The sections as one list of blocks."""
    blocks: list[Block] = []
    for heading, content in sections:
        if heading:
            blocks.append(Heading(heading))
        single = isinstance(content, (str, Derivation, System, *BLOCKS))
        for part in [content] if single else content:
            blocks += _blocks(part)
    return blocks


def _blocks(part: Content) -> list[Block]:
    if isinstance(part, str):
        return [Paragraph(p.strip()) for p in part.split("\n\n") if p.strip()]
    if isinstance(part, Derivation):
        return [_lowered(b) for b in part.blocks]
    if isinstance(part, System):
        return [formula(shown_equations(part), part)]
    return [part]


def _lowered(block: Block) -> Block:
    return replace(block, level=min(block.level + 1, 4)) if isinstance(block, Heading) else block


def formula(equations: Iterable[Equation], system: System) -> Formula:
    """The equations as one aligned block."""
    return Formula(tuple(line for eq in equations for line in equation_lines(eq, system)))
