"""Rules and their log. A `Rule` is a named, cited function on equations; an application of it is a `Step`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..ir.system import Equation, Step
from . import patience


@dataclass(frozen=True)
class Rule:
    """`replace(context, before) -> after` on tuples of equations, or on scalar expressions (`calculus.scalar`).

    `cite` is where a reader finds the rule."""

    name: str
    replace: Callable[[Any, tuple[Equation, ...]], tuple[Equation, ...]]
    cite: str = ""
    derives: bool = False            # differentiation: its results are what closed forms are sought for
    relation: str = "="              # how `after` stands to `before`, in LaTeX: \ge for an inequality

    def step(self, context: Any, before: tuple[Equation, ...], under: tuple[str, ...] = (), note: str = "") -> Step:
        """Apply the rule and record the application."""
        _note(self, before)
        return Step(self, before, self.replace(context, before), context, under, note)


def _note(rule: Rule, before: tuple) -> None:
    tensor = getattr(before[-1], "tensor", "") if isinstance(before, tuple) and before else ""
    patience.note(f"{rule.name} ({tensor})" if tensor else rule.name)


def derived(steps: Iterable[Step]) -> dict[str, Step]:
    """The tensors that differentiation made, each with its Step."""
    return {eq.tensor: step for step in steps if step.rule.derives for eq in step.after}


def replays(step: Step) -> bool:
    """Does applying the rule again give what the step says? (A law of the tests.)"""
    return step.rule.replace(step.context, step.before) == step.after
