"""Gauss-Newton and the natural gradient: G against its definition, and what they reach."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import SymgradError, UnknownNameError
from symgrad.train.formula import system_of
from symgrad.train.gauss_newton import Curvature
from symgrad.train.objective import objective_of

RNG = np.random.default_rng(11)
X = RNG.standard_normal((12, 2))
Y = RNG.integers(0, 3, 12)
NETWORK = """
X: input[n, d]
y: label[n] over 3
W: parameter[d, 2]
V: parameter[2, 3]
a[n,h] = tanh(sum[d](X[n,d]*W[d,h]))
z[n,k] = sum[h](a[n,h]*V[h,k])
L = mean[n](logsumexp[k](z[n,k]) - z[n,y[n]]) + 0.01*sum[d,h](W[d,h]**2) + 0.01*sum[h,k](V[h,k]**2)
"""
DATA = {"X": X, "y": Y}


def objective(text, data):
    start = {"W": 0.5 * RNG.standard_normal((2, 2)), "V": 0.5 * RNG.standard_normal((2, 3))}
    return objective_of(text, system_of(text, {}, data), start, data, None, (), "interpret")


def test_g_is_its_definition():
    """J from differences of z; L_zz of the mean of cross-entropies is (diag(p) - p p^T)/N; the penalty adds 0.02."""
    given = objective(NETWORK, DATA)
    x, size = given.start, given.layout.size
    matrix = Curvature(given, "z").at(x) @ np.eye(size)

    def z(vector):
        values = given.layout.unpack(vector)
        return (np.tanh(X @ values["W"]) @ values["V"]).ravel()

    jacobian = np.array([(z(x + 1e-6 * u) - z(x - 1e-6 * u)) / 2e-6 for u in np.eye(size)]).T
    e = np.exp(z(x).reshape(12, 3))
    p = e / e.sum(1, keepdims=True)
    bent = np.zeros((36, 36))
    for n in range(12):
        bent[3 * n : 3 * n + 3, 3 * n : 3 * n + 3] = (np.diag(p[n]) - np.outer(p[n], p[n])) / 12
    np.testing.assert_allclose(matrix, jacobian.T @ bent @ jacobian + 0.02 * np.eye(size), atol=1e-8)
    assert np.abs(matrix - given.curvature(x).matrix).max() > 1e-3  # the curvature of z is left out


@pytest.mark.parametrize("method", ["gauss-newton", "natural-gradient"])
def test_a_network_is_trained_to_a_stationary_point(method):
    start = {"W": RNG.standard_normal((2, 2)), "V": RNG.standard_normal((2, 3))}
    found = sg.minimize(NETWORK, start, method=method, data=DATA, output="z", engine="interpret")
    assert found.success, found.message
    assert np.abs(found.jac).max() < 1e-7 and found.nit < 200


def test_linear_least_squares_takes_a_few_steps():
    """G is the Hessian: as lambda falls to nothing the steps become Newton's."""
    text = "X: input[n, d]\nt: input[n]\nw: parameter[d]\nz[n] = sum[d](X[n,d]*w[d])\nL = sum[n]((z[n] - t[n])**2)"
    t = X @ [1.0, -2.0] + 0.1 * RNG.standard_normal(12)
    found = sg.minimize(text, {"w": [0.0, 0.0]}, method="natural-gradient", data={"X": X, "t": t}, output="z")
    np.testing.assert_allclose(found["w"], np.linalg.lstsq(X, t, rcond=None)[0], rtol=1e-8)
    assert found.success and found.nit < 40


def test_what_is_no_natural_parameter_is_refused():
    """The curvature of (p - t)^4 by p reads the target."""
    text = "x, t: input[n]\nw: parameter\np[n] = w*x[n]\nL = mean[n]((p[n] - t[n])**4)"
    data = {"x": X[:, 0], "t": X[:, 1]}
    with pytest.raises(SymgradError, match="the curvature of L by p reads t, so it is not Fisher's matrix"):
        sg.minimize(text, {"w": 1.0}, method="natural-gradient", data=data, output="p")
    assert sg.minimize(text, {"w": 1.0}, method="gauss-newton", data=data, output="p", tolerance=1e-9).success
    with pytest.raises(SymgradError, match=r"minimize\(..., output='z'\)"):
        sg.minimize(text, {"w": 1.0}, method="gauss-newton", data=data)
    with pytest.raises(UnknownNameError, match="output is the network's, one of p; not 'q'"):
        sg.minimize(text, {"w": 1.0}, method="gauss-newton", data=data, output="q")
