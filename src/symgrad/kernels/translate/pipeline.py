"""Translated functions among Numba's: a compiler that a dispatcher takes instead of its own."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.compiler import Compiler
from numba.core.dispatcher import Dispatcher
from numba.core.ir import Loc
from numba.core.lowering import BaseLower
from numba.core.targetconfig import ConfigStack
from numba.core.typed_passes import NativeLowering, NoPythonBackend

from .statements import Body
from .values import Code, Unknown


def quick(names: Mapping[str, Any]) -> None:
    """Let the functions of a module be translated. None has a parallel loop then: kernels/threads runs the chunks."""
    for function in names.values():
        if isinstance(function, Dispatcher):
            function.targetoptions["parallel"] = False
            function._compiler.pipeline_class = Translator


class Translator(Compiler):
    """Numba's compiler, but for functions whose text says all that it would find out."""

    def _compile_bytecode(self):
        state = self.state
        try:
            with ConfigStack().enter(state.flags.copy()):
                return _translated(state)
        except Exception:  # also where another version of Numba is made differently: its own compiler serves then
            state.library = state.func_ir = state.typemap = state.cr = None
            return super()._compile_bytecode()


def _translated(state):
    identity = state.func_id
    text = _text(identity.func)
    names = [a.arg for a in text.args.args]
    place = Loc.from_function_id(identity)
    state.func_ir = SimpleNamespace(
        func_id=identity, arg_names=names, blocks={0: None}, generator_info=None, loc=place, text=text
    )
    state.typemap = {f"arg.{name}": kind for name, kind in zip(names, state.args, strict=True)}
    state.calltypes, state.type_annotation = {}, ""
    state.return_type = _result(state, text)
    _Lowering().run_pass(state)
    NoPythonBackend().run_pass(state)
    state.pipeline = None
    return state.cr


def _text(function) -> ast.FunctionDef:
    """The text of a function of plain arguments that stands by itself in a file."""
    code = function.__code__
    text = _functions(code.co_filename).get(code.co_name)
    if text is None or function.__closure__ or text.decorator_list[0].lineno != code.co_firstlineno:
        raise Unknown(f"{code.co_name} elsewhere")
    if len(text.args.args) != code.co_argcount or function.__defaults__ or code.co_flags & _STARS:
        raise Unknown(f"the arguments of {code.co_name}")
    return text


_STARS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


@lru_cache(8)
def _functions(file: str) -> dict[str, ast.FunctionDef]:
    """The functions of a file by name."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list}


def _result(state, text: ast.FunctionDef) -> types.Type:
    """The type that the function returns: found by writing it once for nobody."""
    if not any(isinstance(n, ast.Return) and n.value for n in ast.walk(text)):
        return types.none
    module = ir.Module()
    library = SimpleNamespace(add_linking_library=lambda other: None)
    conventions = state.targetctx.call_conv
    function = ir.Function(module, conventions.get_function_type(types.none, state.args), "draft")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    conventions.init_call_helper(builder)
    with state.targetctx.push_code_library(library):
        body = _body(state.typingctx, state.targetctx, builder, library, state.func_id, text)
        body.write(_arguments(body.code, conventions, state.args))
    return body.returned


def _body(typing, target, builder, library, identity, text, result=None) -> Body:
    code = Code(typing, target, builder, library)
    return Body(code, text, identity.func.__globals__ | {"range": range, "prange": range}, target.call_conv, result)


def _arguments(code: Code, conventions, kinds):
    given = conventions.decode_arguments(code.builder, kinds, code.builder.function)
    return [code.value(kind, data) for kind, data in zip(kinds, given)]


class _Lower(BaseLower):
    """Numba's frame of a function, with a body of ours."""

    def lower_normal_function(self, fndesc) -> None:
        self.setup_function(fndesc)
        ours = self.context.typing_context, self.context, self.builder, self.library
        body = _body(*ours, self.func_ir.func_id, self.func_ir.text, fndesc.restype)
        body.write(_arguments(body.code, self.call_conv, fndesc.argtypes))


class _Lowering(NativeLowering):
    @property
    def lowering_class(self):
        return _Lower
