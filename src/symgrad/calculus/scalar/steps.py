"""A calculation: lines of an expression with operators in it, each made from the line before by a named rule.

A rule rewrites *nodes*: `local(node, data)` gives what stands in the node's place, where `data` is what the search
found (the inner function of a chain rule, the parts of an integration). The line that follows is computed from the
line before by the rule, so a step replays: `rule.replace(context, before) == after`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sympy import (
    Add,
    Expr,
    Mul,
    Pow,
    Symbol,
    cancel,
    count_ops,
    expand_func,
    factor_terms,
    fraction,
    gamma,
    powsimp,
    together,
)

from ...ir.system import Step
from ..rewrite import Rule, replays
from .operators import Operator

LETTERS = ("u", "v", "w", "s", "r", "q", "p", "m", "n")


@dataclass(frozen=True)
class Work:
    """One node that a rule rewrites, and what the search found about it."""

    node: Expr
    data: Any = None


def rule(name: str, local: Callable[[Expr, Any], Expr], cite: str = "") -> Rule:
    """The rule that puts `local(node, data)` in the place of each node of its context."""
    return Rule(name, partial(_put, local), cite)


def _put(local: Callable, context: tuple[Work, ...], before: Expr) -> Expr:
    return before.xreplace({work.node: local(work.node, work.data) for work in context})


def line_rule(name: str, whole: Callable[[Any, Expr], Expr], cite: str = "", relation: str = "=") -> Rule:
    """The rule that rewrites the line as a whole: `whole(data, line)`."""
    return Rule(name, whole, cite, relation=relation)


@dataclass(frozen=True)
class Calculation:
    """`start` = ... = `result`; `names` holds the intermediate names, each with the expression it stands for;
    `checked`: at how many points the result was compared with an independent one."""

    start: Expr
    steps: tuple[Step, ...] = ()
    names: Mapping[Symbol, Expr] = field(default_factory=dict)
    checked: int = 0

    @property
    def result(self) -> Expr:
        return self.steps[-1].after if self.steps else self.start

    @property
    def done(self) -> bool:
        return not self.result.has(Operator)

    def then(
        self, rule: Rule, context: Any, note: str = "", under: Iterable[str] = (), names: Mapping | None = None
    ) -> Calculation:
        """One more line; none where the rule changes nothing."""
        step = rule.step(context, self.result, tuple(under), note)
        steps = self.steps if step.after == step.before else (*self.steps, step)
        return replace(self, steps=steps, names={**self.names, **(names or {})})

    def replays(self) -> bool:
        """Each rule applied again gives its line, and each line begins where the one before it ended."""
        lines = [self.start, *(step.after for step in self.steps)]
        return all(replays(s) and s.before == line for s, line in zip(self.steps, lines))


def fresh(taken: Iterable[Symbol], like: Expr | None = None) -> Symbol:
    """A new name u, v, w, ... that no symbol of `taken` bears; positive where `like` is known to be."""
    used = {s.name for s in taken}
    name = next(n for n in (*LETTERS, *(f"u_{k}" for k in range(1, 10_000))) if n not in used)
    return Symbol(name, real=True, **({"positive": True} if like is not None and like.is_positive else {}))


def _put_back(names: Mapping[Symbol, Expr], line: Any) -> Any:
    while line.free_symbols & set(names):
        line = line.xreplace(dict(names))
    return line


PUT_BACK = line_rule("put the names back", _put_back)


def tidy(expr: Expr) -> Expr:
    """The shortest of a few spellings of one value: as it is, with common factors in front, as one reduced fraction.

    >>> from sympy.abc import x
    >>> tidy(18*x + 12), tidy((x**2 - 1)/(x - 1))
    (6*(3*x + 2), x + 1)
    """
    if expr.has(Operator):
        return expr
    spellings = [expr, factor_terms(expr)]
    if expr.has(gamma):  # Gamma(a + 1) = a Gamma(a)
        spellings.append(cancel(together(expr.replace(gamma, lambda z: expand_func(gamma(z))))))
    if any(p.exp.free_symbols and p.base.free_symbols for p in expr.atoms(Pow)):
        spellings.append(_powers_joined(expr))
    if count_ops(expr) < 60 and _is_fraction(expr):
        spellings.append(cancel(together(expr)))
    return min(spellings, key=lambda e: (count_ops(e) - isinstance(e, Mul), not isinstance(e, Mul), len(str(e))))


def _powers_joined(expr: Expr) -> Expr:
    """b^m b^n as b^(m + n), where a base that is a fraction is one reduced fraction."""
    bases = {p.base for p in expr.atoms(Pow)}
    reduced = expr.replace(
        lambda p: isinstance(p, Pow) and bool(p.exp.free_symbols and p.base.free_symbols),
        lambda p: _reduced(p.base, bases) ** p.exp,
    )
    terms = Add.make_args(reduced.expand(power_base=False, power_exp=False))
    return factor_terms(Add(*map(powsimp, terms)))


def _reduced(base: Expr, bases: set[Expr]) -> Expr:
    """One reduced fraction, over 1 - p rather than p - 1 where that stands in the expression already."""
    above, below = fraction(cancel(together(base)))
    return -above / -below if -below in bases else above / below


def _is_fraction(expr: Expr) -> bool:
    """Is it a rational function of its symbols?"""
    return bool(expr.free_symbols) and expr.is_rational_function(*expr.free_symbols)


TIDY = line_rule("simplify", lambda _, line: tidy(line))


def factors(expr: Expr) -> tuple[list[Expr], list[Expr]]:
    """Factors above and below the fraction line; exp(-x) stays above.

    >>> from sympy.abc import x
    >>> factors(x*(x + 1)**-2)
    ([x], [(x + 1)**2])
    """
    parts = Mul.make_args(expr)
    below = [p for p in parts if isinstance(p, Pow) and p.exp.is_Rational and p.exp < 0]
    return [p for p in parts if p not in below], [1 / p for p in below]


def split(expr: Expr, x: Symbol) -> tuple[Expr, Expr]:
    """(c, g): expr = c g, where c holds no x.

    >>> from sympy.abc import a, x
    >>> split(3*a*x**2, x)
    (3*a, x**2)
    """
    return expr.as_independent(x, as_Add=False)


def addends(expr: Expr) -> tuple[Expr, ...]:
    return tuple(Add.make_args(expr))
