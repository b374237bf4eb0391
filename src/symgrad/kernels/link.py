"""The functions of a module become machine code together, once.

Numba optimises and assembles a function as soon as it is lowered, and again in every function that calls it: a group
in its own library, in that of its chunks, and in that of `run`. That is half of the compile time. Inside `together`
a module's functions stay as they were lowered; the one that is called from Python (`run`) takes in all that it
reaches, and that is optimised and assembled. Functions that others use too, Numba's own, are compiled as always.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from llvmlite import binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target


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
