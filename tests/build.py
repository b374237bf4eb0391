"""Short spellings for Systems built by hand, so that the tests of `ir` need no parser."""

from __future__ import annotations

from sympy import sympify

from symgrad.ir.access import Access, Index, Size
from symgrad.ir.system import Equation, Range, System, Tensor, Term

i, j, k, l, m, n = map(Index, "ijklmn")
D, K, M, N = map(Size, "DKMN")


def at(name, *indices):
    return Access(name, *indices)


def term(write, body, domain, *guard):
    """`domain` maps an index to its size."""
    ranges = tuple(Range(index, sympify(size)) for index, size in domain.items())
    return Term(tuple(map(sympify, write)), sympify(body), ranges, tuple(guard))


def tensor(name, *shape, **options):
    return Tensor(name, tuple(map(sympify, shape)), **options)


def given(name, *shape, role="input", **options):
    return tensor(name, *shape, role=role, **options)


def system(tensors, *equations, outputs=None):
    written = tuple(name for eq in equations for name in eq.writes)
    return System({t.name: t for t in tensors}, equations, outputs or written)


def equation(name, *terms, reduce="sum", arg=(), source=""):
    return Equation(name, terms, reduce, arg, source)
