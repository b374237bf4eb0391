"""The integrals that have names: Gauss, gamma, beta; and the derivative under the integral sign that adds a logarithm.

>>> x, a = Symbol("x", real=True), Symbol("a", positive=True)
>>> match(Definite(x**(a - 1)*exp(-2*x), x, 0, sympy.oo))[0].name
'gamma integral'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Add, Expr, Mul, Pow, S, Symbol, exp, gamma, log, oo

from ..rewrite import Rule
from .operators import Definite, Diff
from .steps import rule


@dataclass(frozen=True)
class Shape:
    """x**power (1 - x)**mirror e**exponent log(x)**logs log(1 - x)**mirror_logs."""

    power: Expr = S.Zero
    mirror: Expr = S.Zero
    exponent: Expr = S.Zero
    logs: int = 0
    mirror_logs: int = 0


def shape(f: Expr, x: Symbol) -> Shape | None:
    """`f` as a Shape; None where it has another factor."""
    power = mirror = exponent = S.Zero
    logs = mirror_logs = 0
    for part in Mul.make_args(sympy.powsimp(f)):
        base, order = part.as_base_exp()
        if part == 1:
            continue
        if isinstance(part, exp):
            exponent += part.args[0]
        elif isinstance(part, Pow) and x not in base.free_symbols:
            exponent += order * log(base)
        elif x in order.free_symbols:
            return None
        elif base == x:
            power += order
        elif sympy.expand(base - 1 + x) == 0:
            mirror += order
        elif base == log(x) and order.is_Integer and order > 0:
            logs += int(order)
        elif base == log(1 - x) and order.is_Integer and order > 0:
            mirror_logs += int(order)
        else:
            return None
    return Shape(power, mirror, exponent, logs, mirror_logs)


def _linear(f: Expr, x: Symbol) -> tuple[Expr, Expr] | None:
    """(b, p) with f = -b x**p."""
    constant, rest = f.as_independent(x, as_Add=False)
    base, p = rest.as_base_exp()
    return (-constant, p) if base == x and x not in p.free_symbols else None


# -- rules: local(node, data)


def _gauss(node: Definite, data: tuple[Expr, Expr]) -> Expr:
    """The integral of t**n e^(-a t**2) over the line: Gamma((n+1)/2) a^(-(n+1)/2), 0 for odd n."""
    n, a = data
    return S.Zero if n % 2 else gamma((n + 1) / 2) / a ** ((n + 1) / 2)


def _square(node: Definite, data: tuple[Expr, Expr, Symbol]) -> Expr:
    """q(x) e^(-a x^2 + b x + c) with x = m + t, m = b/(2a): the linear term goes."""
    a, m, t = data
    f, x = node.body, node.variable
    rest, exponent = _without_exponential(f, x)
    constant = sympy.expand(exponent.xreplace({x: m}))
    body = sympy.expand(rest.xreplace({x: m + t})) * exp(-a * t**2)
    return exp(constant) * Definite(body, t, -oo, oo)


def _without_exponential(f: Expr, x: Symbol) -> tuple[Expr, Expr]:
    """f = rest e^exponent."""
    parts = Mul.make_args(sympy.powsimp(f))
    exponent = Add(*(p.args[0] for p in parts if isinstance(p, exp)))
    return Mul(*(p for p in parts if not isinstance(p, exp))), exponent


def _gamma(node: Definite, data: tuple[Expr, Expr, Expr]) -> Expr:
    """The integral of x**(s - 1) e^(-b x**p) over x > 0: Gamma(s/p)/(p b^(s/p))."""
    s, b, p = data
    return gamma(s / p) / (p * b ** (s / p))


def _beta(node: Definite, data: tuple[Expr, Expr]) -> Expr:
    a, b = data
    return gamma(a) * gamma(b) / gamma(a + b)


def _under_sign(node: Definite, data: tuple[Expr, Symbol, int]) -> Expr:
    """x**(r-1) log(x)**k = d^k/dr^k x**(r-1): the derivative by r of an integral is the integral of the derivative."""
    base, r, logs = data
    above = node.body / log(base) ** logs
    found = shape(above, node.variable) or Shape()
    order = found.power if base == node.variable else found.mirror
    value: Expr = Definite(sympy.powsimp(above / base**order * base ** (r - 1)), *node.args[1:])
    for _ in range(logs):
        value = Diff(value, r)
    return value


GAUSS = rule("Gaussian integral", _gauss, "NIST Digital Library of Mathematical Functions, 7.7.1 and 5.9.1")
SQUARE = rule("complete the square", _square)
GAMMA = rule("gamma integral", _gamma, "NIST Digital Library of Mathematical Functions, 5.9.1")
BETA = rule("beta integral", _beta, "NIST Digital Library of Mathematical Functions, 5.12.1")
UNDER_SIGN = rule("differentiate under the integral sign", _under_sign, "Leibniz' rule, by dominated convergence")


def match(node: Definite, new: Symbol | None = None) -> tuple[Rule, Any, str, dict] | None:
    """(rule, data, remark, new names) of the named integral that a node is; None where it is none.

    `new`: a name for the parameter or the variable that two of the rules bring in.
    """
    f, x = node.body, node.variable
    ends = node.ends
    if ends == (-oo, oo):
        return _match_gauss(f, x, new)
    found = shape(f, x)
    if found is None:
        return None
    if ends == (S.Zero, oo):
        return _match_gamma(found, x, new)
    return _match_beta(found, x, new) if ends == (S.Zero, S.One) else None


def _match_gauss(f: Expr, x: Symbol, new: Symbol | None):
    rest, exponent = _without_exponential(f, x)
    if not rest.is_polynomial(x) or not exponent.is_polynomial(x) or sympy.degree(exponent, x) != 2:
        return None
    c2, c1, c0 = sympy.Poly(exponent, x).all_coeffs()
    a = sympy.factor(-c2)
    if not a.is_positive:
        return None
    if c1 == 0 and c0 == 0 and (rest == 1 or rest == x or (rest.is_Pow and rest.base == x)):
        return GAUSS, (rest.as_base_exp()[1] if rest != 1 else S.Zero, a), "", {}
    if new is None or (c1 == 0 and c0 == 0):
        return None
    m = sympy.cancel(c1 / (2 * a))
    t = Symbol(new.name, real=True)
    return SQUARE, (a, m, t), f"with ${sympy.latex(x)} = {sympy.latex(m)} + {t}$", {}


def _match_gamma(found: Shape, x: Symbol, new: Symbol | None):
    linear = _linear(found.exponent, x)
    if found.mirror != 0 or found.mirror_logs or linear is None:
        return None
    b, p = linear
    s = found.power + 1
    if not (b.is_positive and p.is_positive and s.is_positive):
        return None
    if not found.logs:
        return GAMMA, (s, b, p), "", {}
    return _with_log(x, found.power, found.logs, new)


def _match_beta(found: Shape, x: Symbol, new: Symbol | None):
    a, b = found.power + 1, found.mirror + 1
    if found.exponent != 0 or not (a.is_positive and b.is_positive):
        return None
    if found.logs:
        return _with_log(x, found.power, found.logs, new)
    if found.mirror_logs:
        return _with_log(1 - x, found.mirror, found.mirror_logs, new)
    return BETA, (a, b), "", {}


def _with_log(base: Expr, order: Expr, logs: int, new: Symbol | None):
    if new is None:
        return None
    r = Symbol(new.name, positive=True)
    return UNDER_SIGN, (base, r, logs), f"at ${r} = {sympy.latex(order + 1)}$", {r: order + 1}
