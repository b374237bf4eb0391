"""Closed forms of derived equations; `forms` makes the display and the kernel form of them.

Three rules act on each derived equation, in this order, and each application is a Step:
`substitute` puts the adjoints of pieces in the place of their reads; `sums` resolves what leaves or equals a sum;
`collect` adds what is written to the same cell and expresses it in tensors that have a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sympy import S

from ..ir.access import Access, Index, fresh_names, index_symbols, reads
from ..ir.recurrence import arranged, groups, members, scans
from ..ir.system import Call, Equation, Step, System, Tensor, Term, piece_tensor
from .algebra import OPERATIONS, operations, tidy
from .complement import keep_complements
from .fractional import through_fractions
from .join import align, is_factor, join, merge, sort_domain
from .patience import note
from .relations import Relations, eliminate, named_functions, relations
from .rewrite import Rule, derived
from .structure.fold import FOLDED, core_tensor, cut, fills, fold, gather, is_structured
from .sums import Known, Sums, known_sum, known_sums, settle_term

SHORT = 12      # a definition of at most so many operations is substituted wherever it is read
NAMES_AHEAD = 24    # new tensors that one application of a rule may make
SPREAD = 24     # one with more terms is read as it stands: each of its terms becomes a term of every reader


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
    carried: frozenset[str] = frozenset()   # derivatives of a tensor by something on the way: large unless structured
    leading: frozenset[str] = frozenset()   # these, and the Jacobians or Hessians themselves
    placed: Mapping[str, Equation] = field(default_factory=dict)    # equations of the model that write a few cells only
    recurrent: frozenset[str] = frozenset()

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
    for eq in _in_turn(system, worker.table):
        step = made.get(eq.tensor)
        if step is None:
            worker.order.append(eq)
            continue
        if id(step) not in seen:
            seen.add(id(step))
            worker.steps.append(step)
        worker.close(eq)
    return replace(system, tensors=worker.tensors, equations=arranged(worker.order), log=tuple(worker.steps))


def _in_turn(system: System, table: Relations) -> Iterator[Equation | Call]:
    """The equations in order; of a recurrence first the pieces, which disappear into what has a name."""
    for unit in groups(system.equations):
        yield from sorted(members(unit), key=lambda eq: len(members(unit)) > 1 and table.worthy(eq.tensor))


class _Worker:
    """The closed equations so far. Everything that a rule sees goes through an immutable `Context`."""

    def __init__(self, system: System, given: list[Equation], made: list[Equation], display: bool):
        base = system.with_equations(given)
        self.system, self.display = system, display
        self.tensors = dict(system.tensors)
        self.table = relations(base, _computable(system))
        self.known = known_sums(base)
        self.placed = {eq.tensor: eq for eq in given if _places_few(eq)}
        self.closed: dict[str, Equation] = {}
        self.order: list[Equation] = []
        self.steps: list[Step] = []
        self.readers: dict[str, int] = {}
        self.recurrent = frozenset(scans(system.equations))
        self.leading = leading(system)
        self.carried = self.leading - set(system.outputs) - self.recurrent
        for eq in made:
            for name in eq.read_names():
                self.readers[name] = self.readers.get(name, 0) + 1

    def context(self) -> Context:
        source = fresh_names(self.tensors, "total")
        names = tuple(next(source) for _ in range(NAMES_AHEAD))
        return Context(
            self.tensors, self.table, self.known, self.closed, self.readers, names, self.display, self.carried,
            self.leading, self.placed, self.recurrent,
        )  # fmt: skip

    def close(self, eq: Equation) -> None:
        if eq.reduce != "sum":
            self.order.append(eq)
            return
        current: tuple[Equation, ...] = (eq,)
        context = self.context()
        for rule in (SUBSTITUTE, SUMS, COLLECT, NAMES, CORES, KEEP):
            if rule is KEEP and self.display:
                continue
            note(f"{rule.name} ({eq.tensor})")
            after, under = rule.run(context, current)
            if after != current:
                self.steps.append(Step(rule, current[-1:], after, context, tuple(under)))
                if len(after) > 1:
                    self._adopt(after[:-1], after[-1] if rule is CORES else None)
                    context = self.context()
            current = after[-1:]
        self._adopt(current)
        self.closed = {**self.closed, eq.tensor: current[-1]}

    def _adopt(self, equations: Iterable[Equation], reader: Equation | None = None) -> None:
        """Take equations into the result; a sum that got a name is known from now on. `reader` reads cores."""
        for eq in equations:
            self.order.append(eq)
            if eq.tensor not in self.tensors:
                tensor = piece_tensor(eq) if reader is None else core_tensor(eq, reader)
                self.tensors = {**self.tensors, eq.tensor: tensor}
                self.known = {**self.known, **dict([entry] if (entry := known_sum(eq)) else [])}


def leading(system: System) -> frozenset[str]:
    """Derivatives whose leading indices are the cell of a tensor: one block for each cell, of which only the structure
    makes a small thing."""
    made = derived(system.log).items()
    return frozenset(n for n, step in made if getattr(step.context, "lead", ()) and n == step.after[-1].tensor)


def _places_few(eq: Equation) -> bool:
    """Is every term written to a diagonal, a band, ...? Its other cells are 0."""
    return isinstance(eq, Equation) and eq.reduce == "sum" and all(map(is_structured, eq.terms))


def _computable(system: System) -> set[str]:
    """Tensors that need no other inputs than the outputs need: only those may appear in a closed form."""
    barred = {t.name for t in system.declared()} - {t.name for t in system.prune().declared()}
    for unit in groups(system.equations):
        if any(eq.read_names() & barred for eq in members(unit)):
            barred |= {name for eq in members(unit) for name in eq.writes}
    return set(system.tensors) - barred


@dataclass(frozen=True)
class EquationRule(Rule):
    """A rule on the last of the equations it is given; it may put new ones before it and report facts."""

    run: object = None


def _rule(name: str, cite: str, run) -> EquationRule:
    return EquationRule(name, lambda context, before: run(context, before)[0], cite, run=run)


# substitute -----------------------------------------------------------------------------------------------------------


def _substitute(context: Context, before: tuple[Equation, ...]):
    eq = before[-1]
    terms: list[tuple[Term, frozenset[str]]] = [(t, frozenset()) for t in eq.terms]  # with what was put in so far
    done: list[Term] = []
    while terms:
        term, used = terms.pop(0)
        for access in term.value_reads():
            if access.name in used and access.name in context.recurrent:
                continue  # its definition reads it again, and so on
            parts = _joined(term, access, context, eq.tensor in context.leading)
            if parts is not None and (eq.tensor not in context.recurrent or _still_plain(term, parts)):
                terms = [*((part, used | {access.name}) for part in parts), *terms]
                break
        else:
            done.append(sort_domain(align(term, context.tensors[eq.tensor].letters)))
    return (replace(eq, terms=merge(t for t in done if S.false not in t.guard)),), []


def _still_plain(term: Term, parts: list[Term]) -> bool:
    """A recurrence keeps its plain writes."""
    return all(isinstance(p, Index) or not isinstance(w, Index) for t in parts for p, w in zip(t.write, term.write))


def _joined(term: Term, access: Access, context: Context, leading: bool) -> list[Term] | None:
    """The term with a piece's adjoint written out, where that is right and no dearer. In a Jacobian or Hessian
    (`leading`) also what has a structure of its own: a row of a diagonal matrix is one number."""
    leading = leading and access.name not in context.recurrent
    definition = context.closed.get(access.name) or (context.placed.get(access.name) if leading else None)
    if definition is None or not is_factor(term, access):
        return None
    carried = access.name in context.carried and len(definition.terms) <= SPREAD
    carried = carried and not fills(definition.terms, context.tensors[access.name].shape)
    carried = carried or (leading and bool(definition.terms) and all(map(is_structured, definition.terms)))
    if context.table.worthy(access.name) and not carried:
        return None
    if access.name in context.recurrent and access.name in definition.read_names():
        return None  # a recurrence is not unrolled
    size = sum(operations(t.body) for t in definition.terms) + len(definition.terms) - 1
    once = context.readers.get(access.name, 0) == 1
    if size > (OPERATIONS // 2 if once or carried else SHORT if context.display or _constant(definition) else 2):
        return None
    parts = join(term, access, definition, context.tensors[access.name])
    for part, inner in zip(parts, definition.terms):
        settled = settle_term(part, context.sums, context.names).term
        grows = len(settled.domain) > max(len(term.domain), len(inner.domain))
        if operations(part.body) > OPERATIONS or (grows and len(settled.reduced) > len(term.reduced)):
            return None
    return parts


def _constant(definition: Equation) -> bool:
    """The same number in every cell, as the derivative of a mean by each of its terms: sums of it are known."""
    return all(not (t.reduced or t.guard or reads(t.body) or index_symbols(t.body)) for t in definition.terms)


# sums -----------------------------------------------------------------------------------------------------------------


def _named_sums(context: Context, before: tuple[Equation, ...]):
    """Once more, after elimination: in a piece, what is left of a sum gets a name of its own."""
    name = before[-1].tensor
    return _sums(context, before, piece=name in context.carried or not context.table.worthy(name))


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
    terms = (replace(t, body=_closed_body(t.body, eq.tensor, context, t.guard)) for t in merge(eq.terms))
    return (replace(eq, terms=tuple(t for t in terms if t.body != 0)),), []


def _closed_body(body, itself: str, context: Context, guards: tuple):
    if operations(body) > OPERATIONS:
        return body
    if context.display:
        body = named_functions(body, context.table, itself, guards)
    body = eliminate(body, context.table, itself, additive=context.display)
    if not context.display:
        return body
    return through_fractions(tidy(named_functions(body, context.table, itself, guards)), context.table, itself)


def _cores(context: Context, before: tuple[Equation, ...]):
    """A derivative on the way is a sum of short structured terms: its readers take it term by term."""
    eq, names = before[-1], iter(context.names)
    cores: list[Equation] = []
    if eq.tensor in context.recurrent:  # its steps stay in one place
        return (eq,), []
    if eq.tensor in context.carried:
        cores, eq = gather(eq, context.tensors[eq.tensor].shape, names)
        named, eq = cut(eq, names)
        cores += named
    if len(eq.terms) > (FOLDED if eq.tensor in context.carried else SPREAD) and eq.tensor in context.leading:
        folded, eq = fold(eq, context.tensors[eq.tensor].shape, names)
        cores += folded
    return (*cores, eq), []


SUBSTITUTE = _rule("chain rule: put the adjoint in", "Griewank and Walther, Evaluating Derivatives (2008), section 3.2",
                   _substitute)  # fmt: skip
SUMS = _rule("sums: what does not depend on the index leaves, known sums are replaced",
             "Graham, Knuth and Patashnik, Concrete Mathematics (1994), section 2.3", _sums)  # fmt: skip
NAMES = _rule("sums: one that stands beside other factors gets a name",
              "Graham, Knuth and Patashnik, Concrete Mathematics (1994), section 2.3", _named_sums)  # fmt: skip
COLLECT = _rule("elimination: definitions read as relations",
                "Cox, Little and O'Shea, Ideals, Varieties, and Algorithms (2015), section 3.1", _collect)  # fmt: skip
CORES = _rule("structure: a long body gets a name, terms along one diagonal are one",
              "Griewank and Walther, Evaluating Derivatives (2008), section 8.3", _cores)  # fmt: skip
KEEP = _rule("complement: A P - B = (A - B) P - B (1 - P)",
             "Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.7",
             keep_complements)  # fmt: skip
