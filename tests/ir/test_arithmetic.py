"""One walker, four number systems."""

import mpmath
import numpy as np
import pytest
from build import N, at, equation, given, i, j, system, tensor, term
from sympy import EulerGamma, Le, Lt, Rational, exp, floor, log, pi, sqrt

from symgrad.errors import SymgradError
from symgrad.functions import stop, where
from symgrad.ir.arithmetic import COMPLEX, EXACT, FLOAT64, MPMATH, PRIME
from symgrad.ir.interpret import interpret

X = np.array([0.5, -1.25, 2.0])
TENSORS = [given("x", N), tensor("y", N)]


def one(body, x, arithmetic, *guard, domain=None):
    eq = equation("y", term((i,), body, domain or {i: N}, *guard))
    return interpret(system(TENSORS, eq), {"x": x}, arithmetic)["y"]


def test_modular_arithmetic_is_rational_arithmetic():
    x = np.array([3, 5, 7])
    got = one((at("x", i) ** 3 - Rational(2, 3)) / at("x", i) ** 2, x, EXACT)
    exact = [(v**3 - Rational(2, 3)) / v**2 for v in [3, 5, 7]]
    assert got.tolist() == [int(q.p) * pow(int(q.q), -1, PRIME) % PRIME for q in exact]


def test_modular_inputs_may_be_negative():
    assert one(at("x", i), np.array([-1, 0, -PRIME - 2]), EXACT).tolist() == [PRIME - 1, 0, PRIME - 2]


def test_indices_compare_as_integers_modulo_a_prime():
    """i - 1 is -1 at i = 0, not p - 1: `j <= i - 1` must not hold there."""
    got = one(at("x", j), np.array([3, 5, 7]), EXACT, Le(j, i - 1), domain={i: N, j: N})
    assert got.tolist() == [0, 3, 8]


@pytest.mark.parametrize("reduce", ["sum", "prod"])
def test_modular_reductions(reduce):
    x = np.array([PRIME - 1, PRIME - 2, 5])
    eq = equation("z", term((), at("x", i), {i: N}), reduce=reduce)
    got = interpret(system([given("x", N), tensor("z")], eq), {"x": x}, EXACT)["z"]
    assert int(got) == {"sum": 2, "prod": 10}[reduce]


@pytest.mark.parametrize(
    "body",
    [exp(at("x", i)), sqrt(at("x", i)), pi * at("x", i), where(Lt(at("x", i), 0), 1, 2), 1 / (at("x", i) - 3), 2**i],
)
def test_what_is_not_rational_is_refused(body):
    with pytest.raises(SymgradError, match="modulo a prime"):
        one(body, np.array([3, 5, 7]), EXACT)


def test_stop_is_transparent_modulo_a_prime():
    assert one(stop(at("x", i)), np.array([3, 5, 7]), EXACT).tolist() == [3, 5, 7]


def test_complex_step_gives_the_derivative_to_the_last_digits():
    body = exp(at("x", i)) / (1 + at("x", i) ** 2)
    got = one(body, X + 1e-30j, COMPLEX).imag / 1e-30
    exact = np.exp(X) * (1 - X) ** 2 / (1 + X**2) ** 2
    np.testing.assert_allclose(got, exact, rtol=1e-14)  # no subtraction: a few roundings


def test_complex_comparisons_look_at_the_real_part():
    got = one(where(Lt(at("x", i), 0), -at("x", i), at("x", i)), X + 1e-30j, COMPLEX)
    np.testing.assert_array_equal(got.imag, [1e-30, -1e-30, 1e-30])


def test_mpmath_computes_at_its_precision():
    with mpmath.workdps(50):
        got = one(exp(at("x", i)) ** Rational(1, 3) * EulerGamma, X, MPMATH)
        for value, x in zip(got, X):
            assert abs(value - mpmath.exp(mpmath.mpf(x) / 3) * mpmath.euler) < mpmath.mpf(10) ** -48


def test_mpmath_has_nan_where_the_reals_end():
    with mpmath.workdps(30):
        got = one(where(Lt(0, at("x", i)), log(at("x", i)), -1), X, MPMATH)
    assert got[1] == -1 and abs(got[2] - mpmath.log(2)) < 1e-15


def test_mpmath_division_by_zero_is_not_an_error():
    assert mpmath.isnan(one(1 / at("x", i), np.array([0.0, 1, 2]), MPMATH)[0])


@pytest.mark.parametrize("arithmetic", [FLOAT64, COMPLEX, MPMATH, EXACT])
def test_floor_and_indices_agree_in_every_arithmetic(arithmetic):
    got = one(at("x", floor((N - 1 - i) / 2)) + i, np.array([2, 3, 5]), arithmetic)
    assert [int(v.real) for v in got] == [3, 3, 4]
