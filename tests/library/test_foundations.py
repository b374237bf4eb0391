"""The list of foundations: its page is current, and what no other test compares with an independent number."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import logsumexp

import symgrad as sg
from symgrad import analysis as ask
from symgrad import book
from symgrad.errors import CheckError, SymgradError
from symgrad.library.foundations import ROWS
from symgrad.library.gallery import GALLERY, entry
from symgrad.library.losses import PAIRS, PENALTIES
from symgrad.library.reports import EVIDENCE

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(4)
A, B, X = RNG.normal(size=(3, 3)), RNG.normal(size=3), RNG.normal(size=(3, 3)) + 4 * np.eye(3)


def script(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def derived(name, verb=0):
    return book.derived(entry(name))[verb]


# the page


def test_the_page_is_current():
    made = script(ROOT / "docs" / "foundations.py")
    assert made.PAGE.read_text(encoding="utf-8") == made.table(), "run: python docs/foundations.py"


def test_every_row_is_done():
    page = (ROOT / "docs" / "foundations.md").read_text(encoding="utf-8")
    assert page.count("| done |") == len(ROWS) and "missing" not in page


def test_every_entry_is_in_a_row_and_a_gap_is_seen():
    assert set(GALLERY) == {name for row in ROWS for name in row.entries}
    made = script(ROOT / "docs" / "foundations.py")
    assert made.state(ROWS[0]._replace(entries=("nothing",)), []) == "missing: nothing, a test"


def test_the_scripts_are_those_of_the_gallery():
    made = script(ROOT / "derivations" / "make.py")
    for item in GALLERY.values():
        path = ROOT / "derivations" / item.group / f"{item.name}.py"
        assert path.read_text(encoding="utf-8") == made.script(item), "run: python derivations/make.py"


# calculus


@pytest.mark.row("A3")
def test_the_gradient_of_the_notes():
    found = derived("gradient").evaluate(x=3.0, y=4.0)
    assert (found["df_dx"], found["df_dy"]) == (6, 8)


@pytest.mark.row("A5")
def test_linear_maps():
    np.testing.assert_array_equal(derived("linear_map").evaluate(W=A, x=B)["dy_dx"], A)
    found = derived("linear_layer_by_its_weights").evaluate(W=A, x=B, z_bar=X[0])
    np.testing.assert_allclose(found["W_bar"], np.outer(X[0], B), rtol=1e-14)
    np.testing.assert_allclose(found["x_bar"], A.T @ X[0], rtol=1e-14)


MATRICES = {
    "bilinear_form": ({"a": A[0], "b": B, "X": X}, np.outer(A[0], B)),
    "trace_of_a_product": ({"A": A, "X": X}, A.T),
    "frobenius_norm": ({"X": X}, 2 * X),
    "hadamard_product": ({"A": A, "X": X}, A),
    "determinant": ({"A": X}, np.linalg.det(X) * np.linalg.inv(X).T),
    "log_determinant": ({"A": X}, np.linalg.inv(X).T),
}


@pytest.mark.row("A14")
@pytest.mark.parametrize("name", MATRICES)
def test_identities_of_matrices(name):
    arrays, wanted = MATRICES[name]
    found = derived(name).evaluate(**arrays)
    np.testing.assert_allclose(found[list(found)[-1]], wanted, rtol=1e-11, atol=1e-12)  # products of three numbers


# losses


def _distance(a, b, shift=0.0):
    return np.sqrt(((a - b + shift) ** 2).sum(1))


U, V, W = RNG.normal(size=(3, 5, 4))
SIGN, SAME = np.array([1.0, -1, 1, 1, -1]), np.array([1.0, 0, 1, 0, 0])
SCORES = U @ V.T / 0.5
COSINE = (U * V).sum(1) / np.linalg.norm(U, axis=1) / np.linalg.norm(V, axis=1)
REPRESENTED = {
    "cosine": ({"a": U, "b": V}, (1 - COSINE).mean()),
    "triplet_margin": (
        {"a": U, "p": V, "q": W}, np.maximum(_distance(U, V, 1e-6) - _distance(U, W, 1e-6) + 1, 0).mean()
    ),
    "margin_ranking": ({"a": U[:, 0], "b": V[:, 0], "y": SIGN}, np.maximum(-SIGN * (U - V)[:, 0], 0).mean()),
    "contrastive": (
        {"a": U, "b": V, "y": SAME},
        (SAME * _distance(U, V) ** 2 / 2 + (1 - SAME) * np.maximum(1 - _distance(U, V), 0) ** 2 / 2).mean(),
    ),
    "info_nce": ({"a": U, "b": V, "t": 0.5}, (logsumexp(SCORES, axis=1) - np.diag(SCORES)).mean()),
}  # fmt: skip


@pytest.mark.row("C8")
@pytest.mark.parametrize("name", PAIRS)
def test_losses_of_representations(name):
    arrays, wanted = REPRESENTED[name]
    assert float(sg.program(PAIRS[name]).evaluate(**arrays)["L"]) == pytest.approx(wanted, rel=1e-10)  # 1e-12 in a root


@pytest.mark.row("C7")
def test_penalties_and_their_gradients():
    wanted = {"l2": 0.2 * A, "l1": 0.1 * np.sign(A), "elastic_net": 0.1 * (0.3 * np.sign(A) + 0.7 * A)}
    for name, text in PENALTIES.items():
        program = sg.program(text).gradient("L", "w")
        given = {"w": A, "lam": 0.1} | ({"mix": 0.3} if name == "elastic_net" else {})
        np.testing.assert_allclose(program.evaluate(**given)["dL_dw"], wanted[name], rtol=1e-14)


# probability


@pytest.mark.row("D2")
def test_cross_entropy_is_entropy_and_divergence():
    value = derived("cross_entropy_bernoulli").value
    number = float(value.subs({s: {"p": 0.3, "q": 0.6}[s.name] for s in value.free_symbols}))
    p, q = stats.bernoulli(0.3), [0.4, 0.6]
    assert number == pytest.approx(p.entropy() + stats.entropy([0.7, 0.3], q), rel=1e-12)


@pytest.mark.row("F10")
def test_fisher_information():
    """Of a Bernoulli probability by the sum over both outcomes; of an exponential rate it is 1/rate^2."""
    value = derived("fisher_bernoulli").value[0]
    number = float(value.subs(dict.fromkeys(value.free_symbols, 0.3)))
    score = np.array([-1 / 0.7, 1 / 0.3])
    assert number == pytest.approx(float((np.array([0.7, 0.3]) * score**2).sum()), rel=1e-12)
    assert str(ask.fisher(ask.exponential("r")).value[0]) == "r**(-2)"
    with pytest.raises(SymgradError, match="normal has no parameter to differentiate by"):
        ask.fisher(ask.normal(0, 1))


@pytest.mark.row("D7", "D10")
def test_the_divergence_of_normal_vectors_is_its_integral():
    """The matrix formula against the one that was derived by integration for two dimensions."""
    value = derived("kl_normal_full").value
    m, n, S, T = np.array([0.3, -0.7]), np.array([1.1, 0.2]), np.array([[1.5, 0.4], [0.4, 0.8]]), np.eye(2) + 0.3
    cells = {"mu1": m[0], "mu2": m[1], "nu1": n[0], "nu2": n[1]}
    cells |= {f"{a}{i + 1}{j + 1}": M[i, j] for a, M in (("s", S), ("t", T)) for i in (0, 1) for j in (0, 1) if i <= j}
    wanted = float(value.subs({s: cells[s.name] for s in value.free_symbols}))
    found = sg.program(entry("multivariate_normal_kl_gradient").text).evaluate(mu=m, S=S, q_mu=n, q_S=T)["KL"]
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.slow
@pytest.mark.row("D9")
def test_divergences_of_laplace_densities_are_their_integrals():
    """Against quadrature on both sides of both kinks, and against the formula of the library."""
    at = {"mu": 0.4, "b": 0.7, "nu": -0.3, "c": 1.3, "tau": 1.1}
    p = stats.laplace(at["mu"], at["b"])
    others = {"kl_laplace": stats.laplace(at["nu"], at["c"]), "kl_laplace_normal": stats.norm(at["nu"], at["tau"])}
    for name, q in others.items():
        ends = (-40, at["nu"], at["mu"], 40)
        pieces = (quad(lambda x, q=q: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), *e)[0] for e in pairwise(ends))
        value = derived(name).value
        assert float(value.subs({s: at[s.name] for s in value.free_symbols})) == pytest.approx(sum(pieces), rel=1e-8)


@pytest.mark.row("D14")
def test_the_bound_is_tight_at_the_posterior():
    joint, program = RNG.uniform(size=5), sg.program(EVIDENCE)
    log_evidence = np.log(joint.sum())
    assert program.evaluate(joint=joint, q=joint / joint.sum())["bound"] == pytest.approx(log_evidence, rel=1e-12)
    for q in RNG.dirichlet(np.ones(5), size=20):
        assert program.evaluate(joint=joint, q=q)["bound"] < log_evidence


# networks


@pytest.mark.row("E10")
def test_a_residual_connection():
    x, w, b, v = RNG.normal(size=(4, 3)), A, B, X
    found = sg.program(entry("residual").text).evaluate(X=x, W=w, b=b, V=v)["Y"]
    np.testing.assert_allclose(found, x + np.maximum(x @ w + b, 0) @ v, rtol=1e-12, atol=1e-13)


@pytest.mark.row("E13")
@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_a_sparse_autoencoder(penalty):
    text = sg.models.sparse_autoencoder(4, 3, penalty=penalty)
    v = {"X": RNG.uniform(size=(5, 4)), "We1": RNG.normal(size=(4, 3)), "be1": B, "Wd1": RNG.normal(size=(3, 4)),
         "bd1": RNG.normal(size=4)}  # fmt: skip
    code = 1 / (1 + np.exp(-(v["X"] @ v["We1"] + v["be1"])))
    error = ((code @ v["Wd1"] + v["bd1"] - v["X"]) ** 2).sum(1).mean()
    q, rho = code.mean(0), 0.05
    kl = (rho * np.log(rho / q) + (1 - rho) * np.log((1 - rho) / (1 - q))).sum()
    wanted = error + 0.1 * (kl if penalty == "kl" else np.abs(code).sum(1).mean())
    assert float(sg.program(text).evaluate(**v)["L"]) == pytest.approx(wanted, rel=1e-12)


# optimisation


@pytest.mark.row("F8")
def test_the_gauss_newton_product():
    x, y, a, v = np.linspace(0, 1, 6), RNG.normal(size=6), np.array([1.3, -0.4]), np.array([0.7, 2.0])
    J = np.stack([np.exp(a[1] * x), a[0] * x * np.exp(a[1] * x)], axis=1)
    found = derived("gauss_newton").evaluate(x=x, y=y, a=a, a_dot=v)["r_gn_a"]
    np.testing.assert_allclose(found, J.T @ (J @ v), rtol=1e-12)


@pytest.mark.row("F9")
def test_bfgs_meets_the_secant_equation():
    s, y = RNG.normal(size=3), RNG.normal(size=3)
    y *= np.sign(s @ y)
    H = X @ X.T
    found = sg.program(entry("bfgs_update").text).evaluate(H=H, s=s, y=y)["H_next"]
    np.testing.assert_allclose(found @ y, s, rtol=1e-9, atol=1e-10)  # divided by s.y, which may be small
    V = np.eye(3) - np.outer(s, y) / (s @ y)
    np.testing.assert_allclose(found, V @ H @ V.T + np.outer(s, s) / (s @ y), rtol=1e-9, atol=1e-9)


@pytest.mark.row("F9")
def test_the_two_loops_of_lbfgs_are_bfgs():
    s, g = RNG.normal(size=(2, 4))
    y = s + 0.1 * RNG.normal(size=4)
    V = np.eye(4) - np.outer(s, y) / (s @ y)
    wanted = 0.7 * V @ V.T + np.outer(s, s) / (s @ y)
    found = derived("lbfgs_direction").evaluate(s=s, y=y, g=g, gamma=0.7)
    np.testing.assert_allclose(found["dd_dg"], wanted, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found["d"], wanted @ g, rtol=1e-11, atol=1e-12)


@pytest.mark.row("F1", "F5")
def test_recurrences():
    """After seven steps, by running them; a rule that is not linear is refused."""
    value = derived("bias_correction").value
    m, beta, g = 0.0, 0.9, 1.7
    for _ in range(7):
        m = beta * m + (1 - beta) * g
    at = {s: {"beta": beta, "g": g, "t": 7}[s.name] for s in value.free_symbols}
    assert float(value.subs(at)) == pytest.approx(m, rel=1e-12)
    with pytest.raises(SymgradError, match=r"m\*\*2 is not of the form a\*m \+ c with a other than 1"):
        ask.recurrence("m**2", "m")


@pytest.mark.row("F7", "F8")
def test_steps_are_minima_of_their_models():
    for name, wanted in (("newton_step", "-g/h"), ("levenberg_marquardt_step", "-J*r/(J**2 + lam)")):
        (point,) = derived(name).value
        assert str(point.at["p"]) == wanted
    assert derived("newton_step").value[0].kind == "minimum"
    (full,) = derived("damped_newton_step").value
    assert full.kind == "minimum" and list(full.at.values()) == [1]


# the questions that this list added


@pytest.mark.row("B2")
def test_an_identity_and_what_is_none():
    assert ask.identity("tanh(x)", "2*sigmoid(2*x) - 1").replays()
    with pytest.raises(CheckError, match=r"these are not equal"):
        ask.identity("tanh(x)", "2*sigmoid(x) - 1")


@pytest.mark.row("C3")
def test_pieces_that_meet_and_some_that_do_not():
    assert derived("huber_is_smooth").value == derived("huber_is_smooth_below").value == (True, True)
    assert ask.meets("where(x <= 1, x, x + 1)", "x", 1).value == (False, False)
    with pytest.raises(SymgradError, match=r"does not switch at x = 2"):
        ask.meets("where(x <= 1, x, x + 1)", "x", 2)
