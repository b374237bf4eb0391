"""Equations without indices mean what NumPy says they mean, and have the derivatives of the textbooks.

Tolerances: values are sums of at most some hundred float64 numbers of size 1, so 1e-12 is thousands of ULP. Central
differences with a step of 1e-6 have an error of about 1e-12 (truncation) + 1e-16/1e-6 (rounding), so 1e-7 is generous.
"""

import re

import numpy as np
import pytest
from scipy import special

import symgrad as sg
from symgrad import notation
from symgrad.errors import NotationError, RecurrenceError, ShapeError, UnknownNameError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret

SIZES = {"i": 4, "j": 3, "k": 2, "l": 5, "n": 6, "d": 3, "three": 3, "t": 2}
DECLARED = {
    "A": "i, j", "B": "j, k", "C": "i, k", "E": "i, j", "S": "i, i", "R": "i, i", "T3": "n, i, j", "U": "n, j, k",
    "x": "j", "y": "j", "b": "i", "u": "i", "v": "k", "a": "", "c": "", "p": "3", "q": "3",
}  # fmt: skip


def arrays_of(text, positive=False):
    rng = np.random.default_rng(11)
    found = {}
    for name, axes in DECLARED.items():
        letters = [w.strip() for w in axes.split(",") if w.strip()]
        shape = [SIZES.get(w) or int(w) for w in letters]
        value = rng.standard_normal(shape)
        found[name] = np.abs(value) + 0.5 if positive else value
    return {name: value for name, value in found.items() if name in _words(text)}


def _words(text):
    return set(re.findall(r"\w+", text))


def declared(text, role="parameter"):
    names = [n for n in DECLARED if n in _words(text)]
    return "\n".join(f"{n}: {role}" + (f"[{DECLARED[n]}]" if DECLARED[n] else "") for n in names)


def close(actual, expected, tolerance=1e-12):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    assert np.shape(actual) == np.shape(expected)


def norm2(x):
    return np.sqrt(np.sum(np.square(x)))


def logsumexp(x, axis=-1):
    return special.logsumexp(x, axis=axis)


def softmax(x, axis=-1):
    return special.softmax(x, axis=axis)


def log_softmax(x, axis=-1):
    return special.log_softmax(x, axis=axis)


NUMPY = {
    "norm2": norm2, "logsumexp": logsumexp, "softmax": softmax, "log_softmax": log_softmax, "sigmoid": special.expit,
    "tr": np.trace, "trace": np.trace, "outer": np.outer, "kron": np.kron, "diag": np.diag, "cross": np.cross,
    "eye": np.eye, "dot": np.dot, "sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min,
    "exp": np.exp, "sin": np.sin, "tanh": np.tanh, "log": np.log, "sqrt": np.sqrt, "where": np.where, "abs": np.abs,
    "maximum": np.maximum, "I": 4, "J": 3,
}  # fmt: skip

# The text is valid NumPy as well: the reference is the text itself, run by this test file on NumPy's functions.
VALUES = [
    "A @ x", "b @ A", "A @ B", "x @ y", "b @ S @ b", "S @ S @ b", "A.T @ b", "A.T @ S @ A", "(A @ B).T", "A @ B @ v",
    "T3 @ x", "b @ T3", "T3 @ B", "T3 @ U", "A @ U", "T3.T", "dot(A, B)", "dot(x, y)", "dot(a, x)", "dot(S, b)",
    "A + E", "A - 2*E", "A * E", "A / (E**2 + 1)", "A ** 2", "A * x", "x * A", "A + x - a", "(A.T * b).T", "T3 + A",
    "T3 * x", "a * A", "-A", "2", "A @ x + b", "A*a + 1.5", "I * x", "3*x / J",
    "exp(A)", "sin(x) * tanh(A)", "maximum(A, E)", "maximum(A, x)", "maximum(A, 0)", "abs(S @ b)",
    "where(A > 0, A, 0.1*A)", "where(A > x, x, A)", "where(x > 0 and y < 1, x, y)" , "where(A > 0, 1, 0)",
    "tr(S)", "trace(A.T @ E)", "tr(S @ R @ S)", "outer(b, x)", "outer(b, b)", "outer(b, A @ x) @ S",
    "kron(A, B)", "kron(x, v)", "kron(A, B) @ kron(x, v)", "kron(S, S)", "kron(A @ B, C).sum(0)", "kron(A, B) + 1",
    "diag(x)", "diag(S)", "diag(b) @ A", "A @ diag(x)", "diag(b) @ b", "x @ diag(x)", "diag(b) @ S @ diag(b)",
    "diag(b) @ diag(u)", "diag(diag(S))", "diag(b) + S", "diag(b) * S", "diag(b).T @ S", "2*diag(b) - outer(b, b)",
    "exp(diag(b))", "diag(b) / (1 + S**2)", "tr(diag(b) @ S)", "diag(b).sum(0)", "diag(softmax(S))",
    "tr(softmax(S + R))", "diag(softmax(b)) - outer(softmax(b), softmax(b))",
    "eye(I)", "eye(3)", "S + a*eye(I)", "eye(I) @ A", "eye(I) - outer(b, b)", "tr(eye(J))", "eye(3) @ p",
    "cross(p, q)", "cross(cross(p, q), p)", "p @ cross(p, q)", "cross(exp(p), softmax(q))", "2*cross(p, q) + p",
    "norm2(A)", "norm2(x)**2", "norm2(A @ x - b)", "norm2(a)", "norm2(T3)**3", "norm2(A @ B - C)**2",
    "A.sum()", "A.sum(0)", "A.sum(1)", "A.sum(-1)", "T3.sum(1)", "sum(A)", "sum(A, 0)", "A.mean()", "A.mean(0)",
    "mean(A)", "mean(x)", "(A - A.mean(0)) / 2", "A.max(1)", "A.min(0)", "max(A)", "min(x)", "A.max()", "prod(A, 0)",
    "(A * x).sum(1)", "(A @ x).mean()", "sum(exp(A) * E)", "A.sum(0) @ x", "T3.max(0)", "A.T.sum(0)", "sum(x @ y)",
    "logsumexp(x)", "logsumexp(A)", "logsumexp(A @ x)", "softmax(A)", "softmax(A @ x)", "log_softmax(A)",
    "log_softmax(A @ B + v)", "softmax(A, 0)", "logsumexp(T3, 1)", "softmax(T3)", "A * softmax(A)",
    "softmax(A @ x) @ A", "softmax(A @ E.T / sqrt(3)) @ E", "log_softmax(A).sum(1)",
]  # fmt: skip


def on_numpy(text, arrays):
    text = text.replace(" and ", " & ").replace("x > 0", "(x > 0)").replace("y < 1", "(y < 1)")
    return eval(text, {**NUMPY, **arrays})  # the lists of this file, nobody's input


@pytest.mark.parametrize("text", VALUES)
def test_values_are_those_of_numpy(text):
    arrays = arrays_of(text)
    if not {"I", "J"}.isdisjoint(_words(text)):  # sizes come from arrays
        arrays["A"] = np.ones((4, 3))
    system = check(notation.parse(f"{declared(' '.join(arrays))}\nout = {text}"))
    close(interpret(system, arrays)["out"], on_numpy(text, arrays))


SCALARS = [
    "x @ (A.T @ A) @ y", "b @ S @ b", "b @ S @ u", "x @ y", "tr(A.T @ E)", "tr(S)", "tr(S @ R)", "tr(S @ S @ R)",
    "tr(S @ R @ S.T @ R)", "norm2(A @ x - b)**2", "0.5*norm2(A @ x - b)**2 + a*norm2(x)**2", "norm2(A @ B - C)**2",
    "norm2(A)", "norm2(S @ R - R @ S)**2", "sum(exp(A) * E)", "sum(A * E)", "logsumexp(A @ x)",
    "sum(sigmoid(-A @ x))", "sum(log(1 + exp(-b * (A @ x))))", "sum(outer(b, x) * A)", "norm2(outer(b, x) - A)**2",
    "norm2(S - outer(b, b))**2", "sum(kron(A, B)**2)", "sum(sin(kron(A, B) @ kron(x, v)))", "norm2(diag(b) @ A)**2",
    "sum(exp(diag(b) @ S @ diag(b)))", "tr(diag(b) @ S)", "sum(diag(S)**2)", "sum(sin(diag(b) + S))",
    "norm2(S.T @ S - eye(4))**2", "p @ cross(p, q) + sum(cross(p, q)**2)", "sum(A.mean(0)**2)", "mean((A @ x - b)**2)",
    "sum(A.max(1))", "sum(A.sum(0) * x)", "sum(softmax(A @ x) * b)", "-sum(E * log_softmax(A))",
    "sum(softmax(A @ E.T) @ E * A)", "b @ S @ b / (b @ b)", "sum(T3 @ x)", "sum(exp(T3 @ U))", "prod(x)",
    "sum(where(A > 0, A**2, -A))", "tr(softmax(S) @ R)", "sum(tanh(A @ B + v) * C)", "a*x @ y / (norm2(x)*norm2(y))",
    "sum((A - A.mean(0))**2)", "sum(logsumexp(A))",
]  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_gradients_are_central_differences(text):
    arrays = arrays_of(text)
    program = sg.program(f"{declared(text)}\nL = {text}")
    close(program.evaluate(**arrays)["L"], on_numpy(text, arrays))
    found = program.gradient("L").evaluate(**arrays)
    for name, value in arrays.items():
        close(found[f"dL_d{name}"], _differences(text, arrays, name, value), 1e-7)


def _differences(text, arrays, name, value, step=1e-6):
    result = np.zeros_like(value)
    for place in np.ndindex(value.shape):
        ends = []
        for sign in (1, -1):
            moved = value.copy()
            moved[place] += sign * step
            ends.append(on_numpy(text, {**arrays, name: moved}))
        result[place] = (ends[0] - ends[1]) / (2 * step)
    return result


def test_the_differences_catch_a_wrong_transpose():
    """The control of the test above: the gradient of x S y is not that of x S^T y."""
    arrays = arrays_of("b @ S @ u")
    found = sg.program(f"{declared('b @ S @ u')}\nL = b @ S.T @ u").gradient("L").evaluate(**arrays)
    with pytest.raises(AssertionError):
        close(found["dL_db"], _differences("b @ S @ u", arrays, "b", arrays["b"]), 1e-7)


# closed forms


def closed(text, wrt):
    system = sg.program(text).gradient("L", wrt).display
    (eq,) = [e for e in system.equations if e.tensor == f"dL_d{wrt}"]
    return sorted(_shown(t) for t in eq.terms)


def _shown(term):
    over = ",".join(r.index.name for r in term.reduced)
    return f"[{','.join(map(str, term.write))}] {f'sum {over}: ' if over else ''}{term.body}"


LEAST_SQUARES = "A: input[i, j]\nb: input[i]\nx: parameter[j]\n"
SQUARE = "S: input[i, i]\nx: parameter[i]\n"


def test_closed_form_of_least_squares():
    """A^T r with r = A x - b."""
    assert closed(LEAST_SQUARES + "r = A @ x - b\nL = 0.5*norm2(r)**2", "x") == ["[j] sum i: r[i]*A[i, j]"]


def test_closed_forms_of_traces_and_quadratic_forms():
    pair = "A, B: parameter[i, j]\n"
    assert closed(pair + "L = tr(A.T @ B)", "A") == ["[i,j] B[i, j]"]
    assert closed(SQUARE + "L = x @ S @ x", "x") == ["[i] sum i_1: (S[i, i_1] + S[i_1, i])*x[i_1]"]
    assert closed("a: parameter[i]\nB: input[i, j]\nL = norm2(diag(a) @ B)**2", "a") == ["[i] sum j: 2*a[i]*B[i, j]**2"]
    assert closed("A: parameter[i, i]\nL = tr(A)", "A") == ["[i,i] 1"]


def test_closed_form_of_logistic_regression():
    """X^T (p - Y)/N, from four lines of which three have no indices."""
    text = """
        X: input[n, d]
        Y: input[n, k], distribution over k
        W: parameter[d, k]
        z = X @ W
        p = softmax(z)
        L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))
    """
    assert closed(text, "W") == ["[d,k] sum n: (-Y[n, k] + p[n, k])*X[n, d]/N"]


# the program around it


def test_matrix_and_indexed_lines_mix():
    arrays = arrays_of("A x b")
    text = (
        declared("A x b")
        + """
        z = A @ x + b
        w[i] = z[i]**2
        L = sum[i](w[i]*b[i]) + norm2(z)**2 + sum(w) + A[0,1]
    """
    )
    z = arrays["A"] @ arrays["x"] + arrays["b"]
    close(sg.program(text).evaluate(**arrays)["L"], np.sum(z**2 * arrays["b"]) + 2 * np.sum(z**2) + arrays["A"][0, 1])


def test_sums_with_indices_stand_inside_products():
    arrays = arrays_of("x v b p q")
    program = sg.program(declared("x v b p q") + "\nK = kron(x, v*mean[i](b[i]))\nc = sum[j](x[j]**2)*cross(p, q)")
    out = program.evaluate(**arrays)
    x, v, b, p, q = (arrays[n] for n in "xvbpq")
    close(out["K"], np.kron(x, v * np.mean(b)))
    close(out["c"], np.sum(x**2) * np.cross(p, q))


def test_a_step_of_gradient_descent():
    text = """
        X: input[n, d]
        t: input[n]
        w: parameter[d]
        rate: input
        r = X @ w - t
        L = 0.5*mean(r**2)
        g = X.T @ r / N
        w_next = w - rate*g
        updates: w -> w_next
        outputs: L, g
    """
    program = sg.program(text)
    assert program.raw.updates == {"w": "w_next"}
    arrays = {"X": np.arange(12.0).reshape(4, 3), "t": np.ones(4), "w": np.array([0.1, -0.2, 0.3])}
    out = program.gradient("L").evaluate(rate=0.1, **arrays)
    close(out["dL_dw"], program.evaluate(rate=0.1, **arrays)["g"])


def test_an_equation_of_scalars_keeps_its_meaning():
    body = (
        sg.program("a, b: parameter\nL = a*b + N*0 \nx: input[n]\nM = sum[n](x[n])").raw.defining()["L"].terms[0].body
    )
    assert str(body) == "a*b"


def test_letters_come_from_the_operands():
    tensors = notation.parse(declared("A B S b") + "\nM = A @ B\nG = A.T @ A\nK = kron(A, B)\nD = diag(b)").tensors
    assert tensors["M"].letters == ("i", "k")
    assert tensors["G"].letters[0] == "j" and len(set(tensors["G"].letters)) == 2
    assert [str(s) for s in tensors["K"].shape] == ["I*J", "J*K"]
    assert len(set(tensors["D"].letters)) == 2


def test_a_diagonal_stays_a_diagonal():
    system = notation.parse("b: parameter[i]\nD = diag(b) + 2*eye(I)")
    (term,) = system.defining()["D"].terms
    assert str(term.write) == "(i, i)" and str(term.body) == "b[i] + 2" and not term.guard


def test_products_of_vectors_and_matrices_are_one_sum():
    system = notation.parse(declared("S b") + "\nL = b @ S @ b")
    assert [e.tensor for e in system.equations] == ["L"]


def test_a_chain_that_ends_in_a_vector_multiplies_no_matrices():
    system = notation.parse(declared("S R b") + "\nz = S @ R @ S.T @ b")
    assert all(len(t.domain) == 2 for e in system.equations for t in e.terms)


def test_sizes_are_unified_where_axes_line_up():
    tensors = notation.parse("A: input[i, j]\nx: parameter[k]\ny = A @ x").tensors
    assert tensors["x"].shape == (tensors["A"].shape[1],)


def test_labels_and_conditions():
    text = "m: input[i], boolean\ny: label[i] over k\nb: parameter[i]\nout = where(m, b, 0) + where(y == 1, 2*b, y)"
    m, y, b = np.array([True, False, True]), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0])
    out = sg.program(text, sizes={"k": 2}).evaluate(m=m, y=y, b=b)["out"]
    close(out, np.where(m, b, 0) + np.where(y == 1, 2 * b, y))


def test_a_declared_name_wins():
    close(sg.program("tr: input\nx: input[i]\ny = tr*x").evaluate(tr=2.0, x=np.ones(3))["y"], 2 * np.ones(3))


@pytest.mark.parametrize("text", ["A @ x + b", "kron(A, B)", "diag(b) + S", "softmax(A)", "cross(p, q)", "A.max(1)"])
def test_round_trip_as_indexed_text(text):
    arrays = arrays_of(text)
    system = notation.parse(f"{declared(text)}\nout = {text}")
    again = notation.parse(notation.to_text(system))
    close(interpret(again, arrays)["out"], interpret(system, arrays)["out"])


@pytest.mark.parametrize("text", ["0.5*norm2(A @ x - b)**2", "sum(kron(A, B)**2)", "-sum(E * log_softmax(A))"])
def test_kernels_agree(text):
    arrays = arrays_of(text)
    grad = sg.program(f"{declared(text)}\nL = {text}").gradient("L")
    expected, found = grad.evaluate(**arrays), grad.compile()(**arrays)
    for name in grad.outputs:
        close(np.asarray(found[name]), expected[name], 1e-11)


# errors


def message(text, kind):
    with pytest.raises(kind) as caught:
        notation.parse(f"{declared(text)}\n{text}")
    assert type(caught.value) is kind
    return str(caught.value)


FULL = {
    "shapes": ("L = norm2(A @ b)", ShapeError, """
A and b do not fit: @ pairs J with I.
    L = norm2(A @ b)
              ^ (I, J) ^ (I,)
    A has the shape (I, J), b the shape (I,). Write A.T @ b.
    If the axes are the same, declare both with one letter."""),
    "rows": ("z = A * b", ShapeError, """
A and b do not fit: element by element it pairs J with I.
    z = A * b
        ^ (I, J) ^ (I,)
    A has the shape (I, J), b the shape (I,). NumPy lines up the last axes: for the rows write (A.T * b).T.
    If the axes are the same, declare both with one letter."""),
    "vector transposed": ("L = x @ y.T", ShapeError, """
y is a vector: .T does nothing to it.
    L = x @ y.T
            ^
    For a scalar write x @ y without .T, for the products of all pairs outer(x, y)."""),
    "not square": ("z = inv(A)", ShapeError, """
inv needs a square matrix, and A has the shape (I, J).
    z = inv(A)
            ^
    Declare both axes with one letter, as in A: input[i, i]."""),
    "several results": ("z = eigh(S)", NotationError, """
eigh has 2 results.
    z = eigh(S)
        ^
    Give it an equation of its own: w, V = eigh(A)."""),
    "too many names": ("z, zz, zzz = eigh(S)", NotationError, """
the left side has 3 names, the right side 2 values.
    z, zz, zzz = eigh(S)
    ^
    Several names on the left take the results of one routine, as in w, V = eigh(A) or Q, R = qr(A)."""),
    "square": ("L = tr(A)", ShapeError, """
tr needs a square matrix, and A has the shape (I, J).
    L = tr(A)
           ^
    Declare both axes with one letter, as in A: input[i, i]."""),
    "attribute": ("z = A.reshape(3)", NotationError, """
attributes such as .reshape are not part of the notation.
    z = A.reshape(3)
        ^
    An array has .T, .sum(), .mean(), .max(), .min(), and nothing else is read."""),
    "several lines": ("z[0] = a\nz = 2*x", NotationError, """
z has several lines, and this one defines all of it.
    z = 2*x
    ^
    Write the others in one equation with it, or indices on each line: z[i] = ..."""),
}  # fmt: skip


@pytest.mark.parametrize("name", FULL)
def test_message(name):
    text, kind, expected = FULL[name]
    assert message(text, kind) == expected.strip("\n")


SHORT = [
    ("z = S @ a", NotationError, "@ multiplies arrays, and a is a number."),
    ("z = det(b)", ShapeError, "det takes a matrix, and b has 1 axis."),
    ("z = solve(S)", NotationError, "solve takes 2 arguments, not 1."),
    ("z = solve(S, a)", ShapeError, "solve takes a vector, and a is a number."),
    ("z, zz = x + x", NotationError, "the left side has 2 names, the right side 1 value."),
    ("z[i], zz = qr(A)", NotationError, "several results have no indices, and names of their own."),
    ("z[i] = inv(S)", NotationError, "inv is of whole arrays and has no place among indices."),
    ("z = A.sum(2)", ShapeError, "A has no axis 2."),
    ("z = A.sum(b)", NotationError, "the axis of sum is a whole number."),
    ("z = max(A, E)", NotationError, "max(A, ...) could be along an axis, or the maximum of two."),
    ("z = sum(A @ x, 0.5)", NotationError, "the axis of sum is a whole number."),
    ("z = A.sum(axis=1)", NotationError, "named arguments are not part of the notation."),
    ("z = A.sum", NotationError, "attributes such as .sum are not part of the notation."),
    ("z = A.prod()", NotationError, "attributes such as .prod are not part of the notation."),
    ("z = max(x, 0)", NotationError, "max(x, ...) could be along an axis, or the maximum of two."),
    ("z = eye(j) @ x", NotationError, "j is the letter of an axis, not a value."),
    ("z = A.max(b)", NotationError, "the axis of max is a whole number."),
    ("z = A.T()", NotationError, "attributes such as .T are not part of the notation."),
    ("z = A.__class__", NotationError, "attributes such as .__class__ are not part of the notation."),
    ("z = A.T.dtype @ x", NotationError, "attributes such as .dtype are not part of the notation."),
    ("z = A.sum.__globals__", NotationError, "attributes such as .__globals__ are not part of the notation."),
    ("z = A.dot(x)", NotationError, "attributes such as .dot are not part of the notation."),
    ("z = A[:, 0] @ b", NotationError, "slices `a:b` are not part of the notation."),
    ("z = A @ 'x'", NotationError, "text in quotes is not part of the notation."),
    ("z = A @= x", NotationError, "this is not a formula."),
    ("z = A.T[0, 1] + A", NotationError, "an index stands behind a name only."),
    ("z[i] = sum[j](A[i,j] @ x[j])", NotationError, "the matrix product `@` has no place among indices."),
    ("z = sum[j](A.T)", NotationError, ".T is of whole arrays and has no place among indices."),
    ("z = A @ zz", UnknownNameError, "zz is not declared."),
    ("z = A @ x + z", RecurrenceError, "z is defined by itself, and it has no index along which it could grow."),
    ("z = sofmax(A)", UnknownNameError, "sofmax is not a function of the notation."),
    ("z = A > 0", NotationError, "a comparison is not a number."),
    ("z = where(A, 1, 0)", NotationError, "this is not a condition."),
    ("z = outer(A, x)", ShapeError, "outer takes a vector, and A has 2 axes."),
    ("z = kron(A, x)", ShapeError, "kron(A, x) needs two arrays of one rank."),
    ("z = cross(p, A)", ShapeError, "cross takes a vector, and A has 2 axes."),
    ("z = eye(a) @ x", ShapeError, "eye takes one size."),
    ("z = diag(a) @ x", ShapeError, "diag takes a vector or a matrix, and a is a number."),
    ("z = tr(S, S)", NotationError, "tr takes 1 argument, not 2."),
    ("z = A + C", ShapeError, ""),
    ("z = T3 + S", ShapeError, "T3 and S do not fit"),
    ("z = p + A @ x", ShapeError, ""),
    ("z = exp(A, E)", NotationError, "exp takes 1 argument, not 2"),
    ("z = softmax(a) + sum(x)", NotationError, "softmax is of an array, and a is a number."),
    ("z = a.T * x", ShapeError, "a is a number: .T does nothing to it."),
    ("z = x.sum().sum(0)", NotationError, "sum is of an array, and sum(x) is a number."),
    ("z = A / 0", NotationError, "this divides by zero"),
    ("z = cross(p, 1/(0*(p @ q)) * q)", NotationError, "this divides by zero"),
    ("z = A ** 9**9**9", NotationError, "this constant is out of the range of a float"),
    ("z = A(x)", NotationError, "A is a tensor and cannot be called."),
]


@pytest.mark.parametrize(("text", "kind", "expected"), SHORT, ids=[s[0] for s in SHORT])
def test_short_message(text, kind, expected):
    if text in ("z = A + C", "z = p + A @ x"):  # sizes of different letters are unified where axes line up
        assert notation.parse(f"{declared(text)}\n{text}")
        return
    assert message(text, kind).startswith(expected)


def test_two_fixed_sizes_show_both_shapes():
    with pytest.raises(ShapeError, match=r"A and x do not fit: @ pairs 4 with 3") as caught:
        notation.parse("A: input[2, 4]\nx: input[3]\ny = A @ x")
    assert "(2, 4)" in str(caught.value) and "(3,)" in str(caught.value)


def test_an_axis_of_size_one_is_not_repeated():
    with pytest.raises(ShapeError, match=r"An axis of size 1 is not repeated"):
        notation.parse("A: input[i, j]\nx: input[1, j]\ny = A * x")


def test_a_long_chain_is_refused_or_read_but_never_hangs():
    text = " @ ".join(["S"] * 40)
    assert notation.parse(f"{declared('S')}\nM = {text}")
    with pytest.raises(NotationError):
        notation.parse(f"{declared('S')}\nM = {' @ '.join(['S'] * 4000)}")
