r"""The linearised graph of a System, in numbers: which vertex to eliminate when, and what each order costs.

A vertex is a tensor between inputs and output, an edge u -> w the local Jacobian dw/du with so many non-zero entries.
Eliminating v multiplies every edge into v with every edge out of v; forward mode eliminates in the order of evaluation,
reverse mode in the opposite order, cross-country mode by whichever of some greedy rules takes fewest multiplications:
always the vertex that is cheapest now (Markowitz, weighed by entries), the largest one first, and those two orders.
Finding the best order is NP-complete.

Sources: A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed. (2008), chapters 9 and 10; U. Naumann, Optimal
accumulation of Jacobian matrices by elimination methods, Mathematical Programming 99 (2004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sympy import Expr, Mul

from ..ir.access import index_symbols, size_symbols
from ..ir.cost import NOMINAL
from ..ir.recurrence import Scan, Unit, groups, members
from ..ir.system import Equation, System
from .split import flowing, live_reads

MODES = ("auto", "forward", "reverse", "cross-country")
MARGIN = 2  # reverse mode, whose closed forms are shortest, is left where another one costs less than half

Edge = tuple[str, str]  # (w, u): the derivative of w by u


@dataclass(frozen=True)
class Graph:
    """`entries`: non-zeros of each edge; `cells`: entries of each tensor; `interior`: in the order of evaluation."""

    entries: Mapping[Edge, float]
    cells: Mapping[str, float]
    interior: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    vertices: tuple[str, ...]
    cost: float  # multiplications


def graph(system: System, output: str, wrt: Iterable[str], vertices: frozenset[str]) -> Graph:
    """The graph of a split system; `vertices` lie on a path from `wrt` to `output`. Every size counts as 64."""
    ends = {output, *wrt}
    entries: dict[Edge, float] = {}
    written = [name for eq in system.equations for name in eq.writes if name in vertices]
    for unit in groups(system.equations):
        for w, u in edges(unit, vertices.difference(wrt), vertices):
            entries[w, u] = _entries(system, unit, w, u)
    cells = {name: number(Mul(*system.tensors[name].shape)) for name in vertices}
    return Graph(entries, cells, tuple(n for n in written if n not in ends))


def edges(unit: Unit, above: frozenset[str], below: frozenset[str]) -> list[Edge]:
    """The edges of what is computed together: from what it reads to what it writes."""
    own = {name for eq in members(unit) for name in eq.writes}
    read = set().union(*(flowing(eq) for eq in members(unit)))
    read = read - own if isinstance(unit, Scan) else read
    return [(w, u) for w in sorted(own & above) for u in sorted(read & below)]


def number(size: Expr) -> float:
    """A product of sizes, each taken as 64."""
    return max(float(size.xreplace(dict.fromkeys(size_symbols(size), NOMINAL))), 1.0)


def _entries(system: System, unit: Unit, w: str, u: str) -> float:
    full = number(Mul(*system.tensors[w].shape)) * number(Mul(*system.tensors[u].shape))
    if not isinstance(unit, Equation):
        return full
    found = 0.0
    for term in unit.terms:
        for read in live_reads(term.body):
            if read.name == u:
                used = set().union(set(), *(index_symbols(e) for e in (*term.write, *read.indices)))
                found += number(Mul(*(r.size for r in term.domain if r.index in used)))
    return min(found, full)


def order(of: Graph, mode: str) -> Order:
    """The sequence of eliminations, and the multiplications that it takes (fill-in estimated as if spread evenly)."""
    if mode != "cross-country":
        return _simulated(of, RULES[mode])
    return min((_simulated(of, rule) for rule in RULES.values()), key=lambda found: found.cost)


# What to eliminate next, of the vertices that are left in the order of evaluation. The last two are Markowitz's rule,
# and the one that suits chains: the largest tensor first, which keeps a bottleneck to the end (F. Y. Chin, An O(n)
# algorithm for determining a near-optimal computation order of matrix chain products, CACM 21, 1978).
RULES: dict[str, Callable[[list[str], Mapping[str, float], Mapping[str, float]], str]] = {
    "reverse": lambda left, costs, cells: left[-1],
    "forward": lambda left, costs, cells: left[0],
    "cheapest": lambda left, costs, cells: min(reversed(left), key=costs.__getitem__),
    "largest": lambda left, costs, cells: min(reversed(left), key=lambda v: costs[v] / cells[v] ** 2),
}


def _simulated(of: Graph, rule: Callable) -> Order:
    entries, left, sequence, total = dict(of.entries), list(of.interior), [], 0.0
    ins: dict[str, set[str]] = {}
    outs: dict[str, set[str]] = {}
    for w, u in entries:
        ins.setdefault(w, set()).add(u)
        outs.setdefault(u, set()).add(w)
    costs = {v: _cost(v, entries, ins, outs, of.cells) for v in left}
    while left:
        v = rule(left, costs, of.cells)
        left.remove(v)
        sequence.append(v)
        total += costs.pop(v)
        for u in ins.get(v, ()):
            outs[u].discard(v)
        for w in outs.get(v, ()):
            ins[w].discard(v)
        for w in outs.get(v, ()):
            for u in ins.get(v, ()):
                new = entries[w, v] * entries[v, u] / of.cells[v] + entries.get((w, u), 0.0)
                entries[w, u] = min(new, of.cells[w] * of.cells[u])
                ins.setdefault(w, set()).add(u)
                outs.setdefault(u, set()).add(w)
        for near in (ins.pop(v, set()) | outs.pop(v, set())) & costs.keys():
            costs[near] = _cost(near, entries, ins, outs, of.cells)
    return Order(tuple(sequence), total)


def _cost(v: str, entries: Mapping[Edge, float], ins, outs, cells: Mapping[str, float]) -> float:
    into = sum(entries[v, u] for u in ins.get(v, ()))
    return into * sum(entries[w, v] for w in outs.get(v, ())) / cells[v]


def cheapest(of: Graph) -> str:
    """The mode of least cost; reverse unless another one takes less than half."""
    costs = {mode: order(of, mode).cost for mode in ("reverse", "forward", "cross-country")}
    best = min(costs, key=costs.__getitem__)
    return best if costs[best] * MARGIN < costs["reverse"] else "reverse"
