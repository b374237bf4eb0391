"""Operation counts against counts by hand."""

import pytest
from build import K, M, N, at, equation, given, i, j, k, n, system, tensor, term
from sympy import Eq, Ge, Integer, Le, Lt, Ne, Rational, exp, expand, sqrt

import symgrad as sg
from symgrad.functions import stop, where
from symgrad.ir.cost import FUNCTION, bytes_moved, equation_flops, flops, operations

P, Q, R, X, Y = at("P", i, j), at("Q", j, k), at("R", k), at("x", j), at("y", i)
CASES = {
    "element-wise": (term((i,), at("x", i) * at("y", i) + 1, {i: N}), 2 * N),
    "copy": (term((i,), at("x", i), {i: N}), 0),
    "matrix-vector": (term((i,), P * X, {i: M, j: N}), 2 * M * N),
    "three factors, the cheap order first": (term((i,), P * Q * R, {i: N, j: M, k: K}), 2 * K * M + 2 * M * N),
    "outer product": (term((i, j), X * Y, {i: M, j: N}), M * N),
    "mean": (term((), at("x", i) / N, {i: N}), N + 1),
    "a factor leaves the sum": (term((i,), Y * P, {i: M, j: N}), M * N + M),
    "an idle sum": (term((), Integer(1), {i: N}), 0),
    "sum of an expression": (term((), (at("x", i) - at("y", i)) ** 2, {i: N}), 3 * N),
    "cumulative": (term((i,), X, {i: N, j: N}, Le(j, i)), N),
    "cumulative exp": (term((i,), exp(X), {i: N, j: N}, Ge(j, i)), (FUNCTION + 1) * N),
    "row-wise cumulative": (term((k, i), at("A", k, j), {k: K, i: N, j: N}, Lt(j, i)), K * N),
    "over the others": (term((i,), X, {i: N, j: N}, Ne(j, i)), 3 * N),
    "triangle": (term((i, j), 2 * P, {i: N, j: N}, Le(j, i)), N * (N + 1) / 2),
    "strict triangle, summed": (term((i,), P * X, {i: N, j: N}, Lt(j, i)), N * (N - 1)),
    "diagonal by a guard": (term((i, j), 2 * P, {i: N, j: N}, Eq(i, j)), N),
    "one entry of a row": (term((n, k), -at("z", n, k), {n: N, k: K}, Eq(k, at("t", n))), 0),
    "a mask counts in full": (term((), at("x", i), {i: N}, Ne(at("m", i), 0)), N),
}


@pytest.mark.parametrize("name", CASES)
def test_operations_of_a_term(name):
    case, expected = CASES[name]
    assert expand(equation_flops(equation("y", case))) == expand(expected)


def test_several_terms_are_combined():
    a, b = (term((i,), at(name, i), {i: N}) for name in "ab")
    assert equation_flops(equation("y", a, b)) == 2 * N
    product = term((i,), P * X, {i: N, j: M})
    assert expand(equation_flops(equation("y", product, a))) == 2 * M * N + 2 * N


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (at("x", i) ** 2, 1), (at("x", i) ** 5, 3), (1 / at("x", i), 1), (sqrt(at("x", i)), 1), (at("x", i) ** -2, 2),
        (at("x", i) ** Rational(3, 2), 2), (at("x", i) ** at("a"), 2 * FUNCTION), (-at("x", i), 0),
        (at("x", i) - at("y", i), 1), (exp(-at("x", i)), FUNCTION), (stop(at("x", i)), 0), (at("x", 2 * i + 1), 0),
        (where(Lt(at("x", i), 0), 0, at("x", i)), 2), (N * sqrt(N), 0), (at("x", i) / sqrt(N), 1),
    ],
)  # fmt: skip
def test_operations_of_a_body(body, count):
    assert operations(body) == count


def test_totals():
    tensors = [given("A", M, N), given("x", N), given("t", N, dtype="int"), given("unused", K), tensor("y", M)]
    eq = equation("y", term((i,), at("A", i, j) * at("x", at("t", j)), {i: M, j: N}))
    program = system(tensors, eq)
    assert flops(program) == 2 * M * N
    assert bytes_moved(program) == 8 * (M * N + 2 * N + M)
    assert bytes_moved(program, itemsize=4) == 4 * M * N + 12 * N + 4 * M


def test_known_sizes_decide_the_order_of_a_product():
    """A B C from the left where A has two rows, from the right where C has two columns: the other way costs 270 times
    as much."""
    chain = "A: input[i, j] \n B: input[j, k] \n C: input[k, l] \n y[i,l] = sum[j,k](A[i,j]*B[j,k]*C[k,l])"
    left = sg.program(chain, sizes={"i": 2, "j": 900, "k": 900, "l": 800}).flops()
    right = sg.program(chain, sizes={"i": 800, "j": 900, "k": 900, "l": 2}).flops()
    assert left == 2 * 2 * 900 * (900 + 800) and right == 2 * 2 * 900 * (900 + 800)
