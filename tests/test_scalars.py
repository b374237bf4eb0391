"""sg.gradient, sg.jacobian, sg.hessian on formulas, against SymPy's own derivatives at random points."""

import numpy as np
import pytest
import sympy

import symgrad as sg
from symgrad.errors import SymgradError

x, y = sympy.symbols("x y", real=True)
FORMULAS = [
    x**2 + y**2,
    (3 * x + 2) ** 2,
    sympy.exp(-(x**2)) * sympy.tanh(y) * sympy.cos(x * y),
    sympy.log(1 + sympy.exp(x + y)),
    sympy.sqrt(1 + x**2) / (2 + sympy.sin(y)),
    sympy.erf(x) * y**3,
]


def close(ours, theirs):
    points = np.random.default_rng(3).normal(size=(5, 2))
    for a, b in points:
        at = {x: a, y: b}
        for mine, other in zip(ours, theirs, strict=True):
            # two spellings of one formula in double precision
            assert float(mine.subs(at)) == pytest.approx(float(other.subs(at)), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_first_and_second_derivatives(formula):
    close(sg.gradient(formula, [x, y]), sympy.Matrix([formula.diff(v) for v in (x, y)]))
    close(sg.hessian(formula, [x, y]), sympy.hessian(formula, (x, y)))


@pytest.mark.parametrize("formula", [FORMULAS[1], FORMULAS[5]], ids=str)
def test_products_with_the_hessian(formula):
    a, b = sympy.symbols("a b", real=True)
    expected = sympy.hessian(formula, (x, y)) * sympy.Matrix([a, b])
    point = {a: 0.3, b: -1.2}
    close(sg.hvp(formula, [x, y], [a, b]).subs(point), expected.subs(point))


def test_directions():
    assert sg.hvp(x**2 * y, "x") == sympy.Matrix([2 * y * sympy.Symbol("x_dot", real=True)])
    assert sg.hvp(x**3 + sympy.Symbol("x_dot"), "x", 2) == sympy.Matrix([12 * x])
    with pytest.raises(SymgradError, match="the direction has 1 entries for 2 names: pass one for each of xs"):
        sg.hvp("x*y", ["x", "y"], [1])


def test_text_and_the_worked_example():
    found = sg.gradient("x**2 + y**2", ["x", "y"])
    assert found == sympy.Matrix([2 * x, 2 * y])
    assert found.subs({x: 3, y: 4}) == sympy.Matrix([6, 8])
    assert sg.jacobian(["x*y", "x - y"], ["x", "y"]) == sympy.Matrix([[y, x], [1, -1]])
    assert sg.gradient("7", ["x"]) == sympy.Matrix([0])


def test_plain_symbols_are_kept():
    t = sympy.Symbol("t")  # not declared real by its owner: the formula is about real numbers all the same
    assert sg.gradient(t**3, [t]) == sympy.Matrix([3 * t**2])


def test_one_name_is_a_list_of_one():
    theta = sympy.Symbol("theta", real=True)
    for alone in ("theta", theta, ["theta"]):
        assert sg.gradient("theta**2", alone) == sympy.Matrix([2 * theta])
        assert sg.hessian("theta**2", alone) == sympy.Matrix([2])
    assert sg.jacobian("x**2", "x") == sympy.Matrix([2 * x])


@pytest.mark.parametrize("names", [[3], 3, ["x", None], "x, y", "x y", [x**2]])
def test_what_is_no_name_is_refused(names):
    with pytest.raises(SymgradError, match=r"a derivative is taken by names or SymPy symbols, not by .*: pass a list"):
        sg.gradient("x", names)


@pytest.mark.parametrize("formula", [None, ["__import__('os')"], {"x": 1}, True, sympy.Matrix([x])])
def test_a_formula_is_text_or_an_expression(formula):
    with pytest.raises(SymgradError, match="a formula is text or a SymPy expression, not"):
        sg.gradient(formula, "x")
    assert sg.gradient(7, "x") == sympy.Matrix([0])


OPTIMIZERS = ", ".join(sg.optimizers.NAMES)


@pytest.mark.parametrize(
    "owner, name, hint",
    [
        (sg, "programm", "module 'symgrad' has no attribute 'programm'. Did you mean program?"),
        (sg, "optimisers", "module 'symgrad' has no attribute 'optimisers'. Did you mean optimizers?"),
        (sg, "zzz", "module 'symgrad' has no attribute 'zzz'."),
        (sg.optimizers, "adamm", f"there is no optimiser adamm; there are {OPTIMIZERS}. Did you mean adam?"),
        (sg.models, "mpl", f"there is no model mpl; there are {', '.join(sg.models.NAMES)}. Did you mean mlp?"),
    ],
)
def test_a_misspelt_public_name_is_answered_by_the_nearest(owner, name, hint):
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    assert str(caught.value) == hint
    assert not hasattr(owner, name)


@pytest.mark.parametrize("bad", ["x", None, float("nan"), float("inf"), True])
def test_the_numbers_of_an_optimiser_are_numbers(bad):
    with pytest.raises(SymgradError, match=r"lr of adam must be a finite number; it is .*\(lr=0.001, beta1=0.9, "):
        sg.optimizers.adam(bad)
    with pytest.raises(SymgradError, match=r"Pass a number, as in sg\.optimizers\.sgd\(lr=0\.001\)\."):
        sg.optimizers.sgd(bad)
    assert sg.optimizers.sgd(np.float32(0.5)).values["lr"] == 0.5


@pytest.mark.parametrize("text", ["__import__('os').system('true')", "x.__class__", "lambda: x", "x +"])
def test_text_is_never_evaluated(text):
    with pytest.raises(SymgradError):
        sg.gradient(text, ["x"])
