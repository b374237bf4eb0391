"""The expression printer: SymPy scalars to Python text in which every literal has a type.

`Printer.real` and `Printer.integer` return text of that kind; a bare `0.5` would turn a float32 kernel into float64, so
each constant is written `real(0.5)`, and integers become floats by `real(n)`. Index arithmetic stays in integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sympy import Add, Basic, Expr, Function, Max, Min, Mod, Mul, Number, Pow, Rational, Symbol, ceiling, floor, ilcm
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from ..functions import row_of, vector, where
from ..ir.access import Access, Index

RELATION = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
ATOM, PRODUCT, SUM, CHOICE = 3, 2, 1, 0  # how tightly the text binds
MOST = 16  # integer powers up to this are multiplications


class divided(Function):
    """divided(a, c, r) = a/x, where c is a power of two and r = 1/(c x) was computed before (`hoist`)."""

    nargs = 3


@dataclass
class Printer:
    """Prints in the kernel's float type `real` (`float32` or `float64`).

    `place(access)` gives the text of an access and its dtype, `symbol(s)` that of an index, size or argument and its
    dtype. `let(text)` names a value that is used more than once. Functions that are called are collected in
    `functions`.
    """

    type: str
    place: Callable[[Access], tuple[str, str]]
    symbol: Callable[[Basic], tuple[str, str]]
    let: Callable[[str], str]
    functions: dict[str, Basic] = field(default_factory=dict)

    # ----------------------------------------------------------------------------------------------------- interface
    def real(self, expr: Expr) -> str:
        return self._real(expr)[0]

    def integer(self, expr: Expr) -> str:
        return self._integer(expr)[0]

    def of(self, expr: Expr, dtype: str) -> str:
        """Text of `expr` for a cell of the given dtype."""
        if dtype == "int":
            return self.integer(expr)
        if dtype == "bool":
            return self.condition(expr) if not isinstance(expr, Expr) else f"({self.integer(expr)}) != 0"
        return self.real(expr)

    def condition(self, expr: Basic) -> str:
        match expr:
            case BooleanTrue() | BooleanFalse():
                return str(bool(expr))
            case And() | Or():
                word = " and " if isinstance(expr, And) else " or "
                return word.join(self._closed_condition(a) for a in expr.args)
            case Not():
                return f"not {self._closed_condition(expr.args[0])}"
            case Relational():
                return self._relation(expr)
            case Access():
                return self.place(expr)[0]
        raise TypeError(f"{expr} is not a condition")

    def _closed_condition(self, expr: Basic) -> str:
        text = self.condition(expr)
        return f"({text})" if isinstance(expr, And | Or) else text

    def _relation(self, expr: Relational) -> str:
        sides = (expr.lhs, expr.rhs)
        if all(map(self.is_integer, sides)):
            scale = ilcm(1, 1, *(n.q for s in sides for n in s.atoms(Rational)))
            left, right = (self._closed(self._integer(s if scale == 1 else (scale * s).expand()), SUM) for s in sides)
        else:
            left, right = (self._closed(self._real(s), SUM) for s in sides)
        return f"{left} {RELATION[expr.rel_op]} {right}"

    # ---------------------------------------------------------------------------------------------------------- kinds
    def is_integer(self, expr: Basic) -> bool:
        """Is the value an exact integer (up to a rational factor, in a comparison) made of indices and integers?"""
        match expr:
            case Access():
                return self.place(expr)[1] != "float"
            case Symbol():
                return self.symbol(expr)[1] == "int"
            case Rational():
                return bool(expr.is_finite)
            case floor() | ceiling() | Mod():
                return True
            case Add() | Mul() | Max() | Min():
                return all(map(self.is_integer, expr.args))
            case Pow():
                return bool(expr.exp.is_Integer and expr.exp >= 0 and self.is_integer(expr.base))
        return False

    # ------------------------------------------------------------------------------------------------------- integers
    def _integer(self, expr: Expr) -> tuple[str, int]:
        match expr:
            case Access():
                text, dtype = self.place(expr)
                return (text, ATOM) if dtype == "int" else (f"int64({text})", ATOM)
            case Symbol():
                return self.symbol(expr)[0], ATOM
            case Rational() if expr.q == 1:
                return str(int(expr)), ATOM if expr >= 0 else PRODUCT
            case floor():
                return self._divided(expr.args[0], "{} // {}")
            case ceiling():
                return self._divided(-expr.args[0], "-({} // {})")
            case Mod():
                left, right = (self._closed(self._integer(a), ATOM) for a in expr.args)
                return f"{left} % {right}", SUM  # a product of it needs brackets
            case Max() | Min():
                word = "max" if isinstance(expr, Max) else "min"
                return f"{word}({', '.join(self.integer(a) for a in expr.args)})", ATOM
            case Add():
                return self._sum(expr, self._integer)
            case Mul() if any(isinstance(a, Rational) and a.q != 1 for a in expr.args):
                return self._divided(expr, "{} // {}")
            case Mul():
                return self._signed_product(expr, self._integer)
            case Pow() if expr.exp.is_Integer and expr.exp >= 0:
                base = self._closed(self._integer(expr.base), ATOM)
                return " * ".join([base] * int(expr.exp)) or "1", PRODUCT
            case where():
                test, yes, no = self.condition(expr.args[0]), *(self.integer(a) for a in expr.args[1:])
                return f"{yes} if {test} else {no}", CHOICE
            case Function() if row_of(expr).name == "stop":
                return self._integer(expr.args[0])
        raise TypeError(f"{expr} is not an integer expression")

    def _divided(self, expr: Expr, form: str) -> tuple[str, int]:
        numerator, denominator = expr.as_numer_denom()
        left, right = (self._closed(self._integer(e), ATOM) for e in (numerator, denominator))
        return (left if right == "1" and not form.startswith("-") else form.format(left, right)), SUM

    # ---------------------------------------------------------------------------------------------------------- reals
    def _real(self, expr: Expr) -> tuple[str, int]:
        if isinstance(expr, Number) or (expr.is_number and not expr.has(where)):
            return self.number(expr), ATOM if expr >= 0 else PRODUCT
        if self.is_integer(expr) and _is_whole(expr):
            return f"{self.type}({self.integer(expr)})", ATOM
        match expr:
            case Access():
                return self.place(expr)[0], ATOM
            case Symbol():
                return self.symbol(expr)[0], ATOM
            case Add():
                return self._sum(expr, self._real)
            case Mul():
                return self._product(expr)
            case Pow():
                return self._power(expr.base, expr.exp)
            case divided():
                parts = [self._closed(self._real(a), PRODUCT) for a in expr.args if a != 1]
                return " * ".join(parts), PRODUCT
            case where():
                test, yes, no = self.condition(expr.args[0]), *(self._closed(self._real(a), SUM) for a in expr.args[1:])
                return f"{yes} if {test} else {no}", CHOICE
            case Max() | Min():
                word = "larger" if isinstance(expr, Max) else "smaller"
                text = self.real(expr.args[0])
                for a in expr.args[1:]:
                    text = f"{self._called(word)}({text}, {self.real(a)})"
                return text, ATOM
        return self._call(expr)

    def number(self, expr: Expr) -> str:
        """A constant, folded and typed."""
        if expr.is_infinite:
            return "-INF" if expr.is_extended_negative else "INF"
        if isinstance(expr, Rational):
            value = float(int(expr.p)) if expr.q == 1 else int(expr.p) / int(expr.q)
        else:
            value = float(expr.evalf(25))
        sign = "-" if value < 0 else ""
        return f"{sign}{self.type}({abs(value)!r})"

    def _sum(self, expr: Expr, part: Callable) -> tuple[str, int]:
        text = ""
        for arg in _positive_first(expr.args):
            negative = arg.could_extract_minus_sign() and _plainly_negative(arg)
            piece = self._closed(part(-arg if negative else arg), PRODUCT if text and negative else SUM)
            text += (" - " if negative else " + ") + piece if text else ("-" if negative else "") + piece
        return text, SUM

    def _signed_product(self, expr: Expr, part: Callable) -> tuple[str, int]:
        coefficient, rest = expr.as_coeff_mul()
        if coefficient == -1:
            return "-" + " * ".join(self._closed(part(a), PRODUCT) for a in rest), PRODUCT
        factors = [*([coefficient] if coefficient != 1 else []), *rest]
        return " * ".join(self._closed(part(a), PRODUCT) for a in factors), PRODUCT

    def _product(self, expr: Expr) -> tuple[str, int]:
        """Numerators over denominators. What does not vary in a loop (sizes, numbers) multiplies as a reciprocal.
        Powers come last: in x y**3 with y near 1/x, y**3 alone may be too small for a number."""
        coefficient, factors = expr.as_coeff_mul()
        above, below, steady = [], [], []
        for f in factors:
            negative = isinstance(f, Pow) and f.exp.is_Rational and f.exp < 0
            if not f.has(Access) and not f.atoms(Index):
                steady.append(f)
            elif negative:
                below.append(1 / f)
            else:
                above.append(f)
        sign = "-" if coefficient == -1 else ""
        parts = [self._closed(self._real(f), PRODUCT) for f in sorted(above, key=lambda f: isinstance(f, Pow))]
        if coefficient not in (1, -1) or steady:
            constant = self._steady(coefficient if not sign else Rational(1), steady)
            parts = [constant, *parts]
        text = " * ".join(parts) or self.number(Rational(1))
        for f in below:
            text += f" / {self._closed(self._real(f), ATOM)}"
        return sign + text, PRODUCT

    def _steady(self, coefficient: Rational, factors: list[Expr]) -> str:
        above = [f for f in factors if not (isinstance(f, Pow) and f.exp.is_Rational and f.exp < 0)]
        below = [1 / f for f in factors if f not in above]
        parts = [self.number(coefficient)] if coefficient != 1 or not above else []
        text = " * ".join([*parts, *(self._closed(self._real(f), PRODUCT) for f in above)])
        for f in below:
            text += f" / {self._closed(self._real(f), ATOM)}"
        return f"({text})" if below else text

    def _power(self, base: Expr, exponent: Expr) -> tuple[str, int]:
        if exponent.is_Rational and exponent < 0:
            return f"{self.number(Rational(1))} / {self._closed(self._power(base, -exponent), ATOM)}", PRODUCT
        if exponent.is_Rational and exponent.q <= 2 and exponent <= MOST:
            whole = int(exponent)
            roots = 1 if exponent.q == 2 else 0
            if whole == 1 and not roots:
                return self._real(base)
            if whole == 2 and not roots and isinstance(base, Function) and vector.is_function(_squared(base)):
                return f"{self._called(_squared(base))}({self.real(base.args[0])})", ATOM
            text = self._named(base)
            return self._multiplied(text, whole, roots)
        left, right = (self._closed(self._real(e), ATOM) for e in (base, exponent))
        return f"{left} ** {right}", PRODUCT

    def _multiplied(self, text: str, whole: int, roots: int) -> tuple[str, int]:
        """text**(whole + roots/2) by squaring."""
        factors = []
        square = text
        while whole:
            if whole & 1:
                factors.append(square)
            whole >>= 1
            if whole:
                product = f"{square} * {square}"
                square = self.let(product) if whole > 1 or factors else f"({product})"
        if roots:
            factors.append(f"math.sqrt({text})")
        joined = " * ".join(factors)
        if joined.startswith("(") and len(factors) == 1:
            joined = joined[1:-1]
        return joined, ATOM if joined.startswith("math") and len(factors) == 1 else PRODUCT

    def _named(self, expr: Expr) -> str:
        """Text that may be repeated: a name or a constant, else a value computed once."""
        text, _ = self._real(expr)
        return text if text.isidentifier() else self.let(text)

    def _call(self, expr: Expr) -> tuple[str, int]:
        row = row_of(expr)
        if row.name == "stop":
            return self._real(expr.args[0])
        arguments = [self.real(a) for a in expr.args]
        if row.kernel.kind == "vector" and row.orders:  # a function for each order
            return f"{self._called(f'{row.name}_{int(expr.args[0])}')}({arguments[1]})", ATOM
        if row.kernel.kind == "math":
            return f"math.{row.kernel.name}({', '.join(arguments)})", ATOM
        return f"{self._called(row.name)}({', '.join(arguments)})", ATOM

    def _called(self, name: str) -> str:
        self.functions.setdefault(name, None)
        return FUNCTION.format(name)

    def _closed(self, piece: tuple[str, int], least: int) -> str:
        text, level = piece
        return text if level >= least else f"({text})"


def costly(expr: Basic) -> bool:
    """Does it hold a function that is computed by a polynomial?"""
    for f in expr.atoms(Function):
        if isinstance(f, where | divided | floor | ceiling | Mod | Max | Min):  # these have no row
            continue
        kernel = row_of(f).kernel
        if kernel.kind == "source" or (kernel.kind == "vector" and vector.is_costly(kernel.name)):
            return True
        if kernel.kind == "expression" and costly(kernel.expression):
            return True
    return False


def _squared(expr: Function) -> str:
    """The name that a vector function has if it computes the square with less work than the value, as sech_squared."""
    return f"{row_of(expr).name}_squared"


FUNCTION = "f_{}"  # the name of a function of the table in a generated module


def _plainly_negative(expr: Expr) -> bool:
    """Negative by its rational coefficient (not by the accident of an order of terms)."""
    coefficient, _ = expr.as_coeff_mul()
    return bool(coefficient.is_Rational and coefficient < 0)


def _positive_first(args: tuple[Expr, ...]) -> list[Expr]:
    return sorted(args, key=_plainly_negative)


def _is_whole(expr: Basic) -> bool:
    """Has a value made of integers no fraction, as N/2 has? Under floor, ceiling and Mod it is one of integers."""
    if isinstance(expr, floor | ceiling | Mod | Access):
        return True
    return expr.q == 1 if isinstance(expr, Rational) else all(map(_is_whole, expr.args))
