"""Reductions other than sums, as equations: max, min, prod, argmax, and the stable forms with a stopped max shift.

`softmax`, `log_softmax` and `logsumexp` of one argument share the pieces of `ir.shifted`; u, the argument, is a piece
where it is not a plain read. Guards go into every piece.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr
from sympy.logic.boolalg import Boolean

from ..ir.access import Access, Index, index_symbols
from ..ir.shifted import Shifted, shifted_exponentials
from ..ir.system import Range
from .pieces import EXPANSIONS, Addend, Maker, addends, context, located, piece, place, scalar, shared_key
from .sizes import letter_of
from .tree import Fold


def _around(maker: Maker, tree: Fold) -> tuple[tuple[Index, ...], tuple[Boolean, ...]]:
    """The indices of the value and the guards of the reduction, with those of its surroundings that it needs."""
    axes, guards = context(maker, tree)
    kept = tuple(g for g in guards if not index_symbols(g) & set(tree.bound))
    return tuple(i for i in axes if i not in tree.bound), (*kept, *tree.guards)


def _argument(maker: Maker, tree: Fold) -> Expr:
    """u: the body itself where it is a plain read, else a piece over the indices on which it depends."""
    body = tree.body.expr if hasattr(tree.body, "expr") else None
    if isinstance(body, Access) and all(isinstance(i, Index) for i in body.indices):
        return body
    axes, guards = _around(maker, tree)
    parts = [p._replace(guards=(*guards, *p.guards)) for p in addends(maker.under(*tree.guards), tree.body)]
    return piece(maker, "u", (*axes, *tree.bound), parts)


def _shifted(maker: Maker, tree: Fold) -> Shifted:
    """The pieces behind softmax, log_softmax and logsumexp of one argument; made once."""
    (axes, guards), bound = _around(maker, tree), tree.bound
    u = _argument(maker, tree)
    cells, shared = (*axes, *bound), maker.draft.shared
    key = ("shifted", len(bound), shared_key(maker, cells, [Addend(u, (), guards)], "sum"))
    if key in shared:
        pieces, places = shared[key]
        return pieces.at(dict(zip(places, cells)))

    label = _label(tree, u, maker.draft.tensors[u.name].named)

    def fresh(stem: str) -> str:
        return maker.draft.fresh(f"{maker.stem}_{stem}")

    def ranges(indices: tuple[Index, ...]) -> tuple[Range, ...]:
        return tuple(Range(i, maker.size(i)) for i in indices)

    pieces = shifted_exponentials(u, ranges(axes), ranges(bound), guards, fresh, label, letter_of)
    maker.draft.equations += [replace(eq, source=maker.reader.line.text) for eq in pieces.equations]
    maker.draft.tensors.update((t.name, t) for t in pieces.tensors)
    shared[key] = pieces, cells
    return pieces


def softmax(maker: Maker, tree: Fold, name: str = "", layout: tuple[Index, ...] | None = None) -> Expr:
    """The share e/S; with `name` it is the user's tensor, which has the same complement."""
    s = _shifted(maker, tree)
    if not name:
        return s.softmax
    axes, guards = _around(maker, tree)
    cells = (*axes, *tree.bound)
    parts = [Addend(s.ratio, (), guards)]
    label = _label(tree, s.argument, True) if maker.draft.tensors[s.argument.name].named else ""
    p = located(maker, "softmax", cells, parts, name=name, layout=layout, label=label)
    if p.order == tuple(range(len(cells))):
        maker.draft.tensors[p.name] = replace(maker.draft.tensors[p.name], complement=s.complement)
    return Access(*place(p, cells))


def _label(tree: Fold, u: Expr, named: bool) -> str:
    """What the share prints as; an argument without a name is not worth one."""
    letters = ", ".join(map(letter_of, tree.bound))
    argument = _latex(u.name) if named else r"\cdot"
    return rf"\operatorname{{softmax}}_{{{letters}}}({argument})"


def _latex(name: str) -> str:
    stem, _, rest = name.partition("_")
    return f"{stem}_{{{rest.replace('_', ',')}}}" if rest else stem


def log_softmax(maker: Maker, tree: Fold) -> Expr:
    body = _shifted(maker, tree).log_softmax
    axes, guards = _around(maker, tree)
    if not guards:
        return body
    return piece(maker, "log_softmax", (*axes, *tree.bound), [Addend(body, (), guards)])


def logsumexp(maker: Maker, tree: Fold) -> Expr:
    return _shifted(maker, tree).logsumexp


def extreme(maker: Maker, tree: Fold, name: str = "", layout: tuple[Index, ...] | None = None) -> Expr:
    """max, min, prod: one equation of their own."""
    axes, guards = _around(maker, tree)
    part = Addend(scalar(maker.under(*tree.guards), tree.body), tree.bound, guards)
    return piece(maker, tree.kind, axes, [part], tree.kind, name=name, layout=layout)


def argmax(maker: Maker, tree: Fold, name: str = "", layout: tuple[Index, ...] | None = None) -> Expr:
    """The `arg` of the maximum, an integer; with `name` it is the user's tensor, where no earlier line made it."""
    axes, guards = _around(maker, tree)
    part = Addend(scalar(maker.under(*tree.guards), tree.body), tree.bound, guards)
    top = located(maker, "max", axes, [part], "max", arg=name, layout=layout)
    return Access(*place(top._replace(name=top.args[0]), axes))


EXPANSIONS.update(
    softmax=softmax, log_softmax=log_softmax, logsumexp=logsumexp, max=extreme, min=extreme, prod=extreme, argmax=argmax
)
