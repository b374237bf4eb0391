"""A long recurrence as a step over one segment: what a gradient needs to keep the states of one segment at a time.

    h[t] = f(h[t-1], x[t]),  L = g(sum_t e(h[t]))      becomes, with time[r] the steps of a segment,

    h[r] = f(h[r-1], x[time[r]])  (for r = 0 the state before the segment),  part = sum_r e(h[r]),  the state behind it

and L = g(sum of the parts). The step is a System like any other: its adjoint carries the adjoint of the state behind a
segment to the one before it. With sqrt(T) segments the states between them and those inside one are sqrt(T) each, for
one more evaluation of f.

Source: A. Griewank and A. Walther, Evaluating Derivatives (2008), chapter 12; T. Chen, B. Xu, C. Zhang, C. Guestrin,
Training deep nets with sublinear memory cost (2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Basic, Eq, Expr, Ge, Gt, Integer, Lt, Ne, S, expand

from ..functions import where
from ..ir.access import Access, Index, Size, fresh_names, index_symbols
from ..ir.check import check
from ..ir.recurrence import Scan, arranged, groups
from ..ir.system import Call, Equation, Range, System, Tensor, Term, piece_tensor
from .along import along, refused, step_of


@dataclass(frozen=True)
class Segments:
    """`step` computes a segment: it reads `before[name]`, the states one, two, ... steps before it, and writes
    `behind[name]` and the `parts`; `first` computes the first segment, which has nothing before it. `rest` reads the
    sums of the parts and computes the outputs."""

    first: System
    step: System
    rest: System
    time: str                               # an integer input: the steps of the segment
    before: Mapping[str, tuple[str, ...]]
    behind: Mapping[str, tuple[str, ...]]
    parts: tuple[str, ...]
    size: Expr                              # of the ordered axis
    stored: tuple[Tensor, ...]              # what has a value for each step


def segments(system: System) -> Segments:
    """Cut the recurrence of `system` along its ordered axis. RecurrenceError where it cannot be cut."""
    scans = [unit for unit in groups(system.equations) if isinstance(unit, Scan)]
    sizes = {scan.size for scan in scans}
    if len(sizes) != 1 or any(scan.descending for scan in scans):
        raise refused("it has no recurrence" if not scans else "its recurrences run along several axes, or backwards")
    (size,) = sizes
    axes = along(system, size, {name: axis for scan in scans for name, axis in scan.axes.items()})
    later = _Cut(system, size, axes)
    found = later.made()
    return replace(found, first=_Cut(system, size, axes, later).made().step)


# the two systems ------------------------------------------------------------------------------------------------------


class _Cut:
    """The systems of a segment; with `later`, those of the first one, whose steps are counted from 0."""

    def __init__(self, system: System, size: Expr, axes: dict[str, int], later: _Cut | None = None):
        self.system, self.size, self.axes, self.opening = system, size, axes, later is not None
        self.names = fresh_names(system.tensors, "part")
        self.time = next(fresh_names(system.tensors, "time"))
        taken = {str(s) for t in system.tensors.values() for e in t.shape for s in e.free_symbols}
        self.length = Size(next(fresh_names(taken, "R")))
        self.tensors: dict[str, Tensor] = {}
        self.stored = dict(axes)    # and copies of earlier states
        self.lags: dict[str, int] = {} if later is None else later.lags
        self.firsts: list[Equation] = []    # sums over the states before the segment

    def name(self, stem: str) -> str:
        return next(fresh_names({*self.system.tensors, *self.tensors}, stem))

    def made(self) -> Segments:
        inside, parts, rest = [], [], []
        for eq in self.system.equations:
            if eq.tensor in self.axes:
                inside += self.cut(eq)
                continue
            more, eq = self.single(eq)
            parts += more
            if eq.read_names() & set(self.axes):
                part, eq = self.summed(eq)
                parts.append(part)
            rest.append(eq)
        self._in_turn(rest, {p.tensor for p in parts})
        before = {name: tuple(f"{name}_before{lag + 1}" for lag in range(n)) for name, n in self.lags.items()}
        behind = {name: tuple(f"{name}_behind{lag + 1}" for lag in range(n)) for name, n in self.lags.items()}
        ends = [self.last(name, lag + 1, new) for name in behind for lag, new in enumerate(behind[name])]
        names = tuple(p.tensor for p in parts)
        step = self.step([*inside, *parts, *ends], before, (*(n for b in behind.values() for n in b), *names))
        return Segments(
            step, step,
            self.rest(rest, names),
            self.time, before, behind, names, self.size,
            tuple(self.system.tensors[name] for name in self.axes),
        )  # fmt: skip

    def _in_turn(self, rest: list[Equation | Call], late: set[str]) -> None:
        """Nothing inside a segment may wait for a sum over all of them."""
        for eq in rest:
            if eq.read_names() & late:
                late |= set(eq.writes)
        for eq in self.system.equations:
            if eq.tensor in self.axes and eq.read_names() & late:
                raise refused(f"{eq.tensor} depends on a sum over all steps", eq)

    def cut(self, eq: Equation) -> list[Equation]:
        """The equation of one step, along the steps of a segment. An extreme or a product has one term: it reads
        earlier states from a copy."""
        axis, copies = self.axes[eq.tensor], []
        if eq.reduce != "sum":
            copies, eq = self.copied(eq, eq.terms[0].write[axis])
        made = [eq, *copies]
        return [e.with_terms(t for term in e.terms for t in self.cases(e, term, term.write[axis if e is eq else -1]))
                for e in made]  # fmt: skip

    def copied(self, eq: Equation, step: Basic) -> tuple[list[Equation], Equation]:
        """Earlier states that the equation reads, as tensors of their own, the step as the last axis."""
        copies, places = [], {}
        for access in dict.fromkeys(a for t in eq.terms for a in t.all_reads() if a.name in self.axes):
            at = self.axes[access.name]
            if access.indices[at] == step:
                continue
            of, name = self.system.tensors[access.name], self.name("state")
            letters = [Index(f"{letter}^{a}") for a, letter in enumerate(of.letters)]
            order = [a for a in range(of.rank) if a != at] + [at]
            read = Access(access.name, *(access.indices[at].xreplace({step: letters[at]}) if a == at else i
                                         for a, i in enumerate(letters)))  # fmt: skip
            guard = tuple(g.xreplace({step: letters[at]}) for g in eq.terms[0].guard if index_symbols(g) == {step})
            write, shape = tuple(letters[a] for a in order), tuple(of.shape[a] for a in order)
            copies.append(Equation(name, (Term(write, read, tuple(map(Range, write, shape)), guard),)))
            self.tensors[name] = replace(
                of, name=name, shape=(*shape[:-1], self.length), role="defined", named=False,
                letters=tuple(of.letters[a] for a in order), label="", complement="",
            )  # fmt: skip
            places[access] = Access(name, *(i for a, i in enumerate(access.indices) if a != at), step)
            self.stored[name] = of.rank - 1
        return copies, eq.with_terms(t.map(lambda e: e.xreplace(places)) for t in eq.terms)

    def cases(self, eq: Equation, term: Term, step: Basic) -> Iterator[Term]:
        """The term for the first steps, which read states from before the segment, and for all others."""
        if not isinstance(step, Index):
            raise refused(f"{eq.tensor} is not written step by step", eq)
        shifts = {a: self.shift(eq, a, step) for a in term.all_reads() if a.name in self.stored}
        most = 0 if self.opening else max((-s for s in shifts.values()), default=0)
        for access, shift in shifts.items():
            if shift < 0 and not self.opening and access.name in self.axes:
                self.lags[access.name] = max(self.lags.get(access.name, 0), -shift)
        now = step if self.opening else Access(self.time, step)
        domain = tuple(Range(r.index, self.length) if r.index == step else r for r in term.domain)
        short = () if term.sizes[step] == self.size else (Lt(step, term.sizes[step]),)
        for first in (*range(most), None):
            places = {a: self.place(a, s, first) for a, s in shifts.items()}
            guards = [self.decided(g, step) for g in (*short, *term.guard)]
            case = () if not most else (Ge(step, most),) if first is None else (Eq(step, first),)
            moved = [self.moved(e, places, step, now) for e in (term.body, *guards)]
            write = tuple(w if w == step else self.moved(w, places, step, now) for w in term.write)
            if S.false not in guards:
                kept = tuple(g for g in moved[1:] if g != S.true)
                made: Any = Term(write, moved[0], domain, (*case, *kept))
                yield made if first is None or not most else self.before_first(made, step, Integer(first))

    def before_first(self, term: Term, step: Index, first: Integer) -> Term:
        """A sum over states before the segment alone is computed once, not asked for at every step."""
        if not term.reduced or any(a.name in self.stored for a in term.all_reads()):
            return term
        free = tuple(r for r in term.free if r.index != step)
        cell, name = tuple(r.index for r in free), self.name("first")
        moved = replace(term, guard=term.guard[1:]).map(lambda e: e.xreplace({step: first}))
        domain = tuple(r for r in term.domain if r.index != step)
        eq = Equation(name, (replace(moved, write=cell, domain=domain),))
        self.tensors[name] = piece_tensor(eq)
        self.firsts.append(eq)
        return Term(term.write, Access(name, *cell), term.free, term.guard[:1])

    def decided(self, condition: Basic, step: Index) -> Basic:
        """True or false where it is one behind the first segment, which has at least one step."""
        if self.opening:
            return condition
        match condition:
            case Gt() | Ge() | Eq() | Ne() if condition.lhs == step and condition.rhs == 0:
                return S.false if isinstance(condition, Eq) else S.true
            case Lt() if condition.lhs == step and condition.rhs == 1:
                return S.false
            case Ge() if condition.lhs == step and condition.rhs == 1:
                return S.true
        return condition

    def shift(self, eq: Equation, access: Access, step: Index) -> int:
        """How many steps behind (+) or before (-) this one the tensor is read."""
        difference = expand(access.indices[self.stored[access.name]] - step)
        if not difference.is_Integer or difference > 0:
            raise refused(f"{access} is not a step that has been computed", eq)
        return int(difference)

    def place(self, access: Access, shift: int, first: int | None) -> Access:
        axis = self.stored[access.name]
        if first is None or first + shift >= 0:
            return access
        others = (i for a, i in enumerate(access.indices) if a != axis)
        return Access(f"{access.name}_before{-(first + shift)}", *others)

    def moved(self, expr: Basic, places: Mapping[Access, Access], step: Index, now: Access) -> Basic:
        """What is computed stays at its place in the segment; everything else is read at the time of the step."""
        if isinstance(expr, Access) and expr in places:
            axis = self.stored[expr.name]
            kept = places[expr]
            inner = [i if kept.name == expr.name and a == axis else self.moved(i, places, step, now)
                     for a, i in enumerate(kept.indices)]  # fmt: skip
            return Access(kept.name, *inner)
        if isinstance(expr, Access):
            now = Access(self.time, step)
        if expr == step:
            return now
        if isinstance(expr, where):
            known = self.decided(expr.args[0], step)
            if known in (S.true, S.false):
                return self.moved(expr.args[1 if known == S.true else 2], places, step, now)
        return expr.func(*(self.moved(a, places, step, now) for a in expr.args)) if expr.args else expr

    def single(self, eq: Equation | Call) -> tuple[list[Equation], Equation | Call]:
        """The states at single steps, h[T-1], as parts: sums in which one step counts."""
        made: dict[Access, Equation] = {}
        places: dict[Access, Access] = {}
        for access in dict.fromkeys(a for t in eq.terms for a in t.all_reads() if a.name in self.axes):
            axis = self.axes[access.name]
            at = access.indices[axis]
            if at.has(Access, Index):
                continue
            letters = tuple(Index(f"{letter}^{a}") for a, letter in enumerate(self.system.tensors[access.name].letters))
            whole = Access(access.name, *(at if a == axis else i for a, i in enumerate(letters)))
            if whole not in made:
                made[whole] = self.end(access.name, letters[axis], at, next(self.names))
            rest = (i for a, i in enumerate(access.indices) if a != axis)
            places[access] = Access(made[whole].tensor, *rest)
        return list(made.values()), eq.with_terms(t.map(lambda e: e.xreplace(places)) for t in eq.terms)

    def end(self, name: str, step: Index, place: Expr, new: str) -> Equation:
        tensor, axis = self.system.tensors[name], self.axes[name]
        letters = tuple(Index(f"{letter}^{a}") for a, letter in enumerate(tensor.letters))
        domain = tuple(Range(i, self.length if a == axis else s) for a, (i, s) in enumerate(zip(letters, tensor.shape)))
        write = tuple(i for i in letters if i != step)
        self.tensors[new] = self.state(name, new, "defined")
        return Equation(new, (Term(write, Access(name, *letters), domain, (Eq(Access(self.time, step), place),)),))

    def summed(self, eq: Equation | Call) -> tuple[Equation, Equation]:
        """A sum over steps as the part that one segment adds; and the equation that reads the sum of the parts."""
        if isinstance(eq, Call) or eq.reduce != "sum":
            raise refused(f"{eq.tensor} takes all steps at once", eq)
        name = next(self.names)
        over = [t for t in eq.terms if any(a.name in self.axes for a in t.all_reads())]
        terms = [t for term in over for chosen in [self.chosen(term)] for t in self.cases(eq, *chosen)]
        of = self.system.tensors[eq.tensor]
        self.tensors[name] = replace(of, name=name, role="defined", named=False, label="", complement="")
        letters = tuple(Index(f"{letter}^{axis}") for axis, letter in enumerate(of.letters))
        whole = Term(letters, Access(name, *letters), tuple(map(Range, letters, of.shape)))
        return Equation(name, tuple(terms)), eq.with_terms([*(t for t in eq.terms if t not in over), whole])

    def chosen(self, term: Term) -> tuple[Term, Basic]:
        """The term and the index of its steps; of one that reads a step that data choose, a sum in which one counts."""
        reads = [a for a in term.all_reads() if a.name in self.axes]
        steps = {step_of(a, self.axes) for a in reads}
        places = {a.indices[self.axes[a.name]] for a in reads}
        (first, *more) = sorted(steps, key=str)
        if not more and first is not None and first in term.indices and all(p.has(first) and not p.atoms(Access)
                                                                            for p in places):  # fmt: skip
            return term, first
        if len(places) != 1:
            raise refused("an equation reads several steps at once")
        (place,) = places
        step = Index(next(fresh_names((i.name for i in term.indices), "step")))
        here = {a: Access(a.name, *(step if n == self.axes[a.name] else i for n, i in enumerate(a.indices)))
                for a in reads}  # fmt: skip
        moved = term.map(lambda e: e.xreplace(here))
        domain, guard = (*term.domain, Range(step, self.size)), (*moved.guard, Eq(step, place))
        return replace(moved, domain=domain, guard=guard), step

    def last(self, name: str, lag: int, new: str) -> Equation:
        """The state so many steps before the next segment."""
        tensor, axis = self.system.tensors[name], self.axes[name]
        letters = tuple(Index(f"{letter}^{a}") for a, letter in enumerate(tensor.letters))
        place = tuple(self.length - lag if a == axis else i for a, i in enumerate(letters))
        ranges = tuple(Range(i, s) for a, (i, s) in enumerate(zip(letters, tensor.shape)) if a != axis)
        self.tensors[new] = self.state(name, new, "defined")
        return Equation(new, (Term(tuple(r.index for r in ranges), Access(name, *place), ranges),))

    def state(self, name: str, new: str, role: str) -> Tensor:
        tensor, axis = self.system.tensors[name], self.axes[name]
        shape, letters = (tuple(p for a, p in enumerate(part) if a != axis) for part in (tensor.shape, tensor.letters))
        return Tensor(new, shape, tensor.dtype, role, letters=letters)

    def step(self, equations: list[Equation], before: Mapping[str, tuple[str, ...]], outputs: Iterable[str]) -> System:
        """One segment; with it what no step changes."""
        tensors = {**self.system.tensors, **self.tensors}
        tensors[self.time] = Tensor(self.time, (self.length,), "int", "label", letters=("r",), over=self.size)
        for name, axis in self.axes.items():
            shape = tuple(self.length if a == axis else s for a, s in enumerate(tensors[name].shape))
            tensors[name] = replace(tensors[name], shape=shape)
        tensors |= {new: self.state(name, new, "input") for name, states in before.items() for new in states}
        used = {eq.tensor for eq in equations}
        others = [eq for eq in self.system.equations if eq.tensor not in used and not eq.read_names() & set(self.axes)]
        system = System(tensors, arranged([*others, *self.firsts, *equations]), tuple(outputs)).prune()
        return check(replace(system, tensors={self.time: tensors[self.time], **system.tensors}))

    def rest(self, equations: list, parts: tuple[str, ...]) -> System:
        given = {name: replace(self.tensors[name], role="parameter") for name in parts}
        kept = {n: t for n, t in self.system.tensors.items() if n not in self.axes}
        return check(System({**kept, **given}, tuple(equations), self.system.outputs).prune())

