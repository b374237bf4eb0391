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


# --------------------------------------------------------------------------------------- callbacks between two updates
@pytest.fixture(scope="module")
def classifier():
    rng = np.random.default_rng(0)
    return sg.models.mlp(6, 5, 3), (rng.standard_normal((75, 6)), rng.integers(0, 3, 75))


def train(classifier, **options):
    program, data = classifier
    return sg.fit(program, data, seed=5, **{"epochs": 3, "batch_size": 8, "optimizer": "adam"} | options)


@pytest.mark.parametrize("every", [1, 4, 7, 100])
def test_step_callbacks_change_no_bit_and_calls_stay_long(classifier, monkeypatch, every):
    """30 updates, 10 in an epoch, the last of 3 examples."""
    plain, lengths, seen, steps = train(classifier), [], [], Bound.steps

    def watched(self, loss, taken):
        lengths.append(len(next(iter(taken.values())).rows))
        return steps(self, loss, taken)

    monkeypatch.setattr(Bound, "steps", watched)
    same(train(classifier, every=every, step_callbacks=lambda step, fit: seen.append(step)), plain)
    assert [s.number for s in seen] == [*range(every, 31, every)]
    assert [s.epoch for s in seen] == [(s.number - 1) // 10 + 1 for s in seen]
    assert max(lengths) <= every and sum(lengths) == 30
    assert every < 4 or max(lengths) >= 3


def test_the_running_loss_and_the_parameters_are_those_of_the_step(classifier):
    """Update by update: the loss of each, and the parameters behind it; `every=4` says their means."""
    each, fours = [], []
    see = lambda found: lambda step, fit: found.append((step, {n: a.copy() for n, a in fit.parameters.items()}))  # noqa: E731
    train(classifier, every=1, step_callbacks=see(each), epochs=2)
    train(classifier, every=4, step_callbacks=[see(fours)], epochs=2)
    assert [s.number for s, _ in fours] == [4, 8, 12, 16, 20]
    sizes = [8] * 9 + [3]
    for step, parameters in fours:
        assert all(np.array_equal(a, each[step.number - 1][1][n]) for n, a in parameters.items())
        first = max(step.number - 4, 10 * (step.epoch - 1))  # since the call before, or since the epoch began
        weights = [sizes[k % 10] for k in range(first, step.number)]
        mean = np.average([s.loss for s, _ in each[first : step.number]], weights=weights)
        assert step.loss == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("together", [True, False])
def test_a_step_callback_stops_the_run_where_it_is(classifier, monkeypatch, together):
    if not together:
        monkeypatch.setattr(passes, "together", lambda trainer: False)
    found = {}

    def stop(step, fit):
        found.update({n: a.copy() for n, a in fit.parameters.items()})
        return step.number == 14

    fit = train(classifier, every=7, step_callbacks=stop)
    assert fit.stopped == "a callback returned True" and len(fit.history) == 1
    assert all(np.array_equal(a, fit.parameters[n]) for n, a in found.items())
    assert len(train(classifier, every=10, step_callbacks=lambda step, fit: True).history) == 1  # an epoch's last step


def test_a_run_that_a_step_callback_stopped_is_resumed_with_the_same_bits(classifier, tmp_path):
    plain, seen, path = [], [], tmp_path / "run.npz"
    whole = train(classifier, every=7, step_callbacks=lambda step, fit: plain.append(step[:3]))
    train(classifier, every=7, step_callbacks=lambda step, fit: step.number == 14, checkpoint=path)
    resumed = train(
        classifier, every=7, step_callbacks=lambda step, fit: seen.append(step[:3]), checkpoint=path, resume=True
    )
    same(resumed, whole)
    assert seen == plain[1:]  # from the last whole epoch on: steps 11 to 30


def test_step_callbacks_of_accumulated_updates_and_of_a_stream(classifier):
    program, (X, y) = classifier
    seen = []
    see = lambda step, fit: seen.append(step.number)  # noqa: E731
    train(classifier, accumulate=3, every=2, step_callbacks=see, epochs=1)
    assert seen == [2, 4]
    seen.clear()
    batches = lambda: ((X[i : i + 25], y[i : i + 25]) for i in (0, 25, 50))  # noqa: E731
    sg.fit(program, batches, every=2, step_callbacks=see, epochs=2)
    assert seen == [2, 4, 6]


def test_progress_between_updates(classifier, capsys):
    train(classifier, every=15, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  loss")[0] for line in lines if "step" in line] == ["epoch 2/3  step 15", "epoch 3/3  step 30"]


@pytest.mark.parametrize(
    "options, text",
    [
        ({"step_callbacks": print}, "step_callbacks are called every so many updates: pass every=100, say."),
        ({"step_callbacks": 3, "every": 1}, "a callback is a function of the step and the fit; 3 is none. Pass step_"),
        ({"step_callbacks": lambda s: 0, "every": 1}, "a callback is called with the step and the fit, and the funct"),
        ({"every": 0}, "every must be a whole number of at least 1; it is 0."),
    ],
)
def test_step_callbacks_that_cannot_be_called(classifier, options, text):
    with pytest.raises(SymgradError) as error:
        train(classifier, **options)
    assert str(error.value).startswith(text)


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
