"""Activations: each is one expression of the notation in `x`; its derivatives are derived, never written here.

Another name in an expression is a parameter of the activation, learned with the network: `prelu(x, alpha)`. A text that
is no name of the table is taken as the expression itself, so that an activation is added by its definition alone.
Names and defaults follow torch.nn.functional.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import UnknownNameError, did_you_mean
from ..functions import PUBLIC


class Activation(NamedTuple):
    """An expression in `x`, and where it comes from."""

    text: str
    reference: str = ""


ACTIVATIONS: Mapping[str, Activation] = {
    "identity": Activation("x"),
    "relu": Activation("relu(x)", "Nair and Hinton, ICML 2010"),
    "leaky_relu": Activation("leaky_relu(x)", "Maas, Hannun, Ng, ICML workshop 2013"),
    "prelu": Activation("prelu(x, alpha)", "He et al., Delving deep into rectifiers, ICCV 2015"),
    "elu": Activation("elu(x)", "Clevert, Unterthiner, Hochreiter, ICLR 2016"),
    "selu": Activation("selu(x)", "Klambauer et al., NeurIPS 2017"),
    "gelu": Activation("gelu(x)", "Hendrycks and Gimpel, Gaussian error linear units, 2016"),
    "gelu_tanh": Activation("gelu_tanh(x)", "Hendrycks and Gimpel, Gaussian error linear units, 2016, section 2"),
    "silu": Activation("silu(x)", "Elfwing, Uchibe, Doya, Neural Networks 107 (2018)"),
    "swish": Activation("x*sigmoid(beta*x)", "Ramachandran, Zoph, Le, Searching for activation functions, 2017"),
    "mish": Activation("mish(x)", "Misra, BMVC 2020"),
    "tanh": Activation("tanh(x)"),
    "sigmoid": Activation("sigmoid(x)"),
    "log_sigmoid": Activation("log_sigmoid(x)"),
    "softplus": Activation("softplus(x)", "Dugas et al., NeurIPS 2000"),
    "softsign": Activation("softsign(x)", "Glorot and Bengio, AISTATS 2010"),
    "hardsigmoid": Activation("hardsigmoid(x)", "Howard et al., Searching for MobileNetV3, ICCV 2019"),
    "hardswish": Activation("hardswish(x)", "Howard et al., Searching for MobileNetV3, ICCV 2019"),
    "hardtanh": Activation("minimum(maximum(x, -1), 1)"),
    "relu6": Activation("minimum(maximum(x, 0), 6)", "Krizhevsky, Convolutional deep belief networks, 2010"),
    "sine": Activation("sin(x)", "Sitzmann et al., Implicit neural representations, NeurIPS 2020"),
}

# over an axis k of z[n,k], not of one number; t is the temperature (Hinton, Vinyals, Dean, Distilling, 2015, eq. 1)
OVER_AN_AXIS: Mapping[str, str] = {
    "softmax": "z: parameter[n, k]\nt: input, positive\np[n,k] = softmax[k](z[n,k]/t)",
    "log_softmax": "z: parameter[n, k]\nt: input, positive\np[n,k] = log_softmax[k](z[n,k]/t)",
}


def expression(name: str) -> str:
    """The expression in `x` of a name, or the text itself where it is one.

    >>> expression("swish"), expression("x*exp(-x**2)")
    ('x*sigmoid(beta*x)', 'x*exp(-x**2)')
    """
    if name in ACTIVATIONS:
        return ACTIVATIONS[name].text
    if not re.search(r"\bx\b", name):
        hint = did_you_mean(name, ACTIVATIONS)
        summary = f"{name} is not an activation of the library; it has {', '.join(ACTIVATIONS)}."
        raise UnknownNameError(f"{summary} {hint or 'Or write an expression in x, as in x*sigmoid(x).'}")
    return name


def parameters(name: str) -> tuple[str, ...]:
    """The names in an activation that are not `x`, a function or a constant: what is learned with it.

    >>> parameters("prelu"), parameters("relu"), parameters("x*tanh(a*x + b)")
    (('alpha',), (), ('a', 'b'))
    """
    words = re.findall(r"\b[A-Za-z_]\w*", expression(name))
    known = {"x", "pi", "e", "and", "or", "not", *PUBLIC}
    return tuple(dict.fromkeys(word for word in words if word not in known))


def activation(name: str, argument: str, suffix: str = "") -> str:
    """The text of an activation applied to `argument`; its own parameters get `_` and `suffix`.

    >>> activation("silu", "z[n,h]"), activation("prelu", "z1[n,h]", "1")
    ('silu(z[n,h])', 'prelu(z1[n,h], alpha_1)')
    """
    names = {"x": argument} | {p: f"{p}_{suffix}" if suffix else p for p in parameters(name)}
    return re.sub(r"\b[A-Za-z_]\w*", lambda word: names.get(word[0], word[0]), expression(name))


def definition(name: str) -> str:
    """A program of one number: `y` of the parameter `x`, and of the activation's own parameters.

    >>> import symgrad as sg
    >>> print(sg.program(definition("sigmoid")).gradient("y"))
    y = sigmoid(x)
    dy_dx = (1 - y)*y
    """
    return f"{', '.join(['x', *parameters(name)])}: parameter\ny = {expression(name)}"
