"""Derivatives by tensors that an equation defines: every path from them counts, also where a stable spelling would have
looked through their definition. The references are written out by hand."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.ir.interpret import interpret

Z = np.array([0.1, 0.5, -1.0])
P = np.exp(Z) / np.exp(Z).sum()
SIGMOID = 1 / (1 + np.exp(-0.3))
GATE = "u, h, c: parameter\nz = sigmoid(u)\n"
CASES = {
    "gate": (GATE + "L = (1-z)*h + z*c", "z", {"u": 0.3, "h": 2.0, "c": 5.0}, 3.0),
    "entropy of two": (
        "x: parameter\nq = sigmoid(x)\nL = -log(q)-log(1-q)", "q", {"x": 0.3}, -1 / SIGMOID + 1 / (1 - SIGMOID),
    ),
    "log of a sum": ("x: parameter[k]\ns = sum[k](exp(x[k]))\nL = log(s)", "s", {"x": Z}, 1 / np.exp(Z).sum()),
    "cross-entropy": (
        "z: parameter[k]\ny: input[k]\np[k] = softmax[k](z[k])\nL = -sum[k](y[k]*log(p[k]))", "p",
        {"z": Z, "y": np.ones(3)}, -1 / P,
    ),
    "plain": ("u: parameter\nz = u**2\nL = z**2", "z", {"u": 3.0}, 18.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gradient_by_a_defined_tensor(name):
    text, wrt, data, expected = CASES[name]
    program = sg.program(text)
    derived = program.gradient("L", wrt)
    np.testing.assert_allclose(derived.evaluate(**data)[f"dL_d{wrt}"], expected, rtol=1e-12)
    assert derived.verify(kernel=False).ok
    along = np.ones_like(np.asarray(expected))
    pushed = program.jvp("L", wrt).evaluate(**data, **{f"{wrt}_dot": along})
    np.testing.assert_allclose(pushed["L_dot"], np.sum(expected), rtol=1e-12)


def test_second_order_by_a_defined_tensor():
    program = sg.program("u, h: parameter\nz = sigmoid(u)\nL = (1-z)**2*h")
    assert program.hvp("L", "z").evaluate(u=0.3, h=2.0, z_dot=1.0)["L_hvp_z"] == pytest.approx(4.0)


def test_a_part_of_a_derivative_is_not_printed_as_the_whole():
    through = sg.program(GATE + "L = log(1-z)*h + exp(z*c)").gradient("L")  # log(1 - z) is read from u, not from z
    assert not any(eq.tensor == "dL_dz" for eq in through.display.equations)
    whole = sg.program(GATE + "L = (1-z)*h + exp(z*c)").gradient("L")
    data = {"u": 0.3, "h": 2.0, "c": 5.0}
    found = interpret(whole.display, data, outputs=("dL_dz",))["dL_dz"]
    np.testing.assert_allclose(found, -2 + 5 * np.exp(5 * SIGMOID), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("x: parameter[i]\nc: input[k]\nL = sum[i,k](c[k]*x[i]**k)", {"x": [0.0, 1.0], "c": [1.0, 1, 1]}, [1, 3]),
        ("x: parameter[n]\ny: label[n] over k\nL = sum[n](x[n]**y[n])", {"x": [0.0, -2.0], "y": [1, 3]}, [1, 12]),
    ],
)
def test_powers_at_zero(text, data, expected):
    program = sg.program(text, sizes={"k": 4} if "label" in text else None).gradient("L")
    arrays = {n: np.array(a) for n, a in data.items()}
    for found in (program.evaluate(**data)["dL_dx"], program.compile()(**arrays).dL_dx):
        np.testing.assert_array_equal(found, expected)


def test_the_branch_that_is_not_taken_does_not_reach_the_hessian():
    program = sg.program("p: input[k]\nq: parameter[k]\nL = sum[k](xlogy(p[k], p[k]/q[k]))").hessian("L")
    found = program.evaluate(p=[0.0, 1.0, 2.0], q=[1.0, 2.0, 3.0])["d2L_dq_dq"]
    np.testing.assert_allclose(found, np.diag([0, 1 / 4, 2 / 9]))
