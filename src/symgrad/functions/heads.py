"""The SymPy heads of the table's rows. A head knows its name; everything else about it stands in its row.

SymPy's own heads are used for exp, log, sin, cos and tan; `sqrt(x)` is `x**(1/2)`. All other functions are ours,
because SymPy rewrites its own ones into forms that lose digits (tanh' = 1 - tanh**2, erf' = 2 exp(-x**2)/sqrt(pi)).

>>> from sympy import Symbol
>>> x = Symbol("x", real=True)
>>> sigmoid(x).diff(x)
sigmoid(-x)*sigmoid(x)
"""

from __future__ import annotations

import re
from typing import Any

import mpmath
from sympy import Basic, Expr, Float, Function, Integer, S
from sympy.core.function import FunctionClass
from sympy.printing.precedence import PRECEDENCE

from ..errors import DifferentiationError

PLACE = re.compile(r"\{\d\}|\[\d\]")


class ScalarFunction(Function):
    """Base of the table's heads: real, not evaluated, differentiated and printed as its row says."""

    is_real = True
    row: Any = None             # set by `table`
    defaults: tuple = ()        # values of optional trailing arguments

    @classmethod
    def eval(cls, *args):
        most = max(cls.nargs)
        if len(args) < most and cls.defaults:
            return cls(*args, *cls.defaults[len(args) - most:])
        return None

    def fdiff(self, argindex: int = 1) -> Expr:
        return self.row.slope(self.args, argindex)

    def _eval_evalf(self, prec: int):
        numbers = [a._eval_evalf(prec + 20) if not a.is_Integer else a for a in self.args]
        if not all(n is not None and n.is_number and n.is_real is not False for n in numbers):
            return None
        with mpmath.workprec(prec + 20):
            return Float._new(self.row.mpmath(*(n._to_mpmath(prec + 20) for n in numbers))._mpf_, prec)

    def _latex(self, printer, exp: str | None = None) -> str:
        plain = [printer._print(a) for a in self.args]
        bracketed = [printer.parenthesize(a, PRECEDENCE["Pow"], strict=True) for a in self.args]
        return printed(self.row.latex, plain, bracketed, exp)


def printed(form: str, args: list[str], bracketed: list[str], exp: str | None = None) -> str:
    """LaTeX of a call: `form` is a template with `{0}`, and `[0]` where a sum needs brackets, or a function's name."""
    power = f"^{{{exp}}}" if exp else ""
    call = PLACE.sub(lambda m: _put(m, args, bracketed), form)
    if "{0}" not in form and "[0]" not in form:
        return rf"{form}{power}\left({', '.join(args)}\right)"
    return rf"\left({call}\right){power}" if exp else call


def _put(place: re.Match, args: list[str], bracketed: list[str]) -> str:
    """The argument for `{0}` or `[0]`; digits that are no argument's number, as in `x^{2}`, stay."""
    texts = args if place[0][0] == "{" else bracketed
    number = int(place[0][1])
    return texts[number] if number < len(texts) else place[0]


def head(name: str, nargs: int = 1, defaults: tuple = (), **assumptions: bool) -> Any:
    """A new head: a subclass of ScalarFunction (type checkers take a call of one for a class, hence `Any`).

    `assumptions` are facts of its value for all real arguments: positive, nonnegative.
    """
    arities = tuple(range(nargs - len(defaults), nargs + 1))
    facts = {f"is_{key}": value for key, value in assumptions.items()}
    body = {"nargs": arities, "defaults": defaults, "__module__": __name__, **facts}
    return FunctionClass(name, (ScalarFunction,), body)


class where(Function):
    """where(condition, yes, no): the value of one branch; only that branch is evaluated in a kernel."""

    nargs = 3
    is_real = True

    @classmethod
    def eval(cls, condition, yes, no):
        if condition == S.true or yes == no:
            return yes
        if condition == S.false:
            return no
        return None

    def _eval_derivative(self, symbol: Basic) -> Expr:
        condition, yes, no = self.args
        return where(condition, yes.diff(symbol), no.diff(symbol))

    def _latex(self, printer, exp: str | None = None) -> str:
        condition, yes, no = (printer._print(a) for a in self.args)
        cases = rf"\begin{{cases}} {yes} & \text{{if}}\: {condition} \\ {no} & \text{{otherwise}} \end{{cases}}"
        return rf"\left({cases}\right)^{{{exp}}}" if exp else cases


class stop(ScalarFunction):
    """stop(x): the value of x, a constant for every derivative. What it holds is never differentiated."""

    nargs = (1,)

    def _eval_derivative(self, symbol: Basic) -> Expr:
        return S.Zero


class diff(Function):
    """diff(u, x): the derivative of one cell by another. `calculus.prepare` replaces it by a derived tensor."""

    nargs = 2
    is_real = True

    def _eval_derivative(self, symbol: Basic) -> Expr:
        raise DifferentiationError("a derivative inside a model is resolved before it is differentiated.")

    def _latex(self, printer, exp: str | None = None) -> str:
        above, below = (printer._print(a) for a in self.args)
        fraction = rf"\frac{{\partial {above}}}{{\partial {below}}}"
        return rf"\left({fraction}\right)^{{{exp}}}" if exp else fraction


finite = head("finite")                       # x where it is finite, else 0

# exponentials and logarithms
expm1 = head("expm1")
exprel = head("exprel", positive=True)
exprel_moment = head("exprel_moment", 2, positive=True)   # (k, x): the integral of t**k exp(t x) over 0 < t < 1
log1p = head("log1p")
log1mexp = head("log1mexp")
bose = head("bose")                           # 1/(exp(x) - 1)
xlogx = head("xlogx")
xlogy = head("xlogy", 2)
weighted = head("weighted", 2)
binary_entropy = head("binary_entropy")
logaddexp = head("logaddexp", 2)

# sigmoids
sigmoid = head("sigmoid", positive=True)
softplus = head("softplus", positive=True)
log_sigmoid = head("log_sigmoid")
logit = head("logit")
tanh = head("tanh")
sech = head("sech", positive=True)
log_cosh = head("log_cosh", nonnegative=True)
softsign = head("softsign")

# inverse trigonometric, hyperbolic
asin = head("asin")
acos = head("acos", nonnegative=True)
atan = head("atan")
sinh = head("sinh")
cosh = head("cosh", positive=True)
asinh = head("asinh")
asinh_slope = head("asinh_slope", positive=True)
acosh = head("acosh", nonnegative=True)
atanh = head("atanh")

# with kinks
abs = head("abs", nonnegative=True)
sign = head("sign")
floor = head("floor")
maximum = head("maximum", 2)
minimum = head("minimum", 2)
relu = head("relu", nonnegative=True)
leaky_relu = head("leaky_relu", 2, (Integer(1) / 100,))
prelu = head("prelu", 2)
elu = head("elu", 2, (Integer(1),))
selu = head("selu")
hardsigmoid = head("hardsigmoid", nonnegative=True)
hardswish = head("hardswish")

# smooth activations
silu = head("silu")
mish = head("mish")
gelu = head("gelu")
gelu_tanh = head("gelu_tanh")

# error function, normal distribution
erf = head("erf")
erfc = head("erfc", positive=True)
erfcx = head("erfcx", positive=True)          # exp(x**2) erfc(x)
gaussian = head("gaussian", positive=True)    # exp(-x**2), with an error-free square
erfinv = head("erfinv")
erfinv_slope = head("erfinv_slope", positive=True)
ndtr = head("ndtr", positive=True)
norm_pdf = head("norm_pdf", positive=True)
log_ndtr = head("log_ndtr")
inverse_mills = head("inverse_mills", positive=True)      # norm_pdf(x)/ndtr(x)
mills_gap = head("mills_gap", positive=True)              # x + inverse_mills(x)

# gamma, Bessel
lgamma = head("lgamma")
digamma = head("digamma")
trigamma = head("trigamma")
polygamma = head("polygamma", 2)              # (n, x)
sinc = head("sinc")
spherical_jn = head("spherical_jn", 2)        # (n, x)
stumpff = head("stumpff", 2)                  # (k, s): cos(sqrt(s)), sin(sqrt(s))/sqrt(s), (1 - cos(sqrt(s)))/s, ...
