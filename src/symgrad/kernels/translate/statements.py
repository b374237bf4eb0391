"""Statements of a kernel's text: the body of a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from numba.core import types

from .expressions import Expressions, Known
from .values import Array, Code, Slot, Unknown, Value


class Body:
    """The instructions of a function. `returned` is the type of its results, none where it gives none."""

    def __init__(self, code: Code, function: ast.FunctionDef, outside: Mapping[str, Any], conventions, result=None):
        self.code, self.builder, self.conventions, self.result = code, code.builder, conventions, result
        self.returned: types.Type = types.none
        self.function = function
        self.expressions = Expressions(code, outside, _own(function))
        self.names = self.expressions.names

    def write(self, arguments: list[Value]) -> None:
        entry, start = self.builder.block, self.builder.append_basic_block("start")
        self.builder.position_at_end(start)  # places for local numbers go into the block before
        for argument, value in zip(self.function.args.args, arguments, strict=True):
            self._assign(argument.arg, value)
        self.lines(self.function.body)
        if self.going:
            self._end()
        self.builder.position_at_end(entry)
        self.builder.branch(start)

    @property
    def going(self) -> bool:
        """Is there a way to what comes next? Not behind a `return`."""
        return self.builder.block is not None and not self.builder.block.is_terminated

    def _end(self) -> None:
        if self.returned == types.none:
            self._give(self.code.nothing())
        else:
            self.builder.unreachable()

    def lines(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if not self.going:
                return
            rule = RULES.get(type(statement))
            if rule is None or (isinstance(statement, ast.For | ast.While) and statement.orelse):
                raise Unknown(ast.unparse(statement))
            rule(self, statement)

    def block(self, body: list[ast.stmt]) -> None:
        """Lines that may not be run, or several times. A number that is new here keeps its place; an array has no value
        afterwards, nor has a number that has got a new place here."""
        before = dict(self.names)
        self.expressions.settled.append(set())
        self.lines(body)
        self.expressions.settled.pop()
        for name, value in list(self.names.items()):
            if name not in before and isinstance(value, Slot):
                self.expressions.inner.add(name)
            elif name not in before or not _same(before[name], value):
                del self.names[name]
                self.expressions.inner.discard(name)

    # ----------------------------------------------------------------------------------------------------------- lines
    def _expression(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.expressions.value(node.value)

    def _pass(self, node: ast.Pass) -> None:
        """Nothing."""

    def _assignment(self, node: ast.Assign) -> None:
        target, *others = node.targets
        if others:
            value = self.expressions.value(node.value)
            for name in node.targets:
                self._named(name, value)
            return
        if isinstance(target, ast.Subscript):
            of = self.expressions.value(target.value)
            if not isinstance(of, Array):
                raise Unknown(ast.unparse(target))
            index = self.expressions.index(target.slice)
            self.code.store(of, index, self.expressions.value(node.value))
            return
        self._named(target, self.expressions.value(node.value))

    def _named(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._assign(target.id, value)
        elif isinstance(target, ast.Tuple):
            parts = [self.code.part(value, number) for number in range(len(target.elts))]
            for name, part in zip(target.elts, parts):
                self._named(name, part)
        else:
            raise Unknown(ast.unparse(target))

    def _changed(self, node: ast.AugAssign) -> None:
        read = copy(node.target)
        read.ctx = ast.Load()
        self._assignment(ast.Assign([node.target], ast.BinOp(read, node.op, node.value)))

    def _assign(self, name: str, value: Value) -> None:
        """A number has a place from its first value on, and one type, but for one that was used in a block only;
        another value has a name once."""
        found = self.names.get(name)
        if not isinstance(value.type, types.Number | types.Boolean):
            if found is not None:
                raise Unknown(f"{name} assigned twice")
            self.names[name] = value
            return
        other = isinstance(found, Slot) and found.type != value.type
        if found is None or (other and name in self.expressions.inner):
            found = self.names[name] = self.code.slot(value.type)
        if not isinstance(found, Slot) or found.type != value.type:
            raise Unknown(f"{name} of two types")
        if found.natural:
            self.names[name] = Slot(found.type, found.place)
        self.builder.store(value.data, found.place)
        self.expressions.settled[-1].add(name)

    def _if(self, node: ast.If) -> None:
        test = self.code.truth(self.expressions.value(node.test))
        starts = [self.builder.append_basic_block(name) for name in ("if", "else")]
        end = self.builder.append_basic_block("endif")
        self.builder.cbranch(test, *starts)
        for start, body in zip(starts, (node.body, node.orelse)):
            self.builder.position_at_end(start)
            self.block(body)
            if self.going:
                self.builder.branch(end)
        self.builder.position_at_end(end)

    def _while(self, node: ast.While) -> None:
        test, body, end = (self.builder.append_basic_block(n) for n in ("while", "body", "endwhile"))
        self.builder.branch(test)
        self.builder.position_at_end(test)
        self.builder.cbranch(self.code.truth(self.expressions.value(node.test)), body, end)
        self.builder.position_at_end(body)
        self.block(node.body)
        if self.going:
            self.builder.branch(test)
        self.builder.position_at_end(end)

    def _for(self, node: ast.For) -> None:
        if not isinstance(node.target, ast.Name):
            raise Unknown(ast.unparse(node.target))
        start, stop, step = self._range(node.iter)
        name = node.target.id
        natural = start.natural and (step.fixed or 0) > 0 and name not in _own_of(node.body)
        found = self.names.get(name)
        if found is not None and not (isinstance(found, Slot) and found.type == types.int64):
            raise Unknown(f"{name} of two types")
        slot = found or self.code.slot(types.int64)
        self.names[name] = Slot(types.int64, slot.place, natural)
        counter = self.code.slot(types.int64)
        test, body, end = (self.builder.append_basic_block(n) for n in ("for", "body", "endfor"))
        self.builder.store(start.data, counter.place)
        self.builder.branch(test)
        self.builder.position_at_end(test)
        here = self.builder.load(counter.place)
        self.builder.cbranch(self._before(here, stop, step), body, end)
        self.builder.position_at_end(body)
        here = self.builder.load(counter.place)
        self.builder.store(here, slot.place)
        self.builder.store(self.builder.add(here, step.data, flags=("nsw",)), counter.place)
        self.block(node.body)
        if self.going:
            self.builder.branch(test)
        self.builder.position_at_end(end)
        self.names[name] = Slot(types.int64, slot.place)

    def _before(self, here, stop: Value, step: Value):
        """Has the loop not come to its end?"""
        up, down = (self.builder.icmp_signed(sign, here, stop.data) for sign in "<>")
        if step.fixed is not None:
            return up if step.fixed > 0 else down
        return self.builder.select(self.builder.icmp_signed(">", step.data, step.data.type(0)), up, down)

    def _range(self, node: ast.expr) -> tuple[Value, Value, Value]:
        function = self.expressions.found(node.func) if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or function != Known(range):
            raise Unknown(ast.unparse(node))
        given = [self.expressions.value(a) for a in node.args]
        if any(v.type != types.int64 for v in given) or (len(given) == 3 and given[2].fixed == 0):
            raise Unknown(ast.unparse(node))
        none, one = self.code.integer(0), self.code.integer(1)
        start, stop, step = [none, *given, one] if len(given) == 1 else [*given, one][:3]
        return start, stop, step

    def _return(self, node: ast.Return) -> None:
        value = self.expressions.value(node.value) if node.value else self.code.nothing()
        if isinstance(value.type, types.Array) or (self.result is not None and value.type != self.result):
            raise Unknown(f"a result of {value.type}")
        self.returned = value.type
        self._give(value)

    def _give(self, value: Value) -> None:
        """Not while the type of the result is being found out."""
        if self.result is None:
            self.builder.unreachable()
        else:
            data = self.code.target.get_return_value(self.builder, value.type, value.data)
            self.conventions.return_value(self.builder, data)


def _same(one: Slot | Value, other: Slot | Value) -> bool:
    """The same place, or the same value?"""
    return one.place is other.place if isinstance(one, Slot) and isinstance(other, Slot) else one is other


def _own(function: ast.FunctionDef) -> frozenset[str]:
    """The local names."""
    return frozenset(a.arg for a in function.args.args) | _own_of(function.body)


def _own_of(body: list[ast.stmt]) -> frozenset[str]:
    found = (n for statement in body for n in ast.walk(statement))
    return frozenset(n.id for n in found if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


RULES: dict[type, Callable] = {
    ast.Expr: Body._expression, ast.Pass: Body._pass, ast.Assign: Body._assignment, ast.AugAssign: Body._changed,
    ast.If: Body._if, ast.For: Body._for, ast.While: Body._while, ast.Return: Body._return,
}  # fmt: skip
