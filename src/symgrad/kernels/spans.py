"""The spans of loops: conditions on a loop's own index bound it, and those that it does not change stand before it.

    for a in range(A):  if q > 0 and i - a >= 0 and i - a < P: ...      is

    if q > 0:  for a in range(max(0, i - P + 1), min(A, i + 1)): ...
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Basic, Expr, Ge, Gt, Integer, Le, Lt, expand
from sympy.core.relational import Relational

from ..ir.access import Access, Index
from . import loops


def bounded(nodes: list[loops.Node]) -> list[loops.Node]:
    """The same work, from the innermost loops on."""
    return [made for node in nodes for made in _node(node)]


def _node(node: loops.Node) -> list[loops.Node]:
    node = loops.inside(node, bounded)
    return _loop(node) if isinstance(node, loops.For) else [node]


def _loop(loop: loops.For) -> list[loops.Node]:
    before, inner, after = _taken_apart(loop.body)
    if inner is None or loop.rows or loop.reverse:
        return [loop]
    least, below, left, outside = [], [], [], []
    for condition in inner.conditions:
        bound = _bound(condition, loop.index)
        if bound is not None:
            (least if bound[0] else below).append(bound[1])
        else:
            still = isinstance(condition, Relational) and not condition.has(Access, loop.index)
            (outside if still else left).append(condition)
    body = [loops.If(tuple(left), inner.body)] if left else inner.body
    below = [b for b in below if b != loop.size]
    loop = replace(loop, body=[*before, *body, *after], least=tuple(least), below=tuple(below))
    return [loops.If(tuple(outside), [loop])] if outside else [loop]


def _taken_apart(body: list[loops.Node]) -> tuple[list[loops.Node], loops.If | None, list[loops.Node]]:
    """What comes before the one condition, the condition, and what follows: nothing, or a cell that is loaded into a
    register and stored again."""
    match body:
        case [loops.If() as inner]:
            return [], inner, []
        case [loops.Set() as load, loops.If() as inner, loops.Store() as store]:
            if load.value == Access(store.buffer, *store.cell) and store.value == Access(load.register):
                return [load], inner, [store]
    return [], None, []


def _bound(condition: Basic, index: Index) -> tuple[bool, Expr] | None:
    """(True, b) for index >= b, (False, b) for index < b; None for another condition."""
    if not isinstance(condition, Ge | Gt | Le | Lt) or condition.has(Access):
        return None
    excess = condition.lhs - condition.rhs if isinstance(condition, Ge | Gt) else condition.rhs - condition.lhs
    excess = expand(excess - (1 if isinstance(condition, Gt | Lt) else 0))  # the condition is excess >= 0
    slope = excess.coeff(index, 1)
    rest = expand(excess - slope * index)
    if slope not in (1, -1) or rest.has(index) or not rest.is_integer:
        return None
    return (True, -rest) if slope == 1 else (False, rest + Integer(1))
