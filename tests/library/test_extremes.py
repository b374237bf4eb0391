"""Adversarial inputs: nothing of the library is NaN or infinite where the exact value is finite, nor 0 where that is a
normal number.

The interpreter runs the kernel form of every entry in float64 and the raw form in 360 digits, which hold 1 - 1e-300; a
part is compiled. A zero is right where the exact value itself is lost when the inputs move by a unit in their last
place: then no float64 program could tell.
"""

from collections.abc import Iterator

import mpmath
import numpy as np
import pytest

import symgrad as sg
from symgrad import book
from symgrad.errors import SymgradError
from symgrad.functions import ROWS
from symgrad.ir.arithmetic import MPMATH
from symgrad.ir.interpret import interpret
from symgrad.ir.sizes import size_value
from symgrad.library import losses
from symgrad.library.activations import ACTIVATIONS, OVER_AN_AXIS, activation, parameters
from symgrad.library.distributions import LOG_DENSITIES
from symgrad.library.gallery import GALLERY, entry
from symgrad.library.losses import LOSSES
from symgrad.verify.draw import draw_sizes, index_ranges

LARGEST, SMALLEST = np.finfo(np.float64).max, np.finfo(np.float64).tiny
POINTS = np.array([0.0, -0.0, 1e-300, -1e-8, 0.5, 1, -1, 3, -3, 6, 20, -20, 40, -40, 709, -745, 800, -800, 1e4, -1e4])
DIGITS = 360


def faults(program, arrays, names=None):
    """The entries of outputs that are not finite, or zero, where the exact value is a normal number."""
    got = interpret(program.kernel, arrays)
    exact = in_digits(program, arrays)
    found = [f for n in names or got for f in _wrong(n, np.ravel(got[n]), np.ravel(exact[n]))]
    if not any(a == 0 for *_, a, _ in found):
        return found
    near = [in_digits(program, moved(program, arrays, seed)) for seed in range(3)]
    return [f for f in found if f[2] != 0 or not _lost(f, exact, near)]


def in_digits(program, arrays):
    with mpmath.workdps(DIGITS):
        return interpret(program.raw, arrays, MPMATH)


def _wrong(name, got, exact):
    for at, (a, b) in enumerate(zip(got, exact)):
        size = abs(b)
        if mpmath.isfinite(b) and size <= LARGEST and (not np.isfinite(a) or (a == 0 and size >= SMALLEST)):
            yield name, at, float(a), mpmath.nstr(b, 5)


def moved(program, arrays, seed):
    """The inputs, each number a unit in its last place up or down; 0, 1 and distributions stay."""
    rng = np.random.default_rng(seed)
    free = {t.name for t in program.raw.declared() if t.dtype == "float" and not t.has("distribution")}
    towards = {n: np.where(rng.random(np.shape(a)) < 0.5, -np.inf, np.inf) for n, a in arrays.items()}
    return {
        n: np.where(np.isin(np.abs(a), (0, 1)), a, np.nextafter(a, towards[n])) if n in free else a
        for n, a in arrays.items()
    }


def _lost(fault, exact, near):
    name, at, *_ = fault
    value = np.ravel(exact[name])[at]
    return any(abs(np.ravel(other[name])[at] - value) > abs(value) / 4 for other in near)


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


def _alternating(shape):
    return (-1.0) ** np.arange(int(np.prod(shape))).reshape(shape)


def _first(shape, value):
    """The value at the start of each row, 0 elsewhere."""
    filled = np.zeros(shape)
    filled[(..., 0) if shape else ()] = value
    return filled


PATTERNS = {
    "zero": lambda shape, rng: np.zeros(shape),
    "ties": lambda shape, rng: np.ones(shape),
    "large": lambda shape, rng: 1e4 * _alternating(shape),
    "one large": lambda shape, rng: _first(shape, 1e4),
    "one low": lambda shape, rng: _first(shape, -1e4),
    "saturated": lambda shape, rng: _first(shape, 50.0),
    "wide": lambda shape, rng: 40 * rng.normal(size=shape),
    "tiny": lambda shape, rng: 1e-8 * rng.normal(size=shape),
}
MODERATE = ("zero", "ties", "tiny")
# exponentials of scores that are exponentials: at 50 the loss itself is beyond the format
BOUNDED = ("vae", "vae_gaussian", "gaussian_mixture")
SINGULAR = "singular|determinant|not symmetric|not positive|no inverse|equal"


def arrays_of(raw, pattern, everywhere):
    """Inputs of one pattern in every tensor, or in the first only with random numbers in the others. Labels are all of
    one class, distributions are one-hot or all alike."""
    rng = np.random.default_rng(1)
    sizes, ranges, arrays = draw_sizes(raw, np.random.default_rng(0), 3), index_ranges(raw), {}
    for tensor in raw.declared():
        shape = tuple(size_value(e, sizes) for e in tensor.shape)
        draw = PATTERNS[pattern] if everywhere or not arrays else lambda shape, rng: rng.normal(size=shape)
        arrays[tensor.name] = _values(tensor, shape, draw, rng, ranges)
    return arrays


def _values(tensor, shape, draw, rng, ranges):
    if tensor.dtype != "float":
        return np.zeros(shape, int) if tensor.dtype == "int" else np.ones(shape, bool)
    if tensor.has("uniform"):
        return rng.uniform(size=shape)
    values = np.asarray(draw(shape, rng), float)
    if tensor.has("distribution"):
        (axes,) = (f.axes for f in tensor.facts if f.name == "distribution")
        return _shares(values, axes)
    if tensor.has("positive") or tensor.has("nonnegative"):
        values = np.abs(values) + 1e-4 * tensor.has("positive")
    return values + np.swapaxes(values, -1, -2) if tensor.has("symmetric") else values


def _shares(values, axes):
    """All alike where the values are, else 1 where the first of the largest is."""
    rows = np.moveaxis(values, axes[0], -1)
    chosen = np.eye(rows.shape[-1])[np.argmax(rows, -1)]
    return np.moveaxis(np.full(rows.shape, 1 / rows.shape[-1]) if np.ptp(values) == 0 else chosen, -1, axes[0])


def cases(name, program) -> Iterator[tuple[str, dict]]:
    for pattern in MODERATE if name in BOUNDED else PATTERNS:
        for everywhere in (True, False):
            yield f"{pattern}{' everywhere' * everywhere}", arrays_of(program.raw, pattern, everywhere)


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
