r"""Shifted exponentials: the equations behind `logsumexp`, `softmax` and `log_softmax`.

    m[F]    = max[R] u                 a[F] = where the maximum stands (the first one)
    e[F,R]  = exp(u - c[F])            c[F] = stop(finite(m[F])): no derivative flows through a shift
    S[F]    = sum[R] e
    p[F,R]  = e/S
    rest[F] = sum[R, R != a] e         q[F,R] = (rest at a, S - e elsewhere)/S = 1 - p, without cancellation

Source: P. Blanchard, D. J. Higham, N. J. Higham, Accurately computing the log-sum-exp and softmax functions,
IMA J. Numer. Anal. 41 (2021). That the shift has no derivative is proved where it is used: d/dc (c + log S) = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sympy import And, Eq, Expr, Integer, Ne, Not, Or, exp, log

from ..functions import finite, stop, where
from .access import Access, Index
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
    complement: str
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
    def ratio(self) -> Expr:
        """The share as its definition, e/S."""
        e = Access(self.exponential, *self._indices(self.free, self.reduced))
        return e / Access(self.total, *self._indices(self.free))

    @property
    def log_softmax(self) -> Expr:
        return self.argument - self.shift - self.log_total

    def at(self, places: Mapping[Index, Expr]) -> Shifted:
        """The same pieces, read at other indices."""
        def moved(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
            return tuple(r._replace(index=places.get(r.index, r.index)) for r in ranges)

        return replace(
            self, free=moved(self.free), reduced=moved(self.reduced), argument=self.argument.xreplace(dict(places))
        )


def shifted_exponentials(
    argument: Expr, free: tuple[Range, ...], reduced: tuple[Range, ...], guard: tuple, fresh: Callable[[str], str],
    label: str = "", letter: Callable[[Index], str] = str,
) -> Shifted:  # fmt: skip
    """The pieces for `argument` (best one access) reduced over `reduced`.

    `fresh` makes a name from a stem, `label` is the LaTeX of the share, `letter` what an index is called in print.
    """
    outer, inner = tuple(r.index for r in free), tuple(r.index for r in reduced)
    cell, domain = (*outer, *inner), (*free, *reduced)
    m, e, total, p, rest, q = map(fresh, ("max", "exp", "total", "softmax", "rest", "complement"))
    args = tuple(fresh("arg") for _ in inner)
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
        Equation(q, (Term(cell, left / sum_, domain, guard), *_kept_out(cell, domain, guard))),
    )
    tensors = (
        *(_piece(name, free, letter) for name in (m, total, rest)),
        *(_piece(name, free, letter, dtype="int", over=r.size) for name, r in zip(args, reduced)),
        _piece(e, domain, letter),
        _piece(q, domain, letter),
        _piece(p, domain, letter, label=label, complement=q),
    )
    return Shifted(free, reduced, argument, m, e, total, p, q, equations, tensors)


def _kept_out(cell: tuple, domain: tuple[Range, ...], guard: tuple) -> tuple[Term, ...]:
    """A cell that a guard keeps out has the share 0: its complement is 1."""
    return tuple(Term(cell, Integer(1), domain, (*guard[:n], Not(g))) for n, g in enumerate(guard))


def _piece(name: str, ranges: tuple[Range, ...], letter: Callable[[Index], str], **more) -> Tensor:
    letters = tuple(letter(r.index) for r in ranges)
    return Tensor(name, tuple(r.size for r in ranges), named=False, letters=letters, **more)
