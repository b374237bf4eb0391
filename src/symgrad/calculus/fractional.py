"""Linear-fractional relations: `t = (e^x - e^-x)/(e^x + e^-x)` gives `e^2x = (1 + t)/(1 - t)`.

A definition that is a rational function of one exponential (or of any one function) is read as a polynomial equation
for it. Where that equation is linear in a power h of the exponential, h is known in terms of the tensor, and a body
that is a function of h alone is a function of the tensor alone: t' = 4 h/(h + 1)^2 = (1 - t)(1 + t).
Display form only. Source: Cox, Little and O'Shea, Ideals, Varieties, and Algorithms (2015), section 3.1 (elimination).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import gcd

from sympy import Expr, Poly, Rational, Symbol, cancel, exp, fraction, ilcm, together

from ..ir.access import Access, reads
from .algebra import OPERATIONS, generators, operations, tidy
from .relations import Definition, Relations, divisors

BASE, POWER, WHOLE = Symbol("base", real=True), Symbol("power", real=True), Symbol("whole", real=True)


def through_fractions(body: Expr, table: Relations, itself: str) -> Expr:
    """The shortest expression of `body` by one tensor that is a linear-fractional function of the same exponential."""
    full = _inlined(body, table)
    functions = [] if full is None else [g for g in generators(full) if g.is_Function and reads(g)]
    if not functions:
        return body
    best = body
    for definition in _above(reads(functions[0]), table):
        found = None if definition.tensor == itself else _by(full, definition, table)
        if found is not None and operations(found) < operations(best) and not divisors(found) - divisors(body):
            best = found
    return best


def _above(accesses: Iterable[Access], table: Relations) -> Iterator[Definition]:
    """The worthy tensors that are made from `accesses`, through pieces only."""
    waiting, seen = [a.name for a in accesses], set()
    while waiting:
        for definition in table.readers.get(waiting.pop(), ()):
            if definition.tensor in seen:
                continue
            seen.add(definition.tensor)
            if table.worthy(definition.tensor):
                yield definition
            else:
                waiting.append(definition.tensor)


def _inlined(body: Expr, table: Relations) -> Expr | None:
    """`body` with every piece written out; None outside the window."""
    pieces = [a for a in reads(body) if not table.worthy(a.name)]
    if not pieces:
        return body
    inside = table.expand(pieces[0])
    if inside is None or operations(body) > OPERATIONS:
        return None
    return _inlined(body.xreplace({pieces[0]: inside}), table)


def _by(full: Expr, definition: Definition, table: Relations) -> Expr | None:
    """`full` in terms of the tensor of `definition`, read at the cell that `full` is about."""
    inner = _inlined(definition.body, table)
    binding = None if inner is None else _binding(inner, full, definition)
    if inner is None or binding is None:
        return None
    inner = inner.xreplace(binding)
    unit = _common_unit([full, inner])
    power = None if unit is None else _solution(_in_base(inner, unit))
    if unit is None or power is None:
        return None
    value = _in_power(_in_base(full, unit), power[0])
    if value is None:
        return None
    whole = Access(definition.tensor, *(binding[i] for i in definition.letters))
    return tidy(cancel(value.xreplace({POWER: power[1]})).xreplace({WHOLE: whole}))


def _binding(inner: Expr, full: Expr, definition: Definition) -> dict | None:
    """The cell of the definition at which it reads what `full` reads."""
    for ours in reads(inner):
        for theirs in reads(full):
            if ours.name == theirs.name:
                binding = {i: j for i, j in zip(ours.indices, theirs.indices) if i in definition.letters}
                if set(definition.letters) == set(binding):
                    return binding
    return None


def _common_unit(exprs: list[Expr]) -> Expr | None:
    """v such that every function in the expressions is exp(k v) with a whole k, or is one and the same function."""
    functions = sorted({g for e in exprs for g in generators(e) if g.is_Function}, key=str)
    if len(functions) == 1:
        return functions[0]
    if not functions or not all(isinstance(f, exp) for f in functions):
        return None
    ratios = [cancel(f.args[0] / functions[0].args[0]) for f in functions]
    if not all(r.is_Rational for r in ratios):
        return None
    scale = ilcm(1, *(r.q for r in ratios))
    common = gcd(*(int(r * scale) for r in ratios))
    return exp(functions[0].args[0] * Rational(common, scale))


def _in_base(expr: Expr, unit: Expr) -> Expr:
    if not isinstance(unit, exp):
        return expr.xreplace({unit: BASE})
    powers = {f: BASE ** cancel(f.args[0] / unit.args[0]) for f in expr.atoms(exp)}
    return expr.xreplace(powers)


def _solution(definition: Expr) -> tuple[int, Expr] | None:
    """(d, h) with base**d = h(whole), where whole = definition is linear in base**d."""
    numerator, denominator = fraction(cancel(together(definition)))
    polynomial = Poly(numerator - WHOLE * denominator, BASE)
    exponents = [m[0] for m in polynomial.monoms()]
    if len(exponents) != 2 or exponents[-1] != 0:
        return None
    top, bottom = polynomial.coeffs()
    return exponents[0], -bottom / top


def _in_power(expr: Expr, degree: int) -> Expr | None:
    """`expr` as a function of base**degree alone."""
    parts = []
    for part in fraction(cancel(together(expr))):
        polynomial = Poly(part, BASE)
        if any(m[0] % degree for m in polynomial.monoms()):
            return None
        parts.append(sum(c * POWER ** (m[0] // degree) for m, c in polynomial.terms()))
    return cancel(parts[0] / parts[1])
