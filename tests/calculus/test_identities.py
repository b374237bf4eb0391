"""Identities of matrix calculus, stated in the notation: each derivative equals the textbook's closed form and finite
differences.

The closed forms are those of K. B. Petersen, M. S. Pedersen, The Matrix Cookbook (2012), of J. R. Magnus, H. Neudecker
(2019), and of S. Laue, M. Mitterreiter, J. Giesen (2018), in NumPy. `wrong` marks those that SymPy 1.14 answers with a
silent 0 or a wrong shape when it differentiates by a MatrixSymbol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import symgrad as sg
from symgrad.ir.interpret import interpret

N, M = 3, 2
DECLARED = """
    x, y, b: parameter[n]
    t: parameter[m]
    c: parameter
    A, B, S, P: parameter[n, n]
    X: parameter[m, n]
    Y: parameter[m, n]
    U: parameter[n, k]
    V: parameter[m, k]
"""
TOLERANCE = 1e-10  # rounding of a few hundred operations on entries of size 1, condition numbers below 100
DIFFERENCES = 1e-5  # of a central difference with h = 1e-5: h**2 times third derivatives, u/h


@dataclass(frozen=True)
class Identity:
    name: str
    text: str  # the equation(s); the output is L
    wrt: str
    closed: Callable[..., np.ndarray]
    verb: str = "gradient"
    wrong: bool = False  # SymPy 1.14 is silently wrong


def point() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    G, H = rng.normal(size=(N, N)), rng.normal(size=(N, N))
    return {
        "x": rng.normal(size=N), "y": rng.normal(size=N), "b": rng.normal(size=N), "t": rng.normal(size=M),
        "c": np.array(0.7), "A": G + 3 * np.eye(N), "B": H - 2 * np.eye(N), "S": G + G.T,
        "P": H @ H.T + np.eye(N), "X": rng.normal(size=(M, N)), "Y": rng.normal(size=(M, N)),
        "U": rng.normal(size=(N, 2)), "V": rng.normal(size=(M, 2)),
    }  # fmt: skip


inv, det, I, tr = np.linalg.inv, np.linalg.det, np.eye(N), np.trace


def sym(G):
    return (G + G.T) / 2


def sigma(z):
    return 1 / (1 + np.exp(-z))


def soft(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def spectral(p):
    U, s, Vh = np.linalg.svd(p["X"], full_matrices=False)
    return U, s, Vh


def g(name: str, text: str, wrt: str, closed: Callable, **more) -> Identity:
    return Identity(name, text, wrt, closed, **more)


def j(name: str, text: str, wrt: str, closed: Callable, **more) -> Identity:
    return Identity(name, text, wrt, closed, "jacobian", **more)


def h(name: str, text: str, wrt: str, closed: Callable, **more) -> Identity:
    return Identity(name, text, wrt, closed, "hessian", **more)


IDENTITIES = [
    # linear, bilinear and quadratic forms
    g("b'x", "L = b @ x", "x", lambda p: p["b"]),
    g("x'Ay by x", "L = x @ A @ y", "x", lambda p: p["A"] @ p["y"]),
    g("x'Ay by y", "L = x @ A @ y", "y", lambda p: p["A"].T @ p["x"]),
    g("x'Ay by A", "L = x @ A @ y", "A", lambda p: np.outer(p["x"], p["y"])),
    g("x'Ax by x", "L = x @ A @ x", "x", lambda p: (p["A"] + p["A"].T) @ p["x"]),
    g("x'Ax by A", "L = x @ A @ x", "A", lambda p: np.outer(p["x"], p["x"])),
    g("b'X'Xc", "L = b @ X.T @ X @ y", "X",
      lambda p: p["X"] @ (np.outer(p["b"], p["y"]) + np.outer(p["y"], p["b"]))),
    g("(Xb+t)'(Xb+t) by X", "r = X @ b + t\nL = r @ r", "X", lambda p: 2 * np.outer(p["X"] @ p["b"] + p["t"], p["b"])),
    g("least squares", "L = norm2(X @ b - t)**2", "b", lambda p: 2 * p["X"].T @ (p["X"] @ p["b"] - p["t"])),
    g("ridge", "L = norm2(X @ b - t)**2 + c*norm2(b)**2", "b",
      lambda p: 2 * p["X"].T @ (p["X"] @ p["b"] - p["t"]) + 2 * p["c"] * p["b"]),
    g("weighted least squares", "r = y - A @ x\nL = r @ S @ r", "x",
      lambda p: -2 * p["A"].T @ p["S"] @ (p["y"] - p["A"] @ p["x"])),
    h("Hessian of x'Ax", "L = x @ A @ x", "x", lambda p: p["A"] + p["A"].T),
    h("Hessian of least squares", "L = norm2(X @ b - t)**2/2", "b", lambda p: p["X"].T @ p["X"]),
    j("Jacobian of Ax", "L = A @ x", "x", lambda p: p["A"]),
    j("Jacobian of Ax by A", "L = A @ x", "A", lambda p: np.einsum("ij,k->ijk", I, p["x"])),
    # traces
    g("tr A", "L = tr(A)", "A", lambda p: I),
    g("tr AB", "L = tr(A @ B)", "A", lambda p: p["B"].T),
    g("tr A'B", "L = tr(A.T @ B)", "A", lambda p: p["B"]),
    g("tr AA'", "L = tr(A @ A.T)", "A", lambda p: 2 * p["A"]),
    g("tr A^2", "L = tr(A @ A)", "A", lambda p: 2 * p["A"].T),
    g("tr A^3", "L = tr(A @ A @ A)", "A", lambda p: 3 * (p["A"] @ p["A"]).T),
    g("tr XBX'", "L = tr(X @ B @ X.T)", "X", lambda p: p["X"] @ (p["B"] + p["B"].T)),
    g("tr ABA'P", "L = tr(A @ B @ A.T @ P)", "A",
      lambda p: p["P"].T @ p["A"] @ p["B"].T + p["P"] @ p["A"] @ p["B"]),
    g("(tr A)^2", "L = tr(A)**2", "A", lambda p: 2 * tr(p["A"]) * I, wrong=True),
    g("exp tr A", "L = exp(tr(A)/4)", "A", lambda p: np.exp(tr(p["A"]) / 4) * I / 4, wrong=True),
    g("tr (E'E) + tr (U'U)", "E = X - V @ U.T\nL = tr(E.T @ E) + tr(U.T @ U)", "U",
      lambda p: -2 * (p["X"] - p["V"] @ p["U"].T).T @ p["V"] + 2 * p["U"], wrong=True),
    g("matrix factorisation by V", "E = X - V @ U.T\nL = tr(E.T @ E) + c*tr(V.T @ V)", "V",
      lambda p: -2 * (p["X"] - p["V"] @ p["U"].T) @ p["U"] + 2 * p["c"] * p["V"], wrong=True),
    h("Hessian of tr A^2", "L = tr(A @ A)", "A", lambda p: 2 * np.einsum("il,jk->ijkl", I, I)),
    g("tr inv A", "L = tr(inv(A))", "A", lambda p: -(inv(p["A"]) @ inv(p["A"])).T),
    g("tr inv(A) B", "L = tr(inv(A) @ B)", "A", lambda p: -(inv(p["A"]) @ p["B"] @ inv(p["A"])).T),
    # inverses and linear systems
    g("x' inv(A) y", "L = x @ inv(A) @ y", "A",
      lambda p: -inv(p["A"]).T @ np.outer(p["x"], p["y"]) @ inv(p["A"]).T),
    g("x' A\\y by A", "L = x @ solve(A, y)", "A",
      lambda p: -np.outer(inv(p["A"]).T @ p["x"], inv(p["A"]) @ p["y"])),
    g("x' A\\y by y", "L = x @ solve(A, y)", "y", lambda p: inv(p["A"]).T @ p["x"]),
    g("Mahalanobis distance", "L = x @ solve(P, x)", "x", lambda p: 2 * inv(p["P"]) @ p["x"]),
    g("sum of A\\B", "L = sum(solve(A, B))", "B", lambda p: inv(p["A"]).T @ np.ones((N, N))),
    j("Jacobian of inv A", "L = inv(A)", "A",
      lambda p: -np.einsum("ik,lj->ijkl", inv(p["A"]), inv(p["A"]))),
    j("Jacobian of A\\b by b", "L = solve(A, b)", "b", lambda p: inv(p["A"])),
    h("Hessian of x' inv(P) x", "L = x @ solve(P, x)", "x", lambda p: inv(p["P"]) + inv(p["P"]).T),
    # determinants
    g("det A", "L = det(A)", "A", lambda p: det(p["A"]) * inv(p["A"]).T),
    g("det A^2", "L = det(A)**2", "A", lambda p: 2 * det(p["A"]) ** 2 * inv(p["A"]).T),
    g("det XPX'", "L = det(X @ P @ X.T)", "X",
      lambda p: 2 * det(p["X"] @ p["P"] @ p["X"].T) * inv(p["X"] @ p["P"] @ p["X"].T) @ p["X"] @ p["P"]),
    g("1/det A", "L = 1/det(A)", "A", lambda p: -inv(p["A"]).T / det(p["A"])),
    g("log |det A|", "L = logabsdet(A)", "A", lambda p: inv(p["A"]).T, wrong=True),
    g("log det P", "L = logdet(P)", "P", lambda p: inv(p["P"]).T, wrong=True),
    g("log det X'X + I", "L = logdet(X.T @ X + eye(N))", "X",
      lambda p: 2 * p["X"] @ inv(p["X"].T @ p["X"] + I), wrong=True),
    g("Gaussian likelihood by its covariance", "L = logdet(P) + x @ solve(P, x)", "P",
      lambda p: inv(p["P"]).T - np.outer(inv(p["P"]).T @ p["x"], inv(p["P"]) @ p["x"]), wrong=True),
    h("Hessian of log |det A|", "L = logabsdet(A)", "A",
      lambda p: -np.einsum("li,jk->ijkl", inv(p["A"]), inv(p["A"]))),
    h("Hessian of det A", "L = det(A)", "A",
      lambda p: det(p["A"]) * (np.einsum("ji,lk->ijkl", inv(p["A"]), inv(p["A"]))
                               - np.einsum("li,jk->ijkl", inv(p["A"]), inv(p["A"])))),
    # norms
    g("||x||", "L = norm2(x)", "x", lambda p: p["x"] / np.linalg.norm(p["x"])),
    g("||x - y||", "L = norm2(x - y)", "x", lambda p: (p["x"] - p["y"]) / np.linalg.norm(p["x"] - p["y"])),
    g("Frobenius norm squared", "L = norm2(A)**2", "A", lambda p: 2 * p["A"]),
    g("Frobenius norm", "L = norm2(A @ B)", "A",
      lambda p: p["A"] @ p["B"] @ p["B"].T / np.linalg.norm(p["A"] @ p["B"])),
    g("spectral norm", "L = specnorm(X)", "X", lambda p: np.outer(spectral(p)[0][:, 0], spectral(p)[2][0])),
    g("nuclear norm", "L = sum(svdvals(X))", "X", lambda p: spectral(p)[0] @ spectral(p)[2]),
    j("Jacobian of x/||x||", "L = x/norm2(x)", "x",
      lambda p: (I - np.outer(p["x"], p["x"]) / (p["x"] @ p["x"])) / np.linalg.norm(p["x"])),
    h("Hessian of ||x||", "L = norm2(x)", "x",
      lambda p: (I - np.outer(p["x"], p["x"]) / (p["x"] @ p["x"])) / np.linalg.norm(p["x"])),
    g("1-norm", "L = sum(abs(x))", "x", lambda p: np.sign(p["x"])),
    # eigenvalues
    g("sum of eigenvalues", "L = sum(eigvalsh(S))", "S", lambda p: I),
    g("sum of squared eigenvalues", "L = sum(eigvalsh(S)**2)", "S", lambda p: 2 * p["S"]),
    g("exp of the eigenvalues", "L = sum(exp(eigvalsh(S)/3))", "S",
      lambda p: (lambda w, V: V @ np.diag(np.exp(w / 3)) @ V.T / 3)(*np.linalg.eigh(p["S"]))),
    g("Rayleigh quotient", "L = (x @ S @ x)/(x @ x)", "x",
      lambda p: 2 * (p["S"] @ p["x"] - (p["x"] @ p["S"] @ p["x"]) / (p["x"] @ p["x"]) * p["x"]) / (p["x"] @ p["x"])),
    # a factor: log det by its diagonal
    g("log det by Cholesky", "L = 2*sum(log(diag(cholesky(P))))", "P", lambda p: inv(p["P"])),
    # Kronecker and Hadamard products
    g("sum of A o B", "L = sum(A*B)", "A", lambda p: p["B"], wrong=True),
    g("tr (A o A)B", "L = tr((A*A) @ B)", "A", lambda p: 2 * p["A"] * p["B"].T, wrong=True),
    g("x'(A o B)y", "L = x @ (A*B) @ y", "A", lambda p: np.outer(p["x"], p["y"]) * p["B"], wrong=True),
    g("sum of X (x) Y", "L = sum(kron(X, Y))", "X", lambda p: np.full((M, N), p["Y"].sum())),
    g("||X (x) Y||^2", "L = norm2(kron(X, Y))**2", "X", lambda p: 2 * p["X"] * (p["Y"] ** 2).sum()),
    g("norm of an outer product", "L = norm2(outer(x, t))**2", "x", lambda p: 2 * p["x"] * (p["t"] @ p["t"])),
    j("Jacobian of a Hadamard product", "L = x*y", "x", lambda p: np.diag(p["y"])),
    # element by element, softmax
    g("1' sigma(-Xw)", "L = sum(sigmoid(-(X @ b)))", "b",
      lambda p: -p["X"].T @ (sigma(p["X"] @ p["b"]) * sigma(-p["X"] @ p["b"])), wrong=True),
    g("logistic loss", "L = sum(softplus(X @ b)) - t @ X @ b", "b",
      lambda p: p["X"].T @ (sigma(p["X"] @ p["b"]) - p["t"]), wrong=True),
    h("Hessian of the logistic loss", "L = sum(softplus(X @ b))", "b",
      lambda p: p["X"].T @ np.diag(sigma(p["X"] @ p["b"]) * sigma(-p["X"] @ p["b"])) @ p["X"]),
    g("log-sum-exp", "L = logsumexp(x)", "x", lambda p: soft(p["x"]), wrong=True),
    g("log sum exp as typed", "L = log(sum(exp(x)))", "x", lambda p: soft(p["x"]), wrong=True),
    h("Hessian of log-sum-exp", "L = logsumexp(x)", "x",
      lambda p: np.diag(soft(p["x"])) - np.outer(soft(p["x"]), soft(p["x"]))),
    j("Jacobian of softmax", "L = softmax(x)", "x",
      lambda p: np.diag(soft(p["x"])) - np.outer(soft(p["x"]), soft(p["x"]))),
    g("cross-entropy", "L = -sum(y*log_softmax(x))", "x", lambda p: p["y"].sum() * soft(p["x"]) - p["y"]),
    g("softmax of Xb", "L = t @ softmax(X @ b)", "b",
      lambda p: (lambda s: p["X"].T @ (s * (p["t"] - s @ p["t"])))(soft(p["X"] @ p["b"]))),
    g("sum of sin A", "L = sum(sin(A))", "A", lambda p: np.cos(p["A"])),
    g("entropy of softmax", "q = softmax(x)\nL = -sum(q*log_softmax(x))", "x",
      lambda p: (lambda q: -q * (np.log(q) - q @ np.log(q)))(soft(p["x"]))),
]  # fmt: skip


def text_of(identity: Identity) -> str:
    return "\n".join(line.strip() for line in (DECLARED + identity.text + "\noutputs: L").splitlines())


def derivative(identity: Identity) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(derived, closed form, finite differences)"""
    program, p = sg.program(text_of(identity)), point()
    wrt = identity.wrt
    name = f"d2L_d{wrt}_d{wrt}" if identity.verb == "hessian" else f"dL_d{wrt}"
    derived = interpret(getattr(program, identity.verb)("L", wrt).raw, p, outputs=(name,))[name]
    below, of = (program.gradient("L", wrt).raw, f"dL_d{wrt}") if identity.verb == "hessian" else (program.raw, "L")
    columns = []
    for cell in np.ndindex(*p[wrt].shape):
        up, down = (_at(below, of, p, wrt, cell, s * 1e-5) for s in (1, -1))
        columns.append((up - down) / 2e-5)
    differences = np.stack(columns, axis=-1).reshape(derived.shape)
    return derived, np.asarray(identity.closed(p)), differences


def _at(system, output, p, wrt, cell, step):
    moved = p[wrt].copy()
    moved[cell] += step
    return interpret(system, {**p, wrt: moved}, outputs=(output,))[output]


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda i: i.name)
def test_identity(identity):
    derived, closed, differences = derivative(identity)
    assert derived.shape == closed.shape
    scale = max(float(np.max(np.abs(closed))), 1.0)
    np.testing.assert_allclose(derived, closed, rtol=0, atol=TOLERANCE * scale)
    np.testing.assert_allclose(derived, differences, rtol=0, atol=DIFFERENCES * scale)


def test_there_are_enough():
    """At least 60, among them those on which SymPy 1.14 is silently wrong."""
    assert len(IDENTITIES) >= 60 and len({i.name for i in IDENTITIES}) == len(IDENTITIES)
    assert sum(i.wrong for i in IDENTITIES) >= 12
    assert {i.verb for i in IDENTITIES} == {"gradient", "jacobian", "hessian"}


def test_a_wrong_closed_form_is_found():
    """The negative control: a transpose that is forgotten."""
    wrong = g("tr AB", "L = tr(A @ B)", "A", lambda p: p["B"])
    with pytest.raises(AssertionError):
        test_identity(wrong)
