"""Divisions by what a loop does not change: once before the loop, multiplications inside.

A division takes ten times as long as a multiplication. `a/x` becomes `a c r` with r = 1/(c x), where c is a power of
two that keeps r a normal number: 1 unless x is below 2^-64 or above 2^64 in size. The result differs from a division's
by less than one unit of the last place, and 0, infinities and NaN come out as they do there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sympy import Abs, Basic, Expr, Gt, Integer, Lt, Mul, Pow

from ..functions import where
from ..ir.access import Access, Index, fresh_names, index_symbols
from . import loops
from .expressions import divided

LARGE = Integer(2) ** 64


def hoisted(kernel: loops.Kernel) -> loops.Kernel:
    """The kernel with divisions by loop invariants in front of their loops."""
    dtypes, ranks, registers = dict(kernel.dtypes), dict(kernel.ranks), set(kernel.registers)

    def register(stem: str) -> str:
        name = next(fresh_names({*dtypes}, stem))
        dtypes[name], ranks[name] = "float", 0
        registers.add(name)
        return name

    kernel = loops.rewritten(kernel, lambda body: _nodes(body, register, kernel.dtypes))
    return replace(kernel, dtypes=dtypes, ranks=ranks, registers=frozenset(registers))


def _nodes(nodes: list[loops.Node], register: Callable[[str], str], dtypes) -> list[loops.Node]:
    out: list[loops.Node] = []
    for node in nodes:
        before: list[loops.Node] = []
        if isinstance(node, loops.For) and (not node.rows or _flat(node)):
            before, node = _loop(node, register, dtypes)
        out += [*before, loops.inside(node, lambda body: _nodes(body, register, dtypes))]
    return out


def _loop(loop: loops.For, register: Callable[[str], str], dtypes) -> tuple[list[loops.Node], loops.For]:
    """What comes before the loop, and the loop."""
    before: list[loops.Node] = []
    body = loop.body
    changed = {name for node in loops.walk(body) for name in loops.written(node)}
    moving = {loop.index, *(n.index for n in loops.walk(body) if isinstance(n, loops.For | loops.First))}
    for divisor in dict.fromkeys(d for d in divisors(body) if _steady(d, changed, moving, dtypes)):
        made, change = reciprocal(divisor, register)
        before += made
        body = [_mapped(n, change) for n in body]
    return before, replace(loop, body=body)


def reciprocal(divisor: Expr, register: Callable[[str], str]) -> tuple[list[loops.Node], Callable[[Basic], Basic]]:
    """The statements that compute 1/(c x) and c, and what makes divisions by x multiplications."""
    part, over = register("steady"), register("over")
    made: list[loops.Node] = [
        loops.Set(part, _power_of_two(divisor)),
        loops.Set(over, Access(part) * divisor),  # a quotient of its own: 1/x/c could overflow
        loops.Set(over, 1 / Access(over)),
    ]
    return made, lambda e: _divided(e, divisor, Access(over), Access(part))


def _power_of_two(x: Expr) -> Expr:
    return where(Lt(Abs(x), 1 / LARGE), LARGE, where(Gt(Abs(x), LARGE), 1 / LARGE, Integer(1)))


def divisors(nodes: list[loops.Node]) -> Iterator[Expr]:
    """What the values computed in `nodes` are divided by."""
    for node in loops.walk(nodes):
        if isinstance(node, loops.Set | loops.Store | loops.Combine) and isinstance(node.value, Expr):
            for power in sorted(node.value.atoms(Pow), key=str):
                if power.exp.is_Integer and power.exp < 0:
                    yield 1 / power


def _steady(divisor: Expr, changed: set[str], moving: set[Index], dtypes) -> bool:
    """Does the value stay the same in all of the loop? (What holds no array is a constant of the kernel.)"""
    accesses = divisor.atoms(Access)
    if not accesses or index_symbols(divisor) & moving:
        return False
    return all(a.name not in changed and dtypes[a.name] == "float" for a in accesses)


def _divided(expr: Basic, divisor: Expr, over: Access, part: Access) -> Basic:
    """`expr` with divisions by `divisor` as multiplications."""
    if not expr.args or isinstance(expr, Access):
        return expr
    args = [_divided(a, divisor, over, part) for a in expr.args]
    if isinstance(expr, Pow) and expr == 1 / divisor:
        return divided(Integer(1), part, over)
    if isinstance(expr, Mul) and 1 / divisor in expr.args:
        rest = [a for a, old in zip(args, expr.args) if old != 1 / divisor]
        return divided(Mul(*rest), part, over)
    return expr.func(*args)


def _mapped(node: loops.Node, change: Callable[[Basic], Basic]) -> loops.Node:
    """The node with every value changed."""
    match node:
        case loops.Set() | loops.Store() | loops.Combine() if isinstance(node.value, Expr):
            return replace(node, value=change(node.value))
    return loops.inside(node, lambda body: [_mapped(n, change) for n in body])


def _flat(loop: loops.For) -> bool:
    return not any(isinstance(n, loops.For | loops.First) for n in loops.walk(loop.body))
