"""Which entries depend on which: examples of a batch that do not see each other.

`followed(system, "x", 0)` tells, for each tensor that depends on x, the axis along which entry n depends on the entries
n of x alone; None where no axis is proved. Normalisation over the batch, a shift, a sum over examples end the proof.
"""

from __future__ import annotations

from .access import Access, Index
from .calls import row_of
from .system import Call, Equation, System


def followed(system: System, name: str, axis: int) -> dict[str, int | None]:
    """tensor that depends on `name` -> its axis that follows `axis` of `name`, or None."""
    found: dict[str, int | None] = {name: axis}
    before = None
    while found != before:  # a recurrence reads what later equations write: until nothing changes
        before = dict(found)
        for eq in system.equations:
            if eq.read_names() & set(found):
                position = _batch_axis(system, eq, found) if isinstance(eq, Call) else _axis(eq, found)
                found |= {written: position for written in eq.writes if written != name}
    return found


def _axis(eq: Equation, found: dict[str, int | None]) -> int | None:
    """The axis of `eq.tensor` that every term writes by the index with which it reads followed tensors."""
    axes: set[int] | None = None
    for term in eq.terms:
        dependent = [a for a in term.all_reads() if a.name in found]
        if dependent:
            index = _common_index(dependent, found)
            here = {p for p, place in enumerate(term.write) if index is not None and place == index}
            axes = here if axes is None else axes & here
    return min(axes) if axes else None


def _batch_axis(system: System, call: Call, found: dict[str, int | None]) -> int | None:
    """The batch axis of what a call writes that lines up (from the right) with the followed axis of all arguments."""
    axes: set[int | None] = set()
    for name, letters in zip(call.arguments, row_of(call).reads.values()):
        if name in found:
            axis, own = found[name], system.tensors[name].rank - len(letters)
            axes.add(call.batch - own + axis if axis is not None and axis < own else None)
    return axes.pop() if len(axes) == 1 else None


def _common_index(dependent: list[Access], found: dict[str, int | None]) -> Index | None:
    """The one plain index that stands on the followed axis of all reads."""
    places = set()
    for access in dependent:
        axis = found[access.name]
        places.add(None if axis is None else access.indices[axis])
    index = places.pop() if len(places) == 1 else None
    return index if isinstance(index, Index) else None

