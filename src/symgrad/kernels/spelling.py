"""The functions of the table as Python text, for generated modules: each name once, those first that others need."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Expr, Symbol, cse, numbered_symbols

from ..functions import ROWS, special, vector
from ..functions.row import Kernel
from .elementary import constants, vector_text
from .expressions import FUNCTION, Printer

COMPARE = ("larger", "smaller")  # np.maximum and np.minimum of two scalars: the target has them


def functions(names: Iterable[str], real: str) -> list[tuple[str, str]]:
    """(decorator, text) of each function of `names` and of those they need, after the tables that they mention."""
    done: dict[str, tuple[str, str]] = {}
    for name in sorted(names):
        _add(name, real, done)
    numbers = constants((n for n in done if vector.is_function(n)), real)
    return [("constant", numbers)] * bool(numbers) + list(done.values())


def _add(name: str, real: str, done: dict[str, tuple[str, str]]) -> None:
    if name in done or name in COMPARE:
        return
    kernel = ROWS[name].kernel if name in ROWS else Kernel("vector", name)  # one of a sequence, as stumpff_3
    if kernel.kind == "vector":
        for other in (*vector.needs(kernel.name), kernel.name):
            done.setdefault(other, ("scalar", vector_text(other, real)))
    elif kernel.kind == "expression":
        text, needed = _expression(name, kernel, real)
        for other in sorted(needed):
            _add(other, real, done)
        done[name] = ("scalar", text)
    elif kernel.kind == "source":
        for other in (*kernel.needs, kernel.name):
            done.setdefault(f"source {other}", ("double", special.source(other)))
        done[name] = ("scalar", _wrapper(name, kernel, real))


def _wrapper(name: str, kernel: Kernel, real: str) -> str:
    """The source functions are made for float64: a float32 kernel converts."""
    arguments = ", ".join(kernel_arguments(name))
    given = ", ".join(f"float64({a})" for a in kernel_arguments(name))
    return f"def {FUNCTION.format(name)}({arguments}):\n    return {real}({kernel.name}({given}))\n"


def kernel_arguments(name: str) -> list[str]:
    row = ROWS[name]
    return ["x", "y", "z"][: row.arity[1]]


def _expression(name: str, kernel: Kernel, real: str) -> tuple[str, dict]:
    """The definition with shared values named once."""
    shared, (body,) = cse([kernel.expression], symbols=numbered_symbols("t", real=True), order="canonical")
    known: dict[Symbol, str] = {a: a.name for a in kernel.args}
    lines: list[str] = []

    def let(text: str) -> str:
        word = f"u{len(lines)}"
        lines.append(f"    {word} = {text}")
        return word

    printer = Printer(real, _no_access, lambda s: (known[s], "float"), let)
    for symbol, value in shared:
        text = printer.real(value) if isinstance(value, Expr) else printer.condition(value)
        lines.append(f"    {symbol.name} = {text}")
        known[symbol] = symbol.name
    result = printer.real(body)
    arguments = ", ".join(a.name for a in kernel.args)
    text = "\n".join([f"def {FUNCTION.format(name)}({arguments}):", *lines, f"    return {result}", ""])
    return text, printer.functions


def _no_access(access):
    raise TypeError(f"{access} stands in the definition of a function")
