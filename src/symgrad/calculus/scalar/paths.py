r"""The chain rule over named intermediates: dL/dx is the sum, over the paths from x to L, of the slopes along them.

>>> named = definitions("u = x**2; v = 3*x; L = u*v")
>>> [str(step.after) for step in along_paths(named, Symbol("x", real=True)).steps][:2]
['d/dx(3*x)*d/dv(u*v) + d/dx(x**2)*d/du(u*v)', '2*x*d/du(u*v) + d/dx(3*x)*d/dv(u*v)']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sympy import Add, Expr, Mul, S, Symbol

from ... import notation
from ...errors import NotationError, explain
from .derivative import compare, resolve, understood
from .operators import Diff
from .steps import Calculation, line_rule

Named = Mapping[Symbol, Expr]  # in the order in which they are computed


def definitions(text: str) -> dict[Symbol, Expr]:
    """Lines `name = formula`, one after another or separated by `;`. Each may use the names above it."""
    found: dict[Symbol, Expr] = {}
    for line in filter(None, (part.strip() for part in text.replace("\n", ";").split(";"))):
        name, equals, formula = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise NotationError(explain("a line is `name = formula`.", line))
        symbol = Symbol(name.strip(), real=True)
        expr = understood(notation.scalar(formula))
        if symbol in found or symbol in expr.free_symbols or any(symbol in e.free_symbols for e in found.values()):
            raise NotationError(explain(f"{symbol} is used before this line or defined twice.", line))
        found[symbol] = expr
    if not found:
        raise NotationError("there is no line `name = formula`.")
    return found


def _paths(named: Named, output: Symbol, x: Symbol) -> list[list[Diff]]:
    """Each path from x to output, as the slopes along it."""
    body = named[output]
    found = []
    for inner in sorted(body.free_symbols, key=str):
        slope = Diff(body, inner)
        if inner == x:
            found.append([slope])
        elif inner in named:
            found += [[slope, *rest] for rest in _paths(named, inner, x)]
    return found


def _over_paths(context: tuple[tuple[tuple[Symbol, Expr], ...], Symbol], before: Expr) -> Expr:
    named, x = dict(context[0]), context[1]
    paths = _paths(named, list(named)[-1], x)
    return Add(*(Mul(*path) for path in paths)) if paths else S.Zero


OVER_PATHS = line_rule("chain rule over the paths", _over_paths)


def along_paths(named: Named, x: Symbol) -> Calculation:
    """The derivative of the last name by x. Raises CheckError where it differs from SymPy's."""
    output = list(named)[-1]
    calculation = Calculation(Diff(output, x), names=named).then(OVER_PATHS, (tuple(named.items()), x))
    calculation = resolve(calculation, {*named, x, *(s for e in named.values() for s in e.free_symbols)})
    whole = output
    while whole.free_symbols & set(named):
        whole = whole.xreplace(dict(named))
    return replace(calculation, checked=compare(whole, x, calculation.result))
