"""Scalar formulas step by step: `sg.explain`, `sg.limit`, `sg.integral`, `sg.taylor`, each a Report.

A formula is a SymPy expression or text in the notation of scalars. The steps compute the answer; the answer is then
compared with SymPy's and with numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy
from sympy import Expr, Symbol

from . import notation
from .analysis.report import Report
from .calculus.scalar import derivative as rules
from .calculus.scalar.patience import within
from .calculus.scalar.steps import Calculation
from .errors import NotationError, SymgradError
from .errors import explain as error_text
from .functions import to_sympy

Formula = Expr | str | int | float
SECONDS = 20.0


def explain(expr: Formula, x: Symbol | str, order: int = 1, seconds: float = SECONDS) -> Report:
    r"""The derivative of a formula by `x`, one rule for each line. `.value` is the result.

    Several lines `name = formula` give named intermediates; the last line is what is differentiated, and the chain
    rule is then a sum over the paths from x to it. Raises DifferentiationError at a jump, UnknownNameError for a
    function that is not in the table.

    >>> report = explain("(3*x + 2)**2", "x")
    >>> report.value
    6*(3*x + 2)
    >>> [step.rule.name for step in report.steps][:2]
    ['chain rule', 'power rule']
    >>> explain('z = w*x + b \n L = (z - t)**2/2', "w").value
    x*(b - t + w*x)
    """
    with within(seconds, "this derivative"):
        if isinstance(expr, str) and "=" in expr.replace("==", "").replace("<=", "").replace(">=", ""):
            return _explain_named(expr, x, order)
        formula, symbol, back = read(expr, x)
        if not isinstance(order, int) or order < 1:
            raise SymgradError(f"order is a positive whole number, not {order!r}.")
        calculation = rules.derivative(formula, symbol, order)
    shown = f"Derivative by {symbol}" if order == 1 else f"Derivative of order {order} by {symbol}"
    return report(shown, calculation, back)


def report(title: str, calculation: Calculation, back: Mapping[Symbol, Symbol] = {}) -> Report:
    """The document of a calculation, its value in the caller's own symbols."""
    value = to_sympy(calculation.result).xreplace(dict(back))
    count = calculation.checked
    checked = (
        f"Compared with independent values at {count} point{'s' * (count > 1)}, in 30 digits: they agree."
        if count
        else "No point was found where this is real: the result has not been compared with numbers."
    )
    return Report(title, calculation.start, calculation.steps, checked, value)


def read(expr: Formula, *variables: Symbol | str) -> tuple:
    """(formula over real symbols, each variable as a real symbol, {real symbol: the caller's symbol})."""
    names = [symbol_name(v) for v in variables]
    if isinstance(expr, str):
        formula = notation.scalar(expr)
    else:
        try:
            formula = sympy.sympify(expr, strict=True)
        except sympy.SympifyError:
            formula = None
        if not isinstance(formula, Expr) or formula.is_Matrix:
            raise SymgradError(f'a formula is text or a SymPy expression, not {expr!r}: pass "x**2 + 1".')
    real = {s: s if s.is_real else Symbol(s.name, real=True) for s in formula.free_symbols}
    formula = rules.understood(formula.xreplace(real))
    if formula.has(sympy.nan, sympy.zoo, sympy.I):
        raise NotationError(error_text(f"{expr} has no real value."))
    by_name = {s.name: s for s in formula.free_symbols}
    found = [by_name.get(n, v if isinstance(v, Symbol) and v.is_real else Symbol(n, real=True))
             for n, v in zip(names, variables)]
    return (formula, *found, {r: s for s, r in real.items() if r != s})


def symbol_name(x: Symbol | str) -> str:
    if isinstance(x, Symbol):
        return x.name
    if isinstance(x, str) and x.isidentifier():
        return x
    raise SymgradError(f"a variable is a name or a SymPy symbol, not {x!r}.")


def _explain_named(text: str, x: Symbol | str, order: int) -> Report:
    from .calculus.scalar.paths import along_paths, definitions  # noqa: PLC0415

    if order != 1:
        raise SymgradError("named intermediates give the first derivative; write one formula for higher orders.")
    symbol = Symbol(symbol_name(x), real=True)
    named = definitions(text)
    calculation = along_paths(named, symbol)
    return report(f"Derivative of {list(named)[-1]} by {symbol}", calculation)
