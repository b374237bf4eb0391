"""Parameters before the first step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy import Function

from ..errors import DataError, ShapeError, UnknownNameError, did_you_mean, explain
from ..ir.access import Access, Size, index_symbols
from ..ir.bounds import declared_text, real_array
from ..ir.sizes import bind_shapes, size_value
from ..ir.system import System, Tensor
from .arguments import by_name
from .data import Arrays, shape_of

RECTIFIERS = {"relu", "leaky_relu", "elu", "selu", "silu", "gelu", "mish"}


def initial_parameters(
    system: System, sizes: Mapping[Size, int], seed: int, dtype: str, start: Mapping[str, np.ndarray] | None = None
) -> Arrays:
    """Rank 0 and 1 (biases) start at zero; others are normal with the variance of He (`2/fan_in`) where the program
    has a rectifier, else of Glorot (`2/(fan_in + fan_out)`). `start` gives some parameters their values, and sizes that
    the data do not say.

    K. He et al., ICCV 2015; X. Glorot, Y. Bengio, AISTATS 2010.
    """
    rng = np.random.default_rng(seed)
    gain = _rectified(system)
    parameters, start = {}, by_name(start, "start")
    sizes = _sizes_of_start(system, start) | dict(sizes)
    for tensor in system.declared("parameter"):
        shape = shape_of(tensor, sizes)
        scale = _scale(system, tensor, sizes, gain) if tensor.rank > 1 else 0.0
        drawn = _drawn(tensor, shape, scale, rng)
        given = np.array(real_array(tensor, start.pop(tensor.name, drawn)), dtype=dtype)
        if given.shape != shape:
            raise ShapeError(f"the start of {tensor.name} has shape {given.shape}; {tensor.name} has {shape}.")
        parameters[tensor.name] = _finite(tensor.name, given)
    if start:
        hint = did_you_mean(next(iter(start)), parameters)
        known = ", ".join(parameters) or "none"
        raise UnknownNameError(f"{', '.join(start)} in start: the parameters are {known}. {hint}".rstrip())
    return parameters


def _drawn(tensor: Tensor, shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> np.ndarray:
    try:
        return rng.standard_normal(shape) * scale if scale else np.zeros(shape)
    except (MemoryError, ValueError):  # an extent of some label that is no class but a number or a key
        fix = "A size that only labels give is the largest label plus one: number the classes from 0, without gaps."
        summary = f"{tensor.name} would have the shape {shape}: more than the memory holds."
        raise ShapeError(explain(summary, declared_text(tensor), fix=fix)) from None


def _finite(name: str, start: np.ndarray) -> np.ndarray:
    if not np.isfinite(start).all():
        raise DataError(f"the start of {name} is not finite: {start}.")
    return start


def _sizes_of_start(system: System, start: Mapping[str, Any]) -> dict[Size, int]:
    given = [(t.shape, np.shape(start[t.name])) for t in system.declared("parameter") if t.name in start]
    return {e: n for shape, extents in given for e, n in zip(shape, extents) if isinstance(e, Size)}


def given_parameters(system: System, data: Mapping[str, np.ndarray], start: Mapping[str, Any]) -> Arrays:
    """`start` as arrays of the shapes that program, data and start agree on. Every parameter must have one."""
    declared = {t.name: t for t in system.declared("parameter")}
    strange, missing = sorted(set(start) - set(declared)), [n for n in declared if n not in start]
    if strange:
        hint = did_you_mean(strange[0], declared)
        known = ", ".join(declared) or "none: nothing here depends on one"
        raise UnknownNameError(f"{strange[0]} in start: the parameters are {known}. {hint}".rstrip())
    if missing:
        raise UnknownNameError(f'{missing[0]} has no start: pass start={{"{missing[0]}": ...}}.')
    arrays = {n: np.array(real_array(t, start[n]), dtype=float) for n, t in declared.items()}
    for name, array in arrays.items():
        _finite(name, array)
    bind_shapes(system, {n: np.shape(a) for n, a in {**data, **arrays}.items()})
    return arrays


def _rectified(system: System) -> bool:
    heads = {str(f.func) for eq in system.equations for t in eq.terms for f in t.body.atoms(Function)}
    return bool(heads & RECTIFIERS)


def _scale(system: System, tensor: Tensor, sizes: Mapping[Size, int], he: bool) -> float:
    summed = _summed_axes(system, tensor)
    extents = [size_value(extent, sizes) for extent in tensor.shape]
    inward = math.prod(e for e, s in zip(extents, summed) if s)
    outward = math.prod(e for e, s in zip(extents, summed) if not s)
    return math.sqrt(2 / max(inward, 1) if he else 2 / max(inward + outward, 1))


def _summed_axes(system: System, tensor: Tensor) -> list[bool]:
    """Which axes of a parameter are summed where it is first read; all but the last if none is (a gathered row)."""
    for eq in system.equations:
        for term in eq.terms:
            for access in term.value_reads():
                if access.name == tensor.name:
                    summed = _summed(access, {r.index for r in term.reduced})
                    return summed if any(summed) else [True] * (tensor.rank - 1) + [False]
    return [True] * (tensor.rank - 1) + [False]


def _summed(access: Access, reduced: set) -> list[bool]:
    return [bool(index_symbols(position) & reduced) for position in access.indices]
