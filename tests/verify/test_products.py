"""Certificates of products: vjp, jvp, Hessian times vector, Gauss-Newton product; each wrong one fails."""

from dataclasses import replace

import numpy as np
import pytest

import symgrad as sg
from symgrad.verify import DERIVATIVE_CHECKS, certify, subjects
from symgrad.verify.draw import finite_point

MODEL = sg.program("""
    X: input[n, d]
    w: parameter[d]
    z[n] = sum[d](X[n,d]*w[d])**3
    L = sum[n](z[n]**2 + z[n]*w[0])
    outputs: L, z
""")
PRODUCTS = {
    "vjp": lambda: MODEL.vjp("z", "w"),
    "jvp": lambda: MODEL.jvp("z", "w"),
    "hvp": lambda: MODEL.hvp("L", "w"),
    "gauss_newton": lambda: MODEL.gauss_newton("z", "w"),
}


@pytest.mark.parametrize("verb", PRODUCTS)
def test_a_product_is_certified(verb):
    product = PRODUCTS[verb]()
    certificate = certify(product, kernel=False)
    assert certificate.ok, str(certificate)
    made = {r.name for r in certificate.rows if not r.skipped and r.of == product.outputs[0]}
    assert made >= {"central differences", "complex step", "dot product", "exact modulo p", "50 digits"}


@pytest.mark.parametrize("verb", PRODUCTS)
def test_a_wrong_product_is_refused(verb):
    """The negative control: the result times 1.001."""
    product = PRODUCTS[verb]()
    name = product.outputs[0]
    equations = [
        eq.with_terms(replace(t, body=t.body * 1001 / 1000) for t in eq.terms) if eq.tensor == name else eq
        for eq in product.raw.equations
    ]
    wrong = sg.Program(product.raw.with_equations(equations), product.origin)
    for subject in subjects(wrong, finite_point(product.raw, 0), 0):
        rows = [check(subject) for check in DERIVATIVE_CHECKS[1:]]
        assert rows and not any(row.passed for row in rows), rows


def test_a_mixed_derivative_by_a_tensor_that_carries_a_fact():
    """d2L/dz dY of softmax cross-entropy is (P - delta)/N: with sum_k Y = 1 fired first it would be -delta/N."""
    model = sg.program("""
        z: parameter[n, k]
        Y: input[n, k], distribution over k
        L = mean[n](-sum[k](Y[n,k]*log_softmax[k](z[n,k])))
    """)
    mixed = model.hessian("L", ["z", "Y"])
    certificate = certify(mixed, kernel=False)
    assert certificate.ok, str(certificate)
    z = np.array([[0.5, -1.0, 0.25]])
    P = np.exp(z) / np.exp(z).sum()
    expected = np.tile(P[0][:, None], (1, 3)) - np.eye(3)
    for form in ("raw", "display", "kernel"):
        program = sg.Program(getattr(mixed, form))
        found = program.evaluate(z=z, Y=np.array([[0.2, 0.3, 0.5]]))["d2L_dz_dY"]
        np.testing.assert_allclose(found[0, :, 0, :], expected, rtol=0, atol=1e-14)
