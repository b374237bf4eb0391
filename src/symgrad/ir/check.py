"""The invariants of a System. `check` raises CheckError at the first one that is broken; every pass is followed by it
in the tests, and programs built from text pass it once."""

from __future__ import annotations

from sympy import Derivative, Float, KroneckerDelta, Product, Sum
from sympy.logic.boolalg import Boolean

from ..errors import CheckError
from .access import Access, Index, Size, index_symbols
from .calls import violations
from .recurrence import scans
from .system import REDUCTIONS, ROLES, Call, Equation, System, Term

FORBIDDEN = (Sum, Product, Derivative, KroneckerDelta, Float)


def check(system: System) -> System:
    """Return `system` if every invariant holds, else raise CheckError naming the equation."""
    _tensors(system)
    _single_assignment(system)
    available = {t.name for t in system.declared()}
    recurrent = scans(system.equations)  # RecurrenceError where a cycle cannot be run
    for eq in system.equations:
        scan = recurrent.get(eq.tensor)
        _read_after_written(system, eq, available.union(scan.axes if scan else ()))
        if isinstance(eq, Call):
            _call(system, eq)
        else:
            _reduction(system, eq)
        for term in eq.terms:
            _domain(system, eq, term)
            _body(eq, term)
            _rank(system, eq, term)
            _extents(system, eq, term)
            _guards(system, eq, term)
        available |= set(eq.writes)
    _results(system, available)
    return system


def _fail(eq: Equation | Call | None, text: str):
    where = f" in the equation of {eq.tensor}" if eq is not None else ""
    raise CheckError(text + where)


def _tensors(system: System) -> None:
    for name, tensor in system.tensors.items():
        if name != tensor.name or tensor.role not in ROLES or tensor.dtype not in ("float", "int", "bool"):
            _fail(None, f"tensor {name} is badly declared: {tensor}")
        for extent in tensor.shape:
            if extent.atoms(Access, Index):
                _fail(None, f"the shape of {name} depends on data or on an index: {extent}")


def _single_assignment(system: System) -> None:
    seen: set[str] = set()
    for eq in system.equations:
        for name in eq.writes:
            if name in seen:
                _fail(eq, f"{name} is written twice")
            if name not in system.tensors or system.tensors[name].role != "defined":
                _fail(eq, f"{name} is written but not declared as defined")
            seen.add(name)
    missing = {t.name for t in system.declared("defined")} - seen
    if missing:
        _fail(None, f"no equation writes {', '.join(sorted(missing))}")


def _read_after_written(system: System, eq: Equation | Call, available: set[str]) -> None:
    for name in sorted(eq.read_names()):
        if name not in system.tensors:
            _fail(eq, f"{name} is read but not declared")
        if name not in available:
            _fail(eq, f"{name} is read before it is written")


def _call(system: System, call: Call) -> None:
    for text in violations(system, call):
        _fail(call, text)
    for name in (*call.arguments, *call.writes):
        if system.tensors[name].dtype != "float":
            _fail(call, f"{name} is not a tensor of real numbers")


def _reduction(system: System, eq: Equation) -> None:
    if eq.reduce not in REDUCTIONS:
        _fail(eq, f"unknown reduction {eq.reduce}")
    if eq.reduce != "sum" and len(eq.terms) != 1:
        _fail(eq, f"a {eq.reduce} has {len(eq.terms)} terms; only sum takes more than one")
    if eq.arg and (eq.reduce not in ("max", "min") or len(eq.arg) != len(eq.terms[0].reduced)):
        _fail(eq, "arg takes one integer tensor for each reduced index of a max or min")
    for name in eq.arg:
        arg, tensor = system.tensors[name], system.tensors[eq.tensor]
        if arg.dtype != "int" or arg.shape != tensor.shape:
            _fail(eq, f"{name} must be an integer tensor of the shape of {eq.tensor}")


def _domain(system: System, eq: Equation, term: Term) -> None:
    indices = term.indices
    if len(set(indices)) != len(indices):
        _fail(eq, f"an index occurs twice in the domain {indices}")
    used = set().union(*(index_symbols(e) for e in term.expressions()))
    if not used <= set(indices):
        _fail(eq, f"{sorted(map(str, used - set(indices)))} not in the domain {indices}")
    for r in term.domain:
        if not all(isinstance(s, Size) for s in r.size.free_symbols):
            _fail(eq, f"the size of {r.index} is not a size expression: {r.size}")


def _body(eq: Equation, term: Term) -> None:
    for expr in term.expressions():
        if expr.atoms(*FORBIDDEN):
            _fail(eq, f"a body holds {expr.atoms(*FORBIDDEN).pop()}")


def _rank(system: System, eq: Equation, term: Term) -> None:
    if len(term.write) != system.tensors[eq.tensor].rank:
        _fail(eq, f"{eq.tensor} has rank {system.tensors[eq.tensor].rank} but {len(term.write)} indices are written")
    for access in term.all_reads():
        tensor = system.tensors[access.name]
        if len(access.indices) != tensor.rank:
            _fail(eq, f"{access} has {len(access.indices)} indices, {access.name} has rank {tensor.rank}")
        for position in access.indices:
            _integer(system, eq, position)
    for position in term.write:
        _integer(system, eq, position)


def _extents(system: System, eq: Equation, term: Term) -> None:
    """A plain index without guards runs over an axis that is provably not shorter than its own size."""
    if term.guard:
        return
    cells = [(eq.tensor, term.write)] + [(a.name, a.indices) for a in term.all_reads()]
    sizes = term.sizes
    for name, position, extent in ((n, p, e) for n, cell in cells for p, e in zip(cell, system.tensors[n].shape)):
        size = sizes.get(position)
        if size is not None and size != extent and (_unrelated(size, extent) or (size - extent).is_positive):
            _fail(eq, f"index {position} runs to {size}, but that axis of {name} has {extent} entries")


def _unrelated(size, extent) -> bool:
    return isinstance(size, Size) and isinstance(extent, Size)


def _guards(system: System, eq: Equation, term: Term) -> None:
    """Guards compare indices, sizes, integers and booleans: what holds never depends on rounding."""
    for guard in term.guard:
        if not isinstance(guard, (Boolean, Access)):
            _fail(eq, f"the guard {guard} is not a condition")
        for access in guard.atoms(Access):
            if system.tensors[access.name].dtype == "float":
                _fail(eq, f"the guard {guard} reads {access.name}, which is not an integer or boolean tensor")


def _integer(system: System, eq: Equation, position) -> None:
    for access in position.atoms(Access):
        if system.tensors[access.name].dtype != "int":
            _fail(eq, f"{access} is used as an index but is not an integer tensor")


def _results(system: System, available: set[str]) -> None:
    for name in (*system.results(), *system.updates):
        if name not in available:
            _fail(None, f"output {name} is never written")
