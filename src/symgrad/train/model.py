"""From what people pass (a Program, text) to the Systems that training runs."""

from __future__ import annotations

from typing import Any

from .. import calculus, notation
from ..errors import UnknownNameError, explain
from ..ir.system import System
from ..library.lift import TrainingStep
from ..library.optimizers import Optimizer


def raw_system(program: Any) -> System:
    """The raw form of a Program, or of text."""
    if isinstance(program, str):
        return calculus.prepare(notation.parse(program))
    return program if isinstance(program, System) else program.raw


def model_text(program: Any) -> str:
    """The model as its author wrote it."""
    if isinstance(program, str):
        return program
    return notation.to_text(getattr(program, "written", None) or raw_system(program))


def loss_of(system: System, loss: str | None) -> str:
    """The loss: the name given, or the only scalar output."""
    if loss is not None:
        if loss not in system.tensors:
            raise UnknownNameError(f"{loss} is not a tensor of this program; it has {', '.join(system.tensors)}.")
        return loss
    scalars = [name for name in system.outputs if system.tensors[name].rank == 0]
    if len(scalars) != 1:
        found = ", ".join(scalars) or "none"
        raise UnknownNameError(
            explain(f"the loss must be named: the scalar outputs are {found}.", fix="Pass loss='L' to sg.fit.")
        )
    return scalars[0]


def prediction_of(system: System, prediction: str | None) -> str | None:
    """The prediction: the name given, or the only output that is not a scalar, or none."""
    if prediction is not None:
        if prediction not in system.tensors:
            raise UnknownNameError(f"{prediction} is not a tensor of this program; it has {', '.join(system.tensors)}.")
        return prediction
    others = [name for name in system.outputs if system.tensors[name].rank]
    return others[0] if len(others) == 1 else None


def training_system(system: System, loss: str, optimizer: Optimizer) -> TrainingStep:
    """Loss, gradient and update of every parameter that the loss reads, in one System."""
    wrt = tuple(t.name for t in system.prune([loss]).declared("parameter"))
    gradient = calculus.kernel_form(calculus.gradient(system, loss, wrt))
    return optimizer.step(gradient, dict(zip(wrt, gradient.outputs[1:])), (loss,))
