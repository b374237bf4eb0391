"""Functions that a program defines for itself, of scalars: `mish2(x) = x*tanh(softplus(x))`.

A call is replaced by the formula, before any name gets its meaning. The formula holds no reduction, no bracketed
read and no name but its parameters, so nothing is ever captured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import UnknownNameError
from . import grammar as g
from .draft import Draft
from .lines import Line, refuse
from .places import CONSTANTS

LARGEST = 20_000  # nodes of a formula with its calls replaced


@dataclass(frozen=True)
class Function:
    parameters: tuple[str, ...]
    body: g.Node


def is_definition(line: Line) -> bool:
    """Does the line define a function: `name(a, b) = ...`?"""
    if line.kind != "equation" or "(" not in line.left or "[" in line.left:
        return False
    head = g.formula(line.text, 0, line.split)
    return isinstance(head, g.Call) and head.function.isidentifier() and head.function not in ("and", "or", "not")


def define(draft: Draft, line: Line) -> None:
    """Add the function of a line; its formula may call those above it."""
    head = g.formula(line.text, 0, line.split)
    assert isinstance(head, g.Call)  # is_definition says so
    names = [arg.id for arg in head.args if isinstance(arg, g.Name)]
    if len(set(names)) != len(head.args) or not names:
        refuse(
            f"{head.function} needs names in the parentheses, each once.", line.text, {head.column: ""},
            f"Write {head.function}(x) = ...",
        )  # fmt: skip
    if head.function in draft.functions or head.function in draft.tensors:
        refuse(f"{head.function} is defined twice.", line.text, {head.column: ""}, "Give one of the two another name.")
    body = expanded(draft, g.formula(line.text, line.split + 1), line)
    _scalar(body, names, line)
    draft.functions[head.function] = Function(tuple(names), body)


def _scalar(node: g.Node, names: list[str], line: Line) -> None:
    if isinstance(node, g.Name) and node.id not in (*names, *CONSTANTS):
        refuse(
            f"{node.id} is no argument of this function.", line.text, {node.column: ""},
            f"Add it to the parentheses: {line.left.strip().removesuffix(')')}, {node.id}) = ...", UnknownNameError,
        )  # fmt: skip
    if isinstance(node, g.Read | g.Reduce):
        refuse(
            "a function is of scalars: its formula has no brackets.", line.text, {node.column: ""},
            "Pass what stands there as an argument.",
        )  # fmt: skip
    for arg in node.args if isinstance(node, g.Call) else ():
        _scalar(arg, names, line)


def expanded(draft: Draft, node: g.Node, line: Line) -> g.Node:
    """`node` with every call of a function of the program replaced by its formula."""
    if not draft.functions:
        return node
    found = _expanded(draft, node, line)
    if _size(found, LARGEST) > LARGEST:
        refuse("a formula is too long once its functions are put in.", line.text, fix="Name the inner calls.")
    return found


def _expanded(draft: Draft, node: g.Node, line: Line) -> g.Node:
    match node:
        case g.Read():
            return replace(node, positions=tuple(_expanded(draft, p, line) for p in node.positions))
        case g.Reduce():
            guards = tuple(_expanded(draft, guard, line) for guard in node.guards)
            return replace(node, guards=guards, body=_expanded(draft, node.body, line))
        case g.Call():
            args = tuple(_expanded(draft, a, line) for a in node.args)
            if node.function not in draft.functions:
                return replace(node, args=args)
            return _put_in(draft.functions[node.function], node, args, line)
    return node


def _put_in(function: Function, call: g.Call, args: tuple[g.Node, ...], line: Line) -> g.Node:
    if len(args) != len(function.parameters):
        wanted, s = len(function.parameters), "s" * (len(function.parameters) != 1)
        refuse(
            f"{call.function} takes {wanted} argument{s}, not {len(args)}.", line.text, {call.column: ""},
            f"Write {call.function}({', '.join(function.parameters)}).",
        )  # fmt: skip
    return _substituted(function.body, dict(zip(function.parameters, args)), call.column)


def _substituted(node: g.Node, values: Mapping[str, g.Node], column: int) -> g.Node:
    """Nodes of the formula take the column of the call: that is where an error is shown."""
    match node:
        case g.Name(id=name) if name in values:
            return values[name]
        case g.Call():
            return g.Call(node.function, tuple(_substituted(a, values, column) for a in node.args), column)
    return replace(node, column=column)


def _size(node: g.Node, most: int) -> int:
    """The number of nodes; a little more than `most` where there are more."""
    parts = node.args if isinstance(node, g.Call) else node.positions if isinstance(node, g.Read) else ()
    if isinstance(node, g.Reduce):
        parts = (*node.guards, node.body)
    total = 1
    for part in parts:
        total += _size(part, most - total)
        if total > most:
            break
    return total
