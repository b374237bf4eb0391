r"""The Fisher information matrix of a density, derived, and the natural gradient.

    F_ij = -E[d2 log p/d theta_i d theta_j],     natural gradient F^-1 g

>>> from .densities import bernoulli, normal
>>> fisher(normal("mu", "sigma")).value
Matrix([
[sigma**(-2),          0],
[          0, 2/sigma**2]])
>>> fisher(bernoulli("rho")).value[0]
-1/(rho*(rho - 1))
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
import sympy
from sympy import Expr, Matrix, Symbol

from ..calculus.patience import within
from ..calculus.scalar.derivative import derivative
from ..errors import CheckError, SymgradError
from ..functions import to_sympy, translate
from ..ir.system import Step
from .densities import Density
from .means import SECONDS, mean
from .report import Report

AMARI = "Amari, Natural gradient works efficiently in learning, Neural Computation 10 (1998)"


def fisher(p: Density, seconds: float = SECONDS) -> Report:
    """The matrix -E[Hessian of log p] in the density's parameters; compared with E[score score^T] by quadrature.

    Raises SymgradError where an expectation is not decided, or a density has no parameter.
    """
    names = [s for s in p.parameters if s.is_Symbol]
    if not names:
        raise SymgradError(f"{p.name} has no parameter to differentiate by.")
    steps: list[Step] = []
    with within(seconds, "this information matrix"):
        scores = [_slope(p.log_density, s, steps) for s in names]
        upper = {(i, j): _entry(scores[i], names[j], p, steps) for j in range(len(names)) for i in range(j + 1)}
    found = Matrix(len(names), len(names), lambda i, j: upper[min(i, j), max(i, j)])
    if not _is_mean_of_squares(found, scores, names, p):
        raise CheckError(f"-E[Hessian] and E[score score^T] of {p.name} differ.")
    said = f"The information matrix is ${sympy.latex(found)}$; quadrature of $\\mathbb{{E}}[s s^T]$ gives the same."
    return Report(f"Fisher information of {p.name}", p.log_density, tuple(steps), said, found, AMARI)


def _slope(f: Expr, by: Expr, steps: list[Step]) -> Expr:
    calculation = derivative(translate(f), by)
    steps += calculation.steps
    return sympy.expand(to_sympy(calculation.result))


def _entry(score: Expr, by: Expr, p: Density, steps: list[Step]) -> Expr:
    found = mean(-_slope(score, by, steps), p)
    steps += found.steps
    return sympy.factor(found.value)


def _is_mean_of_squares(found: Matrix, scores: list[Expr], names: Iterable[Symbol], p: Density) -> bool:
    """At one point: 1e-9, because quadrature in 15 digits is what it is compared with."""
    at = {s: sympy.Rational(13 + 4 * n, 29) for n, s in enumerate(names)}
    products = Matrix(len(scores), len(scores), lambda i, j: scores[i] * scores[j])
    return all(abs(_expected(g.xreplace(at), p, at) - f.xreplace(at)) < 1e-9 for g, f in zip(products, found))


def _expected(g: Expr, p: Density, at: dict) -> Any:
    density = (g * p.density).xreplace(at)
    if p.discrete:
        return sum(density.xreplace({p.variable: v}) for v in p.support)
    ends = [mpmath.mpf(0), *(e for e in p.support if e != 0)] if 0 in p.support else [p.support[0], 0, p.support[1]]
    inside = sympy.lambdify(p.variable, density, "mpmath")
    return mpmath.quad(inside, [mpmath.mpf(e) if abs(e) != sympy.oo else mpmath.inf * int(sympy.sign(e)) for e in ends])
