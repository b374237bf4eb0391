"""The checks. Each takes a `Subject` (a derivative, the inputs) and gives rows of the certificate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from ..errors import SymgradError
from ..ir.arithmetic import EXACT, MPMATH, PRIME
from ..ir.interpret import interpret
from ..ir.system import System
from . import tangent
from .certificate import Check, left_out
from .condition import rounding_of
from .draw import Arrays, residues

DIRECTIONS = 2  # random directions: a wrong entry changes the derivative along nearly every one
ENTRIES = 6  # single entries, so that a failure names one
ROUNDING = 1e-9  # of a sum of a few hundred float64 terms whose conditions are moderate
ALLOWANCE = 64  # times what rounding moves an output on the average: below it two evaluations may differ in all digits


@dataclass(frozen=True)
class Subject:
    """One derivative dy/dx: y by `primal`, the derivative by `system`, both on `arrays`."""

    primal: System
    system: System
    output: str
    wrt: str
    name: str  # the tensor that holds the derivative: axes of y, then axes of x
    arrays: Arrays
    seed: int

    @cached_property
    def value(self) -> np.ndarray:
        return interpret(self.system, self.arrays, outputs=(self.name,))[self.name]

    @cached_property
    def rank(self) -> int:
        """The rank of x: the trailing axes of the derivative."""
        return np.ndim(self.arrays[self.wrt])

    @cached_property
    def floor(self) -> float:
        """A derivative of this size is zero to rounding: 1e-9 of it (`ROUNDING`) is a few units in y's last place."""
        y = interpret(self.primal, self.arrays, outputs=(self.output,))[self.output]
        return 1e-6 * float(np.max(np.abs(y), initial=0.0)) + 1e-30

    def along(self, derivative: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The derivative applied to the direction v: its trailing axes are summed with v."""
        lead = derivative.shape[: derivative.ndim - self.rank]
        return np.asarray(derivative).reshape(*lead, -1) @ np.asarray(v).reshape(-1)

    def directions(self) -> list[tuple[str, np.ndarray]]:
        """Random directions, then single entries: (text, v)."""
        rng = np.random.default_rng(self.seed + 1)
        shape = np.shape(self.arrays[self.wrt])
        found = [(f"along a random direction of {self.wrt}", rng.normal(size=shape)) for _ in range(DIRECTIONS)]
        cells = list(np.ndindex(*shape))
        for choice in rng.permutation(len(cells))[:ENTRIES]:
            unit = np.zeros(shape)
            unit[cells[choice]] = 1.0
            found.append((f"by {self.wrt}{list(map(int, cells[choice])) if shape else ''}", unit))
        return found

    def check(self, name: str, errors: list[tuple[float, float, str]], reason: str) -> Check:
        """The row of the largest error relative to its allowance. `errors`: (error, allowed, where)."""
        if not errors:
            return left_out(name, self.name, reason)
        error, allowed, where = max(errors, key=lambda e: np.inf if np.isnan(e[0]) else e[0] / max(e[1], 1e-300))
        return Check(name, self.name, error, allowed, reason, where=where, worst=self.arrays)


def _off(got, expected, scale: float) -> float:
    return float(np.max(np.abs(np.asarray(got) - np.asarray(expected)), initial=0.0)) / max(scale, 1e-300)


def _said(text: str, got, expected) -> str:
    return f"{text}: the derivative gives {_short(got)}, the check {_short(expected)}"


def _short(value) -> str:
    flat = np.asarray(value).ravel()
    text = ", ".join(f"{float(x):.12g}" for x in flat[:4])
    return text if flat.size == 1 else f"({text}{', ...' if flat.size > 4 else ''})"


def _scale(subject: Subject, v: np.ndarray) -> float:
    """sum |g v|: what the entries of the sum amount to before they cancel; never below the rounding of y itself."""
    return max(float(np.max(subject.along(np.abs(subject.value), np.abs(v)), initial=0.0)), subject.floor)


def central_differences(subject: Subject) -> Check:
    """dy/dx v = (y(x + h v) - y(x - h v))/2h, extrapolated; directions that cross a kink are left out."""
    errors, kinks = [], 0
    for text, v in subject.directions():
        got = subject.along(subject.value, v)
        difference = tangent.central(subject.primal, subject.output, subject.arrays, subject.wrt, v)
        scale = max(_scale(subject, v), float(np.max(np.abs(difference.value), initial=0.0)))
        if difference.spread > 1e-4 * scale + 1e3 * difference.rounding:
            kinks += 1
            continue
        allowed = 1e-8 * scale + difference.rounding + difference.spread
        errors.append((_off(got, difference.value, 1.0), allowed, _said(text, got, difference.value)))
    reason = "1e-8 of the entries, rounding of the differences (64 u|y|/h), and how far two refinements disagree"
    if kinks:
        reason += f"; {kinks} directions cross a kink within the step"
    return subject.check("central differences", errors, reason)


def same_value(subject: Subject) -> Check:
    """The derived program still computes y: splitting and sharing did not change it."""
    expected = interpret(subject.primal, subject.arrays, outputs=(subject.output,))[subject.output]
    if subject.output not in subject.system.tensors:
        return left_out("value", subject.output, "the program computes derivatives only")
    got = interpret(subject.system, subject.arrays, outputs=(subject.output,))[subject.output]
    error, where = _worst(subject.output, got, expected)
    return Check("value", subject.output, error, ROUNDING, "rounding", where=where, worst=subject.arrays)


def complex_steps(subject: Subject) -> Check:
    """dy/dx v = Im y(x + i h v)/h where every function is analytic."""
    errors = []
    for text, v in subject.directions():
        try:
            expected = tangent.complex_step(subject.primal, subject.output, subject.arrays, subject.wrt, v)
        except SymgradError as error:
            return left_out("complex step", subject.name, str(error))
        got = subject.along(subject.value, v)
        errors.append((_off(got, expected, _scale(subject, v)), ROUNDING, _said(text, got, expected)))
    return subject.check("complex step", errors, "no subtraction: only rounding, relative to the sum of |g v|")


def dot_product(subject: Subject) -> Check:
    """<u, J v> = <J^T u, v>: J v from y alone (complex step, else differences), J^T u from the derivative."""
    rng = np.random.default_rng(subject.seed + 2)
    args = (subject.primal, subject.output, subject.arrays, subject.wrt)
    errors = []
    for trial in range(DIRECTIONS):
        v = rng.normal(size=np.shape(subject.arrays[subject.wrt]))
        allowed, product = ROUNDING, None
        try:
            product = tangent.complex_step(*args, v)
        except SymgradError:
            difference = tangent.central(*args, v)
            scale = _scale(subject, v)
            allowed = 1e-8 + (difference.rounding + difference.spread) / scale
            product = difference.value if difference.spread <= 1e-4 * scale + 1e3 * difference.rounding else None
        if product is None:
            continue
        u = rng.normal(size=np.shape(product))
        lead = np.ndim(product)
        transposed = np.tensordot(u, subject.value, axes=lead)
        left, right = float(np.sum(u * product)), float(np.sum(transposed * v))
        error = abs(left - right) / max(float(np.sum(np.abs(u))) * _scale(subject, v), 1e-300)
        errors.append((error, allowed, f"pair {trial}: <u, J v> = {left:.12g}, <J^T u, v> = {right:.12g}"))
    return subject.check("dot product", errors, "rounding, relative to |u| |J| |v|")


def exact(subject: Subject) -> Check:
    """Rational programs modulo p = 2147483629: the derivative equals the dual numbers' exactly (Schwartz-Zippel)."""
    rng = np.random.default_rng(subject.seed + 3)
    reason = "integers modulo a prime: no rounding; a false equality has probability about degree/p"
    errors = []
    for trial in range(DIRECTIONS):
        data = residues(subject.primal, subject.arrays, rng)
        v = rng.integers(0, PRIME, np.shape(data[subject.wrt]))
        try:
            expected = tangent.dual(subject.primal, subject.output, data, subject.wrt, v)
            value = interpret(subject.system, data, EXACT, (subject.name,))[subject.name]
        except SymgradError as error:
            return left_out("exact modulo p", subject.name, str(error))
        got = subject.along(value.astype(object), v.astype(object)) % PRIME
        wrong = int(np.sum(np.asarray(got != expected)))
        errors.append((float(wrong), 0.0, f"trial {trial}: {wrong} of {np.size(got)} products differ modulo p"))
    return subject.check("exact modulo p", errors, reason)


def fifty_digits(subject: Subject) -> Check:
    """dy/dx v against differences in 50 digits, the derivative evaluated in 50 digits too."""
    with mpmath.workdps(tangent.DIGITS):
        text, v = subject.directions()[0]
        expected = tangent.in_digits(subject.primal, subject.output, subject.arrays, subject.wrt, v)
        value = interpret(subject.system, subject.arrays, MPMATH, (subject.name,))[subject.name]
        got = subject.along(value, MPMATH.asarray(v))
        scale = max([mpmath.mpf(_scale(subject, v)), *map(abs, np.ravel(expected))])
        worst = max((abs(a - b) for a, b in zip(np.ravel(got), np.ravel(expected))), default=mpmath.mpf(0))
        error = float(worst / scale)
    reason = "differences in 50 digits are right to about 30; constants of the function table have 20 or more"
    return subject.check("50 digits", [(error, 1e-20, _said(text, got, expected))], reason)


def agreement(
    name: str, reference: Mapping[str, Any], other: Mapping[str, Any], arrays: Arrays, reason: str,
    moved: Mapping[str, float],
) -> list[Check]:  # fmt: skip
    """One row per tensor: two evaluations of the same outputs, relative to the largest entry; `moved` says how far
    rounding moves each output."""
    rows = []
    for output, expected in reference.items():
        got = np.asarray(other[output], dtype=float).reshape(np.shape(expected))
        floor = ALLOWANCE * moved.get(output, 0.0) / ROUNDING
        error, where = _worst(output, got, np.asarray(expected, dtype=float), floor)
        rows.append(Check(name, output, error, ROUNDING, reason, where=where, worst=arrays))
    return rows


def _worst(output: str, got: np.ndarray, expected: np.ndarray, floor: float = 0.0) -> tuple[float, str]:
    if not expected.size:
        return 0.0, ""
    difference = np.where(got == expected, 0.0, np.abs(got - expected))  # equal infinities agree
    difference = np.where(np.isnan(got) & np.isnan(expected), 0.0, difference)
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(float(finite.max(initial=0.0)), floor, 1e-300)
    error = np.nan_to_num(difference, nan=np.inf) / scale
    cell = tuple(map(int, np.unravel_index(int(np.argmax(error)), error.shape)))
    entry = f"{output}{list(cell) if cell else ''}"
    return float(error[cell]), f"{entry}: {got[cell]:.17g} instead of {expected[cell]:.17g}"


def forms(name: str, raw: System, other: System, arrays: Arrays, moved: Mapping[str, float]) -> list[Check]:
    """The raw form and another form compute the same outputs."""
    reason = "the forms order their operations differently; relative to the largest entry"
    return agreement(name, interpret(raw, arrays), interpret(other, arrays), arrays, reason, moved)


def forms_exactly(name: str, raw: System, other: System, arrays: Arrays, seed: int) -> list[Check]:
    """The same modulo a prime, without a tolerance, where both are rational."""
    data = residues(raw, arrays, np.random.default_rng(seed + 4))
    try:
        left, right = interpret(raw, data, EXACT), interpret(other, data, EXACT)
    except SymgradError as error:
        return [left_out(name, ", ".join(raw.outputs), str(error))]
    rows = []
    for output, value in left.items():
        wrong = int(np.sum(value != right[output]))
        where = f"{wrong} of {value.size} entries differ modulo p"
        rows.append(Check(name, output, float(wrong), 0.0, "integers modulo a prime", where=where, worst=data))
    return rows


def rounding(name: str, raw: System, other: System, arrays: Arrays, moved: Mapping[str, float]) -> list[Check]:
    """A form in float64 against the raw form in 50 digits."""
    with mpmath.workdps(tangent.DIGITS):
        accurate = {k: np.asarray(v, dtype=float) for k, v in interpret(raw, arrays, MPMATH).items()}
    reason = "float64 rounding at moderate inputs, relative to the largest entry"
    return agreement(name, accurate, interpret(other, arrays), arrays, reason, moved)


def off_the_facts(raw: System, other: System, arrays: Arrays, facts: tuple[str, ...]) -> Check:
    """Away from a fact's manifold a form that used the fact should differ: this shows what the tag `under` means.

    The row never fails; `where` tells whether the fact is needed.
    """
    left, right = interpret(raw, arrays), interpret(other, arrays)
    off = max(_worst(n, np.asarray(right[n], float), np.asarray(v, float))[0] for n, v in left.items())
    needed = "needs" if off > ROUNDING else "does not need"
    text = f"the closed form {needed} {', '.join(facts)}: without it, it is off by {off:.1e}"
    return left_out("without the facts", ", ".join(raw.outputs), text)


def compiled(program: Any, raw: System, arrays: Arrays, seed: int) -> list[Check]:
    """The compiled CPU kernel against the interpreter."""
    try:
        kernel = program.compile("cpu")
    except (ImportError, NotImplementedError) as error:
        return [left_out("kernel", ", ".join(raw.outputs), f"no kernel: {error}")]
    declared = {t.name for t in raw.declared()}  # one that is not read may hold a size
    out = kernel(**{name: value for name, value in arrays.items() if name in declared})
    reason = "another order of summation and other elementary functions; relative to the largest entry"
    return agreement("kernel", interpret(raw, arrays), out, arrays, reason, rounding_of(raw, arrays, seed))


DERIVATIVE_CHECKS: tuple[Callable[[Subject], Check], ...] = (
    same_value,
    central_differences,
    complex_steps,
    dot_product,
    exact,
    fifty_digits,
)
