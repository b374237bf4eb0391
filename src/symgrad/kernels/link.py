"""The functions of a module become machine code together, once; its object file can be loaded without Numba.

Numba optimises and assembles a function as soon as it is lowered, and again in every function that calls it: a group
in its own library, in that of its chunks, and in that of `run`. That is half of the compile time. Inside `together`
a module's functions stay as they were lowered; the one that is called from Python (`run`) takes in all that it
reaches, and that is optimised and assembled. Functions that others use too, Numba's own, are compiled as always.

`run` gets an entry of plain C beside it, `int entry(int64_t block[3])` of a table's address and length, which puts an
error into the third place: a wrapper for Python would need Numba's runtime. What else the object needs from outside is
named, so that whoever loads it can look first.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import binding as llvm
from llvmlite import ir
from numba import int64, types
from numba.core.caching import NullCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.np import linalg
from numba.np.arrayobj import make_array, populate_array

from .translate import quick

TABLE = int64[::1]


class Part(JITCodeLibrary):
    """The code of one function, neither optimised nor assembled until somebody asks for its address."""

    def __init__(self, codegen, name: str):
        super().__init__(codegen, name)
        self.assembled = False
        self.environments: dict = {}

    @property
    def codegen(self):
        """Who is told the environments of functions: they have no address before they are assembled."""
        return self._codegen if self.assembled else self

    def set_env(self, env_name: str, env) -> None:
        self.environments[env_name] = env

    def finalize(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        if not self.assembled:
            if not any(f.name == name and not f.is_declaration for f in self._final_module.functions):
                return 0
            self.assemble()
        return super().get_pointer_to_function(name)

    def assemble(self) -> None:
        """Link what this function reaches, optimise it, make machine code."""
        reached = self.reached({})
        for library in reached:
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(_linkable(library), preserve=True)
        self._optimize_final_module()
        self._final_module.verify()
        self._finalize_final_module()
        for part in reached:
            for name, environment in getattr(part, "environments", {}).items():
                if self._codegen._engine.is_symbol_defined(name):
                    self._codegen.set_env(name, environment)

    def reached(self, found: dict) -> dict:
        """The libraries whose functions this one calls, directly or not."""
        for library in self._linking_libraries:
            if library not in found:
                found[library] = None
                if isinstance(library, Part) and not library.assembled:
                    library.reached(found)
        return found

    def _finalize_final_module(self) -> None:
        self.assembled = True
        super()._finalize_final_module()

    def _get_module_for_linking(self):
        """What a library of another kind links: this function and all that it reaches."""
        if not self.assembled and self._shared_module is None:
            whole = _linkable(self)
            for library in self.reached({}):
                whole.link_in(_linkable(library), preserve=True)
            self._shared_module = whole
        return super()._get_module_for_linking()


def awaken() -> None:
    """Load Numba's runtime and all that objects may ask of it.

    Numba imports scipy.linalg to see whether there is a BLAS, 0.1 s of a process's start; we depend on SciPy.
    """
    look, linalg.ensure_blas = linalg.ensure_blas, lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = look
    cpu_target.target_context.refresh()


class Object(NamedTuple):
    """Machine code: where it is in this process, as a file, and the names that it needs from outside."""

    address: int
    data: bytes
    needs: list[str]
    library: Part


def assembled(names: Mapping[str, Any], entry: str) -> Object:
    """The machine code of a module's `run` and all that it reaches."""
    awaken()
    quick(names)
    run = names["run"]
    run._cache = NullCache()  # the object is kept by us
    run.targetoptions |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    with together(names):
        run.compile((TABLE,))
        compiled = run.overloads[(TABLE,)]
        library = compiled.library
        library._final_module.link_in(_entry(library, compiled.fndesc, entry))
        library.enable_object_caching()
        address = library.get_pointer_to_function(entry)
    return Object(address, library._get_compiled_object(), _needs(library._final_module), library)


def _entry(library: Part, function, name: str) -> llvm.ModuleRef:
    """A module with the entry: it makes the array that `run` takes."""
    context, integer = cpu_target.target_context, ir.IntType(64)
    module = library._codegen._create_empty_module(name)
    made = ir.Function(module, ir.FunctionType(ir.IntType(32), [integer.as_pointer()]), name)
    builder = ir.IRBuilder(made.append_basic_block())
    places = [builder.gep(made.args[0], [integer(n)]) for n in range(3)]
    table, count = builder.load(places[0]), builder.load(places[1])
    array, size = make_array(TABLE)(context, builder), integer(8)
    populate_array(array, builder.inttoptr(table, integer.as_pointer()), [count], [size], size, None)
    callee = context.declare_function(module, function)
    status, _ = context.call_conv.call_function(builder, callee, types.none, (TABLE,), [array._getvalue()])
    with builder.if_then(status.is_error):
        builder.store(builder.ptrtoint(status.excinfoptr, integer), places[2])
    builder.ret(status.code)
    return llvm.parse_assembly(str(module))


def _needs(module: llvm.ModuleRef) -> list[str]:
    """The names that are declared only; LLVM knows its own."""
    declared = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    return sorted([*declared, *(g.name for g in module.global_variables if g.is_declaration)])


def _linkable(library: JITCodeLibrary) -> llvm.ModuleRef:
    """A library's own functions; a second definition of one is dropped."""
    if not isinstance(library, Part) or library.assembled:
        return library._get_module_for_linking()
    module = library._final_module.clone()
    for function in module.functions:
        if not function.is_declaration and function.linkage == llvm.Linkage.external:
            function.linkage = "linkonce_odr"
    return module


@contextmanager
def together(names: Collection[str]) -> Iterator[None]:
    """The functions of these names that are compiled inside are parts. Garbage is collected afterwards: it would be
    looked for in all that has just been made."""
    codegen = cpu_target.target_context.codegen()
    collecting = gc.isenabled()

    def library(name: str, **options):
        return Part(codegen, name) if name in names else type(codegen).create_library(codegen, name, **options)

    with global_compiler_lock:
        gc.disable()
        codegen.create_library = library
        try:
            yield
        finally:
            del codegen.create_library
            if collecting:
                gc.enable()
