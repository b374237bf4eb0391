"""Scalar formulas step by step: `sg.explain`, `sg.limit`, `sg.integral`, `sg.taylor`, each answered by a Report.

A formula is a SymPy expression or text in the notation of scalars. The steps compute the answer; the answer is then
compared with SymPy's, with differences, or with quadrature. "Cannot decide" is an error that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy
from sympy import Expr, Symbol

from . import notation
from .analysis.report import Report
from .calculus.patience import within
from .calculus.scalar import antiderivative as primitives
from .calculus.scalar import definition as definitions
from .calculus.scalar import derivative as rules
from .calculus.scalar import integral as integrals
from .calculus.scalar import limit as limits
from .calculus.scalar import paths
from .calculus.scalar import taylor as expansions
from .calculus.scalar.operators import Definite
from .calculus.scalar.steps import Calculation
from .errors import NotationError, SymgradError
from .errors import explain as error_text
from .functions import to_sympy
from .ir.system import Step

Formula = Expr | str | int | float
SECONDS = 30.0
SIDES = {"+": 1, "-": -1, "both": 0}
TAYLOR = "NIST Digital Library of Mathematical Functions, 1.4(vi)"
INFINITE = {"oo": sympy.oo, "inf": sympy.oo, "-oo": -sympy.oo, "-inf": -sympy.oo}


def explain(
    expr: Formula, x: Symbol | str, order: int = 1, definition: bool = False, seconds: float = SECONDS
) -> Report:
    r"""The derivative of a formula by `x`, one rule for each line. `.value` is the result.

    Several lines `name = formula` give named intermediates; the last line is what is differentiated, and the chain
    rule is then a sum over the paths from x to it. With `definition`, the limit of the difference quotient is taken
    instead. Raises DifferentiationError at a jump, UnknownNameError for a function that is not in the table.

    >>> report = explain("(3*x + 2)**2", "x")
    >>> report.value
    6*(3*x + 2)
    >>> [step.rule.name for step in report.steps][:2]
    ['chain rule', 'power rule']
    >>> explain('z = w*x + b \n L = (z - t)**2/2', "w").value
    x*(b - t + w*x)
    >>> explain("sqrt(x)", "x", definition=True).steps[1].rule.name
    'conjugate'
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise SymgradError(f"order is a positive whole number, not {order!r}.")
    with within(seconds, "this derivative"):
        if isinstance(expr, str) and _has_names(expr):
            return _explain_named(expr, x, order)
        formula, symbol, back = read(expr, x)
        if definition and order != 1:
            raise SymgradError("the definition gives the first derivative; leave `definition` out for higher orders.")
        calculation = (
            definitions.by_definition(formula, symbol) if definition else rules.derivative(formula, symbol, order)
        )
    shown = f"Derivative by {symbol}" if order == 1 else f"Derivative of order {order} by {symbol}"
    return report(shown, calculation, back)


def _has_names(text: str) -> bool:
    for relation in ("==", "<=", ">=", "!="):
        text = text.replace(relation, "")
    return "=" in text


def _explain_named(text: str, x: Symbol | str, order: int) -> Report:
    if order != 1:
        raise SymgradError("named intermediates give the first derivative; write one formula for higher orders.")
    symbol = Symbol(symbol_name(x), real=True)
    named = paths.definitions(text)
    return report(f"Derivative of {list(named)[-1]} by {symbol}", paths.along_paths(named, symbol))


def limit(
    expr: Formula,
    x: Symbol | str,
    point: Formula,
    side: str = "both",
    positive: Iterable[str] = (),
    seconds: float = SECONDS,
) -> Report:
    """The limit of a formula for x -> point, from the side "+", "-" or "both". The point may be oo or -oo.

    Raises SymgradError where no rule decides.

    >>> limit("(exp(h) - 1)/h", "h", 0).value
    1
    """
    if side not in SIDES:
        raise SymgradError(f'side is "+", "-" or "both", not {side!r}.')
    with within(seconds, "this limit"):
        formula, symbol, back = read(expr, x, positive=positive)
        at, _ = read_end(point, formula)
        calculation = limits.limit(formula, symbol, at, SIDES[side])
    return report(f"Limit for {symbol} to {at}", calculation, back)


def integral(
    expr: Formula,
    *over: Symbol | str | tuple,
    positive: Iterable[str] = (),
    seconds: float = SECONDS,
) -> Report:
    """The integral of a formula: `integral(f, "x")` an antiderivative, `integral(f, ("x", 0, 1))` from 0 to 1.

    Several ranges give a multiple integral, the first one innermost. `positive` names parameters that are above 0.
    Raises SymgradError where no rule decides, where the integral diverges, or where quadrature cannot confirm it.

    >>> integral("x*exp(x)", "x").value
    (x - 1)*exp(x)
    >>> integral("exp(-a*x**2)", ("x", "-oo", "oo"), positive=["a"]).value
    sqrt(pi)/sqrt(a)
    >>> integral("x*y**2", ("x", 0, "y"), ("y", 0, 2)).value
    16/5
    """
    if not over:
        raise SymgradError('integrate over what? Pass a name or a range: "x" or ("x", 0, 1).')
    variables = [o[0] if isinstance(o, tuple) else o for o in over]
    with within(seconds, "this integral"):
        formula, *symbols, back = read(expr, *variables, positive=positive)
        if not isinstance(over[0], tuple):
            if len(over) > 1:
                raise SymgradError("an antiderivative is taken by one variable; give ranges for a multiple integral.")
            return report(f"Antiderivative by {symbols[0]}", primitives.antiderivative(formula, symbols[0]), back)
        start: Any = integrals.with_moduli(formula)
        for symbol, span in zip(symbols, over):
            if not isinstance(span, tuple) or len(span) != 3:
                raise SymgradError(f'a range is (name, from, to), such as ("x", 0, 1), not {span!r}.')
            low, high = (read_end(e, formula)[0] for e in span[1:])
            start = Definite(start, symbol, low, high)
        return report("Integral", integrals.integrate(start), back)


def taylor(
    expr: Formula, x: Symbol | str, point: Formula = 0, order: int = 2, seconds: float = SECONDS
) -> Report:
    """Taylor's formula about `point` up to `order`, with Lagrange's remainder. Order 1 is the linearisation.

    >>> taylor("exp(x)", "x", 0, 3).value
    x**3/6 + x**2/2 + x + 1
    """
    with within(seconds, "this expansion"):
        formula, symbol, back = read(expr, x)
        at, _ = read_end(point, formula)
        found = expansions.taylor(formula, symbol, at, order)
    steps = tuple(step for calculation in found.derivatives for step in calculation.steps)
    last = Step(f"Taylor's formula about {symbol} = {at}", formula, found.polynomial + found.remainder,
                note=f"for some ${sympy.latex(found.between)}$ between ${sympy.latex(at)}$ and ${sympy.latex(symbol)}$")
    conclusion = _compared(found.checked)
    return Report(f"Taylor expansion of order {order}", formula, (*steps, last), conclusion,
                  to_sympy(found.polynomial).xreplace(dict(back)), TAYLOR)


def report(title: str, calculation: Calculation, back: Mapping[Symbol, Symbol] | None = None) -> Report:
    """The document of a calculation, its value in the caller's own symbols."""
    value = to_sympy(calculation.result).xreplace(dict(back or {}))
    return Report(title, calculation.start, calculation.steps, _compared(calculation.checked), value)


def _compared(count: int) -> str:
    if not count:
        return "No point was found where this is real: the result has not been compared with numbers."
    return f"Compared with independent values at {count} point{'s' * (count > 1)}: they agree."


def read(expr: Formula, *variables: Symbol | str, positive: Iterable[str] = ()) -> tuple:
    """(formula over real symbols, each variable as a real symbol, {real symbol: the caller's symbol})."""
    names = [symbol_name(v) for v in variables]
    above = {symbol_name(p) for p in positive}
    given = notation.formula(expr)
    real = {s: s if s.is_real and s.name not in above else _symbol(s.name, above) for s in given.free_symbols}
    formula = rules.understood(given.xreplace(real))
    if formula.has(sympy.nan, sympy.zoo, sympy.I):
        raise NotationError(error_text(f"{expr} has no real value."))
    by_name = {r.name: r for r in real.values()}
    given_real = {v.name: v for v in variables if isinstance(v, Symbol) and v.is_real}
    found = [by_name.get(n) or given_real.get(n) or _symbol(n, above) for n in names]
    back = {r: s for s, r in real.items() if r != s} if not isinstance(expr, str) else {}
    return (formula, *found, back)


def _symbol(name: str, above: set[str]) -> Symbol:
    return Symbol(name, real=True, **({"positive": True} if name in above else {}))


def read_end(end: Formula, formula: Expr) -> tuple[Expr, dict]:
    """A point or a bound: a number, a formula, or an infinity; in the symbols of `formula`."""
    if isinstance(end, str) and end.replace(" ", "") in INFINITE:
        return INFINITE[end.replace(" ", "")], {}
    if end in (sympy.oo, -sympy.oo):
        return sympy.sympify(end, strict=True), {}
    found, back = read(sympy.nsimplify(end) if isinstance(end, float) else end)
    known = {s.name: s for s in formula.free_symbols}
    return found.xreplace({s: known[s.name] for s in found.free_symbols if s.name in known}), back


def symbol_name(x: Symbol | str) -> str:
    if isinstance(x, Symbol):
        return x.name
    if isinstance(x, str) and x.isidentifier():
        return x
    raise SymgradError(f"a variable is a name or a SymPy symbol, not {x!r}.")
