"""What a program is: tensors, and equations in single assignment, each a list of terms.

*Meaning:* fill the tensor with the identity of `reduce`; for each term, at each point of its domain where all
guards hold, combine the value of `body` into the cell that `write` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from sympy import Basic, Expr
from sympy.logic.boolalg import Boolean

from .access import Access, Index, all_reads, index_symbols, reads

ROLES = ("input", "parameter", "state", "noise", "label", "defined")
REDUCTIONS = ("sum", "max", "min", "prod")


class Range(NamedTuple):
    """`index` runs over 0 .. size-1."""

    index: Index
    size: Expr


class Fact(NamedTuple):
    """Something the user states about a tensor: `distribution` over axis 1, `positive`, `constant`, ..."""

    name: str
    axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Tensor:
    """The declaration of a tensor."""

    name: str
    shape: tuple[Expr, ...]
    dtype: str = "float"  # float | int | bool
    role: str = "defined"  # one of ROLES; `defined` means: an equation writes it
    facts: tuple[Fact, ...] = ()
    over: Expr | None = None  # an integer tensor's values lie in 0 .. over-1
    named: bool = True  # False: a piece that a pass made (virtual; display removes it)
    letters: tuple[str, ...] = ()  # the index letters to print its axes with
    label: str = ""  # LaTeX of a piece that stands for something, as in softmax_k(z)
    complement: str = ""  # the tensor that holds 1 - this one, computed without cancellation

    @property
    def rank(self) -> int:
        return len(self.shape)

    def has(self, fact: str) -> bool:
        return any(f.name == fact for f in self.facts)


@dataclass(frozen=True)
class Term:
    """One contribution: at each point of `domain` where `guard` holds, `body` goes into the cell `write`."""

    write: tuple[Expr, ...]
    body: Expr  # a scalar; its only tensor atoms are accesses; never a Sum inside
    domain: tuple[Range, ...]  # every index; one that is absent from `write` is reduced
    guard: tuple[Boolean, ...] = ()  # nothing is read where one fails

    @property
    def indices(self) -> tuple[Index, ...]:
        return tuple(r.index for r in self.domain)

    @property
    def sizes(self) -> dict[Index, Expr]:
        return {r.index: r.size for r in self.domain}

    @property
    def free(self) -> tuple[Range, ...]:
        """The ranges whose index occurs in `write`."""
        used = set().union(*map(index_symbols, self.write)) if self.write else set()
        return tuple(r for r in self.domain if r.index in used)

    @property
    def reduced(self) -> tuple[Range, ...]:
        kept = self.free
        return tuple(r for r in self.domain if r not in kept)

    def expressions(self) -> tuple[Basic, ...]:
        return (*self.write, self.body, *self.guard)

    def map(self, function: Callable[[Basic], Basic]) -> Term:
        """Apply `function` to every expression; the domain's indices are left as they are."""
        return replace(
            self,
            write=tuple(function(w) for w in self.write),
            body=function(self.body),
            guard=tuple(function(g) for g in self.guard),
        )

    def rename(self, mapping: Mapping[Index, Index]) -> Term:
        """The same term with other index letters."""
        renamed = self.map(lambda e: e.xreplace(mapping))
        return replace(renamed, domain=tuple(Range(mapping.get(r.index, r.index), r.size) for r in self.domain))

    def value_reads(self) -> list[Access]:
        return reads(self.body)

    def all_reads(self) -> list[Access]:
        return all_reads(self.expressions())


@dataclass(frozen=True)
class Equation:
    """`tensor` is written by `terms`, combined with `reduce`. For max and min, `arg` names one integer tensor for
    each reduced index of the single term: where the first extreme point lies (-1 where no point exists)."""

    tensor: str
    terms: tuple[Term, ...]
    reduce: str = "sum"
    arg: tuple[str, ...] = ()
    source: str = field(default="", compare=False)  # the user's line, for error messages

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.tensor, *self.arg)

    def reads(self) -> list[Access]:
        return all_reads(e for t in self.terms for e in t.expressions())

    def read_names(self) -> set[str]:
        return {a.name for a in self.reads()}

    def with_terms(self, terms: Iterable[Term]) -> Equation:
        return replace(self, terms=tuple(terms))

    @property
    def elementwise(self) -> bool:
        """One term, no reduction, no guard, each axis written by its own plain index: `y[i, j] = f(...)`."""
        if len(self.terms) != 1 or self.reduce != "sum":
            return False
        term = self.terms[0]
        return not term.guard and is_plain(term)


@dataclass(frozen=True)
class Call:
    """A linear-algebra routine (a row of `ir.calls`) on whole tensors, once for each cell of their leading batch axes.

    Each tensor that it reads or writes has the axes (batch..., core...). An argument may lack leading batch axes: it is
    then the same for all of them, as in NumPy. To a pass that looks at terms it is an equation without any.
    """

    name: str
    writes: tuple[str, ...]
    arguments: tuple[str, ...]
    batch: int = 0  # the number of batch axes of what it writes
    source: str = field(default="", compare=False)  # the user's line, for error messages

    terms: ClassVar[tuple[Term, ...]] = ()
    reduce: ClassVar[str] = "call"
    elementwise: ClassVar[bool] = False

    @property
    def tensor(self) -> str:
        return self.writes[0]

    @property
    def arg(self) -> tuple[str, ...]:
        return self.writes[1:]

    def read_names(self) -> set[str]:
        return set(self.arguments)

    def with_terms(self, terms: Iterable[Term]) -> Call:
        """Itself: it has no terms, and gets none."""
        return self

    def rename(self, names: Mapping[str, str]) -> Call:
        """The same call of other tensors."""
        writes, arguments = (tuple(names.get(n, n) for n in part) for part in (self.writes, self.arguments))
        return replace(self, writes=writes, arguments=arguments)


def is_plain(term: Term) -> bool:
    """The write is a permutation of the whole domain: a definition of one cell by one point."""
    return len(set(term.write)) == len(term.write) == len(term.domain) and set(term.write) == set(term.indices)


def piece_tensor(eq: Equation) -> Tensor:
    """The declaration of a piece that `eq` defines: its shape is read off the first term's plain write."""
    term = eq.terms[0]
    shape = tuple(term.sizes[i] for i in term.write)
    return Tensor(eq.tensor, shape, named=False, letters=tuple(str(i) for i in term.write))


@dataclass(frozen=True)
class Step:
    """One application of a rule, kept for the derivation: `rule.replace(context, before) == after` replays it."""

    rule: Any  # calculus.rewrite.Rule: name, replace, cite
    before: tuple[Equation | Call, ...]
    after: tuple[Equation | Call, ...]
    context: Any = None  # what the rule looked at beside `before`
    under: tuple[str, ...] = ()  # facts and conditions it used
    note: str = ""


@dataclass(frozen=True)
class System:
    tensors: Mapping[str, Tensor]
    equations: tuple[Equation | Call, ...]
    outputs: tuple[str, ...]
    updates: Mapping[str, str] = field(default_factory=dict)
    log: tuple[Step, ...] = field(default=(), compare=False, repr=False)

    def defining(self) -> dict[str, Equation | Call]:
        """tensor name -> the equation that writes it (also through `arg`)."""
        return {name: eq for eq in self.equations for name in eq.writes}

    def with_equations(self, equations: Iterable[Equation | Call], **changes) -> System:
        return replace(self, equations=tuple(equations), **changes)

    def declared(self, *roles: str) -> list[Tensor]:
        """Tensors by role, in the order of declaration; without roles, all that no equation writes."""
        if not roles:
            roles = tuple(r for r in ROLES if r != "defined")
        return [t for t in self.tensors.values() if t.role in roles]

    def results(self) -> tuple[str, ...]:
        """What must be computed: the outputs, and the next values of updated tensors."""
        return tuple(dict.fromkeys((*self.outputs, *self.updates.values())))

    def prune(self, outputs: Iterable[str] | None = None) -> System:
        """Only what the outputs (and updates) need; with `outputs`, those become the outputs, and updates go."""
        system = self if outputs is None else replace(self, outputs=tuple(outputs), updates={})
        defining = system.defining()
        waiting = [*system.results(), *system.updates]
        needed: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                eq = defining.get(name)
                waiting += () if eq is None else (*eq.read_names(), *eq.writes)
        kept = [eq for eq in system.equations if eq.tensor in needed]
        tensors = {
            n: t if t.complement in needed else replace(t, complement="")
            for n, t in system.tensors.items()
            if n in needed
        }
        return replace(system, tensors=tensors, equations=tuple(kept))
