r"""Sums over k = a, ..., n and k = a, a + 1, ...: the known series, and k q^k = q d/dq q^k for what has powers of k.

>>> from sympy import gamma
>>> k, a = Symbol("k", integer=True, nonnegative=True), Symbol("a", positive=True)
>>> body = k * a**k / gamma(k + 1)
>>> form = read(body, k)
>>> form.degree, form.ratio, form.kernel == 1 / gamma(k + 1)
(1, a, True)
>>> known(Series(a**k / gamma(k + 1), k, 0, oo))[1]
exp(a)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import sympy
from sympy import Expr, Integer, Mul, S, Symbol, exp, gamma, log, oo

from ...errors import SymgradError, explain
from .operators import Diff, Series
from .steps import fresh, rule

RIORDAN = "NIST Digital Library of Mathematical Functions, 4.2.19, 4.6.1, 4.6.7 and 1.2.2"
FAULHABER_SOURCE = "NIST Digital Library of Mathematical Functions, 24.4.7"
INSIDE = "a power series may be differentiated term by term inside its circle of convergence"
LAST = 4000  # terms of an infinite sum that are added up for a check
SMALL = mpmath.mpf("1e-26")  # of the sum: what ten terms in a row must stay below


class Form(NamedTuple):
    """constant * k^degree * ratio^k * kernel, where the kernel is made of gammas of k, or 1/k."""

    constant: Expr
    degree: int
    ratio: Expr
    kernel: Expr


def read(body: Expr, k: Symbol) -> Form | None:
    """The form of a term of a sum; None where it has another one."""
    constant, degree, ratio, kernel = S.One, 0, S.One, S.One
    for factor in Mul.make_args(body):
        base, exponent = factor.as_base_exp()
        if k not in factor.free_symbols:
            constant *= factor
        elif base == k and exponent.is_Integer:
            degree, kernel = (degree + int(exponent), kernel) if exponent > 0 else (degree, kernel * factor)
        elif isinstance(base, gamma) and exponent in (1, -1):
            kernel *= factor
        elif k not in base.free_symbols and exponent.is_polynomial(k) and sympy.degree(exponent, k) == 1:
            steps, start = sympy.Poly(exponent, k).all_coeffs()
            constant, ratio = constant * base**start, ratio * base**steps
        else:
            return None
    return Form(constant, degree, sympy.powsimp(ratio), kernel)


# -- rules: local(node, data)


def _with_ratio(node: Series, data: tuple[Symbol, Form]) -> Expr:
    q, form = data
    k = node.variable
    return form.constant * Series(k**form.degree * q**k * form.kernel, *node.args[1:])


def _slope(node: Series, q: Symbol) -> Expr:
    return q * Diff(Series(node.body / node.variable, *node.args[1:]), q)


def _known(node: Series, value: Expr) -> Expr:
    return value


def _faulhaber(node: Series, degree: int) -> Expr:
    """(B_(m+1)(n + 1) - B_(m+1)(a))/(m + 1), with Bernoulli's polynomials."""
    low, high = node.ends
    top, bottom = (sympy.bernoulli(degree + 1, end) for end in (high + 1, low))
    return sympy.factor((top - bottom) / (degree + 1))


RATIO = rule("one ratio of the terms", _with_ratio)
SLOPE = rule("k q^k = q d/dq q^k, term by term", _slope)
KNOWN = rule("known series", _known, RIORDAN)
FAULHABER = rule("sum of powers", _faulhaber, FAULHABER_SOURCE)


def move(node: Series, taken: set[Symbol]) -> tuple:
    """(rule, data, remark, new names) for a sum of one term's form. Raises SymgradError where no rule decides."""
    k, form = node.variable, read(node.body, node.variable)
    if form is None:
        raise SymgradError(explain("cannot decide this sum: no known series has terms of this form.", str(node)))
    if form.ratio == 1 and form.kernel == 1:
        if node.ends[1] is oo:
            raise SymgradError(explain("this sum diverges.", str(node)))
        return FAULHABER, form.degree, "", {}
    if not isinstance(form.ratio, Symbol):
        q = fresh({*taken, *node.body.free_symbols, k}, form.ratio)
        return RATIO, (q, form), f"with ${sympy.latex(q)} = {sympy.latex(form.ratio)}$", {q: form.ratio}
    if form.constant != 1:
        return RATIO, (form.ratio, form), "", {}
    if form.degree:
        return SLOPE, form.ratio, INSIDE, {}
    if found := known(node):
        return KNOWN, found[1], found[0], {}
    raise SymgradError(explain("cannot decide this sum: it is not a known series.", str(node)))


def known(node: Series) -> tuple[str, Expr] | None:
    """(remark, value) of a sum of q^k times a kernel."""
    k, (low, high) = node.variable, node.ends
    form = read(node.body, k)
    if form is None or not low.is_Integer or low < 0:
        return None
    for start, kernel, ends, value, remark in _table(k, form, high):
        if kernel == form.kernel and ends and low >= start:
            first = (node.body.xreplace({k: Integer(i)}) for i in range(start, int(low)))
            return remark, value - sympy.Add(*first)
    return None


def _table(k: Symbol, form: Form, high: Expr) -> list[tuple[int, Expr, bool, Expr, str]]:
    """(first k, kernel, is this its upper end, sum, remark)."""
    q, inside = form.ratio, f"for $|{sympy.latex(form.ratio)}| < 1$"
    rows = [
        (0, 1 / gamma(k + 1), high is oo, exp(q), "the exponential series"),
        (0, S.One, high is oo, 1 / (1 - q), f"the geometric series, {inside}"),
        (0, S.One, high is not oo, (1 - q ** (high + 1)) / (1 - q), "the geometric sum"),
        (1, 1 / k, high is oo, -log(1 - q), f"the logarithmic series, {inside}"),
    ]
    for call in form.kernel.atoms(gamma):
        shift = sympy.expand(call.args[0] - k)
        if k not in shift.free_symbols and shift != 1:  # Gamma(k + r)/k!
            rows.append((0, gamma(k + shift) / gamma(k + 1), high is oo, gamma(shift) * (1 - q) ** (-shift),
                         f"the binomial series, {inside}"))  # fmt: skip
    if high is not oo:
        choices = 1 / (gamma(k + 1) * gamma(high - k + 1))
        rows.append((0, choices, True, (1 + q) ** high / gamma(high + 1), "the binomial theorem"))
    return rows


# -- numbers


def added_up(term: Callable[[int], Any], low: int, high: Any) -> Any:
    """The sum of term(k), to `high` or until ten terms in a row are small; None where that does not come."""
    total, small = mpmath.mpf(0), 0
    for k in range(low, LAST if high == mpmath.inf else int(high) + 1):
        found = term(k)
        if found is None:
            return None
        total += found
        small = small + 1 if abs(found) <= SMALL * max(1, abs(total)) else 0
        if small == 10 and high == mpmath.inf:
            return total
    return None if high == mpmath.inf else total
