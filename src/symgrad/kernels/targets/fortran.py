"""The text by which CPU modules call SciPy's BLAS and LAPACK.

Both are Fortran: every argument is an address, matrices lie by columns. They are called by registered names, which
Numba can cache, and which compile in a fraction of the time of np.linalg's text.
"""

from __future__ import annotations

# `product` is one of `chunks` blocks of c = op(a) @ op(b), of its rows or its columns, whichever are more. Matrices are
# row-major; BLAS computes the transposed product. It takes a block of a transposed matrix without a copy; np.dot would
# need one, and compiles a second for each combination of layouts. `update` is the lower triangle of
# c += sign * a[first:last]^T a[first:last]; `symmetric` adds such sums and mirrors. `getrf`, `getrs` (of the transposed
# factors, so of the row-major matrix) and `getri` return LAPACK's info, 0 where all is well.
FORTRAN = """\


def by_reference(builder, value):
    return builder.bitcast(cgutils.alloca_once_value(builder, value), cgutils.voidptr_t)


PASSED = {
    "letter": by_reference,
    "real": by_reference,
    "number": lambda builder, value: by_reference(builder, builder.trunc(value, ir.IntType(32))),
    "array": lambda builder, value: builder.inttoptr(value, cgutils.voidptr_t),
    "place": lambda builder, value: builder.bitcast(value, cgutils.voidptr_t),
}


def fortran(builder, name, real, given):
    kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t] * len(given))
    routine = {types.float32: "symgrad_s", types.float64: "symgrad_d"}[real] + name
    passed = [PASSED[kind](builder, value) for value, kind in given]
    builder.call(cgutils.get_or_insert_function(builder.module, kind, routine), passed)
"""
REGISTER = """\
for name in ("sgemm", "dgemm", "ssyrk", "dsyrk"):
    if not binding.address_of_symbol(f"symgrad_{name}"):
        binding.add_symbol(f"symgrad_{name}", get_cython_function_address("scipy.linalg.cython_blas", name))
"""
BLAS = f"\n\n{REGISTER}" + """

@intrinsic
def gemm(context, turn_b, turn_a, n, m, k, b, ldb, a, lda, c, ldc, like):
    def generate(target, builder, signature, arguments):
        def letter(turned):
            turns = builder.icmp_signed("!=", turned, turned.type(0))
            return builder.select(turns, ir.IntType(8)(84), ir.IntType(8)(78)), "letter"

        turn_b, turn_a, n, m, k, b, ldb, a, lda, c, ldc, _ = arguments
        one, none = ((target.get_constant(like.dtype, value), "real") for value in (1.0, 0.0))
        given = [letter(turn_b), letter(turn_a), (n, "number"), (m, "number"), (k, "number"), one]
        given += [(b, "array"), (ldb, "number"), (a, "array"), (lda, "number"), none, (c, "array"), (ldc, "number")]
        fortran(builder, "gemm", like.dtype, given)
        return target.get_dummy_value()

    return types.void(*(types.int64,) * 11, like), generate


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def product(a, turn_a, b, turn_b, c, piece, chunks):
    alone()
    rows, columns = c.shape
    tall = rows >= columns
    top = rows * piece // chunks if tall else 0
    left = 0 if tall else columns * piece // chunks
    m = (rows * (piece + 1) // chunks if tall else rows) - top
    n = (columns if tall else columns * (piece + 1) // chunks) - left
    k = a.shape[0] if turn_a else a.shape[1]
    lda = max(a.strides[0] // a.itemsize, a.shape[1], 1)  # a slice of a larger array skips what lies between its rows
    ldb = max(b.strides[0] // b.itemsize, b.shape[1], 1)
    ldc = max(c.strides[0] // c.itemsize, c.shape[1], 1)
    of_a = address(a) + (top if turn_a else top * lda) * a.itemsize
    of_b = address(b) + (left * ldb if turn_b else left) * b.itemsize
    gemm(turn_b, turn_a, n, m, k, of_b, ldb, of_a, lda, address(c) + (top * ldc + left) * c.itemsize, ldc, c)


@intrinsic
def syrk(context, n, k, alpha, a, lda, c, ldc, like):
    def generate(target, builder, signature, arguments):
        n, k, alpha, a, lda, c, ldc, _ = arguments
        upper, plain = ((ir.IntType(8)(letter), "letter") for letter in (85, 78))
        one = target.get_constant(like.dtype, 1.0), "real"
        given = [upper, plain, (n, "number"), (k, "number"), (alpha, "real"), (a, "array"), (lda, "number")]
        fortran(builder, "syrk", like.dtype, [*given, one, (c, "array"), (ldc, "number")])
        return target.get_dummy_value()

    integers = (types.int64,) * 2
    return types.void(*integers, like.dtype, *(types.int64,) * 4, like), generate


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def update(a, first, last, sign, c):
    alone()
    n = a.shape[1]
    if last > first and n > 0:
        syrk(n, last - first, sign, address(a) + first * n * a.itemsize, n, address(c), n, c)


@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def symmetric(parts, chunks, c):
    alone()
    for i in range(c.shape[0]):
        for j in range(i + 1):
            total = parts[0, i, j]
            for piece in range(1, chunks):
                total += parts[piece, i, j]
            c[i, j] = total
            c[j, i] = total
"""
LAPACK = """\


for name in ("sgetrf", "dgetrf", "sgetrs", "dgetrs", "sgetri", "dgetri"):
    if not binding.address_of_symbol(f"symgrad_{name}"):
        binding.add_symbol(f"symgrad_{name}", get_cython_function_address("scipy.linalg.cython_lapack", name))


def lapack(builder, name, real, given):
    info = cgutils.alloca_once_value(builder, ir.IntType(32)(0))
    fortran(builder, name, real, [*given, (info, "place")])
    return builder.sext(builder.load(info), ir.IntType(64))


def leading(builder, n):
    return builder.select(builder.icmp_signed(">", n, n.type(1)), n, n.type(1)), "number"


@intrinsic
def getrf(context, n, a, pivots, like):
    def generate(target, builder, signature, arguments):
        n, a, pivots, _ = arguments
        given = [(n, "number"), (n, "number"), (a, "array"), leading(builder, n), (pivots, "array")]
        return lapack(builder, "getrf", like.dtype, given)

    return types.int64(types.int64, types.int64, types.int64, like), generate


@intrinsic
def getrs(context, n, columns, a, pivots, b, like):
    def generate(target, builder, signature, arguments):
        n, columns, a, pivots, b, _ = arguments
        head = [(ir.IntType(8)(84), "letter"), (n, "number"), (columns, "number")]
        lda = leading(builder, n)
        return lapack(builder, "getrs", like.dtype, [*head, (a, "array"), lda, (pivots, "array"), (b, "array"), lda])

    return types.int64(*(types.int64,) * 5, like), generate


@intrinsic
def getri(context, n, a, pivots, work, length, like):
    def generate(target, builder, signature, arguments):
        n, a, pivots, work, length, _ = arguments
        given = [(n, "number"), (a, "array"), leading(builder, n), (pivots, "array")]
        return lapack(builder, "getri", like.dtype, [*given, (work, "array"), (length, "number")])

    return types.int64(*(types.int64,) * 5, like), generate
"""
