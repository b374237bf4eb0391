r"""Calculus of variations: the equation of Euler and Lagrange, first integrals, and densities of maximum entropy.

A Lagrangian is a formula in x, the function's name and its derivative with a d: `"sqrt(1 + dy**2)"` is F(x, y, y').

>>> str(euler_lagrange("sqrt(1 + dy**2)", "y", "x").value.equation)
'ddy'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy
from sympy import Expr, Rational, Symbol, exp, oo

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import to_sympy
from ..ir.system import Step
from .question import Formula, checked, formula, value
from .report import Report
from .signs import sign

SOURCE = "Gelfand and Fomin, Calculus of Variations (1963), sections 4 and 12"


@dataclass(frozen=True)
class Variation:
    """`equation` = 0 is the Euler-Lagrange equation in x, y, dy, ddy; `first_integral` is constant along solutions."""

    equation: Expr
    first_integral: Expr | None = None
    reason: str = ""


def _symbols(y: str, x: str) -> tuple[Symbol, Symbol, Symbol, Symbol]:
    return tuple(Symbol(n, real=True) for n in (x, y, f"d{y}", f"dd{y}"))  # pyright: ignore[reportReturnType]


def euler_lagrange(F: Formula, y: str = "y", x: str = "x", constraints: Mapping[str, Any] | None = None) -> Report:
    """The equation dF/dy - d/dx dF/dy' = 0 for the extremals of the integral of F(x, y, y').

    `constraints` maps formulas G(x, y, y') to the value of their integral: F + sum of lambda_i G_i takes the place of
    F.
    A first integral is given where F does not hold x (Beltrami) or does not hold y. Raises SymgradError where F holds
    neither y nor its derivative. Source: Gelfand and Fomin, Calculus of Variations (1963), sections 4 and 12.

    >>> euler_lagrange("m*dq**2/2 - k*q**2/2", "q", "t").value.equation
    ddq*m + k*q
    """
    t, u, du, ddu = _symbols(y, x)
    whole = to_sympy(_joined(formula(F), constraints))
    if not whole.has(u) and not whole.has(du):
        raise SymgradError(f"{F} holds neither {y} nor d{y}: write the derivative of {y} as d{y}.")
    by_y = Rule(f"derivative by {y}", lambda context, before: before.diff(context), SOURCE, relation=r"\;\mapsto\; ")
    total = Rule(
        f"total derivative by {x}",
        lambda context, before: _total(before, *context),
        "chain rule",
        relation=r"\;\mapsto\; ",
    )
    equals = Rule(
        "Euler-Lagrange equation",
        lambda context, before: _shortest(context - before),
        SOURCE,
        relation=r"\;\mapsto\; 0 = ",
    )
    first, second = by_y.step(u, whole), by_y.step(du, whole)
    moved = total.step((t, u, du, ddu), second.after)
    final = equals.step(first.after, moved.after)
    steps = [
        first,
        Step(_named("derivative by d" + y, by_y), second.before, second.after, second.context),
        moved,
        final,
    ]
    integral, reason = _first_integral(whole, t, u, du)
    if integral is not None:
        steps.append(_conserved(integral, final.after, t, u, du, ddu, reason))
    steps.append(_against_action(whole, moved.after, first.after, t, u, du, ddu))
    text = f"${sympy.latex(final.after)} = 0$"
    if integral is not None:
        text += f"; {reason}: ${sympy.latex(integral)}$ is constant"
    found = Variation(final.after, integral, reason)
    return Report("Euler-Lagrange equation", whole, tuple(steps), text + ".", found, SOURCE)


def _named(name: str, rule: Rule) -> Rule:
    return Rule(name, rule.replace, rule.cite, relation=rule.relation)


def _joined(F: Expr, constraints: Mapping[str, Any] | None) -> Expr:
    lams = [Symbol(f"lambda_{i + 1}", real=True) for i in range(len(constraints or {}))]
    return F + sum((lam * formula(g) for lam, g in zip(lams, constraints or {})), start=sympy.Integer(0))


def _total(e: Expr, t, u, du, ddu) -> Expr:
    return e.diff(t) + e.diff(u) * du + e.diff(du) * ddu


def _shortest(e: Expr) -> Expr:
    """The numerator without factors that are proved not to vanish, with a positive leading sign."""
    factors = sympy.Mul.make_args(sympy.factor(sympy.numer(sympy.together(sympy.simplify(e)))))
    kept = sympy.Mul(*(f for f in factors if not ((found := sign(f)) and found.strict)))
    turned = -kept if kept.could_extract_minus_sign() else kept
    return sympy.expand(turned) if turned.is_Mul and turned.args[0] == -1 else turned


def _first_integral(F: Expr, t, u, du) -> tuple[Expr | None, str]:
    if not F.has(du):
        return None, ""
    if not F.has(u):
        return sympy.simplify(F.diff(du)), f"{u} does not occur"
    if not F.has(t):
        return sympy.simplify(du * F.diff(du) - F), f"{t} does not occur (Beltrami)"
    return None, ""


def _conserved(integral: Expr, equation_: Expr, t, u, du, ddu, reason: str) -> Step:
    """d/dx of the first integral is 0 where the Euler-Lagrange equation holds."""

    def vanishes(context, before):
        rest = _total(before, t, u, du, ddu)
        found = sympy.solve(context, ddu)
        return sympy.simplify(rest.subs(ddu, found[0])) if found else sympy.simplify(rest)

    rule = Rule(f"first integral: {reason}", vanishes, SOURCE, relation=r"\;\mapsto\; \frac{d}{dx}(\cdot) = ")
    step = rule.step(equation_, integral)
    if step.after != 0:
        raise SymgradError(f"{integral} could not be proved constant along solutions.")
    return step


def _against_action(F: Expr, moved: Expr, first: Expr, t, u, du, ddu) -> Step:
    """The first variation at a test function, along a bump: integral of (F_y - d/dx F_y') eta, by a difference."""
    others = sorted(F.free_symbols - {t, u, du}, key=str)
    fixed = {s: Rational(7 + 2 * i, 8) for i, s in enumerate(others)}
    path = 1 + t / 3 + t**2 / 5
    bump = (t - 1) ** 2 * (2 - t) ** 2 * t
    h = Rational(1, 10**10)

    def action(k):
        y = path + k * h * bump
        return _integral(F.subs({**fixed, du: y.diff(t), u: y}, simultaneous=True), t)

    gradient = (first - moved).subs({**fixed, ddu: path.diff(t, 2), du: path.diff(t), u: path}, simultaneous=True)
    with mpmath.workdps(40):
        difference = (action(1) - action(-1)) / 2 * 10**10
        off = abs(difference - _integral(gradient * bump, t))
    if not mpmath.isfinite(off):
        return Step("numeric check", "", r"\text{left out: the integrand is not real on the test path}")
    return checked(
        "first variation of the action on [1, 2] along a bump, by a difference", off, 1e-15, "40 digits, step 1e-10"
    )


def _integral(f: Expr, t: Symbol):
    with mpmath.workdps(40):
        return mpmath.quad(lambda v: value(f, {t: sympy.Float(str(v), 45)}, 45), [1, 1.5, 2])


def maximum_entropy(statistics: Mapping[str, Any], x: str = "x", support: tuple = (-oo, oo)) -> Report:
    r"""The density p on `support` with the largest entropy -int p log p among those with E[g_i(x)] = value_i.

    The stationary point of F = -p log p + sum of lambda_i g_i p is exp(-1 + sum lambda_i g_i); the multipliers follow
    from the integrals. The value is the density. Raises SymgradError where SymPy cannot do the integrals.
    Source: Cover and Thomas, Elements of Information Theory (2006), section 12.1.

    >>> maximum_entropy({"x": "m"}, support=(0, sympy.oo)).value
    exp(-x/m)/m
    """
    t, p = Symbol(x, real=True), Symbol("p", positive=True)
    goals = {formula(g): _positive(formula(v)) for g, v in statistics.items()}
    lams = [Symbol(f"lambda_{i}", real=True) for i in range(len(goals) + 1)]
    F = -p * sympy.log(p) + lams[0] * p + sum(lam * g * p for lam, g in zip(lams[1:], goals))
    vary = Rule(
        "Euler-Lagrange: no derivative occurs",
        lambda context, before: before.diff(context),
        SOURCE,
        relation=r"\;\mapsto\; 0 = ",
    )
    first = vary.step(p, F)
    solving = Rule(
        "solve for the density", lambda context, before: sympy.solve(before, context)[0], relation=r"\iff p = "
    )
    shape = solving.step(p, first.after)
    concave = Step("concave in p", F.diff(p, 2), r"-\frac{1}{p} < 0 \text{: a maximum}")
    density, fitted = _fitted(shape.after, lams, goals, t, support)
    step = Rule(
        "constraints fix the multipliers", lambda context, before: _fitted(before, *context)[0], SOURCE, relation="= "
    ).step((lams, goals, t, support), shape.after, note=fitted)
    check = _moments(density, goals, t, support)
    return Report(
        "Maximum entropy",
        F,
        (first, shape, concave, step, check),
        f"$p({x}) = {sympy.latex(density)}$",
        density,
        SOURCE,
    )


def _positive(expr: Expr) -> Expr:
    return expr.xreplace({s: Symbol(s.name, positive=True) for s in expr.free_symbols})


def _fitted(density: Expr, lams, goals: Mapping[Expr, Expr], t: Symbol, support) -> tuple[Expr, str]:
    """Multipliers for one statistic g: p = exp(-beta g)/Z with E[g] = -d log Z/d beta = value."""
    if len(goals) != 1:
        raise SymgradError("the multipliers of one statistic are solved for; pass one formula such as (x - mu)**2.")
    ((g, wanted),) = goals.items()
    beta = Symbol("beta", positive=True)
    Z = sympy.simplify(sympy.integrate(exp(-beta * to_sympy(g)), (t, *support)))
    if Z.has(sympy.Integral, oo, sympy.zoo, sympy.nan, sympy.Piecewise):
        raise SymgradError(f"exp(-beta*({g})) has no integral that SymPy knows over {support}.")
    found = sympy.solve(-sympy.log(Z).diff(beta) - wanted, beta)
    if len(found) != 1:
        raise SymgradError(f"E[{g}] = {wanted} does not determine the multiplier.")
    return sympy.simplify(
        (exp(-beta * g) / Z).subs(beta, found[0])
    ), rf"$\lambda_1 = -{sympy.latex(found[0])}$, $Z = {sympy.latex(Z)}$"


def _moments(density: Expr, goals, t: Symbol, support) -> Step:
    others = sorted((density.free_symbols | set().union(*(g.free_symbols for g in goals))) - {t}, key=str)
    fixed = {s: Rational(5 + 2 * i, 4) for i, s in enumerate(others)}
    ends = [mpmath.inf * (1 if e > 0 else -1) if e in (oo, -oo) else mpmath.mpf(str(sympy.N(e))) for e in support]
    cuts = [ends[0], *([0] if ends[0] < 0 < ends[1] else [1] if ends[0] < 1 < ends[1] else []), ends[1]]

    def moment(g):
        return mpmath.quad(lambda v: value((g * density).subs(fixed), {t: sympy.Float(str(v), 25)}, 25), cuts)

    with mpmath.workdps(20):
        worst = abs(moment(sympy.Integer(1)) - 1)
        for g, v in goals.items():
            worst = max(worst, abs(moment(g.subs(fixed)) - value(v.subs(fixed), {}, 20)))
    return checked("normalisation and moments by quadrature", worst, 1e-9, "20 digits")
