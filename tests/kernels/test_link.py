"""A module's functions are optimised and assembled once, not once for each function that calls them."""

import numba
import numpy as np
import pytest
from numba.core.codegen import CPUCodeLibrary

import symgrad as sg
from symgrad.kernels import link

PROGRAM = """
    X: input[n, d]
    w: parameter[d]
    z[n] = tanh(sum[d](X[n,d]*w[d]))
    L = sum[n](z[n]**2 + exp(-z[n]))
"""


@pytest.fixture
def optimised(monkeypatch, tmp_path):
    """The names of the libraries that LLVM's passes were run over."""
    names, passes = [], CPUCodeLibrary._optimize_final_module
    monkeypatch.setattr(CPUCodeLibrary, "_optimize_final_module", lambda self: (names.append(self.name), passes(self)))
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    return names


def test_a_module_is_optimised_once(optimised):
    kernel = sg.program(PROGRAM).gradient("L").compile("cpu", parallel=True)
    kernel(X=np.ones((3, 2)), w=np.ones(2))
    own = {name for name, value in vars(cpu_module(kernel)).items() if hasattr(value, "py_func")}
    assert {"run"} == own & set(optimised)
    assert len(own) > 5


def cpu_module(kernel):
    import sys  # noqa: PLC0415

    from symgrad.kernels import cache  # noqa: PLC0415

    return sys.modules[f"symgrad_kernel_{cache.key(kernel.source, kernel.options.dtype)}"]


def test_functions_compiled_outside_are_not_parts(optimised):
    def plain(x):
        return x + 1.0

    assert numba.njit(plain)(1.0) == 2.0
    assert len(optimised) == 1


def test_a_part_can_be_linked_by_others(optimised):
    @numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
    def inner(x):
        return 2.0 * x

    @numba.njit
    def outer(x):
        return inner(x) + 1.0

    with link.together({inner.py_func.__qualname__, outer.py_func.__qualname__}):
        outer.compile((numba.float64,))
    assert optimised == [outer.py_func.__qualname__]
    assert outer(3.0) == 7.0

    @numba.njit
    def later(x):
        return inner(x) - 1.0

    assert later(3.0) == 5.0


def test_a_function_that_fails_leaves_numba_as_it_was():
    codegen = numba.core.registry.cpu_target.target_context.codegen()
    with pytest.raises(KeyError), link.together(()):
        raise KeyError
    assert "create_library" not in vars(codegen)
