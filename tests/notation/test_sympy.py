"""SymPy expressions as models: the value is that of the tree read node by node, derivatives are those of differences.

Among the cases are those in which SymPy 1.14 answers `expr.diff(A)` with a silent 0 or a wrong shape.
"""

import functools
import pickle

import numpy as np
import pytest
import sympy
from sympy import (
    BlockMatrix,
    Derivative,
    DiagMatrix,
    DotProduct,
    Eq,
    Function,
    HadamardPower,
    HadamardProduct,
    Identity,
    Idx,
    IndexedBase,
    KroneckerDelta,
    KroneckerProduct,
    Lambda,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Piecewise,
    Product,
    Sum,
    Symbol,
    Trace,
    cosh,
    det,
    exp,
    log,
    oo,
    sin,
    symbols,
    tanh,
)
from sympy.matrices.expressions.matexpr import MatrixElement

import symgrad as sg
from symgrad.errors import NotationError, ShapeError, SymgradError, UnknownNameError

n, m, k = symbols("n m k", integer=True, positive=True)
i, j, l = symbols("i j l", integer=True)
A, B, P = (MatrixSymbol(s, n, n) for s in "ABP")
X, U, V = MatrixSymbol("X", m, n), MatrixSymbol("U", n, k), MatrixSymbol("V", m, k)
x, y, w = (MatrixSymbol(s, n, 1) for s in "xyw")
u, v, a = (IndexedBase(s, shape=(n,)) for s in "uva")
M, Q = IndexedBase("M", shape=(m, n)), IndexedBase("Q", shape=(n, n))
z = IndexedBase("z")
t = IndexedBase("t", shape=(m,), integer=True)
c = Symbol("c")
SIZES = {n: 3, m: 4, k: 2}
T = (i, 0, n - 1)

d = sympy.Dummy("d")
SIGMOID = Lambda(d, 1 / (1 + exp(-d)))
E = X - V * U.T

# name -> (expression, what it is differentiated by); `*` marks what SymPy 1.14 gets silently wrong
SCALARS = {
    "log det *": (log(det(P)), "P"),
    "log |det| *": (log(sympy.Abs(det(A))), "A"),
    "log-sum-exp *": (log(Sum(exp(u[i]), T)), "u"),
    "log-sum-exp of a matrix product *": (log(Sum(exp((X * w)[i, 0]), (i, 0, m - 1))), "w"),
    "exp tr *": (exp(Trace(A) / 4), "A"),
    "tr^2 *": (Trace(A) ** 2, "A"),
    "ridge matrix factorisation *": (Trace(E.T * E) + c * Trace(U.T * U), "U"),
    "1' sigma(-Xw) *": (OneMatrix(1, m) * (-X * w).applyfunc(SIGMOID), "w"),
    "sum of a Hadamard product *": (OneMatrix(1, n) * HadamardProduct(A, B) * OneMatrix(n, 1), "A"),
    "trace of a Hadamard product *": (Trace(HadamardProduct(A, A.T) * B), "A"),
    "x' (A o B) y *": (x.T * HadamardProduct(A, B) * y, "A"),
    "logistic loss in matrix form *": ((OneMatrix(1, m) * (X * w).applyfunc(Lambda(d, log(1 + exp(d))))), "w"),
    "determinant": (det(A) ** 2, "A"),
    "quadratic form": ((x.T * A * x)[0, 0], "x"),
    "bilinear form with an inverse": (x.T * P.inverse() * y, "P"),
    "trace of an inverse": (Trace(P.I * B), "P"),
    "matrix power": (Trace(A**5) + Trace(P ** (-2)), "A"),
    "powers of entries": (Trace(HadamardPower(P, 2) * B), "P"),
    "diagonal matrix": (Trace(DiagMatrix(x) * A * DiagMatrix(x)), "x"),
    "Kronecker product": (Trace(KroneckerProduct(A, A)), "A"),
    "outer product": (Trace(x * y.T * A), "x"),
    "identity": (log(det(X.T * X + Identity(n))), "X"),
    "entries": (A[0, 1] ** 2 * A[n - 1, 0] + Sum(A[j, j] * x[j, 0], (j, 0, n - 1)), "A"),
    "element by element": (OneMatrix(1, n) * A.applyfunc(Lambda(d, d * tanh(d))) * x, "A"),
    "explicit matrix": (Matrix([[c, 1], [2, c**2]]).det() + (Matrix([[1, 2, c]]) * Matrix([c, 1, 2]))[0], "c"),
    "dot product": (DotProduct(x, y) ** 2, "x"),
    "sum from 0": (Sum(u[i] ** 2 * v[i], T), "u"),
    "sum from 1": (Sum(i * u[i] ** 2, (i, 1, n)), "u"),
    "a base without a shape, from 1": (Sum(z[i] ** 3, (i, 1, n)), "z"),
    "differences from 2": (Sum((z[i] - z[i - 1]) ** 2 / i, (i, 2, n)), "z"),
    "part of an axis": (Sum(u[i] * u[i + 1], (i, 0, n - 2)), "u"),
    "triangle": (Sum(Q[i, j] * u[j] ** 2, (j, 0, i), (i, 0, n - 1)), "u"),
    "triangle from the diagonal": (Sum(u[i] * u[j] ** 2, (j, i + 1, n - 1), (i, 0, n - 1)), "u"),
    "nested sums": (Sum(sin(Sum(M[i, j] * u[j], (j, 0, n - 1))), (i, 0, m - 1)) / m, "u"),
    "mean and product": (Product(u[i], T) + Sum(u[i], T) / n, "u"),
    "cases by index": (Sum(Piecewise((u[i] ** 2, i < 2), (sin(u[i]), True)), T), "u"),
    "cases by value": (Sum(Piecewise((u[i] ** 2, u[i] < 0), (u[i] ** 3, True)), T), "u"),
    "a guarded read": (Sum(Piecewise((u[i - 1] * u[i], i > 0), (u[i], True)), T), "u"),
    "Kronecker delta": (Sum(KroneckerDelta(i, j) * u[i] * v[j], T, (j, 0, n - 1)), "u"),
    "gather": (Sum(u[t[l]] ** 2, (l, 0, m - 1)), "u"),
    "hyperbolic": (Sum(cosh(u[i]) * sympy.Max(u[i], 0), T), "u"),
    "plain symbols": (c**2 * sin(Symbol("x")) + Symbol("lambda") / 3 + sympy.Float(0.1) * c + sympy.EulerGamma, "c"),
    "a letter and its capital": (Sum(u[i] * Symbol("N"), T) + Symbol("i") * c, "u"),
}


def arrays(program, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    for tensor in program.raw.declared():
        shape = tuple(int(s.xreplace({q: SIZES[symbol] for q in s.free_symbols for symbol in SIZES
                                      if str(symbol).upper() == q.name})) for s in tensor.shape)  # fmt: skip
        found[tensor.name] = rng.integers(0, 3, shape) if tensor.dtype == "int" else rng.normal(size=shape)
    if "P" in found:
        found["P"] = found["P"] @ found["P"].T + np.eye(len(found["P"]))
    return found


def by_hand(e, given, first, at):
    """The value of a SymPy tree with NumPy and loops, node by node; `at`: bound symbols and sizes to numbers."""

    def of(part, **more):
        return by_hand(part, given, first, {**at, **more.get("at", {})})

    if e in at:
        return at[e]
    match e:
        case sympy.Sum() | sympy.Product():
            symbol, low, high = e.limits[-1]  # the last is the outermost
            rest = e.function if len(e.limits) == 1 else e.func(e.function, *e.limits[:-1])
            values = [of(rest, at={symbol: p}) for p in range(int(of(low)), int(of(high)) + 1)]
            return np.sum(values) if isinstance(e, sympy.Sum) else np.prod(values)
        case sympy.Indexed():
            name = str(e.base.label)
            return given[name][tuple(int(of(p)) - first.get(name, 0) for p in e.indices)]
        case MatrixElement():
            return of(e.parent)[tuple(int(of(p)) for p in e.indices)]
        case MatrixSymbol():
            return given[e.name].reshape([int(of(s)) for s in e.shape])
        case sympy.OneMatrix():
            return np.ones([int(of(s)) for s in e.shape])
        case Identity():
            return np.eye(int(of(e.shape[0])))
        case sympy.matrices.expressions.applyfunc.ElementwiseApplyFunction():
            (variable,) = e.function.variables
            return np.vectorize(lambda value: of(e.function.expr, at={variable: value}))(of(e.expr))
        case sympy.logic.boolalg.BooleanAtom():
            return bool(e)
        case Piecewise():
            return next(of(value) for value, condition in e.args if bool(of(condition)))
    args = [of(a) for a in e.args]
    args = [a.item() if np.ndim(a) == 0 and hasattr(a, "item") else a for a in args]
    if type(e) in BY_NUMPY:
        return BY_NUMPY[type(e)](*args)
    if not args:
        return given["lambda_" if e.name == "lambda" else e.name] if e.is_Symbol else float(e)
    return e.func(*map(sympy.sympify, args)) if isinstance(e, sympy.logic.boolalg.Boolean) else float(e.func(*args))


BY_NUMPY = {
    sympy.MatMul: lambda *p: functools.reduce(lambda a, b: a @ b if np.ndim(a) and np.ndim(b) else a * b, p),
    sympy.MatAdd: lambda *p: sum(p), sympy.Transpose: np.transpose, sympy.Inverse: lambda p, _=-1: np.linalg.inv(p),
    sympy.MatPow: lambda p, e: np.linalg.matrix_power(p, int(e)), Trace: np.trace, sympy.Determinant: np.linalg.det,
    HadamardProduct: lambda *p: functools.reduce(np.multiply, p), HadamardPower: np.power, KroneckerProduct: np.kron,
    DiagMatrix: lambda p: np.diag(p[:, 0]), DotProduct: lambda a, b: float(np.sum(a * b)),
}  # fmt: skip


FROM_ONE = {"sum from 1": {"u": 1}, "a base without a shape, from 1": {"z": 1}, "differences from 2": {"z": 1}}


@pytest.mark.parametrize("name", SCALARS)
def test_value_and_gradient(name):
    expr, wrt = SCALARS[name]
    program = sg.program(expr, parameters=[wrt])
    given = arrays(program)
    expected = by_hand(sympy.sympify(expr), given, FROM_ONE.get(name, {}), dict(SIZES))
    # two orders of summation of a few dozen terms in double precision
    assert float(program.evaluate(**given)["f"]) == pytest.approx(float(np.squeeze(expected)), rel=1e-11, abs=1e-12)
    derived = program.gradient("f").evaluate(**given)[f"df_d{wrt}"]
    assert derived.shape == np.shape(given[wrt])
    rng = np.random.default_rng(1)
    for _ in range(2):  # a wrong entry changes the derivative along nearly every direction
        along, ends = rng.normal(size=derived.shape), []
        for h in (1e-5, -1e-5):
            ends.append(float(program.evaluate(**{**given, wrt: given[wrt] + h * along})["f"]))
        # a central difference with h = 1e-5: h**2 times third derivatives, u/h of values of size 100
        assert np.sum(derived * along) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=2e-6, abs=2e-6)


def test_a_wrong_gradient_is_found():
    """The negative control: a formula that differs by a transpose has another value."""
    given = arrays(sg.program(Trace(A * B)))
    values = [by_hand(e, given, {}, dict(SIZES)) for e in (Trace(A * B), Trace(A * B.T))]
    assert float(sg.program(Trace(A * B)).evaluate(**given)["f"]) == pytest.approx(values[0], rel=1e-11)
    assert abs(values[0] - values[1]) > 0.1


def test_equations_in_order():
    row, column = Idx("r", m), Idx("q", n)
    s, L = IndexedBase("s", shape=(m,)), Symbol("L")
    model = sg.program(
        [Eq(s[row], tanh(Sum(M[row, j] * u[j], (j, 0, n - 1)))), Eq(L, Sum(s[i] ** 2, (i, 0, m - 1)) / m)],
        parameters=[u],
    )
    assert model.outputs == ("L",)
    given = arrays(model)
    assert model.evaluate(**given)["L"] == pytest.approx(np.mean(np.tanh(given["M"] @ given["u"]) ** 2))
    assert model.gradient("L").verify(kernel=False).ok
    whole = sg.program(Eq(v[column], u[column] ** 2))
    assert whole.outputs == ("v",) and whole.raw.tensors["v"].rank == 1
    matrices = sg.program([Eq(B, A.T * A), Eq(L, Trace(B * B))], parameters=A)
    np.testing.assert_allclose(matrices.evaluate(A=np.eye(2) * 2)["L"], 32.0)


def test_matrices_and_vectors_as_values():
    given = {"A": np.arange(9.0).reshape(3, 3) + np.eye(3), "x": np.array([1.0, 2.0, -1.0])}
    solved = sg.program(A.inverse() * x)
    np.testing.assert_allclose(solved.evaluate(**given)["f"], np.linalg.solve(given["A"], given["x"]), rtol=1e-12)
    assert [type(e).__name__ for e in solved.written.equations] == ["Call"]
    np.testing.assert_allclose(
        sg.program(A.T * x + 2 * x).evaluate(**given)["f"], given["A"].T @ given["x"] + 2 * given["x"])  # fmt: skip
    p, q = symbols("p q")
    jacobian = sg.program(Matrix([p * q, p - q]), parameters=[p, q]).jacobian("f").evaluate(p=2.0, q=5.0)
    np.testing.assert_array_equal([jacobian["df_dp"], jacobian["df_dq"]], [[5.0, 1.0], [2.0, -1.0]])


def test_roles_facts_and_sizes():
    s = Symbol("s", positive=True)
    model = sg.program(s * Sum(u[i], T), parameters=["s"], sizes={n: 5}, output="total")
    assert model.raw.tensors["s"].role == "parameter" and model.raw.tensors["s"].has("positive")
    assert model.raw.tensors["u"].role == "input" and model.raw.tensors["u"].shape == (5,)
    assert model.outputs == ("total",)
    indices = sg.program(Sum(u[t[l]], (l, 0, m - 1)))
    labels, values = indices.raw.tensors["t"], indices.raw.tensors["u"]
    assert labels.dtype == "int" and labels.over == values.shape[0]


def test_where_axes_begin():
    part = Sum(u[i] ** 2, (i, 1, n - 1))
    assert sg.program(part, first=0).evaluate(u=[10.0, 1.0, 2.0])["f"] == 5.0
    assert sg.program(part, first=1).evaluate(u=[10.0, 1.0, 2.0])["f"] == 101.0


def test_pickled_programs_are_read_again():
    gradient = sg.program(Sum(u[i] ** 2, (i, 1, n)), parameters=[u]).gradient("f")
    again = pickle.loads(pickle.dumps(gradient))
    np.testing.assert_array_equal(again.evaluate(u=[1.0, 2.0])["df_du"], [2.0, 4.0])


REFUSED = {
    "ambiguous": (Sum(u[i], (i, 1, n - 1)), ShapeError, "is read from 1 to N - 1: it may begin at 0 or at 1."),
    "no shape": (Sum(z[i] - z[i - 1], (i, 1, n)), ShapeError, "z has no shape, and is read from 0 to N."),
    "out of range": (Sum(u[i + 1], (i, 0, n)), ShapeError, "u is read from 1 to N + 1, and has N entries."),
    "matrix from 1": (Sum(A[i, 0], (i, 1, n)), ShapeError, "reaches position N of an axis with N entries."),
    "another axis": (Sum(u[i], (i, 0, m - 1)), ShapeError, "u[i] runs over M entries, and that axis has N."),
    "infinite": (Sum(c**i, (i, 0, oo)), NotationError, "i runs to infinity."),
    "backwards": (Sum(u[j], (j, i + 2, n - 1), (i, 0, n - 1)), NotationError, "may run backwards"),
    "free index": (u[Idx("i", n)] ** 2, NotationError, "the index i is free."),
    "not affine": (Sum(u[i**2], (i, 0, 1)), NotationError, "the index i**2 is not affine."),
    "blocks": (BlockMatrix([[A, B]]), NotationError, "BlockMatrix is not read."),
    "half a power": (Trace(A ** sympy.Rational(1, 2)), NotationError, "the power 1/2 of a matrix is not read."),
    "symbolic power": (Trace(A**k), NotationError, "the power k of a matrix is not read."),
    "unknown function": (Function("g")(c), NotationError, "g(c) is a function without a formula."),
    "no row": (sympy.zeta(c), UnknownNameError, "zeta is not a function of the table."),
    "derivative": (Derivative(c**2, c), NotationError, "Derivative is not read in a formula."),
    "incomplete": (Piecewise((c, c > 0)), NotationError, "this Piecewise has no value where all its conditions fail."),
    "matrix for a number": (MatrixElement(A, 0, 0) + Function("h")(c), NotationError, "h(c) is a function without"),
    "two symbols": (c * u[0] + Symbol("u"), NotationError, "two symbols are called u:"),
    "itself": (Symbol("f") ** 2, NotationError, "f is defined by itself."),
    "true": (Eq(c, c), NotationError, "an equation is True: SymPy compared its sides."),
    "complex": (sympy.I * c, NotationError, "ImaginaryUnit is not read in a formula."),
    "late": ([Eq(Symbol("L"), Symbol("q") ** 2), Eq(Symbol("q"), c)], NotationError, "q is read before it is defined."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_place_is_refused(name):
    expr, kind, text = REFUSED[name]
    with pytest.raises(kind) as caught:
        sg.program(expr)
    assert text in str(caught.value)


def test_wrong_options():
    with pytest.raises(UnknownNameError, match=r"parameters= names vv, which the model.*\n    Did you mean v"):
        sg.program(Sum(v[i], T), parameters=["vv"])
    with pytest.raises(UnknownNameError, match="sizes= names r, which is no size of this model"):
        sg.program(Sum(v[i], T), sizes={"r": 3})
    with pytest.raises(SymgradError, match="parameters=, output= and first= are for SymPy expressions"):
        sg.program("x: parameter\ny = x", parameters=["x"])
    with pytest.raises(SymgradError, match=r"For matrices and indexed symbols: sg\.program\(formula\)"):
        sg.gradient(Trace(A), A)
