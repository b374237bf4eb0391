"""Loop-invariant and repeated calls in the kernel form; even functions of a root; the Jacobian of bundle adjustment."""

import numpy as np
import pytest
from structures import PROJECTION
from sympy import Function, Integer

import symgrad as sg
from symgrad.calculus.hoist import RULE
from symgrad.calculus.rewrite import replays
from symgrad.functions import apply
from symgrad.ir.access import reads

BUNDLE = """
r, C, X: parameter[i]
f, k1, k2, w: parameter
x0: parameter[a]
y: input[a]
th = sqrt(sum[i](r[i]**2))
v = X - C
q = v*cos(th) + cross(r, v)*(sin(th)/th) + r*(sum(r*v)*(1 - cos(th))/th**2)
p[0] = q[0]/q[2]
p[1] = q[1]/q[2]
rho = sum[a](p[a]**2)
e[a] = w*(f*(1 + k1*rho + k2*rho**2)*p[a] + x0[a] - y[a])
outputs: e
"""
COLUMNS = ("r", "C", "f", "x0", "k1", "k2", "X", "w")  # 15 columns in all


def test_bundle_adjustment_jacobian_is_small_and_finite_at_zero_rotation():
    """adbench.md: 2 x 15; the plain formula is NaN at r = 0 and loses 8 digits at |r| = 1e-8."""
    model = sg.program(BUNDLE, sizes={"i": 3, "a": 2})
    jacobian = model.jacobian("e", COLUMNS)
    assert jacobian.flops() <= 400
    rng = np.random.default_rng(0)
    arrays = {n: rng.normal(size=s) for n, s in {"r": 3, "C": 3, "x0": 2, "y": 2}.items()}
    arrays |= {"X": rng.normal(size=3) + 5, "f": 1.1, "k1": 0.1, "k2": 0.01, "w": 0.7}
    for scale in (1.0, 1e-4, 1e-8, 1e-160, 0.0):
        at = {**arrays, "r": scale * arrays["r"]}
        found = jacobian.evaluate(**at)
        for name in COLUMNS:
            # 1e-8: differences with step 1e-6 on values of order 1 to 10
            assert found[f"de_d{name}"] == pytest.approx(differences(model, at, name), abs=1e-8)


BATCH = f"""
r, X: parameter[n, i]
f, k1, k2: parameter[n]
{PROJECTION}rho[n] = sum[a](p[n,a]**2)
e[n,a] = f[n]*(1 + k1[n]*rho[n] + k2[n]*rho[n]**2)*p[n,a]
outputs: e
"""


def test_a_batch_of_observations_costs_what_each_of_them_costs():
    """The 2 x 2 and 2 x 3 derivatives on the way are blocks of each observation: neither dense nor kept in pieces."""
    model = sg.program(BATCH, sizes={"i": 3, "a": 2})
    jacobian = model.jacobian("e", ("r", "X", "f"))
    (size,) = jacobian.flops().free_symbols
    assert (420 * size - jacobian.flops()).is_nonnegative  # 401 N; with the blocks in pieces 829 N
    assert [jacobian.structure(name).storage for name in jacobian.outputs[1:]] == [6 * size, 6 * size, 2 * size]
    cores = [s for s in jacobian.kernel.log if s.rule.name.startswith("structure")]
    assert cores and all(map(replays, cores))
    rng = np.random.default_rng(0)
    arrays = {"r": rng.normal(size=(2, 3)), "X": rng.normal(size=(2, 3)) + 5, "f": [1.1, 0.9], "k1": [0.1, 0.2]}
    arrays["k2"] = [0.01, 0.02]
    found = jacobian.evaluate(**arrays)
    for name in ("r", "X", "f"):  # 1e-8: as above
        assert found[f"de_d{name}"] == pytest.approx(differences(model, arrays, name), abs=1e-8)


def differences(model: sg.Program, arrays: dict, name: str, step: float = 1e-6) -> np.ndarray:
    base, columns = np.asarray(arrays[name], dtype=float), []
    for cell in np.ndindex(base.shape):
        move = np.zeros_like(base)
        move[cell] = step
        up, down = (model.evaluate(**{**arrays, name: base + s * move})["e"] for s in (1, -1))
        columns.append((up - down) / (2 * step))
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *base.shape)


@pytest.mark.parametrize("formula, order", [
    ("cos(u)", 0), ("sin(u)/u", 1), ("sinc(u)", 1), ("(1 - cos(u))/u**2", 2), ("3*(2 - 2*cos(u))/(u*u)", 2),
    ("cos(sqrt(s))", 0), ("sin(sqrt(s))/sqrt(s)", 1), ("(1 - cos(sqrt(s)))/s", 2),
])  # fmt: skip
def test_even_functions_of_a_root_are_seen(formula, order):
    program = sg.program(f"x: parameter[i]\ns = sum[i](x[i]**2)\nu = sqrt(s)\ny = {formula}")
    bodies = [t.body for eq in program.raw.equations for t in eq.terms]
    assert any(b.has(apply("stumpff", Integer(0), Integer(1)).func) and b.args[0] in (order, 6) for b in bodies)
    at = np.array([0.3, -0.2])
    y = program.evaluate(x=at)["y"]
    with np.errstate(all="ignore"):
        u = np.sqrt((at**2).sum())
        plain = {0: np.cos(u), 1: np.sin(u) / u, 2: (1 - np.cos(u)) / u**2}[order] * (6 if "3*" in formula else 1)
    assert y == pytest.approx(plain, rel=1e-14)
    assert np.isfinite(program.gradient("y").evaluate(x=np.zeros(2))["dy_dx"]).all()


@pytest.mark.parametrize("formula", ["sin(u)", "sin(u)*u", "(1 - cos(u))/u", "cos(u)/u", "(1 + cos(u))/u**2"])
def test_what_is_no_power_series_stays_what_it_is(formula):
    program = sg.program(f"x: parameter[i]\nu = sqrt(sum[i](x[i]**2))\ny = {formula}")
    u = 0.7
    plain = {"sin(u)": np.sin(u), "sin(u)*u": np.sin(u) * u, "(1 - cos(u))/u": (1 - np.cos(u)) / u,
             "cos(u)/u": np.cos(u) / u, "(1 + cos(u))/u**2": (1 + np.cos(u)) / u**2}[formula]  # fmt: skip
    assert program.evaluate(x=[u])["y"] == pytest.approx(plain, rel=1e-14)


def calls(program: sg.Program) -> list:
    return [t.body for eq in program.kernel.equations for t in eq.terms if t.body.has(Function)]


def test_an_invariant_call_leaves_its_loop():
    program = sg.program("s: input\nw: input[a, i]\nx: input[i]\ny[a,i] = w[a,i]*exp(s)*tanh(x[i])*w[a,i]")
    assert sorted(str(b.func) for b in calls(program)) == ["exp", "tanh"]
    sizes = {str(s): s for s in program.flops().free_symbols}
    assert program.flops().coeff(sizes["I"], 1).coeff(sizes["A"], 0) == 10  # one tanh for each i, not for each a, i
    rng = np.random.default_rng(0)
    arrays = {"s": 0.3, "w": rng.normal(size=(2, 3)), "x": rng.normal(size=3)}
    expected = arrays["w"] ** 2 * np.exp(0.3) * np.tanh(arrays["x"])
    assert program.evaluate(**arrays)["y"] == pytest.approx(expected, rel=1e-14)
    assert all(replays(s) for s in program.kernel.log if s.rule == RULE)


def test_a_call_that_a_tensor_holds_is_read():
    program = sg.program("x: parameter[n]\np[n] = exp(x[n])\ny[n] = x[n]*exp(x[n])\noutputs: p, y")
    assert len(calls(program)) == 1


def test_a_shifted_read_and_an_untaken_branch_stay_where_they_are():
    program = sg.program("x: parameter[n]\na: input\nu: input[n, k]\n"
                         "y[n,k] = where(n > 0, exp(x[n-1])*u[n,k], 0) + where(a > 0, log(a), 0)*u[n,k]")
    made = [t.body for eq in program.kernel.equations if not eq.source for t in eq.terms]
    assert not any(a.name == "x" for body in made for a in reads(body))
    got = program.evaluate(x=[0.0, 1.0], a=-1.0, u=np.ones((2, 1)))["y"]
    assert got == pytest.approx(np.array([[0.0], [1.0]]))
