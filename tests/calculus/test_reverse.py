"""Reverse mode on programs that are in no catalogue, against central differences; requests that are refused."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.calculus import split
from symgrad.calculus.rewrite import replays
from symgrad.errors import DifferentiationError, UnknownNameError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret

RNG = np.random.default_rng(20)
normal = RNG.normal
PROGRAMS = {
    "embedding bag": (
        """
        E: parameter[v, j]
        tok: label[n, t] over v
        w: parameter[j]
        h[n,j] = mean[t](E[tok[n,t], j])
        L = sum[n](tanh(sum[j](h[n,j]*w[j])))
        """,
        {"E": normal(size=(5, 3)), "tok": RNG.integers(0, 5, (4, 2)), "w": normal(size=3)},
    ),
    "bilinear form": (
        """
        x: input[n, i]
        y: input[n, j]
        A: parameter[i, j]
        s[n] = sum[i,j](x[n,i]*A[i,j]*y[n,j])
        L = mean[n](log(1 + exp(-s[n])))
        """,
        {"x": normal(size=(4, 3)), "y": normal(size=(4, 2)), "A": normal(size=(3, 2))},
    ),
    "causal attention": (
        """
        X: input[t, d]
        Wq, Wk, Wv: parameter[d, h]
        q[t,h] = sum[d](X[t,d]*Wq[d,h])
        k[t,h] = sum[d](X[t,d]*Wk[d,h])
        v[t,h] = sum[d](X[t,d]*Wv[d,h])
        a[t,s] = softmax[s, s <= t](sum[h](q[t,h]*k[s,h])/sqrt(size(h)))
        o[t,h] = sum[s, s <= t](a[t,s]*v[s,h])
        L = sum[t,h](o[t,h]**2)
        """,
        {"X": normal(size=(4, 3)), **{w: normal(size=(3, 2)) for w in ("Wq", "Wk", "Wv")}},
    ),
    "strided and padded convolution": (
        """
        x: input[p]
        w: parameter[k]
        b: parameter
        y[i] = sum[k](x[2*i+k]*w[k]) + b
        z[p] = sum[k, 0 <= p+k-1, p+k-1 < size(p)](x[p+k-1]*w[k])
        L = sum[i](relu(y[i])) + sum[p](z[p]**2)
        """,
        {"x": normal(size=9), "w": normal(size=3), "b": np.array(0.3)},
    ),
    "row-max pooling": (
        """
        x: input[n, d]
        W: parameter[d, k]
        m[n] = max[k](sum[d](x[n,d]*W[d,k]))
        L = sum[n](m[n]**2)
        """,
        {"x": normal(size=(4, 3)), "W": normal(size=(3, 5))},
    ),
    "mixture density": (
        """
        x: input[n]
        a, mu, s: parameter[k]
        lp[n] = logsumexp[k](log_softmax[k](a[k]) - (x[n]-mu[k])**2*exp(-2*s[k])/2 - s[k])
        L = -mean[n](lp[n])
        """,
        {"x": normal(size=6), "a": normal(size=3), "mu": normal(size=3), "s": normal(size=3)},
    ),
    "product with zero factors": (
        """
        x: parameter[n, k]
        L = sum[n](prod[k](x[n,k])**2 + prod[k](x[n,k]))
        """,
        {"x": np.array([[1.0, 0, 2, 3], [0, 0, 1, 2], [1, 2, 3, -1]])},
    ),
    "layer normalisation": (
        """
        x: parameter[n, d]
        g, b: parameter[d]
        c: input[n, d]
        mu[n] = mean[d](x[n,d])
        var[n] = mean[d]((x[n,d]-mu[n])**2)
        y[n,d] = g[d]*(x[n,d]-mu[n])/sqrt(var[n]+1e-5) + b[d]
        L = sum[n,d](y[n,d]*c[n,d])
        """,
        {"x": normal(size=(3, 4)), "g": normal(size=4), "b": normal(size=4), "c": normal(size=(3, 4))},
    ),
    "concatenation": (
        """
        a: parameter[i]
        b: parameter[j]
        c[i] = a[i]
        c[size(i) + j] = b[j]
        L = sum[k](c[k]**3)
        """,
        {"a": normal(size=3), "b": normal(size=2)},
    ),
    "two residual blocks": (
        """
        x: input[n, d]
        W1, W2: parameter[d, e]
        V1, V2: parameter[e, d]
        h1[n,d] = x[n,d] + sum[e](gelu(sum[d](x[n,d]*W1[d,e]))*V1[e,d])
        h2[n,d] = h1[n,d] + sum[e](silu(sum[d](h1[n,d]*W2[d,e]))*V2[e,d])
        L = mean[n](sum[d](h2[n,d]**2))
        """,
        {
            "x": normal(size=(3, 4)), "W1": normal(size=(4, 2)), "W2": normal(size=(4, 2)),
            "V1": normal(size=(2, 4)), "V2": normal(size=(2, 4)),
        },
    ),
    "masked mean and a choice": (
        """
        x: parameter[n, k]
        m: input[n]
        q[n,k] = where(x[n,k] > 0, x[n,k]**2, 3*x[n,k])
        L = sum[n](m[n]*mean[k, k <= n](q[n,k])) + sum[n](abs(x[n,0]))
        """,
        {"x": normal(size=(4, 5)), "m": normal(size=4)},
    ),
}  # fmt: skip


def differences(program, data, name):
    """Central differences with h = 1e-6: truncation 1e-12, rounding 1e-10, relative to values of size 1."""
    base, step = np.array(data[name], dtype=float), 1e-6
    gradient = np.zeros_like(base)
    for cell in np.ndindex(base.shape):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved[cell] += sign * step
            ends.append(float(interpret(program.raw, {**data, name: moved}, outputs=("L",))["L"]))
        gradient[cell] = (ends[0] - ends[1]) / (2 * step)
    return gradient


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradient_in_all_three_forms(name):
    text, data = PROGRAMS[name]
    program = sg.program(text)
    derived = program.gradient("L")
    for form in (derived.raw, derived.display, derived.kernel):
        check(form.prune())
        found = interpret(form, data)
        for tensor in program.raw.declared("parameter"):
            expected = differences(program, data, tensor.name)
            np.testing.assert_allclose(found[f"dL_d{tensor.name}"], expected, rtol=1e-6, atol=1e-7)
    assert all(replays(step) for step in (*derived.display.log, *derived.kernel.log))


def test_two_models_composed():
    encoder = sg.program("x: input[n, d]\nA: parameter[d, j]\nh[n,j] = tanh(sum[d](x[n,d]*A[d,j]))")
    decoder = sg.program("h: input[n, j]\nB: parameter[j]\nL = sum[n]((sum[j](h[n,j]*B[j]))**2)")
    both = encoder.call(decoder)
    data = {"x": normal(size=(3, 4)), "A": normal(size=(4, 2)), "B": normal(size=2)}
    found = both.gradient("L").evaluate(**data)
    for name in ("A", "B"):
        np.testing.assert_allclose(found[f"dL_d{name}"], differences(both, data, name), rtol=1e-6, atol=1e-7)


def test_splitting_keeps_the_meaning():
    for text, data in PROGRAMS.values():
        system = sg.program(text).raw
        np.testing.assert_allclose(
            interpret(split(system), data)["L"], interpret(system, data)["L"], rtol=1e-12  # another order of additions
        )


def test_a_cell_that_does_not_matter_has_a_zero_gradient():
    found = sg.program("x, y: parameter[i]\nL = sum[i](x[i])").gradient("L").evaluate(x=[1.0, 2.0], y=[3.0, 4.0])
    assert found["dL_dy"].tolist() == [0, 0] and found["dL_dx"].tolist() == [1, 1]


def test_derivation_time_grows_linearly_in_the_number_of_equations():
    """Counted in steps, not in seconds: as many steps for each layer."""

    def steps(depth):
        lines = ["h0: input[n]", "a: parameter"]
        lines += [f"h{i + 1}[n] = h{i}[n] + tanh(a*h{i}[n])" for i in range(depth)]
        program = sg.program("\n".join([*lines, f"L = sum[n](h{depth}[n]**2)"])).gradient("L")
        return len(program.display.log), max(len(s.after) for s in program.display.log)

    (few, _), (many, widest) = steps(5), steps(20)
    assert (many - few) % 15 == 0 and widest == 1


REFUSED = {
    ("x: parameter[i]\ny[i] = x[i]**2", "y", None): (
        DifferentiationError,
        "y is not a real scalar, so it has no gradient.\n    y[i] = x[i]**2\n"
        "    Reduce it first, as in  L = sum[i](y[i]).",
    ),
    ("x: input[i]\nL = sum[i](x[i])", "L", None): (DifferentiationError, "there is nothing to differentiate by"),
    ("x: parameter[i]\nL = sum[i](x[i])", "M", None): (UnknownNameError, "M is not a tensor of this program"),
    ("x: parameter[i]\nL = sum[i](x[i])", "L", "w"): (UnknownNameError, "w is not a tensor of this program"),
    ("x: parameter[i]\ny: label[i] over k\nL = sum[i](x[i]*y[i])", "L", "y"): (
        DifferentiationError,
        "y is a tensor of ints: there is no derivative by it.",
    ),
    ("x: parameter[i]\nc: input[i], constant\nL = sum[i](x[i]*c[i])", "L", "c"): (
        DifferentiationError,
        "c is declared constant: it is not differentiated.",
    ),
    ("x: parameter\ndL_dx = 2*x\nL = dL_dx**2", "L", "x"): (UnknownNameError, "the name dL_dx is taken"),
}


@pytest.mark.parametrize("request_", REFUSED, ids=lambda r: f"{r[1]} by {r[2]}")
def test_what_cannot_be_differentiated_is_refused(request_):
    text, output, wrt = request_
    kind, message = REFUSED[request_]
    with pytest.raises(kind) as error:
        sg.program(text).gradient(output, wrt)
    assert message in str(error.value)


def test_a_kink_without_a_choice_is_refused_with_its_equation():
    with pytest.raises(DifferentiationError) as error:
        sg.program("x: parameter[i]\nL = sum[i](sign(x[i]))").gradient("L")
    assert "sign" in str(error.value) and "L = sum[i](sign(x[i]))" in str(error.value)
    assert "stop(" in str(error.value)
