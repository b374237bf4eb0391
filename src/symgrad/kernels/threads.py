"""The threads that run the chunks of a stage: Numba's pool, driven by a few instructions of our own.

Numba's `prange` would compile a parallel loop for each module, and needs all of Numba to load it again. One driver for
all kernels takes a stage by its address. It gives each thread an equal part of the chunks, in order, as `prange` does.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import NamedTuple

from llvmlite import binding, ir

from . import machine

POOLS = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}
TBB_LEAST = 12060  # of TBB's interface: what Numba asks for
INTEGER, CODE = ir.IntType(64), ir.IntType(32)
PLACE = ir.IntType(8).as_pointer()
PLACES = PLACE.as_pointer()


class Pool(NamedTuple):
    """Numba's threads: the layer's name, the addresses of `parallel_for` and of the number of threads."""

    layer: str
    parallel_for: int
    count: int


@cache
def find() -> None:
    """Make an installed TBB visible to Numba, which does not look inside a virtual environment."""
    for path in _libraries():
        with suppress(OSError):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            return


def _libraries() -> Iterator[Path]:
    """Where pip puts TBB: beside this interpreter, or wherever the distribution `tbb` says."""
    names = ("libtbb.so.12", "libtbb.12.dylib")
    yield from (path for name in names if (path := Path(sys.prefix) / "lib" / name).exists())
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files("tbb") or ():
            if file.name in names:
                yield Path(str(file.locate()))


@cache
def pool() -> Pool:
    """The threads, started. ValueError where Numba has no layer here."""
    find()
    found = None if "numba" in sys.modules or _configured() else _tbb()
    if found is not None:
        return found
    numba = importlib.import_module("numba.np.ufunc.parallel")
    numba._launch_threads()
    layer = numba.threading_layer()
    library = importlib.import_module(f"numba.np.ufunc.{POOLS[layer]}")
    return Pool(layer, library.parallel_for, library.get_num_threads)


def _configured() -> bool:
    """Has the user said anything about threads that Numba would read?"""
    return Path(".numba_config.yaml").exists() or any(n.startswith("NUMBA_") for n in os.environ)


def _tbb() -> Pool | None:
    """The layer that Numba prefers, started as Numba does, without the 0.2 s of its import; None where it is not here.

    It is Numba's own module and stands where Numba looks for it: whoever imports Numba later shares these threads.
    """
    try:
        tbb = ctypes.CDLL("libtbb.so.12")
        (folder,) = importlib.util.find_spec("numba").submodule_search_locations  # pyright: ignore
        (file,) = (f for e in EXTENSION_SUFFIXES if (f := Path(folder, "np", "ufunc", f"tbbpool{e}")).exists())
        spec = importlib.util.spec_from_file_location("numba.np.ufunc.tbbpool", file)
        library = importlib.util.module_from_spec(spec)  # pyright: ignore
        available = len(os.sched_getaffinity(0))
    except (OSError, ValueError, ImportError, AttributeError):
        return None
    if tbb.TBB_runtime_interface_version() < TBB_LEAST:
        return None
    sys.modules[library.__name__] = library
    for start in (library.launch_threads, library.set_num_threads):
        ctypes.CFUNCTYPE(None, ctypes.c_int)(start)(available)
    return Pool("tbb", library.parallel_for, library.get_num_threads)


@cache
def _driver() -> machine.Run:
    return machine.made(text(pool()), "driver")


def driver() -> int:
    """The address of a function of a block (function, chunks, place), which calls `function(piece, chunks, place)` for
    each piece, in threads."""
    return _driver().address


def text(found: Pool) -> str:
    """The driver as LLVM's text: `driver(block)` and `part`, what one thread does.

    Numba's `parallel_for(part, arguments, extents, steps, data, 0, 1, count)` calls `part` for ranges of workers; it
    moves the first argument, which is 0 here, by the first worker's number.
    """
    module = ir.Module("symgrad_threads")
    module.triple = binding.get_process_triple()
    part = _part(module)
    driver = ir.Function(module, ir.FunctionType(CODE, [INTEGER.as_pointer()]), "driver")
    builder = ir.IRBuilder(driver.append_basic_block())
    count = builder.call(_at(builder, found.count, CODE, []), [])
    block = builder.alloca(INTEGER, 4)
    for number in range(3):
        value = builder.load(builder.gep(driver.args[0], [INTEGER(number)]))
        builder.store(value, builder.gep(block, [INTEGER(number)]))
    workers = builder.sext(count, INTEGER)
    builder.store(workers, builder.gep(block, [INTEGER(3)]))
    arguments, extents, steps = builder.alloca(PLACE), builder.alloca(INTEGER), builder.alloca(INTEGER)
    builder.store(PLACE(None), arguments)
    builder.store(workers, extents)
    builder.store(INTEGER(1), steps)
    kinds = [part.type, PLACES, INTEGER.as_pointer(), INTEGER.as_pointer(), PLACE, INTEGER, INTEGER, CODE]
    given = [part, arguments, extents, steps, builder.bitcast(block, PLACE), INTEGER(0), INTEGER(1), count]
    builder.call(_at(builder, found.parallel_for, ir.VoidType(), kinds), given)
    builder.ret(CODE(0))
    return str(module)


def _part(module: ir.Module) -> ir.Function:
    """What one thread does: for each of its workers, pieces from worker*chunks/workers on."""
    integers = INTEGER.as_pointer()
    part = ir.Function(module, ir.FunctionType(ir.VoidType(), [PLACES, integers, integers, PLACE]), "part")
    part.linkage = "internal"
    builder = ir.IRBuilder(part.append_basic_block())
    result, error = builder.alloca(PLACE), builder.alloca(PLACE)
    block = builder.bitcast(part.args[3], integers)
    function, chunks, place, workers = (builder.load(builder.gep(block, [INTEGER(n)])) for n in range(4))
    first = builder.ptrtoint(builder.load(part.args[0]), INTEGER)
    end = builder.add(first, builder.load(part.args[1]))
    start, stop = (builder.sdiv(builder.mul(worker, chunks), workers) for worker in (first, end))
    piece = builder.alloca(INTEGER)
    builder.store(start, piece)
    test, body, done = (part.append_basic_block(name) for name in ("test", "body", "done"))
    builder.branch(test)
    builder.position_at_end(test)
    now = builder.load(piece)
    builder.cbranch(builder.icmp_signed("<", now, stop), body, done)
    builder.position_at_end(body)
    kinds = [PLACES, PLACES, INTEGER, INTEGER, INTEGER]
    called = builder.inttoptr(function, ir.FunctionType(CODE, kinds).as_pointer())
    builder.call(called, [result, error, now, chunks, place])
    builder.store(builder.add(now, INTEGER(1)), piece)
    builder.branch(test)
    builder.position_at_end(done)
    builder.ret_void()
    return part


def _at(builder: ir.IRBuilder, address: int, result: ir.Type, kinds: list):
    """The function at an address."""
    return builder.inttoptr(INTEGER(address), ir.FunctionType(result, kinds).as_pointer())
