"""Recurrences: equations that read themselves or each other, at an earlier (or later) value of one ordered index.

    h[t, j] = tanh(sum[i](W[j, i] h[t-1, i]) + x[t, j])  for t > 0,    h[0, j] = h0[j]

Nothing is stored about them: they are ordinary equations whose reads form a cycle. `groups` finds the cycles (strongly
connected components) and proves that each can be run: some axis of each of its tensors is written by a plain index, no
read leads ahead along it, and what is read at the same index forms no cycle, or a recurrence in another index.

Sources: R. M. Karp, R. E. Miller, S. Winograd, The organization of computations for uniform recurrence equations,
J. ACM 14 (1967); R. Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1 (1972).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heappop, heappush

from sympy import Basic, Eq, Expr, Ge, Gt, Le, Lt, Max, Ne, S, expand

from ..errors import RecurrenceError, explain
from .access import Access, Index, Size, fresh_names
from .system import Call, Equation, Range, Term

LATER, SAME, EARLIER = 1, 0, -1  # where a read lies along the ordered index, seen from the cell that is written


@dataclass(frozen=True)
class Scan:
    """Equations that are run together, one value of the ordered index after the other."""

    axes: Mapping[str, int]  # tensor -> the axis of the ordered index
    size: Expr
    descending: bool
    body: tuple[Equation | Scan, ...]  # in the order in which each step runs them

    @property
    def equations(self) -> tuple[Equation, ...]:
        return flattened(self.body)

    def ordered(self, name: str) -> tuple[int, ...]:
        """The axes of a tensor along which it is computed in order: here and in the recurrences inside a step."""
        inner = (u.ordered(name) for u in self.body if isinstance(u, Scan) and name in u.axes)
        return (self.axes[name], *next(inner, ()))

    def index(self, eq: Equation, term: Term) -> Index:
        """The ordered index, as `term` calls it."""
        return term.write[self.axes[eq.tensor]]  # pyright: ignore[reportReturnType]


Unit = Equation | Call | Scan


def members(unit: Unit) -> tuple[Equation | Call, ...]:
    """What is computed together: the equations of a recurrence, or the one."""
    return unit.equations if isinstance(unit, Scan) else (unit,)


def flattened(units: Iterable[Unit]) -> tuple[Equation | Call, ...]:
    return tuple(eq for unit in units for eq in members(unit))


def groups(equations: Sequence[Equation | Call]) -> tuple[Unit, ...]:
    """The equations in an order in which they can be run, each cycle as a `Scan`. RecurrenceError where none exists.

    >>> from symgrad.ir.access import Index as I, Size
    >>> t, T = I("t"), Size("T")
    >>> first = Term((t,), Access("x", t), (Range(t, T),))
    >>> rest = Term((t,), Access("y", t - 1), (Range(t, T),), (Gt(t, 0),))
    >>> (scan,) = groups([Equation("y", (first, rest))])
    >>> scan.axes, scan.size, scan.descending
    ({'y': 0}, T, False)
    """
    return _groups(tuple(equations)) if reads_ahead(equations) else tuple(equations)


def arranged(equations: Sequence[Equation | Call]) -> tuple[Equation | Call, ...]:
    """The same equations, each after those that it reads; those of a recurrence stand together, in the order of a
    step."""
    return flattened(groups(equations))


def scans(equations: Sequence[Equation | Call]) -> dict[str, Scan]:
    """tensor -> the (outermost) recurrence that computes it."""
    return {name: u for u in groups(equations) if isinstance(u, Scan) for eq in u.equations for name in eq.writes}


def reads_ahead(equations: Iterable[Equation | Call]) -> bool:
    """Does an equation read what it or a later one writes? Without that there is no recurrence."""
    ahead: set[str] = set()
    for eq in reversed(tuple(equations)):
        ahead.update(eq.writes)
        if not ahead.isdisjoint(_names(eq)):
            return True
    return False


@lru_cache(maxsize=50_000)
def _names(eq: Equation | Call) -> frozenset[str]:
    return frozenset(eq.read_names())


@lru_cache(maxsize=256)
def _groups(equations: tuple[Equation | Call, ...]) -> tuple[Unit, ...]:
    owner = {name: n for n, eq in enumerate(equations) for name in eq.writes}
    after = [sorted({owner[name] for name in _names(eq) if name in owner}) for eq in equations]
    units: list[Unit] = []
    for component in _sorted_components(after):
        first = component[0]
        alone = len(component) == 1 and first not in after[first]
        units.append(equations[first] if alone else _scan(_without_calls([equations[m] for m in component])))
    return tuple(units)


def _without_calls(circle: list[Equation | Call]) -> tuple[Equation, ...]:
    """A routine is of whole tensors, and none is whole before its recurrence has ended."""
    for call in circle:
        if isinstance(call, Call):
            raise RecurrenceError(
                explain(
                    f"{call.name} stands in a recurrence: it reads what is computed from its own result.",
                    call.source,
                    fix="Inside a recurrence write the steps of the routine as equations with indices.",
                )
            )
    return tuple(eq for eq in circle if isinstance(eq, Equation))


# graphs: vertices are numbers, `after[v]` what v needs ----------------------------------------------------------------


def components(after: Sequence[Iterable[int]]) -> list[list[int]]:
    """Strongly connected components (Tarjan), without recursion: a network has more layers than Python has frames."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    found: list[list[int]] = []
    for root in range(len(after)):
        if root in number:
            continue
        work = [(root, iter(after[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        waiting = set(stack)
        while work:
            vertex, rest = work[-1]
            for other in rest:
                if other not in number:
                    number[other] = low[other] = len(number)
                    stack.append(other)
                    waiting.add(other)
                    work.append((other, iter(after[other])))
                    break
                if other in waiting:
                    low[vertex] = min(low[vertex], number[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[vertex])
                if low[vertex] == number[vertex]:
                    cut = stack.index(vertex)
                    found.append(sorted(stack[cut:]))
                    waiting -= set(found[-1])
                    del stack[cut:]
    return found


def _sorted_components(after: Sequence[Iterable[int]]) -> Iterator[list[int]]:
    """The components, each after what it needs, otherwise in the order of their first members."""
    found = components(after)
    home = {v: c for c, members in enumerate(found) for v in members}
    needs = [{home[w] for v in members for w in after[v]} - {c} for c, members in enumerate(found)]
    readers: dict[int, list[int]] = {}
    for c, needed in enumerate(needs):
        for n in needed:
            readers.setdefault(n, []).append(c)
    ready: list[tuple[int, int]] = []
    for c, needed in enumerate(needs):
        if not needed:
            heappush(ready, (found[c][0], c))
    while ready:
        _, c = heappop(ready)
        yield found[c]
        for reader in readers.get(c, ()):
            needs[reader].discard(c)
            if not needs[reader]:
                heappush(ready, (found[reader][0], reader))


# the proof that a cycle can be run ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Edge:
    """`term` of equation `reader` reads equation `source`'s tensor (or its arg) at `access`."""

    reader: int
    source: int
    term: Term
    access: Access

    def along(self, written: int, read: int) -> int | None:
        """Where the read lies along these axes; None where that is not known."""
        position = self.term.write[written]
        if not isinstance(position, Index):
            return None
        return sign(self.access.indices[read] - position, self.term.guard)


def _edges(equations: Sequence[Equation]) -> list[_Edge]:
    owner = {name: n for n, eq in enumerate(equations) for name in eq.writes}
    return [
        _Edge(n, owner[a.name], term, a)
        for n, eq in enumerate(equations)
        for term in eq.terms
        for a in term.all_reads()
        if a.name in owner
    ]


def _scan(equations: tuple[Equation, ...]) -> Scan:
    edges = _edges(equations)
    nested = None
    for axes, directions in _assignments(equations, edges):
        if len(set(directions) - {SAME}) != 1:
            continue
        within = [e for e, direction in zip(edges, directions) if direction == SAME]
        body = _body(equations, within)
        if body is None:
            continue
        found = _made(equations, axes, EARLIER not in directions, body)
        if not any(isinstance(unit, Scan) for unit in body):
            return found
        nested = nested or found
    if nested is None:
        raise _unordered(equations, edges)
    return nested


def _made(equations: tuple[Equation, ...], axes: dict[int, int], descending: bool, body: tuple[Unit, ...]) -> Scan:
    extents = [t.sizes[t.write[axes[n]]] for n, eq in enumerate(equations) for t in eq.terms]  # pyright: ignore
    named = {name: axes[n] for n, eq in enumerate(equations) for name in eq.writes}
    return Scan(named, Max(*dict.fromkeys(extents)), descending, body)


def _body(equations: tuple[Equation, ...], within: list[_Edge]) -> tuple[Unit, ...] | None:
    """One step: the equations ordered by what they read at the same index; None where they form a cycle even so."""
    after: list[set[int]] = [set() for _ in equations]
    for edge in within:
        after[edge.reader].add(edge.source)
    units: list[Unit] = []
    for members in _sorted_components([sorted(a) for a in after]):
        if len(members) == 1 and members[0] not in after[members[0]]:
            units.append(equations[members[0]])
            continue
        inner = _inner(tuple(equations[m] for m in members), [e for e in within if e.reader in members], members)
        if inner is None:
            return None
        units.append(inner)
    return tuple(units)


def _inner(equations: tuple[Equation, ...], within: list[_Edge], members: list[int]) -> Scan | None:
    """A recurrence in another index inside one step, as in S[i, j] = f(S[i-1, j], S[i, j-1])."""
    place = {m: n for n, m in enumerate(members)}
    edges = [replace(e, reader=place[e.reader], source=place[e.source]) for e in within if e.source in place]
    for axes, directions in _assignments(equations, edges):
        if len(set(directions) - {SAME}) == 1:
            body = _body(equations, [e for e, d in zip(edges, directions) if d == SAME])
            if body is not None:
                return _made(equations, axes, EARLIER not in directions, body)
    return None


def _assignments(equations: Sequence[Equation], edges: list[_Edge]) -> Iterator[tuple[dict[int, int], list[int]]]:
    """An axis for each equation such that every read is known to lie before, at or behind the cell that is written;
    and where each read lies."""
    reading: dict[int, list[_Edge]] = {}
    for edge in edges:
        reading.setdefault(edge.reader, []).append(edge)

    for axis in range(len(equations[0].terms[0].write)):
        work = [({0: axis}, list(reading.get(0, ())))] if _plain(equations[0], axis) else []
        while work:
            axes, waiting = work.pop()
            while waiting:
                edge = waiting.pop()
                known = edge.source in axes
                places = [axes[edge.source]] if known else range(len(edge.access.indices))
                fitting = [p for p in places if edge.along(axes[edge.reader], p) is not None]
                if not known:
                    fitting = [p for p in fitting if _plain(equations[edge.source], p)]
                if not fitting:
                    break
                work += [({**axes, edge.source: p}, waiting + reading.get(edge.source, [])) for p in fitting[1:]]
                if not known:
                    axes[edge.source] = fitting[0]
                    waiting += reading.get(edge.source, [])
            else:
                yield axes, [e.along(axes[e.reader], axes[e.source]) or 0 for e in edges]


def rows(scan: Scan) -> dict[str, int] | None:
    """tensor -> an axis at which every read stands where the write does: recurrences side by side, none reads another.

    >>> from symgrad.ir.access import Index as I, Size
    >>> n, t, N, T = I("n"), I("t"), Size("N"), Size("T")
    >>> term = Term((n, t), Access("y", n, t - 1) * Access("a", n), (Range(n, N), Range(t, T)), (Gt(t, 0),))
    >>> (scan,) = groups([Equation("y", (term,))])
    >>> scan.axes, rows(scan)
    ({'y': 1}, {'y': 0})
    """
    equations = scan.equations
    for axes, directions in _assignments(equations, _edges(equations)):
        if set(directions) == {SAME}:
            return {name: axes[n] for n, eq in enumerate(equations) for name in eq.writes}
    return None


def _plain(eq: Equation, axis: int) -> bool:
    return all(isinstance(t.write[axis], Index) for t in eq.terms)


# signs under guards ---------------------------------------------------------------------------------------------------


def sign(difference: Expr, guards: Iterable[Basic]) -> int | None:
    """-1, 0 or 1 where `difference` (of integers) certainly is negative, zero or positive under the guards."""
    return _sign(expand(difference), tuple(guards))


@lru_cache(maxsize=20_000)
def _sign(difference: Expr, guards: tuple[Basic, ...]) -> int | None:
    if difference == 0:
        return SAME
    if _negative(difference, guards):
        return EARLIER
    return LATER if _negative(-difference, guards) else None


def _negative(difference: Expr, guards: tuple[Basic, ...]) -> bool:
    """Follows `difference < 0` from signs of letters and sizes, or from one or two guards added up?"""
    gaps, equal = [gap for g in guards for gap in _gaps(g)], _equal(guards)
    if difference.is_negative or any((difference - e).is_negative for e in equal):
        return True
    more = (S.Zero, *equal, *(gap + 1 for gap in gaps))  # none is positive
    return any(expand(difference - gap - other).is_nonpositive for gap in gaps for other in more)


def contradict(guards: Iterable[Basic]) -> bool:
    """Can the guards certainly not hold together?"""
    return _negative(S.Zero, tuple(guards))


def _gaps(guard: Basic) -> list[Expr]:
    """Expressions that are negative where the guard holds: of `a < b` that is a - b, of `a <= b` a - b - 1."""
    match guard:
        case Lt():
            return [guard.lhs - guard.rhs]
        case Le():
            return [guard.lhs - guard.rhs - 1]
        case Gt():
            return [guard.rhs - guard.lhs]
        case Ge():
            return [guard.rhs - guard.lhs - 1]
        case Ne() if 0 in guard.args:  # t != 0, where t counts from 0
            (other,) = [a for a in guard.args if a != 0] or [S.Zero]
            return [-other] if other.is_nonnegative else []
    return []


def _equal(guards: tuple[Basic, ...]) -> list[Expr]:
    """Expressions that are zero: the differences of equal things."""
    return [d for g in guards if isinstance(g, Eq) for d in (g.lhs - g.rhs, g.rhs - g.lhs)]


# re-indexing ----------------------------------------------------------------------------------------------------------


def plainly(term: Term, axis: int, extent: Expr, letter: str = "t") -> Term:
    """The same term, its write plain along `axis`: what goes to t - 1 goes to t, for a t that is one larger.

    >>> from symgrad.ir.access import Index as I, Size
    >>> t, T = I("t"), Size("T")
    >>> back = plainly(Term((t - 1,), Access("g", t), (Range(t, T),), (Gt(t, 0),)), 0, T)
    >>> back.write, back.body, back.guard
    ((t,), g[t + 1], (t < T - 1,))
    """
    position = term.write[axis]
    if isinstance(position, Index):
        return term
    return _shifted(term, position, extent) or _compared(term, axis, extent, letter)


def _shifted(term: Term, position: Expr, extent: Expr) -> Term | None:
    """Solve `position` for the one index that it shifts (t + 1) or mirrors (T - 1 - t)."""
    for index, size in term.domain:
        slope = position.coeff(index, 1)
        rest = expand(position - slope * index)
        if slope not in (1, -1) or rest.has(Access, Index):
            continue
        back = expand(slope * (index - rest))  # the old index, by the new one
        low, high = (rest, rest + size) if slope == 1 else (rest - size + 1, rest + 1)
        guards = [Ge(index, expand(low))] if not _covered(-back, index, extent) else []
        if not _covered(back - size + 1, index, extent):
            guards.append(Lt(index, expand(high)))
        moved = term.map(lambda e, i=index, b=back: reindexed(e, i, b))
        kept = tuple(dict.fromkeys(g for g in (*guards, *moved.guard) if g != S.true))
        domain = tuple(Range(index, extent) if r.index == index else r for r in term.domain)
        return replace(moved, domain=domain, guard=kept)
    return None


def reindexed(expr: Basic, index: Index, value: Expr) -> Basic:
    """`expr` with an index replaced; positions like t + 1 - 1 are written as t."""
    moved = expr.xreplace({index: value})
    return moved.xreplace({a: Access(a.name, *map(expand, a.indices)) for a in moved.atoms(Access)})


def _covered(excess: Expr, index: Index, extent: Expr) -> bool:
    """Is `excess` at most 0 for every value of the index below the extent?"""
    ends = [expand(excess.xreplace({index: value})) for value in (S.Zero, extent - 1)]
    some = {extent: extent + 1} if isinstance(extent, Size) else {}  # an axis without entries has no value to cover
    return all(expand(end.xreplace(some)).is_nonpositive for end in ends)


def _compared(term: Term, axis: int, extent: Expr, letter: str) -> Term:
    """Every cell looks whether it is the one that is written."""
    name = next(fresh_names((i.name for i in term.indices), letter))
    index = Index(name)
    write = tuple(index if a == axis else w for a, w in enumerate(term.write))
    here = Eq(index, term.write[axis])
    return Term(write, term.body, (Range(index, extent), *term.domain), (*term.guard, here))


# errors ---------------------------------------------------------------------------------------------------------------


def _unordered(equations: tuple[Equation, ...], edges: list[_Edge]) -> RecurrenceError:
    """Why no index orders the equations, at the read that shows it best."""
    lines = [eq for eq in equations if eq.source]
    names = list(dict.fromkeys(_target(eq) for eq in lines)) or sorted(eq.tensor for eq in equations)
    if len(names) > 1:
        return RecurrenceError(_each_other(names, lines, edges))
    name = names[0]
    edge = next((e for e in edges if e.access.name == name), edges[0])
    eq = equations[edge.reader]
    places = [[e.along(axis, axis) for axis in range(min(len(e.term.write), len(e.access.indices)))] for e in edges]
    step = next((i.name for i in eq.terms[0].write if isinstance(i, Index)), "t")
    letters = ",".join(str(w) for w in eq.terms[0].write)
    before = letters.replace(step, f"{step}-1", 1) if letters else ""
    example = f"{name}[{letters}] = where({step} == 0, ..., ... {name}[{before}] ...)"
    if all(all(p == SAME for p in place) for place in places):
        summary = f"{name} is defined by itself at the same entry."
        fix = f"A recurrence reads an earlier entry and says how it starts: {example}.\n"
        fix += f"If the next value of {name} is meant, give it a name of its own, as in {name}_next."
    elif any({LATER, EARLIER} <= {place[a] for place in places if a < len(place)} for a in range(len(places[0]))):
        summary = f"{name} reads both earlier and later entries of itself, so that none can be computed first."
        fix = "Compute one direction at a time, or write the equations as a linear system."
    else:
        shown = str(edge.access)
        summary = f"{name} is defined by itself, and {shown} is not known to come before what is defined."
        at = edge.access.indices[0] if edge.access.indices else "s"
        fix = f"Read an earlier entry, as in {example},\nor say that it is earlier: where({at} < {step}, {shown}, ...)."
    return RecurrenceError(explain(summary, eq.source, _mark(eq.source, edge.access.name), fix))


def _target(eq: Equation) -> str:
    return eq.source.partition("=")[0].partition("[")[0].strip()


def _each_other(names: list[str], lines: list[Equation], edges: list[_Edge]) -> str:
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    shown = "\n    ".join(dict.fromkeys(eq.source for eq in lines))
    fix = "Each circle of definitions has to read an earlier entry somewhere, as in x[t] = where(t == 0, ..., y[t-1])."
    return explain(f"{listed} are defined by each other, and no index orders them.", shown, None, fix)


def _mark(source: str, name: str) -> dict[int, str]:
    start = source.find("=") + 1
    column = source.find(name, start)
    return {column: ""} if source and column >= 0 else {}
