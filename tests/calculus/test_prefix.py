"""Prefix reductions as recurrences, products and their derivatives in linear time, recurrences row by row."""

from dataclasses import replace

import numpy as np
import pytest
from sympy import Poly

import symgrad as sg
from symgrad.calculus.prefix import PREFIX, Running, prefixed
from symgrad.calculus.rewrite import replays
from symgrad.ir.access import Access, Index, Size
from symgrad.ir.check import check
from symgrad.ir.cost import flops
from symgrad.ir.interpret import interpret
from symgrad.ir.recurrence import Scan, groups
from symgrad.ir.system import Range
from symgrad.kernels.schedule.plan import schedule
from symgrad.kernels.schedule.tree import Loop

RNG = np.random.default_rng(0)
EVERY = """
x: input[n, i]
w: input[n]
m: label[i] over 3
up[n,i] = sum[j, j <= i](x[n,j])
below[n,i] = sum[j, j < i](x[n,j]*w[n])*x[n,i]
others[n,i] = prod[j, j != i](x[n,j])
down[i] = prod[j, j >= i](x[0,j] + 1)
highest[n,i] = max[j, j < i](x[n,j])
so_far[n,i] = max[j, j <= i](x[n,j])
far[i] = sum[j, n, j > i + 1](x[n,j]**2)
columns[i] = prod[j, n, j < i](x[n,j])
lowest[i] = min[j, j != i](x[0,j])
masked[i] = sum[j, j <= i, m[j] > 0](x[0,j])
late[i] = prod[j, j <= i - 2, m[j] > 0](x[0,j])
rest[i] = sum[j, j != i](x[0,j]*w[0])
"""


def quadratic(system):
    return [eq.tensor for eq in system.equations if any(len(t.domain) > 2 for t in eq.terms)]


@pytest.fixture(scope="module")
def every():
    return sg.program(EVERY)


@pytest.mark.parametrize("extent", [0, 1, 2, 5])
def test_values(every, extent):
    arrays = {"x": RNG.normal(size=(3, extent)), "w": RNG.normal(size=3), "m": RNG.integers(0, 3, size=extent)}
    if extent == 0:
        every = sg.program("x: input[i]\ns[i] = sum[j, j <= i](x[j])\np[i] = prod[j, j != i](x[j])")
        arrays = {"x": np.zeros(0)}
    expected = interpret(every.written or every.raw, arrays)
    for system in (every.raw, prefixed(every.raw), every.kernel):
        for name, value in interpret(check(system), arrays).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-12, err_msg=name)  # sums in another order


def test_each_one_is_a_named_step(every):
    steps = [s for s in every.kernel.log if s.rule == PREFIX]
    assert all(map(replays, steps))
    assert {s.before[0].tensor for s in steps} >= {"up", "others", "down", "highest", "far", "late", "rest"}
    assert sum(isinstance(u, Scan) for u in groups(every.kernel.equations)) >= 12
    assert not [s for s in every.display.log if s.rule == PREFIX and s.before[0].reduce != "prod"]


def test_a_wrong_shift_is_seen():
    """The negative control: an inclusive product for the exclusive one."""
    i, size = Index("i"), Size("I")
    program = sg.program("x: input[i]\np[i] = prod[j, j < i](x[j])")
    wrong = Running("prod", (Range(i, size),), i, Access("x", i)).equation("p", (i,))
    x = RNG.normal(size=4)
    found = interpret(replace(program.raw, equations=(wrong,)), {"x": x})["p"]
    assert not np.allclose(found, program.evaluate(x=x)["p"])


def test_what_is_no_prefix_stays():
    for text in ("A: input[i, j]\nx: input[j]\ny[i] = sum[j, j <= i](A[i,j]*x[j])",     # a triangle of numbers
                 "x: input[i]\ny[i] = max[j, j <= i](x[j])\nL = sum[i](y[i])"):
        program = sg.program(text)
        if "max" in text:  # the derivative asks where the largest is
            program = program.gradient("L", "x")
        assert not [s for s in program.kernel.log if s.rule == PREFIX]


@pytest.mark.parametrize("text", [
    "x: parameter[i]\ns[i] = sum[j, j <= i](x[j])\nL = sum[i](s[i]**2)",
    "x: parameter[i]\nL = prod[i](x[i])",
    "x: parameter[i]\np[i] = prod[j, j <= i](x[j])\nL = sum[i](p[i]**2)",
    "x: parameter[i]\np[i] = prod[j, j != i](x[j] + 2)\nL = sum[i](p[i]**2)",
])  # fmt: skip
def test_derivatives_take_linear_time(text):
    program = sg.program(text)
    for derived in (program.gradient("L"), program.hvp("L", "x")):
        cost = flops(derived.kernel.prune())
        assert Poly(cost, *cost.free_symbols).total_degree() == 1, cost
        assert derived.verify(kernel=False).ok


@pytest.mark.parametrize("name", ["product with zeros", "row products"])
def test_products_keep_the_law_of_second_order(name):
    """flops(Hessian-vector product) <= 20 flops(f)."""
    from catalogue import BY_NAME  # noqa: PLC0415

    program = BY_NAME[name].program()
    wrt = program.raw.declared("parameter")[0].name
    ratio = flops(program.hvp("L", wrt).kernel.prune()) / flops(program.kernel.prune(("L",)))
    assert all(ratio.subs(dict.fromkeys(ratio.free_symbols, n)) <= 20 for n in (2, 10, 1000))


def test_products_over_several_indices_with_zeros():
    text = "x: parameter[i,j]\nb: parameter\nz: input[n]\ny[n] = prod[i,j](x[i,j] + b*z[n])\nL = sum[n](y[n])"
    program = sg.program(text)
    x, z = np.array([[2.0, 0.0, 3.0], [5.0, 7.0, 0.0]]), np.array([0.0, 1.0])
    found = program.gradient("L", "x").evaluate(x=x, b=1.0, z=z)["dL_dx"]
    expected = np.zeros_like(x)
    for shift in z:
        for cell in np.ndindex(*x.shape):
            others = x + shift
            others[cell] = 1.0
            expected[cell] += others.prod()
    np.testing.assert_allclose(found, expected, rtol=1e-13)  # six factors
    assert program.hvp("L", "x").verify(kernel=False).ok


def test_the_model_is_shown_as_it_was_written():
    program = sg.program("x: parameter[i]\np[i] = prod[j, j <= i](x[j])\nL = sum[i](p[i]**2)")
    assert str(program.gradient("L")).splitlines() == [
        "p[i] = prod[j, j <= i](x[j])",
        "L = sum[i](p[i]**2)",
        "dL_dp[i] = x[i + 1]*dL_dp[i + 1]*[i < I - 1] + 2*p[i]",
        "dL_dx[i] = dL_dp[i]*(p[i - 1]*[i > 0] + [i == 0])",
    ]


# kernels --------------------------------------------------------------------------------------------------------------

ROWS = """
x: input[n, i]
w: parameter[n]
a[n,i] = sum[j, j <= i](x[n,j]*w[n])
c[n,i] = prod[j, j != i](x[n,j])
y[n,i] = softmax[i](a[n,i])
h[n,i] = c[n,i] + where(i > 0, y[n,i]*h[n,i-1], 0)
L = sum[n,i](a[n,i]**2 + h[n,i])
"""


def test_rows_share_one_loop():
    plan = schedule(sg.program(ROWS).kernel.prune(("L",)))
    (group,) = plan.groups
    assert isinstance(group.loop, Loop)
    assert not group.loop.ordered
    assert sum(isinstance(node, Loop) and node.ordered for node in group.loop.body) == 4  # a, before, after, h


def test_kernel_row_by_row():
    certificate = sg.program(ROWS).gradient("L").verify()
    assert certificate.ok, certificate


def test_rows_that_read_each_other_run_step_by_step():
    text = "x: input[n, t]\nL = sum[n,t](h[n,t])\nh[n,t] = x[n,t] + where(t > 0, sum[m](h[m,t-1]**2), 0)"
    plan = schedule(sg.program(text).kernel)
    assert plan.groups[0].loop.ordered
