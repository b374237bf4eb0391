"""The interpreter against NumPy, one index pattern after another. Everything else is compared with the interpreter."""

import numpy as np
import pytest
from build import D, K, M, N, at, equation, given, i, j, k, n, system, tensor, term
from sympy import And, Eq, Ge, Integer, Le, Lt, Mod, Ne, exp, floor, oo, pi

from symgrad.errors import DTypeError, IndexRangeError, ShapeError, UnknownNameError
from symgrad.functions import where
from symgrad.ir import interpret as module
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret

RNG = np.random.default_rng(0)
X, A, B, V = RNG.normal(size=5), RNG.normal(size=(4, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=4)


def run(tensors, *equations, outputs=None, **arrays):
    return interpret(check(system(tensors, *equations, outputs=outputs)), arrays)


def test_contraction_and_broadcast():
    tensors = [given("A", N, M), given("B", M, K), given("b", K), tensor("y", N, K)]
    product = term((i, k), at("A", i, j) * at("B", j, k), {i: N, k: K, j: M})
    bias = term((i, k), at("b", k), {i: N, k: K})
    out = run(tensors, equation("y", product, bias), A=A, B=B, b=V[:3])
    np.testing.assert_allclose(out["y"], A @ B + V[:3], rtol=1e-14)  # only the order of additions differs


def test_diagonal_is_read_and_written():
    tensors = [given("A", N, N), tensor("d", N), tensor("E", N, N)]
    read = equation("d", term((i,), at("A", i, i), {i: N}))
    write = equation("E", term((i, i), at("d", i), {i: N}))
    out = run(tensors, read, write, A=A)
    np.testing.assert_array_equal(out["d"], np.diag(A))
    np.testing.assert_array_equal(out["E"], np.diag(np.diag(A)))


def test_gather_and_scatter():
    t = np.array([1, 0, 1, 3, 1])
    tensors = [given("W", N), given("t", M, dtype="int", role="label", over=N), tensor("g", M), tensor("s", N)]
    gather = equation("g", term((j,), at("W", at("t", j)), {j: M}))
    scatter = equation("s", term((at("t", j),), at("g", j), {j: M}))
    out = run(tensors, gather, scatter, W=V, t=t)
    np.testing.assert_array_equal(out["g"], V[t])
    expected = np.zeros(4)
    np.add.at(expected, t, V[t])
    np.testing.assert_array_equal(out["s"], expected)


def test_slice_and_concatenation():
    tensors = [given("x", N), given("v", M), tensor("y", N - 1), tensor("c", N + M)]
    difference = equation("y", term((i,), at("x", i + 1) - at("x", i), {i: N - 1}))
    joined = equation("c", term((i,), at("x", i), {i: N}), term((N + j,), at("v", j), {j: M}))
    out = run(tensors, difference, joined, x=X, v=V)
    np.testing.assert_array_equal(out["y"], np.diff(X))
    np.testing.assert_array_equal(out["c"], np.concatenate([X, V]))


def test_strided_and_padded_convolution():
    out_size = floor((N - K) / 2) + 1
    tensors = [given("x", N), given("w", K), tensor("s", out_size), tensor("p", N)]
    strided = equation("s", term((i,), at("x", 2 * i + k) * at("w", k), {i: out_size, k: K}))
    guards = (Le(0, i + k - 1), Lt(i + k - 1, N))
    padded = equation("p", term((i,), at("x", i + k - 1) * at("w", k), {i: N, k: K}, *guards))
    out = run(tensors, strided, padded, x=X, w=V[:3])
    np.testing.assert_allclose(out["s"], [X[0:3] @ V[:3], X[2:5] @ V[:3]], rtol=1e-14)
    np.testing.assert_allclose(out["p"], np.convolve(np.pad(X, 1), V[2::-1], "valid"), rtol=1e-13)


def test_affine_coefficient_that_is_a_size():
    tensors = [given("x", K * D, letters=("i",)), given("u", K), given("v", D), tensor("y", K)]
    eq = equation("y", term((k,), at("x", k * D + n) * at("v", n), {k: K, n: D}))
    x = RNG.normal(size=6)
    out = run(tensors, eq, outputs=("y",), x=x, u=V[:3], v=V[:2])
    np.testing.assert_allclose(out["y"], x.reshape(3, 2) @ V[:2], rtol=1e-14)


@pytest.mark.parametrize(
    ("guard", "expected"), [(Le(j, i), np.tril(A)), (Lt(j, i), np.tril(A, -1)), (Ge(j, i), np.triu(A))]
)
def test_triangular_guard(guard, expected):
    eq = equation("y", term((i, j), at("A", i, j), {i: N, j: N}, guard))
    np.testing.assert_array_equal(run([given("A", N, N), tensor("y", N, N)], eq, A=A)["y"], expected)


def test_cumulative_sum_and_product_over_the_others():
    tensors = [given("x", N), tensor("c", N), tensor("p", N)]
    cumulative = equation("c", term((i,), at("x", j), {i: N, j: N}, Le(j, i)))
    others = equation("p", term((i,), at("x", j), {i: N, j: N}, Ne(i, j)), reduce="prod")
    x = np.array([2.0, 0.0, 3.0, 5.0])
    out = run(tensors, cumulative, others, x=x)
    np.testing.assert_array_equal(out["c"], np.cumsum(x))
    np.testing.assert_array_equal(out["p"], [0, 30, 0, 0])


@pytest.mark.parametrize("reduce", ["max", "min"])
def test_extremes_and_their_first_argument(reduce):
    tensors = [given("A", N, M), tensor("m", N), tensor("a", N, dtype="int")]
    eq = equation("m", term((i,), at("A", i, j), {i: N, j: M}), reduce=reduce, arg=("a",))
    ties = np.array([[1.0, 3, 3, 1], [0, 0, 0, 0], [np.nan, 1, np.nan, 2], [-np.inf] * 4])
    out = run(tensors, eq, A=ties)
    np.testing.assert_array_equal(out["m"], getattr(ties, reduce)(axis=1))
    np.testing.assert_array_equal(out["a"], getattr(np, "arg" + reduce)(ties, axis=1))


def test_two_arguments_of_a_maximum():
    tensors = [given("A", N, M), tensor("m"), tensor("a", dtype="int"), tensor("b", dtype="int")]
    eq = equation("m", term((), at("A", i, j), {i: N, j: M}), reduce="max", arg=("a", "b"))
    out = run(tensors, eq, A=B)
    assert (out["a"], out["b"]) == np.unravel_index(B.argmax(), B.shape)


def test_argument_of_a_maximum_when_the_domain_is_cut(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 3)
    eq = equation("m", term((), at("x", i), {i: N}), reduce="max", arg=("a",))
    out = run([given("x", N), tensor("m"), tensor("a", dtype="int")], eq, x=np.array([1.0, 2, 7, 7, 0, 7, 3]))
    assert (out["m"], out["a"]) == (7.0, 2)


@pytest.mark.parametrize(("reduce", "identity"), [("sum", 0), ("prod", 1), ("max", -np.inf), ("min", np.inf)])
def test_empty_domain_gives_the_identity(reduce, identity):
    arg = ("a",) if reduce in ("max", "min") else ()
    tensors = [given("x", N), tensor("y"), *([tensor("a", dtype="int")] if arg else [])]
    out = run(tensors, equation("y", term((), at("x", i), {i: N}), reduce=reduce, arg=arg), x=np.zeros(0))
    assert out["y"] == identity and out["y"].shape == ()
    assert not arg or out["a"] == -1


def test_rank_zero():
    out = run([given("x"), tensor("y")], equation("y", term((), exp(at("x")) * pi, {})), x=2.0)
    assert out["y"] == pytest.approx(np.exp(2) * np.pi, rel=1e-15)


def test_mean_under_a_data_guard_divides_by_its_count():
    mask = np.array([True, False, True, True, False])
    tensors = [given("x", N), given("mask", N, dtype="bool"), tensor("c"), tensor("y")]
    count = equation("c", term((), 1, {i: N}, Ne(at("mask", i), 0)))
    mean = equation("y", term((), at("x", i) / at("c"), {i: N}, Ne(at("mask", i), 0)))
    assert run(tensors, count, mean, x=X, mask=mask)["y"] == pytest.approx(X[mask].mean(), rel=1e-15)


def test_an_index_used_as_a_value_and_booleans_added_as_numbers():
    tensors = [given("b", N, dtype="bool"), tensor("y", N), tensor("z", N)]
    value = equation("y", term((i,), i**2 / N + where(Eq(Mod(i, 2), 0), 1, i), {i: N}))
    added = equation("z", term((i,), at("b", i) + at("b", N - 1 - i), {i: N}))
    b = np.array([True, False, True, True])
    out = run(tensors, value, added, b=b)
    index = np.arange(4)
    np.testing.assert_allclose(out["y"], index**2 / 4 + np.where(index % 2 == 0, 1, index), rtol=1e-15)
    np.testing.assert_array_equal(out["z"], b.astype(int) + b[::-1])


def test_nothing_is_read_where_a_guard_fails():
    eq = equation("y", term((i,), at("x", i + 1), {i: N}, Lt(i + 1, N)))
    np.testing.assert_array_equal(run([given("x", N), tensor("y", N)], eq, x=V)["y"], [*V[1:], 0])


def test_infinity_is_a_number_of_a_body():
    eq = equation("y", term((i,), where(Lt(i, 2), at("x", i), -oo), {i: N}))
    np.testing.assert_array_equal(run([given("x", N), tensor("y", N)], eq, x=V)["y"], [*V[:2], -np.inf, -np.inf])


def test_fractions_in_a_guard_compare_exactly():
    eq = equation("y", term((i,), 1, {i: N}, Lt(i, N / 2)))
    np.testing.assert_array_equal(run([given("x", N), tensor("y", N)], eq, x=X)["y"], [1, 1, 1, 0, 0])


def test_a_compound_condition():
    eq = equation("y", term((i,), 1, {i: N}, And(Ne(i, 1), Lt(i, 3))))
    np.testing.assert_array_equal(run([given("x", N), tensor("y", N)], eq, x=V)["y"], [1, 0, 1, 0])


def test_inputs_are_not_modified():
    x = X.copy()
    run([given("x", N), tensor("y")], equation("y", term((), at("x", i), {i: N}), reduce="prod"), x=x)
    np.testing.assert_array_equal(x, X)


def test_a_tensor_that_only_fixes_a_size():
    """L = sum[n](b): no equation reads X, yet it says what N is."""
    eq = equation("L", term((), at("b"), {n: N}))
    assert run([given("X", N), given("b"), tensor("L")], eq, X=X, b=2.0)["L"] == 10.0


def test_a_size_that_nothing_fixes():
    eq = equation("L", term((), at("b"), {n: N}))
    with pytest.raises(ShapeError, match=r"nothing determines the size N\.\n.*sizes=\{\"n\": 10\}"):
        run([given("b"), tensor("L")], eq, b=2.0)


def test_a_missing_array():
    with pytest.raises(UnknownNameError, match=r"x \(input\[N\]\) was not passed"):
        run([given("x", N), tensor("y", N)], equation("y", term((i,), at("x", i), {i: N})))


@pytest.mark.parametrize("step", [1, -1])
def test_an_index_out_of_range_shows_the_equation(step):
    eq = equation("y", term((i,), at("x", i + step), {i: N}), source="y[i] = x[i + step]")
    with pytest.raises(IndexRangeError, match=r"x\[i [+-] 1\] reaches index -?\d of an axis.*\n    y\[i\] = x"):
        run([given("x", N), tensor("y", N)], eq, x=X)


def test_a_label_out_of_range():
    tensors = [given("W", K), given("t", N, dtype="int", role="label", over=K, letters=("n",)), tensor("y", N)]
    eq = equation("y", term((n,), at("W", at("t", n)), {n: N}))
    with pytest.raises(IndexRangeError) as error:
        run(tensors, eq, W=V, t=np.array([0, 4, 1]))
    assert str(error.value) == (
        "label t[1] = 4 is out of range.\n    t: label[n] over K\n    K is 4: labels are 0 .. 3."
    )


@pytest.mark.parametrize(
    ("dtype", "array", "wanted"),
    [("int", [0.0, 1.0], "integers"), ("bool", [0, 1], "booleans"), ("float", ["a", "b"], "real numbers")],
)
def test_a_wrong_dtype_is_never_converted_silently(dtype, array, wanted):
    eq = equation("y", term((), at("t", n), {n: N}))
    with pytest.raises(DTypeError, match=rf"t must hold {wanted}.*\n    t: input\[N\]\n    Pass t.astype\({dtype}\)"):
        run([given("t", N, dtype=dtype), tensor("y")], eq, t=np.array(array))


def test_integer_tensors_stay_integers():
    eq = equation("c", term((at("t", n),), Integer(1), {n: N}))
    tensors = [given("W", K), given("t", N, dtype="int", over=K), tensor("c", K, dtype="int")]
    out = run(tensors, eq, W=V, t=np.array([1, 1, 3]))
    assert out["c"].dtype == np.int64 and out["c"].tolist() == [0, 2, 0, 1]
