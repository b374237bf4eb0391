"""Writing it down: equations, systems and derivations as LaTeX, Markdown, HTML and one-line text."""

from .blocks import Code, Formula, Heading, Items, Paragraph, Table
from .derivation import Derivation, references
from .document import document, formula
from .equation import latex_equation, latex_expr, latex_system
from .mathml import mathml
from .matrix import latex_matrices
from .text import text_equation, text_expr

__all__ = [
    "Code",
    "Derivation",
    "Formula",
    "Heading",
    "Items",
    "Paragraph",
    "Table",
    "document",
    "formula",
    "latex_equation",
    "latex_expr",
    "latex_matrices",
    "latex_system",
    "mathml",
    "references",
    "text_equation",
    "text_expr",
]
