"""How long does it take from text to the first result: derive, schedule and emit, compile, and with a warm cache?

    python benchmarks/compile.py [--only mlp]
    python benchmarks/compile.py --start

The training step of a network 784-256-128-10 with Adam, the gradient of a Gaussian mixture (full covariances), and the
gradient of networks of 20, 50 and 100 layers, which should cost in proportion to their depth. Each in a process of its
own with an empty cache, then in another that finds what the first one compiled. Seconds of processor time (the machine
may be doing other work), imports apart.

`--start`: seconds from the start of a process to the first gradient, imports and all, of the network and of a softmax
regression (128 x 20, 5 classes), with what an earlier process compiled, beside JAX without and with its own cache on
disk. Medians of wall time, taken in turn; Python files are compiled.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

BEGUN = time.perf_counter()
DEPTHS = (20, 50, 100)


def network(depth: int):
    """The gradient of a network of `depth` layers of 16."""
    import numpy as np

    import symgrad as sg

    layers = (16,) * depth + (4,)
    program = sg.program(sg.models.mlp(*layers))
    rng = np.random.default_rng(0)
    given = {"X": rng.standard_normal((8, 16)), "y": rng.integers(0, 4, 8)}
    for number, (inward, outward) in enumerate(itertools.pairwise(layers), start=1):
        given |= {f"W{number}": rng.standard_normal((inward, outward)) / 4, f"b{number}": np.zeros(outward)}
    return (lambda: program.gradient("L").kernel), given, "float64"


def mixture_gradient():
    import mixture

    import symgrad as sg

    text = mixture.TEXT.replace("DISTANCE", "0.5*r[n,k]")
    return (lambda: sg.program(text).gradient("L").kernel), mixture.arrays(mixture.Case(1000)), "float64"


def mlp_adam():
    import mlp_step

    case = mlp_step.Case(128)
    given = mlp_step.training_step(case)[1]
    return (lambda: mlp_step.training_step(case)[0]), given, "float32"


CASES = {"mlp": mlp_adam, "mixture": mixture_gradient} | {f"{d} layers": lambda d=d: network(d) for d in DEPTHS}


def child(name: str) -> dict[str, float]:
    """The seconds of each stage."""
    import numpy as np

    from symgrad.kernels import compile_system

    derive, given, dtype = CASES[name]()
    clock = time.process_time
    compile_system(derive(), "cpu", dtype)  # what is imported on first use
    begun = clock()
    system = derive()
    derived = clock()
    kernel = compile_system(system, "cpu", dtype)
    compiled = kernel.in_place if system.updates else kernel.compiled
    emitted = clock()
    compiled.run  # noqa: B018
    jitted = clock()
    bound = kernel.bind(**given)
    result = (bound.step if system.updates else bound)()
    assert np.isfinite(result["L"])
    first = clock()
    lines = compiled.source.count("\n")
    seconds = {"derive": derived - begun, "emit": emitted - derived, "jit": jitted - emitted, "run": first - jitted}
    return seconds | {"lines": lines}


# --------------------------------------------------------------------------------------------------- warm process start
STARTS = {"softmax": (20, 5), "mlp": (784, 256, 128, 10)}
TURNS = 9


def first_gradient(engine: str, name: str) -> float:
    """The loss at the first gradient; nothing is imported before."""
    import numpy as np

    layers, rng = STARTS[name], np.random.default_rng(0)
    given = {"X": rng.standard_normal((128, layers[0]), np.float32), "y": rng.integers(0, layers[-1], 128)}
    for number, (inward, outward) in enumerate(itertools.pairwise(layers), start=1):
        given[f"W{number}"] = rng.standard_normal((inward, outward), np.float32) / inward**0.5
        given[f"b{number}"] = np.zeros(outward, "float32")
    if engine == "symgrad":
        import symgrad as sg

        kernel = sg.program(sg.models.mlp(*layers)).gradient("L").compile(dtype="float32")
        return float(kernel(**given)["L"])
    import jax
    import jax.numpy as jnp

    def loss(parameters, X, y):
        a, depth = X, len(layers) - 1
        for number in range(1, depth + 1):
            a = a @ parameters[f"W{number}"] + parameters[f"b{number}"]
            a = jax.nn.relu(a) if number < depth else a
        return -jnp.take_along_axis(jax.nn.log_softmax(a), y[:, None], 1).mean()

    parameters = {n: a for n, a in given.items() if n not in "Xy"}
    return float(jax.block_until_ready(jax.jit(jax.value_and_grad(loss))(parameters, given["X"], given["y"]))[0])


def starts() -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = {"JAX_COMPILATION_CACHE_DIR": folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        kept |= {"JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
        peers = {"symgrad": {"SYMGRAD_CACHE_DIR": folder}, "jax": {}, "jax, cache": kept}
        print(f"{'':10} " + " ".join(f"{peer:>12}" for peer in peers))
        for name in STARTS:
            taken: dict[str, list[float]] = {peer: [] for peer in peers}
            for _ in range(TURNS + 1):
                for peer, own in peers.items():
                    taken[peer].append(start(peer, name, own))
            medians = [statistics.median(t[1:]) for t in taken.values()]  # the first one fills the caches
            print(f"{name:10} " + " ".join(f"{m:12.2f}" for m in medians), flush=True)


def start(peer: str, name: str, own: dict[str, str]) -> float:
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"} | own
    command = [sys.executable, __file__, "--first", peer.split(",")[0], name]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def measured(name: str, folder: str) -> dict[str, float]:
    environment = dict(os.environ) | {"SYMGRAD_CACHE_DIR": folder}
    command = [sys.executable, __file__, "--child", name]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(CASES))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--start", action="store_true", help="from the start of a process to the first gradient")
    parser.add_argument("--first", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first:
        first_gradient(*options.first)
        print(time.perf_counter() - BEGUN)
        return
    if options.start:
        starts()
        return
    if options.child:
        print(json.dumps(child(options.child)))
        return
    print(f"{'':10} {'derive':>8} {'emit':>8} {'jit':>8} {'cold':>8} {'warm':>8}   lines")
    for name in options.only or CASES:
        with tempfile.TemporaryDirectory() as folder:
            cold, warm = measured(name, folder), measured(name, folder)
        total = cold["emit"] + cold["jit"] + cold["run"]
        again = warm["emit"] + warm["jit"] + warm["run"]
        stages = " ".join(f"{cold[s]:8.2f}" for s in ("derive", "emit", "jit"))
        print(f"{name:10} {stages} {total:8.2f} {again:8.2f}   {cold['lines']:.0f}", flush=True)


if __name__ == "__main__":
    main()
