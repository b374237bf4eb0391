"""Losses of a model: how the target is declared, what is predicted from the scores, what is minimised."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UnknownNameError


class Loss(NamedTuple):
    """Lines of notation: `{z}` stands for the scores, as in `z2[n,k]`, `{k}` for the letter or number of classes."""

    target: str
    prediction: str
    value: str


LOSSES = {
    "cross_entropy": Loss(
        "y: label[n] over {k}",
        "p[n,{k}] = softmax[{k}]({z})",
        "L = mean[n](-log(p[n,y[n]]))",
    ),
    "binary_cross_entropy": Loss(
        "y: input[n, {k}]",
        "p[n,{k}] = sigmoid({z})",
        "L = mean[n](-sum[{k}](y[n,{k}]*log(p[n,{k}]) + (1 - y[n,{k}])*log(1 - p[n,{k}])))",
    ),
    "squared_error": Loss(
        "y: input[n, {k}]",
        "p[n,{k}] = {z}",
        "L = mean[n](sum[{k}]((p[n,{k}] - y[n,{k}])**2))",
    ),
}


def loss(name: str) -> Loss:
    """The row of a loss; UnknownNameError names those that exist."""
    if name not in LOSSES:
        raise UnknownNameError(f"{name} is not a loss of the library; it has {', '.join(LOSSES)}.")
    return LOSSES[name]
