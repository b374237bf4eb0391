"""`to_text` prints what `parse` reads back: the same canonical system without pieces, the same values with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgrad import notation
from symgrad.ir.canonical import system_text
from symgrad.ir.interpret import interpret

PLAIN = {
    "regression": "X: input[n, d]\nw: parameter[d]\nb: parameter\nz[n] = sum[d](X[n,d]*w[d]) + b\nL = mean[n](z[n]**2)",
    "facts": "A: input[i, i], symmetric\nY: input[n, k], distribution over k, positive\ny: label[n] over k\n"
    "s = sum[i](A[i,i]) - sum[n](Y[n, y[n]])",
    "scatter": "c: label[n] over v\nx: input[n, j]\nE: parameter[v, j]\nh[c[n], j] = 2*x[n,j] + E[c[n], j]",
    "concatenation": "a: input[i]\nb: input[j]\nc[i] = a[i]\nc[I + j] = b[j]",
    "strided": "x: input[p]\nw: parameter[k]\ny[i] = sum[k](x[2*i+k]*w[k])\nm = mean[i](y[i])",
    "padding": "x: input[p]\nw: parameter[k]\ny[p] = sum[k, 0 <= p+k-1, p+k-1 < size(p)](x[p+k-1]*w[k])",
    "causal": "A: input[t, t]\nx: input[t]\ny[t] = sum[s, s <= t](A[t,s]*x[s]) + where(t == 0, x[t], 0)",
    "conditions": "x: input[i]\nm: input[i], boolean\n"
    "y[i] = where(x[i] > 0 and not (x[i] >= 2 or x[i] == 1), x[i], -1)\n"
    "s = sum[i, m[i]](y[i])",
    "functions": "x, y: parameter\nz = tanh(x)*sqrt(y) - exp(1)*logaddexp(x, y)/3 + pi**x + abs(x) + 1e-8",
    "product": "x: input[n, k]\nP[n] = prod[k](x[n,k])\nM[n] = max[k](x[n,k])\noutputs: P, M",
    "updates": "w: parameter[i]\ng: input[i]\nw_next[i] = w[i] - 0.1*g[i]\nupdates: w -> w_next",
    "diagonal": "x: input[i]\nD[i,i] = x[i]",
    "hidden sizes": "N: input[n]\nq: input\ny[n] = N[n]*size(n)*q",
    "shared letters": "w: parameter[k]\nx: input[n, j]\nk: input\ny[n] = sum[j](x[n,j]*w[j])*k",
    "shapes": "x: input[n, 2*n, 3]\ny[n] = sum[i, j](x[n,i,j])",
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_round_trip(name):
    system = notation.parse(PLAIN[name])
    text = notation.to_text(system)
    assert system_text(notation.parse(text)) == system_text(system), text
    assert notation.to_text(notation.parse(text)) == text


def test_the_comparison_sees_a_difference():
    system = notation.parse(PLAIN["regression"])
    other = notation.to_text(system).replace("W[d]", "w[d]").replace("z[n]**2", "z[n]**3")
    assert system_text(notation.parse(other)) != system_text(system)


def test_the_text_is_readable():
    assert notation.to_text(notation.parse(PLAIN["regression"])).splitlines() == [
        "X: input[n, d]",
        "w: parameter[d]",
        "b: parameter",
        "z[n] = sum[d](w[d]*X[n, d]) + b",
        "L = sum[n](z[n]**2/N)",
        "outputs: L",
    ]


PIECES = {
    "softmax": "z: input[n, k]\nL = mean[n](-sum[k](softmax[k](2*z[n,k])**2)) + sum[n](logsumexp[k](z[n,k]))",
    "causal softmax": "z: input[t, t]\np[t,s] = softmax[s, s <= t](z[t,s])\nm[t] = mean[s, s <= t](p[t,s])",
    "argmax": "z: input[n, k]\nc[n] = argmax[k](z[n,k])\nL = sum[n](z[n, c[n]])",
    "mean under a triangle": "z: input[i, k]\nm[i] = mean[j, j <= i](z[j,0])",
    "choice": "z: input[n, k]\nL = sum[n, k](tanh(where(k > 0, z[n, k-1], 0))*z[n,k])",
}


@pytest.mark.parametrize("name", PIECES)
def test_pieces_keep_their_values(name):
    system = notation.parse(PIECES[name])
    again = notation.parse(notation.to_text(system))
    z = np.random.default_rng(1).standard_normal((4, 4))
    first, second = interpret(system, {"z": z}), interpret(again, {"z": z})
    for output in system.outputs:  # the same operations in another order: a few roundings
        np.testing.assert_allclose(second[output], first[output], rtol=1e-13)


READS = ["x[n, d]", "w[d]", "v[n]", "b", "2", "x[n, d]*w[d]", "n"]


def bodies():
    leaf = st.sampled_from(READS)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            inner.map(lambda t: f"tanh({t})"),
            inner.map(lambda t: f"where(n < d, {t}, b)"),
            inner.map(lambda t: f"where(v[n] > 0, {t}, 1)"),
        ),
        max_leaves=6,
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(bodies(), st.sampled_from(["sum[d]", "mean[d]", "max[d]", "sum[d, d <= n]", "logsumexp[d]"]))
def test_random_programs_keep_their_values(body, reduction):
    text = f"x: input[n, d]\nw: parameter[d]\nv: input[n]\nb: parameter\ny[n] = v[n] + {reduction}({body})"
    system = notation.parse(text)
    again = notation.parse(notation.to_text(system))
    rng = np.random.default_rng(0)
    arrays = {t.name: rng.standard_normal((3, 4)[: t.rank] if t.name != "w" else 4) for t in system.declared()}
    first, second = (interpret(s, arrays)["y"] for s in (system, again))
    np.testing.assert_allclose(second, first, rtol=1e-12, atol=1e-12)  # values of size 1, sums of 4
