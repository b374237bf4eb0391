r"""An identity of functions of the table: both sides by their definitions, as rational functions of t = e^x.

>>> identity("2*sigmoid(2*x) - 1", "tanh(x)").value
(t**2 - 1)/(t**2 + 1)
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Expr, Symbol, exp

from ..calculus.rewrite import Rule
from ..calculus.scalar import check
from ..errors import CheckError, SymgradError, explain
from ..functions import derive, to_sympy
from ..ir.system import Step
from .question import Formula, formula, variables
from .report import Report

T = Symbol("t", positive=True)


def _definitions(context, line: Expr) -> Expr:
    return to_sympy(derive.unfold(line))


def _rational(x: Symbol, line: Expr) -> Expr:
    """e^(c x) is t^c."""
    return line.replace(exp, lambda power: T ** (power / x) if power.coeff(x) * x == power else exp(power))


def _normal_form(context, line: Expr) -> Expr:
    return sympy.cancel(sympy.together(line))


DEFINITIONS = Rule("definitions", _definitions)
RATIONAL = Rule("exponentials as powers of t", _rational)
NORMAL_FORM = Rule("one fraction in lowest terms", _normal_form)


def identity(left: Formula, right: Formula) -> Report:
    """left = right for all x, or an error with a point at which they differ.

    Both are formulas in one name, of functions that are rational in its exponential. The value is their common form.
    Raises CheckError where they differ, SymgradError where the forms do not settle it.
    """
    sides = formula(left), formula(right)
    (x,) = variables(None, *sides)
    if check.agree(*sides) is None:
        raise CheckError(explain("these are not equal.", f"{left} = {right}"))
    steps = [step for side in sides for step in _side(side, x)]
    forms = [(_side(side, x) or [None])[-1] for side in sides]
    found = {step.after if step else side for step, side in zip(forms, sides)}
    if len(found) > 1:
        raise SymgradError(explain("cannot decide this identity.", f"{left} = {right}"))
    (common,) = found
    said = f"Both sides are ${sympy.latex(common)}$ with $t = e^{{{x}}}$."
    return Report("Identity", sympy.Eq(*sides, evaluate=False), tuple(steps), said, common)


def _side(line: Any, x: Symbol) -> list[Step]:
    steps: list[Step] = []
    for rule, context in ((DEFINITIONS, None), (RATIONAL, x), (NORMAL_FORM, None)):
        step = rule.step(context, line)
        if step.after != line:
            steps.append(step)
            line = step.after
    return steps
