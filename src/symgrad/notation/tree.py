"""The tree after names got their meaning. What holds no reduction is already one SymPy scalar, a `Leaf`."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Basic
from sympy.logic.boolalg import Boolean

from ..ir.access import Access, Index, index_symbols
from .algebra import build


@dataclass(frozen=True)
class Leaf:
    expr: Basic  # a scalar or a condition; atoms: accesses, indices, sizes, numbers


@dataclass(frozen=True)
class Op:
    """A function or operator of arguments of which at least one is not a Leaf."""

    name: str
    args: tuple[Tree, ...]


@dataclass(frozen=True)
class Choice:
    """where(all guards, yes, no) with conditions on indices: nothing is read where it is not chosen."""

    guards: tuple[Boolean, ...]
    yes: Tree
    no: Tree


@dataclass(frozen=True)
class Fold:
    """kind[bound, guards](body); for softmax and log_softmax `bound` is an index in scope, the place of the value."""

    kind: str
    bound: tuple[Index, ...]
    guards: tuple[Boolean, ...]
    body: Tree


Tree = Leaf | Op | Choice | Fold
AT_PLACE = ("softmax", "log_softmax")


def combine(name: str, args: tuple[Tree, ...]) -> Tree:
    """The call of a function or operator: evaluated by SymPy where all arguments are scalars."""
    if all(isinstance(a, Leaf) for a in args):
        return Leaf(build(name, [a.expr for a in args]))
    return Op(name, args)


def accesses(tree: Tree) -> set[Access]:
    """Every read in a tree, also those inside index positions."""
    match tree:
        case Leaf(expr):
            return expr.atoms(Access)
        case Op(_, args):
            return set().union(*map(accesses, args))
        case Choice(guards, yes, no):
            return accesses(yes) | accesses(no) | {a for g in guards for a in g.atoms(Access)}
        case Fold(_, _, guards, body):
            return accesses(body) | {a for g in guards for a in g.atoms(Access)}
    raise TypeError(tree)


def free(tree: Tree) -> set[Index]:
    """The indices on which the value depends."""
    match tree:
        case Leaf(expr):
            return index_symbols(expr)
        case Op(_, args):
            return set().union(*map(free, args))
        case Choice(guards, yes, no):
            return set().union(free(yes), free(no), *map(index_symbols, guards))
        case Fold(kind, bound, guards, body):
            inner = free(body).union(*map(index_symbols, guards))
            return inner | set(bound) if kind in AT_PLACE else inner - set(bound)
    raise TypeError(tree)
