"""Formulas: values, conditions, reductions. Grammar tree -> `tree`."""

from __future__ import annotations

from dataclasses import replace

import sympy
from sympy import Basic, Expr, Ne
from sympy.logic.boolalg import Boolean, Not

from ..errors import DTypeError, UnknownNameError, did_you_mean
from ..functions import PUBLIC, diff
from ..ir.access import Access, Index, all_reads
from ..ir.calls import ROWS
from . import grammar as g
from . import shorthand
from .algebra import known_functions
from .places import access, boolean, named, read, size_call
from .scope import Reader, Scope
from .tree import AT_PLACE, Choice, Fold, Leaf, Tree

ORDERS = 8  # of a derivative inside a model
CONDITIONS = ("<", "<=", ">", ">=", "==", "!=", "and", "or", "not")
LATER = {"scan": ("a recurrence is an equation.", "Write h[t] = where(t == 0, ..., h[t-1] ...).")}
MATRIX = {"tr", "trace", "outer", "kron", "diag", "eye", "cross", "norm2", "dot"}  # functions of whole arrays
PARTS = {"eigvalsh": ("eigh", 0), "svdvals": ("svd", 1), "specnorm": ("svd", 1)}  # one result of several
ROUTINES = {*(row.text for row in ROWS.values()), *PARTS}  # become Calls
ARRAY_OPERATORS = {"@", ".T", *(f".{m}" for m in g.METHODS)}


# values


def value(reader: Reader, node: g.Node, scope: Scope) -> Tree:
    """The tree of a formula whose value is a number."""
    match node:
        case g.Number():
            return Leaf(node.value)
        case g.Name():
            return Leaf(named(reader, node, scope))
        case g.Read():
            return Leaf(read(reader, node, scope))
        case g.Reduce():
            return _reduce(reader, node, scope)
        case g.Call(function=function) if function in CONDITIONS:
            reader.refuse("a comparison is not a number.", node.column, "Write where(condition, 1, 0).")
        case g.Call(function="size") if "size" not in reader.draft.tensors:
            return Leaf(size_call(reader, node, scope))
        case g.Call(function="diff") if "diff" not in reader.draft.tensors:
            return Leaf(_derivative(reader, node, scope))
        case g.Call(function="where") if len(node.args) == 3 and "where" not in reader.draft.tensors:
            return _where(reader, node, scope)
        case g.Call():
            known_function(reader, node)
            args = tuple(value(reader, a, scope) for a in node.args)
            return reader.build(node.function, args, node.column)
    raise TypeError(node)


def known_function(reader: Reader, node: g.Call) -> None:
    """Refuse a call of something that is no function."""
    name = node.function
    if name in ("+", "*", "**"):
        return
    if name in reader.draft.tensors or name in reader.draft.remaining:
        reader.refuse(
            f"{name} is a tensor and cannot be called.",
            node.column,
            f"Read it with brackets, {name}[...], or multiply with *.",
        )
    if name in LATER:
        reader.refuse(LATER[name][0], node.column, LATER[name][1])
    if name in ROUTINES:
        reader.refuse(
            f"{name} is of whole arrays and has no place among indices.",
            node.column,
            f"Give it an equation of its own without indices, X = {name}(...), and read X with indices.",
        )
    if name in MATRIX or name in ARRAY_OPERATORS:
        reader.refuse(
            f"{name} is of whole arrays and has no place among indices.",
            node.column,
            "Give it an equation of its own without indices, or write it with indices: sum[i](A[i,i]).",
        )
    if name in g.REDUCTIONS:
        hint = f" For the larger of two numbers write {name}imum(a, b)." if name in ("max", "min") else ""
        reader.refuse(f"{name} needs its index letters.", node.column, f"Write {name}[i](x[i]).{hint}")
    if name not in known_functions():
        hint = shorthand.INSTEAD.get(name) or did_you_mean(name, [*PUBLIC, "diff", *g.REDUCTIONS])
        reader.refuse(f"{name} is not a function of the notation.", node.column, hint, UnknownNameError)


def _derivative(reader: Reader, node: g.Call, scope: Scope) -> Expr:
    """diff(u[n], x[n]) or, repeated, diff(u[n], x[n], y[n]) and diff(u[n], x[n], 2): the derivative of one cell."""
    if len(node.args) < 2:
        reader.refuse("diff takes a tensor and what to differentiate by.", node.column, "Write diff(u[n], x[n]).")
    first = node.args[0]
    nested = isinstance(first, g.Call) and first.function == "diff"
    found = _derivative(reader, first, scope) if nested else _cell(reader, first, scope)
    if isinstance(found, Access) and reader.draft.tensors[found.name].role != "defined":
        reader.refuse(
            f"{found.name} is not defined by an equation: its derivatives are 0 or 1.",
            first.column,
            "The first argument of diff is computed from the second by the lines above.",
        )
    by: list[Access] = []
    for item in node.args[1:]:
        if isinstance(item, g.Number) and item.value.is_Integer and 1 <= item.value <= ORDERS and by:
            by += [by[-1]] * (int(item.value) - 1)
        else:
            by.append(_cell(reader, item, scope))
    for cell in by:
        found = diff(found, cell)
    return found


def _cell(reader: Reader, node: g.Node, scope: Scope) -> Access:
    """The read of a real tensor: what stands in diff."""
    tree = value(reader, node, scope) if isinstance(node, g.Name | g.Read) else None
    if tree is None or not isinstance(tree.expr, Access):
        reader.refuse("diff takes reads of tensors.", node.column, "Give the formula an equation: v[n] = u[n]**2.")
    if reader.draft.tensors[tree.expr.name].dtype != "float":
        reader.refuse(f"{tree.expr.name} holds no real numbers: no derivative.", node.column, kind=DTypeError)
    return tree.expr


# conditions


def condition(reader: Reader, node: g.Node, scope: Scope) -> Tree:
    """A comparison, and / or / not of comparisons, or a boolean tensor."""
    match node:
        case g.Call(function="and" | "or" | "not" as word):
            return reader.build(word, tuple(condition(reader, a, scope) for a in node.args), node.column)
        case g.Call(function=function) if function in CONDITIONS:
            return reader.build(function, tuple(value(reader, a, scope) for a in node.args), node.column)
        case g.Read(name=name) if boolean(reader, name):
            return Leaf(Ne(access(reader, node, scope), 0))
        case g.Name(id=name) if boolean(reader, name) and name not in scope.letters:
            return Leaf(Ne(access(reader, g.Read(name, (), node.column), scope), 0))
    reader.refuse("this is not a condition.", node.column, "Write a comparison: j <= i, or x[i] > 0.")


def _conjuncts(node: g.Node) -> list[g.Node]:
    if isinstance(node, g.Call) and node.function == "and":
        return [part for a in node.args for part in _conjuncts(a)]
    return [node]


def on_indices(reader: Reader, expr: Basic) -> bool:
    """Is a condition made of indices, sizes, integer and boolean tensors?"""
    return all(reader.draft.tensors[a.name].dtype != "float" for a in all_reads([expr]))


def guards_of(reader: Reader, nodes: tuple[g.Node, ...], scope: Scope) -> tuple[tuple[Boolean, ...], Scope]:
    """The guards of a reduction, each read under those before it."""
    found: list[Boolean] = []
    for node in (part for n in nodes for part in _conjuncts(n)):
        tree = condition(reader, node, scope)
        if not isinstance(tree, Leaf) or not on_indices(reader, tree.expr):
            reader.refuse(
                "a guard compares indices, sizes and integer tensors, not computed values.",
                node.column,
                "Put the condition into the body: sum[j](where(x[j] > 0, x[j], 0)).",
            )
        if tree.expr != sympy.true:
            found.append(tree.expr)
            reader.guards.append(tree.expr)
            scope = scope.under(tree.expr)
    return tuple(found), scope


def _where(reader: Reader, node: g.Call, scope: Scope) -> Tree:
    """where(condition, yes, no): conditions on indices become guards, those on values stay in the body."""
    test, yes, no = node.args
    guards, values, inner = [], [], scope
    for part in _conjuncts(test):
        tree = condition(reader, part, inner)
        if isinstance(tree, Leaf) and on_indices(reader, tree.expr):
            guards.append(tree.expr)
            inner = inner.under(tree.expr)
        else:
            values.append(tree)
    guards = [c for c in guards if c != sympy.true]
    otherwise = scope.under(Not(guards[0])) if len(guards) == 1 and not values else scope
    chosen, other = value(reader, yes, inner), value(reader, no, otherwise)
    if values:
        test_tree = values[0] if len(values) == 1 else reader.build("and", tuple(values), node.column)
        chosen = reader.build("where", (test_tree, chosen, other), node.column)
    if not guards:
        return chosen
    if sympy.false in guards:
        return other
    return Choice(tuple(guards), chosen, other)


# reductions


def _reduce(reader: Reader, node: g.Reduce, scope: Scope) -> Tree:
    if node.kind in reader.draft.tensors or node.kind in reader.draft.remaining:
        reader.refuse(f"{node.kind} is a tensor and cannot be called.", node.column, "Multiply with *.")
    if node.kind not in g.REDUCTIONS:
        hint = shorthand.INSTEAD.get(node.kind) or did_you_mean(node.kind, g.REDUCTIONS)
        reader.refuse(f"{node.kind}[...](...) is not a reduction of the notation.", node.column, hint, UnknownNameError)
    names = [letter.id for letter in node.letters]
    if len(set(names)) != len(names):
        reader.refuse(f"{node.kind} lists a letter twice.", node.column, "List each letter once.")
    if node.kind in ("argmax", "argmin") and len(names) > 1:
        reader.refuse(f"{node.kind} takes one letter.", node.column, f"Write {node.kind}[k](z[k]).")
    if node.kind in shorthand.REDUCTIONS:
        return value(reader, shorthand.REDUCTIONS[node.kind](node), scope)
    bound = tuple(_bound(reader, node, letter, scope) for letter in node.letters)
    inner = replace(scope, letters={**scope.letters, **dict(zip(names, bound))})
    guards, inner = guards_of(reader, node.guards, inner)
    return Fold(node.kind, bound, guards, value(reader, node.body, inner))


def _bound(reader: Reader, node: g.Reduce, letter: g.Name, scope: Scope) -> Index:
    if node.kind not in AT_PLACE:
        return reader.bind(letter)
    if letter.id not in scope.letters:
        reader.refuse(
            f"{node.kind}[{letter.id}] has a value for each {letter.id}, and {letter.id} is not in scope.",
            letter.column,
            f"Write {letter.id} on the left, or a sum over it: sum[{letter.id}](...).",
        )
    return scope.letters[letter.id]
