"""Lower and upper limits of parameters and tensors, as people write them: a pair, None where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError, ShapeError, SymgradError


def limits(name: str, pair: Any, shape: tuple[int, ...], argument: str = "bounds") -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper limit of each entry, flat.

    Raises SymgradError for what is no pair, ShapeError for an array of another shape, DataError where a lower limit is
    above its upper one or no number.

    >>> limits("w", (0, None), (2,))
    (array([0., 0.]), array([inf, inf]))
    """
    if not (isinstance(pair, tuple | list) and len(pair) == 2):
        raise SymgradError(f'the {argument} of {name} are a pair, None where there is none: {{"{name}": (0, None)}}.')
    lower, upper = (_limit(name, given, usual, shape, argument) for given, usual in zip(pair, (-np.inf, np.inf)))
    wrong = np.flatnonzero(~(lower <= upper))
    if wrong.size:
        low, high = lower[wrong[0]], upper[wrong[0]]
        raise DataError(f"the {argument} of {name} are {low:g} and {high:g}: the lower one comes first.")
    return lower, upper


def _limit(name: str, given: Any, usual: float, shape: tuple[int, ...], argument: str) -> np.ndarray:
    try:
        values = np.asarray(usual if given is None else given, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise SymgradError(f"the {argument} of {name} are numbers, or None; not {given!r:.80}.") from None
    if values.shape not in ((), shape):
        raise ShapeError(f"the {argument} of {name} have shape {values.shape}; {name} has {shape}.")
    return np.broadcast_to(values, shape).ravel().copy()
