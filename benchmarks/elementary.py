"""How many nanoseconds does an elementary function take, beside libm called from Numba, NumPy, JAX and PyTorch?

    python benchmarks/elementary.py            every figure; peers where they are installed (pip install jax torch)

functions     one core, float32 and float64, data in the second-level cache: ns per element beside libm and NumPy
activations   value and derivative of 1e7 float32: sigmoid, tanh, softplus, GELU on two threads. Each engine with arrays
              as its calls return them (ours are bound, so outputs are kept: say so when you quote), the ratio to the
              fastest, and the time of copying the same bytes, which is the bound

Results are compared before anything is timed; the engines take turns; the figures are medians.
"""

# ruff: noqa: E402, PLC0415  (threads are set before NumPy loads; peers are optional)

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable

THREADS = "2"
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, THREADS)
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=2")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(THREADS)])

import math

import numba
import numpy as np
import scipy.special

import symgrad as sg

FUNCTIONS = ("exp", "expm1", "log", "log1p", "sin", "tanh", "erf", "sigmoid", "softplus", "gelu")
ACTIVATIONS = ("sigmoid", "tanh", "softplus", "gelu")
COUNT = 10_000_000


def interleaved(calls: list[Callable], seconds: float) -> list[float]:
    """The median time of each call, taken in turns so that a slow phase of the machine hits all of them."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 7:
        for call, taken in zip(calls, times):
            begun = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begun)
    return [statistics.median(t[len(t) // 10 :]) for t in times]


# ---------------------------------------------------------------------------------------------------------- functions
LIBM = {
    "exp": lambda x: math.exp(x), "expm1": lambda x: math.expm1(x), "log": lambda x: math.log(x),
    "log1p": lambda x: math.log1p(x), "sin": lambda x: math.sin(x), "tanh": lambda x: math.tanh(x),
    "erf": lambda x: math.erf(x), "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
    "gelu": lambda x: x * math.erfc(-x * math.sqrt(0.5)) / 2,
}  # fmt: skip
NUMPY = {
    "erf": scipy.special.erf, "sigmoid": scipy.special.expit, "softplus": lambda x: np.logaddexp(0, x),
    "gelu": lambda x: x * scipy.special.ndtr(x),
}  # fmt: skip


def libm(name: str) -> Callable:
    """The function by libm, in a loop that Numba compiles."""
    scalar = numba.njit(LIBM[name], error_model="numpy")

    @numba.njit(error_model="numpy")
    def run(x, y):
        for i in range(len(x)):
            y[i] = scalar(x[i])

    return run


def functions() -> None:
    rng = np.random.default_rng(0)
    print(f"{'ns per element, one core':26}{'symgrad':>10}{'libm':>10}{'NumPy':>10}")
    for dtype in ("float32", "float64"):
        for name in FUNCTIONS:
            x = rng.uniform(0.1 if name.startswith("log") else -6, 6, 1 << 15).astype(dtype)
            ours = sg.program(f"x: input[n]\ny[n] = {name}(x[n])").compile(dtype=dtype, parallel=False).bind(x=x)
            theirs, plain, y = libm(name), NUMPY.get(name) or getattr(np, name), np.empty_like(x)
            theirs(x, y)
            tolerance = 8 * np.finfo(dtype).eps
            np.testing.assert_allclose(ours()["y"], y, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(plain(x), y, rtol=tolerance, atol=tolerance)
            seconds = interleaved([ours, lambda: theirs(x, y), lambda: plain(x)], 0.4)  # noqa: B023  (used at once)
            print(f"{name:10} {dtype:15}" + "".join(f"{1e9 * s / len(x):10.2f}" for s in seconds), flush=True)


# --------------------------------------------------------------------------------------------------------- activations
def activations() -> None:
    x = np.random.default_rng(0).normal(size=COUNT).astype(np.float32) * 3
    pieces = [np.empty_like(x) for _ in range(2)]

    @numba.njit(parallel=True)
    def copy(x, y, z):
        for i in numba.prange(len(x)):
            y[i] = x[i]
            z[i] = x[i]

    copy(x, *pieces)
    print(f"\nvalue and derivative of {COUNT:.0e} float32, {THREADS} threads (ms); bound: read once, written twice")
    for name in ACTIVATIONS:
        ours = activation(name).bind(x=x)
        engines = {"symgrad": ours, "bound": lambda: copy(x, *pieces)} | jax_engine(name, x) | torch_engines(name, x)
        values = ours()
        for engine, call in engines.items():
            if engine not in ("symgrad", "bound"):
                for got, want in zip(call(), (values["y"], values["dL_dx"])):
                    np.testing.assert_allclose(np.asarray(got), want, rtol=2e-4, atol=2e-6)
        seconds = dict(zip(engines, interleaved(list(engines.values()), 6.0)))
        peers = [s for e, s in seconds.items() if e not in ("symgrad", "bound")]
        text = "  ".join(f"{e} {1e3 * s:.1f}" for e, s in seconds.items())
        fastest = f"  fastest peer/symgrad {min(peers) / seconds['symgrad']:.1f}" if peers else ""
        print(f"{name:10}{text}{fastest}  symgrad/bound {seconds['symgrad'] / seconds['bound']:.2f}", flush=True)


def activation(name: str):
    """One kernel for the values y and the derivatives."""
    text = f"x: parameter[n]\ny[n] = {name}(x[n])\nL = sum[n](y[n])"
    return sg.program(text).gradient("L").compile(dtype="float32", outputs=["y", "dL_dx"])


def jax_engine(name: str, x: np.ndarray) -> dict[str, Callable]:
    try:
        import jax
    except ImportError:
        return {}
    own = {"tanh": jax.numpy.tanh, "gelu": lambda v: jax.nn.gelu(v, approximate=False)}
    scalar = own.get(name) or getattr(jax.nn, name)
    both = jax.jit(jax.vmap(jax.value_and_grad(scalar)))
    array = jax.numpy.asarray(x)
    return {f"JAX {jax.__version__}": lambda: jax.block_until_ready(both(array))}


def torch_engines(name: str, x: np.ndarray) -> dict[str, Callable]:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(int(THREADS))
    function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
    tensor = torch.from_numpy(x).requires_grad_()

    def eager():
        y = function(tensor)
        (slope,) = torch.autograd.grad(y, tensor, torch.ones_like(y))
        return y.detach(), slope

    return {f"PyTorch {torch.__version__}": eager}


def main() -> None:
    print(f"Python {platform.python_version()}, numba {numba.__version__}, numpy {np.__version__}, {THREADS} threads")
    functions()
    activations()


if __name__ == "__main__":
    main()
