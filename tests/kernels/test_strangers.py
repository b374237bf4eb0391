"""Text to machine code for programs that are in no catalogue: kernel = interpreter, in both precisions."""

import numpy as np
import pytest
from strangers import PROGRAMS

import symgrad as sg
from symgrad.ir.interpret import interpret


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_strangers_gradient_compiles(name, dtype):
    text, data = PROGRAMS[name]
    program = sg.program(text).gradient("L")
    expected = interpret(program.kernel, data)
    found = program.compile(dtype=dtype)(**data)
    # sums of at most a hundred terms of size 1 to 10, in the kernel's precision
    relative, absolute = (1e-11, 1e-12) if dtype == "float64" else (2e-4, 2e-4)
    for output, value in expected.items():
        np.testing.assert_allclose(found[output], value, rtol=relative, atol=absolute)
