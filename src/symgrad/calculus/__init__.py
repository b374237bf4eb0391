"""System -> System: stable forms, splitting, differentiation, closed forms."""

from .reverse import gradient, jacobian
from .simplify import display_form, in_inputs, kernel_form
from .split import split
from .stable import stable as prepare

__all__ = ["display_form", "gradient", "in_inputs", "jacobian", "kernel_form", "prepare", "split"]
