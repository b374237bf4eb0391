"""Equations from trees: terms of one sum, and the pieces (unnamed tensors) that hold what stands inside a body.

A right side is taken apart linearly into addends, each a body with its reduced indices and guards:

    mean[n](-sum[k](Y[n,k]*log(p[n,k])))   is   sum over n, k of  -Y[n,k]*log(p[n,k])/N

Any other reduction inside a body becomes an equation over just the indices on which it depends; equal ones are shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import sympy
from sympy import Add, Basic, Expr, Integer, Mul
from sympy.logic.boolalg import Boolean, Not

from ..functions import where
from ..ir.access import Access, Index, all_reads, index_symbols
from ..ir.system import Equation, Range, Tensor, Term
from .draft import Draft
from .recurrent import ahead
from .scope import Reader
from .sizes import letter_of
from .tree import Choice, Fold, Leaf, Op, Tree, accesses, combine, free


class Addend(NamedTuple):
    """One point of `bound`, where all guards hold, contributes `body`."""

    body: Expr
    bound: tuple[Index, ...] = ()
    guards: tuple[Boolean, ...] = ()


@dataclass
class Maker:
    """Makes the equations of one line."""

    reader: Reader
    stem: str  # the tensor of the line: pieces are called stem_1, stem_max, ...
    guards: tuple[Boolean, ...] = ()  # what holds where the piece is read

    @property
    def draft(self) -> Draft:
        return self.reader.draft

    def under(self, *guards: Boolean) -> Maker:
        return replace(self, guards=(*self.guards, *guards))

    def size(self, index: Index) -> Expr:
        return self.draft.sizes.find(self.reader.extents[index])


# addends


def addends(maker: Maker, tree: Tree) -> list[Addend]:
    """The linear parts of a tree; those with the same indices and guards are one."""
    merged: dict[tuple, list[Expr]] = {}
    for body, bound, guards in _linear(maker, tree):
        merged.setdefault((bound, guards), []).append(body)
    parts = [Addend(Add(*bodies), *key) for key, bodies in merged.items()]
    return [p for p in parts if p.body != 0] or [Addend(Integer(0))]


def _linear(maker: Maker, tree: Tree) -> Iterable[Addend]:
    match tree:
        case Leaf(expr):
            yield Addend(expr)
        case Op("+", args):
            for arg in args:
                yield from _linear(maker, arg)
        case Op("*", args):
            yield from _scaled(maker, args)
        case Choice():
            yield from _choice(maker, tree)
        case Fold("sum" | "mean", bound, guards, body):
            scale = _mean_scale(maker, tree) if tree.kind == "mean" else Integer(1)
            for part in _linear(maker.under(*guards), body):
                yield Addend(scale * part.body, (*bound, *part.bound), (*guards, *part.guards))
        case _:
            yield Addend(scalar(maker, tree))


def _scaled(maker: Maker, args: Sequence[Tree]) -> Iterable[Addend]:
    """Numbers and sizes go into the addends of the one other factor."""
    moving = [a for a in args if not (isinstance(a, Leaf) and _fixed(a.expr))]
    if len(moving) != 1:
        yield Addend(scalar(maker, Op("*", tuple(args))))
        return
    scale = Mul(*(a.expr for a in args if a is not moving[0]))
    for part in _linear(maker, moving[0]):
        yield part._replace(body=scale * part.body)


def _fixed(expr: Basic) -> bool:
    return not expr.has(Access) and not index_symbols(expr)


def _choice(maker: Maker, tree: Choice) -> Iterable[Addend]:
    """The parts of `yes` under the guards; those of `no` under each way in which the guards first fail."""
    for part in _linear(maker.under(*tree.guards), tree.yes):
        yield part._replace(guards=(*tree.guards, *part.guards))
    failing = [(*tree.guards[:n], Not(g)) for n, g in enumerate(tree.guards)]
    if not any(a.indices for a in all_reads(tree.guards)):
        failing = [(Not(sympy.And(*tree.guards)),)]
    otherwise = maker.under(Not(sympy.And(*tree.guards)))
    for part in list(_linear(otherwise, tree.no)):
        if part.body != 0:
            for guards in failing:
                yield part._replace(guards=(*guards, *part.guards))


def _mean_scale(maker: Maker, tree: Fold) -> Expr:
    """1 over the number of points: a product of sizes, or under guards a counting equation."""
    if not tree.guards:
        return Mul(*(1 / maker.reader.extents[i] for i in tree.bound))
    part = Addend(Integer(1), tree.bound, tree.guards)
    outer = in_order(set().union(*map(index_symbols, tree.guards)) - set(tree.bound))
    return 1 / piece(maker, "count", outer, [part])


# scalars


def scalar(maker: Maker, tree: Tree) -> Expr:
    """One SymPy scalar: reductions and guarded choices inside are read from pieces."""
    match tree:
        case Leaf(expr):
            return expr
        case Op(name, args):
            parts = tuple(Leaf(scalar(maker, a)) for a in args)
            return combine(name, parts).expr
        case Choice(guards, yes, no) if harmless(yes) and harmless(no):
            return where(sympy.And(*guards), yes.expr, no.expr)
        case Fold(kind) if kind not in ("sum", "mean"):
            return EXPANSIONS[kind](maker, tree)
    axes, guards = context(maker, tree)
    parts = [p._replace(guards=(*guards, *p.guards)) for p in addends(maker, tree)]
    return piece(maker, tree.kind if isinstance(tree, Fold) else "case", axes, parts)


def context(maker: Maker, tree: Tree) -> tuple[tuple[Index, ...], tuple[Boolean, ...]]:
    """The indices of a piece that holds `tree`, and the guards around it that keep its reads in range: those that share
    an index with a read that is not plain. A read of a recurrence needs all: only they say that it lies before."""
    axes, needed = free(tree), set()
    for access in accesses(tree):
        if ahead(maker.draft, access.name):
            needed.update(maker.guards)
        moved = set().union(*(index_symbols(p) for p in access.indices if not isinstance(p, Index)), ())
        needed.update(g for g in maker.guards if index_symbols(g) & moved)
    guards = tuple(g for g in maker.guards if g in needed)
    return in_order(axes.union(*map(index_symbols, guards))), guards


def harmless(tree: Tree) -> bool:
    """A scalar that can be read everywhere: all its positions are plain indices."""
    return isinstance(tree, Leaf) and all(isinstance(p, Index) for a in all_reads([tree.expr]) for p in a.indices)


def in_order(indices: Iterable[Index]) -> tuple[Index, ...]:
    """In the order in which they were bound."""
    return tuple(sorted(indices, key=lambda i: int(i.name.split("?")[1])))


EXPANSIONS: dict = {}  # kind -> how a reduction other than a sum becomes pieces; filled by `expand`


# pieces


class Layout(NamedTuple):
    """A tensor that holds a piece: where the key's axes stand in it, and its `arg` tensors."""

    name: str
    order: tuple[int, ...]
    args: tuple[str, ...] = ()


def piece(
    maker: Maker,
    stem: str,
    axes: tuple[Index, ...],
    parts: Sequence[Addend],
    reduce: str = "sum",
    *,
    name: str = "",
    layout: tuple[Index, ...] | None = None,
    label: str = "",
) -> Access:
    """The access to a tensor over `axes` that holds the parts; made once. With `name`: the user's tensor."""
    return Access(*place(located(maker, stem, axes, parts, reduce, name=name, layout=layout, label=label), axes))


def place(layout: Layout, axes: tuple[Index, ...]) -> tuple:
    return layout.name, *(axes[p] for p in layout.order)


def located(
    maker: Maker,
    stem: str,
    axes: tuple[Index, ...],
    parts: Sequence[Addend],
    reduce: str = "sum",
    *,
    name: str = "",
    arg: str = "",
    layout: tuple[Index, ...] | None = None,
    label: str = "",
) -> Layout:
    """As `piece`, with the names of the `arg` tensors."""
    key = shared_key(maker, axes, parts, reduce)
    if key in maker.draft.shared and not name:
        return maker.draft.shared[key]
    layout = layout or axes
    found = Layout(name or maker.draft.fresh(f"{maker.stem}_{stem}"), tuple(axes.index(i) for i in layout))
    if reduce in ("max", "min"):
        found = found._replace(args=_args(maker, found.name, parts[0].bound, arg))
    shape, letters = tuple(maker.size(i) for i in layout), tuple(map(letter_of, layout))
    terms = tuple(term(maker, layout, p) for p in parts)
    draft = maker.draft
    draft.equations.append(Equation(found.name, terms, reduce, found.args, maker.reader.line.text))
    draft.tensors[found.name] = Tensor(found.name, shape, named=bool(name), letters=letters, label=label)
    for tensor, index in zip(found.args, parts[0].bound):
        draft.tensors[tensor] = Tensor(
            tensor, shape, "int", over=maker.size(index), named=tensor == arg, letters=letters
        )
    draft.shared.setdefault(key, found)
    return found


def _args(maker: Maker, name: str, bound: Sequence[Index], arg: str) -> tuple[str, ...]:
    """Names for the integer tensors of a maximum: where it lies along each reduced index."""
    if len(bound) == 1:
        return (arg or maker.draft.fresh(f"{name}_arg"),)
    return tuple(maker.draft.fresh(f"{name}_arg{letter_of(i)}") for i in bound)


def shared_key(maker: Maker, axes: tuple[Index, ...], parts: Sequence[Addend], reduce: str):
    """The same for pieces that differ in the names of indices only."""
    result = []
    for body, bound, guards in parts:
        names = {i: Index(f"%{n}") for n, i in enumerate((*axes, *bound))}
        extents = tuple(maker.size(i) for i in (*axes, *bound))
        find = maker.draft.sizes.find
        result.append((find(body).xreplace(names), tuple(find(g).xreplace(names) for g in guards), extents))
    return reduce, len(axes), frozenset(result) if len(set(result)) == len(result) else tuple(result)


def term(maker: Maker, write: Sequence[Expr], part: Addend) -> Term:
    """The term that writes `part`; letters are still the reader's (`polished` gives them back)."""
    outer = dict.fromkeys(i for w in write for i in _written(w))
    domain = tuple(Range(i, maker.size(i)) for i in (*outer, *part.bound))
    return Term(tuple(write), part.body, domain, part.guards)


def _written(expr: Expr) -> tuple[Index, ...]:
    return in_order(index_symbols(expr))


def polished(draft: Draft, term: Term) -> Term:
    """The term with final sizes and with the user's letters, told apart where two indices have one letter."""
    mapping: dict[Index, Index] = {}
    taken: set[str] = set()
    for index in term.indices:
        letter, count = letter_of(index), 0
        while (name := letter if not count else f"{letter}_{count}") in taken:
            count += 1
        taken.add(name)
        mapping[index] = Index(name)
    find = draft.sizes.find
    result = term.map(find)
    result = replace(result, domain=tuple(Range(r.index, find(r.size)) for r in result.domain))
    return result.rename(mapping)


__all__ = [
    "EXPANSIONS",
    "Addend",
    "Maker",
    "addends",
    "in_order",
    "located",
    "piece",
    "place",
    "polished",
    "scalar",
    "shared_key",
    "term",
]
