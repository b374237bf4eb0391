"""How fast is the gradient of logistic regression, float64, beside JAX, PyTorch and NumPy?

    python benchmarks/logistic.py [--case 100000x100]

Mean loss with L2 penalty and the gradient by weights and bias; n examples x 100 features. `weights` is a variant:
every example has a weight of its own.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import paired


class Case(NamedTuple):
    rows: int
    features: int
    weighted: bool = False


CASES = {f"{n}x100": Case(n, 100) for n in (10_000, 100_000)} | {"weights 10000x100": Case(10_000, 100, True)}


def arrays(case: Case):
    import numpy as np

    rng = np.random.default_rng(0)
    X = rng.standard_normal((case.rows, case.features))
    y = (rng.random(case.rows) < 0.5).astype(float)
    w, b = rng.standard_normal(case.features) / 10, np.array(0.3)
    return {"X": X, "y": y, "w": w, "b": b} | ({"c": rng.random(case.rows)} if case.weighted else {})


def ours(case: Case):
    import symgrad as sg

    text = f"""
X: input[n, d]
y: input[n]
{"c: input[n]" if case.weighted else ""}
w: parameter[d]
b: parameter
z[n] = sum[d](X[n,d]*w[d]) + b
L = mean[n]({"c[n]*" if case.weighted else ""}(softplus(z[n]) - y[n]*z[n])) + 0.05*sum[d](w[d]**2)
"""
    bound = sg.program(text).gradient("L").compile("cpu", "float64").bind(**arrays(case))
    bound.trusted = True
    return bound, bound


def jax_engine(case: Case):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    given = {n: jnp.asarray(a) for n, a in arrays(case).items()}

    def loss(w, b):
        z = given["X"] @ w + b
        each = jax.nn.softplus(z) - given["y"] * z
        return (given["c"] * each if case.weighted else each).mean() + 0.05 * (w**2).sum()

    both = jax.jit(jax.value_and_grad(loss, (0, 1)))

    def results():
        value, (w, b) = both(given["w"], given["b"])
        return {"L": value, "dL_dw": w, "dL_db": b}

    return (lambda: jax.block_until_ready(both(given["w"], given["b"]))), results


def torch_engine(compiled: bool):
    def engine(case: Case):
        import torch

        torch.set_num_threads(paired.THREADS)
        given = {n: torch.from_numpy(a) for n, a in arrays(case).items()}
        w, b = given["w"].requires_grad_(), given["b"].requires_grad_()

        def loss(w, b):
            z = given["X"] @ w + b
            each = torch.nn.functional.softplus(z) - given["y"] * z
            return (given["c"] * each if case.weighted else each).mean() + 0.05 * (w**2).sum()

        forward = torch.compile(loss) if compiled else loss

        def both():
            value = forward(w, b)
            return value, *torch.autograd.grad(value, (w, b))

        def results():
            return dict(zip(("L", "dL_dw", "dL_db"), (a.detach() for a in both())))

        return both, results

    return engine


def numpy_engine(case: Case):
    import numpy as np

    g = arrays(case)

    def both():
        z = g["X"] @ g["w"] + g["b"]
        e = np.exp(-np.abs(z))
        each = np.maximum(z, 0) + np.log1p(e) - g["y"] * z
        p = np.where(z >= 0, 1, e) / (1 + e)
        c = g.get("c", 1.0) / len(z)
        r = (p - g["y"]) * c
        return (each * c).sum() + 0.05 * (g["w"] ** 2).sum(), r @ g["X"] + 0.1 * g["w"], r.sum()

    return both, lambda: dict(zip(("L", "dL_dw", "dL_db"), both()))


ENGINES = {
    "symgrad": ours, "jax": jax_engine, "torch": torch_engine(False), "torch.compile": torch_engine(True),
    "numpy": numpy_engine,
}  # fmt: skip

if __name__ == "__main__":
    paired.main(__file__, __doc__, CASES, ENGINES, 1e-10)
