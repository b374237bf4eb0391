"""The worked numbers of the course notes, and each loss, density and divergence against SciPy or NumPy."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from scipy import integrate, special, stats

import symgrad as sg
from symgrad.library import distributions, losses
from symgrad.library.activations import definition
from symgrad.library.distributions import DIVERGENCES, INFORMATION, LOG_DENSITIES

RNG = np.random.default_rng(8)


def value(text, name="L", **arrays):
    return sg.program(text).evaluate(**arrays)[name]


def scalar(expression, x):
    return float(value(definition(expression), "y", x=x))


# activations


@pytest.mark.row("B1", "B12")
def test_sigmoid_is_steepest_at_0_and_ten_of_them_vanish():
    slope = sg.program(definition("sigmoid")).gradient("y")
    at = [float(slope.evaluate(x=x)["dy_dx"]) for x in (0.0, -0.1, 0.1)]
    assert at[0] == 0.25 > max(at[1:])
    chain = sg.program(sg.gallery.entry("vanishing_gradient").text).gradient("s10")
    found = max(abs(float(chain.evaluate(x=x)["ds10_dx"])) for x in np.linspace(-6, 6, 25))
    assert 0 < found <= 0.25**10 == pytest.approx(9.5e-7, abs=0.05e-7)


@pytest.mark.row("B2")
def test_tanh_is_a_sigmoid():
    for x in (-2.0, 0.3, 1.7):
        assert scalar("tanh", x) == pytest.approx(2 * scalar("sigmoid", 2 * x) - 1, abs=1e-15)
    assert float(sg.program(definition("tanh")).gradient("y").evaluate(x=0.0)["dy_dx"]) == 1


@pytest.mark.row("B8")
def test_the_minimum_of_silu_is_where_its_derivative_vanishes():
    slope, curve = (getattr(sg.program(definition("silu")), verb)("y") for verb in ("gradient", "hessian"))
    x = -1.0
    for _ in range(8):  # Newton on the derived derivatives
        x -= float(slope.evaluate(x=x)["dy_dx"]) / float(curve.evaluate(x=x)["d2y_dx_dx"])
    assert scalar("silu", x) == pytest.approx(-0.278, abs=5e-4) and x == pytest.approx(-1.278, abs=5e-4)
    exact = mpmath.findroot(lambda t: 1 + mpmath.exp(-t) + t * mpmath.exp(-t), -1.3)
    assert x == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.row("B7")
def test_the_two_gelus_differ_by_less_than_5e_4():
    x = np.linspace(-6, 6, 2401)
    difference = np.abs(value("x: input[n]\ny[n] = gelu(x[n]) - gelu_tanh(x[n])", "y", x=x))
    assert difference.max() == pytest.approx(4.73e-4, abs=1e-6)
    approximate = 0.5 * 1.3 * (1 + np.tanh(np.sqrt(2 / np.pi) * (1.3 + 0.044715 * 1.3**3)))
    assert scalar("gelu_tanh", 1.3) == pytest.approx(approximate, rel=1e-14)


@pytest.mark.row("B5", "B6")
def test_prelu_and_elu_by_their_parameters():
    program = sg.program(definition("prelu")).gradient("y")
    for x, by_x, by_alpha in ((2.0, 1, 0), (-2.0, 0.25, -2), (0.0, 0.25, 0)):
        found = program.evaluate(x=x, alpha=0.25)
        assert (found["dy_dx"], found["dy_dalpha"]) == (by_x, by_alpha)
    elu = sg.program(definition("elu(x, alpha)")).gradient("y").evaluate(x=-1.0, alpha=2.0)
    assert float(elu["dy_dx"]) == pytest.approx(2 * np.exp(-1), rel=1e-14) == float(elu["y"]) + 2
    assert float(elu["dy_dalpha"]) == pytest.approx(np.exp(-1) - 1, rel=1e-14)


@pytest.mark.parametrize("text", ["x*tanh(softplus(x))", "x/(1 + x**2)", "x*exp(-a*x**2)"])
def test_an_activation_is_added_by_its_definition_alone(text):
    """Value, first and second derivative, LaTeX, a network with it, and all laws on each."""
    program = sg.program(definition(text))
    gradient, hessian = program.gradient("y"), program.hessian("y", "x")
    assert gradient.verify(kernel=text == "x*exp(-a*x**2)").ok and hessian.verify(kernel=False).ok
    assert r"\frac{\partial y}{\partial x}" in gradient.latex()
    assert sg.program(sg.models.mlp("d", "h", "k", activation=text)).gradient("L").verify(kernel=False).ok


# losses


@pytest.mark.parametrize(
    "name, y, z, wanted",
    [
        ("mse", [5, 8, 3], [4.5, 9, 3.2], 0.43),
        ("l1", [5, 8, 3], [4.5, 9, 3.2], 1.7 / 3),
        ("binary_cross_entropy", [1], [0.99], 0.01),
        ("binary_cross_entropy", [1], [0.01], 4.6),
    ],
)
@pytest.mark.row("C1", "C2", "C4")
def test_a_loss_of_the_notes(name, y, z, wanted):
    tolerance = 5e-3 if name == "binary_cross_entropy" else 1e-12  # the notes print two digits of the logarithms
    found = value(losses.loss(name).text, y=np.transpose([y]), z=np.transpose([z]))
    assert float(found) == pytest.approx(wanted, rel=2 * tolerance)


@pytest.mark.parametrize("p, wanted", [(0.85, 0.16), (0.05, 3.0)])
@pytest.mark.row("C5")
def test_categorical_cross_entropy_of_the_notes(p, wanted):
    z = np.array([[p, 1 - p]])
    assert float(value(losses.cross_entropy_of_probabilities().text, z=z, y=[0])) == pytest.approx(wanted, abs=5e-3)


@pytest.mark.row("B10")
def test_softmax_of_the_notes():
    p = value("z: input[k]\np[k] = softmax[k](z[k])", "p", z=[2, 1, 0.1])
    np.testing.assert_allclose(p, [0.659, 0.243, 0.098], atol=1e-3)  # as printed


@pytest.mark.row("C5")
def test_the_gradient_of_softmax_and_cross_entropy_of_the_notes():
    """p - y for p = (0.3, 0.5, 0.2) and class 3: (0.3, 0.5, -0.8); the Hessian is diag(p) - p p^T."""
    p = np.array([0.3, 0.5, 0.2])
    program = sg.program(losses.cross_entropy().text)
    found = program.gradient("L").evaluate(z=np.log([p]), y=[2])["dL_dz"]
    np.testing.assert_allclose(found, [[0.3, 0.5, -0.8]], rtol=1e-14)
    hessian = program.hessian("L", "z").evaluate(z=np.log([p]), y=[2])["d2L_dz_dz"]
    np.testing.assert_allclose(hessian[0, :, 0], np.diag(p) - np.outer(p, p), atol=1e-15)


@pytest.mark.row("C3")
def test_huber_is_continuous_with_its_derivative():
    gradient = sg.program(losses.huber(2.0).text).gradient("L")
    for at in (2.0, -2.0):
        ends = [gradient.evaluate(z=[[at * (1 + s)]], y=[[0.0]]) for s in (-1e-9, 1e-9)]
        assert float(ends[0]["L"]) == pytest.approx(float(ends[1]["L"]), abs=1e-7)
        assert float(ends[0]["dL_dz"][0, 0]) == pytest.approx(float(ends[1]["dL_dz"][0, 0]), abs=1e-7)


def log_softmax(z):
    return z - special.logsumexp(z, axis=1, keepdims=True)


Z, T, V = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.uniform(0.5, 2, (5, 3))
P = 1 / (1 + np.exp(-Z))
B, K = RNG.integers(0, 2, (5, 3)).astype(float), RNG.integers(0, 3, 5)
S, D = 2 * B - 1, special.softmax(T, axis=1)
R = Z - T
BY_HAND = {
    "mse": (T, (R**2).mean()),
    "squared_error": (T, (R**2).sum(1).mean()),
    "l1": (T, np.abs(R).mean()),
    "huber": (T, special.huber(1.0, R).mean()),
    "smooth_l1": (T, special.huber(1.0, R).mean()),
    "log_cosh": (T, np.log(np.cosh(R)).mean()),
    "quantile": (T, 0.5 * np.abs(R).mean()),
    "poisson_nll": (B, (np.exp(Z) - B * Z).mean()),
    "gaussian_nll": (T, 0.5 * (np.log(V) + R**2 / V).mean()),
    "cross_entropy": (K, -log_softmax(Z)[np.arange(5), K].mean()),
    "cross_entropy_one_hot": (D, -(D * log_softmax(Z)).sum(1).mean()),
    "nll": (K, -Z[np.arange(5), K].mean()),
    "cross_entropy_of_probabilities": (K, -np.log(P)[np.arange(5), K].mean()),
    "binary_cross_entropy": (B, -(B * np.log(P) + (1 - B) * np.log(1 - P)).mean()),
    "binary_cross_entropy_with_logits": (B, -(B * np.log(P) + (1 - B) * np.log(1 - P)).mean()),
    "focal": (
        B, -(0.25 * B * (1 - P) ** 2 * np.log(P) + 0.75 * (1 - B) * P**2 * np.log(1 - P)).mean()
    ),
    "hinge": (S, np.maximum(1 - S * Z, 0).mean()),
    "squared_hinge": (S, (np.maximum(1 - S * Z, 0) ** 2).mean()),
    "soft_margin": (S, np.log1p(np.exp(-S * Z)).mean()),
    "kl_div": (D, (D * (np.log(D) - log_softmax(Z))).sum(1).mean()),
}  # fmt: skip


@pytest.mark.parametrize("name", losses.LOSSES)
@pytest.mark.row("C1", "C2", "C3", "C4", "C5", "C6")
def test_a_loss_by_hand(name):
    target, wanted = BY_HAND[name]
    row = losses.loss(name)
    arrays = {"z": P if "probabilities" in name or name == "binary_cross_entropy" else Z}
    arrays |= {"Y" if "Y:" in row.target else "y": target} | ({"v": V} if name == "gaussian_nll" else {})
    assert float(value(row.text, **arrays)) == pytest.approx(wanted, rel=1e-12)  # sums of fifteen numbers


# probability

X, A, C = RNG.uniform(0.2, 0.8, 6), RNG.uniform(0.5, 2.5, 6), RNG.uniform(0.5, 2.5, 6)
M, COUNT = RNG.normal(size=6), np.array([0.0, 1, 2, 3, 5, 8])
DENSITIES = {
    "normal": ({"x": X, "mu": M, "sigma": A}, stats.norm.logpdf(X, M, A)),
    "bernoulli": ({"x": B[:, 0], "p": X[:5]}, stats.bernoulli.logpmf(B[:, 0], X[:5])),
    "bernoulli_logits": ({"x": B[:, 0], "z": Z[:, 0]}, stats.bernoulli.logpmf(B[:, 0], P[:, 0])),
    "categorical": ({"x": K, "z": Z}, log_softmax(Z)[np.arange(5), K]),
    "laplace": ({"x": X, "mu": M, "scale": A}, stats.laplace.logpdf(X, M, A)),
    "exponential": ({"x": X, "rate": A}, stats.expon.logpdf(X, scale=1 / A)),
    "gamma": ({"x": X, "alpha": A, "rate": C}, stats.gamma.logpdf(X, A, scale=1 / C)),
    "beta": ({"x": X, "a": A, "b": C}, stats.beta.logpdf(X, A, C)),
    "dirichlet": ({"x": D, "alpha": V}, [stats.dirichlet.logpdf(d / d.sum(), v) for d, v in zip(D, V)]),
    "poisson": ({"x": COUNT, "rate": A}, stats.poisson.logpmf(COUNT, A)),
    "geometric": ({"x": COUNT, "p": X}, stats.geom.logpmf(COUNT + 1, X)),
    "student_t": ({"x": X, "df": A, "mu": M, "sigma": C}, stats.t.logpdf(X, A, M, C)),
    "cauchy": ({"x": X, "mu": M, "scale": A}, stats.cauchy.logpdf(X, M, A)),
    "log_normal": ({"x": X, "mu": M, "sigma": A}, stats.lognorm.logpdf(X, A, scale=np.exp(M))),
    "logistic": ({"x": X, "mu": M, "scale": A}, stats.logistic.logpdf(X, M, A)),
    "multivariate_normal": (
        {"x": Z, "mu": T[0], "S": Z.T @ Z + np.eye(Z.shape[1])},
        stats.multivariate_normal.logpdf(Z, T[0], Z.T @ Z + np.eye(Z.shape[1])),
    ),
    "multivariate_normal_diagonal": (
        {"x": Z, "mu": T, "sigma": V},
        [stats.multivariate_normal.logpdf(z, t, np.diag(v**2)) for z, t, v in zip(Z, T, V)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOG_DENSITIES)
@pytest.mark.row("D5", "D6")
def test_a_density_is_scipys(name):
    arrays, wanted = DENSITIES[name]
    np.testing.assert_allclose(value(LOG_DENSITIES[name], "logp", **arrays), wanted, rtol=1e-11, atol=1e-12)


CONTINUOUS = {
    "normal": (stats.norm, ("mu", "sigma"), lambda a, b: {"loc": a, "scale": b}),
    "laplace": (stats.laplace, ("mu", "scale"), lambda a, b: {"loc": a, "scale": b}),
    "exponential": (stats.expon, ("rate",), lambda a: {"scale": 1 / a}),
    "gamma": (stats.gamma, ("alpha", "rate"), lambda a, b: {"a": a, "scale": 1 / b}),
    "beta": (stats.beta, ("a", "b"), lambda a, b: {"a": a, "b": b}),
}


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.row("D10")
def test_a_divergence_is_its_integral(name):
    law, names, options = CONTINUOUS[name]
    ours, theirs = [1.3, 0.9][: len(names)], [0.7, 1.6][: len(names)]
    p, q = law(**options(*ours)), law(**options(*theirs))
    ends = [e if np.isfinite(e) else np.sign(e) * 60 for e in p.support()]
    inside = sorted({*ends, *(e for e in (0.0, theirs[0], ours[0]) if ends[0] < e < ends[1])})  # kinks of |x - mu|
    wanted = sum(
        integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), a, b, epsabs=1e-12)[0]
        for a, b in pairwise(inside)
    )
    arrays = dict(zip(names, np.transpose([ours]))) | {f"q_{n}": [v] for n, v in zip(names, theirs)}
    assert float(value(DIVERGENCES[name], "KL", **arrays)[0]) == pytest.approx(wanted, rel=1e-8)  # quadrature


@pytest.mark.row("D8", "D10")
def test_divergences_by_sums_and_samples():
    both = {"p": special.softmax(Z, axis=1), "q": D}
    np.testing.assert_allclose(
        value(DIVERGENCES["categorical"], "KL", **both), stats.entropy(both["p"], D, axis=1), rtol=1e-12
    )
    k = np.arange(200)
    wanted = stats.entropy(stats.poisson.pmf(k, 1.5), stats.poisson.pmf(k, 2.5))
    assert float(value(DIVERGENCES["poisson"], "KL", rate=[1.5], q_rate=[2.5])[0]) == pytest.approx(wanted, rel=1e-10)
    a, b = np.array([[1.5, 2.0, 3.0]]), np.array([[2.0, 1.0, 2.5]])
    drawn = stats.dirichlet(a[0]).rvs(40_000, random_state=1).T
    each = stats.dirichlet.logpdf(drawn, a[0]) - stats.dirichlet.logpdf(drawn, b[0])
    found = float(value(DIVERGENCES["dirichlet"], "KL", alpha=a, q_alpha=b)[0])
    assert abs(found - each.mean()) < 4 * each.std() / 200  # four standard errors
    diagonal = value(DIVERGENCES["multivariate_normal_diagonal"], "KL", mu=Z, sigma=V, q_mu=0 * Z, q_sigma=V / V)
    each = value(DIVERGENCES["standard_normal"], "KL", mu=Z.ravel(), sigma=V.ravel())
    np.testing.assert_allclose(diagonal, each.reshape(5, 3).sum(1), rtol=1e-12)


@pytest.mark.row("D7", "D8")
def test_the_divergences_of_the_notes():
    standard = value(DIVERGENCES["standard_normal"], "KL", mu=[0.5, -0.3], sigma=[1.2, 0.8])
    assert float(standard.sum()) == pytest.approx(0.25, abs=5e-3)
    bernoulli = value(DIVERGENCES["bernoulli"], "KL", p=[0.05, 0.05], q_p=[0.8, 0.05])
    assert bernoulli[0] == pytest.approx(1.34, abs=5e-3) and bernoulli[1] == 0


@pytest.mark.row("D1", "D3", "D4")
def test_information_is_scipys():
    p = special.softmax(Z, axis=1)
    np.testing.assert_allclose(value(INFORMATION["entropy"], "H", p=p), stats.entropy(p, axis=1), rtol=1e-12)
    mixed = (p + D) / 2
    wanted = (stats.entropy(p, mixed, axis=1) + stats.entropy(D, mixed, axis=1)) / 2
    np.testing.assert_allclose(value(INFORMATION["jensen_shannon"], "JS", p=p, q=D), wanted, rtol=1e-10)
    joint = np.outer(p[0], D[0])
    assert abs(float(value(INFORMATION["mutual_information"], "I", P=joint))) < 1e-15  # independent
    assert float(value(INFORMATION["mutual_information"], "I", P=np.eye(3) / 3)) == pytest.approx(np.log(3), rel=1e-12)


@pytest.mark.row("D12")
def test_reparameterisation_of_the_notes():
    found = sg.program(sg.gallery.entry("reparameterisation").text).gradient("z").evaluate(mu=0.5, sigma=0.2, eps=1.3)
    assert found["z"] == pytest.approx(0.76, rel=1e-14) and (found["dz_dmu"], found["dz_dsigma"]) == (1, 1.3)


@pytest.mark.row("E2", "E3", "E4")
def test_backpropagation_by_hand_2_3_1():
    entry = sg.gallery.entry("backprop_2_3_1")
    v = {n: RNG.normal(size=s) for n, s in {"x": 2, "y": (), "W1": (3, 2), "b1": 3, "W2": 3, "b2": ()}.items()}
    a = 1 / (1 + np.exp(-(v["W1"] @ v["x"] + v["b1"])))
    error = a @ v["W2"] + v["b2"] - v["y"]
    dz = error * v["W2"] * a * (1 - a)
    found = sg.program(entry.text).gradient(entry.output, entry.wrt).evaluate(**v)
    wanted = {"q": error, "z": dz, "W2": error * a, "b2": error, "W1": np.outer(dz, v["x"]), "b1": dz}
    wanted |= {"x": v["W1"].T @ dz}
    for name, slope in wanted.items():
        np.testing.assert_allclose(found[f"dL_d{name}"], slope, rtol=1e-12)


def test_the_tables_have_a_case_each():
    assert set(BY_HAND) == set(losses.LOSSES) and set(DENSITIES) == set(distributions.LOG_DENSITIES)
