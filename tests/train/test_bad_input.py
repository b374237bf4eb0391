"""Whatever is passed that cannot be right: one error of symgrad that names it, never a traceback of another library."""

import numpy as np
import pandas
import pytest
import sympy

import symgrad as sg
from symgrad.errors import DataError, DTypeError, ShapeError, SymgradError, UnknownNameError

LINE = "X: input[n, d]\ny: input[n]\nw: parameter[d]\nb: parameter\np[n] = sum[d](X[n,d]*w[d]) + b\n" + (
    "L = mean[n]((p[n] - y[n])**2)\noutputs: L, p"
)
CLASSES = "X: input[n, d]\ny: label[n] over k\nW: parameter[d, k]\nz[n,k] = sum[d](X[n,d]*W[d,k])\n" + (
    "L = mean[n](logsumexp[k](z[n,k]) - z[n,y[n]])\noutputs: L, z"
)
X = np.random.default_rng(0).standard_normal((20, 3))
Y = X @ [1.0, 2.0, 3.0]
C = (Y > 0).astype(int)
TIMES = np.linspace(0, 1, 12)
DECAY = 2 * np.exp(-TIMES)


def hole(array, *cell):
    array = np.array(array, dtype=float)
    array[cell] = np.nan
    return array


def fit(data=(X, Y), text=LINE, **options):
    return lambda: sg.fit(text, data, **{"epochs": 1, "engine": "interpret", **options})


def minimum(text="(x - 1)**2 + y**2", start=(("x", 0.0), ("y", 0.0)), **options):
    return lambda: sg.minimize(text, dict(start), engine="interpret", **options)


def curve(text="a*exp(-k*x)", data=None, y=DECAY, start=(("a", 1.0), ("k", 1.0)), **options):
    return lambda: sg.curve_fit(text, {"x": TIMES} if data is None else data, y, dict(start), **options)


FRAME = pandas.DataFrame(hole(X, 3, 1), columns=list("abc"))
CASES = {
    "no program": (fit(text=None), SymgradError, "a model is text, or sg.program"),
    "a number as data": (fit(3), UnknownNameError, r"the data must be 2 arrays \(X, y\); it is 3"),
    "no data": (fit(None), UnknownNameError, "it is NoneType"),
    "a table of other columns": (fit(FRAME), UnknownNameError, "a table with the columns a, b, c"),
    "a table with a gap": (fit((FRAME, Y)), DataError, r"column b has 1 missing value\(s\), in row\(s\) 3"),
    "a column with a gap": (fit((X, pandas.Series(hole(Y, 2)))), DataError, r"y has 1 missing value\(s\), in row"),
    "words as labels": (fit((X, ["a", "b"] * 10), CLASSES), DTypeError, r"np.unique\(y, return_inverse=True\)"),
    "a key as label": (fit((X, C + 2**40), CLASSES), ShapeError, "number the classes from 0, without gaps"),
    "no validation rows": (fit(validation=(X[:0], Y[:0])), DataError, "the validation data hold no example"),
    "a start that is not finite": (fit(start={"w": [1, np.nan, 1]}), DataError, "the start of w is not finite"),
    "a start without names": (fit(start=[1, 2]), SymgradError, "start is a mapping from names to values"),
    "metrics of nothing": (fit(metrics=3), SymgradError, "3 is no metric"),
    "integers as dtype": (fit(dtype=int), SymgradError, 'dtype is "float32" or "float64"'),
    "a vector as loss": (fit(loss="p"), ShapeError, r"p is no scalar, and a loss is one.\n.*p\[n\] = sum"),
    "a parameter as loss": (fit(loss="b"), UnknownNameError, r"b is declared \(parameter\), not computed"),
    "evaluation by position": (fit(evaluation=[1]), SymgradError, "evaluation is a mapping"),
    "a callback of one argument": (fit(callbacks=lambda e: 0), SymgradError, "called with the epoch and the fit"),
    "a checkpoint that is a number": (fit(checkpoint=3), SymgradError, "is a path"),
    "a checkpoint that is a folder": (fit(checkpoint="/"), SymgradError, "/ is a folder"),
    "event files into a number": (fit(tensorboard=3), SymgradError, "tensorboard is a path"),
    "another metric watched": (fit(validation=0.2, monitor="f1"), SymgradError, "the history has no f1; it has loss"),
    "a negative weight": (fit((X, C), CLASSES, class_weight={0: 1, 1: -2}), DataError, "class_weight holds -2.0"),
    "a word as weight": (fit((X, C), CLASSES, class_weight={0: 1, 1: "a"}), DataError, "class_weight holds one number"),
    "no weight at all": (fit(sample_weight=np.zeros(20)), DataError, "there is nothing to train on"),
    "a function without batches": (fit(lambda: None), SymgradError, "returned NoneType. Write it with yield"),
    "a function with arguments": (fit(lambda a: iter(())), SymgradError, "is called without arguments"),
    "log of a negative start": (minimum("log(x)", [("x", -1.0)]), DataError, r"f is nan.\n    f = log\(x\)"),
    "a relation minimised": (minimum("x < 1", [("x", 0.0)]), SymgradError, "a relation has no value"),
    "a sum of SymPy": (minimum(sympy.Sum(sympy.Symbol("x"), (sympy.Symbol("k"), 1, 3)), [("x", 0.0)]), SymgradError,
                       r"this holds a Sum.\n.*\n.*expr.doit\(\)"),
    "a derivative of SymPy": (minimum(sympy.Derivative(sympy.Symbol("x") ** 2, sympy.Symbol("x")), [("x", 0.0)]),
                              SymgradError, "this holds a Derivative"),
    "a constant": (minimum("3", [("x", 0.0)]), UnknownNameError, "nothing here depends on one"),
    "no start": (minimum(start=()), UnknownNameError, "start names the parameters, and it is empty"),
    "a hole in the data": (minimum(LINE, {}, data=(hole(X, 3, 1), Y)), DataError, r"X\[3, 1\] is nan"),
    "data without rows": (minimum(LINE, {}, data=(X[:0], Y[:0])), DataError, r"X has shape \(0, 3\)"),
    "a tolerance in words": (minimum(tolerance="a"), SymgradError, "tolerance must be a number"),
    "half a step": (minimum(limit=2.5), SymgradError, "limit must be a whole number"),
    "swapped bounds": (minimum(bounds={"x": (1, 0)}), DataError, "the bounds of x are 1 and 0: the lower one comes"),
    "bounds in words": (minimum(bounds={"x": ("a", 1)}), SymgradError, "the bounds of x are numbers, or None"),
    "bounds of another shape": (minimum(LINE, {}, data=(X, Y), bounds={"w": ([0, 0], None)}), ShapeError, r"\(2,\)"),
    "limits of another shape": (minimum(LINE, {}, data=(X, Y), constraints={"p": (np.zeros(3), None)}), ShapeError,
                                r"the limits of p have shape \(3,\); p has \(20,\)"),
    "the loss as network": (minimum(LINE, {}, data=(X, Y), method="gauss-newton", output="L"), UnknownNameError,
                            "output is the network's, one of p; not 'L'"),
    "no observation": (curve(data={"x": TIMES[:0]}, y=DECAY[:0]), DataError, r"x has shape \(0,\)"),
    "no predictor": (curve("a*exp(-k)", data={}), DataError, "pass data="),
    "infinite at the start": (curve("a/x + k"), DataError, r"f is not finite at the start: f\[0\] is inf.\n.*a/x"),
    "a start outside of its bounds": (curve(bounds={"a": (3, 4)}), SymgradError, "a starts at 1, outside .* 3 to 4"),
    "bounds without room": (curve(bounds={"a": (1, 1)}), SymgradError, "leave it no room"),
    "an output of a formula": (curve(prediction="q"), SymgradError, "a formula has one value"),
    "a hole in a table": (curve(data=pandas.DataFrame({"x": hole(TIMES, 4)})), DataError, "column x has 1 missing"),
    "an option that fit has not": (lambda: sg.sklearn.Regressor(LINE, options={"q": 1}).fit(X, Y), SymgradError,
                                   "sg.fit has no argument q"),
    "an option that is an argument": (lambda: sg.sklearn.Regressor(LINE, options={"seed": 1}).fit(X, Y), SymgradError,
                                      "write Regressor\\(..., random_state=...\\)"),
    "no column": (lambda: sg.tables.prepare({"q": [1.0]}, []), SymgradError, "name the columns"),
    "an array as table": (lambda: sg.tables.prepare(X, ["a"]), SymgradError, "not ndarray"),
    "an infinite column": (lambda: sg.tables.prepare({"q": [1, np.inf]}, ["q"]), DataError, "q holds inf in row 1"),
    "columns of two lengths": (lambda: sg.tables.prepare({"q": [1.0, 2.0], "r": [1.0]}, ["q", "r"]), DataError,
                               "q has 2, r has 1"),
    "a word among numbers": (lambda: sg.tables.prepare({"q": [1.0]}, ["q"])[1].apply({"q": ["a"]}), DataError,
                             "column q holds 'a', and the training table held numbers"),
    "a class of one example": (lambda: sg.tables.split({"X": X, "y": np.eye(20)[0]}, stratify="y"), DataError,
                               "20 examples cannot be cut like this"),
    "more folds than a class has": (lambda: next(sg.tables.folds({"y": np.eye(20)[0]}, stratify="y")), DataError,
                                    r"a class of y has 1 example\(s\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_error_that_names_it(name):
    call, kind, text = CASES[name]
    with pytest.raises(kind, match=text):
        call()


def test_a_fit_says_what_it_cannot_write_or_compare(tmp_path):
    (tmp_path / "model").write_text("a file")
    done = fit()()
    for call, text in [
        (lambda: done.export(tmp_path / "model"), "is a file, and an export is a folder"),
        (lambda: done.plot(tmp_path / "curve.xyz"), "the suffix of a picture is its format"),
        (lambda: done.plot(tmp_path / "model" / "curve.png"), "could not be written"),
        (lambda: done.drift((X,)), "data is a mapping"),
        (lambda: done.drift({"X": X[:, :2]}), r"X has shape \(20, 2\); the training data had X \(20, 3\)"),
        (lambda: done.drift({"X": X.astype(str)}), "X must hold real numbers"),
        (lambda: sg.Fit.load(tmp_path / "none", LINE), "none.npz cannot be read: No such file"),
    ]:
        with pytest.raises(SymgradError, match=text):
            call()


def test_a_table_is_data_by_the_names_of_its_columns():
    """The same numbers as the dict, other columns left out."""
    text = "x: input[n]\ny: input[n]\na: parameter\nL = mean[n]((a*x[n] - y[n])**2)"
    table = pandas.DataFrame({"y": DECAY, "other": ["word"] * 12, "x": TIMES})
    fits = [fit(data, text)() for data in (table, {"x": TIMES, "y": DECAY})]
    assert fits[0].parameters == fits[1].parameters
    found = sg.curve_fit("a*exp(-k*x)", table, table["y"], {"a": 1, "k": 1})
    assert found.success and found.parameters == pytest.approx({"a": 2.0, "k": 1.0})
    assert sg.minimize(text, data=table).success


@pytest.mark.parametrize("method", ["newton", "trust-newton", "bfgs", "l-bfgs", "gradient-descent"])
@pytest.mark.parametrize(
    "text", ["1e-300*(x - 1)**2 + 1e300*(y - 2)**2", "sqrt(x) + y**2", "x**3 + y**2", "exp(-300*x**2) + (y - 1)**2"]
)
def test_no_scale_breaks_a_solver(text, method):
    """Overflow, a vanishing slope and subnormal numbers end in a result, and success is said of stationary points only.

    A cube has one at 0, which is no minimum: the message does not call it one.
    """
    found = sg.minimize(text, {"x": 1.5, "y": 0.5}, method=method, engine="interpret", limit=300)
    assert not found.success or np.abs(found.jac).max() <= 1e-6 * max(1, abs(found.fun))
    assert "x**3" not in text or "least value nearby" not in found.message
