"""Expressions of a kernel's text as instructions."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba.core import types
from numba.np.numpy_support import from_dtype

from .values import Array, Code, Slot, Unknown, Value

BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_, ast.BitXor: operator.xor,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
BITS = {ast.BitOr: "or_", ast.BitAnd: "and_", ast.BitXor: "xor"}
UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_}
SIMPLE = (ast.Name, ast.Constant, ast.Load)  # what may be computed though nobody needs it


@dataclass(frozen=True)
class Known:
    """A module, a function, a type: what the text says, not what the machine computes."""

    what: Any


@dataclass
class Expressions:
    """The value of an expression, for the local names so far. `inner`: numbers whose values nobody has read outside the
    block that they were first used in; `settled`: names that have got a value in each of the blocks around."""

    code: Code
    outside: Mapping[str, Any]
    own: frozenset[str]
    names: dict[str, Slot | Value] = field(default_factory=dict)
    inner: set[str] = field(default_factory=set)
    settled: list[set[str]] = field(default_factory=lambda: [set()])

    def value(self, node: ast.expr) -> Value:
        found = self.found(node)
        return self.code.constant(found.what) if isinstance(found, Known) else found

    def found(self, node: ast.expr) -> Value | Known:
        rule = RULES.get(type(node))
        if rule is None:
            raise Unknown(ast.unparse(node))
        return rule(self, node)

    def _constant(self, node: ast.Constant) -> Value:
        if not isinstance(node.value, int | float):
            raise Unknown(repr(node.value))
        return self.code.constant(node.value)

    def _name(self, node: ast.Name) -> Value | Known:
        found = self.names.get(node.id)
        if isinstance(found, Slot):
            if not any(node.id in names for names in self.settled):
                self.inner.discard(node.id)
            return Value(found.type, self.code.builder.load(found.place), natural=found.natural)
        if found is not None:
            return found
        if node.id in self.own or node.id not in self.outside:
            if node.id in WORDS and node.id not in self.own:
                return Known(WORDS[node.id])
            raise Unknown(f"{node.id}, which has no value here")
        outside = self.outside[node.id]
        return self.code.constant(outside) if isinstance(outside, int | float | tuple | np.generic) else Known(outside)

    def _attribute(self, node: ast.Attribute) -> Value | Known:
        of = self.found(node.value)
        if isinstance(of, Known):
            if of.what not in (math, np) or not hasattr(of.what, node.attr):
                raise Unknown(ast.unparse(node))
            found = getattr(of.what, node.attr)
            return self.code.constant(found) if isinstance(found, float) else Known(found)
        if not isinstance(of, Array):
            raise Unknown(ast.unparse(node))
        if node.attr in ("shape", "strides"):
            parts = [Value(types.intp, p, natural=node.attr == "shape") for p in getattr(of, node.attr)]
            return self.code.tuple(parts)
        if node.attr == "itemsize":
            return self.code.integer(self.code.target.get_abi_sizeof(self.code.target.get_data_type(of.type.dtype)))
        raise Unknown(ast.unparse(node))

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if left.type == right.type and isinstance(left.type, types.Integer) and type(node.op) in BITS:
            data = getattr(self.code.builder, BITS[type(node.op)])(left.data, right.data)
            return Value(left.type, data)  # Numba would widen it to 64 bits, which halves what a vector holds
        if isinstance(node.op, ast.Pow) and right.fixed is not None:
            raise Unknown("a power that Numba multiplies out")
        return self._operated(type(node.op), left, right)

    def _operated(self, kind: type, *values: Value) -> Value:
        """The operation; that of two integers that are not negative is none either, but for a difference."""
        table = UNARY if len(values) == 1 else BINARY
        if kind not in table or not all(isinstance(v.type, types.Number | types.Boolean) for v in values):
            raise Unknown(f"{kind.__name__} of {[str(v.type) for v in values]}")
        return self.code.apply(table[kind], *values)

    def _unary(self, node: ast.UnaryOp) -> Value:
        of = self.value(node.operand)
        if isinstance(node.op, ast.USub) and of.fixed is not None:
            return self.code.integer(-of.fixed)
        return self._operated(type(node.op), of)

    def _compare(self, node: ast.Compare) -> Value:
        if len(node.ops) != 1:
            raise Unknown(ast.unparse(node))
        return self._operated(type(node.ops[0]), self.value(node.left), self.value(node.comparators[0]))

    # --------------------------------------------------------------------------------------------------------- choices
    def _both(self, node: ast.BoolOp) -> Value:
        """`and`, `or`: what stands further right is computed only where it counts."""
        first, *rest = node.values
        test = self._test(first)
        for part in rest:
            test = self._either(test, part) if isinstance(node.op, ast.Or) else self._also(test, part)
        return Value(types.boolean, test)

    def _condition(self, node: ast.expr) -> Value:
        value = self.value(node)
        if value.type != types.boolean:
            raise Unknown(f"a condition of {value.type}")
        return value

    def _test(self, node: ast.expr):
        return self._condition(node).data

    def _either(self, test, part: ast.expr):
        if _simple(part):
            return self.code.builder.or_(test, self._test(part))
        return self.chosen(test, lambda: self.code.constant(True), lambda: self._condition(part)).data

    def _also(self, test, part: ast.expr):
        if _simple(part):
            return self.code.builder.and_(test, self._test(part))
        return self.chosen(test, lambda: self._condition(part), lambda: self.code.constant(False)).data

    def _if(self, node: ast.IfExp) -> Value:
        test = self.code.truth(self.value(node.test))
        if _simple(node.body) and _simple(node.orelse):
            yes, no = self.value(node.body), self.value(node.orelse)
            kind = self.code.unified(yes, no)
            data = self.code.builder.select(test, *(self.code.cast(v, kind).data for v in (yes, no)))
            return Value(kind, data)
        return self.chosen(test, lambda: self.value(node.body), lambda: self.value(node.orelse))

    def chosen(self, test, yes: Callable[[], Value], no: Callable[[], Value]) -> Value:
        """One of two values; the other is not computed."""
        builder = self.code.builder
        starts = [builder.append_basic_block(name) for name in ("yes", "no")]
        end = builder.append_basic_block("chosen")
        builder.cbranch(test, *starts)
        found, ends = [], []
        for start, make in zip(starts, (yes, no)):
            builder.position_at_end(start)
            found.append(make())
            ends.append(builder.block)
        kind = self.code.unified(*found)
        phi = []
        for value, last in zip(found, ends):
            builder.position_at_end(last)
            phi.append((self.code.cast(value, kind).data, last))
            builder.branch(end)
        builder.position_at_end(end)
        node = builder.phi(self.code.target.get_value_type(kind))
        for data, last in phi:
            node.add_incoming(data, last)
        return Value(kind, node)

    # ----------------------------------------------------------------------------------------------------------- calls
    def _call(self, node: ast.Call) -> Value:
        function = self.found(node.func)
        if not isinstance(function, Known) or node.keywords:
            raise Unknown(ast.unparse(node.func))
        what, values = function.what, [self.value(a) for a in node.args]
        if isinstance(what, type) and issubclass(what, np.number | np.bool_):
            (value,) = values
            return self.code.cast(value, from_dtype(np.dtype(what)))
        if what in (min, max):
            return self._extreme(what, values)
        if isinstance(what, type):
            raise Unknown(f"{what.__name__}(...)")
        return self.code.call(what, *values)

    def _extreme(self, what: Callable, values: list[Value]) -> Value:
        """The least or largest of integers."""
        if not all(v.type == types.int64 for v in values):
            raise Unknown(f"{what.__name__} of {[str(v.type) for v in values]}")
        found = values[0]
        for other in values[1:]:
            sign = "<" if what is min else ">"
            better = self.code.builder.icmp_signed(sign, other.data, found.data)
            natural = found.natural and other.natural if what is min else found.natural or other.natural
            found = Value(types.int64, self.code.builder.select(better, other.data, found.data), natural=natural)
        return found

    def _tuple(self, node: ast.Tuple) -> Value:
        return self.code.tuple([self.value(e) for e in node.elts])

    # ------------------------------------------------------------------------------------------------------------ cells
    def index(self, node: ast.expr) -> list[Value]:
        return [self.value(e) for e in (node.elts if isinstance(node, ast.Tuple) else [node])]

    def _cell(self, node: ast.Subscript) -> Value:
        of = self.value(node.value)
        if isinstance(of.type, types.BaseTuple):
            (number,) = self.index(node.slice)
            if number.fixed is None:
                return self.code.apply(operator.getitem, of, number)
            return self.code.part(of, number.fixed)
        index = self.index(node.slice)
        if not isinstance(of, Array) or len(index) > of.type.ndim:
            raise Unknown(ast.unparse(node))
        return self.code.load(of, index)


def _simple(node: ast.expr) -> bool:
    """Is it as well computed where it is not needed? What reads no cell and calls nothing but a number's type."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in TYPES and all(map(_simple, node.args))
    if isinstance(node, ast.UnaryOp | ast.Compare | ast.BoolOp):
        return all(_simple(n) for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr))
    return isinstance(node, SIMPLE)


TYPES = ("float32", "float64", "int32", "int64", "uint64")
WORDS = {"min": min, "max": max, "abs": abs, "int": int, "float": float}
RULES: dict[type, Callable] = {
    ast.Constant: Expressions._constant, ast.Name: Expressions._name, ast.Attribute: Expressions._attribute,
    ast.BinOp: Expressions._binary, ast.UnaryOp: Expressions._unary, ast.Compare: Expressions._compare,
    ast.BoolOp: Expressions._both, ast.IfExp: Expressions._if, ast.Call: Expressions._call,
    ast.Tuple: Expressions._tuple, ast.Subscript: Expressions._cell,
}  # fmt: skip
