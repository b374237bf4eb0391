"""Second order, by composing first-order sweeps on raw systems.

    Hessian-vector product   forward over reverse:  d/dt dL/dw(w + t w_dot)
    Hessian                  reverse over reverse, with the first gradient's cell as leading indices
    Gauss-Newton product     J^T (J w_dot): forward, then reverse seeded with the tangent

Sources: B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994);
N. N. Schraudolph, Fast curvature matrix-vector products, Neural Computation 14 (2002).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..ir.system import System
from .eliminate import jacobian_in
from .forward import jvp
from .reverse import gradient, vjp


def hvp(system: System, output: str, name: str) -> System:
    """The system with the input `<name>_dot` and the output `<output>_hvp_<name>`."""
    first = gradient(system, output, [name])
    return jvp(first, f"d{output}_d{name}", {name: f"{name}_dot"}, f"{output}_hvp_{name}")


def hessian(system: System, output: str, wrt: Iterable[str], mode: str = "reverse") -> System:
    """The system with outputs `d2L_dv_dw`, each pair once in the order of `wrt`; axes of v first. `mode` is how the
    gradient, which is made in reverse, is differentiated."""
    wrt = tuple(wrt)
    derived = gradient(system, output, wrt)
    names = []
    for position, name in enumerate(wrt):
        pattern = f"d2{output}_d{name}_d{{}}"
        derived = jacobian_in(derived, f"d{output}_d{name}", wrt[position:], mode, pattern)
        names += [pattern.format(other) for other in wrt[position:]]
    return replace(derived, outputs=tuple(names))


def gauss_newton(system: System, output: str, name: str) -> System:
    """The system with the input `<name>_dot` and the output `<output>_gn_<name>` = J^T J name_dot, J = dy/dw."""
    pushed = jvp(system, output, {name: f"{name}_dot"}, f"{output}_dot")
    return vjp(pushed, output, [name], seed=f"{output}_dot", pattern=f"{output}_gn_{{}}")
