"""From one number to every entry: a scalar update rule becomes part of a training step.

An optimiser is written for one scalar parameter `w` with gradient `g`. `training_step` applies it to each entry of each
parameter of a gradient System and joins the two into one System. A tensor of the rule that depends on `w` or `g`,
also through an update, has one value per entry (`m`, `v`); one that does not is shared (`t`, `lr`). The input `g_norm`
of a rule is shared too: the Euclidean norm of the gradients of all parameters together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sympy import Basic

from ..errors import ShapeError
from ..functions import apply
from ..ir.access import Access, Index, fresh_names
from ..ir.system import Equation, Range, System, Tensor, Term


@dataclass(frozen=True)
class TrainingStep:
    """One System that computes the outputs and all next values, and what the rule's shared scalars are called in it."""

    system: System
    shared: Mapping[str, str]  # a scalar of the rule (`lr`, `t`) -> its name in `system`


def per_entry(rule: System, roots: Iterable[str]) -> set[str]:
    """The tensors of `rule` whose values depend on `roots`, through equations and through updates."""
    found, before = set(roots), 0
    while len(found) > before:
        before = len(found)
        for eq in rule.equations:
            if eq.read_names() & found:
                found |= set(eq.writes)
        for name, following in rule.updates.items():
            if found & {name, following}:
                found |= {name, following}
    return found


def training_step(gradient: System, rule: System, derivatives: Mapping[str, str], outputs=()) -> TrainingStep:
    """Join `gradient` with `rule` applied to each entry of each parameter.

    `derivatives` maps each parameter to the tensor of `gradient` that holds its derivative. The result's outputs are
    `outputs`, its updates those of `gradient` and of the rule: `W -> W_next`, `m_W -> m_next_W`, ..., `t -> t_next`.
    """
    _scalar(rule)
    weight, slope = rule_roles(rule)
    entries = per_entry(rule, (weight, slope))
    taken = set(gradient.tensors)
    shared = {name: _fresh(taken, name) for name in rule.tensors if name not in entries}
    parts = [_norm(gradient, derivatives, shared["g_norm"], taken)] if "g_norm" in shared else []
    parts.append(_part(rule, shared, shared, Tensor("", ())))
    for parameter, derivative in derivatives.items():
        own = {weight: parameter, slope: derivative}
        own |= {n: _fresh(taken, _entry_name(n, weight, parameter)) for n in rule.tensors if n in entries - {*own}}
        parts.append(_part(rule, own, shared, gradient.tensors[parameter]))
    return TrainingStep(_join(gradient, parts, tuple(outputs)), shared)


def rule_roles(rule: System) -> tuple[str, str]:
    """The names of the scalar that is updated and of its gradient: the only parameter, and the input `g`."""
    (weight,) = rule.declared("parameter")
    return weight.name, rule.tensors["g"].name


def _scalar(rule: System) -> None:
    bad = [t.name for t in rule.tensors.values() if t.rank]
    if bad:
        raise ShapeError(f"an update rule is written for one scalar; {', '.join(bad)} has axes.")


def _fresh(taken: set[str], stem: str) -> str:
    name = next(fresh_names(taken, stem))
    taken.add(name)
    return name


def _entry_name(name: str, weight: str, parameter: str) -> str:
    return name.replace(weight, parameter, 1) if name.startswith(f"{weight}_") else f"{name}_{parameter}"


def _indices(tensor: Tensor) -> tuple[Index, ...]:
    letters = tensor.letters if len(set(tensor.letters)) == tensor.rank else [f"i{axis}" for axis in range(tensor.rank)]
    return tuple(map(Index, letters))


def _norm(gradient: System, derivatives: Mapping[str, str], name: str, taken: set[str]) -> System:
    """`name` = the root of the sum of the squares of all entries of all derivatives."""
    squares = _fresh(taken, f"{name}_squared")
    terms = []
    for parameter, derivative in derivatives.items():
        like = gradient.tensors[parameter]
        indices = _indices(like)
        domain = tuple(Range(index, extent) for index, extent in zip(indices, like.shape))
        terms.append(Term((), Access(derivative, *indices) ** 2, domain))
    root = Term((), apply("sqrt", Access(squares)), ())
    equations = Equation(squares, tuple(terms)), Equation(name, (root,))
    return System({n: Tensor(n, ()) for n in (squares, name)}, equations, ())


def _part(rule: System, own: Mapping[str, str], shared: Mapping[str, str], like: Tensor) -> System:
    """The tensors and equations of `rule` that `own` names, each entry of `like` for itself; the others are read as
    shared scalars."""
    indices = _indices(like)
    domain = tuple(Range(index, extent) for index, extent in zip(indices, like.shape))
    axes = {"shape": like.shape, "letters": tuple(map(str, indices))}
    tensors = {new: replace(rule.tensors[old], name=new, **axes) for old, new in own.items()}
    mapping: dict[Basic, Basic] = {Access(old): Access(new) for old, new in shared.items()}
    mapping |= {Access(old): Access(new, *indices) for old, new in own.items()}
    equations = tuple(_lift(eq, own[eq.tensor], mapping, domain) for eq in rule.equations if eq.tensor in own)
    return System(tensors, equations, (), {own[a]: own[b] for a, b in rule.updates.items() if a in own})


def _lift(eq: Equation, name: str, mapping: Mapping[Basic, Basic], domain: tuple[Range, ...]) -> Equation:
    write = tuple(r.index for r in domain)
    return replace(eq, tensor=name, terms=tuple(Term(write, t.body.xreplace(mapping), domain) for t in eq.terms))


def _join(gradient: System, parts: list[System], outputs: tuple[str, ...]) -> System:
    tensors, equations, updates = dict(gradient.tensors), list(gradient.equations), dict(gradient.updates)
    for part in parts:
        tensors |= {name: t for name, t in part.tensors.items() if name not in tensors}
        equations += part.equations
        updates |= part.updates
    return replace(gradient, tensors=tensors, equations=tuple(equations), outputs=outputs, updates=updates).prune()
