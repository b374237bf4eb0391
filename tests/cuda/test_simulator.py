"""The GPU's kernels in Numba's simulator against the interpreter: every program of the catalogue and of the library.

The simulator replaces a device for a whole process, so this file needs a run of its own:

    NUMBA_ENABLE_CUDASIM=1 python -m pytest -q tests/cuda
"""

import numpy as np
import pytest
from catalogue import BY_NAME
from cuda_steps import STEP, start
from mutate import mutants
from systems import CATALOGUED, LIBRARY, cases

import symgrad as sg
from symgrad.errors import DataError, IndexRangeError
from symgrad.ir.interpret import interpret
from symgrad.kernels import compile_system
from symgrad.kernels.targets.cuda import needs
from symgrad.train import device_data
from symgrad.train.data import Examples

if not needs.simulated():
    pytest.skip("needs NUMBA_ENABLE_CUDASIM=1", allow_module_level=True)

TOLERANCE = {"float64": 1e-10, "float32": 2e-4}  # rounding of a few hundred terms, relative to the largest entry
SINGLE = ["contraction", "softmax cross-entropy with integer labels", "classifier", "function sin", "function gelu"]


def differs(out, expected, tolerance):
    """The outputs that are not what the interpreter gives."""
    wrong = []
    for name, value in expected.items():
        got = np.asarray(out[name], dtype=float)
        scale = max(float(np.max(np.abs(value), initial=0.0)), 1e-3)
        if got.shape != value.shape or not np.allclose(got, value, rtol=0, atol=tolerance * scale):
            wrong.append((name, got, value))
    return wrong


def run(system, arrays, dtype="float64"):
    wanted = {t.name for t in system.declared()}
    given = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in arrays.items() if k in wanted}
    with np.errstate(all="ignore"):
        return compile_system(system, "cuda", dtype)(**given)


@pytest.mark.parametrize("name", [*CATALOGUED, *LIBRARY])
def test_the_kernels_compute_what_the_interpreter_does(name):
    """Values and derivatives: a derived program has the value it was derived from among its outputs, if it needs it."""
    for program, arrays in cases(name):
        with np.errstate(all="ignore"):
            expected = interpret(program.raw, arrays)
        assert differs(run(program.kernel, arrays), expected, TOLERANCE["float64"]) == []


@pytest.mark.parametrize("name", SINGLE)
def test_single_precision_stays_single(name):
    gradient, arrays = BY_NAME[name].gradient(), BY_NAME[name].arrays()
    out = run(gradient.kernel, arrays, "float32")
    assert all(np.asarray(v).dtype == np.float32 for v in out.values())
    assert differs(out, interpret(gradient.raw, arrays), TOLERANCE["float32"]) == []


@pytest.mark.parametrize("name", ["concatenation", "scatter", "padded convolution"])
def test_a_wrong_kernel_is_found(name):
    """The negative control."""
    gradient, arrays = BY_NAME[name].gradient(), BY_NAME[name].arrays()
    expected = interpret(gradient.raw, arrays)
    for wrong in mutants(BY_NAME[name].program().raw, gradient.raw, "a factor too many"):
        assert differs(run(wrong, arrays), expected, TOLERANCE["float64"])


def test_rows_longer_than_a_block_and_more_teams_than_blocks():
    """A row of 150 for four lanes that are a whole block, and 23 rows for two blocks."""
    program = sg.program("""
        z: parameter[n, k]
        y: label[n] over k
        b: parameter[k]
        L = mean[n](logsumexp[k](z[n,k] + b[k]) - z[n,y[n]])""").gradient("L")
    rng = np.random.default_rng(0)
    for rows, columns in ((2, 150), (23, 3)):
        arrays = {"z": rng.normal(size=(rows, columns)), "b": rng.normal(size=columns)}
        arrays["y"] = rng.integers(0, columns, rows)
        assert differs(run(program.kernel, arrays), interpret(program.raw, arrays), TOLERANCE["float64"]) == []


def test_the_same_bits_in_every_run():
    entry = BY_NAME["softmax cross-entropy with integer labels"]
    first, second = (run(entry.gradient().kernel, entry.arrays()) for _ in range(2))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_steps_in_place_are_the_interpreters_steps():
    system, held = sg.program(STEP).kernel, start()
    bound = compile_system(system, "cuda").bind(**held)
    for number in range(3):
        batch = {name: start(6 if number != 1 else 4, number)[name] for name in ("X", "y")}
        out = bound.step(**batch)
        expected = interpret(system, {**held, **batch})
        held |= {old: expected[new] for old, new in system.updates.items()}
        assert np.isclose(out.L, expected["L"], rtol=1e-12)
        for name in system.updates:
            assert np.allclose(bound[name], held[name], rtol=1e-12)


def test_arrays_on_the_device_are_read_there_and_results_stay():
    from numba import cuda  # noqa: PLC0415  (the simulator's)

    kernel = sg.program("x: input[n] \n y[n] = exp(x[n])").compile("cuda")
    out = kernel(x=cuda.to_device(np.array([0.0, 1.0])))
    assert hasattr(out.y, "copy_to_host")
    assert np.allclose(out.y.copy_to_host(), [1.0, np.e], rtol=1e-15)
    assert isinstance(kernel(x=np.zeros(2)).y, np.ndarray)


def test_labels_are_checked_before_anything_runs():
    kernel = sg.program("z: input[n, k] \n y: label[n] over k \n L = sum[n](z[n, y[n]])").compile("cuda")
    with pytest.raises(IndexRangeError, match=r"label y\[1\] = 3 is out of range"):
        kernel(z=np.zeros((2, 3)), y=np.array([0, 3]))


LINE = "x: input[n]\ny: input[n]\na, b: parameter\nL = mean[n]((a*x[n] + b - y[n])**2)"


@pytest.mark.parametrize("accumulate", [1, 2])
def test_training_on_the_device_is_training(accumulate):
    x = np.linspace(0, 1, 7)
    options = {"optimizer": "sgd", "epochs": 2, "batch_size": 2, "dtype": "float64", "accumulate": accumulate}
    there, here = (sg.fit(LINE, (x, 3 * x + 1), device=device, **options) for device in ("cuda", "cpu"))
    for name in "ab":
        assert np.isclose(there.parameters[name], here.parameters[name], rtol=1e-12)
    assert np.isclose(there.history[-1].loss, here.history[-1].loss, rtol=1e-12)


def test_examples_stay_on_the_device_and_labels_are_checked_on_the_host():
    arrays = {"X": np.arange(24.0).reshape(4, 2, 3), "y": np.array([0, 1, 0, 1])}
    examples = device_data.resident(Examples(arrays, ("X", "y"), 4, batch_size=2))
    first = examples.part(np.array([3, 1]))
    assert np.array_equal(first.arrays["X"].copy_to_host(), arrays["X"][[3, 1]])
    assert isinstance(first.arrays["y"], np.ndarray) and list(first.arrays["y"]) == [1, 1]
    assert examples.part(np.array([0, 2])).arrays["X"] is first.arrays["X"]  # one array for batches of a length
    assert np.array_equal(first.arrays["X"].copy_to_host(), arrays["X"][[0, 2]])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the simulator's threads have NumPy's settings of their own
def test_a_loss_that_is_not_finite_is_explained_with_the_examples_own_numbers():
    x = np.array([1.0, 2.0, 3.0, 0.0])
    text = "x: input[n]\na: parameter\nL = mean[n](a*log(x[n]))"
    errors = []
    for device in ("cuda", "cpu"):
        with np.errstate(all="ignore"), pytest.raises(DataError) as error:
            sg.fit(text, (x,), optimizer="sgd", epochs=1, batch_size=2, dtype="float64", device=device)
        errors.append(str(error.value))
    assert errors[0] == errors[1]
