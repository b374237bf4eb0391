"""The certificate accepts right derivatives and refuses wrong ones, each checker by itself, without the calculus:
derivatives are written by hand."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from build import D, N, at, equation, given, j, k, n, system, tensor, term
from sympy import Integer, Le, Lt, exp

import symgrad as sg
from symgrad.errors import SymgradError
from symgrad.functions import apply, where
from symgrad.ir.check import check
from symgrad.ir.system import Fact
from symgrad.verify import certify, checks, draw
from symgrad.verify.certificate import Certificate, Check, left_out
from symgrad.verify.condition import rounding_of

SHAPES = [given("X", N, D), given("y", N), given("w", D, role="parameter"), tensor("r", N), tensor("L")]
RESIDUAL = equation(
    "r", term((n,), at("X", n, j) * at("w", j), {n: N, j: D}), term((n,), -at("y", n), {n: N})
)
SQUARES = equation("L", term((), at("r", n) ** 2 / 2, {n: N}))
LEAST_SQUARES = check(system(SHAPES, RESIDUAL, SQUARES, outputs=("L",)))


@dataclass
class Fake:
    """What `certify` needs of a Program."""

    raw: Any
    origin: Any = None
    display: Any = None
    kernel: Any = None

    def __post_init__(self):
        self.display = self.display or self.raw
        self.kernel = self.kernel or self.raw

    def independent(self, wrt):
        return self.raw

    def compile(self, target):
        raise NotImplementedError("not in this test")


def derivative(body=None, *terms):
    """Least squares with a derivative by w whose term is `body` (right by default)."""
    right = at("X", n, j) * at("r", n)
    terms = terms or (term((j,), right if body is None else body, {j: D, n: N}),)
    tensors = [*SHAPES, tensor("dL_dw", D)]
    return check(system(tensors, RESIDUAL, SQUARES, equation("dL_dw", *terms), outputs=("L", "dL_dw")))


def gradient_of(primal, raw, output="L", wrt="w", **forms):
    return Fake(raw, SimpleNamespace(verb="gradient", of=Fake(primal), output=output, wrt=(wrt,)), **forms)


def subject(raw):
    arrays = draw.finite_point(raw, 0)
    return checks.Subject(LEAST_SQUARES, raw, "L", "w", "dL_dw", arrays, 0)


def test_a_right_derivative_is_certified():
    certificate = certify(gradient_of(LEAST_SQUARES, derivative()))
    assert certificate.ok and bool(certificate), str(certificate)
    names = {r.name for r in certificate.rows if not r.skipped}
    assert names >= {"central differences", "complex step", "dot product", "exact modulo p", "50 digits"}
    assert names >= {"display form", "kernel form", "display form mod p", "kernel form mod p", "float64 and 50 digits"}


WRONG = {
    "lost factor": 2 * at("X", n, j) * at("r", n),
    "wrong sign": -at("X", n, j) * at("r", n),
    "almost right": (1 + Integer(1) / 10**6) * at("X", n, j) * at("r", n),
    "other operand": at("X", n, j) * at("y", n),
}


OF_DERIVATIVES = [c for c in checks.DERIVATIVE_CHECKS if c is not checks.same_value]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("checker", OF_DERIVATIVES, ids=lambda c: c.__name__)
def test_each_checker_refuses_a_wrong_derivative(checker, wrong):
    row = checker(subject(derivative(WRONG[wrong])))
    assert not row.skipped and not row.passed, row


@pytest.mark.parametrize("checker", checks.DERIVATIVE_CHECKS, ids=lambda c: c.__name__)
def test_each_checker_accepts_the_right_one(checker):
    row = checker(subject(derivative()))
    assert not row.skipped and row.passed, row


def test_a_changed_value_is_refused():
    """The derivative is right, but L is not what the program computed before."""
    right = derivative()
    half = replace(SQUARES, terms=(replace(SQUARES.terms[0], body=at("r", n) ** 2),))
    wrong = right.with_equations(half if eq is SQUARES else eq for eq in right.equations)
    assert {r.name for r in certify(gradient_of(LEAST_SQUARES, wrong)).failed} == {"value"}


def test_a_swapped_index_is_found_where_shapes_cannot_tell():
    """A[i, j] for A[j, i] in a square matrix."""
    primal = system([given("A", N, N), given("w", N, role="parameter"), tensor("L")],
                    equation("L", term((), at("A", n, j) * at("w", n) * at("w", j) ** 2, {n: N, j: N})))  # fmt: skip

    def raw(first, second):
        terms = (term((n,), first * at("w", j) ** 2, {n: N, j: N}),
                 term((n,), 2 * second * at("w", j) * at("w", n), {n: N, j: N}))  # fmt: skip
        tensors = [*primal.tensors.values(), tensor("dL_dw", N)]
        return system(tensors, *primal.equations, equation("dL_dw", *terms), outputs=("L", "dL_dw"))

    right = certify(gradient_of(primal, raw(at("A", n, j), at("A", j, n))))
    wrong = certify(gradient_of(primal, raw(at("A", j, n), at("A", j, n))))
    assert right.ok, str(right)
    assert {r.name for r in wrong.failed} >= {"exact modulo p", "complex step", "50 digits"}


def tanh_program(slope):
    primal = system([given("x", N, role="parameter"), tensor("L")],
                    equation("L", term((), apply("tanh", at("x", n)), {n: N})))  # fmt: skip
    tensors = [*primal.tensors.values(), tensor("dL_dx", N)]
    raw = system(tensors, *primal.equations, equation("dL_dx", term((n,), slope, {n: N})), outputs=("L", "dL_dx"))
    return gradient_of(primal, raw, wrt="x")


def test_the_derivative_of_tanh_that_another_engine_shipped():
    t = apply("tanh", at("x", n))
    assert certify(tanh_program(1 - t**2)).ok
    failed = {r.name for r in certify(tanh_program((1 - t) ** 2)).failed}
    assert failed == {"central differences", "complex step", "dot product", "50 digits"}


def test_a_failure_names_the_entry_and_the_inputs():
    certificate = certify(gradient_of(LEAST_SQUARES, derivative(2 * at("X", n, j) * at("r", n))))
    text = str(certificate)
    assert not certificate.ok and "FAILED" in text
    assert "central differences of dL_dw failed: " in text and "the derivative gives" in text
    assert "\n    X = [[" in text and "\n    w = [" in text
    assert "| check | of |" in certificate._repr_markdown_() and "<table>" in certificate._repr_html_()


@pytest.mark.parametrize("form", ["display", "kernel"])
def test_a_wrong_form_is_found(form):
    wrong = derivative(2 * at("X", n, j) * at("r", n))
    certificate = certify(gradient_of(LEAST_SQUARES, derivative(), **{form: wrong}))
    names = {r.name for r in certificate.failed}
    assert f"{form} form" in names and f"{form} form mod p" in names


def test_kinks_do_not_fail_a_right_derivative_and_do_not_hide_a_wrong_one():
    """|x| at a point closer to its kink than the step of the differences."""
    primal = system([given("x", N, role="parameter"), tensor("L")],
                    equation("L", term((), where(Lt(at("x", n), 0), -at("x", n), at("x", n)), {n: N})))  # fmt: skip

    def row(slope, x):
        tensors = [*primal.tensors.values(), tensor("dL_dx", N)]
        raw = system(tensors, *primal.equations, equation("dL_dx", term((n,), slope, {n: N})), outputs=("L", "dL_dx"))
        return checks.central_differences(checks.Subject(primal, raw, "L", "x", "dL_dx", {"x": np.array(x)}, 0))

    sign = where(Lt(at("x", n), 0), -1, 1)
    assert row(sign, [1e-5, -0.7, 0.4]).passed
    assert not row(-sign, [1e-5, -0.7, 0.4]).passed
    assert row(sign, [1e-5]).skipped


def test_what_does_not_apply_is_left_out_with_a_reason():
    rows = {r.name: r for r in certify(tanh_program(1 - apply("tanh", at("x", n)) ** 2)).rows}
    assert rows["exact modulo p"].skipped and "tanh is not rational" in rows["exact modulo p"].reason
    assert rows["kernel"].skipped and "not in this test" in rows["kernel"].reason


def test_an_empty_certificate_is_not_ok():
    assert not Certificate(()).ok
    assert not Certificate((left_out("exact", "L", "no"),)).ok
    assert not Certificate((Check("a", error=float("nan"), tolerance=1.0),)).ok


def test_no_finite_input_is_a_failure():
    nowhere = system([given("x", N), tensor("y", N)], equation("y", term((n,), 1 / (at("x", n) - at("x", n)), {n: N})))
    assert not certify(Fake(replace(nowhere, equations=(
        equation("y", term((n,), apply("log", -exp(at("x", n))), {n: N})),)))).ok  # fmt: skip


# --- random inputs --------------------------------------------------------------------------------------------------


def test_inputs_respect_roles_and_facts():
    tensors = [
        given("Y", N, D, facts=(Fact("distribution", (1,)),)), given("H", N, D, facts=(Fact("one-hot", (1,)),)),
        given("s", D, facts=(Fact("positive"),)), given("t", N, dtype="int", over=D), given("b", N, dtype="bool"),
        given("S", N, N, facts=(Fact("symmetric"),)), given("g", N, dtype="int"), tensor("y", N),
    ]  # fmt: skip
    gather = equation("y", term((n,), at("s", at("g", n)), {n: N}))
    program = system(tensors, gather)
    stream = draw.draws(program, seed=3)
    for _ in range(20):
        a = next(stream)
        np.testing.assert_allclose(a["Y"].sum(axis=1), 1, rtol=1e-14)
        assert (a["Y"] > 0).all() and set(np.unique(a["H"])) <= {0.0, 1.0} and (a["H"].sum(axis=1) == 1).all()
        assert (a["s"] > 0).all() and (a["t"] < a["s"].size).all() and (a["g"] < a["s"].size).all()
        assert a["b"].dtype == bool and a["b"].any() and np.array_equal(a["S"], a["S"].T)
        assert len(set(a["Y"].shape)) == 2


def test_residues_of_a_distribution_sum_to_one_exactly():
    program = system([given("Y", N, D, facts=(Fact("distribution", (1,)),))], outputs=("Y",))
    arrays = draw.finite_point(program, 0)
    data = draw.residues(program, arrays, np.random.default_rng(0))
    assert (data["Y"].sum(axis=1) % draw.PRIME == 1).all()


def test_a_smaller_domain_is_found():
    program = system([given("x", N), tensor("y", N)],
                     equation("y", term((n,), apply("log", at("x", n) - 1), {n: N})))  # fmt: skip
    assert (draw.finite_point(program, 0)["x"] > 1).all()


def test_extents_are_positive():
    out = N - D + 1
    eq = equation("y", term((n,), at("x", n + k) * at("w", k), {n: out, k: D}))
    for seed in range(20):
        arrays = draw.finite_point(system([given("x", N), given("w", D), tensor("y", out)], eq), seed)
        assert arrays["x"].size >= arrays["w"].size


def test_a_program_without_a_possible_size_says_so():
    impossible = system([given("x", N), tensor("y", N - 2 * N)], outputs=("x",))
    with pytest.raises(SymgradError, match="no small sizes"):
        draw.draw_sizes(impossible, np.random.default_rng(0))


def test_the_fact_is_shown_to_be_needed():
    """sum_k Y = 1 used where Y sums to anything: the row tells how far the closed form is then off."""
    tensors = [given("Y", N, D, facts=(Fact("distribution", (1,)),)), tensor("s", N)]
    raw = system(tensors, equation("s", term((n,), at("Y", n, j), {n: N, j: D})))
    display = system(tensors, equation("s", term((n,), Integer(1), {n: N})))
    display = replace(display, log=(SimpleNamespace(under=("sum[k](Y) = 1",)),))
    certificate = certify(Fake(raw, display=display))
    assert certificate.ok, str(certificate)
    assert "the closed form needs sum[k](Y) = 1" in certificate.reasons()


def test_guarded_and_extreme_systems_are_drawn():
    running = equation("y", term((n,), at("x", j), {n: N, j: N}, Le(j, n)), reduce="max")
    certificate = certify(Fake(system([given("x", N), tensor("y", N)], running)))
    assert certificate.ok, str(certificate)


def test_what_cancels_is_judged_by_its_condition():
    """dL/db of softmax(z + b) is 0 for every b: float64 leaves 1e-17, 50 digits 1e-50; more than that fails."""
    text = "x: parameter[k] \n b: parameter \n q[k] = exp(x[k] + b) \n L = sum[k](q[k]/sum[j](q[j])*x[k])"
    gradient = sg.program(text).gradient("L", "b")
    assert gradient.verify(kernel=False).ok
    arrays = {"x": np.linspace(-1, 1, 5), "b": np.array(0.3)}
    moved = rounding_of(gradient.raw, arrays, 0)
    assert 0 < moved["dL_db"] < 1e-14
    for off, passes in ((moved["dL_db"], True), (1e-9, False)):
        (row,) = checks.agreement("off", {"dL_db": 0.0}, {"dL_db": off}, arrays, "", moved)
        assert row.passed is passes
