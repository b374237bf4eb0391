"""The text that every CPU module starts with, and the decorators of its functions."""

from __future__ import annotations

from .fortran import BLAS, FORTRAN, LAPACK
from .table import Target

# `contract` lets a*b + c be one instruction. Nothing else is relaxed: re-association would undo compensated sums and
# complements (S - e), and `nnan` would remove the tests for NaN. Only `add`, which accumulates the sum of a loop whose
# order is free, may be re-associated, so that such loops are vectorised.
#
# `alone` keeps LLVM from copying a group into each of its callers (compile time), and says that arrays do not overlap,
# which the caller guarantees: without it a loop over many arrays is not vectorised. Vectors are as wide as the machine
# has them: for some processors LLVM would take half, which costs a third of the speed of an elementary function.
# `higher` and `lower` are the extreme of two numbers, one instruction of vectors; of NaN they know nothing, so the
# loops that use them look for NaN beside it.
# `address`, `array` and `cells` carry arrays through a table of integers. `once` and `perform` call a stage in one or
# several chunks, with the entries of the table that it needs side by side. Chunks are run by whoever the last place of
# the table is the address of (kernels/threads), else by `chunked`. That is the only function with a parallel loop: what
# it runs it gets as a number (`invoke`), because Numba compiles the body of a parallel loop four times.
# `fma` to `normal` are the operations of functions/vector/machine.py: no flag relaxes them. (LLVM
# fuses a product that is used once with the sum that uses it, flags or not; compensated sums use theirs more than
# once.) `scale` and `normal` find the power of two in the bits; adding 1.5 * 2**digits puts an
# integer into the last bits of a float, without a conversion that NaN would make undefined. `scale` multiplies in two
# steps, so results beyond the largest and below the smallest normal number come out as they should.
IMPORTS = """\
import math

import numpy as np
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic
from numba.np.arrayobj import make_array, populate_array
from llvmlite import binding, ir
from numpy import float32, float64, int32, int64, uint64


@intrinsic
def alone(context):
    def generate(target, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        for argument in builder.function.args:
            if argument.name.endswith(".4") and argument.type.is_pointer:  # an array's data; `.5.4` is an extent
                argument.add_attribute("noalias")
        return target.get_dummy_value()

    return types.void(), generate
"""
EXTREME = """\


@intrinsic
def f_larger(context, a, b):
    def generate(target, builder, signature, arguments):
        real = arguments[0].type
        maximum = builder.module.declare_intrinsic("llvm.maximum", [real], ir.FunctionType(real, [real, real]))
        return builder.call(maximum, arguments)

    return a(a, b), generate


@intrinsic
def f_smaller(context, a, b):
    def generate(target, builder, signature, arguments):
        real = arguments[0].type
        minimum = builder.module.declare_intrinsic("llvm.minimum", [real], ir.FunctionType(real, [real, real]))
        return builder.call(minimum, arguments)

    return a(a, b), generate


@intrinsic
def higher(context, a, b):
    def generate(target, builder, signature, arguments):
        flags = ("nnan", "nsz")
        return builder.select(builder.fcmp_ordered(">", *arguments, flags=flags), *arguments, flags=flags)

    return a(a, b), generate


@intrinsic
def lower(context, a, b):
    def generate(target, builder, signature, arguments):
        flags = ("nnan", "nsz")
        return builder.select(builder.fcmp_ordered("<", *arguments, flags=flags), *arguments, flags=flags)

    return a(a, b), generate
"""
ARITHMETIC = """\


@intrinsic
def fma(context, a, b, c):
    def generate(target, builder, signature, arguments):
        return builder.fma(*arguments)

    return a(a, a, a), generate


@intrinsic
def rint(context, x):
    def generate(target, builder, signature, arguments):
        real = arguments[0].type
        nearest = builder.module.declare_intrinsic("llvm.rint", [real], ir.FunctionType(real, [real]))
        return builder.call(nearest, arguments)

    return x(x), generate


@intrinsic
def horner(context, z, coefficients):
    def generate(target, builder, signature, arguments):
        *rest, total = cgutils.unpack_tuple(builder, arguments[1])
        for coefficient in reversed(rest):
            total = builder.fma(total, arguments[0], coefficient)
        return total

    return z(z, coefficients), generate


@intrinsic
def exact_sum(context, a, b):
    def generate(target, builder, signature, arguments):
        a, b = arguments
        total = builder.fadd(a, b)
        part = builder.fsub(total, a)
        error = builder.fadd(builder.fsub(a, builder.fsub(total, part)), builder.fsub(b, part))
        return target.make_tuple(builder, signature.return_type, [total, error])

    return types.UniTuple(a, 2)(a, a), generate


@intrinsic
def exact_product(context, a, b):
    def generate(target, builder, signature, arguments):
        product = builder.fmul(*arguments)
        error = builder.fma(*arguments, builder.fneg(product))
        return target.make_tuple(builder, signature.return_type, [product, error])

    return types.UniTuple(a, 2)(a, a), generate


@intrinsic
def scale(context, x, n):
    digits, twice, exponent, magic = {
        types.float32: (23, 254, 0x7F800000, 0x4B400000),
        types.float64: (52, 2046, 0x7FF0000000000000, 0x4338000000000000),
    }[x]

    def generate(target, builder, signature, arguments):
        value, power = arguments
        integer = ir.IntType(x.bitwidth)
        bits = builder.bitcast(builder.fadd(power, builder.bitcast(integer(magic + twice), value.type)), integer)
        first = builder.and_(builder.shl(bits, integer(digits - 1)), integer(exponent))
        second = builder.sub(builder.shl(bits, integer(digits)), first)
        for part in (first, second):
            value = builder.fmul(value, builder.bitcast(part, value.type))
        return value

    return x(x, x), generate


@intrinsic
def whole(context, n):
    magic = {types.float32: 0x4B400000, types.float64: 0x4338000000000000}[n]

    def generate(target, builder, signature, arguments):
        integer = ir.IntType(n.bitwidth)
        shifted = builder.fadd(arguments[0], builder.bitcast(integer(magic), arguments[0].type))
        index = builder.sub(builder.bitcast(shifted, integer), integer(magic))
        return builder.zext(index, ir.IntType(64)) if n.bitwidth < 64 else index

    return types.uint64(n), generate


@intrinsic
def normal(context, x):
    digits, root, magic = {
        types.float32: (23, 0x3F3504F3, 0x4B400000), types.float64: (52, 0x3FE6A09E667F3BCD, 0x4338000000000000)
    }[x]

    def generate(target, builder, signature, arguments):
        integer = ir.IntType(x.bitwidth)
        bits = builder.bitcast(arguments[0], integer)
        n = builder.ashr(builder.sub(bits, integer(root)), integer(digits))
        m = builder.bitcast(builder.sub(bits, builder.shl(n, integer(digits))), arguments[0].type)
        offset = builder.bitcast(integer(magic), m.type)
        power = builder.fsub(builder.bitcast(builder.add(n, integer(magic)), m.type), offset)
        return target.make_tuple(builder, signature.return_type, [m, power])

    return types.UniTuple(x, 2)(x), generate
"""
PARALLEL = """\


@intrinsic
def address(context, array):
    def generate(target, builder, signature, arguments):
        data = make_array(signature.args[0])(target, builder, arguments[0]).data
        return builder.ptrtoint(data, target.get_value_type(types.int64))

    return types.int64(array), generate

"""
ARRAY = """\


@intrinsic
def array(context, address, shape, dtype):
    kind = types.Array(dtype.dtype, len(shape), "C")

    def generate(target, builder, signature, arguments):
        made = make_array(kind)(target, builder)
        extents = cgutils.unpack_tuple(builder, arguments[1])
        size = target.get_constant(types.intp, target.get_abi_sizeof(target.get_data_type(kind.dtype)))
        strides = [size]
        for extent in reversed(extents[1:]):
            strides.insert(0, builder.mul(strides[0], extent))
        data = builder.inttoptr(arguments[0], made.data.type)
        populate_array(made, data, extents, strides, size, None)
        return made._getvalue()

    return kind(address, shape, dtype), generate
"""
CELLS = """\


@intrinsic
def cells(context, address, count, like):
    kind = types.Array(like, 1, "C")

    def generate(target, builder, signature, arguments):
        made = make_array(kind)(target, builder)
        size = target.get_constant(types.intp, target.get_abi_sizeof(target.get_data_type(like)))
        data = builder.inttoptr(arguments[0], made.data.type)
        populate_array(made, data, arguments[1:2], [size], size, None)
        return made._getvalue()

    return kind(address, count, like), generate
"""
TILES = """\


def shuffled(builder, vectors, places):
    lanes = len(places)
    parts = []
    for number, vector in enumerate(vectors):
        taken = {lane: place % lanes for lane, place in enumerate(places) if place // lanes == number}
        parts += [(vector, taken)] * bool(taken)
    while parts[0][1] != {lane: lane for lane in range(lanes)}:
        a, left = parts.pop(0)
        b, right = parts.pop(0) if parts else (a, left)
        chosen = {lane: place + lanes for lane, place in right.items()} | left
        mask = [chosen.get(lane, lane) for lane in range(lanes)]
        made = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), lanes), mask))
        parts.append((made, {lane: lane for lane in chosen}))
    return parts[0][0]


def turned(function, real, size, count, back):
    lanes, integer = 64 // size, ir.IntType(64)
    matrix, first, rows, tile, width = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    vector, place, kind = ir.VectorType(real, lanes).as_pointer(), ir.IntType(8).as_pointer(), ir.IntType(32)
    fetch = ir.FunctionType(ir.VoidType(), [place, kind, kind, kind])
    fetch = builder.module.declare_intrinsic("llvm.prefetch", [place], fetch)
    matrix = builder.gep(matrix, [builder.mul(first, integer(count))])
    blocks = builder.sdiv(rows, integer(lanes))

    def across(row, step=1):
        start = builder.gep(matrix, [builder.mul(row, integer(count))])
        return [builder.gep(start, [integer(step * i)]) for i in range(count)]

    def along(row):
        return [builder.gep(tile, [builder.add(builder.mul(width, integer(i)), row)]) for i in range(count)]

    with cgutils.for_range(builder, blocks) as loop:
        row = builder.mul(loop.index, integer(lanes))
        for ahead in across(builder.add(row, rows), lanes):
            builder.call(fetch, [builder.bitcast(ahead, place), kind(int(back)), kind(3), kind(1)])
        lines = [builder.bitcast(pointer, vector) for pointer in across(row, lanes)]
        columns = [builder.bitcast(pointer, vector) for pointer in along(row)]
        found = [builder.load(pointer, align=size) for pointer in (columns if back else lines)]
        for i, pointer in enumerate(lines if back else columns):
            if back:
                places = [n % count * lanes + n // count for n in range(i * lanes, (i + 1) * lanes)]
            else:
                places = [n * count + i for n in range(lanes)]
            builder.store(shuffled(builder, found, places), pointer, align=size)
    done = builder.mul(blocks, integer(lanes))
    with cgutils.for_range(builder, builder.sub(rows, done)) as loop:
        row = builder.add(loop.index, done)
        for here, there in zip(across(row), along(row)):
            builder.store(builder.load(there if back else here), here if back else there)
    builder.ret_void()


def turning(name, back):
    def generate(target, builder, signature, arguments):
        matrix, tile = (make_array(signature.args[i])(target, builder, arguments[i]) for i in (0, 3))
        data, integer, count = matrix.data.type, ir.IntType(64), signature.args[4].literal_value
        kind = ir.FunctionType(ir.VoidType(), [data, integer, integer, data, integer])
        function = cgutils.get_or_insert_function(builder.module, kind, f"{name}_{count}_{data.pointee}")
        if function.is_declaration:
            function.linkage = "internal"
            function.attributes.add("noinline")
            set.add(function.attributes, '"prefer-vector-width"="512"')
            turned(function, data.pointee, target.get_abi_sizeof(data.pointee), count, back)
        width = cgutils.unpack_tuple(builder, tile.shape)[-1]
        builder.call(function, [matrix.data, *arguments[1:3], tile.data, width])
        return target.get_dummy_value()

    return generate


@intrinsic(prefer_literal=True)
def to_tile(context, matrix, first, rows, tile, count):
    return types.void(matrix, first, rows, tile, count), turning("to_tile", back=False)


@intrinsic(prefer_literal=True)
def from_tile(context, matrix, first, rows, tile, count):
    return types.void(matrix, first, rows, tile, count), turning("from_tile", back=True)
"""
FAR = 3 << 23  # bytes of results: what is not smaller is written past the caches
STREAMS = f"""\


FAR = {FAR}


@intrinsic
def aside(context, target, strip, far):
    kind = types.Array(target.dtype, target.ndim, "C")

    def generate(cpu, builder, signature, arguments):
        whole, near = (make_array(k)(cpu, builder, a) for k, a in zip(signature.args, arguments[:2]))
        made = make_array(kind)(cpu, builder)
        data = builder.select(arguments[2], near.data, whole.data)
        shape, strides = builder.select(arguments[2], near.shape, whole.shape), whole.strides
        extents, steps = (cgutils.unpack_tuple(builder, part) for part in (shape, strides))
        populate_array(made, data, extents, steps, whole.itemsize, None)
        return made._getvalue()

    return kind(target, strip, far), generate


@intrinsic
def move(context, source, target, size):
    def generate(cpu, builder, signature, arguments):
        byte = ir.IntType(8)
        here, there = (builder.inttoptr(a, byte.as_pointer()) for a in arguments[:2])
        cgutils.raw_memcpy(builder, there, here, arguments[2], 1)
        return cpu.get_dummy_value()

    return types.void(source, target, size), generate


@intrinsic
def past(context, source, target):
    def generate(cpu, builder, signature, arguments):
        line = ir.VectorType(ir.IntType(64), 8)
        here, there = (builder.inttoptr(a, line.as_pointer()) for a in arguments)
        stored = builder.store(builder.load(here, align=1), there, align=64)
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return cpu.get_dummy_value()

    return types.void(source, target), generate


@intrinsic
def settled(context):
    def generate(cpu, builder, signature, arguments):
        builder.fence("seq_cst")
        return cpu.get_dummy_value()

    return types.void(), generate


@intrinsic
def soon(context, place):
    def generate(cpu, builder, signature, arguments):
        kinds = [ir.IntType(8).as_pointer(), *(ir.IntType(32),) * 3]
        fetched = builder.module.declare_intrinsic("llvm.prefetch", kinds[:1], ir.FunctionType(ir.VoidType(), kinds))
        builder.call(fetched, [builder.inttoptr(arguments[0], kinds[0]), *(ir.IntType(32)(n) for n in (0, 3, 1))])
        return cpu.get_dummy_value()

    return types.void(place), generate


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def fetch(array, row, first, count):
    start = address(array) + row * array.strides[0] + first * array.itemsize
    for place in range(start, start + count * array.itemsize, 64):
        soon(place)


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def lines(size, parts):
    return (size // (64 * parts) + 1) * 64


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def drained(at, end, shift, size):
    stop = min(at + size, end)
    for place in range(at, stop, 64):
        past(place + shift, place)
    return stop


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def edges(target, strip, tile, here, rows, row):
    place, size = address(target) + tile * row, rows * row
    shift = address(strip) + here * row - place
    at = place + min(size, -place & 63)
    end = at + (place + size - at) // 64 * 64
    move(place + shift, place, at - place)
    move(end + shift, end, place + size - end)
    return at, end, shift
"""
DRIVER = """\


KINDS = (types.int64,) * 3


def called(target, builder, dispatcher, arguments):
    compiled = dispatcher.get_compile_result(types.none(*KINDS))
    target.active_code_library.add_linking_library(compiled.library)
    target.call_internal(builder, compiled.fndesc, compiled.signature, arguments)
    return compiled.fndesc


def gathered(target, builder, table, places):
    places = cgutils.unpack_tuple(builder, places)
    block = cgutils.alloca_once(builder, ir.IntType(64), size=len(places))
    for number, place in enumerate(places):
        value = builder.load(builder.gep(table, [place]))
        builder.store(value, builder.gep(block, [ir.IntType(64)(number)]))
    return builder.ptrtoint(block, ir.IntType(64))


def driven(builder, driver, given):
    integer = ir.IntType(64)
    function = builder.inttoptr(driver, ir.FunctionType(ir.IntType(32), [integer.as_pointer()]).as_pointer())
    block = cgutils.alloca_once(builder, integer, size=len(given))
    for number, value in enumerate(given):
        builder.store(value, builder.gep(block, [integer(number)]))
    builder.call(function, [block])


@intrinsic
def once(context, stage, table, places):
    def generate(target, builder, signature, arguments):
        data = make_array(signature.args[1])(target, builder, arguments[1]).data
        none, one = (target.get_constant(types.int64, n) for n in (0, 1))
        block = gathered(target, builder, data, arguments[2])
        called(target, builder, signature.args[0].dispatcher, [none, one, block])
        return target.get_dummy_value()

    stage.dispatcher.compile(KINDS)
    return types.void(stage, table, places), generate


@intrinsic
def perform(context, stage, chunks, table, places):
    def generate(target, builder, signature, arguments):
        table = make_array(signature.args[2])(target, builder, arguments[2])
        block = gathered(target, builder, table.data, arguments[3])
        none, one = (target.get_constant(types.int64, n) for n in (0, 1))
        with builder.if_else(builder.icmp_signed("==", arguments[1], one)) as (alone, several):
            with alone:
                function = called(target, builder, signature.args[0].dispatcher, [none, one, block])
            with several:
                pointer = builder.ptrtoint(target.declare_function(builder.module, function), ir.IntType(64))
                last = builder.sub(table.nitems, one)
                driver = builder.load(builder.gep(table.data, [last]))
                with builder.if_else(builder.icmp_signed("==", driver, none)) as (here, there):
                    with here:
                        called(target, builder, chunked, [pointer, arguments[1], block])
                    with there:
                        driven(builder, driver, [pointer, arguments[1], block])
        return target.get_dummy_value()

    stage.dispatcher.compile(KINDS)
    chunked.compile(KINDS)
    return types.void(stage, chunks, table, places), generate


@intrinsic
def invoke(context, function, piece, chunks, place):
    def generate(target, builder, signature, arguments):
        kind = target.call_conv.get_function_type(types.none, KINDS)
        pointer = builder.inttoptr(arguments[0], kind.as_pointer())
        target.call_conv.call_function(builder, pointer, types.none, KINDS, arguments[1:])
        return target.get_dummy_value()

    return types.void(types.int64, *KINDS), generate


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, parallel=True)
def chunked(function, chunks, place):
    for piece in prange(chunks):
        invoke(function, int64(piece), chunks, place)
"""
HELPERS = """\
@njit(error_model="numpy", fastmath={"reassoc", "contract"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def add(total, value):
    return total + value


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def pieces(rows, work, enough):
    most = CHUNKS if rows > CHUNKS else rows
    return most if work >= enough else int64(1)


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def blocks(rows, columns, work, least, enough):
    most = min(CHUNKS, max(rows, columns) // least, max(int64(2), work // (32 * enough)))
    chunks = int64(1)
    for _ in range(5):
        chunks = 2 * chunks if 2 * chunks <= most and work >= enough else chunks
    return chunks


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def fill(target, count, value):
    alone()
    whole = cells(target, count, value)
    for cell in range(count):
        whole[cell] = value


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def copy(source, target, count, like):
    alone()
    old = cells(source, count, like)
    new = cells(target, count, like)
    for cell in range(count):
        new[cell] = old[cell]
""".replace("CHUNKS", "int64(32)")
INNER = 'error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True'
CPU = Target(
    name="cpu",
    imports=IMPORTS + EXTREME + ARITHMETIC + PARALLEL + ARRAY + CELLS + DRIVER,
    fortran=FORTRAN,
    blas=BLAS,
    lapack=LAPACK,
    tiles=TILES,
    streams=STREAMS,
    helpers=HELPERS,
    decorators={
        "scalar": f"@njit({INNER}, forceinline=True)",
        "constant": "",
        "double": f"@njit({INNER})",
        "group": f'@njit({INNER}, fastmath={{"contract"}})',
        "run": '@njit(error_model="numpy", nogil=True, cache=True, no_cfunc_wrapper=True)',
    },
    chunks=32,
    block=128,
    products=1_000_000,
)
