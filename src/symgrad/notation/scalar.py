"""Formulas of scalars: from text, from SymPy, and to a System with one output.

>>> scalar("x**2 + y**2")
x**2 + y**2
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy
from sympy import Basic, Expr, Float, Rational, S, Symbol

from ..errors import NotationError, UnknownNameError, did_you_mean, explain
from ..functions import PUBLIC, ROWS, apply, diff, translate, where
from ..ir.access import Access
from ..ir.check import check
from ..ir.system import Equation, System, Tensor, Term
from . import grammar as g
from .algebra import Unrepresentable, build, known_functions
from .lines import open_brackets, refuse
from .places import CONSTANTS
from .values import CONDITIONS


def scalar(text: str, names: Iterable[str] | None = None) -> Expr:
    """The SymPy expression of a text formula of real scalars. `names`: those that may occur (default: any)."""
    line = " ".join(text.split()) if isinstance(text, str) else refuse("a formula is text.")
    if open_brackets(line):
        refuse("a bracket is never closed.", line, fix="Close it.")
    return in_rows(_value(line, g.formula(line), None if names is None else set(names)))


def formula(given: Expr | str | float, names: Iterable[str] | None = None) -> Expr:
    """A text, a SymPy expression or a number as an expression; text inside other things would be evaluated by SymPy
    and is refused."""
    if isinstance(given, str):
        return scalar(given, names)
    try:
        found = sympy.sympify(given, strict=True)
    except sympy.SympifyError:
        found = None
    if not isinstance(found, Expr) or found.is_Matrix:
        raise NotationError(f'a formula is text or a SymPy expression, not {given!r}: pass "x**2 + 1".')
    return found


def _value(line: str, node: g.Node, names: set[str] | None) -> Basic:
    match node:
        case g.Number():
            return node.value
        case g.Name(id=name):
            return _symbol(line, node, name, names)
        case g.Call(function=function) if _known(function):
            args = [_value(line, a, names) for a in node.args]
            try:
                return build(function, args)
            except Unrepresentable as error:
                refuse(f"{error}.", line, {node.column: ""}, error.fix)
        case g.Call(function=function):
            refuse(
                f"{function} is not a function of the notation.",
                line,
                {node.column: ""},
                did_you_mean(function, known_functions()),
                UnknownNameError,
            )
    refuse(
        "this formula is of scalars: it has no indices.", line, {node.column: ""}, "For tensors write sg.program(text)."
    )


def _known(function: str) -> bool:
    return function in ("+", "*", "**", *CONDITIONS) or function in known_functions()


def _symbol(line: str, node: g.Name, name: str, names: set[str] | None) -> Expr:
    if name in CONSTANTS and (names is None or name not in names):
        return CONSTANTS[name]
    if names is not None and name not in names:
        refuse(
            f"{name} is not declared.",
            line,
            {node.column: ""},
            did_you_mean(name, names) or f"The names are {', '.join(sorted(names))}.",
            UnknownNameError,
        )
    return Symbol(name, real=True)


def from_scalar(expr: Expr, symbols: Iterable[Symbol | str]) -> System:
    """A System with one output, `f = expr`; `symbols` become parameters of rank 0, other symbols inputs.

    >>> x = Symbol("x")
    >>> from_scalar(x**2 + sympy.tanh(x), [x]).equations[0].terms[0].body
    tanh(x) + x**2
    """
    wanted = [s.name if isinstance(s, Symbol) else str(s) for s in symbols]
    found = sorted({s.name for s in expr.free_symbols} - set(wanted))
    read = {s: Access(s.name) for s in expr.free_symbols}
    tensors = {n: Tensor(n, (), role="parameter") for n in dict.fromkeys(wanted)}
    tensors |= {n: Tensor(n, (), role="input") for n in found}
    output = next(n for n in ("f", "value", *(f"f_{k}" for k in range(len(tensors) + 1))) if n not in tensors)
    tensors[output] = Tensor(output, ())
    body = in_rows(expr.xreplace(read))
    if body.has(sympy.nan, sympy.zoo, sympy.I):
        raise NotationError(explain(f"{expr} has no real value."))
    return check(System(tensors, (Equation(output, (Term((), body, ()),), source=f"{output} = {expr}"),), (output,)))


def _heaviside(x: Expr, at_zero: Expr = S.Half) -> Expr:
    return where(x > 0, S.One, where(x < 0, S.Zero, at_zero))


# SymPy heads that are not one row of the table: their definition in rows. The others are in `functions.translate`.
_DEFINITIONS = {
    sympy.csch: lambda x: 1 / apply("sinh", x), sympy.coth: lambda x: 1 / apply("tanh", x),
    sympy.sec: lambda x: 1 / sympy.cos(x), sympy.csc: lambda x: 1 / sympy.sin(x), sympy.cot: lambda x: 1 / sympy.tan(x),
    sympy.re: lambda x: x, sympy.conjugate: lambda x: x, sympy.Heaviside: _heaviside,
}  # fmt: skip


def in_rows(expr: Basic) -> Basic:
    """`expr` with every function a row of the table and every Float an exact number.

    SymPy makes its own heads: |x| out of sqrt(x**2). Raises UnknownNameError for a function that the table lacks.
    """
    return translate(_defined(expr))


def _defined(expr: Basic) -> Basic:
    if isinstance(expr, Float):
        return Rational(str(float(expr)))
    if not expr.args or isinstance(expr, Access):
        return expr
    args = [_defined(a) for a in expr.args]
    if expr.func in _DEFINITIONS:
        return _DEFINITIONS[expr.func](*args)
    result = expr if all(a is b for a, b in zip(args, expr.args)) else expr.func(*args)
    if isinstance(result, sympy.Piecewise):
        _complete(result)
    elif isinstance(result, sympy.Function) and not _in_table(result):
        name = result.func.__name__
        raise UnknownNameError(
            explain(f"{name} is not a function of the table.", str(result), fix=did_you_mean(name, PUBLIC))
        )
    return result


def _complete(expr: sympy.Piecewise) -> None:
    if expr.args[-1][1] != sympy.true:
        raise NotationError(
            explain(
                "this Piecewise has no value where all its conditions fail.",
                str(expr),
                fix="End it with (value, True).",
            )
        )


def _in_table(expr: Basic) -> bool:
    """A row, `where`, `diff`, the `floor` of sizes, or what `translate` makes one."""
    translated = translate(expr)
    known = any(row.head is translated.func for row in ROWS.values())
    return known or translated.func is not expr.func or isinstance(expr, where | diff | sympy.floor)
