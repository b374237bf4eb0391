"""LaTeX to MathML, widths, and line breaks."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from sympy import Integer

from symgrad.functions import ROWS, apply
from symgrad.typeset import latex_expr
from symgrad.typeset.layout import break_line
from symgrad.typeset.mathml import mathml, parse
from symgrad.typeset.measure import width

from .systems import EMPTY, A, d, k


def bare(latex: str) -> str:
    """The MathML without the <math> around it."""
    text = mathml(latex, strict=True)
    return text[text.index(">") + 1 : text.rindex("<")]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"x_{n}^{2}", "<msubsup><mi>x</mi><mi>n</mi><mn>2</mn></msubsup>"),
        (r"\frac{1}{N}", "<mfrac><mn>1</mn><mi>N</mi></mfrac>"),
        (r"w'_{d}", "<msubsup><mi>w</mi><mi>d</mi><mo>′</mo></msubsup>"),
        (r"\sum_{n} x", '<munder><mo movablelimits="false">∑</mo><mi>n</mi></munder><mi>x</mi>'),
        (r"a - 12", "<mi>a</mi><mo>−</mo><mn>12</mn>"),
        (r"\bar{\mu}", '<mover accent="true"><mi>μ</mi><mo>¯</mo></mover>'),
        (r"\mathrm{tok}_{n}", '<msub><mi mathvariant="normal">tok</mi><mi>n</mi></msub>'),
        (r"\text{if } x", "<mtext>if\u00a0</mtext><mi>x</mi>"),
        (r"x < y", "<mi>x</mi><mo>&lt;</mo><mi>y</mi>"),
    ],
)
def test_mathml(latex: str, expected: str) -> None:
    assert bare(latex) == expected


def test_cases_and_alignment_are_tables() -> None:
    root = ElementTree.fromstring(
        mathml(r"\begin{aligned} y &= \begin{cases} a & b \\ 0 & c \end{cases} \\ &+ d \end{aligned}")
    )
    tables = root.findall(".//{*}mtable")
    assert [len(t.findall("{*}mtr")) for t in tables] == [2, 2]


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}{2", r"\left( x", r"x \right)", r"\begin{cases} a & b", r"\begin{aligned} a \end{cases}", "a }",
        "x_{1}_{2}", r"\begin{tikzpicture}", r"\text{a",
    ],
)  # fmt: skip
def test_unbalanced_latex_is_an_error(latex: str) -> None:
    with pytest.raises(ValueError, match=r"unexpected|closed|without|two subscripts|environment"):
        parse(latex)


def test_unknown_commands_are_errors_only_when_strict() -> None:
    assert "mtext" in mathml(r"\unknown")
    with pytest.raises(ValueError, match="unknown"):
        mathml(r"\unknown", strict=True)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_function_row_has_mathml(name: str) -> None:
    arguments = [A("mu", d) + 1, A("b", k)][: ROWS[name].arity[1]]
    if ROWS[name].orders:
        arguments[0] = Integer(ROWS[name].orders[0])
    latex = latex_expr(apply(name, *arguments), EMPTY)
    mathml(latex, strict=True)
    assert "[0]" not in latex and all(latex.count(a) == latex.count(b) for a, b in ("()", "{}"))


def test_width_grows_with_what_is_drawn() -> None:
    assert width("x") < width("x + y") < width("x + y + z")
    assert width(r"\frac{x + y}{z}") < width("x + y + z")  # a fraction is as wide as its wider half
    assert width("x_{n}") < width("x n")


def test_break_at_signs_outside_braces() -> None:
    assert break_line("y &= ", "a + b", 40) == ["y &= a + b"]
    rows = break_line("y &= ", " + ".join(rf"\frac{{a + b}}{{c_{{{i}}}}}" for i in range(12)), 20)
    assert len(rows) > 1
    assert all(row.count("{") == row.count("}") for row in rows)
    assert rows[0].startswith("y &= ") and all(r.startswith(r"&\qquad +") for r in rows[1:])


def test_break_inside_parentheses_and_divisors() -> None:
    long = " + ".join(f"x_{{{i}}}" for i in range(20))
    rows = break_line("y &= ", rf"\frac{{1}}{{N}} \sum_{{n}} X ({long})", 20)
    assert r"\Bigl(" in rows[0] and rows[-1].endswith(r"\Bigr)")
    rows = break_line("y &= ", rf"\frac{{1}}{{1 + {long}}}", 20)
    assert rows[0].startswith(r"y &= \Bigl( 1") and rows[-1].endswith(r"\Bigr) ^{-1}")
    assert len(break_line("y &= ", long.replace(" + ", " "), 20)) == 1  # a product is left to \fit
