"""System -> System: stable forms, splitting, differentiation, closed forms."""

from .complement import on_diagonals
from .eliminate import gradient_in, jacobian_in
from .forms import display_form, in_inputs, kernel_form
from .forward import jvp
from .patience import limited, time_limit
from .prepare import prepare
from .reverse import gradient, jacobian, vjp
from .second import gauss_newton, hessian, hvp
from .simplify import leading
from .split import split

__all__ = [
    "display_form",
    "gauss_newton",
    "gradient",
    "gradient_in",
    "hessian",
    "hvp",
    "in_inputs",
    "jacobian",
    "jacobian_in",
    "jvp",
    "kernel_form",
    "leading",
    "limited",
    "on_diagonals",
    "prepare",
    "split",
    "time_limit",
    "vjp",
]
