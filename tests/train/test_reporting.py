"""What a run shows: the bar, the plain lines, the curve; what is said where an extra is missing; BLAS threads."""

import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import symgrad as sg
from symgrad.errors import SymgradError
from symgrad.ir.access import Size
from symgrad.library.models import mlp
from symgrad.train import Epoch
from symgrad.train.curve import save_curve
from symgrad.train.digits import load_split
from symgrad.train.model import raw_system
from symgrad.train.progress import describe, shown
from symgrad.train.threads import blas_threads

HISTORY = [Epoch(number, 1 / number, 2 / number, 0.9, 0.1) for number in range(1, 31)]
PRODUCT = "X: input[n, d]\nW: parameter[d, k]\nL = sum[n,k](sum[d](X[n,d]*W[d,k])**2)"


def test_plain_lines_are_about_ten(capsys):
    with shown(30, True) as show:
        for epoch in HISTORY:
            show(epoch, None)
    lines = capsys.readouterr().err.splitlines()
    assert 8 <= len(lines) <= 12
    assert lines[0].startswith("epoch  1/30  loss 1.0000  validation loss 2.0000  accuracy 90.0 %")
    assert lines[-1].startswith("epoch 30/30")


def test_nothing_is_shown_unless_wanted(capsys):
    with shown(30, False) as show:
        show(HISTORY[0], None)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with shown(30, True) as show:
        for epoch in HISTORY:
            show(epoch, None)
    assert "30/30" in capsys.readouterr().err


def test_a_line_leaves_out_what_is_not_known():
    assert describe(Epoch(1, 0.5, None, None, 0.0)) == "loss 0.5000"


def test_the_curve_is_a_png(tmp_path):
    path = save_curve([HISTORY, HISTORY[:3]], tmp_path / "new" / "curve.png", "digits")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_missing_extras_are_named(monkeypatch, tmp_path):
    for name in ("matplotlib.figure", "matplotlib.backends.backend_agg", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SymgradError, match=r'The curve needs matplotlib: pip install "symgrad\[train\]"'):
        save_curve([HISTORY], tmp_path / "curve.png")
    with pytest.raises(SymgradError, match=r'come with scikit-learn: pip install "symgrad\[train\]"'):
        load_split(0)


def numbers() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_small_steps_get_one_blas_thread_and_large_ones_all():
    system = raw_system(PRODUCT)
    sizes = {Size("N"): 10, Size("D"): 10, Size("K"): 10}
    usual = numbers()
    with blas_threads(system, sizes):
        assert set(numbers()) == {1}
    with blas_threads(system, dict.fromkeys(sizes, 1000)):
        assert numbers() == usual
    assert numbers() == usual  # given back


def test_a_fit_is_shown_in_a_line_and_in_a_notebook():
    """Short whatever the sizes; words of the user are escaped."""
    X = np.random.default_rng(0).standard_normal((40, 30))
    fit = sg.fit(mlp(30, 8, 3), (X, np.arange(40) % 3), epochs=45, engine="interpret", validation=0.2, metrics="f1")
    assert str(fit) == repr(fit) and len(repr(fit)) < 300
    assert "275 numbers in W1, b1, W2, b2; epoch 45 of 45: loss" in repr(fit)
    html = fit._repr_html_()
    assert "<td>30 × 8</td>" in html and html.count("<tr>") == 2 + 4 + 16  # epochs 1, 3, 6, ..., 45
    found = sg.curve_fit("a*x + b", {"x": X[:, 0]}, 2 * X[:, 0] + 1, {"a": 1, "b": 1})
    assert repr(found).startswith("CurveFit(a = 2 ± ") and "<pre>" in found._repr_html_()
    assert "success: True" in sg.minimize("(x - 1)**2", {"x": 0.0})._repr_html_()


def test_a_notebook_displays_them():
    formatter = pytest.importorskip("IPython.core.formatters").DisplayFormatter()
    fit = sg.fit("x: input[n]\na: parameter\nL = mean[n]((a*x[n] - 1)**2)", (np.ones(3),), epochs=2, engine="interpret")
    data, _ = formatter.format(fit)
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].startswith("Fit(L minimised over 1 number in a")
