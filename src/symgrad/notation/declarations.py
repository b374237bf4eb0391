"""Declarations: `X: input[n, d]`, `Y: input[n, k], distribution over k`, `y: label[n] over k`, `a, b: parameter`.

names : role [axes] [over letter] [, fact [over letter]]...
"""

from __future__ import annotations

import re

from sympy import Expr, Integer

from ..errors import ShapeError, UnknownNameError, did_you_mean
from ..ir.system import ROLES, Fact, Tensor
from . import grammar as g
from .draft import Draft, size_of_letter
from .lines import Line, refuse

DECLARABLE = tuple(r for r in ROLES if r != "defined")
OVER_AXIS = ("distribution", "one-hot")  # facts that name an axis
PLAIN = ("positive", "nonnegative", "symmetric", "constant", "uniform")  # uniform: noise on (0, 1), not normal
TYPES = {"integer": "int", "boolean": "bool"}  # not facts: what the entries are
_FORM = re.compile(r"\s*(?P<role>[A-Za-z_-]+)\s*(?:\[(?P<axes>[^\[\]]*)\])?\s*(?:over\s+(?P<over>\w+))?\s*$")
_FACT = re.compile(r"(?P<fact>[A-Za-z-]+)(?:\s+over\s+(?P<over>\w+))?$")


def declare(draft: Draft, line: Line) -> None:
    """Add the tensors of a declaration to `draft`."""
    for name, column in _names(line):
        if name in draft.tensors:
            refuse(f"{name} is declared twice.", line.text, {column: ""}, "Delete one of the two lines.", ShapeError)
        draft.tensors[name] = _tensor(draft, line, name)


def _names(line: Line) -> list[tuple[str, int]]:
    names, start = [], 0
    for part in line.left.split(","):
        name, column = part.strip(), start + len(part) - len(part.lstrip())
        start += len(part) + 1
        node = g.formula(line.text, column, column + len(name))
        if not isinstance(node, g.Name):
            refuse(
                f"{name} is not a name.", line.text, {column: ""}, "The brackets stand after the role: X: input[n, d]."
            )
        names.append((node.id, column))
    return names


def _tensor(draft: Draft, line: Line, name: str) -> Tensor:
    head, *facts = _split(line.right)
    form = _FORM.match(head)
    role = form["role"] if form else head.strip()
    if form is None or role not in DECLARABLE:
        hint = did_you_mean(role, DECLARABLE) or f"A role is one of {', '.join(DECLARABLE)}."
        refuse(f"{role or 'nothing'} is not a role.", line.text, {line.split + 1: ""}, hint, UnknownNameError)
    shape, letters = _axes(draft, line, form["axes"])
    over = size_of(draft, form["over"]) if form["over"] else None
    dtype, found = ("int" if role == "label" else "float"), []
    for text in facts:
        fact = _fact(line, text)
        if fact["fact"] in TYPES:
            dtype = TYPES[fact["fact"]]
            over = size_of(draft, fact["over"]) if fact["over"] else over
        else:
            found.append(Fact(fact["fact"], _fact_axes(line, fact, letters)))
    if over is not None and dtype != "int":
        refuse(
            f"{name} is not an integer tensor: `over` gives the range of labels.",
            line.text,
            fix=f"Write {name}: label[n] over k.",
        )
    return Tensor(name, shape, dtype, role, tuple(found), over, letters=letters)


def _split(text: str) -> list[str]:
    """The parts between commas outside brackets."""
    return re.split(r",(?![^\[]*\])", text)


def _axes(draft: Draft, line: Line, text: str | None) -> tuple[tuple[Expr, ...], tuple[str, ...]]:
    if not text or not text.strip():
        return (), ()
    start = line.text.index("[", line.split) + 1
    nodes = g.formulas(line.text, start, start + len(text))
    shape = tuple(_extent(draft, line, node) for node in nodes)
    names = [n.id if isinstance(n, g.Name) else "" for n in nodes]
    spare = (c for c in "ijklmnpqrstuvw" if c not in names)
    return shape, tuple(name or next(spare) for name in names)


def _extent(draft: Draft, line: Line, node: g.Node) -> Expr:
    """A letter stands for its size variable; numbers and sums and products of sizes are extents too."""
    match node:
        case g.Name():
            return size_of(draft, node.id)
        case g.Number(value=Integer()):
            return node.value
        case g.Call(function="size", args=(g.Name(id=letter),)):
            return size_of(draft, letter)
        case g.Call(function="+"):
            return sum((_extent(draft, line, a) for a in node.args), Integer(0))
        case g.Call(function="*"):
            product = Integer(1)
            for arg in node.args:
                product *= _extent(draft, line, arg)
            return product
    refuse(
        "this is not the extent of an axis.",
        line.text,
        {node.column: ""},
        "Write a letter or a number: W: parameter[d, 3].",
    )


def size_of(draft: Draft, letter: str) -> Expr:
    """The size variable of a declared letter, or its fixed value."""
    if letter.isdecimal():  # `label[n] over 3`
        return Integer(int(letter))
    size = draft.sizes.declare(size_of_letter(letter))
    draft.letters.setdefault(letter, [size])
    if letter.upper() in draft.fixed:
        draft.sizes.replaced[size] = draft.fixed[letter.upper()]
    return size


def _fact(line: Line, text: str) -> dict[str, str | None]:
    found = _FACT.match(text.strip())
    known = (*OVER_AXIS, *PLAIN, *TYPES)
    if found is None or found["fact"] not in known:
        word = found["fact"] if found else text.strip()
        refuse(
            f"{word or 'nothing'} is not a fact.",
            line.text,
            {line.text.find(text.strip(), line.split): ""},
            did_you_mean(word, known) or f"A fact is one of {', '.join(known)}.",
            UnknownNameError,
        )
    return found.groupdict()


def _fact_axes(line: Line, fact: dict[str, str | None], letters: tuple[str, ...]) -> tuple[int, ...]:
    name, over = fact["fact"], fact["over"]
    if name in OVER_AXIS and len(letters) == 1 and over is None:
        return (0,)
    if name in OVER_AXIS and over is None:
        refuse(f"{name} needs its axis.", line.text, fix=f"Write {name} over k.")
    if over is not None and over not in letters:
        refuse(
            f"{over} is no axis of this tensor.", line.text, fix=f"Its axes are {', '.join(letters)}.", kind=ShapeError
        )
    if name == "symmetric" and len(letters) < 2:
        refuse("symmetric needs two axes.", line.text, fix="Write A: input[i, i], symmetric.", kind=ShapeError)
    return (letters.index(over),) if over else ()
