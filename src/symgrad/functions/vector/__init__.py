"""Scalar functions as branch-free text, which LLVM vectorises; a call of libm handles one scalar at a time.

`source(name)` is the text of a function, `needs(name)` what it calls, `constants(name, dtype)` the numbers its text
mentions; the operations it is made of are those of `machine`. The same text serves both precisions: coefficients
differ, literals take the type of the arguments. `function(name, dtype)` runs it as Python.

>>> float(function("tanh", "float64")(0.25))
0.24491866240370913
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

from . import circular, exponential, kinked, machine, normal, orders, turns
from .coefficients import TABLE

_MODULES = (exponential, circular, normal, kinked)
_FUNCTIONS = {n: f for m in _MODULES for n, f in vars(m).items() if inspect.isfunction(f)}
_FUNCTIONS |= {f.__name__: f for f in (orders.root_parts, orders.stumpff_0, orders.stumpff_1, orders.stumpff_2)}
OPERATIONS = ("fma", "rint", "horner", "exact_sum", "exact_product", "scale", "whole", "normal")


def source(name: str) -> str:
    """The Python text of the function `name`.

    >>> print(source("sigmoid").splitlines()[0])
    def sigmoid(x):
    """
    if name in _FUNCTIONS:
        return inspect.getsource(_FUNCTIONS[name])
    return orders.of_order(inspect.getsource(orders.stumpff_k), order_of(name))


def order_of(name: str) -> int:
    """The order of a function that is one of a sequence, as in `stumpff_3`."""
    return int(orders.MEMBER.fullmatch(name)[2])  # pyright: ignore[reportOptionalSubscript]


@cache
def needs(name: str) -> tuple[str, ...]:
    """The functions that `name` calls, directly or not, those first that others need."""
    found: dict[str, None] = {}
    for called in re.findall(r"(?<![\w.])([a-z]\w*)\(", _body(name)):
        if called != name and is_function(called) and called not in found:
            found |= dict.fromkeys((*needs(called), called))
    return tuple(found)


def constants(name: str, dtype: str) -> dict[str, tuple[float, ...]]:
    """The tables that the text of `name` mentions."""
    words = re.findall(r"\b[A-Z][A-Z0-9_]+\b", _body(name))
    found = {w: tuple(map(float.fromhex, TABLE[dtype][w])) for w in words if w in TABLE[dtype]}
    found |= {w: orders.number(w, dtype) for w in words if orders.NUMBER.fullmatch(w)}
    return found | ({"NAN": (np.nan,)} if "NAN" in words else {})


def preparation(name: str, dtype: str) -> tuple[str, str]:
    """Text that makes a table which is too long to print, and the name it gets; both empty where none is needed."""
    if "FAR_TURNS" not in _body(name):
        return "", ""
    text = inspect.getsource(turns).split('"""', 2)[2].replace("import numpy as np\n", "").strip()
    first = int(float.fromhex(TABLE[dtype]["FAR_POWER"][0]))
    return text, f"FAR_TURNS = far_turns({dtype}, {first})"


def is_function(name: str) -> bool:
    """Is there a vector function of this name?"""
    return name in _FUNCTIONS or bool(orders.MEMBER.fullmatch(name))


@cache
def is_costly(name: str) -> bool:
    """Does the function evaluate a polynomial? The others take a few operations.

    >>> is_costly("tanh"), is_costly("finite")
    (True, False)
    """
    if not is_function(name):  # a sequence of functions
        return True
    return any("horner(" in _body(f) for f in (*needs(name), name))


def _body(name: str) -> str:
    return source(name).split('"""')[-1]


@cache
def function(name: str, dtype: str):
    """The function on scalars of the type, in Python and quiet. `stumpff` takes its order first."""
    real = np.dtype(dtype).type
    if name == "stumpff":
        return lambda k, s: function(f"stumpff_{int(k)}", dtype)(s)
    run = _scope(dtype).get(name) or _of_order(order_of(name), dtype)

    def quiet(*args):
        with np.errstate(all="ignore"):
            return real(run(*map(real, args)))

    return quiet


@cache
def _scope(dtype: str) -> dict[str, Any]:
    real = np.dtype(dtype).type
    scope: dict[str, Any] = {n: getattr(machine, n) for n in OPERATIONS}
    scope |= {"math": machine.MATH, "INF": real(np.inf), "NAN": real(np.nan), "range": range}
    for name, values in TABLE[dtype].items():
        scope[name] = _typed(tuple(map(float.fromhex, values)), real)
    scope["FAR_TURNS"] = turns.far_turns(real, int(scope["FAR_POWER"]))
    scope |= _numbers("stumpff_1", dtype) | _numbers("stumpff_2", dtype)
    scope |= {n: FunctionType(f.__code__, scope, n) for n, f in _FUNCTIONS.items()}
    return scope


def _of_order(order: int, dtype: str):
    """A function of `orders` as Python; its numbers stand in a scope of its own."""
    if order < 3:
        return _scope(dtype)[f"stumpff_{order}"]
    own = {n.replace(f"_{order}_", "_K_"): v for n, v in _numbers(f"stumpff_{order}", dtype).items()}
    scope = {**_scope(dtype), **own, "stumpff_less": _of_order(order - 2, dtype)}
    return FunctionType(orders.stumpff_k.__code__, scope)


def _numbers(name: str, dtype: str) -> dict[str, Any]:
    return {n: _typed(v, np.dtype(dtype).type) for n, v in constants(name, dtype).items()}


def _typed(values: tuple[float, ...], real) -> Any:
    numbers = [real(v) for v in values]
    return tuple(numbers) if len(numbers) > 1 else numbers[0]
