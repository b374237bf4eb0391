"""How fast is one training step of a network 784-256-128-10 with Adam, float32, beside JAX with optax and PyTorch?

    python benchmarks/mlp_step.py [--case 128]

Loss, gradient and update of 235,146 parameters, at batches of 32, 128 and 1024. `tanh` is a variant with another
activation. Every engine updates in place: JAX donates its buffers, PyTorch's optimiser is the fused one.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import paired


class Case(NamedTuple):
    batch: int
    activation: str = "relu"


LAYERS = (784, 256, 128, 10)
CASES = {str(b): Case(b) for b in (32, 128, 1024)} | {"tanh 128": Case(128, "tanh")}


def parameters():
    import numpy as np

    rng, found = np.random.default_rng(0), {}
    for number, (inward, outward) in enumerate(pairwise(LAYERS), start=1):
        found[f"W{number}"] = (rng.standard_normal((inward, outward)) / inward**0.5).astype("float32")
        found[f"b{number}"] = np.zeros(outward, "float32")
    return found


def data(case: Case):
    import numpy as np

    rng = np.random.default_rng(1)
    X = rng.standard_normal((case.batch, LAYERS[0]), np.float32)
    return {"X": X, "y": rng.integers(0, LAYERS[-1], case.batch)}


def training_step(case: Case):
    """The System of one step, and the arrays that it starts with."""
    import numpy as np

    import symgrad as sg
    from symgrad.train.model import training_system

    model = sg.program(sg.models.mlp(*LAYERS, activation=case.activation))
    optimizer = sg.optimizers.adam(1e-3)
    step = training_system(model.raw.prune(["L"]), "L", optimizer)
    given = data(case) | parameters()
    given |= {step.shared[n]: np.array(v, "float32") for n, v in optimizer.values.items()}
    for tensor in step.system.declared("state"):
        given.setdefault(tensor.name, np.zeros([int(s) for s in tensor.shape], "float32"))
    return step.system, given


def ours(case: Case):
    from symgrad.kernels import compile_system

    system, given = training_step(case)
    kernel = compile_system(system, "cpu", "float32")
    bound, first = kernel.bind(**given), kernel.bind(**given)
    bound.trusted = True

    def results():
        value = first.step()["L"]
        return {"L": value} | {n: first[n] for n in parameters()}

    return bound.step, results


def jax_engine(case: Case):
    import jax
    import jax.numpy as jnp
    import optax

    given = data(case)
    X, y = jnp.asarray(given["X"]), jnp.asarray(given["y"].astype("int32"))
    optimizer, act = optax.adam(1e-3), getattr(jax.nn, case.activation, None) or jnp.tanh

    def loss(p):
        h = X
        for number in range(1, len(LAYERS)):
            h = h @ p[f"W{number}"] + p[f"b{number}"]
            h = act(h) if number < len(LAYERS) - 1 else h
        hot = y[:, None] == jnp.arange(LAYERS[-1])
        return (jax.scipy.special.logsumexp(h, axis=1) - jnp.where(hot, h, 0).sum(1)).mean()

    def step(p, state):
        value, slopes = jax.value_and_grad(loss)(p)
        updates, state = optimizer.update(slopes, state)
        return value, optax.apply_updates(p, updates), state

    compiled = jax.jit(step, donate_argnums=(0, 1))
    held = {"p": {n: jnp.asarray(a) for n, a in parameters().items()}}
    held["s"] = optimizer.init(held["p"])

    def call():
        value, held["p"], held["s"] = compiled(held["p"], held["s"])
        return jax.block_until_ready((value, held["p"]))[0]

    def results():
        fresh = {n: jnp.asarray(a) for n, a in parameters().items()}
        value, p, _ = jax.jit(step)(fresh, optimizer.init(fresh))
        return {"L": value} | p

    return call, results


def torch_engine(compiled: bool):
    def engine(case: Case):
        import torch

        torch.set_num_threads(paired.THREADS)
        given = {n: torch.from_numpy(a) for n, a in data(case).items()}
        act = getattr(torch, case.activation)

        def start():
            p = {n: torch.from_numpy(a.copy()).requires_grad_() for n, a in parameters().items()}
            optimizer = torch.optim.Adam(list(p.values()), 1e-3, fused=not compiled)

            def step():
                h = given["X"]
                for number in range(1, len(LAYERS)):
                    h = torch.addmm(p[f"b{number}"], h, p[f"W{number}"])
                    h = act(h) if number < len(LAYERS) - 1 else h
                value = torch.nn.functional.cross_entropy(h, given["y"])
                value.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                return value

            return p, torch.compile(step) if compiled else step

        _, step = start()

        def results():
            p, first = start()
            return {"L": first().detach()} | {n: a.detach() for n, a in p.items()}

        return step, results

    return engine


ENGINES = {"symgrad": ours, "jax": jax_engine, "torch": torch_engine(False), "torch.compile": torch_engine(True)}

if __name__ == "__main__":
    # Adam's first step is the sign of the gradient: where that is rounding noise, entries differ by 2 lr
    paired.main(__file__, __doc__, CASES, ENGINES, 2e-2)
