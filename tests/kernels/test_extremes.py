"""Compiled kernels on logits of 1e4 and 1e308 (the largest for the precision), ties and one-class batches."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.ir.interpret import interpret

HEAD = "z: parameter[n, k]\n"
LOSSES = {
    "labels": "y: label[n] over k\np[n,k] = softmax[k](z[n,k])\nL = mean[n](-log(p[n,y[n]]))",
    "naive": "y: label[n] over k\nL = mean[n](log(sum[k](exp(z[n,k]))) - z[n,y[n]])",
    "distribution": "Y: input[n, k], distribution over k\np[n,k] = softmax[k](z[n,k])\n"
    "L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))",
}


def logits(largest):
    rows = [[1e4, 0, -1e4], [largest, 0, 0], [largest, -largest, 0], [50, 0, 0], [3, 3, 3], [largest] * 3, [800, 1, 2]]
    return np.array(rows)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", LOSSES)
def test_extreme_logits(loss, dtype):
    program = sg.program(HEAD + LOSSES[loss]).gradient("L", "z")
    kernel = program.compile(dtype=dtype)
    z = logits(1e308 if dtype == "float64" else 3e38).astype(dtype)
    labels = np.zeros(len(z), dtype=int)
    targets = {"Y": np.eye(3)[labels].astype(dtype)} if loss == "distribution" else {"y": labels}
    found = kernel(z=z, **targets)
    exact = interpret(program.kernel, {"z": z.astype(float), **targets})
    assert np.isfinite(found.L) and np.all(np.isfinite(found.dL_dz))
    # a dozen roundings in the kernel's precision; what float32 cannot hold as a normal number may be 0
    tolerance, tiny = (1e-14, 0.0) if dtype == "float64" else (4e-6, 1.2e-38)
    np.testing.assert_allclose(found.dL_dz, exact["dL_dz"], rtol=tolerance, atol=tiny)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_binary_cross_entropy(dtype):
    text = "z: parameter[n]\ny: input[n]\ns[n] = sigmoid(z[n])\nL = mean[n](-y[n]*log(s[n]) - (1 - y[n])*log(1 - s[n]))"
    program = sg.program(text).gradient("L", "z")
    z = np.array([40, -40, 80, -80, 0, 1e4, -1e4], dtype=dtype)
    for target in (0.0, 1.0):
        data = {"z": z, "y": np.full(len(z), target, dtype=dtype)}
        found = program.compile(dtype=dtype)(**data)
        exact = interpret(program.kernel, {n: a.astype(float) for n, a in data.items()})
        tolerance, tiny = (1e-14, 0.0) if dtype == "float64" else (4e-6, 1.2e-38)
        np.testing.assert_allclose(found.dL_dz, exact["dL_dz"], rtol=tolerance, atol=tiny)
        assert np.isfinite(found.L)


def test_powers_are_multiplied_last():
    """asinh''(x) = -x y**3 with y = 1/sqrt(1 + x**2): y**3 is too small for float32 long before the product."""
    program = sg.program("x: parameter[n]\na[n] = asinh(x[n])\ns[n] = diff(a[n], x[n])\nL = sum[n](s[n])").gradient("L")
    x = np.array([-5e18, 3e12, 7e17], np.float32)
    found = program.compile(dtype="float32")(x=x).dL_dx
    np.testing.assert_allclose(found, -np.sign(x) / x.astype(float) ** 2, rtol=1e-6)  # six roundings
