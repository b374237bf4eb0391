"""Reductions other than sums, as equations: max, min, prod, argmax, and the stable forms with a stopped max shift.

softmax[k](b), with F the other indices on which b depends:

    u = b                                       where b is not a plain read
    m[F] = max_k u,  a[F] = arg                 first index wins
    e[F,k] = exp(u - stop(finite(m[F])))
    S[F] = sum_k e
    p[F,k] = e/S
    R[F] = sum_{k, k != a[F]} e
    q[F,k] = where(k == a[F], R, S - e)/S       the complement of p: exactly 1 - p, without cancellation

logsumexp = stop(finite(m)) + log(S), log_softmax = u - stop(finite(m)) - log(S). Guards go into every piece. Equal
pieces are made once: a softmax and a log_softmax of one tensor share m, e and S.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sympy import And, Eq, Expr, Integer, Ne, Not, Or, exp, log

from ..functions import finite, stop, where
from ..ir.access import Access, Index
from .pieces import EXPANSIONS, Addend, Maker, addends, in_order, located, piece, place, scalar
from .tree import Fold, free


@dataclass(frozen=True)
class Shifted:
    """The pieces that softmax, log_softmax and logsumexp have in common."""

    axes: tuple[Index, ...]  # F
    u: Expr
    shift: Expr  # stop(finite(m))
    args: tuple[Expr, ...]  # a[F], one for each reduced index
    e: Expr
    total: Expr  # S


def _axes(tree: Fold) -> tuple[Index, ...]:
    return tuple(i for i in in_order(free(tree)) if i not in tree.bound)


def _argument(maker: Maker, tree: Fold) -> Expr:
    """u: the body itself where it is a plain read, else a piece over the indices on which it depends."""
    body = tree.body.expr if hasattr(tree.body, "expr") else None
    if isinstance(body, Access) and all(isinstance(i, Index) for i in body.indices):
        return body
    parts = [p._replace(guards=(*tree.guards, *p.guards)) for p in addends(maker, tree.body)]
    return piece(maker, "u", (*_axes(tree), *tree.bound), parts)


def _shifted(maker: Maker, tree: Fold) -> Shifted:
    axes, bound, guards = _axes(tree), tree.bound, tree.guards
    u = _argument(maker, tree)
    top = located(maker, "max", axes, [Addend(u, bound, guards)], "max")
    shift = stop(finite(Access(*place(top, axes))))
    args = tuple(Access(*place(replace_name(top, a), axes)) for a in top.args)
    e = piece(maker, "exp", (*axes, *bound), [Addend(exp(u - shift), (), guards)])
    total = piece(maker, "total", axes, [Addend(e, bound, guards)])
    return Shifted(axes, u, shift, args, e, total)


def replace_name(layout, name: str):
    return layout._replace(name=name)


def softmax(maker: Maker, tree: Fold, name: str = "", layout: tuple[Index, ...] | None = None) -> Expr:
    """p, made together with its complement q; with `name` it is the user's tensor."""
    s = _shifted(maker, tree)
    cells = (*s.axes, *tree.bound)
    parts = [Addend(s.e / s.total, (), tree.guards)]
    p = located(maker, "softmax", cells, parts, name=name, layout=layout, label=_label(tree, s.u))
    tensor = maker.draft.tensors[p.name]
    if not tensor.complement:
        q = _complement(maker, tree, s, cells, tuple(cells[n] for n in p.order), p.name)
        maker.draft.tensors[p.name] = replace(tensor, complement=q)
    return Access(*place(p, cells))


def _complement(maker: Maker, tree: Fold, s: Shifted, cells, layout, of: str) -> str:
    """The name of q[F,k]; a cell that a guard keeps out has p = 0, so q = 1 there."""
    others = Or(*(Ne(i, a) for i, a in zip(tree.bound, s.args)))
    at_top = And(*(Eq(i, a) for i, a in zip(tree.bound, s.args)))
    rest = piece(maker, "rest", s.axes, [Addend(s.e, tree.bound, (*tree.guards, others))])
    parts = [Addend(where(at_top, rest, s.total - s.e) / s.total, (), tree.guards)]
    parts += [Addend(Integer(1), (), (*tree.guards[:n], Not(g))) for n, g in enumerate(tree.guards)]
    return located(maker, "complement", cells, parts, layout=layout, label=f"1 - {_latex(of)}").name


def _label(tree: Fold, u: Expr) -> str:
    letters = ", ".join(i.name.split("?")[0] for i in tree.bound)
    return rf"\operatorname{{softmax}}_{{{letters}}}({_latex(u.name)})"


def _latex(name: str) -> str:
    stem, _, rest = name.partition("_")
    return f"{stem}_{{{rest.replace('_', ',')}}}" if rest else stem


def log_softmax(maker: Maker, tree: Fold) -> Expr:
    s = _with_share(maker, tree)
    body = s.u - s.shift - log(s.total)
    if not tree.guards:
        return body
    return piece(maker, "log_softmax", (*s.axes, *tree.bound), [Addend(body, (), tree.guards)])


def _with_share(maker: Maker, tree: Fold) -> Shifted:
    """The pieces, and beside them the softmax: derivatives are expressed by it. Where none is, nothing computes it."""
    s = _shifted(maker, tree)
    softmax(maker, tree)
    return s


def logsumexp(maker: Maker, tree: Fold) -> Expr:
    s = _with_share(maker, tree)
    return s.shift + log(s.total)


def extreme(maker: Maker, tree: Fold, name: str = "", layout: tuple[Index, ...] | None = None) -> Expr:
    """max, min, prod: one equation of their own."""
    part = Addend(scalar(maker, tree.body), tree.bound, tree.guards)
    return piece(maker, tree.kind, _axes(tree), [part], tree.kind, name=name, layout=layout)


def argmax(maker: Maker, tree: Fold, name: str = "", layout: tuple[Index, ...] | None = None) -> Expr:
    """The `arg` of the maximum, an integer; with `name` it is the user's tensor, where no earlier line made it."""
    axes = _axes(tree)
    part = Addend(scalar(maker, tree.body), tree.bound, tree.guards)
    top = located(maker, "max", axes, [part], "max", arg=name, layout=layout)
    return Access(*place(replace_name(top, top.args[0]), axes))


EXPANSIONS.update(
    softmax=softmax, log_softmax=log_softmax, logsumexp=logsumexp, max=extreme, min=extreme, prod=extreme, argmax=argmax
)
