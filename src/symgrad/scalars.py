"""Derivatives of scalar formulas, SymPy expressions or text, as SymPy matrices: the same engine, one cell at a time."""

from __future__ import annotations

from collections.abc import Iterable

import sympy
from sympy import Expr, Matrix, Symbol

from . import calculus, notation
from .errors import SymgradError
from .functions import to_sympy
from .ir.access import Access, fresh_names
from .ir.system import System

Formula = Expr | str
Names = Iterable[Symbol | str] | Symbol | str  # one alone is a list of one


def gradient(expr: Formula, xs: Names) -> Matrix:
    """The gradient of a formula: a column with one row for each of `xs`.

    >>> gradient("x**2 + sin(y)", ["x", "y"])
    Matrix([
    [   2*x],
    [cos(y)]])
    """
    return jacobian([expr], xs).T


def jacobian(exprs: Iterable[Formula] | Formula, xs: Names) -> Matrix:
    """The Jacobian of formulas: a row for each formula, a column for each of `xs`.

    >>> jacobian(["x*y", "x - y"], ["x", "y"])
    Matrix([
    [y,  x],
    [1, -1]])
    """
    symbols = _symbols(xs)
    formulas = [exprs] if isinstance(exprs, (str, Expr)) else exprs
    return Matrix([_row(expr, symbols) for expr in formulas])


def hessian(expr: Formula, xs: Names) -> Matrix:
    """The matrix of second derivatives of a formula.

    >>> hessian("x**2*y", ["x", "y"])
    Matrix([
    [2*y, 2*x],
    [2*x,   0]])
    """
    symbols = _symbols(xs)
    system, output, back = _system(expr, symbols)
    derived = calculus.display_form(calculus.hessian(system, output, [s.name for s in symbols]))
    size = len(symbols)
    upper = {
        (i, j): _entry(derived, f"d2{output}_d{symbols[i].name}_d{symbols[j].name}", back)
        for i in range(size)
        for j in range(i, size)
    }
    return Matrix(size, size, lambda i, j: upper[min(i, j), max(i, j)])


def hvp(expr: Formula, xs: Names, direction: Iterable[Formula] | Formula | None = None) -> Matrix:
    """The matrix of second derivatives of a formula times a direction, a column; the matrix itself is never formed.

    `direction` holds one formula or number for each of `xs`; by default these are the symbols `<name>_dot`.

    >>> hvp("x**2*y", ["x", "y"], [1, 0])
    Matrix([
    [2*y],
    [2*x]])
    """
    symbols = _symbols(xs)
    system, output, back = _system(expr, symbols)
    taken = set(system.tensors)
    dots = {s.name: next(fresh_names(taken, f"{s.name}_dot")) for s in symbols}
    along = [Symbol(name, real=True) for name in dots.values()] if direction is None else _formulas(direction)
    if len(along) != len(symbols):
        raise SymgradError(f"the direction has {len(along)} entries for {len(symbols)} names: pass one for each of xs.")
    pushed = calculus.jvp(system, output, dots, next(fresh_names(taken, f"{output}_dot")))
    (moved,) = pushed.outputs
    derived = calculus.display_form(calculus.gradient(pushed, moved, list(dots)))
    back |= {Access(dot): v for dot, v in zip(dots.values(), along)}
    return Matrix([_entry(derived, f"d{moved}_d{name}", back) for name in dots])


def _formulas(given: Iterable[Formula] | Formula) -> list[Expr]:
    items = [given] if isinstance(given, (str, Expr)) or not isinstance(given, Iterable) else list(given)
    return [notation.formula(i) for i in items]


def _symbols(xs: Names) -> list[Symbol]:
    if isinstance(xs, (str, Symbol)) or not isinstance(xs, Iterable):
        xs = (xs,)
    return [_symbol(x) for x in xs]


def _symbol(x: Symbol | str) -> Symbol:
    if isinstance(x, Symbol):
        return x
    if isinstance(x, str) and x.isidentifier():
        return Symbol(x, real=True)
    hint = ""
    if isinstance(x, (sympy.MatrixSymbol, sympy.IndexedBase, sympy.Indexed)):
        hint = f"\n    For matrices and indexed symbols: sg.program(formula).gradient(\"f\", wrt=\"{x}\")."
    raise SymgradError(
        f'a derivative is taken by names or SymPy symbols, not by {x!r}: pass a list such as ["x", "y"].{hint}'
    )


def _system(expr: Formula, symbols: list[Symbol]) -> tuple[System, str, dict]:
    """The formula as a System of rank-0 tensors, its output, and accesses to symbols."""
    expr = notation.formula(expr, {s.name for s in symbols})
    every = sorted(expr.free_symbols | set(symbols), key=str)
    system = calculus.prepare(notation.from_scalar(expr, every))
    (output,) = system.outputs
    return system, output, {Access(s.name): s for s in every}


def _row(expr: Formula, symbols: list[Symbol]) -> list[Expr]:
    system, output, back = _system(expr, symbols)
    derived = calculus.display_form(calculus.gradient(system, output, [s.name for s in symbols]))
    return [_entry(derived, f"d{output}_d{s.name}", back) for s in symbols]


def _entry(derived: System, name: str, back: dict) -> Expr:
    return to_sympy(calculus.in_inputs(derived, name).xreplace(back))
