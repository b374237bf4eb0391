"""Two programs composed, and inputs fixed. Tolerance: float64 sums of a few numbers of size 1."""

import numpy as np
import pytest

from symgrad import notation
from symgrad.errors import DTypeError, NotationError, ShapeError, UnknownNameError
from symgrad.ir.interpret import interpret

RNG = np.random.default_rng(3)

LAYER = """
    x: input[n, d]
    W: parameter[d, h]
    b: parameter[h]
    y[n,h] = tanh(sum[d](x[n,d]*W[d,h]) + b[h])
"""
LOSS = """
    p: input[n, k]
    t: input[n, k], distribution over k
    W: parameter
    L = W*mean[n](sum[k]((p[n,k] - t[n,k])**2))
"""


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def normal(*shape):
    return RNG.standard_normal(shape)


def test_a_loss_on_a_layer():
    system = notation.compose(notation.parse(LAYER), notation.parse(LOSS), {"p": "y"})
    assert system.outputs == ("L",)
    assert {t.name for t in system.tensors.values() if t.named} == {"x", "W", "b", "y", "t", "inner_W", "L"}
    assert [str(s) for s in system.tensors["t"].shape] == ["N", "H"]  # unified through p = y
    x, W, b, t = normal(5, 3), normal(3, 4), normal(4), normal(5, 4)
    out = interpret(system, {"x": x, "W": W, "b": b, "t": t, "inner_W": 2.0})
    close(out["L"], 2 * np.mean(np.sum((np.tanh(x @ W + b) - t) ** 2, 1)))


def test_a_layer_on_a_layer_keeps_sizes_and_names_apart():
    system = notation.parse(LAYER)
    for _ in range(2):
        system = notation.compose(system, notation.parse(LAYER), {"x": system.outputs[0]})
    assert system.outputs == ("inner_y_1",)
    assert [str(s) for s in system.tensors["inner_W"].shape] == ["H", "H_1"]
    assert [str(s) for s in system.tensors["inner_W_1"].shape] == ["H_1", "H_2"]
    x, W = normal(5, 3), [normal(3, 4), normal(4, 2), normal(2, 6)]
    arrays = {"x": x, "W": W[0], "inner_W": W[1], "inner_W_1": W[2], "b": np.zeros(4), "inner_b": np.zeros(2)}
    out = interpret(system, arrays | {"inner_b_1": np.zeros(6)})
    close(out["inner_y_1"], np.tanh(np.tanh(np.tanh(x @ W[0]) @ W[1]) @ W[2]))


def test_parameters_are_shared_on_request():
    once = notation.parse("""
        x: input[n, d]
        W: parameter[d, d]
        b: parameter[d]
        y[n,e] = tanh(sum[d](x[n,d]*W[d,e]) + b[e])
    """)
    twice = notation.compose(once, once, {"x": "y", "W": "W", "b": "b", "y": "y2"})
    assert twice.outputs == ("y2",)
    x, W, b = normal(5, 3), normal(3, 3), normal(3)
    close(interpret(twice, {"x": x, "W": W, "b": b})["y2"], np.tanh(np.tanh(x @ W + b) @ W + b))


def test_inputs_of_one_name_are_one():
    a = notation.parse("x: input[i]\nu[i] = 2*x[i]")
    b = notation.parse("x: input[j]\nv[j] = 3*x[j]")
    system = notation.compose(a, b)
    assert set(system.outputs) == {"u", "v"}
    out = interpret(system, {"x": np.arange(3.0)})
    close(out["u"] * 1.5, out["v"])


def test_facts_of_a_bound_input_are_not_believed():
    a = notation.parse("x: input[i]\nt[i] = x[i]**2")
    b = notation.parse("t: input[i], distribution over i\nL = sum[i](t[i])")
    assert notation.compose(a, b).tensors["t"].facts == ()


def test_complements_follow_their_tensor():
    a = notation.parse("x: input[i]\nz[i] = x[i]\np_complement = 1")
    b = notation.parse("z: input[i]\np[i] = softmax[i](z[i])")
    system = notation.compose(a, b)
    q = system.tensors["p"].complement
    out = interpret(system, {"x": normal(3)}, outputs=("p", q))
    close(out["p"] + out[q], 1)


def test_gathered_reads_are_renamed_too():
    a = notation.parse("tok: label[n] over v\nE: parameter[v, j]\nx[n,j] = E[tok[n], j]")
    system = notation.compose(a, a, {"E": "E", "tok": "tok", "x": "x2"})
    tok, E = RNG.integers(0, 4, 5), normal(4, 2)
    close(interpret(system, {"tok": tok, "E": E})["x2"], E[tok])


@pytest.mark.parametrize(
    ("rename", "kind", "expected"),
    [
        ({"q": "y"}, UnknownNameError, "rename: the called program has no tensor q.\n    It has p, t, W, L."),
        (
            {"L": "y"},
            NotationError,
            "rename: L is computed by the called program and cannot be y, which exists already.",
        ),
        ({"p": "b"}, ShapeError, "p does not fit b.\n    p has the shape (N, K), b the shape (H)."),
    ],
)
def test_errors(rename, kind, expected):
    with pytest.raises(kind) as caught:
        notation.compose(notation.parse(LAYER), notation.parse(LOSS), rename)
    assert str(caught.value).startswith(expected)


def test_dtypes_must_agree():
    with pytest.raises(DTypeError, match="c is int, but t is float"):
        notation.compose(
            notation.parse("t: input[n]\ns[n] = t[n]"),
            notation.parse("c: label[n] over k\nw: parameter[k]\nr[n] = w[c[n]]"),
            {"c": "t"},
        )


NOISY = "x: input[n]\nnoise: noise[n]\nr: noise\ny[n] = x[n] + 0.5*noise[n] + exp(r)"


def test_fixed_noise_is_gone():
    system = notation.at(notation.parse(NOISY), noise=0, r=0.1)
    assert set(system.tensors) == {"x", "y"}
    close(interpret(system, {"x": np.arange(3.0)})["y"], np.arange(3.0) + np.exp(0.1))


def test_fixed_label_selects():
    system = notation.at(notation.parse("z: input[k]\nc: label over k\ny = where(c == 1, z[c], 0) + z[0]"), c=1)
    close(interpret(system, {"z": np.array([1.0, 5.0])})["y"], 6.0)


def test_a_guard_that_cannot_hold_leaves_zero():
    text = "z: input[k]\nc: input, integer\ny[k] = where(c == 1, z[k], 0)"
    assert not interpret(notation.at(notation.parse(text), c=0), {"z": np.ones(3)})["y"].any()


@pytest.mark.parametrize(
    ("fixed", "kind", "expected"),
    [
        ({"nois": 0}, UnknownNameError, "at: nois is not an input of this program.\n    Did you mean noise?"),
        ({"y": 0}, UnknownNameError, "at: y is not an input of this program."),
        ({"x": float("nan")}, NotationError, "at: x = nan is not a finite number."),
        ({"x": "2"}, NotationError, "at: x = '2' is not a finite number."),
        ({"x": 0, "noise": 0}, ShapeError, "at: nothing but x, noise determines the size N."),
    ],
)
def test_errors_of_at(fixed, kind, expected):
    with pytest.raises(kind) as caught:
        notation.at(notation.parse(NOISY), **fixed)
    assert str(caught.value).startswith(expected)


def test_at_refuses_what_has_no_value():
    with pytest.raises(NotationError, match="no real value"):
        notation.at(notation.parse("x: input\ny = log(x)"), x=0)
