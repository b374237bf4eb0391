"""How people write a model: indexed equations in text, SymPy expressions, composition of programs."""

from .compose import at, compose
from .program import parse
from .scalar import formula, from_scalar, scalar
from .symbolic import from_sympy, is_sympy
from .text import to_text

__all__ = ["at", "compose", "formula", "from_scalar", "from_sympy", "is_sympy", "parse", "scalar", "to_text"]
