"""The text of a kernel becomes LLVM code without Numba's own front end.

Numba reads byte code, finds single assignments, infers types by a search and lowers each statement through several
layers; that is two thirds of the time that a kernel takes to compile. The generated text needs none of it: a name has
one type, from its first value on, and types can be read off line by line. So each function is translated from its text
in one walk (`statements`, `expressions`), with Numba's implementations of the operations (`values`), its conventions of
calls and its caches; what the walk does not know (`Unknown`) is left to Numba, function by function. The text stays
what it was: an exported module is compiled by Numba alone.
"""

from .pipeline import Translator, quick

__all__ = ["Translator", "quick"]
