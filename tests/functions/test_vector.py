"""The vector functions as Python: operations, coefficients that a fit gives again, limits and signed zeros."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from symgrad.functions import ROWS, vector
from symgrad.functions.vector import coefficients, machine, minimax

INF, NAN = np.inf, np.nan
DTYPES = ("float32", "float64")
LIMITS = {  # (argument, value), ...; -0.0 is not 0.0
    "exp": ((-INF, 0.0), (INF, INF), (-0.0, 1.0),),
    "expm1": ((-INF, -1.0), (INF, INF), (-0.0, -0.0), (0.0, 0.0),),
    "exprel": ((-INF, 0.0), (INF, INF), (0.0, 1.0),),
    "log": ((0.0, -INF), (-0.0, -INF), (-1.0, NAN), (-INF, NAN), (INF, INF), (1.0, 0.0),),
    "log1p": ((-1.0, -INF), (-2.0, NAN), (-INF, NAN), (INF, INF), (-0.0, -0.0), (0.0, 0.0),),
    "sigmoid": ((-INF, 0.0), (INF, 1.0), (0.0, 0.5),),
    "softplus": ((-INF, 0.0), (INF, INF), (-1e4, 0.0), (1e4, 1e4),),
    "silu": ((-INF, -0.0), (INF, INF), (-0.0, -0.0),),
    "mish": ((-INF, -0.0), (INF, INF), (-0.0, -0.0),),
    "gelu_tanh": ((-INF, -0.0), (INF, INF), (-0.0, -0.0),),
    "cosh": ((-INF, INF), (INF, INF), (-0.0, 1.0),),
    "sinh": ((-INF, -INF), (INF, INF), (-0.0, -0.0), (0.0, 0.0),),
    "tanh": ((-INF, -1.0), (INF, 1.0), (-0.0, -0.0), (0.0, 0.0),),
    "sech": ((-INF, 0.0), (INF, 0.0), (0.0, 1.0),),
    "sin": ((-INF, NAN), (INF, NAN), (-0.0, -0.0), (0.0, 0.0),),
    "cos": ((-INF, NAN), (INF, NAN), (-0.0, 1.0),),
    "erf": ((-INF, -1.0), (INF, 1.0), (-0.0, -0.0), (0.0, 0.0),),
    "erfc": ((-INF, 2.0), (INF, 0.0), (0.0, 1.0),),
    "erfcx": ((-INF, INF), (INF, 0.0), (0.0, 1.0),),
    "erfinv": ((-1.0, -INF), (1.0, INF), (2.0, NAN), (-0.0, -0.0),),
    "gaussian": ((-INF, 0.0), (INF, 0.0), (0.0, 1.0),),
    "norm_pdf": ((-INF, 0.0), (INF, 0.0),),
    "ndtr": ((-INF, 0.0), (INF, 1.0), (0.0, 0.5),),
    "gelu": ((-INF, -0.0), (INF, INF), (-0.0, -0.0),),
    "log_ndtr": ((-INF, -INF), (INF, 0.0),),
    "inverse_mills": ((-INF, INF), (INF, 0.0),),
    "mills_gap": ((-INF, 0.0), (INF, INF),),
    "hardsigmoid": ((-INF, 0.0), (INF, 1.0), (0.0, 0.5),),
    "finite": ((-INF, 0.0), (INF, 0.0), (-0.0, -0.0),),
    "stumpff_0": ((-INF, INF), (INF, NAN), (0.0, 1.0), (-0.0, 1.0),),
    "stumpff_1": ((-INF, INF), (INF, 0.0), (0.0, 1.0), (-0.0, 1.0),),
    "stumpff_2": ((-INF, INF), (INF, 0.0), (0.0, 0.5), (-1e7, INF),),
    "stumpff_3": ((-INF, INF), (INF, 0.0), (-1e7, INF),),
}


def test_every_vector_row_has_limits():
    rows = [r for r in ROWS.values() if r.kernel.kind == "vector"]
    assert {n for r in rows for n in ([f"{r.name}_{k}" for k in r.orders] or [r.kernel.name])} == set(LIMITS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LIMITS)
def test_limits(name, dtype):
    run = vector.function(name, dtype)
    for at, want in LIMITS[name]:
        got = run(at)
        assert np.array_equal(got, want, equal_nan=True), (at, got)
        assert got != 0 or name == "log_ndtr" or np.signbit(got) == np.signbit(want), (at, got)
    assert name == "finite" or np.isnan(run(NAN))


def test_fma_rounds_once():
    rng = np.random.default_rng(0)
    for real in (np.float32, np.float64):
        for a, b in rng.normal(size=(200, 2)).astype(real):
            product, error = machine.exact_product(a, b)
            assert Fraction(float(product)) + Fraction(float(error)) == Fraction(float(a)) * Fraction(float(b))
            total, error = machine.exact_sum(a, b)
            assert Fraction(float(total)) + Fraction(float(error)) == Fraction(float(a)) + Fraction(float(b))
    assert machine.fma(1e200, 1e100, -INF) == -INF


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_coefficients_are_those_of_the_fit(dtype):
    with mpmath.workdps(minimax.DIGITS):
        fit = next(f for f in minimax.fits() if f.name == "EXP")
        found = minimax.rounded(minimax.remez(fit, fit.terms[dtype])[0], dtype)
        constants = {n: minimax.rounded(v, dtype) for n, v in minimax.numbers(dtype).items()}
    stored = {n: tuple(map(float.fromhex, v)) for n, v in coefficients.TABLE[dtype].items()}
    assert stored["EXP"] == found
    assert constants.items() <= stored.items()


def test_a_fit_is_level_and_a_wrong_coefficient_is_not():
    with mpmath.workdps(minimax.DIGITS):
        fit = next(f for f in minimax.fits() if f.name == "COS")
        best, error = minimax.remez(fit, 3)

        def worst(polynomial):
            points = [fit.low + (fit.high - fit.low) * k / 200 for k in range(1, 200)]
            return max(abs((mpmath.polyval(polynomial[::-1], v) - fit.function(v)) * fit.weight(v)) for v in points)

        assert worst(best) <= error * mpmath.mpf("1.01")
        assert worst([best[0] * (1 + mpmath.mpf(10) ** -6), *best[1:]]) > 100 * error


def test_a_quotient_is_level_and_better_than_a_polynomial_of_as_many_coefficients():
    with mpmath.workdps(minimax.DIGITS):
        fit = next(f for f in minimax.fits() if f.name == "ERFC" and "float32" in f.terms)
        above, below = fit.terms["float32"]
        coefficients, error = minimax.remez(fit, (above, below))
        stored = [float.fromhex(c) for c in coefficients_of("ERFC_ABOVE") + coefficients_of("ERFC_BELOW")]
        found = [minimax.FACTOR * c for c in [*coefficients[:above], 1, *coefficients[above:]]]
        assert stored == list(minimax.rounded(found, "float32"))

        def worst(numerator):
            points = [fit.high * k**2 / 300**2 for k in range(1, 300)]
            below = [minimax._denominator(coefficients[above:], v) for v in points]
            values = [mpmath.polyval(numerator[::-1], v) / q for q, v in zip(below, points)]
            return max(abs((q - fit.function(v)) * fit.weight(v)) for q, v in zip(values, points))

        assert worst(coefficients[:above]) <= error * mpmath.mpf("1.01")
        assert worst([coefficients[0] * (1 + mpmath.mpf(10) ** -5), *coefficients[1:above]]) > 10 * error
        assert minimax.remez(fit, above + below - 1)[1] > 1000 * error


def coefficients_of(name):
    return coefficients.TABLE["float32"][name]


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_arguments_of_sine(dtype):
    """Beside multiples of pi/2, where all leading digits cancel: the hardest float64 is 6381956970095103 2**797."""
    hard = {"float32": [16367173.0 * 2.0**72, 1e38], "float64": [6381956970095103.0 * 2.0**797, 1e300, 1e22]}[dtype]
    for x in hard:
        with mpmath.workdps(400):
            exact = mpmath.cos(mpmath.mpf(float(np.dtype(dtype).type(x))))
            got = mpmath.mpf(float(vector.function("cos", dtype)(x)))
            assert abs(got - exact) <= float(np.finfo(dtype).eps) * abs(exact)
