"""Golden strings: what each index pattern looks like in LaTeX and as one line of text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sympy import Eq, Ge, Integer, Le, Lt, Ne, Rational, exp, log, sqrt

from symgrad.functions import apply, finite, stop, where
from symgrad.ir.access import Index
from symgrad.ir.system import Equation, System
from symgrad.typeset import latex_equation, latex_expr, latex_system, text_equation, text_expr
from symgrad.typeset.mathml import mathml

from .systems import EMPTY, A, D, I, J, K, N, T, d, i, j, k, n, s, system, t, tensor, term

other = Index("d_1")
X, Y, W, P, Z = A("X", n, d), A("Y", n, k), A("W", d, k), A("p", n, k), A("z", n, k)

GOLDEN = {
    "affine map": (
        Equation("z", (term((n, k), X * W, n=N, k=K, d=D), term((n, k), A("b", k), n=N, k=K))),
        r"z_{n,k} = \sum_{d} X_{n,d} W_{d,k} + b_{k}",
        "z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]",
    ),
    "scalar loss: sign and divisor in front": (
        Equation("L", (term((), -Y * log(P) / N, n=N, k=K),)),
        r"L = -\frac{1}{N} \sum_{n,k} Y_{n,k} \log p_{n,k}",
        "L = -sum[n, k](Y[n,k]*log(p[n,k])/N)",
    ),
    "gradient by the weights": (
        Equation("dL_dW", (term((d, k), X * (P - Y) / N, n=N, k=K, d=D),)),
        r"\frac{\partial L}{\partial W_{d,k}} = \frac{1}{N} \sum_{n} X_{n,d} (p_{n,k} - Y_{n,k})",
        "dL_dW[d,k] = sum[n](X[n,d]*(p[n,k] - Y[n,k])/N)",
    ),
    "two terms in other letters merge": (
        Equation("dL_dW", (
            term((j, s), A("X", i, j) * A("p", i, s) / N, i=N, j=D, s=K),
            term((d, k), -A("X", i, d) * A("Y", i, k) / N, i=N, d=D, k=K),
        )),
        r"\frac{\partial L}{\partial W_{d,k}} = \frac{1}{N} \sum_{i} X_{i,d} (p_{i,k} - Y_{i,k})",
        "dL_dW[d,k] = sum[i](X[i,d]*(p[i,k] - Y[i,k])/N)",
    ),
    "chain rule": (
        Equation("dL_dW", (term((d, k), X * A("dL_dz", n, k), n=N, k=K, d=D),)),
        r"\frac{\partial L}{\partial W_{d,k}} = \sum_{n} X_{n,d} \frac{\partial L}{\partial z_{n,k}}",
        "dL_dW[d,k] = sum[n](X[n,d]*dL_dz[n,k])",
    ),
    "integer labels: a write at data is a delta": (
        Equation("dL_dz", (term((n, k), P / N, n=N, k=K), term((n, A("y", n)), -1 / N, n=N))),
        r"\frac{\partial L}{\partial z_{n,k}} = \frac{1}{N} (p_{n,k} - \delta_{k,y_{n}})",
        "dL_dz[n,k] = (p[n,k] - [k == y[n]])/N",
    ),
    "scatter: the sum runs over what is written to the cell": (
        Equation("dL_dE", (term((A("tok", n), j), A("dL_dz", n, j), n=N, j=J),)),
        r"\frac{\partial L}{\partial E_{v,j}} = \sum_{n :\, \mathrm{tok}_{n} = v} \frac{\partial L}{\partial z_{n,j}}",
        "dL_dE[v,j] = sum[n, v == tok[n]](dL_dz[n,j])",
    ),
    "gather": (
        Equation("z", (term((n, j), A("E", A("tok", n), j), n=N, j=K),)),
        r"z_{n,k} = E_{\mathrm{tok}_{n},k}",
        "z[n,k] = E[tok[n],k]",
    ),
    "concatenation: cases that cover everything": (
        Equation("g", (term((i,), A("x", i), i=I), term((I + j,), A("w", j) ** 2, j=J))),
        r"g_{i} = \begin{cases} x_{i} & \text{if } i < I \\ w_{i - I}^{2} & \text{if } i \ge I \end{cases}",
        "g[i] = where(i < I, x[i], w[i - I]**2)",
    ),
    "diagonal": (
        Equation("H", (term((d, d), 2 * A("mu", d), d=D),)),
        r"H_{d,d'} = 2 \mu_{d} \delta_{d,d'}",
        "H[d,d_1] = 2*mu[d]*[d == d_1]",
    ),
    "diagonal plus rank one": (
        Equation("d2L_dmu_dmu", (
            term((d, d), 2 * A("mu", d), d=D),
            term((d, other), -A("mu", d) * A("mu", other), d=D, d_1=D),
        )),
        r"\frac{\partial^{2} L}{\partial \mu_{d} \partial \mu_{d'}} = \mu_{d} (2 \delta_{d,d'} - \mu_{d'})",
        "d2L_dmu_dmu[d,d_1] = mu[d]*(2*[d == d_1] - mu[d_1])",
    ),
    "causal sum": (
        Equation("o", (term((t,), A("x", s), Le(s, t), t=T, s=T),)),
        r"o_{t} = \sum_{s \le t} x_{s}",
        "o[t] = sum[s, s <= t](x[s])",
    ),
    "padded convolution: two guards are one chain": (
        Equation("o", (term((i,), A("x", i + k - 1) * A("w", k), Ge(i + k - 1, 0), Lt(i + k - 1, T), i=T, k=K),)),
        r"o_{t} = \sum_{1 - t \le k \le T - t} x_{k + t - 1} w_{k}",
        "o[t] = sum[k, k >= 1 - t, k <= T - t](x[k + t - 1]*w[k])",
    ),
    "its adjoint: one index is solved for": (
        Equation("x", (term((i + k - 1,), A("o", i) * A("w", k), Ge(i + k - 1, 0), Lt(i + k - 1, T), i=T, k=K),)),
        r"x_{t} = \sum_{t + 1 - T < k \le t + 1} w_{k} o_{t + 1 - k}",
        "x[t] = sum[k, k <= t + 1, k > t + 1 - T](w[k]*o[t + 1 - k])",
    ),
    "a guard on the left side": (
        Equation("o", (term((t,), A("x", t), Ge(t, 2), t=T),)),
        r"o_{t} = \begin{cases} x_{t} & \text{if } t \ge 2 \\ 0 & \text{otherwise} \end{cases}",
        "o[t] = where(t >= 2, x[t], 0)",
    ),
    "a masked mean": (
        Equation("L", (term((), Z / A("beta1"), Ne(A("mask", n), 0), n=N, k=K),)),
        r"L = \frac{1}{\beta_{1}} \sum_{n,k :\, \mathrm{mask}_{n}} z_{n,k}",
        "L = sum[n, k, mask[n] != 0](z[n,k]/beta1)",
    ),
    "a reduced index that has its letter taken": (
        Equation("p", (term((n, k), A("z", n, Index("k_1")) * P, Ne(Index("k_1"), k), n=N, k=K, k_1=K),)),
        r"p_{n,k} = p_{n,k} \sum_{k' \ne k} z_{n,k'}",
        "p[n,k] = sum[k_1, k_1 != k](z[n,k_1]*p[n,k])",
    ),
    "product of others": (
        Equation("L", (term((), A("x", s) + 1, s=T),), "prod"),
        r"L = \prod_{s} (x_{s} + 1)",
        "L = prod[s](x[s] + 1)",
    ),
    "an empty case of a maximum": (
        Equation("o", (term((t,), A("x", s), Ge(t, 2), t=T, s=T),), "max"),
        r"o_{t} = \begin{cases} \max_{s} x_{s} & \text{if } t \ge 2 \\ -\infty & \text{otherwise} \end{cases}",
        "o[t] = where(t >= 2, max[s](x[s]), -inf)",
    ),
    "no term": (Equation("dL_dW", ()), r"\frac{\partial L}{\partial W_{d,k}} = 0", "dL_dW[d,k] = 0"),
    "update of a state": (
        Equation("w_next", (
            term((d,), A("beta1") * A("mu", d), d=D),
            term((d,), (1 - A("beta1")) * A("w_next", d), d=D),
        )),
        r"w'_{d} = \beta_{1} \mu_{d} + (1 - \beta_{1}) w'_{d}",
        "w_next[d] = beta1*mu[d] + (1 - beta1)*w_next[d]",
    ),
    "a Jacobian": (
        Equation("dz_dmu", (term((n, k, d), X * W, n=N, k=K, d=D),)),
        r"\frac{\partial z_{n,k}}{\partial \mu_{d}} = X_{n,d} W_{d,k}",
        "dz_dmu[n,k,d] = X[n,d]*W[d,k]",
    ),
    "the range that the letter does not tell": (
        Equation("L", (term((), A("x", 2 * i), i=J),)),
        r"L = \sum_{0 \le i < J} x_{2 i}",
        "L = sum[i](x[2*i])",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    equation, latex, text = GOLDEN[name]
    assert latex_equation(equation, EMPTY) == latex
    assert text_equation(equation, EMPTY) == text
    mathml(latex, strict=True)  # every command that is printed has its MathML


SCALARS = [
    (1 / (1 + exp(-Z)), r"\frac{1}{1 + e^{-z_{n,k}}}", "1/(1 + exp(-z[n,k]))"),
    (A("z1", n, k) ** 2 / 2, r"\frac{(z^{(1)}_{n,k})^{2}}{2}", "z1[n,k]**2/2"),
    (apply("tanh", Z) ** 2, r"\tanh^{2}(z_{n,k})", "tanh(z[n,k])**2"),
    (apply("sigmoid", Z) * (1 - P), r"(1 - p_{n,k}) \sigma(z_{n,k})", "(1 - p[n,k])*sigmoid(z[n,k])"),
    (P / sqrt(A("beta1") + 1), r"\frac{p_{n,k}}{\sqrt{\beta_{1} + 1}}", "p[n,k]/sqrt(beta1 + 1)"),
    (exp(Z - stop(finite(A("m", n)))), r"e^{z_{n,k} - m_{n}}", "exp(z[n,k] - stop(finite(m[n])))"),
    (stop(Z), r"\operatorname{stop}(z_{n,k})", "stop(z[n,k])"),
    (
        where(Z > 0, Z, 0),
        r"\begin{cases} z_{n,k} & z_{n,k} > 0 \\ 0 & \text{otherwise} \end{cases}",
        "where(z[n,k] > 0, z[n,k], 0)",
    ),
    (where(Z > 0, 1, 0) * P, r"p_{n,k} \mathbf{1}[z_{n,k} > 0]", "p[n,k]*where(z[n,k] > 0, 1, 0)"),
    (A("q", n, k) ** 2, r"(\operatorname{softmax}_{k}(z)_{n,k})^{2}", "q[n,k]**2"),
    (Rational(1, 2) * (P - Y) ** 2, r"\frac{(p_{n,k} - Y_{n,k})^{2}}{2}", "(p[n,k] - Y[n,k])**2/2"),
    (-P - Y, "-Y_{n,k} - p_{n,k}", "-Y[n,k] - p[n,k]"),
    (Y * log(P) * log(Y), r"Y_{n,k} \log(Y_{n,k}) \log p_{n,k}", "Y[n,k]*log(Y[n,k])*log(p[n,k])"),
    (apply("abs", P - Y), r"\left|p_{n,k} - Y_{n,k}\right|", "abs(p[n,k] - Y[n,k])"),
    (apply("xlogx", 1 - P), r"(1 - p_{n,k}) \log(1 - p_{n,k})", "xlogx(1 - p[n,k])"),
    (X**2 + 2 * X + 1, r"X_{n,d}^{2} + 2 X_{n,d} + 1", "X[n,d]**2 + 2*X[n,d] + 1"),
    (Integer(2) ** A("x", t), r"2^{x_{t}}", "2**x[t]"),
    (apply("weighted", Y, log(P)), r"Y_{n,k} \log p_{n,k}", "weighted(Y[n,k], log(p[n,k]))"),
    (A("W1_bar", d, k), r"\bar{W}^{(1)}_{d,k}", "W1_bar[d,k]"),
]


@pytest.mark.parametrize(("expr", "latex", "text"), SCALARS, ids=[text for _, _, text in SCALARS])
def test_scalar(expr, latex: str, text: str) -> None:
    assert latex_expr(expr, EMPTY) == latex
    assert text_expr(expr, EMPTY) == text
    mathml(latex, strict=True)


def test_argument_of_a_maximum_is_printed_where_it_is_used() -> None:
    maximum = Equation("m", (term((n,), Z, n=N, k=K),), "max", ("a",))
    assert latex_equation(maximum, EMPTY) == r"m_{n} = \max_{k} z_{n,k}"
    reader = Equation("L", (term((), A("z", n, A("a", n)), n=N),))
    assert latex_equation(maximum, system(maximum, reader)).endswith(
        r",\quad a_{n} = \operatorname*{arg\,max}_{k} z_{n,k}"
    )
    assert text_equation(maximum, EMPTY) == "m[n] = max[k](z[n,k]); a[n] = argmax[k](z[n,k])"


def test_letters_keep_away_from_scalars() -> None:
    scalar = System({"n": tensor("n"), "x": tensor("x", N), "y": tensor("y", N)}, (), ())
    equation = Equation("y", (term((n,), A("x", n) * A("n"), n=N),))
    assert text_equation(equation, scalar) == "y[o] = n*x[o]"


def test_equality_guard_of_two_letters_is_a_delta_and_of_a_sum_a_condition() -> None:
    guarded = Equation("z", (term((n, k), P, Eq(n, k), n=N, k=K),))
    assert latex_equation(guarded, EMPTY) == r"z_{n,k} = p_{n,k} \delta_{n,k}"


def test_a_tensor_that_a_rewrite_removed_can_still_be_printed() -> None:
    gone = Equation("v_2", (term((n, k), P, n=N, k=K),))
    assert latex_equation(gone, EMPTY) == "v^{(2)}_{n,k} = p_{n,k}"
    adjoint = Equation("dL_dv_2", (term((n, k), A("dL_dv_3", n, k), n=N, k=K),))
    assert latex_equation(adjoint, EMPTY) == (
        r"\frac{\partial L}{\partial v^{(2)}_{n,k}} = \frac{\partial L}{\partial v^{(3)}_{n,k}}"
    )


def test_system_shows_named_tensors_and_the_pieces_they_need() -> None:
    piece = Equation("v_1", (term((n,), A("mu", n) + 1, n=N),))
    unused = Equation("q", (term((n, k), Z, n=N, k=K),))
    total = Equation("L", (term((), A("v_1", n) * A("q", n, k), n=N, k=K),))
    shown = latex_system(system(piece, unused, total))
    assert shown.startswith("\\begin{align*}\n") and shown.endswith("\n\\end{align*}")
    assert "v^{(1)}_{n} &= " in shown
    assert r"\operatorname{softmax}_{k}(z)_{n,k} &=" not in shown  # its label says what it is
    assert r"\operatorname{softmax}_{k}(z)_{n,k} &=" in latex_system(system(piece, unused, total), pieces=True)


def test_labelled_output_prints_its_label() -> None:
    labelled = tensor("r", N, K, label=r"\operatorname{softmax}_{k}(z)")
    model = System({"r": labelled, "z": tensor("z", N, K)}, (), ("r",))
    equation = Equation("r", (term((n, k), exp(Z), n=N, k=K),))
    assert latex_equation(equation, model) == r"r_{n,k} = \operatorname{softmax}_{k}(z)_{n,k}"


def test_same_bytes_under_any_hash_seed() -> None:
    """Hash order changes between processes; what is printed may not."""
    code = (
        "from tests.typeset import test_equation as e\n"
        "for eq, *_ in e.GOLDEN.values(): print(e.latex_equation(eq, e.EMPTY), e.text_equation(eq, e.EMPTY))\n"
        "for x, *_ in e.SCALARS: print(e.latex_expr(x, e.EMPTY), e.text_expr(x, e.EMPTY))\n"
    )
    root = Path(__file__).parents[2]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True, timeout=120,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"\n") == len(GOLDEN) + len(SCALARS)
