"""The rules of differentiation, one choice for each form of an expression, and the loop that applies them.

>>> from sympy import sin
>>> x = Symbol("x", real=True)
>>> for step in derivative((3*x + 2)**2, x).steps:
...     print(step.rule.name, "|", step.after)
chain rule | d/du(u**2)*d/dx(3*x + 2)
power rule | 2*u*d/dx(3*x + 2)
sum rule | 2*u*(d/dx(2) + d/dx(3*x))
constant rule | 2*u*d/dx(3*x)
constant multiple rule | 6*u*d/dx(x)
power rule | 6*u
put the names back | 18*x + 12
simplify | 6*(3*x + 2)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy
from sympy import Add, Expr, Function, Mul, Pow, S, Symbol, exp, log

from ...errors import CheckError, DifferentiationError, SymgradError, explain
from ...functions import row_of, to_sympy, where
from ...notation.scalar import in_rows
from ..rewrite import Rule
from . import check
from .operators import Diff, pending
from .steps import PUT_BACK, TIDY, Calculation, Work, factors, fresh, rule, split

LINES = 400  # a derivation longer than this is not for people

# SymPy's own smooth functions that have no row in the table: their derivatives are SymPy's (fdiff)
DERIVED_BY_SYMPY = (
    sympy.asin, sympy.acos, sympy.atan, sympy.sinh, sympy.cosh, sympy.coth, sympy.sech, sympy.csch, sympy.asinh,
    sympy.acosh, sympy.atanh, sympy.sec, sympy.csc, sympy.cot, sympy.gamma, sympy.erfi, sympy.LambertW,
    sympy.uppergamma, sympy.lowergamma, sympy.Si, sympy.Ci, sympy.Ei, sympy.li,
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """The rule for one node: what it needs to know, a remark, the conditions under which it holds, a new name."""

    rule: Rule
    data: Any = None
    note: str = ""
    under: tuple[str, ...] = ()
    names: Mapping[Symbol, Expr] | None = None


# -- the rules: local(node, data) is what stands in the place of d/dx f


def _constant(node: Diff, data) -> Expr:
    return S.Zero


def _sum(node: Diff, data) -> Expr:
    return Add(*(Diff(term, node.variable) for term in node.body.args))


def _multiple(node: Diff, data) -> Expr:
    constant, rest = split(node.body, node.variable)
    return constant * Diff(rest, node.variable)


def _product(node: Diff, data) -> Expr:
    parts = node.body.args
    return Add(*(Mul(*parts[:i], Diff(part, node.variable), *parts[i + 1 :]) for i, part in enumerate(parts)))


def _quotient(node: Diff, data) -> Expr:
    above, below = (Mul(*side) for side in factors(node.body))
    x = node.variable
    return (below * Diff(above, x) - above * Diff(below, x)) / below**2


def _power(node: Diff, data) -> Expr:
    base, exponent = node.body.as_base_exp()
    return exponent * base ** (exponent - 1)


def _exponential(node: Diff, data) -> Expr:
    return node.body * log(node.body.as_base_exp()[0])


def _function(node: Diff, position: int) -> Expr:
    return node.body.fdiff(position)


def _chain(node: Diff, inner: tuple[tuple[Symbol, Expr], ...]) -> Expr:
    """d/dx f(u, v, ...) = df/du du/dx + df/dv dv/dx + ...: `inner` gives each argument its name."""
    outer = _renamed(node.body, inner)
    return Add(*(Diff(outer, u) * Diff(g, node.variable) for u, g in inner))


def _renamed(body: Expr, inner: tuple[tuple[Symbol, Expr], ...]) -> Expr:
    """`body` with its arguments (and nothing deeper) replaced by their names."""
    names = {g: u for u, g in inner}
    return body.func(*(names.get(a, a) for a in body.args))


def _logarithmic(node: Diff, data) -> Expr:
    base, exponent = node.body.as_base_exp()
    return node.body * Diff(exponent * log(base), node.variable)


def _cases(node: Diff, data) -> Expr:
    condition, yes, no = node.body.args
    return where(condition, Diff(yes, node.variable), Diff(no, node.variable))


CONSTANT = rule("constant rule", _constant)
SUM = rule("sum rule", _sum)
MULTIPLE = rule("constant multiple rule", _multiple)
PRODUCT = rule("product rule", _product)
QUOTIENT = rule("quotient rule", _quotient)
POWER = rule("power rule", _power)
EXPONENTIAL = rule("exponential rule", _exponential)
CHAIN = rule("chain rule", _chain)
CHAIN_SEVERAL = rule("chain rule, several variables", _chain)
LOGARITHMIC = rule("logarithmic differentiation", _logarithmic)
CASES = rule("case by case", _cases)

NAMED = {
    exp: "derivative of exp", log: "derivative of log",
    sympy.sin: "trigonometric rule", sympy.cos: "trigonometric rule",
    sympy.tan: "trigonometric rule", sympy.sec: "trigonometric rule", sympy.csc: "trigonometric rule",
    sympy.cot: "trigonometric rule",
}  # fmt: skip


# -- which rule


def choose(node: Diff, names: Mapping[Symbol, Expr], taken: set[Symbol]) -> Choice:
    """The rule for one node. `names`: the intermediate names so far, reused for equal expressions."""
    f, x = node.body, node.variable
    if x not in f.free_symbols:
        return Choice(CONSTANT)
    if f == x:
        return Choice(POWER)
    if isinstance(f, Add):
        return Choice(SUM)
    if isinstance(f, Mul):
        return _choose_product(f, x)
    if isinstance(f, (exp, Pow)):
        return _choose_power(f, x, names, taken)
    if isinstance(f, where):
        return _choose_cases(f, x)
    if isinstance(f, Function):
        return _choose_function(f, x, names, taken)
    raise DifferentiationError(explain(f"there is no rule for the derivative of {f}.", str(node)))


def _choose_product(f: Mul, x: Symbol) -> Choice:
    if split(f, x)[0] != 1:
        return Choice(MULTIPLE)
    return Choice(QUOTIENT if any(x in b.free_symbols for b in factors(f)[1]) else PRODUCT)


def _choose_power(f: Expr, x: Symbol, names: Mapping, taken: set[Symbol]) -> Choice:
    if isinstance(f, exp):
        return Choice(_table_rule(f), 1) if f.args[0] == x else _choose_chain(f, (f.args[0],), names, taken)
    base, exponent = f.args
    if x in base.free_symbols and x in exponent.free_symbols:
        return Choice(LOGARITHMIC, under=() if base.is_positive else (f"${sympy.latex(base)} > 0$",))
    if x in exponent.free_symbols:
        positive = () if base.is_positive else (f"${sympy.latex(base)} > 0$",)
        return Choice(EXPONENTIAL, under=positive) if exponent == x else _choose_chain(f, (exponent,), names, taken)
    return Choice(POWER) if base == x else _choose_chain(f, (base,), names, taken)


def _choose_function(f: Function, x: Symbol, names: Mapping, taken: set[Symbol]) -> Choice:
    if isinstance(f, (sympy.floor, sympy.ceiling)):
        raise DifferentiationError(explain(f"{type(f).__name__} jumps, so it has no derivative there.", str(f)))
    moving = [i for i, a in enumerate(f.args) if x in a.free_symbols]
    if [f.args[i] for i in moving] == [x]:
        return Choice(_table_rule(f), moving[0] + 1, *_kinks(f))
    return _choose_chain(f, tuple(dict.fromkeys(f.args[i] for i in moving)), names, taken)


def _choose_chain(f: Expr, inner: tuple[Expr, ...], names: Mapping, taken: set[Symbol]) -> Choice:
    known = {g: u for u, g in names.items()}
    new: dict[Symbol, Expr] = {}
    for g in inner:
        if g not in known:
            known[g] = fresh(taken | set(new), g)
            new[known[g]] = g
    pairs = tuple((known[g], g) for g in inner)
    shown = ", ".join(f"${sympy.latex(u)} = {sympy.latex(g)}$" for u, g in pairs)
    return Choice(CHAIN if len(pairs) == 1 else CHAIN_SEVERAL, pairs, f"with {shown}", names=new)


def _choose_cases(f: where, x: Symbol) -> Choice:
    """Branch by branch is right where the branches meet: at a jump there is no derivative."""
    condition, yes, no = f.args
    for border in _borders(condition, x):
        left, right = check.value(yes.xreplace(border), {}), check.value(no.xreplace(border), {})
        if left is not None and right is not None and not check.near(left, right):
            at = next(iter(border.values()))
            raise DifferentiationError(
                explain(f"the two cases differ at {x} = {at}, so there is no derivative there.", str(to_sympy(f)))
            )
    return Choice(CASES, under=(f"away from the border of ${sympy.latex(condition)}$",))


def _borders(condition, x: Symbol) -> list[dict]:
    """Where a condition that is linear in x changes."""
    found = []
    for relation in condition.atoms(sympy.core.relational.Relational):
        gap = relation.lhs - relation.rhs
        if gap.is_polynomial(x) and sympy.degree(gap, x) == 1 and gap.free_symbols == {x}:
            found.append({x: -gap.coeff(x, 0) / gap.coeff(x, 1)})
    return found


def _table_rule(f: Function) -> Rule:
    """The derivative of one function, as the table (or SymPy, for what the table lacks) has it."""
    known = type(f) in NAMED
    name = NAMED.get(type(f)) or f"derivative of {_name(f)}"
    return rule(name, _function, "" if known else _cite(f))


def _name(f: Function) -> str:
    try:
        return row_of(f).name
    except KeyError:
        return type(f).__name__


def _cite(f: Function) -> str:
    try:
        row = row_of(f)
    except KeyError:
        return f"{type(f).__name__}: NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov"
    if row.definition is not None and not row.slopes:
        arguments = ", ".join(map(str, row.arguments))
        return f"{row.name}: derived from its definition, {row.name}({arguments}) = {row.definition}"
    return f"{row.name}: {row.cite}" if row.cite else ""


def _kinks(f: Function) -> tuple[str, tuple[str, ...]]:
    """What the table chose where the derivative jumps: part of the answer, so it is said."""
    kinks = getattr(getattr(type(f), "row", None), "kinks", ())
    return "; ".join(f"at {k.at} the derivative jumps, {k.choice} is chosen: {k.reason}" for k in kinks), ()


# -- the loop


def derivative(f: Expr, x: Symbol, order: int = 1) -> Calculation:
    """d^n f/dx^n as a calculation. Raises DifferentiationError at a jump, UnknownNameError for an unknown function.

    Each order is compared, in 30 digits, with SymPy's derivative and with a difference quotient; a difference
    is a CheckError.
    """
    calculation = Calculation(Diff(f, x))
    for _ in range(order):
        before = calculation.result.body if calculation.result.has(Diff) else calculation.result
        part = resolve(Calculation(Diff(before, x)), set(f.free_symbols))
        calculation = replace(
            calculation,
            steps=(*calculation.steps, *part.steps),
            names={**calculation.names, **part.names},
            checked=compare(before, x, part.result),
        )
    return calculation


def resolve(calculation: Calculation, taken: set[Symbol] = frozenset()) -> Calculation:
    """Apply rules until no d/dx is left, put the intermediate names back, simplify."""
    while open_nodes := pending(calculation.result, Diff):
        if len(calculation.steps) > LINES:
            raise SymgradError(f"the derivation has more than {LINES} lines.")
        calculation = _line(calculation, open_nodes, {*taken, *calculation.result.free_symbols, *calculation.names})
    return calculation.then(PUT_BACK, calculation.names).then(TIDY, None)


def _line(calculation: Calculation, nodes: list[Diff], taken: set[Symbol]) -> Calculation:
    """One line: the rule that fits the first open node, at each node that it fits."""
    first = choose(nodes[0], calculation.names, taken)
    chosen = [(nodes[0], first)]
    if first.names is None:
        others = ((n, choose(n, calculation.names, taken)) for n in nodes[1:])
        chosen += [(n, c) for n, c in others if c.rule.name == first.rule.name and c.names is None]
    context = tuple(Work(n, c.data) for n, c in chosen)
    notes = "; ".join(dict.fromkeys(c.note for _, c in chosen if c.note))
    under = dict.fromkeys(u for _, c in chosen for u in c.under)
    return calculation.then(first.rule, context, notes, under, first.names or {})


def compare(f: Expr, x: Symbol, slope: Expr) -> int:
    """At how many points `slope` is the derivative of f, by SymPy's rules and by differences. CheckError otherwise."""
    theirs = to_sympy(f).diff(x)
    count = check.agree(theirs, slope, {x})
    if count is None or not check.is_slope(f, x, slope):
        raise CheckError(explain("the derived and SymPy's derivative differ.", f"{slope}, not {theirs}"))
    return count


def understood(expr: Expr) -> Expr:
    """`expr` with each function a row of the table or one of SymPy's smooth ones. Raises UnknownNameError.

    >>> understood(sympy.Abs(Symbol("x", real=True)) + sympy.sinh(1))
    abs(x) + sinh(1)
    """
    smooth = {f: sympy.Dummy(real=True) for f in expr.atoms(*DERIVED_BY_SYMPY)}
    outermost = {f: d for f, d in smooth.items() if not any(g is not f and g.has(f) for g in smooth)}
    rows = in_rows(expr.xreplace(outermost))
    return rows.xreplace({d: f.func(*map(understood, f.args)) for f, d in outermost.items()})
