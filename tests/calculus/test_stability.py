"""Naive spellings, extreme logits, ties, one-class batches: finite, and no zero where the exact gradient is a normal
number. The kernel form is run by the interpreter here; the kernels themselves are compared with it elsewhere."""

import mpmath
import numpy as np
import pytest

import symgrad as sg
from symgrad.ir.interpret import interpret

HEAD = "z: parameter[n, k]\n"
LOSSES = {
    "labels": "y: label[n] over k\np[n,k] = softmax[k](z[n,k])\nL = mean[n](-log(p[n,y[n]]))",
    "labels, log_softmax": "y: label[n] over k\nq[n,k] = log_softmax[k](z[n,k])\nL = mean[n](-q[n,y[n]])",
    "labels, logsumexp": "y: label[n] over k\nL = mean[n](logsumexp[k](z[n,k]) - z[n,y[n]])",
    "labels, naive": "y: label[n] over k\nL = mean[n](log(sum[k](exp(z[n,k]))) - z[n,y[n]])",
    "distribution": "Y: input[n, k], distribution over k\np[n,k] = softmax[k](z[n,k])\n"
    "L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))",
    "no fact": "Y: input[n, k]\np[n,k] = softmax[k](z[n,k])\nL = mean[n](-sum[k](Y[n,k]*log(p[n,k])))",
    "naive ratio": "Y: input[n, k]\nS[n] = sum[k](exp(z[n,k]))\n"
    "L = mean[n](-sum[k](Y[n,k]*log(exp(z[n,k])/S[n])))",
}
LOGITS = np.array(
    [[1e4, 0, -1e4], [1e308, 0, 0], [1e308, -1e308, 0], [50, 0, 0], [3, 3, 3], [1e308] * 3, [800, 1, 2], [-1e4] * 3]
)


def exact(logits, label):
    """The gradient of the mean cross-entropy, in 60 digits."""
    rows, classes = logits.shape
    gradient = np.zeros_like(logits)
    with mpmath.workdps(60):
        for n, row in enumerate(logits):
            top = max(map(mpmath.mpf, row))
            powers = [mpmath.exp(mpmath.mpf(v) - top) for v in row]
            total = mpmath.fsum(powers)
            for k in range(classes):
                others = mpmath.fsum(powers[j] for j in range(classes) if j != label)
                gradient[n, k] = (powers[k] if k != label else -others) / total / rows
    return gradient


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("loss", LOSSES)
def test_cross_entropy_of_extreme_logits(loss, label):
    program = sg.program(HEAD + LOSSES[loss]).gradient("L", "z")
    labels = np.full(len(LOGITS), label)  # a one-class batch
    targets = {"y": labels} if "label" in loss else {"Y": np.eye(3)[labels]}
    found = interpret(program.kernel, {"z": LOGITS, **targets})
    # a dozen roundings of relative size 1.1e-16 each, none of them after a cancellation
    np.testing.assert_allclose(found["dL_dz"], exact(LOGITS, label), rtol=2e-15)
    if label == 0:
        assert np.isfinite(found["L"])


def test_the_loss_of_a_confident_prediction_is_not_zero():
    program = sg.program(HEAD + LOSSES["labels"])
    found = interpret(program.gradient("L", "z").kernel, {"z": np.array([[50.0, 0.0, 0.0]]), "y": np.array([0])})
    assert found["L"] == pytest.approx(2 * np.exp(-50.0), rel=1e-15)


BINARY = {
    "sigmoid": "s[n] = sigmoid(z[n])\nL = sum[n](-y[n]*log(s[n]) - (1 - y[n])*log(1 - s[n]))",
    "spelled out": "s[n] = 1/(1 + exp(-z[n]))\nL = sum[n](-y[n]*log(s[n]) - (1 - y[n])*log(1 - s[n]))",
    "logits": "L = sum[n](softplus(z[n]) - y[n]*z[n])",
    "naive logits": "L = sum[n](log(1 + exp(z[n])) - y[n]*z[n])",
}


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("loss", BINARY)
def test_binary_cross_entropy_of_extreme_logits(loss, target):
    z = np.array([40, -40, 700, -700, 0, 36.7, 1e4, -1e4, 1e-300])
    program = sg.program("z: parameter[n]\ny: input[n]\n" + BINARY[loss]).gradient("L", "z")
    found = interpret(program.kernel, {"z": z, "y": np.full(len(z), target)})
    with mpmath.workdps(60):
        sign = 1 if target == 0 else -1
        gradient = [float(sign / (1 + mpmath.exp(-sign * mpmath.mpf(v)))) for v in z]
    np.testing.assert_allclose(found["dL_dz"], gradient, rtol=1e-15)
    assert np.isfinite(found["L"])


def test_a_complement_whose_sign_stands_in_the_data():
    """`sigmoid(z) + (y - a)` is a small remainder only for some data; the gradient holds for these too."""
    program = sg.program("z: parameter[n]\ny, a: input[n]\nL = sum[n](softplus(z[n]) + (y[n] - a[n])*z[n])")
    data = {"z": np.array([50.0, -50.0]), "y": np.zeros(2), "a": np.array([1.0, 0.0])}
    found = interpret(program.gradient("L", "z").kernel, data)["dL_dz"]
    np.testing.assert_allclose(found, [-np.exp(-50.0), np.exp(-50.0)], rtol=1e-15)


CARVED = {
    "several labels for a cell": "L = sum[k](a*sigmoid(x[k])) - sum[n](x[y[n]]*z[n])",
    "a label under a condition": "L = sum[k](a*sigmoid(x[k])) - sum[n, n > 1](x[y[n]]*z[n])",
    "at an extreme": "L = sum[k](sigmoid(x[k])) - max[n](where(n > 0, x[y[n]], z[n]))",
}


@pytest.mark.parametrize("loss", CARVED)
def test_a_label_is_carved_out_only_where_it_stands(loss):
    """The kernel's form of a dense term and one at labels, against the raw one; some cells have none, some several."""
    head = "x: parameter[k]\na: input\nz: input[n]\ny: label[n] over k\n"
    program = sg.program(head + CARVED[loss]).gradient("L", "x")
    data = {"x": np.array([0.3, -1.0, 2.0, 0.7]), "a": 1.7, "z": np.array([9.0, 0.2, -0.4]), "y": np.array([2, 0, 2])}
    raw, kernel = (interpret(form, data)["dL_dx"] for form in (program.raw, program.kernel))
    np.testing.assert_allclose(kernel, raw, rtol=1e-14)


def test_the_plain_difference_would_fail_this_test():
    """The negative control: p - y, as a person would write it, is 0 at a logit of 50."""
    program = sg.program(HEAD + LOSSES["labels"]).gradient("L", "z")
    data = {"z": np.array([[50.0, 0.0, 0.0]]), "y": np.array([0])}
    assert interpret(program.display, data)["dL_dz"][0, 0] == 0
    assert interpret(program.kernel, data)["dL_dz"][0, 0] == pytest.approx(-2 * np.exp(-50.0), rel=1e-15)


def test_a_power_with_an_unknown_exponent_is_no_common_factor():
    """The bias correction of a running mean, 1 - sigmoid(b)^(t + 1): its complement is looked for, and left alone."""
    text = "x: input[t] \n b: parameter \n L = sum[t]((x[t]/(1 - sigmoid(b)**(t + 1)) - 1)**2)"
    assert sg.program(text).gradient("L").verify(kernel=False).ok
