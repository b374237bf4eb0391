"""Structured matrices: a derivative's structure in words and LaTeX, its compressed value, and Newton steps with it."""

from .colouring import colour_columns, from_products
from .matrix import StructuredMatrix
from .report import Structure, structure

__all__ = ["Structure", "StructuredMatrix", "colour_columns", "from_products", "structure"]
