"""When are two functions of a generated module the same?"""

from __future__ import annotations

import ast
import re

NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def unnamed(text: str) -> str:
    """The text of a function without the names that are its own: numbers in the order of their first use.

    >>> unnamed("def f(a, b):\\n    c = add(a, b.T)") == unnamed("def g(x, y):\\n    z = add(x, y.T)")
    True
    >>> unnamed("def f(a, b):\\n    return a") == unnamed("def f(a, b):\\n    return b")
    False
    """
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    own = {function.name, *(a.arg for a in function.args.args)}
    own |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    numbers: dict[str, str] = {}
    return NAME.sub(lambda m: numbers.setdefault(m[0], f"_{len(numbers)}") if m[0] in own else m[0], text)
