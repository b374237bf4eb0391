r"""A linear recurrence m_t = a m_(t-1) + c in closed form: m_t = m* + a^t (m_0 - m*), m* = c/(1 - a), by induction.

>>> recurrence("beta*m + (1 - beta)*g", "m").value
-beta**t*g + g
>>> recurrence("x - eta*(h*x)", "x", "x0").value
x0*(-eta*h + 1)**t
"""

from __future__ import annotations

import sympy
from sympy import Expr, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import to_sympy
from .question import Formula, formula, variables
from .report import Report

SOURCE = "Graham, Knuth and Patashnik, Concrete Mathematics (1994), section 1.1 and equation 2.10"
T = Symbol("t", integer=True, positive=True)


def _fixed_point(m: Symbol, line: Expr) -> Expr:
    a = sympy.expand(line).coeff(m, 1)
    return sympy.cancel(sympy.expand(line).coeff(m, 0) / (1 - a))


def _closed(context: tuple, fixed: Expr) -> Expr:
    factor, first = context
    return sympy.expand(fixed + factor**T * (first - fixed), power_base=False, power_exp=False)


def _first(context, line: Expr) -> Expr:
    return sympy.expand(line.subs(T, 0))


def _next(context: tuple, line: Expr) -> Expr:
    """The rule applied to the closed form of the step before."""
    rule, m = context
    return sympy.simplify(sympy.powsimp(sympy.expand(rule.xreplace({m: line.subs(T, T - 1)}))))


FIXED = Rule("fixed point: m = a m + c", _fixed_point, relation=r"\;\mapsto\; m^{*} = ")
CLOSED = Rule("distance from it shrinks by a", _closed, SOURCE, relation=r"\;\mapsto\; m_t = ")
FIRST = Rule("the start of the induction", _first, relation=r"\;\mapsto\; ")
NEXT = Rule("the step of the induction", _next, relation=r"\;\mapsto\; ")


def recurrence(rule: Formula, state: str, first: Formula = 0) -> Report:
    """The value after t steps of a rule that is linear in `state`, which starts at `first`; proved by induction.

    Raises SymgradError where the rule is not linear, or where its factor is 1.
    """
    line, start = to_sympy(formula(rule)), to_sympy(formula(first))
    (m,) = variables(state, line)
    factor = sympy.expand(line).coeff(m, 1)
    if line.has(T) or sympy.expand(line - factor * m).has(m) or sympy.simplify(factor - 1) == 0:
        raise SymgradError(f"{rule} is not of the form a*{state} + c with a other than 1.")
    factor = factor if isinstance(factor, Symbol) else sympy.factor(factor)
    fixed = FIXED.step(m, line)
    closed = CLOSED.step((factor, start), fixed.after)
    begin, follow = FIRST.step(None, closed.after), NEXT.step((line, m), closed.after)
    if begin.after != start or sympy.simplify(follow.after - closed.after) != 0:
        raise SymgradError(f"the closed form {closed.after} could not be proved by induction.")
    said = f"After $t$ steps it is ${sympy.latex(closed.after)}$."
    return Report("Linear recurrence", line, (fixed, closed, begin, follow), said, closed.after, SOURCE)
