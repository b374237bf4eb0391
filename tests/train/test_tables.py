"""Tables, splits, the guarded test set, and files larger than what may be held."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pandas
import polars
import pytest

import symgrad as sg
from symgrad.errors import DataError, UnknownNameError
from symgrad.library.optimizers import adam
from symgrad.train import mapped
from symgrad.train.tables import TestSetWarning

ROWS = {
    "size": [1.0, 2.0, 3.0, 4.0],
    "rooms": [1, 1, 2, 2],
    "town": ["A", "B", "A", "B"],
    "price": [1.0, 2.5, 3.0, 4.5],
}
LINE = "X: input[n, d]\ny: input[n]\nw: parameter[d]\np[n] = sum[d](X[n,d]*w[d])\n" + (
    "L = mean[n]((p[n] - y[n])**2)\noutputs: L, p"
)


@pytest.mark.parametrize(
    "frame", [pandas.DataFrame(ROWS), polars.DataFrame(ROWS), ROWS], ids=["pandas", "polars", "dict"]
)
def test_columns_become_features_by_what_was_learnt(frame):
    X, preparation = sg.tables.prepare(frame, ["size", "rooms", "town"])
    assert preparation.names == ["size", "rooms", "town=A", "town=B"]
    np.testing.assert_allclose(X[:, :2].mean(0), 0, atol=1e-15)
    np.testing.assert_allclose(X[:, :2].std(0), 1)
    np.testing.assert_array_equal(X[:, 2:], [[1, 0], [0, 1], [1, 0], [0, 1]])
    new = preparation.apply({"size": [2.5], "rooms": [1.5], "town": ["B"]})
    np.testing.assert_allclose(new, [[0, 0, 0, 1]], atol=1e-15)


def test_min_max_and_no_scaling():
    X, _ = sg.tables.prepare(ROWS, ["size"], scale="minmax")
    np.testing.assert_allclose(X[:, 0], [0, 1 / 3, 2 / 3, 1])
    X, _ = sg.tables.prepare(ROWS, ["size"], scale=None)
    np.testing.assert_allclose(X[:, 0], ROWS["size"])


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "y", None]}),
        polars.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "y", None]}),
    ],
    ids=["pandas", "polars"],
)
def test_missing_values_are_named_with_column_and_row(frame):
    with pytest.raises(DataError, match=r"column a has 1 missing value\(s\), in row\(s\) 1: fill them"):
        sg.tables.prepare(frame, ["a"])
    with pytest.raises(DataError, match=r"column b has 1 missing value\(s\), in row\(s\) 2"):
        sg.tables.prepare(frame, ["b"])


def test_errors_of_tables():
    with pytest.raises(UnknownNameError, match=r"the table has no column sise; .* Did you mean size"):
        sg.tables.prepare(ROWS, ["sise"])
    _, preparation = sg.tables.prepare(ROWS, ["town"])
    with pytest.raises(DataError, match="column town holds 'C', which the training table did not: A, B"):
        preparation.apply({"town": ["C"]})
    with pytest.raises(DataError, match="the arrays differ in length: X has 4, y has 3"):
        sg.tables.split({"X": np.zeros(4), "y": np.zeros(3)})


def test_a_split_keeps_shares_and_loses_nothing():
    y = np.repeat([0, 1], [80, 20])
    cut = sg.tables.split({"X": np.arange(100), "y": y}, test=0.2, validation=0.2, stratify="y")
    parts = [cut.train, cut.validation, cut.test.arrays]
    assert [len(p["X"]) for p in parts] == [60, 20, 20]
    assert [int(p["y"].sum()) for p in parts] == [12, 4, 4]
    np.testing.assert_array_equal(np.sort(np.concatenate([p["X"] for p in parts])), np.arange(100))


@pytest.mark.parametrize("stratify", [None, "y"])
def test_folds_hold_each_example_out_once(stratify):
    data = {"X": np.arange(20), "y": np.repeat([0, 1], 10)}
    held = []
    for train, out in sg.tables.folds(data, 5, stratify):
        assert not set(train["X"]) & set(out["X"]) and len(train["X"]) == 16
        assert stratify is None or out["y"].sum() == 2
        held += list(out["X"])
    assert sorted(held) == list(range(20))


def test_a_second_look_at_the_test_set_warns():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 2))
    cut = sg.tables.split({"X": X, "y": X @ [1.0, 2.0]})
    fit = sg.fit(LINE, cut.train, validation=cut.validation, optimizer=adam(0.1), epochs=60, engine="interpret")
    first = cut.test.evaluate(fit, "r2")
    assert first["r2"] > 0.99
    with pytest.warns(TestSetWarning, match=r"evaluated for the 2. time"):
        assert cut.test.evaluate(fit, "r2") == first


def test_a_file_is_trained_on_without_being_read_into_memory(tmp_path):
    """64 MB in a sparse file; what is allocated stays below a fifth of it: the order of the rows (8 bytes each, three
    times over) and the batches. Pages that are only looked at belong to the file, not to the process."""
    rows = 1 << 18
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (rows, 64))
    X[: 1 << 10] = 1
    y = np.zeros(rows, np.float32)
    data = (np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    options = {"epochs": 1, "batch_size": 1 << 12, "validation": 1e-3}
    sg.fit(LINE, (X[:9000], y[:9000]), **options)  # compiles
    tracemalloc.start()
    done = sg.fit(LINE, data, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.isfinite(done.history[0].loss)
    assert peak < X.nbytes / 5
    with pytest.raises(DataError, match="X is a file of float32, and training is in float64"):
        sg.fit(LINE, data, dtype="float64")


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_rows_of_a_file_are_those_of_its_mapping(tmp_path, mode):
    """A slice, rows in any order, what was written through the mapping (with "c" the file never sees it)."""
    np.save(tmp_path / "X.npy", np.arange(60_000.0).reshape(20_000, 3))
    X = np.load(tmp_path / "X.npy", mmap_mode=mode)
    if mode != "r":
        X[11] = -1
    for array in (X, X[10:15_000], X[::2], X[:, 1:], X[10:].view(np.ndarray), X[10:].astype(float)):
        rows = np.random.default_rng(0).permutation(len(array))[:50]
        rows[0] = 1
        assert np.array_equal(mapped.take(array, rows), np.asarray(array)[rows])
    (tmp_path / "X.npy").rename(tmp_path / "elsewhere.npy")  # the mapping still holds it
    assert np.array_equal(mapped.take(X, np.array([3, 11])), np.asarray(X)[[3, 11]])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory as Linux tells it")
def test_the_pages_of_a_file_do_not_stay_in_the_process(tmp_path):
    """64 MiB that are in the page cache: through the mapping, rows in random order brought all of them in."""
    np.save(tmp_path / "X.npy", np.ones((1 << 18, 64), np.float32))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    out, order = np.empty((1 << 12, 64), np.float32), np.random.default_rng(0).permutation(len(X))
    before = resident()
    for start in range(0, len(X), len(out)):
        mapped.take(X, order[start : start + len(out)], out)
    assert resident() - before < X.nbytes / 8
    np.take(X, order, axis=0)
    assert resident() - before > X.nbytes / 2  # what the test can see


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
