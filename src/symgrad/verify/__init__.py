"""Is it right? `certify` compares a derivative with everything that can be known about it without deriving it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import calculus
from ..errors import SymgradError
from ..ir.system import System
from .certificate import Certificate, Check, left_out
from .checks import (
    DERIVATIVE_CHECKS,
    Subject,
    compiled,
    forms,
    forms_exactly,
    off_the_facts,
    rounding,
)
from .condition import rounding_of
from .draw import Arrays, finite_point
from .freeze import given
from .products import VERBS, product_subjects

__all__ = ["Certificate", "Check", "Subject", "certify"]

DERIVATIVES = ("gradient", "jacobian")


def certify(program: Any, seed: int = 0, kernel: bool = True) -> Certificate:
    """The certificate of a Program: its derivative is right, its forms agree, its kernel computes them.

    A program that is not a derivative has its forms (and kernel) checked only. Inputs are random, small, and satisfy
    the declared facts.
    """
    raw = program.raw
    try:
        arrays = finite_point(_whole(program), seed)
    except SymgradError as error:
        return Certificate((Check("inputs", ", ".join(raw.outputs), 1.0, 0.0, str(error)),), seed)
    rows = [check(s) for s in subjects(program, arrays, seed) for check in DERIVATIVE_CHECKS]
    rows += form_rows(program, arrays, seed)
    if kernel:
        rows += compiled(program, raw, arrays, seed)
    return Certificate(tuple(rows), seed)


def _whole(program: Any) -> System:
    """The raw system with every declaration of the program that it comes from: these may fix sizes."""
    origin = program.origin
    if origin is None:
        return program.raw
    inputs = {t.name: t for t in origin.of.raw.declared()}
    return System({**inputs, **program.raw.tensors}, program.raw.equations, program.raw.outputs, program.raw.updates)


def subjects(program: Any, arrays: Arrays, seed: int) -> list[Subject]:
    """One for each derivative that the program computes."""
    origin = program.origin
    if origin is not None and origin.verb == "hessian":
        return list(_second(program.raw, origin, arrays, seed))
    if origin is not None and origin.verb in VERBS:
        return list(product_subjects(program.raw, origin, arrays, seed))
    if origin is None or origin.verb not in DERIVATIVES:
        return []
    primal, found = origin.of.independent(origin.wrt), []
    for wrt in origin.wrt:
        y, derivative, at = primal, program.raw, arrays
        if wrt in primal.defining():
            (y, at), (derivative, _) = given(primal, wrt, arrays), given(derivative, wrt, arrays)
        found.append(Subject(y, derivative, origin.output, wrt, f"d{origin.output}_d{wrt}", at, seed))
    return found


def _second(raw: System, origin: Any, arrays: Arrays, seed: int) -> Iterator[Subject]:
    """A block of a Hessian is the derivative of the gradient by its first variable; none where an equation writes one
    of the variables."""
    primal, wrt = origin.of.independent(origin.wrt), origin.wrt
    if set(wrt) & set(primal.defining()):
        return
    for n, first in enumerate(wrt):
        slope = calculus.gradient(primal, origin.output, (first,))
        for second in wrt[n:]:
            name = f"d2{origin.output}_d{first}_d{second}"
            yield Subject(slope, raw, f"d{origin.output}_d{first}", second, name, arrays, seed)


def form_rows(program: Any, arrays: Arrays, seed: int) -> list[Check]:
    """raw = display = kernel, in float64 and exactly; the kernel form against 50 digits; what facts are for."""
    whole, display, kernel = _whole(program), _with(program, program.display), _with(program, program.kernel)
    moved = rounding_of(whole, arrays, seed)
    rows = forms("display form", whole, display, arrays, moved)
    rows += forms("kernel form", whole, kernel, arrays, moved)
    rows += forms_exactly("display form mod p", whole, display, arrays, seed)
    rows += forms_exactly("kernel form mod p", whole, kernel, arrays, seed)
    rows += rounding("float64 and 50 digits", whole, kernel, arrays, moved)
    facts = tuple(dict.fromkeys(f for step in program.display.log for f in step.under))
    if facts:
        rows.append(_off(whole, display, facts, seed))
    return rows


def _with(program: Any, form: System) -> System:
    """A form with the raw form's declarations and outputs: those it no longer reads may still fix sizes."""
    whole = _whole(program)
    inputs = {t.name: t for t in whole.declared()}
    return System({**inputs, **form.tensors}, form.equations, whole.outputs, whole.updates)


def _off(whole: System, display: System, facts: tuple[str, ...], seed: int) -> Check:
    try:
        return off_the_facts(whole, display, finite_point(whole, seed + 5, facts=False), facts)
    except SymgradError as error:
        return left_out("without the facts", ", ".join(whole.outputs), str(error))
