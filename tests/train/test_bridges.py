"""ONNX, PyTorch and JAX, each where it is installed; what they cannot do is said."""

import sys

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import SymgradError, UnknownNameError
from symgrad.library.models import mlp
from symgrad.train import onnx_export

RNG = np.random.default_rng(6)
ARRAYS = {
    "X": RNG.standard_normal((7, 4)).astype("float32"), "y": RNG.integers(0, 3, 7),
    "W": RNG.standard_normal((4, 3)).astype("float32"), "b": RNG.standard_normal(3).astype("float32"),
}  # fmt: skip
SOFTMAX = """
X: input[n, d]
y: label[n] over k
W: parameter[d, k]
b: parameter[k]
z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
p[n,k] = softmax[k](z[n,k])
L = mean[n](-log(p[n,y[n]]))
outputs: L, p
"""


def gradient():
    return sg.program(SOFTMAX).gradient("L", ["X", "W", "b"]).evaluate(**ARRAYS)


def test_torch_differentiates_by_our_kernel():
    torch = pytest.importorskip("torch")
    f = sg.bridges.torch_function(SOFTMAX, "L")
    tensors = {n: torch.tensor(a, requires_grad=a.dtype.kind == "f") for n, a in ARRAYS.items()}
    loss = f(**tensors)
    z = tensors["X"] @ tensors["W"] + tensors["b"]
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(z, tensors["y"]))
    (3 * loss).backward()
    for name in ("X", "W", "b"):
        np.testing.assert_allclose(tensors[name].grad, 3 * gradient()[f"dL_d{name}"], rtol=1e-4, atol=1e-6)  # float32
    with pytest.raises(UnknownNameError, match="L is a function of X, y, W, b"):
        f(tensors["X"])


def test_torch_checks_a_tensor_valued_output_itself():
    """PyTorch's own check against differences, in float64."""
    torch = pytest.importorskip("torch")
    f = sg.bridges.torch_function("x: input[n]\na: parameter\ny[n] = tanh(a*x[n])*x[n]", dtype="float64")
    x = torch.tensor(RNG.standard_normal(5), requires_grad=True)
    assert torch.autograd.gradcheck(f, (x, torch.tensor(0.7, dtype=torch.float64, requires_grad=True)))


def test_jax_differentiates_by_our_kernel():
    jax = pytest.importorskip("jax")
    f = sg.bridges.jax_function(SOFTMAX, "L")
    arrays = [ARRAYS[n] for n in ("X", "y", "W", "b")]
    value, (by_x, by_w) = jax.value_and_grad(f, argnums=(0, 2))(*arrays)
    np.testing.assert_allclose(value, sg.program(SOFTMAX).evaluate(**ARRAYS)["L"], rtol=1e-5)
    np.testing.assert_allclose(by_w, gradient()["dL_dW"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.grad(f))(*arrays), by_x, rtol=1e-6)
    both = jax.vmap(lambda b: f(*arrays[:3], b))(np.stack([ARRAYS["b"], 2 * ARRAYS["b"]]))
    np.testing.assert_allclose(both[0], value, rtol=1e-6)


def test_missing_libraries_are_named(monkeypatch, tmp_path):
    for name in ("torch", "jax", "onnx"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SymgradError, match="this bridge needs PyTorch, which is not installed: pip install torch"):
        sg.bridges.torch_function(SOFTMAX, "L")
    with pytest.raises(SymgradError, match="this bridge needs JAX"):
        sg.bridges.jax_function(SOFTMAX, "L")
    with pytest.raises(SymgradError, match=r'needs the package onnx: pip install "symgrad\[onnx\]"'):
        fitted("y: input[n]\nw: parameter\np[n] = w*y[n]\nL = mean[n](p[n])\noutputs: L, p", (np.ones(3),)).to_onnx("x")


def fitted(text, data, **options):
    return sg.fit(text, data, epochs=1, engine="interpret", **options)


X = RNG.standard_normal((20, 4))
Y = RNG.integers(0, 3, 20)
LINE = "\nL = mean[n]((p[n] - y[n])**2)\noutputs: L, p"
GRAPHS = {
    "mlp": (mlp(4, 5, 3), (X, Y)),
    "gelu": (mlp(4, 5, 3, activation="gelu"), (X, Y)),
    "embedding": (
        "t: label[n] over 3\ny: input[n]\nE: parameter[3, 2]\np[n] = sum[j](E[t[n],j]**2)" + LINE, (Y, X[:, 0]),
    ),
    "normalised": (
        "X: input[n, d]\ny: input[n]\nw: parameter[d]\nm[d] = mean[n](X[n,d])\n"
        "s[d] = mean[n]((X[n,d] - m[d])**2)\np[n] = sum[d](w[d]*(X[n,d] - m[d])/sqrt(s[d] + 0.1))" + LINE, (X, X[:, 1]),
    ),
    "choice": (
        "X: input[n, d]\ny: input[n]\nw: parameter[d]\np[n] = sum[d](where(X[n,d] < w[d], sin(X[n,d]), 2*w[d]))" + LINE,
        (X, X[:, 1]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_onnx_graphs_are_compared_with_the_kernel_by_onnxruntime(name, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    fit = fitted(*GRAPHS[name])
    path = fit.to_onnx(tmp_path / "model.onnx")  # compares
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    data = {"t": Y[:11]} if name == "embedding" else {"X": X[:11].astype("float32")}  # another number of examples
    np.testing.assert_allclose(session.run(None, data)[0], fit.predict(**data), rtol=1e-4, atol=1e-5)


def test_what_onnx_cannot_say_is_an_error_with_the_equation(tmp_path):
    pytest.importorskip("onnx")
    shifted = "x: input[n]\ny: input[n]\nw: parameter\np[n] = sum[m, m <= n](w*x[m])" + LINE
    with pytest.raises(SymgradError, match=r"ONNX has no operator here for the condition(.|\n)*p\[n\] = sum"):
        fitted(shifted, (X[:, 0], X[:, 1])).to_onnx(tmp_path / "no.onnx")


def test_a_wrong_graph_is_found(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setitem(onnx_export.FUNCTIONS, "relu", "Abs")
    with pytest.raises(SymgradError, match="onnxruntime and the kernel differ"):
        fitted(*GRAPHS["mlp"]).to_onnx(tmp_path / "wrong.onnx")
