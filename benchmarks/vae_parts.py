"""How fast are the element-wise parts of a variational autoencoder, float32, beside JAX and PyTorch?

    python benchmarks/vae_parts.py

Value and gradient of KL divergence and reparameterisation (4096 x 784 latent values, the noise given) and of the
Bernoulli reconstruction from scores. `laplace` is a variant: an absolute error for the reconstruction.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import paired


class Case(NamedTuple):
    rows: int
    laplace: bool = False


WIDTH = 784
CASES = {"4096x784": Case(4096), "laplace 4096": Case(4096, True)}


def arrays(case: Case):
    import numpy as np

    rng = np.random.default_rng(0)
    shape = case.rows, WIDTH
    names = {n: rng.standard_normal(shape, np.float32) for n in ("mu", "rho", "eps", "t")}
    return names | {"X": rng.random(shape, np.float32)}


def ours(case: Case):
    import symgrad as sg

    error = "abs(X[n,d] - z[n,d])" if case.laplace else "softplus(z[n,d]) - X[n,d]*z[n,d]"
    text = f"""
X, t: input[n, d]
eps: noise[n, d]
mu, rho: parameter[n, d]
z[n,d] = t[n,d] + mu[n,d] + exp(rho[n,d]/2)*eps[n,d]
KL = mean[n](sum[d](mu[n,d]**2 + exp(rho[n,d]) - 1 - rho[n,d]))/2
L = mean[n](sum[d]({error})) + KL
outputs: L
"""
    bound = sg.program(text).gradient("L").compile("cpu", "float32").bind(**arrays(case))
    bound.trusted = True
    return bound, bound


def jax_engine(case: Case):
    import jax
    import jax.numpy as jnp

    g = {n: jnp.asarray(a) for n, a in arrays(case).items()}

    def loss(mu, rho):
        z = g["t"] + mu + jnp.exp(rho / 2) * g["eps"]
        error = jnp.abs(g["X"] - z) if case.laplace else jax.nn.softplus(z) - g["X"] * z
        return error.sum(1).mean() + (mu**2 + jnp.exp(rho) - 1 - rho).sum(1).mean() / 2

    both = jax.jit(jax.value_and_grad(loss, (0, 1)))

    def results():
        value, (mu, rho) = both(g["mu"], g["rho"])
        return {"L": value, "dL_dmu": mu, "dL_drho": rho}

    return (lambda: jax.block_until_ready(both(g["mu"], g["rho"]))), results


def torch_engine(compiled: bool):
    def engine(case: Case):
        import torch

        torch.set_num_threads(paired.THREADS)
        g = {n: torch.from_numpy(a) for n, a in arrays(case).items()}
        mu, rho = g["mu"].requires_grad_(), g["rho"].requires_grad_()

        def loss(mu, rho):
            z = g["t"] + mu + torch.exp(rho / 2) * g["eps"]
            if case.laplace:
                error = torch.abs(g["X"] - z).sum()
            else:
                error = torch.nn.functional.binary_cross_entropy_with_logits(z, g["X"], reduction="sum")
            return (error + (mu**2 + torch.exp(rho) - 1 - rho).sum() / 2) / case.rows

        forward = torch.compile(loss) if compiled else loss

        def both():
            value = forward(mu, rho)
            return value, *torch.autograd.grad(value, (mu, rho))

        return both, lambda: dict(zip(("L", "dL_dmu", "dL_drho"), (a.detach() for a in both())))

    return engine


ENGINES = {"symgrad": ours, "jax": jax_engine, "torch": torch_engine(False), "torch.compile": torch_engine(True)}

if __name__ == "__main__":
    # a float32 sum of 3.2 million terms
    paired.main(__file__, __doc__, CASES, ENGINES, 1e-4)
