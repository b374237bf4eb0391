r"""The integral of a density over its whole space: of a scalar, and of the families of vectors.

A Dirichlet vector is a stick that is broken piece by piece: x_1 = t_1, x_2 = (1 - t_1) t_2, ..., each t_k with a Beta
density. The integral over the simplex so is a product of Beta integrals, and their Gamma functions cancel in turn.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Add, Expr, Mul, S, gamma

from ..calculus.rewrite import Rule
from ..errors import CheckError, SymgradError
from ..ir.system import Step
from .densities import Density, Family, beta
from .means import SECONDS
from .means import normalisation as of_scalar
from .report import Report

CITE = "J. Sethuraman, A constructive definition of Dirichlet priors, Statistica Sinica 4 (1994)"


def normalisation(p: Density | Family, seconds: float = SECONDS) -> Report:
    """The integral (or sum) of the density over its support; CheckError where it is not 1.

    >>> from .densities import dirichlet, laplace
    >>> normalisation(laplace("mu", "b")).value, normalisation(dirichlet(["a", "b", "c"])).value
    (1, 1)
    """
    if isinstance(p, Density):
        return of_scalar(p, seconds)
    if p.name == "Dirichlet":
        return _dirichlet(p, seconds)
    if p.parts:
        reports = [of_scalar(part, seconds) for part in p.parts]
        steps = tuple(step for report in reports for step in report.steps)
        return Report("Normalisation of independent densities", "", steps, "Each factor integrates to 1.", S.One)
    raise SymgradError(f"the normalisation of a {p.name} is not derived here: only of scalars, of independent ones, "
                       "and of a Dirichlet vector.")  # fmt: skip


def _beta(a: Expr, b: Expr) -> Expr:
    return gamma(a) * gamma(b) / gamma(a + b)


def _broken(alpha: tuple[Expr, ...], before: Any) -> Expr:
    return Mul(*(_beta(a, Add(*alpha[k + 1 :])) for k, a in enumerate(alpha[:-1])))


STICK = Rule("break the stick: one Beta integral for each piece but the last", _broken, CITE)


def _dirichlet(p: Family, seconds: float) -> Report:
    alpha = p.parameters
    reports = [of_scalar(beta(a, Add(*alpha[k + 1 :])), seconds) for k, a in enumerate(alpha[:-1])]
    names = sympy.symbols(f"x_1:{len(alpha) + 1}", positive=True)
    kernel = Mul(*(x ** (a - 1) for x, a in zip(names, alpha)))
    integral = sympy.Symbol("I", positive=True)
    split = STICK.step(alpha, integral)
    claimed = Mul(*map(gamma, alpha)) / gamma(Add(*alpha))
    if sympy.gammasimp(split.after / claimed) != 1:
        raise CheckError(f"the Beta integrals give {split.after}, not {claimed}. Please report this density.")
    steps = (split, Step("the Gamma functions cancel in turn", split.after, claimed))
    inner = tuple(step for report in reports for step in report.steps)
    return Report(
        "Normalisation of the Dirichlet density",
        rf"I = \int {sympy.latex(kernel)} \, dx \quad \text{{over }} x_k \ge 0, \ \textstyle\sum_k x_k = 1",
        (*steps, *inner),
        f"The integral is ${sympy.latex(claimed)}$; the density divides by it.",
        S.One,
        CITE,
    )
