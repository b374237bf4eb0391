"""The laws on a GPU: `pytest -m gpu`. Skipped where there is none; they have not run in CI, which has no GPU."""

import numpy as np
import pytest
from catalogue import BY_NAME, CALLS, CATALOGUE

from symgrad.ir.interpret import interpret
from symgrad.kernels import compile_system
from symgrad.kernels.targets.cuda import needs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(needs.simulated() or any(not p.found for p in needs.parts()), reason="no GPU here"),
]
# rounding of a few hundred terms in another order than the interpreter's, relative to the largest entry
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [e.name for e in CATALOGUE if e not in CALLS])
def test_the_device_computes_what_the_interpreter_does(name, dtype):
    gradient, arrays = BY_NAME[name].gradient(), BY_NAME[name].arrays()
    wanted = {t.name for t in gradient.kernel.declared()}
    given = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in arrays.items() if k in wanted}
    out = compile_system(gradient.kernel, "cuda", dtype)(**given)
    for key, value in interpret(gradient.raw, arrays).items():
        scale = max(float(np.max(np.abs(value), initial=0.0)), 1e-3)
        np.testing.assert_allclose(np.asarray(out[key], float), value, rtol=0, atol=TOLERANCE[dtype] * scale)
