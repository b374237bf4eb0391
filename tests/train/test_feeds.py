"""Noise drawn in fit, scheduled inputs, batches from iterators, an optimiser of one's own, event files."""

import struct

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import DataError, SymgradError, UnknownNameError
from symgrad.library.optimizers import custom, momentum, sgd
from symgrad.train import Epoch
from symgrad.train.events import crc32c, event, write_history
from symgrad.train.noise import draw

RNG = np.random.default_rng(4)
X = RNG.standard_normal((30, 3))
NOISY = """
X: input[n, d]
eps: noise[n, d]
w: parameter[d]
p[n] = sum[d]((X[n,d] + eps[n,d])*w[d])
L = mean[n]((p[n] - 1)**2)
outputs: L, p
"""
LINE = "x: input[n]\ny: input[n]\na, b: parameter\nL = mean[n]((a*x[n] + b - y[n])**2)"
T = np.linspace(0, 1, 12)
DATA = (T, 3 * T + 1)


def run(program, data, **options):
    options = {"engine": "interpret", "dtype": "float64", "optimizer": sgd(0.1), "epochs": 3} | options
    return sg.fit(program, data, **options)


def same(a, b, **tolerance):
    for name in a.parameters:
        np.testing.assert_allclose(a.parameters[name], b.parameters[name], **tolerance)


def test_noise_is_the_same_whatever_the_split_into_batches():
    """10 examples in an update, cut into 10, 5 or 3 + 3 + 3 + 1: only the order of sums differs."""
    whole = run(NOISY, (X,), batch_size=10, validation=0.2)
    for size, parts in ((5, 2), (3, 4)):
        if size * parts == 10:
            same(whole, run(NOISY, (X,), batch_size=size, accumulate=parts, validation=0.2), rtol=1e-12)
    full = [run(NOISY, (X,), batch_size=size, accumulate=k) for size, k in ((30, 1), (7, 5))]
    same(*full, rtol=1e-12)
    assert np.abs(whole.parameters["w"] - run(NOISY, (X,), batch_size=10, seed=1).parameters["w"]).max() > 1e-3


def test_noise_is_drawn_by_epoch_and_example_and_can_be_given():
    """One step at a rate of zero on known noise: the loss says which numbers were drawn."""
    w = np.array([1.0, -1.0, 2.0])
    fit = run(NOISY, {"X": X}, start={"w": w}, optimizer=sgd(0.0), epochs=2, seed=5, batch_size=None)
    for epoch, line in enumerate(fit.history):
        eps = draw(5, epoch, np.arange(30), (3,), name="eps")
        np.testing.assert_allclose(line.loss, np.mean(((X + eps) @ w - 1) ** 2), rtol=1e-12)
    given = run(NOISY, {"X": X, "eps": np.zeros_like(X)}, start={"w": w}, optimizer=sgd(0.0), epochs=1)
    np.testing.assert_allclose(given.history[0].loss, np.mean((X @ w - 1) ** 2), rtol=1e-12)


def test_the_compiled_step_draws_the_same_noise():
    same(run(NOISY, (X,), batch_size=7, engine="kernel"), run(NOISY, (X,), batch_size=7), rtol=1e-9)


def test_evaluation_mode_replaces_noise_and_inputs_by_constants(tmp_path):
    fit = run(NOISY, (X,), evaluation={"eps": 0}, validation=0.2)
    np.testing.assert_allclose(fit.predict(X=X), X @ fit.parameters["w"], rtol=1e-12)
    again = sg.Fit.load(fit.save(tmp_path / "fit"), NOISY)
    again.engine = "interpret"
    np.testing.assert_array_equal(again.predict(X=X), fit.predict(X=X))
    drawn = run(NOISY, (X,))
    assert np.array_equal(drawn.predict(X=X), drawn.predict(X=X))  # one seed
    with pytest.raises(UnknownNameError, match="at: rate is not an input"):
        run(NOISY, (X,), evaluation={"rate": 0})


def test_noise_that_no_example_owns_belongs_to_the_update():
    text = "x: input[n]\nu: noise[4], uniform\nw: parameter[4]\nL = mean[n]((sum[s](w[s]*u[s]) - x[n])**2)"
    fit = run(text, (T,), start={"w": np.ones(4)}, optimizer=sgd(0.0), batch_size=None, epochs=2)
    for update, line in enumerate(fit.history):
        u = draw(0, update, [0], (4,), "uniform", "u")[0]
        np.testing.assert_allclose(line.loss, np.mean((u.sum() - T) ** 2), rtol=1e-12)


BOWL = "beta: input\nw: parameter\nL = (w - beta)**2"


def test_a_scheduled_input_follows_the_update():
    """At a rate of 1/2 a step lands on beta: after three updates w is its value in the third."""
    fit = run(BOWL, {}, schedules={"beta": sg.schedules.linear(0, 1, total_iters=10)}, optimizer=sgd(0.5))
    np.testing.assert_allclose(fit.parameters["w"], 0.2)
    based = run(BOWL, {"beta": 50.0}, schedules={"beta": sg.schedules.linear(0, 1, total_iters=10)}, optimizer=sgd(0.5))
    np.testing.assert_allclose(based.parameters["w"], 10.0)
    own = run(BOWL, {}, schedules={"beta": lambda update: update**2}, optimizer=sgd(0.5))
    np.testing.assert_allclose(own.parameters["w"], 4.0)


def test_a_resumed_run_goes_on_with_noise_and_schedule(tmp_path):
    text = NOISY.replace("X: input[n, d]", "X: input[n, d]\nbeta: input").replace("- 1)**2)", "- beta)**2)")
    options = {"schedules": {"beta": sg.schedules.cosine(T_max=9)}, "batch_size": 10}
    run(text, (X,), epochs=1, checkpoint=tmp_path / "run", **options)
    resumed = run(text, (X,), checkpoint=tmp_path / "run", resume=True, **options)
    same(resumed, run(text, (X,), **options), rtol=0)
    with pytest.raises(SymgradError, match="holds a run with schedules"):
        run(text, {"X": X, "beta": 1.0}, checkpoint=tmp_path / "run", resume=True, batch_size=10)


@pytest.mark.parametrize(
    "schedules, message",
    [
        ({"gamma": sg.schedules.cosine(9)}, "gamma is no scalar input of the loss; they are beta"),
        ({"beta": 3.0}, "a schedule is one of sg.schedules, or a function of the step; beta has 3.0"),
        (sg.schedules.cosine(9), "schedules are by name"),
    ],
)
def test_what_is_no_schedule_is_explained(schedules, message):
    with pytest.raises(SymgradError, match=message):
        run(BOWL, {}, schedules=schedules)


def batches():
    for start in range(0, 12, 4):
        yield T[start : start + 4], 3 * T[start : start + 4] + 1


class Loader:
    def __iter__(self):
        return batches()


def test_batches_from_a_function_a_loader_and_an_iterator():
    """The same steps as over arrays in that order, which a batch of all examples takes when they are added up."""
    by_function, by_loader = run(LINE, batches), run(LINE, Loader())
    same(by_function, by_loader, rtol=0)
    same(run(LINE, batches, accumulate=3), run(LINE, DATA, batch_size=None), rtol=1e-12)
    once = run(LINE, batches(), epochs=1)
    same(once, run(LINE, batches, epochs=1), rtol=0)
    assert once.history[0].loss == run(LINE, batches, epochs=1).history[0].loss
    assert run(LINE, batches, validation=DATA, epochs=1).history[0].validation_loss > 0


def test_streams_that_cannot_work_are_explained():
    with pytest.raises(SymgradError, match=r"gone through once, and epochs is 3: pass epochs=1, or a function"):
        run(LINE, batches())
    with pytest.raises(DataError, match="the iterator gave no batch"):
        run(LINE, iter([]), epochs=1)
    with pytest.raises(DataError, match="cannot be cut into examples: pass validation data"):
        run(LINE, batches, validation=0.2)
    with pytest.raises(SymgradError, match="weights of examples are for arrays"):
        run(LINE, batches, sample_weight=np.ones(12))
    with pytest.raises(UnknownNameError, match=r"the data must be 2 arrays \(x, y\); it is 1 array"):
        run(LINE, lambda: iter([(T,)]))
    with pytest.raises(DataError, match=r"the loss is (inf|nan) in epoch 1, batch \d"):
        run(LINE, iter([DATA] * 400), epochs=1, optimizer=sgd(1e3))


OWN = "w: parameter\ng, lr: input\nb: state\nb_next = 0.9*b + g\nw_next = w - lr*b_next\n"


def test_an_optimiser_of_ones_own():
    own = custom(OWN + "updates: w -> w_next, b -> b_next", lr=0.01)
    text = OWN.replace(", lr: input", ": input").replace("lr*", "0.01*")
    fixed = sg.program(text + "updates: w -> w_next, b -> b_next")
    known = run(LINE, DATA, optimizer=momentum(0.01))
    same(run(LINE, DATA, optimizer=own), known, rtol=1e-12)
    same(run(LINE, DATA, optimizer=fixed), known, rtol=1e-12)
    clipped = momentum(0.01).clip_norm(0.1).scheduled(sg.schedules.cosine(9))
    same(run(LINE, DATA, optimizer=own.clip_norm(0.1).scheduled(sg.schedules.cosine(9))),
         run(LINE, DATA, optimizer=clipped), rtol=1e-12)  # fmt: skip


@pytest.mark.parametrize(
    "text, message",
    [
        (OWN + "updates: w -> w_next", "the state b is never updated"),
        (OWN + "updates: b -> b_next", "one parameter that it updates"),
        (OWN + "updates: w -> w_next, b -> b_next", "its numbers are lr; values came for none"),
        (OWN.replace("g, lr", "h, lr").replace("+ g", "+ h") + "updates: w -> w_next, b -> b_next", "g: input"),
    ],
)
def test_what_is_no_optimiser_is_explained(text, message):
    with pytest.raises(SymgradError, match=f"this program is no optimiser: .*{message}"):
        run(LINE, DATA, optimizer=text)


HISTORY = [Epoch(1, 0.5, 0.75, 0.9, 0.1, {"f1": 0.25}), Epoch(300, 0.25, 0.5, 0.95, 0.1, {"f1": 0.5})]


def records(data: bytes):
    """The records of a file, their checksums verified."""
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        for start, end in ((0, 8), (12, 12 + length)):
            (masked,) = struct.unpack("<I", data[end : end + 4])
            turned = (masked - 0xA282EAD8) & 0xFFFFFFFF
            assert (turned >> 17 | turned << 15) & 0xFFFFFFFF == crc32c(data[start:end])
        yield data[12 : 12 + length]
        data = data[16 + length :]


def test_event_files_hold_the_history(tmp_path):
    """RFC 3720, B.4: 32 bytes of zeros, and of ones; then a file by hand, with a step of two bytes."""
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(b"\xff" * 32) == 0x62A8AB43
    first, *rest = records(write_history(HISTORY, tmp_path / "runs").read_bytes())
    assert first.endswith(b"\x1a\x0dbrain.Event:2") and len(rest) == 2
    assert rest[1][9:12] == b"\x10\xac\x02"
    assert b"\x0a\x0aloss/train\x15" + struct.pack("<f", 0.25) in rest[1]
    assert event(1, {"a": 1.0}, 0.0) == b"\x09" + bytes(8) + b"\x10\x01\x2a\x0a\x0a\x08\x0a\x01a\x15\x00\x00\x80\x3f"


def test_tensorboard_reads_them(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    write_history(HISTORY, tmp_path)
    events = reader.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("f1/validation")] == [(1, 0.25), (300, 0.5)]


def test_fit_writes_events_while_it_runs(tmp_path):
    fit = run(LINE, DATA, tensorboard=tmp_path / "runs", epochs=2)
    (path,) = (tmp_path / "runs").iterdir()
    assert len(list(records(path.read_bytes()))) == 3
    assert fit.tensorboard(tmp_path / "again").is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(SymgradError, match="event files cannot be written there"):
        run(LINE, DATA, tensorboard=tmp_path / "file")


def test_a_parameter_that_only_the_prediction_reads_keeps_its_start():
    text = "x: input[n]\nw, c: parameter\np[n] = w*x[n] + c\nL = mean[n]((w*x[n] - 1)**2)\noutputs: L, p"
    fit = run(text, (T,), start={"c": 2.0})
    assert fit.parameters["c"] == 2.0 and fit.predict(x=T).shape == (12,)
