"""The derivative from its definition: the limit of (f(x + h) - f(x))/h, by algebra and known limits, without the rules.

Sums, products and compositions are taken apart under the limit, as in the proofs of their rules; L'Hopital's rule is
not used, since it needs the derivative. What is left are limits for powers, roots, exp, log, sin, cos.

>>> x = Symbol("x", real=True)
>>> for step in by_definition(x**2 + 1, x).steps:
...     print(step.rule.name, "|", step.after)
definition | lim((-x**2 + (h + x)**2)/h, h -> 0)
one fraction | lim(h + 2*x, h -> 0)
limit of each part | 2*x
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy
from sympy import Add, Expr, Function, Mul, Pow, Symbol

from ...errors import SymgradError, explain
from ...functions import to_sympy
from .derivative import compare
from .limit import LHOPITAL, search
from .operators import Diff, Lim, pending
from .steps import Calculation, Work, fresh, line_rule, rule, split, tidy

HYPERBOLIC = (sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth, sympy.sech, sympy.csch)
LINES = 80
BINOMIAL = 12  # (x + h)**n is multiplied out up to this n


def by_definition(f: Expr, x: Symbol) -> Calculation:
    """f' as the limit of the difference quotient, compared with SymPy's derivative and with numbers.

    Raises SymgradError where the algebra does not decide the limit.
    """
    h = fresh_h(f, x)
    calculation = Calculation(Diff(f, x)).then(DEFINITION, (Work(Diff(f, x), h),), f"${h} \\ne 0$ under the limit")
    inner: dict[Lim, tuple[Expr, Symbol]] = {Lim(quotient(f, x, h), h, 0, 0): (f, x)}
    while nodes := pending(calculation.result, Lim):
        if len(calculation.steps) > LINES:
            raise SymgradError(f"the derivation has more than {LINES} lines.")
        calculation = _line(calculation, nodes[0], inner)
    calculation = calculation.then(PUT_BACK_TIDY, calculation.names)
    return replace(calculation, checked=compare(f, x, calculation.result))


def fresh_h(f: Expr, x: Symbol) -> Symbol:
    taken = {s.name for s in f.free_symbols | {x}}
    return Symbol(next(n for n in ("h", "k", "epsilon", *(f"h_{i}" for i in range(99))) if n not in taken), real=True)


def quotient(f: Expr, x: Symbol, h: Symbol) -> Expr:
    """(f(x + h) - f(x))/h."""
    return (f.xreplace({x: x + h}) - f) / h


def _definition(node: Diff, h: Symbol) -> Expr:
    return Lim(quotient(node.body, node.variable, h), h, 0, 0)


def _sum(node: Lim, data: tuple[Expr, Symbol]) -> Expr:
    f, x = data
    return Add(*(Lim(quotient(term, x, node.variable), *node.args[1:]) for term in f.args))


def _multiple(node: Lim, data: tuple[Expr, Symbol]) -> Expr:
    constant, rest = split(data[0], data[1])
    return constant * Lim(quotient(rest, data[1], node.variable), *node.args[1:])


def _product(node: Lim, data: tuple[Expr, Symbol]) -> Expr:
    """(f g)(x+h) - (f g)(x) = (f(x+h) - f(x)) g(x+h) + f(x) (g(x+h) - g(x)); g is continuous."""
    (first, *rest), x = data[0].args, data[1]
    second = Mul(*rest)
    slopes = [Lim(quotient(part, x, node.variable), *node.args[1:]) for part in (first, second)]
    return slopes[0] * second + first * slopes[1]


def _rewritten(node: Lim, data: tuple[Expr, Symbol]) -> Expr:
    f, x = data
    return Lim(quotient(_plainer(f), x, node.variable), *node.args[1:])


def _plainer(f: Expr) -> Expr:
    """tan as sin/cos, hyperbolic functions as exponentials."""
    if isinstance(f, sympy.tan):
        return sympy.sin(f.args[0]) / sympy.cos(f.args[0])
    return to_sympy(f).rewrite(sympy.exp) if isinstance(to_sympy(f), HYPERBOLIC) else f


def _composition(node: Lim, data: tuple[Expr, Symbol, Symbol]) -> Expr:
    """(F(g(x+h)) - F(g(x)))/h = (F(u+k) - F(u))/k (g(x+h) - g(x))/h with u = g(x), k = g(x+h) - g(x) -> 0."""
    f, x, u = data
    outer = _outer(f, x, u)
    slope = Lim(quotient(outer, u, node.variable), *node.args[1:])
    return slope * Lim(quotient(_inner(f, x), x, node.variable), *node.args[1:])


def _inner(f: Expr, x: Symbol) -> Expr:
    """The argument of f that holds x."""
    return next(a for a in f.args if x in a.free_symbols)


def _outer(f: Expr, x: Symbol, u: Symbol) -> Expr:
    return f.func(*(u if x in a.free_symbols else a for a in f.args))


def _put_back(names, line: Any) -> Expr:
    while line.free_symbols & set(names):
        line = line.xreplace(dict(names))
    return tidy(line)


DEFINITION = rule("definition", _definition)
SUM = rule("limit of a sum", _sum)
MULTIPLE = rule("constant factor", _multiple)
PRODUCT = rule("a term added and subtracted", _product)
REWRITTEN = rule("definition of the function", _rewritten)
COMPOSITION = rule("composition", _composition)
PUT_BACK_TIDY = line_rule("put the names back, simplify", _put_back)


def _line(calculation: Calculation, node: Lim, inner: dict) -> Calculation:
    """Take the function apart while it has parts; then decide its limit."""
    if node in inner:
        f, x = inner[node]
        if found := _apart(f, x, calculation, node):
            named, data, parts, names, note = found
            inner |= {Lim(quotient(g, v, node.variable), *node.args[1:]): (g, v) for g, v in parts}
            return calculation.then(named, (Work(node, data),), note, names=names)
    found = search(node, exclude=(LHOPITAL,))
    if found is None:
        raise SymgradError(explain("the limit of the difference quotient is not decided by algebra.", str(node)))
    for named, work, note in found[0]:
        calculation = calculation.then(named, (work,), note)
    return calculation


def _apart(f: Expr, x: Symbol, calculation: Calculation, node: Lim):
    """(rule, its data, [(part, variable)], new names, note), or None for what is decided as it is."""
    if x not in f.free_symbols or f == x or (f.is_polynomial(x) and sympy.degree(f, x) <= BINOMIAL):
        return None
    if isinstance(f, Add):
        return SUM, (f, x), [(t, x) for t in f.args], {}, ""
    if isinstance(f, Mul) and split(f, x)[0] != 1:
        return MULTIPLE, (f, x), [(split(f, x)[1], x)], {}, ""
    if isinstance(f, Mul):
        parts = [f.args[0], Mul(*f.args[1:])]
        return PRODUCT, (f, x), [(p, x) for p in parts], {}, ""
    if _plainer(f) != f:
        return REWRITTEN, (f, x), [(_plainer(f), x)], {}, ""
    if isinstance(f, (Function, Pow)) and sum(x in a.free_symbols for a in f.args) == 1 and _inner(f, x) != x:
        u = fresh({*f.free_symbols, node.variable, *calculation.names}, _inner(f, x))
        note = f"with ${sympy.latex(u)} = {sympy.latex(_inner(f, x))}$, which is continuous"
        return COMPOSITION, (f, x, u), [(_outer(f, x, u), u), (_inner(f, x), x)], {u: _inner(f, x)}, note
    return None
