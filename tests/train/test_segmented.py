"""Gradients by segments: equal to those with all states stored, in memory that grows with the root of the steps."""

import tracemalloc

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import RecurrenceError, SymgradError
from symgrad.train import segmented

RNN = """
    x: input[t, n, i]
    y: input[n, j]
    h0: parameter[n, j]
    U: parameter[j, i]
    W: parameter[j, j]
    h[t,n,j] = where(t == 0, h0[n,j], tanh(sum[k](W[j,k]*h[t-1,n,k]) + sum[i](U[j,i]*x[t,n,i])))
    L = mean[n,j]((h[T-1,n,j] - y[n,j])**2) + sum[j,k](W[j,k]**2)/10"""
FILTER = """
    y: input[t]
    q, s: parameter, positive
    P[t] = where(t == 0, 1, (1 - K[t-1])*P[t-1] + q)
    K[t] = P[t]/(P[t] + s)
    m[t] = where(t == 0, 0, m[t-1] + K[t-1]*(y[t-1] - m[t-1]))
    L = sum[t](log(P[t] + s)/2 + (y[t] - m[t])**2/(2*(P[t] + s)))"""
PROGRAMS = {
    "rnn": RNN,
    "filter": FILTER,
    "two steps back": """
        e: parameter[t]
        a, b: parameter
        f[t] = where(t < 2, e[t], a*f[t-1] + b*f[t-2]*e[t])
        L = log(1 + sum[t](f[t]**2))""",
    "best path": """
        e: parameter[t, k]
        A: parameter[k, k]
        v[t,k] = e[t,k] + where(t == 0, 0, max[j](v[t-1,j] + A[j,k]))
        L = max[k](v[T-1,k])""",
    "an entry by data": """
        last: label[n] over t
        x: input[t, n]
        a: parameter
        h[t,n] = tanh(x[t,n] + where(t > 0, a*h[t-1,n], 0))
        L = sum[n](h[last[n],n]**2)""",
    "differences of states": """
        x: parameter[t]
        a: parameter
        B: parameter[i, i]
        D = det(B)
        h[t] = where(t == 0, x[0], tanh(h[t-1]*a*D) + x[t])
        g[t] = sigmoid(h[t])
        L = sum[t, t > 0]((g[t] - g[t-1])**2*t)""",
}  # fmt: skip
SHAPES = {"t": 7, "n": 3, "i": 2, "j": 4, "k": 4}


def point(program, steps=7):
    rng = np.random.default_rng(3)
    arrays = {}
    for tensor in program.raw.declared():
        shape = [steps if letter == "t" else SHAPES[letter] for letter in tensor.letters]
        values = rng.integers(0, steps, shape) if tensor.dtype == "int" else rng.normal(size=shape) / 2
        arrays[tensor.name] = np.abs(values) + 0.5 if tensor.has("positive") else values
    return arrays


@pytest.mark.parametrize("length", [1, 2, 3, 6])
@pytest.mark.parametrize("name", PROGRAMS)
def test_segments_give_the_gradient(name, length):
    model = sg.program(PROGRAMS[name])
    arrays, gradient = point(model), model.gradient("L")
    if name == "two steps back" and length == 1:
        length = 2
    found = gradient.segmented(length, target="interpreter")(**arrays)
    expected = gradient.evaluate(**arrays)
    assert list(found) == list(expected)
    for output, value in expected.items():
        np.testing.assert_allclose(found[output], value, rtol=1e-12, atol=1e-14)  # another order of sums


def test_a_wrong_seed_is_seen(monkeypatch):
    """The negative control: adjoints that do not cross from one segment to the one before it."""
    model = sg.program(FILTER)
    arrays, gradient = point(model), model.gradient("L")
    cut = gradient.segmented(2, target="interpreter")
    monkeypatch.setattr(segmented.np, "zeros_like", np.ones_like)
    assert abs(cut(**arrays)["dL_dq"] - gradient.evaluate(**arrays)["dL_dq"]) > 1e-3


def peak(run, arrays):
    tracemalloc.start()
    run(**arrays)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_grows_with_the_root_of_the_steps(monkeypatch):
    """16 times the steps: 16 times the states stored, or 4 times those of a segment and as many between segments."""
    monkeypatch.setattr(segmented, "STORED", 0)
    monkeypatch.setitem(SHAPES, "n", 2000)
    model = sg.program("h0: parameter[n] \n a: parameter \n w: input[t]\n"
                       "h[t,n] = where(t == 0, h0[n], sin(a*h[t-1,n])*w[t]) \n L = sum[n](h[T-1,n]**2)")  # fmt: skip
    gradient = model.gradient("L")
    short, long = (point(model, steps) for steps in (9, 144))
    cut = gradient.segmented(target="interpreter")
    _ = cut(**short), gradient.evaluate(**short)  # derived and imported before memory is measured
    few, many = peak(cut, short), peak(cut, long)
    assert many < 6 * few and peak(gradient.evaluate, long) > 10 * peak(gradient.evaluate, short)
    assert many < peak(gradient.evaluate, long) / 3


def test_kernels():
    text = "x: input[t] \n a: parameter \n h[t] = where(t == 0, a, x[t]*h[t-1]**2 + a) \n L = sum[t](h[t]**2)"
    model = sg.program(text)
    arrays, gradient = point(model, 400), model.gradient("L")
    found = gradient.segmented(20)(**arrays)
    for output, value in gradient.evaluate(**arrays).items():
        np.testing.assert_allclose(found[output], value, rtol=1e-9)  # sums of 400 terms in another order


def test_the_rule(monkeypatch):
    """Everything is stored where that is little; else about the root of the steps, or the length that was asked for."""
    model = sg.program(FILTER)
    arrays, gradient = point(model, 50), model.gradient("L")
    made = gradient.segmented(target="interpreter")
    sizes = {made.cut.size: 50}
    assert made.chosen(50, sizes) == 50
    monkeypatch.setattr(segmented, "STORED", 1000)
    assert made.chosen(50, sizes) == 8
    assert made(**arrays)["L"] == pytest.approx(gradient.evaluate(**arrays)["L"], rel=1e-12)


REFUSED = {
    "a sum over all steps": (
        "x: input[t] \n a: parameter \n h[t] = where(t == 0, a, a*h[t-1]) + x[t] \n s = sum[t](h[t]) \n"
        " g[t] = where(t == 0, s, g[t-1]*h[t]) \n L = g[T-1]", "g depends on a sum over all steps"),
    "a step that data choose": (
        "p: label[t] over t \n x: parameter[t] \n h[t] = tanh(x[t] + where(p[t] < t, h[p[t]], 0)) \n L = sum[t](h[t])",
        r"h\[p\[t\]\] is not a step that has been computed"),
    "no recurrence": ("x: parameter[t] \n L = sum[t](x[t]**2)", "it has no recurrence"),
    "an extreme over steps": (
        "a: parameter \n x: input[t] \n h[t] = where(t == 0, a, a*h[t-1]) + x[t] \n L = max[t](h[t])",
        "takes all steps at once"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut(name):
    text, why = REFUSED[name]
    with pytest.raises(RecurrenceError, match=why):
        sg.program(text).gradient("L").segmented()


def test_what_is_asked_for():
    model = sg.program(FILTER)
    with pytest.raises(SymgradError, match="segments are of a gradient"):
        model.segmented()
    with pytest.raises(SymgradError, match="a segment has a whole number of steps, not 0"):
        model.gradient("L").segmented(0)
