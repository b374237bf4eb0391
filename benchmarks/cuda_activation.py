"""How fast are an activation and its derivative on a GPU, float32, beside torch.compile and JAX?

    python benchmarks/cuda_activation.py [--case gelu]

Both at 1e8 points, in one pass: x is read once, value and derivative are written once.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import cuda_paired


class Case(NamedTuple):
    name: str
    count: int = 100_000_000


CASES = {name: Case(name) for name in ("gelu", "silu", "tanh", "softplus")} | {"dry": Case("gelu", 7)}


def points(case: Case):
    import numpy as np

    return np.random.default_rng(0).standard_normal(case.count, np.float32)


def ours(case: Case):
    import symgrad as sg

    text = f"x: parameter[n]\ny[n] = {case.name}(x[n])\nL = sum[n](y[n])"
    kernel = sg.program(text).gradient("L").compile("cuda", "float32", outputs=("y", "dL_dx"))
    bound = kernel.bind(x=points(case))
    return cuda_paired.ours(bound, bound)


def by_torch(case: Case, torch):
    x = torch.from_numpy(points(case)).cuda().requires_grad_()
    function = torch.tanh if case.name == "tanh" else getattr(torch.nn.functional, case.name)

    def both():
        y = function(x)
        return y, *torch.autograd.grad(y.sum(), [x])

    return both, lambda found: {"y": found[0], "dL_dx": found[1]}


def by_jax(case: Case, jax):
    x = jax.numpy.asarray(points(case))
    functions = {"gelu": lambda x: jax.nn.gelu(x, approximate=False), "tanh": jax.numpy.tanh}
    function = functions.get(case.name) or getattr(jax.nn, case.name)
    both = jax.vmap(jax.value_and_grad(function))
    return (lambda: both(x)), lambda found: {"y": found[0], "dL_dx": found[1]}


ENGINES = {"symgrad": ours, "torch.compile": cuda_paired.torch_engine(by_torch), "jax": cuda_paired.jax_engine(by_jax)}

if __name__ == "__main__":
    cuda_paired.main(__file__, __doc__, CASES, ENGINES, 1e-4, lambda case: 12 * case.count)
