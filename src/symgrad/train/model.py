"""From what people pass (a Program, text) to the Systems that training runs."""

from __future__ import annotations

from typing import Any

from .. import calculus, notation
from ..errors import ShapeError, SymgradError, UnknownNameError, did_you_mean, explain
from ..ir.system import System
from ..library.lift import TrainingStep
from ..library.optimizers import Optimizer


def raw_system(program: Any) -> System:
    """The raw form of a Program, or of text."""
    if isinstance(program, str):
        return calculus.prepare(notation.parse(program))
    if isinstance(program, System) or hasattr(program, "raw"):
        return program if isinstance(program, System) else program.raw
    raise SymgradError(f"a model is text, or sg.program(text); it is {type(program).__name__} {program!r}.")


def model_text(program: Any) -> str:
    """The model as its author wrote it."""
    if isinstance(program, str):
        return program
    return notation.to_text(getattr(program, "written", None) or raw_system(program))


def loss_of(system: System, loss: str | None) -> str:
    """The loss: the name given, or the only scalar output. ShapeError where it is no scalar."""
    if loss is not None:
        source = getattr(computed(system, loss), "source", "")
        if system.tensors[loss].rank:
            fix = f"Average or sum it in an equation of its own, as in L = mean[n]({loss}[n])."
            raise ShapeError(explain(f"{loss} is no scalar, and a loss is one.", source, fix=fix))
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
        computed(system, prediction)
        return prediction
    others = [name for name in system.outputs if system.tensors[name].rank]
    return others[0] if len(others) == 1 else None


def computed(system: System, name: str) -> Any:
    """The equation that defines a tensor; UnknownNameError for what none does."""
    defining = system.defining()
    if name not in defining:
        named = [n for n in defining if system.tensors[n].named]
        what = f"is declared ({system.tensors[name].role}), not computed" if name in system.tensors else "is no tensor"
        hint = did_you_mean(str(name), named)
        raise UnknownNameError(f"{name} {what}; this program computes {', '.join(named)}. {hint}".rstrip())
    return defining[name]


def training_system(system: System, loss: str, optimizer: Optimizer) -> TrainingStep:
    """Loss, gradient and update of every parameter that the loss reads, in one System."""
    wrt = tuple(t.name for t in system.prune([loss]).declared("parameter"))
    gradient = calculus.kernel_form(calculus.gradient(system, loss, wrt))
    return optimizer.step(gradient, dict(zip(wrt, gradient.outputs[1:])), (loss,))
