"""How many nanoseconds does an elementary function take, beside libm called from Numba, and NumPy?

    python benchmarks/elementary.py

One core, float32 and float64, data in the second-level cache: ns per element. Results are compared before anything is
timed; the engines take turns; the figures are medians.
"""

from __future__ import annotations

import math
import platform
import statistics
import time
from collections.abc import Callable

import numba
import numpy as np
import scipy.special

import symgrad as sg

FUNCTIONS = ("exp", "expm1", "log", "log1p", "sin", "tanh", "erf", "ndtr", "sigmoid", "softplus", "gelu")


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


LIBM = {
    "exp": lambda x: math.exp(x), "expm1": lambda x: math.expm1(x), "log": lambda x: math.log(x),
    "log1p": lambda x: math.log1p(x), "sin": lambda x: math.sin(x), "tanh": lambda x: math.tanh(x),
    "erf": lambda x: math.erf(x), "ndtr": lambda x: math.erfc(-x * math.sqrt(0.5)) / 2,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
    "gelu": lambda x: x * math.erfc(-x * math.sqrt(0.5)) / 2,
}  # fmt: skip
NUMPY = {
    "erf": scipy.special.erf, "ndtr": scipy.special.ndtr, "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(0, x), "gelu": lambda x: x * scipy.special.ndtr(x),
}  # fmt: skip


def libm(name: str) -> Callable:
    """The function by libm, in a loop that Numba compiles."""
    scalar = numba.njit(LIBM[name], error_model="numpy")

    @numba.njit(error_model="numpy")
    def run(x, y):
        for i in range(len(x)):
            y[i] = scalar(x[i])

    return run


def main() -> None:
    print(f"Python {platform.python_version()}, numba {numba.__version__}, numpy {np.__version__}")
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


if __name__ == "__main__":
    main()
