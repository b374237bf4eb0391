"""Second derivatives with respect to several parameters at once, as Systems and as a matrix of the flat vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from .. import calculus, structured
from ..ir.access import Access, Index, fresh_names
from ..ir.system import Equation, Range, System, Tensor, Term
from .data import Arrays
from .evaluate import Evaluator
from .layout import Layout


def weighted_sum(system: System, output: str) -> tuple[System, str, str]:
    """The system with a scalar more, the sum of `output` times a new input of its shape; the names of both."""
    of, names = system.tensors[output], set(system.tensors)
    weight = next(fresh_names(names, f"{output}_bar"))
    total = next(fresh_names(names | {weight}, f"{output}_sum"))
    indices = tuple(Index(f"i{axis}") for axis in range(of.rank))
    domain = tuple(Range(i, extent) for i, extent in zip(indices, of.shape))
    term = Term((), Access(weight, *indices) * Access(output, *indices), domain)
    declared = Tensor(weight, of.shape, role="input", letters=tuple(map(str, indices)))
    tensors = {**system.tensors, weight: declared, total: Tensor(total, ())}
    whole = replace(system, tensors=tensors, equations=(*system.equations, Equation(total, (term,))), outputs=(total,))
    return whole, total, weight


def hessian_product(system: System, output: str, names: tuple[str, ...]) -> System:
    """The system with an input `<name>_dot` for each name and the outputs `<output>_hvp_<name>`: the Hessian by all
    names together, times that vector. It is the gradient of the derivative along it."""
    taken = set(system.tensors)
    dot = next(fresh_names(taken, f"{output}_dot"))
    along = calculus.jvp(system, output, {n: f"{n}_dot" for n in names}, dot)
    product = calculus.jacobian(along, dot, names, f"{output}_hvp_{{}}")
    return replace(product, outputs=product.outputs[1:])


def product_of(found: Mapping[str, Any], output: str, layout: Layout) -> np.ndarray:
    """The product as one vector."""
    return layout.pack({n: found[f"{output}_hvp_{n}"] for n in layout.names})


def directions(layout: Layout, vector: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{n}_dot": a for n, a in layout.unpack(vector).items()}


class Hessian:
    """The Hessian by all parameters at a point, compressed: `hessian(vector)` is a `StructuredMatrix`."""

    def __init__(self, system: System, output: str, data: Arrays, layout: Layout, engine: str | None):
        raw = calculus.hessian(system, output, layout.names)
        cores = replace(structured.compressed(calculus.kernel_form(raw), *raw.outputs), log=())
        self.data, self.layout, self.output = data, layout, output
        self.cores = Evaluator(cores, data, layout, engine)
        ranks = [len(shape) for shape in layout.shapes.values()]
        pairs = combinations_with_replacement(range(len(ranks)), 2)  # in the order of the outputs
        self.tiles = {
            (i, j): structured.Structure(name, ranks[i], cores, cores, i == j)
            for (i, j), name in zip(pairs, raw.outputs)
        }

    def __call__(self, vector: np.ndarray) -> structured.StructuredMatrix:
        arrays = self.cores.fixed | self.layout.unpack(vector)
        arrays = {n: a for n, a in arrays.items() if n in self.cores.system.tensors}
        values = self.cores(vector) if self.cores.system.outputs else {}
        tiles = {place: structure.bind(arrays, values) for place, structure in self.tiles.items()}
        return structured.joined(f"the Hessian of {self.output}", tiles)
