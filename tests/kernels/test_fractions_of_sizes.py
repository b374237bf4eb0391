"""Half a size is no integer: a value made of sizes and indices is divided as real numbers are."""

import numpy as np
import pytest

import symgrad as sg

HEAD = "x: input[i]\n"
PROGRAMS = {
    "a size": "y = sum[i](x[i]) - size(i)/2",
    "an index": "y[i] = x[i] + i/2",
    "both": "y[i] = x[i] + (2*i - size(i) + 1)/4",
    "in a function": "y[i] = x[i] + exp(i/3)",
    "a branch": "y[i] = where(x[i] < 0, i/2, size(i)/3)",
    "a whole product": "y[i] = x[i] + i*(i + 1)/2",
    "floors stay": "y[i] = x[i] + floor(i/2)",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_text_computes_what_the_interpreter_does(name):
    """Un-jitted: `//` and `/` are the text's, and Numba's are the same."""
    program, x = sg.program(HEAD + PROGRAMS[name]), np.array([0.5, -1.25, 2.0, 3.5, -0.75])
    wanted = program.evaluate(x=x)["y"]
    np.testing.assert_allclose(program.compile().run_python(x=x)["y"], wanted, rtol=1e-14)


def test_a_compiled_one():
    x = np.zeros(3)
    assert float(sg.program(HEAD + PROGRAMS["a size"]).compile()(x=x)["y"]) == -1.5
