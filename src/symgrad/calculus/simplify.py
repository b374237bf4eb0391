"""Closed forms of derived equations; `forms` makes the display and the kernel form of them.

Three rules act on each derived equation, in this order, and each application is a Step:
`substitute` puts the adjoints of pieces in the place of their reads; `sums` resolves what leaves or equals a sum;
`collect` adds what is written to the same cell and expresses it in tensors that have a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..ir.access import Access, fresh_names
from ..ir.system import Equation, Step, System, Tensor, Term, piece_tensor
from .algebra import OPERATIONS, operations, tidy
from .complement import keep_complements
from .fractional import through_fractions
from .join import align, is_factor, join, merge, sort_domain
from .relations import Relations, eliminate, named_functions, relations
from .rewrite import Rule, derived
from .sums import Known, Sums, known_sum, known_sums, settle_term

SHORT = 12      # a definition of at most so many operations is substituted wherever it is read


@dataclass(frozen=True)
class Context:
    """What a rule looks at beside the equation; never mutated, so that a Step replays."""

    tensors: Mapping[str, Tensor]
    table: Relations
    known: Mapping[str, Known]
    closed: Mapping[str, Equation]
    readers: Mapping[str, int]
    names: tuple[str, ...]
    display: bool

    @property
    def sums(self) -> Sums:
        return Sums(self.table, self.known)


def close(system: System, display: bool) -> System:
    """Every equation that differentiation made, in order; those of the model, and pieces cut from derivatives when they
    were differentiated again, stay as they are."""
    made = derived(system.log)
    if not made:
        return system
    given = [eq for eq in system.equations if eq.tensor not in made]
    worker = _Worker(system, given, [eq for eq in system.equations if eq.tensor in made], display)
    worker.steps += [step for step in system.log if not step.rule.derives]
    seen: set[int] = set()
    for eq in system.equations:
        step = made.get(eq.tensor)
        if step is None:
            worker.order.append(eq)
            continue
        if id(step) not in seen:
            seen.add(id(step))
            worker.steps.append(step)
        worker.close(eq)
    return replace(system, tensors=worker.tensors, equations=tuple(worker.order), log=tuple(worker.steps))


class _Worker:
    """The closed equations so far. Everything that a rule sees goes through an immutable `Context`."""

    def __init__(self, system: System, given: list[Equation], made: list[Equation], display: bool):
        base = system.with_equations(given)
        self.system, self.display = system, display
        self.tensors = dict(system.tensors)
        self.table = relations(base, _computable(system))
        self.known = known_sums(base)
        self.closed: dict[str, Equation] = {}
        self.order: list[Equation] = []
        self.steps: list[Step] = []
        self.readers: dict[str, int] = {}
        for eq in made:
            for name in eq.read_names():
                self.readers[name] = self.readers.get(name, 0) + 1

    def context(self) -> Context:
        source = fresh_names(self.tensors, "total")
        names = tuple(next(source) for _ in range(8))
        return Context(self.tensors, self.table, self.known, self.closed, self.readers, names, self.display)

    def close(self, eq: Equation) -> None:
        if eq.reduce != "sum":
            self.order.append(eq)
            return
        current: tuple[Equation, ...] = (eq,)
        for rule in (SUBSTITUTE, SUMS, COLLECT, NAMES, KEEP):
            if rule is KEEP and self.display:
                continue
            context = self.context()
            after, under = rule.run(context, current)
            if after != current:
                self.steps.append(Step(rule, current[-1:], after, context, tuple(under)))
                self._adopt(after[:-1])
            current = after[-1:]
        self._adopt(current)
        self.closed = {**self.closed, eq.tensor: current[-1]}

    def _adopt(self, equations: Iterable[Equation]) -> None:
        """Take equations into the result; a sum that got a name is known from now on."""
        for eq in equations:
            self.order.append(eq)
            if eq.tensor not in self.tensors:
                self.tensors = {**self.tensors, eq.tensor: piece_tensor(eq)}
                self.known = {**self.known, **dict([entry] if (entry := known_sum(eq)) else [])}


def _computable(system: System) -> set[str]:
    """Tensors that need no other inputs than the outputs need: only those may appear in a closed form."""
    inputs = {t.name for t in system.prune().declared()}
    usable = set(inputs)
    for eq in system.equations:
        if eq.read_names() <= usable:
            usable |= set(eq.writes)
    return usable


@dataclass(frozen=True)
class EquationRule(Rule):
    """A rule on the last of the equations it is given; it may put new ones before it and report facts."""

    run: object = None


def _rule(name: str, cite: str, run) -> EquationRule:
    return EquationRule(name, lambda context, before: run(context, before)[0], cite, run=run)


# substitute -----------------------------------------------------------------------------------------------------------


def _substitute(context: Context, before: tuple[Equation, ...]):
    eq = before[-1]
    terms = list(eq.terms)
    done: list[Term] = []
    while terms:
        term = terms.pop(0)
        for access in term.value_reads():
            parts = _joined(term, access, context)
            if parts is not None:
                terms = [*parts, *terms]
                break
        else:
            done.append(sort_domain(align(term, context.tensors[eq.tensor].letters)))
    return (replace(eq, terms=merge(done)),), []


def _joined(term: Term, access: Access, context: Context) -> list[Term] | None:
    """The term with a piece's adjoint written out, where that is right and no dearer."""
    definition = context.closed.get(access.name)
    if definition is None or context.table.worthy(access.name) or not is_factor(term, access):
        return None
    size = sum(operations(t.body) for t in definition.terms) + len(definition.terms) - 1
    once = context.readers.get(access.name, 0) == 1
    if size > (OPERATIONS // 2 if once else SHORT if context.display else 2):
        return None
    parts = join(term, access, definition, context.tensors[access.name])
    for part, inner in zip(parts, definition.terms):
        settled = settle_term(part, context.sums, context.names).term
        grows = len(settled.domain) > max(len(term.domain), len(inner.domain))
        if operations(part.body) > OPERATIONS or (grows and len(settled.reduced) > len(term.reduced)):
            return None
    return parts


# sums -----------------------------------------------------------------------------------------------------------------


def _named_sums(context: Context, before: tuple[Equation, ...]):
    """Once more, after elimination: in a piece, what is left of a sum gets a name of its own."""
    return _sums(context, before, piece=not context.table.worthy(before[-1].tensor))


def _sums(context: Context, before: tuple[Equation, ...], piece: bool = False):
    eq = before[-1]
    named: list[Equation] = []
    terms: list[Term] = []
    under: list[str] = []
    sums, names = context.sums, list(context.names)
    for term in eq.terms:
        outcome = settle_term(term, sums, names, piece)
        for new in outcome.named:
            names.remove(new.tensor)
            sums = replace(sums, known={**sums.known, **dict([entry] if (entry := known_sum(new)) else [])})
        named += outcome.named
        under += outcome.under
        terms.append(sort_domain(align(outcome.term, context.tensors[eq.tensor].letters)))
    return (*named, replace(eq, terms=tuple(terms))), list(dict.fromkeys(under))


# collect --------------------------------------------------------------------------------------------------------------


def _collect(context: Context, before: tuple[Equation, ...]):
    eq = before[-1]
    terms = (replace(t, body=_closed_body(t.body, eq.tensor, context)) for t in merge(eq.terms))
    return (replace(eq, terms=tuple(t for t in terms if t.body != 0)),), []


def _closed_body(body, itself: str, context: Context):
    if operations(body) > OPERATIONS:
        return body
    if context.display:
        body = named_functions(body, context.table, itself)
    body = eliminate(body, context.table, itself, additive=context.display)
    if not context.display:
        return body
    return through_fractions(tidy(named_functions(body, context.table, itself)), context.table, itself)


SUBSTITUTE = _rule("chain rule: put the adjoint in", "Griewank and Walther, Evaluating Derivatives (2008), section 3.2",
                   _substitute)  # fmt: skip
SUMS = _rule("sums: what does not depend on the index leaves, known sums are replaced",
             "Graham, Knuth and Patashnik, Concrete Mathematics (1994), section 2.3", _sums)  # fmt: skip
NAMES = _rule("sums: one that stands beside other factors gets a name",
              "Graham, Knuth and Patashnik, Concrete Mathematics (1994), section 2.3", _named_sums)  # fmt: skip
COLLECT = _rule("elimination: definitions read as relations",
                "Cox, Little and O'Shea, Ideals, Varieties, and Algorithms (2015), section 3.1", _collect)  # fmt: skip
KEEP = _rule("complement: A P - B = (A - B) P - B (1 - P)",
             "Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.7",
             keep_complements)  # fmt: skip
