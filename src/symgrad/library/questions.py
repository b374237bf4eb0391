"""The calculus itself as entries of the gallery: limits, rules, integrals, convexity, multipliers, stability, matrices.

A row of `REPORTS` is a name, one line about it, and a question that a `Report` answers; `PROGRAMS` are entries that a
program derives. Nothing here is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .. import analysis as a
from .. import stepwise as s
from ..analysis.report import Report
from ..calculus.scalar import check
from ..errors import CheckError
from ..notation import parse
from .entry import Entry

Row = tuple[str, Callable[[], Report]]


COOKBOOK = "Petersen and Pedersen, The Matrix Cookbook (2012), section "
LOGISTIC = """\
X: input[n, d]
y: input[n], nonnegative
w: parameter[d]
L = mean[n](softplus(sum[d](X[n,d]*w[d])) - y[n]*sum[d](X[n,d]*w[d]))"""
VARIANCE = "S: input[i, i], symmetric\nw: parameter[i]\nf = w @ S @ w\nunit = w @ w - 1"
ENTROPY = """\
x: input[i]
m: input
p: parameter[i], positive
H = -sum[i](p[i]*log(p[i]))
total = sum[i](p[i]) - 1
mean = sum[i](p[i]*x[i]) - m"""
SCORES = """\
S: input[n, k]
p: parameter[n, k], positive
f = sum[n,k](p[n,k]*S[n,k] - p[n,k]*log(p[n,k]))
total[n] = sum[k](p[n,k]) - 1"""
SHORTEST = "A: input[m, n]\nb: input[m]\nx: parameter[n]\nf = x @ x/2\nrest = A @ x - b"


def by_limit_and_rule(text: str) -> Report:
    """The derivative by x of a formula, twice: as the limit of the difference quotient, and by the rules.

    Raises CheckError where they differ.
    """
    limit, rules = s.explain(text, "x", definition=True), s.explain(text, "x")
    points = check.agree(limit.value, rules.value)
    if points is None:
        raise CheckError(f"the limit gives {limit.value}, the rules give {rules.value}.")
    said = f"{limit.conclusion} The rules give the same."
    return Report(limit.title, limit.statement, (*limit.steps, *rules.steps), said, limit.value)


# A1 and A2: limits, the definition, the rules
LIMITS: Mapping[str, Row] = {
    "sine_over_its_argument": ("The limit of sin(3h)/h for h to 0.", lambda: s.limit("sin(3*h)/h", "h", 0)),
    "compound_interest": ("The limit of (1 + r/n)^n for n to infinity.", lambda: s.limit("(1 + r/n)**n", "n", "oo")),
    "square_from_definition": (
        "The derivative of x^2 from the limit of its difference quotient, and by rule.",
        lambda: by_limit_and_rule("x**2"),
    ),
    "root_from_definition": (
        "The derivative of sqrt(x) from the limit of its difference quotient, and by rule.",
        lambda: by_limit_and_rule("sqrt(x)"),
    ),
    "exponential_from_definition": (
        "The derivative of e^x from the limit of its difference quotient, and by rule.",
        lambda: by_limit_and_rule("exp(x)"),
    ),
    "sine_from_definition": (
        "The derivative of sin(x) from the limit of its difference quotient, and by rule.",
        lambda: by_limit_and_rule("sin(x)"),
    ),
}
RULES: Mapping[str, Row] = {
    "power_and_sum_rule": ("The derivative of a polynomial.", lambda: s.explain("3*x**4 - 5*x**2 + 7", "x")),
    "product_rule": ("The derivative of a product, x^2 e^x.", lambda: s.explain("x**2*exp(x)", "x")),
    "quotient_rule": ("The derivative of a quotient, sin(x)/x.", lambda: s.explain("sin(x)/x", "x")),
    "chain_rule": ("The derivative of (3x + 2)^2 is 6 (3x + 2).", lambda: s.explain("(3*x + 2)**2", "x")),
    "logarithm_of_a_sum": ("The derivative of log(x^2 + 1).", lambda: s.explain("log(x**2 + 1)", "x")),
    "chain_rule_along_paths": (
        "One factor for each edge, one term for each path: the derivative of u v + e^u by x.",
        lambda: s.explain("u = x**2 \n v = sin(x) \n y = u*v + exp(u)", "x"),
    ),
    "chain_rule_of_a_neuron": (
        "The loss of one sigmoid neuron by its weight, along z, p and L.",
        lambda: s.explain("z = w*x + b \n p = sigmoid(z) \n L = (p - t)**2/2", "w"),
    ),
    "second_derivative": ("The second derivative of e^(-x^2/2).", lambda: s.explain("exp(-x**2/2)", "x", order=2)),
    "taylor_exponential": ("Taylor's formula of e^x with its remainder.", lambda: s.taylor("exp(x)", "x", 0, 3)),
    "linearisation": ("The tangent of sqrt(x) at 1, with the remainder.", lambda: s.taylor("sqrt(x)", "x", 1, 1)),
}
# A6: curvature
CURVATURE: Mapping[str, Row] = {
    "logsumexp_is_convex": ("log(e^x + e^y) is convex.", lambda: a.convexity("log(exp(x) + exp(y))")),
    "convex_by_its_second_derivative": (
        "e^x + e^-x - x^2 is convex: the sign of its second derivative is proved.",
        lambda: a.convexity("exp(x) + exp(-x) - x**2"),
    ),
    "logistic_regression_is_convex": (
        "The loss of logistic regression is convex in its weights.",
        lambda: a.convexity(parse(LOGISTIC)),
    ),
    "neither_convex_nor_concave": (
        "x^4 - 3x^2 is neither convex nor concave: points that refute both.",
        lambda: a.convexity("x**4 - 3*x**2"),
    ),
    "critical_points": (
        "A saddle and a minimum: the critical points of x^3 + y^3 - 3xy, classified.",
        lambda: a.critical_points("x**3 + y**3 - 3*x*y"),
    ),
}
# A7 and A8: integrals and densities
INTEGRALS: Mapping[str, Row] = {
    "integration_by_parts": ("An antiderivative of x e^x.", lambda: s.integral("x*exp(x)", "x")),
    "partial_fractions": ("An antiderivative of 1/(x^2 - 1).", lambda: s.integral("1/(x**2 - 1)", "x")),
    "gaussian_integral": (
        "The integral of e^(-a x^2) over the line.",
        lambda: s.integral("exp(-a*x**2)", ("x", "-oo", "oo"), positive=["a"]),
    ),
    "double_integral": (
        "The integral of x y^2 over a triangle, the inner one first.",
        lambda: s.integral("x*y**2", ("x", 0, "y"), ("y", 0, 2)),
    ),
    "normalised_density": ("The normal density has integral 1.", lambda: a.normalisation(a.normal("m", "s"))),
    "second_moment": (
        "The expectation of x^2 under a normal density.",
        lambda: a.expectation("x**2", a.normal("m", "s")),
    ),
    "poisson_variance": (
        "The variance of a Poisson variable, by infinite sums.",
        lambda: a.variance(a.poisson("r")),
    ),
    "marginal_density": (
        "The marginal of a joint density: p(x) as the integral over y.",
        lambda: a.marginal("exp(-x - y)", ("y", 0, "oo")),
    ),
}
# A10 to A13: constraints, stability, variations, spectra
CONDITIONS: Mapping[str, Row] = {
    "lagrange_multiplier": ("The largest product of two numbers with sum 1.", lambda: a.lagrange("x*y", ["x + y = 1"])),
    "principal_components": (
        "The largest w^T S w with |w| = 1, for any size: S w = lambda w.",
        lambda: a.stationarity(VARIANCE, ["unit"]),
    ),
    "maximum_entropy_with_a_mean": (
        "The maximum-entropy distribution with a given mean, for any number of values: p ~ e^(-lambda x).",
        lambda: a.stationarity(ENTROPY, ["total", "mean"]),
    ),
    "softmax_is_a_maximum": (
        "Of scores plus entropy, row by row, the softmax is the maximum.",
        lambda: a.stationarity(SCORES, ["total"]),
    ),
    "least_norm": (
        "The shortest x with A x = b lies in the range of A^T.",
        lambda: a.stationarity(SHORTEST, ["rest"]),
    ),
    "kkt_conditions": (
        "The nearest point of a polygon, by its multipliers.",
        lambda: a.kkt("(x - 2)**2 + y**2", ["x + y <= 1", "y >= 0"]),
    ),
    "implicit_derivative": (
        "The slope dy/dx of the circle x^2 + y^2 = 25.",
        lambda: a.implicit("x**2 + y**2 = 25", "y", "x"),
    ),
    "lyapunov_linear_system": (
        "A linear system is stable: V from the Lyapunov equation A^T P + P A = -I.",
        lambda: a.lyapunov([[0, 1], [-2, -3]]),
    ),
    "lyapunov_function": (
        "x^2 + y^2 falls along a flow whose linearisation does not decide.",
        lambda: a.lyapunov(["-x**3 - y", "x - y**3"], V="x**2 + y**2"),
    ),
    "gradient_flow": (
        "Along gradient descent the loss falls: V' = -|grad V|^2.",
        lambda: a.gradient_flow("x**2 + x*y + 2*y**2 + x**4"),
    ),
    "shortest_line": ("The shortest curve is straight.", lambda: a.euler_lagrange("sqrt(1 + dy**2)", "y", "x"),
    ),
    "harmonic_oscillator": (
        "The equation of motion of a spring, and its conserved energy.",
        lambda: a.euler_lagrange("m*dq**2/2 - k*q**2/2", "q", "t"),
    ),
    "gaussian_has_maximum_entropy": (
        "Among densities of one variance the Gaussian has the largest entropy.",
        lambda: a.maximum_entropy({"(x - mu)**2": "s**2"}),
    ),
    "eigenvalue_derivative": ("The differential of a simple eigenvalue.", lambda: a.spectral("eigenvalue")),
    "singular_value_derivative": ("The differential of a singular value.", lambda: a.spectral("singular value")),
    "inverse_derivative": ("The differential of an inverse matrix.", lambda: a.spectral("inverse")),
    "log_det_derivative": ("The differential of log det A.", lambda: a.spectral("log det")),
}
REPORTS: Mapping[str, Row] = {**LIMITS, **RULES, **CURVATURE, **INTEGRALS, **CONDITIONS}

# A3, A5, A6, A13, A14: vectors and matrices
PROGRAMS = (
    Entry("gradient", "calculus", "The gradient of x^2 + y^2 is (2x, 2y).", "x, y: parameter\nf = x**2 + y**2", "f"),
    Entry("linear_map", "calculus", "The Jacobian of the linear map W x by x is W.",
        "W: input[i, j]\nx: parameter[j]\ny = W @ x", "y", ("x",), "", ("jacobian",)),
    Entry("linear_layer_by_its_weights", "calculus",
        "From dL/dz to dL/dW = dL/dz x^T and dL/dx = W^T dL/dz, where z = W x.",
        "W: parameter[i, j]\nx: parameter[j]\nz = W @ x", "z", ("W", "x"), "", ("vjp",)),
    Entry("inner_product", "calculus", "The gradient of a^T x is a.", "a: input[i]\nx: parameter[i]\nf = a @ x", "f"),
    Entry("sum_of_squares", "calculus", "The gradient of x^T x is 2x.", "x: parameter[i]\nf = x @ x", "f"),
    Entry("quadratic_form", "calculus", "The gradient of x^T A x is (A + A^T) x, its Hessian A + A^T.",
        "A: input[i, i]\nx: parameter[i]\nq = x @ A @ x", "q", ("x",), COOKBOOK + "2.4.2", ("gradient", "hessian")),
    Entry("bilinear_form", "calculus", "The gradient of a^T X b by X is a b^T.",
        "a: input[i]\nb: input[j]\nX: parameter[i, j]\nf = a @ X @ b", "f", None, COOKBOOK + "2.4.1"),
    Entry("trace_of_a_product", "calculus", "The gradient of tr(A X) by X is A^T.",
        "A: input[i, j]\nX: parameter[j, i]\nf = tr(A @ X)", "f", None, COOKBOOK + "2.5.1"),
    Entry("frobenius_norm", "calculus", "The gradient of the squared Frobenius norm of X is 2X.",
        "X: parameter[i, j]\nf = norm2(X)**2", "f", None, COOKBOOK + "2.7"),
    Entry("hadamard_product", "calculus", "The gradient of the sum of A * X, element by element, is A.",
        "A: input[i, j]\nX: parameter[i, j]\nf = sum(A * X)", "f"),
    Entry("kronecker_product", "calculus", "From the derivative by A kron B to those by A and B.",
        "A: parameter[i, j]\nB: parameter[k, l]\nK = kron(A, B)", "K", ("A", "B"), "", ("vjp",)),
    Entry("determinant", "calculus", "The gradient of det A is its cofactors: the adjugate, transposed.",
        "A: parameter[i, i]\nf = det(A)", "f", None, COOKBOOK + "2.1.2"),
    Entry("log_determinant", "calculus", "The gradient of log det A is the inverse of A, transposed.",
        "A: parameter[i, i]\nf = logdet(A)", "f", None, COOKBOOK + "2.1.4"),
    Entry("inverse", "calculus", "From the derivative by A^-1 to that by A: -A^-T B A^-T.",
        "A: parameter[i, i]\nB = inv(A)", "B", ("A",), COOKBOOK + "2.2", ("vjp",)),
    Entry("eigenvalues", "calculus",
        "From the derivative by the eigenvalues of a symmetric matrix to that by the matrix.",
        "A: parameter[i, i]\nw = eigvalsh(A)", "w", ("A",), "", ("vjp",)),
    Entry("singular_values", "calculus", "From the derivative by the singular values to that by the matrix.",
        "A: parameter[i, j]\ns = svdvals(A)", "s", ("A",), "", ("vjp",)),
)  # fmt: skip


def questions() -> Iterator[Entry]:
    """The entries."""
    for name, (summary, ask) in REPORTS.items():
        yield Entry(name, "calculus", summary, ask=ask)
    yield from PROGRAMS
