"""Sizes are read off the arrays; where two disagree the message shows the equation and both values."""

import pytest
from build import D, K, M, N, at, equation, given, k, n, system, tensor, term
from build import i as d
from sympy import Max, Rational, floor

from symgrad.errors import ShapeError, UnknownNameError
from symgrad.ir.sizes import bind_shapes, size_value

LINE = "z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]"
PRODUCT = system(
    [given("X", N, D, letters=("n", "d")), given("W", D, K, letters=("d", "k")), given("b", K), tensor("z", N, K)],
    equation("z", term((n, k), at("X", n, d) * at("W", d, k), {n: N, k: K, d: D}), source=LINE),
)


def test_sizes_are_bound():
    assert bind_shapes(PRODUCT, {"X": (2, 3), "W": (3, 4), "b": (4,)}) == {N: 2, D: 3, K: 4}


def test_two_sizes_for_one_index():
    with pytest.raises(ShapeError) as error:
        bind_shapes(PRODUCT, {"X": (128, 783), "W": (784, 10), "b": (10,)})
    assert str(error.value) == (
        "index d has two sizes.\n"
        "    z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]\n"
        "                        ^ 783 ^ 784\n"
        "    X was given with shape (128, 783), W with (784, 10). "
        "Pass X with 784 entries in axis 1, or W with 783 in axis 0."
    )


def test_a_wrong_rank():
    with pytest.raises(ShapeError) as error:
        bind_shapes(PRODUCT, {"X": (2, 3, 1), "W": (3, 4), "b": (4,)})
    assert str(error.value) == (
        "X has 2 axes, but the array has 3.\n    X: input[n, d]\n"
        "    X was given with shape (2, 3, 1); pass an array of shape (N, D)."
    )


def test_a_missing_tensor():
    with pytest.raises(UnknownNameError, match=r"^W \(input\[d, k\]\) was not passed\.$"):
        bind_shapes(PRODUCT, {"X": (2, 3), "b": (4,)})


def test_one_size_for_two_axes_of_a_tensor():
    square = system([given("A", N, N, letters=("i", "i"))], outputs=("A",))
    with pytest.raises(ShapeError, match=r"^index i has two sizes\."):
        bind_shapes(square, {"A": (3, 4)})


def test_an_extent_that_is_computed_from_sizes():
    padded = system([given("x", N), given("y", N + 1)], outputs=("x",))
    assert bind_shapes(padded, {"x": (3,), "y": (4,)}) == {N: 3}
    with pytest.raises(ShapeError, match="N \\+ 1 has two sizes"):
        bind_shapes(padded, {"x": (3,), "y": (3,)})


@pytest.mark.parametrize(
    ("expr", "value"), [(floor((N - M) / 2) + 1, 4), (N * M**2, 90), (N - 20, 0), (Max(N, M) - 1, 9), (N / 2, 5)]
)
def test_the_value_of_a_size_expression(expr, value):
    assert size_value(expr, {N: 10, M: 3}) == value


def test_a_size_is_a_whole_number():
    with pytest.raises(ShapeError, match=r"size 3\*M/2 is not a whole number \(9/2\) for M = 3"):
        size_value(Rational(3, 2) * M, {M: 3})
