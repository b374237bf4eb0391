"""How fast are softmax cross-entropy and its gradient, float32, beside JAX, PyTorch and NumPy?

    python benchmarks/cross_entropy.py [--case 8192x1000] [--keep]

Loss and gradient by the logits, labels as integers; rows x classes from 128 x 10 (the call's overhead) to 1024 x 32000
(128 MB). `temperature` and `smooth` are variants that no peer's library has as one function: logits over a temperature,
and a label that keeps 0.1 for the other classes.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import paired


class Case(NamedTuple):
    rows: int
    classes: int
    variant: str = ""


SIZES = [(128, 10), (4096, 10), (65536, 100), (8192, 1000), (1024, 32000)]
CASES = {f"{n}x{k}": Case(n, k) for n, k in SIZES}
CASES |= {f"temperature {n}x{k}": Case(n, k, "temperature") for n, k in [(4096, 10), (8192, 1000)]}
CASES |= {f"smooth {n}x{k}": Case(n, k, "smooth") for n, k in [(4096, 10), (8192, 1000)]}
TEXTS = {
    "": "p[n,k] = softmax[k](z[n,k])\nL = mean[n](-log(p[n,y[n]]))",
    "temperature": "s[n,k] = z[n,k]/2.5\np[n,k] = softmax[k](s[n,k])\nL = mean[n](-log(p[n,y[n]]))",
    "smooth": """p[n,k] = softmax[k](z[n,k])
L = mean[n](-0.9*log(p[n,y[n]]) - 0.1*mean[k](log(p[n,k])))""",
}


def arrays(case: Case):
    import numpy as np

    rng = np.random.default_rng(0)
    return {
        "z": rng.standard_normal((case.rows, case.classes), np.float32),
        "y": rng.integers(0, case.classes, case.rows),
    }


def ours(case: Case):
    import symgrad as sg

    text = f"z: parameter[n, k]\ny: label[n] over k\n{TEXTS[case.variant]}"
    bound = sg.program(text).gradient("L").compile("cpu", "float32").bind(**arrays(case))
    bound.trusted = True
    return bound, bound


def jax_engine(form: str):
    """`gather`: log_softmax and a gather. `onehot`: logsumexp minus the label's logit by a comparison, often faster."""

    def engine(case: Case):
        import jax
        import jax.numpy as jnp

        y = jnp.asarray(arrays(case)["y"].astype("int32"))
        rows = jnp.arange(case.rows)

        def loss(z):
            z = z / 2.5 if case.variant == "temperature" else z
            if form == "gather":
                lp = jax.nn.log_softmax(z)
                picked, spread = lp[rows, y], lp.mean(1)
            else:
                top = jax.scipy.special.logsumexp(z, axis=1)
                hot = y[:, None] == jnp.arange(case.classes)
                picked, spread = jnp.where(hot, z, 0).sum(1) - top, z.mean(1) - top
            return -(0.9 * picked + 0.1 * spread).mean() if case.variant == "smooth" else -picked.mean()

        both, z = jax.jit(jax.value_and_grad(loss)), jnp.asarray(arrays(case)["z"])

        def results():
            value, slope = both(z)
            return {"L": value, "dL_dz": slope}

        return (lambda: jax.block_until_ready(both(z))), results

    return engine


def torch_engine(compiled: bool):
    def engine(case: Case):
        import torch

        torch.set_num_threads(paired.THREADS)
        given = arrays(case)
        z, y = torch.from_numpy(given["z"]).requires_grad_(), torch.from_numpy(given["y"])

        def loss(z):
            z = z / 2.5 if case.variant == "temperature" else z
            return torch.nn.functional.cross_entropy(z, y, label_smoothing=0.1 if case.variant == "smooth" else 0.0)

        forward = torch.compile(loss) if compiled else loss

        def both():
            value = forward(z)
            return value, torch.autograd.grad(value, z)[0]

        def results():
            value, slope = both()
            return {"L": value.detach(), "dL_dz": slope}

        return both, results

    return engine


ENGINES = {
    "symgrad": ours, "jax": jax_engine("gather"), "jax onehot": jax_engine("onehot"),
    "torch": torch_engine(False), "torch.compile": torch_engine(True),
}  # fmt: skip

if __name__ == "__main__":
    # float32 sums of up to 32000 terms in different orders
    paired.main(__file__, __doc__, CASES, ENGINES, 1e-5)
