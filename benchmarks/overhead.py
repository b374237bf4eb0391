"""What does a call cost beside its arithmetic: bound and checked, with 1, 10 and 20 arrays, beside JAX?

    python benchmarks/overhead.py

The program adds numbers of arrays with four entries, so that nothing but the call is measured. `step` is a softmax
regression on 8 x 4: loss and gradient, where a call is worth a few microseconds.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import paired

NAMES = ["L", "dL_dW1", "dL_db1"]
CASES = {"1 array": 1, "10 arrays": 10, "20 arrays": 20, "step": 0}


def arrays(count: int):
    import numpy as np

    rng = np.random.default_rng(0)
    if count:
        return {f"a{i}": rng.standard_normal(4) for i in range(count)}
    X, W, b = rng.standard_normal((8, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)
    return {"X": X, "y": rng.integers(0, 3, 8), "W1": W, "b1": b}


def kernel(count: int):
    import symgrad as sg

    if not count:
        return sg.program(sg.models.softmax_regression(4, 3)).gradient("L").compile("cpu", outputs=NAMES)
    lines = [f"a{i}: input[n]" for i in range(count)]
    return sg.program("\n".join([*lines, f"s = sum[n]({'+'.join(f'a{i}[n]' for i in range(count))})"])).compile("cpu")


def bound(count: int):
    call = kernel(count).bind(**arrays(count))
    call.trusted = True
    return call, call


def checked(count: int):
    call, given = kernel(count), arrays(count)
    return (lambda: call(**given)), lambda: call(**given)


def jax_engine(count: int):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    given = {n: jnp.asarray(a) for n, a in arrays(count).items()}
    if count:
        call = jax.jit(lambda **a: sum(x.sum() for x in a.values()))
        return (lambda: jax.block_until_ready(call(**given))), lambda: {"s": call(**given)}

    def loss(W, b):
        lp = jax.nn.log_softmax(given["X"] @ W + b)
        return -lp[jnp.arange(8), given["y"]].mean()

    both = jax.jit(jax.value_and_grad(loss, (0, 1)))

    def results():
        value, (W, b) = both(given["W1"], given["b1"])
        return dict(zip(NAMES, (value, W, b)))

    return (lambda: jax.block_until_ready(both(given["W1"], given["b1"]))), results


ENGINES = {"bound": bound, "checked": checked, "jax": jax_engine}

if __name__ == "__main__":
    paired.main(__file__, __doc__, CASES, ENGINES, 1e-9)
