"""Bound kernels: reused outputs, and training steps in place."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import IndexRangeError, SymgradError
from symgrad.ir.interpret import interpret
from symgrad.kernels import compile_system

STEP = """\
X: input[n, d]
y: input[n]
lr: input
w: parameter[d]
m: state[d]
t: state
r[n] = sum[d](X[n,d]*w[d]) - y[n]
L = mean[n](r[n]**2)
g[d] = 2*sum[n](r[n]*X[n,d])/size(n)
t_next = t + 1
m_next[d] = m[d]*(1 - 1/t_next) + g[d]
w_next[d] = w[d] - lr*m_next[d]
outputs: L
updates: w -> w_next, m -> m_next, t -> t_next
"""
SWAP = "a: state[n]\nb: state[n]\na2[n] = b[n]\nb2[n] = a[n] + a[0]\nupdates: a -> a2, b -> b2"


def arrays(n=6, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "X": rng.normal(size=(n, 3)),
        "y": rng.normal(size=n),
        "lr": 0.05,
        "w": np.ones(3),
        "m": np.zeros(3),
        "t": 0.0,
    }


@pytest.mark.parametrize("parallel", [False, True])
def test_steps_in_place_are_the_interpreters_steps(parallel):
    system = sg.program(STEP).kernel
    given = arrays()
    bound = compile_system(system, parallel=parallel).bind(**given)
    held, memory = dict(given), bound["w"]
    for number in range(4):
        batch = {name: arrays(6 if number != 2 else 4, number)[name] for name in ("X", "y")}
        out = bound.step(**batch)
        expected = interpret(system, {**held, **batch})
        held |= {old: expected[new] for old, new in system.updates.items()}
        assert np.isclose(out.L, expected["L"], rtol=1e-12)
        for name in system.updates:
            assert np.allclose(bound[name], held[name], rtol=1e-12)
    assert bound["w"] is memory  # the same memory from first to last
    assert np.array_equal(given["w"], np.ones(3))  # the caller's array is not touched


def test_updates_happen_all_at_once():
    """a and b exchange their values: neither may be overwritten before it is read."""
    system = sg.program(SWAP).kernel
    bound = compile_system(system, parallel=False).bind(a=np.array([1.0, 2.0]), b=np.array([5.0, 7.0]))
    bound.step()
    assert bound["a"].tolist() == [5, 7] and bound["b"].tolist() == [2, 3]


def test_a_call_returns_next_values_and_updates_nothing():
    system = sg.program(STEP).kernel
    kernel = compile_system(system, parallel=False)
    given = arrays()
    out = kernel.run_python(**given)
    expected = interpret(system, given)
    assert set(out) == {"L", "w_next", "m_next", "t_next"}
    assert all(np.allclose(out[n], expected[n], rtol=1e-12) for n in expected)
    assert np.array_equal(given["w"], np.ones(3))


def test_a_bound_kernel_reuses_its_outputs():
    system = sg.program("x: input[n]\ny[n] = 2*x[n]").kernel
    bound = compile_system(system, parallel=False).bind(x=np.arange(3.0))
    first = bound().y
    second = bound(x=np.ones(3)).y
    assert first is second and second.tolist() == [2, 2, 2]
    kernel = bound.kernel
    assert kernel(x=np.ones(3)).y is not kernel(x=np.ones(3)).y


def test_a_bound_kernel_checks_its_data():
    system = sg.program("E: parameter[v]\ni: label[n] over v\nL = sum[n](E[i[n]])").gradient("L").kernel
    bound = compile_system(system, parallel=False).bind(E=np.arange(3.0), i=np.array([0, 2]))
    assert bound().L == 2.0
    with pytest.raises(IndexRangeError, match=r"label i\[0\] = 3 is out of range"):
        bound(i=np.array([3, 0]))
    with pytest.raises(SymgradError, match="nothing is not bound"):
        _ = bound["nothing"]
