"""How fast is the gradient of a Gaussian mixture with full covariances, float64, beside JAX and PyTorch?

    python benchmarks/mixture.py [--case 10000]

The log-posterior of ADBench's GMM (Srajer, Kukelova and Fitzgibbon, A benchmark of selected algorithmic differentiation
tools, 2018), corrected sign of the prior: d = 10, 25 components, n = 1000 and 10000; the inverse factors of the
covariances are lower triangular with a positive diagonal. `student` is a variant: heavier tails, log1p of the distance.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import paired


class Case(NamedTuple):
    rows: int
    student: bool = False


D, K, GAMMA, M = 10, 25, 1.0, 2
CASES = {"1000": Case(1000), "10000": Case(10_000), "student 1000": Case(1000, True)}


def arrays(case: Case):
    import numpy as np

    rng = np.random.default_rng(0)
    return {
        "alpha": rng.standard_normal(K), "mu": rng.random((K, D)), "q": rng.standard_normal((K, D)) / 2,
        "l": np.tril(rng.standard_normal((K, D, D)), -1), "x": rng.random((case.rows, D)),
    }  # fmt: skip


TEXT = """
x: input[n, i]
alpha: parameter[k]
mu: parameter[k, i]
q: parameter[k, i]
l: parameter[k, i, j]
Q[k,i,j] = where(j < i, l[k,i,j], where(j <= i, exp(q[k,i]), 0))
y[n,k,i] = sum[j](Q[k,i,j]*(x[n,j] - mu[k,j]))
r[n,k] = sum[i](y[n,k,i]**2)
beta[n,k] = alpha[k] - DISTANCE + sum[i](q[k,i])
A = logsumexp[k](alpha[k])
P = 0.5*sum[k,i,j, j <= i](Q[k,i,j]**2) - 2*sum[k,i](q[k,i])
L = sum[n](logsumexp[k](beta[n,k])) - size(n)*A - P
outputs: L
"""


def ours(case: Case):
    import symgrad as sg

    text = TEXT.replace("DISTANCE", "2*log1p(r[n,k]/3)" if case.student else "0.5*r[n,k]")
    bound = sg.program(text, sizes={"i": D, "k": K}).gradient("L").compile("cpu", "float64").bind(**arrays(case))
    bound.trusted = True
    return bound, bound


NAMES = ("alpha", "mu", "q", "l")


def jax_engine(case: Case):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    given = {n: jnp.asarray(a) for n, a in arrays(case).items()}

    def loss(alpha, mu, q, l):
        factor = jnp.tril(l, -1) + jnp.exp(q)[:, :, None] * jnp.eye(D)
        y = jnp.einsum("kij,nkj->nki", factor, given["x"][:, None, :] - mu)
        r = (y**2).sum(2)
        beta = alpha - (2 * jnp.log1p(r / 3) if case.student else 0.5 * r) + q.sum(1)
        prior = 0.5 * (factor**2).sum() - 2 * q.sum()
        total = jax.scipy.special.logsumexp(beta, axis=1).sum()
        return total - case.rows * jax.scipy.special.logsumexp(alpha) - prior

    both = jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3)))
    parameters = [given[n] for n in NAMES]

    def results():
        value, slopes = both(*parameters)
        return {"L": value} | {f"dL_d{n}": s for n, s in zip(NAMES, slopes)}

    return (lambda: jax.block_until_ready(both(*parameters))), results


def torch_engine(compiled: bool):
    def engine(case: Case):
        import torch

        torch.set_num_threads(paired.THREADS)
        given = {n: torch.from_numpy(a) for n, a in arrays(case).items()}
        parameters = [given[n].requires_grad_() for n in NAMES]

        def loss(alpha, mu, q, l):
            factor = torch.tril(l, -1) + torch.diag_embed(torch.exp(q))
            y = torch.einsum("kij,nkj->nki", factor, given["x"][:, None, :] - mu)
            r = (y**2).sum(2)
            beta = alpha - (2 * torch.log1p(r / 3) if case.student else 0.5 * r) + q.sum(1)
            prior = 0.5 * (factor**2).sum() - 2 * q.sum()
            return torch.logsumexp(beta, 1).sum() - case.rows * torch.logsumexp(alpha, 0) - prior

        forward = torch.compile(loss) if compiled else loss

        def both():
            value = forward(*parameters)
            return value, torch.autograd.grad(value, parameters)

        def results():
            value, slopes = both()
            return {"L": value.detach()} | {f"dL_d{n}": s for n, s in zip(NAMES, slopes)}

        return both, results

    return engine


ENGINES = {"symgrad": ours, "jax": jax_engine, "torch": torch_engine(False), "torch.compile": torch_engine(True)}

if __name__ == "__main__":
    paired.main(__file__, __doc__, CASES, ENGINES, 1e-9)
