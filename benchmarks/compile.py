"""How long does it take from text to the first result: derive, schedule and emit, compile, and with a warm cache?

    python benchmarks/compile.py [--only mlp]

The training step of a network 784-256-128-10 with Adam, the gradient of a Gaussian mixture (full covariances), and the
gradient of networks of 20, 50 and 100 layers, which should cost in proportion to their depth. Each in a process of its
own with an empty cache, then in another that finds what the first one compiled. Seconds of processor time (the machine
may be doing other work), imports apart.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time

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


def measured(name: str, folder: str) -> dict[str, float]:
    environment = dict(os.environ) | {"SYMGRAD_CACHE_DIR": folder}
    command = [sys.executable, __file__, "--child", name]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(CASES))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
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
