"""How fast are three derivatives of large data on a GPU, beside JAX?

    python benchmarks/cuda_models.py [--case bundle]

The Jacobian of bundle adjustment over 1e7 observations (2 x 15 numbers for each, float32), the gradient of a Gaussian
mixture with full covariances at n = 1e6 (ADBench, float64), the Hessian of logistic regression at 1e6 x 256 (float32).
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import cuda_paired
import hessians
import mixture

LOGISTIC = hessians.LOGISTIC.format(declared="", weight="")


class Case(NamedTuple):
    kind: str
    rows: int
    columns: int = 256
    student: bool = False  # as `mixture.Case`


CASES = {"bundle": Case("bundle", 10_000_000), "mixture": Case("mixture", 1_000_000)}
CASES |= {"logistic": Case("logistic", 1_000_000)}
CASES |= {f"dry {kind}": Case(kind, 5, 3) for kind in ("bundle", "logistic")}
DTYPES = {"bundle": "float32", "mixture": "float64", "logistic": "float32"}


def arrays(case: Case):
    import numpy as np

    if case.kind == "logistic":
        rng = np.random.default_rng(0)
        X = rng.standard_normal((case.rows, case.columns), np.float32)
        return {"X": X, "y": (rng.random(case.rows) < 0.5).astype("float32"), "w": np.zeros(case.columns, "float32")}
    found = mixture.arrays(case) if case.kind == "mixture" else hessians.arrays(hessians.Case("bundle", case.rows))
    return {name: np.asarray(a, DTYPES[case.kind]) for name, a in found.items()}


def derived(case: Case):
    import symgrad as sg

    if case.kind == "mixture":
        return sg.program(mixture.TEXT.replace("DISTANCE", "0.5*r[n,k]")).gradient("L")
    if case.kind == "logistic":
        return sg.program(LOGISTIC).hessian("L")
    jacobian = sg.program(hessians.BUNDLE, sizes={"i": 3, "a": 2}).jacobian("e", tuple(hessians.COLUMNS))
    return jacobian.compressed(*jacobian.outputs[1:])


def ours(case: Case):
    program = derived(case)
    given = {n: a for n, a in arrays(case).items() if n in program.kernel.tensors}
    bound = program.compile("cuda", DTYPES[case.kind]).bind(**given)
    call, results = cuda_paired.ours(bound, bound)
    return call, (dict if case.kind == "bundle" else results)  # the Jacobian's blocks are compared on the CPU


def by_jax(case: Case):
    import jax

    if case.kind == "mixture":
        return mixture.jax_engine(case)
    given = {n: jax.numpy.asarray(a) for n, a in arrays(case).items()}
    if case.kind == "bundle":
        call, _ = hessians.jax_bundle(case, given, jax, jax.numpy)
        return (lambda: jax.block_until_ready(call())), dict

    def loss(w):
        z = given["X"] @ w
        return (jax.nn.softplus(z) - given["y"] * z).sum() + 0.0005 * (w**2).sum()

    hessian = jax.jit(jax.hessian(loss))
    return (lambda: jax.block_until_ready(hessian(given["w"]))), lambda: {"d2L_dw_dw": hessian(given["w"])}


ENGINES = {"symgrad": ours, "jax": by_jax}

if __name__ == "__main__":
    cuda_paired.main(__file__, __doc__, CASES, ENGINES, 1e-3)
