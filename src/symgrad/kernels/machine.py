"""Machine code that is called without Numba: an entry of plain C, and object files loaded by LLVM alone.

Importing Numba and building its tables of types takes 0.3 s of a process's start. A kernel that was compiled before
needs none of it: its object file is linked into the process in a few milliseconds, if all that it needs from outside
is here.
"""

from __future__ import annotations

import ctypes
import os
import pickletools
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import numpy as np
from llvmlite import binding as llvm

ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32)  # of a block; without a declared argument a call is twice as fast
BLOCK = ctypes.c_int64 * 3  # the address of a table, its length; the address of an error, when there was one
SETTINGS = ("NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_CACHE_DIR")  # those that change no machine code


def address(array: np.ndarray) -> int:
    """Where the data lie: what `array.ctypes.data` says, which takes eight times as long.

    An array's structure in memory starts with that of every object, then the pointer to the data (NumPy's C interface).
    """
    return _pointer(id(array) + _HEAD).value or 0


_pointer, _HEAD = ctypes.c_void_p.from_address, object.__basicsize__
if address(_probe := np.zeros(3)) != _probe.ctypes.data:  # another Python may lay objects out in another way

    def address(array: np.ndarray) -> int:
        return array.ctypes.data


class Run:
    """A module's `run`: takes the table. `address` is that of its entry; `keep` what must stay in memory."""

    def __init__(self, address: int, keep: Any):
        self.address, self.keep, self._entry = address, keep, ENTRY(address)

    def __call__(self, table: np.ndarray) -> None:
        block = BLOCK(address(table), len(table), 0)
        if self._entry(block):
            raise raised(block[2])

    def on(self, table: np.ndarray) -> Callable[[], int]:
        """The call for a table that is used again and again, and that the caller keeps; not 0 where it failed."""
        return partial(self._entry, BLOCK(address(table), len(table), 0))


def raised(place: int) -> Exception:
    """The exception that compiled code has reported. Numba keeps it as pickled constants (a class, its arguments); they
    are read, and nothing of them is executed."""
    if not place:
        return RuntimeError("a kernel stopped without saying why")
    data = ctypes.c_void_p.from_address(place).value
    size = ctypes.c_int32.from_address(place + ctypes.sizeof(ctypes.c_void_p)).value
    words = [word for _, word, _ in pickletools.genops(ctypes.string_at(data, size)) if isinstance(word, str)]
    kinds = {"LinAlgError": np.linalg.LinAlgError, "ValueError": ValueError, "MemoryError": MemoryError}
    for number, word in enumerate(words):
        kind = next((k for n, k in kinds.items() if word.split()[-1:] == [n]), None)
        if kind is not None:
            return kind(*words[number + 1 : number + 2])
    return RuntimeError(f"a kernel stopped: {' '.join(words)}")


# ------------------------------------------------------------------------------------------------------- object files
@cache
def processor() -> str:
    """What machine code is made for: it runs nowhere else."""
    llvm.initialize_native_target()
    settings = sorted(f"{n}={v}" for n, v in os.environ.items() if n.startswith("NUMBA_") and n not in SETTINGS)
    features = llvm.get_host_cpu_features().flatten()
    return " ".join([llvm.get_process_triple(), llvm.get_host_cpu_name(), features, *settings])


def there(names: Iterable[str]) -> bool:
    """Are all the names in this process? LLVM would abort it at the first that is not."""
    _engine()  # the first one lets LLVM look into the process
    return all(llvm.address_of_symbol(name) for name in names)


def load(data: bytes, entry: str) -> Run | None:
    """The entry of an object file; None where it has none of this name."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(data))
    engine.finalize_object()
    address = engine.get_function_address(entry)
    return Run(address, engine) if address else None


def made(text: str, entry: str) -> Run:
    """The entry of a module of LLVM's assembly text."""
    engine = _engine()
    engine.add_module(llvm.parse_assembly(text))
    engine.finalize_object()
    return Run(engine.get_function_address(entry), engine)


def _engine() -> llvm.ExecutionEngine:
    """An engine for one object: names in one have nothing to do with those in another."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), codemodel="jitdefault", jit=True,
        reloc="static" if "x86" in llvm.Target.from_default_triple().name else "default",
    )  # fmt: skip
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
