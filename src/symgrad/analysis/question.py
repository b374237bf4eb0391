"""What every question needs: formulas and names read, answers checked against numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import mpmath
import sympy
from sympy import Expr, Interval, Symbol

from .. import notation
from ..errors import CheckError, SymgradError
from ..functions.evaluate import precise
from ..ir.system import Step
from ..notation.scalar import in_rows

Formula = Expr | str | int | float
Names = Iterable[Symbol | str] | Symbol | str


def formula(expr: Formula) -> Expr:
    """Text or SymPy as an expression in real symbols and rows of the function table. No text is evaluated.

    >>> formula("x**2 + exp(y)").free_symbols == {Symbol("x", real=True), Symbol("y", real=True)}
    True
    """
    if isinstance(expr, str):
        return notation.scalar(expr)
    found = notation.formula(expr)
    return in_rows(found.xreplace({s: real(s) for s in found.free_symbols}))


def real(symbol: Symbol | str) -> Symbol:
    """The real symbol of that name; what is known of its sign stays known."""
    if isinstance(symbol, str):
        if not symbol.isidentifier():
            raise SymgradError(f'a variable is a name, not {symbol!r}: pass a list such as ["x", "y"].')
        return Symbol(symbol, real=True)
    if not isinstance(symbol, Symbol):
        raise SymgradError(f'a variable is a name or a SymPy symbol, not {symbol!r}: pass a list such as ["x", "y"].')
    known = {k: True for k in ("positive", "negative", "nonnegative", "nonpositive") if getattr(symbol, f"is_{k}")}
    strict = {k: v for k, v in known.items() if k in ("positive", "negative")} or known
    return Symbol(symbol.name, **(strict or {"real": True}))


def variables(names: Names | None, *among: Expr) -> tuple[Symbol, ...]:
    """The symbols of `names`; without names, all that the expressions hold, sorted."""
    present = {s.name: s for e in among for s in e.free_symbols}
    if names is None:
        return tuple(present[n] for n in sorted(present))
    if isinstance(names, (str, Symbol)):
        names = (names,)
    wanted = [real(n) for n in names]
    return tuple(dict.fromkeys(present.get(s.name, s) for s in wanted))


def intervals(on: Mapping[Any, Any] | None) -> dict[str, Interval]:
    """{name: (low, high)} or {name: Interval} as intervals by name; ends that are numbers belong to them."""
    found = {}
    for name, ends in (on or {}).items():
        if not isinstance(ends, Interval):
            low, high = map(sympy.sympify, ends)
            ends = Interval(low, high)
        if not isinstance(ends, Interval):
            raise SymgradError(f"{name} has no interior between {low} and {high}: pass (low, high) with low < high.")
        found[str(name)] = ends
    return found


def value(expr: Expr, point: Mapping[Symbol, Any], digits: int = 50):
    """`expr` at a point of exact numbers, in mpmath with so many digits; NaN where it is not real."""
    with mpmath.workdps(digits):
        numbers = {s: mpmath.mpf(sympy.sympify(v)._to_mpmath(mpmath.mp.prec)) for s, v in point.items()}
        try:
            found = mpmath.mpmathify(precise(expr, numbers))
        except (ValueError, ZeroDivisionError, OverflowError, TypeError):
            return mpmath.nan
        return found if isinstance(found, mpmath.mpf) else mpmath.nan


def checked(what: str, error, allowed, digits: str = "") -> Step:
    """The step that records a numeric check of an answer. An answer that fails its own check is not given."""
    if not float(error) <= float(allowed):
        raise CheckError(
            f"{what}: off by {float(error):.1e}, allowed {float(allowed):.1e}. Please report this formula."
        )
    shown = rf"\text{{off by }} {_scientific(float(error))} \le {_scientific(float(allowed))}"
    return Step("numeric check", "", shown, note=what + (f" ({digits})" if digits else ""))


def _scientific(number: float) -> str:
    if number == 0:
        return "0"
    mantissa, exponent = f"{number:.1e}".split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
