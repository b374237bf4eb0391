"""SymPy's own heads and the table's: `translate` what a user's SymPy expression brings in, and `to_sympy` back."""

from __future__ import annotations

import sympy
from sympy import Basic, Expr

from . import heads

HEADS = {
    sympy.Abs: heads.abs, sympy.sign: heads.sign, sympy.tanh: heads.tanh, sympy.sech: heads.sech, sympy.erf: heads.erf,
    sympy.erfc: heads.erfc, sympy.erfinv: heads.erfinv, sympy.loggamma: heads.lgamma, sympy.digamma: heads.digamma,
    sympy.trigamma: heads.trigamma, sympy.sinc: heads.sinc, sympy.sinh: heads.sinh, sympy.cosh: heads.cosh,
    sympy.asin: heads.asin, sympy.acos: heads.acos, sympy.atan: heads.atan,
    sympy.asinh: heads.asinh, sympy.acosh: heads.acosh, sympy.atanh: heads.atanh,
}  # fmt: skip
BACK = {own: foreign for foreign, own in HEADS.items()} | {
    heads.maximum: sympy.Max, heads.minimum: sympy.Min, heads.polygamma: sympy.polygamma, heads.spherical_jn: sympy.jn,
}  # fmt: skip
FOLDED = {sympy.Max: heads.maximum, sympy.Min: heads.minimum}
NAMES = {foreign: own.__name__ for foreign, own in {**HEADS, **FOLDED}.items()}


def translate(expr: Basic) -> Basic:
    """`expr` with SymPy's heads replaced by ours, as far as there is one.

    >>> from sympy import Symbol, tanh
    >>> translate(tanh(Symbol("x", real=True))).func is heads.tanh
    True
    """
    if not expr.args or not expr.has(*HEADS, *FOLDED, sympy.polygamma, sympy.Piecewise):
        return expr
    return _one(expr.func, [translate(a) for a in expr.args])


def to_sympy(expr: Basic) -> Basic:
    """`expr` with the table's heads replaced by SymPy's, or else by their definitions: for people who go on in SymPy.

    >>> from sympy import Symbol
    >>> x = Symbol("x", real=True)
    >>> to_sympy(heads.tanh(x) + heads.sigmoid(x)), to_sympy(heads.relu(x))
    (tanh(x) + 1/(1 + exp(-x)), Piecewise((0, x <= 0), (x, True)))
    """
    if not expr.args or not expr.has(heads.ScalarFunction, heads.where):
        return expr
    args = [to_sympy(a) for a in expr.args]
    if expr.func in BACK:
        return BACK[expr.func](*args)
    if isinstance(expr, heads.where):
        return sympy.Piecewise((args[1], args[0]), (args[2], True))
    if isinstance(expr, (heads.stop, heads.finite)):
        return args[0]
    row = getattr(expr.func, "row", None)
    if row is None or row.definition is None:
        return expr.func(*args)
    return to_sympy(row.definition.xreplace(dict(zip(row.arguments, args))))


def _one(head: type, args: list) -> Expr:
    if head in HEADS:
        return HEADS[head](*args)
    if head in FOLDED:
        return _folded(FOLDED[head], args)
    if head is sympy.polygamma:
        return {0: heads.digamma(args[1]), 1: heads.trigamma(args[1])}.get(args[0], heads.polygamma(*args))
    if head is sympy.Piecewise:
        return _cases(args)
    return head(*args)


def _folded(head: type, args: list) -> Expr:
    value, *rest = sorted(args, key=sympy.default_sort_key)
    for arg in rest:
        value = head(value, arg)
    return value


def _cases(pairs: list) -> Expr:
    value = sympy.nan
    for yes, condition in reversed(pairs):
        value = heads.where(condition, yes, value)
    return value
