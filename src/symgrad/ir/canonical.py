"""Canonical text: two terms that differ only in the names of their indices, or in the order of commuting parts, have
the same text, byte for byte, in every process.

Indices are renamed `%0, %1, ...`: those that stand alone in `write` by position, the others by refinement (an index is
told from another by the text of the term seen from it), and where that leaves a tie, by the least text. SymPy's own
printing order is not used: it depends on the names that we are about to replace.
"""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Add, And, Basic, Eq, Max, Min, Mul, Ne, Number, Or, Pow, Symbol
from sympy.core.relational import Ge, Gt, Relational

from .access import Access, Index
from .system import Call, Equation, System, Tensor, Term

COMMUTING = {Add: "+", Mul: "*", And: "&", Or: "|", Max: "max", Min: "min", Eq: "==", Ne: "!="}
BRANCH = 4  # a tied class up to this size is resolved by trying each member; in a larger one the first is taken
Names = Mapping[Index, str]


def term_text(term: Term, write: bool = True) -> str:
    """The canonical text of a term; without `write`, the written cell is left out (its indices keep their numbers).

    >>> from symgrad.ir.access import Index as I, Size
    >>> from symgrad.ir.system import Range
    >>> i, j, N = I("i"), I("j"), Size("N")
    >>> term_text(Term((i,), Access("x", j) * Access("A", i, j), (Range(i, N), Range(j, N))))
    '[%0] (A[%0,%1]*x[%1]) {%0<N,%1<N}'
    """
    return _text_of(term, canonical_names(term), write)


def equation_text(eq: Equation | Call) -> str:
    """`tensor, args = reduce: terms`, the terms sorted."""
    if isinstance(eq, Call):
        return f"{','.join(eq.writes)} = {eq.name}({','.join(eq.arguments)})"
    terms = sorted(term_text(t) for t in eq.terms)
    return f"{','.join(eq.writes)} = {eq.reduce}: " + " ++ ".join(terms)


def system_text(system: System) -> str:
    """Declarations, equations in order, outputs, updates: one per line."""
    lines = [_declaration(t) for t in system.tensors.values() if t.role != "defined"]
    lines += [equation_text(eq) for eq in system.equations]
    lines.append("outputs: " + ", ".join(system.outputs))
    lines += [f"update: {old} <- {new}" for old, new in sorted(system.updates.items())]
    return "\n".join(lines)


def _declaration(tensor: Tensor) -> str:
    facts = "".join(f" {f.name}{list(f.axes)}" for f in sorted(tensor.facts))
    over = f" over {expression_text(tensor.over)}" if tensor.over is not None else ""
    shape = ",".join(map(expression_text, tensor.shape))
    return f"{tensor.name}[{shape}]: {tensor.role} {tensor.dtype}{over}{facts}"


def canonical_names(term: Term) -> dict[Index, str]:
    """index -> `%0`, `%1`, ...: written ones by position, then the others in an order that ignores their names."""
    fixed = tuple(dict.fromkeys(w for w in term.write if isinstance(w, Index)))
    rest = [i for i in term.indices if i not in fixed]
    colours = {i: f"%{p}" for p, i in enumerate(fixed)} | dict.fromkeys(rest, "%?")
    if len(rest) > 1:
        rest = _ordered(term, colours, rest)
    return {i: f"%{p}" for p, i in enumerate((*fixed, *rest))}


def _ordered(term: Term, colours: dict[Index, str], rest: list[Index]) -> list[Index]:
    colours = _refine(term, colours, rest)
    tied = _first_tie(colours, rest)
    if not tied:
        return sorted(rest, key=colours.__getitem__)
    candidates = tied if len(tied) <= BRANCH else tied[:1]
    orders = [_ordered(term, {**colours, i: colours[i] + "!"}, rest) for i in candidates]
    fixed = {i: c for i, c in colours.items() if i not in rest}
    return min(orders, key=lambda order: _text_of(term, fixed | {i: f"%r{p}" for p, i in enumerate(order)}, True))


def _refine(term: Term, colours: dict[Index, str], rest: list[Index]) -> dict[Index, str]:
    """Split classes by the text of the term seen from each index until nothing changes."""
    while True:
        seen = {i: (colours[i], _text_of(term, {**colours, i: "%*"}, True)) for i in rest}
        ranks = {s: f"%r{r:04d}" for r, s in enumerate(sorted(set(seen.values())))}
        if len(ranks) == len({colours[i] for i in rest}):
            return colours | {i: ranks[seen[i]] for i in rest}
        colours = colours | {i: ranks[seen[i]] for i in rest}


def _first_tie(colours: dict[Index, str], rest: list[Index]) -> list[Index]:
    classes: dict[str, list[Index]] = {}
    for i in rest:
        classes.setdefault(colours[i], []).append(i)
    return next((members for _, members in sorted(classes.items()) if len(members) > 1), [])


def _text_of(term: Term, names: Names, write: bool) -> str:
    target = f"[{','.join(expression_text(w, names) for w in term.write)}] " if write else ""
    domain = ",".join(sorted(f"{names[r.index]}<{expression_text(r.size)}" for r in term.domain))
    guards = sorted({expression_text(g, names) for g in term.guard})
    return f"{target}{expression_text(term.body, names)} {{{domain}}}" + "".join(f" if {g}" for g in guards)


def expression_text(expr: Basic, names: Names | None = None) -> str:
    """The text of an expression with commuting arguments sorted by their own text; `names` renames indices."""
    names = names or {}

    def of(e: Basic) -> str:
        match e:
            case Access():
                return f"{e.name}[{','.join(map(of, e.indices))}]"
            case Index():
                return names.get(e, e.name)
            case Symbol() | Number():
                return str(e)
            case Gt() | Ge():
                return f"({of(e.rhs)}{'<' if isinstance(e, Gt) else '<='}{of(e.lhs)})"
            case Pow():
                return f"{of(e.base)}**{of(e.exp)}"
        texts = [of(a) for a in e.args]
        if e.func in COMMUTING:
            return f"({COMMUTING[e.func].join(sorted(texts))})"
        if isinstance(e, Relational):
            return f"({e.rel_op.join(texts)})"
        return f"{e.func.__name__}({','.join(texts)})"

    return of(expr)
