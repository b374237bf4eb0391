"""Which sums of products are matrix products.

A term y[F] = sum_R of a product is cut into factors by the indices they depend on. Two factors whose indices split into
rows (m), columns (n) and the summed ones (k) are a matrix product; three or more are contracted in pairs, in the order
that opt_einsum finds. What is not stored as a matrix gets a tensor of its own, which the fusion computes or copies.
"""

from __future__ import annotations

from sympy import Add, Expr, Integer, Mul

from ...ir.system import System
from .tree import Contract


def contractions(system: System) -> tuple[System, dict[str, Contract]]:
    return system, {}
