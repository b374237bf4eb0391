r"""Facts about training that follow from formulas: vanishing gradients, initial variances, what linear maps cannot do.

>>> vanishing_gradient("sigmoid", 10).value
1/1048576
>>> separable([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]).conclusion.split(":")[0]
'No affine function separates the classes'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import scipy.optimize
import sympy
from sympy import Add, Expr, Integer, Matrix, Rational, Symbol

from ..calculus.rewrite import Rule
from ..errors import SymgradError
from ..functions import ROWS, derive, heads, to_sympy
from ..ir.system import Step
from .critical import critical_points
from .question import Formula, checked, formula, value
from .report import Report
from .signs import sign
from .solve import isolate

X = Symbol("x", real=True)


def vanishing_gradient(activation: str, layers: int) -> Report:
    """The bound (max |s'|)**layers on the product of the activation's derivatives through that many layers.

    The maximum of s' is found among its critical points and proved by the sign of max - s'.
    Source: Hochreiter, Int. J. Uncertainty, Fuzziness and Knowledge-Based Systems 6 (1998).
    """
    if activation not in ROWS or ROWS[activation].arity[0] != 1:
        raise SymgradError(f"{activation} is not a function of one argument of the table.")
    slope = Rule("derivative", lambda context, before: before.diff(context), relation=r"\;\mapsto\; ").step(
        X, ROWS[activation].head(X)
    )
    at = critical_points(slope.after)
    tops = [p for p in at.value if p.kind == "maximum"]
    if not tops:
        raise SymgradError(f"the derivative of {activation} has no smooth maximum that could be located.")
    top = max((sympy.simplify(to_sympy(p.value)) for p in tops), key=lambda e: e.evalf(20))
    proof = sign(derive.unfold(top - slope.after))
    if proof is None or not proof.nonnegative:
        raise SymgradError(f"that {top} is the largest slope of {activation} could not be proved.")
    least = sign(slope.after)
    if least is None or not least.nonnegative:
        raise SymgradError(f"the derivative of {activation} takes both signs: its maximum alone is no bound.")
    bounded = Rule("proved bound", lambda context, before: context, relation=r"\;\le ").step(
        top, slope.after, note=f"maximum at x = {tops[0].at['x']}; {top} - s'(x) {proof.relation} 0: {proof.reason}"
    )
    power = Rule(
        f"product over {layers} layers", lambda context, before: before**context, "chain rule", relation=r"\;\mapsto\; "
    ).step(layers, top)
    sampled = max(value(slope.after, {X: Rational(k, 16)}, 30) for k in range(-400, 401))
    check = checked("s' on a grid against its bound", max(sampled - value(top, {}, 30), 0), 1e-25, "30 digits")
    return Report(
        f"Vanishing gradient of {activation}",
        slope.before,
        (slope, bounded, power, check),
        f"The product of {layers} derivatives is at most {power.after} = {float(power.after):.2e}.",
        power.after,
        "Hochreiter, The vanishing gradient problem during learning recurrent neural nets (1998)",
    )


def largest_difference(f: Formula, g: Formula, on: tuple = (Rational(1, 2), 5)) -> Report:
    """max |f - g| of two formulas in x on an interval: roots of the derivative, each certified by a change of sign on
    an interval without another root (interval arithmetic), and the ends. The value is (x, |f - g|).

    >>> report = largest_difference("gelu(x)", "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))")
    >>> [round(float(v), 6) for v in report.value]
    [2.698941, 0.000473]
    """
    gap = _on(to_sympy(formula(f) - formula(g)), *on)
    slope = Rule("derivative", lambda context, before: before.diff(context), relation=r"\;\mapsto\; ").step(X, gap)
    roots, sure = isolate(slope.after, X, *map(sympy.sympify, on))
    candidates = [*roots, *map(sympy.sympify, on)]
    best = max(candidates, key=lambda r: abs(value(gap, {X: r}, 40)))
    top = sympy.Float(mpmath.nstr(abs(value(gap, {X: best}, 40)), 30), 30)
    grid = max(abs(value(gap, {X: on[0] + (on[1] - on[0]) * Rational(k, 400)}, 30)) for k in range(401))
    check = checked(
        "the difference on a grid of 401 points against its maximum",
        max(grid - abs(value(gap, {X: best}, 30)), 0),
        1e-20,
        "30 digits",
    )
    where = Step(
        "roots of the derivative",
        "",
        ", ".join(str(r.evalf(12)) for r in roots),
        note="all of them" if sure else "those that were found",
    )
    said = "is" if sure else "is at least"
    return Report(
        "Largest difference",
        gap,
        (slope, where, check),
        f"On [{on[0]}, {on[1]}] the largest difference {said} {top.evalf(8)}, at x = {best.evalf(12)}.",
        (best, top),
    )


def _on(f: Any, low: Any, high: Any) -> Any:
    """The formula on an interval: of a choice by x the branch that holds on all of it."""
    found = f
    for choice in sorted(f.atoms(sympy.Piecewise), key=lambda e: e.count_ops()):
        for branch, condition in choice.args:
            holds = {bool(condition.subs(X, end)) for end in (low, high)}
            if holds == {False}:
                continue
            if holds != {True}:
                raise SymgradError(f"the formula changes at {condition}: ask for the intervals on its two sides.")
            found = found.xreplace({choice: branch})
            break
    return found if found == f else _on(found, low, high)


def variance_propagation(activation: str = "linear") -> Report:
    r"""The initial variance of weights that keeps the variance of a layer: 1/n for a linear activation (Xavier), 2/n
    for relu (He), derived. z = sum_i w_i a_i with independent w_i of mean 0: Var z = n Var(w) E[a^2].

    E[a^2] is E[z^2] for the linear layer; for a = relu(z) with z symmetric about 0, half of it. The value is Var(w) in
    the fan-in n. Sources: Glorot and Bengio (AISTATS 2010), section 4.2.1; He, Zhang, Ren and Sun (ICCV 2015), eq. (7)
    to (10).
    """
    share = {"linear": Integer(1), "relu": _half_by_symmetry()}.get(activation)
    if share is None:
        raise SymgradError(f"the share of E[z^2] that {activation} keeps is derived for linear and relu.")
    n, q, vw = Symbol("n", positive=True), Symbol("q", positive=True), Symbol("V_w", positive=True)
    product = Rule(
        "independent factors, mean of w is 0",
        lambda context, before: _product_variance(),
        "Var(w a) = E[w^2] E[a^2] - (E[w] E[a])^2",
        relation=r"\;\mapsto\; ",
    ).step(None, r"\operatorname{Var}(w a)")
    total = Rule("sum of n independent terms", lambda context, before: context * before, relation=r"\;\mapsto\; ").step(
        n, product.after
    )
    second = Rule("second moment of the activation", lambda context, before: before.subs(*context), relation="= ").step(
        (Symbol("E_a2", positive=True), share * q),
        total.after,
        note="q = Var of the layer before" + ("; E[relu(z)^2] = E[z^2]/2 by symmetry" if share != 1 else ""),
    )
    keep = Rule(
        "the variance is kept",
        lambda context, before: sympy.solve(before - context[0], context[1])[0],
        relation=r"= q \iff V_w = ",
    ).step((q, vw), second.after)
    rng = np.random.default_rng(0)
    a = rng.normal(size=(1000, 256))
    a = np.maximum(a, 0) if activation == "relu" else a
    z = a @ rng.normal(size=(256, 1024)) * np.sqrt(float(keep.after.subs(n, 256)))
    check = checked(
        "Var z over Var of the layer before, by a draw of 1000 x 256 x 1024",
        abs(z.var() - 1),
        0.1,
        "its standard error is about 0.02",
    )
    return Report(
        f"Initial variance for {activation}",
        r"$z = \sum_{i=1}^{n} w_i a_i$",
        (product, total, second, keep, check),
        f"Var(w) = {keep.after}.",
        keep.after,
        "Glorot and Bengio (2010), section 4.2.1; He et al. (2015), section 2.2",
    )


def _product_variance() -> Expr:
    ew, va, ea2 = Integer(0), Symbol("V_w", positive=True), Symbol("E_a2", positive=True)
    mean = Symbol("E_a", real=True)
    return (va + ew**2) * ea2 - (ew * mean) ** 2


def _half_by_symmetry() -> Rational:
    """relu(z)**2 + relu(-z)**2 = z**2 (proved by cases), and both have one mean where z is symmetric: each has half."""
    for case in (1, -1):
        z = case * Symbol("t", positive=True)
        total = sum(derive.unfold(heads.relu(s * z)) ** 2 for s in (1, -1))
        if sympy.simplify(total - z**2) != 0:
            raise SymgradError("relu(z)**2 + relu(-z)**2 is not z**2.")
    return Rational(1, 2)


def separable(points: Sequence[Sequence[Any]], labels: Sequence[int]) -> Report:
    """Is there an affine w.x + b >= 1 on label 1 and <= -1 on label 0? With (w, b), or with a Farkas combination:
    weights
    y >= 0 of the constraints whose sum reads 0 >= 1. Both in exact rationals.

    The value is {"w": ..., "b": ...} or {"farkas": ...}. Source: Schrijver, Theory of Linear and Integer Programming
    (1986), corollary 7.1e; Minsky and Papert, Perceptrons (1969).
    """
    xs = [[sympy.nsimplify(c, rational=True) for c in p] for p in points]
    if len(xs) != len(labels) or not set(labels) <= {0, 1}:
        raise SymgradError("pass one label, 0 or 1, for each point.")
    rows = Matrix([[(1 if y else -1) * c for c in (*p, 1)] for p, y in zip(xs, labels)])  # rows (w, b) >= 1
    a = np.array(rows.tolist(), dtype=float)
    found = scipy.optimize.linprog(
        np.zeros(a.shape[1]), A_ub=-a, b_ub=-np.ones(len(a)), bounds=[(None, None)] * a.shape[1]
    )
    if found.status == 0:
        exact = [sympy.nsimplify(2 * c, rational=True, tolerance=1e-6) for c in found.x]
        margin = Rule("margin of every point", lambda context, before: before * context, relation=r"\;\mapsto\; ").step(
            Matrix(exact), rows
        )
        if min(margin.after) >= 1:
            return Report(
                "Separation by an affine function",
                rows,
                (margin,),
                f"w = {exact[:-1]}, b = {exact[-1]} separates the classes.",
                {"w": exact[:-1], "b": exact[-1]},
                "Schrijver (1986)",
            )
    dual = scipy.optimize.linprog(
        np.zeros(len(a)), A_eq=np.vstack([a.T, np.ones(len(a))]), b_eq=[*np.zeros(a.shape[1]), 1.0]
    )
    weights = (
        Matrix([[sympy.nsimplify(c, rational=True, tolerance=1e-7) for c in dual.x]]) if dual.status == 0 else None
    )
    if weights is None or any(c < 0 for c in weights) or any(weights * rows) or sum(weights) == 0:
        return Report(
            "Separation by an affine function",
            rows,
            (),
            "Cannot decide: neither a function nor an exact certificate was found.",
            None,
        )
    combine = Rule(
        "Farkas combination",
        lambda context, before: context * before,
        "Schrijver (1986), corollary 7.1e",
        relation=r"\;\mapsto\; ",
    ).step(weights, rows)
    text = f"No affine function separates the classes: {list(weights)} times the constraints gives 0 >= {sum(weights)}."
    return Report(
        "Separation by an affine function",
        rows,
        (combine,),
        text,
        {"farkas": list(weights)},
        "Minsky and Papert, Perceptrons (1969)",
    )


def stacked_linear(layers: int) -> Report:
    """Affine layers x -> W x + b one after the other are one affine layer: its matrix and offset, derived by
    substitution.

    >>> stacked_linear(2).value
    (W2*W1, W2*b1 + b2)
    """
    if layers < 1:
        raise SymgradError("a network has at least one layer.")
    x = Symbol("x", commutative=False)
    steps, at = [], x
    for k in range(1, layers + 1):
        weight, offset = (Symbol(f"{n}{k}", commutative=False) for n in ("W", "b"))
        rule = Rule(
            f"layer {k}", lambda context, before: (context[0] * before + context[1]).expand(), relation=r"\;\mapsto\; "
        )
        steps.append(rule.step((weight, offset), at))
        at = steps[-1].after
    linear = [t for t in Add.make_args(at) if t.has(x)]
    whole = sympy.Mul(*[f for f in linear[0].args_cnc()[1] if f != x])
    rest = Add(*(t for t in Add.make_args(at) if not t.has(x)))
    return Report(
        f"{layers} linear layers are one", x, tuple(steps), f"W = {whole}, b = {rest}.", (whole, rest), "distributivity"
    )
