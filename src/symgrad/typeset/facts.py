"""Facts and conditions as rules state them, `sum[k](Y[n, k]) = 1` or `S[n] > 0`, in LaTeX.

The text is parsed with `ast` and walked by a white list; nothing is evaluated. What is not in this little grammar stays
text.
"""

from __future__ import annotations

import ast

from ..ir.system import System
from .names import letter, name_latex
from .scalar import operator

COMPARE = {ast.Eq: "=", ast.NotEq: r"\ne", ast.Lt: "<", ast.LtE: r"\le", ast.Gt: ">", ast.GtE: r"\ge"}
BIG = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}
LOOSE, TIGHT = range(2)  # does it need parentheses in a product?


def fact_latex(fact: str, system: System) -> str | None:
    r"""LaTeX of a fact, or None where it is not a formula of the notation.

    >>> fact_latex("sum[k](Y[n, k]) = 1", System({}, (), ()))
    '\\sum_{k} Y_{n,k} = 1'
    """
    try:
        tree = ast.parse(_with_comparison(fact.strip()), mode="eval").body
        return _walk(tree, system)[0]
    except (SyntaxError, ValueError, RecursionError):
        return None


def _with_comparison(text: str) -> str:
    """A single = is an equation."""
    return " == ".join(text.split(" = ")) if text.count(" = ") == 1 else text


def _walk(node: ast.expr, system: System) -> tuple[str, int]:
    def tight(n: ast.expr) -> str:
        text, strength = _walk(n, system)
        return text if strength == TIGHT else f"({text})"

    match node:
        case ast.Compare(left, ops, comparators):
            text = _walk(left, system)[0]
            for op, right in zip(ops, comparators, strict=True):
                text += f" {COMPARE[type(op)]} {_walk(right, system)[0]}" if type(op) in COMPARE else _refuse(node)
            return text, LOOSE
        case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
            sign = "+" if isinstance(op, ast.Add) else "-"
            subtracted = _walk(right, system)[0] if sign == "+" else tight(right)
            return f"{_walk(left, system)[0]} {sign} {subtracted}", LOOSE
        case ast.BinOp(left, ast.Mult(), right):
            return f"{tight(left)} {tight(right)}", TIGHT
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_walk(left, system)[0]}}}{{{_walk(right, system)[0]}}}", TIGHT
        case ast.BinOp(left, ast.Pow(), right):
            return f"{{{tight(left)}}}^{{{_walk(right, system)[0]}}}", TIGHT
        case ast.UnaryOp(ast.USub(), operand):
            return f"-{tight(operand)}", LOOSE
        case ast.Call(ast.Subscript(ast.Name(name), over), [body], []) if name in BIG:
            return f"{BIG[name]}_{{{_indices(over, system)}}} {tight(body)}", TIGHT
        case ast.Call(ast.Name(name), arguments, []):
            return f"{operator(name)}({', '.join(_walk(a, system)[0] for a in arguments)})", TIGHT
        case ast.Subscript(ast.Name(name), over):
            return name_latex(name, [_indices(over, system)], system), TIGHT
        case ast.Name(name):
            return (name_latex(name, [], system) if name in system.tensors else letter(name)), TIGHT
        case ast.Constant(int() | float() as value):
            return str(value), TIGHT
    return _refuse(node), LOOSE


def _indices(node: ast.expr, system: System) -> str:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return ",".join(_walk(p, system)[0] for p in parts)


def _refuse(node: ast.expr) -> str:
    raise ValueError(f"{ast.dump(node)} is not part of a fact")
