"""The order in which a person writes a sum and a product, and the factors that a sum has in common.

SymPy sorts arguments by internal keys. Here: positive addends first, then by degree, then as the tensors were declared;
numbers, sizes and scalars before tensors, tensors before sums in parentheses, functions last.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import gcd

from sympy import Add, Expr, Integer, Mul, Number, Pow, Rational, Symbol, exp
from sympy.core.function import AppliedUndef, Function

from ..ir.access import Access, reads, sort_key
from ..ir.system import System


def is_negative(expr: Expr) -> bool:
    """Does `expr` start with a minus sign?"""
    return expr.as_coeff_Mul()[0].is_negative is True


def ordering(system: System) -> Callable[[str], int]:
    """tensor name -> its place in the declarations; unknown names come last."""
    places = {name: place for place, name in enumerate(system.tensors)}

    @cache
    def place(name: str) -> int:
        return places.get(name, len(places))

    return place


def ordered_addends(expr: Add, place: Callable[[str], int]) -> list[Expr]:
    """Positive before negative; a constant after powers (x^2 + 1) but before functions (1 + e^{-x})."""
    polynomial = not any(isinstance(f, Function) for a in expr.args for f in Mul.make_args(a))

    def key(addend: Expr):
        constant = not reads(addend) and not addend.free_symbols
        first = not constant if polynomial else constant
        return is_negative(addend), not first, -_degree(addend), _places(addend, place), sort_key(addend)

    return sorted(expr.args, key=key)


def _degree(addend: Expr) -> int:
    total = 0
    for factor in Mul.make_args(addend):
        power = factor.exp if isinstance(factor, Pow) and factor.exp.is_Integer else 1
        base = factor.base if isinstance(factor, Pow) else factor
        if isinstance(base, Access) or (isinstance(base, Symbol) and power > 0):
            total += int(power)
    return total


def _places(expr: Expr, place: Callable[[str], int]) -> list[int]:
    return sorted(place(a.name) for a in reads(expr))


def ordered_factors(factors: list[Expr], place: Callable[[str], int]) -> list[Expr]:
    """Number, sizes, scalars, tensors in order of declaration, parentheses, functions."""

    def key(factor: Expr):
        base = factor.base if isinstance(factor, Pow) and not isinstance(factor, exp) else factor
        return _kind(base), _places(base, place), sort_key(factor)

    return sorted(factors, key=key)


def _kind(base: Expr) -> int:
    if base.is_number:
        return 0
    if isinstance(base, Symbol):
        return 1
    if isinstance(base, Access):
        return 2 if not base.indices else 3
    if isinstance(base, Add):
        return 4 if any(a.indices for a in reads(base)) else 2
    return 6 if isinstance(base, (Function, AppliedUndef)) else 5


def fraction(expr: Expr) -> tuple[Rational, list[Expr], list[Expr]]:
    """(coefficient, factors above, factors below) of a product; the coefficient keeps its sign and denominator."""
    coefficient, above, below = Integer(1), [], []
    for factor in Mul.make_args(expr):
        if isinstance(factor, Rational):
            coefficient *= factor
        elif isinstance(factor, Pow) and not isinstance(factor, exp) and is_negative(factor.exp):
            below.append(Pow(factor.base, -factor.exp))
        else:
            above.append(factor)
    return coefficient, above, below


def common_factors(expr: Expr) -> Expr:
    """`expr` with what all addends share written once in front: p/N - Y/N is (p - Y)/N.

    The product is unevaluated where SymPy would multiply it out again.
    """
    outside, inside = split_common(expr)
    return inside if outside == 1 else Mul(*Mul.make_args(outside), inside, evaluate=False)


def split_common(expr: Expr) -> tuple[Expr, Expr]:
    """(outside, inside) with expr = outside*inside."""
    if not isinstance(expr, Add):
        return Integer(1), expr
    addends = [_powers(a) for a in expr.args]
    shared = {b: _shared([p.get(b, Integer(0)) for _, p in addends]) for b in addends[0][1]}
    shared = {b: e for b, e in shared.items() if e != 0}
    number = _common_number([c for c, _ in addends])
    outside = Mul(number, *(Pow(b, e) for b, e in sorted(shared.items(), key=lambda item: sort_key(item[0]))))
    if outside in (1, -1):
        return Integer(1), expr
    return outside, Add(*(_without(c / number, p, shared) for c, p in addends))


def _powers(addend: Expr) -> tuple[Rational, dict[Expr, Integer]]:
    number, powers = Integer(1), {}
    for factor in Mul.make_args(addend):
        if isinstance(factor, Rational):
            number *= factor
        elif isinstance(factor, Pow) and isinstance(factor.exp, Integer) and not isinstance(factor, exp):
            powers[factor.base] = factor.exp
        elif not isinstance(factor, Number):
            powers[factor] = Integer(1)
    return number, powers


def _shared(exponents: list[Integer]) -> Integer:
    """The power that every addend has; 0 where it divides some and multiplies others."""
    if all(e > 0 for e in exponents):
        return min(exponents)
    return max(exponents) if all(e < 0 for e in exponents) else Integer(0)


def _without(number: Rational, powers, shared) -> Expr:
    return Mul(number, *(Pow(b, e - shared.get(b, 0)) for b, e in powers.items()))


def _common_number(numbers: list[Rational]) -> Rational:
    """What divides every coefficient: a denominator only where all have it; negative where every addend is."""
    below = {int(n.q) for n in numbers}
    size = Rational(gcd(*(int(n.p) for n in numbers)), below.pop() if len(below) == 1 else 1)
    return -size if all(n.is_negative for n in numbers) else size
