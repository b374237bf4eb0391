r"""Gradient descent on a quadratic: the rate from the eigenvalues of the Hessian, derived, and matched by a run.

    x' = x - eta grad f(x),  f = x^T A x/2 - b^T x:    e' = (I - eta A) e,   rate = max |1 - eta lambda|
    the best step 2/(L + mu) makes it (kappa - 1)/(kappa + 1),  kappa = L/mu

>>> report = gradient_descent_rate([[3, 1], [1, 3]])
>>> report.value.step, report.value.rate
(1/3, 1/3)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Abs, Expr, Matrix, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import to_sympy
from .question import Formula, checked, formula, variables
from .report import Report
from .signs import is_positive
from .solve import solve

SOURCE = "Nesterov, Introductory Lectures on Convex Optimization (2004), th. 2.1.14; Polyak (1987), section 1.4"


@dataclass(frozen=True)
class Rate:
    """Each step multiplies the error by at most `rate`; below 1 it converges."""

    step: Expr
    rate: Expr
    smallest: Expr  # mu
    largest: Expr  # L

    @property
    def converges(self) -> bool:
        return bool(self.rate < 1)


def gradient_descent_rate(f: Formula | Any, eta: Any = None) -> Report:
    """The convergence rate of gradient descent with step `eta` (None: the best step, derived) on a quadratic.

    `f` is a formula of scalars of degree 2 or its Hessian, a symmetric matrix of exact numbers. The value is a `Rate`.
    Raises SymgradError where the Hessian is not constant or has an eigenvalue that is not positive.
    """
    hessian = _hessian(f)
    eigenvalues = _eigenvalues(hessian)
    small, large = eigenvalues[0], eigenvalues[-1]
    if not is_positive(small):
        raise SymgradError(
            f"the smallest eigenvalue is {small}: gradient descent has no linear rate on this quadratic."
        )
    e, h = Symbol("e", real=True), Symbol("eta", positive=True)
    spectrum = Rule(
        "the error in an eigenvector's direction",
        lambda context, before: (1 - h * Symbol("lambda")) * before,
        SOURCE,
        relation=r"\;\mapsto\; ",
    )
    steps = [spectrum.step(None, e), _balanced(h)]
    step = steps[1].context[2].subs({_MU: small, _L: large}) if eta is None else sympy.nsimplify(eta, rational=True)
    worst = Rule(
        "largest factor over the spectrum",
        lambda context, before: _worst(context, before),
        SOURCE,
        relation=r"\;:\; \max_\lambda |1 - \eta \lambda| = ",
    )
    rate = worst.step(tuple(eigenvalues), step)
    steps += [rate, _run(hessian, step, rate.after)]
    found = Rate(sympy.radsimp(step), rate.after, small, large)
    kappa = sympy.radsimp(sympy.simplify(large / small))
    text = (
        f"Each step multiplies the error by at most {found.rate} (L = {large}, mu = {small}, condition number {kappa})."
    )
    return Report("Convergence of gradient descent", hessian, tuple(steps), text, found, SOURCE)


_MU, _L = Symbol("mu", positive=True), Symbol("L", positive=True)


def best_step() -> tuple[Expr, Expr]:
    """(eta, rate) over mu <= lambda <= L: |1 - eta lambda| is largest at an end; where both ends agree it is least.

    >>> best_step()
    (2/(L + mu), (L - mu)/(L + mu))
    """
    h = Symbol("eta", positive=True)
    (eta,) = sympy.solve((1 - h * _MU) + (1 - h * _L), h)  # 1 - eta mu = -(1 - eta L): of equal size, opposite sign
    return eta, sympy.factor(1 - eta * _MU)


def _balanced(h: Symbol):
    eta, rate = best_step()
    rule = Rule("equal at both ends", lambda context, before: sympy.factor(before.subs(context[0], context[2])), SOURCE)
    step = rule.step(
        (h, rate, eta),
        1 - h * _MU,
        note=rf"$\eta = {sympy.latex(eta)}$ solves "
        rf"$1 - \eta\mu = -(1 - \eta L)$; "
        "any other step makes one of the two ends larger",
    )
    return step


def _worst(eigenvalues: tuple, eta: Expr) -> Expr:
    factors = [sympy.radsimp(sympy.simplify(Abs(1 - eta * v))) for v in (eigenvalues[0], eigenvalues[-1])]
    return max(factors, key=lambda v: v.evalf(30))


def _hessian(f: Any) -> Matrix:
    if isinstance(f, (str, Expr)):
        expr = formula(f)
        xs = variables(None, expr)
        hessian = sympy.hessian(expr, xs).applyfunc(lambda e: sympy.simplify(to_sympy(e)))
        if hessian.free_symbols:
            raise SymgradError(
                f"{expr} is not a quadratic: its Hessian depends on {', '.join(map(str, hessian.free_symbols))}."
            )
        return hessian
    matrix = Matrix(f).applyfunc(lambda e: sympy.nsimplify(e, rational=True))
    if matrix != matrix.T:
        raise SymgradError("a Hessian is symmetric: pass (A + A^T)/2.")
    return matrix


def _eigenvalues(matrix: Matrix) -> list[Expr]:
    s = Symbol("lambda", real=True)
    found = solve([sympy.Poly(matrix.charpoly().all_coeffs(), s).as_expr()], [s])
    return [p[s] for p in found.points]


def _run(hessian: Matrix, eta: Expr, rate: Expr):
    """A run from a start with every eigenvector in it: the error's last factor against the rate."""
    a = np.array(hessian.evalf(20).tolist(), dtype=float)
    _, vectors = np.linalg.eigh(a)
    e = vectors @ np.ones(len(a))
    ratio, step = 1.0, float(eta)
    for _ in range(4000):
        new = e - step * (a @ e)
        size = np.linalg.norm(new)
        if size == 0 or float(rate) == 0:
            ratio = 0.0
            break
        ratio, e = size / np.linalg.norm(e), new / size
    return checked(
        "the last factor of a run of 4000 steps",
        abs(ratio - float(rate)),
        1e-3 * (1 + float(rate)),
        "the factor tends to the rate as other eigenvectors fade",
    )
