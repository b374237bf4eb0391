"""Law 2 to second order: reverse over reverse. G = sum v dL/dx is differentiated again, and dG/dx is the Hessian
applied to v; it is compared as any gradient is. Gradients are taken of the raw form."""

from dataclasses import replace

import numpy as np
import pytest
from catalogue import BY_NAME, CATALOGUE

from symgrad.api import Program
from symgrad.ir.access import Access, Index
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.ir.system import Equation, Range, Tensor, Term
from symgrad.verify import checks, subjects

SMOOTH = [e.name for e in CATALOGUE if "kinked" not in e.tags and "function" not in e.tags and e.name != "empty domain"]


def along(program, output, wrt):
    """G = sum over the cells of x of v[cell] dL_dx[cell], v a new input."""
    raw = program.raw
    derivative = raw.tensors[f"d{output}_d{wrt}"]
    indices = tuple(Index(f"c{axis}") for axis in range(derivative.rank))
    body = Access("v_dot", *indices) * Access(derivative.name, *indices)
    term = Term((), body, tuple(map(Range, indices, derivative.shape)))
    tensors = {
        **raw.tensors,
        "v_dot": Tensor("v_dot", derivative.shape, role="input", letters=tuple(map(str, indices))),
        "G": Tensor("G", ()),
    }
    equations = (*raw.equations, Equation("G", (term,)))
    return Program(check(replace(raw, tensors=tensors, equations=equations, outputs=("G",))))


@pytest.mark.parametrize("name", SMOOTH)
def test_the_hessian_times_a_vector(name):
    entry = BY_NAME[name]
    wrt = entry.first
    product = along(entry.program().gradient(entry.output, wrt), entry.output, wrt)
    second = product.gradient("G", wrt)
    arrays = entry.arrays()
    arrays["v_dot"] = np.random.default_rng(5).normal(size=arrays[wrt].shape)
    for subject in subjects(second, arrays, 0):
        made = [check(subject) for check in (checks.central_differences, checks.exact, checks.fifty_digits)]
        assert not [r for r in made if not r.passed], "\n".join(f"{r.name} {r.of}: {r.where}" for r in made)
        exact = entry.rational and "irrational second derivative" not in entry.tags
        assert not (exact and made[1].skipped)


@pytest.mark.parametrize("name", SMOOTH)
def test_forward_over_reverse_is_reverse_over_reverse(name):
    """`program.hvp` in all three forms against the product above: two ways to one number."""
    entry = BY_NAME[name]
    wrt = entry.first
    product = along(entry.program().gradient(entry.output, wrt), entry.output, wrt).gradient("G", wrt)
    forward = entry.product()
    arrays = entry.arrays()
    direction = np.random.default_rng(5).normal(size=arrays[wrt].shape)
    expected = interpret(product.raw, {**arrays, "v_dot": direction})[f"dG_d{wrt}"]
    for form in (forward.raw, forward.display, forward.kernel):
        check(form.prune())
        found = interpret(form, {**arrays, f"{wrt}_dot": direction})[f"{entry.output}_hvp_{wrt}"]
        # the same sums in another order: roundings relative to the largest entry
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * max(1.0, np.abs(expected).max()))
