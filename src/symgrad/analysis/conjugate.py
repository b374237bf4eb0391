r"""Conjugate Bayesian updates, derived: log prior + log likelihood as a function of the parameter, matched to the
prior's
family term by term.

>>> posterior("beta(a, b)", "bernoulli(x)", "p").value
{'a': a + x, 'b': b - x + 1}

A family is its log-density in the parameter, up to a constant (the table `PRIORS`); a likelihood may be any formula
of a
log-density as well. Source: Gelman et al., Bayesian Data Analysis (2013), section 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import mpmath
import sympy
from sympy import Expr, Rational, Symbol, expand_log, oo

from ..calculus.rewrite import Rule
from ..errors import SymgradError, did_you_mean
from ..functions import to_sympy
from ..ir.system import Step
from .question import checked, formula, value
from .report import Report

SOURCE = "Gelman et al., Bayesian Data Analysis (2013), sections 2.4 to 2.6 and 3.4"


@dataclass(frozen=True)
class Family:
    """A log-density up to a constant: `log` in the parameter `theta` (t1, t2, ... for a vector) and `names`."""

    names: tuple[str, ...]
    log: str
    support: tuple = (-oo, oo)


PRIORS: Mapping[str, Family] = {
    "normal": Family(("m", "v"), "-(theta - m)**2/(2*v)"),
    "beta": Family(("a", "b"), "(a - 1)*log(theta) + (b - 1)*log(1 - theta)", (0, 1)),
    "gamma": Family(("a", "b"), "(a - 1)*log(theta) - b*theta", (0, oo)),
    "inverse_gamma": Family(("a", "b"), "-(a + 1)*log(theta) - b/theta", (0, oo)),
}
LIKELIHOODS: Mapping[str, Family] = {
    "normal": Family(("x", "s2"), "-(x - theta)**2/(2*s2)"),
    "normal_variance": Family(("x", "m"), "-log(theta)/2 - (x - m)**2/(2*theta)"),
    "bernoulli": Family(("x",), "x*log(theta) + (1 - x)*log(1 - theta)"),
    "binomial": Family(("x", "n"), "x*log(theta) + (n - x)*log(1 - theta)"),
    "geometric": Family(("x",), "log(theta) + x*log(1 - theta)"),
    "poisson": Family(("x",), "x*log(theta) - theta"),
    "exponential": Family(("x",), "log(theta) - theta*x"),
    "pareto": Family(("x", "x0"), "log(theta) - (theta + 1)*log(x/x0)"),
}


def posterior(prior: str, likelihood: str, theta: str = "theta", n: str = "") -> Report:
    """The posterior's parameters, where prior and posterior are of one family. The value maps the prior's parameter
    names
    to expressions.

    `prior` and `likelihood` are calls such as "normal(m, v)" and "normal(x, s2)" with any names or formulas as
    arguments,
    or "dirichlet(a1, a2, a3)" with "categorical(k)". `n` names a number of independent observations with the same
    statistics, x being their mean. Raises SymgradError where the pair is not conjugate: a term is left over.
    """
    (kind, given), (likely, data) = _call(prior), _call(likelihood)
    if kind == "dirichlet":
        return _dirichlet(given, likely, data)
    family, log_prior = _read(PRIORS, kind, given, theta)
    _, log_likelihood = _read(LIKELIHOODS, likely, data, theta)
    if n:
        log_likelihood = formula(n) * log_likelihood
    return _matched(family, kind, log_prior, log_likelihood, (Symbol(theta, real=True),), prior, likelihood)


def _call(text: str) -> tuple[str, list[str]]:
    found = re.fullmatch(r"\s*(\w+)\s*\((.*)\)\s*", text)
    if not found:
        raise SymgradError(f'a distribution is written as a call, not {text!r}: "normal(m, v)".')
    return found[1], [a.strip() for a in found[2].split(",") if a.strip()]


def _read(table: Mapping[str, Family], kind: str, given: list[str], theta: str) -> tuple[Family, Expr]:
    if kind not in table:
        raise SymgradError(f"{kind} is not in the table ({', '.join(table)}). {did_you_mean(kind, table)}".rstrip())
    family = table[kind]
    if len(given) != len(family.names):
        raise SymgradError(f"{kind} takes {', '.join(family.names)}, not {len(given)} arguments.")
    held = {Symbol(n, real=True): formula(a) for n, a in zip(family.names, given)}
    held[Symbol("theta", real=True)] = Symbol(theta, real=True)
    return family, formula(family.log).subs(held, simultaneous=True)


def _dirichlet(given: list[str], likely: str, data: list[str]) -> Report:
    if likely not in ("categorical", "multinomial"):
        raise SymgradError(
            f"a Dirichlet prior is conjugate to categorical(k) or multinomial(x1, ...), not to {likely}."
        )
    size = len(given)
    thetas = tuple(Symbol(f"theta{i + 1}", real=True) for i in range(size))
    names = tuple(f"a{i + 1}" for i in range(size))
    family = Family(names, " + ".join(f"({n} - 1)*log({t})" for n, t in zip(names, thetas)), (0, 1))
    if likely == "categorical":
        if len(data) != 1 or not data[0].isdigit() or not 1 <= int(data[0]) <= size:
            raise SymgradError(f"categorical takes the number of the observed class, 1 to {size}.")
        counts = [str(int(int(data[0]) == i + 1)) for i in range(size)]
    else:
        counts = data
    held = {Symbol(n, real=True): formula(a) for n, a in zip(names, given)}
    log_prior = formula(family.log).subs(held, simultaneous=True)
    log_likelihood = sum(formula(c) * sympy.log(t) for c, t in zip(counts, thetas))
    return _matched(family, "dirichlet", log_prior, log_likelihood, thetas, f"dirichlet({', '.join(given)})", likely)


def _matched(
    family: Family, kind: str, log_prior: Expr, log_likelihood: Expr, thetas, prior: str, likelihood: str
) -> Report:
    product = Rule(
        "log posterior = log prior + log likelihood + constant", lambda context, before: before + context, "Bayes' rule"
    )
    first = product.step(log_likelihood, log_prior)
    collect = Rule(
        "collect the statistics of the parameter", lambda context, before: _collected(before, context),
        relation=r"= \text{const} + ",
    )
    second = collect.step(thetas, first.after)
    new = [sympy.Dummy(n, real=True) for n in family.names]
    # the family with fresh parameters
    plain = {Symbol(n, real=True): d for n, d in zip(family.names, new)}
    if len(thetas) == 1:
        plain[Symbol("theta", real=True)] = thetas[0]
    target = formula(family.log).subs(plain, simultaneous=True)
    solving = Rule(
        "match with the family, coefficient by coefficient",
        lambda context, before: _solved(before, *context),
        SOURCE,
        relation=r"\;\mapsto\; ",
    )
    found = _solved(second.after, target, tuple(new), thetas)
    named = dict(zip(family.names, found))
    third = solving.step((target, tuple(new), thetas), second.after)
    steps = (first, second, third, _constant(log_prior + log_likelihood, target, dict(zip(new, found)), thetas, family))
    said = ", ".join(f"{n} = {v}" for n, v in named.items())
    return Report(
        f"Posterior of {prior} under {likelihood}",
        log_prior,
        steps,
        f"The posterior is {kind} with {said}.",
        named,
        SOURCE,
    )


def _collected(expr: Expr, thetas) -> Expr:
    """The sum over functions of the parameter, each with its coefficient; what is free of the parameter is dropped."""
    return sympy.Add(*(c * s for s, c in _statistics(expr, thetas).items()))


def _statistics(expr: Expr, thetas) -> dict[Expr, Expr]:
    found: dict[Expr, Expr] = {}
    for term in sympy.Add.make_args(sympy.expand(expand_log(expr, force=True))):
        constant, statistic = term.as_independent(*thetas, as_Add=False)
        if statistic != 1:
            found[statistic] = found.get(statistic, 0) + constant
    return {s: sympy.together(c) for s, c in found.items() if sympy.simplify(c) != 0}


def _solved(collected: Expr, target: Expr, unknown: tuple, thetas) -> tuple[Expr, ...]:
    have, want = _statistics(collected, thetas), _statistics(target, thetas)
    left = set(have) - set(want)
    if left:
        raise SymgradError(
            f"not conjugate: the posterior has the term "
            f"{', '.join(map(str, sorted(left, key=str)))}, which the prior's family lacks."
        )
    solutions = sympy.solve([want[s] - have.get(s, 0) for s in want], unknown, dict=True)
    if len(solutions) != 1 or set(solutions[0]) != set(unknown):
        raise SymgradError("not conjugate: no parameters of the family give this posterior.")
    return tuple(
        sympy.factor(solutions[0][u]) if u.name in ("m", "v") else sympy.expand(solutions[0][u]) for u in unknown
    )


def _constant(joint: Expr, target: Expr, fitted: dict, thetas, family: Family) -> Step:
    """prior * likelihood / posterior is one number over the support; for one parameter the densities agree by
    quadrature."""
    others = sorted(
        (joint.free_symbols | set().union(*(v.free_symbols for v in fitted.values()))) - set(thetas), key=str
    )
    fixed = {s: Rational(9 + 4 * i, 8) for i, s in enumerate(others)}
    difference = (joint - target.subs(fitted)).subs(fixed)
    points = [{t: Rational(1 + k + i, 9) for i, t in enumerate(thetas)} for k in range(1, 6)]
    values = [value(to_sympy(difference), p, 40) for p in points]
    off = max(abs(v - values[0]) for v in values)
    if len(thetas) == 1:
        off = max(off, _normalised(joint.subs(fixed), target.subs(fitted).subs(fixed), thetas[0], family))
    return checked("prior times likelihood, normalised by quadrature, against the posterior", off, 1e-12, "40 digits")


def _normalised(joint: Expr, target: Expr, theta: Symbol, family: Family):
    low, high = (mpmath.inf * (1 if e > 0 else -1) if e in (oo, -oo) else mpmath.mpf(e) for e in family.support)
    middle = mpmath.mpf(1) / 2

    def density(e):
        def at(t):
            return mpmath.exp(value(e, {theta: sympy.Float(str(t), 25)}, 25))

        return at, mpmath.quad(at, [low, middle, high])

    with mpmath.workdps(20):
        (f, total), (g, whole) = density(to_sympy(joint)), density(to_sympy(target))
        return max(abs(f(t) / total - g(t) / whole) for t in (mpmath.mpf(1) / 3, mpmath.mpf(2) / 3))
