"""Programs made of programs: `compose` puts the equations of one after those of another, `at` fixes inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from numbers import Real

from sympy import Basic, Integer, Rational, S, sympify
from sympy.core.symbol import Str

from ..errors import DTypeError, NotationError, ShapeError, UnknownNameError, did_you_mean, explain
from ..ir.access import Access, Index, Size, fresh_names, size_symbols
from ..ir.check import check
from ..ir.system import Call, Equation, Range, System, Tensor, Term
from .sizes import SizeConflict, Sizes

BOUND = ("input", "label", "noise")  # roles that take the host's tensor of the same name


def compose(system: System, other: System, rename: Mapping[str, str] | None = None) -> System:
    """The equations of `system`, then those of `other`, whose inputs read the tensors of `system`.

    * An input, label or noise of `other` reads the host's tensor of the same name; `rename={inner: outer}` lets any
      declared tensor of `other` read the host's tensor `outer`, or gives a tensor of `other` the new name `outer`.
    * What is not bound becomes part of the result. Parameters, states and defined tensors of `other` whose names the
      host has are kept apart by a prefix: `inner_W`. Their sizes are unified through the bound tensors only.
    * Outputs: the host's that `other` does not read, then those of `other`.

    Raises UnknownNameError for a name in `rename` that `other` does not have, ShapeError and DTypeError where a bound
    tensor does not fit.
    """
    names = _names(system, other, dict(rename or {}))
    bound = {i: o for i, o in names.items() if o in system.tensors}
    sizes, renamed = Sizes(), _sizes_apart(system, other)
    for tensor in system.tensors.values():
        for extent in tensor.shape:
            for size in sorted(size_symbols(extent), key=str):
                sizes.declare(size)
    for inner, outer in bound.items():
        _fit(sizes, _sized(other.tensors[inner], renamed), system.tensors[outer])
    final = _final_sizes(system, sizes, renamed)

    def inside(expr: Basic) -> Basic:
        expr = expr.xreplace({Str(a): Str(b) for a, b in names.items() if a != b})
        return final(expr.xreplace(renamed))

    added = {names[t.name]: _tensor(t, names, inside) for t in other.tensors.values() if t.name not in bound}
    host = {n: _sized(t, {}, sizes) for n, t in system.tensors.items()}
    equations = [_equation(e, sizes.find, {}) for e in system.equations]
    equations += [_equation(e, inside, names) for e in other.equations]
    read = set().union(*(e.read_names() for e in equations[len(system.equations) :]), ())
    outputs = [o for o in system.outputs if o not in read] + [names[o] for o in other.outputs]
    updates = {**system.updates, **{names[a]: names[b] for a, b in other.updates.items()}}
    return check(System(host | added, tuple(equations), tuple(dict.fromkeys(outputs)), updates))


def _names(system: System, other: System, rename: dict[str, str]) -> dict[str, str]:
    """inner name -> name in the result."""
    for inner, outer in rename.items():
        if inner not in other.tensors:
            known = [t.name for t in other.tensors.values() if t.named]
            hint = did_you_mean(inner, known) or f"It has {', '.join(known)}."
            raise UnknownNameError(explain(f"rename: the called program has no tensor {inner}.", fix=hint))
        if outer in system.tensors and other.tensors[inner].role == "defined":
            raise NotationError(
                explain(
                    f"rename: {inner} is computed by the called program and cannot be {outer}, which exists already.",
                    fix="Choose a name that the calling program does not have.",
                )
            )
    taken = {*system.tensors, *rename.values()}
    names: dict[str, str] = {}
    for tensor in other.tensors.values():
        name = tensor.name
        if name in rename:
            names[name] = rename[name]
        elif tensor.role in BOUND and name in system.tensors:
            names[name] = name
        else:
            names[name] = name if name not in taken else next(fresh_names(taken, f"inner_{name}"))
        taken.add(names[name])
    return names


def _sizes_apart(system: System, other: System) -> dict[Size, Size]:
    """Every size of `other` under a name that no user can type."""
    found = {
        s
        for t in other.tensors.values()
        for e in (*t.shape, *([t.over] if t.over is not None else []))
        for s in size_symbols(e)
    }
    found |= {s for e in other.equations for t in e.terms for r in t.domain for s in size_symbols(r.size)}
    return {s: Size(f"{s.name}?inner") for s in found}


def _fit(sizes: Sizes, inner: Tensor, outer: Tensor) -> None:
    if inner.dtype != outer.dtype:
        raise DTypeError(
            explain(
                f"{inner.name} is {inner.dtype}, but {outer.name} is {outer.dtype}.", fix="Bind tensors of one dtype."
            )
        )
    try:
        if inner.rank != outer.rank:
            raise SizeConflict
        for a, b in zip(outer.shape, inner.shape):
            sizes.unify(a, b)
        if inner.over is not None and outer.over is not None:
            sizes.unify(outer.over, inner.over)
    except SizeConflict:
        shape = ", ".join(str(s).replace("?inner", "") for s in map(sizes.find, inner.shape))
        outside = ", ".join(str(s).replace("?inner", "") for s in map(sizes.find, outer.shape))
        raise ShapeError(
            explain(
                f"{inner.name} does not fit {outer.name}.",
                fix=f"{inner.name} has the shape ({shape}), {outer.name} the shape ({outside}).",
            )
        ) from None


def _final_sizes(system: System, sizes: Sizes, renamed: Mapping[Size, Size]):
    """What is left of the inner sizes gets its own letter back where the host does not use it."""
    taken = {s.name for t in system.tensors.values() for e in t.shape for s in size_symbols(e)}
    back: dict[Size, Size] = {}
    for size in sorted(renamed, key=str):
        if sizes.find(renamed[size]) == renamed[size]:
            back[renamed[size]] = Size(next(fresh_names(taken, size.name)))
            taken.add(back[renamed[size]].name)
    return lambda expr: sizes.find(expr).xreplace(back)


def _sized(tensor: Tensor, renamed: Mapping[Size, Size], sizes: Sizes | None = None) -> Tensor:
    def of(extent):
        extent = extent.xreplace(renamed)
        return sizes.find(extent) if sizes else extent

    return replace(tensor, shape=tuple(map(of, tensor.shape)), over=None if tensor.over is None else of(tensor.over))


def _tensor(tensor: Tensor, names: Mapping[str, str], inside) -> Tensor:
    return replace(
        tensor,
        name=names[tensor.name],
        shape=tuple(map(inside, tensor.shape)),
        over=None if tensor.over is None else inside(tensor.over),
        complement=names.get(tensor.complement, tensor.complement),
    )


def _equation(eq: Equation | Call, function, names: Mapping[str, str]) -> Equation | Call:
    if isinstance(eq, Call):
        return eq.rename(names)
    return replace(
        eq,
        tensor=names.get(eq.tensor, eq.tensor),
        arg=tuple(names.get(a, a) for a in eq.arg),
        terms=tuple(_term(t, function) for t in eq.terms),
    )


def _term(term: Term, function) -> Term:
    return replace(term.map(function), domain=tuple(r._replace(size=function(r.size)) for r in term.domain))


def at(system: System, **fixed: float) -> System:
    """The system with inputs and noise replaced by constants: `at(system, noise=0)` is evaluation mode.

    Raises UnknownNameError for a name that is no input, ShapeError where nothing else determines a size.
    """
    values = {name: _constant(system, name, value) for name, value in fixed.items()}

    def function(expr: Basic) -> Basic:
        found = {a: values[a.name] for a in expr.atoms(Access) if a.name in values}
        if isinstance(expr, Access) and expr.name in values:
            return values[expr.name]
        return function(expr.xreplace(found)) if found else expr

    equations = tuple(_still_real(e.with_terms(_live(e, function))) for e in system.equations)
    equations = (*_filled(system, values), *equations)
    whole = {eq.tensor for eq in equations}
    tensors = {n: t for n, t in system.tensors.items() if n not in values}
    tensors |= {n: replace(system.tensors[n], role="defined", facts=()) for n in values if n in whole}
    _still_sized(system, tensors, equations, fixed)
    return check(replace(system, tensors=tensors, equations=equations))


def _filled(system: System, values: Mapping[str, Rational]) -> list[Equation]:
    """A Call reads whole tensors: one that is now constant is written by an equation."""
    read = {name for eq in system.equations if isinstance(eq, Call) for name in eq.arguments}
    found = []
    for name in (n for n in values if n in read):
        domain = tuple(Range(Index(f"i{axis}"), size) for axis, size in enumerate(system.tensors[name].shape))
        found.append(Equation(name, (Term(tuple(r.index for r in domain), values[name], domain),)))
    return found


def _constant(system: System, name: str, value) -> Rational:
    tensor = system.tensors.get(name)
    if tensor is None or tensor.role not in BOUND:
        inputs = [t.name for t in system.declared(*BOUND)]
        raise UnknownNameError(
            explain(
                f"at: {name} is not an input of this program.",
                fix=did_you_mean(name, inputs) or f"It has {', '.join(inputs) or 'no inputs'}.",
            )
        )
    if not isinstance(value, Real | Rational) or not isfinite(value):
        raise NotationError(explain(f"at: {name} = {value!r} is not a finite number.", fix=f"Write at({name}=0)."))
    number = sympify(value) if isinstance(value, int | Rational) else Rational(str(float(value)))
    if tensor.dtype != "float" and not number.is_Integer:
        raise DTypeError(explain(f"at: {name} is {tensor.dtype}, {value!r} is not a whole number."))
    return number


def _live(eq: Equation | Call, function) -> tuple[Term, ...]:
    """The terms whose guards can still hold; guards that always hold go."""
    terms = [t.map(function) for t in eq.terms]
    terms = [replace(t, guard=tuple(g for g in t.guard if g != S.true)) for t in terms]
    live = [t for t in terms if S.false not in t.guard]
    if live or eq.reduce != "sum":
        return tuple(live or terms)
    return (replace(terms[0], body=Integer(0), guard=()),)


def _still_real(eq: Equation | Call) -> Equation | Call:
    if any(t.body.has(S.NaN, S.ComplexInfinity, S.ImaginaryUnit, S.Infinity, S.NegativeInfinity) for t in eq.terms):
        raise NotationError(
            explain("at: an equation has no real value there.", eq.source, fix="Choose another constant.")
        )
    return eq


def _still_sized(system: System, tensors: Mapping[str, Tensor], equations, fixed) -> None:
    known = {e for t in tensors.values() if t.role != "defined" for e in t.shape}
    needed = {s for t in tensors.values() for e in t.shape for s in size_symbols(e)}
    needed |= {s for e in equations for t in e.terms for r in t.domain for s in size_symbols(r.size)}
    for size in sorted(needed - known, key=str):
        given = {e for t in system.declared() for e in t.shape}
        if size in given:
            raise ShapeError(
                explain(
                    f"at: nothing but {', '.join(fixed)} determines the size {size}.",
                    fix=f'Pass it when the program is made: sg.program(text, sizes={{"{size.name.lower()}": 10}}).',
                )
            )
