r"""Differentials of eigenvalues, singular values, inverses and determinants, derived from the equations that define
them.

A v = lambda v with a left eigenvector w (w A = lambda w, w v = 1) is differentiated by the product rule on matrices
that
do not commute, multiplied by w, and the definitions are put in: d lambda = w dA v.

>>> spectral("eigenvalue").value
w*dA*v
>>> spectral("inverse").value
-B*dA*B

Sources: Magnus and Neudecker, Matrix Differential Calculus (2019), chapters 8 and 9; Stewart and Sun, Matrix
Perturbation Theory (1990), theorem IV.2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from ..calculus.rewrite import Rule
from ..errors import UnknownNameError, did_you_mean
from ..ir.system import Step
from .question import checked
from .report import Report

SOURCE = "Magnus and Neudecker, Matrix Differential Calculus (2019), chapters 8 and 9"
MATRICES = {n: Symbol(n, commutative=False) for n in ("A", "B", "v", "w", "u", "dA", "dB", "dv", "dw", "du")}
A, B, v, w, u, dA, dB, dv, dw, du = MATRICES.values()
lam, sigma, dlam, dsigma = (Symbol(n, real=True) for n in ("lambda", "sigma", "dlambda", "dsigma"))
DIFFERENTIALS = {A: dA, B: dB, v: dv, w: dw, u: du, lam: dlam, sigma: dsigma}
Products = Mapping[tuple[Expr, ...], Expr]


@dataclass(frozen=True)
class Definition:
    """`equation` = 0 defines the unknown; multiplied by `left` it is solved for `unknown`. `products` are what adjacent
    matrices make, by definition."""

    equation: Expr
    left: Expr
    unknown: Expr
    products: Products
    says: str


DEFINITIONS: Mapping[str, Definition] = {
    "eigenvalue": Definition(
        A * v - lam * v,
        w,
        dlam,
        {(w, A): lam * w, (w, v): Integer(1)},
        "w is the left eigenvector with w v = 1 (v^T for a symmetric A and |v| = 1); the eigenvalue is simple",
    ),
    "inverse": Definition(A * B - 1, B, dB, {(B, A): Integer(1), (A, B): Integer(1)}, "B = A^-1"),
    "singular value": Definition(
        A * v - sigma * u,
        w,
        dsigma,
        {
            (w, A): sigma * Symbol("x", commutative=False),
            (w, u): Integer(1),
            (w, du): Integer(0),
            (Symbol("x", commutative=False), dv): Integer(0),
        },
        "w = u^T, x = v^T, u^T A = sigma v^T; |u| = |v| = 1 makes u^T du = v^T dv = 0; the singular value is simple",
    ),
}


def differential(expr: Expr) -> Expr:
    """The product rule for matrices: d(X Y) = dX Y + X dY.

    >>> differential(A*B)
    A*dB + dA*B
    """
    if isinstance(expr, Add):
        return Add(*map(differential, expr.args))
    if isinstance(expr, Mul):
        return Add(*(Mul(*expr.args[:i], differential(a), *expr.args[i + 1 :]) for i, a in enumerate(expr.args)))
    if isinstance(expr, Pow) and expr.exp.is_Integer and expr.exp > 0:
        return differential(Mul(*[expr.base] * int(expr.exp), evaluate=False))
    return DIFFERENTIALS.get(expr, Integer(0))


def put_in(expr: Expr, products: Products) -> Expr:
    """Adjacent factors replaced by what they are by definition, until nothing changes."""
    while (after := Add(*(_term(t, products) for t in Add.make_args(expr.expand())))) != expr:
        expr = after
    return expr


def _term(term: Expr, products: Products) -> Expr:
    commuting, matrices = term.args_cnc()
    flat = [b for m in matrices for b in ([m.base] * int(m.exp) if isinstance(m, Pow) else [m])]
    for i in range(len(flat) - 1):
        if (flat[i], flat[i + 1]) in products:
            return Mul(*commuting, *flat[:i], products[flat[i], flat[i + 1]], *flat[i + 2 :])
    return term


def spectral(of: str) -> Report:
    """The differential of "eigenvalue", "singular value", "inverse" or "log det", derived and checked on a random
    matrix.

    The value is an expression in matrices that do not commute; for "log det" text. Raises UnknownNameError for others.
    """
    if of == "log det":
        return _log_det()
    if of not in DEFINITIONS:
        known = (*DEFINITIONS, "log det")
        raise UnknownNameError(f"{of} is not one of {', '.join(known)}. {did_you_mean(of, known)}".rstrip())
    given = DEFINITIONS[of]
    first = Rule(
        "product rule", lambda context, before: differential(before), SOURCE, relation=r"= 0 \;\mapsto\; 0 = "
    ).step(None, given.equation)
    second = Rule(
        "multiply from the left", lambda context, before: (context * before).expand(), relation=r"\;\mapsto\; 0 = "
    ).step(given.left, first.after)
    third = Rule("put the definitions in", lambda context, before: put_in(before, context), relation="= ").step(
        given.products, second.after, note=given.says
    )
    last = Rule(
        f"solve for {given.unknown}",
        lambda context, before: _isolated(before, context),
        relation=rf"\;\mapsto\; {sympy.latex(given.unknown)} = ",
    ).step(given.unknown, third.after)
    steps = (first, second, third, last, _CHECKS[of](last.after))
    return Report(
        f"Differential of the {of}",
        given.equation,
        steps,
        f"${sympy.latex(given.unknown)} = {sympy.latex(last.after)}$, where {given.says}.",
        last.after,
        SOURCE,
    )


def _isolated(expr: Expr, unknown: Expr) -> Expr:
    """expr = rest + c unknown = 0 with a number c, solved."""
    with_it = [t for t in Add.make_args(expr) if t.has(unknown)]
    coefficient = Add(*(t.coeff(unknown) if t != unknown else Integer(1) for t in with_it))
    rest = Add(*(t for t in Add.make_args(expr) if not t.has(unknown)))
    if not coefficient.is_number or coefficient == 0:
        raise UnknownNameError(f"{expr} is not solved for {unknown}.")
    return (-rest / coefficient).expand()


def evaluate(expr: Expr, values: Mapping[Expr, np.ndarray]) -> np.ndarray:
    """A formula of matrices in numbers."""
    total = 0
    for term in Add.make_args(expr):
        commuting, matrices = term.args_cnc()
        flat = [values[b] for m in matrices for b in ([m.base] * int(m.exp) if isinstance(m, Pow) else [m])]
        product = flat[0]
        for m in flat[1:]:
            product = product @ m
        total = total + float(Mul(*commuting)) * product
    return total


def _matrices(n: int = 5):
    rng = np.random.default_rng(4)
    return rng.normal(size=(n, n)) + n * np.diag(np.arange(1.0, n + 1)), rng.normal(size=(n, n))


def _difference(f, h: float = 1e-5):
    a, da = _matrices()
    return (f(a + h * da) - f(a - h * da)) / (2 * h)


def _eigenvalue_check(found: Expr) -> Step:
    a, da = _matrices()
    values, right = np.linalg.eig(a)
    k = int(np.argmax(values.real))
    left = np.linalg.inv(right)[k]
    got = evaluate(found, {w: left, dA: da, v: right[:, k]})
    return checked(
        "d lambda against differences",
        abs(got - _difference(lambda m: np.linalg.eigvals(m).real.max())).max(),
        1e-6,
        "float64, step 1e-5",
    )


def _singular_check(found: Expr) -> Step:
    a, da = _matrices()
    left, _, right = np.linalg.svd(a)
    got = evaluate(found, {w: left[:, 0], dA: da, v: right[0]})
    return checked(
        "d sigma against differences",
        abs(got - _difference(lambda m: np.linalg.svd(m)[1][0])),
        1e-6,
        "float64, step 1e-5",
    )


def _inverse_check(found: Expr) -> Step:
    a, da = _matrices()
    got = evaluate(found, {B: np.linalg.inv(a), dA: da})
    return checked(
        "d inverse against differences", np.abs(got - _difference(np.linalg.inv)).max(), 1e-7, "float64, step 1e-5"
    )


_CHECKS = {"eigenvalue": _eigenvalue_check, "inverse": _inverse_check, "singular value": _singular_check}


def _log_det() -> Report:
    """log det(A + t dA) = log det A + log det(I + t A^-1 dA); the last is a sum over eigenvalues of A^-1 dA."""
    t, beta = Symbol("t", real=True), Symbol("beta_i")
    slope = Rule(
        "derivative by t", lambda context, before: before.diff(context), "chain rule", relation=r"\;\mapsto\; "
    ).step(t, sympy.log(1 + t * beta))
    at_zero = Rule("at t = 0", lambda context, before: before.subs(context, 0)).step(t, slope.after)
    a, da = _matrices()
    got = np.trace(np.linalg.inv(a) @ da)
    check = checked(
        "d log det against differences",
        abs(got - _difference(lambda m: np.linalg.slogdet(m)[1])),
        1e-7,
        "float64, step 1e-5",
    )
    split = Step("determinant of a product", r"\log\det(A + t\,dA)", r"\log\det A + \log\det(I + t A^{-1} dA)")
    over = Step(
        "product of eigenvalues",
        r"\log\det(I + t A^{-1} dA)",
        r"\sum_i \log(1 + t \beta_i)",
        note=r"$\beta_i$ are the eigenvalues of $A^{-1} dA$",
    )
    last = Step("sum of eigenvalues is the trace", r"\sum_i \beta_i", r"\operatorname{tr}(A^{-1} dA)")
    return Report(
        "Differential of log det",
        r"$\log\det A$",
        (split, over, slope, at_zero, last, check),
        r"$d \log\det A = \operatorname{tr}(A^{-1} dA)$.",
        "tr(A^-1 dA)",
        SOURCE,
    )
