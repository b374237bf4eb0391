"""What the table says about one function, and how a kernel computes it.

`Row.kernel` is the interface for code generation:

    kernel = row_of(expr).kernel
    kernel.kind == "math"        -> emit  math.<kernel.name>(args...)
    kernel.kind == "expression"  -> emit  kernel.expression with kernel.args replaced by the arguments: SymPy in simpler
                                    heads (each with a kernel of its own), `where`, relations, exact numbers.
                                    Sub-expressions repeat (exp(-|x|)): a helper function with shared values is best.
                                    Sub-expressions that are numbers (log(2), sqrt(2/pi)) are meant to be folded.
    kernel.kind == "vector"      -> emit  the text of `vector.source(kernel.name)`, which has no branch and serves both
                                    precisions, with what it needs (see functions/vector)
    kernel.kind == "source"      -> emit  kernel.text once per module (first the text of each name in kernel.needs, from
                                    `special.source(name)`), then call kernel.name(args...). The text is plain Python:
                                    one function of floats, `math`, arithmetic, if, for, while, constants as literals or
                                    tuples. It is written for float64: a float32 kernel converts.

Un-jitted Python raises where IEEE arithmetic overflows or divides by zero (math.exp(1000), 1/0.0); compiled code
does not.
`evaluate.FLOAT` is the namespace in which the tests run the same spellings quietly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr, Symbol, symbols

from . import derive, special

X, Y = symbols("x y", real=True)  # the arguments, in definitions and spellings


@dataclass(frozen=True)
class Kernel:
    """How generated code computes a function of one scalar point."""

    kind: str                            # math | vector | expression | source
    name: str = ""                       # math: a function of module math; source: the function that `text` defines
    args: tuple[Symbol, ...] = ()        # expression: its variables
    expression: Expr | None = None

    @property
    def text(self) -> str:
        return special.source(self.name)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the source functions that `text` calls, in an order in which they can be defined."""
        return special.needs(self.name)


def math_(name: str) -> Kernel:
    return Kernel("math", name)


def formula(expression: Expr, *args: Symbol) -> Kernel:
    return Kernel("expression", args=args or (X,), expression=expression)


def vector(name: str) -> Kernel:
    return Kernel("vector", name)


def source(name: str) -> Kernel:
    return Kernel("source", name)


@dataclass(frozen=True)
class Kink:
    """A point where the derivative jumps, the value the table chooses there, and why."""

    at: Any
    choice: Any
    reason: str


@dataclass(frozen=True)
class Row:
    """One scalar function. Its derivative is

    * `slopes[i]`, for the few primitive facts (lgamma' = digamma);
    * else, with `atoms`, the cheapest monomial in the atoms that equals the definition's derivative (`derive.find`);
    * else the derivative of the definition as it stands.
    """

    name: str
    head: type
    numpy: Callable[..., Any]            # reference in float64, on arrays, quiet
    mpmath: Callable[..., Any]           # reference at any precision
    kernel: Kernel
    latex: str                           # a template with {0}, or a name
    definition: Expr | None = None       # in X (and Y), in simpler heads
    atoms: tuple[Expr, ...] = ()
    slopes: tuple[Expr | None, ...] = ()
    jump: str = ""                       # why there is no derivative
    complex: Callable[..., Any] | None = None   # on complex arrays, where analytic
    domain: tuple[float, float] = (float("-inf"), float("inf"))  # open interval of the (last) argument
    kinks: tuple[Kink, ...] = ()
    edges: tuple = ()                    # more points to test at: numbers, or tuples of arguments
    arguments: tuple[Symbol, ...] = (X,)
    orders: tuple[int, ...] = ()         # the first argument is a literal integer; those that tests try
    cite: str = ""
    ulp: Mapping[str, float] = field(default_factory=dict)  # tolerances of "value" and "slope", where not 4
    slope_from: float = float("-inf")    # left of it a factor of the derivative underflows before the product does

    @property
    def arity(self) -> tuple[int, int]:
        """The least and the largest number of arguments."""
        counts = sorted(getattr(self.head, "nargs", None) or (1,))
        return int(counts[0]), int(counts[-1])

    def slope(self, args: tuple[Expr, ...], argindex: int = 1) -> Expr:
        """The derivative by argument number `argindex` (from 1) at `args`."""
        return derive.slope(self, argindex).xreplace(dict(zip(self.arguments, args)))
