"""Critical points, multipliers, stability, variations, posteriors, rates, implicit derivatives, spectra, networks."""

import numpy as np
import pytest
import sympy
from sympy import Rational

import symgrad as sg
from symgrad.errors import SymgradError

ask = sg.analysis


def kinds(report):
    return [p.kind for p in report.value]


@pytest.mark.parametrize("text,expected", [
    ("x**2 - y**2", ["saddle"]), ("x**3 - 3*x*y**2", ["saddle"]), ("x**4", ["minimum"]), ("x**5", ["inflection"]),
    ("(y - x**2)*(y - 2*x**2)", ["saddle"]), ("x**4 + y**4", ["minimum"]), ("x**3 - 3*x", ["maximum", "minimum"]),
    ("x**3 + y**3 - 3*x*y", ["saddle", "minimum"]), ("exp(x) + exp(-2*x)", ["minimum"]), ("(x + y)**2", []),
    ("exp(-x**2 - y**2)*x", ["minimum", "maximum"]),
])  # fmt: skip
@pytest.mark.row("A6")
def test_critical_points(text, expected):
    report = ask.critical_points(text)
    assert kinds(report) == expected and report.replays() and report.latex()


def test_no_line_is_not_no_point():
    assert "Cannot list" in ask.critical_points("(x + y)**2").conclusion  # a line of minima


def test_a_flat_point_is_not_decided():
    report = ask.critical_points("x**2 + y**10", ["x", "y"])
    assert kinds(report) in (["minimum"], [None])
    with pytest.raises(SymgradError, match="has kinks"):
        ask.critical_points("abs(x)")


@pytest.mark.row("B8")
def test_the_minimum_of_swish_is_located():
    (found,) = ask.critical_points("x*sigmoid(x)").value
    assert float(found.at["x"]) == pytest.approx(-1.2784645427610737, abs=1e-14) and found.kind == "minimum"
    assert float(sympy.N(found.value)) == pytest.approx(-0.2784645427610738, abs=1e-14)


@pytest.mark.row("A10")
def test_lagrange():
    (best,) = ask.lagrange("x*y", ["x + y = 1"]).value
    assert (best.at, best.kind, best.multipliers["lambda"]) == (
        {"x": Rational(1, 2), "y": Rational(1, 2)},
        "maximum",
        -Rational(1, 2),
    )
    on_circle = ask.lagrange("2*x**2 + y**2", ["x**2 + y**2 = 1"])  # w^T S w on |w| = 1: S w = lambda w
    assert {float(p.value) for p in on_circle.value} == set(np.linalg.eigvalsh(np.diag([2.0, 1.0])))
    assert on_circle.replays()


def test_the_constraint_qualification_can_fail():
    (cusp,) = ask.lagrange("x", ["y**2 - x**3 = 0"]).value  # the minimum of x on a cusp, without a multiplier
    assert cusp.kind is None and cusp.multipliers == {} and "constraint qualification fails" in cusp.why
    (point,) = ask.kkt("x", ["x**2 <= 0"]).value
    assert point.kind is None and "constraint qualification" in point.why


@pytest.mark.row("A10")
def test_kkt():
    (best,) = ask.kkt("(x - 2)**2 + y**2", ["x + y <= 1", "y >= 0"]).value
    assert (best.at, best.kind) == ({"x": 1, "y": 0}, "global minimum")
    found = {tuple(p.at.values()): p.kind for p in ask.kkt("-x*y", ["x + y <= 2", "x >= 0", "y >= 0"]).value}
    assert found == {(0, 0): None, (1, 1): "minimum"}


MATRICES = {
    "asymptotically stable": [[[0, 1], [-2, -3]], [[-1, 100], [0, -2]]],
    "stable": [[[0, 1], [-1, 0]], [[0, 0], [0, 0]], [[0, 1, 0], [-1, 0, 0], [0, 0, -1]]],
    "unstable": [[[0, 1], [0, 0]], [[1, 0], [0, -1]], [[1, 2], [0, -3]],
                 [[0, 1, 1, 0], [-1, 0, 0, 1], [0, 0, 0, 1], [0, 0, -1, 0]]],
}  # fmt: skip


@pytest.mark.parametrize("word", MATRICES)
@pytest.mark.row("A11")
def test_linear_systems(word):
    for matrix in MATRICES[word]:
        report = ask.lyapunov(matrix)
        assert report.value.word == word and report.replays()
        assert (np.linalg.eigvals(np.array(matrix, dtype=float)).real.max() < -1e-9) == (
            word == "asymptotically stable"
        )


@pytest.mark.row("A11")
def test_flows():
    assert ask.lyapunov(["y", "-x"], V="x**2 + y**2").value.word == "stable"
    assert ask.lyapunov(["-x**3 - y", "x - y**3"], V="x**2 + y**2").value.word == "asymptotically stable"
    assert ask.lyapunov(["-x**3 - y", "x - y**3"]).value.word is None  # the linearisation does not decide
    assert ask.lyapunov(["y", "-sin(x) - y"]).value.word == "asymptotically stable"
    assert ask.lyapunov(["x", "y"], V="x**2 + y**2").value.word == "unstable"
    assert ask.gradient_flow("x**2 + x*y + 2*y**2 + x**4").value.word == "asymptotically stable"
    assert ask.gradient_flow("x**2 - y**2").value.word is None  # V is no Lyapunov function
    with pytest.raises(SymgradError, match="not a rest point"):
        ask.lyapunov(["1 - x"], V="x**2")


@pytest.mark.row("A12")
def test_variations():
    line = ask.euler_lagrange("sqrt(1 + dy**2)", "y", "x")
    assert str(line.value.equation) == "ddy" and line.replays()
    spring = ask.euler_lagrange("m*dq**2/2 - k*q**2/2", "q", "t")
    assert str(spring.value.equation) == "ddq*m + k*q" and str(spring.value.first_integral) == "dq**2*m/2 + k*q**2/2"
    fastest = ask.euler_lagrange("sqrt((1 + dy**2)/y)", "y", "x").value
    theta = sympy.Symbol("theta", positive=True)  # the cycloid x = theta - sin(theta), y = 1 - cos(theta)
    slope = sympy.sin(theta) / (1 - sympy.cos(theta))
    at = {"y": 1 - sympy.cos(theta), "dy": slope, "ddy": slope.diff(theta) / (1 - sympy.cos(theta))}
    for value in (0.7, 1.9):
        numbers = {s: at[s.name].subs(theta, value) for s in fastest.equation.free_symbols}
        assert float(fastest.equation.subs(numbers)) == pytest.approx(0, abs=1e-12)


@pytest.mark.row("A12")
def test_maximum_entropy():
    x, mu, s = sympy.Symbol("x", real=True), sympy.Symbol("mu", real=True), sympy.Symbol("s", positive=True)
    density = ask.maximum_entropy({"(x - mu)**2": "s**2"}).value
    assert sympy.simplify(density - sympy.exp(-((x - mu) ** 2) / (2 * s**2)) / (s * sympy.sqrt(2 * sympy.pi))) == 0


@pytest.mark.parametrize("prior,likelihood,expected", [
    ("beta(a, b)", "bernoulli(x)", {"a": "a + x", "b": "b - x + 1"}),
    ("normal(m, v)", "normal(x, s2)", {"m": "(m*s2 + v*x)/(s2 + v)", "v": "s2*v/(s2 + v)"}),
    ("gamma(a, b)", "poisson(x)", {"a": "a + x", "b": "b + 1"}),
    ("gamma(a, b)", "exponential(x)", {"a": "a + 1", "b": "b + x"}),
    ("inverse_gamma(a, b)", "normal_variance(x, m)", {"a": "a + 1/2", "b": "b + m**2/2 - m*x + x**2/2"}),
    ("dirichlet(a1, a2, a3)", "categorical(2)", {"a1": "a1", "a2": "a2 + 1", "a3": "a3"}),
])  # fmt: skip
@pytest.mark.row("D11")
def test_posteriors(prior, likelihood, expected):
    report = ask.posterior(prior, likelihood)
    assert {k: str(v) for k, v in report.value.items()} == expected and report.replays()


def test_a_pair_that_is_not_conjugate():
    with pytest.raises(SymgradError, match=r"not conjugate: the posterior has the term log\(theta\)"):
        ask.posterior("normal(m, v)", "poisson(x)")


@pytest.mark.row("F1")
def test_gradient_descent():
    best = ask.gradient_descent_rate([[3, 1], [1, 3]]).value
    assert (best.step, best.rate) == (Rational(1, 3), Rational(1, 3)) and best.converges
    assert not ask.gradient_descent_rate("x**2 + 10*y**2", eta=0.2).value.converges
    with pytest.raises(SymgradError, match="no linear rate"):
        ask.gradient_descent_rate("x**2 - y**2")


def test_implicit_derivatives():
    assert str(ask.implicit("x**2 + y**2 = 25", "y", "x").value[0, 0]) == "-x/y"
    assert ask.implicit(["x + y + a*b = 3", "x*y - a + b = 1"], ["x", "y"], ["a", "b"]).replays()
    with pytest.raises(SymgradError, match="singular everywhere"):
        ask.implicit(["x + y = a", "2*x + 2*y = b"], ["x", "y"], ["a"])


@pytest.mark.row("F11")
def test_hyper_parameter_gradient_of_ridge_regression():
    rng = np.random.default_rng(1)
    X, y, V, z = (
        np.round(a, 2)
        for a in (rng.normal(size=(4, 2)), rng.normal(size=4), rng.normal(size=(3, 2)), rng.normal(size=3))
    )
    train = " + ".join(f"({a}*u + {b}*v - {c})**2" for (a, b), c in zip(X, y)).replace("+ -", "- ").replace("- -", "+ ")
    valid = " + ".join(f"({a}*u + {b}*v - {c})**2" for (a, b), c in zip(V, z)).replace("+ -", "- ").replace("- -", "+ ")
    slope = ask.hypergradient(train + " + lam*(u**2 + v**2)", valid, ["u", "v"], "lam").value

    def solved(lam):
        return np.linalg.solve(X.T @ X + lam * np.eye(2), X.T @ y)

    def loss(lam):
        return np.sum((V @ solved(lam) - z) ** 2)

    u, v = solved(0.7)
    got = float(slope.subs({s: {"u": u, "v": v, "lam": 0.7}[s.name] for s in slope.free_symbols}))
    assert got == pytest.approx((loss(0.7 + 1e-5) - loss(0.7 - 1e-5)) / 2e-5, rel=1e-6)  # differences of step 1e-5


@pytest.mark.parametrize(
    "of,text",
    [("eigenvalue", "w*dA*v"), ("singular value", "w*dA*v"), ("inverse", "-B*dA*B"), ("log det", "tr(A^-1 dA)")],
)
@pytest.mark.row("A13")
def test_spectra(of, text):
    report = ask.spectral(of)
    assert str(report.value) == text and report.replays()


@pytest.mark.row("B12", "E5", "E6", "E12")
def test_networks():
    assert float(ask.vanishing_gradient("sigmoid", 10).value) == 0.25**10
    assert (
        str(ask.variance_propagation("linear").value) == "1/n" and str(ask.variance_propagation("relu").value) == "2/n"
    )
    assert str(ask.stacked_linear(3).value[0]) == "W3*W2*W1"
    square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    weights = ask.separable(square, [0, 1, 1, 0]).value["farkas"]
    assert weights == [Rational(1, 4)] * 4
    found = ask.separable(square, [0, 0, 0, 1]).value
    assert [int(bool(sum(w * c for w, c in zip(found["w"], p)) + found["b"] > 0)) for p in square] == [0, 0, 0, 1]


def test_the_largest_difference_of_two_named_activations():
    """gelu_tanh is a choice by x (its cubic overflows far out): on the interval one branch holds."""
    found = ask.largest_difference("gelu(x)", "gelu_tanh(x)", on=(2, 3)).value
    assert [round(float(v), 6) for v in found] == [2.698941, 0.000473]
    with pytest.raises(SymgradError, match="the formula changes at x > 50: ask for the intervals on its two sides"):
        ask.largest_difference("gelu(x)", "gelu_tanh(x)", on=(40, 60))
