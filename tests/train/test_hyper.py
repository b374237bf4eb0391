"""The gradient of a validation loss by a penalty's weight: against differences of whole trainings, and by hand."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import SymgradError, UnknownNameError

RIDGE = """
X: input[n, d]
y: input[n]
U: input[m, d]
v: input[m]
rho: input[d]
w: parameter[d]
L = mean[n](softplus(-y[n]*sum[d](X[n,d]*w[d]))) + sum[d](exp(rho[d])*w[d]**2)
V = mean[m](softplus(-v[m]*sum[d](U[m,d]*w[d])))
outputs: L, V
"""
RNG = np.random.default_rng(0)
X, U = RNG.standard_normal((30, 3)), RNG.standard_normal((20, 3))
DATA = {
    "X": X, "y": np.sign(X @ [1, -2, 0.5] + RNG.standard_normal(30)),
    "U": U, "v": np.sign(U @ [1, -2, 0.5] + RNG.standard_normal(20)), "rho": np.array([-3.0, -2.0, -4.0]),
}  # fmt: skip


def trained(rho):
    found = sg.minimize(RIDGE, data=DATA | {"rho": rho}, loss="L", method="newton", tolerance=1e-13, engine="interpret")
    return found["w"]


@pytest.mark.row("F11")
def test_it_is_the_difference_of_two_trainings():
    """Central differences of width 1e-5 through whole Newton runs: 1e-10 from their curvature, 1e-11 from rounding."""
    slopes = sg.hypergradient(RIDGE, "L", "V", "rho", {"w": trained(DATA["rho"])}, DATA, engine="interpret")["rho"]
    value = sg.program(RIDGE)
    for place, unit in enumerate(1e-5 * np.eye(3)):
        ends = []
        for rho in (DATA["rho"] + unit, DATA["rho"] - unit):
            ends.append(float(value.evaluate(**DATA | {"rho": rho, "w": trained(rho)})["V"]))
        np.testing.assert_allclose(slopes[place], (ends[0] - ends[1]) / 2e-5, rtol=1e-6, atol=1e-9)


def test_what_is_not_trained_and_what_is_no_input_is_refused():
    with pytest.raises(SymgradError, match="these parameters do not minimise L: its gradient has an entry of"):
        sg.hypergradient(RIDGE, "L", "V", "rho", {"w": np.ones(3)}, DATA)
    with pytest.raises(UnknownNameError, match="w is no input of the program; they are X, y, U, v, rho"):
        sg.hypergradient(RIDGE, "L", "V", "w", {"w": np.ones(3)}, DATA)
