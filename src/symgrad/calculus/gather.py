"""Kernel form: what many points write to one cell is read from there, where the map of the indices can be inverted.

    g[s p + d a - 1] += u[p] w[a]   is   g[j] = sum over those (p, a) with s p + d a - 1 = j,

the adjoint of a convolution or of mean pooling. Of s p + d a = t (t = j + 1) the solutions are a = (m t mod s) + s b,
p = (t - d a)/s, with m d = 1 modulo s: as many points as before, no cell is written twice, and cells can be computed
in any order. What is summed over an index that does not say where it goes is a contraction of its own, computed before.

Sources: K. Chellapilla, S. Puri, P. Simard, High performance convolutional neural networks for document processing
(2006); of the equation in integers: D. E. Knuth, The Art of Computer Programming 2 (1997), section 4.5.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import gcd

from sympy import Basic, Expr, Ge, Integer, Lt, Mod, Mul, S, expand, floor
from sympy.core.relational import Eq, Relational

from ..ir.access import Access, Index, fresh_names, index_symbols, reads
from ..ir.recurrence import scans
from ..ir.system import Equation, Range, System, Tensor, Term, piece_tensor
from .join import sort_domain
from .rewrite import Rule


@dataclass(frozen=True)
class Overlap:
    """An axis that is written at `slope*index + other_slope*other + rest`: pairs of the two indices meet in a cell."""

    axis: int
    position: Expr
    index: Range
    slope: int
    other: Range
    other_slope: int
    rest: Expr


def gathered(system: System) -> System:
    """The system with sums over inverse images in the place of overlapping writes."""
    tensors, equations, steps = dict(system.tensors), [], list(system.log)
    inside = scans(system.equations)
    for eq in system.equations:
        able = isinstance(eq, Equation) and eq.reduce == "sum" and eq.tensor not in inside
        if not able or not any(any(_overlaps(t, tensors[eq.tensor].shape, tensors)) for t in eq.terms):
            equations.append(eq)
            continue
        step = GATHER.step(dict(tensors), (eq,))
        steps.append(step)
        tensors |= {made.tensor: piece_tensor(made) for made in step.after[:-1]}
        equations += step.after
    return replace(system, tensors=tensors, equations=tuple(equations), log=tuple(steps))


def _gather(tensors, before: tuple[Equation, ...]) -> tuple[Equation, ...]:
    (eq,) = before
    names, made, terms = fresh_names(tensors, f"{eq.tensor}_cells"), [], []
    of = tensors[eq.tensor]
    for term in eq.terms:
        overlaps = tuple(_overlaps(term, of.shape, tensors))
        if overlaps:
            term, *more = _contracted(term, names, tensors)
            made += more
        for overlap in overlaps:
            term = _inverted(term, overlap, of.shape[overlap.axis], of.letters[overlap.axis])
        terms.append(sort_domain(term))
    return (*made, eq.with_terms(terms))


GATHER = Rule("gather: a cell sums what reaches it", _gather,
              "Knuth, The Art of Computer Programming 2 (1997), section 4.5.2 (a x + b y = c)")  # fmt: skip


def _contracted(term: Term, names: Iterator[str], tensors: Mapping[str, Tensor]) -> tuple:
    """A sum over indices that do not enter the write, as an equation before; and the term that reads it. It is taken
    where a guard of the write fails too: its reads are in range all the same."""
    factors = [f for f in Mul.make_args(term.body) if reads(f)]
    summed = {r.index for r in term.reduced}
    if not summed or len(factors) < 2 or any(index_symbols(g) & summed for g in term.guard):
        return (term,)
    plain = all(term.sizes.get(i) == e for a in term.value_reads() for i, e in zip(a.indices, tensors[a.name].shape))
    cell = tuple(r.index for r in term.free)
    eq = Equation(next(names), (Term(cell, term.body, term.domain, () if plain else term.guard),))
    return replace(term, body=Access(eq.tensor, *cell), domain=term.free), eq


def _overlaps(term: Term, shape: tuple[Expr, ...], tensors: Mapping[str, Tensor]) -> Iterator[Overlap]:
    """The axes at which several points of the domain meet in a cell, and whose map can be inverted."""
    for axis, position in enumerate(term.write):
        used = index_symbols(position)
        elsewhere = set().union(*(index_symbols(w) for a, w in enumerate(term.write) if a != axis), set())
        if len(used) < 2 or position.atoms(Access) or used & elsewhere:
            continue
        slopes = {i: expand(position).coeff(i, 1) for i in used}
        rest = expand(position - sum(s * i for i, s in slopes.items()))
        if index_symbols(rest) or not all(s.is_Integer for s in slopes.values()):
            continue
        ranges = [r for r in term.domain if r.index in used]
        far = None if _apart(ranges, slopes) else _far(term, ranges, slopes, shape[axis], tensors)
        near = [r for r in ranges if r != far]
        if far is None:
            continue
        other = min(near, key=lambda r: (abs(slopes[r.index]), r.index.name))
        more = sum((s * i for i, s in slopes.items() if i not in (far.index, other.index)), rest)
        yield Overlap(axis, position, far, int(slopes[far.index]), other, int(slopes[other.index]), more)


def _apart(ranges: list[Range], slopes: Mapping[Index, Expr]) -> bool:
    """Do no two points meet, as in 4 p + a with a < 4? Each stride is longer than all shorter ones together reach."""
    reach = Integer(0)
    for r in sorted(ranges, key=lambda r: abs(slopes[r.index])):
        if not (abs(slopes[r.index]) - reach).is_positive:
            return False
        reach += abs(slopes[r.index]) * (r.size - 1)
    return True


def _far(term: Term, ranges: list[Range], slopes, extent: Expr, tensors: Mapping[str, Tensor]) -> Range | None:
    """The index to solve for, the one that runs along the axis: a cell is then reached from few points. It is the one
    whose size grows with the axis; or else the only one of unknown size; or one that does not place a given weight; or
    the one of the larger stride. None where that leaves several."""
    given = [a for a in term.value_reads() if tensors[a.name].role != "defined"]
    placed = {i for a in given for i in index_symbols(a)}
    largest = max(r.size for r in ranges) if all(r.size.is_Integer for r in ranges) else None
    for test in (
        lambda r: r.size == largest if largest is not None else r.size.free_symbols & extent.free_symbols,
        lambda r: not r.size.is_Integer,
        lambda r: r.index not in placed,
        lambda r: abs(slopes[r.index]) == max(map(abs, slopes.values())),
    ):
        found = [r for r in ranges if test(r)]
        if len(found) == 1:
            return found[0]
    return None


def _inverted(term: Term, overlap: Overlap, extent: Expr, letter: str) -> Term:
    """The term at a plain cell j of the axis."""
    taken = {r.index.name for r in term.domain}
    cell = Index(next(fresh_names(taken - {overlap.index.index.name}, letter)))
    index, other = overlap.index.index, overlap.other.index
    common = gcd(overlap.slope, overlap.other_slope)
    slope, step = overlap.slope // common, overlap.other_slope // common
    target = expand(cell - overlap.rest)
    guards: list[Basic] = [Eq(Mod(target, common), 0)] if common > 1 else []
    target = floor(target / common) if common > 1 else target
    sign, stride = (1 if slope > 0 else -1), abs(slope)
    if stride == 1:
        place, point, span = other, expand(sign * (target - step * other)), overlap.other.size
    else:
        inverse = pow(step, -1, stride)
        first = Mod(expand(inverse * target), stride)
        start = floor(target / stride) if step == 1 else floor((target - step * first) / stride)
        place, point = first + stride * other, sign * (start - step * other)
        span = floor((overlap.other.size + stride - 1) / stride)
        guards.append(Lt(place, overlap.other.size))
    guards += [Ge(point, 0), Lt(point, overlap.index.size)]
    known = {index: point, other: place}

    def moved(expr: Basic) -> Basic:
        return _moved(expr, overlap, cell, known)

    inside = (S.true, Lt(cell, extent), Lt(cell - extent, 0))
    kept = [g for g in (*map(moved, term.guard), *guards) if g not in inside]
    write = tuple(cell if a == overlap.axis else w for a, w in enumerate(term.write))
    ranges = {index: Range(cell, extent), other: Range(other, span)}
    domain = tuple(ranges.get(r.index, r) for r in term.domain)
    return Term(write, moved(term.body), domain, tuple(dict.fromkeys(kept)))


def _moved(expr: Basic, overlap: Overlap, cell: Index, known: dict[Index, Expr]) -> Basic:
    """The expression at the solution; positions and guards that hold the whole position are said by the cell."""
    if isinstance(expr, Relational):
        difference = _at_cell(expand(expr.lhs - expr.rhs), overlap, cell)
        if difference is not None:
            return expr.func(difference, 0)
    if isinstance(expr, Access):
        return Access(expr.name, *(_or_moved(i, overlap, cell, known) for i in expr.indices))
    if not expr.args:
        return known.get(expr, expr)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return expr.func(*(_moved(a, overlap, cell, known) for a in expr.args))


def _or_moved(position: Expr, overlap: Overlap, cell: Index, known: dict[Index, Expr]) -> Basic:
    at = _at_cell(position, overlap, cell)
    return expand(_moved(position, overlap, cell, known)) if at is None else at


def _at_cell(expr: Expr, overlap: Overlap, cell: Index) -> Expr | None:
    """`expr` with the position in it replaced by the cell, where that is all that it holds of the two indices."""
    for sign in (Integer(1), Integer(-1)):
        rest = expand(expr - sign * overlap.position)
        if expr.has(overlap.index.index) and not rest.has(overlap.index.index, overlap.other.index):
            return rest + sign * cell
    return None
