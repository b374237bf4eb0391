"""`sg.fit`: it finds known minima, reproduces, predicts, is saved without pickle, and says what is wrong with data."""

import json

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import DataError, DTypeError, IndexRangeError, ShapeError, SymgradError, UnknownNameError
from symgrad.library.models import mlp
from symgrad.library.optimizers import adam, sgd
from symgrad.train.data import batch_size_of, batches, inputs_of
from symgrad.train.initial import initial_parameters
from symgrad.train.model import raw_system

LINE = """
X: input[n, d]
y: input[n]
w: parameter[d]
b: parameter
p[n] = sum[d](X[n,d]*w[d]) + b
L = mean[n]((p[n] - y[n])**2)
outputs: L, p
"""


@pytest.fixture
def line():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.25 + 0.01 * rng.standard_normal(50)


@pytest.fixture
def blobs():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 70)
    return rng.standard_normal((70, 4)) + 2 * np.eye(3, 4)[y], y


def interpreted(program, data, **options):
    return sg.fit(program, data, engine="interpret", **options)


def least_squares(X, y):
    design = np.column_stack([X, np.ones(len(X))])
    return np.linalg.lstsq(design, y, rcond=None)[0]


@pytest.mark.parametrize("engine", ["kernel", "interpret"])
def test_full_batch_descent_finds_the_least_squares_solution(line, engine):
    fit = sg.fit(LINE, line, optimizer=sgd(0.3), epochs=200, batch_size=None, dtype="float64", engine=engine)
    found = [*fit.parameters["w"], fit.parameters["b"]]
    np.testing.assert_allclose(found, least_squares(*line), atol=1e-10)  # the error contracts by < 0.9 a step
    assert len(fit.history) == 200


def test_kernel_and_interpreter_take_the_same_steps(blobs):
    """Two epochs with a smaller last batch (56 = 3*16 + 8) and Adam's states; float64, so only rounding differs."""
    options = {"epochs": 2, "batch_size": 16, "seed": 3, "dtype": "float64", "validation": 0.2}
    a, b = (sg.fit(mlp(4, 3), blobs, engine=engine, **options) for engine in ("kernel", "interpret"))
    for name in a.parameters:
        np.testing.assert_allclose(a.parameters[name], b.parameters[name], rtol=1e-9, atol=1e-12)
    for one, other in zip(a.history, b.history):
        np.testing.assert_allclose(one[1:4], other[1:4], rtol=1e-9)


def test_classification_learns_and_reports_accuracy(blobs):
    fit = interpreted(mlp(4, 8, 3), blobs, optimizer=adam(0.02), epochs=15, batch_size=16, validation=0.2)
    assert fit.history[-1].loss < 0.5 * fit.history[0].loss
    assert fit.history[-1].validation_accuracy >= 0.7
    p = fit.predict(blobs[0])
    assert p.shape == (70, 3)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)  # float32
    assert (p.argmax(1) == blobs[1]).mean() >= 0.8


def test_history_loss_is_the_mean_over_examples(line):
    """With a learning rate of zero the epoch's loss is the loss of the start, also with a smaller last batch."""
    fit = interpreted(LINE, line, optimizer=sgd(0.0), epochs=1, batch_size=16, dtype="float64")
    np.testing.assert_allclose(fit.history[0].loss, np.mean(line[1] ** 2), rtol=1e-12)


def test_seeds_reproduce(blobs):
    options = {"epochs": 1, "batch_size": 32, "validation": 0.2}
    same = [interpreted(mlp(4, 8, 3), blobs, seed=5, **options) for _ in range(2)]
    other = interpreted(mlp(4, 8, 3), blobs, seed=6, **options)
    for name, value in same[0].parameters.items():
        assert np.array_equal(value, same[1].parameters[name])
    assert [e[:4] for e in same[0].history] == [e[:4] for e in same[1].history]
    assert not np.array_equal(same[0].parameters["W1"], other.parameters["W1"])


def test_data_are_not_modified(blobs):
    X, y = blobs[0].copy(), blobs[1].copy()
    interpreted(mlp(4, 3), blobs, epochs=1)
    assert np.array_equal(X, blobs[0]) and np.array_equal(y, blobs[1])


def test_a_dict_a_start_and_a_program_without_data(line):
    X, y = line
    fit = interpreted(LINE, {"y": y, "X": X}, epochs=1, start={"w": [1, -2, 0.5], "b": 0.25}, optimizer=sgd(0.0))
    np.testing.assert_allclose(fit.parameters["w"], [1, -2, 0.5])
    assert fit.history[0].loss < 1e-3
    bowl = "x: parameter\ny: parameter\nL = (x - 1)**2 + (y + 2)**2"
    fit = interpreted(bowl, {}, epochs=60, optimizer=sgd(0.25), dtype="float64")
    np.testing.assert_allclose([fit.parameters["x"], fit.parameters["y"]], [1, -2], atol=1e-12)  # halves each step


def test_callbacks_see_each_epoch_and_stop(line):
    seen = []
    fit = interpreted(LINE, line, epochs=9, callbacks=[lambda e, f: seen.append(e.number), lambda e, f: e.number == 3])
    assert seen == [1, 2, 3] and len(fit.history) == 3


def test_explicit_validation_data(line):
    X, y = line
    options = {"epochs": 1, "optimizer": sgd(0.0), "dtype": "float64"}
    fit = interpreted(LINE, (X[:40], y[:40]), validation=(X[40:], y[40:]), **options)
    np.testing.assert_allclose(fit.history[0].validation_loss, np.mean(y[40:] ** 2), rtol=1e-12)
    assert fit.history[0].validation_accuracy is None


def test_saved_fit_predicts_the_same_and_holds_no_pickle(blobs, tmp_path):
    fit = interpreted(mlp(4, 8, 3), blobs, epochs=1, validation=0.2)
    path = fit.save(tmp_path / "out" / "fit")
    assert path.name == "fit.npz"
    again = sg.Fit.load(path, mlp(4, 8, 3))
    again.engine = "interpret"
    assert np.array_equal(again.predict(X=blobs[0]), fit.predict(X=blobs[0]))
    assert again.history == fit.history and again.loss == "L" and again.seed == fit.seed
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
        assert json.loads(bytes(file["meta"]))["format"] == "symgrad fit 3"


def test_loading_refuses_pickle_other_models_and_other_files(blobs, tmp_path):
    bad = tmp_path / "bad.npz"
    np.savez(bad, meta=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="is not a saved fit"):
        sg.Fit.load(bad, mlp(4, 3))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match="is not a saved fit"):
        sg.Fit.load(tmp_path / "text.npz", mlp(4, 3))
    path = interpreted(mlp(4, 3), blobs, epochs=1).save(tmp_path / "fit.npz")
    with pytest.raises(ShapeError, match="the parameters of another model"):
        sg.Fit.load(path, mlp(4, 8, 3))


def test_predict_asks_for_what_it_needs(blobs):
    fit = interpreted(mlp(4, 3), blobs, epochs=1)
    with pytest.raises(UnknownNameError, match=r"the data must be 1 array \(X\); it is X, y"):
        fit.predict(X=blobs[0], y=blobs[1])
    with pytest.raises(UnknownNameError, match="q is no tensor; this program computes z1, p, L"):
        interpreted(mlp(4, 3), blobs, epochs=1, prediction="q")


def test_a_loss_that_is_not_finite_stops_with_epoch_and_batch(line):
    X, y = line
    with pytest.raises(DataError, match=r"the loss is (inf|nan) in epoch \d+, batch \d+ of 4") as error:
        interpreted(LINE, line, optimizer=sgd(1e6), epochs=50, batch_size=16)
    assert "Lower the learning rate" in str(error.value)
    broken = X.copy()
    broken[7, 1] = np.nan
    with pytest.raises(DataError, match=r"X holds values that are not finite \(X\[7, 1\] is nan\): clean the data"):
        interpreted(LINE, (broken, y), batch_size=16)


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda X, y: (X,), UnknownNameError, r"the data must be 2 arrays \(X, y\); it is 1 array"),
        (lambda X, y: {"X": X, "t": y}, UnknownNameError, "it is X, t"),
        (lambda X, y: (X[:, 0], y), ShapeError, "X has 2 axes, but the array has 1"),
        (lambda X, y: (X[:-1], y), ShapeError, "index n has two sizes"),
        (lambda X, y: (X[:, :3], y), ShapeError, "index d has two sizes|axis 1 must have 4"),
        (lambda X, y: (X, y.astype(float)), DTypeError, "y must hold integers, but the array has dtype float64"),
        (lambda X, y: (X, y.astype(float).tolist()), DTypeError, r"Pass np\.asarray\(y, int\)"),
        (lambda X, y: (X * 1j, y), DTypeError, "X must hold real numbers, but the array has dtype complex128"),
        (lambda X, y: (np.ma.masked_less(X, 0), y), DataError, r"X\[\d+, \d+\] is masked"),
        (lambda X, y: (X, y + 1), IndexRangeError, "Labels start at 0: pass y - 1"),
        (lambda X, y: (X, y + 1), IndexRangeError, "labels are 0 .. 2"),
        (lambda X, y: (X[:0], y[:0]), DataError, "the data hold no example"),
    ],
)
def test_bad_data_are_explained(blobs, change, error, message):
    with pytest.raises(error, match=message):
        interpreted(mlp(4, 3), change(*blobs))


def test_facts_are_checked_for_all_rows(blobs):
    soft = "X: input[n, d]\nY: input[n, k], distribution over k\nW: parameter[d, k]\n" + (
        "L = mean[n](-sum[k](Y[n,k]*log(softmax[k](sum[d](X[n,d]*W[d,k])))))"
    )
    Y = np.eye(3)[blobs[1]]
    assert interpreted(soft, (blobs[0], Y), epochs=1, batch_size=16).history[0].loss > 0
    Y[50, 0] += 0.5
    with pytest.raises(DataError, match="Y is declared distribution, but a sum is"):
        interpreted(soft, (blobs[0], Y), epochs=1, batch_size=16)


def test_bad_arguments_are_explained(line):
    with pytest.raises(DataError, match="validation is a fraction between 0 and 1"):
        interpreted(LINE, line, validation=1.5)
    with pytest.raises(UnknownNameError, match="x in start: the parameters are w, b"):
        interpreted(LINE, line, start={"x": 1})
    with pytest.raises(ShapeError, match=r"the start of w has shape \(2,\)"):
        interpreted(LINE, line, start={"w": [1, 2]})
    with pytest.raises(DataError, match=r"validation is a fraction between 0 and 1, .* it is 2"):
        interpreted(LINE, line, validation=2)
    with pytest.raises(DTypeError, match="w must hold real numbers"):
        interpreted(LINE, line, start={"w": [1j, 2, 3]})
    with pytest.raises(UnknownNameError, match="the loss must be named: the scalar outputs are none"):
        interpreted("x: input[n]\nw: parameter[n]\ny[n] = w[n]*x[n]", (line[1],))
    with pytest.raises(UnknownNameError, match="numba is not an engine"):
        sg.fit(LINE, line, engine="numba")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"optimizer": adam}, r"optimizer is the function adam. Call it: write sg.optimizers.adam(1e-3)."),
        ({"optimizer": "adm"}, 'optimizer is \'adm\'. Did you mean adam? Pass "adam" or "sgd", or write'),
        ({"optimizer": 0.01}, "optimizer is 0.01. Write sg.optimizers.adam(0.01)."),
        ({"optimizer": [1]}, 'optimizer is [1]. Write sg.optimizers.adam(1e-3), or pass "adam" or "sgd".'),
        ({"batch_size": 0}, "batch_size must be at least 1, a whole number, or None for all examples"),
        ({"batch_size": 2.5}, "batch_size must be at least 1, a whole number, or None for all examples"),
        ({"epochs": "3"}, "epochs must be a whole number of at least 0; it is '3'."),
        ({"epochs": -1}, "epochs must be a whole number of at least 0; it is -1."),
        ({"seed": -1}, "seed must be a whole number of at least 0; it is -1."),
        ({"seed": None}, "seed must be a whole number of at least 0; it is None."),
        ({"callbacks": 3}, "a callback is a function of the epoch and the fit; 3 is none. Pass callbacks=["),
        ({"callbacks": ["print"]}, "a callback is a function of the epoch and the fit; 'print' is none."),
    ],
)
def test_arguments_of_the_wrong_kind_say_what_to_pass(line, options, message):
    with pytest.raises(SymgradError) as caught:
        interpreted(LINE, line, **options)
    assert message in str(caught.value)


def test_an_optimiser_by_name_and_one_callback(line):
    seen = []
    options = {"epochs": np.int64(2), "batch_size": 25, "dtype": "float64"}
    named = interpreted(LINE, line, optimizer="adam", callbacks=lambda e, f: seen.append(e.number), **options)
    built = interpreted(LINE, line, optimizer=adam(), **options)
    assert seen == [1, 2] and np.array_equal(named.parameters["w"], built.parameters["w"])


def test_a_size_that_nothing_determines_names_the_tensor(blobs):
    with pytest.raises(ShapeError, match=r"W1: parameter\[i, h1\]\n.*nothing determines the size H1"):
        interpreted(mlp(4, "h1", 3), blobs)


def test_an_axis_that_occurs_twice_is_not_cut():
    """A graph's adjacency matrix has the examples on both axes: every step uses all of them."""
    graph = raw_system("A: input[n, n]\nx: input[n]\nw: parameter\nL = mean[n]((w*sum[m](A[n,m]*x[m]) - x[n])**2)")
    assert batch_size_of(graph, inputs_of(graph)) is None
    rng = np.random.default_rng(0)
    fit = interpreted(
        "A: input[n, n]\nx: input[n]\nw: parameter\nL = mean[n]((w*sum[m](A[n,m]*x[m]) - x[n])**2)",
        (rng.standard_normal((5, 5)), rng.standard_normal(5)), epochs=2, batch_size=2,
    )  # fmt: skip
    assert np.isfinite(fit.history[-1].loss)


def test_batches_cover_every_row_once():
    rows = list(batches(10, 4, np.random.default_rng(0)))
    assert [len(r) for r in rows] == [4, 4, 2]
    assert sorted(np.concatenate(rows)) == list(range(10))


def test_initial_variance_follows_the_summed_axis():
    """W is read transposed: the fan is what the equation sums, not the first axis. He with relu, Glorot without."""
    declared = "X: input[n, d]\nW: parameter[h, d]\nb: parameter[h]\n"
    text = declared + "z[n,h] = {0}(sum[d](X[n,d]*W[h,d]) + b[h])\nL = sum[n,h](z[n,h])"
    for function, variance in (("relu", 2 / 400), ("tanh", 2 / 500)):
        system = raw_system(text.format(function))
        sizes = {s: {"D": 400, "H": 100}[str(s)] for s in system.tensors["W"].shape}
        parameters = initial_parameters(system, sizes, 0, "float64")
        # 40,000 draws: the sample variance is within 5 % with room of seven standard deviations
        np.testing.assert_allclose(parameters["W"].var(), variance, rtol=0.05)
        assert not parameters["b"].any()
