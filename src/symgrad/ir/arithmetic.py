"""Number systems in which a body can be evaluated: float64, complex128, mpmath, integers modulo a prime.

One walker, `evaluate`, serves all; an `Arithmetic` says what numbers, powers and functions mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import mpmath
import numpy as np
from sympy import Add, Basic, Function, Max, Min, Mod, Mul, Number, Pow, Rational, ceiling, floor
from sympy.core.numbers import Infinity, NegativeInfinity, NumberSymbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from ..errors import SymgradError
from ..functions import row_of, where
from .access import Access, Index, Size, reads

DTYPES = {"int": np.int64, "bool": np.bool_}
PRIME = 2_147_483_629  # the largest prime below 2^31 - 18: a product of two residues fits in int64
RELATIONS = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


class Environment(Protocol):
    """What `evaluate` asks for: the worth of an access and of a symbol at the current points."""

    arithmetic: Arithmetic

    def access(self, access: Access) -> Any: ...
    def symbol(self, symbol: Basic) -> Any: ...
    def is_float(self, access: Access) -> bool: ...


@dataclass(frozen=True)
class Arithmetic:
    name: str
    dtype: Any  # of a float tensor's array
    number: Callable[[Number], Any]  # a SymPy number
    call: Callable[[Any, list], Any]  # a function row applied to arguments
    power: Callable[[Any, Any], Any]
    lift: Callable[[np.ndarray], np.ndarray]  # integers (indices, sizes) among the floats
    modulus: int | None = None
    ordered: bool = True  # does a comparison of two values mean anything?

    def array(self, value, dtype: str) -> np.ndarray:
        """A tensor's data in this arithmetic; integer and boolean tensors stay what they are."""
        return np.asarray(value, dtype=DTYPES[dtype]) if dtype in DTYPES else np.asarray(self.asarray(value))

    def asarray(self, value) -> np.ndarray:
        array = np.asarray(value, dtype=self.dtype)
        return array % self.modulus if self.modulus else array

    def full(self, shape: tuple[int, ...], reduce: str, dtype: str = "float") -> np.ndarray:
        """The identity of `reduce` in every cell."""
        if self.modulus and reduce in ("max", "min") and dtype == "float":
            raise SymgradError(f"a {reduce} has no meaning modulo a prime")
        identity = {"sum": 0, "prod": 1, "max": -np.inf, "min": np.inf}[reduce]
        if dtype in DTYPES and identity not in (0, 1):
            limits = np.iinfo(np.int64)
            identity = limits.min if reduce == "max" else limits.max
        return np.full(shape, identity, dtype=DTYPES.get(dtype, self.dtype))

    def combine(self, reduce: str, flat: np.ndarray, cells: np.ndarray, values: np.ndarray, dtype: str) -> None:
        """flat[cells] = reduce(flat[cells], values), one by one, in place."""
        if self.modulus and dtype == "float":
            self._combine_exactly(reduce, flat, cells, values)
        else:
            ufunc = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[reduce]
            with np.errstate(all="ignore"):
                ufunc.at(flat, cells, np.asarray(values, dtype=flat.dtype))

    def _combine_exactly(self, reduce, flat, cells, values) -> None:
        if reduce == "sum":  # partial sums of residues stay below 2^63 for up to 2^32 points
            np.add.at(flat, cells, values)
            flat %= self.modulus
        else:
            for cell, value in zip(cells, values):
                flat[cell] = flat[cell] * value % self.modulus


def evaluate(expr: Basic, env: Environment, integer: bool = False) -> Any:
    """The value of `expr` in `env`; with `integer`, exact integer arithmetic on indices and sizes."""
    ring = INTEGER if integer else env.arithmetic
    with np.errstate(all="ignore"):
        return _evaluate(expr, env, ring)


def _evaluate(expr: Basic, env: Environment, ring: Arithmetic) -> Any:
    def of(e):
        return _evaluate(e, env, ring)

    def scaled(value):
        return value % ring.modulus if ring.modulus else value

    match expr:
        case Access():
            value = env.access(expr)
            return value if env.is_float(expr) else ring.lift(np.asarray(value).astype(np.int64))
        case Index() | Size():
            return ring.lift(np.asarray(env.symbol(expr)))
        case Number() | NumberSymbol():
            return ring.number(expr)
        case Add():
            total = of(expr.args[0])
            for a in expr.args[1:]:
                total = scaled(total + of(a))
            return total
        case Mul():
            product = of(expr.args[0])
            for a in expr.args[1:]:
                product = scaled(product * of(a))
            return product
        case Pow():
            return ring.power(of(expr.base), expr.exp if expr.exp.is_Rational else of(expr.exp))
        case Relational():
            return RELATIONS[expr.rel_op](*_compared(expr, env))
        case And() | Or():
            join = np.logical_and if isinstance(expr, And) else np.logical_or
            truth = of(expr.args[0])
            for a in expr.args[1:]:
                truth = join(truth, of(a))
            return truth
        case Not():
            return np.logical_not(of(expr.args[0]))
        case BooleanTrue() | BooleanFalse():
            return np.bool_(bool(expr))
        case where():
            condition, yes, no = expr.args
            return np.where(np.asarray(of(condition), dtype=bool), of(yes), of(no))
        case floor() | ceiling() | Mod() | Max() | Min():
            return ring.lift(_integer_operation(expr, env))
    return ring.call(row_of(expr), [of(a) for a in expr.args])


def _integer_operation(expr: Basic, env: Environment):
    """floor, ceiling, remainder, largest and least of index expressions, exactly."""

    def of(e):
        return _evaluate(e, env, INTEGER)

    match expr:
        case floor():
            return np.floor_divide(*map(of, expr.args[0].as_numer_denom()))
        case ceiling():
            numerator, denominator = map(of, expr.args[0].as_numer_denom())
            return -np.floor_divide(-numerator, denominator)
        case Mod():
            return np.mod(*map(of, expr.args))
    join = np.maximum if isinstance(expr, Max) else np.minimum
    result = of(expr.args[0])
    for a in expr.args[1:]:
        result = join(result, of(a))
    return result


def _compared(expr: Relational, env: Environment) -> tuple[Any, Any]:
    """Both sides of a comparison: in exact integers where they are made of indices, sizes and integer tensors."""
    sides = (expr.lhs, expr.rhs)
    if not any(_is_value(s, env) for s in sides):
        scale = math.lcm(*(n.q for s in sides for n in s.atoms(Rational)))
        sides = sides if scale == 1 else tuple((scale * s).expand() for s in sides)
        return tuple(_evaluate(s, env, INTEGER) for s in sides)
    if not env.arithmetic.ordered:
        raise SymgradError(f"{expr} compares values: the program has no meaning modulo a prime")
    values = (_evaluate(s, env, env.arithmetic) for s in sides)
    return tuple(v.real if np.iscomplexobj(v) else v for v in values)


def _is_value(expr: Basic, env: Environment) -> bool:
    if any(env.is_float(a) for a in reads(expr)) or expr.has(Infinity, NegativeInfinity, NumberSymbol):
        return True
    return bool(expr.atoms(Function) - expr.atoms(floor, ceiling, Mod))


def _float_number(number):
    if isinstance(number, Rational) and not isinstance(number, (Infinity, NegativeInfinity)):
        return int(number.p) if number.q == 1 and abs(number.p) < 2**53 else int(number.p) / int(number.q)
    return float(number)


def _float_power(base, exponent):
    if isinstance(exponent, Rational):
        if exponent == Rational(1, 2):
            return np.sqrt(base)
        if exponent == -1:
            return 1.0 / np.asarray(base)
        exponent = _float_number(exponent)
    base = np.asarray(base)
    return np.power(base if base.dtype.kind in "fcO" else base.astype(float), exponent)


def _modular_power(base, exponent):
    if not isinstance(exponent, Rational) or exponent.q != 1:
        raise SymgradError(f"the power {exponent} is not an integer: the program has no meaning modulo a prime")
    exponent = int(exponent)
    if exponent < 0:  # Fermat: the inverse of a residue is its power p - 2
        if not np.all(np.asarray(base) % PRIME):
            raise SymgradError("a division by zero modulo a prime")
        base, exponent = _residue_power(base, PRIME - 2), -exponent
    return _residue_power(base, exponent)


def _residue_power(base, exponent: int):
    result, square = np.ones_like(base), base % PRIME
    while exponent:
        if exponent & 1:
            result = result * square % PRIME
        square = square * square % PRIME
        exponent >>= 1
    return result


def _modular_number(number):
    if not isinstance(number, Rational):
        raise SymgradError(f"{number} is not rational: the program has no meaning modulo a prime")
    return np.int64(int(number.p) % PRIME * pow(int(number.q), -1, PRIME) % PRIME)


def _modular_call(row, args):
    if row.name == "stop":
        return args[0]
    raise SymgradError(f"{row.name} is not rational: the program has no meaning modulo a prime")


def _mp_number(number):
    if isinstance(number, Rational) and number.is_finite:
        return mpmath.mpf(int(number.p)) / int(number.q)
    return mpmath.mpf(number._to_mpmath(mpmath.mp.prec)) if number.is_finite else mpmath.mpf(float(number))


def _mp_real(function: Callable) -> Callable:
    """`function` with NaN for what is not real and for poles, as in float64: both branches of `where` are evaluated."""

    def real(*args):
        try:
            value = mpmath.mpmathify(function(*args))
        except (ValueError, ZeroDivisionError):
            return mpmath.nan
        return mpmath.nan if isinstance(value, mpmath.mpc) else value

    return real


def _mp_call(row, args):
    return np.frompyfunc(_mp_real(row.mpmath), len(args), 1)(*args)


def _mp_power(base, exponent):
    exponent = _mp_number(exponent) if isinstance(exponent, Rational) else exponent
    return np.frompyfunc(_mp_real(mpmath.power), 2, 1)(base, exponent)


def _to_mp(value) -> np.ndarray:
    return np.frompyfunc(mpmath.mpf, 1, 1)(np.asarray(value).astype(object))


def _complex_call(row, args):
    if row.complex is None:
        raise SymgradError(f"{row.name} is not analytic: the complex step does not apply")
    return row.complex(*map(np.asarray, args))


def _integer_call(row, args):
    raise SymgradError(f"{row.name} cannot stand in an index")


def _integer_number(number):
    if not isinstance(number, Rational) or number.q != 1:
        raise SymgradError(f"{number} cannot stand in an index")
    return np.int64(int(number.p))


def _integer_power(base, exponent):
    if not isinstance(exponent, Rational) or exponent.q != 1 or exponent < 0:
        raise SymgradError(f"the power {exponent} cannot stand in an index")
    return base ** int(exponent)


FLOAT64 = Arithmetic(
    "float64", np.float64, _float_number, lambda row, args: row.numpy(*map(np.asarray, args)), _float_power, lambda a: a
)
COMPLEX = Arithmetic("complex128", np.complex128, _float_number, _complex_call, _float_power, lambda a: a)
INTEGER = Arithmetic("integer", np.int64, _integer_number, _integer_call, _integer_power, lambda a: a)
EXACT = Arithmetic(
    "modulo a prime", np.int64, _modular_number, _modular_call, _modular_power, lambda a: a % PRIME, PRIME, False
)


class _Multiprecision(Arithmetic):
    """mpmath numbers in object arrays, at the precision of `mpmath.mp`."""

    def asarray(self, value) -> np.ndarray:
        return _to_mp(value)


MPMATH = _Multiprecision("mpmath", object, _mp_number, _mp_call, _mp_power, _to_mp)
