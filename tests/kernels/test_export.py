"""`kernel.export(path)`: a module that runs where there is neither symgrad nor SymPy nor SciPy."""

import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import SymgradError

TEXT = """
X: input[n, d]
y: label[n] over k
W: parameter[d, k]
b: parameter[k]
z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
p[n,k] = softmax[k](z[n,k])
L = mean[n](-log(p[n,y[n]]))
"""
CODE = """
import sys
sys.path.insert(0, sys.argv[1])
for name in ("symgrad", "sympy", *(["scipy", "scipy.linalg"] if sys.argv[2] == "without" else [])):
    sys.modules[name] = None  # importing it fails
import numpy as np
import exported_kernel
given = dict(np.load(sys.argv[1] + "/given.npz"))
np.savez(sys.argv[1] + "/found.npz", **exported_kernel.evaluate(**given))
for change in ({"W": given["W"][1:]}, {"y": given["y"] + 5}, {"y": given["y"] * 1.5}):
    try:
        exported_kernel.evaluate(**given | change)
    except (ValueError, IndexError, TypeError) as error:
        print(error)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    rng = np.random.default_rng(0)
    given = {"X": rng.normal(size=(40, 4)), "y": rng.integers(0, 3, 40), "W": rng.normal(size=(4, 3)), "b": np.ones(3)}
    np.savez(folder / "given.npz", **given)
    program = sg.program(TEXT).gradient("L")
    program.compile(parallel=False).export(folder / "exported_kernel.py")
    return folder, program.evaluate(**given)


@pytest.mark.parametrize("scipy", ["with", "without"])
def test_it_runs_without_symgrad(files, scipy):
    folder, expected = files
    command = [sys.executable, "-I", "-c", CODE, str(folder), scipy]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.load(folder / "found.npz")
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, err_msg=name)  # sums in other orders
    shape, labels, dtype = done.stdout.splitlines()
    assert "must have shape" in shape
    assert labels == "y must hold 0 to 2; it holds 5 to 7."
    assert dtype == "y must hold int64; the array holds float64."


def test_what_a_file_could_not_check_is_refused(tmp_path):
    text = "x: input[n]\nt: label[m] over m\ny[i] = x[t[i] + 1]"
    with pytest.raises(SymgradError, match="cannot check"):
        sg.program(text).compile().export(tmp_path / "file.py")
    assert not (tmp_path / "file.py").exists()
