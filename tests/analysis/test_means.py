"""Expectations, entropies and divergences in closed form, against SciPy's distributions and quadrature."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import sympy

import symgrad as sg
from symgrad import analysis as A
from symgrad.analysis import divergence, means
from symgrad.errors import SymgradError

NAMED = {
    "m": 0.4, "n": -0.3, "s": 1.2, "t": 0.8, "a": 2.5, "b": 1.7, "c": 3.1, "d": 0.9, "p": 0.3, "q": 0.6, "r": 1.3,
    "p_1": 0.2, "p_2": 0.5, "p_3": 0.3, "q_1": 0.6, "q_2": 0.1, "q_3": 0.3,
}  # fmt: skip
RTOL = 1e-7  # quadrature of SciPy over infinite ranges


def number(value):
    return float(value.subs({s: NAMED[s.name] for s in value.free_symbols}).evalf(20))


S = scipy.stats
CASES = {
    "normal": (A.normal("m", "s"), A.normal("n", "t"), S.norm(0.4, 1.2), S.norm(-0.3, 0.8)),
    "standard": (A.normal("m", "s"), A.normal(0, 1), S.norm(0.4, 1.2), S.norm()),
    "Laplace": (A.laplace("m", "b"), A.laplace("n", "c"), S.laplace(0.4, 1.7), S.laplace(-0.3, 3.1)),
    "exponential": (A.exponential("r"), A.exponential("s"), S.expon(scale=1 / 1.3), S.expon(scale=1 / 1.2)),
    "gamma": (A.gamma("a", "b"), A.gamma("c", "d"), S.gamma(2.5, scale=1 / 1.7), S.gamma(3.1, scale=1 / 0.9)),
    "beta": (A.beta("a", "b"), A.beta("c", "d"), S.beta(2.5, 1.7), S.beta(3.1, 0.9)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.row("D7", "D9")
def test_divergences_by_quadrature(name):
    p, q, first, second = CASES[name]
    report = A.kl(p, q)
    ends = (-40, 40) if p.support[0] == -sympy.oo else (0, 1) if p.support[1] == 1 else (0, 60)
    kinks = [0.4, -0.3] if ends[0] < 0 else None

    def weighted(v):
        return first.pdf(v) * (first.logpdf(v) - second.logpdf(v))

    want, _ = scipy.integrate.quad(weighted, *ends, points=kinks, limit=200)
    assert number(report.value) == pytest.approx(want, rel=RTOL)
    assert report.replays() and len(report) >= 3


@pytest.mark.parametrize("name", ["normal", "Laplace", "exponential", "gamma", "beta"])
@pytest.mark.row("D1")
def test_entropy_and_variance(name):
    p, _, theirs, _ = CASES[name]
    assert A.normalisation(p).value == 1
    assert number(A.entropy(p).value) == pytest.approx(float(theirs.entropy()), rel=RTOL)
    assert number(A.variance(p).value) == pytest.approx(float(theirs.var()), rel=RTOL)


def test_the_standard_normal_reads_as_in_the_book():
    mu, sigma = sympy.Symbol("mu", real=True), sympy.Symbol("sigma", positive=True)
    found = A.kl(A.normal("mu", "sigma"), A.normal(0, 1)).value
    assert sympy.expand(found - (mu**2 + sigma**2 - 2 * sympy.log(sigma) - 1) / 2) == 0


def test_worked_numbers():
    rare = A.kl(A.bernoulli(0.05), A.bernoulli(0.8)).value
    assert float(rare) == pytest.approx(1.34, abs=0.005)
    assert A.kl(A.bernoulli(0.05), A.bernoulli(0.05)).value == 0
    p = A.independent(A.normal(0.5, 1.2), A.normal(-0.3, 0.8))
    found = A.kl(p, A.independent(A.normal(0, 1), A.normal(0, 1)))
    assert float(found.value) == pytest.approx(0.25, abs=0.005) and found.replays()
    z = 0.5 + 0.2 * 1.3
    assert z == pytest.approx(0.76) and A.reparameterisation().value == (1, sympy.Symbol("eps", real=True))


def test_finite_variables():
    p, q = np.array([0.2, 0.5, 0.3]), np.array([0.6, 0.1, 0.3])
    found = A.kl(A.categorical("p"), A.categorical("q")).value
    assert number(found) == pytest.approx(scipy.stats.entropy(p, q), rel=1e-12)
    middle = (p + q) / 2
    js = (scipy.stats.entropy(p, middle) + scipy.stats.entropy(q, middle)) / 2
    assert number(A.jensen_shannon(A.categorical("p"), A.categorical("q")).value) == pytest.approx(js, rel=1e-12)
    table = np.array([[0.4, 0.1], [0.2, 0.3]])
    want = (table * np.log(table / np.outer(table.sum(1), table.sum(0)))).sum()
    assert float(A.mutual_information(table.tolist()).value) == pytest.approx(want, rel=1e-12)


WHOLE = {
    "poisson": (A.poisson("r"), A.poisson("s"), S.poisson(1.3), S.poisson(1.2)),
    "geometric": (A.geometric("p"), A.geometric("q"), S.geom(0.3, loc=-1), S.geom(0.6, loc=-1)),
    "negative binomial": (A.negative_binomial("a", "p"), A.negative_binomial("a", "q"), S.nbinom(2.5, 0.3),
                          S.nbinom(2.5, 0.6)),
    "binomial": (A.binomial("n", "p"), A.binomial("n", "q"), S.binom(7, 0.3), S.binom(7, 0.6)),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(name):
    """Infinite sums, and finite ones with a symbolic number of terms."""
    p, q, first, second = WHOLE[name]
    k, at = np.arange(400), {"n": 7}
    value = lambda report: float(report.value.subs({s: at.get(s.name, NAMED[s.name]) for s in report.value.free_symbols}))  # noqa: E731, E501
    assert A.normalisation(p).value == 1
    mean, spread, report = A.expectation("k", p), A.variance(p), A.kl(p, q)
    assert (value(mean), value(spread)) == pytest.approx((first.mean(), first.var()), rel=1e-12)
    here = first.pmf(k) > 0
    gaps = first.pmf(k[here]) * (first.logpmf(k[here]) - second.logpmf(k[here]))
    assert value(report) == pytest.approx(gaps.sum(), rel=1e-10)  # the tail beyond 400 is below 1e-30
    assert mean.replays() and spread.replays() and report.replays()


def test_sums_that_are_not_decided_and_that_diverge():
    with pytest.raises(sg.SymgradError, match="no known series has terms of this form"):
        A.entropy(A.poisson("r"))  # E[log k!] has no closed form
    with pytest.raises(sg.SymgradError, match="cannot be checked"):
        A.expectation("3**k", A.geometric("1/2"))
    with pytest.raises(sg.SymgradError, match="one is discrete, one continuous"):
        A.kl(A.bernoulli("p"), A.beta("a", "b"))  # both on (0, 1)
    with pytest.raises(sg.SymgradError, match="must be positive, and -1/2 is not"):
        A.geometric("3/2")


@pytest.mark.row("D7")
def test_normal_vectors_with_any_covariance():
    report = A.kl(A.normal_vector(["m", "n"], [[2, 1], [1, 3]]), A.normal_vector([0, 1], [[1, "p"], ["p", 1]]))
    first = scipy.stats.multivariate_normal([0.4, -0.3], [[2, 1], [1, 3]])
    second = scipy.stats.multivariate_normal([0, 1], [[1, 0.3], [0.3, 1]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)  # exact: the integrand is a quadratic polynomial
    root = np.linalg.cholesky([[2, 1], [1, 3]])
    total = 0.0
    for u, v in zip(nodes, weights):
        for s, t in zip(nodes, weights):
            at = np.array([0.4, -0.3]) + root @ [u, s]
            total += v * t / (2 * np.pi) * (first.logpdf(at) - second.logpdf(at))
    assert number(report.value) == pytest.approx(total, rel=1e-10) and report.replays()


@pytest.mark.row("D9")
def test_dirichlet_with_digamma():
    report = A.kl(A.dirichlet(["a", "b", "c"]), A.dirichlet(["d", "r", "s"]))
    alpha, other = np.array([2.5, 1.7, 3.1]), np.array([0.9, 1.3, 1.2])
    log_b = lambda v: scipy.special.gammaln(v).sum() - scipy.special.gammaln(v.sum())  # noqa: E731
    logs = scipy.special.digamma(alpha) - scipy.special.digamma(alpha.sum())
    want = log_b(other) - log_b(alpha) + ((alpha - other) * logs).sum()
    assert number(report.value) == pytest.approx(want, rel=1e-10) and report.replays()
    assert any("under the integral sign" in step.rule.name for step in report.steps if hasattr(step.rule, "name"))


@pytest.mark.row("A8")
def test_expectations_and_marginals():
    p = A.normal("m", "s")
    assert A.expectation("x**2", p).value == p.parameters[0] ** 2 + p.parameters[1] ** 2
    assert A.marginal("exp(-x - y)", ("y", 0, "oo")).value == sympy.exp(-sympy.Symbol("x", real=True))
    assert number(A.cross_entropy(A.bernoulli("p"), A.bernoulli("q")).value) == pytest.approx(
        -0.3 * np.log(0.6) - 0.7 * np.log(0.4), rel=1e-12
    )


@pytest.mark.parametrize(
    ("name", "loss"), [("normal", "(-mu + x)**2"), ("bernoulli", "-x*log(rho) - (1 - x)*log(1 - rho)"),
                       ("categorical", "-y_1*log(p_1) - y_2*log(p_2) - y_3*log(p_3)"), ("laplace", "Abs(mu - x)")],
)  # fmt: skip
@pytest.mark.row("C6")
def test_losses_are_negative_log_likelihoods(name, loss):
    report = A.negative_log_likelihood(name)
    assert str(report.value) == loss and report.replays()
    assert "log-likelihood" in report.steps[0].rule.name


@pytest.mark.row("C7")
def test_priors_are_penalties():
    assert str(A.penalty("normal").value) == "w**2" and str(A.penalty("laplace").value) == "Abs(w)"


@pytest.mark.row("D14")
def test_the_evidence_lower_bound_is_certified():
    z = sympy.Symbol("z", real=True)
    report = A.elbo(A.normal(0, 1, z), A.normal(z, "t"), A.normal("m", "s", z))
    assert "Certified" in report.conclusion and report.replays()
    assert "Jensen: the logarithm is concave" in report.markdown() and r"\ge" in report.markdown()
    posterior = {"x": 0.7, "m": 0.35, "s": 0.5**0.5, "t": 1}
    best = report.value.subs({s: posterior[s.name] for s in report.value.free_symbols})
    assert float(best.evalf()) == pytest.approx(scipy.stats.norm(0, 2**0.5).logpdf(0.7), rel=1e-12)  # q = posterior


@pytest.mark.row("D13")
def test_the_score_function():
    report = A.score(A.normal("mu", "sigma"), "mu")
    assert str(report.value) == "(-mu + x)/sigma**2" and report.replays()
    with pytest.raises(sg.SymgradError, match="is not a parameter of this density: mu, sigma"):
        A.score(A.normal("mu", "sigma"), "nu")


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda: A.kl(A.normal(), A.gamma()), "p lives where q does not"),
        (lambda: A.kl(A.dirichlet(["a"]), A.normal()), "one kind of variable is needed"),
        (lambda: A.normal(0, -1), "must be positive, and -1 is not"),
        (lambda: A.categorical([0.5, 0.6]), "sum to 11/10, not to 1"),
        (lambda: A.normal_vector([0, 0], [[1, 2], [3, 1]]), "symmetric 2 x 2"),
        (lambda: A.mutual_information([[0.5, 0.6]]), "sum to 1"),
        (lambda: A.negative_log_likelihood("norml"), "Did you mean normal"),
    ],
)
def test_errors(question, message):
    with pytest.raises(sg.SymgradError, match=message):
        question()


# -- negative controls


def test_a_density_that_is_not_normalised_is_caught():
    p = A.normal("m", "s")
    with pytest.raises(sg.errors.CheckError, match="not normalised"):
        A.normalisation(replace(p, log_density=p.log_density + 1))


def test_a_wrong_moment_does_not_replay():
    report = A.kl(A.exponential("r"), A.exponential("s"))
    last = replace(report.steps[-1], after=report.steps[-1].after + 1)
    assert not replace(report, steps=(*report.steps[:-1], last)).replays()


def test_a_wrong_identity_for_quadratic_forms_is_caught(monkeypatch):
    monkeypatch.setattr(divergence, "quadratic_form", lambda a, centre, m, s: (a * s).trace())
    with pytest.raises(sg.SymgradError, match="the moments of the components differ"):
        A.kl(A.normal_vector([1, 0], [[2, 1], [1, 3]]), A.normal_vector([0, 0], [[1, 0], [0, 1]]))


def test_a_wrong_expansion_is_caught(monkeypatch):
    monkeypatch.setattr(means, "_moment", lambda node, p: means.Found(sympy.S.Zero, (), 1))
    with pytest.raises(sg.errors.CheckError, match="not normalised"):
        A.normalisation(A.exponential("r"))


def test_the_dirichlet_density_is_normalised():
    """Broken as a stick, piece by piece: Gamma functions of the partial sums cancel."""
    report = sg.analysis.normalisation(sg.analysis.dirichlet(["a", "b", "c"]))
    assert report.value == 1 and report.replays() and r"\Gamma" in report.latex()
    assert sg.analysis.normalisation(sg.analysis.dirichlet([2, 3, 4])).value == 1
    vector = sg.analysis.normal_vector(["m", "n"], [[2, 1], [1, 2]])
    with pytest.raises(SymgradError, match="the normalisation of a normal vector is not derived here"):
        sg.analysis.normalisation(vector)
