"""Law 4: the emitted source, run as plain Python and compiled, computes what the interpreter computes.

Every program of the catalogue runs as Python; those of `COMPILED` are compiled too (compiling all would take minutes).
"""

import numpy as np
import pytest
from catalogue import BY_NAME, CATALOGUE
from mutate import mutants

from symgrad.ir.interpret import interpret
from symgrad.kernels import compile_system

COMPILED = [
    "contraction", "three factors", "diagonal written", "bag of embeddings", "scatter", "concatenation",
    "padded convolution", "cumulative sum", "product with zeros", "empty domain", "mean under a mask",
    "minimum over two axes", "softmax cross-entropy with integer labels", "causal attention", "classifier",
    "function mish",
]  # fmt: skip
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}  # rounding of a few hundred terms, relative to the largest entry


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """Machine code of this run only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def differs(out, expected, tolerance):
    """The outputs that are not what the interpreter gives."""
    wrong = []
    for name, value in expected.items():
        got = np.asarray(out[name], dtype=float)
        scale = max(float(np.max(np.abs(value), initial=0.0)), 1e-3)
        if got.shape != value.shape or not np.allclose(got, value, rtol=0, atol=tolerance * scale):
            wrong.append((name, got, value))
    return wrong


def kernel_of(system, dtype="float64"):
    return compile_system(system, "cpu", dtype)


def inputs(entry, system):
    arrays = entry.arrays()
    needed = {t.name for t in system.declared()}
    return arrays, {k: v for k, v in arrays.items() if k in needed}


@pytest.mark.parametrize("name", [e.name for e in CATALOGUE])
def test_the_source_runs_as_python(name):
    entry = BY_NAME[name]
    gradient = entry.gradient()
    arrays, passed = inputs(entry, gradient.kernel)
    out = kernel_of(gradient.kernel).run_python(**passed)
    assert differs(out, interpret(gradient.raw, arrays), TOLERANCE["float64"]) == []


@pytest.mark.parametrize("name", COMPILED)
def test_the_compiled_kernel(name):
    entry = BY_NAME[name]
    gradient = entry.gradient()
    arrays, passed = inputs(entry, gradient.kernel)
    before = {k: np.copy(v) for k, v in passed.items()}
    out = kernel_of(gradient.kernel)(**passed)
    assert differs(out, interpret(gradient.raw, arrays), TOLERANCE["float64"]) == []
    for key, value in before.items():
        np.testing.assert_array_equal(passed[key], value)


@pytest.mark.parametrize("name", ["contraction", "softmax cross-entropy with integer labels", "classifier"])
def test_the_compiled_kernel_in_single_precision(name):
    entry = BY_NAME[name]
    gradient = entry.gradient()
    arrays, passed = inputs(entry, gradient.kernel)
    single = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in passed.items()}
    out = kernel_of(gradient.kernel, "float32")(**single)
    assert all(np.asarray(v).dtype == np.float32 for v in out.values())
    assert differs(out, interpret(gradient.raw, arrays), TOLERANCE["float32"]) == []


@pytest.mark.parametrize("kind", ["a factor too many", "a lost term"])
@pytest.mark.parametrize("name", ["concatenation", "padded convolution", "strict triangle, squared", "broadcast"])
def test_a_wrong_kernel_is_found(name, kind):
    """The negative control: the source of a defective System is told from the right one."""
    entry = BY_NAME[name]
    gradient = entry.gradient()
    arrays, passed = inputs(entry, gradient.raw)
    for wrong in mutants(entry.program().raw, gradient.raw, kind):
        out = kernel_of(wrong).run_python(**passed)
        assert differs(out, interpret(gradient.raw, arrays), TOLERANCE["float64"])
