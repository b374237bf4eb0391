"""log(S) where S is a sum of shifted exponentials: S = 1 + rest, so that near 1 it is log1p(rest).

    S = sum_k exp(u_k - c),   c = max_k u_k = u_a   =>   exp(u_a - c) = 1,   S = 1 + sum_{k != a} exp(u_k - c)

A loss of 1e-22 (a confident, right prediction) stays 1e-22 and does not become 0. Kernel form only: it is a statement
about values, and `1` stands for a term through which the derivative flows.
Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions (2021), section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import permutations

from sympy import And, Ne, exp, log

from ..functions import apply, finite, stop, where
from ..ir.access import Access
from ..ir.system import Equation, System, Term
from .relations import Relations, relations
from .rewrite import Rule


def near_one(system: System) -> System:
    """Replace log(S) for every S that is proved to be 1 + rest."""
    rests = _rests(system)
    if not rests:
        return system
    steps = [RULE.step(rests, (eq,)) for eq in system.equations]
    changed = tuple(s for s in steps if s.before != s.after)
    return replace(system, equations=tuple(s.after[0] for s in steps), log=(*system.log, *changed))


def _rests(system: System) -> dict[str, str]:
    """total -> rest, where rest sums the same exponentials without the one that is exactly 1."""
    table = relations(system)
    alike: dict[tuple, list[Equation]] = {}
    for eq in system.equations:
        if eq.reduce == "sum" and len(eq.terms) == 1 and len(eq.terms[0].reduced) == 1:
            term = eq.terms[0]
            alike.setdefault((term.write, term.body, term.domain), []).append(eq)
    maxima = [eq for eq in system.equations if eq.reduce == "max"]
    return {
        total.tensor: rest.tensor
        for same in alike.values()
        for total, rest in permutations(same, 2)
        if _is_rest(total.terms[0], rest.terms[0], maxima, table)
    }


def _is_rest(total: Term, rest: Term, maxima: Iterable[Equation], table: Relations) -> bool:
    argument = _exponent(total.body, table)
    for maximum in maxima:
        term = maximum.terms[0]
        if (term.write, term.domain, term.guard) != (total.write, total.domain, total.guard):
            continue
        shift = stop(finite(Access(maximum.tensor, *term.write)))
        chosen = Access(maximum.arg[0], *term.write)
        if argument == term.body - shift and set(rest.guard) - set(total.guard) == {Ne(total.reduced[0].index, chosen)}:
            return True
    return False


def _exponent(body, table: Relations):
    """u where `body` is exp(u), pieces written out."""
    while isinstance(body, Access):
        body = table.expand(body)
    if not isinstance(body, exp):
        return None
    argument = body.args[0]
    return table.expand(argument) or argument if isinstance(argument, Access) else argument


def _replace(rests: Mapping[str, str], before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    (eq,) = before
    return (eq.with_terms(replace(t, body=_in_body(t.body, rests)) for t in eq.terms),)


def _in_body(body, rests: Mapping[str, str]):
    logs = {f: f.args[0] for f in body.atoms(log) if isinstance(f.args[0], Access) and f.args[0].name in rests}
    return body.xreplace({f: _stable_log(total, rests[total.name]) for f, total in logs.items()})


def _stable_log(total: Access, rest: str):
    near = And(total >= 1, total < 2)
    return where(near, apply("log1p", Access(rest, *total.indices)), log(total))


RULE = Rule("near one: log(1 + rest) = log1p(rest)", _replace,
            "Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021), section 4")  # fmt: skip
