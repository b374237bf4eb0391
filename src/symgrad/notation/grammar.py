"""The formula grammar: Python's expression syntax through `ast` and a white list. Nothing is evaluated.

    formula   ->  numbers, names, x[i, j], f(a, b), sum[i, i <= j](body), + - * / **, comparisons, and or not
    matrix    ->  also a @ b, a.T, a.sum(), a.sum(1): only in equations whose left side has no brackets

The result is a small tree of the nodes below, in which names have no meaning yet.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from fractions import Fraction

from sympy import Integer, Rational

from .lines import DEEPEST, refuse

REDUCTIONS = (
    "sum", "mean", "var", "std", "prod", "max", "min", "argmax", "argmin", "logsumexp", "softmax", "log_softmax",
)  # fmt: skip
METHODS = ("sum", "mean", "max", "min")  # of an array, as in A.sum(1)
DIGITS = 400  # of an integer: more does not fit in a float


@dataclass(frozen=True)
class Number:
    value: Rational
    column: int


@dataclass(frozen=True)
class Name:
    id: str
    column: int


@dataclass(frozen=True)
class Read:
    """name[positions]"""

    name: str
    positions: tuple
    column: int


@dataclass(frozen=True)
class Call:
    """function(args), also the operators + * ** < <= > >= == != and or not, and of arrays @ .T .sum .mean ..."""

    function: str
    args: tuple
    column: int


@dataclass(frozen=True)
class Reduce:
    """kind[letters, guards](body)"""

    kind: str
    letters: tuple[Name, ...]
    guards: tuple
    body: Node
    column: int


Node = Number | Name | Read | Call | Reduce


@dataclass(frozen=True)
class Source:
    """Where a formula stands: the user's line, and the column at which the formula starts."""

    line: str
    offset: int
    text: str
    ascii: bool
    matrix: bool = False  # are `@`, `.T` and the methods of an array read?

    def column(self, node: ast.AST) -> int:
        """The column in the line; `ast` counts bytes of UTF-8."""
        start = getattr(node, "col_offset", 1) - 1
        if not self.ascii:
            start = len(self.text.encode()[:start].decode(errors="ignore"))
        return self.offset + max(start, 0)

    def refuse(self, summary: str, node: ast.AST | int, fix: str = "", mark: str = ""):
        column = node if isinstance(node, int) else self.column(node)
        refuse(summary, self.line, {column: mark}, fix)


def formula(line: str, start: int = 0, end: int | None = None, matrix: bool = False) -> Node:
    """The tree of line[start:end]; with `matrix`, arrays without indices have `@`, `.T` and methods.

    >>> formula("sum[d](X[n,d]*W[d])").kind
    'sum'
    """
    return _formula(line, start, end, _node, matrix)


def formulas(line: str, start: int = 0, end: int | None = None) -> tuple[Node, ...]:
    """The trees of a comma-separated list."""
    text = line[start:end]
    if not text.strip():
        return ()

    def each(source, tree, depth):
        parts = tree.elts if isinstance(tree, ast.Tuple) else [tree]
        return tuple(_node(source, part, depth) for part in parts)

    return _formula(line, start, end, each)


def _formula(line: str, start: int, end: int | None, build, matrix: bool = False):
    text = line[start:end]
    source = Source(line, start, text, text.isascii(), matrix)
    quoted = re.search(r"[\"'\\`\0]", text)
    if quoted:
        source.refuse(
            "text in quotes is not part of the notation.", start + quoted.start(),
            "Nothing in the text is ever run. The transpose of a matrix A is A.T.",
        )
    if not text.strip():
        source.refuse("a formula is missing.", start, "Write one, as in y[n] = 2*x[n].")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser warns of `1if`: we refuse it
            tree = ast.parse(f"({text}\n)", mode="eval")
    except SyntaxError as error:
        source.refuse(*_syntax(source, error))
    except (RecursionError, MemoryError, ValueError):
        refuse(
            "this formula is too long or too deeply nested.", line[:60] + " ...", fix="Cut it into several equations."
        )
    return build(source, tree.body, 0)


def _syntax(source: Source, error: SyntaxError) -> tuple[str, int, str]:
    column = source.offset + min(max((error.offset or 1) - 2, 0), len(source.text))
    word = re.search(
        r"\b(lambda|in|is|if|else|for|while|import|from|class|def|del|with|as|pass|return|try|yield|None)\b",
        source.text,
    )
    if word:
        fix = f"{word[0]} is a word of Python: choose another name" + (", such as lam." if word[0] == "lambda" else ".")
        return "this is not a formula.", source.offset + word.start(), fix
    return "this is not a formula.", column, "A formula is written as in Python: 2*x[n] + sum[k](w[k]*x[k])."


_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_REFUSED = {
    ast.Attribute: ("attributes such as .{attr} are not part of the notation.",
                    "Nothing in the text is ever run. Write sums with indices: sum[n](x[n])."),
    ast.Lambda: ("lambda is not part of the notation.", "Nothing in the text is ever run. As a name, write lam."),
    ast.IfExp: ("`a if c else b` is not part of the notation.", "Write where(c, a, b)."),
    ast.NamedExpr: ("`:=` is not part of the notation.", "Give the part an equation of its own."),
    ast.Slice: ("slices `a:b` are not part of the notation.", "Write an index: x[i + 2], with guards where needed."),
    ast.Starred: ("`*` before an argument is not part of the notation.", "Write the arguments out."),
    ast.Tuple: ("a list of values is not a formula.", "Write one equation for each value."),
    ast.List: ("a list of values is not a formula.", "Write one equation for each value."),
    ast.Subscript: ("an index stands behind a name only.", "Name the part by an equation, t[n] = ..., and read t[n]."),
    ast.BitXor: ("`^` is not a power.", "Write x**2."),
    ast.MatMult: ("the matrix product `@` has no place among indices.",
                  "Write it with indices, y[i] = sum[j](A[i,j]*x[j]), or the whole equation without: y = A @ x."),
    ast.FloorDiv: ("`//` is not part of the notation.", "An index is made of letters, whole numbers, + - and *."),
    ast.Mod: ("`%` is not part of the notation.", "An index is made of letters, whole numbers, + - and *."),
    ast.BitAnd: ("`&` is not part of the notation.", "Write a and b."),
    ast.BitOr: ("`|` is not part of the notation.", "Write a or b."),
    ast.Invert: ("`~` is not part of the notation.", "Write not a."),
}  # fmt: skip


def _node(source: Source, node: ast.AST, depth: int) -> Node:
    if depth > 2 * DEEPEST:
        source.refuse("this formula is too deeply nested.", node, "Name the inner parts by equations of their own.")
    column = source.column(node)
    match node:
        case ast.Constant():
            return _number(source, node)
        case ast.Name(id=name):
            _public(source, node, name)
            return Name(name, column)
        case ast.BinOp():
            if source.matrix and isinstance(node.op, ast.MatMult):
                return Call("@", (_node(source, node.left, depth + 1), _node(source, node.right, depth + 1)), column)
            return _binary(source, node, depth)
        case ast.UnaryOp(op=ast.USub()):
            return Call("*", (Number(Integer(-1), column), _node(source, node.operand, depth + 1)), column)
        case ast.UnaryOp(op=ast.UAdd()):
            return _node(source, node.operand, depth + 1)
        case ast.UnaryOp(op=ast.Not()):
            return Call("not", (_node(source, node.operand, depth + 1),), column)
        case ast.BoolOp():
            word = "and" if isinstance(node.op, ast.And) else "or"
            return Call(word, tuple(_node(source, v, depth + 1) for v in node.values), column)
        case ast.Compare():
            return _comparison(source, node, depth)
        case ast.List(elts=[ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) as condition]):  # Iverson's
            one, zero = Number(Integer(1), column), Number(Integer(0), column)
            return Call("where", (_node(source, condition, depth + 1), one, zero), column)
        case ast.Subscript(value=ast.Name(id=name)):
            _public(source, node, name)
            return Read(name, tuple(_node(source, p, depth + 1) for p in _items(node.slice)), column)
        case ast.Attribute(value=inner, attr="T") if source.matrix:
            return Call(".T", (_node(source, inner, depth + 1),), column)
        case ast.Call():
            return _call(source, node, depth)
    _refuse(source, node)


def _items(node: ast.AST) -> list[ast.AST]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _refuse(source: Source, node: ast.AST, at: ast.AST | None = None):
    summary, fix = _REFUSED.get(type(node), ("this is not part of the notation.", "Nothing in the text is ever run."))
    attr = getattr(node, "attr", "")
    if isinstance(node, ast.Attribute):
        fix = _instead(source, node, attr) or fix
    source.refuse(summary.format(attr=attr), at or node, fix)


def _instead(source: Source, node: ast.Attribute, attr: str) -> str:
    """What to write instead of an attribute."""
    if source.matrix:
        known = f"An array has .T, {', '.join(f'.{m}()' for m in METHODS)}, and nothing else is read."
        return known if isinstance(node.value, ast.Name) else ""
    if attr in METHODS:
        return f"Write {attr}[n](x[n]), or the whole equation without indices: y = x.{attr}()."
    return "The transpose is written with indices: A[j,i] instead of A.T[i,j]." if attr == "T" else ""


def _public(source: Source, node: ast.AST, name: str) -> None:
    if name.startswith("__"):
        source.refuse(f"{name} is not a name of the notation.", node, "Nothing in the text is ever run.")


def _number(source: Source, node: ast.Constant) -> Number:
    """The exact value of a literal: 0.1 is 1/10."""
    value, column = node.value, source.column(node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        source.refuse(f"{value!r:.40} is not a number.", node, "A formula holds real numbers only.")
    if isinstance(value, int):
        if value.bit_length() > 3.3 * DIGITS:
            source.refuse("this number is too large.", node, "A float holds numbers up to 1.8e308.")
        return Number(Integer(value), column)
    text = source.text.encode()[node.col_offset - 1 : (node.end_col_offset or 0) - 1].decode().replace("_", "")
    if value in (float("inf"), 0.0) and re.sub(r"[eE].*", "", text).strip("0.") != "":
        source.refuse(f"{text:.40} is out of the range of a float.", node, "A float holds 4.9e-324 to 1.8e308.")
    fraction = Fraction(text)
    return Number(Rational(fraction.numerator, fraction.denominator), column)


def _binary(source: Source, node: ast.BinOp, depth: int) -> Node:
    """A chain a + b - c + ... is one node: a sum of a thousand terms is not a thousand deep."""
    if type(node.op) not in _OPERATORS:
        _refuse(source, node.op, node)
    if isinstance(node.op, ast.Pow):
        args = (_node(source, node.left, depth + 1), _node(source, node.right, depth + 1))
        return Call("**", args, source.column(node))
    family = (ast.Add, ast.Sub) if isinstance(node.op, ast.Add | ast.Sub) else (ast.Mult, ast.Div)
    items: list[Node] = []
    rest: ast.expr = node
    while isinstance(rest, ast.BinOp) and isinstance(rest.op, family):
        items.append(_signed(rest.op, _node(source, rest.right, depth + 1)))
        rest = rest.left
    items.append(_node(source, rest, depth + 1))
    return Call("+" if ast.Add in family else "*", tuple(reversed(items)), source.column(node))


def _signed(operator: ast.operator, item: Node) -> Node:
    minus = Number(Integer(-1), item.column)
    if isinstance(operator, ast.Sub):
        return Call("*", (minus, item), item.column)
    return Call("**", (item, minus), item.column) if isinstance(operator, ast.Div) else item


def _comparison(source: Source, node: ast.Compare, depth: int) -> Node:
    sides = [_node(source, side, depth + 1) for side in (node.left, *node.comparators)]
    column = source.column(node)
    links = []
    for operator, left, right in zip(node.ops, sides, sides[1:]):
        if type(operator) not in _COMPARISONS:
            source.refuse("`in` and `is` are not part of the notation.", node, "Compare with < <= > >= == !=.")
        links.append(Call(_COMPARISONS[type(operator)], (left, right), column))
    return links[0] if len(links) == 1 else Call("and", tuple(links), column)


def _call(source: Source, node: ast.Call, depth: int) -> Node:
    if node.keywords:
        source.refuse("named arguments are not part of the notation.", node, "Write the arguments in order.")
    args = tuple(_node(source, a, depth + 1) for a in node.args)
    match node.func:
        case ast.Name(id=name):
            _public(source, node, name)
            return Call(name, args, source.column(node))
        case ast.Subscript(value=ast.Name(id=kind)):
            return _reduce(source, node, kind, args, depth)
        case ast.Attribute(value=inner, attr=attr) if source.matrix and attr in METHODS:
            return Call(f".{attr}", (_node(source, inner, depth + 1), *args), source.column(node))
        case ast.Attribute():
            _refuse(source, node.func)
    source.refuse("only a function's name can be called.", node, "Write f(x) or sum[i](x[i]).")


def _reduce(source: Source, node: ast.Call, kind: str, args: tuple, depth: int) -> Reduce:
    if len(args) != 1:
        source.refuse(f"{kind}[...] takes one body, not {len(args)}.", node, f"Write {kind}[k](z[k]).")
    items = [_node(source, p, depth + 1) for p in _items(node.func.slice)]
    letters = tuple(i for i in items if isinstance(i, Name))
    guards = tuple(i for i in items if not isinstance(i, Name))
    if not letters or (guards and isinstance(items[-1], Name)):
        source.refuse(f"{kind}[...] lists its letters, then its guards.", node, f"Write {kind}[j, j <= i](x[j]).")
    return Reduce(kind, letters, guards, args[0], source.column(node))
