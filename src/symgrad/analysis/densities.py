"""Densities as definitions: a variable, where it lives, the logarithm of its density, its parameters.

Nothing is derived here; normalisation, moments, entropies and divergences follow by integration or summation.

>>> normal("mu", "sigma").log_density
-log(sigma) - log(2*pi)/2 - (-mu + x)**2/(2*sigma**2)
>>> bernoulli("rho").support
(0, 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Abs, Add, Expr, KroneckerDelta, Matrix, Mul, Symbol, exp, log, loggamma, oo, pi

from .. import notation
from ..errors import SymgradError

Value = Expr | str | int | float


@dataclass(frozen=True)
class Density:
    """One distribution. `support` is an interval (from, to) of a continuous variable, or, with `discrete`, the values;
    with `counting`, the whole numbers (from, to).

    `log_density` is a SymPy expression in `variable` and the parameters.
    """

    name: str
    variable: Symbol
    support: tuple[Expr, ...]
    log_density: Expr
    parameters: tuple[Expr, ...] = ()
    source: str = ""
    discrete: bool = False
    counting: bool = False

    @property
    def kind(self) -> str:
        """What its variable is: continuous, one of finitely many values, a whole number."""
        return "counting" if self.counting else "discrete" if self.discrete else "continuous"

    @property
    def density(self) -> Expr:
        """e^log_density, with logarithms in the exponent made powers."""
        return Mul(*(_exponential(t) for t in Add.make_args(self.log_density)))

    def renamed(self, variable: Symbol) -> Density:
        return replace(self, variable=variable, log_density=self.log_density.xreplace({self.variable: variable}))


def _exponential(term: Expr) -> Expr:
    """e^term, where e^(c log z) is z^c and e^(c log Gamma(z)) is Gamma(z)^c."""
    for part in Mul.make_args(term):
        if isinstance(part, (log, loggamma)):
            base = part.args[0] if isinstance(part, log) else sympy.gamma(part.args[0])
            return base ** (term / part)
    return exp(term)


@dataclass(frozen=True)
class Family:
    """Densities of a vector: independent scalars, a vector on the simplex, a correlated normal vector."""

    name: str
    parts: tuple[Density, ...] = ()   # independent components
    parameters: tuple = ()            # a Dirichlet's alphas; a normal vector's (mean, covariance)
    source: str = ""


X = Symbol("x", real=True)
K = Symbol("k", integer=True, nonnegative=True)
BISHOP = "Bishop, Pattern Recognition and Machine Learning, 2006, appendix B"
FELLER = "Feller, An Introduction to Probability Theory and Its Applications, 1968, chapter VI"


def value(given: Value, **assumptions: bool) -> Expr:
    """A parameter: a name becomes a symbol with these assumptions, a formula or a number stays what it is."""
    if isinstance(given, str) and given.isidentifier():
        return Symbol(given, real=True, **assumptions)
    if isinstance(given, str):
        given = notation.scalar(given)
    try:
        found = sympy.nsimplify(given, rational=True) if isinstance(given, float) else sympy.sympify(given, strict=True)
    except sympy.SympifyError:
        found = None
    if not isinstance(found, Expr):
        raise SymgradError(f"a parameter is a name, a number or a formula, not {given!r}.")
    for fact, wanted in assumptions.items():
        if getattr(found, f"is_{fact}") is (not wanted):
            raise SymgradError(f"this parameter must be {fact}, and {found} is not.")
    return found


def normal(mu: Value = "mu", sigma: Value = "sigma", variable: Symbol = X) -> Density:
    """The normal density with mean mu and standard deviation sigma."""
    m, s = value(mu), value(sigma, positive=True)
    log_density = -log(s) - log(2 * pi) / 2 - (variable - m) ** 2 / (2 * s**2)
    return Density("normal", variable, (-oo, oo), log_density, (m, s), BISHOP)


def laplace(mu: Value = "mu", b: Value = "b", variable: Symbol = X) -> Density:
    """The Laplace density e^(-|x - mu|/b)/(2 b)."""
    m, s = value(mu), value(b, positive=True)
    return Density("Laplace", variable, (-oo, oo), -log(2 * s) - Abs(variable - m) / s, (m, s), BISHOP)


def exponential(rate: Value = "lambda_", variable: Symbol = X) -> Density:
    """The exponential density with this rate, of x > 0."""
    r = value(rate, positive=True)
    x = _positive(variable)
    return Density("exponential", x, (sympy.S.Zero, oo), log(r) - r * x, (r,), BISHOP)


def gamma(a: Value = "a", b: Value = "b", variable: Symbol = X) -> Density:
    """The gamma density with shape a and rate b."""
    shape, rate = value(a, positive=True), value(b, positive=True)
    x = _positive(variable)
    log_density = shape * log(rate) - loggamma(shape) + (shape - 1) * log(x) - rate * x
    return Density("gamma", x, (sympy.S.Zero, oo), log_density, (shape, rate), BISHOP)


def beta(a: Value = "a", b: Value = "b", variable: Symbol = X) -> Density:
    """The beta density on 0 < x < 1."""
    first, second = value(a, positive=True), value(b, positive=True)
    x = _positive(variable)
    norm = loggamma(first + second) - loggamma(first) - loggamma(second)
    return Density("beta", x, (sympy.S.Zero, sympy.S.One), norm + (first - 1) * log(x) + (second - 1) * log(1 - x),
                   (first, second), BISHOP)


def bernoulli(rho: Value = "rho", variable: Symbol = X) -> Density:
    """P(x = 1) = rho, P(x = 0) = 1 - rho."""
    p = value(rho, positive=True)
    return Density("Bernoulli", variable, (sympy.S.Zero, sympy.S.One), variable * log(p) + (1 - variable) * log(1 - p),
                   (p,), BISHOP, discrete=True)


def categorical(probabilities: Sequence[Value] | str = "p", size: int = 3, variable: Symbol = X) -> Density:
    """P(x = k) = p_k for k = 1, ..., K. A name gives p_1, ..., p_K, which are to sum to 1."""
    if isinstance(probabilities, str):
        probabilities = [f"{probabilities}_{k}" for k in range(1, size + 1)]
    p = [value(q, positive=True) for q in probabilities]
    if all(q.is_number for q in p) and sum(p) != 1:
        raise SymgradError(f"the probabilities sum to {sum(p)}, not to 1.")
    log_density = Add(*(KroneckerDelta(variable, k) * log(q) for k, q in enumerate(p, 1)))
    return Density("categorical", variable, tuple(map(sympy.Integer, range(1, len(p) + 1))), log_density, tuple(p),
                   BISHOP, discrete=True)


def poisson(rate: Value = "lambda_", variable: Symbol = K) -> Density:
    """P(k) = rate^k e^-rate/k! for k = 0, 1, ..."""
    r = value(rate, positive=True)
    return _counting("Poisson", variable, oo, variable * log(r) - r - loggamma(variable + 1), (r,))


def geometric(p: Value = "p", variable: Symbol = K) -> Density:
    """P(k) = (1 - p)^k p: the number k = 0, 1, ... of failures before the first success."""
    return _counting("geometric", variable, oo, log(_share(p)) + variable * log(1 - _share(p)), (_share(p),))


def negative_binomial(r: Value = "r", p: Value = "p", variable: Symbol = K) -> Density:
    """The number k = 0, 1, ... of failures before the r-th success of probability p; r is any positive number."""
    count, share = value(r, positive=True), _share(p)
    choices = loggamma(variable + count) - loggamma(variable + 1) - loggamma(count)
    return _counting("negative binomial", variable, oo, choices + count * log(share) + variable * log(1 - share),
                     (count, share))


def binomial(n: Value = "n", p: Value = "p", variable: Symbol = K) -> Density:
    """The number k = 0, ..., n of successes in n trials of probability p."""
    total, share = value(n, integer=True, positive=True), _share(p)
    choices = loggamma(total + 1) - loggamma(variable + 1) - loggamma(total - variable + 1)
    return _counting("binomial", variable, total, choices + variable * log(share) + (total - variable) * log(1 - share),
                     (total, share))


def _counting(name: str, variable: Symbol, last: Expr, log_density: Expr, parameters: tuple) -> Density:
    return Density(name, variable, (sympy.S.Zero, last), log_density, parameters, FELLER, counting=True)


def _share(p: Value) -> Expr:
    """A probability. Raises SymgradError for a number that is not between 0 and 1."""
    share = value(p, positive=True)
    value(1 - share, positive=True)
    return share


def independent(*parts: Density) -> Family:
    """A vector of independent components, such as a normal vector with a diagonal covariance."""
    return Family("independent", parts)


def normal_vector(mean: Sequence[Value], covariance: Sequence[Sequence[Value]]) -> Family:
    """A normal vector with any covariance. Raises SymgradError where the covariance is not symmetric."""
    m = Matrix([value(v) for v in mean])
    s = Matrix([[value(v) for v in row] for row in covariance])
    if s.shape != (m.rows, m.rows) or s != s.T:
        raise SymgradError(f"the covariance of {m.rows} components is a symmetric {m.rows} x {m.rows} matrix.")
    return Family("normal vector", parameters=(m, s), source=BISHOP)


def dirichlet(alpha: Sequence[Value]) -> Family:
    """The Dirichlet density, proportional to the product of x_k^(alpha_k - 1) on the simplex."""
    return Family("Dirichlet", parameters=tuple(value(a, positive=True) for a in alpha), source=BISHOP)


def _positive(variable: Symbol) -> Symbol:
    return variable if variable.is_positive else Symbol(variable.name, positive=True)
