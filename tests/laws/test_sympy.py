"""Law 6: the derivative equals what SymPy finds on a small concrete shape, element by element.

The interpreter runs on arrays of symbols, so f becomes one SymPy expression without indices; SymPy differentiates it.
Both sides are then compared at a random rational point: exactly for rational programs.
"""

import random
from dataclasses import replace

import numpy as np
import pytest
from catalogue import BY_NAME, CATALOGUE
from sympy import Rational, Symbol, diff, sympify

from symgrad.ir.arithmetic import Arithmetic
from symgrad.ir.interpret import interpret


class Symbolic(Arithmetic):
    def asarray(self, value):
        return np.frompyfunc(sympify, 1, 1)(np.asarray(value, dtype=object))


def _symbolic_call(row, args):
    return np.frompyfunc(row.head, len(args), 1)(*args)


def _symbolic_power(base, exponent):
    return np.frompyfunc(lambda b, e: sympify(b) ** sympify(e), 2, 1)(base, exponent)


def _lift(value):
    return np.frompyfunc(sympify, 1, 1)(np.asarray(value, dtype=object))


SYMBOLIC = Symbolic("SymPy", object, lambda n: n, _symbolic_call, _symbolic_power, _lift)
NAMES = [e.name for e in CATALOGUE if e.rational and e.name != "empty domain"]
NAMES += ["logistic regression", "Gaussian divergence", "powers", "Gaussian kernel", "choice by index"]


def symbols(entry):
    """Arrays of symbols for parameters and of small rationals for everything else; the values for the symbols."""
    rng = random.Random(entry.name)
    arrays, values = {}, {}
    for name, array in entry.arrays(seed=2).items():
        tensor = entry.program().raw.tensors.get(name)
        cells = np.empty(array.shape, dtype=object)
        for cell in np.ndindex(*array.shape):
            cells[cell] = Rational(rng.randint(1, 12), rng.randint(3, 7))
            if tensor is not None and tensor.role == "parameter":
                symbol = Symbol(f"{name}{list(cell)}", positive=True)
                values[symbol], cells[cell] = cells[cell], symbol
        arrays[name] = cells if array.dtype.kind == "f" else array
    return arrays, values


def compare(entry, form):
    arrays, values = symbols(entry)
    f = interpret(entry.program().raw, arrays, SYMBOLIC, (entry.output,))[entry.output][()]
    wrong = []
    for tensor in entry.program().raw.declared("parameter"):
        name = f"d{entry.output}_d{tensor.name}"
        derivative = interpret(form, arrays, SYMBOLIC, (name,))[name]
        for cell in np.ndindex(*derivative.shape):
            expected = diff(f, arrays[tensor.name][cell]).xreplace(values)
            got = sympify(derivative[cell]).xreplace(values)
            difference = got - expected
            if difference != 0 and (entry.rational or abs(difference.evalf(30)) > Rational(1, 10**20)):
                wrong.append((name, cell))
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_the_closed_form_is_what_sympy_finds(name):
    entry = BY_NAME[name]
    assert compare(entry, entry.gradient().display) == []


def test_a_wrong_closed_form_is_found():
    entry = BY_NAME["bilinear form"]
    display = entry.gradient().display
    equations = [
        replace(eq, terms=tuple(replace(t, body=-t.body) for t in eq.terms)) if eq.tensor == "dL_dA" else eq
        for eq in display.equations
    ]
    assert {name for name, _ in compare(entry, display.with_equations(equations))} == {"dL_dA"}
