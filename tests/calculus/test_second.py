"""Forward mode and second order on the programs of `test_reverse`: each against differences of one order less."""

import numpy as np
import pytest
from strangers import PROGRAMS

import symgrad as sg
from symgrad.errors import UnknownNameError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret

SMOOTH = [name for name in PROGRAMS if name not in ("strided and padded convolution", "row-max pooling")]
RNG = np.random.default_rng(21)


def parameter(program):
    return program.raw.declared("parameter")[0].name


def directions(data, name):
    return RNG.normal(size=np.shape(data[name]))


def moved(function, data, name, along, step=1e-6):
    """(f(x + h v) - f(x - h v))/2h: truncation about 1e-12, rounding about 1e-10 for values of size 1."""
    ends = [function({**data, name: np.asarray(data[name]) + sign * step * along}) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)


def forms(program, data):
    for form in (program.raw, program.display, program.kernel):
        check(form.prune())
        yield interpret(form, data)


@pytest.mark.parametrize("name", PROGRAMS)
def test_jvp_is_the_derivative_along_a_direction(name):
    text, data = PROGRAMS[name]
    program = sg.program(text)
    x = parameter(program)
    along = directions(data, x)
    expected = moved(lambda d: program.evaluate(**d)["L"], data, x, along)
    for found in forms(program.jvp("L", x), {**data, f"{x}_dot": along}):
        np.testing.assert_allclose(found["L_dot"], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", PROGRAMS)
def test_vjp_of_a_scalar_is_the_scaled_gradient(name):
    text, data = PROGRAMS[name]
    program = sg.program(text)
    x = parameter(program)
    gradient = program.gradient("L", x).evaluate(**data)[f"dL_d{x}"]
    for found in forms(program.vjp("L", x), {**data, "L_bar": 3.0}):
        np.testing.assert_allclose(found[f"{x}_bar"], 3 * gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_hvp_and_hessian_are_differences_of_the_gradient(name):
    text, data = PROGRAMS[name]
    program = sg.program(text)
    x = parameter(program)
    along = directions(data, x)
    gradient = program.gradient("L", x)
    expected = moved(lambda d: gradient.evaluate(**d)[f"dL_d{x}"], data, x, along)
    for found in forms(program.hvp("L", x), {**data, f"{x}_dot": along}):
        np.testing.assert_allclose(found[f"L_hvp_{x}"], expected, rtol=1e-5, atol=1e-6)
    for found in forms(program.hessian("L", x), data):
        product = np.tensordot(found[f"d2L_d{x}_d{x}"], along, np.ndim(along))
        np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-6)


def test_mixed_hessians_come_once_in_the_order_of_the_names():
    program = sg.program("a: parameter[i]\nb: parameter[i]\nL = sum[i](a[i]**2*b[i]**3)")
    hessian = program.hessian("L", ["a", "b"])
    assert hessian.outputs == ("d2L_da_da", "d2L_da_db", "d2L_db_db")
    a, b = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    for found in forms(hessian, {"a": a, "b": b}):
        np.testing.assert_allclose(found["d2L_da_da"], np.diag(2 * b**3))
        np.testing.assert_allclose(found["d2L_da_db"], np.diag(6 * a * b**2))
        np.testing.assert_allclose(found["d2L_db_db"], np.diag(6 * a**2 * b))


def test_gauss_newton_is_jacobian_transposed_times_jacobian():
    text = "X: input[n, d]\nw: parameter[d]\ny[n] = tanh(sum[d](X[n,d]*w[d]))\noutputs: y"
    program = sg.program(text)
    data = {"X": RNG.normal(size=(5, 3)), "w": RNG.normal(size=3)}
    jacobian = program.jacobian("y", "w").evaluate(**data)["dy_dw"]
    along = RNG.normal(size=3)
    for found in forms(program.gauss_newton("y", "w"), {**data, "w_dot": along}):
        np.testing.assert_allclose(found["y_gn_w"], jacobian.T @ (jacobian @ along), rtol=1e-12)


def shown(program, name):
    (eq,) = [e for e in program.display.equations if e.tensor == name]
    return sorted((",".join(map(str, t.write)), str(t.body), tuple(r.index.name for r in t.reduced)) for t in eq.terms)


def test_structure_survives_in_the_closed_form():
    separable = sg.program("x: parameter[i]\nL = sum[i](log(1 + exp(x[i])))").hessian("L", "x")
    assert shown(separable, "d2L_dx_dx") == [("i,i", "sigmoid(-x[i])*sigmoid(x[i])", ())]
    logistic = sg.program(
        "X: input[n, d]\ny: input[n]\nw: parameter[d]\nz[n] = sum[d](X[n,d]*w[d])\ns[n] = sigmoid(z[n])\n"
        "L = sum[n](softplus(z[n]) - y[n]*z[n])"
    ).hessian("L", "w")
    ((write, body, reduced),) = shown(logistic, "d2L_dw_dw")
    assert write.startswith("d,") and reduced == ("n",) and "s[n]" in body and body.count("X[") == 2
    softmax = sg.program("z: parameter[k]\ny: label over k\np[k] = softmax[k](z[k])\nL = -log(p[y])").hessian("L", "z")
    terms = shown(softmax, "d2L_dz_dz")
    assert [(w.split(",")[0] == w.split(",")[1], b.count("p[")) for w, b, _ in terms] == [(False, 2), (True, 1)]


def test_a_taken_name_is_refused():
    program = sg.program("x: parameter\nx_dot = 2*x\nL = x_dot**2")
    with pytest.raises(UnknownNameError, match="the name x_dot is taken"):
        program.jvp("L", "x")


def test_a_sign_is_printed_as_it_is():
    """The derivative of |x| is a sign that is not differentiated again; the reader is not told how."""
    text = str(sg.program("x: parameter[i]\nL = sum[i](softsign(x[i]))").hessian("L"))
    assert "d2L_dx_dx[i,j] = -2*[i == j]*sign(x[i])/(1 + abs(x[i]))**3" in text, text
