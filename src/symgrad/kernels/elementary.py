"""The vector functions as text of a generated module: literals and tables typed, rows named `f_...`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

import numpy as np

from ..functions import ROWS, vector
from .expressions import FUNCTION

LITERAL = re.compile(r"(?<![\w.])(\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)")
CALL = re.compile(r"(?<![\w.])([a-z]\w*)(?=\()")


def vector_text(name: str, real: str) -> str:
    """The Python text of a vector function in the precision `real`.

    >>> print(vector_text("sech", "float32").splitlines()[-1])
        return scale(q + c, n + float32(1.0))
    """
    head, documentation, body = vector.source(name).split('"""')
    typed = LITERAL.sub(rf"{real}(\1)", body)
    return '"""'.join([_named(head), documentation, _named(typed)])


def _named(text: str) -> str:
    return CALL.sub(lambda m: FUNCTION.format(m[1]) if vector.is_function(m[1]) and _public(m[1]) else m[1], text)


def _public(name: str) -> bool:
    """Is it called from outside: a row, or one of a sequence, as stumpff_3?"""
    return name in ROWS or name.rpartition("_")[0] in ROWS


def constants(names: Iterable[str], real: str) -> str:
    """The tables that the functions mention, a line or more for each."""
    tables: dict[str, tuple[float, ...]] = {}
    prepared: list[str] = []
    for name in names:
        tables |= vector.constants(name, real)
        text, assigned = vector.preparation(name, real)
        prepared += [f"{text}\n\n\n{assigned}"] * bool(text)
    lines = [_table(name, values, real) for name, values in tables.items()]
    return "\n".join([*lines, *prepared])


def _table(name: str, values: tuple[float, ...], real: str) -> str:
    numbers = [_number(v, real) for v in values]
    text = numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"
    lines = textwrap.wrap(f"{name} = {text}", 118, subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(lines)


def _number(value: float, real: str) -> str:
    """The shortest decimal that is read as this number."""
    shortest = "np.nan" if value != value else str(np.dtype(real).type(abs(value)))
    return f"-{real}({shortest})" if value < 0 else f"{real}({shortest})"
