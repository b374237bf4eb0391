"""The table: one row for each scalar function that a body may contain.

`ROWS[name]` and `row_of(expr)` give the `Row`; `apply(name, *args)` builds a call. A row holds the head, two
references (NumPy, mpmath), the definition from which the derivative is found, kinks, LaTeX, and `row.kernel`, how a
generated kernel computes the function:

    kernel = row_of(expr).kernel
    kernel.kind == "math"        -> call math.<kernel.name>
    kernel.kind == "expression"  -> kernel.expression over the symbols kernel.args: SymPy, in simpler heads that have
                                    kernels of their own, `where`, relations. Sub-expressions repeat; those that are
                                    numbers (log(2), sqrt(2/pi)) are meant to be folded into one literal.
    kernel.kind == "source"      -> kernel.text defines the Python function kernel.name (uses only `math` and the
                                    functions kernel.needs, whose texts `special.source(name)` gives: place them first)

See `row.Kernel` for the details (precision, un-jitted evaluation).

>>> from sympy import Symbol
>>> x = Symbol("x", real=True)
>>> apply("silu", x).diff(x)
x*sigmoid(-x)*sigmoid(x) + sigmoid(x)
>>> ROWS["log_sigmoid"].kernel.kind
'expression'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy import Expr

from . import foreign
from .heads import ScalarFunction, diff, finite, stop, where
from .row import Kernel, Kink, Row
from .rows_circular import CIRCULAR
from .rows_exponential import ELEMENTARY, EXPONENTIAL
from .rows_kinked import KINKED
from .rows_normal import GAMMA, NORMAL
from .rows_sigmoid import SIGMOID

__all__ = ["PUBLIC", "ROWS", "SHORT", "Kernel", "Kink", "Row", "apply", "diff", "finite", "row_of", "stop", "where"]

# what a user may call; the other rows are what derivatives need
PUBLIC = (
    "exp", "expm1", "exprel", "log", "log1p", "log1mexp", "sqrt", "abs", "sign", "floor", "sin", "cos", "tan", "sinc",
    "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "log2", "log10", "rsqrt", "clip",
    "sigmoid", "log_sigmoid", "logit", "softplus", "relu", "leaky_relu", "prelu", "elu", "selu", "silu", "mish", "gelu",
    "gelu_tanh", "hardsigmoid", "hardswish", "softsign", "log_cosh", "erf", "erfc", "erfinv", "log_ndtr", "lgamma",
    "digamma", "trigamma", "xlogx", "xlogy", "binary_entropy", "logaddexp", "maximum", "minimum", "where", "stop",
    "finite",
)  # fmt: skip

ROWS: dict[str, Row] = {
    row.name: row for row in [*ELEMENTARY, *EXPONENTIAL, *CIRCULAR, *SIGMOID, *KINKED, *NORMAL, *GAMMA]
}
# names for what is short in other functions: the number of arguments, the expression
SHORT: dict[str, tuple[int, Callable[..., Any]]] = {
    "sqrt": (1, lambda x: foreign.translate(sympy.sqrt(x))),
    "rsqrt": (1, lambda x: 1 / sympy.sqrt(x)),
    "log2": (1, lambda x: sympy.log(x) / sympy.log(2)),
    "log10": (1, lambda x: sympy.log(x) / sympy.log(10)),
    "clip": (3, lambda x, low, high: ROWS["minimum"].head(ROWS["maximum"].head(x, low), high)),
    "where": (3, where),
}

_BY_HEAD = {row.head: row for row in ROWS.values()}

for _row in ROWS.values():
    if issubclass(_row.head, ScalarFunction):
        _row.head.row = _row


def row_of(expr: Expr) -> Row:
    """The row of a call. KeyError for a head without a row (`where` has none: the evaluators know it)."""
    found = _BY_HEAD.get(expr.func)
    return found if found else ROWS[foreign.NAMES[expr.func]]


def apply(name: str, *args: Expr) -> Expr:
    """The call name(*args): sqrt(x) is a power, `where(condition, yes, no)` a choice."""
    return SHORT[name][1](*args) if name in SHORT else ROWS[name].head(*args)
