"""How fast are softmax cross-entropy and its gradient on a GPU, float32, beside torch.compile and JAX?

    python benchmarks/cuda_cross_entropy.py [--case 65536x1000]

Loss and gradient by the logits, labels as integers; the logits are read once and the gradient is written once.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import cross_entropy
import cuda_paired
from cross_entropy import Case, arrays

CASES = {"65536x1000": Case(65536, 1000), "8192x32000": Case(8192, 32000), "1048576x10": Case(1048576, 10)}
CASES |= {"dry": Case(6, 5)}


def ours(case: Case):
    import symgrad as sg

    text = f"z: parameter[n, k]\ny: label[n] over k\n{cross_entropy.TEXTS['']}"
    bound = sg.program(text).gradient("L").compile("cuda", "float32").bind(**arrays(case))
    return cuda_paired.ours(bound, bound)


def by_torch(case: Case, torch):
    z, y = (torch.from_numpy(arrays(case)[n]).cuda() for n in "zy")
    z.requires_grad_()

    def both():
        loss = torch.nn.functional.cross_entropy(z, y)
        return loss, *torch.autograd.grad(loss, [z])

    return both, lambda found: {"L": found[0], "dL_dz": found[1]}


def by_jax(case: Case, jax):
    z, y = (jax.numpy.asarray(arrays(case)[n]) for n in "zy")

    def loss(z):
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()

    return (lambda: jax.value_and_grad(loss)(z)), lambda found: {"L": found[0], "dL_dz": found[1]}


ENGINES = {"symgrad": ours, "torch.compile": cuda_paired.torch_engine(by_torch), "jax": cuda_paired.jax_engine(by_jax)}

if __name__ == "__main__":
    traffic = lambda case: 8 * case.rows * case.classes  # noqa: E731
    cuda_paired.main(__file__, __doc__, CASES, ENGINES, 1e-4, traffic)
