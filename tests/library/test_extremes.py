"""Adversarial inputs: nothing of the library is NaN or infinite where the exact value is finite, nor 0 where that is a
normal number.

The interpreter runs every entry in float64 and in 60 digits; one kernel is compiled.
"""

import mpmath
import numpy as np
import pytest

import symgrad as sg
from symgrad.functions import ROWS
from symgrad.ir.arithmetic import MPMATH
from symgrad.ir.interpret import interpret
from symgrad.library import losses
from symgrad.library.activations import ACTIVATIONS, OVER_AN_AXIS, activation, parameters
from symgrad.library.distributions import LOG_DENSITIES
from symgrad.library.losses import LOSSES

LARGEST, SMALLEST = np.finfo(np.float64).max, np.finfo(np.float64).tiny
POINTS = np.array([0.0, -0.0, 1e-300, -1e-8, 0.5, 1, -1, 3, -3, 6, 20, -20, 40, -40, 709, -745, 800, -800, 1e4, -1e4])


def faults(program, arrays, names):
    """The entries of outputs that are not finite, or zero, where the exact value is a normal number."""
    got = interpret(program.kernel, arrays)
    with mpmath.workdps(60):
        exact = interpret(program.raw, arrays, MPMATH)
    return [fault for name in names for fault in _wrong(name, np.ravel(got[name]), np.ravel(exact[name]))]


def _wrong(name, got, exact):
    for at, (a, b) in enumerate(zip(got, exact)):
        size = abs(b)
        if mpmath.isfinite(b) and size <= LARGEST and (not np.isfinite(a) or (a == 0 and size >= SMALLEST)):
            yield name, at, float(a), mpmath.nstr(b, 5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_derivatives(name):
    own = dict.fromkeys(parameters(name), 0.25)
    declared = "".join(f"{p}: parameter\n" for p in own)
    text = f"x: parameter[n]\n{declared}y[n] = {activation(name, 'x[n]')}\nL = sum[n](y[n])"
    program = sg.program(text + "\noutputs: L, y").gradient("L")
    wanted = ["dL_dx", *(f"dL_d{p}" for p in own)]
    assert faults(program, {"x": POINTS, **own}, wanted) == []
    assert faults(sg.program(text + "\noutputs: y"), {"x": POINTS, **own}, ["y"]) == []


def test_a_naive_spelling_is_found():
    """The control: exp(x)/(1 + exp(x)) kept from the rules that would mend it."""
    system = sg.program("x: parameter[n]\ne[n] = exp(x[n])\ny[n] = e[n]/(1 + e[n])")
    broken = faults(system, {"x": np.array([0.0, 800.0])}, ["y"])
    assert [(name, at) for name, at, *_ in broken] == [("y", 1)]


LOGITS = np.array([
    [1e4, 0, -1e4], [LARGEST / 4, 0, 0], [LARGEST / 4, -LARGEST / 4, 0], [50, 0, 0], [3, 3, 3], [800, 1, 2], [0, 0, 0],
])  # fmt: skip


@pytest.mark.parametrize("kind", ["labels", "one class"])
@pytest.mark.parametrize("name", [n for n, f in LOSSES.items() if f().of_scores])
def test_losses(name, kind):
    """Scores to a quarter of the largest number (to 700 where the loss itself is an exponential), exact ties, a batch
    of one class; squares of scores overflow where the exact ones do."""
    row = losses.loss(name)
    limit = 700 if name == "poisson_nll" else LARGEST if "softmax" in row.prediction else 1e4
    scores = np.clip(LOGITS, -limit, limit)
    labels = np.zeros(7, int) if kind == "one class" else np.arange(7) % 3
    target = labels if "label" in row.target else np.eye(3)[labels]
    if "hinge" in name or name == "soft_margin":
        target = 2.0 * target - 1
    data = {"z": scores, "Y" if "Y:" in row.target else "y": target}
    assert faults(sg.program(row.text).gradient("L"), data, ["L", "dL_dz"]) == []


@pytest.mark.parametrize("name", ["binary_cross_entropy", "cross_entropy_of_probabilities"])
def test_probabilities_of_0_and_1_that_are_right(name):
    row = losses.loss(name)
    target = {"y": np.array([0, 1])} if "label" in row.target else {"y": np.eye(2)}
    assert faults(sg.program(row.text), {"z": np.eye(2), **target}, ["L"]) == []


@pytest.mark.parametrize("name", OVER_AN_AXIS)
def test_softmax_is_finite_at_the_edge(name):
    for t in (1.0, 0.25, 4.0):
        program = sg.program(OVER_AN_AXIS[name]).jacobian("p", "z")
        found = faults(program, {"z": LOGITS / 4, "t": t}, ["p", "dp_dz"])
        assert [f for f in found if not np.isfinite(f[2])] == []


@pytest.mark.xfail(strict=True, reason="the two terms p and -p p are subtracted: no complement there")
def test_the_jacobian_of_a_saturated_softmax_is_not_0():
    program = sg.program(OVER_AN_AXIS["softmax"]).jacobian("p", "z")
    assert faults(program, {"z": np.array([[50.0, 0, 0]]), "t": 1.0}, ["dp_dz"]) == []


@pytest.mark.parametrize("name", ["normal", "laplace", "cauchy", "student_t", "logistic"])
def test_densities_far_out(name):
    x = np.array([0.0, 1e4, -1e4, 1e-300])
    program = sg.program(LOG_DENSITIES[name])
    rest = {t.name: np.ones(4) for t in program.raw.declared() if t.name != "x"}
    assert faults(program, {"x": x, **rest}, ["logp"]) == []


@pytest.mark.parametrize("name", ["mse", "cross_entropy_one_hot"])
def test_an_empty_sum_is_0(name):
    """No example and, for a sum over classes, no class: a sum over nothing is 0."""
    text = losses.loss(name).text.replace("mean[", "sum[")
    data = {"z": np.zeros((0, 3)), "y": np.zeros((0, 3)), "Y": np.zeros((0, 3))}
    program = sg.program(text).gradient("L")
    found = program.evaluate(**{n: a for n, a in data.items() if n in program.raw.tensors})
    assert found["L"] == 0 and found["dL_dz"].shape == (0, 3)


def test_a_kernel_agrees():
    row = losses.focal()
    scores, target = np.clip(LOGITS, -1e4, 1e4), np.eye(3)[np.arange(7) % 3]
    program = sg.program(row.text).gradient("L")
    data = {"z": scores, "Y" if "Y:" in row.target else "y": target}
    found, exact = program.compile()(**data), interpret(program.kernel, data)
    for output in ("L", "dL_dz"):
        np.testing.assert_allclose(found[output], exact[output], rtol=1e-13, atol=1e-300)  # a dozen roundings


def test_the_table_holds_every_activation_of_the_notes():
    rows = ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "gelu", "gelu_tanh", "silu", "softplus"]
    assert set(rows) <= set(ROWS) and set(rows) <= set(ACTIVATIONS)
