r"""Shifted exponentials: the equations behind `logsumexp`, `softmax` and `log_softmax`.

    m[F]    = max[R] u                 a[F] = where the maximum stands
    e[F,R]  = exp(u - c[F])            c[F] = stop(finite(m[F])): no derivative flows through a shift
    S[F]    = sum[R] e
    p[F,R]  = e/S
    rest[F] = sum[R, R != a] e         q[F,R] = (rest at a, S - e elsewhere)/S = 1 - p, without cancellation

Source: P. Blanchard, D. J. Higham, N. J. Higham, Accurately computing the log-sum-exp and softmax functions,
IMA J. Numer. Anal. 41 (2021). That the shift has no derivative is proved where it is used: d/dc (c + log S) = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sympy import And, Eq, Expr, Ne, Or, exp, log

from ..functions import finite, stop, where
from .access import Access
from .system import Equation, Range, Tensor, Term


@dataclass(frozen=True)
class Shifted:
    """The pieces of one family; `at` gives their accesses at the indices they were defined with."""

    free: tuple[Range, ...]
    reduced: tuple[Range, ...]
    argument: Expr
    maximum: str
    exponential: str
    total: str
    share: str
    equations: tuple[Equation, ...]
    tensors: tuple[Tensor, ...]

    def _indices(self, *groups: tuple[Range, ...]):
        return (r.index for g in groups for r in g)

    @property
    def shift(self) -> Expr:
        return stop(finite(Access(self.maximum, *self._indices(self.free))))

    @property
    def log_total(self) -> Expr:
        return log(Access(self.total, *self._indices(self.free)))

    @property
    def logsumexp(self) -> Expr:
        return self.shift + self.log_total

    @property
    def softmax(self) -> Expr:
        """The share e/S, read from its own tensor."""
        return Access(self.share, *self._indices(self.free, self.reduced))

    @property
    def log_softmax(self) -> Expr:
        return self.argument - self.shift - self.log_total


def shifted_exponentials(
    argument: Expr, free: tuple[Range, ...], reduced: tuple[Range, ...], guard: tuple, fresh: Callable[[str], str],
    label: str = "",
) -> Shifted:  # fmt: skip
    """The pieces for `argument` (best one access) reduced over `reduced`; `fresh` makes names, `label` is the LaTeX
    of the share."""
    outer, inner = tuple(r.index for r in free), tuple(r.index for r in reduced)
    cell, domain = (*outer, *inner), (*free, *reduced)
    m, e, total, p, rest, q = (fresh(stem) for stem in ("m", "e", "S", "p", "R", "q"))
    args = tuple(fresh(f"a_{i.name}") for i in inner)
    shift = stop(finite(Access(m, *outer)))
    exponential, sum_ = Access(e, *cell), Access(total, *outer)
    chosen = [Access(a, *outer) for a in args]
    elsewhere = Or(*(Ne(i, c) for i, c in zip(inner, chosen)))
    here = And(*(Eq(i, c) for i, c in zip(inner, chosen)))
    left = where(here, Access(rest, *outer), sum_ - exponential)
    equations = (
        Equation(m, (Term(outer, argument, domain, guard),), "max", args),
        Equation(e, (Term(cell, exp(argument - shift), domain, guard),)),
        Equation(total, (Term(outer, exponential, domain, guard),)),
        Equation(p, (Term(cell, exponential / sum_, domain, guard),)),
        Equation(rest, (Term(outer, exponential, domain, (*guard, elsewhere)),)),
        Equation(q, (Term(cell, left / sum_, domain, guard),)),
    )
    tensors = (
        *(_piece(name, free) for name in (m, total, rest)),
        *(_piece(name, free, dtype="int", over=r.size) for name, r in zip(args, reduced)),
        *(_piece(name, domain) for name in (e, q)),
        _piece(p, domain, label=label, complement=q),
    )
    return Shifted(free, reduced, argument, m, e, total, p, equations, tensors)


def _piece(name: str, ranges: tuple[Range, ...], **more) -> Tensor:
    letters = tuple(r.index.name for r in ranges)
    return Tensor(name, tuple(r.size for r in ranges), named=False, letters=letters, **more)
