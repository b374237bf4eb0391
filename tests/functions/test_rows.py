"""Each row is tested by being in the table: references, spelling, derivatives, kinks, LaTeX."""

from __future__ import annotations

import math
import types

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Integer, Rational, Symbol

from symgrad.functions import PUBLIC, ROWS, SHORT, Row, apply, row_of, special
from symgrad.functions.accuracy import calls, points, ulps, worst
from symgrad.functions.derive import find
from symgrad.functions.evaluate import precise, spelled
from symgrad.functions.heads import ScalarFunction, sech, sigmoid, tanh, where
from symgrad.functions.row import X

PLAIN = ("-2.3", "-0.83", "-0.41", "0.17", "0.37", "0.72", "1.9", "6.1")  # away from kinks, poles and zeros
SMOOTH = [r for r in ROWS.values() if not r.jump and r.name not in ("stop", "finite")]
named = pytest.mark.parametrize("row", ROWS.values(), ids=lambda r: r.name)
smooth = pytest.mark.parametrize("row", SMOOTH, ids=lambda r: r.name)


def variables(row: Row) -> tuple[Symbol, ...]:
    return row.arguments[1:] if row.orders else row.arguments


def inside(row: Row) -> list[dict[Symbol, mpmath.mpf]]:
    """Ordinary points of the domain; two arguments take different values."""
    values = [mpmath.mpf(p) for p in PLAIN if row.domain[0] < float(p) < row.domain[1]]
    return [{a: values[(i + 3 * k) % len(values)] for k, a in enumerate(variables(row))} for i in range(len(values))]


def reference_slope(call, symbol: Symbol, point: dict, order: int = 1):
    """The derivative of the row's mpmath reference by differences: independent of the definition."""
    with mpmath.extradps(20):
        return mpmath.diff(lambda v: precise(call, {**point, symbol: v}), point[symbol], order)


def wrong_by(call, derivative, symbol: Symbol, point: dict, order: int = 1) -> float:
    """The relative difference between a derivative and the reference's."""
    with mpmath.workdps(30):
        expected = reference_slope(call, symbol, point, order)
        return float(abs(precise(derivative, point) - expected) / (1 + abs(expected)))


def test_the_contract_is_covered():
    assert set(PUBLIC) <= {*ROWS, *SHORT}


@smooth
def test_first_and_second_derivative(row):
    # mpmath.diff at 50 digits is good to about half of them per order
    for call in calls(row):
        for symbol in variables(row):
            slope = call.diff(symbol)
            for point in inside(row):
                assert wrong_by(call, slope, symbol, point) < 1e-12, (call, point)
                assert wrong_by(call, slope.diff(symbol), symbol, point, 2) < 1e-9, (call, point)


def test_the_derivative_check_catches_a_wrong_derivative():
    point = {X: mpmath.mpf("0.37")}
    assert wrong_by(tanh(X), sech(X) ** 2, X, point) < 1e-12
    assert wrong_by(tanh(X), (1 - tanh(X)) ** 2, X, point) > 0.1  # another engine shipped this for eleven years
    assert wrong_by(sigmoid(X), sigmoid(X) ** 2, X, point) > 0.01


@named
def test_value_is_accurate(row):
    for call in calls(row):
        slope = None if row.jump else call.diff(variables(row)[0])
        found = worst(call, slope, points(row))
        assert found.ulp <= row.ulp.get("value", 4), f"{call}: {found}"


@smooth
def test_derivative_is_accurate(row):
    for call in calls(row):
        for symbol in variables(row):
            slope = call.diff(symbol)
            found = worst(slope, slope.diff(symbol), points(row, slope=True))
            assert found.ulp <= row.ulp.get("slope", 4), f"d {call}/d {symbol} = {slope}: {found}"


def test_the_accuracy_check_catches_unstable_forms():
    row = ROWS["sigmoid"]
    assert worst(sigmoid(X) * (1 - sigmoid(X)), None, points(row)).ulp > 1e3       # 0 at 40
    assert worst(row.definition.diff(X), None, points(row)).ulp == math.inf        # inf/inf at -800
    assert worst(1 - tanh(X) ** 2, None, points(ROWS["tanh"])).ulp > 1e3
    assert ulps(0.0, mpmath.mpf("1e-300")) == math.inf and ulps(math.nan, mpmath.mpf(1)) == math.inf


@named
def test_numpy_agrees_with_mpmath(row):
    # SciPy's own functions are good to about 1e-13 in the ordinary range
    for call in calls(row):
        order = call.args[:1] if row.orders else ()
        for point in inside(row):
            got = row.numpy(*(int(n) for n in order), *(float(v) for v in point.values()))
            expected = precise(call, {s: float(v) for s, v in point.items()})
            assert float(got) == pytest.approx(float(expected), rel=1e-12, abs=1e-14)


@named
def test_numpy_reference_is_quiet_and_broadcasts(row):
    last = np.array([-math.inf, -1e4, -1.0, 0.0, 1.0, 1e4, math.inf, math.nan])
    first = [np.full(8, 2.0)] * (len(row.arguments) - 1)
    assert np.shape(row.numpy(*first, last)) == (8,)


@pytest.mark.parametrize("row", [r for r in SMOOTH if r.complex], ids=lambda r: r.name)
def test_complex_step(row):
    # the imaginary part of f(x + ih)/h has an error of h**2 f'''/6: rounding only
    for symbol in variables(row):
        for point in inside(row):
            step = [complex(float(v), 1e-30 * (s == symbol)) for s, v in point.items()]
            with np.errstate(all="ignore"):
                got = np.imag(row.complex(*map(np.asarray, step))) / 1e-30
            slope = calls(row)[0].diff(symbol)
            assert float(got) == pytest.approx(float(precise(slope, point)), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("row", [r for r in ROWS.values() if r.kinks], ids=lambda r: r.name)
def test_kinks_take_the_named_choice(row):
    for kink in row.kinks:
        at = kink.at if isinstance(kink.at, tuple) else (kink.at,)
        choice = kink.choice if isinstance(kink.choice, tuple) else (kink.choice,)
        for symbol, chosen in zip(row.arguments, choice):
            slope = row.head(*row.arguments).diff(symbol)
            got = precise(slope, dict(zip(row.arguments, (mpmath.mpf(float(a)) for a in at))))
            assert float(got) == pytest.approx(float(chosen), rel=1e-15)
        assert kink.reason


@named
def test_nan_stays_nan(row):
    if row.name in ("finite", "weighted"):
        return
    for call in calls(row):
        point = dict.fromkeys(variables(row), math.nan)
        assert math.isnan(spelled(call, point)), call


@named
def test_latex(row):
    for call in calls(row):
        for text in (sympy.latex(call), sympy.latex(3 * call**2), sympy.latex(call.subs(row.arguments[-1], X + 1))):
            assert text.count("{") == text.count("}") and r"\left({0}" not in text and "[0]" not in text
            assert text.count(r"\left") - text.count(r"\left.") == text.count(r"\right")


@pytest.mark.parametrize("row", [r for r in ROWS.values() if r.kernel.kind == "source"], ids=lambda r: r.name)
def test_source_runs_by_itself(row):
    """The text of a source function, with what it needs, is a module of its own on `math` alone."""
    module = types.ModuleType("generated")
    module.math = math
    for name in (*row.kernel.needs, row.kernel.name):
        exec(compile(special.source(name), name, "exec"), vars(module))  # our own text
    args = ([float(row.orders[0])] if row.orders else []) + [0.37] * len(variables(row))
    expected = row.mpmath(*((row.orders[0],) if row.orders else ()), *args[len(row.orders[:1]):])
    assert getattr(module, row.kernel.name)(*args) == pytest.approx(float(expected), rel=1e-14)


def test_derivatives_are_found():
    x = Symbol("x", real=True)
    assert sigmoid(x).diff(x) == sigmoid(x) * sigmoid(-x)
    assert tanh(x).diff(x) == sech(x) ** 2
    assert apply("softplus", x).diff(x) == sigmoid(x)
    assert apply("log_cosh", x).diff(x) == tanh(x)
    assert apply("binary_entropy", x).diff(x) == -apply("logit", x)
    assert apply("gelu", x).diff(x) == apply("norm_pdf", x) * x + apply("ndtr", x)
    with pytest.raises(LookupError):
        find(sympy.cos(X), (sigmoid(X),), (X,))


def test_a_monomial_that_agrees_only_numerically_is_refused():
    """The proof decides: a constant that is off by 1e-25 passes the comparison of numbers, not the proof."""
    nearly = (1 + Rational(1, 10**25)) * sigmoid(X)
    with pytest.raises(LookupError):
        find(nearly, (sigmoid(X),), (X,))


def test_defaults_and_aliases():
    x = Symbol("x", real=True)
    assert apply("leaky_relu", x) == apply("leaky_relu", x, Rational(1, 100))
    assert apply("elu", x).args == (x, Integer(1))
    assert ROWS["leaky_relu"].arity == (1, 2) and ROWS["exp"].arity == (1, 1)
    assert apply("sqrt", x**2).func is ROWS["abs"].head
    assert row_of(sympy.Abs(x)).name == "abs" and row_of(sympy.Max(x, 2)).name == "maximum"


def test_heads_are_exact_where_they_are_evaluated_to_many_digits():
    value = sigmoid(sympy.Rational(1, 3)).evalf(40)
    with mpmath.workdps(50):
        assert abs(mpmath.mpf(str(value)) - 1 / (1 + mpmath.exp(-mpmath.mpf(1) / 3))) < mpmath.mpf("1e-38")


def test_all_heads_of_spellings_and_derivatives_have_rows():
    for row in SMOOTH:
        for call in calls(row):
            for expr in (call.diff(variables(row)[0]), row.kernel.expression or Integer(0)):
                for part in sympy.preorder_traversal(expr):
                    if isinstance(part, ScalarFunction) or (isinstance(part, sympy.Function) and part.func != where):
                        assert row_of(part).kernel
