"""Programs in the notation mean what NumPy says they mean.

Tolerances: everything is float64 with sums of at most a few hundred numbers of size 1, so 1e-12 is thousands of ULP.
"""

import numpy as np
import pytest
from scipy import special
from sympy import Rational

from symgrad import notation
from symgrad.errors import ShapeError
from symgrad.ir.interpret import interpret

RNG = np.random.default_rng(7)


def run(text, outputs=None, sizes=None, **arrays):
    result = interpret(notation.parse(text, sizes), arrays, outputs=outputs)
    return next(iter(result.values())) if len(result) == 1 else result


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def normal(*shape):
    return RNG.standard_normal(shape)


SOFTMAX_REGRESSION = """
    X: input[n, d]
    Y: input[n, k], distribution over k
    W: parameter[d, k]
    b: parameter[k]
    z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
    p[n,k] = softmax[k](z[n,k])
    L      = mean[n](-sum[k](Y[n,k]*log(p[n,k])))
"""


def test_the_design_example():
    X, W, b = normal(6, 4), normal(4, 3), normal(3)
    Y = special.softmax(normal(6, 3), axis=1)
    loss = run(SOFTMAX_REGRESSION, X=X, Y=Y, W=W, b=b)
    close(loss, -np.mean(np.sum(Y * special.log_softmax(X @ W + b, axis=1), axis=1)))


def test_the_design_example_has_the_agreed_shape():
    system = notation.parse(SOFTMAX_REGRESSION)
    loss = system.defining()["L"]
    assert len(loss.terms) == 1
    assert str(loss.terms[0].body) == "-log(p[n, k])*Y[n, k]/N"
    assert [str(r.index) for r in loss.terms[0].domain] == ["n", "k"]
    assert len(system.defining()["z"].terms) == 2
    assert system.tensors["p"].named and system.tensors["p"].complement
    assert system.outputs == ("L",)
    assert system.tensors["Y"].facts[0].name == "distribution" and system.tensors["Y"].facts[0].axes == (1,)
    assert loss.source.startswith("L      = mean[n]")


def test_complement_of_softmax_is_exact():
    text = "z: input[k]\np[k] = softmax[k](z[k])"
    system = notation.parse(text)
    q = system.tensors["p"].complement
    out = interpret(system, {"z": np.array([0.0, 80.0, 1.0])}, outputs=("p", q))
    # 1 - p of the largest logit is exp(-79) + exp(-80), which 1 - p in float64 would give as 0
    close(out[q][1] / (np.exp(-79.0) + np.exp(-80.0)), 1.0)
    close(out["p"] + out[q], 1.0)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e307])
def test_stable_forms_stay_finite(scale):
    z = scale * normal(5, 4)
    text = "z: input[n, k]\na[n] = logsumexp[k](z[n,k])\nb[n,k] = log_softmax[k](z[n,k])\nc[n,k] = softmax[k](z[n,k])"
    out = run(text, z=z)
    close(out["a"], special.logsumexp(z, axis=1))
    close(out["b"], special.log_softmax(z, axis=1))
    close(out["c"], special.softmax(z, axis=1))


def test_stable_forms_share_their_pieces():
    system = notation.parse(
        "z: input[n, k]\na[n] = logsumexp[k](z[n,k])\nb[n,k] = softmax[k](z[n,k])\nm[n] = max[k](z[n,k])"
    )
    maxima = [e for e in system.equations if e.reduce == "max"]
    exponentials = [e for e in system.equations if "exp(" in str(e.terms[0].body)]
    assert len(maxima) == 2 and len(exponentials) == 1  # the user's own m is an equation of its own


def test_softmax_inside_a_sum_gets_a_label():
    text = "z: input[n, k]\nY: input[n, k]\nL = mean[n](-sum[k](Y[n,k]*log(softmax[k](z[n,k]))))"
    system = notation.parse(text)
    labels = {t.label for t in system.tensors.values() if not t.named}
    assert r"\operatorname{softmax}_{k}(z)" in labels
    z, Y = normal(4, 3), RNG.random((4, 3))
    close(run(text, z=z, Y=Y), -np.mean(np.sum(Y * special.log_softmax(z, axis=1), axis=1)))


def test_softmax_over_two_indices():
    z = normal(3, 4)
    close(run("z: input[i, j]\np[i,j] = softmax[i, j](z[i,j])", z=z), special.softmax(z))


def test_embedding_bag():
    text = """
        tok: label[n, t] over v
        E: parameter[v, j]
        bag[n, j] = mean[t](E[tok[n,t], j])
    """
    E, tok = normal(7, 3), RNG.integers(0, 7, (4, 5))
    close(run(text, tok=tok, E=E), E[tok].mean(1))


def test_bilinear_form():
    x, A, y = normal(4), normal(4, 5), normal(5)
    text = "x: input[i]\ny: input[j]\nA: parameter[i, j]\ns = sum[i, j](x[i]*A[i,j]*y[j])"
    close(run(text, x=x, y=y, A=A), x @ A @ y)


def test_causal_attention():
    text = """
        q, k, v: input[t, d]
        a[t, s] = softmax[s, s <= t](sum[d](q[t,d]*k[s,d])/sqrt(D))
        o[t, d] = sum[s, s <= t](a[t,s]*v[s,d])
    """
    q, k, v = normal(6, 3), normal(6, 3), normal(6, 3)
    scores = np.where(np.tril(np.ones((6, 6), bool)), q @ k.T / np.sqrt(3), -np.inf)
    system = notation.parse(text, sizes={"s": 6})
    out = interpret(system, {"q": q, "k": k, "v": v}, outputs=("o", "a", system.tensors["a"].complement))
    close(out["o"], special.softmax(scores, axis=1) @ v)
    close(out[system.tensors["a"].complement], 1 - special.softmax(scores, axis=1))


def test_index_of_the_left_takes_its_size_from_a_plain_read():
    text = "q, k: input[t, d]\na[t, s] = sum[d](q[t,d]*k[s,d])"
    assert [str(s) for s in notation.parse(text).tensors["a"].shape] == ["T", "T"]


def test_strided_convolution_takes_the_largest_extent():
    text = "x: input[p]\nw: parameter[k]\ny[i] = sum[k](x[2*i+k]*w[k])"
    x, w = normal(10), normal(3)
    assert str(notation.parse(text).tensors["y"].shape[0]) == "floor(-K/2 + P/2) + 1"
    close(run(text, x=x, w=w), [x[2 * i : 2 * i + 3] @ w for i in range(4)])


def test_strided_and_padded_convolution():
    text = """
        x: input[b, p, c]
        w: parameter[k, c, f]
        y[b, i, f] = sum[k, c, 0 <= 2*i+k-1, 2*i+k-1 < size(p)](x[b, 2*i+k-1, c]*w[k, c, f])
    """
    x, w = normal(2, 7, 3), normal(3, 3, 4)
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    expected = np.stack([np.einsum("bkc,kcf->bf", padded[:, 2 * i : 2 * i + 3], w) for i in range(4)], axis=1)
    close(run(text, sizes={"i": 4}, x=x, w=w), expected)


def test_padding_takes_the_size_of_the_declared_letter():
    text = "x: input[p]\nw: parameter[k]\ny[p] = sum[k, 0 <= p+k-1, p+k-1 < size(p)](x[p+k-1]*w[k])"
    x, w = normal(9), normal(3)
    assert str(notation.parse(text).tensors["y"].shape[0]) == "P"
    close(run(text, x=x, w=w), np.convolve(np.pad(x, 1), w[::-1], "valid"))


def test_causal_convolution_is_bounded_by_the_other_side():
    text = "x: input[p]\nw: parameter[k]\ny[t] = sum[k, k <= t](x[t-k]*w[k])"
    x, w = normal(9), normal(3)
    close(run(text, x=x, w=w), np.convolve(x, w)[:9])


def test_differences_slide_along_one_axis():
    x = normal(6)
    close(run("x: input[i]\nd[i] = x[i+1] - x[i]", x=x), np.diff(x))
    close(run("x: input[i]\nd[i] = x[i+2] - 2*x[i+1] + x[i]", x=x), np.diff(x, 2))


def test_a_guarded_shift_keeps_the_declared_size():
    x = normal(5)
    close(run("x: input[t]\ny[t] = where(t > 0, x[t-1], 0)", x=x), np.r_[0, x[:-1]])
    close(run("x: input[t]\ny[i] = where(i > 0, x[i-1], 0)", x=x), np.r_[0, x])


def test_a_guard_gives_a_size_that_nothing_else_gives():
    close(run("x: input\ny = sum[j, j < 5](x**j)", x=0.5), 1.9375)
    close(run("x: input\ny = sum[j, 0 <= j <= 4](x**j)", x=0.5), 1.9375)


def test_a_part_is_not_read_by_a_plain_index():
    text = "a: input[i]\nb: input[j]\nc[i] = a[i]\nc[I + j] = b[j]\nd[i] = c[i]*a[i]"
    with pytest.raises(ShapeError, match="index i has two sizes"):
        notation.parse(text)


def test_reversal():
    x = normal(5)
    close(run("x: input[i]\ny[i] = x[I - 1 - i]", x=x), x[::-1])


def test_row_max_pooling():
    x = normal(3, 8)
    close(run("x: input[n, t]\ny[n] = max[t](x[n,t])", x=x), x.max(1))
    close(run("x: input[n, t]\ny[n, i] = max[j](x[n, 2*i + j])", sizes={"j": 2}, x=x), x.reshape(3, 4, 2).max(2))
    close(run("x: input[n, t]\ny[n] = min[t](x[n,t]) + 1", x=x), x.min(1) + 1)


def test_argmax_is_an_integer_tensor():
    text = "z: input[n, k]\nw: parameter[k]\nc[n] = argmax[k](z[n,k])\ns[n] = w[c[n]] + argmax[k](z[n,k])"
    z, w = normal(5, 4), normal(4)
    out = run(text, outputs=("c", "s"), z=z, w=w)
    assert out["c"].dtype == np.int64
    assert notation.parse(text).tensors["c"].named
    close(out["c"], z.argmax(1))
    close(out["s"], w[z.argmax(1)] + z.argmax(1))


def test_argmax_of_a_maximum_that_exists():
    text = "z: input[n, k]\nm[n] = max[k](z[n,k])\nc[n] = argmax[k](z[n,k])\noutputs: m, c"
    z = normal(5, 4)
    out = run(text, z=z)
    assert out["c"].dtype == np.int64
    close(out["c"], z.argmax(1))


def test_mixture_density():
    text = """
        x: input[n]
        mu, a, s: parameter[k]
        L = -mean[n](logsumexp[k](log_softmax[k](a[k]) - log(s[k]) - log(2*pi)/2 - ((x[n] - mu[k])/s[k])**2/2))
    """.replace("log_softmax[k](a[k])", "lw[k]").replace("mu, a, s", "lw, mu, s")
    x, lw, mu, s = normal(6), normal(3), normal(3), 0.5 + RNG.random(3)
    dens = lw - np.log(s) - np.log(2 * np.pi) / 2 - ((x[:, None] - mu) / s) ** 2 / 2
    close(run(text, x=x, lw=lw, mu=mu, s=s), -special.logsumexp(dens, axis=1).mean())


def test_log_softmax_under_logsumexp():
    # inside logsumexp[k] the letter k is bound, so log_softmax[k] has its place there
    a, b = normal(4), normal(4)
    expected = special.logsumexp(special.log_softmax(a) + b)
    close(run("a, b: parameter[k]\nL = logsumexp[k](log_softmax[k](a[k]) + b[k])", a=a, b=b), expected)


def test_product_with_a_zero_factor():
    x = normal(3, 4)
    x[1, 2] = 0
    close(run("x: input[n, k]\nP[n] = prod[k](x[n,k])", x=x), x.prod(1))


def test_layer_norm():
    text = """
        x: input[n, d]
        g, b: parameter[d]
        y[n,d] = g[d]*(x[n,d] - mean[d](x[n,d]))/sqrt(mean[d]((x[n,d] - mean[d](x[n,d]))**2) + 1e-5) + b[d]
    """
    x, g, b = normal(4, 6), normal(6), normal(6)
    expected = g * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) + b
    close(run(text, x=x, g=g, b=b), expected)
    assert len(notation.parse(text).equations) == 3  # one mean (shared), one variance, y


def test_cross_entropy_by_labels_and_by_one_hot():
    z, y = normal(5, 4), RNG.integers(0, 4, 5)
    expected = -special.log_softmax(z, axis=1)[np.arange(5), y].mean()
    labels = "z: input[n, k]\ny: label[n] over k\nlp[n,k] = log_softmax[k](z[n,k])\nL = mean[n](-lp[n, y[n]])"
    close(run(labels, z=z, y=y), expected)
    one_hot = "z: input[n, k]\nY: input[n, k], one-hot over k\nL = -mean[n](sum[k](Y[n,k]*log_softmax[k](z[n,k])))"
    close(run(one_hot, z=z, Y=np.eye(4)[y]), expected)


def test_concatenation():
    a, b = normal(3, 2), normal(4, 2)
    text = "a: input[i, d]\nb: input[j, d]\nc[i, d] = a[i, d]\nc[I + j, d] = 2*b[j, d]"
    text += "\ns[d] = sum[i](c[i, d])\noutputs: c, s"
    out = run(text, a=a, b=b)
    close(out["c"], np.concatenate([a, 2 * b]))
    assert [str(s) for s in notation.parse(text).tensors["c"].shape] == ["I + J", "D"]
    assert len(notation.parse(text).defining()["c"].terms) == 2


def test_concatenation_of_reductions():
    a = normal(3, 2)
    text = "a: input[n, k]\nc[0] = max[n, k](a[n,k])\nc[1] = sum[n, k](a[n,k])\nc[2] = mean[n, k](a[n,k])"
    close(run(text, a=a), [a.max(), a.sum(), a.mean()])


def test_cumulative_sum_and_triangle():
    x, A = normal(5), normal(4, 4)
    close(run("x: input[i]\nc[i] = sum[j, j <= i](x[j])", x=x), np.cumsum(x))
    close(run("A: input[i, i]\nx: input[i]\ny[i] = sum[j, j <= i](A[i,j]*x[j])", A=A, x=x[:4]), np.tril(A) @ x[:4])


def test_guarded_mean_divides_by_its_count():
    x = normal(5)
    close(run("x: input[i]\nc[i] = mean[j, j < i](x[j])", x=x), [0, *(np.cumsum(x)[:-1] / np.arange(1, 5))])


def test_mask_by_a_boolean_tensor():
    x, mask = normal(6), np.array([1, 0, 1, 1, 0, 0], bool)
    close(run("x: input[n]\nm: input[n], boolean\ns = mean[n, m[n]](x[n])", x=x, m=mask), x[mask].mean())
    close(run("x: input[n]\nm: input[n], boolean\ny[n] = where(m[n], x[n], -1)", x=x, m=mask), np.where(mask, x, -1))


def test_diagonal_read_and_written():
    A = normal(4, 4)
    close(run("A: input[i, i]\nt = sum[i](A[i,i])", A=A), np.trace(A))
    close(run("x: input[i]\nD[i,i] = x[i]", x=A[0]), np.diag(A[0]))


def test_scatter_add():
    tok, x = RNG.integers(0, 4, 6), normal(6, 2)
    expected = np.zeros((4, 2))
    np.add.at(expected, tok, x)
    close(run("tok: label[n] over v\nx: input[n, j]\nh[tok[n], j] = x[n, j]", sizes={"v": 4}, tok=tok, x=x), expected)


def test_where_on_indices_becomes_guards():
    system = notation.parse("a, b: input[t, t]\nz[t,s] = where(s <= t, a[t,s], b[t,s])", sizes=None)
    terms = system.defining()["z"].terms
    assert len(terms) == 2 and all(t.guard for t in terms)
    a, b = normal(4, 4), normal(4, 4)
    close(interpret(system, {"a": a, "b": b})["z"], np.where(np.tril(np.ones((4, 4), bool)), a, b))


def test_where_on_values_stays_in_the_body():
    x = normal(8)
    close(run("x: input[i]\ny[i] = where(x[i] > 0 and x[i] < 1, x[i], -2)", x=x), np.where((x > 0) & (x < 1), x, -2))


def test_nothing_is_read_where_a_choice_fails():
    x = normal(5)
    text = "x: input[i]\ny[i] = tanh(where(0 < i, x[i-1], 0)) + 2*where(i > 0, x[i-1], x[i])"
    close(run(text, x=x), np.tanh(np.r_[0, x[:-1]]) + 2 * np.r_[x[0], x[:-1]])


def test_where_with_index_and_value_conditions():
    x = normal(5)
    expected = [0] + [x[i] if x[i - 1] > 0 else 0 for i in range(1, 5)]
    close(run("x: input[i]\ny[i] = where(i > 0 and x[i-1] > 0, x[i], 0)", x=x), expected)


def test_an_index_is_a_value():
    x = normal(4)
    close(run("x: input[i]\ny[i] = i*x[i] + I", x=x), np.arange(4) * x + 4)


def test_a_bound_letter_hides_the_outer_one():
    x = normal(5)
    close(run("x: input[n]\ny[n] = x[n] - mean[n](x[n])", x=x), x - x.mean())


def test_declared_names_win():
    N, S = normal(3), 2.5
    text = "N: input[n]\nS, e, beta: parameter\nsum_[n] = N[n]*S + e + beta/size(n)"
    close(run(text, N=N, S=S, e=1.0, beta=3.0), N * S + 1 + 1)
    close(run("x: input[i]\ny[i] = pi*x[i] + e", x=N), np.pi * N + np.e)


def test_numbers_are_exact():
    system = notation.parse("x: input\ny = 0.1*x + 1e-8")
    assert system.equations[0].terms[0].body.coeff(system.equations[0].reads()[0]) == Rational(1, 10)
    assert Rational(1, 10**8) in system.equations[0].terms[0].body.atoms(Rational)


def test_affine_indices_with_sizes():
    x = normal(12)
    text = "x: input[p]\nw: input[h, d]\ny[h, d] = x[h*D + d]*w[h, d]"
    close(run(text, x=x, w=np.ones((3, 4))), x.reshape(3, 4))


def test_rank_zero_label():
    text = "x: input[k]\ny: label over k\nL = x[y]"
    close(run(text, x=np.arange(4.0), y=2), 2.0)


def test_a_letter_may_be_another_one_where_it_is_read():
    system = notation.parse("w: parameter[k]\nx: input[n, j]\ny[n] = sum[j](x[n,j]*w[j])")
    assert str(system.tensors["w"].shape) == str(system.tensors["x"].shape[1:])
    assert str(system.tensors["w"].shape[0]) == "K"  # declared first


def test_sizes_fix_letters():
    system = notation.parse(SOFTMAX_REGRESSION, sizes={"k": 10})
    assert str(system.tensors["W"].shape) == "(D, 10)"
    assert notation.parse("x: input[n, 3]\ny[n] = sum[j](x[n,j])").tensors["x"].shape[1] == 3


def test_updates():
    text = (
        "w: parameter[i]\ng: input[i]\nm: state[i]\nm_next[i] = 0.9*m[i] + g[i]\nw_next[i] = w[i] - 0.1*m_next[i]\n"
        "updates: w -> w_next, m -> m_next"
    )
    assert notation.parse(text).updates == {"w": "w_next", "m": "m_next"}


def test_comments_and_continued_lines():
    text = """
        # a comment
        x: input[n]   # and another
        y[n] = maximum(
            x[n],     # inside
            0)
    """
    x = normal(4)
    close(run(text, x=x), np.maximum(x, 0))


def test_scaled_nested_sums_are_one_term():
    system = notation.parse("x: input[n, k]\nL = -2*sum[n](sum[k](x[n,k])/N + 3)/4")
    bodies = {(len(t.domain), str(t.body)) for t in system.defining()["L"].terms}
    assert bodies == {(2, "-x[n, k]/(2*N)"), (1, "-3/2")}


def test_names_of_indices_do_not_matter_to_shared_pieces():
    system = notation.parse("x: input[n, d]\na[n] = exp(sum[d](x[n,d]))\nb[m] = sin(sum[j](x[m,j]))")
    assert len(system.equations) == 3


def test_brackets_around_a_condition():
    """Iverson's: 1 where it holds, 0 elsewhere."""
    x = normal(4)
    text = "x: input[n]\ny[n,m] = x[n]*[n == m] + 2*[x[m] > 0 and n < m]"
    close(run(text, x=x), np.diag(x) + 2 * np.triu(np.ones((4, 4)), 1) * (x > 0))
