r"""`Structure`: what a derivative looks like as a matrix, in words, in LaTeX, and bound to numbers.

    >>> import symgrad as sg
    >>> model = sg.program("x: parameter[i] \n L = sum[i](log(1 + exp(x[i])))")
    >>> print(model.hessian("L").structure("d2L_dx_dx"))
    d2L_dx_dx[i, i]: diagonal, I numbers.
    I numbers instead of I**2. A Newton step: divide entry by entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
from sympy import Add, Expr, Mul, expand

from .. import calculus, typeset
from ..calculus.structure import Block, Plan, blocks, compress, decide
from ..errors import ShapeError
from ..ir.access import Size
from ..ir.interpret import interpret
from ..ir.sizes import bind_shapes, size_value
from ..ir.system import System
from .bind import bind, refilled
from .matrix import StructuredMatrix


@dataclass(frozen=True, eq=False)
class Structure:
    """The structure of one Jacobian or Hessian, from the indices alone."""

    name: str
    rows: int                       # the first axes are rows, the others columns
    system: System                  # compressed: outputs are the cores (kernel form)
    shown: System                   # the same of the display form, for people
    symmetric: bool = False         # a second derivative twice by one tensor
    sizes: Mapping[Size, int] | None = None
    _kept: dict[tuple, StructuredMatrix] = field(default_factory=dict, repr=False)  # the last one, by its shapes

    @cached_property
    def terms(self) -> tuple[Block, ...]:
        """The blocks that add up to the matrix; each names its kind, repeated and independent indices, offsets, rank
        bound, data tensors, and the term that is its transpose."""
        return blocks(self.system, self.name, self.rows)

    @property
    def shape(self) -> tuple[Expr, ...]:
        return self.system.tensors[self.name].shape

    @property
    def storage(self) -> Expr:
        """Numbers stored: a polynomial in the sizes (a number once they are bound by `at`)."""
        return self._bound(Add(*(b.storage for b in self.terms)))

    @property
    def dense_storage(self) -> Expr:
        return self._bound(Mul(*self.shape))

    @cached_property
    def plan(self) -> Plan:
        """How a linear system with this matrix is solved; final once the sizes are bound."""
        return self._plan(self.sizes)

    def _plan(self, sizes: Mapping[Size, int] | None) -> Plan:
        plan = decide(self.terms, self.shape, self.rows, sizes)
        if sizes is None:
            return plan
        known = dict(sizes)
        return replace(plan, **{f: expand(getattr(plan, f).xreplace(known)) for f in ("size", "count", "low", "high")})

    def at(self, **sizes: int) -> Structure:
        """The structure with sizes bound, by their letters: `structure.at(N=500, K=5)`."""
        known = {s.name: s for s in sorted(self.system_sizes, key=str)}
        for name in sizes:
            if name not in known:
                raise ShapeError(f"{name} is not a size of {self.name}; it has {', '.join(known)}.")
        return replace(self, sizes={known[n]: v for n, v in sizes.items()}, _kept={})

    @property
    def system_sizes(self) -> set[Size]:
        found = set().union(*(t.shape for t in self.system.tensors.values()))
        return {s for e in found for s in e.free_symbols if isinstance(s, Size)}

    def bind(self, arrays: Mapping[str, Any], values: Mapping[str, Any]) -> StructuredMatrix:
        """The matrix in numbers: `arrays` as the program takes them, `values` the cores."""
        shapes = {n: np.shape(a) for n, a in arrays.items()}
        key = tuple(sorted(shapes.items()))
        if key in self._kept:
            return refilled(self._kept[key], self.terms, values)
        sizes = bind_shapes(_passed(self.system, arrays), shapes)
        made = bind(self.system, self.name, self.terms, self._plan(sizes), self.symmetric, sizes, {**arrays, **values})
        if not any(b.data for b in self.terms):  # else the places follow the data
            self._kept.clear()
            self._kept[key] = made
        return made

    def pattern(self, **arrays):
        """Where entries may differ from zero, from the indices (and integer data) alone: a SciPy sparse array of
        booleans, rows and columns flat. `arrays` as the program takes them."""
        from scipy.sparse import coo_array  # noqa: PLC0415

        sizes = bind_shapes(_passed(self.system, arrays), {n: np.shape(a) for n, a in arrays.items()})
        shapes = {n: self.system.tensors[n].shape for b in self.terms for n, _ in b.cores}
        ones = {n: np.ones(tuple(size_value(e, sizes) for e in shape)) for n, shape in shapes.items()}
        placing = tuple(n for n in self.system.outputs if self.system.tensors[n].dtype == "int")
        found = interpret(self.system, arrays, outputs=placing) if placing else {}
        matrix = self.bind(arrays, {**ones, **found})
        rows, columns, values = matrix.entries()
        on = values != 0
        cells = coo_array((on[on], (rows[on], columns[on])), shape=matrix.shape)
        return cells.tocsr()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read as a dense array on the way, because it is no factor of what reads it or has too many terms."""
        left = calculus.leading(self.system) - {self.name}
        inner = [eq.tensor for eq in self.system.prune().equations if eq.tensor in left]
        return tuple(f"{n} is computed as an array of {self._bound(Mul(*self.system.tensors[n].shape))}" for n in inner)

    def _bound(self, expr: Expr) -> Expr:
        return expand(expr if self.sizes is None else expr.xreplace(dict(self.sizes)))

    # words ------------------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        lines = [f"{_cell(self.name, b)}: {words(b, self)}." for b in self.terms]
        total = f"{number(self.storage)} numbers instead of {number(self.dense_storage)}."
        return "\n".join([*lines, f"{total} {self._step()}", *(f"Note: {n} numbers." for n in self.notes)])

    def _step(self) -> str:
        return "No system to solve." if self.plan.kind == "multiply" else f"A Newton step: {self.plan}."

    def latex(self) -> str:
        r"""The cores and the place where each stands, as aligned equations."""
        view = self.shown.defining()[self.name]
        cores = [eq for eq in self.shown.equations if eq.tensor in view.read_names() and self._is_core(eq.tensor)]
        shown = replace(self.shown, tensors={**self.shown.tensors, **self._labels([eq.tensor for eq in cores])})
        rows = [typeset.latex_equation(eq, shown).replace(" = ", " &= ", 1) for eq in (*cores, view)]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _is_core(self, name: str) -> bool:
        return name.startswith(f"{self.name}_core")

    def _labels(self, names: list[str]):
        marks = ["C", *(f"C^{{({n})}}" for n in range(1, len(names)))]
        return {n: replace(self.shown.tensors[n], label=m, named=False) for n, m in zip(names, marks)}


def structure(kernel: System, display: System, name: str, rows: int, symmetric: bool = False) -> Structure:
    """The structure of the tensor `name` of a program, from its kernel form, with its display form for the reader."""
    return Structure(name, rows, compressed(kernel, name), compressed(display, name), symmetric)


def compressed(system: System, *names: str) -> System:
    """`compress` for each name, with the cores, and defined integer tensors that place them, as outputs."""
    made = reduce(compress, names, system)
    defined = made.defining()
    needed = sorted({read for name in names for read in defined[name].read_names()} & set(defined))
    return replace(made, outputs=tuple(needed), updates={})


def _passed(system: System, arrays: Mapping[str, Any]) -> System:
    tensors = {t.name: t for t in system.declared() if t.name in arrays}
    return replace(system, tensors=tensors, equations=(), outputs=(), updates={})


def _cell(name: str, block: Block) -> str:
    return f"{name}[{', '.join(map(str, block.view.write))}]"


def words(block: Block, of: Structure) -> str:
    """A term of the matrix in a sentence without its full stop."""
    parts = [*_shape_words(block, of)]
    once = [i for i in block.independent if i in block.repeated]
    if once and block.cores:
        parts.append(f"the same for all {_names(once)}")
    if block.data:
        parts.append(f"placed by {', '.join(block.data)}")
    if block.rank is not None and not block.thin():
        parts += _rank(of._bound(block.rank), block, of)
    if block.view.guard:
        parts.append(f"where {' and '.join(map(str, block.view.guard))}")
    parts += _symmetry(block, of)
    parts.append(f"{number(of._bound(block.storage))} numbers" if block.storage else "no new numbers")
    return ", ".join(parts)


def _rank(rank: Expr, block: Block, of: Structure) -> list[str]:
    """The bound on the rank, unless the size of the block is known to be a better one."""
    sides = [Mul(*(s for s, p in zip(sizes, cell) if p not in block.repeated)) for sizes, cell in (
        (block.shape[: block.rows], block.row), (block.shape[block.rows :], block.column))]  # fmt: skip
    if any((rank - of._bound(side)).is_nonnegative for side in sides):
        return []
    return [f"rank at most {rank}{' each' if block.repeated else ''}"]


def _symmetry(block: Block, of: Structure) -> list[str]:
    if block.partner is None or block.kind == "diagonal":
        return []
    own = of.terms[block.partner] is block
    return ["symmetric" if own else f"the transpose of term {block.partner + 1}"]


def _shape_words(block: Block, of: Structure) -> list[str]:
    if block.kind == "banded":
        offsets = [o for a in range(block.rows) if (o := block.offsets(a)) is not None]
        texts = [_offset(of._bound(o.low), of._bound(o.high)) for o in offsets]
        return [f"banded, offset{'s' if len(texts) > 1 or '..' in texts[0] else ''} {', '.join(texts)}"]
    if block.kind == "Kronecker":
        over = f"block diagonal over {_names(block.repeated)}, " if block.repeated else ""
        return [f"{over}Kronecker product of {len(block.cores)} factors"]
    if block.kind == "permuted":
        return [f"one entry for each {_names(block.repeated)}"]
    if block.kind != "block diagonal":
        return [f"{block.kind} over {_names(block.repeated)}" if block.kind[:5] == "block" else block.kind]
    axes = [a for a in range(block.rows) if not block.same(a)]
    size = number(of._bound(Mul(*(block.shape[a] for a in axes))))
    return [f"block diagonal over {_names(block.repeated)}: blocks of {size} x {size}"]


def _offset(low: Expr, high: Expr) -> str:
    return str(low) if low == high else f"{low}..{high}"


def _names(indices) -> str:
    return ", ".join(map(str, indices))


def number(value: Expr) -> str:
    return f"{int(value):,}" if value.is_Integer else str(value)
