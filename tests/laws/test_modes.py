"""Forward, reverse and cross-country mode compute the same derivative; each elimination replays; auto counts."""

import numpy as np
import pytest
from catalogue import BY_NAME, CATALOGUE

import symgrad as sg
from symgrad.calculus.rewrite import replays
from symgrad.errors import DifferentiationError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.verify import certify

NAMES = [e.name for e in CATALOGUE if "function" not in e.tags]
CLOSED = ["concatenation", "softmax", "linear system", "row products"]  # all three forms
MODES = ("forward", "cross-country")
BOTTLENECK = """
    x: parameter[100]
    A: input[90, 100]
    B: input[2, 90]
    C: input[80, 2]
    D: input[100, 80]
    h = tanh(B @ tanh(A @ x))
    y = tanh(D @ tanh(C @ h))
    outputs: y
"""


def close(found, expected):
    # the same products in another order: roundings relative to the largest entry
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * max(1.0, np.abs(expected).max(initial=0.0)))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_in_all_modes(name):
    entry = BY_NAME[name]
    program = entry.program()
    arrays = entry.arrays()
    expected = interpret(entry.gradient().raw, arrays)
    for mode in MODES:
        derived = program.gradient(entry.output, mode=mode)
        found = interpret(check(derived.raw), arrays)
        for output, value in expected.items():
            close(found[output], value)
        if name in CLOSED:
            for form in (derived.display, derived.kernel):
                found = interpret(check(form.prune()), arrays)
                for output, value in expected.items():
                    close(found[output], value)
        steps = derived.raw.log[len(program.raw.log) :]
        assert steps and all(map(replays, steps))
        assert any(s.rule.name.startswith("vertex elimination") for s in steps) or len(program.raw.equations) < 3


VECTORS = {
    "layers": ("multilayer perceptron", "o", ("W1", "b2")),
    "attention": ("causal attention", "o", ("Q", "V")),
    "by a defined tensor": ("multilayer perceptron", "o", ("a", "W1")),
    "by itself": ("batch normalisation", "y", ("y", "x")),
    "normalisation": ("layer normalisation", "y", ("x", "g")),
    "inverse": ("Gaussian likelihood", "S", ("X",)),
}


@pytest.mark.parametrize("name", VECTORS)
def test_jacobians_in_all_modes(name):
    entry, output, wrt = VECTORS[name]
    program, arrays = BY_NAME[entry].program(), BY_NAME[entry].arrays()
    expected = interpret(program.jacobian(output, wrt, "reverse").raw, arrays)
    for mode in MODES:
        derived = program.jacobian(output, wrt, mode)
        assert derived.outputs == (output, *(f"d{output}_d{x}" for x in wrt))
        for form in (derived.raw, derived.kernel):
            found = interpret(check(form.prune()), arrays)
            for key, value in expected.items():
                close(found[key], value)


def test_hessians_in_all_modes():
    program, arrays = BY_NAME["logistic regression"].program(), BY_NAME["logistic regression"].arrays()
    expected = program.hessian("L").evaluate(**arrays)["d2L_dw_dw"]
    for mode in MODES:
        close(program.hessian("L", mode=mode).evaluate(**arrays)["d2L_dw_dw"], expected)


def test_auto_takes_what_costs_least():
    """A bottleneck in the middle is multiplied out last; one input is pushed forward; a scalar goes backwards."""
    bottleneck = sg.program(BOTTLENECK)
    flops = {mode: bottleneck.jacobian("y", "x", mode).flops() for mode in ("reverse", "cross-country", "auto")}
    assert flops["auto"] == flops["cross-country"] and 10 * flops["cross-country"] < flops["reverse"], flops
    curve = sg.program("t: parameter\nA: input[i,i]\nc: input[i]\ny = sin(A @ sin(A @ sin(t*c)))")
    auto = curve.jacobian("y", "t")
    assert auto.flops() == curve.jacobian("y", "t", "forward").flops() != curve.jacobian("y", "t", "reverse").flops()
    assert certify(auto, kernel=False).ok
    scalar = BY_NAME["residual chain"].program().gradient("L", mode="auto")
    assert not any(s.rule.name.startswith("vertex elimination") for s in scalar.raw.log)


def test_the_graph_keeps_a_diagonal():
    """dy/dx of y = tanh(sin(x)) is one number for each entry in every mode."""
    chain = sg.program("x: parameter[n]\nv[n] = sin(x[n])\ny[n] = tanh(v[n])*x[n]")
    for mode in ("reverse", *MODES):
        derived = chain.jacobian("y", "x", mode)
        (eq,) = [e for e in derived.kernel.equations if e.tensor == "dy_dx"]
        assert all(len(t.domain) == 1 for t in eq.terms), mode
        assert derived.structure("dy_dx").plan


def test_an_elimination_is_printed():
    text = sg.program(BOTTLENECK).jacobian("y", "x", "cross-country").derivation.markdown()
    assert "vertex elimination: the paths through a tensor are multiplied out" in text
    assert "what is left of the graph is the Jacobian" in text


def test_a_lost_path_is_found():
    """The negative control: an elimination that forgets the direct edge."""
    program, arrays = BY_NAME["residual chain"].program(), BY_NAME["residual chain"].arrays()
    derived = program.gradient("L", "A", mode="cross-country")
    right = interpret(derived.raw, arrays)["dL_dA"]
    joined = next(s for s in derived.raw.log if len(s.before) == 3 and s.rule.name.startswith("vertex"))
    wrong = joined.rule.replace(joined.context, joined.before[:2])
    equations = tuple({e.tensor: e for e in wrong}.get(e.tensor, e) for e in derived.raw.equations)
    assert np.abs(interpret(derived.raw.with_equations(equations), arrays)["dL_dA"] - right).max() > 1e-3


def test_a_mode_that_there_is_not():
    program = sg.program("x: parameter[n]\ny[n] = sin(x[n])")
    with pytest.raises(DifferentiationError, match=r"'revers' is not a mode of diff.*\n    Did you mean rev"):
        program.jacobian("y", "x", mode="revers")
    with pytest.raises(DifferentiationError, match=r"'z' is not a mode.*\n    Several names go into one list: \['x'"):
        sg.program("x, z: parameter[n]\nL = sum[n](x[n]*z[n])").gradient("L", "x", "z")
