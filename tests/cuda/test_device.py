"""The laws on a GPU: `pytest -m gpu`. Skipped where there is none; they have not run in CI, which has no GPU."""

import numpy as np
import pytest
from cuda_steps import STEP, start
from systems import CATALOGUED, LIBRARY, cases

import symgrad as sg
from symgrad.errors import DegenerateError
from symgrad.ir.interpret import interpret
from symgrad.kernels import compile_system
from symgrad.kernels.targets.cuda import needs, product
from symgrad.kernels.targets.cuda.gpu import DeviceMemoryError
from symgrad.train import device_noise
from symgrad.train.noise import draw

if needs.simulated() or any(not p.found for p in needs.parts()):
    pytest.skip("no GPU here", allow_module_level=True)

pytestmark = pytest.mark.gpu
# rounding of a few hundred terms in another order than the interpreter's, relative to the largest entry
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [*CATALOGUED, *LIBRARY])
def test_the_device_computes_what_the_interpreter_does(name, dtype):
    for program, arrays in cases(name):
        wanted = {t.name for t in program.kernel.declared()}
        given = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in arrays.items() if k in wanted}
        with np.errstate(all="ignore"):
            expected = interpret(program.raw, arrays)
        out = compile_system(program.kernel, "cuda", dtype)(**given)
        for key, value in expected.items():
            scale = max(float(np.max(np.abs(value), initial=0.0)), 1e-3)
            np.testing.assert_allclose(np.asarray(out[key], float), value, rtol=0, atol=TOLERANCE[dtype] * scale)


def test_the_same_bits_in_every_run():
    """Rows of sums that teams and blocks share, long enough for both stages."""
    text = "X: input[n, k] \n w: parameter[k] \n L = mean[n](logsumexp[k](X[n,k]*w[k]))"
    kernel = sg.program(text).gradient("L").compile("cuda", "float32")
    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(100_000, 37)), "w": rng.normal(size=37)}
    first, second = kernel(**arrays), kernel(**arrays)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_captured_steps_are_the_interpreters_steps():
    """Ten steps: the first are launched, from the fourth on they are replays of a graph."""
    system, held = sg.program(STEP).kernel, start()
    bound = compile_system(system, "cuda").bind(**held)
    for number in range(10):
        batch = {name: start(6, number)[name] for name in ("X", "y")}
        out = bound.step(**batch)
        expected = interpret(system, {**held, **batch})
        held |= {old: expected[new] for old, new in system.updates.items()}
        assert np.isclose(out.L, expected["L"], rtol=1e-10)
    assert any(replay is not None for replay, _ in bound.kernel.gpu.graphs.known.values())
    for name in system.updates:
        assert np.allclose(bound[name], held[name], rtol=1e-10)


def test_arrays_of_pytorch_and_cupy_are_shared():
    kernel = sg.program("x: input[n] \n y[n] = exp(x[n])").compile("cuda", "float32")
    torch = pytest.importorskip("torch")
    x = torch.linspace(0, 1, 1000, device="cuda")
    y = torch.as_tensor(kernel(x=x).y, device="cuda")
    assert torch.allclose(y, torch.exp(x), rtol=1e-6)


def test_products_by_the_library_and_by_the_generated_kernel_agree(monkeypatch):
    text = "A: parameter[n, i, j] \n B: parameter[n, j, k] \n C[n,i,k] = sum[j](A[n,i,j]*B[n,j,k])"
    rng = np.random.default_rng(0)
    arrays = {"A": rng.normal(size=(3, 130, 70)), "B": rng.normal(size=(3, 70, 50))}
    wanted = arrays["A"] @ arrays["B"]
    for backend in (product.library(), None):
        monkeypatch.setattr(product, "library", lambda backend=backend: backend)
        np.testing.assert_allclose(sg.program(text).compile("cuda")(**arrays).C, wanted, atol=1e-12)


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_the_device_draws_the_bits_of_the_cpu(kind):
    wanted = draw(3, 2, np.arange(1000), (7,), kind, "z")
    found = device_noise.draw(3, 2, np.arange(1000), (1000, 7), 0, kind, "z")
    assert found.copy_to_host().tobytes() == wanted.tobytes()


def test_matrices_that_a_routine_does_not_take_are_refused():
    kernel = sg.program("A: input[n, i, i] \n X = inv(A)").compile("cuda")
    with pytest.raises(DegenerateError, match="singular to working precision"):
        kernel(A=np.ones((100, 3, 3)))
    A = np.random.default_rng(0).normal(size=(1000, 20, 20))
    np.testing.assert_allclose(kernel(A=A).X @ A, np.broadcast_to(np.eye(20), A.shape), atol=1e-6)


def test_more_memory_than_there_is_is_refused_with_the_plan():
    kernel = sg.program("x: input[n] \n y[n, m] = x[n]*x[m]").compile("cuda")
    with pytest.raises(DeviceMemoryError, match=r"the GPU's memory is full: [\d,]+ bytes[\s\S]*The plan"):
        kernel(x=np.ones(1_000_000))
    assert kernel(x=np.ones(10)).y.sum() == 100
