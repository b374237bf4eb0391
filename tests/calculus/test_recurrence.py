"""Recurrences from the text to the kernel: values, gradients, second order, the closed form, kernels."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from sympy import Lt, Poly

import symgrad as sg
from symgrad.api import Program
from symgrad.errors import RecurrenceError
from symgrad.ir.access import Index, Size
from symgrad.ir.interpret import interpret
from symgrad.ir.recurrence import Scan, arranged, groups
from symgrad.kernels.loops import Dot, everything
from symgrad.kernels.lower import lower
from symgrad.kernels.schedule.plan import schedule
from symgrad.verify import checks, draw, subjects

t = Index("t")

PROGRAMS = {
    "rnn": ("""
        x: input[t, n, i]
        y: input[n, j]
        h0: parameter[n, j]
        U: parameter[j, i]
        W: parameter[j, j]
        b: parameter[j]
        h[t,n,j] = where(t == 0, h0[n,j], tanh(sum[k](W[j,k]*h[t-1,n,k]) + sum[i](U[j,i]*x[t,n,i]) + b[j]))
        L = mean[n,j]((h[T-1,n,j] - y[n,j])**2)""", None),
    "gru": ("""
        x: input[n, t, i]
        y: input[n, j]
        Vz, Vr, Vh: parameter[j, i]
        Uz, Ur, Uh: parameter[j, j]
        p[n,t,j] = where(t == 0, 0, h[n,t-1,j])
        z[n,t,j] = sigmoid(sum[i](Vz[j,i]*x[n,t,i]) + sum[k](Uz[j,k]*p[n,t,k]))
        r[n,t,j] = sigmoid(sum[i](Vr[j,i]*x[n,t,i]) + sum[k](Ur[j,k]*p[n,t,k]))
        c[n,t,j] = tanh(sum[i](Vh[j,i]*x[n,t,i]) + sum[k](Uh[j,k]*r[n,t,k]*p[n,t,k]))
        h[n,t,j] = (1 - z[n,t,j])*p[n,t,j] + z[n,t,j]*c[n,t,j]
        L = mean[n,j]((h[n,T-1,j] - y[n,j])**2)""", None),
    "lstm": ("""
        x: input[t, n, i]
        y: input[t, n, j]
        Vf, Vi, Vo, Vg: parameter[j, i]
        Uf, Ui, Uo, Ug: parameter[j, j]
        f[t,n,j] = sigmoid(sum[i](Vf[j,i]*x[t,n,i]) + where(t > 0, sum[k](Uf[j,k]*h[t-1,n,k]), 0))
        e[t,n,j] = sigmoid(sum[i](Vi[j,i]*x[t,n,i]) + where(t > 0, sum[k](Ui[j,k]*h[t-1,n,k]), 0))
        o[t,n,j] = sigmoid(sum[i](Vo[j,i]*x[t,n,i]) + where(t > 0, sum[k](Uo[j,k]*h[t-1,n,k]), 0))
        g[t,n,j] = tanh(sum[i](Vg[j,i]*x[t,n,i]) + where(t > 0, sum[k](Ug[j,k]*h[t-1,n,k]), 0))
        c[t,n,j] = e[t,n,j]*g[t,n,j] + where(t > 0, f[t,n,j]*c[t-1,n,j], 0)
        h[t,n,j] = o[t,n,j]*tanh(c[t,n,j])
        L = mean[t,n,j]((h[t,n,j] - y[t,n,j])**2)""", None),
    "fibonacci": ("a, b: parameter\nf[t] = where(t < 2, 1, a*f[t-1] + b*f[t-2])\nL = f[T-1]", {"t": 7}),
    "filter": ("""
        y: input[t]
        q, s: parameter, positive
        P[t] = where(t == 0, 1, (1 - K[t-1])*P[t-1] + q)
        K[t] = P[t]/(P[t] + s)
        m[t] = where(t == 0, 0, m[t-1] + K[t-1]*(y[t-1] - m[t-1]))
        L = sum[t](log(P[t] + s)/2 + (y[t] - m[t])**2/(2*(P[t] + s)))""", None),
    "euler": ("""
        A: parameter[i, i]
        a: parameter[i]
        u: input[t, i]
        x[0,i] = a[i]
        x[t+1,i] = x[t,i] + (sum[j](A[i,j]*x[t,j]) + u[t,i])/10
        L = sum[t,i](x[t,i]**2)""", None),
    "forward substitution": ("""
        A: parameter[i, i]
        b: parameter[i]
        x[i] = (b[i] - sum[j, j < i](A[i,j]*x[j]))/A[i,i]
        L = sum[i](x[i]**2)""", None),
    "first entry": ("""
        x: input[t]
        a: parameter
        h[t] = where(t == 0, a, h[t-1]*exp(-h[0]**2) + x[t])
        L = sum[t](h[t])""", None),
    "tree": ("""
        p: label[t] over t
        x: parameter[t]
        h[t] = tanh(x[t] + where(p[t] < t, h[p[t]], 0))
        L = sum[t](h[t]**2)""", None),
    "last entry by data": ("""
        last: label[n] over t
        x: input[t, n]
        a: parameter
        h[t,n] = tanh(x[t,n] + where(t > 0, a*h[t-1,n], 0))
        L = sum[n](h[last[n],n]**2)""", None),
    "best path": ("""
        e: parameter[t, k]
        A: parameter[k, k]
        v[t,k] = e[t,k] + where(t == 0, 0, max[j](v[t-1,j] + A[j,k]))
        L = max[k](v[T-1,k])""", None),
}  # fmt: skip
ADBENCH = """
    s: input[t, j]
    h0, c0: parameter[l, j]
    W, B: parameter[l, b, j]
    e0, e1, e2: parameter[j]
    x[t,l,j] = where(l == 0, s[t,j]*e0[j], h[t,l-1,j])
    p[t,l,j] = where(t == 0, h0[l,j], h[t-1,l,j])
    f[t,l,j] = sigmoid(x[t,l,j]*W[l,0,j] + B[l,0,j])
    i[t,l,j] = sigmoid(p[t,l,j]*W[l,1,j] + B[l,1,j])
    o[t,l,j] = sigmoid(x[t,l,j]*W[l,2,j] + B[l,2,j])
    z[t,l,j] = tanh(p[t,l,j]*W[l,3,j] + B[l,3,j])
    c[t,l,j] = f[t,l,j]*where(t == 0, c0[l,j], c[t-1,l,j]) + i[t,l,j]*z[t,l,j]
    h[t,l,j] = o[t,l,j]*tanh(c[t,l,j])
    y[t,j] = h[t,size(l)-1,j]*e1[j] + e2[j]
    n[t] = log(2 + sum[j](exp(y[t,j])))
    F = -sum[t, j, t < T-1](s[t+1,j]*(y[t,j] - n[t]))/((T-1)*J)
"""
made: dict[str, Program] = {}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
        yield


def gradient(name):
    if name not in made:
        made[name] = sg.program(*PROGRAMS[name]).gradient("L")
    return made[name]


def point(program, seed=1):
    return draw.finite_point(program.raw, seed)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in ("gru", "lstm")])
def test_gradient(name):
    """Three forms against differences, the dot product, and each other."""
    certificate = gradient(name).verify(kernel=False)
    assert certificate.ok, str(certificate)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_gates(name):
    """The certificate of twelve parameters takes a while: differences along one direction of all of them."""
    program, arrays = gradient(name), point(gradient(name))
    rng, out, step = np.random.default_rng(0), program.evaluate(**arrays), 1e-5
    names = [n.removeprefix("dL_d") for n in out if n != "L"]
    v = {n: rng.normal(size=arrays[n].shape) for n in names}
    ends = [program.evaluate(**{**arrays, **{n: arrays[n] + e * step * v[n] for n in names}})["L"] for e in (1, -1)]
    slope = sum(np.sum(out[f"dL_d{n}"] * v[n]) for n in names)
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-7)  # of the differences
    for form in (program.display, program.kernel):
        for n, value in interpret(form, arrays).items():
            np.testing.assert_allclose(value, out[n], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_runs_as_python(name):
    program = gradient(name)
    arrays = point(program)
    out, want = program.compile().run_python(**arrays), program.evaluate(**arrays)
    for output, value in want.items():
        np.testing.assert_allclose(out[output], value, rtol=1e-10, atol=1e-12)  # a few hundred roundings


@pytest.mark.parametrize(("name", "dtype"), [("rnn", "float64"), ("rnn", "float32"), ("filter", "float64")])
def test_kernels(name, dtype):
    program = gradient(name)
    arrays = point(program)
    out, want = program.compile(dtype=dtype, parallel=False)(**arrays), program.evaluate(**arrays)
    tolerance = {"float64": 1e-11, "float32": 2e-4}[dtype]  # the states round a few hundred times
    for output, value in want.items():
        np.testing.assert_allclose(out[output], value, rtol=tolerance, atol=tolerance)


def test_products_of_a_step_are_blas_calls():
    """On the slice of the step, whichever axis the time is; the weights' derivative is one product over all steps."""
    for name, slices in (("rnn", "product(h[t - 1],"), ("gru", "product(p[:, t],")):
        source = gradient(name).compile().source
        assert slices in source
        assert "for t in range(T - 1, -1, -1):" in source
    assert "address(h[0 : 0 + " in gradient("rnn").compile().source


# ------------------------------------------------------------------------------------------------------- second order
def along(program, arrays, wrt, v, step=1e-5):
    """The derivative of dL_d<wrt> along v, by central differences."""
    moved = [program.evaluate(**{**arrays, wrt: arrays[wrt] + sign * step * v})[f"dL_d{wrt}"] for sign in (1, -1)]
    return (moved[0] - moved[1]) / (2 * step)


@pytest.mark.parametrize(("name", "wrt"), [("euler", "A"), ("fibonacci", "a"), ("forward substitution", "b")])
def test_hessian(name, wrt):
    hessian, arrays = sg.program(*PROGRAMS[name]).hessian("L", wrt), point(gradient(name))
    v = np.random.default_rng(0).normal(size=np.shape(arrays[wrt]))
    whole = hessian.evaluate(**arrays)[f"d2L_d{wrt}_d{wrt}"]
    got = np.tensordot(whole, v, axes=v.ndim)
    np.testing.assert_allclose(got, along(gradient(name), arrays, wrt, v), rtol=1e-6, atol=1e-8)  # of the differences
    np.testing.assert_allclose(interpret(hessian.kernel, arrays)[f"d2L_d{wrt}_d{wrt}"], whole, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "wrt"), [("rnn", "W"), ("filter", "q")])
def test_hessian_times_a_vector(name, wrt):
    program, arrays = sg.program(*PROGRAMS[name]).hvp("L", wrt), point(gradient(name))
    v = np.random.default_rng(0).normal(size=np.shape(arrays[wrt]))
    got = program.evaluate(**arrays, **{f"{wrt}_dot": v})[f"L_hvp_{wrt}"]
    np.testing.assert_allclose(got, along(gradient(name), arrays, wrt, v), rtol=1e-6, atol=1e-8)


def test_jacobian_of_the_states():
    """The output reads itself: the seed of the sweep goes to a copy."""
    program = sg.program("x: parameter[t]\nP[t] = x[t]*where(t == 0, 1, P[t-1])").jacobian("P", "x")
    x = np.array([2.0, 3.0, 0.0, 5.0])
    want = [[np.prod(np.delete(x[: t + 1], s)) if s <= t else 0 for s in range(4)] for t in range(4)]
    np.testing.assert_array_equal(program.evaluate(x=x)["dP_dx"], want)


def test_tangents():
    program, arrays = sg.program(*PROGRAMS["lstm"]), point(gradient("lstm"))
    v = np.random.default_rng(0).normal(size=arrays["Uf"].shape)
    pushed = program.jvp("L", "Uf").evaluate(**arrays, Uf_dot=v)["L_dot"]
    assert pushed == pytest.approx(np.sum(gradient("lstm").evaluate(**arrays)["dL_dUf"] * v), rel=1e-12)


def test_a_derivative_inside_the_model_sees_the_past():
    """h[t] depends on x[0] too: the batch is the only axis along which entries do not see each other."""
    text = "x: parameter[n, t]\nh[n,t] = x[n,t]**2 + where(t > 0, h[n,t-1], 0)\ng[n] = diff(h[n,2], x[n,0])"
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(sg.program(text).evaluate(x=x)["g"], 2 * x[:, 0])


# ------------------------------------------------------------------------------------------------------- closed forms
def test_textbook_backpropagation_through_time():
    shown = str(gradient("rnn"))
    assert "dL_dW[j,i] = sum[n, t, t != 0](h[t - 1,n,i]*dL_dh[t,n,j]*(1 - h[t,n,j]**2))" in shown
    assert "sum[j_1](W[j_1,j]*dL_dh[t + 1,n,j_1]*(1 - h[t + 1,n,j_1]**2)*[t < T - 1])" in shown
    assert "dL_dh0[n,j] = dL_dh[0,n,j]" in shown
    latex = gradient("rnn").latex()
    assert r"h_{t + 1,n,j" in latex
    assert r"\begin{cases}" in latex


def test_the_derivation_names_the_rule():
    text = gradient("rnn").derivation.markdown()
    assert "backpropagation through time" in text
    assert "Werbos" in text


def test_the_adjoint_runs_the_other_way():
    units = [u for u in groups(gradient("lstm").raw.equations) if isinstance(u, Scan)]
    assert [u.descending for u in units] == [False, True]


# --------------------------------------------------------------------------------------------------------------- cost
@pytest.mark.parametrize("name", ["rnn", "gru", "lstm", "filter", "euler", "last entry by data", "best path"])
def test_work_is_linear_in_time(name):
    assert Poly(gradient(name).flops(), Size("T")).degree() == 1


def executed(kernel, arrays) -> int:
    """Lines of the un-jitted module that run."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if frame.f_code.co_filename != "<symgrad kernel, un-jitted>":
            return None
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        kernel.run_python(**arrays)
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("name", ["filter", "last entry by data"])
def test_kernels_are_linear_in_time(name):
    kernel, rng = gradient(name).compile(parallel=False), np.random.default_rng(0)

    def run(steps):
        arrays = {"y": rng.normal(size=steps), "q": 0.5, "s": 0.5}
        if name != "filter":
            arrays = {"last": np.arange(3), "x": rng.normal(size=(steps, 3)), "a": 0.5}
        return executed(kernel, arrays)

    short, long = run(40), run(80)
    assert long < 2.05 * short  # twice the steps; 4 would be quadratic


# --------------------------------------------------------------------------------------------------------- benchmarks
def reference(s, h0, c0, W, B, e0, e1, e2):
    """ADBench's LSTM objective, step by step."""
    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    h, c, total = h0.copy(), c0.copy(), 0.0
    for t in range(len(s) - 1):
        x = s[t] * e0
        for w, b, layer in zip(W, B, range(len(W))):
            f, i, o = sigmoid(x * w[0] + b[0]), sigmoid(h[layer] * w[1] + b[1]), sigmoid(x * w[2] + b[2])
            c[layer] = c[layer] * f + i * np.tanh(h[layer] * w[3] + b[3])
            x = h[layer] = o * np.tanh(c[layer])
        y = x * e1 + e2
        total += s[t + 1] @ (y - np.log(2 + np.exp(y).sum()))
    return -total / ((len(s) - 1) * s.shape[1])


def test_adbench_lstm():
    """Steps and layers are two ordered indices of one recurrence."""
    program = sg.program(ADBENCH, sizes={"b": 4})
    (scan,) = [u for u in groups(program.raw.equations) if isinstance(u, Scan)]
    assert scan.ordered("h") == (0, 1)
    rng, steps, layers, bits = np.random.default_rng(0), 5, 3, 4
    shapes = {"h0": (layers, bits), "c0": (layers, bits), "W": (layers, 4, bits), "B": (layers, 4, bits)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    arrays |= {name: rng.normal(size=bits) for name in ("e0", "e1", "e2")}
    arrays["s"] = (rng.random((steps, bits)) < 0.5).astype(float)
    assert program.evaluate(**arrays)["F"] == pytest.approx(reference(**arrays), rel=1e-13)
    derived = program.gradient("F")
    out = derived.compile().run_python(**arrays)
    want = derived.evaluate(**arrays)
    assert all(np.allclose(out[name], value, rtol=1e-10, atol=1e-13) for name, value in want.items())
    step = 1e-6 * rng.normal(size=(layers, 4, bits))
    moved = [reference(**{**arrays, "W": arrays["W"] + sign * step}) for sign in (1, -1)]
    assert np.sum(want["dF_dW"] * step) == pytest.approx((moved[0] - moved[1]) / 2, rel=1e-6)  # differences at 1e-6


# -------------------------------------------------------------------------------------------------- negative controls
def fails(change) -> bool:
    """Do differences refuse the RNN's gradient with other terms in dL_dh?"""
    program = gradient("rnn")
    equations = tuple(
        replace(eq, terms=tuple(t for term in eq.terms for t in change(term))) if eq.tensor == "dL_dh" else eq
        for eq in program.raw.equations
    )
    wrong = Program(program.raw.with_equations(arranged(equations)), program.origin)
    subject = next(s for s in subjects(wrong, point(program), 0) if s.wrt == "W")
    return not checks.central_differences(subject).passed


def test_what_reads_the_first_entry_stays_in_the_loop():
    """sin(h[0]) is loop-invariant, but not known before the loop: the kernel form leaves it there."""
    text = "x: input[t]\na: parameter\nh[t] = where(t == 0, a, h[t-1]*sin(h[0]) + x[t])\nL = sum[t](h[t])"
    program = sg.program(text)
    derived, arrays = program.gradient("L"), {"x": np.array([1.0, 2.0, 3.0]), "a": 0.7}
    h1 = 0.7 * np.sin(0.7) + 2
    want = 1 + (np.sin(0.7) + 0.7 * np.cos(0.7)) * (1 + np.sin(0.7)) + h1 * np.cos(0.7)
    for form in (derived.raw, derived.display, derived.kernel):
        assert interpret(form, arrays)["dL_da"] == pytest.approx(want, rel=1e-14)


def comes_back(term) -> bool:
    return any(a.name.startswith("dL_d") and t + 1 in a.indices for a in term.all_reads())


def test_differences_see_a_wrong_recurrence():
    T = Size("T")

    def late(term):
        return replace(term.map(lambda e: e.xreplace({t + 1: t + 2})), guard=(Lt(t, T - 2),))

    assert not fails(lambda term: [term])
    assert fails(lambda term: [] if comes_back(term) else [term])  # nothing comes back from later steps
    assert fails(lambda term: [late(term) if comes_back(term) else term])  # two steps back instead of one
    assert fails(lambda term: [term] if comes_back(term) else [])  # the last step is not told the loss


def test_a_forward_recurrence_is_no_adjoint():
    """The adjoint of step t that reads step t - 1 instead of t + 1 has no order together with the states' pieces."""
    program = gradient("rnn")
    wrong = [
        replace(eq, terms=tuple(term.map(lambda e: e.xreplace({t + 1: t})) for term in eq.terms))
        if eq.tensor == "dL_dh" else eq for eq in program.raw.equations
    ]  # fmt: skip
    with pytest.raises(RecurrenceError):
        groups(wrong)


def test_programs_with_recurrences_compose():
    host = sg.program("u: input[t]\nw: parameter\nx[t] = w*u[t]")
    inner = sg.program("x: input[t]\nk: parameter\nh[t] = x[t] + where(t > 0, k*h[t-1], 0)\nL = sum[t](h[t]**2)")
    whole = host.call(inner)
    assert whole.evaluate(u=[1.0, 1.0], w=2.0, k=0.5)["L"] == 4.0 + 9.0
    assert whole.gradient("L").verify(kernel=False).ok
    noisy = sg.program("x: input[t]\nz: noise[t]\nh[t] = x[t] + z[t] + where(t > 0, h[t-1], 0)")
    assert list(noisy.at(z=0).evaluate(x=[1.0, 2.0])["h"]) == [1.0, 3.0]


def test_without_slices_only_whole_matrices_are_multiplied():
    """What a GPU is given: no product of a part of a matrix, none in a step."""
    system = sg.program(PROGRAMS["rnn"][0]).gradient("L").kernel.prune()
    for slices in (True, False):
        kernel = lower(schedule(system, slices=slices))
        dots = [node for node in everything(kernel) if isinstance(node, Dot)]
        parts = [m for dot in dots for m in (dot.out, dot.a, dot.b) if m.start is not None or m.fixed]
        assert dots and bool(parts) == slices
