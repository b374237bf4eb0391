"""Values of LLVM with their types, and what is done with them by Numba's own implementations.

Which type an operation gives, and the instructions that it is made of, are asked of Numba (`Code.apply`), so that a
translated function computes what Numba would: only how types spread through a function is our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic
from numba.np.arrayobj import make_array, populate_array


class Unknown(Exception):
    """Something that is not translated: the function is left to Numba."""


@dataclass(frozen=True)
class Value:
    """`data` is what LLVM computes; `fixed` the number, where it is known already."""

    type: types.Type
    data: Any
    fixed: int | None = None
    natural: bool = False  # an integer that is not negative


@dataclass(frozen=True)
class Slot:
    """Where a local number lies."""

    type: types.Type
    place: ir.AllocaInstr
    natural: bool = False


@dataclass(frozen=True)
class Array(Value):
    """An array in C order, and what its structure holds."""

    start: Any = None
    shape: tuple = ()
    strides: tuple = ()


@dataclass
class Code:
    """One function's code: where the next instruction goes, and Numba's two contexts."""

    typing: Any
    target: Any
    builder: ir.IRBuilder
    library: Any
    implementations: dict = field(default_factory=dict)
    signatures: dict = field(default_factory=dict)

    # --------------------------------------------------------------------------------------------------------- values
    def integer(self, number: int) -> Value:
        return Value(types.int64, self.target.get_constant(types.int64, number), number, number >= 0)

    def nothing(self) -> Value:
        return Value(types.none, self.target.get_dummy_value())

    def constant(self, value) -> Value:
        """A number, or a tuple or table of numbers, that does not change."""
        if type(value) is int:
            return self.integer(value)
        try:
            kind = types.unliteral(self.typing.resolve_value_type(value))
        except ValueError:
            raise Unknown(f"the constant {value!r}") from None
        if isinstance(kind, types.Number | types.Boolean | types.BaseTuple | types.Array):
            return self.value(kind, self.target.get_constant_generic(self.builder, kind, value))
        return Value(kind, self.target.get_dummy_value())

    def value(self, kind: types.Type, data) -> Value:
        """The value, with the parts of an array at hand."""
        if not isinstance(kind, types.Array):
            return Value(kind, data)
        if kind.layout != "C":
            raise Unknown(f"{kind}")
        position = self.target.data_model_manager[kind].get_field_position
        part = {name: self.builder.extract_value(data, position(name)) for name in ("data", "shape", "strides")}
        axes = range(kind.ndim)
        shape, strides = (
            tuple(self.builder.extract_value(part[name], axis) for axis in axes) for name in ("shape", "strides")
        )
        return Array(kind, data, start=part["data"], shape=shape, strides=strides)

    def tuple(self, values: Sequence[Value]) -> Value:
        kind = types.Tuple(tuple(v.type for v in values))
        return Value(kind, self.target.make_tuple(self.builder, kind, [v.data for v in values]))

    def part(self, value: Value, number: int) -> Value:
        """An entry of a tuple."""
        if not isinstance(value.type, types.BaseTuple) or not 0 <= number < len(value.type):
            raise Unknown(f"entry {number} of {value.type}")
        return self.value(value.type.types[number], self.builder.extract_value(value.data, number))

    def cast(self, value: Value, kind: types.Type) -> Value:
        if value.type == kind:
            return value
        return Value(kind, self.target.cast(self.builder, value.data, value.type, kind), natural=_widened(value, kind))

    def unified(self, *values: Value) -> types.Type:
        kind = self.typing.unify_types(*(v.type for v in values))
        if not isinstance(kind, types.Number | types.Boolean):
            raise Unknown(f"one type for {[v.type for v in values]}")
        return kind

    def truth(self, value: Value):
        if not isinstance(value.type, types.Number | types.Boolean):
            raise Unknown(f"a condition of {value.type}")
        return self.target.is_true(self.builder, value.type, value.data)

    # ---------------------------------------------------------------------------------------------------------- calls
    def apply(self, function, *values: Value) -> Value:
        """An operator or a function that Numba knows."""
        key = function, *(v.type for v in values)
        if key not in self.signatures:
            self.signatures[key] = self._signature(*key)
        kind, signature = self.signatures[key]
        if key not in self.implementations:
            self.implementations[key] = self.target.get_function(kind, signature)
        implementation = self.implementations[key]
        given = [self.cast(v, k).data for v, k in zip(values, signature.args, strict=True)]
        result = implementation(self.builder, given)
        for library in getattr(implementation, "libs", ()):
            self.library.add_linking_library(library)
        return self.value(signature.return_type, result)

    def _signature(self, function, *given: types.Type):
        kind = self.typing.resolve_value_type(function)
        signature = self.typing.resolve_function_type(kind, given, {})
        if signature is None or signature.recvr is not None or len(signature.args) != len(given):
            raise Unknown(f"{function} of {given}")
        return kind, signature

    def call(self, function, *values: Value) -> Value:
        """A function of the module: compiled, or made of instructions."""
        given = tuple(v.type for v in values)
        if isinstance(function, Dispatcher):
            if function.py_func.__code__.co_argcount != len(values):
                raise Unknown("arguments that are not all given")
            function.compile(given)
            compiled = function.overloads[given]
            self.library.add_linking_library(compiled.library)
            result = self.target.call_internal(
                self.builder, compiled.fndesc, compiled.signature, [v.data for v in values]
            )
            return self.value(compiled.signature.return_type, result)
        if isinstance(function, _Intrinsic):
            return self._made(function, values)
        return self.apply(function, *values)

    def _made(self, function: _Intrinsic, values: Sequence[Value]) -> Value:
        """Instructions of an intrinsic; some are told the numbers that are known, as types."""
        fixed = [None if v.fixed is None or not function._prefer_literal else types.literal(v.fixed) for v in values]
        key = function, *(f or v.type for f, v in zip(fixed, values))
        if key not in self.signatures:
            self.signatures[key] = function._defn(self.typing, *key[1:])
        signature, generate = self.signatures[key]
        passed = [v.data if f else self.cast(v, k).data for v, f, k in zip(values, fixed, signature.args, strict=True)]
        return self.value(signature.return_type, generate(self.target, self.builder, signature, passed))

    # --------------------------------------------------------------------------------------------------------- arrays
    def cell(self, array: Array, index: Sequence[Value]):
        """The address of a cell, or of the part of the array that so many indices leave."""
        place: Any = ir.IntType(64)(0)
        for axis, (i, extent) in enumerate(zip(index, array.shape)):
            if not isinstance(i.type, types.Integer):
                raise Unknown(f"an index of {i.type}")
            here = i.data if i.type.bitwidth == 64 else self.cast(i, types.intp).data
            if i.type.signed and not i.natural:  # Python counts negative indices from the end
                negative = self.builder.icmp_signed("<", here, here.type(0))
                here = self.builder.select(negative, self.builder.add(extent, here), here)
            for width in array.shape[axis + 1 :]:
                here = self.builder.mul(here, width)
            place = self.builder.add(place, here) if axis else here
        return self.builder.gep(array.start, [place])

    def load(self, array: Array, index: Sequence[Value]) -> Value:
        place, rest = self.cell(array, index), array.type.ndim - len(index)
        if not rest:
            return Value(array.type.dtype, self.target.unpack_value(self.builder, array.type.dtype, place))
        kind = array.type.copy(ndim=rest)
        made = make_array(kind)(self.target, self.builder)
        size = self.target.get_constant(types.intp, self.target.get_abi_sizeof(self.target.get_data_type(kind.dtype)))
        shape, strides = list(array.shape[-rest:]), list(array.strides[-rest:])
        populate_array(made, place, shape, strides, size, None)
        return self.value(kind, made._getvalue())

    def store(self, array: Array, index: Sequence[Value], value: Value) -> None:
        if len(index) != array.type.ndim or not isinstance(value.type, types.Number | types.Boolean):
            raise Unknown(f"a cell of {array.type} as {value.type}")
        data = self.cast(value, array.type.dtype).data
        self.target.pack_value(self.builder, array.type.dtype, data, self.cell(array, index))

    def slot(self, kind: types.Type, natural: bool = False) -> Slot:
        """A place for a local number, in the block that the function begins with."""
        return Slot(kind, cgutils.alloca_once(self.builder, self.target.get_value_type(kind)), natural)


def _widened(value: Value, kind: types.Type) -> bool:
    """Is an integer that is not negative still known to be none?"""
    return value.natural and isinstance(kind, types.Integer) and kind.bitwidth >= value.type.bitwidth
