"""Linear algebra on the device, in Numba's simulator, against the interpreter's (LAPACK): values, and refusals."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import DegenerateError
from symgrad.ir.interpret import interpret
from symgrad.kernels.targets.cuda import needs

if not needs.simulated():
    pytest.skip("needs NUMBA_ENABLE_CUDASIM=1", allow_module_level=True)

TEXTS = {
    "solve": "A: input[n, i, i] \n b: input[i] \n x = solve(A, b)",
    "columns": "A: input[i, i] \n b: input[n, i, m] \n x = solve(A, b)",
    "inverse": "A: input[i, i] \n X = inv(A)",
    "cholesky": "A: input[n, i, i] \n X = cholesky(A)",
    "eigh": "A: input[n, i, i] \n w, V = eigh(A)",
    "svd": "A: input[n, i, j] \n U, s, Vh = svd(A)",
    "qr": "A: input[i, j] \n Q, R = qr(A)",
    "adjugate": "A: parameter[n, i, i] \n D = det(A) \n d = sum[n](D[n]**2)",
    "logdet": "A: input[i, i] \n d = logdet(A)",
    "logabsdet": "A: input[i, i] \n d = logabsdet(A)",
}


def check(program, tolerance=1e-10, **arrays):
    with np.errstate(all="ignore"):
        out = program.compile("cuda")(**arrays)
    for name, value in interpret(program.raw, arrays).items():
        scale = max(float(np.max(np.abs(value), initial=0.0)), 1e-3)
        np.testing.assert_allclose(out[name], value, rtol=0, atol=tolerance * scale, err_msg=name)
    return out


def matrices(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def positive(*shape):
    A = matrices(*shape)
    return A @ np.swapaxes(A, -1, -2) + np.eye(shape[-1])


@pytest.mark.parametrize("size", [1, 5])
def test_systems_of_equations(size):
    b = matrices(size, seed=1)
    check(sg.program(TEXTS["solve"]), A=matrices(3, size, size), b=b)
    check(sg.program(TEXTS["columns"]), A=matrices(size, size), b=matrices(2, size, 3, seed=1))
    check(sg.program(TEXTS["inverse"]), A=np.flip(np.triu(matrices(size, size) + 2), 0))  # each pivot needs a swap


def test_factors():
    check(sg.program(TEXTS["cholesky"]), A=positive(2, 5, 5))
    check(sg.program(TEXTS["eigh"]), A=positive(2, 5, 5))
    check(sg.program(TEXTS["eigh"]), A=np.stack([np.diag([2.0, -1.0, 3.0]), np.zeros((3, 3))]))
    check(sg.program(TEXTS["qr"]), A=matrices(5, 3))
    check(sg.program(TEXTS["logdet"]), A=positive(4, 4))
    for shape in ((2, 5, 3), (2, 3, 5), (1, 1, 1)):
        check(sg.program(TEXTS["svd"]), A=matrices(*shape))


def test_a_vanishing_singular_value_has_a_vector():
    """Rank 1: the other columns of U are not columns of A V, which vanish."""
    out = sg.program(TEXTS["svd"]).compile("cuda")(A=np.ones((1, 4, 3)))
    assert np.allclose(out.U[0].T @ out.U[0], np.eye(3), atol=1e-14)
    assert np.allclose(out.U[0] @ np.diag(out.s[0]) @ out.Vh[0], 1.0, atol=1e-14)


def test_derivatives_of_determinants_are_right_at_singular_matrices():
    A = matrices(4, 3, 3)
    A[1, 2] = A[1, 0] + A[1, 1]  # rank 2
    A[2, 1:] = A[2, 0]  # rank 1
    A[3] = 0
    check(sg.program(TEXTS["adjugate"]).gradient("d"), A=A)


@pytest.mark.parametrize(
    "name, A, reason",
    [
        ("inverse", np.ones((3, 3)), "singular to working precision"),
        ("inverse", np.arange(9.0).reshape(3, 3), "singular to working precision"),
        ("cholesky", -np.eye(3)[None], "not positive definite"),
        ("cholesky", np.triu(np.ones((3, 3)))[None], "not symmetric"),
        ("logdet", -np.eye(3), "a determinant is not positive"),
        ("logabsdet", np.zeros((2, 2)), "a determinant is 0"),
        ("qr", np.ones((2, 3)), "fewer rows than columns"),
    ],
)
def test_what_the_interpreter_refuses_is_refused_with_its_words(name, A, reason):
    program = sg.program(TEXTS[name])
    kernel, errors = program.compile("cuda"), []
    for run in (lambda: interpret(program.raw, {"A": A}), lambda: kernel(A=A)):
        with np.errstate(all="ignore"), pytest.raises(DegenerateError, match=reason) as error:
            run()
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    rows, columns = max(A.shape[-2:]), A.shape[-1]
    kernel(A=np.broadcast_to(np.eye(rows, columns), (*A.shape[:-2], rows, columns)))  # what was noted does not stay


def test_nan_is_refused_where_rotations_would_not_end():
    """As compiled code does on the CPU; LAPACK itself may return NaN."""
    for name in ("eigh", "cholesky"):
        with np.errstate(all="ignore"), pytest.raises(DegenerateError, match="a matrix holds NaN or infinity"):
            sg.program(TEXTS[name]).compile("cuda")(A=np.full((1, 2, 2), np.nan))


def test_the_first_refusal_is_reported():
    program = sg.program("A, B: input[i, i] \n X = inv(A) \n Y = cholesky(B)")
    kernel = program.compile("cuda")
    with np.errstate(all="ignore"), pytest.raises(DegenerateError, match="not positive definite") as error:
        kernel(A=np.eye(2), B=-np.eye(2))
    assert "Y = cholesky(B)" in str(error.value)
