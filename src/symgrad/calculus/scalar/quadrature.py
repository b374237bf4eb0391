"""Integrals and sums as numbers: quadrature and partial sums, against which a symbolic value is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import sympy
from sympy import Abs, Expr, S, Symbol, oo

from ...errors import CheckError, SymgradError, explain
from . import check, series
from .operators import Definite, Operator, Series
from .tends import UNBOUNDED

QUADRATURE = mpmath.mpf("1e-7")  # quadrature over an infinite range is good to 9 digits and more


def compare_values(start: Expr, answer: Expr) -> int:
    """At how many points of the parameters quadrature gives the answer. CheckError where it does not; an error where
    it never could tell."""
    if answer.has(S.NaN, S.ComplexInfinity, *UNBOUNDED):
        raise SymgradError(explain("this integral diverges.", f"{start} = {answer}"))
    compared, points = 0, check.points(start.free_symbols | answer.free_symbols)
    for point in points if any(n.ends[1] is oo for n in start.atoms(Series)) else map(_mild, points):
        ours, theirs = check.value(answer, point), numeric(start, point)
        if ours is None or theirs is None:
            continue
        if not check.near(ours, theirs, QUADRATURE):
            text = f"{start} = {answer}: {mpmath.nstr(ours, 12)}, quadrature gives {mpmath.nstr(theirs, 12)}"
            raise CheckError(explain("the integral found and quadrature differ.", text))
        compared += 1
        if compared >= 2 or not point:
            return compared
    if not compared and start.has(Definite, Series):
        raise SymgradError(explain("this integral cannot be checked by quadrature, so it is not given.", str(start)))
    return compared


def _mild(point: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
    """Positive parameters above 1: quadrature loses digits at the ends of x**(a - 1) for small a."""
    return {s: v + 1 if s.is_positive and not s.is_integer else v for s, v in point.items()}


def numeric(expr: Expr, point: Mapping[Symbol, Any]) -> Any:
    """The value of an expression with integrals and sums in it, by quadrature."""
    nodes = {n for n in sympy.preorder_traversal(expr) if isinstance(n, (Definite, Series))}
    outer = {n: sympy.Dummy(real=True) for n in nodes if not any(m is not n and m.has(n) for m in nodes)}
    values = {d: _quadrature(n, point) for n, d in outer.items()}
    if any(v is None for v in values.values()):
        return None
    return check.value(expr.xreplace(outer), {**point, **values})


def _quadrature(node: Operator, point: Mapping[Symbol, Any]) -> Any:
    ends = [_number(e, point) for e in node.ends]
    if None in ends:
        return None
    if isinstance(node, Series):
        body, k = node.body, node.variable
        return series.added_up(lambda i: numeric(body, {**point, k: mpmath.mpf(i)}), int(ends[0]), ends[1])
    try:
        inside = {c for c in _kinks(node, point) if min(ends) < c < max(ends)}
        cuts = sorted({*ends, *inside}, reverse=ends[0] > ends[1])
        value, error = mpmath.quad(_integrand(node, point), cuts, error=True)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if mpmath.isfinite(value) and error < 1e-4 * max(1, abs(value)) else None


def _integrand(node: Operator, point: Mapping[Symbol, Any]) -> Callable[[Any], Any]:
    """The body as a function of the variable. ValueError where it has no value."""
    inner = node.body.has(Definite, Series)
    evaluate = (lambda at: numeric(node.body, at)) if inner else check.evaluator(node.body)

    def at(t):
        value = evaluate({**point, node.variable: t})
        if value is None:
            raise ValueError(f"{node.body} has no value at {t}")
        return value

    return at


def _kinks(node: Operator, point: Mapping[Symbol, Any]) -> list:
    """Where quadrature should cut: at 0 and at the kinks of absolute values."""
    cuts = [mpmath.mpf(0)]
    for call in node.body.atoms(Abs):
        g, x = call.args[0], node.variable
        if g.is_polynomial(x) and sympy.degree(g, x) == 1:
            cut = _number(root(g, x), point)
            cuts += [] if cut is None else [cut]
    return cuts


def _number(end: Expr, point: Mapping[Symbol, Any]) -> Any:
    if end in UNBOUNDED:
        return mpmath.inf if end == oo else -mpmath.inf
    return check.value(end, point)


def root(g: Expr, x: Symbol) -> Expr:
    """Where a linear g is 0."""
    slope, constant = sympy.Poly(g, x).all_coeffs()
    return sympy.expand(-constant / slope)
