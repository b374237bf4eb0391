"""The numbers that the library is given: finite and real, or whole; the error shows the call that would be right."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Integral, Real
from typing import Any

from ..errors import ShapeError, SymgradError


def check_numbers(call: str, values: Mapping[str, Any], shown: tuple[str, ...] = ()) -> None:
    """SymgradError unless every value is a finite real number."""
    for number, value in values.items():
        if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value):
            given = {n: v for n, v in values.items() if not shown or n in shown}
            example = ", ".join(f"{n}={v!r}" for n, v in (given | {number: 1e-3}).items())
            name = call.removeprefix("sg.optimizers.").removeprefix("sg.")
            raise SymgradError(
                f"{number} of {name} must be a finite number; it is {value!r}. Pass a number, as in {call}({example})."
            )


def whole(least: int, **values: Any) -> int:
    """The last of the values, each of which must be a whole number of at least `least`."""
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ShapeError(f"{name} must be a whole number of at least {least}; it is {value!r}.")
    return int(value)
