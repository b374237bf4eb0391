r"""Reverse mode: swap the accesses.

For each read r of each active term, the adjoint of r's tensor gets the term

    (write = r.indices, body = adjoint(write) * d(body)/d(r), same domain, same guard).

Contributions are terms, never tensors of their own: a band stays a band, a label's -1/N at [n, y[n]] costs N.
Sources: R. E. Wengert 1964; S. Linnainmaa 1976; A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sympy import Dummy, Expr, Integer, Mul, Ne, Or, Pow, diff

from ..errors import DifferentiationError, UnknownNameError, explain
from ..functions import stop
from ..ir.access import Access, Index, fresh_names
from ..ir.system import Equation, Range, Step, System, Tensor, Term, is_plain
from .join import align, sort_domain
from .rewrite import Rule
from .split import live_reads, split

CITE = "Griewank and Walther, Evaluating Derivatives (2008), section 3.2"


@dataclass(frozen=True)
class Sweep:
    """What the adjoint of one tensor is made from (the context of its Step)."""

    output: str
    tensor: Tensor
    active: frozenset[str]
    pieces: tuple[str, ...]          # names for the `all the other factors` tensors of products, in order of use
    lead: tuple[Range, ...] = ()     # the cell of the output that is differentiated; empty for a scalar


def gradient(system: System, output: str, wrt: Iterable[str]) -> System:
    """The system with outputs `output` and `d<output>_d<name>` for each name of `wrt`.

    Raises UnknownNameError for a name that the system lacks or that is taken, DifferentiationError for an output that
    is not a scalar or for a kink without a choice.
    """
    _check_scalar(system, output)
    return jacobian(system, output, wrt)


def jacobian(system: System, output: str, wrt: Iterable[str]) -> System:
    """The same for an output of any rank: `dy_dx[output axes, axes of x]`, by one reverse sweep.

    The cell of the output travels along as leading indices. It starts as a repeated index in `write`, and stays one
    where nothing mixes it: a diagonal Jacobian is a diagonal term.
    """
    wrt = tuple(wrt)
    _check_request(system, output, wrt)
    system = split(system)
    lead = _lead(system, output)
    active = _active(system, output, wrt)
    readers = _readers(system)
    steps: list[Step] = []
    available = {output}
    reached = _feeding(system, output)
    for name in _backward_order(system, wrt):
        if name == output or name not in active or name not in reached:
            continue
        reading = tuple(eq for eq in readers.get(name, ()) if eq.tensor in available)
        if reading:
            step = _adjoint_step(system, output, name, active, reading, steps, lead)
            steps.append(step)
            available.add(name)
    return _assemble(system, output, wrt, steps, lead)


def adjoint_name(output: str, name: str) -> str:
    return f"d{output}_d{name}"


def _check_request(system: System, output: str, wrt: tuple[str, ...]) -> None:
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
        if adjoint_name(output, name) in system.tensors:
            raise UnknownNameError(f"the name {adjoint_name(output, name)} is taken; rename that tensor.")


def _check_scalar(system: System, output: str) -> None:
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


def _lead(system: System, output: str) -> tuple[Range, ...]:
    """Index letters for the output's cell."""
    tensor = system.tensors[output]
    return tuple(Range(Index(f"{letter}^"), size) for letter, size in zip(tensor.letters, tensor.shape))


def _active(system: System, output: str, wrt: tuple[str, ...]) -> frozenset[str]:
    """Real tensors that depend on `wrt`."""
    active = set(wrt)
    for eq in system.equations:
        if any(a.name in active for t in eq.terms for a in live_reads(t.body)):
            active.add(eq.tensor)
    return frozenset(n for n in active if system.tensors[n].dtype == "float")


def _feeding(system: System, output: str) -> set[str]:
    """Tensors whose values the output depends on."""
    feeding = {output}
    for eq in reversed(system.equations):
        if eq.tensor in feeding:
            feeding |= {a.name for t in eq.terms for a in live_reads(t.body)}
    return feeding


def _readers(system: System) -> dict[str, list[Equation]]:
    readers: dict[str, list[Equation]] = {}
    for eq in system.equations:
        for name in sorted({a.name for t in eq.terms for a in live_reads(t.body)}):
            readers.setdefault(name, []).append(eq)
    return readers


def _backward_order(system: System, wrt: tuple[str, ...]) -> list[str]:
    written = [eq.tensor for eq in system.equations]
    return [*reversed(written), *(w for w in wrt if w not in written)]


RULE = Rule(
    "adjoint: each read of a tensor adds a term to its derivative",
    lambda context, before: adjoint_equations(context, before),
    CITE,
)


def _adjoint_step(system, output, name, active, reading, steps, lead) -> Step:
    taken = {*system.tensors, *(eq.tensor for s in steps for eq in s.after)}
    names = fresh_names(taken, "others")
    count = sum(eq.reduce == "prod" for eq in reading)
    context = Sweep(output, system.tensors[name], active, tuple(next(names) for _ in range(count)), lead)
    rules = dict.fromkeys(_rule_name(eq, t) for eq in reading for t in eq.terms if _reads(t, name))
    return RULE.step(context, reading, note="local derivative: " + ", ".join(rules))


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
    """The adjoint of `sweep.tensor` as one equation, preceded by the `all the other factors` tensors it needs."""
    extra: list[Equation] = []
    names = iter(sweep.pieces)
    terms: list[Term] = []
    for eq in readers:
        terms += _contributions(sweep, eq, names, extra)
    letters = _derivative_tensor("", sweep.tensor, sweep.lead).letters
    terms = [sort_domain(align(t, letters)) for t in terms]
    return (*extra, Equation(adjoint_name(sweep.output, sweep.tensor.name), tuple(terms)))


def _contributions(sweep: Sweep, eq: Equation, names, extra: list[Equation]) -> Iterable[Term]:
    if eq.reduce == "prod":
        eq, others = _other_factors(eq, next(names))
        extra.append(others)
    for term in eq.terms:
        for access in live_reads(term.body):
            if access.name != sweep.tensor.name:
                continue
            factor = _partial(eq, term, access)
            if factor == 0:
                continue
            if eq.reduce in ("max", "min"):
                yield _at_arg(eq, term, access, factor, sweep)
            else:
                others = [Access(extra[-1].tensor, *term.indices)] if eq.reduce == "prod" else []
                yield _seeded(sweep, eq.tensor, term, access.indices, Mul(factor, *others))


def _seeded(sweep: Sweep, name: str, term: Term, cell: tuple[Expr, ...], body: Expr) -> Term:
    """`body` times the adjoint of `name` at `term.write`, written to `cell`; the adjoint of the output is 1 there."""
    if name == sweep.output:
        return Term((*term.write, *cell), body, term.domain, term.guard)
    lead = tuple(r.index for r in sweep.lead)
    adjoint = Access(adjoint_name(sweep.output, name), *lead, *term.write)
    return Term((*lead, *cell), adjoint * body, (*sweep.lead, *term.domain), term.guard)


def _partial(eq: Equation, term: Term, access: Access) -> Expr:
    """d(body)/d(access) with the other accesses fixed; the body's own value is read, not computed again."""
    hole = Dummy("hole", real=True)
    try:
        factor = diff(term.body.xreplace({access: hole}), hole).xreplace({hole: access})
    except DifferentiationError as error:
        raise DifferentiationError(explain(str(error), eq.source)) from None
    if eq.elementwise and term.body.is_Function and not isinstance(term.body, stop):
        factor = factor.xreplace({term.body: Access(eq.tensor, *term.write)})
    return factor


def _at_arg(eq: Equation, term: Term, access: Access, factor: Expr, sweep: Sweep) -> Term:
    """The adjoint of a max or min goes to the point that was chosen: `arg` takes the place of the reduced indices."""
    free = replace(term, domain=term.free)
    if not is_plain(free):
        raise DifferentiationError(explain(f"the {eq.reduce} in {eq.tensor} scatters: it has no adjoint.", eq.source))
    chosen = {r.index: Access(name, *term.write) for r, name in zip(term.reduced, eq.arg)}
    exists = tuple(position >= 0 for position in chosen.values())
    cell = tuple(i.xreplace(chosen) for i in access.indices)
    return _seeded(sweep, eq.tensor, replace(free, guard=exists), cell, factor.xreplace(chosen))


def _other_factors(eq: Equation, name: str) -> tuple[Equation, Equation]:
    """For y = prod[k] b[k]: the tensor prod[k', k' != k] b[k'] over all indices. Dividing y by b fails at zeros."""
    term = eq.terms[0]
    primed = {r.index: Index(r.index.name + "'") for r in term.reduced}
    other = term.map(lambda e: e.xreplace(primed))
    differ = Or(*(Ne(old, new) for old, new in primed.items()))
    domain = (*term.domain, *(Range(primed[r.index], r.size) for r in term.reduced))
    body = Term(term.indices, other.body, domain, (*other.guard, differ))
    return eq, Equation(name, (body,), "prod")


def _assemble(system: System, output: str, wrt: tuple[str, ...], steps: list[Step], lead) -> System:
    tensors = dict(system.tensors)
    equations = list(system.equations)
    for step in steps:
        for eq in step.after:
            tensors[eq.tensor] = _declare(eq, step.context, tensors)
            equations.append(eq)
    for name in wrt:
        adjoint = adjoint_name(output, name)
        if adjoint not in tensors:  # the output does not depend on it, or is it
            tensors[adjoint] = _derivative_tensor(adjoint, system.tensors[name], lead)
            equations.append(_unit(adjoint, lead) if name == output else Equation(adjoint, ()))
        tensors[adjoint] = replace(tensors[adjoint], named=True)
    outputs = (output, *(adjoint_name(output, name) for name in wrt))
    return System(tensors, tuple(equations), outputs, {}, (*system.log, *steps))


def _unit(name: str, lead: tuple[Range, ...]) -> Equation:
    write = tuple(r.index for r in lead)
    return Equation(name, (Term((*write, *write), Integer(1), lead),))


def _declare(eq: Equation, sweep: Sweep, tensors) -> Tensor:
    if eq.reduce == "prod":
        term = eq.terms[0]
        shape = tuple(term.sizes[i] for i in term.write)
        return Tensor(eq.tensor, shape, named=False, letters=tuple(i.name for i in term.write))
    return _derivative_tensor(eq.tensor, sweep.tensor, sweep.lead)


def _derivative_tensor(name: str, of: Tensor, lead: tuple[Range, ...]) -> Tensor:
    """Axes of the output first; letters that occur twice are told apart."""
    letters = [r.index.name.rstrip("^") for r in lead]
    for letter in of.letters:
        spare = (c for c in "ijklmnpqrstuvwabcdefgh" if c not in (*letters, *of.letters))
        letters.append(letter if letter not in letters else next(spare))
    shape = (*(r.size for r in lead), *of.shape)
    return Tensor(name, shape, named=of.named or bool(of.label), letters=tuple(letters))
