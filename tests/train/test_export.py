"""A fit as a folder: it predicts the same bits in a process that has no symgrad, SymPy or SciPy; drift; safetensors."""

import json
import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import SymgradError, UnknownNameError
from symgrad.kernels.needed import needed
from symgrad.library.models import mlp
from symgrad.train.deployed import command, frames, tensors
from symgrad.train.export import described

RNG = np.random.default_rng(3)
Y = RNG.integers(0, 3, 60)
X = RNG.standard_normal((60, 4)) + 2 * np.eye(3, 4)[Y]
BLOCK = "import sys\nfor name in ('symgrad', 'sympy', 'scipy', 'pandas'):\n    sys.modules[name] = None\n"


def run(program, data, **options):
    return sg.fit(program, data, **({"epochs": 2, "engine": "interpret", "validation": 0.2} | options))


@pytest.fixture(scope="module")
def blobs():
    return run(mlp(4, 5, 3), (X, Y))


@pytest.fixture(scope="module")
def folder(blobs, tmp_path_factory):
    path = blobs.export(tmp_path_factory.mktemp("export") / "model", columns="abcd", classes=["no", "so", "yes"])
    np.savetxt(path.parent / "data.csv", X[:9], delimiter=",", header="a,b,c,d", comments="", fmt="%.17g")
    return path


def alone(folder, code: str) -> subprocess.CompletedProcess:
    """Run code beside the folder, in a process in which only NumPy and Numba can be imported."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK + code], cwd=folder.parent, capture_output=True, text=True, check=False
    )


def test_the_folder_predicts_without_symgrad(folder, blobs):
    """One process for all: predictions, errors, the command line. The kernel sums in another order than NumPy."""
    code = """
import io, json, runpy, numpy as np, model
data = np.loadtxt("data.csv", delimiter=",", skiprows=1)
print(json.dumps(model.predict(X=data).tolist()))
for bad in (data[:, :3], data + 0j, "abc"):
    try:
        model.predict(X=bad)
    except ValueError as error:
        print(error)
sys.argv = ["model", "predict", "data.csv", "--out", "out.csv"]
try:
    runpy.run_module("model", run_name="__main__")
except SystemExit as end:
    print(end.code)
print(sorted(m for m in sys.modules if m.split(".")[0] in ("symgrad", "sympy", "scipy") and sys.modules[m]))
"""
    done = alone(folder, code)
    assert done.returncode == 0, done.stderr
    first, *errors, status, foreign = done.stdout.splitlines()
    np.testing.assert_allclose(json.loads(first), blobs.predict(X=X[:9]), rtol=1e-5, atol=1e-7)  # float32
    assert errors[0] == "X must have shape (9, 4); the array has (9, 3)."
    assert errors[1:] == [f"X must hold float32; the array holds {kind}." for kind in ("complex128", "<U3")]
    assert status == "0" and foreign == "[]"
    table = (folder.parent / "out.csv").read_text().splitlines()
    assert table[0] == "p[0],p[1],p[2],class" and len(table) == 10
    assert table[1].split(",")[-1] == ["no", "so", "yes"][blobs.predict(X=X[:1]).argmax()]


def test_the_folder_is_made_to_be_read(folder, blobs):
    head = (folder / "__init__.py").read_text()
    assert "z1[n,h1] = sum[d](X[n,d]*W1[d,h1]) + b1[h1]" in head and "def predict(X) -> np.ndarray" in head
    kernel = (folder / "kernel.py").read_text()
    assert "except ImportError:" in kernel and "symgrad." in kernel.splitlines()[0]  # SciPy's BLAS only where it is
    card = (folder / "README.md").read_text()
    assert "p[n,k] = softmax[k](z2[n,k])" in card and f"| loss | {blobs.history[-1].loss:.6g} |" in card
    assert "| d | 48 |" in card and "numba" in card
    found = tensors.read(folder / "parameters.safetensors")
    assert all(np.array_equal(found[n], a) and found[n].dtype == a.dtype for n, a in blobs.parameters.items())


def test_safetensors_reads_the_parameters(folder, blobs):
    library = pytest.importorskip("safetensors.numpy")
    for name, array in library.load_file(folder / "parameters.safetensors").items():
        assert np.array_equal(array, blobs.parameters[name])


def test_a_broken_parameter_file_is_no_traceback_of_struct(folder, tmp_path):
    data = (folder / "parameters.safetensors").read_bytes()
    for part in (data[:5], data[:40], data[:-3]):
        (tmp_path / "cut").write_bytes(part)
        with pytest.raises(ValueError, match="is not a safetensors file"):
            tensors.read(tmp_path / "cut")


def about(**more):
    return {"name": "m", "inputs": {"X": 2}, "integers": [], "features": "X", "prediction": "p", "classes": None,
            "columns": [{"name": "a"}, {"name": "b"}], "summary": {}} | more  # fmt: skip


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty: its first line must name the columns"),
        ("a,b\n1,2\n3\n", "row 3 has 1 entries; the header has 2"),
        ("a\n1\n", "there is no column b; the file has a"),
        ("a,b\n1,\n2,nan\n", r"column b has 2 missing value\(s\), in row\(s\) 2, 3"),
        ("a,b\n1,two\n", "column b holds text where a number was expected"),
    ],
)
def test_bad_files_are_explained(tmp_path, capsys, text, message):
    (tmp_path / "data.csv").write_text(text)
    assert command.main(about(), lambda X: X, ["predict", str(tmp_path / "data.csv")]) == 2
    assert pytest.importorskip("re").search(message, capsys.readouterr().err)


def test_a_preparation_travels_as_plain_data():
    frame = {"size": RNG.uniform(1, 9, 40), "color": np.where(RNG.random(40) < 0.5, "red", "blue")}
    for scale in ("standard", "minmax", None):
        features, preparation = sg.tables.prepare(frame, ["size", "color"], scale)
        listed = described(preparation)
        assert json.loads(json.dumps(listed)) == listed
        table = {n: np.array([str(v) for v in a], dtype=object) for n, a in frame.items()}
        np.testing.assert_allclose(frames.features(table, listed), features, rtol=1e-12, atol=1e-15)
    with pytest.raises(ValueError, match="column color holds 'green', which the training data did not: blue, red"):
        frames.features({"size": np.array(["1"]), "color": np.array(["green"])}, listed)


def test_what_cannot_be_exported_is_explained(blobs, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(SymgradError, match="exists and holds other files: nothing was written"):
        blobs.export(tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    with pytest.raises(SymgradError, match="the folder's name is the module's: 'my-model' is none"):
        blobs.export(tmp_path / "my-model")
    with pytest.raises(SymgradError, match="columns make 3 features; X has 4"):
        blobs.export(tmp_path / "model", columns="abc")
    with pytest.raises(UnknownNameError, match="an exported model predicts"):
        run("w: parameter\nL = (w - 1)**2", {}, validation=None).export(tmp_path / "model")


def test_an_embedding_checks_its_indices(tmp_path):
    text = "t: label[n] over 5\ny: input[n]\nE: parameter[5]\np[n] = E[t[n]]\nL = mean[n]((p[n] - y[n])**2)\n" + (
        "outputs: L, p"
    )
    fit = run(text, (np.arange(20) % 5, np.arange(20.0)), epochs=1)
    folder = fit.export(tmp_path / "table")
    done = alone(folder, "import numpy as np, table\nprint(table.predict(t=np.array([4, 0])).tolist())\n"
                 "table.predict(t=np.array([5]))")  # fmt: skip
    np.testing.assert_allclose(json.loads(done.stdout), fit.parameters["E"][[4, 0]], rtol=1e-6)
    assert "ValueError: t must hold 0 to 4; it holds 5 to 5." in done.stderr


def test_drift_is_small_on_the_training_data_and_large_on_shifted_data(blobs):
    same = {row["column"]: row for row in blobs.drift({"X": X})}
    assert same["X[0]"]["verdict"] == "small" and same["X[0]"]["outside"] < 0.1  # a fifth was held out
    moved = X + np.array([0, 0, 5.0, 0])
    worst = blobs.drift({"X": moved})[0]
    assert worst["column"] == "X[2]" and worst["verdict"] == "large" and worst["outside"] > 0.5
    np.testing.assert_allclose(worst["shift"], 5 / X[:, 2].std(), rtol=0.2)
    with pytest.raises(SymgradError, match="the training data had no column Z"):
        blobs.drift({"Z": X})


def test_the_stability_index_by_hand():
    """All ten classes hold 10 %; then one holds 20 % and one none: 0.1 log 2 and (0.1 - 1e-4) log(0.1/1e-4)."""
    values = np.arange(100.0)
    then = frames.summary({"x": values})
    now = np.concatenate([values[10:], values[50:60]])
    (row,) = frames.drift(then, {"x": now})
    np.testing.assert_allclose(row["stability"], 0.1 * np.log(2) + (0.1 - 1e-4) * np.log(0.1 / 1e-4), rtol=1e-6)


def test_only_what_is_used_is_kept():
    text = "import a\nimport b\nfor n in (1, 2):\n    b.add(n)\ndef f(x):\n    return x\ndef g(x):\n    return a.h(x)\n"
    assert needed(text, ["g"]).split() == ["import", "a", "def", "g(x):", "return", "a.h(x)"]
    assert "b.add(n)" in needed(text, ["f"]) and "import b" in needed(text, ["f"])
