"""A program as a differentiable function of PyTorch or JAX: values and pull-backs are compiled kernels.

    f = sg.bridges.torch_function(program, "L")        f(X, y, W).backward()
    f = sg.bridges.jax_function(program, "L")          jax.grad(f, argnums=2)(X, y, W)

Arguments are the tensors that the output reads, in the order of declaration, or by name. The derivative is the derived
one: neither framework looks inside. It is of first order: differentiating it again is an error there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import calculus
from ..errors import SymgradError, UnknownNameError, did_you_mean
from ..ir.sizes import bind_shapes, size_value
from ..ir.system import System
from ..kernels import Kernel, compile_system
from .model import raw_system

__all__ = ["jax_function", "torch_function"]


@dataclass(frozen=True)
class Pair:
    """The value of `output` and its pull-back, on NumPy arrays in the order of `names`."""

    system: System
    output: str
    names: tuple[str, ...]
    smooth: tuple[bool, ...]  # has a derivative: integers and booleans have none
    value_kernel: Kernel
    pull_kernel: Kernel
    bar: str
    dtype: str

    def value(self, *arrays: np.ndarray) -> np.ndarray:
        found = self.value_kernel(**dict(zip(self.names, arrays)))
        return np.asarray(found[self.output], dtype=self.dtype)

    def pull(self, bar: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
        """The adjoint of each array that has a derivative."""
        read = {n: a for n, a in zip(self.names, arrays) if n in self.pull_kernel.system.tensors}
        found = self.pull_kernel(**read, **{self.bar: np.asarray(bar, dtype=self.dtype)})
        return [np.asarray(found[f"{n}_bar"], dtype=self.dtype) for n, smooth in zip(self.names, self.smooth) if smooth]

    def shape(self, *arrays: Any) -> tuple[int, ...]:
        """The output's shape for arguments of these shapes."""
        sizes = bind_shapes(self.system, {n: np.shape(a) for n, a in zip(self.names, arrays)})
        return tuple(size_value(extent, sizes) for extent in self.system.tensors[self.output].shape)

    def ordered(self, positional: tuple, named: dict[str, Any]) -> list[Any]:
        """The arguments in order; UnknownNameError says which are missing."""
        given = dict(zip(self.names, positional)) | named
        if set(given) != set(self.names) or len(positional) > len(self.names):
            hint = did_you_mean(next((n for n in given if n not in self.names), ""), self.names)
            raise UnknownNameError(f"{self.output} is a function of {', '.join(self.names)}. {hint}".rstrip())
        return [given[n] for n in self.names]


def pair_of(program: Any, output: str | None, dtype: str) -> Pair:
    """Derive and compile."""
    system = raw_system(program)
    if output is None:
        if len(system.outputs) != 1:
            raise UnknownNameError(f"name the output: there are {', '.join(system.outputs)}.")
        output = system.outputs[0]
    if output not in system.tensors:
        hint = did_you_mean(output, system.tensors)
        raise UnknownNameError(f"{output} is not a tensor of this program. {hint}".rstrip())
    system = system.prune([output])
    declared = system.declared()
    smooth = tuple(t.dtype == "float" for t in declared)
    wrt = tuple(t.name for t in declared if t.dtype == "float")
    pull = calculus.vjp(system, output, wrt)
    pull = pull.prune([f"{n}_bar" for n in wrt])
    value = compile_system(calculus.kernel_form(system), dtype=dtype)
    names = tuple(t.name for t in declared)
    return Pair(system, output, names, smooth, value, compile_system(calculus.kernel_form(pull), dtype=dtype),
                f"{output}_bar", dtype)  # fmt: skip


def torch_function(program: Any, output: str | None = None, dtype: str = "float32") -> Callable[..., Any]:
    """`output` as a function of torch tensors on the CPU, with its derived pull-back."""
    torch = _library("torch", "PyTorch")
    pair = pair_of(program, output, dtype)

    class Derived(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            ctx.save_for_backward(*tensors)
            return torch.as_tensor(pair.value(*(t.numpy() for t in tensors)))

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, bar):
            tensors = ctx.saved_tensors
            pulled = iter(pair.pull(bar.numpy(), *(t.numpy() for t in tensors)))
            found = [next(pulled) if smooth else None for smooth in pair.smooth]
            return tuple(None if a is None else torch.as_tensor(a).to(t.dtype) for a, t in zip(found, tensors))

    def call(*positional: Any, **named: Any) -> Any:
        tensors = [torch.as_tensor(t) for t in pair.ordered(positional, named)]
        far = next((n for n, t in zip(pair.names, tensors) if t.device.type != "cpu"), None)
        if far:
            raise SymgradError(f"{far} is not on the CPU, and this kernel is: pass {far}.cpu().")
        return Derived.apply(*tensors)

    call.__name__, call.__doc__ = pair.output, f"{pair.output} of {', '.join(pair.names)}, by a compiled kernel."
    return call


def jax_function(program: Any, output: str | None = None, dtype: str = "float32") -> Callable[..., Any]:
    """`output` as a function of JAX arrays: a host callback with its derived pull-back; `jit`, `grad` and (one call
    after another) `vmap` work."""
    jax = _library("jax", "JAX")
    pair = pair_of(program, output, dtype)

    def host(function: Callable, shapes: Any, *arrays: Any) -> Any:
        return jax.pure_callback(
            lambda *a: function(*map(np.asarray, a)), shapes, *arrays, vmap_method="sequential"
        )  # fmt: skip

    @jax.custom_vjp
    def derived(*arrays):
        return host(pair.value, jax.ShapeDtypeStruct(pair.shape(*arrays), dtype), *arrays)

    def forward(*arrays):
        return derived(*arrays), arrays

    def backward(arrays, bar):
        shapes = [jax.ShapeDtypeStruct(a.shape, dtype) for a, smooth in zip(arrays, pair.smooth) if smooth]
        pulled = iter(host(pair.pull, shapes, bar, *arrays))
        return tuple(
            next(pulled).astype(a.dtype) if smooth else np.zeros(a.shape, jax.dtypes.float0)
            for a, smooth in zip(arrays, pair.smooth)
        )

    derived.defvjp(forward, backward)

    def call(*positional: Any, **named: Any) -> Any:
        return derived(*map(jax.numpy.asarray, pair.ordered(positional, named)))

    call.__name__, call.__doc__ = pair.output, f"{pair.output} of {', '.join(pair.names)}, by a compiled kernel."
    return call


def _library(name: str, title: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise SymgradError(f"this bridge needs {title}, which is not installed: pip install {name}.") from None
