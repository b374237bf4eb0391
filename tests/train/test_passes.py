"""Updates made many in one compiled call are those made one by one, bit for bit."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import DataError, IndexRangeError, SymgradError
from symgrad.kernels import Bound, Rows
from symgrad.library import optimizers
from symgrad.train import passes

NOISY = """
    x: input[n, d]
    noise: noise[n, h]
    shake: noise[h]
    beta: input
    W: parameter[d, h]
    V: parameter[h, d]
    z[n,h] = sum[d](x[n,d]*W[d,h]) + 0.1*beta*noise[n,h] + 0.01*shake[h]
    r[n,d] = sum[h](tanh(z[n,h])*V[h,d])
    L = mean[n](sum[d]((x[n,d] - r[n,d])**2)) + beta*mean[n](sum[h](z[n,h]**2))
"""
EMBEDDED = """
    token: label[n] over v
    y: input[n]
    E: parameter[v, h]
    L = mean[n]((sum[h](tanh(E[token[n],h])) - y[n])**2)
"""


def both(monkeypatch, program, data, **options):
    """The fit as it is, and update by update."""
    calls = []
    monkeypatch.setattr(Bound, "steps", lambda *args, old=Bound.steps: calls.append(args) or old(*args))
    fast = sg.fit(program, data, seed=5, **options)
    assert calls
    monkeypatch.setattr(passes, "together", lambda trainer: False)
    calls.clear()
    slow = sg.fit(program, data, seed=5, **options)
    assert not calls
    return fast, slow


def same(fast, slow):
    assert [e.loss for e in fast.history] == [e.loss for e in slow.history]
    assert all(np.array_equal(fast.parameters[n], slow.parameters[n]) for n in slow.parameters)


def test_a_classifier_with_a_short_last_batch(monkeypatch):
    rng = np.random.default_rng(0)
    data = rng.standard_normal((75, 6)), rng.integers(0, 3, 75)
    optimizer = optimizers.adam(1e-2)
    fast, slow = both(
        monkeypatch, sg.models.mlp(6, 5, 3), data, optimizer=optimizer, epochs=3, batch_size=16, validation=0.2
    )
    same(fast, slow)
    assert [e.validation_loss for e in fast.history] == [e.validation_loss for e in slow.history]


def test_noise_of_examples_noise_of_updates_and_schedules(monkeypatch):
    x = np.random.default_rng(1).standard_normal((40, 3))
    schedules = {"beta": sg.schedules.linear(0, 1, 6)}
    program = sg.program(NOISY, sizes={"h": 2})
    same(*both(monkeypatch, program, {"x": x}, schedules=schedules, epochs=3, batch_size=16, optimizer="adam"))


def test_calls_of_any_length_give_the_same(monkeypatch):
    rng = np.random.default_rng(2)
    data = {"token": rng.integers(0, 9, 50), "y": rng.standard_normal(50)}
    program = sg.program(EMBEDDED, sizes={"h": 4})
    fast, slow = both(monkeypatch, program, data, epochs=2, batch_size=4, dtype="float64")
    same(fast, slow)
    monkeypatch.undo()
    monkeypatch.setattr(passes, "PATIENCE", 0.0)
    same(sg.fit(program, data, seed=5, epochs=2, batch_size=4, dtype="float64"), slow)


def test_a_loss_that_is_not_finite_names_the_same_batch(monkeypatch):
    data = {"token": np.arange(12) % 3, "y": np.where(np.arange(12) == 7, np.inf, 1.0)}
    program, texts = sg.program(EMBEDDED, sizes={"h": 4}), []
    for together in (passes.together, lambda trainer: False):
        monkeypatch.setattr(passes, "together", together)
        with pytest.raises(DataError) as error:
            sg.fit(program, data, seed=5, batch_size=2)
        texts.append(str(error.value))
    assert texts[0] == texts[1]
    assert "batch" in texts[0]


def test_a_label_outside_its_range_is_refused():
    text = EMBEDDED + "E_next[v,h] = E[v,h] - 0.1*L\nupdates: E -> E_next"
    kernel = sg.program(text).compile(outputs=["L"])
    bound = kernel.bind(token=np.zeros(2, int), y=np.zeros(2), E=np.ones((3, 2)))
    rows = np.array([[0, 1], [2, 3]])
    assert len(bound.steps("L", {"token": Rows(np.array([0, 1, 2, 0]), rows)})) == 2
    assert len(bound.steps("L", {"token": Rows(np.array([0, 1, 2, 0, 9]), rows)})) == 2  # that row is not read
    with pytest.raises(IndexRangeError, match="token"):
        bound.steps("L", {"token": Rows(np.array([0, 1, 3, 0]), rows)})


@pytest.mark.slow  # Numba takes seconds for LAPACK's solve
def test_a_routine_that_fails_says_so():
    text = "A: input[i, i]\nb: state[i]\nx = solve(A, b)\nL = sum[i](x[i])\nb_next[i] = x[i]\nupdates: b -> b_next"
    bound = sg.program(text).compile(outputs=["L"]).bind(A=np.eye(2), b=np.ones(2))
    matrices = np.array([2 * np.eye(2), np.ones((2, 2)), np.eye(2)])
    with pytest.raises(SymgradError, match="singular"):
        bound.steps("L", {"A": Rows(matrices, np.arange(3))})
    assert bound["b"].tolist() == [0.5, 0.5]  # the first step was done
