"""One row per scalar function: what it is, its derivative, its kinks, its stable spellings."""

from .complements import COMPLEMENTS, complement_of
from .foreign import to_sympy, translate
from .table import PUBLIC, ROWS, SHORT, Kernel, Kink, Row, apply, diff, finite, row_of, stop, where

__all__ = [
    "COMPLEMENTS", "PUBLIC", "ROWS", "SHORT", "Kernel", "Kink", "Row", "apply", "complement_of", "diff", "finite",
    "row_of", "stop", "to_sympy", "translate", "where",
]  # fmt: skip
