"""Lagrange multipliers for tensors: conditions and solutions for any size, against NumPy's linear algebra and sums."""

import numpy as np
import pytest
import sympy

import symgrad as sg
from symgrad.analysis import lagrangian, stationarity
from symgrad.errors import CheckError
from symgrad.library.questions import ENTROPY, SCORES, SHORTEST, VARIANCE


@pytest.mark.row("A10")
@pytest.mark.parametrize("text,constraints,condition", [
    (VARIANCE, ["unit"], {"w": r"S w = \lambda w"}),
    (SHORTEST, ["rest"], {"x": r"x = A^{\top} \lambda"}),
    (VARIANCE.replace(", symmetric", ""), ["unit"], {"w": r"(S + S^{\top}) w = 2 \lambda w"}),
])  # fmt: skip
def test_conditions(text, constraints, condition):
    report = stationarity(text, constraints)
    assert report.value.conditions == condition and report.value.solutions == {} and report.replays()
    assert r"\begin{document}" in report.latex()


@pytest.mark.row("A10")
def test_maximum_entropy_for_any_number_of_values():
    report = stationarity(ENTROPY, ["total", "mean"])
    x = np.array([0.3, -1.2, 2.0, 0.9])
    found = sg.program(report.value.solutions["p"]).evaluate(x=x, lam_mean=0.7)["p"]
    np.testing.assert_allclose(found, np.exp(-0.7 * x) / np.exp(-0.7 * x).sum(), rtol=1e-14)  # rounding
    assert report.replays() and report.steps[-1].rule == "numeric check"


def test_rows_have_a_multiplier_each():
    solved = stationarity(SCORES, ["total"]).value.solutions["p"]
    scores = np.array([[0.5, -1.0, 2.0], [3.0, 0.0, 0.1]])
    found = sg.program(solved).evaluate(S=scores)["p"]
    np.testing.assert_allclose(found, np.exp(scores) / np.exp(scores).sum(1, keepdims=True), rtol=1e-14)


def test_errors_name_what_is_wrong():
    with pytest.raises(sg.SymgradError, match=r"unt is not a tensor of this model\. Did you mean unit"):
        stationarity(VARIANCE, ["unt"])
    with pytest.raises(sg.SymgradError, match="beside the constraints there are 2"):
        stationarity(VARIANCE + "\nh = w @ w", ["unit"])


def test_a_wrong_solution_is_caught(monkeypatch):
    """The negative control: the gradient of the Lagrangian is not 0 there."""
    right = lagrangian.solution
    monkeypatch.setattr("symgrad.analysis.multipliers.solution", lambda problem, name: right(problem, name) * sympy.E)
    with pytest.raises(CheckError, match="the derivative of the Lagrangian at the solution"):
        stationarity(ENTROPY, ["total", "mean"])
