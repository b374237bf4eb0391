"""Structured matrices: a derivative's structure in words and LaTeX, its compressed value, and Newton steps with it."""

from .colouring import colour_columns, from_products
from .join import joined
from .matrix import StructuredMatrix
from .report import Structure, compressed, structure

__all__ = ["Structure", "StructuredMatrix", "colour_columns", "compressed", "from_products", "joined", "structure"]
