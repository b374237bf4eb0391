"""Coefficients of the vector functions: minimax polynomials and quotients of two by Remez' exchange, in mpmath.

    python -m symgrad.functions.vector.minimax            writes coefficients.py again

A `Fit` names a function, an interval, the weight of its error in the result, and how many terms each precision needs.
The error of the best polynomial or quotient with n free coefficients levels at n + 1 alternating extrema; the exchange
moves the points there. The search runs in 60 digits, so the coefficients are right to the last one; the table keeps the
error that is left, in units of the last place of the *result*.

Source: E. Remez, Sur le calcul effectif des polynomes d'approximation de Tchebichef, C. R. Acad. Sci. 199, 1934;
J.-M. Muller, Elementary Functions, third edition, 2016, section 3.5.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

DIGITS = 60
FACTOR = mpf("1.5")  # of both parts of a quotient: numbers just above 1 are rounded most coarsely
GRID = 24  # points between two neighbours when extrema are looked for
UNIT = {"float32": mpf(2) ** -24, "float64": mpf(2) ** -53}
BITS = {"float32": 24, "float64": 53}


@dataclass(frozen=True)
class Fit:
    """`function` on (`low`, `high`); its error times `weight` is the relative error of the result.

    `terms`, for each precision that the fit is for, are those of a polynomial; two numbers are those above and below
    the line of a quotient.
    """

    name: str
    meaning: str
    function: Callable[[Any], Any]
    low: Any
    high: Any
    terms: dict[str, int] | dict[str, tuple[int, int]]
    weight: Callable[[Any], Any] = lambda v: mpf(1)
    apart: bool = False


def remez(fit: Fit, terms: int | tuple[int, int], rounds: int = 12) -> tuple[list, Any]:
    """The best coefficients, constant first, and the weighted error; below the line, those behind its constant 1.

    >>> parabola = Fit("SQUARE", "v**2", lambda v: v * v, mpf(-1), mpf(1), {})
    >>> coefficients, error = remez(parabola, 2)
    >>> [round(float(c), 12) + 0.0 for c in coefficients], float(error)
    ([0.5, 0.0], 0.5)
    """
    above, below = (terms, 1) if isinstance(terms, int) else terms
    points = _chebyshev(fit, above + below, 1 if below == 1 else 3)
    for _ in range(rounds * below):
        coefficients, level = _levelled(fit, points, above)
        points, worst = _extrema(fit, coefficients, above, points)
        if worst <= abs(level) * mpf("1.0001"):
            break
    return coefficients, worst


def _chebyshev(fit: Fit, count: int, bend: int) -> list:
    """Where the search begins; what needs a quotient bends at the lower end."""
    return [
        fit.low + (fit.high - fit.low) * ((1 - mpmath.cos(mpmath.pi * k / (count - 1))) / 2) ** bend
        for k in range(count)
    ]


def _levelled(fit: Fit, points: list, above: int) -> tuple[list, Any]:
    """The quotient whose weighted error is level, with alternating signs, at the points: P - (f + e) Q = 0.

    Newton's method; for a polynomial, where Q is 1, its first step is the solution.
    """
    count = len(points)
    wanted = [fit.function(v) for v in points]
    signs = [(-1) ** row / fit.weight(v) for row, v in enumerate(points)]
    solved, last = mpmath.matrix(count, 1), mpf(1)
    while abs(solved[count - 1] - last) > mpf(10) ** -9 * abs(last):
        last = solved[count - 1]
        matrix, right = mpmath.matrix(count, count), mpmath.matrix(count, 1)
        for row, (v, f, sign) in enumerate(zip(points, wanted, signs)):
            error, below = sign * last, _denominator(solved[above : count - 1], v)
            for power in range(above):
                matrix[row, power] = v**power
            for power in range(1, count - above):
                matrix[row, above + power - 1] = -(f + error) * v**power
            matrix[row, count - 1] = -sign * below
            right[row] = f + error * (1 - below)
        solved = mpmath.lu_solve(matrix, right)
    return [solved[k] for k in range(count - 1)], last


def _denominator(coefficients, v):
    return mpmath.polyval([*list(coefficients)[::-1], 1], v)


def _extrema(fit: Fit, coefficients: list, above: int, points: list) -> tuple[list, Any]:
    """The largest error between each two of its sign changes."""

    def error(v):
        value = mpmath.polyval(coefficients[above - 1 :: -1], v) / _denominator(coefficients[above:], v)
        return (value - fit.function(v)) * fit.weight(v)

    edges = [fit.low, *((a + b) / 2 for a, b in pairwise(points)), fit.high]
    found = []
    for sign, low, high in zip(_signs(error(points[0])), edges, edges[1:]):
        grid = [low + (high - low) * k / GRID for k in range(GRID + 1)]
        found.append(max(grid, key=lambda v: sign * error(v)))
    return found, max(abs(error(v)) for v in found)


def _signs(first):
    sign = 1 if first > 0 else -1
    while True:
        yield sign
        sign = -sign


# ---------------------------------------------------------------------------------------------------------- the table
def _cut(value, bits: int):
    """`value` rounded to `bits` binary digits."""
    with mpmath.workprec(bits):
        return +value


def split(value, bits: list[int]) -> list:
    """`value` as a sum of numbers with so many binary digits."""
    parts = []
    for digits in bits:
        parts.append(_cut(value, digits))
        value = value - parts[-1]
    return parts


def _quotient(function, order: int):
    """`function` where its argument is not 0; there the limit, by a value beside it."""
    tiny = mpf(10) ** (-DIGITS // (order + 1))
    return lambda v: function(v if abs(v) > tiny else tiny)


def _erfcx(a):
    if a < 100:
        return mpmath.exp(a * a) * mpmath.erfc(a)
    total, term, k = mpf(0), mpf(1), 0
    while k < 40 and abs(term) > mpf(10) ** -DIGITS:
        total, k = total + term, k + 1
        term *= -(2 * k - 1) / (2 * a * a)
    return total / (a * mpmath.sqrt(mpmath.pi))


MIDDLE = {"erfcx": 4, "mills": 4}  # of the map t = (a - m)/(a + m) of (0, inf) to (-1, 1)


def _unmapped(t, middle):
    return middle * (1 + t) / (1 - t)


def _tail(name: str, factor, end: str, terms: dict[str, tuple[int, int]]) -> Fit:
    """erfcx(factor a) = 1/(1 + a (slope - P/Q)) up to where exp(-(factor a)**2) is 0; the slope is rounded."""
    (bits,) = (BITS[dtype] for dtype in terms)
    slope = _cut(mpmath.sqrt(mpmath.pi) * factor, bits)
    meaning = f"{mpmath.nstr(slope, 5)} - (1/erfcx({mpmath.nstr(factor, 5)} a) - 1)/a"
    bend = _quotient(lambda a: slope - (1 / _erfcx(factor * a) - 1) / a, 1)
    return Fit(name, meaning, bend, mpf(0), mpf(end) / factor, terms, lambda a: a * _erfcx(factor * a) + mpf("0.02"))


def _scaled_erfcx(t):
    """(1 + 2 a) erfcx(a)."""
    if t == 1:
        return 2 / mpmath.sqrt(mpmath.pi)
    a = _unmapped(t, MIDDLE["erfcx"])
    return (1 + 2 * a) * _erfcx(a)


def _scaled_gap(t):
    """(1 + a) (inverse_mills(-a) - a)."""
    if t == 1:
        return mpf(1)
    a = _unmapped(t, MIDDLE["mills"])
    with mpmath.extraprec(8 * max(0, mpmath.mag(a)) + 20):
        return (1 + a) * (mpmath.sqrt(2 / mpmath.pi) / _erfcx(a / mpmath.sqrt(2)) - a)


def fits() -> list[Fit]:
    """What the vector functions need."""
    log2, quarter = mpmath.log(2), mpmath.pi / 4 * mpf("1.0001")
    root = mpmath.sqrt(mpf(2))
    near_tanh = _quotient(lambda z: mpmath.tanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1, 1)
    near_erf = _quotient(lambda z: mpmath.erf(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1, 1)
    return [
        Fit("EXP", "(exp(r) - 1 - r)/r**2", _quotient(lambda r: (mpmath.expm1(r) - r) / r**2, 2),
            -log2 / 2 * mpf("1.001"), log2 / 2 * mpf("1.001"), {"float32": 6, "float64": 11},
            lambda r: mpf("0.12")),
        Fit("LOG", "(log(1 + f) - f + f**2/2)/f**3",
            _quotient(lambda f: (mpmath.log1p(f) - f + f * f / 2) / f**3, 3),
            1 / root - 1, root - 1, {"float32": 9, "float64": 20}, lambda f: f * f + mpf("1e-3")),
        Fit("SOFTPLUS", "log(1 + u)/u", _quotient(lambda u: mpmath.log1p(u) / u, 1), mpf(0), mpf(1),
            {"float32": 10, "float64": 21}),
        Fit("SIN", "(sin(r) - r)/r**3 over z = r**2",
            _quotient(lambda z: (mpmath.sin(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z, 1),
            mpf(0), quarter**2, {"float32": 3, "float64": 6}, lambda z: z + mpf("1e-3")),
        Fit("COS", "(cos(r) - 1 + r**2/2)/r**4 over z = r**2",
            _quotient(lambda z: (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / z**2, 2),
            mpf(0), quarter**2, {"float32": 3, "float64": 6}, lambda z: z * z + mpf("1e-3")),
        Fit("TANH", "tanh(x)/x - 1 over x**2 - 1/2", lambda z: near_tanh(z + mpf("0.5")), mpf("-0.5"), mpf("0.61"),
            {"float32": 8, "float64": 17}),
        Fit("ERF", "erf(x)/x - 1 over x**2 - 1/2", lambda z: near_erf(z + mpf("0.5")), mpf("-0.5"), mpf("0.61"),
            {"float32": 7, "float64": 13}),
        _tail("ERFC", mpf(1), "10.3", {"float32": (4, 5)}), _tail("ERFC", mpf(1), "27.4", {"float64": (10, 11)}),
        _tail("TAIL", 1 / root, "10.3", {"float32": (4, 5)}), _tail("TAIL", 1 / root, "27.4", {"float64": (10, 11)}),
        Fit("ERFCX", "(1 + 2 a) exp(a**2) erfc(a) over t = (a - 4)/(a + 4)", _scaled_erfcx, mpf(-1), mpf(1),
            {"float32": 13, "float64": 25}, apart=True),
        Fit("GAP", "(1 + a) (density(a)/distribution(-a) - a) over t = (a - 4)/(a + 4), a normal distribution",
            _scaled_gap, mpf(-1), mpf(1), {"float32": 15, "float64": 30}, apart=True),
    ]  # fmt: skip


def numbers(dtype: str) -> dict[str, list]:
    """Constants: those that are cut have exact products with small integers, ends are where results are 0 or inf."""
    bits, small = BITS[dtype], dtype == "float32"
    least = -126 if small else -1022  # power of the least normal number
    log2 = mpmath.log(2)
    high, low = split(log2, [bits - (9 if small else 12), bits])
    return {
        "TINY": [mpf(2) ** least], "NORMAL": [mpf(2) ** bits], "NORMAL_POWER": [mpf(bits)],
        "LOG2_HIGH": [high], "LOG2_LOW": [low], "LOG2E": [1 / log2], "ROUND": [3 * mpf(2) ** (bits - 2)],
        "EXP_LOW": [(least - bits - 1) * log2], "EXP_HIGH": [(1 - least + 16) * log2],
        "EXP_END": [(bits + 16 - least) * log2], "SQUARE_END": [mpmath.sqrt((bits + 2 - least) * log2)],
        "TAIL_END": [mpmath.sqrt(2 * (bits + 2 - least) * log2)],
        "EXPM1_LOW": [-(bits + 3) * log2],
        "FAR": [mpf(2) ** (17 if small else 40)], "FAR_POWER": [mpf(17 if small else 40)],
        "FAR_ROWS": [mpf((128 - 17) if small else (1024 - 40))],
        "ROOT_END": [mpf(2) ** (bits - 2)],
        "TURN": split(mpmath.pi / 2, [bits] * 3), "PER_TURN": [2 / mpmath.pi],
        "CUBE": split(mpf("0.044715"), [bits] * 2), "SLOPE": split(mpmath.sqrt(8 / mpmath.pi), [bits] * 2),
        "ROOT_PI": [mpmath.sqrt(mpmath.pi)], "ROOT_HALF_PI": [mpmath.sqrt(mpmath.pi / 2)],
        "ROOT_HALF": split(mpmath.sqrt(mpf(1) / 2), [bits] * 2), "ROOT_PI_INVERSE": [1 / mpmath.sqrt(mpmath.pi)],
        "DENSITY": [1 / mpmath.sqrt(2 * mpmath.pi)], "ERFINV_NEAR": [mpf("0.03") if small else mpf("0.005")],
    }  # fmt: skip


def table() -> dict[str, dict[str, tuple[float, ...]]]:
    """{dtype: {name: coefficients}}, each rounded to the precision."""
    with mpmath.workdps(DIGITS):
        found: dict[str, dict] = {"float32": {}, "float64": {}}
        for dtype, rows in found.items():
            for name, values in numbers(dtype).items():
                rows[name] = rounded(values, dtype)
            for fit in (f for f in fits() if dtype in f.terms):
                rows |= {n: rounded(c, dtype) for n, c in _stored(fit, dtype).items()}
        return found


def _stored(fit: Fit, dtype: str) -> dict[str, list]:
    """The coefficients; where the constant is the largest part of the result, it stands apart, in two parts."""
    terms = fit.terms[dtype]
    coefficients = remez(fit, terms)[0]
    if isinstance(terms, tuple):
        above, below = coefficients[: terms[0]], [mpf(1), *coefficients[terms[0] :]]
        return {f"{fit.name}_{n}": [FACTOR * c for c in cs] for n, cs in (("ABOVE", above), ("BELOW", below))}
    if not fit.apart:
        return {fit.name: coefficients}
    return {f"{fit.name}_MIDDLE": split(coefficients[0], [BITS[dtype]] * 2), fit.name: coefficients[1:]}


def _first(fit: Fit) -> str:
    """The row that says how good the fit is."""
    return f"{fit.name}_ABOVE" if any(isinstance(t, tuple) for t in fit.terms.values()) else fit.name


def rounded(values: list, dtype: str) -> tuple[float, ...]:
    """The numbers in the precision."""
    real = np.float32 if dtype == "float32" else np.float64
    return tuple(float(real(float(_cut(v, BITS[dtype])))) for v in values)


HEAD = '''"""Coefficients of the vector functions, made by `python -m symgrad.functions.vector.minimax`; do not edit.

The comment beside a polynomial is what it approximates, and the error of the fit in half units of the result's last
place.
"""

# fmt: off
from __future__ import annotations

'''


def text() -> str:
    """The text of coefficients.py: hexadecimal floats, so that nothing is lost in reading them."""
    with mpmath.workdps(DIGITS):
        comments = {_first(f): f.meaning for f in fits()}
        errors = {(_first(f), d): remez(f, terms)[1] / UNIT[d] for f in fits() for d, terms in f.terms.items()}
    lines = ["TABLE: dict[str, dict[str, tuple[str, ...]]] = {"]
    for dtype, rows in table().items():
        lines.append(f'    "{dtype}": {{')
        for name, values in rows.items():
            if name in comments:
                lines.append(f"        # {comments[name]}: {mpmath.nstr(errors[name, dtype], 2)}")
            listed = "".join(f'"{v.hex()}", ' for v in values).rstrip()
            row, indents = f'"{name}": ({listed}),', {"initial_indent": " " * 8, "subsequent_indent": " " * 12}
            lines += textwrap.wrap(row, 110, **indents)
        lines.append("    },")
    return HEAD + "\n".join([*lines, "}"]) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("coefficients.py").write_text(text(), encoding="utf-8")
