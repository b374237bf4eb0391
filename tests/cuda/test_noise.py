"""Noise drawn on the device is the CPU's, bit for bit: in Numba's simulator, and (text only) what keeps it so."""

import importlib.util

import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels.targets.cuda import needs, offline
from symgrad.kernels.targets.cuda.record import Launched, Spec
from symgrad.train import device_noise
from symgrad.train.noise import draw, key

in_simulator = pytest.mark.skipif(not needs.simulated(), reason="needs NUMBA_ENABLE_CUDASIM=1")
packages = importlib.util.find_spec("numba_cuda") is not None and not needs.simulated()


def test_products_of_the_normal_distribution_stand_alone():
    """`a*b + c` could become one instruction on a device, with other bits; integers may multiply as they are."""
    text = device_noise.source()
    normal = text[text.index("def central") : text.index("def fill")]
    assert " * " not in normal and "times(" in normal
    assert "MULTIPLY_0 * c0" in text


@in_simulator
@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_device_draws_the_bits_of_the_cpu(kind, dtype):
    rows = np.array([0, 5, 2**31, 2**47 + 3])
    options = {"kind": kind, "name": "z", "dtype": dtype}
    for step, rest in ((0, (3, 5)), (2**40 + 7, (4,)), (1, ())):
        wanted = draw(3, step, rows, rest, **options)
        for axis in range(len(rest) + 1):
            shape = (*rest[:axis], len(rows), *rest[axis:])
            found = device_noise.draw(3, step, rows, shape, axis, **options).copy_to_host()
            assert found.dtype == dtype and found.tobytes() == np.moveaxis(wanted, 0, axis).tobytes()
    tails = device_noise.draw(0, 0, np.arange(40), (40, 2)).copy_to_host()
    assert np.abs(tails).max() > 2 and tails.tobytes() == draw(0, 0, range(40), (2,)).tobytes()


@in_simulator
def test_training_with_noise_is_the_cpus():
    text = """
        x: input[n]
        e: noise[n]
        s: noise, uniform
        a: parameter
        L = mean[n]((a*x[n] + e[n]*s)**2)"""
    x = np.linspace(1, 2, 4)
    options = {"optimizer": "sgd", "epochs": 2, "batch_size": 3, "dtype": "float64"}
    there, here = (sg.fit(text, (x,), device=device, **options) for device in ("cuda", "cpu"))
    assert np.isclose(there.parameters["a"], here.parameters["a"], rtol=1e-12)


@pytest.mark.skipif(not packages, reason='needs pip install "symgrad[gpu]"')
def test_it_assembles():
    given = (Spec((1, 1, 1), np.dtype("float32")), Spec((1,), np.dtype("uint64")), 1, np.uint64(0), *key(0, ""), True)
    (found,) = offline.compile_ptx([Launched(device_noise.compiled(), (1,), (1,), given)], (9, 0))
    resources = found.resources()
    assert resources.spilled == 0 and resources.registers <= 128
    assert not any("fma" in line for line in found.doubles)
