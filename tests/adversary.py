"""Adversarial inputs, and where a program is wrong at them: what tests/library/test_extremes.py asks of everything."""

from collections.abc import Iterator

import mpmath
import numpy as np

import symgrad as sg
from symgrad.ir.arithmetic import MPMATH
from symgrad.ir.interpret import interpret
from symgrad.ir.sizes import size_value
from symgrad.library.activations import activation, parameters
from symgrad.verify.draw import draw_sizes, index_ranges

LARGEST, SMALLEST = np.finfo(np.float64).max, np.finfo(np.float64).tiny
POINTS = np.array([0.0, -0.0, 1e-300, -1e-8, 0.5, 1, -1, 3, -3, 6, 20, -20, 40, -40, 709, -745, 800, -800, 1e4, -1e4])
DIGITS = 360


def faults(program, arrays, names=None):
    """The entries of outputs that are not finite, or zero, where the exact value is a normal number."""
    got = interpret(program.kernel, arrays)
    exact = in_digits(program, arrays)
    found = [f for n in names or got for f in _wrong(n, np.ravel(got[n]), np.ravel(exact[n]))]
    if not any(a == 0 for *_, a, _ in found):
        return found
    near = [in_digits(program, moved(program, arrays, seed)) for seed in range(3)]
    return [f for f in found if f[2] != 0 or not _lost(f, exact, near)]


def in_digits(program, arrays):
    with mpmath.workdps(DIGITS):
        return interpret(program.raw, arrays, MPMATH)


def _wrong(name, got, exact):
    for at, (a, b) in enumerate(zip(got, exact)):
        size = abs(b)
        if mpmath.isfinite(b) and size <= LARGEST and (not np.isfinite(a) or (a == 0 and size >= SMALLEST)):
            yield name, at, float(a), mpmath.nstr(b, 5)


def moved(program, arrays, seed):
    """The inputs, each number a unit in its last place up or down; 0, 1 and distributions stay."""
    rng = np.random.default_rng(seed)
    free = {t.name for t in program.raw.declared() if t.dtype == "float" and not t.has("distribution")}
    towards = {n: np.where(rng.random(np.shape(a)) < 0.5, -np.inf, np.inf) for n, a in arrays.items()}
    return {
        n: np.where(np.isin(np.abs(a), (0, 1)), a, np.nextafter(a, towards[n])) if n in free else a
        for n, a in arrays.items()
    }


def _lost(fault, exact, near):
    name, at, *_ = fault
    value = np.ravel(exact[name])[at]
    return any(abs(np.ravel(other[name])[at] - value) > abs(value) / 4 for other in near)


def faults_of_activation(name):
    """Of the value and of the derivatives by x and by the activation's own parameters."""
    own = dict.fromkeys(parameters(name), 0.25)
    declared = "".join(f"{p}: parameter\n" for p in own)
    text = f"x: parameter[n]\n{declared}y[n] = {activation(name, 'x[n]')}\nL = sum[n](y[n])"
    program = sg.program(text + "\noutputs: L, y").gradient("L")
    wanted = ["dL_dx", *(f"dL_d{p}" for p in own)]
    found = faults(program, {"x": POINTS, **own}, wanted)
    return found + faults(sg.program(text + "\noutputs: y"), {"x": POINTS, **own}, ["y"])


def _alternating(shape):
    return (-1.0) ** np.arange(int(np.prod(shape))).reshape(shape)


def _first(shape, value):
    """The value at the start of each row, 0 elsewhere."""
    filled = np.zeros(shape)
    filled[(..., 0) if shape else ()] = value
    return filled


PATTERNS = {
    "zero": lambda shape, rng: np.zeros(shape),
    "ties": lambda shape, rng: np.ones(shape),
    "large": lambda shape, rng: 1e4 * _alternating(shape),
    "one large": lambda shape, rng: _first(shape, 1e4),
    "one low": lambda shape, rng: _first(shape, -1e4),
    "saturated": lambda shape, rng: _first(shape, 50.0),
    "wide": lambda shape, rng: 40 * rng.normal(size=shape),
    "tiny": lambda shape, rng: 1e-8 * rng.normal(size=shape),
}
MODERATE = ("zero", "ties", "tiny")
# exponentials of scores that are exponentials: at 50 the loss itself is beyond the format
BOUNDED = ("vae", "vae_gaussian", "gaussian_mixture")


def arrays_of(raw, pattern, everywhere):
    """Inputs of one pattern in every tensor, or in the first only with random numbers in the others. Labels are all of
    one class, distributions are one-hot or all alike."""
    rng = np.random.default_rng(1)
    sizes, ranges, arrays = draw_sizes(raw, np.random.default_rng(0), 3), index_ranges(raw), {}
    for tensor in raw.declared():
        shape = tuple(size_value(e, sizes) for e in tensor.shape)
        draw = PATTERNS[pattern] if everywhere or not arrays else lambda shape, rng: rng.normal(size=shape)
        arrays[tensor.name] = _values(tensor, shape, draw, rng, ranges)
    return arrays


def _values(tensor, shape, draw, rng, ranges):
    if tensor.dtype != "float":
        return np.zeros(shape, int) if tensor.dtype == "int" else np.ones(shape, bool)
    if tensor.has("uniform"):
        return rng.uniform(size=shape)
    values = np.asarray(draw(shape, rng), float)
    if tensor.has("distribution"):
        (axes,) = (f.axes for f in tensor.facts if f.name == "distribution")
        return _shares(values, axes)
    if tensor.has("positive") or tensor.has("nonnegative"):
        values = np.abs(values) + 1e-4 * tensor.has("positive")
    return values + np.swapaxes(values, -1, -2) if tensor.has("symmetric") else values


def _shares(values, axes):
    """All alike where the values are, else 1 where the first of the largest is."""
    rows = np.moveaxis(values, axes[0], -1)
    chosen = np.eye(rows.shape[-1])[np.argmax(rows, -1)]
    return np.moveaxis(np.full(rows.shape, 1 / rows.shape[-1]) if np.ptp(values) == 0 else chosen, -1, axes[0])


def cases(name, program) -> Iterator[tuple[str, dict]]:
    for pattern in MODERATE if name in BOUNDED else PATTERNS:
        for everywhere in (True, False):
            yield f"{pattern}{' everywhere' * everywhere}", arrays_of(program.raw, pattern, everywhere)
