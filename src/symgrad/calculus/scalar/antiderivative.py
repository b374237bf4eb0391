"""Antiderivatives: linearity, powers, a table, substitution, parts, rewriting. Each step is proved by differentiating.

SymPy's `manualintegrate` proposes the substitution, the parts and the rewriting (it gives a tree of rules, not only an
answer). Nothing it proposes is believed: a rule here computes its line anew, and refuses a line whose derivative is not
the integrand.

>>> x = Symbol("x", real=True)
>>> for step in antiderivative(x*sympy.exp(x), x).steps:
...     print(step.rule.name, "|", step.after)
integration by parts | x*exp(x) - int(exp(x), x)
table | x*exp(x) - exp(x)
simplify | (x - 1)*exp(x)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sympy
from sympy import Abs, Add, Expr, Pow, S, Symbol, log
from sympy.integrals import manualintegrate as manual

from ...errors import CheckError, SymgradError, explain
from ...functions import to_sympy
from ..rewrite import Rule
from . import check
from .operators import Antiderivative, pending
from .steps import PUT_BACK, TIDY, Calculation, Work, fresh, rule, split

LINES = 200
Move = tuple[Rule, Any, str, Mapping[Symbol, Expr]]  # a rule, its data, a remark, new names


def antiderivative(f: Expr, x: Symbol) -> Calculation:
    """A function with derivative f. Raises SymgradError where no rule finds one.

    The result is differentiated and compared with f in 30 digits; a difference is a CheckError.
    """
    calculation = resolve_antiderivatives(Calculation(Antiderivative(to_sympy(f), x)))
    calculation = calculation.then(PUT_BACK, calculation.names).then(TIDY, None)
    compared = check.agree(calculation.result.diff(x), f)
    if compared is None or not check.is_slope(calculation.result, x, f):
        raise CheckError(explain("the derivative of the result is not the integrand.", f"{calculation.result} for {f}"))
    return replace(calculation, checked=compared)


def resolve_antiderivatives(calculation: Calculation) -> Calculation:
    while nodes := pending(calculation.result, Antiderivative):
        before = calculation.result
        if len(calculation.steps) > LINES:
            raise SymgradError(f"the calculation has more than {LINES} lines.")
        named, data, note, names = _move(nodes[0], calculation)
        calculation = calculation.then(named, (Work(nodes[0], data),), note, names=names)
        if calculation.result == before:
            raise SymgradError(explain("cannot decide this integral: the search goes in a circle.", str(nodes[0])))
    return calculation


# -- rules; data of those that were searched: (what was found, {new name: what it stands for})


def _proved(local: Callable[[Antiderivative, Any], Expr]) -> Callable[[Antiderivative, Any], Expr]:
    """`local`, and a check that the derivative of what it gives is the integrand."""

    def checked(node: Antiderivative, data: Any) -> Expr:
        after = local(node, data)
        names = data[1] if isinstance(data, tuple) and len(data) == 2 and isinstance(data[1], dict) else {}
        slope = _slope(after, node.variable, names)
        if check.agree(slope, node.body) is None:
            raise CheckError(explain("this step is wrong: its derivative is not the integrand.", f"{node} = {after}"))
        return after

    return checked


def _slope(f: Expr, x: Symbol, names: Mapping[Symbol, Expr]) -> Expr:
    """df/dx, where int g du differentiates to g du/dx and each name stands for its expression in x."""
    parts = {node: sympy.Dummy(real=True) for node in pending(f, Antiderivative)}
    plain = f.xreplace(parts)
    total = plain.diff(x) + Add(*(plain.diff(u) * g.diff(x) for u, g in names.items()))
    for node, symbol in parts.items():
        inner = names.get(node.variable, node.variable)
        total += plain.diff(symbol) * node.body * inner.diff(x)
    return total.xreplace(dict(names))


def _constant(node: Antiderivative, data) -> Expr:
    return node.body * node.variable


def _sum(node: Antiderivative, data) -> Expr:
    return Add(*(Antiderivative(term, node.variable) for term in node.body.args))


def _multiple(node: Antiderivative, data) -> Expr:
    constant, rest = split(node.body, node.variable)
    return constant * Antiderivative(rest, node.variable)


def _power(node: Antiderivative, data) -> Expr:
    base, exponent = node.body.as_base_exp()
    return base ** (exponent + 1) / (exponent + 1)


def _reciprocal(node: Antiderivative, data) -> Expr:
    return log(node.variable) if node.variable.is_positive else log(Abs(node.variable))


def _table(node: Antiderivative, data: Expr) -> Expr:
    return data


def _rewritten(node: Antiderivative, data: Expr) -> Expr:
    return Antiderivative(data, node.variable)


def _parts(node: Antiderivative, data: tuple[Expr, Expr]) -> Expr:
    """int u dv = u v - int v du, with data = (u, v)."""
    u, v = data
    return u * v - Antiderivative(v * u.diff(node.variable), node.variable)


def _parts_twice(node: Antiderivative, data: tuple[tuple[tuple[Expr, Expr], ...], Expr]) -> Expr:
    """int f = u1 v1 - u2 v2 + ... + c int f, solved for int f."""
    pairs, coefficient = data
    total = Add(*((-1) ** k * u * v for k, (u, v) in enumerate(pairs)))
    return total / (1 - coefficient)


def _substituted(node: Antiderivative, data: tuple[Expr, dict[Symbol, Expr]]) -> Expr:
    """int g(u(x)) u'(x) dx = int g(u) du."""
    integrand, names = data
    return Antiderivative(integrand, next(iter(names)))


CONSTANT = rule("constant rule", _proved(_constant))
SUM = rule("sum rule", _proved(_sum))
MULTIPLE = rule("constant multiple rule", _proved(_multiple))
POWER = rule("power rule", _proved(_power))
RECIPROCAL = rule("integral of 1/x", _proved(_reciprocal))
TABLE = rule("table", _proved(_table))
FOUND = rule("found by search, proved by differentiating", _proved(_table))
REWRITTEN = rule("integrand rewritten", _proved(_rewritten))
PARTS = rule("integration by parts", _proved(_parts))
PARTS_TWICE = rule("integration by parts until the integral returns", _proved(_parts_twice))
SUBSTITUTED = rule("substitution", _proved(_substituted))


# -- which rule


def _move(node: Antiderivative, calculation: Calculation) -> Move:
    f, x = node.body, node.variable
    if x not in f.free_symbols:
        return CONSTANT, None, "", {}
    if isinstance(f, Add):
        return SUM, None, "", {}
    if split(f, x)[0] != 1:
        return MULTIPLE, None, "", {}
    if f == 1 / x:
        return RECIPROCAL, None, "", {}
    if isinstance(f, (Symbol, Pow)) and f.as_base_exp()[0] == x and x not in f.as_base_exp()[1].free_symbols:
        exponent = f.as_base_exp()[1]
        return POWER, None, "" if exponent.is_number else f"${sympy.latex(exponent)} \\ne -1$", {}
    taken = {*f.free_symbols, *calculation.names, *calculation.start.free_symbols, *calculation.result.free_symbols}
    tree = _cheapest(manual.integral_steps(f, x))
    return _from_tree(tree, node, taken) if tree is not None else _search(node)


def _from_tree(tree: manual.Rule, node: Antiderivative, taken: set[Symbol], factor: Expr = S.One) -> Move:
    """One rule of SymPy's proposal as one of ours; the integrand is `factor` times the tree's."""
    x = node.variable
    match tree:
        case manual.ConstantTimesRule() if node.body == factor * tree.constant * tree.other:
            return _from_tree(_cheapest(tree.substep), node, taken, factor * tree.constant)
        case manual.URule():
            u = fresh(taken, tree.u_func)
            names = {u: tree.u_func}
            integrand = _in_terms_of(node, tree, u)
            return SUBSTITUTED, (integrand, names), f"with ${sympy.latex(u)} = {sympy.latex(tree.u_func)}$", names
        case manual.CyclicPartsRule():
            pairs = tuple((factor * p.u, antiderivative(p.dv, x).result) for p in tree.parts_rules)
            return PARTS_TWICE, (pairs, tree.coefficient), _parts_note(*pairs[0]), {}
        case manual.PartsRule():
            v = antiderivative(tree.dv, x).result
            return PARTS, (factor * tree.u, v), _parts_note(factor * tree.u, v), {}
        case manual.RewriteRule() if factor * tree.rewritten != node.body:
            return REWRITTEN, factor * tree.rewritten, "", {}
    value = factor * _generic(tree.eval())
    return (TABLE, _with_moduli(value), "", {}) if _right(value, node) else _search(node)


def _in_terms_of(node: Antiderivative, tree: manual.Rule, u: Symbol) -> Expr:
    """g(u) with f = g(u(x)) u'(x); what is proposed may lack a constant factor."""
    proposed = tree.substep.integrand.xreplace({tree.u_var: u})
    ratio = node.body / (proposed.xreplace({u: tree.u_func}) * tree.u_func.diff(node.variable))
    return sympy.cancel(sympy.powsimp(sympy.together(ratio))) * proposed


def _parts_note(u: Expr, v: Expr) -> str:
    return f"with $u = {sympy.latex(u)}$, $v = {sympy.latex(v)}$"


def _with_moduli(f: Expr) -> Expr:
    """log|g| for log g, where g is not known to be positive: right on both sides of a zero of g."""
    return f.replace(log, lambda g: log(g) if g.is_positive or not g.free_symbols else log(Abs(g)))


def _generic(f: Expr) -> Expr:
    """The case that holds for almost all parameters."""
    return f.replace(sympy.Piecewise, lambda *cases: next((v for v, c in cases if c.has(sympy.Ne) or c == True), S.NaN))  # noqa: E712


def _right(value: Expr, node: Antiderivative) -> bool:
    if value.has(S.NaN, sympy.Integral):
        return False
    return check.agree(value.diff(node.variable), node.body) not in (None, 0)


def _search(node: Antiderivative) -> Move:
    value = _generic(sympy.integrate(node.body, node.variable))
    if not value.has(sympy.Integral) and _right(_with_moduli(value), node):
        return FOUND, _with_moduli(value), "", {}
    raise SymgradError(explain("cannot decide this integral: no rule gives an antiderivative.", str(node)))


def _cheapest(tree: manual.Rule) -> manual.Rule | None:
    """Of the alternatives the one with the fewest rules; None where some part is unknown."""
    if isinstance(tree, manual.AlternativeRule):
        known = [a for a in map(_cheapest, tree.alternatives) if a is not None]
        return min(known, key=_count) if known else None
    return None if tree.contains_dont_know() else tree


def _count(tree: Any) -> int:
    """How many rules a proposal has."""
    if isinstance(tree, manual.AlternativeRule):
        known = [a for a in tree.alternatives if not a.contains_dont_know()]
        return min(map(_count, known)) if known else 1000
    if isinstance(tree, (list, tuple)):
        return sum(map(_count, tree))
    if not isinstance(tree, manual.Rule):
        return 0
    return 1 + sum(_count(part) for part in vars(tree).values())
