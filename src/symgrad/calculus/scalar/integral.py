"""Definite integrals and finite sums: named integrals, splitting, or F(b) - F(a); multiple ones from the inside out.

The value is compared with quadrature (mpmath) before it is given away. An integral that diverges, or whose value cannot
be checked, is an error.

>>> x = Symbol("x", real=True)
>>> integrate(Definite(x**2, x, 0, 3)).result
9
>>> integrate(Definite(exp(-x**2/2), x, -sympy.oo, sympy.oo)).result
sqrt(2)*sqrt(pi)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import sympy
from sympy import Abs, Add, Expr, S, Symbol, exp, oo

from ...errors import SymgradError, explain
from ...functions import heads, to_sympy
from ..rewrite import Rule
from . import kernels, series
from .antiderivative import antiderivative
from .derivative import choose
from .limit import limit
from .operators import Between, Definite, Diff, Operator, Series, pending
from .quadrature import compare_values, root
from .steps import PUT_BACK, TIDY, Calculation, Work, fresh, rule, split
from .tends import UNBOUNDED, tends

LINES = 300
TERMS = 200  # a finite sum is written out up to this many terms


def integrate(start: Expr) -> Calculation:
    """Remove every operator of an expression; compare the result with quadrature.

    Raises SymgradError where no rule decides or the integral diverges, CheckError where quadrature disagrees.
    """
    calculation = settle(Calculation(start))
    return replace(calculation, checked=compare(start, calculation.result))


def settle(calculation: Calculation) -> Calculation:
    """Apply rules from the inside out until no operator is left, put names back, simplify."""
    while nodes := pending(calculation.result):
        if len(calculation.steps) > LINES:
            raise SymgradError(f"the calculation has more than {LINES} lines.")
        if hidden := _hiding(calculation, nodes[0]):
            calculation = calculation.then(PUT_BACK, hidden)
            continue
        named, data, note, names = _move(nodes[0], calculation)
        others = [n for n in nodes[1:] if not names and not note]
        context = [Work(nodes[0], data)]
        for other in others:
            again = _move(other, calculation)
            if again[0].name == named.name and not again[3]:
                context.append(Work(other, again[1]))
        before = calculation.result
        calculation = calculation.then(named, tuple(context), note, names=names)
        if calculation.result == before:
            raise SymgradError(explain("cannot decide this integral: no rule changes it.", str(nodes[0])))
    return calculation.then(PUT_BACK, calculation.names).then(TIDY, None)


def _hiding(calculation: Calculation, node: Operator) -> dict[Symbol, Expr]:
    """The names in the body that stand for something with the operator's variable in it. Variables of operators are
    no names: what they stand for is put in when their operator is gone."""
    bound = {n.variable for n in calculation.result.atoms(Operator)}
    names = {u: g for u, g in calculation.names.items() if u not in bound}
    used = node.body.free_symbols & set(names)
    return names if any(node.variable in PUT_BACK.replace(names, u).free_symbols for u in used) else {}


def with_moduli(f: Any) -> Expr:
    """relu, max and min as sums with an absolute value, which is what an integral is cut at.

    >>> with_moduli(heads.relu(Symbol("x", real=True)))
    x/2 + Abs(x)/2
    """
    f = f.replace(heads.relu, lambda u: (u + Abs(u)) / 2)
    f = f.replace(heads.maximum, lambda u, v: (u + v + Abs(u - v)) / 2)
    return to_sympy(f.replace(heads.minimum, lambda u, v: (u + v - Abs(u - v)) / 2))


# -- rules: local(node, data)


def _constant(node: Definite, data) -> Expr:
    low, high = node.ends
    return node.body * (high - low)


def _multiple(node: Operator, data) -> Expr:
    constant, rest = split(node.body, node.variable)
    return constant * node.func(rest, *node.args[1:])


def _sum(node: Operator, data) -> Expr:
    return Add(*(node.func(term, *node.args[1:]) for term in Add.make_args(sympy.expand(node.body))))


def _antiderivative(node: Definite, primitive: Expr) -> Expr:
    return Between(primitive, *node.args[1:])


def _at_ends(node: Between, data) -> Expr:
    """F(b) - F(a), by substitution or as limits from inside."""
    low, high = node.ends
    return _end(node, high, -1) - _end(node, low, 1)


def _end(node: Between, end: Expr, side: int) -> Expr:
    value = tends(node.body, node.variable, end, side)
    return limit(node.body, node.variable, end, side).result if value is None else value


def _at_kinks(node: Definite, points: tuple[Expr, ...]) -> Expr:
    """The range cut where |g| changes its sign, and |g| replaced by g or -g."""
    low, high = node.ends
    ends = (low, *points, high)
    return Add(*(_piece(node, a, b) for a, b in pairwise(ends)))


def _piece(node: Definite, low: Expr, high: Expr) -> Definite:
    x = node.variable
    inside = high - 1 if low == -oo else low + 1 if high == oo else (low + high) / 2
    body = node.body.replace(Abs, lambda g: g if _sign_at(g, x, inside) > 0 else -g)
    return Definite(body, x, low, high)


class UnknownSign(SymgradError):
    """The sign of `value` decides how an integral is cut, and is not known."""

    def __init__(self, value: Expr):
        super().__init__(explain(f"cannot decide the sign of {value}.", fix="State which of its parts is larger."))
        self.value = value


def _sign_at(g: Expr, x: Symbol, point: Expr) -> int:
    value = sympy.expand(g.xreplace({x: point}))
    if value.is_positive is None and value.is_negative is None:
        raise UnknownSign(value)
    return 1 if value.is_positive else -1


def _shifted(node: Definite, data: tuple[Symbol, Expr, int]) -> Expr:
    """x = m + s t."""
    t, m, s = data
    ends = [(e - m) / s for e in node.ends]
    body = sympy.powsimp(_expand_exponents(node.body.xreplace({node.variable: m + s * t})))
    return Definite(body, t, *(ends if s > 0 else ends[::-1]))


def _expand_exponents(f: Expr) -> Expr:
    return f.replace(exp, lambda g: exp(sympy.expand(g)))


def _odd(node: Definite, data) -> Expr:
    return S.Zero


def _terms(node: Series, data) -> Expr:
    low, high = node.ends
    return Add(*(node.body.xreplace({node.variable: sympy.Integer(k)}) for k in range(int(low), int(high) + 1)))


def _derived(node: Diff, data) -> Expr:
    return data[0].replace((Work(node, data[1]),), node)


CONSTANT = rule("integral of a constant", _constant)
MULTIPLE = rule("constant factor", _multiple)
SUM = rule("integral of a sum", _sum)
FUNDAMENTAL = rule("fundamental theorem of calculus", _antiderivative)
AT_ENDS = rule("F(b) - F(a)", _at_ends)
AT_KINKS = rule("cut where the absolute value changes", _at_kinks)
SHIFTED = rule("substitution", _shifted)
ODD = rule("odd function over a symmetric range", _odd)
TERMS_OF_SUM = rule("the terms of the sum", _terms)
TERM_BY_TERM = rule("sum of a sum", _sum)

Move = tuple[Rule, Any, str, Mapping[Symbol, Expr]]


def _move(node: Operator, calculation: Calculation) -> Move:
    taken = {*calculation.result.free_symbols, *calculation.names, *calculation.start.free_symbols}
    taken |= {n.variable for n in calculation.result.atoms(Operator)}
    match node:
        case Diff():
            chosen = choose(node, calculation.names, taken)
            return chosen.rule, chosen.data, chosen.note, chosen.names or {}
        case Between():
            return AT_ENDS, None, "", {}
        case Series():
            return _series_move(node, taken)
        case Definite():
            return _definite_move(node, taken)
    raise SymgradError(explain("no rule for this operator here.", str(node)))


def _series_move(node: Series, taken: set[Symbol]) -> Move:
    k, (low, high) = node.variable, node.ends
    if split(node.body, k)[0] != 1:
        return MULTIPLE, None, "", {}
    if low.is_Integer and high.is_Integer and high - low < TERMS:
        return TERMS_OF_SUM, None, "", {}
    if len(Add.make_args(sympy.expand(node.body))) > 1:
        return TERM_BY_TERM, None, "", {}
    return series.move(node, taken)


def _definite_move(node: Definite, taken: set[Symbol]) -> Move:
    f, x = node.body, node.variable
    finite = not any(e in UNBOUNDED for e in node.ends)
    if x not in f.free_symbols:
        if f == 0 or finite:
            return CONSTANT, None, "", {}
        raise SymgradError(explain("this integral diverges.", str(node)))
    if split(f, x)[0] != 1:
        return MULTIPLE, None, "", {}
    if f.has(Abs) and (move := _kink_move(node)):
        return move
    if found := kernels.match(node, _letter(taken, "t" if node.ends == (-oo, oo) else "r")):
        return found
    if node.ends == (-oo, oo) and _is_odd(f, x) and _decays(f, x):
        return ODD, None, "", {}
    if move := _half_line(node, taken):
        return move
    if not finite and _all_named(node):
        return SUM, None, "", {}
    primitive = antiderivative(f, x)
    return FUNDAMENTAL, primitive.result, f"the derivative of ${sympy.latex(primitive.result)}$ is the integrand", {}


def _letter(taken: set[Symbol], wanted: str) -> Symbol:
    return Symbol(wanted, real=True) if wanted not in {s.name for s in taken} else fresh(taken)


def _kink_move(node: Definite) -> Move | None:
    points = []
    for call in node.body.atoms(Abs):
        g, x = call.args[0], node.variable
        if x not in g.free_symbols:
            continue
        if not g.is_polynomial(x) or sympy.degree(g, x) != 1:
            return None
        points.append(root(g, x))
    inside = [p for p in dict.fromkeys(points) if _between(p, *node.ends)]
    if not points:
        return None
    for p, q in combinations(inside, 2):
        if (p - q).is_positive is None and (p - q).is_negative is None:
            raise UnknownSign(p - q)
    ordered = sorted(inside, key=lambda p: sum(1 for q in inside if (p - q).is_positive))
    return AT_KINKS, tuple(ordered), "", {}


def _between(point: Expr, low: Expr, high: Expr) -> bool:
    above = low == -oo or (point - low).is_positive
    below = high == oo or (high - point).is_positive
    return bool(above and below)


def _half_line(node: Definite, taken: set[Symbol]) -> Move | None:
    """A half line becomes t > 0, where that gives a named integral."""
    low, high = node.ends
    if high == oo and low not in (-oo, S.Zero):
        m, s = low, 1
    elif low == -oo and high != oo:
        m, s = high, -1
    else:
        return None
    t = _letter(taken, "t")
    after = _shifted(node, (t, m, s))
    terms = Add.make_args(sympy.expand(after.body))
    if not all(_named(Definite(split(term, t)[1], t, 0, oo)) for term in terms):
        return None
    return SHIFTED, (t, m, s), f"with ${sympy.latex(node.variable)} = {sympy.latex(m + s * t)}$", {}


def _named(node: Definite) -> bool:
    return kernels.match(node, Symbol("r")) is not None


def _all_named(node: Definite) -> bool:
    terms = Add.make_args(sympy.expand(node.body))
    return len(terms) > 1 and all(_named(Definite(split(t, node.variable)[1], *node.args[1:])) for t in terms)


def _is_odd(f: Expr, x: Symbol) -> bool:
    return sympy.expand(f.xreplace({x: -x}) + f) == 0


def _decays(f: Expr, x: Symbol) -> bool:
    """Is f small against 1/x**2 at infinity, so that its integral exists?"""
    return tends(f, x, oo, 0) == 0 and _limit_is_zero(f * x**2, x)


def _limit_is_zero(f: Expr, x: Symbol) -> bool:
    try:
        return limit(f, x, oo).result == 0
    except SymgradError:
        return False


# -- numbers


def compare(start: Expr, answer: Expr) -> int:
    """At how many points of the parameters numbers give the answer. CheckError where they do not; an error where they
    never could tell."""
    return compare_values(_flat(start), answer)


def _flat(expr: Expr) -> Expr:
    """Inner integrals replaced by their values, each compared with quadrature on its own: no nested quadrature."""
    inner = {n for n in expr.atoms(Definite) if any(m is not n and m.body.has(n) for m in expr.atoms(Definite))}
    innermost = [n for n in inner if not n.body.has(Definite)]
    return _flat(expr.xreplace({n: integrate(n).result for n in innermost})) if innermost else expr
