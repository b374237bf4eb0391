"""Terms that are equal up to the names of indices and the order of commuting parts have one text."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from build import K, N, at, equation, given, i, j, k, l, m, n, system, tensor, term
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sympy import And, Eq, Integer, Le, Mul, Ne, exp

from symgrad.ir.canonical import equation_text, system_text, term_text

LETTERS = [i, j, k, l, m]
TERMS = {
    "contraction": term((i, k), at("A", i, j) * at("B", j, k), {i: N, j: N, k: N}),
    "cycle": term((), at("A", i, j) * at("A", j, k) * at("A", k, l) * at("A", l, i), dict.fromkeys([i, j, k, l], N)),
    "symmetric": term((), at("x", i) * at("x", j) * at("x", k) * at("x", l) * at("x", m), dict.fromkeys(LETTERS, N)),
    "guarded": term((i,), exp(at("x", j)) * at("y", k), {i: N, j: N, k: K}, Le(j, i), Ne(k, at("t", i))),
    "sizes differ": term((), at("A", i, j) * at("A", j, i), {i: N, j: K}),
    "affine": term((i,), at("x", 2 * i + j) * at("w", j) - at("x", i + k), {i: N, j: K, k: K}),
    "nested": term((at("t", i),), at("W", at("t", j), k) * at("W", at("t", k), j), {i: N, j: N, k: N}),
    "none": term((), Integer(1), {i: N, j: N}),
}  # fmt: skip


@pytest.mark.parametrize("name", TERMS)
@drawn(order=st.permutations(LETTERS), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_renaming_and_reordering_leave_the_text(name, order, seed):
    original = TERMS[name]
    renamed = original.rename(dict(zip(LETTERS, order)))
    shuffled = list(renamed.domain)
    random.Random(seed).shuffle(shuffled)
    other = type(renamed)(renamed.write, renamed.body, tuple(shuffled), renamed.guard[::-1])
    assert term_text(other) == term_text(original)


def test_different_terms_have_different_texts():
    terms = [
        *TERMS.values(),
        term((k, i), at("A", i, j) * at("B", j, k), {i: N, j: N, k: N}),
        term((i, k), at("A", j, i) * at("B", j, k), {i: N, j: N, k: N}),
        term((i, k), at("A", i, j) * at("B", j, k), {i: N, j: K, k: N}),
        term((), at("A", i, j) * at("A", j, i) * at("A", k, l) * at("A", l, k), dict.fromkeys([i, j, k, l], N)),
        term((i,), exp(at("x", j)) * at("y", k), {i: N, j: N, k: K}, Le(i, j), Ne(k, at("t", i))),
    ]
    texts = [term_text(t) for t in terms]
    assert len(set(texts)) == len(texts)


def test_the_text_is_readable():
    assert term_text(TERMS["contraction"]) == "[%0,%1] (A[%0,%2]*B[%2,%1]) {%0<N,%1<N,%2<N}"
    assert term_text(TERMS["contraction"], write=False) == "(A[%0,%2]*B[%2,%1]) {%0<N,%1<N,%2<N}"


def test_conditions_written_in_two_ways():
    def text(guard):
        return term_text(term((i,), 1, {i: N, j: N}, guard))

    assert text(i >= j) == text(j <= i) and text(i > j) == text(j < i)
    assert text(And(Eq(i, j), Ne(j, 0))) == text(And(Ne(j, 0), Eq(j, i)))
    assert text(i > j) != text(j > i)


def test_terms_of_an_equation_are_sorted():
    a, b = (term((i,), at(name, i), {i: N}) for name in "ab")
    assert equation_text(equation("y", a, b)) == equation_text(equation("y", b, a))
    assert equation_text(equation("y", a, b)) == "y = sum: [%0] a[%0] {%0<N} ++ [%0] b[%0] {%0<N}"
    assert equation_text(equation("y", a, reduce="max", arg=("k",))) == "y,k = max: [%0] a[%0] {%0<N}"


def test_unevaluated_products_have_the_text_of_evaluated_ones():
    x, y = at("x", n), at("y", n)
    assert term_text(term((n,), Mul(y, x, evaluate=False), {n: N})) == term_text(term((n,), x * y, {n: N}))


PROGRAM = """
import sys; sys.path.insert(0, {path!r})
from test_canonical import TERMS, sample
from symgrad.ir.canonical import system_text
print(system_text(sample()))
"""


def sample():
    """All the terms in one system (its meaning does not matter)."""
    equations = [equation(f"y{p}", t) for p, t in enumerate(TERMS.values())]
    declared = [given("x", N, over=K), *(tensor(e.tensor, *[N] * len(e.terms[0].write)) for e in equations)]
    return system(declared, *equations)


def test_same_bytes_for_every_hash_seed():
    here = Path(__file__).parent
    code = PROGRAM.format(path=str(here))
    outputs = set()
    for seed in ["0", "1", "77"]:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(here.parent)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert outputs == {(system_text(sample()) + "\n").encode()}
