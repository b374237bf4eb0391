"""Optimisers: one scalar's update rule in the notation, applied to every entry of every parameter.

`w` is the parameter, `g` its gradient, states start at zero, the other inputs are the rule's numbers (`lr`, ...): they
stay inputs of the training step, so that a schedule may change them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from numbers import Real

from ..errors import SymgradError, did_you_mean
from ..ir.system import System
from ..notation import parse
from .lift import TrainingStep, training_step

SGD = """\
w: parameter
g: input
lr: input
w_next = w - lr*g
updates: w -> w_next
"""

ADAM = """\
w: parameter
g: input
m, v, t: state
lr, beta1, beta2, eps: input
t_next = t + 1
m_next = beta1*m + (1 - beta1)*g
v_next = beta2*v + (1 - beta2)*g**2
c1 = 1 - beta1**t_next
c2 = 1 - beta2**t_next
m_hat = m_next/c1
v_hat = v_next/c2
w_next = w - lr*m_hat/(sqrt(v_hat) + eps)
updates: w -> w_next, m -> m_next, v -> v_next, t -> t_next
"""


NAMES = ("adam", "sgd")


def __getattr__(name: str):
    hint = did_you_mean(name, NAMES)
    raise AttributeError(f"there is no optimiser {name}; there are {', '.join(NAMES)}. {hint}".rstrip())


@dataclass(frozen=True)
class Optimizer:
    """An update rule and the values of its numbers, each a finite real number."""

    name: str
    text: str
    values: Mapping[str, float]
    reference: str = ""

    def __post_init__(self):
        for number, value in self.values.items():
            if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value):
                numbers = ", ".join(f"{n}={v!r}" for n, v in (self.values | {number: 1e-3}).items())
                raise SymgradError(
                    f"{number} of {self.name} must be a finite number; it is {value!r}. "
                    f"Pass a number, as in sg.optimizers.{self.name}({numbers})."
                )

    @cached_property
    def system(self) -> System:
        """The rule for one scalar."""
        return parse(self.text)

    @property
    def equations(self) -> tuple[str, ...]:
        """The lines of the rule that are equations, as its docstring prints them."""
        return tuple(line for line in self.text.splitlines() if " = " in line)

    def step(self, gradient: System, derivatives: Mapping[str, str], outputs=()) -> TrainingStep:
        """`gradient` and the update of every parameter of `derivatives` (parameter -> its derivative) in one System."""
        return training_step(gradient, self.system, derivatives, outputs)


def _documented(text: str, note: str):
    """Set a function's docstring from the equations of its rule: what is printed is what runs."""

    def decorate(function):
        head, _, rest = function.__doc__.partition("\n")
        lines = [f"        {line}" for line in text.splitlines() if " = " in line]
        function.__doc__ = "\n".join([head, "", *lines, "", f"    {note}", rest])
        return function

    return decorate


@_documented(SGD, "Robbins and Monro, A stochastic approximation method, Ann. Math. Stat. 22 (1951).")
def sgd(lr: float = 1e-2) -> Optimizer:
    """Stochastic gradient descent.

    >>> sgd(0.1).equations
    ('w_next = w - lr*g',)
    """
    return Optimizer("sgd", SGD, {"lr": lr}, "Robbins and Monro 1951")


@_documented(ADAM, "Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, Algorithm 1.")
def adam(lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam: steps scaled by running means of the gradient and of its square, corrected for their start at zero.

    >>> adam().equations[1]
    'm_next = beta1*m + (1 - beta1)*g'
    """
    values = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    return Optimizer("adam", ADAM, values, "Kingma and Ba 2015, Algorithm 1")
