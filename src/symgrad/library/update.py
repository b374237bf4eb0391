"""`Optimizer`: the update rule of one scalar in the notation, and what may be put before it: a schedule, clipping.

The text names the parameter `w` and its gradient `g`; a state `m` becomes `m_next`, all start at zero; `t` counts the
steps that were taken. The other inputs are the rule's numbers (`lr`, ...): they stay inputs of the training step.
`g_norm`, where a rule reads it, is the Euclidean norm of the gradients of all parameters together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..errors import SymgradError
from ..ir.system import System
from ..notation import parse, to_text
from .lift import TrainingStep, training_step
from .numbers import check_numbers
from .schedules import Schedule

CLIP_VALUE = "g_bounded = minimum(maximum(g, -clip_value), clip_value)"
CLIP_NORM = "clip = minimum(1, max_norm/(g_norm + 1/10**6))\ng_clipped = clip*g"  # 1e-6 as in torch.nn.utils


def rule(equations: str, numbers: Any) -> str:
    """The text of an optimiser from its equations: `x_next` makes `x` a state, `numbers` are its inputs.

    >>> print(rule("w_next = w - lr*g", ["lr"]))
    w: parameter
    g: input
    lr: input
    w_next = w - lr*g
    updates: w -> w_next
    """
    moved = [name.removesuffix("_next") for name in re.findall(r"^(\w+_next) =", equations, re.MULTILINE)]
    states = ", ".join(name for name in moved if name != "w")
    lines = ["w: parameter", "g: input", f"{', '.join(numbers)}: input"]
    lines += [f"{states}: state"] * bool(states)
    updates = ", ".join(f"{name} -> {name}_next" for name in moved)
    return "\n".join([*lines, equations.strip(), f"updates: {updates}"])


def custom(rule: Any, **values: float) -> Optimizer:
    """An optimiser of your own: a Program, or its text, that updates one scalar parameter `w` by its gradient `g`.

    Its other inputs are the rule's numbers, each with a value here; states start at zero. `g_norm`, where the rule
    reads it, is the norm of all gradients together. SymgradError where the program is no such rule.

    >>> decay = "w: parameter\\ng, lr: input\\nm: state\\nm_next = (m + g)/2\\nw_next = w - lr*m_next\\n"
    >>> custom(decay + "updates: w -> w_next, m -> m_next", lr=0.1).states
    ('m',)
    """
    system = parse(rule) if isinstance(rule, str) else getattr(rule, "written", None) or getattr(rule, "raw", rule)
    if not isinstance(system, System):
        raise SymgradError(f"an optimiser is a Program or its text, not {type(rule).__name__}.")
    fault = _no_rule(system, values)
    if fault:
        raise SymgradError(f"this program is no optimiser: {fault}.")
    return Optimizer("custom", to_text(system), values)


def _no_rule(system: System, values: Mapping[str, float]) -> str:
    """Why a System is no update rule with these numbers, or nothing."""
    axes = [t.name for t in system.tensors.values() if t.rank]
    weights = [t.name for t in system.declared("parameter")]
    numbers = {t.name for t in system.declared("input", "label", "noise")} - {"g", "g_norm"}
    still = [t.name for t in system.declared("state") if t.name not in system.updates]
    if axes:
        return f"an update rule is written for one scalar, and {axes[0]} has axes"
    if len(weights) != 1 or weights[0] not in system.updates:
        return "it needs one parameter that it updates, as in w: parameter, with updates: w -> w_next"
    if "g" not in system.tensors or system.tensors["g"].role != "input":
        return "it needs the gradient, g: input"
    if still:
        return f"the state {still[0]} is never updated"
    if numbers != set(values):
        return f"its numbers are {', '.join(sorted(numbers)) or 'none'}; values came for {', '.join(values) or 'none'}"
    return ""


@dataclass(frozen=True)
class Optimizer:
    """An update rule and the values of its numbers, each a finite real number."""

    name: str
    text: str
    values: Mapping[str, float]
    reference: str = ""
    arguments: tuple[str, ...] = field(default=(), repr=False)  # the numbers that the named function takes

    def __post_init__(self):
        check_numbers(f"sg.optimizers.{self.name}", self.values, self.arguments or tuple(self.values))

    @cached_property
    def system(self) -> System:
        """The rule for one scalar."""
        return parse(self.text)

    @property
    def equations(self) -> tuple[str, ...]:
        """The lines of the rule that are equations, as its docstring prints them."""
        return tuple(line for line in self.text.splitlines() if " = " in line)

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(t.name for t in self.system.declared("state"))

    def step(self, gradient: System, derivatives: Mapping[str, str], outputs=()) -> TrainingStep:
        """`gradient` and the update of every parameter of `derivatives` (parameter -> its derivative) in one System."""
        return training_step(gradient, self.system, derivatives, outputs)

    def scheduled(self, schedule: Schedule, number: str = "lr") -> Optimizer:
        """The rule with `number` following a schedule of the step `t`; its value stays the base.

        >>> from symgrad.library import optimizers, schedules
        >>> optimizers.sgd(0.1).scheduled(schedules.exponential(0.9)).equations
        ('lr_t = lr*lr_gamma**t', 't_next = t + 1', 'w_next = w - lr_t*g')
        """
        if not isinstance(schedule, Schedule):
            raise SymgradError(f"a schedule is one of sg.schedules, as in cosine(1000); it is {schedule!r}.")
        if number not in self.values:
            raise SymgradError(f"{number} is not a number of {self.name}; it has {', '.join(self.values)}.")
        added, clock = {f"{number}_{n}": v for n, v in schedule.values.items()}, "t_next = t + 1"
        lines = [schedule.equation(number)]
        if not re.search(r"^t_next =", self.text, re.MULTILINE):
            lines.append(clock)
        text = _before(self.text, "\n".join(lines), {number: f"{number}_t"}, added)
        if clock in lines:
            text = text.replace("updates: ", "updates: t -> t_next, ").replace("g: input\n", "g: input\nt: state\n", 1)
        return replace(self, text=text, values={**self.values, **added})

    def clip_value(self, clip_value: float) -> Optimizer:
        """Every entry of the gradient between `-clip_value` and `clip_value`, as torch.nn.utils.clip_grad_value_."""
        if "g_norm" in self.text:
            raise SymgradError("the norm is of the gradients as they come: clip by value first, then by the norm.")
        return self._behind(CLIP_VALUE, "g_bounded", clip_value=clip_value)

    def clip_norm(self, max_norm: float) -> Optimizer:
        """All gradients scaled down together until their norm is at most `max_norm`: torch.nn.utils.clip_grad_norm_.

        Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks (ICML 2013), Algorithm 1.
        """
        return self._behind(CLIP_NORM, "g_clipped", max_norm=max_norm)

    def _behind(self, equations: str, new: str, **values: float) -> Optimizer:
        """The rule applied to the gradient that `equations` make of `g`."""
        check_numbers(f"sg.optimizers.{self.name}(...)", values)
        taken = [name for name in (new, *values) if re.search(rf"\b{name}\b", self.text)]
        if taken:
            raise SymgradError(f"{self.name} already has {taken[0]}.")
        norm = ["g_norm"] * ("g_norm" in equations)
        text = _before(self.text, equations, {"g": new}, [*values, *norm])
        return replace(self, text=text, values={**self.values, **values})


def _before(text: str, equations: str, renamed: Mapping[str, str], inputs: Any) -> str:
    """`equations` before the first one of `text`, whose equations read new names; `inputs` are declared."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if " = " in line)
    declared = [f"{', '.join(inputs)}: input"] if inputs else []
    later = [_renamed(line, renamed) if " = " in line else line for line in lines[first:]]
    return "\n".join([*lines[:first], *declared, *equations.splitlines(), *later])


def _renamed(line: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), line)
