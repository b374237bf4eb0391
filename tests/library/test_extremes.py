"""Adversarial inputs: nothing of the library is NaN or infinite where the exact value is finite, nor 0 where that is a
normal number.

The interpreter runs the kernel form of every entry in float64 and the raw form in 360 digits, which hold 1 - 1e-300; a
part is compiled. A zero is right where the exact value itself is lost when the inputs move by a unit in their last
place: then no float64 program could tell.
"""

import numpy as np
import pytest
from adversary import LARGEST, cases, faults, faults_of_activation

import symgrad as sg
from symgrad import book
from symgrad.errors import SymgradError
from symgrad.functions import ROWS
from symgrad.ir.interpret import interpret
from symgrad.library import losses
from symgrad.library.activations import ACTIVATIONS, OVER_AN_AXIS
from symgrad.library.distributions import LOG_DENSITIES
from symgrad.library.gallery import GALLERY, entry
from symgrad.library.losses import LOSSES


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_derivatives(name):
    assert faults_of_activation(name) == []


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


def test_the_jacobian_of_a_saturated_softmax_is_not_0():
    """p - p p is p (1 - p): on paper it is 0."""
    program = sg.program(OVER_AN_AXIS["softmax"]).jacobian("p", "z")
    arrays = {"z": np.array([[50.0, 0, 0]]), "t": 1.0}
    assert faults(program, arrays, ["dp_dz"]) == []
    assert interpret(program.kernel, arrays)["dp_dz"][0, 0, 0, 0] == pytest.approx(2 * np.exp(-50.0), rel=1e-14)
    assert interpret(program.display, arrays)["dp_dz"][0, 0, 0, 0] == 0


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_one_hot", "nll of log_softmax"])
def test_the_loss_of_a_confident_right_prediction_is_not_0(name):
    """The shift of the logsumexp is subtracted from the score before the tiny logarithm is added."""
    scores = "z: parameter[n, k]\ny: label[n] over k\np[n,k] = log_softmax[k](z[n,k])\nL = mean[n](-p[n,y[n]])"
    text = losses.loss(name).text if name in LOSSES else scores
    program = sg.program(text).gradient("L")
    target = {"Y": np.eye(3)[[0]]} if "Y:" in text else {"y": np.array([0])}
    found = interpret(program.kernel, {"z": np.array([[50.0, 0, 0]]), **target})["L"]
    assert found == pytest.approx(2 * np.exp(-50.0), rel=1e-14)


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


# the whole gallery


SINGULAR = "singular|determinant|not symmetric|not positive|no inverse|equal"
LOST = {  # what is 0 though it should not be
    "attention": "g - sum p g of a saturated softmax: the gradient by a key loses what is below 1e-16 of the largest",
    "swish": "1 - 2 sigmoid(u) is 0 for |u| < 1e-16: the second derivative by beta, where x and beta are 1e-8",
}


def known(name):
    lost = [pytest.mark.xfail(strict=True, reason=LOST[name])] if name in LOST else []
    return pytest.param(name, marks=lost)


@pytest.mark.slow
@pytest.mark.parametrize("name", [known(n) for n, item in GALLERY.items() if item.text])
def test_every_entry(name):
    """Matrices that no inverse, logarithm of a determinant or eigenvalues exist for are refused, by name."""
    for program in book.derived(entry(name)):
        for case, arrays in cases(name, program):
            try:
                found = faults(program, arrays)
            except SymgradError as error:
                assert any(word in str(error) for word in SINGULAR.split("|")), (case, str(error))
                continue
            assert found == [], case


def test_a_fault_of_an_entry_would_be_seen():
    """The control: e/(1 + e) through a definition overflows, and p - p^2 with p a plain quotient is 0."""
    lines = ("x: parameter[n]", "e[n] = exp(x[n])", "y[n] = e[n]/(1 + e[n])", "v[n] = y[n] - y[n]**2", "outputs: y, v")
    program = sg.program("\n".join(lines))
    broken = {case: {f[0] for f in faults(program, arrays)} for case, arrays in cases("", program)}
    assert broken["large"] == {"y", "v"} and broken["saturated"] == {"v"} and broken["ties"] == set()


COMPILED = ("softmax", "cross_entropy", "focal", "tanh", "sparse_autoencoder")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_kernels_agree(name):
    for program in book.derived(entry(name)):
        kernel = program.compile()
        for case, arrays in cases(name, program):
            found, exact = kernel(**arrays), interpret(program.kernel, arrays)
            for output, value in exact.items():
                np.testing.assert_allclose(found[output], value, rtol=1e-12, atol=1e-300, err_msg=case)


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
