"""Products with a derivative, restated as derivatives, so that every check of a derivative applies to them.

    vjp            x_bar = d/dx sum(y_bar y)
    jvp            y_dot = d/dt y(x + t x_dot)
    hvp            H w_dot = d/dt dL/dw(w + t w_dot)
    Gauss-Newton   J^T J w_dot = d/dw sum(stop(J w_dot) y)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sympy import Expr

from .. import calculus
from ..functions import stop
from ..ir.access import Access, Index, fresh_names
from ..ir.system import Equation, Range, System, Tensor, Term
from .checks import Subject
from .draw import Arrays

VERBS = ("vjp", "jvp", "hvp", "gauss_newton")


def product_subjects(raw: System, origin: Any, arrays: Arrays, seed: int) -> Iterator[Subject]:
    """One for each product that the program computes; none where an equation writes what is differentiated by."""
    primal, output = origin.of.independent(origin.wrt), origin.output
    if set(origin.wrt) & set(primal.defining()):
        return
    for x in origin.wrt:
        if origin.verb == "vjp":
            paired, name = _paired(primal, raw, output, f"{output}_bar")
            yield Subject(paired, raw, name, x, f"{x}_bar", arrays, seed)
        elif origin.verb == "gauss_newton":
            pushed = calculus.jvp(primal, output, {x: f"{x}_dot"}, f"{output}_dot")
            paired, name = _paired(pushed, raw, output, f"{output}_dot", stopped=True)
            yield Subject(paired, raw, name, x, f"{output}_gn_{x}", arrays, seed)
        else:
            of, y, result = primal, output, f"{output}_dot"
            if origin.verb == "hvp":
                of, y, result = calculus.gradient(primal, output, (x,)), f"d{output}_d{x}", f"{output}_hvp_{x}"
            at, t = _names(raw, of, f"{x}_at"), _names(raw, of, "t")
            lines = [_on_a_line(s, x, raw.tensors[f"{x}_dot"], at, t) for s in (of, raw)]
            yield Subject(*lines, y, t, result, {**arrays, at: arrays[x], t: 0.0}, seed)


def _names(one: System, other: System, stem: str) -> str:
    return next(fresh_names({*one.tensors, *other.tensors}, stem))


def _paired(system: System, derived: System, output: str, weight: str, stopped: bool = False) -> tuple[System, str]:
    """The system with the scalar sum(weight output), and its name; `weight` is declared as in `derived`."""
    of, name = system.tensors[output], _names(system, derived, "inner")
    cell, domain = _cells(of)
    factor: Expr = Access(weight, *cell)
    term = Term((), (stop(factor) if stopped else factor) * Access(output, *cell), domain)
    tensors = {weight: derived.tensors[weight], **system.tensors, name: Tensor(name, ())}
    equations = (*system.equations, Equation(name, (term,)))
    return replace(system, tensors=tensors, equations=equations, outputs=(name,), updates={}), name


def _on_a_line(system: System, x: str, dot: Tensor, at: str, t: str) -> System:
    """The system in which x is x_at + t x_dot."""
    of = system.tensors[x]
    cell, domain = _cells(of)
    eq = Equation(x, (Term(cell, Access(at, *cell), domain), Term(cell, Access(t) * Access(dot.name, *cell), domain)))
    tensors = {
        **system.tensors, x: replace(of, role="defined", facts=()), at: replace(of, name=at, role="input"),
        dot.name: dot, t: Tensor(t, (), role="input"),
    }  # fmt: skip
    return replace(system, tensors=tensors, equations=(eq, *system.equations), updates={})


def _cells(of: Tensor) -> tuple[tuple[Index, ...], tuple[Range, ...]]:
    domain = tuple(Range(Index(f"c{axis}"), size) for axis, size in enumerate(of.shape))
    return tuple(r.index for r in domain), domain
