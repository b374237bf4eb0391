"""How wide a formula will be, in em: an estimate from its MathML tree, by which lines are broken."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from .mathml import BIG, parse

RELATION_LIKE = set("=<>≤≥≠≈≡→⟶⟹⇒∈+−⋅×±∧∨:")


def width(latex: str) -> float:
    """About how many em the formula takes in display style."""
    return sum(map(_width, parse(latex)))


def _width(element: Element, scale: float = 1.0) -> float:
    children = list(element)
    match element.tag:
        case "mi" | "mtext":
            return scale * _letters(element.text or "")
        case "mn":
            return scale * 0.5 * len(element.text or "")
        case "mo":
            return scale * _operator(element.text or "")
        case "mspace":
            return scale * float(element.get("width", "0em")[:-2])
        case "mfrac":
            return max(_width(c, scale if scale == 1.0 else 0.7) for c in children) + 0.24
        case "msub" | "msup":
            return _width(children[0], scale) + _width(children[1], 0.7 * scale)
        case "msubsup":
            return _width(children[0], scale) + max(_width(c, 0.7 * scale) for c in children[1:])
        case "munder" | "munderover" | "mover":
            return max(_width(children[0], scale), *(_width(c, 0.7 * scale) for c in children[1:])) + 0.17
        case "msqrt":
            return sum(_width(c, scale) for c in children) + 0.85
        case "mtable":
            return _table_width(element, scale)
    return sum(_width(c, scale) for c in children)


def _letters(text: str) -> float:
    return sum(0.85 if c.isupper() else 0.3 if c in "iljtf ,.\u00a0" else 0.53 for c in text)


def _operator(text: str) -> float:
    if text in BIG.values():
        return 1.44
    if len(text) > 1:
        return _letters(text)
    return 1.3 if text in RELATION_LIKE else 0.45 if text == "," else 0.4


def _table_width(table: Element, scale: float) -> float:
    rows = [[sum(_width(c, scale) for c in cell) for cell in row] for row in table]
    columns = max(map(len, rows), default=0)
    return sum(max((r[c] for r in rows if c < len(r)), default=0.0) for c in range(columns)) + max(0, columns - 1)
