"""Scalar functions as branch-free text, which LLVM vectorises; a call of libm handles one scalar at a time.

`source(name)` is the text of a function, `needs(name)` what it calls, `constants(name, dtype)` the numbers its text
mentions; the operations it is made of are those of `machine`. The same text serves both precisions: coefficients
differ, literals take the type of the arguments. `function(name, dtype)` runs it as Python.

>>> float(function("tanh", "float64")(0.5))
0.46211715726000974
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

from . import circular, exponential, kinked, machine, normal, turns
from .coefficients import TABLE

_MODULES = (exponential, circular, normal, kinked)
_FUNCTIONS = {n: f for m in _MODULES for n, f in vars(m).items() if inspect.isfunction(f)}
OPERATIONS = ("fma", "rint", "horner", "exact_sum", "exact_product", "scale", "whole", "normal")


def source(name: str) -> str:
    """The Python text of the function `name`.

    >>> print(source("sigmoid").splitlines()[0])
    def sigmoid(x):
    """
    return inspect.getsource(_FUNCTIONS[name])


@cache
def needs(name: str) -> tuple[str, ...]:
    """The functions that `name` calls, directly or not, those first that others need."""
    found: dict[str, None] = {}
    for called in re.findall(r"(?<![\w.])([a-z]\w*)\(", _body(name)):
        if called != name and called in _FUNCTIONS and called not in found:
            found |= dict.fromkeys((*needs(called), called))
    return tuple(found)


def constants(name: str, dtype: str) -> dict[str, tuple[float, ...]]:
    """The tables that the text of `name` mentions."""
    words = re.findall(r"\b[A-Z][A-Z0-9_]+\b", _body(name))
    found = {w: tuple(map(float.fromhex, TABLE[dtype][w])) for w in words if w in TABLE[dtype]}
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
    return name in _FUNCTIONS


def _body(name: str) -> str:
    return source(name).split('"""')[-1]


@cache
def function(name: str, dtype: str):
    """The function on scalars of the type, in Python and quiet."""
    real, run = np.dtype(dtype).type, _scope(dtype)[name]

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
        numbers = [real(float.fromhex(v)) for v in values]
        scope[name] = tuple(numbers) if len(numbers) > 1 else numbers[0]
    scope["FAR_TURNS"] = turns.far_turns(real, int(scope["FAR_POWER"]))
    scope |= {n: FunctionType(f.__code__, scope, n) for n, f in _FUNCTIONS.items()}
    return scope
