r"""Forward mode: the same walk as reverse mode, with tangents.

For each read r of each active term, the tangent of the term's tensor gets the term

    (write = term.write, body = tangent(r) * d(body)/d(r), same domain, same guard).

Source: A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sympy import Mul

from ..errors import UnknownNameError
from ..ir.access import Access, Index
from ..ir.calls import row_of
from ..ir.recurrence import arranged, groups, members
from ..ir.system import Call, Equation, Range, Step, System, Tensor, Term, piece_tensor
from .batched import Known, push, rule
from .local import at_arg, factors
from .products import other_factors, stems
from .rewrite import Rule
from .split import feeding, flowing, split


@dataclass(frozen=True)
class Push:
    """What the tangent of one tensor is made from (the context of its Step)."""

    tangents: Mapping[str, str]      # tensor -> the name of its tangent
    pieces: tuple[str, ...] = ()     # names for the tensors of all other factors of a product


def jvp(system: System, output: str, seeds: Mapping[str, str], name: str) -> System:
    """The system with the output `name`: the derivative of `output` along the tangents `seeds` (tensor -> input).

    Raises UnknownNameError for a name that the system lacks or that is taken.
    """
    for known in (output, *seeds):
        if known not in system.tensors:
            raise UnknownNameError(f"{known} is not a tensor of this program.")
    for new in (name, *seeds.values()):
        if new in system.tensors:
            raise UnknownNameError(f"the name {new} is taken; rename that tensor.")
    system = split(system)
    tensors = {**system.tensors, **{dot: _tangent(system.tensors[x], dot, "input") for x, dot in seeds.items()}}
    tangents = dict(seeds)
    equations: list[Equation | Call] = []
    steps: list[Step] = []
    wanted = {w for w in feeding(system, output) if system.tensors[w].dtype == "float"}
    known = Known({*tensors, name})
    for unit in groups(system.equations):
        for eq in members(unit):
            equations.append(eq)
            known.note(eq, system.tensors)
        able = [eq for eq in members(unit) if any(w in wanted for w in eq.writes)]
        moving = _moving(able, tangents)
        results = [w for eq in moving for w in eq.writes if w in wanted]
        dots = {w: name if w == output else known.name(f"{w}_dot") for w in results}
        tangents |= dots  # all at once: the tangents of a recurrence read each other
        for eq in moving:
            if isinstance(eq, Call):
                steps.append(_call(system, eq, tangents, dots, known))
                tensors |= steps[-1].context.tensors
                tensors |= {dots[w]: _tangent(system.tensors[w], dots[w], "defined") for w in eq.writes if w in dots}
            else:
                steps.append(RULE.step(Push(dict(tangents), tuple(map(known.name, stems(eq)))), (eq,)))
                declared = (_declare(made, dots[eq.tensor], system.tensors[eq.tensor]) for made in steps[-1].after)
                tensors |= {tensor.name: tensor for tensor in declared}
            equations += steps[-1].after
    if output not in tangents:
        tensors[name] = _tangent(system.tensors[output], name, "defined")
        equations.append(Equation(name, ()))
    elif output in seeds:
        equations.append(_copy(system.tensors[output], seeds[output], name))
        tensors[name] = _tangent(system.tensors[output], name, "defined")
    tensors[name] = replace(tensors[name], named=True)
    return System(tensors, arranged(equations), (name,), {}, (*system.log, *steps))


def _moving(equations: list[Equation | Call], tangents: Mapping[str, str]) -> list[Equation | Call]:
    """Those that read something with a tangent, in a recurrence also through each other."""
    moving, found = [], set(tangents)
    while True:
        more = [eq for eq in equations if flowing(eq) & found]
        if len(more) == len(moving):
            return more
        moving, found = more, found.union(*(eq.writes for eq in more))


def _call(system: System, call: Call, tangents: Mapping[str, str], dots: Mapping[str, str], known: Known) -> Step:
    place = push(system, call, tangents, {w: dots[w] for w in call.writes if w in dots}, known)
    return rule(row_of(call).text, "tangent").step(place, (call,))


def tangent_equations(push: Push, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    """The tangent of one equation, preceded by the tensors of all other factors of a product."""
    (eq,) = before
    extra, others = other_factors(eq, push.pieces)
    terms: list[Term] = []
    for term, access, factor in factors(eq, push.tangents):
        dot = Access(push.tangents[access.name], *access.indices)
        moved = replace(term, body=Mul(factor, dot, others))
        terms.append(at_arg(eq, moved) if eq.reduce in ("max", "min") else moved)
    return (*extra, Equation(push.tangents[eq.tensor], tuple(terms)))


RULE = Rule(
    "tangent: each read of a tensor adds a term along its direction",
    lambda context, before: tangent_equations(context, before),
    "Griewank and Walther, Evaluating Derivatives (2008), section 3.1",
    derives=True,
)


def _tangent(of: Tensor, name: str, role: str) -> Tensor:
    return Tensor(name, of.shape, role=role, named=of.named or bool(of.label), letters=of.letters)


def _declare(eq: Equation, dot: str, of: Tensor) -> Tensor:
    return _tangent(of, dot, "defined") if eq.tensor == dot else piece_tensor(eq)


def _copy(of: Tensor, source: str, name: str) -> Equation:
    indices = tuple(Index(letter) for letter in of.letters)
    domain = tuple(Range(i, s) for i, s in zip(indices, of.shape))
    return Equation(name, (Term(indices, Access(source, *indices), domain),))
