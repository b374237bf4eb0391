"""What the host makes sure of before a kernel runs: names, dtypes, shapes, and that every index stays inside its axis.

A compiled kernel does not look: an index out of range would read whatever memory lies there. Positions that are plain
indices over their own axis need no check; affine ones are bounded once for each set of sizes; those that depend on data
are evaluated on the data. Where bounds alone do not decide (guards), the interpreter visits the points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from sympy import Basic, Expr, Ge, Integer

from ..errors import DataError, IndexRangeError, SymgradError, UnknownNameError, did_you_mean, explain
from ..ir.access import Access, Index, all_reads, index_symbols
from ..ir.bounds import cell_text, dtype_error, plain_array
from ..ir.interpret import interpret
from ..ir.sizes import size_value
from ..ir.system import Equation, System, Tensor, Term

KIND = {"float": "fiub", "int": "iu", "bool": "b"}


# ------------------------------------------------------------------------------------------------------ names, dtypes
def named(system: System, positional: tuple, call: str = "kernel") -> None:
    """SymgradError where arrays were passed by position: their order is nothing to guess at."""
    if positional:
        names = [t.name for t in system.declared()]
        raise SymgradError(explain(
            f"{call} takes its arrays by name, but {len(positional)} came without one.",
            fix=f"Pass them by name: {call}({', '.join(f'{n}={n}' for n in names)}).",
        ))  # fmt: skip


def known(whole: System, needed: System, arrays: Mapping[str, object], required: bool = True) -> None:
    """Every array has a tensor of the `whole` system, and (if `required`) every one that is `needed` has an array."""
    declared, wanted = [t.name for t in whole.declared()], [t.name for t in needed.declared()]
    for name in arrays:
        if name not in declared:
            hint = did_you_mean(name, declared)
            text = f"{name} is not an input of this kernel; it takes {', '.join(wanted)}. {hint}"
            raise UnknownNameError(text.rstrip())
    missing = [n for n in wanted if n not in arrays]
    if missing and required:
        were = "was" if len(missing) == 1 else "were"
        raise UnknownNameError(f"{', '.join(missing)} {were} not passed; the kernel takes {', '.join(wanted)}.")


def converted(tensor: Tensor, value, real: type) -> np.ndarray:
    """`value` as the array that the kernel reads: its dtype, C order, writeable; the same object where it is so
    already.

    Integers and booleans become real numbers where those are wanted. Raises DTypeError for real numbers where integers
    are wanted, and for complex numbers, objects and text; DataError for masked entries.
    """
    dtype = {"float": real, "int": np.int64, "bool": np.bool_}[tensor.dtype]
    array = plain_array(tensor, value)
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable:
        return array
    if array.dtype.kind not in KIND[tensor.dtype] and array.size:
        raise dtype_error(tensor, value, array)
    return np.array(array, dtype=dtype, order="C")


def finite(tensor: Tensor, array: np.ndarray) -> None:
    """DataError at the first NaN or infinity."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    at = cell_text(tensor.name, where)
    raise DataError(explain(f"{at} is {array[where]}.", fix="Remove or replace it, or compile without check_finite."))


def facts(tensor: Tensor, array: np.ndarray) -> None:
    """DataError where a declared fact does not hold for the data."""
    for fact in tensor.facts:
        test = _FACTS.get(fact.name)
        text = test(fact, array) if test and array.size else None
        if text:
            raise DataError(explain(
                f"{tensor.name} is declared {fact.name}, but {text}.",
                fix=f"Correct the data, or declare {tensor.name} without `{fact.name}`.",
            ))  # fmt: skip


def _distribution(fact, array: np.ndarray) -> str | None:
    axes = fact.axes or (array.ndim - 1,)
    total = array.sum(axis=axes)
    if np.any(array < 0):
        return "it has a negative entry"
    tolerance = 64 * np.finfo(array.dtype).eps * np.sqrt(array.shape[axes[0]])  # rounding of the user's own division
    wrong = np.argwhere(np.atleast_1d(~(np.abs(total - 1) <= tolerance)))
    return f"a sum is {np.atleast_1d(total)[tuple(wrong[0])]}, not 1" if len(wrong) else None


def _one_hot(fact, array: np.ndarray) -> str | None:
    return (
        None if np.all((array == 0) | (array == 1)) and _distribution(fact, array) is None else "it is not 0 and one 1"
    )


def _signed(test, text):
    return lambda fact, array: None if np.all(test(array)) else text


def _symmetric(fact, array: np.ndarray) -> str | None:
    axes = fact.axes if len(fact.axes) == 2 else (array.ndim - 2, array.ndim - 1)
    return None if np.array_equal(array, np.swapaxes(array, *axes)) else "it differs from its transpose"


_FACTS = {
    "distribution": _distribution,
    "one-hot": _one_hot,
    "one_hot": _one_hot,
    "positive": _signed(lambda a: a > 0, "an entry is not positive"),
    "nonnegative": _signed(lambda a: a >= 0, "an entry is negative"),
    "symmetric": _symmetric,
    "uniform": _signed(lambda a: (a >= 0) & (a <= 1), "an entry is not between 0 and 1"),
}


# ------------------------------------------------------------------------------------------------------------ indices
@dataclass(frozen=True)
class Position:
    """An index position whose range has to be checked: `term`'s guards hold where it is used."""

    equation: Equation
    term: Term  # restricted to what the position depends on
    extent: Expr
    position: Expr
    data: bool  # does it depend on arrays?
    access: Access  # where it stands


def positions(system: System) -> tuple[Position, ...]:
    """The positions that are not safe by construction."""
    found: dict[tuple, Position] = {}
    for eq in system.equations:
        for term in eq.terms:
            for name, cell, guard in _cells(eq, term):
                for position, extent in zip(cell, system.tensors[name].shape):
                    if not _safe(system, term, position, extent, guard):
                        restricted = _restricted(term, position, guard)
                        data = any(e.atoms(Access) for e in (position, *restricted.guard))
                        key = (position, extent, restricted.domain, restricted.guard)
                        found.setdefault(key, Position(eq, restricted, extent, position, data, Access(name, *cell)))
    return tuple(found.values())


def _cells(eq: Equation, term: Term) -> Iterator[tuple[str, tuple[Expr, ...], tuple[Basic, ...]]]:
    """(tensor, cell, the guards that hold when it is accessed)."""
    yield eq.tensor, term.write, term.guard
    for access in all_reads((term.body, *term.write)):
        yield access.name, access.indices, term.guard
    for number, guard in enumerate(term.guard):
        for access in all_reads((guard,)):
            yield access.name, access.indices, term.guard[:number]


def _safe(system: System, term: Term, position: Expr, extent: Expr, guard) -> bool:
    if isinstance(position, Index):
        return term.sizes[position] == extent
    if isinstance(position, Access):
        tensor = system.tensors[position.name]
        if tensor.over is not None and tensor.over == extent and tensor.role != "defined":
            return True  # check_data looks at every label
        return _arg_extent(system, position.name) == extent and any(_tests(g, position) for g in guard)
    return False


def _arg_extent(system: System, name: str) -> Expr | None:
    eq = system.defining().get(name)
    if eq is None or name not in eq.arg:
        return None
    return eq.terms[0].reduced[eq.arg.index(name)].size


def _tests(guard: Basic, position: Access) -> bool:
    """Is the guard `position >= 0`?"""
    return guard == Ge(position, 0)


def _restricted(term: Term, position: Expr, guard) -> Term:
    """The guards that share indices with the position, and the ranges of both."""
    needed, kept = index_symbols(position), []
    growing = True
    while growing:
        growing = False
        for g in guard:
            if g not in kept and (index_symbols(g) & needed or not index_symbols(g)):
                kept.append(g)
                needed |= index_symbols(g)
                growing = True
    domain = tuple(r for r in term.domain if r.index in needed)
    return Term((position,), Integer(0), domain, tuple(g for g in guard if g in kept))


def check_sizes(system: System, found: tuple[Position, ...], sizes) -> None:
    """Positions that depend on sizes only."""
    for p in found:
        if not p.data and not _bounded(p, sizes):
            _visit(system, p, sizes, {})


def check_places(system: System, sizes) -> None:
    """Places of extremes are compared in 32 bits."""
    for eq in system.equations:
        for term in eq.terms if isinstance(eq, Equation) and eq.arg else ():
            if any(size_value(r.size, sizes) >= 2**31 for r in term.reduced):
                raise SymgradError(f"the {eq.reduce} in {eq.tensor} is over 2**31 entries or more: too many.")


def check_indices(system: System, found: tuple[Position, ...], sizes, arrays: Mapping[str, np.ndarray]) -> None:
    """Positions that depend on data: labels, gathered rows."""
    for p in found:
        if p.data and not _within(p, sizes, arrays):
            _visit(system, p, sizes, arrays)


def _bounded(p: Position, sizes) -> bool:
    """Do the ends of the index ranges bound an affine position inside the axis?"""
    ends = {r.index: size_value(r.size, sizes) - 1 for r in p.term.domain}
    if any(end < 0 for end in ends.values()):
        return True
    if not p.position.is_polynomial(*ends):  # floor(n/2): its values at 0 and 1 say nothing
        return False
    origin = _number(p.position.xreplace({i: Integer(0) for i in ends}), sizes)
    if origin is None:
        return False
    low = high = origin
    for index, end in ends.items():
        step = _number(p.position.xreplace({index: Integer(1)} | {i: Integer(0) for i in ends if i != index}), sizes)
        if step is None or p.position.diff(index).has(Index):
            return False
        step -= origin
        low, high = low + min(step * end, 0), high + max(step * end, 0)
    return low >= 0 and high < size_value(p.extent, sizes)


def _number(expr: Expr, sizes) -> int | None:
    if not expr.is_polynomial(*expr.free_symbols):
        return None
    value = expr.xreplace({s: Integer(v) for s, v in sizes.items()})
    return int(value) if value.is_Integer else None


def _within(p: Position, sizes, arrays: Mapping[str, np.ndarray]) -> bool:
    """A position that is one read of an input: are all its entries in range?"""
    if not isinstance(p.position, Access) or p.position.name not in arrays:
        return False
    values = arrays[p.position.name]
    return values.size == 0 or (values.min() >= 0 and values.max() < size_value(p.extent, sizes))


def _visit(system: System, p: Position, sizes, arrays: Mapping[str, np.ndarray]) -> None:
    """Let the interpreter write 0 to a vector at every value of the position; IndexRangeError shows the equation."""
    name = "symgrad index check"
    tensor = Tensor(name, (p.extent,), named=False)
    wanted = {a.name for e in p.term.expressions() for a in e.atoms(Access)}
    checked = system.prune(tuple(sorted(wanted))) if wanted else replace(system, equations=(), outputs=(), updates={})
    equations = (*checked.equations, Equation(name, (p.term,), source=p.equation.source))
    declared = {t.name: t for t in system.declared()}
    lengths = {f"symgrad size {s}": Tensor(f"symgrad size {s}", (s,), role="input", named=False) for s in sizes}
    probe = System({**declared, **lengths, **checked.tensors, name: tensor}, equations, (name,), {})
    given = {n: arrays[n] for n in declared if n in arrays} or _empty_arrays(system, sizes)
    _interpret(probe, given | _empty_arrays(replace(system, tensors=lengths), sizes), p)


def _interpret(probe: System, arrays, p: Position) -> None:
    try:
        interpret(probe, arrays)
    except IndexRangeError as error:
        text = str(error)
        if text.startswith(f"{p.position} reaches"):  # the probe knows the position, not whose it is
            text = text.replace(str(p.position), str(p.access), 1)
        raise IndexRangeError(text if p.equation.source in text else explain(text, p.equation.source)) from None


def _empty_arrays(system: System, sizes) -> dict[str, np.ndarray]:
    """Arrays of the right shapes that take no memory: a position without data never looks inside them."""
    shapes = {t.name: tuple(size_value(s, sizes) for s in t.shape) for t in system.declared()}
    return {name: np.broadcast_to(np.float64(0), shape) for name, shape in shapes.items()}
