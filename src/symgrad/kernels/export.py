"""A kernel as a module that stands alone: the generated text, and how it is called. It needs NumPy and Numba only; with
SciPy beside them, matrix products are its BLAS's."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Expr, floor

from ..errors import SymgradError
from ..ir.access import Access, Size
from ..ir.system import System
from .compiled import Compiled, Options
from .needed import needed
from .targets import cpu
from .targets.fortran import REGISTER

# Where SciPy is, products are its BLAS's, as in a kernel; where it is not, functions of the same signature take its
# place: loops, a few times slower. What Numba keeps of `run` on disk serves both.
EITHER = """\
try:
    for name in ("sgemm", "dgemm", "ssyrk", "dsyrk"):
        binding.add_symbol(f"symgrad_{name}", get_cython_function_address("scipy.linalg.cython_blas", name))
except ImportError:
    for letter, real in (("s", types.float32), ("d", types.float64)):
        letters, numbers, reals = (types.CPointer(t) for t in (types.int8, types.int32, real))

        @cfunc(
            types.void(letters, letters, *(numbers,) * 3, reals, reals, numbers, reals, numbers, reals, reals, numbers),
            error_model="numpy", fastmath={"reassoc", "contract"},
        )
        def plain_product(turn_a, turn_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
            rows, columns, depth = carray(m, 1)[0], carray(n, 1)[0], carray(k, 1)[0]
            step_a, step_b, step_c = carray(lda, 1)[0], carray(ldb, 1)[0], carray(ldc, 1)[0]
            turned_a, turned_b = carray(turn_a, 1)[0] == 84, carray(turn_b, 1)[0] == 84
            x = carray(a, (rows if turned_a else depth, step_a))
            y = carray(b, (depth if turned_b else columns, step_b))
            z = carray(c, (columns, step_c))
            for j in range(columns):
                for i in range(rows):
                    z[j, i] = 0
            for first in range(0, depth, 128):
                last = min(first + 128, depth)
                for j in range(columns):
                    if turned_a:
                        for i in range(rows):
                            total = z[j, i]
                            for p in range(first, last):
                                total += x[i, p] * (y[p, j] if turned_b else y[j, p])
                            z[j, i] = total
                    else:
                        for p in range(first, last):
                            weight = y[p, j] if turned_b else y[j, p]
                            for i in range(rows):
                                z[j, i] += weight * x[p, i]

        @cfunc(
            types.void(letters, letters, numbers, numbers, reals, reals, numbers, reals, reals, numbers),
            error_model="numpy", fastmath={"contract"},
        )
        def plain_update(half, turn, n, k, alpha, a, lda, beta, c, ldc):
            rows, depth = carray(n, 1)[0], carray(k, 1)[0]
            x, z = carray(a, (depth, carray(lda, 1)[0])), carray(c, (rows, carray(ldc, 1)[0]))
            for p in range(depth):
                for j in range(rows):
                    weight = carray(alpha, 1)[0] * x[p, j]
                    for i in range(j + 1):
                        z[j, i] += weight * x[p, i]

        binding.add_symbol(f"symgrad_{letter}gemm", plain_product.address)
        binding.add_symbol(f"symgrad_{letter}syrk", plain_update.address)
"""

CALL = '''
def evaluate(**arrays):
    """The results by name, for arrays by name. ValueError says what is wrong with one."""
    if set(arrays) != set(INPUTS):
        raise ValueError(f"evaluate takes {', '.join(INPUTS)}; it was given {', '.join(arrays) or 'nothing'}.")
    given = {name: _array(name, arrays[name], kind) for name, (kind, _) in INPUTS.items()}
    sizes = {}
    for name, (_, axes) in INPUTS.items():
        if given[name].ndim != len(axes):
            raise ValueError(f"{name} has {len(axes)} axes, {axes}; the array has shape {given[name].shape}.")
        sizes.update(dict((axis, n) for axis, n in zip(axes, given[name].shape) if isinstance(axis, str)))
    numbers, shapes = layout(**sizes)
    for name, array in given.items():
        if array.shape != shapes[name]:
            raise ValueError(f"{name} must have shape {shapes[name]}; the array has {array.shape}.")
        limit = shapes["below"].get(name)
        if limit is not None and array.size and not 0 <= array.min() <= array.max() < limit:
            raise ValueError(f"{name} must hold 0 to {limit - 1}; it holds {array.min()} to {array.max()}.")
    held = {name: array.reshape(array.shape or (1,)) for name, array in given.items()}
    held.update({name: np.empty(shapes[name] or (1,), kind) for name, kind in BUFFERS.items()})
    table = np.array([*numbers, *(held[name].ctypes.data for name in ARRAYS), 0, 0], np.int64)
    before = THREADS[0]() if THREADS else 1
    if THREADS:
        THREADS[1](1)
    try:
        run(table)
    finally:
        if THREADS:
            THREADS[1](before)
    return {name: held[name].reshape(shapes[name]) for name in RESULTS}


def _array(name, value, kind):
    array = np.asarray(value)
    if array.dtype.kind not in {"f": "fiub", "i": "iu", "b": "b"}[np.dtype(kind).kind]:
        raise ValueError(f"{name} must hold {np.dtype(kind).name}; the array holds {array.dtype}.")
    return np.require(array, kind, ["C", "A", "W"])
'''
NO_THREADS = "\n\nTHREADS = ()\n"
THREADS = '''

def _blas_threads():
    """(get, set) of the number of threads of SciPy's OpenBLAS: `run` has threads of its own. Empty without SciPy."""
    try:
        import ctypes
        from pathlib import Path

        import scipy

        here = Path(scipy.__file__).parent
        found = [*here.parent.glob("scipy.libs/libscipy_openblas*"), *here.glob(".dylibs/libscipy_openblas*")]
        library = ctypes.CDLL(str(found[0]))
        return library.scipy_openblas_get_num_threads, library.scipy_openblas_set_num_threads
    except (ImportError, OSError, AttributeError, IndexError):
        return ()


THREADS = _blas_threads()
'''


def standalone(system: System, dtype: str, sizes: Mapping[Size, int]) -> str:
    """The text of a module with `evaluate(**arrays)`. `sizes` are those that are fixed; the others are read off the
    inputs' axes.

    Raises SymgradError where an index is computed from data: an exported module could not check its range.
    """
    system = system.prune()
    compiled = Compiled(system, Options(dtype), system, in_place=False)
    if compiled.calls:
        raise SymgradError(f"{compiled.calls[0].name} needs LAPACK, which an exported module does not have.")
    free = _free(system, sizes)
    below = _below(system, compiled)
    kinds = {"float": dtype, "int": "int64", "bool": "bool"}
    inputs = {t.name: (kinds[t.dtype], _axes(t.shape, free)) for t in system.declared()}
    tensors = compiled.plan.system.tensors
    scratch = {b.name: (b.pieces or cpu.CPU.chunks, *b.shape) for b in compiled.tuned.scratch}
    buffers = {n: kinds[compiled.tuned.dtypes[n]] for n in compiled.arrays if n not in inputs}
    shapes = {n: _text(scratch.get(n) or tensors[n].shape) for n in buffers}
    shapes |= {t.name: _text(t.shape) for t in system.declared()}
    numbers = ", ".join(_python(e) for e in (*compiled.tuned.sizes, *compiled.tuned.extents))
    names = sorted({s for t in system.tensors.values() for e in t.shape for s in e.free_symbols}, key=str)
    fixed = [f"    {s} = {sizes[s]}" for s in names if s not in free]
    plain = compiled.source.replace(REGISTER, EITHER, 1).replace("import njit,", "import carray, cfunc, njit,", 1)
    text = needed(plain, ["run", "np", "int64"])
    threads = THREADS if "add_symbol" in text else NO_THREADS
    lines = [
        text, "", "", f"INPUTS = {inputs!r}", f"BUFFERS = {buffers!r}",
        f"ARRAYS = {compiled.arrays!r}", f"RESULTS = {tuple(system.results())!r}", "", "",
        f"def layout({', '.join(map(str, free))}):",
        '    """The numbers that `run` takes, and the shape of each array."""', *fixed,
        f"    shapes = {{{', '.join(f'{n!r}: {s}' for n, s in shapes.items())}}}",
        f"    shapes['below'] = {{{', '.join(f'{n!r}: {_python(e)}' for n, e in below.items())}}}",
        f"    return ({numbers}{',' if numbers else ''}), shapes", threads, CALL,
    ]  # fmt: skip
    return "\n".join(lines)


def _free(system: System, sizes: Mapping[Size, int]) -> list[Size]:
    """The sizes that are read off the inputs' axes."""
    needed = {s for t in system.tensors.values() for e in t.shape for s in e.free_symbols} - set(sizes)
    plain = {e for t in system.declared() for e in t.shape if isinstance(e, Size)}
    if needed - plain:
        raise SymgradError(f"the size {min(map(str, needed - plain))} is not that of an axis: it must be fixed.")
    return sorted(needed, key=str)


def _below(system: System, compiled: Compiled) -> dict[str, Expr]:
    """The inputs that are used as indices, and what bounds them."""
    found = {t.name: t.over for t in system.declared() if t.over is not None}
    declared = {t.name for t in system.declared()}
    for p in compiled.positions:
        if not p.data:
            continue  # the caller fixes the sizes of whatever is not a plain axis
        if not isinstance(p.position, Access) or p.position.name not in declared or p.position.name in found:
            raise SymgradError(f"the index {p.position} is computed from data: an exported module cannot check it.")
        found[p.position.name] = p.extent
    return found


def _axes(shape: tuple[Expr, ...], free: list[Size]) -> tuple:
    return tuple(str(e) if e in free else None for e in shape)


def _text(shape: tuple) -> str:
    return f"({', '.join(map(_python, shape))}{',' if len(shape) == 1 else ''})"


def _python(extent) -> str:
    """A size as Python: sizes are whole numbers, so `floor(a/b)` is `a//b`."""
    parts = {}
    for f in () if isinstance(extent, int) else extent.atoms(floor):
        above, below = f.args[0].together().as_numer_denom()
        parts[f] = Size(f"(({above})//({below}))")
    text = str(extent.xreplace(parts) if parts else extent)
    return text.replace("Max(", "max(").replace("Min(", "min(")
