"""Naive spellings recognised before differentiation: what a user writes is what is meant, not how it is computed.

    log(sum_k exp(z_k))  -> logsumexp, shifted by the maximum      exp(z_k)/sum_j exp(z_j) -> softmax
    log(exp(z)/S)        -> z - log(S)                             log(1 + exp(x))         -> softplus(x)
    1/(1 + exp(-x))      -> sigmoid(x)                             log(sigmoid(x))         -> log_sigmoid(x)
    log(1 - sigmoid(x))  -> log_sigmoid(-x)                        log(1 + x), exp(x) - 1  -> log1p(x), expm1(x)
    (exp(x) - exp(-x))/(exp(x) + exp(-x)), (exp(2*x) - 1)/(exp(2*x) + 1)  -> tanh(x)
    cos(sqrt(s)), sin(u)/u, (1 - cos(u))/u**2 with u = sqrt(s)  -> power series in s (`entire`)

The rules look through definitions: `log(p[n,k])` knows what p is. Patterns looked for after differentiation get missed.
Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., chapter 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from sympy import Add, Expr, Integer, Mul, Pow, exp, log

from ..functions import apply, complement_of, stop
from ..ir.access import Access, Size, fresh_names, index_symbols, reads
from ..ir.shifted import Shifted, shifted_exponentials
from ..ir.system import Call, Equation, Step, System, Tensor, Term
from .algebra import operations
from .entire import even_function
from .relations import WORTH, pointwise
from .rewrite import Rule

RULE = Rule("stable form", lambda context, before: _Reader(*context).rewritten(before[0]),
            "Higham, Accuracy and Stability of Numerical Algorithms (2002), chapter 1")  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """The equations rewritten so far, and the sums of exponentials that were shifted on the way.

    The definitions of `independent` tensors are not looked through: a derivative by a defined tensor needs every read
    of it to stay one.
    """

    system: System
    independent: frozenset[str] = frozenset()
    families: Mapping[str, Shifted] = field(default_factory=dict)

    def extended(self, eq: Equation) -> Prepared:
        """With `eq`, every naive spelling in it replaced; a change leaves a Step in the log."""
        done = self.system
        reader = _Reader(done, dict(self.families), self.independent)
        after = reader.rewritten(eq)
        steps = () if after == (eq,) else (RULE.step((done, dict(self.families), self.independent), (eq,)),)
        tensors = {**done.tensors, **{t.name: t for t in reader.new_tensors}, **reader.complemented}
        done = replace(done, tensors=tensors, equations=(*done.equations, *after), log=(*done.log, *steps))
        return replace(self, system=done, families={**self.families, **reader.made})


def looked_through(steps: Iterable[Step]) -> set[str]:
    """Tensors that a user's line reads and whose definition was read instead: an adjoint of theirs is not the whole
    derivative by them any more, and must not be printed as if it were."""
    found: set[str] = set()
    for step in steps:
        if step.rule == RULE:
            (before,) = step.before
            if step.after[-1].read_names() - before.read_names():
                found |= before.read_names()
    return found


@dataclass(frozen=True)
class ExpSum:
    """`tensor[letters] = coefficient * sum over reduced of exp(argument)`."""

    letters: tuple
    coefficient: Expr
    argument: Expr
    term: Term


@dataclass
class _Reader:
    """Rewrites one equation in the light of the equations before it."""

    system: System
    families: dict[str, Shifted]                                     # sums of exponentials shifted before
    independent: frozenset[str] = frozenset()                        # what is not looked through
    made: dict[str, Shifted] = field(default_factory=dict)           # and by this equation
    new_tensors: list[Tensor] = field(default_factory=list)
    new_equations: list[Equation] = field(default_factory=list)
    complemented: dict[str, Tensor] = field(default_factory=dict)

    @cached_property
    def defining(self) -> dict[str, Equation]:
        return {name: eq for name, eq in self.system.defining().items() if name not in self.independent}

    def rewritten(self, eq: Equation) -> tuple[Equation, ...]:
        """The equation, preceded by the pieces that it now needs."""
        if isinstance(eq, Call):
            return (eq,)
        terms = tuple(replace(t, body=self.rewrite(t.body)) for t in eq.terms)
        new = replace(eq, terms=terms)
        self._inherit_complement(new)
        return (*self.new_equations, eq if terms == eq.terms else new)

    def rewrite(self, expr: Expr) -> Expr:
        """Bottom up; a subexpression that no rule knows stays."""
        if isinstance(expr, (Access, stop)) or not expr.args or expr.is_Boolean:
            return expr
        if isinstance(expr, log):  # from the outside: a log sees the ratio that it is of
            found = self.log_of(expr.args[0])
            if found is not None:
                return self.rewrite(found)
        if isinstance(expr, Mul):  # and a quotient sees both of its sides
            found = self.hyperbolic(expr)
            if found is not None:
                return self.rewrite(found)
        args = [self.rewrite(a) for a in expr.args]
        expr = expr if tuple(args) == expr.args else expr.func(*args)
        expr = _or(even_function(expr, self._through), expr)
        if isinstance(expr, (Mul, Pow)):
            return self.weighted(_or(self.ratio(expr), expr))
        return _or(_minus_one(expr), expr) if isinstance(expr, Add) else expr

    def weighted(self, expr: Expr) -> Expr:
        """y log(p) with log(p) from shifted pieces: 0 where y = 0, also where log(p) overflows to -inf."""
        factors = Mul.make_args(expr)
        shares = [f for f in factors if isinstance(f, Add) and any(_shift(a) for a in f.args) and f.has(log)]
        weights = [f for f in factors if reads(f) and f not in shares]
        if len(shares) != 1 or not weights:
            return expr
        constants = [f for f in factors if not reads(f)]
        return Mul(*constants, apply("weighted", Mul(*weights), shares[0]))

    # log ----------------------------------------------------------------------------------------------------------

    def log_of(self, expr: Expr) -> Expr | None:
        """log(expr) without forming expr; None where no rule applies."""
        if isinstance(expr, exp):
            return expr.args[0]
        if isinstance(expr, Access):
            return self._log_of_tensor(expr)
        if expr.func == SIGMOID:
            return apply("log_sigmoid", expr.args[0])
        if isinstance(expr, Mul):
            return self._log_of_product(expr)
        if isinstance(expr, Pow) and not reads(expr.exp):
            inner = self.log_of(expr.base)
            return None if inner is None else expr.exp * inner
        return self._log_of_sum(expr) if isinstance(expr, Add) else None

    def _log_of_tensor(self, access: Access) -> Expr | None:
        family = self.family(access)
        if family is not None:
            coefficient, pieces = family
            return pieces.logsumexp + log(coefficient)
        definition = self.expand(access)
        return None if definition is None else self.log_of(definition)

    def _log_of_product(self, product: Expr) -> Expr | None:
        logs = [(f, self.log_of(f)) for f in product.args]
        if all(value is None for _, value in logs) or any(v is None and not self.positive(f) for f, v in logs):
            return None
        return Add(*(_log_of_positive(f) if value is None else value for f, value in logs))

    def _log_of_sum(self, total: Expr) -> Expr | None:
        rest = total - 1
        if len(total.args) != 2 or Integer(1) not in total.args:
            return None
        if isinstance(rest, exp):
            return apply("softplus", rest.args[0])
        complement = self.one_minus(total)
        if complement is not None:
            return _or(self.log_of(complement), log(complement))
        return apply("log1p", rest)

    def positive(self, expr: Expr) -> bool:
        if isinstance(expr, Pow):
            return self.positive(expr.base)
        if isinstance(expr, Access):
            tensor = self.system.tensors[expr.name]
            return tensor.has("positive") or self._exp_sum(expr.name) is not None
        return isinstance(expr, (exp, Size)) or bool(expr.is_positive)

    # ratios and complements ---------------------------------------------------------------------------------------

    def ratio(self, expr: Expr) -> Expr | None:
        """exp(u)/S -> share; 1/(1 + exp(-x)) -> sigmoid(x); exp(x)/(1 + exp(x)) -> sigmoid(x)."""
        factors = list(Mul.make_args(expr))
        for position, factor in enumerate(factors):
            if not (isinstance(factor, Pow) and factor.exp == -1):
                continue
            others = factors[:position] + factors[position + 1 :]
            found = self._logistic(factor.base, others) or self._share(factor.base, others)
            if found is not None:
                return found
        return None

    def _logistic(self, base: Expr, others: list[Expr]) -> Expr | None:
        if not isinstance(base, Add) or len(base.args) != 2 or not isinstance(base - 1, exp):
            return None
        growing = base - 1
        if growing in others:
            others = [f for f in others if f != growing]
            return Mul(SIGMOID(growing.args[0]), *others)
        return Mul(SIGMOID(-growing.args[0]), *others)

    def hyperbolic(self, product: Expr) -> Expr | None:
        """(e^a - e^b)/(e^a + e^b) -> tanh((a - b)/2)."""
        for below in (f for f in product.args if isinstance(f, Pow) and f.exp == -1):
            powers = getattr(self._through(below.base), "args", ())
            if len(powers) != 2 or not all(p == 1 or isinstance(p, exp) for p in powers):
                continue
            half = (_log_of_power(powers[0]) - _log_of_power(powers[1])) / 2
            for above in (f for f in product.args if f != below):
                sign = {powers[0] - powers[1]: 1, powers[1] - powers[0]: -1}.get(self._through(above))
                if sign is not None:
                    rest = (f for f in product.args if f not in (below, above))
                    return Mul(apply("tanh", sign * half), *rest)
        return None

    def _share(self, base: Expr, others: list[Expr]) -> Expr | None:
        info = self._exp_sum(base.name) if isinstance(base, Access) else None
        if info is None:
            return None
        for factor in others:
            value = self._through(factor)
            if not isinstance(value, exp):
                continue
            binding = self._same(info, base, value.args[0])
            family = None if binding is None else self.family(base, binding)
            if family is not None:
                coefficient, pieces = family
                return Mul(pieces.softmax, 1 / coefficient, *(f for f in others if f != factor))
        return None

    def one_minus(self, total: Expr) -> Expr | None:
        """1 - P by the complement of P: under a logarithm (elsewhere the kernel form sees to it)."""
        share = 1 - total
        if isinstance(share, Access):
            tensor = self.system.tensors[share.name]
            if tensor.complement and share.name not in self.independent:
                return Access(tensor.complement, *share.indices)
            share = _or(self.expand(share), share)
        if share.func == SIGMOID and complement_of(SIGMOID(-share.args[0])) == 1 - share:
            return SIGMOID(-share.args[0])
        return None

    # sums of exponentials -----------------------------------------------------------------------------------------

    def _through(self, expr: Expr) -> Expr:
        """An access that is defined point by point counts as its definition."""
        if isinstance(expr, Access):
            return _or(self.expand(expr), expr)
        return expr

    def expand(self, access: Access) -> Expr | None:
        """The definition of a cell, where there is a short one that holds at every cell."""
        eq = self.defining.get(access.name)
        definition = None if eq is None else pointwise(eq)
        return definition.at(access.indices, ()) if definition and operations(definition.body) <= WORTH else None

    def _exp_sum(self, name: str) -> ExpSum | None:
        """Is the tensor a sum of exponentials that nobody has shifted yet?"""
        eq = self.defining.get(name)
        if eq is None or eq.reduce != "sum" or len(eq.terms) != 1:
            return None
        term = eq.terms[0]
        if not term.reduced or set(term.write) != {r.index for r in term.free}:
            return None
        coefficient, live = Integer(1), []
        for factor in Mul.make_args(term.body):
            if reads(factor) or index_symbols(factor):
                live.append(self._through(factor))
            else:
                coefficient *= factor
        if len(live) != 1 or not isinstance(live[0], exp):
            return None
        return ExpSum(term.write, coefficient, live[0].args[0], term)

    def family(self, access: Access, binding: dict | None = None) -> tuple[Expr, Shifted] | None:
        """The coefficient and the shifted pieces of a sum of exponentials, at the indices of `access`."""
        info = self._exp_sum(access.name)
        if info is None or info.argument.has(stop):
            return None
        pieces = self.families.get(access.name) or self.made.get(access.name) or self._make(access.name, info)
        at = {**dict(zip(info.letters, access.indices)), **(binding or {})}
        return info.coefficient, pieces.at(at)

    def _same(self, info: ExpSum, base: Access, argument: Expr) -> dict | None:
        """Bind the sum's reduced letters so that its argument is `argument`."""
        at = dict(zip(info.letters, base.indices))
        pattern = info.argument.xreplace(at)
        ours, theirs = reads(pattern), reads(argument)
        binding: dict = {}
        bound = {r.index for r in info.term.reduced}
        for p, t in zip(ours, theirs):
            for i, j in zip(p.indices, t.indices):
                if i in bound:
                    binding.setdefault(i, j)
        if set(binding) != bound or info.argument.has(stop):
            return None
        return binding if pattern.xreplace(binding) == argument else None

    def _make(self, name: str, info: ExpSum) -> Shifted:
        taken = {*self.system.tensors, *(t.name for t in self.new_tensors)}

        def fresh(stem: str) -> str:
            made = next(fresh_names(taken, f"{name}_{stem}"))
            taken.add(made)
            return made

        term = info.term
        of = info.argument.name if isinstance(info.argument, Access) else rf"\log {name}"
        label = rf"\operatorname{{softmax}}_{{{','.join(r.index.name for r in term.reduced)}}}({of})"
        pieces = shifted_exponentials(info.argument, term.free, term.reduced, term.guard, fresh, label)
        self.new_tensors += pieces.tensors
        self.new_equations += pieces.equations
        self.made[name] = pieces
        return pieces

    def _inherit_complement(self, eq: Equation) -> None:
        """A tensor that is exactly a share has the share's complement."""
        definition = pointwise(eq)
        if definition is None or not isinstance(definition.body, Access) or eq.tensor not in self.system.tensors:
            return
        source = {**self.system.tensors, **{t.name: t for t in self.new_tensors}}[definition.body.name]
        if source.complement and definition.body.indices == definition.letters:
            self.complemented[eq.tensor] = replace(self.system.tensors[eq.tensor], complement=source.complement)


SIGMOID = apply("sigmoid", Integer(0)).func


def _minus_one(total: Expr) -> Expr | None:
    """exp(x) - 1 by expm1, whatever else is added."""
    powers = [a for a in total.args if isinstance(a, exp)] if Integer(-1) in total.args else []
    return total + 1 - powers[0] + apply("expm1", powers[0].args[0]) if len(powers) == 1 else None


def _shift(addend: Expr) -> bool:
    return any(isinstance(f, stop) for f in Mul.make_args(addend))


def _log_of_power(power: Expr) -> Expr:
    return Integer(0) if power == 1 else power.args[0]


def _log_of_positive(factor: Expr) -> Expr:
    return factor.exp * log(factor.base) if isinstance(factor, Pow) else log(factor)


def _or(value: Expr | None, default: Expr) -> Expr:
    return default if value is None else value
