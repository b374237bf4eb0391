"""How fast is one training step of a network 784-256-128-10 with Adam on a GPU, float32, beside torch.compile with CUDA
graphs and JAX?

    python benchmarks/cuda_mlp_step.py [--case 128]

Loss, gradient and update at batches of 128 and 4096, data on the device. No engine rounds the factors of its products
to TF32; `tf32` is a variant in which each may.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import cuda_paired
import mlp_step


class Case(NamedTuple):
    batch: int
    activation: str = "relu"
    tf32: bool = False
    layers: tuple[int, ...] = mlp_step.LAYERS


CASES = {str(b): Case(b) for b in (128, 4096)} | {f"tf32 {b}": Case(b, tf32=True) for b in (128, 4096)}
CASES |= {"dry": Case(2, layers=(5, 4, 3))}


def ours(case: Case):
    from symgrad.kernels import compile_system

    mlp_step.LAYERS = case.layers  # each engine has a process of its own
    system, given = mlp_step.training_step(case)
    kernel = compile_system(system, "cuda", "float32", tf32=case.tf32)
    bound, first = kernel.bind(**given), kernel.bind(**given)
    call, _ = cuda_paired.ours(bound, bound.step)
    return call, lambda: dict(first.step()) | {n: first[n] for n in mlp_step.parameters()}


def torch_engine(case: Case):
    import torch

    torch.backends.cuda.matmul.allow_tf32 = case.tf32
    given = {n: torch.from_numpy(a).cuda() for n, a in mlp_step.data(case).items()}

    def start():
        p = {n: torch.from_numpy(a.copy()).cuda().requires_grad_() for n, a in mlp_step.parameters().items()}
        optimizer = torch.optim.Adam(list(p.values()), torch.tensor(1e-3, device="cuda"), capturable=True, fused=True)

        def step():
            h = given["X"]
            for number in range(1, len(mlp_step.LAYERS)):
                h = torch.addmm(p[f"b{number}"], h, p[f"W{number}"])
                h = torch.relu(h) if number < len(mlp_step.LAYERS) - 1 else h
            value = torch.nn.functional.cross_entropy(h, given["y"])
            value.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return value

        return p, step

    compiled = torch.compile(start()[1], mode="max-autotune")

    def call():
        compiled()
        torch.cuda.synchronize()

    def results():
        p, step = start()
        return {"L": step().detach().cpu()} | {n: a.detach().cpu() for n, a in p.items()}

    return call, results


def jax_engine(case: Case):
    import jax

    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if case.tf32 else "highest")
    return mlp_step.jax_engine(case)


ENGINES = {"symgrad": ours, "torch.compile": torch_engine, "jax": jax_engine}

if __name__ == "__main__":
    # Adam's first step is the sign of the gradient: where that is rounding noise, entries differ by 2 lr
    cuda_paired.main(__file__, __doc__, CASES, ENGINES, 2e-2)
