"""What `fit` is told besides program and data: each argument as the loop uses it, or SymgradError with what to pass."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..errors import SymgradError, did_you_mean
from ..library import optimizers
from ..library.optimizers import Optimizer


def optimizer_of(given: Optimizer | str | None) -> Optimizer:
    """An optimiser, the name of one at its default numbers, or a Program that is one; Adam where none is given.

    >>> optimizer_of("sgd").values
    {'lr': 0.01}
    """
    if isinstance(given, Optimizer):
        return given
    if given is None:
        return optimizers.adam()
    if isinstance(given, str) and given in optimizers.NAMES:
        return getattr(optimizers, given)()
    if hasattr(given, "raw") or (isinstance(given, str) and "\n" in given):
        return optimizers.custom(given)
    raise SymgradError(f"optimizer is {_shown(given)}. {_optimizer_fix(given)}")


def engine_on(device: str, engine: str) -> str:
    """What runs the steps: the engine, on the CPU; the GPU's kernels on a GPU.

    >>> engine_on("cuda", "kernel")
    'cuda'
    """
    if device not in ("cpu", "cuda"):
        raise SymgradError(f'device is {device!r}; there are "cpu" and "cuda".')
    if device == "cuda" and engine != "kernel":
        raise SymgradError(f'engine="{engine}" runs on the CPU. Leave out device="cuda", or engine.')
    return "cuda" if device == "cuda" else engine


def _optimizer_fix(given: Any) -> str:
    names = '"adam" or "sgd"'
    if callable(given) and getattr(given, "__name__", "") in optimizers.NAMES:
        return f"Call it: write sg.optimizers.{given.__name__}(1e-3)."
    if isinstance(given, str):
        fix = f"Pass {names}, or write sg.optimizers.adam(1e-3)."
        return f"{did_you_mean(given.lower(), optimizers.NAMES)} {fix}".lstrip()
    if isinstance(given, Real):
        return f"Write sg.optimizers.adam({given})."
    return f"Write sg.optimizers.adam(1e-3), or pass {names}."


def whole(name: str, value: Any, least: int) -> int:
    """`value` as an integer of at least `least`.

    >>> whole("epochs", 3, 0)
    3
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise SymgradError(f"{name} must be a whole number of at least {least}; it is {_shown(value)}.")


def dtype_of(value: Any) -> str:
    """The floating-point type of parameters and data, by name.

    >>> dtype_of(np.float64)
    'float64'
    """
    try:
        found = np.dtype(value).name
    except TypeError:
        found = None
    if found not in ("float32", "float64"):
        raise SymgradError(f'dtype is "float32" or "float64"; it is {_shown(value)}.')
    return found


def number(name: str, value: Any, least: float) -> float:
    """`value` as a finite number of at least `least`."""
    if isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(value) and value >= least:
        return float(value)
    raise SymgradError(f"{name} must be a number of at least {least:g}; it is {_shown(value)}.")


def by_name(given: Mapping | None, argument: str) -> dict[str, Any]:
    """A mapping whose keys are names or SymPy symbols, by name.

    >>> from sympy import Symbol
    >>> by_name({Symbol("b1"): 1.0}, "start")
    {'b1': 1.0}
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise SymgradError(
            f'{argument} is a mapping from names to values, as in {argument}={{"b1": 1.0}}; not {given!r:.200}.'
        )
    return {str(name): value for name, value in given.items()}


def batch_size_of(value: Any) -> int | None:
    """The number of examples in a step; None for all."""
    if value is None or (isinstance(value, Integral) and not isinstance(value, bool) and value >= 1):
        return value if value is None else int(value)
    raise SymgradError(
        f"batch_size must be at least 1, a whole number, or None for all examples in every step; it is {_shown(value)}."
    )


def callbacks_of(given: Callable | Iterable[Callable] | None, of: str = "epoch") -> tuple[Callable, ...]:
    """One callback, or a list of them. What they get is called `of`."""
    if given is None:
        return ()
    name = "callbacks" if of == "epoch" else f"{of}_callbacks"
    fix = f"Pass {name}=[lambda {of}, fit: print({of}.loss)]."
    several = isinstance(given, Iterable) and not isinstance(given, str) and not callable(given)
    found = tuple(given) if several else (given,)
    for callback in found:
        if not callable(callback):
            raise SymgradError(f"a callback is a function of the {of} and the fit; {_shown(callback)} is none. {fix}")
        _takes_two(callback, of, fix)
    return found


def step_callbacks_of(
    given: Callable | Iterable[Callable] | None, every: Any
) -> tuple[tuple[Callable, ...], int | None]:
    """The callbacks between updates, and how many updates lie between two calls."""
    found = callbacks_of(given, "step")
    if found and every is None:
        raise SymgradError("step_callbacks are called every so many updates: pass every=100, say.")
    return found, None if every is None else whole("every", every, 1)


def _takes_two(callback: Callable, of: str, fix: str) -> None:
    try:
        inspect.signature(callback).bind(None, None)
    except ValueError:  # a builtin without a signature
        return
    except TypeError as error:
        raise SymgradError(
            f"a callback is called with the {of} and the fit, and {_shown(callback)} does not take them ({error}). "
            + fix
        ) from None


def _shown(value: Any) -> str:
    if callable(value):
        return f"the function {getattr(value, '__name__', value)}"
    return repr(value)
