"""Overlapping writes as sums over inverse images: every stride, dilation and padding, in one and two dimensions."""

from itertools import product

import numpy as np
import pytest
from sympy import Integer

import symgrad as sg
from symgrad.calculus.gather import GATHER, gathered
from symgrad.calculus.rewrite import replays
from symgrad.ir.access import Access, Index
from symgrad.ir.interpret import interpret
from symgrad.ir.system import Equation, Range, System, Tensor, Term
from symgrad.verify import draw

RNG = np.random.default_rng(2)


def scattered(slopes: tuple[int, int], offset: int, sizes: tuple[int, int]) -> System:
    """g[s p + d a + offset] += u[p] w[a], where that is not negative."""
    p, a = Index("p"), Index("a")
    place = slopes[0] * p + slopes[1] * a + offset
    corners = [slopes[0] * i + slopes[1] * k + offset for i in (0, sizes[0] - 1) for k in (0, sizes[1] - 1)]
    low, extent = min(corners), Integer(max(corners) + 1)
    guard = () if low >= 0 else (place >= 0,)
    term = Term((place,), Access("u", p) * Access("w", a), (Range(p, Integer(sizes[0])), Range(a, Integer(sizes[1]))),
                guard)  # fmt: skip
    tensors = {
        "u": Tensor("u", (Integer(sizes[0]),), role="input", letters=("p",)),
        "w": Tensor("w", (Integer(sizes[1]),), role="input", letters=("a",)),
        "g": Tensor("g", (extent,), letters=("j",)),
    }
    return System(tensors, (Equation("g", (term,)),), ("g",))


@pytest.mark.parametrize("slopes", list(product((1, 2, 3, 4, -1, -2), (1, 2, 3, 6))))
def test_the_integer_equation_is_solved(slopes):
    """s p + d a = t for all strides, those with common divisors and mirrored ones too."""
    for offset in (-2, 0, 12):
        system = scattered(slopes, offset, (8, 5))
        made = gathered(system)
        (eq,) = made.equations
        data = {"u": RNG.normal(size=8), "w": RNG.normal(size=5)}
        assert eq.terms[0].write == (Index("j"),) and all(replays(step) for step in made.log)
        np.testing.assert_allclose(interpret(made, data)["g"], interpret(system, data)["g"], atol=1e-14)


CONVOLUTIONS = {
    "same padding": """
        x: parameter[c, i, j]
        w: parameter[o, c, a, b]
        y[o,i,j] = sum[c, a, b, i+a >= 1, i+a-1 < size(i), j+b >= 1, j+b-1 < size(j)](x[c,i+a-1,j+b-1]*w[o,c,a,b])
        L = sum[o,i,j](y[o,i,j]**2)""",
    "stride, dilation and padding": """
        x: parameter[c, i, j]
        w: parameter[c, a, b]
        u: input[p]
        y[p,q] = sum[c, a, b, 2*p+3*a >= 1, 2*p+3*a-1 < size(i)](x[c,2*p+3*a-1,3*q+2*b]*w[c,a,b])
        L = sum[p,q](u[p]*tanh(y[p,q]))""",
    "mean pooling": """
        x: parameter[n, i, j]
        s[n,p,q] = mean[a, b, a < 3, b < 2](x[n,2*p+a,q+b])
        L = sum[n,p,q](s[n,p,q]**2)""",
    "transposed convolution": """
        x: input[p]
        w: parameter[a]
        y[2*p + a] = x[p]*w[a]
        L = sum[j](y[j]**3)""",
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_adjoints_are_gathered(name):
    """In the kernel form every cell is written once, and its value is that of the raw form."""
    gradient = sg.program(CONVOLUTIONS[name]).gradient("L")
    steps = [step for step in gradient.kernel.log if step.rule is GATHER]
    assert steps and all(replays(step) for step in steps)
    writes = [w for eq in gradient.kernel.equations for t in eq.terms for w in t.write]
    assert all(isinstance(w, Index) for w in writes)
    assert gradient.verify(kernel=False).ok


@pytest.mark.parametrize("name", ["same padding", "stride, dilation and padding"])
def test_kernels_of_convolutions(name):
    gradient = sg.program(CONVOLUTIONS[name]).gradient("L", "x")
    arrays = draw.finite_point(gradient.raw, 0)
    found, expected = gradient.compile()(**arrays), gradient.evaluate(**arrays)
    for output in gradient.outputs:
        np.testing.assert_allclose(found[output], expected[output], rtol=1e-12, atol=1e-13)


def test_what_is_not_gathered():
    """Windows side by side do not overlap; a place that data choose cannot be solved for."""
    blocks = sg.program("x: parameter[i] \n s[p] = sum[a, a < 4](x[4*p + a]) \n L = sum[p](s[p]**2)").gradient("L")
    chosen = sg.program("x: parameter[i] \n s[p] = max[a, a < 3](x[2*p + a]) \n L = sum[p](s[p]**2)").gradient("L")
    for gradient in (blocks, chosen):
        assert not [step for step in gradient.kernel.log if step.rule is GATHER]
