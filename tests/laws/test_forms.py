"""Laws 1, 5 and the replay of 6: raw = display = kernel form, each form passes `check`, inputs stay as they were,
every Step replays, and the same program gives the same bytes in every process."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from catalogue import BY_NAME, CATALOGUE, PATTERNS
from mutate import mutants

from symgrad.calculus.rewrite import replays
from symgrad.ir.canonical import system_text
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.verify import checks, draw, form_rows

NAMES = [e.name for e in CATALOGUE]
FORMS = ["raw", "display", "kernel"]


@pytest.mark.parametrize("name", NAMES)
def test_all_forms_agree(name):
    """In float64, exactly modulo p where the program is rational, and with 50 digits."""
    entry = BY_NAME[name]
    for program in (entry.program(), entry.gradient()):
        made = form_rows(program, entry.arrays(), seed=0)
        assert not [r for r in made if not r.passed], "\n".join(f"{r.name} {r.of}: {r.where}" for r in made)
        exact = [r for r in made if r.name.endswith("mod p")]
        assert exact and (not entry.rational or not any(r.skipped for r in exact)), exact


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_every_form_is_sound(name, form):
    entry = BY_NAME[name]
    check(getattr(entry.program(), form))
    check(getattr(entry.gradient(), form))


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_left_as_they_were(name):
    entry = BY_NAME[name]
    arrays = entry.arrays()
    before = {k: np.copy(v) for k, v in arrays.items()}
    interpret(entry.gradient().raw, arrays)
    for key, value in before.items():
        np.testing.assert_array_equal(arrays[key], value)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_replays(name):
    entry = BY_NAME[name]
    for form in FORMS:
        for step in getattr(entry.gradient(), form).log:
            assert replays(step), step.rule.name


def test_a_step_that_lies_does_not_replay():
    """The negative control: the log claims another result."""
    steps = [s for s in BY_NAME["contraction"].gradient().display.log if s.after]
    assert steps
    for step in steps:
        first, *rest = step.after
        changed = replace(first, terms=tuple(replace(t, body=2 * t.body) for t in first.terms))
        assert not replays(replace(step, after=(changed, *rest)))


@pytest.mark.parametrize("name", [e.name for e in PATTERNS if e.name != "empty domain"])
def test_a_wrong_form_is_found(name):
    """The negative control of law 1: a pass that loses a factor."""
    entry = BY_NAME[name]
    raw = entry.gradient().raw
    arrays = draw.finite_point(raw, 0)
    wrong = islice(mutants(entry.program().raw, raw, "a factor too many"), 4)
    assert not all(r.passed for other in wrong for r in checks.forms("wrong form", raw, other, arrays, {}))


PROGRAM = """
import sys
from catalogue import CATALOGUE
from symgrad.ir.canonical import system_text
for entry in CATALOGUE[::3]:
    for form in ("raw", "display", "kernel"):
        print(entry.name, form)
        print(system_text(getattr(entry.gradient(), form)))
"""


def test_same_bytes_in_every_process():
    tests = Path(__file__).parent.parent
    outputs = set()
    for seed in ["1", "2"]:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(tests)}
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1 and len(outputs.pop()) > 10_000


def test_different_programs_have_different_texts():
    texts = {system_text(e.gradient().raw) for e in PATTERNS}
    assert len(texts) == len(PATTERNS)
