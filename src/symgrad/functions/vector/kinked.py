"""Functions with kinks that a formula would round once more."""

# ruff: noqa: F821  (machine operations stand in the module that the text is put into)
# pyright: reportUndefinedVariable=false

import math


def hardsigmoid(x):
    """(x + 3)/6 between 0 and 1; x + 3 is exact where it is small."""
    y = (x + 3.0) / 6.0
    y = 0.0 if x <= -3.0 else y
    return 1.0 if x >= 3.0 else y


def finite(x):
    """x where it is finite, else 0."""
    return x if math.fabs(x) < INF else 0.0
