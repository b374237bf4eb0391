"""Directional derivatives of a System without its derivative: differences, complex step, dual residues, 50 digits.

Every function takes the inputs and a direction v for one of them and returns D = d/dt y(x + t v) at t = 0.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import mpmath
import numpy as np

from ..errors import SymgradError
from ..ir.arithmetic import COMPLEX, EXACT, FLOAT64, MPMATH, PRIME, Arithmetic
from ..ir.interpret import interpret
from ..ir.system import System
from .draw import Arrays
from .freeze import freeze

STEP = 2.0**-9  # balances h**4 (truncation after Richardson) against u/h (rounding)
TINY = 1e-60  # of the complex step: nothing is subtracted, so it may be as small as one likes
DIGITS = 50


@dataclass(frozen=True)
class Difference:
    """A derivative by differences, what rounding may have cost, and how far two refinements disagree (a kink)."""

    value: np.ndarray
    rounding: float
    spread: float


def _moved(system: System, output: str, arrays: Arrays, name: str, offset, arithmetic: Arithmetic) -> np.ndarray:
    moved = {**arrays, name: arithmetic.asarray(arrays[name]) + offset}
    return interpret(system, moved, arithmetic, (output,))[output]


def central(system: System, output: str, arrays: Arrays, name: str, v: np.ndarray, step: float = STEP) -> Difference:
    """Central differences at h, h/2, h/4, extrapolated twice (L. F. Richardson, 1911)."""
    system, arrays = freeze(system, arrays, FLOAT64)
    size = float(np.max(np.abs(v), initial=0.0)) or 1.0
    h = step * max(1.0, float(np.max(np.abs(arrays[name]), initial=0.0))) / size
    columns, largest = [], 0.0
    for width in (h, h / 2, h / 4):
        up, down = (_moved(system, output, arrays, name, s * width * v, FLOAT64) for s in (1, -1))
        columns.append((up - down) / (2 * width))
        largest = max(largest, float(np.max(np.abs(up), initial=0.0)))
    first = [(4 * b - a) / 3 for a, b in itertools.pairwise(columns)]
    best = (16 * first[1] - first[0]) / 15
    spread = float(np.max(np.abs(first[1] - first[0]), initial=0.0))
    return Difference(best, 64 * np.finfo(float).eps * largest / h, spread)


def complex_step(system: System, output: str, arrays: Arrays, name: str, v: np.ndarray) -> np.ndarray:
    """Im y(x + i h v)/h (W. Squire, G. Trapp, SIAM Review 40, 1998); SymgradError where y is not analytic."""
    return _moved(system, output, arrays, name, 1j * TINY * v, COMPLEX).imag / TINY


def in_digits(system: System, output: str, arrays: Arrays, name: str, v: np.ndarray) -> np.ndarray:
    """Central differences with one extrapolation in 50 digits: about 30 of them are right. Call inside workdps."""
    system, arrays = freeze(system, arrays, MPMATH)
    h = mpmath.mpf(10) ** -8
    vector = MPMATH.asarray(v)
    columns = []
    for width in (h, h / 2):
        up, down = (_moved(system, output, arrays, name, s * width * vector, MPMATH) for s in (1, -1))
        columns.append((up - down) / (2 * width))
    return (4 * columns[1] - columns[0]) / 3


@dataclass(frozen=True, eq=False)
class Dual:
    """a + b e with e**2 = 0, modulo a prime: an exact value and its exact derivative."""

    a: int
    b: int = 0

    def __add__(self, other):
        if isinstance(other, np.ndarray):
            return NotImplemented
        other = _dual(other)
        return Dual((self.a + other.a) % PRIME, (self.b + other.b) % PRIME)

    def __mul__(self, other):
        if isinstance(other, np.ndarray):
            return NotImplemented
        other = _dual(other)
        return Dual(self.a * other.a % PRIME, (self.a * other.b + self.b * other.a) % PRIME)

    __radd__, __rmul__ = __add__, __mul__

    def power(self, exponent: int) -> Dual:
        if exponent <= 0 and self.a == 0 and (exponent < 0 or self.b):
            raise SymgradError("a division by zero modulo a prime")
        slope = exponent * pow(self.a, exponent - 1, PRIME) * self.b if exponent and self.b else 0
        return Dual(pow(self.a, exponent, PRIME), slope % PRIME)


def _dual(value) -> Dual:
    return value if isinstance(value, Dual) else Dual(int(value) % PRIME)


def _dual_power(base, exponent):
    if not getattr(exponent, "is_Integer", False):
        raise SymgradError(f"the power {exponent} is not an integer: the program has no meaning modulo a prime")
    return np.frompyfunc(lambda x: _dual(x).power(int(exponent)), 1, 1)(base)


def _dual_call(row, args):
    if row.name == "stop":
        return np.frompyfunc(lambda x: Dual(_dual(x).a), 1, 1)(*args)
    return EXACT.call(row, args)


def _to_dual(value) -> np.ndarray:
    return np.frompyfunc(_dual, 1, 1)(np.asarray(value, dtype=object))


class _DualArithmetic(Arithmetic):
    """Dual residues in object arrays."""

    def asarray(self, value) -> np.ndarray:
        return _to_dual(value)

    def full(self, shape, reduce: str, dtype: str = "float") -> np.ndarray:
        return EXACT.full(shape, reduce, dtype).astype(object if dtype == "float" else np.int64)

    def combine(self, reduce: str, flat: np.ndarray, cells: np.ndarray, values: np.ndarray, dtype: str) -> None:
        if dtype != "float":
            return super().combine(reduce, flat, cells, values, dtype)
        for cell, value in zip(cells, values):
            flat[cell] = value + flat[cell] if reduce == "sum" else value * flat[cell]


DUAL = _DualArithmetic(
    "dual residues", object, lambda n: int(EXACT.number(n)), _dual_call, _dual_power, _to_dual, ordered=False
)


def dual(system: System, output: str, arrays: Arrays, name: str, v: np.ndarray) -> np.ndarray:
    """The exact directional derivative of a rational program modulo a prime; SymgradError where it is not rational."""
    offset = np.frompyfunc(lambda slope: Dual(0, int(slope) % PRIME), 1, 1)(np.asarray(v, dtype=object))
    result = _moved(system, output, arrays, name, offset, DUAL)
    return np.frompyfunc(lambda x: _dual(x).b, 1, 1)(result)
