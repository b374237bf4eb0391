"""How long does it take from text to the first gradient, and how fast is that gradient beside JAX's?

    python benchmarks/spine.py                 every figure; JAX's columns where JAX is installed (pip install jax)
    python benchmarks/spine.py --only derive   derive | start | softmax | mlp

derive    text to kernel form of the gradient, in a fresh process: an MLP, and residual chains of 25 and 50 layers
          (linear in depth: the second is about twice the first)
start     import; cold compile (empty disk cache) of the MLP's gradient; a second process's first gradient, both from
          the import to the result
softmax   cross-entropy and its gradient, 8192 x 1000, float32
mlp       loss and gradient of 784-256-128-10 at batch 128, float32

Both libraries run on 2 threads, in one process, alternating; results are compared before anything is timed; the figures
are medians.
"""

# ruff: noqa: PLC0415  (what is imported when is measured here, and JAX is optional)

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise

THREADS = "2"
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, THREADS)
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=2")
if hasattr(os, "sched_setaffinity"):  # JAX has no setting for its pool: it takes as many threads as it may use CPUs
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(THREADS)])

SOFTMAX = """
z: parameter[n, k]
y: label[n] over k
p[n,k] = softmax[k](z[n,k])
L = mean[n](-log(p[n,y[n]]))
"""


def residual_chain(layers: int) -> str:
    """h_l = h_(l-1) + tanh(a_l h_(l-1)): a derivative that grows exponentially if shared values are not shared."""
    lines = ["h0: input[n]", *(f"a{layer}: parameter" for layer in range(1, layers + 1))]
    for layer in range(1, layers + 1):
        before = f"h{layer - 1}[n]"
        lines.append(f"h{layer}[n] = {before} + tanh(a{layer}*{before})")
    return "\n".join([*lines, f"L = mean[n](h{layers}[n]**2)"])


# -- parts that need a fresh process: `child(name)` runs one and returns its seconds


def child_import() -> float:
    begun = time.perf_counter()
    import symgrad

    symgrad.program  # noqa: B018  (public names load on first use; this one loads SymPy)
    return time.perf_counter() - begun


def child_derive(what: str) -> float:
    import symgrad as sg

    text = sg.models.mlp(784, 256, 128, 10) if what == "mlp" else residual_chain(int(what))
    sg.program  # noqa: B018  (the import is not in the figure)
    begun = time.perf_counter()
    sg.program(text).gradient("L").kernel  # noqa: B018
    return time.perf_counter() - begun


def child_first_gradient() -> float:
    """From the import to the first gradient of an MLP."""
    begun = time.perf_counter()
    import numpy as np

    import symgrad as sg

    kernel = sg.program(sg.models.mlp(64, 32, 10)).gradient("L").compile("cpu", "float32")
    kernel(**mlp_arrays(np, (64, 32, 10), 16))
    return time.perf_counter() - begun


CHILDREN = {"import": child_import, "derive": child_derive, "first": child_first_gradient}


def child(*arguments: str, cache: str | None = None) -> float:
    environment = dict(os.environ) | ({"XDG_CACHE_HOME": cache, "SYMGRAD_CACHE_DIR": cache} if cache else {})
    command = [sys.executable, __file__, "--child", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def median_child(*arguments: str, repeats: int = 3) -> float:
    return statistics.median(child(*arguments) for _ in range(repeats))


def show(label: str, seconds: float, limit: str = "") -> None:
    print(f"{label:58} {seconds:8.3f} s   {limit}", flush=True)


def derive() -> None:
    show("derive the gradient of the MLP 784-256-128-10", median_child("derive", "mlp"), "wanted < 0.3 s")
    shorter, longer = (median_child("derive", str(n)) for n in (25, 50))
    show("derive the gradient of a residual chain of 25 layers", shorter)
    show("derive the gradient of a residual chain of 50 layers", longer, "wanted < 3 s")
    print(f"{'  ratio 50 to 25 layers':58} {longer / shorter:8.2f}     linear is 2")


def start() -> None:
    imported = median_child("import", repeats=5)
    show("import symgrad, with SymPy and NumPy", imported, "wanted < 1 s")
    with tempfile.TemporaryDirectory() as cache:
        cold = child("first", cache=cache)
        warm = statistics.median(child("first", cache=cache) for _ in range(3))
    show("import, derive, compile cold, first gradient of an MLP", cold, "compile wanted < 10 s")
    show("the same in a second process", warm, "wanted < 1 s after the import")
    show("  of which after the import", warm - imported)


# -- throughput against JAX


def mlp_arrays(np, layers, batch: int) -> dict:
    rng = np.random.default_rng(0)
    arrays = {"X": rng.standard_normal((batch, layers[0])), "y": rng.integers(0, layers[-1], batch)}
    for number, (inward, outward) in enumerate(pairwise(layers), start=1):
        arrays[f"W{number}"] = rng.standard_normal((inward, outward)) / inward**0.5
        arrays[f"b{number}"] = np.zeros(outward)
    return {n: a.astype("float32") if a.dtype == "float64" else a for n, a in arrays.items()}


def softmax() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    arrays = {"z": rng.standard_normal((8192, 1000)).astype("float32"), "y": rng.integers(0, 1000, 8192)}

    def loss(p, jax):
        rows = jax.numpy.arange(len(arrays["y"]))
        return -jax.nn.log_softmax(p["z"])[rows, arrays["y"]].mean()

    against_jax("softmax cross-entropy 8192 x 1000", SOFTMAX, arrays, ["z"], loss)


def mlp() -> None:
    import numpy as np

    import symgrad as sg

    layers = (784, 256, 128, 10)
    arrays = mlp_arrays(np, layers, 128)
    names = [n for n in arrays if n not in ("X", "y")]

    def loss(p, jax):
        h = arrays["X"]
        for number in range(1, len(layers)):
            h = h @ p[f"W{number}"] + p[f"b{number}"]
            h = jax.nn.relu(h) if number < len(layers) - 1 else h
        return -jax.nn.log_softmax(h)[jax.numpy.arange(len(arrays["y"])), arrays["y"]].mean()

    against_jax("MLP 784-256-128-10, batch 128", sg.models.mlp(*layers), arrays, names, loss)


def against_jax(title: str, text: str, arrays: dict, wrt: list[str], loss: Callable) -> None:
    import symgrad as sg

    bound = sg.program(text).gradient("L").compile("cpu", "float32").bind(**arrays)
    try:
        import jax
    except ImportError:
        print(f"{title}: symgrad {1e3 * interleaved([bound], 1.0)[0]:.3f} ms; JAX is not installed")
        return
    compiled = jax.jit(jax.value_and_grad(lambda p: loss(p, jax)))
    parameters = {n: jax.numpy.asarray(arrays[n]) for n in wrt}
    compare(bound(), jax.block_until_ready(compiled(parameters)), wrt)
    ours, theirs = interleaved([bound, lambda: jax.block_until_ready(compiled(parameters))], 6.0)
    ratio = f"JAX/symgrad {theirs / ours:.2f}"
    print(f"{title}: symgrad {1e3 * ours:.3f} ms, JAX {jax.__version__} {1e3 * theirs:.3f} ms, {ratio}")


def compare(ours, theirs, wrt: list[str]) -> None:
    """Equal up to the rounding of float32 sums, or nothing is timed."""
    import numpy as np

    value, gradients = theirs
    np.testing.assert_allclose(float(ours["L"]), float(value), rtol=1e-4)
    for name in wrt:
        mine, other = np.asarray(ours[f"dL_d{name}"]), np.asarray(gradients[name])
        assert np.abs(mine - other).max() <= 1e-4 * np.abs(other).max(), name


def interleaved(calls: list[Callable], seconds: float) -> list[float]:
    """The median time of each call, taken in turns so that a slow phase of the machine hits all of them."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 9:
        for call, taken in zip(calls, times):
            begun = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begun)
    return [statistics.median(t[len(t) // 10 :]) for t in times]


PARTS = {"derive": derive, "start": start, "softmax": softmax, "mlp": mlp}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(CHILDREN[arguments.child[0]](*arguments.child[1:]))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}, {THREADS} threads")
    for name in [arguments.only] if arguments.only else PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
