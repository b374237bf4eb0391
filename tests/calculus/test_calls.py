"""Linear algebra through the whole stack: values against NumPy, derivatives to third order, refusals, kernels.

Tangents are typed, adjoints and second derivatives are found from them: a wrong tangent must be seen (negative
control).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from catalogue import CALLS

import symgrad as sg
from symgrad.calculus import calls
from symgrad.errors import CheckError, DegenerateError
from symgrad.ir.calls import ROWS
from symgrad.ir.check import check
from symgrad.ir.cost import flops
from symgrad.ir.interpret import interpret
from symgrad.ir.system import Call
from symgrad.notation import parse, to_text
from symgrad.verify import checks, subjects

RNG = np.random.default_rng(3)
G = RNG.normal(size=(3, 3))
SPD = G @ G.T + np.eye(3)
STACK = RNG.normal(size=(4, 3, 3))
SINGULAR = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])  # its LU has a last pivot of 1e-16, not 0


def value(text: str, **arrays):
    return interpret(parse(text), arrays)


# values ---------------------------------------------------------------------------------------------------------------

VALUES = {
    "inv": (np.linalg.inv, G), "det": (np.linalg.det, G), "cholesky": (np.linalg.cholesky, SPD),
    "logdet": (lambda a: np.linalg.slogdet(a)[1], SPD), "logabsdet": (lambda a: np.linalg.slogdet(a)[1], G),
    "eigvalsh": (np.linalg.eigvalsh, SPD), "specnorm": (lambda a: np.linalg.norm(a, 2), G),
    "svdvals": (lambda a: np.linalg.svd(a, compute_uv=False), G),
    "adjugate": (lambda a: np.linalg.inv(a) * np.linalg.det(a), G),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_of_one_matrix_and_of_a_stack(name):
    function, matrix = VALUES[name]
    out = value(f"A: input[i, i] \n y = {name}(A)", A=matrix)["y"]
    np.testing.assert_allclose(out, function(matrix), atol=1e-12)
    stack = np.stack([matrix, matrix @ matrix @ matrix + matrix])
    out = value(f"A: input[n, i, i] \n y = {name}(A)", A=stack)["y"]
    np.testing.assert_allclose(out, [function(a) for a in stack], atol=1e-9)


def test_factors_multiply_to_the_matrix():
    text = """
        A: input[n, i, j]
        S: input[n, j, j]
        w, V = eigh(S)
        U, s, Vh = svd(A)
        Q, R = qr(A)
        outputs: w, V, U, s, Vh, Q, R
    """
    A = RNG.normal(size=(2, 4, 3))
    S = A.swapaxes(1, 2) @ A
    out = value(text, A=A, S=S)
    np.testing.assert_allclose((out["V"] * out["w"][:, None]) @ out["V"].swapaxes(1, 2), S, atol=1e-12)
    np.testing.assert_allclose((out["U"] * out["s"][:, None]) @ out["Vh"], A, atol=1e-12)
    np.testing.assert_allclose(out["Q"] @ out["R"], A, atol=1e-12)
    assert np.all(np.diagonal(out["R"], axis1=1, axis2=2) > 0) and np.allclose(np.tril(out["R"], -1), 0)


def test_solve_takes_vectors_and_matrices_and_stacks_of_both():
    b, B = RNG.normal(size=3), RNG.normal(size=(3, 2))
    text = "A: input[{0}i, i] \n b: input[{1}] \n y = solve(A, b)"
    np.testing.assert_allclose(value(text.format("", "i"), A=G, b=b)["y"], np.linalg.solve(G, b))
    np.testing.assert_allclose(value(text.format("", "i, m"), A=G, b=B)["y"], np.linalg.solve(G, B))
    np.testing.assert_allclose(value(text.format("n, ", "i, m"), A=STACK, b=B)["y"], np.linalg.solve(STACK, B[None]))
    many = RNG.normal(size=(4, 3))
    expected = np.linalg.solve(STACK, many[..., None])[..., 0]
    np.testing.assert_allclose(value(text.format("n, ", "n, i"), A=STACK, b=many)["y"], expected)


def test_scaling_is_not_singularity():
    """diag(1e-20, 1) has the condition number 1e20, and an exact inverse."""
    scaled = np.diag([1e-20, 1.0, 1e15])
    np.testing.assert_allclose(value("A: input[i, i] \n y = inv(A)", A=scaled)["y"], np.diag([1e20, 1.0, 1e-15]))


# derivatives ----------------------------------------------------------------------------------------------------------


def test_det_is_right_at_singular_matrices_to_second_order():
    """det is a polynomial: its derivatives exist everywhere. The second one is exact for a matrix of rank 1."""
    program = sg.program("A: parameter[i, i] \n L = det(A)")
    got = program.gradient("L").evaluate(A=SINGULAR)["dL_dA"]
    np.testing.assert_allclose(got, [[-3, 6, -3], [6, -12, 6], [-3, 6, -3]], atol=1e-12)
    rank_one = np.diag([5.0, 3.0, 0.0])
    second = program.hessian("L").evaluate(A=rank_one)["d2L_dA_dA"]
    expected = np.zeros((3, 3, 3, 3))
    permutations = [((0, 1, 2), 1), ((1, 2, 0), 1), ((2, 0, 1), 1), ((0, 2, 1), -1), ((2, 1, 0), -1), ((1, 0, 2), -1)]
    for order, sign in permutations:  # the definition, differentiated twice
        for i in range(3):
            for k in range(3):
                if i != k:
                    (rest,) = {0, 1, 2} - {i, k}
                    expected[i, order[i], k, order[k]] += sign * rank_one[rest, order[rest]]
    np.testing.assert_allclose(second, expected, atol=1e-12)


def test_third_derivative_of_det():
    """Sixth partial products: det of a 3 x 3 matrix has the constant third derivative epsilon epsilon."""
    text = "A, B, C: parameter[i, i] \n s, t: parameter \n L = det(A + s*B + t*C)"
    program = sg.program(text).gradient("L", "s").hessian("dL_ds", ["t"])
    C = RNG.normal(size=(3, 3))
    B = RNG.normal(size=(3, 3))
    arrays = {"A": G, "B": B, "C": C, "s": 0.3, "t": -0.2}
    got = interpret(program.raw, arrays)["d2dL_ds_dt_dt"]
    signs = [(p, np.linalg.det(np.eye(3)[list(p)])) for p in np.ndindex(3, 3, 3) if len(set(p)) == 3]
    rows = lambda *m: sum(s * m[0][0, p[0]] * m[1][1, p[1]] * m[2][2, p[2]] for p, s in signs)  # noqa: E731
    assert got == pytest.approx(2 * (rows(B, C, C) + rows(C, B, C) + rows(C, C, B)), rel=1e-10)


@pytest.mark.parametrize("entry", CALLS, ids=lambda e: e.name)
def test_forward_is_the_adjoint_of_reverse(entry):
    """<u, J v> = <J^T u, v> with both sides derived."""
    program, arrays = entry.program(), entry.arrays()
    wrt = program.raw.declared("parameter")[0].name
    v = np.random.default_rng(1).normal(size=arrays[wrt].shape)
    along = interpret(program.jvp("L", wrt).raw, {**arrays, f"{wrt}_dot": v})["L_dot"]
    slope = interpret(program.gradient("L", wrt).raw, arrays)[f"dL_d{wrt}"]
    assert along == pytest.approx(np.sum(slope * v), rel=1e-10, abs=1e-12)


def test_a_jacobian_of_a_batch():
    """The cell of the output travels along as leading axes, before the batch axes."""
    text = "A: parameter[n, i, i] \n b: input[i] \n y = solve(A, b)"
    b = RNG.normal(size=3)
    jacobian = sg.program(text).jacobian("y").evaluate(A=STACK, b=b)["dy_dA"]
    X = np.linalg.inv(STACK)
    y = X @ b
    expected = -np.einsum("nm,nik,nl->nimkl", np.eye(4), X, y)
    np.testing.assert_allclose(jacobian, expected, atol=1e-9 * np.abs(expected).max())


def test_what_is_computed_twice_is_computed_once():
    """The gradient of logdet reads the inverse that the program has already."""
    program = sg.program("A: parameter[i, i] \n X = inv(A) \n L = logdet(A) + tr(X)").gradient("L")
    assert sum(isinstance(eq, Call) and eq.name == "inv" for eq in program.raw.equations) == 1


WRONG = {
    "inv": ("-(X @ A_dot @ X)", "X @ A_dot @ X"),
    "det": ("tr(adjugate(A) @ A_dot)", "tr(adjugate(A).T @ A_dot)"),
    "solve": ("b_dot - A_dot @ x", "b_dot - A_dot.T @ x"),
    "logabsdet": ("inv(A)", "A"),
    "cholesky": ("where(j == i, P[i,j]/2, 0)", "where(j == i, P[i,j], 0)"),
    "eigh": ("gaps(w)*P", "gaps(w)*P/2"),
    "qr": ("+ X - Q @ Y", "+ X"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_tangent_is_found(name, monkeypatch):
    """The negative control: differences see a defect in the text, of which the adjoint is derived."""
    right, wrong = WRONG[name]
    row = calls.TANGENTS[name]
    assert right in row.text
    programs = {
        "eigh": "A: parameter[i, i] \n w, V = eigh(A) \n L = sum(V**3)", "qr": "Q, R = qr(A) \n L = sum(Q**3)",
        "solve": "A: parameter[i, i] \n b: input[i] \n L = sum(solve(A, b)**2)", "inv": "L = sum(inv(A)**2)",
        "det": "L = det(A)", "logabsdet": "L = logabsdet(A)", "cholesky": "L = sum(cholesky(A)**2*A)",
    }  # fmt: skip
    shape = "4, 3" if name == "qr" else "i, i"
    text = programs[name] if "parameter" in programs[name] else f"A: parameter[{shape}] \n {programs[name]}"
    symmetric = ROWS[name].symmetric
    arrays = {"A": np.arange(12.0).reshape(4, 3) % 5 + 1 if name == "qr" else SPD if symmetric else G, "b": np.ones(3)}
    for changed, passes in ((row, True), (replace(row, text=row.text.replace(right, wrong)), False)):
        calls.tangent.cache_clear(), calls.adjoint.cache_clear()
        monkeypatch.setitem(calls.TANGENTS, name, changed)
        gradient = sg.program(text).gradient("L", "A")
        (subject,) = subjects(gradient, arrays, 0)
        assert checks.central_differences(subject).passed == passes
    monkeypatch.undo()
    calls.tangent.cache_clear(), calls.adjoint.cache_clear()


# what is refused ------------------------------------------------------------------------------------------------------

REFUSED = {
    "singular system": ("b: input[i] \n y = solve(A, b)", SINGULAR, "y", "a matrix is singular to working precision"),
    "zero": ("y = inv(A)", np.zeros((3, 3)), "y", "a matrix is singular to working precision: there is no inverse."),
    "indefinite": ("y = cholesky(A)", -SPD, "y", "a matrix is not positive definite: there is no Cholesky factor."),
    "asymmetric": ("y = cholesky(A)", SINGULAR, "y", "a matrix is not symmetric"),
    "negative": ("y = logdet(A)", np.diag([1.0, -1, 1]), "y", "For the logarithm of its absolute value"),
    "log of 0": ("y = logabsdet(A)", np.zeros((3, 3)), "y", "a determinant is 0: its logarithm has no value."),
    "equal eigenvalues": ("w, V = eigh(A) \n y = sum(V**3)", np.eye(3), "dy_dA", "two eigenvalues"),
    "equal singular values": ("U, s, Vh = svd(A) \n y = sum(U**3)", np.eye(3), "dy_dA", "equal to working precision"),
    "not finite": ("w, V = eigh(A) \n y = sum(V**3)", np.full((3, 3), np.nan), "y", "a matrix holds NaN or infinity"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_degenerate_matrices_are_refused_with_the_equation(name):
    """By the interpreter and by the kernel, in the same words."""
    text, A, output, said = REFUSED[name]
    program = sg.program(f"A: parameter[i, i] \n {text}")
    program = program.gradient("y", "A") if output.startswith("d") else program
    arrays = {"A": A} | ({"b": np.ones(3)} if "b:" in text else {})
    with pytest.raises(DegenerateError) as first:
        program.evaluate(**arrays)
    assert said in str(first.value) and any(line in str(first.value) for line in text.split(" \n "))
    with pytest.raises(DegenerateError) as second:
        program.compile().run_python(**arrays)
    assert str(second.value) == str(first.value)


def test_eigenvalues_alone_have_a_derivative_where_they_are_equal():
    program = sg.program("A: parameter[i, i] \n L = sum(eigvalsh(A)**2)").gradient("L")
    np.testing.assert_allclose(program.evaluate(A=2 * np.eye(3))["dL_dA"], 4 * np.eye(3), atol=1e-12)


def test_qr_of_a_wide_matrix_is_refused():
    with pytest.raises(DegenerateError, match="fewer rows than columns"):
        value("A: input[m, n] \n Q, R = qr(A)", A=np.ones((2, 3)))


# the stack ------------------------------------------------------------------------------------------------------------

COMPILED = {
    "float64": """
        S: parameter[i, i]
        L = logdet(S)**2""",
    "float32": """
        A: parameter[n, i, i]
        b: parameter[n, i]
        x = solve(A, b)
        L = sum(x**2)""",
}


@pytest.mark.parametrize("dtype", COMPILED)
def test_the_kernel_computes_what_the_interpreter_does(dtype):
    """Compiled; the source of every Call runs as Python in the laws, and in both precisions below."""
    program = sg.program("\n".join(map(str.strip, COMPILED[dtype].splitlines()))).gradient("L")
    arrays = {"A": STACK + 4 * np.eye(3), "S": SPD, "b": RNG.normal(size=3 if dtype == "float64" else (4, 3))}
    arrays = {name: arrays[name] for name in program.raw.tensors if name in arrays}
    kernel = program.compile(dtype=dtype)
    same(kernel(**arrays), program.evaluate(**arrays), dtype)
    first = next(iter(arrays))
    with pytest.raises(DegenerateError, match=r"a matrix is singular|a determinant is 0"):
        kernel(**{**arrays, first: 0 * arrays[first]})


def same(out, expected, dtype):
    for name, value in expected.items():
        tolerance = (1e-10 if dtype == "float64" else 1e-4) * np.abs(value).max()  # rounding, conditions below 100
        np.testing.assert_allclose(out[name], value, rtol=0, atol=tolerance)


@pytest.mark.parametrize("entry", CALLS, ids=lambda e: e.name)
def test_the_source_runs_in_single_precision(entry):
    gradient = entry.gradient()
    arrays = {n: np.asarray(v, np.float32).astype(float) for n, v in entry.arrays().items()}
    out = gradient.compile(dtype="float32").run_python(**arrays)
    expected = interpret(gradient.raw, arrays)
    for name, value in expected.items():  # float32: conditions of a few hundred
        np.testing.assert_allclose(out[name], value, rtol=0, atol=5e-3 * max(np.abs(value).max(), 1e-3))
        assert np.asarray(out[name]).dtype == np.float32


def test_programs_print_as_notation_and_as_mathematics():
    text = "A: parameter[i, i]\nb: input[i]\nx = solve(A, b)\nw, V = eigh(A)\nL = x @ V @ x + det(A)\n"
    system = parse(text)
    again = parse(to_text(system))
    called, called_again = ([e for e in s.equations if isinstance(e, Call)] for s in (system, again))
    assert called_again == called
    shown = sg.program("A: parameter[i, i] \n b: input[i] \n L = logabsdet(A) + b @ inv(A) @ b")
    assert r"\left(A^{-1}\right)_{i,j}" in shown.latex() and r"\log \lvert \det A \rvert" in shown.latex()
    derivation = shown.gradient("L").derivation
    assert "adjoint of inv" in derivation.markdown()
    assert any("M. B. Giles" in source for source in derivation.references())


def test_composition_and_fixed_inputs():
    inner = sg.program("A: input[i, i] \n y = logdet(A)")
    outer = sg.program("X: parameter[n, i] \n A = X.T @ X")
    X = RNG.normal(size=(5, 3))
    assert outer.call(inner).evaluate(X=X)["y"] == pytest.approx(np.linalg.slogdet(X.T @ X)[1])
    fixed = sg.program("A: parameter[i, i] \n b: input[i] \n y = solve(A, b)").at(b=2)
    np.testing.assert_allclose(fixed.evaluate(A=G)["y"], np.linalg.solve(G, np.full(3, 2.0)))


def test_the_cost_is_counted():
    assert str(flops(parse("A: input[i, i] \n b: input[i] \n y = solve(A, b)"))) == "2*I**3/3 + 2*I**2"


def test_check_finds_a_call_of_the_wrong_shape():
    system = parse("A: input[i, i] \n b: input[j] \n y = inv(A) \n z = sum(b)")
    (call,) = (eq for eq in system.equations if isinstance(eq, Call))
    wrong = replace(system, equations=(replace(call, arguments=("b",)), *system.equations[1:]))
    with pytest.raises(CheckError, match="argument A of inv needs 2 axes"):
        check(wrong)
    with pytest.raises(CheckError, match="no routine"):
        check(replace(system, equations=(replace(call, name="invert"), *system.equations[1:])))


def test_every_row_has_a_tangent():
    assert set(calls.TANGENTS) == set(ROWS)


def test_a_program_with_calls_verifies():
    text = "S: parameter[i, i] \n x: input[i] \n L = logdet(S) + x @ solve(S, x) + sum(cholesky(S))"
    certificate = sg.program(text).gradient("L").verify(kernel=False)
    assert certificate.ok, str(certificate)
