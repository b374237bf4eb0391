"""The numbers of an optimiser or a schedule: each finite and real, with the call that would be right in the error."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Real
from typing import Any

from ..errors import SymgradError


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
