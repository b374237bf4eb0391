"""What every printed thing offers: a LaTeX document, Markdown, a page of HTML, a PDF, and its display in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .blocks import Block, html_fragment, to_html, to_latex, to_markdown
from .files import write_pdf


class Printed:
    """A title and blocks; a subclass says which."""

    title: str
    blocks: Sequence[Block]

    def __str__(self) -> str:
        return self.markdown()

    def latex(self) -> str:
        """A document that pdflatex compiles."""
        return to_latex(self.title, self.blocks)

    def markdown(self) -> str:
        return to_markdown(self.title, self.blocks)

    def html(self) -> str:
        """A page that needs no network."""
        return to_html(self.title, self.blocks)

    def pdf(self, path: str | Path) -> Path:
        """Compile the LaTeX document to `path`. Raises SymgradError where pdflatex is missing or fails."""
        return write_pdf(self.latex(), Path(path))

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        return html_fragment(self.title, self.blocks)
