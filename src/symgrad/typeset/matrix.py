r"""Matrix notation out: `sum over n of X[n,d]*(P[n,k] - Y[n,k])/N` is \frac{1}{N} X^\top (P - Y).

A product of reads under a sum is a graph: indices are its nodes, matrices its edges. A path between the two indices of
the left side is a matrix product; two factors with the same indices are a Hadamard product; a vector at a node of a
path is a diagonal matrix; a closed path is a trace. What has no such form (guards, tensors of rank three) has none.
Vectors are columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Add, Eq, Expr, Function, Integer, Mul, Pow, expand_mul

from ..functions import where
from ..ir.access import Access, Index, index_symbols
from ..ir.system import Call, Equation, System
from .arrange import Arranged, Iverson, Summand, arrange
from .calls import call_sides
from .equation import aligned, equation_lines, shown_equations
from .names import name_latex
from .order import is_negative, ordered_addends
from .scalar import ScalarPrinter, fill, join_signed, parentheses, template_of

SUM, HADAMARD, PRODUCT, ATOM = range(4)  # how tightly a text holds together
ONES, IDENTITY = r"\mathbf{1}", "I"


@dataclass(frozen=True)
class Part:
    """The text of a factor and its axes, in the order in which it is written."""

    text: str
    axes: tuple[Index, ...]
    level: int = ATOM

    def at_least(self, level: int) -> str:
        return self.text if self.level >= level else parentheses(self.text)

    def along(self, *axes: Index) -> Part:
        """With its axes in this order: as it is, or transposed."""
        return self if self.axes == axes else Part(self.at_least(ATOM) + r"^{\top}", axes)


class NoMatrixForm(Exception):
    """The equation is not one of whole matrices and vectors."""


def matrix_equation(eq: Equation | Call, system: System) -> str | None:
    r"""The equation without indices, in LaTeX; None where it has no such form.

    >>> import symgrad as sg
    >>> program = sg.program("A: input[i, j] \n x: input[j] \n y[i] = sum[j](A[i,j]*x[j])")
    >>> matrix_equation(program.display.equations[0], program.display)
    'y = A x'
    """
    if isinstance(eq, Call):
        return None if eq.batch else " = ".join(call_sides(eq, system))
    arranged = arrange(eq, system)
    try:
        if eq.reduce != "sum" or arranged.cases or len(arranged.letters) > 2 or not arranged.summands:
            raise NoMatrixForm
        printer, tensor = _Printer(system), system.tensors.get(eq.tensor)
        label = tensor.label if tensor is not None and tensor.named else ""
        return f"{printer.name(eq.tensor)} = {label or printer.total(arranged)}"
    except NoMatrixForm:
        return None


def latex_matrices(system: System) -> str:
    """The system in one align* block: each equation without indices where it has such a form, else with them."""
    lines = []
    for eq in shown_equations(system):
        found = matrix_equation(eq, system)
        lines += [found.replace(" = ", " &= ", 1)] if found else equation_lines(eq, system)
    return aligned(lines, "align*")


class _Printer:
    def __init__(self, system: System):
        self.system, self.scalars = system, ScalarPrinter(system)

    def name(self, tensor: str) -> str:
        declared = self.system.tensors.get(tensor)
        if declared is not None and declared.label and not declared.named:
            raise NoMatrixForm
        return name_latex(tensor, (), self.system)

    def total(self, arranged: Arranged) -> str:
        summands = [part for s in arranged.summands for part in _apart(s)]
        return join_signed([self.summand(s, arranged.letters, len(summands) > 1) for s in summands])

    def summand(self, summand: Summand, letters: tuple[Index, ...], several: bool) -> tuple[bool, str]:
        """(is it subtracted, the text without its sign)"""
        if summand.under or summand.where:
            raise NoMatrixForm
        whole = Mul(summand.coefficient, summand.body)
        minus = is_negative(whole)
        scale, factors = Integer(1), []
        for factor in Mul.make_args(-whole if minus else whole):
            if index_symbols(factor):
                factors.append(factor)
            else:
                scale *= factor
        if letters and not factors:
            raise NoMatrixForm
        part = self.contracted(factors, letters)
        if scale == 1 and part is not None:
            return minus, part.text if not several or part.level > SUM else parentheses(part.text)
        shown = self.scalars.doprint(scale)
        shown = parentheses(shown) if isinstance(scale, Add) else shown
        return minus, shown if part is None else f"{shown} {part.at_least(HADAMARD)}"

    # factors ------------------------------------------------------------------------------------------------------

    def contracted(self, factors: Sequence[Expr], out: tuple[Index, ...]) -> Part | None:
        """The product of the factors, summed over every index that is not in `out`."""
        groups: dict[frozenset[Index], list[Expr]] = {}
        for factor in factors:
            groups.setdefault(frozenset(index_symbols(factor)), []).append(factor)
        if any(len(g) > 2 for g in groups):
            raise NoMatrixForm
        if not out and len(groups) == 1:
            return self.summed(*groups.popitem())
        if not groups:
            return None
        parts = [self.hadamard(g) for g in groups.values()]
        used = frozenset().union(*groups)
        return _path([*parts, *(Part(ONES, (i,)) for i in out if i not in used)], out)

    def summed(self, axes: frozenset[Index], factors: list[Expr]) -> Part:
        """A norm, an inner product, or the sum of all entries."""
        if len(factors) == 1 and isinstance(factors[0], Pow) and factors[0].exp == 2:
            kind = "_F" if len(axes) == 2 else ""
            return Part(rf"\left\lVert {self.elementwise(factors[0].base).text} \right\rVert{kind}^{{2}}", ())
        if len(factors) == 1:
            part = self.elementwise(factors[0])
            text = rf"{ONES}^{{\top}} {part.at_least(PRODUCT)}"
            return Part(text + (f" {ONES}" if len(part.axes) == 2 else ""), (), PRODUCT)
        left, right = self.elementwise(factors[0]), self.hadamard(factors[1:])
        right = right.along(*left.axes)
        text = rf"{left.at_least(ATOM)}^{{\top}} {right.at_least(PRODUCT)}"
        return Part(rf"\operatorname{{tr}}{parentheses(text)}" if len(left.axes) == 2 else text, (), PRODUCT)

    def hadamard(self, factors: list[Expr]) -> Part:
        """The element-wise product of factors with the same indices."""
        parts = [self.elementwise(f) for f in factors]
        if len(parts) == 1:
            return parts[0]
        axes = parts[0].axes
        return Part(r" \odot ".join(p.along(*axes).at_least(PRODUCT) for p in parts), axes, HADAMARD)

    def elementwise(self, expr: Expr) -> Part:
        """A read, or a function of reads that all have the same indices."""
        match expr:
            case Access():
                return self.read(expr)
            case Iverson(args=(Eq(lhs=Index() as left, rhs=Index() as right),)):
                return Part(IDENTITY, (left, right))
            case Add():
                return self.added(expr)
            case Mul():
                return self.hadamard_of(expr)
            case Pow() if expr.exp.is_Integer and expr.exp > 1:
                base = self.elementwise(expr.base)
                return Part(rf"{base.at_least(ATOM)}^{{\odot {expr.exp}}}", base.axes)
            case Function() if not isinstance(expr, where | Iverson):
                args = [self.elementwise(a) for a in expr.args]
                axes = _common(args)
                texts = [a.along(*axes) for a in args]
                shown = fill(template_of(expr), [t.text for t in texts], [t.at_least(ATOM) for t in texts])
                if "{0}" not in template_of(expr) and "[0]" not in template_of(expr):
                    shown += parentheses(", ".join(t.text for t in texts))
                return Part(shown, axes)
        raise NoMatrixForm

    def read(self, access: Access) -> Part:
        plain = all(isinstance(i, Index) for i in access.indices) and len(set(access.indices)) == len(access.indices)
        if not plain or len(access.indices) > 2:
            raise NoMatrixForm
        return Part(self.name(access.name), access.indices)

    def added(self, expr: Add) -> Part:
        axes = _common([self.elementwise(a) for a in expr.args if index_symbols(a)])
        shown = []
        for addend in ordered_addends(expr, self.scalars.place):
            minus = is_negative(addend)
            addend = -addend if minus else addend
            text = self.elementwise(addend).along(*axes) if index_symbols(addend) else Part(self.number(addend), axes)
            shown.append((minus, text.at_least(HADAMARD)))
        return Part(join_signed(shown), axes, SUM)

    def number(self, expr: Expr) -> str:
        if not expr.is_number:
            raise NoMatrixForm
        return self.scalars.doprint(expr)

    def hadamard_of(self, expr: Mul) -> Part:
        scale = Mul(*(f for f in expr.args if not index_symbols(f)))
        part = self.hadamard([f for f in expr.args if index_symbols(f)])
        if scale == 1:
            return part
        if scale == -1:
            return Part(f"-{part.at_least(HADAMARD)}", part.axes, SUM)
        return Part(f"{self.scalars.doprint(scale)} {part.at_least(PRODUCT)}", part.axes, HADAMARD)


def _apart(summand: Summand) -> list[Summand]:
    """p (delta - q) is two summands, a diagonal and a product; A + u, of different indices, are two as well."""
    body = summand.body
    if any(isinstance(f, Add) and f.has(Iverson) for f in Mul.make_args(body)):
        body = expand_mul(body)
    elif not isinstance(body, Add) or len({frozenset(index_symbols(a)) for a in body.args if index_symbols(a)}) < 2:
        return [summand]
    return [replace(summand, body=addend) for addend in Add.make_args(body)]


def _common(parts: Sequence[Part]) -> tuple[Index, ...]:
    if not parts or any(set(p.axes) != set(parts[0].axes) for p in parts):
        raise NoMatrixForm
    return parts[0].axes


# paths ----------------------------------------------------------------------------------------------------------------


def _path(parts: list[Part], out: tuple[Index, ...]) -> Part:
    """The product of matrices (edges) and vectors (at nodes), summed over all nodes that are not in `out`."""
    edges = [p for p in parts if len(p.axes) == 2]
    vectors = {p.axes[0]: p for p in parts if len(p.axes) == 1}
    nodes = {i for p in parts for i in p.axes}
    degree = {n: sum(n in e.axes for e in edges) for n in nodes}
    if any(d > 2 or (d == 2 and n in out) for n, d in degree.items()) or not set(out) <= nodes:
        raise NoMatrixForm
    if len(out) == 2:
        return _between(edges, vectors, out)
    if out:
        return _vector(out[0], edges, vectors)
    ends = [n for n in sorted(nodes, key=str) if degree[n] < 2]
    return _plainer(*(_form(end, edges, vectors) for end in ends)) if ends else _trace(edges, vectors)


def _whole_chain(start: Index, edges: list[Part], vectors: dict[Index, Part]) -> list[Part]:
    chain, rest = _walk(start, edges, vectors)
    if rest or set(vectors) - {i for part in chain for i in part.axes} - {start}:
        raise NoMatrixForm
    return chain


def _form(start: Index, edges: list[Part], vectors: dict[Index, Part]) -> Part:
    """u^T A v."""
    head = vectors.get(start, Part(ONES, (start,)))
    chain = _product(_whole_chain(start, edges, vectors), ())
    return Part(f"{head.at_least(ATOM)}^{{\\top}} {chain.at_least(PRODUCT)}", (), PRODUCT)


def _vector(start: Index, edges: list[Part], vectors: dict[Index, Part]) -> Part:
    """A v, or u times that element by element."""
    chain = _whole_chain(start, edges, vectors)
    if not chain:
        return vectors[start]
    product = _product(chain, (start,))
    if start not in vectors:
        return product
    return Part(rf"{vectors[start].at_least(PRODUCT)} \odot {product.at_least(PRODUCT)}", (start,), HADAMARD)


def _walk(start: Index, edges: list[Part], vectors: dict[Index, Part], stop: Index | None = None):
    """The factors of the path from `start` (its own vector left out) to its end, and the edges that it misses."""
    chain, rest, node = [], list(edges), start
    while (edge := next((e for e in rest if node in e.axes), None)) is not None:
        rest.remove(edge)
        other = edge.axes[1] if edge.axes[0] == node else edge.axes[0]
        chain.append(edge.along(node, other))
        node = other
        ends = not any(node in e.axes for e in rest)
        if node in vectors and not (ends and node != stop):
            chain.append(_diagonal(vectors[node]))
    if node != stop and node != start:
        chain.append(vectors.get(node, Part(ONES, (node,))))
    return chain, rest


def _between(edges: list[Part], vectors: dict[Index, Part], out: tuple[Index, ...]) -> Part:
    """A matrix: one path from the first index to the second, or two paths that make an outer product."""
    first, last = out
    chain, rest = _walk(first, edges, vectors, stop=last)
    before = [_diagonal(vectors[first])] if first in vectors else []
    reached = {i for p in chain for i in p.axes}
    if last in reached:
        if rest or set(vectors) - reached - {first}:
            raise NoMatrixForm
        if before and [p.text for p in chain] == [IDENTITY]:
            return before[0]
        return _product([*before, *chain], out)
    left = _column(first, chain, vectors)
    chain, rest = _walk(last, rest, vectors)
    right = _column(last, chain, vectors)
    if rest:
        raise NoMatrixForm
    return Part(f"{left.at_least(PRODUCT)} {right.at_least(ATOM)}^{{\\top}}", out, PRODUCT)


def _column(node: Index, chain: list[Part], vectors: dict[Index, Part]) -> Part:
    if not chain:
        return vectors[node]
    if node in vectors:
        raise NoMatrixForm
    return _product(chain, (node,))


def _trace(edges: list[Part], vectors: dict[Index, Part]) -> Part:
    (first, second), rounds = edges[0].axes, []
    for start, then in ((first, second), (second, first)):
        chain, rest = _walk(then, edges[1:], vectors, stop=start)
        if rest:
            raise NoMatrixForm
        before = [_diagonal(vectors[then])] if then in vectors else []
        product = _product([edges[0].along(start, then), *before, *chain], ())
        rounds.append(Part(rf"\operatorname{{tr}}{parentheses(product.text)}", ()))
    return _plainer(*rounds)


def _diagonal(vector: Part) -> Part:
    return replace(vector, text=rf"\operatorname{{diag}}{parentheses(vector.text)}", level=ATOM)


def _product(chain: Sequence[Part], axes: tuple[Index, ...]) -> Part:
    kept = [p for p in chain if p.text != IDENTITY] or list(chain[:1])
    if len(kept) == 1:
        return replace(kept[0], axes=axes)
    return Part(" ".join(p.at_least(PRODUCT) for p in kept), axes, PRODUCT)


def _plainer(*parts: Part) -> Part:
    """The one with fewer transposes; the first of equals."""
    return min(parts, key=lambda p: p.text.count(r"\top"))
