"""Normalisation, expectation, variance, marginals and entropies, by integration or summation, each step shown.

>>> from .densities import gamma, normal
>>> expectation("x**2", normal("mu", "sigma")).value
mu**2 + sigma**2
>>> expectation("log(x)", gamma("a", "b")).value
-log(b) + polygamma(0, a)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy
from sympy import Abs, Add, Expr, S, Symbol

from .. import notation
from ..calculus.patience import within
from ..calculus.scalar import check
from ..calculus.scalar.integral import UnknownSign, compare, settle, with_moduli
from ..calculus.scalar.operators import Definite, Mean, Series
from ..calculus.scalar.steps import Calculation, Work, line_rule, rule, split, tidy
from ..errors import CheckError, SymgradError, explain
from ..ir.system import Step
from .densities import Density
from .report import Report, latex

SECONDS = 60.0


# -- the calculation: E[g] is linear; each term that is left is an integral or a sum


def _linear(node: Mean, x: Symbol) -> Expr:
    """E[c + a T(x) + ...] = c + a E[T(x)] + ..."""
    total = S.Zero
    for term in Add.make_args(expanded(node.body, x)):
        constant, rest = split(term, x)
        total += constant if rest == 1 else constant * Mean(rest, x)
    return total


def expanded(g: Expr, x: Symbol) -> Expr:
    """g as a sum of terms, powers and products multiplied out, logarithms of x left as they are."""
    return sympy.expand(g, log=False, power_base=False, power_exp=False)


def _definition(node: Mean, p: Density) -> Expr:
    if p.discrete:
        at = ({p.variable: v} for v in p.support)
        return Add(*(p.density.xreplace(v) * node.body.xreplace(v) for v in at))
    if p.counting:
        return Series(node.body * p.density, p.variable, *p.support)
    return Definite(node.body * p.density, p.variable, *p.support)


def _known(node: Mean, value: Expr) -> Expr:
    return value


LINEAR = rule("linearity of the expectation", _linear)
DEFINITION = rule("definition of the expectation", _definition)
MOMENT = rule("the expectation found above", _known)
BOTH_ORDERS = line_rule("the same formula in both orders", lambda value, line: value)


@dataclass(frozen=True)
class Found:
    """A value, the steps that lead to it, and at how many points it was compared with quadrature."""

    value: Expr
    steps: tuple[Step, ...]
    checked: int


def mean(g: Expr, p: Density) -> Found:
    """E[g(x)] under p. Raises SymgradError where an integral is not decided."""
    line = Calculation(Mean(g, p.variable))
    line = line.then(LINEAR, (Work(line.start, p.variable),))
    nodes = sorted(line.result.atoms(Mean), key=sympy.default_sort_key)
    found = {node: _moment(node, p) for node in nodes}
    if len(nodes) == 1 and line.result == nodes[0]:
        return found[nodes[0]]
    line = line.then(MOMENT, tuple(Work(n, f.value) for n, f in found.items()))
    steps = tuple(step for f in found.values() for step in f.steps)
    counts = [f.checked for f in found.values()]
    return Found(gathered(line.result), (*steps, *line.steps), min(counts, default=check.ENOUGH))


def _moment(node: Mean, p: Density) -> Found:
    """One expectation that linearity does not take apart."""
    start = Calculation(node).then(DEFINITION, (Work(node, p),))
    try:
        done = settle(start)
    except UnknownSign as unknown:
        return _in_both_orders(node, p, unknown.value)
    count = check.ENOUGH if p.discrete else compare(start.result, done.result)
    return Found(done.result, done.steps, count)


def _in_both_orders(node: Mean, p: Density, difference: Expr) -> Found:
    """The sign of a difference of parameters is not known: both are tried, and both must give one formula in |.|."""
    moved = sorted(difference.free_symbols, key=str)[0]
    gap = Symbol("d", positive=True)
    slope = difference.coeff(moved, 1)
    cases = {}
    for sign in (1, -1):
        at = {moved: sympy.expand(moved - (difference - sign * gap) / slope)}
        density = replace(p, log_density=p.log_density.xreplace(at))
        start = Calculation(node.xreplace(at)).then(DEFINITION, (Work(node.xreplace(at), density),))
        done = settle(start)
        compare(start.result, done.result)
        cases[sign] = done
    above, below = (tidy(c.result) for c in cases.values())
    if check.agree(above, below) in (None, 0) or moved in above.free_symbols:
        raise SymgradError(explain("the two orders of the parameters give two formulas.", f"{above} and {below}"))
    value = above.xreplace({gap: Abs(difference)})
    last = Step(BOTH_ORDERS, above, value, value, note=f"$d = {sympy.latex(Abs(difference))}$")
    return Found(value, (*cases[-1].steps, *cases[1].steps, last), check.ENOUGH)


def gathered(f: Expr) -> Expr:
    """The shortest of the sum multiplied out and what `tidy` makes of it."""
    spellings = [tidy(f), sympy.expand(f)]
    return min(spellings, key=sympy.count_ops)


# -- questions


def expectation(g: Expr | str, p: Density, seconds: float = SECONDS) -> Report:
    """E[g(x)] for a density p."""
    with within(seconds, "this expectation"):
        formula = formula_of(g, {p.variable.name: p.variable, **{s.name: s for s in p.log_density.free_symbols}})
        found = mean(formula, p)
    return _report(f"Expectation under a {p.name} distribution", Mean(formula, p.variable), found, p)


def normalisation(p: Density, seconds: float = SECONDS) -> Report:
    """The integral (or sum) of the density over its support; CheckError where it is not 1.

    >>> from .densities import laplace
    >>> normalisation(laplace("mu", "b")).value
    1
    """
    with within(seconds, "this normalisation"):
        found = _moment(Mean(S.One, p.variable), p)
    value = _ones(found.value, p)
    if value != 1 and check.agree(value, S.One) in (None, 0):
        raise CheckError(explain(f"the {p.name} density is not normalised.", f"its integral is {found.value}"))
    return _report(f"Normalisation of the {p.name} density", "", replace(found, value=S.One), p)


def _ones(value: Expr, p: Density) -> Expr:
    """Probabilities with names sum to 1 by agreement."""
    return S.One if p.discrete and value == Add(*p.parameters) else value


def variance(p: Density, seconds: float = SECONDS) -> Report:
    """Var[x] = E[x^2] - E[x]^2.

    >>> from .densities import exponential
    >>> variance(exponential("r")).value
    r**(-2)
    """
    x = p.variable
    with within(seconds, "this variance"):
        first, second = mean(x, p), mean(x**2, p)
    value = sympy.factor(tidy(sympy.expand(second.value - first.value**2)))
    last = Step("variance", Mean(x**2, x) - Mean(x, x) ** 2, value)
    found = Found(value, (*first.steps, *second.steps, last), min(first.checked, second.checked))
    return _report(f"Variance of a {p.name} distribution", "", found, p)


def entropy(p: Density, seconds: float = SECONDS) -> Report:
    """E[-log p(x)], in nats.

    >>> from .densities import exponential
    >>> entropy(exponential("r")).value
    1 - log(r)
    """
    return _entropy(p, p, f"Entropy of a {p.name} distribution", seconds)


def cross_entropy(p: Density, q: Density, seconds: float = SECONDS) -> Report:
    """E[-log q(x)] for x drawn from p, in nats."""
    return _entropy(p, q.renamed(p.variable), f"Cross-entropy of {p.name} and {q.name}", seconds)


def _entropy(p: Density, q: Density, title: str, seconds: float) -> Report:
    with within(seconds, "this entropy"):
        found = mean(-q.log_density, p)
    return _report(title, Mean(-q.log_density, p.variable), found, p)


def marginal(joint: Expr | str, over: tuple, positive=(), seconds: float = SECONDS) -> Report:
    """p(x) = int p(x, y) dy: the joint density as a formula, and the range (name, from, to) that is integrated over.

    >>> marginal("exp(-x - y)", ("y", 0, "oo")).value
    exp(-x)
    """
    name, *ends = over
    formula = formula_of(joint, {n: Symbol(n, positive=True) for n in positive})
    y = next((s for s in formula.free_symbols if s.name == str(name)), Symbol(str(name), real=True))
    low, high = (_end(e, formula) for e in ends)
    with within(seconds, "this marginal"):
        done = settle(Calculation(Definite(formula, y, low, high)))
        count = compare(done.start, done.result)
    return _report("Marginal density", done.start, Found(done.result, done.steps, count), None)


def _end(end, formula: Expr) -> Expr:
    if isinstance(end, str):
        found = {"oo": sympy.oo, "-oo": -sympy.oo, "inf": sympy.oo, "-inf": -sympy.oo}.get(end)
        return formula_of(end, {s.name: s for s in formula.free_symbols}) if found is None else found
    return sympy.sympify(end, strict=True)


def formula_of(g: Expr | str, known: Mapping[str, Symbol]) -> Expr:
    """Text, or SymPy, with the symbols of these names."""
    expr = notation.formula(g)
    return with_moduli(expr.xreplace({s: known[s.name] for s in expr.free_symbols if s.name in known}))


def _report(title: str, statement, found: Found, p: Density | None) -> Report:
    conclusion = f"The result is ${latex(found.value)}$. Compared with quadrature at {found.checked} points."
    return Report(title, statement, found.steps, conclusion, found.value, p.source if p else "")
