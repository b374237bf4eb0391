"""Activations: each is one expression of the notation in `x`; its derivative is derived, never written here."""

from __future__ import annotations

import re

from ..errors import UnknownNameError

ACTIVATIONS = {
    "identity": "x",
    "relu": "relu(x)",
    "tanh": "tanh(x)",
    "sigmoid": "sigmoid(x)",
    "softplus": "softplus(x)",
    "silu": "x*sigmoid(x)",
}


def activation(name: str, argument: str) -> str:
    """The text of an activation applied to `argument`.

    >>> activation("silu", "z[n,h]")
    'z[n,h]*sigmoid(z[n,h])'
    """
    if name not in ACTIVATIONS:
        raise UnknownNameError(f"{name} is not an activation of the library; it has {', '.join(ACTIVATIONS)}.")
    return re.sub(r"\bx\b", argument, ACTIVATIONS[name])
