"""Memory, transfers and graphs: in Numba's simulator, with stand-ins for what it has not (a full device, a capture)."""

import numpy as np
import pytest
from cuda_steps import STEP, start

import symgrad as sg
from symgrad.errors import DTypeError
from symgrad.kernels import compile_system
from symgrad.kernels.device import DeviceKernel
from symgrad.kernels.targets.cuda import needs, simulator
from symgrad.kernels.targets.cuda.gpu import DeviceMemoryError, Gpu
from symgrad.kernels.targets.cuda.graphs import KEPT, Graphs
from symgrad.kernels.targets.cuda.interchange import imported, on_device

if not needs.simulated():
    pytest.skip("needs NUMBA_ENABLE_CUDASIM=1", allow_module_level=True)


class Tape:
    """In the place of a capture: what was recorded runs when it is replayed, and both are counted."""

    def __init__(self):
        self.recorded = self.replayed = 0

    def __call__(self, work):
        self.recorded += 1

        def replay():
            self.replayed += 1
            work()

        return replay


def stepping(record=None):
    kernel = compile_system(sg.program(STEP).kernel, "cuda")
    return DeviceKernel(kernel.host, Gpu(simulator.LIMITS, record)).bind(**start())


def test_a_step_is_captured_once_for_each_pair_of_batch_arrays():
    tape = Tape()
    bound, plain = stepping(tape), stepping()
    for number in range(7):
        batch = {name: start(6, number)[name] for name in ("X", "y")}
        assert bound.step(**batch).L == plain.step(**batch).L
    assert np.array_equal(bound["w"], plain["w"])
    # the first batch takes the second array of each pair, so three sets of arrays; two come again
    assert (tape.recorded, tape.replayed) == (2, 5)


def test_arrays_of_a_captured_run_live_as_long_as_it_does_and_old_runs_are_forgotten():
    graphs, runs = Graphs(Tape()), []
    for number in range(KEPT + 5):
        graphs.run(number, lambda: runs.append(1), [np.zeros(1)])
    assert len(graphs.known) == KEPT and 0 not in graphs.known and len(runs) == KEPT + 5
    graphs.clear()
    assert not graphs.known


def test_batches_alternate_between_two_arrays():
    bound = stepping()
    seen = []
    for number in range(5):
        bound.set(X=np.full((6, 3), number))
        seen.append(bound.arrays["X"])
        assert (bound["X"] == number).all()
    assert seen[0] is seen[2] is seen[4] and seen[1] is seen[3] and seen[0] is not seen[1]
    held = bound.arrays["w"]
    bound.set(w=np.zeros(3))
    assert bound.arrays["w"] is held and (bound["w"] == 0).all()  # what is updated stays where it is


@pytest.fixture
def room(monkeypatch):
    """The largest array, in numbers, for which the device has room."""
    from numba import cuda  # noqa: PLC0415  (the simulator's)

    held, allocate = {"numbers": 1000}, cuda.device_array

    def full(shape, dtype=float, **options):
        if np.prod(shape) > held["numbers"]:
            raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
        return allocate(shape, dtype, **options)

    monkeypatch.setattr(cuda, "device_array", full)
    return held


def test_a_full_device_is_reported_with_the_plan_and_leaves_nothing_behind(room):
    kernel = sg.program("x: input[n] \n y[n, m] = exp(x[n])*x[m]").compile("cuda")
    for numbers, wanted in ((20, r"168 bytes for an array of shape \(21,\)"), (30, r"3,528 bytes .* \(21, 21\)")):
        room["numbers"] = numbers
        with pytest.raises(DeviceMemoryError, match=f"the GPU's memory is full: {wanted}") as error:
            kernel(x=np.zeros(21))
        assert "Take smaller batches." in str(error.value)
        assert "The plan: 1 launches, 3,696 bytes on the device:" in str(error.value)
        assert "y 21x21 float64: 3,528 bytes, own" in str(error.value)
    assert not kernel.gpu._loans and not kernel.gpu.graphs.known
    room["numbers"] = 1000
    assert np.allclose(kernel(x=np.ones(21)).y, np.e)


class Foreign:
    """An array of another library."""

    def __init__(self, device):
        self.device = device

    def __dlpack_device__(self):
        return self.device, 0

    @property
    def __cuda_array_interface__(self):
        raise RuntimeError("requires grad")


def test_arrays_of_other_libraries_are_told_apart():
    assert on_device(Foreign(2)) and not on_device(Foreign(1))
    assert not on_device(np.zeros(3)) and not on_device(1.0)
    with pytest.raises(DTypeError, match=r"x cannot be read where it lies: requires grad[\s\S]*tensor.detach"):
        imported("x", Foreign(2))
