"""Models as text of the notation: what `sg.program` and `sg.fit` take."""

from __future__ import annotations

from ..errors import ShapeError, did_you_mean
from .activations import activation as apply_activation
from .losses import loss as loss_row


def __getattr__(name: str):
    raise AttributeError(f"there is no model {name}; there is mlp. {did_you_mean(name, ['mlp'])}".rstrip())


def mlp(*layers: int | str, activation: str = "relu", loss: str = "cross_entropy") -> str:
    """A fully connected network: features first, classes last; each layer is a size, or a letter that leaves it open.

    `z_l[n,h] = sum_j a_(l-1)[n,j] W_l[j,h] + b_l[h]`, `a_l = activation(z_l)`, and the loss of the last `z`.
    `X` is `[n, d]`; the parameters are `W1, b1, W2, b2, ...`; the outputs are the loss `L` and the prediction `p`.

    >>> print(mlp(4, "k"))
    X: input[n, 4]
    y: label[n] over k
    W1: parameter[4, k]
    b1: parameter[k]
    z1[n,k] = sum[d](X[n,d]*W1[d,k]) + b1[k]
    p[n,k] = softmax[k](z1[n,k])
    L = mean[n](-log(p[n,y[n]]))
    outputs: L, p
    """
    if len(layers) < 2 or any(isinstance(s, int) and s < 1 for s in layers):
        raise ShapeError(f"mlp takes at least two positive sizes, features first: mlp(64, 32, 10); it got {layers}.")
    last, row = len(layers) - 1, loss_row(loss)
    usual = ("d", *(f"h{layer}" for layer in range(1, last)), "k")
    letters = [size if isinstance(size, str) else letter for size, letter in zip(layers, usual)]
    declared, equations = [f"X: input[n, {layers[0]}]", row.target.format(k=layers[-1])], []
    for layer in range(1, last + 1):
        inward, outward = layers[layer - 1 : layer + 1]
        declared += [f"W{layer}: parameter[{inward}, {outward}]", f"b{layer}: parameter[{outward}]"]
        equations += _layer(layer, *letters[layer - 1 : layer + 1], "" if layer == last else activation)
    scores = f"z{last}[n,{letters[-1]}]"
    equations += [line.format(z=scores, k=letters[-1]) for line in (row.prediction, row.value)]
    return "\n".join([*declared, *equations, "outputs: L, p"])


def _layer(layer: int, i: str, j: str, activation: str) -> list[str]:
    source = "X" if layer == 1 else f"a{layer - 1}"
    lines = [f"z{layer}[n,{j}] = sum[{i}]({source}[n,{i}]*W{layer}[{i},{j}]) + b{layer}[{j}]"]
    if activation:
        lines.append(f"a{layer}[n,{j}] = {apply_activation(activation, f'z{layer}[n,{j}]')}")
    return lines
