"""Laws 2, 3 and 8: every gradient of the catalogue = differences = complex step = 50 digits, <u, J v> = <J^T u, v>, and
exactly modulo a prime."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from catalogue import BY_NAME, CATALOGUE, PATTERNS
from mutate import MUTATIONS, mutants

from symgrad.functions import ROWS
from symgrad.verify import checks, subjects

NAMES = [e.name for e in CATALOGUE]
RATIONAL = [e.name for e in CATALOGUE if e.rational]


def rows(entry, program, seed=0):
    arrays = entry.arrays(seed)
    return [check(s) for s in subjects(program, arrays, seed) for check in checks.DERIVATIVE_CHECKS]


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_derivative(name):
    entry = BY_NAME[name]
    made = rows(entry, entry.gradient())
    assert made and not [r for r in made if not r.passed], "\n".join(f"{r.name} {r.of}: {r.where}" for r in made)
    left_out = {r.name for r in made if r.skipped}
    assert not (entry.rational and "exact modulo p" in left_out), made
    assert not (entry.analytic and "complex step" in left_out), made
    assert "50 digits" not in left_out


@pytest.mark.parametrize("kind", MUTATIONS)
@pytest.mark.parametrize("name", RATIONAL)
def test_a_wrong_adjoint_is_found_modulo_a_prime(name, kind):
    """The negative control of law 8: each defect, in each adjoint equation of each rational program, one at a time."""
    entry = BY_NAME[name]
    gradient, arrays = entry.gradient(), entry.arrays()
    if any(np.size(a) == 0 for a in arrays.values()):
        return  # nothing is wrong about no entries
    for wrong in mutants(entry.program().raw, gradient.raw, kind):
        assert _is_wrong(entry, gradient, wrong, arrays) or _is_equal(gradient, wrong, arrays), wrong.equations[-1]


def _is_wrong(entry, gradient, wrong, arrays) -> bool:
    program = SimpleNamespace(raw=wrong, origin=gradient.origin)
    return any(not checks.exact(s).passed for s in subjects(program, arrays, 1))


def _is_equal(gradient, wrong, arrays) -> bool:
    """Some defects change nothing (a guard that another one implies, the two indices of x[i]*x[j]): they must then
    agree with the right system modulo p at another point too."""
    derivatives = gradient.raw.outputs[1:]
    right, wrong = gradient.raw.prune(derivatives), replace(wrong, outputs=derivatives)
    return all(r.passed for r in checks.forms_exactly("", right, wrong, arrays, seed=11))


@pytest.mark.parametrize("kind", ["a factor too many", "a wrong sign", "a lost term"])
def test_enough_defects_were_tried(kind):
    """A mutation that never applies would make the control above pass without a trial."""
    tried = sum(1 for e in PATTERNS for _ in mutants(e.program().raw, e.gradient().raw, kind))
    assert tried > 20


@pytest.mark.parametrize("name", ["softmax", "layer normalisation", "multilayer perceptron", "function gelu"])
@pytest.mark.parametrize("check", [c for c in checks.DERIVATIVE_CHECKS if c not in (checks.exact, checks.same_value)])
def test_a_wrong_adjoint_is_found_by_each_checker(name, check):
    """The negative control of laws 2 and 3, where programs are not rational."""
    entry = BY_NAME[name]
    gradient, arrays = entry.gradient(), entry.arrays()
    *_, wrong = mutants(entry.program().raw, gradient.raw, "a factor too many")
    program = SimpleNamespace(raw=wrong, origin=gradient.origin)
    made = [check(s) for s in subjects(program, arrays, 0)]
    assert any(not r.passed for r in made) or all(r.skipped for r in made), made


def test_a_wrong_row_of_the_table_is_found(monkeypatch):
    """tanh' = (1 - tanh)**2, which another engine shipped for eleven years."""
    tanh = ROWS["tanh"].head
    monkeypatch.setattr(tanh, "fdiff", lambda self, argindex=1: (1 - tanh(self.args[0])) ** 2)
    entry = BY_NAME["function tanh"]
    program = type(entry.program())(entry.program().raw).gradient("L")
    failed = {r.name for r in rows(entry, program) if not r.passed}
    assert failed == {"central differences", "complex step", "dot product", "50 digits"}
