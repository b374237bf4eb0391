"""What a target's text looks like: the rows of this table are all that differs between targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    name: str
    imports: str
    fortran: str  # how Fortran is called, for modules that need either of the next two
    blas: str  # how the BLAS is called, for modules that multiply matrices
    lapack: str  # how LAPACK is called, for modules that do
    tiles: str  # how matrices are copied into tiles, for modules with long straight-line rows
    streams: str  # how large results are stored, for modules that have such
    helpers: str
    decorators: Mapping[str, str]  # scalar, double, group, run
    chunks: int  # into how many pieces rows are cut; fixed, so results do not depend on threads
    block: int  # least rows of a block of a matrix product
    products: int  # multiplications from which a matrix product is cut into blocks
