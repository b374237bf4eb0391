r"""LaTeX to MathML, for the LaTeX that this package writes; so that an HTML page needs no script and no network.

mathml(r"\sum_{n} X_{n,d}")  ->  <math><munder>...</munder>...</math>
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

ESCAPED = re.compile(r"\\([_%&#$])")  # in text: the sign itself
CARET = r"\textasciicircum{}"
TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|\s+|.", re.DOTALL)
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ",
    "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
    "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "partial": "∂", "ell": "ℓ", "infty": "∞", "nabla": "∇",
    "dots": "…", "ldots": "…", "cdots": "⋯", "emptyset": "∅", "Re": "ℜ", "Im": "ℑ",
}  # fmt: skip
OPERATORS = {
    "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "cdot": "⋅", "times": "×", "pm": "±",
    "mp": "∓",
    "land": "∧", "wedge": "∧", "lor": "∨", "vee": "∨", "lnot": "¬", "neg": "¬", "to": "→", "rightarrow": "→",
    "longrightarrow": "⟶", "Longrightarrow": "⟹", "Rightarrow": "⇒", "implies": "⟹", "iff": "⟺", "mapsto": "↦",
    "leftarrow": "←", "in": "∈", "notin": "∉", "subset": "⊂", "approx": "≈", "equiv": "≡", "sim": "∼", "propto": "∝",
    "odot": "⊙", "otimes": "⊗", "oplus": "⊕", "circ": "∘", "star": "⋆", "ast": "∗", "mid": "∣", "top": "⊤", "ll": "≪",
    "gg": "≫", "prime": "′", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉",
    "lvert": "|", "rvert": "|", "vert": "|", "lVert": "‖", "rVert": "‖", "Vert": "‖", "|": "‖", "{": "{", "}": "}",
    "%": "%", "#": "#", "_": "_", "&": "&", "$": "$", "colon": ":", "forall": "∀", "exists": "∃", "div": "÷",
}  # fmt: skip
BIG = {"sum": "∑", "prod": "∏", "int": "∫", "bigcup": "⋃"}
FUNCTIONS = {
    "log", "ln", "exp", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "arcsin", "arccos",
    "arctan", "det", "dim", "ker", "arg", "deg",
}  # fmt: skip
LIMITS = {"max", "min", "sup", "inf", "lim", "argmax", "argmin"}
SPACES = {",": 0.17, ":": 0.22, ";": 0.28, " ": 0.33, "!": -0.17, "quad": 1.0, "qquad": 2.0, "enspace": 0.5, "\n": 0.33}
ACCENTS = {
    "bar": "¯", "overline": "¯", "hat": "^", "widehat": "^", "tilde": "~", "widetilde": "~", "dot": "˙", "ddot": "¨",
    "vec": "→",
}  # fmt: skip
VARIANTS = {"mathrm", "mathit", "mathbf", "mathsf", "mathtt", "boldsymbol", "mathcal", "mathbb"}
SIZES = {"big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr"}
IGNORED = {"displaystyle", "textstyle", "limits", "nolimits", "nonumber", "notag", "relax", "allowbreak"}
TABLES = {
    "aligned",
    "align*",
    "align",
    "alignedat",
    "split",
    "cases",
    "matrix",
    "pmatrix",
    "bmatrix",
    "gathered",
    "gather*",
}


def mathml(latex: str, display: bool = False, strict: bool = False) -> str:
    """A <math> element. With `strict`, an unknown command is a ValueError; else it is shown as text."""
    math = Element("math", {"xmlns": "http://www.w3.org/1998/Math/MathML", "display": "block" if display else "inline"})
    math.extend(parse(latex, strict))
    return ElementTree.tostring(math, encoding="unicode")


def parse(latex: str, strict: bool = False) -> list[Element]:
    """MathML elements of a LaTeX formula. Raises ValueError for unbalanced braces, fences and environments."""
    reader = _Reader(latex, strict)
    elements = reader.row(lambda token: False)
    if reader.peek() is not None:
        raise ValueError(f"unexpected {reader.peek()!r} in {latex!r}")
    return elements


class _Reader:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, latex: str, strict: bool = False):
        self.latex, self.strict = latex, strict
        self.tokens = [t for t in TOKEN.findall(latex) if not t.isspace()]
        self.raw = TOKEN.findall(latex)
        self.at = 0

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self) -> str:
        if self.at >= len(self.tokens):
            raise ValueError(f"unexpected end of {self.latex!r}")
        self.at += 1
        return self.tokens[self.at - 1]

    def row(self, stop: Callable[[str], bool]) -> list[Element]:
        """Elements up to (not with) a token where `stop` holds, or the end."""
        found: list[Element] = []
        while (token := self.peek()) is not None and not stop(token):
            if token in ("}", r"\right", r"\end", "&", r"\\"):
                raise ValueError(f"unexpected {token!r} in {self.latex!r}")
            base = Element("mrow") if token in ("^", "_", "'") else self.atom()
            if base is not None:
                found.append(self.scripts(base))
        return found

    def scripts(self, base: Element) -> Element:
        low: Element | None = None
        high: list[Element] = []
        while self.peek() in ("^", "_", "'"):
            mark = self.next()
            if mark == "'":
                high.append(_leaf("mo", "′"))
            elif mark == "^":
                high.append(self.group())
            elif low is not None:
                raise ValueError(f"two subscripts in {self.latex!r}")
            else:
                low = self.group()
        top = None if not high else high[0] if len(high) == 1 else _row(high)
        return _scripted(base, low, top)

    def group(self) -> Element:
        """A braced row, or one atom."""
        if self.peek() == "{":
            self.next()
            elements = self.row(lambda t: t == "}")
            if self.peek() != "}":
                raise ValueError(f"a brace is not closed in {self.latex!r}")
            self.next()
            return _row(elements)
        atom = self.atom()
        return _row([]) if atom is None else atom

    def text(self) -> str:
        """The raw text of a braced argument, spaces kept."""
        position = self._raw_position()
        depth, found = 0, []
        for token in self.raw[position:]:
            depth += (token == "{") - (token == "}")
            if depth == 0:
                break
            found.append(token)
        else:
            raise ValueError(f"a brace is not closed in {self.latex!r}")
        self.at += sum(not t.isspace() for t in found) + 1
        return "".join(found[1:])

    def _raw_position(self) -> int:
        seen = -1
        for position, token in enumerate(self.raw):
            seen += not token.isspace()
            if seen == self.at and not token.isspace():
                return position
        raise ValueError(f"an argument is missing in {self.latex!r}")

    def atom(self) -> Element | None:
        token = self.next()
        if token == "{":
            self.at -= 1
            return self.group()
        if token.startswith("\\"):
            return self.command(token[1:])
        if token.isdigit() or token == ".":
            while (following := self.peek()) is not None and (following.isdigit() or following == "."):
                token += self.next()
            return _leaf("mn", token)
        if token.isalpha():
            return _leaf("mi", token)
        return _leaf(
            "mo", {"-": "−", "*": "∗"}.get(token, token), **({"stretchy": "false"} if token in "()[]|" else {})
        )

    def command(self, name: str) -> Element | None:
        if name in LETTERS:
            return _leaf("mi", LETTERS[name])
        if name in BIG:
            return _leaf("mo", BIG[name], movablelimits="false")
        if name in OPERATORS:
            return _leaf("mo", OPERATORS[name])
        if name in FUNCTIONS:
            return _row([_leaf("mi", name), _space(0.17)])
        if name in LIMITS:
            return _leaf("mo", name, movablelimits="false")
        if name in SPACES:
            return _space(SPACES[name])
        if name in IGNORED:
            return None
        if name in ("frac", "dfrac", "tfrac"):
            return _node("mfrac", self.group(), self.group())
        if name == "sqrt":
            return _node("msqrt", self.group())
        if name in ("text", "textrm", "mbox", "textit"):
            return _leaf("mtext", ESCAPED.sub(r"\1", self.text()).replace(CARET, "^").replace(" ", "\u00a0"))
        if name in ("operatorname", "operatorname*"):
            return self.named(name.endswith("*"))
        if name in VARIANTS:
            return _leaf("mi", _plain(self.text()), mathvariant=_variant(name))
        if name in ACCENTS:
            return _node("mover", self.group(), _leaf("mo", ACCENTS[name]), accent="true")
        if name in SIZES:
            return _leaf("mo", self._delimiter(), minsize="1.2em")
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.table(self.text())
        if name == "substack":
            return self.stacked()
        if name == "mathop":
            return _row([self.group(), _space(0.17)])
        if self.strict:
            raise ValueError(f"\\{name} is not among the commands that become MathML (in {self.latex!r})")
        return _leaf("mtext", "\\" + name)

    def named(self, limits: bool) -> Element:
        name = _plain(self.text())
        return _leaf("mo", name, movablelimits="false") if limits else _row([_leaf("mi", name), _space(0.17)])

    def _delimiter(self) -> str:
        token = self.next()
        if token == ".":
            return ""
        return OPERATORS.get(token[1:], token) if token.startswith("\\") else token

    def fenced(self) -> Element:
        opening = self._delimiter()
        inside = self.row(lambda t: t == r"\right")
        if self.peek() is None:
            raise ValueError(f"\\left without \\right in {self.latex!r}")
        self.next()
        closing = self._delimiter()
        fence = [_leaf("mo", mark, fence="true", stretchy="true") for mark in (opening, closing)]
        return _row([fence[0], *inside, fence[1]])

    def stacked(self) -> Element:
        if self.next() != "{":
            raise ValueError("\\substack without a brace")
        table = Element("mtable", rowspacing="0.1em")
        for cells in self.rows(lambda t: t == "}"):
            _grow(table, cells, "center")
        self.next()
        return table

    def rows(self, stop: Callable[[str], bool]) -> Iterator[list[list[Element]]]:
        """Rows of cells up to a token where `stop` holds."""
        cells: list[list[Element]] = []
        while True:
            cells.append(self.row(lambda t: stop(t) or t in ("&", r"\\")))
            token = self.peek()
            if token is None:
                raise ValueError(f"a table is not closed in {self.latex!r}")
            if stop(token):
                yield cells
                return
            self.next()
            if token == r"\\":
                yield cells
                cells = []

    def table(self, environment: str) -> Element:
        if environment not in TABLES:
            raise ValueError(f"the environment {environment} is not among those that become MathML")
        aligned = environment not in ("cases", "matrix", "pmatrix", "bmatrix", "gathered", "gather*")
        table = Element("mtable", {"displaystyle": "true"} if aligned else {})
        for cells in self.rows(lambda t: t == r"\end"):
            _grow(table, cells, "aligned" if aligned else "left" if environment == "cases" else "center")
        self.next()
        if self.text() != environment:
            raise ValueError(f"\\begin{{{environment}}} is closed by another name")
        marks = {"cases": ("{", ""), "pmatrix": ("(", ")"), "bmatrix": ("[", "]")}.get(environment)
        if marks is None:
            return table
        opening, closing = (_leaf("mo", m, fence="true", stretchy="true") for m in marks)
        return _row([opening, table, closing])


PADDING = {"aligned": "0.3em 0", "center": "0.15em 0.4em"}  # of a cell: above and below, beside


def _grow(table: Element, cells: list[list[Element]], style: str) -> None:
    row = ElementTree.SubElement(table, "mtr")
    for column, cell in enumerate(cells):
        side = {"aligned": "right" if column % 2 == 0 else "left"}.get(style, style)
        pad = f"0.15em 0 0.15em {1 if column else 0}em" if style == "left" else PADDING[style]
        entry = ElementTree.SubElement(row, "mtd", style=f"text-align:{side};padding:{pad}")
        entry.extend(cell)


def _leaf(tag: str, text: str, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    return element


def _node(tag: str, *children: Element, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.extend(children)
    return element


def _row(children: list[Element]) -> Element:
    return children[0] if len(children) == 1 else _node("mrow", *children)


def _space(em: float) -> Element:
    return Element("mspace", width=f"{em}em")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\u2009" if m[1] in ",;: " else m[1], text)


def _variant(name: str) -> str:
    return {"mathbf": "bold", "boldsymbol": "bold-italic", "mathit": "italic", "mathsf": "sans-serif"}.get(
        name, "normal"
    )


def _scripted(base: Element, low: Element | None, high: Element | None) -> Element:
    limits = base.get("movablelimits") == "false"
    if low is None and high is None:
        return base
    if high is None:
        return _node("munder" if limits else "msub", base, low)
    if low is None:
        return _node("mover" if limits else "msup", base, high)
    return _node("munderover" if limits else "msubsup", base, low, high)
