"""How people write a model: indexed equations in text, SymPy scalars, composition of programs."""

from .compose import at, compose
from .program import parse
from .scalar import from_scalar, scalar
from .text import to_text

__all__ = ["at", "compose", "from_scalar", "parse", "scalar", "to_text"]
