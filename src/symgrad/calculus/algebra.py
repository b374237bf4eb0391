"""Scalar algebra on bodies, inside a window that keeps SymPy fast: at most 6 generators and 60 operations."""

from __future__ import annotations

from functools import lru_cache

from sympy import Add, Expr, Mul, Pow, Symbol, cancel, factor
from sympy.polys.polyerrors import PolynomialError

from ..ir.access import Access, sort_key

GENERATORS = 6
OPERATIONS = 60


@lru_cache(maxsize=20_000)
def operations(expr: Expr) -> int:
    """How much there is to read (and to compute): additions, products, divisions, 3 for a function."""
    if isinstance(expr, Access) or not expr.args:
        return 0
    inside = sum(operations(a) for a in expr.args)
    if isinstance(expr, Add):
        return inside + len(expr.args) - 1
    if isinstance(expr, Mul):
        signs = sum(1 for a in expr.args if a == -1)
        return inside + len(expr.args) - 1 - signs
    if isinstance(expr, Pow):
        return inside + (1 if expr.exp in (-1, 2) else 2)
    return inside + 3


def generators(expr: Expr) -> list[Expr]:
    """The maximal subexpressions that are not rational operations: accesses, functions, sizes, roots."""
    found: set[Expr] = set()

    def walk(e: Expr) -> None:
        if isinstance(e, (Add, Mul)) or (isinstance(e, Pow) and e.exp.is_Integer):
            for a in e.args[: 1 if isinstance(e, Pow) else None]:
                walk(a)
        elif not e.is_number:
            found.add(e)

    walk(expr)
    return sorted(found, key=sort_key)


@lru_cache(maxsize=20_000)
def tidy(expr: Expr) -> Expr:
    """The shortest of the given form, the cancelled and the factored one. Outside the window: `expr` itself."""
    if operations(expr) < 2 or operations(expr) > OPERATIONS:
        return expr
    atoms = generators(expr)
    if len(atoms) > GENERATORS:
        return expr
    names = {a: Symbol(f"g{i}", real=True) for i, a in enumerate(atoms)}
    back = {s: a for a, s in names.items()}
    plain = expr.xreplace(names)
    candidates = [plain]
    try:
        candidates.append(cancel(plain))
        candidates.append(factor(candidates[-1]))
        candidates += [common_factor(c) for c in candidates[:2]]
    except PolynomialError:
        return expr
    best = min((_positive(c) for c in candidates), key=lambda c: (operations(c), _minus(c)))
    return best.xreplace(back)


def common_factor(expr: Expr) -> Expr:
    """Pull the common monomial out of a sum without factoring what remains."""
    if not isinstance(expr, Add):
        return expr
    common = set(Mul.make_args(expr.args[0]))
    for addend in expr.args[1:]:
        common &= set(Mul.make_args(addend))
    outside = Mul(*sorted(common, key=sort_key))
    return Mul(outside, Add(*(a / outside for a in expr.args)), evaluate=False) if common else expr


def _minus(expr: Expr) -> int:
    return str(expr).count("-")


def _positive(expr: Expr) -> Expr:
    """-c (a - b) -> c (b - a)."""
    if not isinstance(expr, Mul):
        return expr
    coefficient, factors = expr.as_coeff_mul()
    if not coefficient.is_negative:
        return expr
    for position, f in enumerate(factors):
        if isinstance(f, Add) and any(a.could_extract_minus_sign() for a in f.args):
            turned = [*factors[:position], Add(*(-a for a in f.args)), *factors[position + 1 :]]
            return Mul(-coefficient, *turned) if coefficient != -1 else Mul(*turned)
    return expr


def factors_of(body: Expr) -> list[Expr]:
    """The factors of a product, powers of products taken apart."""
    found: list[Expr] = []
    for f in Mul.make_args(body):
        if isinstance(f, Pow) and isinstance(f.base, Mul) and f.exp.is_Integer:
            found += [Pow(b, f.exp) for b in f.base.args]
        else:
            found.append(f)
    return found


def linear_in(expr: Expr, atom: Expr) -> tuple[Expr, Expr] | None:
    """(a, b) with expr = a*atom + b, both free of atom; None where expr is not of that form."""
    a, b = [], []
    for addend in Add.make_args(expr.expand() if isinstance(expr, Mul) and expr.has(atom) else expr):
        if not addend.has(atom):
            b.append(addend)
            continue
        rest, power = addend.as_independent(atom, as_Add=False)
        if power != atom:
            return None
        a.append(rest)
    return (Add(*a), Add(*b)) if a else None
