"""The whole plan of a System: equations become units, BLAS calls or routines, units are fused, tensors get a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...ir.recurrence import Scan, groups
from ...ir.system import Call, System
from .buffers import Storage, store
from .constants import without_constants
from .contract import contractions
from .fuse import Fusion
from .recur import hoisted, place
from .tree import Group, Routine
from .units import Fresh, units


@dataclass(frozen=True)
class Schedule:
    system: System  # as it is run: with the tensors that contractions added
    groups: tuple[Group, ...]
    storage: Storage
    small: bool
    copies: Mapping[str, str]  # in place: parameter or state -> the tensor copied into it at the end


def schedule(
    system: System,
    in_place: bool = False,
    share: bool = True,
    blas: bool = True,
    slices: bool = True,
    symmetric: bool = True,
    small: bool = True,
) -> Schedule:
    """The plan. `in_place`: the updates overwrite what they update; `share` and `blas` off give the plain lowering,
    `slices` off leaves only products of whole matrices to BLAS: none in a step of a recurrence; `symmetric`: symmetric
    products by blocks of rows; `small`: rows sum into small matrices."""
    system = hoisted(without_constants(system))
    system, calls = contractions(system, slices, symmetric) if blas else (system, {})
    fresh = Fresh()
    fusion = Fusion(system, fresh, share, small)
    for eq in groups(system.equations):
        if isinstance(eq, Scan):
            place(fusion, eq, blas and slices)
        elif isinstance(eq, Call):
            fusion.call(Routine(eq))
        elif eq.tensor in calls:
            fusion.call(calls[eq.tensor])
        else:
            for unit in units(system, eq, fresh, joins=fusion.joins):
                fusion.place(unit)
    fusion.rejoined()
    system = fusion.system  # with the tensors that products inside a recurrence added
    parts = tuple(fusion.groups)
    storage, copies = store(system, parts, in_place)
    return Schedule(system, parts, storage, small, copies)
