"""Real solutions of equations in exact numbers where that is possible, else certified numbers.

Polynomial equations are solved completely (Groebner bases). Other equations: in one unknown by isolating every root
in an
interval with interval arithmetic, in several by Newton's method from many starts, which may miss solutions; `complete`
says which it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise, product
from random import Random

import mpmath
import sympy
from scipy.optimize import root
from sympy import Expr, Integer, Interval, Poly, Rational, Symbol, exp, log, oo
from sympy.polys.polyerrors import PolynomialError
from sympy.polys.polytools import real_roots

from ..functions import derive, to_sympy
from ..functions.evaluate import spelled
from .question import value
from .signs import REALS, sign

SEARCH = 20  # a root of a transcendental equation is looked for in [-SEARCH, SEARCH] unless an interval is given
STARTS = 60
DIGITS = 40


@dataclass(frozen=True)
class Solutions:
    """`points` are real; `complete` says that there are no others; `how` says why."""

    points: tuple[dict[Symbol, Expr], ...]
    complete: bool
    how: str


def solve(equations: Sequence[Expr], unknowns: Sequence[Symbol], on: dict[str, Interval] | None = None) -> Solutions:
    """The real solutions of `equations` = 0 in `unknowns`, inside the intervals.

    >>> x = Symbol("x", real=True)
    >>> [p[x] for p in solve([x**3 - x], [x]).points]
    [-1, 0, 1]
    """
    on = on or {}
    unknowns = tuple(unknowns)
    numerators = [n for n in (_bare(sympy.numer(sympy.together(e))) for e in equations) if n != 0]
    found = _polynomial(numerators, unknowns)
    if found is None and len(unknowns) == 1:
        found = _exponential(numerators, unknowns[0]) or _isolated(list(equations), unknowns[0], on)
    found = found or _newton(list(equations), unknowns, on)
    inside = [p for p in found.points if _inside(p, on)]
    kept = [p for p in inside if _solves(equations, p)]
    kept.sort(key=lambda p: [float(p[u]) if p[u].is_number else 0.0 for u in unknowns])
    lost = [p for p in inside if p not in kept and _defined(equations, p)]
    return Solutions(tuple(kept), found.complete and not lost, found.how)


def _bare(numerator: Expr) -> Expr:
    """Without the factors that are proved not to vanish."""
    factors = sympy.Mul.make_args(sympy.factor(numerator))
    return sympy.Mul(*(f for f in factors if not ((found := sign(f)) and found.strict)))


def _defined(equations, point: dict) -> bool:
    return all(mpmath.isfinite(value(e, point, DIGITS + 10)) for e in equations)


def _inside(point: dict, on: dict[str, Interval]) -> bool:
    return all(s.name not in on or on[s.name].contains(v) != sympy.false for s, v in point.items())


def _solves(equations, point: dict) -> bool:
    """The equations themselves (not only their numerators) vanish, with 40 digits."""
    if any(v.free_symbols for v in point.values()) or any(e.free_symbols - set(point) for e in equations):
        return True
    values = [value(e, point, DIGITS + 10) for e in equations]
    return all(mpmath.isfinite(v) and abs(v) < mpmath.mpf(10) ** (-DIGITS // 2) for v in values)


def _polynomial(numerators: list[Expr], unknowns: tuple[Symbol, ...]) -> Solutions | None:
    if not all(n.is_polynomial(*unknowns) for n in numerators):
        return None
    numeric = all(c.is_Rational for n in numerators for c in Poly(n, *unknowns).coeffs())
    if not numerators:
        return Solutions((), False, "every point solves the equations")
    if len(unknowns) == 1 and numeric:
        common = reduce(sympy.gcd, [Poly(n, *unknowns) for n in numerators])
        roots = real_roots(common, multiple=False) if common.degree() else []
        return Solutions(tuple({unknowns[0]: _simple(r)} for r, _ in roots), True, "all real roots of a polynomial")
    try:
        basis = sympy.groebner(numerators, *unknowns, order="grevlex" if numeric else "lex")
        if basis.exprs == [1]:
            return Solutions((), True, "the equations contradict each other: 1 lies in their ideal")
        if not basis.is_zero_dimensional:
            return Solutions((), False, "the solutions are not isolated")
        if numeric:
            return by_multiplication(basis, unknowns)
        points = sympy.solve_poly_system(basis.exprs, *unknowns) or []
    except (PolynomialError, NotImplementedError, ValueError):
        return None
    real = [dict(zip(unknowns, map(_simple, p))) for p in points if all(_is_real(v) for v in p)]
    unique = list({tuple(p.items()): p for p in real}.values())
    return Solutions(tuple(unique), True, "all solutions for generic parameters, by a Groebner basis")


def by_multiplication(basis: sympy.GroebnerBasis, unknowns: tuple[Symbol, ...]) -> Solutions:
    """All real solutions of a zero-dimensional system, counted exactly.

    In the quotient ring, multiplication by x is a matrix whose eigenvalues are the x-coordinates of the solutions. How
    many solutions are real is the signature of the trace form (Hermite): a count that no rounding enters.
    Source: Cox, Little and O'Shea, Using Algebraic Geometry (2005), chapter 2, sections 4 and 5.
    """
    monomials = _standard_monomials(basis, unknowns)
    multiply = {x: _multiplication(basis, x, monomials, unknowns) for x in unknowns}
    coordinates = [
        real_roots(Poly(multiply[x].charpoly().as_expr(), sympy.Symbol("lambda")), multiple=False) for x in unknowns
    ]
    grid = (dict(zip(unknowns, (r for r, _ in choice))) for choice in product(*coordinates))
    near = (p for p in grid if _nearly(basis.exprs, {x: float(v) for x, v in p.items()}))
    points = [p for p in near if _solves(basis.exprs, p)]
    real = _signature(multiply, monomials, unknowns)
    text = "all real solutions of polynomial equations; their number is the signature of the trace form"
    return Solutions(tuple({x: _simple(v) for x, v in p.items()} for p in points), len(points) == real, text)


def _nearly(equations, point: dict[Symbol, float]) -> bool:
    """Each equation is 0 up to what float64 loses in it."""
    for e in equations:
        terms = [abs(float(spelled(t, point))) for t in sympy.Add.make_args(e)]
        if abs(float(spelled(e, point))) > 1e-7 * max(terms, default=0.0):
            return False
    return True


def _standard_monomials(basis, unknowns) -> list[tuple[int, ...]]:
    """Exponents of the monomials that no leading monomial divides: a basis of the quotient."""
    leading = [Poly(e, *unknowns).monoms(order="grevlex")[0] for e in basis.exprs]
    high = [min(m[i] for m in leading if sum(m) == m[i]) for i in range(len(unknowns))]
    grid = product(*(range(h) for h in high))
    return [m for m in grid if not any(all(a >= b for a, b in zip(m, lead)) for lead in leading)]


def _multiplication(basis, factor: Expr, monomials, unknowns) -> sympy.Matrix:
    columns = []
    for m in monomials:
        rest = basis.reduce(sympy.expand(factor * _monomial(m, unknowns)))[1]
        terms = Poly(rest, *unknowns).as_dict()
        columns.append([terms.get(row, 0) for row in monomials])
    return sympy.Matrix(columns).T


def _monomial(exponents, unknowns) -> Expr:
    return sympy.Mul(*(x**e for x, e in zip(unknowns, exponents)))


def _signature(multiply, monomials, unknowns) -> int:
    size = len(monomials)
    matrices = [
        sympy.Mul(*(multiply[x] ** e for x, e in zip(unknowns, m))) if any(m) else sympy.eye(size) for m in monomials
    ]
    form = sympy.Matrix(size, size, lambda i, j: (matrices[i] * matrices[j]).trace())
    signs = [int(sympy.sign(c)) for c in form.charpoly().all_coeffs()]
    return changes(signs) - changes([v * (-1) ** i for i, v in enumerate(signs)])


def changes(signs: list[int]) -> int:
    """Changes of sign along the list, zeros left out."""
    kept = [v for v in signs if v]
    return sum(a != b for a, b in pairwise(kept))


def _simple(number: Expr) -> Expr:
    if number.is_Rational or number.has(sympy.CRootOf):
        return number
    short = sympy.radsimp(sympy.simplify(number))
    return sympy.re(short.evalf(DIGITS + 10)) if short.has(sympy.I) else short


def _is_real(number: Expr) -> bool:
    if number.free_symbols:
        return number.is_real is not False
    if number.is_real is not None:
        return bool(number.is_real)
    return abs(sympy.im(number.evalf(50))) < Rational(1, 10**30)


def _exponential(numerators: list[Expr], x: Symbol) -> Solutions | None:
    """Equations in exp(c x) alone: polynomials in t = exp(x)."""
    t = Symbol("t", positive=True)
    replaced = []
    for n in numerators:
        plain = derive.unfold(n).expand().replace(lambda e: isinstance(e, exp), lambda e: _power(e, x, t))
        replaced.append(sympy.numer(sympy.together(plain)))
    if any(e.has(x) or not e.is_polynomial(t) for e in replaced):
        return None
    found = _polynomial(replaced, (t,))
    if found is None:
        return None
    return Solutions(
        tuple({x: log(p[t])} for p in found.points if p[t].evalf(20) > 0), found.complete, "polynomials in exp(x)"
    )


def _power(e: Expr, x: Symbol, t: Symbol) -> Expr:
    rest, slope = e.args[0].expand().as_independent(x, as_Add=True)
    degree = slope / x if slope.has(x) else Integer(0)
    return t**degree * exp(rest) if degree.is_Integer else e


def _isolated(equations: list[Expr], x: Symbol, on: dict[str, Interval]) -> Solutions:
    """Every root of the first equation in the interval, by bisection with interval arithmetic."""
    interval = on.get(x.name, REALS)
    low = interval.start if interval.start != -oo else Integer(-SEARCH)
    high = interval.end if interval.end != oo else Integer(SEARCH)
    roots, sure = isolate(equations[0], x, low, high)
    whole = sure and interval.start != -oo and interval.end != oo
    text = f"roots in [{low}, {high}]"
    text = f"all {text}, isolated by interval arithmetic" if sure else f"{text} that were found"
    return Solutions(tuple({x: r} for r in roots), whole, text)


def isolate(f: Expr, x: Symbol, low, high) -> tuple[list[Expr], bool]:
    """(roots, sure) of f in [low, high]: each root certified by a change of sign on an interval where f' has none;
    `sure` where the rest of the interval is proved free of roots.

    >>> x = Symbol("x", real=True)
    >>> roots, sure = isolate(sympy.cos(x) - x, x, 0, 2)
    >>> round(float(roots[0]), 12), sure
    (0.739085133215, True)
    """
    plain = to_sympy(f).replace(sympy.erfc, lambda a: 1 - sympy.erf(a))
    ends = [mpmath.mpf(e.p) / e.q for e in (Rational(low), Rational(high))]
    return _bisected(plain, plain.diff(x), x, *ends)


def _bisected(f: Expr, slope: Expr, x: Symbol, low, high) -> tuple[list[Expr], bool]:
    pending, roots, sure = deque([(low, high)]), [], True
    budget = 1500  # intervals, the widest first
    while pending and budget:
        budget -= 1
        a, b = pending.popleft()
        change = _enclosed(slope, x, a, b)
        if _excluded(_enclosed(f, x, a, b)) or _excluded(_mean_value(f, change, x, a, b)):
            continue
        if _excluded(change):
            root = _between(f, x, a, b)
            roots += [] if root is None else [root]
            continue
        if b - a < mpmath.mpf(10) ** -6:
            candidate = sympy.nsimplify(sympy.Float(str((a + b) / 2), 15), rational=True, tolerance=1e-9)
            if f.subs(x, candidate) == 0:
                roots.append(candidate)
            else:
                sure = False
            continue
        middle = (a + b) / 2 + (b - a) * mpmath.mpf("0.0137")  # not at a simple number, where a root may lie
        pending += [(middle, b), (a, middle)]
    unique = sorted({mpmath.nstr(mpmath.mpf(str(r.evalf(40))), 12): r for r in roots}.values(), key=float)
    return unique, sure and not pending


def _between(f: Expr, x: Symbol, a, b) -> Expr | None:
    """The root of a monotone f in [a, b], if its sign changes; exact where it is a simple number."""
    ends = [value(f, {x: sympy.Float(e, 60)}, 60) for e in (a, b)]
    if not all(map(mpmath.isfinite, ends)) or ends[0] * ends[1] > 0:
        return None
    with mpmath.workdps(DIGITS + 20):
        for _ in range(190):
            middle = (a + b) / 2
            if value(f, {x: sympy.Float(middle, 60)}, 60) * ends[0] > 0:
                a = middle
            else:
                b = middle
        found = sympy.Float(str(a), DIGITS)
    simple = sympy.nsimplify(found, rational=True, tolerance=Rational(1, 10**30))
    return simple if simple.q < 10**6 and sympy.simplify(f.subs(x, simple)) == 0 else found


def _excluded(enclosure) -> bool:
    """Does the interval leave out 0?"""
    return enclosure is not None and bool(enclosure.a > 0 or enclosure.b < 0)


def _mean_value(f: Expr, change, x: Symbol, a, b):
    """f(m) + f'([a, b]) ([a, b] - m): tighter than f([a, b]) where that overestimates."""
    if change is None:
        return None
    middle = (a + b) / 2
    at = _enclosed(f, x, middle, middle)
    return None if at is None else at + change * (mpmath.iv.mpf([a, b]) - middle)


def _enclosed(f: Expr, x: Symbol, a, b):
    """An interval that holds f([a, b]), or None where the arithmetic has no answer (a pole, the end of a domain)."""
    try:
        return _interval(f, x, mpmath.iv.mpf([a, b]))
    except (ValueError, ZeroDivisionError, NotImplementedError, mpmath.libmp.ComplexResult):
        return None


def _interval(e: Expr, x: Symbol, at):
    iv = mpmath.iv
    if e == x:
        return at
    if e.is_Rational:
        return iv.mpf(int(e.p)) / iv.mpf(int(e.q))
    if e.is_number:
        near = mpmath.mpf(str(e.evalf(30)))
        return iv.mpf([near - abs(near) * mpmath.mpf(10) ** -15, near + abs(near) * mpmath.mpf(10) ** -15])
    args = [_interval(a, x, at) for a in e.args] if not e.is_Pow else []
    if e.is_Add:
        return sum(args[1:], args[0])
    if e.is_Mul:
        product = args[0]
        for a in args[1:]:
            product = product * a
        return product
    if e.is_Pow:
        return _interval_power(e, x, at)
    name = type(e).__name__
    if name in ("exp", "log", "sin", "cos"):
        return getattr(iv, name)(args[0])
    if name in ("erf", "tanh"):  # increasing: the ends, widened by more than mpmath's rounding
        low, high = (getattr(mpmath, name)(mpmath.mpf(v)) for v in (args[0].a, args[0].b))
        return iv.mpf([low - mpmath.mpf("1e-14"), high + mpmath.mpf("1e-14")])
    raise NotImplementedError(name)


def _interval_power(e: Expr, x: Symbol, at):
    base = _interval(e.base, x, at)
    if e.exp.is_Integer:
        if int(e.exp) < 0:
            if base.a <= 0 <= base.b:
                raise ZeroDivisionError
            return 1 / base ** int(-e.exp)
        return base ** int(e.exp)
    if base.a <= 0:
        raise ValueError
    return mpmath.iv.exp(_interval(e.exp, x, at) * mpmath.iv.log(base))


def _newton(equations: list[Expr], unknowns: tuple[Symbol, ...], on: dict[str, Interval]) -> Solutions:
    """Newton's method from random starts, in float64, then with 40 digits; what converges is kept once."""
    random = Random(5)
    slopes = sympy.Matrix(equations).jacobian(unknowns)
    found: dict[tuple, dict] = {}
    near: set[tuple] = set()
    for _ in range(STARTS if len(equations) == len(unknowns) else 0):
        start = [random.gauss(0, 2) for _ in unknowns]
        rough = _rough(equations, unknowns, start) or _rough(equations, unknowns, list(map(abs, start)))
        if rough is None or tuple(round(v, 6) for v in rough) in near:
            continue
        near.add(tuple(round(v, 6) for v in rough))
        solved = _converged(equations, slopes, unknowns, {u: Rational(v) for u, v in zip(unknowns, rough)})
        if solved is not None:
            found.setdefault(tuple(mpmath.nstr(v, 10) for v in solved), dict(zip(unknowns, map(_number, solved))))
    return Solutions(tuple(found.values()), False, f"found by Newton's method from {STARTS} starts: others may exist")


def _rough(equations, unknowns, start) -> list[float] | None:
    def at(point):
        return [float(spelled(e, dict(zip(unknowns, map(float, point))))) for e in equations]

    found = root(at, start)
    return [float(v) for v in found.x] if found.success and max(map(abs, found.x)) < 1e6 else None


def _number(v) -> Expr:
    found = sympy.Float(mpmath.nstr(v, DIGITS + 5), DIGITS)
    near = sympy.nsimplify(found, rational=True, tolerance=Rational(1, 10**25))
    return near if near.q < 1000 else found


def _converged(equations, slopes, unknowns, point):
    with mpmath.workdps(DIGITS + 10):
        for _ in range(60):
            f = mpmath.matrix([value(e, point, DIGITS + 10) for e in equations])
            j = mpmath.matrix([[value(e, point, DIGITS + 10) for e in row] for row in slopes.tolist()])
            try:
                step = mpmath.lu_solve(j, f)
            except (ZeroDivisionError, ValueError, TypeError):  # mpmath's LU stumbles over NaN
                return None
            if not all(map(mpmath.isfinite, step)) or mpmath.norm(step) > 1e6:
                return None
            moved = [mpmath.mpf(str(point[u].evalf(DIGITS + 10))) - s for u, s in zip(unknowns, step)]
            point = {u: sympy.Float(str(m), DIGITS + 10) for u, m in zip(unknowns, moved)}
            if mpmath.norm(step) < mpmath.mpf(10) ** (-DIGITS + 5):
                return [mpmath.mpf(str(point[u])) for u in unknowns]
    return None
