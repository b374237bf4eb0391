"""Convexity: proved, refuted, or not decided; each verdict against numbers that the rules do not use."""

import numpy as np
import pytest
import sympy

import symgrad as sg
from symgrad.analysis.quadratic import squares
from symgrad.analysis.signs import sign

PROVED = [
    ("log(exp(x) + exp(y)) + (x - y)**2", "convex"), ("x*log(x)", "convex"), ("exp(x**2 + y)", "convex"),
    ("-log(1 - x**2 - y**2)", "convex"), ("sqrt(x**2 + y**2)", "convex"), ("abs(x - 3) + maximum(x, y)", "convex"),
    ("log(x) + log(y)", "concave"), ("where(abs(x) < 1, x**2/2, abs(x) - 1/2)", "convex"), ("lgamma(x)", "convex"),
    ("logaddexp(x, -y) + log_cosh(2*x)", "convex"), ("relu(relu(x) - y)", "convex"), ("3*x + 2", "affine"),
    ("exp(x) + exp(-x) - x**2", "convex"), ("log_ndtr(x)", "concave"),
]  # fmt: skip
REFUTED = [  # the last four look convex
    "x**2 - y**2", "x*y", "sigmoid(x)", "1/x", "1/x**2", "silu(x)", "x*abs(x)", "elu(x, 2)",
    "x**4 - 0.001*x**2", "x**4 + x*y + y**4", "exp(x) + exp(-x) - 1.001*x**2", "x**4 + y**4 - x**2*y**2",
]  # fmt: skip


@pytest.mark.parametrize("text,word", PROVED)
@pytest.mark.row("A6")
def test_proved(text, word):
    report = sg.analysis.convexity(text)
    assert report.value.word == word
    assert report.replays()
    assert word.capitalize() in report.conclusion and r"\begin{document}" in report.latex()


@pytest.mark.parametrize("text", REFUTED)
@pytest.mark.row("A6")
def test_refuted_by_points_that_refute(text):
    report = sg.analysis.convexity(text)
    assert report.value.convex is False and report.replays()
    (found,) = [c for c in report.value.counterexamples if c.refutes == "convex"]
    assert found.gap > 0


def test_the_points_are_checked_by_hand():
    (found,) = [c for c in sg.analysis.convexity("x**2 - y**2").value.counterexamples if c.refutes == "convex"]
    x = [(found.left[n] + found.right[n]) / 2 for n in "xy"]
    ends = [p["x"] ** 2 - p["y"] ** 2 for p in (found.left, found.right)]
    assert x[0] ** 2 - x[1] ** 2 > sum(ends) / 2  # exact rationals


def test_intervals_change_the_answer():
    assert sg.analysis.convexity("tanh(x)", on={"x": (0, 3)}).value.word == "concave"
    assert sg.analysis.convexity("1/x", on={"x": sympy.Interval.open(0, sympy.oo)}).value.word == "convex"
    assert sg.analysis.convexity("x**3", on={"x": (0, 4)}).value.word == "convex"


def test_cannot_decide():
    report = sg.analysis.convexity("exp(x) - x + 0.001*sin(x)", on={"x": (5, 6)})
    assert report.value.word in (None, "not concave") and report.value.convex is None


DATA = "X: input[n,d]\ny: input[n]\nw: parameter[d]\n"
PROGRAMS = {
    "logistic": (DATA + "p[n] = sigmoid(sum[d](X[n,d]*w[d]))\n"
                 "L = mean[n](-y[n]*log(p[n]) - (1 - y[n])*log(1 - p[n]))", True),
    "softmax": ("X: input[n,d]\nY: input[n,k], distribution over k\nW: parameter[d,k]\n"
                "p[n,k] = softmax[k](sum[d](X[n,d]*W[d,k]))\nL = mean[n](-sum[k](Y[n,k]*log(p[n,k])))", True),
    "labels": ("X: input[n,d]\ny: label[n] over k\nW: parameter[d,k]\nz[n,k] = sum[d](X[n,d]*W[d,k])\n"
               "L = mean[n](logsumexp[k](z[n,k]) - z[n,y[n]])", True),
    "least squares": ("A: input[i,j]\nb: input[i]\nx: parameter[j]\nL = 0.5*norm2(A @ x - b)**2", True),
    "hinge": (DATA + "L = mean[n](relu(1 - y[n]*sum[d](X[n,d]*w[d]))) + 0.1*sum[d](w[d]**2)", True),
    "relative entropy": ("p: parameter[k], positive\nq: parameter[k], positive\nL = sum[k](p[k]*log(p[k]/q[k]))", True),
    "range": ("x: parameter[k]\nL = max[k](x[k]) - min[k](x[k])", True),
    "mlp": ("X: input[n,d]\ny: input[n]\nW: parameter[d,h]\nv: parameter[h]\n"
            "L = mean[n]((sum[h](v[h]*tanh(sum[d](X[n,d]*W[d,h]))) - y[n])**2)", False),
    "matrix factorisation": ("T: input[i,j]\nU: parameter[i,k]\nV: parameter[j,k]\n"
                             "L = sum[i,j]((T[i,j] - sum[k](U[i,k]*V[j,k]))**2)", False),
    "stopped": ("x: parameter\nL = -stop(x)*x", None),  # -x**2: a stop hides a derivative, not a value
    "poles": ("x: parameter[k]\nL = sum[k](1/x[k]**2)", None),  # convex on each side, its domain is not
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    text, convex = PROGRAMS[name]
    report = sg.analysis.convexity(sg.program(text))
    assert report.value.convex is convex or (convex is None and report.value.convex is not True)
    assert report.replays() and report.markdown()


def test_sums_of_squares_are_exact():
    x, y, z = sympy.symbols("x y z")
    p = sympy.Poly(2 * x**4 + 2 * x**3 * y - x**2 * y**2 + 5 * y**4, x, y)  # Parrilo's example
    assert sum(c * q**2 for c, q in squares(p)).expand() == p.as_expr()
    motzkin = sympy.Poly(x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 * z**2 + z**6, x, y, z)
    assert squares(motzkin) is None  # nonnegative, and no sum of squares
    assert sign(x**2 - sympy.Rational(1, 10**6)) is None


@pytest.mark.parametrize("seed", range(6))
def test_signs_against_samples(seed):
    """Random quadratics: a proved sign is the sign at every sample."""
    rng = np.random.default_rng(seed)
    x, y = sympy.symbols("x y", real=True)
    a = rng.integers(-3, 4, size=6)
    p = sum(int(c) * m for c, m in zip(a, (x**2, x * y, y**2, x, y, sympy.Integer(1))))
    found = sign(p)
    values = [float(p.subs({x: u, y: v})) for u, v in rng.normal(size=(60, 2)) * 5]
    assert found is None or all(v >= 0 for v in values) or (found.nonpositive and all(v <= 0 for v in values))
