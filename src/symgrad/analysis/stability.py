r"""Stability of the rest point 0 of x' = A x or x' = f(x), by Lyapunov's method; and of gradient descent's flow.

    V positive definite, V' = grad V . f <= 0            stable;     V' negative definite     asymptotically stable
    A^T P + P A = -Q with Q > 0:  P > 0  <=>  A is asymptotically stable

>>> lyapunov([[0, 1], [-2, -3]]).value.word
'asymptotically stable'
>>> lyapunov(["y", "-x"], V="x**2 + y**2").value.word
'stable'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import sympy
from sympy import Expr, Matrix, Rational, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import to_sympy
from ..ir.system import Step
from .quadratic import ldl
from .question import Formula, Names, checked, formula, value, variables
from .report import Report
from .signs import sign

SOURCE = "Khalil, Nonlinear Systems (2002), chapter 4"
ASYMPTOTIC, STABLE, UNSTABLE = "asymptotically stable", "stable", "unstable"


@dataclass(frozen=True)
class Stability:
    """`word` is None for "cannot decide"; V a Lyapunov function, if one was given or found, and V' along the flow."""

    word: str | None
    V: Expr | None = None
    slope: Expr | None = None
    P: Matrix | None = None


def lyapunov(A: Any, V: Formula | None = None, wrt: Names | None = None) -> Report:
    """Is the rest point 0 stable? `A` is a matrix of exact numbers (x' = A x) or a list of formulas (x' = f(x)).

    Without V, a linear system is decided by its Lyapunov equation, a nonlinear one by its linearisation where that
    decides.
    `wrt` orders the variables (default: by name). Raises SymgradError where 0 is no rest point.
    Source: Khalil, Nonlinear Systems (2002), theorems 4.1, 4.6 and 4.7.
    """
    if V is None and not _formulas(A):
        return _linear(_exact(A))
    if not _formulas(A):
        matrix = _exact(A)
        xs = variables(wrt, formula(V))
        field = list(matrix * Matrix(xs))
    else:
        field = [formula(e) for e in A]
        xs = variables(wrt, *field, *([formula(V)] if V is not None else []))
    if len(xs) != len(field):
        raise SymgradError(
            f"{len(field)} equations for {len(xs)} variables ({', '.join(map(str, xs))}): pass wrt=[...]."
        )
    if any(e.subs(dict.fromkeys(xs, 0)) != 0 for e in field):
        raise SymgradError("0 is not a rest point of this flow: move the rest point to 0 first.")
    return _flow(field, xs, formula(V)) if V is not None else _linearised(field, xs)


def gradient_flow(V: Formula, wrt: Names | None = None) -> Report:
    """Gradient descent with small steps, x' = -grad V: V' = -|grad V|^2 along it.

    >>> gradient_flow("x**2 + x*y + 2*y**2 + x**4").value.word
    'asymptotically stable'
    """
    function = formula(V)
    xs = variables(wrt, function)
    return lyapunov([-function.diff(x) for x in xs], function - function.subs(dict.fromkeys(xs, 0)), xs)


def _formulas(A: Any) -> bool:
    return (not isinstance(A, (Matrix, np.ndarray)) and not isinstance(A[0], (Sequence, np.ndarray))) or isinstance(
        A[0], str
    )


def _exact(A: Any) -> Matrix:
    matrix = Matrix(A).applyfunc(lambda e: sympy.nsimplify(e, rational=True))
    if matrix.rows != matrix.cols or not all(e.is_Rational for e in matrix):
        raise SymgradError("x' = A x needs a square matrix of rational numbers.")
    return matrix


def equation_of(A: Matrix, Q: Matrix) -> Matrix | None:
    """The symmetric P with A^T P + P A = -Q, solved exactly; None where there is no unique one."""
    n = A.rows
    eye = sympy.eye(n)
    whole = sympy.kronecker_product(eye, A.T) + sympy.kronecker_product(A.T, eye)
    if whole.det() == 0:
        return None
    return whole.LUsolve(-Q.T.reshape(n * n, 1)).reshape(n, n).T


_EQUATION = Rule(
    "solve the Lyapunov equation",
    lambda context, before: equation_of(before, context),
    SOURCE + ", th. 4.6",
    relation=r"\;:\; A^\top P + P A = -I \;\Rightarrow\; P = ",
)


def _linear(A: Matrix) -> Report:
    title, n = "Stability of x' = A x", A.rows
    P = equation_of(A, sympy.eye(n))
    if P is None:
        word, why = _on_the_axis(A)
        step = Step("no unique solution", A, r"\text{two eigenvalues add to } 0", note=why)
        return Report(title, A, (step,), _said(word, why), Stability(word), SOURCE)
    x = Matrix([Symbol(f"x_{i + 1}", real=True) for i in range(n)])
    V = (x.T * P * x)[0].expand()
    positive = (found := ldl(P)) is not None and all(d > 0 for d in found[1])
    rule = Rule("definiteness by L D L^T", lambda context, before: _definite(before), relation=r"\;:\; ")
    steps = (_EQUATION.step(sympy.eye(n), A), rule.step(None, P), _against_scipy(A, P))
    word = ASYMPTOTIC if positive else UNSTABLE
    why = (
        "P is positive definite"
        if positive
        else "the Lyapunov equation has a unique solution, and it is not positive definite"
    )
    return Report(title, A, steps, _said(word, why), Stability(word, V, -(x.T * x)[0], P), SOURCE)


def _definite(P: Matrix) -> str:
    found = ldl(P)
    return r"\text{positive definite}" if found and all(d > 0 for d in found[1]) else r"\text{not positive definite}"


def _against_scipy(A: Matrix, P: Matrix) -> Step:
    a = np.array(A.tolist(), dtype=float)
    numeric = scipy.linalg.solve_continuous_lyapunov(a.T, -np.eye(len(a)))
    exact = np.array(P.tolist(), dtype=float)
    off = np.abs(numeric - exact).max() / (1 + np.abs(exact).max())
    return checked("P against scipy.linalg.solve_continuous_lyapunov", off, 1e-6, "float64, conditioned")


def _on_the_axis(A: Matrix) -> tuple[str | None, str]:
    """Eigenvalues l and -l occur: a positive real part is unstable; on the axis, the Jordan form decides."""
    s, w = sympy.Dummy("s"), sympy.Dummy("w", real=True)
    p = sympy.Poly(A.charpoly().all_coeffs(), s).as_expr()
    common = sympy.Poly(sympy.gcd(p, p.subs(s, -s)), s)
    turned = sympy.Poly(_real_polynomial(common, s, w), w)
    free = turned.quo(turned.gcd(turned.diff()))
    if free.count_roots() < free.degree():
        return UNSTABLE, "an eigenvalue has a positive real part"
    rest = sympy.Poly(p, s).quo(common)
    if rest.degree() and not _hurwitz(rest):
        return UNSTABLE, "an eigenvalue has a positive real part"
    root_free = common.quo(common.gcd(common.diff()))
    at = _polynomial_at(root_free, A)
    if A.rows - at.rank() < common.degree():
        return UNSTABLE, "an eigenvalue on the imaginary axis has a Jordan block: solutions grow like t"
    return STABLE, "no eigenvalue has a positive real part, and those on the imaginary axis have no Jordan block"


def _real_polynomial(common: sympy.Poly, s, w) -> Expr:
    """common(i w) up to a power of i: common is even or odd."""
    degree = common.degree()
    return sympy.expand(common.as_expr().subs(s, sympy.I * w) / sympy.I**degree)


def _polynomial_at(p: sympy.Poly, A: Matrix) -> Matrix:
    total = sympy.zeros(A.rows)
    for c in p.all_coeffs():
        total = total * A + c * sympy.eye(A.rows)
    return total


def _hurwitz(p: sympy.Poly) -> bool:
    """All roots have negative real parts: the companion matrix satisfies its own Lyapunov equation with P > 0."""
    monic = p.monic().all_coeffs()[1:]
    n = len(monic)
    companion = Matrix(n, n, lambda i, j: -monic[j] if i == 0 else int(i == j + 1))
    P = equation_of(companion, sympy.eye(n))
    found = None if P is None else ldl(P)
    return found is not None and all(d > 0 for d in found[1])


def _flow(field: list[Expr], xs, V: Expr) -> Report:
    rule = Rule(
        "chain rule along the flow",
        lambda context, before: _along(before, *context),
        SOURCE + ", th. 4.1",
        relation=r"\;\mapsto\; V' = ",
    )
    step = rule.step((tuple(field), xs), V)
    slope = step.after
    positive = definite(V, xs)
    word, why = None, "V is not proved positive definite"
    if positive:
        word, why = _verdict(slope, xs, positive)
    steps = (
        step,
        Step("sign of V", V, rf"\text{{{positive or 'not proved positive definite'}}}"),
        _sampled(field, xs, V, slope),
    )
    return Report("Lyapunov's method", V, steps, _said(word, why), Stability(word, V, slope), SOURCE)


def _along(V: Expr, field, xs) -> Expr:
    raw = sum(V.diff(x) * f for x, f in zip(xs, field))
    return raw.expand() if raw.is_polynomial(*xs) else raw


def _verdict(slope: Expr, xs, positive: str) -> tuple[str | None, str]:
    down = definite(-slope, xs)
    if down:
        return ASYMPTOTIC, f"V: {positive}; -V': {down}"
    up = definite(slope, xs)
    if up:
        return UNSTABLE, f"V and V' are positive definite: V grows along every solution ({up})"
    found = sign(slope)
    if found is not None and found.nonpositive:
        return STABLE, f"V' {found.relation} 0: {found.reason}; whether solutions tend to 0 this V does not decide"
    return None, "the sign of V' is not known"


def definite(V: Expr, xs) -> str:
    """Why V(0) = 0 and V > 0 elsewhere ("" where that is not proved): V - c sum x^2k >= 0 for some c and k, or each
    term
    of a sum of squares in the variables alone is positive."""
    if sympy.simplify(to_sympy(V.subs(dict.fromkeys(xs, 0)))) != 0:
        return ""
    for power in (2, 4, 6):
        for c in (Rational(1), Rational(1, 10), Rational(1, 1000)):
            found = sign(V - c * sum(x**power for x in xs))
            if found is not None and found.nonnegative:
                return (
                    f"positive definite: at least {c} times the sum of {'squares' if power == 2 else f'powers {power}'}"
                )
    return ""


def _linearised(field, xs) -> Report:
    """Eigenvalues of the Jacobian at 0, where none lies on the imaginary axis."""
    rule = Rule(
        "linearise at 0",
        lambda context, before: Matrix(context[0]).jacobian(context[1]).subs(dict.fromkeys(context[1], 0)),
        SOURCE + ", th. 4.7",
        relation=r"\;\mapsto\; ",
    )
    step = rule.step((tuple(field), xs), Matrix(field))
    A = step.after
    statement = Matrix(field)
    if not all(e.is_Rational for e in A):
        return Report(
            "Stability of x' = f(x)",
            statement,
            (step,),
            _said(None, "the Jacobian is not rational"),
            Stability(None),
            SOURCE,
        )
    linear = _linear(A)
    word = linear.value.word
    if word == STABLE or (word == UNSTABLE and not _right_half(A)):
        word, why = None, "an eigenvalue of the Jacobian lies on the imaginary axis: pass a Lyapunov function V"
    else:
        why = f"the linearisation is {word}"
    found = Stability(word, linear.value.V if word == ASYMPTOTIC else None, None, linear.value.P)
    return Report("Stability of x' = f(x)", statement, (step, *linear.steps), _said(word, why), found, SOURCE)


def _right_half(A: Matrix) -> bool:
    """Is an eigenvalue in the open right half plane? (Shifted a little to the left it is still unstable.)"""
    for shift in (Rational(1, 10), Rational(1, 10**4), Rational(1, 10**8)):
        P = equation_of(A - shift * sympy.eye(A.rows), sympy.eye(A.rows))
        found = None if P is None else ldl(P)
        if P is not None and (found is None or any(d <= 0 for d in found[1])):
            return True
    return False


def _sampled(field, xs, V, slope) -> Step:
    """V' against a difference of V along the flow, at simple points."""
    worst, h = 0.0, Rational(1, 10**12)
    for k in range(1, 6):
        at = {x: Rational((3 * k + 2 * i) % 7 - 3, 8) for i, x in enumerate(xs)}
        speed = [f.subs(at) for f in field]
        ends = [value(V, {x: at[x] + s * h * v for (x, v) in zip(xs, speed)}, 60) for s in (1, -1)]
        worst = max(worst, abs(float((ends[0] - ends[1]) / (2 * value(h + 0 * xs[0], at, 60)) - value(slope, at, 60))))
    return checked("V' against central differences of V along the flow", worst, 1e-9, "60 digits, step 1e-12")


def _said(word: str | None, why: str) -> str:
    return f"{word.capitalize() if word else 'Cannot decide'}: {why}."
