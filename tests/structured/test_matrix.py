"""Newton steps with structured matrices: every plan against NumPy, large ones without the dense matrix."""

import tracemalloc

import numpy as np
import pytest
from structures import arrays_of, holds, model, solves

from symgrad import program
from symgrad.errors import IndexRangeError, ShapeError, SymgradError
from symgrad.structured import colour_columns, from_products, solve

# model, by, plan once sizes are bound, ridges at which it is solved (one that makes it regular)
SOLVED = [
    ("sum of functions", "x", "divide", (0.0, 2.0)),
    ("matrix factorisation", "U", "blocks", (0.0, 2.0)),
    ("masked factorisation", "U", "blocks", (5.0,)),
    ("ridge factorisation", "U", "blocks", (0.0, 1.0)),
    ("softmax cross-entropy", "z", "woodbury", (1.0, 30.0)),
    ("logsumexp", "x", "woodbury", (0.5, 2.0)),
    ("norm", "x", "woodbury", (0.0, 2.0)),
    ("quadratic form", "x", "dense", (30.0,)),
    ("pair energies", "r", "blocks", (30.0,)),
    ("embedding", "E", "blocks", (2.0,)),
    ("two sides", "X", "kronecker", (3.0,)),
    ("flip", "x", "dense", (50.0,)),
    ("two layers", "W1", "dense", (1000.0,)),
]


@pytest.mark.parametrize(("name", "by", "kind", "ridges"), SOLVED)
def test_each_plan_solves(name, by, kind, ridges):
    derived = model(name).hessian("L", by)
    matrix, dense, _ = holds(derived, f"d2L_d{by}_d{by}")
    assert matrix.plan.kind == kind
    for ridge in ridges:
        solves(matrix, dense, ridge)


BANDS = {
    "Rosenbrock": (1, 1, 1e5),
    "second differences": (2, 2, 1e3),
    "convolution": (3, 3, 10.0),
}


@pytest.mark.parametrize("name", BANDS)
def test_banded(name):
    """At sizes where the band is narrow; an indefinite matrix too (the ridge alone does not decide)."""
    low, high, ridge = BANDS[name]
    derived = model(name).hessian("L", "x")
    rng = np.random.default_rng(3)
    arrays = {"x": rng.normal(size=60), "w": rng.normal(size=4), "T": rng.normal(size=57)}
    arrays = {n: a for n, a in arrays.items() if n in derived.raw.tensors}
    matrix = derived.structured("d2L_dx_dx", target="interpreter")(**arrays)
    dense = derived.evaluate(**arrays)["d2L_dx_dx"]
    assert (matrix.plan.kind, matrix.plan.low, matrix.plan.high) == ("banded", low, high)
    for shift in (ridge, 1e-2 * ridge):
        solves(matrix, dense, shift)


def test_sparse_factorisation_on_a_grid():
    derived = model("grid").hessian("L", "u")
    u = np.random.default_rng(0).normal(size=(20, 15))
    matrix = derived.structured("d2L_du_du", target="interpreter")(u=u)
    assert matrix.plan.kind == "sparse" and matrix.storage == 2 * 20 * 15 - 20 - 15
    solves(matrix, matrix.dense(), 5.0)


def test_newton_on_a_long_rosenbrock_chain():
    """n = 100,000: 2 n numbers, a banded factorisation, compiled; never n^2."""
    of = model("Rosenbrock")
    hessian, gradient = of.hessian("L").structured("d2L_dx_dx"), of.gradient("L").compile()
    n = 100_000
    x = 1.3 + 0.1 * np.sin(np.arange(n))
    for _ in range(9):
        slope = gradient(x=x).dL_dx
        x = x - hessian(x=x).solve(slope)
    matrix = hessian(x=x)
    assert matrix.storage == 2 * n - 2 and matrix.plan.kind == "banded"
    assert np.abs(x - 1).max() < 1e-8    # the minimum is 1; Newton has converged quadratically


def test_newton_on_a_factorisation_forms_no_dense_matrix():
    """m = n = 500, k = 5: one 5 x 5 factorisation gives the least-squares solution of all rows in one step."""
    rng = np.random.default_rng(0)
    arrays = {"T": rng.normal(size=(500, 500)), "U": rng.normal(size=(500, 5)), "V": rng.normal(size=(500, 5))}
    of = model("matrix factorisation")
    hessian = of.hessian("L", "U").structured("d2L_dU_dU")
    slope = of.gradient("L", "U").compile()
    g = slope(**arrays).dL_dU
    hessian(**arrays).solve(g)      # compiled and imported before memory is measured
    tracemalloc.start()
    matrix = hessian(**arrays)
    step = matrix.solve(g)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert matrix.shape == (2500, 2500) and matrix.storage == 25
    assert peak < 2500 * 2500 * 8 / 20      # the dense matrix has 50 MB; the step works in less than a megabyte
    exact = np.linalg.lstsq(arrays["V"], arrays["T"].T, rcond=None)[0].T
    np.testing.assert_allclose(arrays["U"] - step, exact, atol=1e-12)


def test_the_compiled_cores_are_the_interpreted_ones():
    for name, by in (("softmax cross-entropy", "z"), ("embedding", "E"), ("row maxima", "x")):
        derived = model(name).hessian("L", by)
        output, arrays = f"d2L_d{by}_d{by}", arrays_of(derived)
        fast, plain = (derived.structured(output, target=t)(**arrays) for t in ("cpu", "interpreter"))
        np.testing.assert_allclose(fast.dense(), plain.dense(), rtol=1e-12, atol=1e-14)


def test_vectors_come_flat_or_in_shape():
    derived = model("matrix factorisation").hessian("L", "U")
    arrays = arrays_of(derived)
    matrix = derived.structured("d2L_dU_dU", target="interpreter")(**arrays)
    shaped = matrix @ arrays["U"]
    assert shaped.shape == arrays["U"].shape
    assert np.array_equal((matrix @ arrays["U"].ravel()), shaped.ravel())
    np.testing.assert_allclose(matrix.diagonal, np.diag(matrix.to_scipy_sparse().toarray()))
    with pytest.raises(ShapeError, match=r"d2L_dU_dU takes a vector of shape .* or .*, not \(3,\)"):
        matrix @ np.ones(3)


def test_a_singular_matrix_is_an_error_not_a_number():
    """diag(p) - p p^T has the null vector 1, whatever the rounding says."""
    derived = model("logsumexp").hessian("L")
    matrix = derived.structured("d2L_dx_dx", target="interpreter")(x=np.array([0.3, -1.0, 0.7]))
    with pytest.raises(SymgradError, match=r"d2L_dx_dx is singular to working precision: no step solves it\.") as error:
        matrix.solve(np.array([1.0, 2.0, 3.0]))
    assert "solve(g, ridge=1e-06)" in str(error.value)
    g = np.array([1.0, -2.0, 1.0])     # in the range: solved, up to the null vector
    solved = matrix.solve(g, ridge=1e-6)
    np.testing.assert_allclose(matrix @ solved, g, atol=1e-4)


def test_a_rectangular_matrix_is_not_solved():
    derived = model("matrix factorisation").hessian("L", ["U", "V"])
    matrix = derived.structured("d2L_dU_dV", target="interpreter")(**arrays_of(derived))
    with pytest.raises(SymgradError, match="d2L_dU_dV has 20 rows and 24 columns: nothing to solve"):
        matrix.solve(np.ones(20))


def test_a_label_out_of_range_is_an_error():
    """Also where no core reads it: NumPy would wrap a negative one."""
    text = "t: label[n] over v; E: parameter[v,j] \n y[n,j] = 2*E[t[n],j]".replace(";", "\n")
    jacobian = program(text).jacobian("y").structured("dy_dE", target="interpreter")
    table = np.ones((3, 2))
    assert jacobian(t=np.array([2, 0]), E=table).storage == 0
    for wrong in (3, -1):
        with pytest.raises(IndexRangeError, match="out of range"):
            jacobian(t=np.array([0, wrong]), E=table)


def test_zero():
    derived = program("x: parameter[i] \n a: input[i] \n L = sum[i](a[i]*x[i])").hessian("L")
    assert derived.structure("d2L_dx_dx").plan.kind == "zero"
    matrix = derived.structured("d2L_dx_dx")(x=[1.0, 2.0], a=[3.0, 4.0])
    assert matrix.storage == 0 and not matrix.dense().any()
    np.testing.assert_array_equal(matrix.solve([1.0, 2.0], ridge=2.0), [0.5, 1.0])
    with pytest.raises(SymgradError, match="singular"):
        matrix.solve([1.0, 2.0])


def test_colouring_recovers_a_matrix_from_few_products():
    """The pattern is known from the data of a graph: a handful of Hessian-vector products gives every entry."""
    of = model("graph")
    derived, products = of.hessian("L"), of.hvp("L", "x")
    rng = np.random.default_rng(0)
    n = 40
    arrays = {"s": np.arange(n - 1), "t": rng.integers(0, 5, n - 1) + np.clip(np.arange(n - 1) - 5, 0, None)}
    arrays["x"] = rng.normal(size=n)
    pattern = derived.structure("d2L_dx_dx").pattern(**arrays)
    colours = colour_columns(pattern)
    rows = pattern.toarray()
    assert all(len(set(colours[row])) == row.sum() for row in rows)     # no row sees a colour twice
    assert colours.max() + 1 < n / 2
    found = from_products(pattern, lambda v: products.evaluate(**arrays, x_dot=v)["L_hvp_x"])
    np.testing.assert_allclose(found.toarray(), derived.evaluate(**arrays)["d2L_dx_dx"], atol=1e-10)


def test_a_wrong_solution_would_be_caught(monkeypatch):
    """Negative control of the residual check."""
    derived = model("sum of functions").hessian("L")
    matrix = derived.structured("d2L_dx_dx", target="interpreter")(x=np.array([0.3, -1.0]))
    monkeypatch.setitem(solve.SOLVERS, "divide", lambda m, g, ridge: g * m.diagonal)
    with pytest.raises(SymgradError, match="singular"):
        matrix.solve(np.array([1.0, 2.0]))
