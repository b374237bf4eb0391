"""Reverse mode on programs that are in no catalogue, against central differences; requests that are refused."""

import numpy as np
import pytest
from strangers import PROGRAMS

import symgrad as sg
from symgrad.calculus import split
from symgrad.calculus.rewrite import replays
from symgrad.errors import DifferentiationError, UnknownNameError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret

normal = np.random.default_rng(20).normal


def differences(program, data, name):
    """Central differences with h = 1e-6: truncation 1e-12, rounding 1e-10, relative to values of size 1."""
    base, step = np.array(data[name], dtype=float), 1e-6
    gradient = np.zeros_like(base)
    for cell in np.ndindex(base.shape):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved[cell] += sign * step
            ends.append(float(interpret(program.raw, {**data, name: moved}, outputs=("L",))["L"]))
        gradient[cell] = (ends[0] - ends[1]) / (2 * step)
    return gradient


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradient_in_all_three_forms(name):
    text, data = PROGRAMS[name]
    program = sg.program(text)
    derived = program.gradient("L")
    for form in (derived.raw, derived.display, derived.kernel):
        check(form.prune())
        found = interpret(form, data)
        for tensor in program.raw.declared("parameter"):
            expected = differences(program, data, tensor.name)
            np.testing.assert_allclose(found[f"dL_d{tensor.name}"], expected, rtol=1e-6, atol=1e-7)
    assert all(replays(step) for step in (*derived.display.log, *derived.kernel.log))


def test_two_models_composed():
    encoder = sg.program("x: input[n, d]\nA: parameter[d, j]\nh[n,j] = tanh(sum[d](x[n,d]*A[d,j]))")
    decoder = sg.program("h: input[n, j]\nB: parameter[j]\nL = sum[n]((sum[j](h[n,j]*B[j]))**2)")
    both = encoder.call(decoder)
    data = {"x": normal(size=(3, 4)), "A": normal(size=(4, 2)), "B": normal(size=2)}
    found = both.gradient("L").evaluate(**data)
    for name in ("A", "B"):
        np.testing.assert_allclose(found[f"dL_d{name}"], differences(both, data, name), rtol=1e-6, atol=1e-7)


def test_splitting_keeps_the_meaning():
    for text, data in PROGRAMS.values():
        system = sg.program(text).raw
        np.testing.assert_allclose(
            interpret(split(system), data)["L"], interpret(system, data)["L"], rtol=1e-12  # another order of additions
        )


def test_a_cell_that_does_not_matter_has_a_zero_gradient():
    found = sg.program("x, y: parameter[i]\nL = sum[i](x[i])").gradient("L").evaluate(x=[1.0, 2.0], y=[3.0, 4.0])
    assert found["dL_dy"].tolist() == [0, 0] and found["dL_dx"].tolist() == [1, 1]


def test_derivation_time_grows_linearly_in_the_number_of_equations():
    """Counted in steps, not in seconds: as many steps for each layer."""

    def steps(depth):
        lines = ["h0: input[n]", "a: parameter"]
        lines += [f"h{i + 1}[n] = h{i}[n] + tanh(a*h{i}[n])" for i in range(depth)]
        program = sg.program("\n".join([*lines, f"L = sum[n](h{depth}[n]**2)"])).gradient("L")
        return len(program.display.log), max(len(s.after) for s in program.display.log)

    (few, _), (many, widest) = steps(5), steps(20)
    assert (many - few) % 15 == 0 and widest == 1


REFUSED = {
    ("x: parameter[i]\ny[i] = x[i]**2", "y", None): (
        DifferentiationError,
        "y is not a real scalar, so it has no gradient.\n    y[i] = x[i]**2\n"
        "    Reduce it first, as in  L = sum[i](y[i]).",
    ),
    ("x: input[i]\nL = sum[i](x[i])", "L", None): (DifferentiationError, "there is nothing to differentiate by"),
    ("x: parameter[i]\nL = sum[i](x[i])", "M", None): (UnknownNameError, "M is not a tensor of this program"),
    ("x: parameter[i]\nL = sum[i](x[i])", "L", "w"): (UnknownNameError, "w is not a tensor of this program"),
    ("x: parameter[i]\ny: label[i] over k\nL = sum[i](x[i]*y[i])", "L", "y"): (
        DifferentiationError,
        "y is a tensor of ints: there is no derivative by it.",
    ),
    ("x: parameter[i]\nc: input[i], constant\nL = sum[i](x[i]*c[i])", "L", "c"): (
        DifferentiationError,
        "c is declared constant: it is not differentiated.",
    ),
    ("x: parameter\ndL_dx = 2*x\nL = dL_dx**2", "L", "x"): (UnknownNameError, "the name dL_dx is taken"),
}


@pytest.mark.parametrize("request_", REFUSED, ids=lambda r: f"{r[1]} by {r[2]}")
def test_what_cannot_be_differentiated_is_refused(request_):
    text, output, wrt = request_
    kind, message = REFUSED[request_]
    with pytest.raises(kind) as error:
        sg.program(text).gradient(output, wrt)
    assert message in str(error.value)


def test_a_kink_without_a_choice_is_refused_with_its_equation():
    with pytest.raises(DifferentiationError) as error:
        sg.program("x: parameter[i]\nL = sum[i](sign(x[i]))").gradient("L")
    assert "sign" in str(error.value) and "L = sum[i](sign(x[i]))" in str(error.value)
    assert "stop(" in str(error.value)
