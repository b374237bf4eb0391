"""`diff(u[n], x[n])` inside a model: a derived tensor, differentiated again by the parameters."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.calculus.rewrite import replays
from symgrad.errors import SymgradError

STEP = 1e-5


def numeric(program: sg.Program, name: str, by: str, arrays: dict) -> np.ndarray:
    """d name / d by by central differences: axes of `name` first."""
    base = np.asarray(arrays[by], dtype=float)
    columns = []
    for cell in np.ndindex(base.shape):
        values = []
        for sign in (1, -1):
            moved = base.copy()
            moved[cell] += sign * STEP
            kernel = program.raw.prune((name,))
            values.append(sg.Program(kernel).evaluate(**{**arrays, by: moved})[name])
        columns.append((values[0] - values[1]) / (2 * STEP))
    shape = columns[0].shape
    return np.stack(columns, axis=-1).reshape(*shape, *base.shape)


def data(**shapes) -> dict:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


NET = "x: input[n]\nw, c, v: parameter[h]\nu[n] = sum[h](v[h]*tanh(w[h]*x[n] + c[h]))\n"
FIELD = """
x: input[n, j]
A: parameter[h, j]
v: parameter[h]
u[n] = sum[h](v[h]*sin(sum[j](A[h,j]*x[n,j])))
"""
NET_DATA = {"x": 5, "w": 3, "c": 3, "v": 3}
FIELD_DATA = {"x": (4, 2), "A": (3, 2), "v": 3}


def test_first_and_second_derivative_of_a_network_by_its_input():
    program = sg.program(NET + "u_x[n] = diff(u[n], x[n])\nu_xx[n] = diff(u[n], x[n], 2)\noutputs: u_x, u_xx")
    arrays = data(**NET_DATA)
    found = program.evaluate(**arrays)
    for name, of in (("u_x", "u"), ("u_xx", "u_x")):
        # 1e-8: central differences with step 1e-5 on values of order 1
        assert found[name] == pytest.approx(np.diagonal(numeric(program, of, "x", arrays)), abs=1e-8)


def test_a_shared_axis_costs_one_sweep_and_not_one_for_each_entry():
    program = sg.program(NET + "L = sum[n](diff(u[n], x[n])**2)")
    assert program.flops().subs(dict.fromkeys(program.flops().free_symbols, 1000)) < 1000 * 1000 * 100  # N H, not N^2 H


def test_residual_is_differentiated_by_the_weights_and_compiled():
    program = sg.program(NET + "L = mean[n]((diff(diff(u[n], x[n]), x[n]) + u[n])**2)")
    grad = program.gradient("L")
    arrays = data(**NET_DATA)
    out = grad.evaluate(**arrays)
    for name in ("w", "c", "v"):
        assert out[f"dL_d{name}"] == pytest.approx(numeric(program, "L", name, arrays), abs=1e-7)
    kernel = grad.compile()(**arrays)
    assert kernel.dL_dw == pytest.approx(out["dL_dw"], rel=1e-12)
    assert all(replays(step) for step in grad.raw.log)
    assert grad.verify(kernel=False).ok


def test_gradient_of_a_field_and_its_laplacian():
    program = sg.program(FIELD + "g[n,j] = diff(u[n], x[n,j])\nlap[n] = sum[j](diff(g[n,j], x[n,j]))\noutputs: g, lap")
    arrays = data(**FIELD_DATA)
    found = program.evaluate(**arrays)
    jacobian = numeric(program, "u", "x", arrays)
    assert found["g"] == pytest.approx(np.einsum("nnj->nj", jacobian), abs=1e-8)
    second = numeric(program, "g", "x", arrays)
    assert found["lap"] == pytest.approx(np.einsum("njnj->n", second), abs=1e-8)


def test_jacobian_of_each_example():
    text = "x: input[n, j]\nA: parameter[i, j]\ny[n,i] = tanh(sum[j](A[i,j]*x[n,j]))\n"
    program = sg.program(text + "J[n,i,j] = diff(y[n,i], x[n,j])\noutputs: J")
    arrays = data(x=(4, 2), A=(3, 2))
    expected = np.einsum("ninj->nij", numeric(program, "y", "x", arrays))
    assert program.evaluate(**arrays)["J"] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    "line",
    ["m = mean[n](x[n])\nu[n] = (x[n] - m)**3", "u[n] = softmax[n](x[n])", "u[n] = sum[m, m <= n](x[m]**2)"],
    ids=["centred", "softmax", "prefix"],
)
def test_entries_that_see_each_other_read_the_whole_jacobian(line):
    """No shared axis is proved: adding over the batch would be wrong."""
    program = sg.program(f"x: input[n]\n{line}\nd[n] = diff(u[n], x[n])\noutputs: d")
    arrays = data(x=5)
    jacobian = numeric(program, "u", "x", arrays)
    assert program.evaluate(**arrays)["d"] == pytest.approx(np.diagonal(jacobian), abs=1e-8)
    assert np.abs(jacobian.sum(0) - np.diagonal(jacobian)).max() > 1e-3  # the control: the added form differs


def test_cells_of_different_letters():
    program = sg.program("x: input[n]\nu[i] = sum[n](sin(x[n]*(i + 1)))\nJ[i,m] = diff(u[i], x[m])\noutputs: J",
                         sizes={"i": 3})
    arrays = data(x=4)
    assert program.evaluate(**arrays)["J"] == pytest.approx(numeric(program, "u", "x", arrays), abs=1e-8)


def test_by_a_defined_tensor_and_by_a_parameter():
    program = sg.program("s: parameter\nx: input[n]\nz[n] = s*x[n]\nu[n] = z[n]**2*s\nd[n] = diff(u[n], z[n])\n"
                         "L = sum[n](d[n])\nk = diff(L, s)\noutputs: d, k")
    arrays = {"s": 1.5, "x": [1.0, 2.0]}
    found = program.evaluate(**arrays)
    assert found["d"] == pytest.approx([2 * 1.5 * 1.5, 2 * 3.0 * 1.5])  # 2 z s
    assert found["k"] == pytest.approx(4 * 1.5 * 3.0)                   # L = 2 s^2 sum x


@pytest.mark.parametrize(
    "line, message",
    [
        ("d[n] = diff(u[n]**2, x[n])", "diff takes reads of tensors"),
        ("d[n] = diff(x[n], x[n])", "x is not defined by an equation"),
        ("d[n] = diff(u[n], y[n])", "u does not depend on y"),
        ("d[n] = diff(u[n])", "diff takes a tensor and what to differentiate by"),
        ("d[n] = diff(u[n], lab[n])", "no real numbers"),
    ],
)
def test_errors(line, message):
    with pytest.raises(SymgradError, match=message.replace("(", r"\(")):
        sg.program(f"x, y: input[n]\nlab: label[n] over k\nu[n] = sin(x[n])\n{line}")
