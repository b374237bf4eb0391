"""`sg.minimize`: known minima by every method, optima of other libraries, constraints, and no success without proof."""

import re
import tracemalloc

import numpy as np
import pytest
import sympy
from scipy.optimize import OptimizeResult
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import symgrad as sg
from symgrad.errors import SymgradError, UnknownNameError
from symgrad.train.curvature import modified_solve

ROSENBROCK = "(x - 1)**2 + 100*(y - x**2)**2"
BINARY = """
X: input[n, d]
s: input[n]
w: parameter[d]
b: parameter
z[n] = s[n]*(sum[d](X[n,d]*w[d]) + b)
L = sum[n](log(1 + exp(-z[n]))) + 0.5*sum[d](w[d]**2)
"""
MULTINOMIAL = """
X: input[n, d]
y: label[n] over k
W: parameter[d, k]
b: parameter[k]
z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
L = sum[n](logsumexp[k](z[n,k]) - z[n,y[n]]) + 0.5*sum[d,k](W[d,k]**2)
"""


@pytest.mark.parametrize("method", ["newton", "trust-newton", "bfgs", "l-bfgs"])
@pytest.mark.row("F9")
def test_rosenbrock_by_every_method(method):
    found = sg.minimize(ROSENBROCK, start={"x": -1.2, "y": 1.0}, method=method)
    assert isinstance(found, OptimizeResult) and found.success, found.message
    np.testing.assert_allclose(found.x, [1, 1], atol=1e-7)  # a gradient of 1e-8 over a least curvature of 0.4
    assert found["y"] == found.x["y"] == found.parameters["y"] == found.x[1]
    np.testing.assert_allclose(found.curvature, np.linalg.eigvalsh([[802, -400], [-400, 200]])[0], rtol=1e-4)


def test_gradient_descent_and_its_limit():
    assert sg.minimize("(x - 1)**2 + 3*(y + 2)**2", start={"x": 5, "y": 5}, method="gradient-descent").success
    short = sg.minimize(ROSENBROCK, start={"x": -1.2, "y": 1.0}, method="gradient-descent", limit=5)
    assert not short.success and "5 steps were not enough" in short.message


def test_sympy_symbols_and_fixed_numbers():
    x, a = sympy.symbols("x a")
    found = sg.minimize((x - a) ** 2, start={x: 0.0}, data={a: 3.0})
    np.testing.assert_allclose(found.x[x], 3, atol=1e-8)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    best = LogisticRegression(C=1.0, tol=1e-12, solver="newton-cholesky").fit(X, y)
    w, b = best.coef_[0], best.intercept_[0]
    s = 2.0 * y - 1
    return {"X": X, "s": s}, np.logaddexp(0, -s * (X @ w + b)).sum() + 0.5 * w @ w


@pytest.mark.parametrize("method", ["newton", "trust-newton", "l-bfgs"])
@pytest.mark.row("E1")
def test_logistic_regression_reaches_scikit_learns_optimum(cancer, method):
    data, best = cancer
    found = sg.minimize(sg.program(BINARY), data=data, method=method)
    assert found.success, found.message
    assert abs(found.fun / best - 1) < 1e-8
    assert found["w"].shape == (30,) and isinstance(found["b"], float)


@pytest.mark.parametrize("method, rows", [("l-bfgs", 1797), ("trust-newton", 1797), ("newton", 100)])
def test_multinomial_regression_reaches_scikit_learns_optimum(method, rows):
    """The common shift of all b leaves Newton's dense Hessian singular. Fewer pixels and rows: time."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:rows, 18:46] / 16, y[:rows]
    model = LogisticRegression(C=1.0, tol=1e-12, solver="newton-cg", max_iter=1000).fit(X, y)
    z = X @ model.coef_.T + model.intercept_
    best = (np.logaddexp.reduce(z, axis=1) - z[np.arange(rows), y]).sum() + 0.5 * (model.coef_**2).sum()
    start = {"W": np.zeros((28, 10)), "b": np.zeros(10)}
    found = sg.minimize(MULTINOMIAL, start, method=method, data={"X": X, "y": y})
    assert found.success, found.message
    assert abs(found.fun / best - 1) < 1e-8


@pytest.mark.row("F7")
def test_newton_is_quadratic_at_the_end():
    """Steps double the digits: 5 steps from 10 % away reach rounding on a convex function."""
    found = sg.minimize("exp(x) - 2*x", start={"x": 0.76}, method="newton", limit=5, tolerance=1e-15)
    np.testing.assert_allclose(found["x"], np.log(2), rtol=1e-15)


@pytest.mark.parametrize("method", ["newton", "trust-newton"])
def test_newton_leaves_saddles(method):
    found = sg.minimize("x**2 - y**2 + y**4", start={"x": 0.1, "y": 1e-3}, method=method)
    assert found.success and np.isclose(abs(found["y"]), np.sqrt(0.5), atol=1e-7)


@pytest.mark.parametrize(
    "text, message",
    [
        ("x**2 - y**2 + y**4", "direction of negative curvature"),  # starts on the saddle
        ("x - y", "does not vanish|not finite"),
        ("exp(x + y)", "Newton's step is long|does not vanish"),
        ("log(x + y + 1)", "not finite|does not vanish"),
    ],
)
def test_what_is_no_minimum_is_no_success(text, message):
    found = sg.minimize(text, start={"x": 0.0, "y": 0.0})
    assert not found.success
    assert re.search(message, found.message), found.message


def test_the_modified_factorisation_descends():
    """On random indefinite matrices the direction goes down; on positive definite ones it is Newton's."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = rng.standard_normal((6, 6))
        slopes = rng.standard_normal(6)
        assert slopes @ modified_solve(matrix + matrix.T, slopes) > 0
        definite = matrix @ matrix.T + np.eye(6)
        np.testing.assert_allclose(modified_solve(definite, slopes), np.linalg.solve(definite, slopes), rtol=1e-8)


@pytest.mark.parametrize("method", ["slsqp", "trust-constr"])
def test_constraints_and_their_multipliers(method):
    """min x + y on the unit disc: (-1, -1)/sqrt(2), multiplier -1/sqrt(2) of x^2 + y^2 <= 1."""
    found = sg.minimize("x + y", start={"x": 0.3, "y": -0.2}, constraints="x**2 + y**2 <= 1", method=method)
    assert found.success, found.message
    np.testing.assert_allclose(found.x, -np.sqrt([0.5, 0.5]), atol=1e-6)  # SciPy's stop at 1e-8 in the gradient
    np.testing.assert_allclose(found.multipliers["x**2 + y**2 <= 1"], [-np.sqrt(0.5)], atol=1e-5)


def test_the_most_even_distribution_with_a_given_mean():
    """Maximum entropy under a mean constraint is exponential in k (Jaynes 1957): log p is linear."""
    text = "p: parameter[k]\nv: input[k]\nL = sum[k](p[k]*log(p[k]))\ntotal = sum[k](p[k])\nmean = sum[k](v[k]*p[k])\noutputs: L, total, mean"  # noqa: E501
    found = sg.minimize(
        text, {"p": np.full(6, 1 / 6)}, data={"v": np.arange(1.0, 7)}, loss="L",
        constraints={"total": (1, 1), "mean": (4.5, 4.5)},
    )  # fmt: skip
    assert found.success, found.message
    np.testing.assert_allclose(np.diff(np.log(found["p"]), 2), 0, atol=1e-4)
    np.testing.assert_allclose(found["p"] @ np.arange(1, 7), 4.5, atol=1e-8)


def test_a_constrained_saddle_is_no_success():
    """x y has a saddle at 0, in the middle of the disc: the gradient vanishes, no constraint is active."""
    found = sg.minimize("x*y", start={"x": 0.0, "y": 0.0}, constraints="x**2 + y**2 <= 2")
    assert not found.success and "negative curvature" in found.message


def test_bounds():
    found = sg.minimize("(x - 3)**2 + (y - 1)**2", start={"x": 1, "y": 0}, bounds={"x": (0, 2)})
    assert found.success
    np.testing.assert_allclose(found.x, [2, 1], atol=1e-8)


def test_kernel_and_interpreter_agree(cancer):
    data = {name: array[:40] for name, array in cancer[0].items()}
    found = [sg.minimize(BINARY, data=data, engine=engine, method="newton").x for engine in ("kernel", "interpret")]
    np.testing.assert_allclose(*found, rtol=1e-8)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: sg.minimize("x**2", {"x": 1}, method="nelder"), SymgradError, "'nelder' is no method of minimize"),
        (lambda: sg.minimize("x**2 + y", {"x": 1}), UnknownNameError, "y is not declared"),
        (lambda: sg.minimize("(x - a)**2", {"x": 1}, data={"a": [1, 2]}), SymgradError, "a is an array, and a formula"),
        (lambda: sg.minimize("x**2", {"x": 1}, method="newton", constraints="x > 0"), SymgradError, "no constraints"),
        (lambda: sg.minimize("x**2", {"x": 1}, constraints="x + 1"), SymgradError, 'such as "x \\+ y <= 1"'),
        (
            lambda: sg.minimize("x**2", {"x": 1}, method="bfgs", bounds={"x": (0, 1)}),
            SymgradError,
            "bfgs takes no bounds",
        ),
        (
            lambda: sg.minimize("x: parameter\nL = x**2", constraints={"c": (0, 1)}),
            UnknownNameError,
            "c is not a tensor",
        ),
        (lambda: sg.minimize("x: parameter\nL = x**2", {"w": 1}), UnknownNameError, "w in start"),
    ],
)
def test_errors_say_what_to_pass(call, error, message):
    with pytest.raises(error, match=message):
        call()


CHAIN = "x: parameter[i] \n L = sum[i](100*(x[i+1] - x[i]**2)**2 + (1 - x[i])**2)"
WELLS = "x: parameter[i] \n c: input \n L = sum[i]((x[i]**2 - 1)**2) + c*sum[i]((x[i+1] - x[i])**2)"
FACTORS = """
T: input[n,m]
U: parameter[n,k]
b: parameter[n]
V: input[m,k]
L = sum[n,m]((T[n,m] - sum[k](U[n,k]*V[m,k]) - b[n])**2)
"""


def test_newton_never_forms_a_hessian_that_is_a_band():
    """20,000 parameters: 3.2 GB dense; the size comes from the start."""
    tracemalloc.start()
    found = sg.minimize(sg.program(CHAIN), start={"x": np.full(20_000, 1.2)}, method="newton")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.success and peak < 1e8, found.message
    np.testing.assert_allclose(found["x"], 1, atol=1e-8)
    assert found.curvature == pytest.approx(0.49875, rel=1e-3)  # as for 1000 of them, by numpy.linalg.eigvalsh


def test_newton_leaves_a_saddle_of_a_band():
    """x = 0 is stationary and no minimum; the least eigenvalue is -4, and its direction leads out."""
    found = sg.minimize(sg.program(WELLS), start={"x": np.zeros(300)}, data={"c": 0.1}, method="newton")
    assert found.success and found.curvature > 0, found.message
    assert found.fun < 300 * 0.9


def test_newton_on_several_parameters_is_sparse():
    """Rows of U and entries of b: 250 systems of three unknowns each, one sparse factorisation, one step."""
    rng = np.random.default_rng(0)
    data = {"T": rng.normal(size=(250, 7)), "V": rng.normal(size=(7, 2))}
    found = sg.minimize(sg.program(FACTORS), data=data, method="newton")
    columns = np.hstack([data["V"], np.ones((7, 1))])
    exact = np.linalg.lstsq(columns, data["T"].T, rcond=None)[0]
    assert found.success and found.nit <= 2
    np.testing.assert_allclose(np.vstack([found["U"].T, found["b"]]), exact, atol=1e-9)
    least = np.linalg.eigvalsh(2 * columns.T @ columns)[0]
    assert found.curvature == pytest.approx(least, rel=1e-3)


@pytest.mark.parametrize(
    "matrix",
    [
        [[0, 0, 1e-310], [0, 1, 0], [1e-310, 0, -1e-322]],
        [[-5e-324, -3e-322], [-3e-322, -4e-320]],
        [[0, 0], [0, 0]],
        [[1e300, 1e308], [1e308, -1e308]],
    ],
    ids=["subnormal pivot", "subnormal", "zero", "huge"],
)
def test_newtons_direction_descends_whatever_the_scale_of_the_hessian(matrix):
    """A subnormal pivot divides to infinity in a factorisation; SciPy refused the result with a ValueError."""
    slopes = np.ones(len(matrix))
    direction = -modified_solve(np.array(matrix, dtype=float), slopes)
    assert np.isfinite(direction).all() and direction @ slopes < 0
