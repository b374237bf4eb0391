"""Convolutions and pooling with stride, dilation and padding by guards, in one and two dimensions."""

import pytest

import symgrad as sg

PROGRAMS = {
    "one dimension": """
        x: parameter[n, c, i]
        w: parameter[o, c, a]
        u: input[n, o, p]
        y[n,o,p] = sum[c, a, 2*p + 2*a - 1 >= 0, 2*p + 2*a - 1 < size(i)](x[n,c,2*p+2*a-1]*w[o,c,a])
        L = sum[n,o,p](u[n,o,p]*tanh(y[n,o,p]))""",
    "two dimensions": """
        x: parameter[c, i, j]
        w: parameter[c, a, b]
        y[p,q] = sum[c,a,b](x[c,2*p+a,q+2*b]*w[c,a,b])
        L = sum[p,q](y[p,q]**2)""",
    "max pooling that overlaps": """
        x: parameter[n, i]
        s[n,p] = max[a, a < 3](x[n,2*p+a])
        L = sum[n,p](s[n,p]**2)""",
    "mean pooling": """
        x: parameter[i, j]
        s[p,q] = mean[a, b, a < 2, b < 2](x[2*p+a,2*q+b])
        L = sum[p,q](s[p,q]**2)""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients(name):
    assert sg.program(PROGRAMS[name]).gradient("L").verify(kernel=False).ok
