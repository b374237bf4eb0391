"""Each invariant of a System, with an example that breaks it."""

from dataclasses import replace

import pytest
from build import K, M, N, at, equation, given, i, j, k, system, tensor, term
from sympy import Float, Lt, Sum

from symgrad.errors import CheckError
from symgrad.ir.access import Size
from symgrad.ir.check import check

X, Y = given("x", N), tensor("y", N)
COPY = equation("y", term((i,), at("x", i), {i: N}))


def broken(*equations, tensors=(X, Y), outputs=("y",), match):
    with pytest.raises(CheckError, match=match):
        check(system(tensors, *equations, outputs=outputs))


def test_a_sound_system_is_returned():
    sound = system([X, Y], COPY)
    assert check(sound) is sound


def test_one_equation_per_tensor():
    broken(COPY, COPY, match="y is written twice in the equation of y")


def test_an_input_is_not_written():
    broken(equation("x", term((i,), 1, {i: N})), tensors=[X], outputs=("x",), match="x is written but not declared as")


def test_a_defined_tensor_has_an_equation():
    broken(COPY, tensors=[X, Y, tensor("z", N)], match="no equation writes z")


def test_read_after_written():
    early = equation("z", term((i,), at("y", i), {i: N}))
    broken(early, COPY, tensors=[X, Y, tensor("z", N)], match="y is read before it is written in the equation of z")


def test_read_but_not_declared():
    broken(equation("y", term((i,), at("q", i), {i: N})), match="q is read but not declared")


def test_every_index_is_in_the_domain():
    broken(equation("y", term((i,), at("x", j), {i: N})), match=r"\['j'\] not in the domain")


def test_an_index_has_one_range():
    twice = term((i,), at("x", i), {i: N})
    broken(equation("y", replace(twice, domain=twice.domain * 2)), match="an index occurs twice")


def test_arity_equals_rank():
    broken(equation("y", term((i,), at("x", i, i), {i: N})), match=r"x\[i, i\] has 2 indices, x has rank 1")
    broken(equation("y", term((), at("x", i), {i: N})), match="y has rank 1 but 0 indices are written")


def test_sizes_agree():
    broken(equation("y", term((i,), at("x", i), {i: M})), match="index i runs to M, but that axis of y has N entries")
    broken(equation("y", term((i,), at("x", i), {i: N + 1})), match=r"index i runs to N \+ 1")


def test_a_guard_may_shorten_a_range():
    check(system([X, Y], equation("y", term((i,), at("x", i), {i: N + 1}, Lt(i, N)))))


def test_a_guard_does_not_read_values():
    broken(
        equation("y", term((i,), 1, {i: N}, Lt(at("x", i), 0))), match="x, which is not an integer or boolean tensor"
    )


def test_an_index_is_an_integer_tensor():
    broken(equation("y", term((i,), at("x", at("x", i)), {i: N})), match="not an integer tensor")


def test_the_reduction_is_at_the_root():
    broken(equation("y", term((i,), Sum(at("x", j), (j, 0, N - 1)), {i: N, j: N})), match="a body holds Sum")


def test_numbers_are_exact():
    broken(equation("y", term((i,), Float(0.1), {i: N})), match="a body holds 0.1")


def test_only_a_sum_has_several_terms():
    two = (term((i,), at("x", i), {i: N}),) * 2
    check(system([X, Y], equation("y", *two)))
    broken(equation("y", *two, reduce="max"), match="a max has 2 terms; only sum takes more than one")


def test_known_reductions():
    broken(replace(COPY, reduce="mean"), match="unknown reduction mean")


def test_arg_has_one_integer_tensor_for_each_reduced_index():
    largest = term((), at("x", i), {i: N})
    tensors = [X, tensor("m"), tensor("a", dtype="int"), tensor("f")]
    check(system(tensors[:3], equation("m", largest, reduce="max", arg=("a",))))
    broken(equation("m", largest, reduce="max", arg=("a", "f")), tensors=tensors, outputs=("m",), match="one integer")
    broken(
        equation("m", largest, reduce="max", arg=("f",)), tensors=[X, tensor("m"), tensor("f")], outputs=("m",),
        match="f must be an integer tensor of the shape of m",
    )  # fmt: skip


def test_shapes_are_made_of_sizes():
    broken(COPY, tensors=[X, Y, given("z", k)], match="the shape of z depends on data or on an index")
    broken(equation("y", term((i,), 1, {i: at("x", i)})), match="the size of i is not a size expression")


def test_outputs_are_written():
    broken(COPY, outputs=("z",), match="output z is never written")


def test_declarations():
    for bad in [given("x", K, role="weight"), given("x", K, dtype="complex"), replace(given("q", K), role="defined")]:
        with pytest.raises(CheckError):
            check(replace(system([], outputs=("x",)), tensors={"x": bad}))
    check(system([given("x", Size("Q"))], outputs=("x",)))
