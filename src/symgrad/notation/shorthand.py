"""Reductions that are short for others; what to write for names that only other libraries have."""

from __future__ import annotations

from dataclasses import replace

from sympy import Integer

from .grammar import Call, Node, Number, Reduce

_ANGLE = "Off the negative axis it is 2*atan(y/(sqrt(x**2 + y**2) + x))."
INSTEAD = {
    "arccos": "Write acos(x).", "arccosh": "Write acosh(x).", "arcsin": "Write asin(x).", "arcsinh": "Write asinh(x).",
    "arctan": "Write atan(x).", "arctan2": _ANGLE, "arctanh": "Write atanh(x).",
    "atan2": _ANGLE, "average": "Write mean[i](x[i]).", "avg": "Write mean[i](x[i]).",
    "cbrt": "Write sign(x)*abs(x)**(1/3).", "ceil": "Write -floor(-x).", "clamp": "Write clip(x, low, high).",
    "cumprod": "Write a guard: P[i] = prod[j, j <= i](x[j]).", "cumsum": "Write a guard: S[i] = sum[j, j <= i](x[j]).",
    "fabs": "Write abs(x).", "gammaln": "Write lgamma(x).", "hypot": "Write sqrt(x**2 + y**2).", "ln": "Write log(x).",
    "norm": "Write sqrt(sum[i](x[i]**2)), or norm2(x) in an equation without indices.", "pow": "Write x**y.",
    "power": "Write x**y.", "square": "Write x**2.", "variance": "Write var[i](x[i]).",
}  # fmt: skip


def _argmin(node: Reduce) -> Node:
    opposite = Call("*", (Number(Integer(-1), node.column), node.body), node.column)
    return replace(node, kind="argmax", body=opposite)


def _variance(node: Reduce) -> Node:
    """The mean of the squared distance from the mean: it divides by the count, as NumPy does."""
    mean = Call("*", (Number(Integer(-1), node.column), replace(node, kind="mean")), node.column)
    distance = Call("+", (node.body, mean), node.column)
    return replace(node, kind="mean", body=Call("**", (distance, Number(Integer(2), node.column)), node.column))


def _deviation(node: Reduce) -> Node:
    return Call("sqrt", (_variance(node),), node.column)


REDUCTIONS = {"argmin": _argmin, "var": _variance, "std": _deviation}
