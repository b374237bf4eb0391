r"""Do the two pieces of a formula `where(condition, a, b)` meet, and do their derivatives?

>>> huber = "where(r <= delta, r**2/2, delta*(r - delta/2))"
>>> meets(huber, "r", "delta").value
(True, True)
>>> meets("where(x <= 0, 0, x)", "x", 0).value
(True, False)
"""

from __future__ import annotations

import sympy
from sympy import Expr, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import heads, to_sympy, where
from ..ir.system import Step
from .question import Formula, formula, variables
from .report import Report


def _at(context: tuple[Symbol, Expr], line: Expr) -> Expr:
    return sympy.expand(line.xreplace({context[0]: context[1]}))


def _slope(x: Symbol, line: Expr) -> Expr:
    return line.diff(x)


AT = Rule("value there", _at, relation=r"\;\mapsto\; ")
SLOPE = Rule("derivative", _slope, relation=r"\;\mapsto\; ")


def meets(expr: Formula, x: str, at: Formula) -> Report:
    """The pieces and their derivatives at the point where the condition switches, taken as positive symbols.

    The value is (continuous, with a continuous derivative). Raises SymgradError where the formula is not of two pieces
    or the condition does not switch at that point.
    """
    whole = formula(expr)
    names = {s: Symbol(s.name, positive=True) for s in whole.free_symbols if s.name != x}
    whole, (by,) = whole.xreplace(names), variables(x, whole)
    point = formula(at).xreplace(names)
    if not isinstance(whole, where):
        raise SymgradError(f"write the two pieces as where(condition, a, b), not {expr}.")
    condition, *pieces = whole.args
    if sympy.expand(_plain(condition.lhs - condition.rhs).xreplace({by: point})) != 0:
        raise SymgradError(f"the condition {condition} does not switch at {x} = {point}.")
    values, slopes = zip(*(_piece(_plain(piece), by, point) for piece in pieces))
    smooth = [steps[-1].after for steps in values], [steps[-1].after for steps in slopes]
    continuous, together = (sympy.simplify(a - b) == 0 for a, b in smooth)
    steps = tuple(step for pair in zip(values, slopes) for part in pair for step in part)
    return Report(f"The two pieces at {x} = {point}", _plain(whole), steps, _said(continuous, together, smooth),
                  (continuous, continuous and together))


def _plain(expr: Expr) -> Expr:
    return to_sympy(expr) if not isinstance(expr, where) else expr.replace(heads.abs, sympy.Abs)


def _piece(piece: Expr, x: Symbol, at: Expr) -> tuple[list[Step], list[Step]]:
    slope = SLOPE.step(x, piece)
    return [AT.step((x, at), piece)], [slope, AT.step((x, at), slope.after)]


def _said(continuous: bool, together: bool, values) -> str:
    shown = [[f"${sympy.latex(v)}$" for v in pair] for pair in values]
    first = f"The values {shown[0][0]} and {shown[0][1]} {'agree' if continuous else 'differ'}"
    return f"{first}; the derivatives {shown[1][0]} and {shown[1][1]} {'agree' if together else 'differ'}."
