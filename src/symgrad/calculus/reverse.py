r"""Reverse mode: swap the accesses.

For each read r of each active term, the adjoint of r's tensor gets the term

    (write = r.indices, body = adjoint(write) * d(body)/d(r), same domain, same guard).

In a recurrence the read h[t-1] writes [t-1]: with t+1 in the place of t the write is plain, and the adjoints form a
recurrence the other way.

Contributions are terms, never tensors of their own: a band stays a band, a label's -1/N at [n, y[n]] costs N.
Sources: R. E. Wengert 1964; S. Linnainmaa 1976; A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sympy import Expr, Integer, Mul, Pow

from ..errors import DifferentiationError, UnknownNameError, explain
from ..ir.access import Access, Index, fresh_names
from ..ir.calls import row_of
from ..ir.recurrence import Scan, arranged, groups, members, plainly, scans
from ..ir.system import Call, Equation, Range, Step, System, Tensor, Term, piece_tensor
from .batched import Known, Place, contribution, pull, rule
from .join import align, pinned, sort_domain
from .local import at_arg, chosen_point, factors
from .products import other_factors, stems
from .rewrite import Rule, derived
from .split import feeding, flowing, live_reads, split
from .stable import looked_through

CITE = "Griewank and Walther, Evaluating Derivatives (2008), section 3.2"


@dataclass(frozen=True)
class Sweep:
    """What the adjoint of one tensor is made from (the context of its Step)."""

    output: str
    tensor: Tensor
    names: Mapping[str, str]         # tensor -> the name of its adjoint
    pieces: Mapping[str, tuple[str, ...]]   # product that reads it -> names for the tensors of all other factors
    lead: tuple[Range, ...] = ()     # the cell of the output that is differentiated; empty for a scalar
    led: tuple[int, ...] = ()        # the output's axes that `lead` stands for: all that are not shared
    seed: str = ""                   # the tensor that is the adjoint of the output; without one it is 1
    calls: Mapping[str, Mapping[str, tuple[Term, ...]]] = field(default_factory=dict)  # what a Call adds to a tensor
    named: bool = True               # may the adjoint stand in a formula for a person to read?
    axes: tuple[int, ...] = ()       # of a recurrence: the axes of the adjoint that are its ordered indices
    inside: tuple[str, ...] = ()     # the tensors of that recurrence
    scattered: str = ""              # a name for what other equations add at entries that depend on data


def gradient(system: System, output: str, wrt: Iterable[str]) -> System:
    """The system with outputs `output` and `d<output>_d<name>` for each name of `wrt`.

    Raises UnknownNameError for a name that the system lacks or that is taken, DifferentiationError for an output that
    is not a scalar or for a kink without a choice.
    """
    check_scalar(system, output)
    return jacobian(system, output, wrt)


def jacobian(
    system: System, output: str, wrt: Iterable[str], pattern: str = "", shared: tuple[int, ...] = ()
) -> System:
    """The same for an output of any rank: `dy_dx[output axes, axes of x]`, by one reverse sweep.

    The cell of the output travels along as leading indices. It starts as a repeated index in `write`, and stays one
    where nothing mixes it: a diagonal Jacobian is a diagonal term. `pattern` names the results, as in `dL_d{}`.
    Along the axes `shared` of the output the derivatives are added instead: right, and cheaper by that size, where
    each entry depends on its own entry of x only (`ir.locality`).
    """
    wrt, pattern = tuple(wrt), pattern or f"d{output}_d{{}}"
    result = _sweep(system, output, wrt, pattern, shared=shared)
    return replace(result, outputs=(output, *(pattern.format(name) for name in wrt)))


def vjp(system: System, output: str, wrt: Iterable[str], seed: str = "", pattern: str = "{}_bar") -> System:
    """The system with outputs `<name>_bar`: the adjoints of `wrt` where the adjoint of `output` is the tensor `seed`
    (default: a new input `<output>_bar`)."""
    wrt = tuple(wrt)
    check_request(system, output, wrt, pattern)
    if not seed:
        seed = pattern.format(output)
        _check_free(system, seed)
        of = system.tensors[output]
        tensors = {**system.tensors, seed: Tensor(seed, of.shape, role="input", letters=of.letters)}
        system = replace(system, tensors=tensors)
    result = _sweep(system, output, wrt, pattern, seed)
    return replace(result, outputs=tuple(pattern.format(name) for name in wrt))


def _sweep(
    system: System, output: str, wrt: tuple[str, ...], pattern: str, seed: str = "", shared: tuple[int, ...] = ()
) -> System:
    """One reverse sweep: the adjoints of everything between `output` and `wrt`, appended to the system."""
    check_request(system, output, wrt, pattern)
    system = split(system)
    start = output
    if output in scans(system.equations):  # it reads itself: the seed goes to a copy of it
        system, start = _copied(system, output)
    led = () if seed else tuple(a for a in range(system.tensors[output].rank) if a not in shared)
    lead = tuple(lead_of(system.tensors[output])[axis] for axis in led)
    active, reached = active_tensors(system, wrt), feeding(system, start)
    readers = _readers(system)
    names: dict[str, str] = {start: seed}
    taken = {*system.tensors, *(pattern.format(name) for name in wrt)}
    steps: list[Step] = []
    made, partly = derived(system.log), looked_through(system.log)
    known, calls = Known(taken), {}
    for eq in system.equations:
        known.note(eq, system.tensors)
    for scan, group in _backward_order(system, wrt):
        wanted = [n for n in group if n != start and n in active and n in reached]
        wanted = _reaching(wanted, readers, names)
        for name in wanted:  # all names first: the adjoints of a recurrence read each other
            stem = f"{name}_part" if name in partly else pattern.format(name)
            names[name] = pattern.format(name) if name in wrt else known.name(stem)
        for name in wanted:
            reading = tuple(eq for eq in readers[name] if set(eq.writes) & set(names))
            for call in (eq for eq in reading if isinstance(eq, Call) and eq.tensor not in calls):
                calls[call.tensor] = _pulled(system, call, active & reached, names, lead, led, known, steps)
            pieces = {eq.tensor: tuple(map(known.name, stems(eq))) for eq in reading if eq.reduce == "prod"}
            tensor = system.tensors[name]
            named = name not in made and name not in partly and (tensor.named or bool(tensor.label))
            context = Sweep(start, tensor, dict(names), pieces, lead, led, seed, dict(calls), named)
            rules = dict.fromkeys(_rule_name(eq, t) for eq in reading for t in eq.terms if _reads(t, name))
            rules |= {f"adjoint of {row_of(eq).text}": None for eq in reading if isinstance(eq, Call)}
            note = "local derivative: " + ", ".join(rules)
            if scan is None:
                steps.append(RULE.step(context, reading, note=note))
            else:
                axes = tuple(len(lead) + axis for axis in scan.ordered(name))
                scattered = known.name(f"{names[name]}_at")
                context = replace(context, axes=axes, inside=tuple(scan.axes), scattered=scattered)
                steps.append(THROUGH_TIME.step(context, reading, note=note))
    return _assemble(system, output, wrt, steps, pattern, lead, led, seed)


def _copied(system: System, name: str) -> tuple[System, str]:
    """The system with an equation `copy = name`, cell by cell."""
    of, copy = system.tensors[name], next(fresh_names(system.tensors, f"{name}_out"))
    write = tuple(Index(letter) for letter in _letters((), of))
    domain = tuple(Range(i, size) for i, size in zip(write, of.shape))
    tensors = {**system.tensors, copy: replace(of, name=copy, role="defined", named=False, label="", complement="")}
    eq = Equation(copy, (Term(write, Access(name, *write), domain),))
    return replace(system, tensors=tensors, equations=(*system.equations, eq)), copy


def _reaching(group: list[str], readers: Mapping[str, list[Equation | Call]], names: Mapping[str, str]) -> list[str]:
    """Those that are read by something that has an adjoint; in a recurrence also through each other."""
    found: set[str] = set()
    while True:
        more = {n for n in group if any(found.union(names).intersection(e.writes) for e in readers.get(n, ()))}
        if more <= found:
            return [n for n in group if n in found]
        found |= more


def _pulled(system: System, call: Call, active, names, lead, led, known: Known, steps: list[Step]):
    """What a Call adds to the adjoint of each of its arguments; its own equations become a step before those."""
    seeds = {}
    adjoints = {w: names[w] for w in call.writes if w in names}
    for name in (w for w, adjoint in adjoints.items() if not adjoint):  # it is the output: its adjoint is 1
        adjoints[name] = known.name("one")
        seeds[name] = _unit(adjoints[name], system.tensors[name], led, "")
    place = pull(system, call, active, adjoints, lead, known, jacobian, seeds)
    steps.append(rule(row_of(call).text, "adjoint").step(place, (call,)))
    added: dict[str, tuple[Term, ...]] = {}
    for of, name in zip(row_of(call).reads, call.arguments):
        if name in active:
            added[name] = added.get(name, ()) + contribution(place, f"{of}_bar")
    return added


def _check_free(system: System, name: str) -> None:
    if name in system.tensors:
        raise UnknownNameError(f"the name {name} is taken; rename that tensor.")


def check_request(system: System, output: str, wrt: tuple[str, ...], pattern: str) -> None:
    for name in (output, *wrt):
        if name not in system.tensors:
            known = ", ".join(n for n, t in system.tensors.items() if t.named)
            raise UnknownNameError(f"{name} is not a tensor of this program; it has {known}.")
    if not wrt:
        raise DifferentiationError(
            "there is nothing to differentiate by: the program has no parameter.\n"
            f'    Name the tensors: program.gradient("{output}", wrt=["x"]), or declare one as a parameter.'
        )
    for name in wrt:
        tensor = system.tensors[name]
        if tensor.dtype != "float":
            raise DifferentiationError(f"{name} is a tensor of {tensor.dtype}s: there is no derivative by it.")
        if tensor.has("constant"):
            raise DifferentiationError(f"{name} is declared constant: it is not differentiated.")
        _check_free(system, pattern.format(name))


def check_scalar(system: System, output: str) -> None:
    if output not in system.tensors:
        return
    tensor = system.tensors[output]
    if tensor.rank or tensor.dtype != "float":
        source = getattr(system.defining().get(output), "source", "")
        raise DifferentiationError(
            explain(
                f"{output} is not a real scalar, so it has no gradient.",
                source,
                fix=f"Reduce it first, as in  L = sum[{', '.join(tensor.letters)}]"
                f"({output}[{', '.join(tensor.letters)}]).",
            )
        )


def lead_of(tensor: Tensor) -> tuple[Range, ...]:
    """Index letters for the cell of an output."""
    return tuple(Range(Index(f"{letter}^"), size) for letter, size in zip(tensor.letters, tensor.shape))


def active_tensors(system: System, wrt: tuple[str, ...]) -> frozenset[str]:
    """Real tensors that depend on `wrt`."""
    readers, active, waiting = _readers(system), set(), list(wrt)
    while waiting:
        name = waiting.pop()
        if name not in active:
            active.add(name)
            waiting += [written for eq in readers.get(name, ()) for written in eq.writes]
    return frozenset(n for n in active if system.tensors[n].dtype == "float")


def _readers(system: System) -> dict[str, list[Equation | Call]]:
    readers: dict[str, list[Equation | Call]] = {}
    for eq in system.equations:
        for name in sorted(flowing(eq)):
            readers.setdefault(name, []).append(eq)
    return readers


def _backward_order(system: System, wrt: tuple[str, ...]) -> Iterator[tuple[Scan | None, list[str]]]:
    """What is written, last first; the tensors of a recurrence at once."""
    for unit in reversed(groups(system.equations)):
        written = [name for eq in members(unit) for name in eq.writes]
        yield unit if isinstance(unit, Scan) else None, written[::-1]
    written = system.defining()
    yield from ((None, [w]) for w in wrt if w not in written)


RULE = Rule(
    "adjoint: each read of a tensor adds a term to its derivative",
    lambda context, before: adjoint_equations(context, before),
    CITE,
    derives=True,
)


THROUGH_TIME = Rule(
    "backpropagation through time: what reads h[t-1] adds to the derivative by h[t] what came back from t+1",
    lambda context, before: adjoint_equations(context, before),
    "Werbos, Backpropagation through time: what it does and how to do it, Proc. IEEE 78 (1990)",
    derives=True,
)


def _reads(term: Term, name: str) -> bool:
    return any(a.name == name for a in live_reads(term.body))


def _rule_name(eq: Equation, term: Term) -> str:
    """The scalar rule that differentiates a (small) body."""
    body = term.body
    if eq.reduce != "sum":
        return {"prod": "product of all other factors"}.get(eq.reduce, f"{eq.reduce}: the chosen point")
    if all(isinstance(f, Access) or not live_reads(f) for f in Mul.make_args(body)) and len(live_reads(body)) == 1:
        return "constant multiple"
    if isinstance(body, Mul):
        return "product rule"
    return "power rule" if isinstance(body, Pow) else f"derivative of {body.func.__name__}"


def adjoint_equations(sweep: Sweep, readers: tuple[Equation, ...]) -> tuple[Equation, ...]:
    """The adjoint of `sweep.tensor` as one equation, preceded by what it needs of products."""
    products = {eq.tensor: other_factors(eq, sweep.pieces.get(eq.tensor, ())) for eq in readers}
    before = [made for equations, _ in products.values() for made in equations]
    others = {name: factor for name, (_, factor) in products.items()}
    terms = [t for eq in readers for t in _contributions(sweep, eq, others[eq.tensor])]
    letters = _letters(sweep.lead, sweep.tensor)
    if sweep.axes:
        scattered = [t for eq in readers if eq.tensor not in sweep.inside
                     for t in _contributions(sweep, eq, others[eq.tensor]) if _by_data(t, sweep.axes)]  # fmt: skip
        terms = [t for t in terms if t not in scattered]
        if scattered:
            before.append(Equation(sweep.scattered, tuple(sort_domain(align(t, letters)) for t in scattered)))
            terms.append(_whole(sweep, letters))
        for axis in sweep.axes:
            extent = sweep.tensor.shape[axis - len(sweep.lead)]
            terms = [plainly(t, axis, extent, letters[axis]) for t in terms]
    terms = [sort_domain(align(t, letters)) for t in terms]
    return (*before, Equation(sweep.names[sweep.tensor.name], tuple(terms)))


def _by_data(term: Term, axes: tuple[int, ...]) -> bool:
    return any(term.write[axis].atoms(Access) for axis in axes)


def _whole(sweep: Sweep, letters: tuple[str, ...]) -> Term:
    """Every cell of what other equations have added by data."""
    write = tuple(map(Index, letters))
    shape = (*(r.size for r in sweep.lead), *sweep.tensor.shape)
    return Term(write, Access(sweep.scattered, *write), tuple(map(Range, write, shape)))


def _contributions(sweep: Sweep, eq: Equation, others: Expr) -> Iterable[Term]:
    if isinstance(eq, Call):
        yield from sweep.calls[eq.tensor].get(sweep.tensor.name, ())
        return
    for term, access, factor in factors(eq, {sweep.tensor.name}):
        cell, point = access.indices, replace(term, body=Mul(factor, others))
        if eq.reduce in ("max", "min"):
            chosen = chosen_point(eq, term)
            cell, point = tuple(i.xreplace(chosen) for i in cell), at_arg(eq, point)
            if eq.tensor in sweep.inside:  # they say that the chosen point lies before
                point = replace(point, guard=(*point.guard, *(g.xreplace(chosen) for g in term.guard)))
        yield pinned(_seeded(sweep, eq.tensor, point, cell))


def _seeded(sweep: Sweep, name: str, term: Term, cell: tuple[Expr, ...]) -> Term:
    """The term's body times the adjoint of `name` at `term.write`, written to `cell`; the adjoint of the output is the
    seed, or 1 at its own cell (at every cell along a shared axis)."""
    if name == sweep.output and not sweep.seed:
        return replace(term, write=(*(term.write[axis] for axis in sweep.led), *cell))
    lead = tuple(r.index for r in sweep.lead)
    adjoint = Access(sweep.names[name], *lead, *term.write)
    return Term((*lead, *cell), adjoint * term.body, (*sweep.lead, *term.domain), term.guard)


def _assemble(
    system: System,
    output: str,
    wrt: tuple[str, ...],
    steps: list[Step],
    pattern: str,
    lead: tuple[Range, ...],
    led: tuple[int, ...],
    seed: str,
) -> System:
    tensors = dict(system.tensors)
    equations = list(system.equations)
    for step in steps:
        equations += step.after
        if isinstance(step.context, Place):
            tensors |= step.context.tensors
        else:
            tensors |= {eq.tensor: _declare(eq, step.context) for eq in step.after}
    for name in wrt:
        adjoint, of = pattern.format(name), system.tensors[name]
        if adjoint not in tensors:  # the output does not depend on it, or is it
            tensors[adjoint] = derivative_tensor(adjoint, of, lead)
            equations.append(_unit(adjoint, of, led, seed) if name == output else Equation(adjoint, ()))
        tensors[adjoint] = replace(tensors[adjoint], named=True)
    return replace(system, tensors=tensors, equations=arranged(equations), updates={}, log=(*system.log, *steps))


def _unit(name: str, of: Tensor, led: tuple[int, ...], seed: str) -> Equation:
    """The derivative of a tensor by itself: 1 on the diagonal, or the seed."""
    domain = tuple(Range(Index(letter), size) for letter, size in zip(of.letters, of.shape))
    write = tuple(r.index for r in domain)
    if seed:
        return Equation(name, (Term(write, Access(seed, *write), domain),))
    return Equation(name, (Term((*(write[axis] for axis in led), *write), Integer(1), domain),))


def _declare(eq: Equation, sweep: Sweep) -> Tensor:
    if any(eq.tensor in pieces for pieces in sweep.pieces.values()):
        return piece_tensor(eq)
    named = sweep.named and eq.tensor != sweep.scattered
    return replace(derivative_tensor(eq.tensor, sweep.tensor, sweep.lead), named=named)


def derivative_tensor(name: str, of: Tensor, lead: tuple[Range, ...]) -> Tensor:
    """Axes of the output first."""
    shape = (*(r.size for r in lead), *of.shape)
    return Tensor(name, shape, named=of.named or bool(of.label), letters=_letters(lead, of))


def _letters(lead: tuple[Range, ...], of: Tensor) -> tuple[str, ...]:
    """Letters for the axes of a derivative; those that occur twice are told apart."""
    letters = [r.index.name.rstrip("^") for r in lead]
    for letter in of.letters:
        spare = (c for c in "ijklmnpqrstuvwabcdefgh" if c not in (*letters, *of.letters))
        letters.append(letter if letter not in letters else next(spare))
    return tuple(letters)
