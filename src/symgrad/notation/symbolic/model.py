"""SymPy in: statements, what their symbols stand for, and the System that they make.

>>> from sympy import IndexedBase, Sum, symbols
>>> i, n = symbols("i n", integer=True)
>>> w, x = IndexedBase("w", shape=(n,)), IndexedBase("x", shape=(n,))
>>> system = from_sympy(Sum(w[i]*x[i], (i, 0, n - 1)), parameters=[w])
>>> system.outputs, system.tensors["w"].role
(('f',), 'parameter')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy
from sympy import Basic, Expr, Integer, MatrixBase
from sympy.logic.boolalg import BooleanAtom
from sympy.matrices.expressions.matexpr import MatrixExpr

from ...errors import UnknownNameError, did_you_mean
from ...ir.check import check
from ...ir.system import Fact, System, Tensor
from ..algebra import Unrepresentable
from ..arrays import fresh
from ..draft import Draft
from ..lines import Line, refuse
from ..matrix import tidied
from ..pieces import EXPANSIONS, Maker, addends, located
from ..products import distinct
from ..program import finished
from ..scope import Reader
from ..sizes import letter_of
from ..tree import Fold, Tree, free
from . import matrices  # noqa: F401  (fills the table of whole-array scalars)
from .matrices import array
from .names import Names, identifier
from .scalars import Inside, Problem, Reading, tree
from .survey import Base, Statement, Survey, survey

FACTS = ("positive", "nonnegative")


def is_sympy(model: Any) -> bool:
    """Is it something that `from_sympy` reads: an expression, an equation, or a list of equations?"""
    if isinstance(model, (list, tuple)):
        return bool(model) and all(isinstance(m, (Basic, MatrixBase)) for m in model)
    return isinstance(model, (Basic, MatrixBase))


def from_sympy(
    model: Any,
    sizes: Mapping[Any, int] | None = None,
    parameters: Iterable[Any] | Any = (),
    output: str = "f",
    first: int | None = None,
) -> System:
    """The System of an expression (its value is called `output`), of an `Eq`, or of a list of `Eq`.

    Raises NotationError for what has no place here, ShapeError for sizes and positions that do not fit,
    UnknownNameError for a function that the table lacks.
    """
    statements = _statements(model, output)
    names = Names({s.name for s in statements})
    draft = Draft()
    found = survey(statements, names, draft, first)
    _fixed(found, draft, sizes)
    _declare(found, draft, _wanted(found, parameters, statements))
    draft.taken |= {*draft.tensors, *(s.name for s in statements)}
    for statement in statements:
        _equation(statement, found, draft)
    read = set().union(*(e.read_names() for e in draft.equations))
    outputs = tuple(s.name for s in statements if s.name not in read)
    return check(finished(draft, outputs, {}))


# statements


def _statements(model: Any, output: str) -> list[Statement]:
    items = list(model) if isinstance(model, (list, tuple)) else [model]
    if len(items) > 1 and not all(isinstance(m, sympy.Eq) for m in items):
        refuse("a list of formulas is a list of equations.", fix="Write [Eq(y[i], ...), Eq(L, ...)].")
    statements = [_statement(item, output) for item in items]
    for n, statement in enumerate(statements):
        if statement.name in {s.name for s in statements[:n]}:
            refuse(f"{statement.name} is defined twice.", statement.text, fix="Give one of the two another name.")
    return statements


def _statement(item: Any, output: str) -> Statement:
    if isinstance(item, BooleanAtom):
        refuse(f"an equation is {item}: SymPy compared its sides.", fix="Write Eq(y, formula) with a new symbol y.")
    if isinstance(item, sympy.Eq):
        left = item.lhs
        if isinstance(left, sympy.Indexed):
            return Statement(identifier(left.base.label), left, item.rhs)
        if isinstance(left, (sympy.Symbol, sympy.MatrixSymbol)):
            return Statement(identifier(left), left, item.rhs)
        refuse("the left side is not a name.", str(item), fix="Write Eq(y, ...), Eq(y[i], ...) or Eq(Y, ...).")
    if isinstance(item, (Expr, MatrixExpr, MatrixBase)):
        return Statement(identifier(output), None, item.as_immutable() if isinstance(item, MatrixBase) else item)
    refuse(f"{type(item).__name__} is no formula.", str(item), fix="Pass an expression, Eq(y, ...), or a list of Eq.")


# declarations


def _fixed(found: Survey, draft: Draft, sizes: Mapping[Any, int] | None) -> None:
    """`sizes={n: 10}`, by symbol or by name."""
    known = {str(symbol): size for symbol, size in found.sizes.items()}
    for symbol, value in (sizes or {}).items():
        if isinstance(value, bool) or not isinstance(value, (int, Integer)) or value < 0:
            refuse(f"sizes={{{symbol}: {value!r}}} is not a size.", fix="Pass whole numbers: sizes={n: 10}.")
        if str(symbol) not in known:
            hint = did_you_mean(str(symbol), known) or f"Its sizes are {', '.join(sorted(known)) or 'none'}."
            refuse(f"sizes= names {symbol}, which is no size of this model.", fix=hint, kind=UnknownNameError)
        draft.sizes.replaced[known[str(symbol)]] = Integer(value)


def _wanted(found: Survey, parameters: Any, statements: list[Statement]) -> set[str]:
    """The names of `parameters=`: symbols, bases, matrices, reads of them, or names."""
    alone = isinstance(parameters, (str, Basic, MatrixExpr))
    names = {_name(p) for p in ([parameters] if alone else parameters)}
    known = {*found.scalars, *found.bases, *found.matrices} - {s.name for s in statements}
    for name in sorted(names - known):
        hint = did_you_mean(name, known) or f"It has {', '.join(sorted(known)) or 'no symbols'}."
        refuse(f"parameters= names {name}, which the model does not read.", fix=hint, kind=UnknownNameError)
    return names


def _name(item: Any) -> str:
    if isinstance(item, sympy.IndexedBase):
        item = item.label
    return item if isinstance(item, str) else identifier(item)


def _declare(found: Survey, draft: Draft, parameters: set[str]) -> None:
    """Every symbol that no statement defines, by name."""
    declared: dict[str, Tensor] = {}
    for name, symbol in found.scalars.items():
        dtype = "int" if name in found.integers else "float"
        declared[name] = Tensor(name, (), dtype, facts=_facts(symbol))
    for name, base in found.bases.items():
        if not base.defined:
            dtype = "int" if name in found.integers else "float"
            facts = _facts(base.symbol) if dtype == "float" else ()
            letters = found.names.letters(base.extents)
            declared[name] = Tensor(name, base.extents, dtype, facts=facts, over=base.over, letters=letters)
    for name, (_, shape) in found.matrices.items():
        if name not in found.defined:
            declared[name] = Tensor(name, shape, letters=found.names.letters(shape))
    for name in sorted(declared):
        tensor = declared[name]
        role = "parameter" if name in parameters else "input"
        draft.tensors[name] = Tensor(name, tensor.shape, tensor.dtype, role, tensor.facts, tensor.over,
                                     letters=tensor.letters)  # fmt: skip
        if name in parameters and tensor.dtype != "float":
            refuse(f"{name} is an index: there is no derivative by it.", fix="Take it out of parameters=.")


def _facts(symbol: Any) -> tuple[Fact, ...]:
    """What the symbol's assumptions say of all entries."""
    return next(((Fact(name),) for name in FACTS if getattr(symbol, f"is_{name}", None)), ())


# equations


def _equation(statement: Statement, found: Survey, draft: Draft) -> None:
    line = Line(statement.text, "equation", len(statement.name) + 1)
    reader = Reader(draft, line, statement.name)
    reading = Reading(reader, found)
    start = len(draft.equations)
    try:
        whole = isinstance(statement.right, (MatrixExpr, MatrixBase))
        write, value = _matrix(reading, statement) if whole else _scalar(reading, statement)
        _emit(Maker(reader, statement.name), statement.name, write, value)
    except Problem as problem:
        refuse(f"{problem}.", line.text, fix=problem.fix, kind=problem.kind)
    except Unrepresentable as error:
        refuse(f"{error}.", line.text, fix=error.fix)
    tidied(draft, statement.name, start)


def _scalar(reading: Reading, statement: Statement) -> tuple[tuple, Tree]:
    """The indices written and the value at them: every symbol of the left side is one axis, wholly written."""
    inside, write = Inside(), []
    left = statement.left
    if isinstance(left, sympy.MatrixSymbol):
        raise Problem(f"{left} is a matrix and its value a number", f"Write Eq(Symbol('{left}'), ...).")
    for axis, symbol in enumerate(left.indices if isinstance(left, sympy.Indexed) else ()):
        base: Base = reading.found.bases[statement.name]
        low = base.first[axis]
        inside, bound = reading.bind(symbol, low, low + base.extents[axis] - 1, inside)
        write.append(bound.limits.index)
    return tuple(write), tree(reading, statement.right, inside)


def _matrix(reading: Reading, statement: Statement) -> tuple[tuple, Tree]:
    found = array(reading, statement.right, Inside()).array
    letters = distinct(reading.reader, found.letters, found.sizes)
    write = tuple(fresh(reading.reader, letter, size) for letter, size in zip(letters, found.sizes))
    return write, found.at(write)


def _emit(maker: Maker, name: str, write: tuple, value: Tree) -> None:
    if isinstance(value, Fold) and value.kind == "prod" and free(value) == set(write):
        EXPANSIONS["prod"](maker, value, name=name, layout=write)
    if name not in maker.draft.tensors:
        located(maker, "", write, addends(maker, value), name=name)
    for index in write:
        maker.draft.seen.setdefault(letter_of(index), []).append((name, maker.reader.extents[index]))
