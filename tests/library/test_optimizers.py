"""Update rules: what their docstrings print is what runs, and the lifted step equals the papers' formulas."""

import numpy as np
import pytest

from symgrad import calculus, notation
from symgrad.errors import ShapeError, SymgradError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.library import optimizers, schedules
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


def adamw_by_hand(w, g, memory, t):
    return adam_by_hand(w, g, memory, t) - 0.01 * 0.1 * w


def adamax_by_hand(w, g, memory, t):
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["u"] = np.maximum(0.999 * memory.get("u", 0), np.abs(g) + 1e-8)
    return w - 0.01 / (1 - 0.9**t) * memory["m"] / memory["u"]


def momentum_by_hand(w, g, memory, t):
    memory["b"] = 0.9 * memory["b"] + g if t > 1 else g
    return w - 0.01 * memory["b"]


def nesterov_by_hand(w, g, memory, t):
    momentum_by_hand(w, g, memory, t)
    return w - 0.01 * (g + 0.9 * memory["b"])


def adagrad_by_hand(w, g, memory, t):
    memory["s"] = memory.get("s", 0) + g * g
    return w - 0.01 / (1 + (t - 1) * 0.5) * g / (np.sqrt(memory["s"]) + 1e-10)


def adadelta_by_hand(w, g, memory, t):
    """Zeiler, Algorithm 1."""
    memory["v"] = 0.9 * memory.get("v", 0) + 0.1 * g * g
    step = np.sqrt(memory.get("u", 0) + 1e-6) / np.sqrt(memory["v"] + 1e-6) * g
    memory["u"] = 0.9 * memory.get("u", 0) + 0.1 * step * step
    return w - step


def rmsprop_by_hand(w, g, memory, t, centered=False):
    memory["v"] = 0.99 * memory.get("v", 0) + 0.01 * g * g
    memory["a"] = 0.99 * memory.get("a", 0) + 0.01 * g
    spread = memory["v"] - memory["a"] ** 2 if centered else memory["v"]
    return w - 0.01 * g / (np.sqrt(spread) + 1e-8)


def rmsprop_with_momentum_by_hand(w, g, memory, t):
    memory["b"] = 0.9 * memory.get("b", 0) + (w - rmsprop_by_hand(w, g, memory, t)) / 0.01
    return w - 0.01 * memory["b"]


def nadam_by_hand(w, g, memory, t):
    """torch.optim.NAdam, as its documentation writes it."""
    mu, later = (0.9 * (1 - 0.5 * 0.96 ** (s * 0.004)) for s in (t, t + 1))
    product = memory["product"] = memory.get("product", 1) * mu
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * g * g
    m_hat = later * memory["m"] / (1 - product * later) + (1 - mu) * g / (1 - product)
    return w - 0.01 * m_hat / (np.sqrt(memory["v"] / (1 - 0.999**t)) + 1e-8)


def radam_by_hand(w, g, memory, t, beta2=0.9):
    """torch.optim.RAdam, as its documentation writes it; a small beta2, so that both branches run in few steps."""
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["v"] = beta2 * memory.get("v", 0) + (1 - beta2) * g * g
    most = 2 / (1 - beta2) - 1
    rho, m_hat = most - 2 * t * beta2**t / (1 - beta2**t), memory["m"] / (1 - 0.9**t)
    if rho <= 5:
        return w - 0.01 * m_hat
    scale = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
    return w - 0.01 * m_hat * scale * np.sqrt(1 - beta2**t) / (np.sqrt(memory["v"]) + 1e-8)


def lion_by_hand(w, g, memory, t):
    c = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["m"] = 0.99 * memory.get("m", 0) + 0.01 * g
    return w - 0.01 * (np.sign(c) + 0.1 * w)


def differs(a, b):
    # same formula, same order of operations up to one rounding each: a few ulp after some steps
    return any(not np.allclose(a[p], b[p], rtol=1e-11, atol=1e-13) for p in PARAMETERS)


RULES = {
    "sgd": (optimizers.sgd(0.01), lambda w, g, memory, t: w - 0.01 * g),
    "sgd with decay": (optimizers.sgd(0.01, weight_decay=0.1), lambda w, g, memory, t: w - 0.01 * (g + 0.1 * w)),
    "adam": (optimizers.adam(0.01), adam_by_hand),
    "adam with decay": (
        optimizers.adam(0.01, weight_decay=0.1), lambda w, g, memory, t: adam_by_hand(w, g + 0.1 * w, memory, t)
    ),
    "adamw": (optimizers.adamw(0.01, weight_decay=0.1), adamw_by_hand),
    "adamax": (optimizers.adamax(0.01), adamax_by_hand),
    "momentum": (optimizers.momentum(0.01), momentum_by_hand),
    "nesterov": (optimizers.nesterov(0.01), nesterov_by_hand),
    "adagrad": (optimizers.adagrad(0.01, lr_decay=0.5), adagrad_by_hand),
    "adadelta": (optimizers.adadelta(), adadelta_by_hand),
    "rmsprop": (optimizers.rmsprop(), rmsprop_by_hand),
    "rmsprop centered": (
        optimizers.rmsprop(centered=True), lambda w, g, memory, t: rmsprop_by_hand(w, g, memory, t, True)
    ),
    "rmsprop with momentum": (optimizers.rmsprop(momentum=0.9), rmsprop_with_momentum_by_hand),
    "nadam": (optimizers.nadam(0.01), nadam_by_hand),
    "radam": (optimizers.radam(0.01, beta2=0.9), radam_by_hand),
    "lion": (optimizers.lion(0.01, weight_decay=0.1), lion_by_hand),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
@pytest.mark.row("F3", "F4", "F5")
def test_a_rule_is_its_paper_in_numpy(name):
    optimizer, by_hand = RULES[name]
    assert not differs(run(optimizer, 8), reference(8, by_hand))


def test_every_rule_is_compared():
    assert {optimizer.name for optimizer, _ in RULES.values()} == set(optimizers.NAMES)


def test_the_comparison_sees_a_wrong_rule():
    def uncorrected(w, g, memory, t):
        return adam_by_hand(w, g, memory, 10**6)  # as good as without the correction of the start

    assert differs(run(adam(0.01), 3), reference(3, uncorrected))
    assert differs(run(sgd(0.01), 3), reference(3, adam_by_hand))


@pytest.mark.parametrize("name", optimizers.NAMES)
def test_docstring_prints_the_equations_that_run(name):
    function = getattr(optimizers, name)
    sources = [eq.source for eq in function().system.equations if eq.source]
    assert sources
    for source in sources:
        assert source in function.__doc__
    assert all(line in function.__doc__ for line in function().equations)


def clipped(gradients, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    return {p: g * min(1, max_norm / (norm + 1e-6)) for p, g in gradients.items()}


@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_the_norm_is_of_all_gradients_together(max_norm):
    slopes = interpret(gradient_system(), arrays())
    wanted = clipped({p: slopes[f"dL_d{p}"] for p in PARAMETERS}, max_norm)
    found, start = run(sgd(0.1).clip_norm(max_norm), 1), arrays()
    for p in PARAMETERS:
        np.testing.assert_allclose(found[p], start[p] - 0.1 * wanted[p], rtol=1e-12)  # a few roundings
    assert differs(found, run(sgd(0.1), 1)) == (max_norm < 1)


def test_a_gradient_of_zero_is_not_divided_by():
    rule = optimizers.sgd().clip_norm(1.0).system
    values = {"w": 1.0, "g": 0.0, "g_norm": 0.0, "lr": 0.1, "max_norm": 1.0}
    assert interpret(rule, values)["w_next"] == 1


@pytest.mark.row("F6")
def test_clipping_by_value_and_then_by_the_norm():
    slopes = interpret(gradient_system(), arrays())
    found, start = run(sgd(0.1).clip_value(0.3), 1), arrays()
    for p in PARAMETERS:
        np.testing.assert_allclose(found[p], start[p] - 0.1 * np.clip(slopes[f"dL_d{p}"], -0.3, 0.3), rtol=1e-12)
    assert adam().clip_value(1).clip_norm(1).equations[0].startswith("clip = ")
    with pytest.raises(SymgradError, match="clip by value first, then by the norm"):
        adam().clip_norm(1).clip_value(1)
    with pytest.raises(SymgradError, match="adam already has g_clipped"):
        adam().clip_norm(1).clip_norm(2)
    with pytest.raises(SymgradError, match="max_norm of adam"):
        adam().clip_norm(float("nan"))


@pytest.mark.parametrize("optimizer", [sgd(0.5), adam(0.5), optimizers.adamw(0.5)])
def test_a_scheduled_rule_is_the_rule_at_the_rate_of_the_step(optimizer):
    """Its own clock (Adam) or a new one (SGD): the first step is number 0."""
    schedule = schedules.cosine(T_max=6)
    scheduled = optimizer.scheduled(schedule).system
    memory = {t.name: 0.0 for t in scheduled.declared("state")}
    values = {"w": 2.0, "g": 0.7, **optimizer.scheduled(schedule).values}
    for step in range(4):
        plain = interpret(optimizer.system, values | memory | {"lr": schedule(step, 0.5)})
        found = interpret(scheduled, values | memory)
        assert float(found["w_next"]) == pytest.approx(float(plain["w_next"]), rel=1e-14)
        memory = {n: found[f"{n}_next"] for n in memory}


def test_a_schedule_of_something_else_is_refused():
    with pytest.raises(SymgradError, match="beta3 is not a number of adam; it has lr, beta1, beta2, eps"):
        adam().scheduled(schedules.cosine(10), "beta3")
    with pytest.raises(SymgradError, match=r"a schedule is one of sg.schedules, as in cosine\(1000\); it is 0.1"):
        adam().scheduled(0.1)
    with pytest.raises(AttributeError, match="there is no schedule cosin; there are constant, cosine"):
        schedules.cosin  # noqa: B018


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
