"""Metrics, early stopping, weights of examples, accumulation: each against scikit-learn or against a plain run."""

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.linear_model import LogisticRegression

import symgrad as sg
from symgrad.errors import DataError, ShapeError, SymgradError
from symgrad.library.models import mlp
from symgrad.library.optimizers import adam, sgd
from symgrad.train.metrics import measure

RNG = np.random.default_rng(3)
Y = RNG.integers(0, 3, 60)
X = RNG.standard_normal((60, 4)) + np.eye(3, 4)[Y]
LINE = """
X: input[n, d]
y: input[n]
w: parameter[d]
p[n] = sum[d](X[n,d]*w[d])
L = mean[n]((p[n] - y[n])**2)
outputs: L, p
"""


def run(program=None, data=(X, Y), **options):
    options = {"optimizer": adam(0.02), "batch_size": 16, "engine": "interpret", "epochs": 3} | options
    return sg.fit(program or mlp(4, 5, 3), data, **options)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classification_metrics_are_scikit_learns(classes):
    """Also where a class is never predicted, or never true."""
    rng = np.random.default_rng(classes)
    truth = rng.integers(0, max(classes - 1, 2), 40)
    scores = rng.dirichlet(np.ones(classes), 40) * np.arange(classes)
    predicted = scores.argmax(1)
    names = ("accuracy", "precision", "recall", "f1", "confusion_matrix")
    found = measure(names, truth, scores, labelled=True, engine="interpret")
    counts = found.pop("confusion_matrix")
    occurring = np.unique(np.r_[truth, predicted])
    assert np.array_equal(counts[np.ix_(occurring, occurring)], reference.confusion_matrix(truth, predicted))
    options = {"average": "macro", "zero_division": 0}
    expected = [
        reference.accuracy_score(truth, predicted), reference.precision_score(truth, predicted, **options),
        reference.recall_score(truth, predicted, **options), reference.f1_score(truth, predicted, **options),
    ]  # fmt: skip
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(30,), (30, 3)], ids=str)
def test_regression_metrics_are_scikit_learns(shape):
    truth, predicted = RNG.standard_normal((2, *shape))
    names = ("r2", "mean_squared_error", "mean_absolute_error")
    found = measure(names, truth, predicted, labelled=False, engine="interpret")
    expected = [f(truth, predicted) for f in (
        reference.r2_score, reference.mean_squared_error, reference.mean_absolute_error)]  # fmt: skip
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-12)


def test_calibration_error_by_hand():
    """Two examples of confidence 0.9, one right; two of 0.6, both right: (0.4 + 0.4)*2/4."""
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    found = measure(["calibration_error"], np.array([0, 1, 0, 0]), scores, labelled=True, engine="interpret")
    np.testing.assert_allclose(found["calibration_error"], 0.4)


def test_compiled_metrics_are_the_interpreted_ones():
    """Every metric, of classes by labels and by probabilities of one, and of values."""
    scores, truth = RNG.dirichlet(np.ones(4), 50), RNG.integers(0, 4, 50)
    names = ("accuracy", "precision", "recall", "f1", "calibration_error", "confusion_matrix")
    values = ("r2", "mean_squared_error", "mean_absolute_error")
    for wanted, *arrays, labelled in [
        (names, truth, scores, True), (names, truth % 2, scores[:, 0], False), (values, scores, scores[::-1], False),
    ]:  # fmt: skip
        compiled, interpreted = (measure(wanted, *arrays, labelled, engine) for engine in ("kernel", "interpret"))
        for name in wanted:  # sums in another order
            np.testing.assert_allclose(compiled[name], interpreted[name], rtol=1e-13)


def test_a_constant_target_has_the_r2_of_scikit_learn():
    for predicted in (np.ones(5), np.arange(5.0)):
        found = measure(["r2"], np.ones(5), predicted, labelled=False, engine="interpret")
        assert found["r2"] == reference.r2_score(np.ones(5), predicted)


def test_a_fit_is_evaluated_on_other_data():
    fit = run(validation=0.2)
    found = fit.evaluate((X, Y), ["f1", "confusion_matrix"])
    predicted = fit.predict(X=X).argmax(1)
    assert found["accuracy"] == np.mean(predicted == Y)
    np.testing.assert_allclose(found["f1"], reference.f1_score(Y, predicted, average="macro"))
    assert np.array_equal(found["confusion_matrix"], reference.confusion_matrix(Y, predicted))


def test_scores_are_not_taken_for_probabilities():
    logits = "X: input[n, d]\ny: label[n] over k\nW: parameter[d, k]\nz[n,k] = sum[d](X[n,d]*W[d,k])\n" + (
        "L = mean[n](logsumexp[k](z[n,k]) - z[n,y[n]])\noutputs: L, z"
    )
    with pytest.raises(SymgradError, match=r"calibration_error is of probabilities; z sums to .* make the softmax"):
        run(logits, validation=0.2, metrics="calibration_error")
    binary = LINE.replace("L = mean[n]((p[n] - y[n])**2)", "L = mean[n](softplus(p[n]) - y[n]*p[n])")
    with pytest.raises(SymgradError, match="accuracy of two classes is of probabilities; p lies between"):
        run(binary, (3 * X, Y % 2), validation=0.2, metrics="accuracy", epochs=5)


def test_metrics_are_in_the_history_and_its_tables():
    fit = run(validation=0.3, metrics=("f1", "calibration_error"))
    assert set(fit.history[-1].metrics) == {"f1", "calibration_error"}
    head = fit.table().splitlines()[0].split()
    names = ["epoch", "loss", "validation_loss", "validation_accuracy", "validation_f1", "validation_calibration_error"]
    assert head == names
    frame = fit.to_pandas()
    assert list(frame.columns) == [*names[1:], "seconds"] and frame.index.tolist() == [1, 2, 3]
    line = run(LINE, (X, X @ [1, 2, 3, 4]), validation=0.3, metrics="r2", epochs=1)
    assert "r2" in line.history[0].metrics


def test_patience_stops_and_the_best_epoch_is_returned():
    """A rate of 1.5 on a parabola diverges: the first epoch is the best, its parameters are returned."""
    data = (np.eye(4), np.ones(4))
    fit = run(LINE, data, optimizer=sgd(8.0), batch_size=None, epochs=9, patience=2, monitor="loss", dtype="float64")
    assert fit.best_epoch == 1 and len(fit.history) == 3 and fit.stopped == "no better loss for 2 epochs"
    first = run(LINE, data, optimizer=sgd(8.0), batch_size=None, epochs=1, dtype="float64")
    assert np.array_equal(fit.parameters["w"], first.parameters["w"])
    with pytest.raises(SymgradError, match="the history has no validation_f2; it has loss"):
        run(validation=0.3, metrics="f1", monitor="validation_f2")


def test_a_larger_metric_is_better():
    fit = run(validation=0.3, metrics="f1", monitor="validation_f1", epochs=8)
    figures = [e.metrics["f1"] for e in fit.history]
    assert fit.best_epoch == int(np.argmax(figures)) + 1


def test_accumulation_is_one_large_batch():
    """4 batches of 8 (and the rest of 60 = 32 + 28) against batches of 32; only the order of sums differs."""
    options = {"dtype": "float64", "optimizer": adam(0.02).clip_norm(0.5)}
    parts, large = run(batch_size=8, accumulate=4, **options), run(batch_size=32, **options)
    for name in parts.parameters:
        np.testing.assert_allclose(parts.parameters[name], large.parameters[name], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose([e.loss for e in parts.history], [e.loss for e in large.history], rtol=1e-10)


def test_kernels_accumulate_like_the_interpreter():
    options = {"dtype": "float64", "batch_size": 16, "accumulate": 2, "epochs": 2}
    data = (X, X @ [1, 2, 3, 4])
    a, b = run(LINE, data, engine="kernel", **options), run(LINE, data, **options)
    for name in a.parameters:
        np.testing.assert_allclose(a.parameters[name], b.parameters[name], rtol=1e-9, atol=1e-12)


def test_sample_weights_count_an_example_twice():
    twice = np.r_[np.arange(60), np.arange(20)]
    weight = np.r_[np.full(20, 2.0), np.ones(40)] * 60 / 80
    options = {"dtype": "float64", "optimizer": sgd(0.1), "batch_size": None}
    weighed, copied = run(sample_weight=weight, **options), run(data=(X[twice], Y[twice]), **options)
    for name in weighed.parameters:
        np.testing.assert_allclose(weighed.parameters[name], copied.parameters[name], rtol=1e-9, atol=1e-12)


def test_balanced_class_weights_are_scikit_learns():
    """The optimum of weighted logistic regression; the penalty is not weighed."""
    y = (RNG.random(60) < 0.2).astype(int)
    text = "X: input[n, d]\ny: label[n] over 2\nW: parameter[d, 2]\nz[n,k] = sum[d](X[n,d]*W[d,k])\n" + (
        "p[n,k] = softmax[k](z[n,k])\nL = mean[n](-log(p[n,y[n]])) + 0.05*sum[d,k](W[d,k]**2)\noutputs: L, p"
    )
    fit = run(text, (X, y), class_weight="balanced", optimizer=sgd(0.8), batch_size=None, epochs=400, dtype="float64")
    # W = (-w/2, w/2) is the least penalty for the difference w: 0.05*2*(w/2)^2 = w^2/(2*60*C) with C = 1/3
    model = LogisticRegression(C=1 / 3, fit_intercept=False, class_weight="balanced", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(np.diff(fit.parameters["W"])[:, 0], model.coef_[0], atol=1e-6)


def test_a_loss_that_breaks_names_the_equation_the_step_and_the_batch():
    text = "x: input[n]\nw: parameter\nu[n] = x[n] - w\nv[n] = log(u[n])\nL = mean[n](v[n]**2)"
    with pytest.raises(DataError) as caught:
        run(text, (np.array([3.0, 2.0, 1.0, 0.5]),), batch_size=2, start={"w": 0.75}, optimizer=sgd(0.0))
    message = str(caught.value)
    assert "the loss is nan in epoch 1, batch" in message and "step" in message
    assert "v[n] = log(u[n])" in message and "v[" in message


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"metrics": "f2"}, SymgradError, "'f2' is no metric; they are accuracy, precision, recall, f1"),
        ({"metrics": "f1"}, SymgradError, "metrics are of validation data"),
        ({"metrics": "r2", "validation": 0.2}, SymgradError, "r2 is of values; p scores classes"),
        ({"class_weight": {0: 1.0}}, DataError, "class_weight has no weight for the class 1"),
        ({"class_weight": "even"}, SymgradError, 'class_weight is "balanced" or a mapping'),
        ({"sample_weight": [1.0]}, ShapeError, r"sample_weight has shape \(1,\); there are 60 examples"),
        ({"patience": 0}, SymgradError, "patience must be a whole number of at least 1"),
        ({"accumulate": 0}, SymgradError, "accumulate must be a whole number of at least 1"),
    ],
)
def test_errors_say_what_to_pass(options, error, message):
    with pytest.raises(error, match=message):
        run(**options)
