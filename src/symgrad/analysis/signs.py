"""The sign of an expression, proved or not known.

The expression becomes rational in *generators* (symbols, exponentials, functions of known sign) and is factorised. The
sign of each factor is proved by one of: its value; Sturm's theorem (one generator); coefficients of one sign over
positive generators; a sum of squares with exact coefficients. A symbol that lies in an interval is moved to the half
line first.

>>> from sympy.abc import x, y
>>> sign(x**2 - x*y + y**2 + 1).relation, sign(x**2 - y)
('>', None)
>>> str(sign(x**2 + 2*x + 3))
'x**2 + 2*x + 3 > 0 (no real root: Sturm)'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import sympy
from sympy import Add, Dummy, Expr, Interval, Mul, Poly, Pow, Rational, S, Symbol, exp, log, oo

from ..functions import derive, heads, to_sympy
from ..ir.access import Access
from .quadratic import ldl, squares

REALS = cast(Interval, Interval(-oo, oo))
POSITIVE = cast(Interval, Interval.open(0, oo))
Box = Mapping[Expr, Interval]

_FLIP = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "=="}
_SIZE = 400  # operations of an expression beyond which nothing is tried
_MONOMIALS = 80


@dataclass(frozen=True)
class Sign:
    """`expr relation 0` for every point of the box, and why."""

    expr: Expr
    relation: str  # > >= < <= ==
    reason: str

    @property
    def nonnegative(self) -> bool:
        return self.relation in (">", ">=", "==")

    @property
    def nonpositive(self) -> bool:
        return self.relation in ("<", "<=", "==")

    @property
    def strict(self) -> bool:
        return self.relation in ("<", ">")

    def __str__(self) -> str:
        return f"{self.expr} {self.relation} 0" + (f" ({self.reason})" if self.reason else "")


def sign(expr: Expr, box: Box | None = None) -> Sign | None:
    """The proved sign of `expr` over the box (atoms without an interval: what SymPy assumes of them, else all reals).

    None means that no proof was found; it never means that the sign changes.
    """
    expr = sympy.sympify(expr)
    return _sign(expr, tuple(sorted((box or {}).items(), key=str)))


def is_nonnegative(expr: Expr, box: Box | None = None) -> bool:
    found = sign(expr, box)
    return found is not None and found.nonnegative


def is_positive(expr: Expr, box: Box | None = None) -> bool:
    found = sign(expr, box)
    return found is not None and found.relation == ">"


def is_zero(expr: Expr, box: Box | None = None) -> bool:
    found = sign(expr, box)
    return found is not None and found.relation == "=="


@lru_cache(maxsize=4000)
def _sign(expr: Expr, box: tuple) -> Sign | None:
    if expr.is_number:
        return _number(expr)
    if sympy.count_ops(expr) > _SIZE:
        return None
    for spelling in dict.fromkeys((expr, derive.unfold(expr))):
        for found in (_direct(spelling, dict(box)), _rational(spelling, dict(box))):
            if found:
                return Sign(expr, *found)
    return None


def _number(expr: Expr) -> Sign | None:
    """Signs of numbers: exact where SymPy knows, else 60 digits when that is far from zero."""
    if expr.is_zero:
        return Sign(expr, "==", "")
    value = to_sympy(expr).evalf(60)
    if not value.is_Float or abs(value) < Rational(1, 10**40):
        return Sign(expr, "==", "") if sympy.simplify(to_sympy(expr)) == 0 else None
    return Sign(expr, ">" if value > 0 else "<", "a number")


def _direct(expr: Expr, box: dict) -> tuple[str, str] | None:
    """What the assumptions on symbols and heads say, products and sums included."""
    named = {s: _standin(s, box.get(s)) for s in _atoms(expr)}
    plain = expr.xreplace(named)
    for candidate in (plain, to_sympy(plain)):
        for relation, known in (
            (">", candidate.is_positive),
            ("<", candidate.is_negative),
            ("==", candidate.is_zero),
            (">=", candidate.is_nonnegative),
            ("<=", candidate.is_nonpositive),
        ):
            if known:
                return relation, "each part has that sign"
    return None


def _atoms(expr: Expr) -> set[Expr]:
    return expr.atoms(Symbol, Access)


def _standin(atom: Expr, interval: Interval | None) -> Dummy:
    """A symbol with the assumptions of the interval (or the atom's own)."""
    if interval is None:
        return Dummy(str(atom), **_own(atom))
    if interval.start >= 0:
        return Dummy(str(atom), positive=True) if _excludes(interval, 0) else Dummy(str(atom), nonnegative=True)
    if interval.end <= 0:
        return Dummy(str(atom), negative=True) if _excludes(interval, 0) else Dummy(str(atom), nonpositive=True)
    return Dummy(str(atom), real=True)


def _excludes(interval: Interval, point) -> bool:
    return sympy.sympify(point) not in interval


def _own(atom: Expr) -> dict[str, bool]:
    if atom.is_positive:
        return {"positive": True}
    if atom.is_nonnegative:
        return {"nonnegative": True}
    return {"negative": True} if atom.is_negative else {"real": True}


class _Generators:
    """Stand-ins for what is not rational: each a Dummy that is positive, nonnegative or real."""

    def __init__(self, box: dict):
        self.box, self.made, self.closed = box, {}, {}

    def rational(self, expr: Expr) -> Expr:
        if isinstance(expr, Rational):
            return expr
        if isinstance(expr, (Add, Mul)):
            return expr.func(*map(self.rational, expr.args))
        if isinstance(expr, Pow) and expr.exp.is_Integer:
            return self.rational(expr.base) ** expr.exp
        if isinstance(expr, exp):
            return self._exponential(expr.args[0])
        if isinstance(expr, Pow) and expr.exp.is_Rational and expr.exp.q == 2:
            return self._root(expr)
        return self._generator(expr)

    def _exponential(self, exponent: Expr) -> Expr:
        """exp(2 x - y) is t_x**2/t_y."""
        factors = []
        for term in Add.make_args(exponent.expand()):
            coefficient, rest = term.as_coeff_Mul()
            whole = coefficient if coefficient.is_Integer else S.One
            atom = exp(rest if coefficient.is_Integer else term)
            factors.append(self._made(atom, "positive") ** whole)
        return Mul(*factors)

    def _root(self, power: Expr) -> Expr:
        root = self._made(sympy.sqrt(power.base), "positive" if is_positive(power.base, self.box) else "nonnegative")
        return root**power.exp.p

    def _made(self, atom: Expr, assumption: str) -> Expr:
        if atom.is_Rational:
            return atom
        if atom not in self.made:
            self.made[atom] = Dummy(f"g{len(self.made)}", **{assumption: True})
        return self.made[atom]

    def _generator(self, expr: Expr) -> Expr:
        interval = self.box.get(expr)
        if interval is not None and interval != REALS:
            return self._on(expr, interval)
        if isinstance(expr, (sympy.sin, sympy.cos)):
            return self._on(expr, Interval(-1, 1))
        if expr.is_positive:
            return self._made(expr, "positive")
        if expr.is_negative:
            return -self._made(-expr, "positive")
        if expr.is_nonnegative:
            return self._made(expr, "nonnegative")
        if isinstance(expr, (log, heads.ScalarFunction)) and (found := function_sign(expr, self.box)):
            return found[0] * self._made(expr, found[1])
        return self._made(expr, "real")

    def _on(self, expr: Expr, interval: Interval) -> Expr:
        """A variable of an interval as a function of one on the half line; a closed upper end is a case of its own."""
        low, high = interval.start, interval.end
        kind = "positive" if interval.left_open else "nonnegative"
        if high == oo:
            return low + self._made(expr, kind)
        if low == -oo:
            return high - self._made(expr, "positive" if interval.right_open else "nonnegative")
        t = self._made(expr, kind)
        if not interval.right_open:
            self.closed[t] = expr, high
        return (low + high * t) / (1 + t)


def function_sign(call: Expr, box: Box) -> tuple[int, str] | None:
    """(1 or -1, positive or nonnegative) of f(u), from what is known of u: f monotone with f(c) = 0, or log."""
    if isinstance(call, log):
        found = sign(call.args[0] - 1, box)
    elif type(call).__name__ in _ODD:
        found = sign(call.args[0], box)
    else:
        return None
    if found is None or found.relation == "==":
        return None
    return (1 if found.nonnegative else -1), ("positive" if found.strict else "nonnegative")


_ODD = ("tanh", "erf", "expm1", "softsign", "log1p", "erfinv", "sign")  # increasing, and 0 at 0


def _rational(expr: Expr, box: dict) -> tuple[str, str] | None:
    generators = _Generators(box)
    plain = generators.rational(expr)
    inside = _of_rational(plain, generators)
    if inside is None:
        return None
    relation, reason = inside
    for atom, end in generators.closed.values():
        at_end = sign(expr.xreplace({atom: end}), {a: i for a, i in box.items() if a != atom})
        relation = _weaker(relation, at_end.relation if at_end else None)
    return (relation, reason) if relation else None


def _weaker(a: str | None, b: str | None) -> str | None:
    """What holds where either of two signs does."""
    if a is None or b is None or a == b:
        return a if a == b else None
    for weak, strong in ((">=", {">", ">=", "=="}), ("<=", {"<", "<=", "=="})):
        if {a, b} <= strong:
            return weak
    return None


def _of_rational(plain: Expr, generators: _Generators) -> tuple[str, str] | None:
    numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(plain)))
    back = {t: atom for atom, t in generators.made.items()}
    total, reasons = ">", []
    for part, below in ((numerator, False), (denominator, True)):
        constant, factors = sympy.factor_list(part)
        pairs = [(sympy.sympify(constant), 1), *factors]
        for factor, power in pairs:
            found = _factor(factor)
            if found is None and power % 2 == 0:
                found = (">=", "a square")
            if found is None:
                return None
            relation, reason = found
            if power % 2 == 0:
                relation = {"==": "==", ">": ">", "<": ">"}.get(relation, ">=")
            if below and relation not in (">", "<"):
                relation = {">=": ">", "<=": "<"}.get(relation, "==")  # where it is 0, the expression is not defined
                if relation == "==":
                    return None
            total = _times(total, relation)
            if factor.free_symbols:
                reasons.append(f"{factor.xreplace(back)} {relation} 0: {reason}" if len(factors) > 1 else reason)
    return total, "; ".join(dict.fromkeys(reasons))


def _times(a: str, b: str) -> str:
    if "==" in (a, b):
        return "=="
    strict = "" if len(a) == len(b) == 1 else "="
    return (">" if a[0] == b[0] else "<") + strict


def _factor(factor: Expr) -> tuple[str, str] | None:
    """The sign of one irreducible polynomial in generators."""
    if factor.is_number:
        found = _number(factor)
        return (found.relation, "a number") if found else None
    polynomial = Poly(factor, *sorted(factor.free_symbols, key=str))
    if len(polynomial.monoms()) > _MONOMIALS:
        return None
    return _coefficients(polynomial) or _sturm(polynomial) or _squares(polynomial)


def _coefficients(polynomial: Poly) -> tuple[str, str] | None:
    signs, strict = set(), False
    for monomial, coefficient in polynomial.terms():
        known = _number(coefficient)
        odd = [g for g, e in zip(polynomial.gens, monomial) if e % 2]
        if known is None or not all(g.is_nonnegative for g in odd):
            return None
        signs.add(known.relation)
        strict |= all(g.is_positive for g, e in zip(polynomial.gens, monomial) if e)
    if len(signs) > 1 or "==" in signs:
        return None
    (relation,) = signs
    return relation + ("" if strict else "="), "all coefficients have one sign"


def _sturm(polynomial: Poly) -> tuple[str, str] | None:
    if (
        len(polynomial.gens) > 1
        or not polynomial.domain.is_Exact
        or not (polynomial.domain.is_QQ or polynomial.domain.is_ZZ)
    ):
        return None
    g = polynomial.gen
    low = S.Zero if g.is_nonnegative else -oo
    inside = [r for r in sympy.polys.polytools.real_roots(polynomial, multiple=False) if r[0] >= low]
    inside = [(r, m) for r, m in inside if not (r == 0 and g.is_positive)]
    sample = polynomial.eval(_beyond(polynomial))
    relation = ">" if sample > 0 else "<"
    if not inside:
        return relation, "no real root: Sturm" if low == -oo else "no root there: Sturm"
    if all(m % 2 == 0 or (r == 0 and g.is_nonnegative) for r, m in inside):
        return relation + "=", "real roots of even order only: Sturm"
    return None


def _beyond(polynomial: Poly):
    """A point to the right of all roots (Cauchy's bound)."""
    lead = abs(polynomial.LC())
    return 1 + sum(abs(c) / lead for c in polynomial.all_coeffs())


def _squares(polynomial: Poly) -> tuple[str, str] | None:
    for relation, candidate in ((">", polynomial), ("<", -polynomial)):
        if not all(c.is_Rational for c in polynomial.coeffs()):
            return None
        found = squares(candidate)
        if found is not None:
            return relation + ("" if _never_zero(candidate) else "="), "a sum of squares"
    return None


def _never_zero(polynomial: Poly) -> bool:
    """p - c is still a sum of squares for a small positive c."""
    constant = polynomial.nth(*(0,) * len(polynomial.gens))
    if not constant > 0:
        return False
    return any(squares(polynomial - constant / k) is not None for k in (2, 20, 2000))


def definite(matrix: sympy.Matrix) -> bool | None:
    """Is a rational symmetric matrix positive definite?"""
    found = ldl(matrix)
    return found is not None and all(d > 0 for d in found[1])
