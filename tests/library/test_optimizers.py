"""Update rules: what their docstrings print is what runs, and the lifted step equals the papers' formulas."""

import numpy as np
import pytest

from symgrad import calculus, notation
from symgrad.errors import ShapeError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.library.lift import per_entry, training_step
from symgrad.library.optimizers import adam, sgd

# names that the rules use (t, lr, m_W) are taken here on purpose; A has one axis size twice; c has rank 0
MODEL = """
x: input[n, d]
t: input[n]
lr: input
W: parameter[d, h]
A: parameter[h, h]
c: parameter
m_W[n,h] = sum[d](x[n,d]*W[d,h])
u[n,i] = sum[h](m_W[n,h]*A[h,i])
L = mean[n]((sum[h](u[n,h]) + c - t[n]*lr)**2)
"""
PARAMETERS = ("W", "A", "c")


def gradient_system():
    return calculus.gradient(calculus.prepare(notation.parse(MODEL)), "L", PARAMETERS)


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"x": (5, 3), "t": (5,), "lr": (), "W": (3, 2), "A": (2, 2), "c": ()}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def run(optimizer, steps):
    """The parameters after some steps of the joined System, by the interpreter."""
    gradient = gradient_system()
    training = optimizer.step(gradient, {p: f"dL_d{p}" for p in PARAMETERS}, ("L",))
    system = check(training.system)
    values = arrays() | {training.shared[n]: np.array(v) for n, v in optimizer.values.items()}
    for tensor in system.declared("state"):
        values[tensor.name] = np.zeros([{"D": 3, "H": 2, "I": 2}[str(s)] for s in tensor.shape])
    for _ in range(steps):
        results = interpret(system, values)
        values |= {name: results[following] for name, following in system.updates.items()}
    return {p: values[p] for p in PARAMETERS}


def reference(steps, update):
    gradient, values, memory = gradient_system(), arrays(), {}
    for step in range(1, steps + 1):
        slopes = interpret(gradient, values)
        values |= {p: update(values[p], slopes[f"dL_d{p}"], memory.setdefault(p, {}), step) for p in PARAMETERS}
    return {p: values[p] for p in PARAMETERS}


def adam_by_hand(w, g, memory, t, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    """Kingma and Ba, Algorithm 1, in NumPy."""
    memory["m"] = beta1 * memory.get("m", 0) + (1 - beta1) * g
    memory["v"] = beta2 * memory.get("v", 0) + (1 - beta2) * g**2
    m_hat, v_hat = memory["m"] / (1 - beta1**t), memory["v"] / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps)


def differs(a, b):
    # same formula, same order of operations up to one rounding each: a few ulp after three steps
    return any(not np.allclose(a[p], b[p], rtol=1e-12, atol=1e-14) for p in PARAMETERS)


def test_adam_step_is_algorithm_1():
    assert not differs(run(adam(0.01), 3), reference(3, adam_by_hand))


def test_the_comparison_sees_a_wrong_rule():
    def uncorrected(w, g, memory, t):
        return adam_by_hand(w, g, memory, 10**6)  # as good as without the correction of the start

    assert differs(run(adam(0.01), 3), reference(3, uncorrected))
    assert differs(run(sgd(0.01), 3), reference(3, adam_by_hand))


def test_sgd_step():
    assert not differs(run(sgd(0.01), 3), reference(3, lambda w, g, memory, t: w - 0.01 * g))


@pytest.mark.parametrize("optimizer", [sgd, adam])
def test_docstring_prints_the_equations_that_run(optimizer):
    sources = [eq.source for eq in optimizer().system.equations if eq.source]
    assert sources
    for source in sources:
        assert source in optimizer.__doc__
    assert all(line in optimizer.__doc__ for line in optimizer().equations)


def test_states_of_an_entry_and_shared_scalars():
    rule = adam().system
    assert per_entry(rule, ("w", "g")) >= {"w", "g", "m", "v", "m_next", "v_next", "m_hat", "v_hat", "w_next"}
    assert not per_entry(rule, ("w", "g")) & {"t", "t_next", "lr", "beta1", "c1", "c2"}


def test_names_that_are_taken_get_others():
    step = adam().step(gradient_system(), {p: f"dL_d{p}" for p in PARAMETERS})
    assert step.shared["t"] == "t_1" and step.shared["lr"] == "lr_1"
    assert step.system.updates["W"] == "W_next"
    assert "m_W_1" in step.system.updates  # m_W is a tensor of the model
    assert sum(name.startswith("t_next") for name in step.system.updates.values()) == 1  # one clock for all parameters


def test_a_rule_with_axes_is_refused():
    rule = notation.parse("w: parameter[n]\ng: input[n]\nw_next[n] = w[n] - g[n]\nupdates: w -> w_next")
    with pytest.raises(ShapeError, match="written for one scalar; w, g, w_next has axes"):
        training_step(gradient_system(), rule, {"W": "dL_dW"})
