"""How fast are an activation and its derivative, 1e7 float32, beside JAX, PyTorch and torch.compile?

    python benchmarks/activations.py [--keep]

Value and derivative in one pass: x is read once, both results are written once. `bytes` moves as many and computes
nothing: the bound. `softened` (x tanh(2 x)) and `cooled` (a sigmoid with a temperature) are variants that no catalogue
has.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from statistics import median

import paired

COUNT = 10_000_000
CASES = {
    "sigmoid": "sigmoid(x[n])",
    "tanh": "tanh(x[n])",
    "softplus": "softplus(x[n])",
    "gelu": "gelu(x[n])",
    "softened": "x[n]*tanh(2*x[n])",
    "cooled": "sigmoid(x[n]/T)",
}
T = 0.7


def points():
    import numpy as np

    return 3 * np.random.default_rng(0).standard_normal(COUNT, np.float32)


def ours(case: str):
    import numpy as np

    import symgrad as sg

    given = {"T": np.float32(T)} if "T" in case else {}
    text = f"x: parameter[n]\n{'T: input' if given else ''}\ny[n] = {case}\nL = sum[n](y[n])"
    kernel = sg.program(text).gradient("L").compile("cpu", "float32", outputs=("y", "dL_dx"))
    bound = kernel.bind(x=points(), **given)
    bound.trusted = True
    return bound, bound


def moved(case: str):
    """As many bytes read and written: a copy by two threads."""
    import numba
    import numpy as np

    x = points()
    y, z = np.empty_like(x), np.empty_like(x)

    @numba.njit(parallel=True)
    def copy(x, y, z):
        for n in numba.prange(len(x)):
            y[n] = x[n]
            z[n] = x[n]

    return (lambda: copy(x, y, z)), dict


def jax_engine(case: str):
    import jax
    import jax.numpy as jnp

    functions = {
        "sigmoid(x[n])": jax.nn.sigmoid,
        "tanh(x[n])": jnp.tanh,
        "softplus(x[n])": jax.nn.softplus,
        "gelu(x[n])": lambda x: jax.nn.gelu(x, approximate=False),
        "x[n]*tanh(2*x[n])": lambda x: x * jnp.tanh(2 * x),
        "sigmoid(x[n]/T)": lambda x: jax.nn.sigmoid(x / T),
    }
    both = jax.jit(jax.vmap(jax.value_and_grad(functions[case])))
    x = jnp.asarray(points())
    return (lambda: jax.block_until_ready(both(x))), lambda: dict(zip(("y", "dL_dx"), both(x)))


def torch_engine(compiled: bool):
    def engine(case: str):
        import torch

        torch.set_num_threads(paired.THREADS)
        functions = {
            "sigmoid(x[n])": torch.sigmoid,
            "tanh(x[n])": torch.tanh,
            "softplus(x[n])": torch.nn.functional.softplus,
            "gelu(x[n])": torch.nn.functional.gelu,
            "x[n]*tanh(2*x[n])": lambda x: x * torch.tanh(2 * x),
            "sigmoid(x[n]/T)": lambda x: torch.sigmoid(x / T),
        }
        x = torch.from_numpy(points()).requires_grad_()
        forward = torch.compile(functions[case]) if compiled else functions[case]
        ones = torch.ones_like(x)

        def both():
            y = forward(x)
            return y, *torch.autograd.grad(y, x, ones)

        return both, lambda: dict(zip(("y", "dL_dx"), (a.detach() for a in both())))

    return engine


def note(case: str, rounds: dict[str, list[float]]) -> str:
    """Our time over the bound's, round by round."""
    if "bytes" not in rounds:
        return ""
    return f" | {median(a / b for a, b in zip(rounds['symgrad'], rounds['bytes'])):.2f} of the bound"


ENGINES = {
    "symgrad": ours,
    "bytes": moved,
    "jax": jax_engine,
    "torch": torch_engine(False),
    "torch.compile": torch_engine(True),
}

if __name__ == "__main__":
    # the engines' own float32 functions differ by up to 1e-6
    paired.main(__file__, __doc__, CASES, ENGINES, 1e-5, note)
