"""Derivatives of the rows: found from the definitions, not typed.

The derivative of a textbook definition is right and unstable: of 1/(1 + exp(-x)) it is exp(-x)/(1 + exp(-x))**2, which
is inf/inf at x = -800. A row therefore names *atoms*, stable functions of the same argument (sigma(x), sigma(-x)). The
derivative is the cheapest monomial  c a1**e1 a2**e2 ...  in these atoms that equals it: first numerically, at a few
points, where log|f'| = log|c| + sum e_i log|a_i| is linear in the exponents; then by proof, with every head replaced by
its definition and exponentials by generators, where the difference cancels to 0.

>>> from symgrad.functions import ROWS
>>> slope(ROWS["sigmoid"], 1), slope(ROWS["tanh"], 1), slope(ROWS["softplus"], 1)
(sigmoid(-x)*sigmoid(x), sech(x)**2, sigmoid(x))
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import mpmath
from sympy import Add, Basic, Dummy, Expr, Integer, Mul, Rational, cancel, exp, expand_log, simplify, together

from ..errors import DifferentiationError, explain
from . import heads
from .evaluate import precise
from .heads import ScalarFunction

POINTS = ("0.3127", "0.7419", "-0.4231", "-1.2173", "1.6391", "2.113")  # where candidates are compared; nothing special
EXPONENTS = (1, 2, -1, -2, 3)
_FOUND: dict[tuple[str, int], Expr] = {}


def slope(row: Any, argindex: int) -> Expr:
    """The derivative of a row by argument `argindex`, over `row.arguments`; computed once."""
    key = row.name, argindex
    if key not in _FOUND:
        _FOUND[key] = _slope(row, argindex)
    return _FOUND[key]


def _slope(row: Any, argindex: int) -> Expr:
    if row.jump:
        call = f"{row.name}({', '.join(map(str, row.arguments))})"
        fix = f"Write stop({call}) if it is to count as a constant."
        raise DifferentiationError(explain(f"{row.jump}, so it has no derivative there.", call, fix=fix))
    if row.slopes:
        return _given(row, argindex)
    if not issubclass(row.head, ScalarFunction):
        return row.head(*row.arguments).diff(row.arguments[argindex - 1])
    naive = row.definition.diff(row.arguments[argindex - 1])
    return find(naive, row.atoms, row.arguments, row.domain) if row.atoms else naive


def _given(row: Any, argindex: int) -> Expr:
    given = row.slopes[argindex - 1]
    if given is None:
        summary = f"{row.name} is not differentiated by argument {argindex}."
        raise DifferentiationError(
            explain(summary, str(row.head(*row.arguments)), fix="That argument is a fixed integer.")
        )
    return given


def find(naive: Expr, atoms: tuple[Expr, ...], arguments: tuple, domain: tuple = (-mpmath.inf, mpmath.inf)) -> Expr:
    """The cheapest monomial in `atoms` that is proved equal to `naive`; LookupError where there is none.

    >>> from symgrad.functions.row import X
    >>> find(exp(X)/(1 + exp(X)), (heads.sigmoid(X), heads.sigmoid(-X)), (X,))
    sigmoid(x)
    """
    for candidate in _candidates(naive, atoms, _points(arguments, domain)):
        if equal(naive, candidate, arguments):
            return candidate
    raise LookupError(f"no monomial in {atoms} equals {naive}")


def _points(arguments: tuple, domain: tuple) -> list[dict]:
    low, high = domain
    inside = [p for p in map(mpmath.mpf, POINTS) if low < p < high]
    return [{a: inside[(i + 2 * k) % len(inside)] for k, a in enumerate(arguments)} for i in range(len(inside))]


def _candidates(naive: Expr, atoms: tuple[Expr, ...], points: list[dict]) -> Iterator[Expr]:
    with mpmath.workdps(30):
        target = [precise(naive, p) for p in points]
        values = [[precise(a, p) for p in points] for a in atoms]
        for powers in _powers(len(atoms)):
            ratios = [t / mpmath.fprod(v[k] ** e for v, e in zip(values, powers)) for k, t in enumerate(target)]
            constant = _rational(ratios)
            if constant:
                yield Mul(constant, *(a**e for a, e in zip(atoms, powers)))


@cache
def _powers(count: int) -> tuple[tuple[int, ...], ...]:
    """Exponents, cheap ones first: few factors, no division."""
    grid = product((0, *EXPONENTS), repeat=count)
    return tuple(sorted(grid, key=lambda es: (sum(abs(e) + 2 * (e < 0) for e in es), sum(e != 0 for e in es), es)))


def _rational(ratios: list) -> Rational | None:
    """The small rational number that all ratios equal."""
    first = ratios[0]
    if any(abs(r - first) > abs(first) * mpmath.mpf("1e-20") for r in ratios[1:]):
        return None
    guess = Fraction(float(first)).limit_denominator(64)
    near = abs(mpmath.mpf(guess.numerator) / guess.denominator - first) <= abs(first) * mpmath.mpf("1e-20")
    return Rational(guess.numerator, guess.denominator) if near else None


def equal(left: Expr, right: Expr, arguments: tuple) -> bool:
    """A proof that two expressions agree: heads are replaced by definitions; with |x|, for x > 0 and for x < 0."""
    difference = unfold(left - right)
    for case in _signs(difference, arguments[0]):
        case = expand_log(case, force=True)  # sound here: the sides already agree at points of the domain
        if cancel(together(_generators(case))) != 0 and simplify(case) != 0:
            return False
    return True


def unfold(expr: Basic) -> Basic:
    """`expr` with the definitions of the table's heads put in, down to exp, log, erf and the like."""
    if not expr.args:
        return expr
    args = [unfold(a) for a in expr.args]
    if isinstance(expr, heads.stop):
        return args[0]
    row = getattr(expr.func, "row", None)
    if row is None or row.definition is None:
        return expr.func(*args)
    return unfold(row.definition.xreplace(dict(zip(row.arguments, args))))


def _signs(expr: Expr, argument: Expr) -> list[Expr]:
    if not expr.has(heads.abs):
        return [expr]
    return [expr.xreplace({heads.abs(argument): s * argument, heads.sign(argument): Integer(s)}) for s in (1, -1)]


def _generators(expr: Expr) -> Expr:
    """exp(2*x - y) as t_x**2/t_y: what is left is rational in the t, and `cancel` decides it."""
    symbols: dict[Expr, Dummy] = {}

    def generator(exponent: Expr) -> Expr:
        factors = []
        for term in Add.make_args(exponent.expand()):
            coefficient, rest = term.as_coeff_Mul()
            factors.append(symbols.setdefault(rest, Dummy(positive=True)) ** coefficient)
        return Mul(*factors)

    return expr.replace(lambda e: isinstance(e, exp), lambda e: generator(e.args[0]))
