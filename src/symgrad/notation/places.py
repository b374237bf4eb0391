"""Names and reads: an index letter, a tensor's entry, a size, a constant; index expressions and how they are noted."""

from __future__ import annotations

import sympy
from sympy import Add, Expr, Integer, Mul

from ..errors import DTypeError, ShapeError, UnknownNameError, did_you_mean
from ..ir.access import Access, Index, Size
from ..ir.system import Tensor
from . import grammar as g
from .recurrent import ahead
from .scope import Reader, Scope
from .sizes import Use

CONSTANTS = {"pi": sympy.pi, "e": sympy.E}


def named(reader: Reader, node: g.Name, scope: Scope) -> Expr:
    """Index, tensor of rank 0, size, constant: the first that fits."""
    name, draft = node.id, reader.draft
    if name in scope.letters:
        return scope.letters[name]
    if name in draft.tensors or name in draft.remaining:
        return read(reader, g.Read(name, (), node.column), scope)
    size = size_named(reader, name.lower(), scope, node.column) if name == name.upper() else None
    if size is not None:
        return size
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name in draft.letters:
        _free_index(reader, node)
    known = [*draft.tensors, *draft.remaining, *scope.letters, *CONSTANTS, *(n.upper() for n in draft.letters)]
    reader.refuse(
        f"{name} is not declared.",
        node.column,
        did_you_mean(name, known) or f"Declare it: a line `{name}: parameter` or `{name}: input[n]`.",
        UnknownNameError,
    )


def _free_index(reader: Reader, node: g.Name):
    letter, left = node.id, reader.line.left.strip()
    target = left[:-1] + f",{letter}]" if left.endswith("]") else f"{left}[{letter}]"
    reader.refuse(
        f"index {letter} is on the right side but not on the left.",
        node.column,
        f"Write it on the left, {target} = ..., or sum over it: sum[{letter}](...).",
        mark=letter,
    )


def size_named(reader: Reader, letter: str, scope: Scope, column: int) -> Expr | None:
    """The size of an index letter: in scope, else the one on which declarations and earlier lines agree."""
    for name in (letter, letter.upper()):
        if name in scope.letters:
            return reader.extents[scope.letters[name]]
    draft = reader.draft
    seen = [s for n in (letter, letter.upper()) for t, s in draft.seen.get(n, []) if t == reader.tensor]
    seen += [s for n in (letter, letter.upper()) for s in draft.letters.get(n, [])]
    seen = seen or [s for n in (letter, letter.upper()) for _, s in draft.seen.get(n, [])]
    found = list(dict.fromkeys(map(draft.sizes.find, seen)))
    if len(found) > 1:
        reader.refuse(
            f"size({letter}) is ambiguous: {' or '.join(map(str, found))}.",
            column,
            "Use another letter for one of the axes.",
            ShapeError,
        )
    return found[0] if found else None


def size_call(reader: Reader, node: g.Call, scope: Scope) -> Expr:
    if len(node.args) != 1 or not isinstance(node.args[0], g.Name):
        reader.refuse("size(...) takes one index letter.", node.column, "Write size(n).")
    letter = node.args[0].id
    size = size_named(reader, letter, scope, node.column)
    if size is None:
        reader.refuse(
            f"size({letter}): no axis has the letter {letter}.",
            node.column,
            did_you_mean(letter, [*reader.draft.letters, *scope.letters]),
            UnknownNameError,
        )
    return size


# reads


def read(reader: Reader, node: g.Read, scope: Scope) -> Access:
    if boolean(reader, node.name):
        reader.refuse(
            f"{node.name} is boolean, not a number.", node.column, f"Write where({node.name}[...], 1, 0).", DTypeError
        )
    return access(reader, node, scope)


def access(reader: Reader, node: g.Read, scope: Scope) -> Access:
    """The access, its rank and positions checked and noted."""
    coming = ahead(reader.draft, node.name)
    if node.name not in reader.draft.tensors or (reader.draft.remaining.get(node.name) and not coming):
        _unreadable(reader, node)
    tensor = reader.draft.tensors[node.name]
    if len(node.positions) != tensor.rank:
        _wrong_rank(reader, node, tensor)
    places = [position(reader, p, scope) for p in node.positions]
    for axis, (place, extent) in enumerate(zip(places, tensor.shape)):
        over = reader.draft.tensors[place.name].over if isinstance(place, Access) else None
        loose = coming and not (isinstance(place, Index) and reader.draft.recurrent[node.name][axis])
        use = Use(place, extent, node.name, axis, node.positions[axis].column, scope.guards, over, loose)
        reader.uses.append(use)
    return Access(node.name, *places)


def _wrong_rank(reader: Reader, node: g.Read, tensor: Tensor):
    count, letters = len(node.positions), f"[{','.join(tensor.letters)}]" if tensor.rank else ""
    axes = f"{tensor.rank} ax{'i' if tensor.rank == 1 else 'e'}s" + (f" {letters}" if letters else "")
    note = "" if count else ", or the whole equation without indices"
    reader.refuse(
        f"{node.name} has {axes}, but is read with {count} {'index' if count == 1 else 'indices'}.",
        node.column,
        f"Write {node.name}{letters}{note}.",
        ShapeError,
        mark=f"{count} of {tensor.rank}",
    )


def _unreadable(reader: Reader, node: g.Read):
    name, draft = node.name, reader.draft
    if draft.remaining.get(name) and draft.pending.get(name):
        reader.refuse(f"{name} is read before its last line.", node.column, "Move this line below all lines of it.")
    if name in draft.remaining:
        reader.refuse(
            f"{name} is read before it is defined.", node.column, f"Move the line that defines {name} above this one."
        )
    if name in g.REDUCTIONS:
        reader.refuse(f"{name}[...] needs a body.", node.column, f"Write {name}[i](x[i]).")
    known = [*draft.tensors, *draft.remaining]
    reader.refuse(
        f"{name} is not declared.",
        node.column,
        did_you_mean(name, known) or f"Declare it: a line `{name}: input[n, d]`.",
        UnknownNameError,
    )


def position(reader: Reader, node: g.Node, scope: Scope) -> Expr:
    """An index expression: affine in letters (sizes as coefficients), or reads of integer tensors."""
    expr = sympy.expand(_integer(reader, node, scope))
    if not is_affine(expr):
        reader.refuse(
            "this index is not affine.",
            node.column,
            "An index is made of letters, whole numbers, sizes and integer tensors: 2*i + k - 1, i*K + k.",
        )
    if expr.is_negative:
        reader.refuse(
            "an index counts from 0; negative ones are not read.", node.column, "The last entry is x[size(n) - 1]."
        )
    return expr


def is_affine(expr: Expr) -> bool:
    """Is it (expanded) a sum of multiples of single indices and integer reads, by whole numbers and sizes?"""
    return all(map(_affine_term, Add.make_args(expr)))


def _affine_term(term: Expr) -> bool:
    factors = Mul.make_args(term)
    moving = [f for f in factors if isinstance(f, Index | Access)]
    return len(moving) <= 1 and all(
        isinstance(f, Index | Access | Size | Integer)
        or (f.is_Pow and isinstance(f.base, Size) and f.exp.is_Integer and f.exp > 0)
        for f in factors
    )


def _integer(reader: Reader, node: g.Node, scope: Scope) -> Expr:
    match node:
        case g.Number(value=Integer()):
            return node.value
        case g.Name(id=name):
            known = name in scope.letters or name in reader.draft.tensors or name in reader.draft.remaining
            if not known and not (
                name == name.upper() and size_named(reader, name.lower(), scope, node.column) is not None
            ):
                _free_index(reader, node)
            found = named(reader, node, scope)
            return _need_integer(reader, found, node.column) if isinstance(found, Access) else found
        case g.Read():
            return _need_integer(reader, read(reader, node, scope), node.column)
        case g.Call(function="size"):
            return size_call(reader, node, scope)
        case g.Call(function="+" | "*" as operator):
            args = [_integer(reader, a, scope) for a in node.args]
            return Add(*args) if operator == "+" else Mul(*args)
    reader.refuse(
        "this is not an index.",
        node.column,
        "An index is made of letters, whole numbers, sizes and integer tensors: 2*i + k - 1.",
    )


def _need_integer(reader: Reader, found: Access, column: int) -> Access:
    tensor = reader.draft.tensors[found.name]
    if tensor.dtype != "int":
        reader.refuse(
            f"{found.name} is not an integer tensor and cannot be an index.",
            column,
            f"Declare it as {found.name}: label[n] over k.",
            DTypeError,
        )
    return found


def boolean(reader: Reader, name: str) -> bool:
    tensor = reader.draft.tensors.get(name)
    return tensor is not None and tensor.dtype == "bool"
