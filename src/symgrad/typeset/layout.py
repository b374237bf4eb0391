r"""Break a formula that is wider than a line: before + and - outside all braces, else inside its parentheses."""

from __future__ import annotations

from collections.abc import Sequence

from .mathml import TOKEN
from .measure import width

OPENING = {"(", "[", r"\left", r"\Bigl"}
CLOSING = {")", "]", r"\right", r"\Bigr"}
DEEPEST = 3  # parentheses are opened at most this far


def break_line(left: str, right: str, limit: float) -> list[str]:
    r"""`left` (which holds the &) and the right side as rows of an aligned environment.

    >>> break_line("y &= ", "a + b", 40)
    ['y &= a + b']
    """
    room = max(limit - width(left.replace("&", "")), limit / 2)
    if width(right) <= room:
        return [left + right]
    rows = _fill(_chunks(right, room, 0), room)
    return [left + rows[0], *(r"&\qquad " + row for row in rows[1:])]


def _fill(chunks: Sequence[str], room: float) -> list[str]:
    """As many chunks in each row as fit; a row is never empty."""
    rows: list[str] = [""]
    used = 0.0
    for chunk in chunks:
        size = width(chunk)
        if rows[-1] and used + size > room - (2.0 if len(rows) > 1 else 0.0):
            rows.append("")
            used = 0.0
        rows[-1] = f"{rows[-1]} {chunk}".strip()
        used += size
    return rows


def _chunks(text: str, room: float, depth: int) -> list[str]:
    """Addends, each with its sign; one that is too wide is taken apart inside its outermost parentheses."""
    found: list[str] = []
    for part in _split(_tokens(text)):
        if width("".join(part)) > room - 2 and depth < DEEPEST:
            found += _opened(part, room, depth)
        else:
            found.append("".join(part).strip())
    return found


def _opened(part: list[str], room: float, depth: int) -> list[str]:
    """`part` with its widest outermost parentheses made \\Bigl( ... \\Bigr), split at the addends in them."""
    part = _unfraction(part, room)
    spans = [s for s in _spans(part) if len(_split(part[s[0] + s[2] : s[1]])) > 1]
    if not spans:
        return ["".join(part).strip()]
    start, end, skip, closing = max(spans, key=lambda s: s[1] - s[0])
    inside = _chunks("".join(part[start + skip : end]), room, depth + 1)
    before, after = "".join(part[:start]).strip(), "".join(part[end + closing :]).strip()
    opened = [rf"{before} \Bigl( {inside[0]}".strip(), *inside[1:]]
    opened[-1] = rf"{opened[-1]} \Bigr) {after}".strip()
    return opened


def _tokens(text: str) -> list[str]:
    return TOKEN.findall(text)


def _split(tokens: list[str], start: int = 0) -> list[list[str]]:
    """Cut before each + and - that stands between two operands outside all braces, parentheses and environments."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens[start:]:
        depth += _step(token)
        if token in ("+", "-") and depth == 0 and "".join(parts[-1]).strip():
            parts.append([])
        parts[-1].append(token)
    return parts


def _step(token: str) -> int:
    if token == "{" or token == r"\begin" or token in OPENING:
        return 1
    return -1 if token == "}" or token == r"\end" or token in CLOSING else 0


def _unfraction(tokens: list[str], room: float) -> list[str]:
    r"""A fraction that is too wide becomes (above) (below)^{-1}: unlike a fraction, that can be broken."""
    depth = 0
    for position, token in enumerate(tokens):
        if token == r"\frac" and depth == 0:
            middle = _closing(tokens, position + 1)
            end = _closing(tokens, middle + 1)
            above, below = tokens[position + 2 : middle], tokens[middle + 2 : end]
            if max(width("".join(above)), width("".join(below))) > room - 2:
                above = [] if above == ["1"] else above if len(_split(above)) == 1 else ["(", *above, ")", " "]
                rest = _unfraction(tokens[end + 1 :], room)
                return [*tokens[:position], *above, "(", *below, ")", *"^{-1}", *rest]
        depth += _step(token)
    return tokens


def _closing(tokens: list[str], start: int) -> int:
    """Where the brace that opens at `start` is closed."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += (tokens[position] == "{") - (tokens[position] == "}")
        if depth == 0:
            return position
    raise ValueError(f"a brace is not closed in {''.join(tokens)}")


def _spans(tokens: list[str]) -> list[tuple[int, int, int, int]]:
    """Outermost round parentheses: (start, end, tokens of the opening mark, tokens of the closing mark)."""
    spans, depth, start = [], 0, 0
    position = 0
    while position < len(tokens):
        token = tokens[position]
        marked = token in (r"\left", r"\right", r"\Bigl", r"\Bigr")
        before = depth
        depth += _step(token)
        if before == 0 and depth == 1:
            start = position
        if before == 1 and depth == 0 and token not in ("}", r"\end"):
            opening = 2 if tokens[start].startswith("\\") else 1
            if tokens[start + opening - 1] == "(":
                spans.append((start, position, opening, 2 if marked else 1))
        position += 2 if marked else 1
    return spans
