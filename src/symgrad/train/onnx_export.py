"""A prediction as an ONNX graph: one operator for each piece of an equation, checked against the kernel.

Each term is built on its domain: a read becomes a tensor whose axes are those of the domain (Transpose, Unsqueeze), the
body element-wise operators that broadcast, a sum of products of reads one Einsum, other reductions ReduceSum,
ReduceMax, ReduceMin, ReduceProd. What has no operator here (conditions on indices, shifted indices, scatter, linear
algebra) is an error with the equation.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Add, And, Basic, Expr, Mul, Not, Number, Or, Pow, Rational, Symbol
from sympy.core.relational import Relational

from ..errors import SymgradError, explain
from ..functions import finite, row_of, stop, where
from ..ir.access import Access, Index, Size
from ..ir.system import Equation, System, Tensor, Term
from .data import inputs_of
from .files import file_of, whole_file
from .fitted import Fit

OPSET = 18
FUNCTIONS = {
    "exp": "Exp", "log": "Log", "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "softplus": "Softplus",
    "abs": "Abs", "sign": "Sign", "floor": "Floor", "sin": "Sin", "cos": "Cos", "tan": "Tan", "atan": "Atan",
    "asin": "Asin", "acos": "Acos", "sinh": "Sinh", "cosh": "Cosh", "erf": "Erf", "softsign": "Softsign",
    "maximum": "Max", "minimum": "Min",
}  # fmt: skip
RELATIONS = {"<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual", "==": "Equal"}
REDUCTIONS = {"sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd"}
COMBINED = {"sum": "Add", "max": "Max", "min": "Min", "prod": "Mul"}
CLOSE = {"float32": 1e-4, "float64": 1e-9}  # relative to the largest value: sums in another order


class Graph:
    """Nodes in order; a name for each value."""

    def __init__(self, library: Any, system: System, sizes: Mapping[Size, int], dtype: str):
        self.onnx, self.system, self.sizes, self.dtype = library, system, sizes, dtype
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.count = 0
        self.equation: Equation | None = None

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, dtype: str | None = None) -> str:
        array = np.asarray(value, dtype=dtype or self.dtype)
        name = f"c{len(self.constants)}"
        self.constants[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def whole(self, *numbers: int) -> str:
        return self.constant(numbers, "int64")

    def refuse(self, what: str) -> SymgradError:
        source = "" if self.equation is None else self.equation.source or self._reader(self.equation.tensor)
        return SymgradError(explain(f"ONNX has no operator here for {what}.", source, fix="Use fit.export(folder)."))

    def _reader(self, name: str) -> str:
        """The author's equation that a tensor of ours was made for."""
        written = (e.source for e in self.system.equations if isinstance(e, Equation) and name in e.read_names())
        return next((source for source in written if source), name)

    def extent(self, size: Expr) -> str:
        """An extent as a tensor of one whole number."""
        if size.is_Integer or size in self.sizes:
            return self.whole(int(size) if size.is_Integer else self.sizes[size])
        for tensor in self.system.declared():
            if size in tensor.shape:
                axis = tensor.shape.index(size)
                return self.add("Shape", tensor.name, start=axis, end=axis + 1)
        raise self.refuse(f"the size {size}")

    def equations(self) -> None:
        for eq in self.system.equations:
            if not isinstance(eq, Equation):
                raise self.refuse(f"{eq.name}")
            self.equation = eq
            found = [self.term(eq, term) for term in eq.terms]
            if not found:
                raise self.refuse("an empty sum")
            value = found[0]
            for other in found[1:]:
                value = self.add(COMBINED[eq.reduce], value, other)
            self.nodes.append(self.onnx.helper.make_node("Identity", [value], [eq.tensor]))

    def term(self, eq: Equation, term: Term) -> str:
        """The value of one term, its axes in the order in which it writes."""
        write = list(term.write)
        if term.guard:
            raise self.refuse(f"the condition {term.guard[0]}")
        if not all(isinstance(i, Index) for i in write) or len(set(write)) < len(write):
            raise self.refuse(f"writing at [{', '.join(map(str, write))}]")
        reduced = [r.index for r in term.reduced]
        product = self.einsum(term, write) if eq.reduce == "sum" and reduced else None
        if product:
            return product
        axes = [*write, *reduced]
        sizes = {r.index: r.size for r in term.domain}
        value, present = self.value(term.body, axes)
        if set(axes) - present:
            shape = [self.extent(sizes[i]) for i in axes]
            value = self.add("Expand", value, self.add("Concat", *shape, axis=0))
        if reduced:
            where_ = list(range(len(write), len(axes)))
            value = self.add(REDUCTIONS[eq.reduce], value, self.whole(*where_), keepdims=0)
        return value

    def einsum(self, term: Term, write: Sequence[Index]) -> str | None:
        """A sum of a product of plain reads, times a number."""
        factors = Mul.make_args(term.body)
        reads = [f for f in factors if isinstance(f, Access)]
        rest = Mul(*(f for f in factors if not isinstance(f, Access)))
        plain = all(isinstance(i, Index) for a in reads for i in a.indices)
        if not reads or not plain or rest.has(Access, Index):
            return None
        indices = {r.index for r in term.domain}
        if {i for a in reads for i in a.indices} != indices:
            return None
        letters = dict(zip(sorted(indices, key=str), string.ascii_letters))
        inside = ",".join("".join(letters[i] for i in a.indices) for a in reads)
        value = self.add("Einsum", *(a.name for a in reads), equation=f"{inside}->{''.join(letters[i] for i in write)}")
        return value if rest == 1 else self.add("Mul", value, self.value(rest, [])[0])

    def value(self, expr: Basic, axes: list[Index]) -> tuple[str, set[Index]]:
        """The value of an expression on the domain, and the axes along which it is not 1 long."""
        if isinstance(expr, Number):
            return self.constant(float(expr)), set()
        if isinstance(expr, Access):
            return self.read(expr, axes)
        if isinstance(expr, Symbol) and not isinstance(expr, Index):
            extent = self.add("Squeeze", self.extent(expr), self.whole(0))
            return self.add("Cast", extent, to=self.element(self.dtype)), set()
        if isinstance(expr, Index):
            raise self.refuse(f"the index {expr} as a value")
        if isinstance(expr, Pow):
            return self.power(expr, axes)
        if isinstance(expr, stop):
            return self.value(expr.args[0], axes)
        if isinstance(expr, finite):
            value, present = self.value(expr.args[0], axes)
            bad = self.add("Or", self.add("IsInf", value), self.add("IsNaN", value))
            return self.add("Where", bad, self.constant(0.0), value), present
        found = [self.value(a, axes) for a in self.operands(expr)]
        values, present = [v for v, _ in found], set().union(*(p for _, p in found))
        if isinstance(expr, Add | Mul | And | Or):
            operator = {Add: "Add", Mul: "Mul", And: "And", Or: "Or"}[expr.func]
            total = values[0]
            for other in values[1:]:
                total = self.add(operator, total, other)
            return total, present
        if isinstance(expr, Not):
            return self.add("Not", *values), present
        if isinstance(expr, where):
            return self.add("Where", *values), present
        if isinstance(expr, Relational):
            return self.relation(expr, values), present
        return self.function(expr, axes, values, present)

    def operands(self, expr: Basic) -> Sequence[Basic]:
        known = isinstance(expr, Add | Mul | And | Or | Not | Relational | where)
        return expr.args if known or self.row_name(expr) in FUNCTIONS else ()

    def row_name(self, expr: Basic) -> str:
        try:
            return row_of(expr).name  # pyright: ignore[reportArgumentType]
        except KeyError:
            return ""

    def relation(self, expr: Relational, values: list[str]) -> str:
        if expr.rel_op == "!=":
            return self.add("Not", self.add("Equal", *values))
        return self.add(RELATIONS[expr.rel_op], *values)

    def function(self, expr: Basic, axes: list[Index], values: list[str], present: set[Index]):
        """An operator, or the definition of a function that has none."""
        name = self.row_name(expr)
        if name in FUNCTIONS:
            return self.add(FUNCTIONS[name], *values), present
        row = row_of(expr) if name else None
        spelled = row and (row.kernel.expression if row.kernel.kind == "expression" else row.definition)
        if row is None or spelled is None:
            raise self.refuse(name or str(expr.func))
        names = row.kernel.args if row.kernel.kind == "expression" else row.arguments
        return self.value(spelled.xreplace(dict(zip(names, expr.args))), axes)

    def power(self, expr: Pow, axes: list[Index]) -> tuple[str, set[Index]]:
        base, present = self.value(expr.base, axes)
        if expr.exp == -1:
            return self.add("Reciprocal", base), present
        if expr.exp in (Rational(1, 2), -Rational(1, 2)):
            root = self.add("Sqrt", base)
            return (root if expr.exp > 0 else self.add("Reciprocal", root)), present
        if expr.exp == 2:
            return self.add("Mul", base, base), present
        exponent, more = self.value(expr.exp, axes)
        return self.add("Pow", base, exponent), present | more

    def read(self, access: Access, axes: list[Index]) -> tuple[str, set[Index]]:
        """A read, its axes put where the domain has them; a row that data choose is gathered."""
        tensor, value, indices = self.system.tensors[access.name], access.name, list(access.indices)
        if indices and isinstance(indices[0], Access) and all(isinstance(i, Index) for i in indices[0].indices):
            value = self.add("Gather", value, indices[0].name, axis=0)
            indices = [*indices[0].indices, *indices[1:]]
        if not all(isinstance(i, Index) for i in indices) or len(set(indices)) < len(indices):
            raise self.refuse(f"reading {access}")
        if tensor.dtype != "float":
            value = self.add("Cast", value, to=self.element(self.dtype))
        order = sorted(range(len(indices)), key=lambda at: axes.index(indices[at]))
        if order != sorted(order):
            value = self.add("Transpose", value, perm=order)
        missing = [at for at, index in enumerate(axes) if index not in indices]
        if missing and indices:
            value = self.add("Unsqueeze", value, self.whole(*missing))
        return value, set(indices)

    def element(self, dtype: str) -> int:
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def declared(self, tensor: Tensor) -> Any:
        dtype = {"float": self.dtype, "int": "int64", "bool": "bool"}[tensor.dtype]
        shape = [int(e) if e.is_Integer else self.sizes.get(e, str(e)) for e in tensor.shape]
        return self.onnx.helper.make_tensor_value_info(tensor.name, self.element(dtype), shape)


def to_onnx(fit: Fit, path: str | Path) -> Path:
    """Write the prediction of a fit; see `Fit.to_onnx`."""
    try:
        import onnx  # noqa: PLC0415  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError:
        raise SymgradError('ONNX export needs the package onnx: pip install "symgrad[onnx]".') from None
    from .export import predicting, sizes_of_fit  # noqa: PLC0415

    path, system = file_of("an ONNX graph", path), predicting(fit)
    graph = Graph(onnx, system, sizes_of_fit(fit, system), fit.dtype)
    graph.equations()
    for name, array in fit.parameters.items():
        if name in system.tensors:
            graph.constants[name] = onnx.numpy_helper.from_array(np.asarray(array), name)
    inputs = [graph.declared(t) for t in inputs_of(system)]
    outputs = [graph.declared(system.tensors[fit.prediction])]
    whole = onnx.helper.make_graph(graph.nodes, "symgrad", inputs, outputs, list(graph.constants.values()))
    model = onnx.helper.make_model(
        whole, opset_imports=[onnx.helper.make_opsetid("", OPSET)], producer_name="symgrad", ir_version=8,
        doc_string=fit.text,
    )  # fmt: skip
    onnx.checker.check_model(model, full_check=True)
    with whole_file(path) as stream:
        stream.write(model.SerializeToString())
    _compare(fit, system, path)
    return path


def _compare(fit: Fit, system: System, path: Path) -> None:
    """Where onnxruntime is installed: the graph and the kernel give the same on five random examples."""
    try:
        import onnxruntime  # noqa: PLC0415  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError:
        return
    rng, arrays = np.random.default_rng(0), {}
    for tensor in inputs_of(system):
        shape = tuple(5 if str(e) == fit.batch else n for e, n in zip(tensor.shape, fit.shapes[tensor.name]))
        drawn = rng.standard_normal(shape).astype(fit.dtype)
        arrays[tensor.name] = drawn if tensor.dtype == "float" else np.zeros(shape, np.int64)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, arrays)
    expected = fit.predict(**arrays)
    scale = max(float(np.abs(expected).max(initial=0)), 1e-30)
    worst = float(np.abs(found - expected).max(initial=0)) / scale
    if not worst <= CLOSE[fit.dtype]:
        raise SymgradError(f"{path}: onnxruntime and the kernel differ by {worst:.1e} of the largest value.")
