r"""A document as data, and its three spellings: LaTeX, Markdown, HTML.

A block is a `Heading`, `Paragraph` (text with $inline$ formulas), `Formula` (rows of an aligned environment), `Code`,
`Items`, a `Table`, a `Picture`, or `Links` to headings. Nothing here knows what a derivation is.
"""

from __future__ import annotations

import base64
import html
import re
import textwrap
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from .mathml import LETTERS, OPERATORS, mathml
from .measure import width


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2
    anchor: str = ""  # what `Links` lead to


@dataclass(frozen=True)
class Paragraph:
    text: str  # $...$ holds LaTeX; everything else is plain text
    style: str = ""  # "" | "note": small print under a formula


@dataclass(frozen=True)
class Formula:
    lines: tuple[str, ...]  # rows of an aligned environment, with their &


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Items:
    items: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Table:
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(default=())


@dataclass(frozen=True)
class Picture:
    name: str  # of its file, without the suffix
    caption: str
    png: bytes = field(repr=False)

    @property
    def file(self) -> str:
        return f"{self.name}.png"


@dataclass(frozen=True)
class Links:
    """For each term the places it leads to, each (text, anchor of a heading). A table of contents has one line for
    each place, an index (`inline`) one for each term."""

    rows: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    inline: bool = False


Block = Heading | Paragraph | Formula | Code | Items | Table | Picture | Links
INLINE = re.compile(r"(?<!\\)\$([^$]+)\$")
CODE = 84  # characters of a line of code
FULL = 38.0  # em: a row that is estimated wider than this is put into \fit, which measures it


def inline(text: str, plain, formula) -> str:
    """Apply `plain` to the text and `formula` to what stands between dollar signs."""
    parts = INLINE.split(text)
    return "".join(formula(p) if position % 2 else plain(p.replace(r"\$", "$")) for position, p in enumerate(parts))


# -- LaTeX ------------------------------------------------------------------------------------------------------------

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=2.4cm]{geometry}
\usepackage{amsmath}
\usepackage{amssymb}
\usepackage{graphicx}
\usepackage{longtable}
\allowdisplaybreaks
\setlength{\LTleft}{0pt}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em}
\setlength{\jot}{6pt}
\setlength{\emergencystretch}{3em}
% A formula that no line break can make fit is scaled down to the line.
\newsavebox{\fitbox}
\newcommand{\fit}[2][0.86]{\savebox{\fitbox}{$\displaystyle #2$}%
  \ifdim\wd\fitbox>#1\linewidth\resizebox{#1\linewidth}{!}{\usebox{\fitbox}}\else\usebox{\fitbox}\fi}
"""
FIT, LINE = 0.86, 42.0  # the share of the line that \fit takes if not told; em of a line


def to_latex(title: str, blocks: Iterable[Block]) -> str:
    """A complete document that pdflatex compiles with LaTeX's own packages and amsmath only."""
    body = "\n\n".join(map(_latex_block, blocks))
    return (
        f"{PREAMBLE}\\title{{{latex_text(title)}}}\n\\author{{}}\n\\date{{}}\n\\begin{{document}}\n\\maketitle\n\n"
        f"{body}\n\n\\end{{document}}\n"
    )


def _latex_block(block: Block) -> str:
    match block:
        case Heading(text, level, anchor):
            label = rf"\label{{{anchor}}}" if anchor else ""
            return "\\" + "sub" * (level - 2) + f"section*{{{_latex_inline(text)}}}{label}"
        case Paragraph(text, style):
            shown = _latex_paragraph(text)
            return rf"{{\small {shown}\par}}" if style else shown
        case Formula(lines):
            room = _room(lines)
            return "\\begin{align*}\n" + " \\\\\n".join(_fitted(line, room) for line in lines) + "\n\\end{align*}"
        case Code(text):
            lines = ("\\texttt{" + latex_text(line).replace(" ", "~") + "}" for line in _narrow(text))
            return "\\begin{flushleft}\\small\n" + " \\\\\n".join(lines) + "\n\\end{flushleft}"
        case Items(items, numbered):
            kind = "enumerate" if numbered else "itemize"
            shown = "\n".join(rf"\item {_latex_inline(i)}" for i in items)
            return f"\\begin{{{kind}}}\n{shown}\n\\end{{{kind}}}"
        case Table(header, rows):
            lines = [" & ".join(map(_latex_inline, r)) + r" \\" for r in (header, *rows)]
            columns = "l" * len(header)  # may go on on the next page
            shown = "\n".join([rf"{lines[0]} \hline", *lines[1:]])
            return f"\\begin{{longtable}}{{{columns}}}\n{shown}\n\\end{{longtable}}"
        case Picture():
            return (
                f"\\begin{{center}}\n\\includegraphics[width=0.8\\linewidth]{{{block.file}}}\\par\n"
                f"{{\\small {_latex_inline(block.caption)}}}\n\\end{{center}}"
            )
        case Links(rows, inline):
            return "\\begin{flushleft}\n" + "\n".join(_latex_links(*row, inline) for row in rows) + "\n\\end{flushleft}"
    raise TypeError(f"not a block: {block!r}")


def _latex_paragraph(text: str) -> str:
    """Formulas stand in the line where they fit, else on one of their own."""
    return inline(text, latex_text, lambda f: f"${f}$" if width(f) <= FULL else rf"\[\fit{{{f}}}\]")


def _narrow(text: str) -> Iterable[str]:
    """Lines of code, continued on the next line where they would leave the page."""
    for line in text.splitlines():
        yield from textwrap.wrap(line, CODE, subsequent_indent="    ", break_on_hyphens=False) or [""]


def _latex_links(term: str, places: Iterable[tuple[str, str]], inline: bool) -> str:
    if inline:
        shown = ", ".join(rf"{latex_text(text)}~\pageref{{{anchor}}}" for text, anchor in places)
        return rf"\textbf{{{_latex_inline(term)}}}: {shown}\par"
    lines = (rf"{latex_text(text)}\dotfill\pageref{{{anchor}}}\par" for text, anchor in places)
    return "\n".join([rf"\textbf{{{_latex_inline(term)}}}\par", *lines])


def _room(lines: Iterable[str]) -> str:
    """The share of the line that the widest left side leaves to the right ones, where it is less than usual."""
    left = max((width(line.partition("&")[0]) for line in lines if "&" in line), default=0.0)
    share = 0.95 - (left + 1) / LINE
    return "" if share >= FIT else f"[{max(share, 0.3):.2f}]"


def _fitted(line: str, room: str) -> str:
    """A row whose right side may not fit is put in a box that scales it down."""
    left, mark, right = line.partition("&")
    if not mark or width(left) + width(right) <= FULL:
        return line
    relation = "= " if right.startswith("=") else ""
    return rf"{left}&{relation}\fit{room}{{{right.removeprefix('=').strip()}}}"


def _latex_inline(text: str) -> str:
    return inline(text, latex_text, lambda formula: f"${formula}$")


_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": "$<$", ">": "$>$", "|": "$|$", "–": "--", "—": "---",
    "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\dots{}", "\u00a0": "~", '"': "''", "⟶": r"$\longrightarrow$",
}  # fmt: skip
_MATH = {
    char: f"${chr(92)}{name}$" for name, char in reversed((*LETTERS.items(), *OPERATORS.items())) if ord(char) > 127
}
_ACCENT = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r", "\u0327": "c",
           "\u030c": "v", "\u0304": "=", "\u030b": "H", "\u0328": "k"}  # fmt: skip
_SPECIAL = {
    "§": r"\S{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "å": r"\aa{}",
}


def latex_text(text: str) -> str:
    """Plain text for LaTeX: special characters escaped, accents and mathematical characters spelled out."""
    return "".join(map(_latex_character, text))


def _latex_character(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if ord(char) < 127:
        return char
    if char in _SPECIAL:
        return _SPECIAL[char]
    if char in _MATH:
        return _MATH[char]
    base, *marks = unicodedata.normalize("NFD", char)
    if len(marks) == 1 and marks[0] in _ACCENT and ord(base) < 127:
        return rf"\{_ACCENT[marks[0]]}{{{base}}}"
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return latex_text(plain) if plain else "?"


# -- Markdown ---------------------------------------------------------------------------------------------------------


def to_markdown(title: str, blocks: Iterable[Block]) -> str:
    """Markdown with $$ formulas, for GitHub, Jupyter and pandoc."""
    return f"# {_markdown_inline(title)}\n\n" + "\n\n".join(map(_markdown_block, blocks)) + "\n"


def _markdown_block(block: Block) -> str:
    match block:
        case Heading(text, level, anchor):
            return f'<a id="{anchor}"></a>\n\n' * bool(anchor) + f"{'#' * level} {_markdown_inline(text)}"
        case Paragraph(text, style):
            return f"*{_markdown_inline(text)}*" if style and "$" not in text else _markdown_inline(text)
        case Formula(lines):
            return "$$\n\\begin{aligned}\n" + " \\\\\n".join(map(_portable, lines)) + "\n\\end{aligned}\n$$"
        case Code(text):
            return f"```\n{text}\n```"
        case Items(items, numbered):
            return "\n".join(f"{f'{n}.' if numbered else '-'} {_markdown_inline(i)}" for n, i in enumerate(items, 1))
        case Table(header, rows):
            lines = [header, ("---",) * len(header), *rows]
            return "\n".join(f"| {' | '.join(map(_markdown_inline, r))} |" for r in lines)
        case Picture():
            return f"![{_markdown_inline(block.caption)}]({block.file})"
        case Links(rows, inline):
            between = ", " if inline else "\n  * "
            return "\n".join(
                f"* {_markdown_inline(term)}: {between.join(['']*(not inline) + [f'[{t}](#{a})' for t, a in places])}"
                for term, places in rows
            )
    raise TypeError(f"not a block: {block!r}")


def _markdown_inline(text: str) -> str:
    return inline(text, lambda t: re.sub(r"([*_`|<\[\]\\])", r"\\\1", t), lambda f: f"${_portable(f)}$")


def _portable(latex: str) -> str:
    r"""GitHub forbids \operatorname."""
    return re.sub(r"\\operatorname\*?\{((?:[^{}]|\\[{}])*)\}", r"\\mathop{\\mathrm{\1}}", latex)


# -- HTML -------------------------------------------------------------------------------------------------------------

STYLE = """
.symgrad { font-family: Georgia, "Times New Roman", serif; line-height: 1.45; max-width: 60em; }
.symgrad math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", math; }
.symgrad .formula { margin: 0.6em 0; }
.symgrad .formula, .symgrad p { overflow-x: auto; overflow-y: hidden; }
.symgrad .note { font-size: 0.9em; color: #555; }
.symgrad figure { margin: 1em 0; } .symgrad img { max-width: 100%; }
.symgrad pre { background: #f6f6f4; padding: 0.6em; overflow-x: auto; }
.symgrad th, .symgrad td { text-align: left; padding: 0.1em 1em 0.1em 0; }
"""


def to_html(title: str, blocks: Iterable[Block]) -> str:
    """A page that needs no network: formulas are MathML, which browsers draw themselves. It is well-formed XML."""
    plain = html.escape(INLINE.sub(r"\1", title))
    return (
        '<!DOCTYPE html>\n<html lang="en" xmlns="http://www.w3.org/1999/xhtml">\n<head><meta charset="utf-8"/>'
        f"<title>{plain}</title></head>\n"
        f'<body style="margin: 2em auto; max-width: 64em; padding: 0 1em">\n{html_fragment(title, blocks)}\n'
        "</body>\n</html>\n"
    )


def html_fragment(title: str, blocks: Iterable[Block]) -> str:
    """The same as one <div>, for notebooks."""
    body = "\n".join(map(_html_block, blocks))
    return f'<div class="symgrad">\n<style>{STYLE}</style>\n<h1>{_html_inline(title)}</h1>\n{body}\n</div>'


def _html_block(block: Block) -> str:
    match block:
        case Heading(text, level, anchor):
            name = f' id="{anchor}"' if anchor else ""
            return f"<h{level}{name}>{_html_inline(text)}</h{level}>"
        case Paragraph(text, style):
            return f'<p class="{style}">{_html_inline(text)}</p>' if style else f"<p>{_html_inline(text)}</p>"
        case Formula(lines):
            latex = r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"
            return f'<div class="formula">{mathml(latex, display=True)}</div>'
        case Code(text):
            return f"<pre>{html.escape(text)}</pre>"
        case Items(items, numbered):
            tag = "ol" if numbered else "ul"
            return f"<{tag}>{''.join(f'<li>{_html_inline(i)}</li>' for i in items)}</{tag}>"
        case Table(header, rows):
            head = "".join(f"<th>{_html_inline(c)}</th>" for c in header)
            body = "".join("<tr>" + "".join(f"<td>{_html_inline(c)}</td>" for c in r) + "</tr>" for r in rows)
            return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        case Picture():
            source = f"data:image/png;base64,{base64.b64encode(block.png).decode()}"
            caption = f"<figcaption>{_html_inline(block.caption)}</figcaption>"
            return f'<figure><img src="{source}" alt="{html.escape(block.name)}"/>{caption}</figure>'
        case Links(rows, inline):
            return "\n".join(_html_links(*row, inline) for row in rows)
    raise TypeError(f"not a block: {block!r}")


def _html_links(term: str, places: Iterable[tuple[str, str]], inline: bool) -> str:
    links = [f'<a href="#{anchor}">{html.escape(text)}</a>' for text, anchor in places]
    if inline:
        return f"<p><b>{_html_inline(term)}</b>: {', '.join(links)}</p>"
    return f"<p><b>{_html_inline(term)}</b></p><ul>{''.join(f'<li>{link}</li>' for link in links)}</ul>"


def _html_inline(text: str) -> str:
    return inline(text, html.escape, mathml)


def escape_dollars(text: str) -> str:
    """Plain text as a Paragraph's text: its dollar signs are not formulas."""
    return text.replace("$", r"\$")
