r"""Jacobians by vertex elimination: forward and cross-country mode.

Each equation is linearised: the read r of u in the equation of w is the term (write = (w's cell, r.indices), body =
d(body)/d(r)) of the edge dw/du. Then the tensors between are eliminated one after the other,

    dw/du  +=  sum over the cells of v of  dw/dv * dv/du ,

until only edges from the inputs to the output are left: those are the Jacobians. A diagonal or band is multiplied as
what it is, by joining terms; so it stays one. `graph` decides the order.

Sources: A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed. (2008), sections 9.2 and 10.1; U. Naumann (2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sympy import Mul

from ..errors import DifferentiationError, did_you_mean
from ..ir.access import Access, Index
from ..ir.recurrence import Unit, arranged, groups, members, scans
from ..ir.system import Equation, Range, Step, System, Tensor, Term, piece_tensor
from .batched import Known
from .graph import MODES, Edge, cheapest, edges, graph, order
from .join import align, join, merge, sort_domain
from .local import at_arg, chosen_point, factors
from .products import other_factors, stems
from .reverse import active_tensors, check_request, check_scalar, derivative_tensor, jacobian, lead_of
from .rewrite import Rule
from .split import feeding, split
from .structure.fold import FOLDED, core_tensor, cut, fold, is_structured

AHEAD = 16  # new tensors that one elimination may make
GRIEWANK = "Griewank and Walther, Evaluating Derivatives (2008), section 9.2"


def jacobian_in(system: System, output: str, wrt: Iterable[str], mode: str = "auto", pattern: str = "") -> System:
    """The system with outputs `output` and its Jacobian by each of `wrt`, in one of the modes of `graph.MODES`.

    Raises DifferentiationError for a mode that there is not, and what `reverse.jacobian` raises.
    """
    wrt, pattern = tuple(wrt), pattern or f"d{output}_d{{}}"
    if mode not in MODES:
        hint = did_you_mean(str(mode), MODES) or f"The modes are {', '.join(MODES)}."
        if mode in system.tensors:
            hint = f"Several names go into one list: {[*wrt, mode]}."
        raise DifferentiationError(f"{mode!r} is not a mode of differentiation.\n    {hint}")
    check_request(system, output, wrt, pattern)
    if mode == "auto":
        parts = split(system)
        mode = cheapest(graph(parts, output, wrt, _vertices(parts, output, wrt))) if len(parts.equations) > 1 else mode
    if mode not in ("forward", "cross-country"):
        return jacobian(system, output, wrt, pattern)
    defined = system.defining()
    if any(name in scans(system.equations) for name in wrt):  # a recurrence is one vertex: its inside has no edges
        return jacobian(system, output, wrt, pattern)
    for group in [(name,) for name in wrt] if any(name in defined for name in wrt) else [wrt]:
        system = _eliminated(split(system), output, group, mode, pattern)
    return replace(system, outputs=(output, *(pattern.format(name) for name in wrt)))


def gradient_in(system: System, output: str, wrt: Iterable[str], mode: str = "reverse") -> System:
    """The same for a scalar output; raises DifferentiationError where it is none."""
    check_scalar(system, output)
    return jacobian_in(system, output, wrt, mode)


def _vertices(system: System, output: str, wrt: tuple[str, ...]) -> frozenset[str]:
    """The tensors on a path from `wrt` to `output`; of a recurrence those that are read outside of it."""
    inside, read = scans(system.equations), {output}
    for eq in system.equations:
        read |= {n for n in eq.read_names() if n not in inside or eq.tensor not in inside[n].axes}
    return active_tensors(system, wrt) & frozenset(feeding(system, output)) & frozenset((*read, *wrt))


def _eliminated(system: System, output: str, wrt: tuple[str, ...], mode: str, pattern: str) -> System:
    vertices = _vertices(system, output, wrt)
    if output in wrt or output not in vertices:  # 1 by itself, 0 by what it does not depend on
        return jacobian(system, output, wrt, pattern)
    worker = _Worker(system, output, wrt, vertices, {pattern.format(name) for name in wrt})
    worker.linearise()
    for v in order(graph(system, output, wrt, vertices), mode).vertices:
        worker.eliminate(v)
    return worker.finished(pattern)


@dataclass(frozen=True)
class Linear:
    """Context of a local derivative: the edge `name` = dw/du."""

    name: str
    w: Tensor
    u: Tensor
    pieces: tuple[str, ...]  # names for `all the other factors` of a product
    lead: bool = True  # what is made is a derivative of a tensor by something on the way


@dataclass(frozen=True)
class Path:
    """Context of an elimination: the edge `name` = dw/du gets the paths through v."""

    name: str
    w: Tensor
    v: Tensor
    u: Tensor
    names: tuple[str, ...]  # for parts that get a name of their own
    edges: Mapping[str, Tensor] = field(default_factory=dict)  # declarations of dw/dv and dv/du
    lead: bool = True


class _Worker:
    """The edges so far, and the steps that made them."""

    def __init__(self, system: System, output: str, wrt: tuple[str, ...], vertices: frozenset[str], taken: set[str]):
        self.system, self.output, self.wrt, self.vertices = system, output, wrt, vertices
        self.tensors, self.equations = dict(system.tensors), list(system.equations)
        self.known = Known({*system.tensors, *taken})
        self.edges: dict[Edge, Equation] = {}
        self.steps: list[Step] = []

    def name(self, w: str, u: str) -> str:
        return self.known.name(f"d{w}_d{u}")

    def adopt(self, step: Step, edge: Edge) -> None:
        """Take what a step made; its last equation is the edge."""
        *parts, last = step.after
        self.steps.append(step)
        self.equations += step.after
        self.tensors |= {eq.tensor: core_tensor(eq, last) if isinstance(step.context, Path) else piece_tensor(eq)
                         for eq in parts}  # fmt: skip
        self.tensors[last.tensor] = edge_tensor(last.tensor, *(self.system.tensors[n] for n in edge))
        self.edges[edge] = last

    def linearise(self) -> None:
        for unit in groups(self.system.equations):
            for w, u in edges(unit, self.vertices.difference(self.wrt), self.vertices):
                self.local(unit, w, u)

    def local(self, unit: Unit, w: str, u: str) -> None:
        """The edge of one equation; that of a routine or a recurrence is made in reverse."""
        name = self.name(w, u)
        if isinstance(unit, Equation):
            pieces = tuple(map(self.known.name, stems(unit)))
            step = LINEARISE.step(Linear(name, self.system.tensors[w], self.system.tensors[u], pieces), (unit,))
            if step.after[-1].terms:
                self.adopt(step, (w, u))
            return
        log = len(self.system.log)
        part = replace(self.system, tensors=self.tensors, equations=members(unit), outputs=(w,), updates={})
        made = jacobian(part, w, (u,), name)
        self.tensors, self.steps = dict(made.tensors), [*self.steps, *made.log[log:]]
        self.equations += [eq for eq in made.equations if eq not in part.equations]
        self.known.taken |= set(made.tensors)
        self.edges[w, u] = made.defining()[name]

    def eliminate(self, v: str) -> None:
        into = [edge for edge in self.edges if edge[0] == v]
        out = [edge for edge in self.edges if edge[1] == v]
        for w, _ in out:
            for _, u in into:
                old = [self.edges[w, u]] if (w, u) in self.edges else []
                pair = (self.edges[w, v], self.edges[v, u])
                self.adopt(ELIMINATE.step(self.path(w, v, u, pair), (*pair, *old)), (w, u))
        for edge in (*into, *out):
            del self.edges[edge]

    def path(self, w: str, v: str, u: str, pair: tuple[Equation, Equation]) -> Path:
        tensors = self.system.tensors
        names = tuple(self.known.name("core") for _ in range(AHEAD))
        edges = {eq.tensor: self.tensors[eq.tensor] for eq in pair}
        return Path(self.name(w, u), tensors[w], tensors[v], tensors[u], names, edges)

    def finished(self, pattern: str) -> System:
        for u in self.wrt:
            name, of = pattern.format(u), (self.system.tensors[self.output], self.system.tensors[u])
            edge = self.edges.get((self.output, u))
            if edge is None:
                self.equations.append(Equation(name, ()))
            else:
                step = LEFT.step((name, edge_tensor(name, *of).letters), (edge,))
                self.steps.append(step)
                self.equations += step.after
            self.tensors[name] = replace(edge_tensor(name, *of), named=True)
        log = (*self.system.log, *self.steps)
        system = replace(self.system, tensors=self.tensors, equations=arranged(self.equations), updates={}, log=log)
        return _without_unread(system, self.steps, tuple(map(pattern.format, self.wrt)))


def _without_unread(system: System, steps: Iterable[Step], results: tuple[str, ...]) -> System:
    """The system without what the steps made and no result needs: edges that grew into others."""
    needed = {name for eq in system.prune(results).equations for name in eq.writes}
    gone = {name for step in steps for eq in step.after for name in eq.writes} - needed
    tensors = {name: tensor for name, tensor in system.tensors.items() if name not in gone}
    return replace(system, tensors=tensors, equations=tuple(e for e in system.equations if e.tensor not in gone))


def edge_tensor(name: str, w: Tensor, u: Tensor) -> Tensor:
    """The declaration of dw/du: axes of w, then axes of u."""
    return replace(derivative_tensor(name, u, lead_of(w)), named=False)


# rules


def local_terms(context: Linear, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    """The edge dw/du of one equation, preceded by what it needs of a product."""
    (eq,) = before
    extra, others = other_factors(eq, context.pieces)
    terms: list[Term] = []
    for term, access, factor in factors(eq, {context.u.name}):
        cell, point = access.indices, replace(term, body=Mul(factor, others))
        if eq.reduce in ("max", "min"):
            chosen = chosen_point(eq, term)
            cell, point = tuple(i.xreplace(chosen) for i in cell), at_arg(eq, point)
        terms.append(replace(point, write=(*point.write, *cell)))
    return (*extra, Equation(context.name, _tidied(terms, context)))


def paths(context: Path, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    """dw/du with the paths through v: products of terms where they are diagonals or bands, of tensors elsewhere."""
    out, into, *old = before
    ranges = [_ranges(tensor, mark) for tensor, mark in ((context.w, "^"), (context.v, "~"), (context.u, ""))]
    w, v, u = (tuple(r.index for r in axes) for axes in ranges)
    product = Access(out.tensor, *w, *v) * Access(into.tensor, *v, *u)
    terms = [Term((*w, *u), product, tuple(r for axes in ranges for r in axes))]
    for edge in (out, into):
        if all(map(is_structured, edge.terms)):
            terms = [t for term in terms for t in _joined(term, edge, context.edges[edge.tensor])]
    names = iter(context.names)
    eq = Equation(context.name, _tidied([*terms, *(t for e in old for t in e.terms)], context))
    cores, eq = cut(eq, names)
    if len(eq.terms) > FOLDED:
        folded, eq = fold(eq, (*context.w.shape, *context.u.shape), names)
        cores += folded
    return (*cores, eq)


def _joined(term: Term, edge: Equation, tensor: Tensor) -> list[Term]:
    (access,) = (a for a in term.value_reads() if a.name == edge.tensor)
    return join(term, access, edge, tensor)


def _ranges(tensor: Tensor, mark: str) -> tuple[Range, ...]:
    """An index for each axis, no two of one name."""
    letters: Iterator[str] = (f"{x}{mark}" if tensor.letters.count(x) == 1 else f"{x}{mark}{n}"
                              for n, x in enumerate(tensor.letters))  # fmt: skip
    return tuple(Range(Index(x), size) for x, size in zip(letters, tensor.shape))


def _renamed(name: str, letters: tuple[str, ...], edge: Equation) -> Equation:
    return replace(edge, tensor=name, terms=tuple(sort_domain(align(t, letters)) for t in edge.terms))


def _tidied(terms: list[Term], context: Linear | Path) -> tuple[Term, ...]:
    letters = edge_tensor("", context.w, context.u).letters
    return merge(sort_domain(align(t, letters)) for t in terms)


LINEARISE = Rule("local derivative: each read of a tensor is an edge of the linearised graph",
                 lambda context, before: local_terms(context, before), GRIEWANK, derives=True)  # fmt: skip
ELIMINATE = Rule("vertex elimination: the paths through a tensor are multiplied out",
                 lambda context, before: paths(context, before),
                 f"{GRIEWANK}; U. Naumann, Mathematical Programming 99 (2004)", derives=True)  # fmt: skip
LEFT = Rule("what is left of the graph is the Jacobian", lambda context, before: (_renamed(*context, before[0]),),
            GRIEWANK, derives=True)  # fmt: skip
