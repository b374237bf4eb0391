"""From what people pass to a solver (text of scalars, SymPy, a Program) to a System, its parameters and its data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sympy
from sympy import Expr
from sympy.concrete.expr_with_limits import ExprWithLimits

from .. import calculus, notation
from ..errors import SymgradError, UnknownNameError, did_you_mean, explain
from ..ir.access import Access, Index, Size
from ..ir.check import check
from ..ir.system import Range, System
from ..library.lift import per_entry
from .arguments import by_name
from .columns import column, is_table
from .model import model_text, raw_system


def data_by_name(data: Any, given: Any) -> dict[str, Any]:
    """Data by name; of a table the columns whose names occur in what is fitted."""
    if is_table(data):
        names = set(re.findall(r"\w+", str(given) if is_formula(given) else model_text(given)))
        return {str(n): column(data, n) for n in data.columns if str(n) in names}
    return by_name(data, "data")


def is_formula(given: Any) -> bool:
    """One formula of scalars, and not a program: SymPy, or one line of text without an equation."""
    return isinstance(given, Expr) or (isinstance(given, str) and "\n" not in given.strip() and not _equation(given))


def _equation(text: str) -> bool:
    bare = text
    for relation in ("==", "<=", ">=", "!="):
        bare = bare.replace(relation, "")
    return "=" in bare or ":" in bare


def formula(given: Expr | str, parameters: Iterable[str], data: Iterable[str] = ()) -> System:
    """The System of a formula of scalars: `parameters` and `data` (inputs) are its names. One output."""
    names = [*parameters, *data]
    expr = notation.formula(given, names)
    if not isinstance(expr, Expr):
        raise SymgradError(explain("a relation has no value to be minimised or fitted.", str(given)))
    if undone := expr.atoms(sympy.Derivative, ExprWithLimits):
        summary = f"a formula is of scalars, and this holds a {next(iter(undone)).func.__name__}."
        raise SymgradError(explain(summary, str(given), fix="Carry it out first: pass expr.doit()."))
    unknown = sorted({s.name for s in expr.free_symbols} - set(names))
    if unknown:
        raise UnknownNameError(
            explain(
                f"{unknown[0]} is neither a parameter nor data.",
                str(given),
                fix=did_you_mean(unknown[0], names) or f'Give it a start, start={{"{unknown[0]}": 1.0}}, or data.',
            )
        )
    return notation.from_scalar(sympy.sympify(expr, strict=True), parameters)


def over_examples(system: System, data: Iterable[str]) -> System:
    """`f(x, b)` of scalars as `f[n] = f(x[n], b)`: whatever depends on `data` gets an axis of examples.

    >>> over_examples(formula("b*x", ["b"], ["x"]), ["x"]).equations[0].terms[0].write
    (n,)
    """
    system = replace(system, tensors={**system.tensors, **{n: _input(system, n) for n in data}})
    lifted = per_entry(system, (*data, *system.outputs))
    n, size = Index("n"), Size("N")
    reads = {Access(name): Access(name, n) for name in lifted}

    def term(of):
        return replace(of, write=(n,), body=of.body.xreplace(reads), domain=(Range(n, size),))

    axes = {"shape": (size,), "letters": ("n",)}
    tensors = {name: replace(t, **axes) if name in lifted else t for name, t in system.tensors.items()}
    equations = (
        replace(eq, terms=tuple(map(term, eq.terms))) if eq.tensor in lifted else eq for eq in system.equations
    )
    return check(system.with_equations(equations, tensors=tensors))


def _input(system: System, name: str):
    return replace(system.tensors.get(name) or next(iter(system.tensors.values())), name=name, role="input")


def system_of(given: Any, parameters: Iterable[str], data: Iterable[str]) -> System:
    """The raw System of a formula, of a program's text, or of a Program."""
    if isinstance(given, str) and not given.strip():
        raise SymgradError('the formula is empty: pass text such as "b1*exp(-b2*x)".')
    if is_formula(given):
        if not (parameters := tuple(parameters)):
            fix = 'Give each parameter a first value, as in start={"b1": 1.0}.'
            raise UnknownNameError(explain("start names the parameters, and it is empty.", str(given), fix=fix))
        return calculus.prepare(formula(given, parameters, data))
    if isinstance(given, str | System) or hasattr(given, "raw"):
        return raw_system(given)
    raise SymgradError(
        f"what is differentiated is text, a SymPy expression or a Program, not {type(given).__name__}: "
        'pass "b1*exp(-b2*x)", or sg.program(text).'
    )
