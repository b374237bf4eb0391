"""Kullback-Leibler and Jensen-Shannon divergence, mutual information: derived by integration or summation.

>>> from .densities import normal
>>> kl(normal("mu", "sigma"), normal(0, 1)).value
mu**2/2 + sigma**2/2 - log(sigma) - 1/2
>>> kl(normal("mu", "sigma"), normal(0, 1)).replays()
True
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from sympy import Add, Expr, Matrix, Rational, S, Symbol, loggamma

from ..calculus.patience import within
from ..calculus.scalar.derivative import derivative
from ..calculus.scalar.operators import Diff, Mean
from ..calculus.scalar.steps import Calculation, Work, line_rule, rule
from ..errors import SymgradError, explain
from ..functions import to_sympy
from ..ir.system import Step
from .densities import Density, Family, Value, normal, value
from .means import SECONDS, Found, gathered, mean
from .report import Report, latex

KULLBACK = "Kullback and Leibler, On information and sufficiency, Annals of Mathematical Statistics 22 (1951)"
QUADRATIC = "Petersen and Pedersen, The Matrix Cookbook, 2012, equation 318: E[x^T A x] = tr(A S) + m^T A m"
EXPONENTIAL = "Wainwright and Jordan, Graphical models, exponential families and variational inference, 2008, prop. 3.1"


def kl(p: Density | Family, q: Density | Family, seconds: float = SECONDS) -> Report:
    """KL(p || q) = E_p[log p(x) - log q(x)], in nats, in closed form.

    Both are densities, or families of one kind: independent components, normal vectors, Dirichlet densities.
    Raises SymgradError where an integral is not decided or p lives where q does not.
    """
    with within(seconds, "this divergence"):
        if isinstance(p, Density) and isinstance(q, Density):
            found = _scalar(p, q)
        elif isinstance(p, Family) and isinstance(q, Family) and p.name == q.name:
            found = FAMILIES[p.name](p, q)
        else:
            raise SymgradError(f"there is no divergence between {p.name} and {q.name}: one kind of variable is needed.")
    shown = f"$\\mathrm{{KL}}(p \\| q)$ of {p.name} and {q.name}"
    compared = f" Each integral was compared with quadrature at {found.checked} points." if found.checked else ""
    conclusion = f"The divergence is ${latex(found.value)}$.{compared}"
    return Report(shown, "", found.steps, conclusion, found.value, KULLBACK)


def _scalar(p: Density, q: Density) -> Found:
    if p.kind != q.kind:
        raise SymgradError(f"there is no divergence between {p.name} and {q.name}: one is {p.kind}, one {q.kind}.")
    q = q.renamed(p.variable)
    if p.support != q.support and not set(p.support) <= set(q.support):
        text = f"{p.name} on {p.support}, {q.name} on {q.support}"
        raise SymgradError(explain("the divergence is infinite: p lives where q does not.", text))
    return mean(p.log_density - q.log_density, p)


def _independent(p: Family, q: Family) -> Found:
    """The divergence of products is the sum of the divergences."""
    if len(p.parts) != len(q.parts):
        raise SymgradError(f"p has {len(p.parts)} components and q {len(q.parts)}.")
    found = [_scalar(a, b) for a, b in zip(p.parts, q.parts)]
    parts = [Symbol(f"KL_{k}", real=True) for k in range(1, len(found) + 1)]
    total = gathered(Add(*(f.value for f in found)))
    steps = tuple(s for f in found for s in f.steps)
    last = Step(PRODUCTS, Add(*parts), total, tuple(zip(parts, (f.value for f in found))),
                note="the logarithm of a product of densities is a sum, and each term holds one component")
    return Found(total, (*steps, last), min(f.checked for f in found))


PRODUCTS = line_rule("sum over independent components", lambda values, line: gathered(line.xreplace(dict(values))))


# -- normal vectors


def _normal_vectors(p: Family, q: Family) -> Found:
    """log p - log q is a quadratic form; its expectation by the identity, checked against moments of components."""
    (m1, s1), (m2, s2) = p.parameters, q.parameters
    if m1.shape != m2.shape:
        raise SymgradError(f"p has {m1.rows} components and q {m2.rows}.")
    first, second = s1.inv(), s2.inv()
    n = m1.rows
    constant = sympy.log(s2.det() / s1.det()) / 2
    x = Matrix(sympy.symbols(f"x_1:{n + 1}", real=True))
    body = constant + ((x - m2).T * second * (x - m2))[0] / 2 - ((x - m1).T * first * (x - m1))[0] / 2
    forms = ((second, m2, Rational(1, 2)), (first, m1, -Rational(1, 2)))
    total = constant + Add(*(c * quadratic_form(a, centre, m1, s1) for a, centre, c in forms))
    by_moments = _moments(sympy.expand(body), x, m1, s1)
    if sympy.cancel(sympy.together(total - by_moments)) != 0:
        raise SymgradError("the identity for quadratic forms and the moments of the components differ.")  # a defect
    result = gathered(constant + sympy.cancel(total - constant))
    normal_moments = [mean(Symbol("z", real=True) ** k, normal(0, 1, Symbol("z", real=True))) for k in (1, 2)]
    steps = tuple(s for f in normal_moments for s in f.steps)
    quadratic = Step(QUADRATIC_FORM, Mean(body, x[0]), total, (constant, forms, m1, s1),
                     note="$E[(x - c)^T A (x - c)] = tr(A S) + (m - c)^T A (m - c)$; the same follows from the "
                     "moments of x = m + L z, whose components z have those above")
    return Found(result, (*steps, quadratic, Step(SIMPLER, total, result)), min(f.checked for f in normal_moments))


def quadratic_form(a: Matrix, centre: Matrix, m: Matrix, s: Matrix) -> Expr:
    """E[(x - c)^T A (x - c)] = tr(A S) + (m - c)^T A (m - c) for any x with mean m and covariance S."""
    return (a * s).trace() + ((m - centre).T * a * (m - centre))[0]


def _moments(polynomial: Expr, x: Matrix, m: Matrix, s: Matrix) -> Expr:
    """E of a quadratic polynomial, term by term: E[x_i] = m_i, E[x_i x_j] = S_ij + m_i m_j."""
    poly = sympy.Poly(polynomial, *x)
    total = S.Zero
    for powers, coefficient in poly.terms():
        places = [i for i, k in enumerate(powers) for _ in range(k)]
        if len(places) == 2:
            i, j = places
            total += coefficient * (s[i, j] + m[i] * m[j])
        else:
            total += coefficient * (m[places[0]] if places else 1)
    return total


def _by_identity(data, line: Expr) -> Expr:
    constant, forms, m, s = data
    return constant + Add(*(c * quadratic_form(a, centre, m, s) for a, centre, c in forms))


QUADRATIC_FORM = line_rule("expectation of a quadratic form", _by_identity, QUADRATIC)
SIMPLER = "simplify"


# -- Dirichlet


def _dirichlets(p: Family, q: Family) -> Found:
    """log p - log q = log B(b) - log B(a) + sum (a_k - b_k) log x_k, and E[log x_k] = d log B(a)/d a_k."""
    a, b = p.parameters, q.parameters
    if len(a) != len(b):
        raise SymgradError(f"p has {len(a)} components and q {len(b)}.")
    names = [Symbol(f"x_{k}", positive=True) for k in range(1, len(a) + 1)]
    body = log_beta(b) - log_beta(a) + Add(*((i - j) * sympy.log(x) for i, j, x in zip(a, b, names)))
    steps: list[Step] = []
    values = []
    for k, x in enumerate(names):
        free = [Symbol(f"alpha_{i}", positive=True) for i in range(1, len(a) + 1)]
        slope = derivative(log_beta(free), free[k])
        start = Mean(sympy.log(x), x)
        steps += [UNDER_INTEGRAL.step((Work(start, (tuple(free), k)),), start), *slope.steps]
        values.append(to_sympy(slope.result).xreplace(dict(zip(free, a))))
    line = Calculation(Mean(body, names[0]))
    total = gathered(body.xreplace({sympy.log(x): v for x, v in zip(names, values)}))
    return Found(total, (*steps, Step("linearity, and the expectations found above", line.start, total)), 0)


def log_beta(a: Sequence[Expr]) -> Expr:
    """log B(a) = sum log Gamma(a_k) - log Gamma(sum a_k): the logarithm of the integral over the simplex."""
    return Add(*(loggamma(i) for i in a)) - loggamma(Add(*a))


def _under_integral(node: Mean, data: tuple[tuple[Symbol, ...], int]) -> Expr:
    free, k = data
    return Diff(log_beta(free), free[k])


UNDER_INTEGRAL = rule("differentiate the normalisation under the integral sign", _under_integral, EXPONENTIAL)
FAMILIES = {"independent": _independent, "normal vector": _normal_vectors, "Dirichlet": _dirichlets}


# -- finite variables


def jensen_shannon(p: Density, q: Density) -> Report:
    """JS(p, q) = KL(p || m)/2 + KL(q || m)/2 with m = (p + q)/2, for variables with finitely many values, in nats."""
    if not (p.discrete and q.discrete and p.support == q.support):
        raise SymgradError("the Jensen-Shannon divergence has a closed form for discrete variables of one support.")
    first, second = ([d.density.xreplace({d.variable: v}) for v in d.support] for d in (p, q))
    middle = [(a + b) / 2 for a, b in zip(first, second)]
    parts = [Add(*(a * sympy.log(a / m) for a, m in zip(weights, middle) if a != 0)) for weights in (first, second)]
    names = [Symbol("KL_pm"), Symbol("KL_qm")]
    steps = (Step("definition", names[0], parts[0]), Step("definition", names[1], parts[1]))
    total = (parts[0] + parts[1]) / 2
    last = Step("mean of the two", (names[0] + names[1]) / 2, total)
    return Report("Jensen-Shannon divergence", "", (*steps, last), f"${sympy.latex(total)}$", total,
                  "Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991)")


def mutual_information(joint: Sequence[Sequence[Value]]) -> Report:
    """I(X; Y) = KL(p(x, y) || p(x) p(y)) of a table of joint probabilities, in nats.

    >>> mutual_information([["1/4", "1/4"], ["1/4", "1/4"]]).value
    0
    """
    table = Matrix([[value(v) for v in row] for row in joint])
    if all(v.is_number for v in table) and (sum(table) != 1 or any(v < 0 for v in table)):
        raise SymgradError(f"joint probabilities are not negative and sum to 1, not to {sum(table)}.")
    rows = [Add(*table.row(i)) for i in range(table.rows)]
    columns = [Add(*table.col(j)) for j in range(table.cols)]
    terms = [
        table[i, j] * sympy.log(table[i, j] / (rows[i] * columns[j]))
        for i in range(table.rows) for j in range(table.cols) if table[i, j] != 0
    ]
    total = Add(*terms)
    steps = (
        Step("marginals: sums of rows", "p(x)", sympy.latex(Matrix(rows))),
        Step("marginals: sums of columns", "p(y)", sympy.latex(Matrix(columns))),
        Step("definition", r"\sum_{x,y} p(x,y) \log \frac{p(x,y)}{p(x) p(y)}", total),
    )
    return Report("Mutual information", "", steps, f"${sympy.latex(total)}$", total,
                  "Cover and Thomas, Elements of Information Theory, 2006, section 2.3")
