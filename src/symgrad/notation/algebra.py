"""Tree to SymPy: operators and functions applied to scalars, with constants kept within the range of a float.

SymPy computes with exact numbers as soon as it sees them, so `9**9**9` would never end: what can be large is estimated
first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, log2

import sympy
from sympy import Add, And, Basic, Expr, Integer, Mul, Not, Number, Or, Pow, S

from ..functions import ROWS, SHORT, apply, where
from ..ir.access import Access

BITS = 1100  # of a constant: a float ends at 2**1024


class Unrepresentable(ValueError):
    """A constant that is not a real number in the range of a float, or a call that has no value; and what helps."""

    def __init__(self, summary: str, fix: str = ""):
        super().__init__(summary)
        self.fix = fix


def _too_large() -> Unrepresentable:
    return Unrepresentable("this constant is out of the range of a float", "A float holds numbers up to 1.8e308.")


def _miscounted(name: str, least: int, most: int, count: int) -> Unrepresentable:
    wanted = f"{least}" if least == most else f"{least} to {most}"
    arguments = ", ".join("abc"[:most])
    return Unrepresentable(
        f"{name} takes {wanted} argument{'s' if most > 1 else ''}, not {count}", f"Write {name}({arguments})."
    )


def build(name: str, args: Sequence[Basic]) -> Basic:
    """`name` applied to SymPy scalars; `name` is an operator, `where`, or a row of the function table."""
    result = _OPERATORS[name](*args) if name in _OPERATORS else _call(name, args)
    return _checked(result)


def _call(name: str, args: Sequence[Expr]) -> Expr:
    least, most = arity(name)
    if not least <= len(args) <= most:
        raise _miscounted(name, least, most, len(args))
    if name == "exp" and constant(args[0]) and magnitude(args[0]) > 709:
        raise _too_large()
    if name in ROWS and ROWS[name].orders and not (args[0].is_Integer and 0 <= args[0] <= 50):
        raise Unrepresentable(f"the first argument of {name} is a whole number from 0 to 50", f"Write {name}(1, x).")
    return apply(name, *args)


def arity(name: str) -> tuple[int, int]:
    """The least and the largest number of arguments of a function."""
    return (SHORT[name][0],) * 2 if name in SHORT else ROWS[name].arity


def known_functions() -> list[str]:
    return sorted({*ROWS, *SHORT})


def constant(expr: Basic) -> bool:
    """No access, index or size in it: `Access` counts as a constant for SymPy."""
    return not expr.free_symbols and not expr.has(Access)


def magnitude(expr: Expr) -> float:
    """|expr| of a constant as a float; infinite where it is too large."""
    try:
        return abs(float(expr))
    except (OverflowError, TypeError, ValueError):
        return inf


def _power(base: Expr, exponent: Expr) -> Expr:
    if constant(base) and constant(exponent):
        size = magnitude(base)
        if size == 0 and not exponent.is_nonnegative:
            raise Unrepresentable("this divides by zero", "A formula is of real numbers only.")
        if size and magnitude(exponent) * max(abs(log2(size)) if size < inf else BITS, 1) > BITS:
            raise _too_large()
    return Pow(base, exponent)


def _checked(result: Basic) -> Basic:
    if result.has(S.NaN, S.ComplexInfinity, S.ImaginaryUnit, S.Infinity, S.NegativeInfinity):
        raise Unrepresentable("this has no real value", "A formula is of real numbers only.")
    if isinstance(result, Number) and (result.p.bit_length() > BITS + 60 or result.q.bit_length() > BITS + 60):
        raise _too_large()
    if isinstance(result, Expr) and not isinstance(result, Number) and constant(result) and magnitude(result) == inf:
        raise _too_large()
    return result


def _relation(head) -> Callable[[Expr, Expr], Basic]:
    def compare(left: Expr, right: Expr) -> Basic:
        return head(left, right)

    return compare


def _sqrt(*args: Expr) -> Expr:
    if len(args) != 1:
        raise _miscounted("sqrt", 1, 1, len(args))
    return _power(args[0], Integer(1) / 2)


def _where(*args: Basic) -> Expr:
    if len(args) != 3:
        raise Unrepresentable(f"where takes 3 arguments, not {len(args)}", "Write where(condition, yes, no).")
    return where(*args)


_OPERATORS: dict[str, Callable[..., Basic]] = {
    "+": Add, "*": Mul, "**": _power, "and": And, "or": Or, "not": Not,
    "<": _relation(sympy.Lt), "<=": _relation(sympy.Le), ">": _relation(sympy.Gt), ">=": _relation(sympy.Ge),
    "==": _relation(sympy.Eq), "!=": _relation(sympy.Ne), "where": _where, "sqrt": _sqrt,
}  # fmt: skip
