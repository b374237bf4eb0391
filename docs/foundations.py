"""Write docs/foundations.md from the list of rows, the gallery and the tests:  python docs/foundations.py

A test says which rows it checks by `@pytest.mark.row("B1", "B2")`. A row is done where each of its entries is in the
gallery, each of its scripts is there, and a test checks it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from symgrad.library.foundations import PARTS, ROWS, Row
from symgrad.library.gallery import GALLERY

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "foundations.md"
HEAD = """\
# The foundations, row by row

Made by `python docs/foundations.py` from `symgrad.library.foundations`, the gallery and the marks of the tests; a test
holds it current. An entry is a name of `symgrad list`: `symgrad derive NAME` prints its derivation, every step with its
rule, and its certificate; `tests/library/test_gallery.py` verifies every one. The tests in the last column compare
with something independent: numbers worked by hand, finite differences, mpmath, SciPy.
"""


def marked() -> Iterator[tuple[str, str]]:
    """(row, test) for each mark."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield from ((row, f"{path.stem}::{node.name}") for row in _rows(node))


def _rows(test: ast.FunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
            yield from (ast.literal_eval(argument) for argument in mark.args)


def state(row: Row, tests: list[str]) -> str:
    missing = [name for name in row.entries if name not in GALLERY]
    missing += [name for name in row.scripts if not (ROOT / "examples" / f"{name}.py").exists()]
    missing += ["a test"] * (not tests)
    return f"missing: {', '.join(missing)}" if missing else "done"


def table() -> str:
    """The page."""
    checked: dict[str, list[str]] = {}
    for row, test in marked():
        checked.setdefault(row, []).append(test)
    lines = [HEAD]
    for part, title in PARTS.items():
        rows = [row for row in ROWS if row.id.startswith(part)]
        if rows:
            lines += [f"## {part}. {title}", "", "| row | | entries | state | tests |", "|---|---|---|---|---|"]
            lines += [_line(row, checked.get(row.id, [])) for row in rows] + [""]
    return "\n".join(lines)


def _line(row: Row, tests: list[str]) -> str:
    entries = [f"[{n}](../derivations/{GALLERY[n].group}/{n}.py)" for n in row.entries if n in GALLERY]
    scripts = [f"[{name}](../examples/{name}.py)" for name in row.scripts]
    return f"| {row.id} | {row.item} | {', '.join(entries + scripts)} | {state(row, tests)} | {', '.join(tests)} |"


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
