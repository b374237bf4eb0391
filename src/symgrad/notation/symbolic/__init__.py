"""SymPy expressions as models: sums of `Indexed`, `MatrixSymbol` expressions, scalars, and equations between them.

Nothing is evaluated or simplified on the way: SymPy's bound-index algebra is not trusted, only its trees are read.
"""

from .model import from_sympy, is_sympy

__all__ = ["from_sympy", "is_sympy"]
