"""A derivative of a routine, stated for one matrix, put in the place of a `Call`: for every cell of its batch axes, and
(in reverse mode) for every cell of the output that is differentiated.

Each tensor of the statement gets leading axes: `lead` if it depends on an adjoint, then as many of the batch axes, from
the right, as what it is made of. What is the same for a whole batch is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sympy import Basic, Expr

from ..ir.access import Access, Index, Size, fresh_names
from ..ir.calls import argument_shapes, core_sizes, row_of
from ..ir.system import Call, Equation, Range, System, Tensor, Term
from .calls import TANGENTS, adjoint, tangent
from .join import align, sort_domain
from .rewrite import Rule


@dataclass(frozen=True)
class Place:
    """Where a statement (a System over one matrix) is put; the context of a Step, so nothing here is mutated."""

    statement: System
    names: Mapping[str, str]  # tensor of the statement -> tensor here
    own: Mapping[str, int]  # tensor of the statement -> how many batch axes it has
    led: frozenset[str]  # tensors of the statement that have the axes of `lead`
    lead: tuple[Range, ...]
    batch: tuple[Range, ...]
    sizes: Mapping[Basic, Expr]  # sizes of the statement -> sizes here
    reused: frozenset[str] = frozenset()  # tensors of the statement that are here already
    inlined: frozenset[str] = frozenset()  # results whose terms are taken over, not a tensor
    seeds: tuple[Equation, ...] = ()  # equations that come first
    tensors: Mapping[str, Tensor] = field(default_factory=dict)  # declarations of what is made

    def prefix(self, name: str) -> tuple[Range, ...]:
        own = self.own[name]
        return (*(self.lead if name in self.led else ()), *self.batch[len(self.batch) - own :])

    def access(self, access: Access) -> Access:
        prefix = tuple(r.index for r in self.prefix(access.name))
        return Access(self.names[access.name], *prefix, *(i.xreplace(dict(self.sizes)) for i in access.indices))

    def expression(self, expr: Basic) -> Basic:
        found = {a: self.access(a) for a in expr.atoms(Access)}
        return expr.xreplace(dict(self.sizes)).xreplace({a.xreplace(dict(self.sizes)): b for a, b in found.items()})

    def term(self, target: str, term: Term) -> Term:
        """A term of the equation of `target`, at every cell of the batch."""
        prefixes = [self.prefix(target), *(self.prefix(a.name) for a in term.all_reads())]
        wide = tuple(dict.fromkeys(r for p in (self.lead, self.batch) for r in p if any(r in q for q in prefixes)))
        moved = term.map(self.expression)
        write = (*(r.index for r in self.prefix(target)), *moved.write)
        domain = (*wide, *(Range(r.index, r.size.xreplace(dict(self.sizes))) for r in term.domain))
        return Term(write, moved.body, domain, moved.guard)

    def terms(self, eq: Equation) -> tuple[Term, ...]:
        letters = self.tensors[self.names[eq.tensor]].letters if self.names[eq.tensor] in self.tensors else ()
        terms = (self.term(eq.tensor, t) for t in eq.terms)
        return tuple(sort_domain(align(t, letters)) for t in terms)


def equations(place: Place, call: Call) -> tuple[Equation | Call, ...]:
    """The statement's equations here."""
    made: list[Equation | Call] = list(place.seeds)
    for eq in place.statement.equations:
        if eq.tensor in place.reused or eq.tensor in place.inlined:
            continue
        if isinstance(eq, Call):
            batch = max(len(place.prefix(a)) for a in eq.arguments)
            made.append(replace(eq.rename(place.names), batch=batch, source=call.source))
        else:
            arg = tuple(place.names[a] for a in eq.arg)
            made.append(Equation(place.names[eq.tensor], place.terms(eq), eq.reduce, arg, call.source))
    return tuple(made)


def contribution(place: Place, result: str) -> tuple[Term, ...]:
    """What the statement's `result` adds to the tensor that it belongs to, as terms."""
    eq = place.statement.defining()[result]
    if result in place.inlined:
        assert isinstance(eq, Equation)  # only sums are inlined
        return place.terms(eq)
    tensor, prefix = place.statement.tensors[result], place.prefix(result)
    core = tuple(Range(Index(x), s.xreplace(dict(place.sizes))) for x, s in zip(tensor.letters, tensor.shape))
    domain = (*prefix, *core)
    cell = tuple(r.index for r in domain)
    of = result.removesuffix("_bar")
    write = (*(r.index for r in (*place.lead, *place.prefix(of), *core)),)
    return (Term(write, Access(place.names[result], *cell), domain),)


def _replaced(context: Place, before: tuple) -> tuple[Equation | Call, ...]:
    (call,) = before
    return equations(context, call)


def rule(name: str, mode: str) -> Rule:
    """The rule of a routine: `tangent of solve`, with its source."""
    return Rule(f"{mode} of {name}", _replaced, TANGENTS[name].cite, derives=True)


# placing ------------------------------------------------------------------------------------------------------------


def push(system: System, call: Call, tangents: Mapping[str, str], results: Mapping[str, str], known: Known) -> Place:
    """The tangents of a call. `tangents`: argument -> its tangent; `results`: what the call writes -> its tangent."""
    row = row_of(call)
    moving = tuple(of for of, name in zip(row.reads, call.arguments) if name in tangents)
    wanted = tuple(of for of, name in zip(row.writes, call.writes) if name in results)
    statement = tangent(row.name, _square(system, call), moving, wanted)
    names = _own_names(call)
    names |= {f"{of}_dot": tangents[name] for of, name in zip(row.reads, call.arguments) if of in moving}
    names |= {f"{of}_dot": results[name] for of, name in zip(row.writes, call.writes) if of in wanted}
    return _placed(system, call, statement, names, (), known)


def pull(
    system: System,
    call: Call,
    active: Iterable[str],
    adjoints: Mapping[str, str],
    lead: tuple[Range, ...],
    known: Known,
    gradient: Callable[..., System],
    seeds: Mapping[str, Equation],
) -> Place:
    """The adjoints of a call's `active` arguments. `adjoints`: what the call writes -> its adjoint tensor; one of
    `seeds` has none yet and gets this equation."""
    row = row_of(call)
    moving = tuple(of for of, name in zip(row.reads, call.arguments) if name in active)
    wanted = tuple(of for of, name in zip(row.writes, call.writes) if name in adjoints)
    statement = adjoint(row.name, _square(system, call), moving, wanted, gradient)
    names = _own_names(call)
    names |= {f"{of}_bar": adjoints[name] for of, name in zip(row.writes, call.writes) if of in wanted}
    place = _placed(system, call, statement, names, lead, known)
    made = dict(place.tensors)
    for name, eq in seeds.items():
        shape = (*(r.size for r in lead), *system.tensors[name].shape)
        letters = (*(r.index.name for r in lead), *system.tensors[name].letters)
        made[eq.tensor] = Tensor(eq.tensor, shape, named=False, letters=letters)
    return replace(place, seeds=tuple(seeds.values()), tensors=made)


def _is_sum(eq: Equation | Call) -> bool:
    return isinstance(eq, Equation) and eq.reduce == "sum"


def _square(system: System, call: Call) -> bool:
    sizes = core_sizes(row_of(call), argument_shapes(system, call))
    return "m" not in sizes or "n" not in sizes or sizes["m"] == sizes["n"]


def _own_names(call: Call) -> dict[str, str]:
    row = row_of(call)
    return dict(zip(row.reads, call.arguments)) | dict(zip(row.writes, call.writes))


class Known:
    """Unnamed tensors and what defines them, so that nothing is computed twice; and the names that are taken."""

    def __init__(self, taken: Iterable[str]):
        self.taken = set(taken)
        self.found: dict[object, tuple[str, ...]] = {}

    def note(self, eq: Equation | Call, tensors: Mapping[str, Tensor]) -> None:
        """From here on `eq` has been computed."""
        if isinstance(eq, Call) or not tensors[eq.tensor].named:
            self.found.setdefault(_key(eq), eq.writes)

    def name(self, stem: str) -> str:
        name = next(fresh_names(self.taken, stem))
        self.taken.add(name)
        return name


def _key(eq: Equation | Call) -> object:
    return ("call", eq.name, eq.arguments) if isinstance(eq, Call) else (eq.reduce, frozenset(eq.terms))


def _placed(
    system: System, call: Call, statement: System, names: dict[str, str], lead: tuple[Range, ...], known: Known
) -> Place:
    batch = _batch(system, call, statement)
    own, led = _prefixes(system, call, statement)
    inlined = frozenset(r for r in statement.outputs if r.endswith("_bar") and _is_sum(statement.defining()[r]))
    names |= {r: r for r in inlined}
    place = Place(statement, names, own, led, lead, batch, _sizes(system, call), inlined=inlined)
    reused: set[str] = set()
    for eq in statement.equations:
        if eq.tensor in place.inlined:
            continue
        for name in eq.writes:
            if name not in names:
                place = replace(place, names={**place.names, name: known.name(_stem(place, eq, name, call))})
            place = replace(place, tensors={**place.tensors, place.names[name]: _declared(place, name)})
        (here,) = equations(replace(place, statement=replace(statement, equations=(eq,))), call)
        if eq.tensor in names or not _sharable(here):
            continue
        same = known.found.setdefault(_key(here), here.writes)
        if same != here.writes:
            reused |= set(eq.writes)
            gone = {place.names[w] for w in eq.writes}
            tensors = {n: t for n, t in place.tensors.items() if n not in gone}
            place = replace(place, names={**place.names, **dict(zip(eq.writes, same))}, tensors=tensors)
    return replace(place, reused=frozenset(reused))


def _stem(place: Place, eq: Equation | Call, name: str, call: Call) -> str:
    """What a tensor of the statement is called here: A_inv, A_T (a transpose), x_P (a part of the derivative of x)."""
    read = sorted(place.names[n] for n in eq.read_names())
    if isinstance(eq, Call):
        return f"{place.names[eq.arguments[0]]}_{row_of(eq).text if len(eq.writes) == 1 else name}"
    (term,) = eq.terms if len(eq.terms) == 1 else (None,)
    if term is not None and isinstance(term.body, Access) and term.body.indices == term.write[::-1]:
        return f"{read[0]}_T"
    return f"{call.tensor}_{'_'.join(name.split('_')[-2:])}"


def _sharable(eq: Equation | Call) -> bool:
    return isinstance(eq, Call) or bool(eq.terms)


def _batch(system: System, call: Call, statement: System) -> tuple[Range, ...]:
    """The batch axes of the call, with letters that the statement does not use."""
    tensor = system.tensors[call.tensor]
    taken = {i.name for eq in statement.equations for t in eq.terms for i in t.indices}
    taken |= {letter for t in statement.tensors.values() for letter in t.letters}
    ranges = []
    for letter, size in list(zip(tensor.letters, tensor.shape))[: call.batch]:
        name = next(fresh_names(taken, letter))
        taken.add(name)
        ranges.append(Range(Index(name), size))
    return tuple(ranges)


def _prefixes(system: System, call: Call, statement: System):
    """(tensor -> its number of batch axes, the tensors that have the axes of `lead`)."""
    row, led = row_of(call), set()
    cores = {**row.reads, **row.writes}
    own = {of: system.tensors[name].rank - len(cores[of]) for of, name in _own_names(call).items()}
    for name in (t.name for t in statement.declared() if t.name not in own):
        of, _, kind = name.rpartition("_")
        led |= {name} if kind == "bar" else set()
        own[name] = own[of]
    for eq in statement.equations:
        read = eq.read_names()
        wide = bool(read & led)
        for name in eq.writes:
            if wide:
                led.add(name)
            own[name] = call.batch if wide else max((own[r] for r in read), default=0)
    for name in statement.outputs:
        if name.endswith("_bar") and _is_sum(statement.defining()[name]):
            own[name] = own[name.removesuffix("_bar")]
    return own, frozenset(led)


def _sizes(system: System, call: Call) -> dict[Basic, Expr]:
    sizes = core_sizes(row_of(call), argument_shapes(system, call))
    return {Size(letter.upper()): size for letter, size in sizes.items()}


def _declared(place: Place, name: str) -> Tensor:
    """The declaration, here, of a tensor that the statement makes."""
    tensor, prefix = place.statement.tensors[name], place.prefix(name)
    shape = (*(r.size for r in prefix), *(s.xreplace(dict(place.sizes)) for s in tensor.shape))
    letters: list[str] = []
    for letter in (*(r.index.name for r in prefix), *tensor.letters):
        letters.append(next(fresh_names(letters, letter)))
    return replace(tensor, name=place.names[name], shape=shape, letters=tuple(letters), role="defined", named=False)
