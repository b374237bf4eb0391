"""Entries of the gallery that are not the derivative of one program: each asks `sg.analysis` for a Report.

A row is a name, one line about it, and the question. Nothing here is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from sympy import Expr, Symbol, symbols

from .. import analysis as a
from .. import stepwise
from .entry import Entry

if TYPE_CHECKING:
    from ..analysis.report import Report

Row = tuple[str, Callable[[], "Report"]]

GELU_TANH = "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))"  # Hendrycks and Gimpel 2016, section 2
HUBER = "where(abs(r) <= delta, r**2/2, delta*(abs(r) - delta/2))"
EVIDENCE = """\
joint: input[k], positive
q: parameter[k], positive
bound = sum[k](q[k]*log(joint[k]/q[k]))
total = sum[k](q[k]) - 1"""  # joint[k] is p(x, z = k)
XOR = ([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
MEANS = (["mu1", "mu2"], ["nu1", "nu2"])
COVARIANCES = ([["s11", "s12"], ["s12", "s22"]], [["t11", "t12"], ["t12", "t22"]])
RIDGE = "(u + 2*v - 1)**2 + (3*u - v - 2)**2 + lam*(u**2 + v**2)"
HELD_OUT = "(2*u + v - 1)**2"

ACTIVATIONS: Mapping[str, Row] = {
    "tanh_is_a_sigmoid": ("tanh x = 2 s(2x) - 1.", lambda: a.identity("2*sigmoid(2*x) - 1", "tanh(x)")),
    "sigmoid_slope": ("The derivative of the sigmoid is at most 1/4.", lambda: a.vanishing_gradient("sigmoid", 1)),
    "tanh_slope": ("The derivative of tanh is at most 1.", lambda: a.vanishing_gradient("tanh", 1)),
    "vanishing_gradient_bound": (
        "The product of ten derivatives of the sigmoid is at most 1/4^10 = 9.5e-7.",
        lambda: a.vanishing_gradient("sigmoid", 10),
    ),
    "silu_minimum": ("The minimum of x s(x): about -0.278, at -1.278.", lambda: a.critical_points("silu(x)")),
    "gelu_difference": (
        "The largest difference of the exact GELU and its approximation by tanh: 4.7e-4.",
        lambda: a.largest_difference("gelu(x)", GELU_TANH),
    ),
}
LOSSES: Mapping[str, Row] = {
    "huber_is_smooth": (
        "The two pieces of Huber's loss meet at delta, and so do their derivatives.",
        lambda: a.meets(HUBER, "r", "delta"),
    ),
    "huber_is_smooth_below": (
        "The two pieces of Huber's loss meet at -delta, and so do their derivatives.",
        lambda: a.meets(HUBER, "r", "-delta"),
    ),
    "mse_is_normal": (
        "The squared error is the negative log-likelihood of a normal density.",
        lambda: a.negative_log_likelihood("normal"),
    ),
    "mae_is_laplace": (
        "The absolute error is the negative log-likelihood of a Laplace density.",
        lambda: a.negative_log_likelihood("laplace"),
    ),
    "bce_is_bernoulli": (
        "The binary cross-entropy is the negative log-likelihood of a Bernoulli variable.",
        lambda: a.negative_log_likelihood("bernoulli"),
    ),
    "cce_is_categorical": (
        "The categorical cross-entropy is the negative log-likelihood of a categorical variable.",
        lambda: a.negative_log_likelihood("categorical"),
    ),
    "l2_is_normal_prior": ("An L2 penalty is a normal prior of the weights.", lambda: a.penalty("normal")),
    "l1_is_laplace_prior": ("An L1 penalty is a Laplace prior of the weights.", lambda: a.penalty("laplace")),
}
PROBABILITY: Mapping[str, Row] = {
    "cross_entropy_bernoulli": (
        "The cross-entropy of two Bernoulli variables.",
        lambda: a.cross_entropy(a.bernoulli("p"), a.bernoulli("q")),
    ),
    "kl_standard_normal": (
        "KL(N(mu, sigma^2) || N(0, 1)) by integration.",
        lambda: a.kl(a.normal("mu", "sigma"), a.normal(0, 1)),
    ),
    "kl_normal": (
        "The divergence of two normal densities by integration.",
        lambda: a.kl(a.normal("mu", "sigma"), a.normal("nu", "tau")),
    ),
    "kl_normal_diagonal": (
        "The divergence of two normal vectors with diagonal covariances.",
        lambda: a.kl(
            a.independent(a.normal("mu1", "s1"), a.normal("mu2", "s2")),
            a.independent(a.normal("nu1", "t1"), a.normal("nu2", "t2")),
        ),
    ),
    "kl_normal_full": (
        "The divergence of two normal vectors with full covariances.",
        lambda: a.kl(a.normal_vector(MEANS[0], COVARIANCES[0]), a.normal_vector(MEANS[1], COVARIANCES[1])),
    ),
    "kl_bernoulli": (
        "The divergence of two Bernoulli variables by summation.",
        lambda: a.kl(a.bernoulli("rho"), a.bernoulli("q")),
    ),
    "kl_categorical": (
        "The divergence of two categorical variables by summation.",
        lambda: a.kl(a.categorical("p"), a.categorical("q")),
    ),
    "kl_exponential": (
        "The divergence of two exponential densities by integration.",
        lambda: a.kl(a.exponential("a"), a.exponential("b")),
    ),
    "kl_gamma": (
        "The divergence of two gamma densities by integration.",
        lambda: a.kl(a.gamma("a", "b"), a.gamma("c", "d")),
    ),
    "kl_beta": (
        "The divergence of two beta densities by integration.",
        lambda: a.kl(a.beta("a", "b"), a.beta("c", "d")),
    ),
    "kl_dirichlet": (
        "The divergence of two Dirichlet densities, with digamma.",
        lambda: a.kl(a.dirichlet(["a1", "a2", "a3"]), a.dirichlet(["b1", "b2", "b3"])),
    ),
    "kl_laplace": (
        "The divergence of two Laplace densities by integration, piece by piece.",
        lambda: a.kl(a.laplace("mu", "b"), a.laplace("nu", "c")),
    ),
    "kl_laplace_normal": (
        "The divergence of a Laplace density from a normal one by integration.",
        lambda: a.kl(a.laplace("mu", "b"), a.normal("nu", "tau")),
    ),
    "jensen_shannon_bernoulli": (
        "The Jensen-Shannon divergence of two Bernoulli variables.",
        lambda: a.jensen_shannon(a.bernoulli("p"), a.bernoulli("q")),
    ),
    "mutual_information_table": (
        "The mutual information of two variables from the table of their joint probabilities.",
        lambda: a.mutual_information([["1/4", "1/4"], ["1/8", "3/8"]]),
    ),
    "beta_bernoulli_update": (
        "The posterior of a Bernoulli probability with a beta prior is beta.",
        lambda: a.posterior("beta(a, b)", "bernoulli(x)", "p"),
    ),
    "normal_normal_update": (
        "The posterior of a normal mean with a normal prior is normal.",
        lambda: a.posterior("normal(m, v)", "normal(x, s2)", "mu"),
    ),
    "reparameterised_sample": (
        "z = mu + sigma eps step by step: dz/dmu = 1, dz/dsigma = eps.",
        lambda: a.reparameterisation("mu", "sigma"),
    ),
    "score_function": (
        "The score-function estimator of a normal mean; the score has expectation 0.",
        lambda: a.score(a.normal("mu", "sigma"), "mu"),
    ),
    "fisher_normal": (
        "The Fisher information matrix of a normal density: the metric of the natural gradient.",
        lambda: a.fisher(a.normal("mu", "sigma")),
    ),
    "fisher_bernoulli": (
        "The Fisher information of a Bernoulli probability.",
        lambda: a.fisher(a.bernoulli("rho")),
    ),
    "elbo": ("The evidence lower bound, log p(x) >= E[log p(x|z)] - KL, by Jensen's inequality.", lambda: _elbo()),
    "elbo_is_largest_at_the_posterior": (
        "Of all q the posterior p(x, z)/p(x) makes the evidence lower bound largest, for any number of values of z.",
        lambda: a.stationarity(EVIDENCE, ["total"]),
    ),
}
NETWORKS: Mapping[str, Row] = {
    "steep_sigmoid_is_a_step": (
        "s(k x) is a step for k to infinity: with many steps a hidden layer takes any shape.",
        lambda: stepwise.limit("1/(1 + exp(-k*x))", "k", "oo", positive=["x"]),
    ),
    "linear_layers_collapse": (
        "Three affine layers one after the other are one affine layer.",
        lambda: a.stacked_linear(3),
    ),
    "xor_is_not_linear": (
        "No affine function separates XOR: a Farkas combination of its four points.",
        lambda: a.separable(*XOR),
    ),
    "xavier": (
        "The variance of the weights that keeps the variance of a linear layer: 1/n.",
        lambda: a.variance_propagation("linear"),
    ),
    "he": (
        "The variance of the weights that keeps the variance of a layer of rectifiers: 2/n.",
        lambda: a.variance_propagation("relu"),
    ),
}
OPTIMISATION: Mapping[str, Row] = {
    "gradient_descent_rate": (
        "The rate of gradient descent on a quadratic, from the eigenvalues of its Hessian.",
        lambda: a.gradient_descent_rate([[3, 1], [1, 3]]),
    ),
    "gradient_descent_error": (
        "The error of gradient descent on h x^2/2 after t steps: (1 - eta h)^t, by induction.",
        lambda: a.recurrence("x - eta*(h*x)", "x", "x0"),
    ),
    "bias_correction": (
        "A running mean that starts at 0 is 1 - beta^t of what it averages: Adam divides by it.",
        lambda: a.recurrence("beta*m + (1 - beta)*g", "m"),
    ),
    "newton_step": (
        "Newton's step is the minimum of the quadratic Taylor model.",
        lambda: a.critical_points(_model(), "p"),
    ),
    "damped_newton_step": (
        "Along Newton's direction -g/h the model is least at the full step; a shorter one, damped, decreases it too.",
        lambda: a.critical_points(_along_newton(), "t"),
    ),
    "levenberg_marquardt_step": (
        "The step of Levenberg and Marquardt is the minimum of the damped linear model.",
        lambda: a.critical_points("(r + J*p)**2/2 + lam*p**2/2", "p"),
    ),
    "penalty_gradient": (
        "The derivative of a validation loss by the strength of an L2 penalty.",
        lambda: a.hypergradient(RIDGE, HELD_OUT, ["u", "v"], "lam"),
    ),
}
DENSITIES = ("normal", "laplace", "exponential", "gamma", "beta", "bernoulli", "categorical")


def _model() -> Expr:
    """f + g p + h p^2/2, convex."""
    f, g, p = symbols("f g p", real=True)
    return f + g * p + Symbol("h", positive=True) * p**2 / 2


def _along_newton() -> Expr:
    """The model at p = -t g/h, for g > 0."""
    h, t = Symbol("h", positive=True), Symbol("t", real=True)
    g = Symbol("g", real=True)
    return _model().subs(Symbol("p", real=True), -t * g / h).subs(g, Symbol("g", positive=True))


def _elbo() -> Report:
    """z ~ N(0, 1), x | z ~ N(z, t^2), q = N(m, s^2)."""
    z = Symbol("z", real=True)
    return a.elbo(a.normal(0, 1, z), a.normal(z, "t"), a.normal("m", "s", z))


def _of_densities() -> Iterator[tuple[str, Row]]:
    for name in DENSITIES:
        shown = {"laplace": "Laplace", "bernoulli": "Bernoulli"}.get(name, name)
        density = getattr(a, name)
        yield f"{name}_sums_to_one", (f"The {shown} density sums to one.", lambda d=density: a.normalisation(d()))
        yield f"{name}_entropy", (f"The entropy of the {shown} density.", lambda d=density: a.entropy(d()))


def reports() -> Iterator[Entry]:
    """The entries, group by group."""
    groups = {
        "activations": ACTIVATIONS, "losses": LOSSES, "probability": {**dict(_of_densities()), **PROBABILITY},
        "networks": NETWORKS, "optimisation": OPTIMISATION,
    }  # fmt: skip
    for group, rows in groups.items():
        for name, (summary, ask) in rows.items():
            yield Entry(name, group, summary, ask=ask)
