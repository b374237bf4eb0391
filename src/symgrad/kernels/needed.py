"""The part of a generated module that some of its functions need: what an exported file holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def needed(text: str, roots: Iterable[str]) -> str:
    """The module's head, and the imports and definitions that `roots` reach, in their order.

    A statement that defines nothing prepares the definition behind it, and is kept with it.

    >>> text = "import math\\nimport os\\nA = 1\\nB = 2\\ndef run(x):\\n    return math.exp(A*x)"
    >>> needed(text, ["run"]).split("\\n\\n")
    ['import math\\nA = 1', '\\ndef run(x):\\n    return math.exp(A*x)']
    """
    nodes = ast.parse(text).body
    reached, waiting = set(), set(roots)
    named = _named(nodes)
    while waiting:
        reached |= waiting
        waiting = {name for node, own in named if own & reached for name in _uses(node)} - reached
    lines, kept = text.splitlines(), []
    for place, (node, own) in enumerate(named):
        head = place == 0 and isinstance(node, ast.Expr)
        if own & reached or head:
            kept.append(_shown(node, lines, reached))
    return "\n".join(kept)


def _named(nodes: list[ast.stmt]) -> list[tuple[ast.stmt, set[str]]]:
    """Each statement with the names that it is kept for."""
    found, behind = [], set()
    for node in reversed(nodes):
        behind = _defines(node) or behind
        found.append((node, behind))
    return found[::-1]


def _defines(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def _uses(node: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _shown(node: ast.stmt, lines: list[str], reached: set[str]) -> str:
    if isinstance(node, ast.ImportFrom):
        names = [a for a in node.names if (a.asname or a.name) in reached]
        return ast.unparse(ast.ImportFrom(node.module, names, node.level))
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    text = "\n".join(lines[first - 1 : node.end_lineno])
    return f"\n\n{text}" if isinstance(node, ast.FunctionDef) else text
