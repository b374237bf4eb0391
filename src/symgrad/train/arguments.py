"""What `fit` is told besides program and data: each argument as the loop uses it, or SymgradError with what to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

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


def batch_size_of(value: Any) -> int | None:
    """The number of examples in a step; None for all."""
    if value is None or (isinstance(value, Integral) and not isinstance(value, bool) and value >= 1):
        return value if value is None else int(value)
    raise SymgradError(
        f"batch_size must be at least 1, a whole number, or None for all examples in every step; it is {_shown(value)}."
    )


def callbacks_of(given: Callable | Iterable[Callable] | None) -> tuple[Callable, ...]:
    """One callback, or a list of them."""
    if given is None or callable(given):
        return () if given is None else (given,)
    found = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    for callback in found:
        if not callable(callback):
            raise SymgradError(
                f"a callback is a function of the epoch and the fit; {_shown(callback)} is none. "
                "Pass callbacks=[lambda epoch, fit: print(epoch.loss)]."
            )
    return found


def _shown(value: Any) -> str:
    if callable(value):
        return f"the function {getattr(value, '__name__', value)}"
    return repr(value)
