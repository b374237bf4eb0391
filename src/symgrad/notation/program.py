"""`parse`: the text of a model to a System.

>>> system = parse('''
...     x: input[n, d]
...     w: parameter[d]
...     y[n] = sum[d](x[n,d]*w[d])
... ''')
>>> system.outputs
('y',)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from sympy import Expr, Integer, Max

from ..errors import NotationError, ShapeError, UnknownNameError, did_you_mean
from ..ir.access import Access, Index
from ..ir.check import check
from ..ir.system import Call, Equation, System, Tensor
from . import expand  # noqa: F401  (fills the table of expansions)
from . import grammar as g
from .algebra import Unrepresentable
from .declarations import declare
from .draft import Draft
from .functions import define, expanded, is_definition
from .lines import Line, logical_lines, refuse
from .matrix import is_matrix, matrices, matrix, tidied
from .pieces import EXPANSIONS, Maker, addends, located, polished, term
from .places import position, size_named
from .recurrent import circles, foresee, in_order
from .scalar import in_rows
from .scope import Reader, Scope
from .sizes import SizeConflict, Use, affine, determined, fixed_sizes, letter_of, solve
from .tree import Fold, Tree, free
from .values import value


def parse(text: str, sizes: Mapping[str, int] | None = None) -> System:
    """Read a program. `sizes` fixes sizes by letter. Raises NotationError, UnknownNameError, ShapeError, DTypeError."""
    try:
        return _parse(text, sizes)
    except RecursionError:
        refuse("a formula is too deeply nested.", fix="Name the inner parts by equations of their own.")


def _parse(text: str, sizes: Mapping[str, int] | None) -> System:
    lines = logical_lines(text)
    draft = Draft(fixed=fixed_sizes(sizes), taken=set(re.findall(r"\w+", text)))
    for line in lines:
        if line.kind == "declaration":
            declare(draft, line)
    for line in filter(is_definition, lines):
        define(draft, line)
    equations = [line for line in lines if line.kind == "equation" and not is_definition(line)]
    if not equations:
        refuse("the program has no equation.", fix="Write one: y[n] = 2*x[n].")
    heads = [_heads(draft, line) for line in equations]
    sides = [_side(draft, line, several) for line, several in zip(equations, heads)]
    draft.remaining = dict(Counter(head.name for several in heads for head in several))
    foresee(draft, [(*found, head) for *found, several in zip(equations, sides, heads) for head in several])
    for line, side, several in zip(equations, sides, heads):
        if len(several) > 1:
            _results(draft, line, several, side)
        else:
            _equation(draft, line, several[0], side)
    for line, left in draft.open:
        determined(draft.sizes, line.text, *left)
    _used_sizes(draft)
    updates = _updates(draft, [line for line in lines if line.kind == "updates"])
    system = finished(draft, (), updates)
    outputs = _outputs(draft, [line for line in lines if line.kind == "outputs"], system.equations)
    return check(replace(system, outputs=outputs))


def _heads(draft: Draft, line: Line) -> list[g.Read]:
    """The left side: one tensor, or the names of several as in `w, V = eigh(A)`."""
    nodes = g.formulas(line.text, 0, line.split) or (g.formula(line.text, 0, line.split),)
    return [_head(draft, line, node) for node in nodes]


def _head(draft: Draft, line: Line, node: g.Node) -> g.Read:
    head = g.Read(node.id, (), node.column) if isinstance(node, g.Name) else node
    if not isinstance(head, g.Read):
        refuse("the left side is not a tensor.", line.text, {node.column: ""}, "Write name = ... or name[i, j] = ...")
    if head.name in draft.tensors:
        refuse(
            f"{head.name} is declared as {draft.tensors[head.name].role} and defined by an equation.",
            line.text,
            {head.column: ""},
            "Give one of the two another name.",
            NotationError,
        )
    return head


def _side(draft: Draft, line: Line, heads: list[g.Read]) -> g.Node:
    """The right side, with the functions of the program put in."""
    whole = len(heads) > 1 or not heads[0].positions
    return expanded(draft, g.formula(line.text, line.split + 1, matrix=whole), line)


# one equation


def _equation(draft: Draft, line: Line, head: g.Read, right: g.Node) -> None:
    reader = Reader(draft, line, head.name)
    letters: dict[str, Index] = {}
    for node in head.positions:
        _left_letters(reader, node, letters, plain=True)
    scope = Scope(letters)
    write = tuple(position(reader, node, scope) for node in head.positions)
    start, whole = len(draft.equations), not head.positions and is_matrix(draft, right)
    if whole:
        write, tree = matrix(reader, right, head.column)
    else:
        tree = value(reader, right, scope)
    _same_rank(reader, head, write)
    _own_axes(reader, head, write)
    known = {letter: sizes[0] for letter, sizes in draft.letters.items()}
    solve(draft.sizes, line.text, reader.extents, reader.uses, known, reader.guards)
    if head.name in draft.recurrent:  # a later line may say more
        draft.open.append((line, (reader.extents, reader.uses)))
    else:
        determined(draft.sizes, line.text, reader.extents, reader.uses)
    for letter, index in letters.items() if not whole else [(letter_of(i), i) for i in write]:
        draft.seen.setdefault(letter, []).append((head.name, reader.extents[index]))
    try:
        _emit(Maker(reader, head.name), head, write, tree)
    except Unrepresentable as error:
        refuse(f"{error}.", line.text, fix=error.fix)
    if whole:
        tidied(draft, head.name, start)


def _results(draft: Draft, line: Line, heads: list[g.Read], right: g.Node) -> None:
    """`w, V = eigh(A)`: several names on the left take what one routine writes."""
    names = [head.name for head in heads]
    reader = Reader(draft, line, names[0])
    if any(head.positions for head in heads) or len(set(names)) < len(names):
        fix = "Write plain names without indices, as in w, V = eigh(A)."
        reader.refuse("several results have no indices, and names of their own.", heads[0].column, fix)
    for head in heads:
        if draft.remaining[head.name] > 1:
            reader.refuse(f"{head.name} is defined twice.", head.column, "Give one of the two another name.")
        draft.remaining[head.name] -= 1
    matrices(reader, right, names, heads[0].column)


def _left_letters(reader: Reader, node: g.Node, letters: dict[str, Index], plain: bool) -> None:
    """Bind the letters of the left side; inside an index expression a capital that is a size stays a size."""
    match node:
        case g.Name(id=name):
            tensor = reader.draft.tensors.get(name)
            letter = name in letters or (plain and name in reader.draft.letters)
            size = not letter and name == name.upper() and size_named(reader, name.lower(), Scope(letters), node.column)
            if name not in letters and not size and not (tensor and tensor.dtype == "int" and tensor.rank == 0):
                letters[name] = reader.bind(node)
        case g.Read():
            for part in node.positions:
                _left_letters(reader, part, letters, plain=True)
        case g.Call(function="size"):
            pass
        case g.Call():
            for part in node.args:
                _left_letters(reader, part, letters, plain=False)
        case g.Reduce():
            reader.refuse(
                "a sum cannot stand on the left side.", node.column, "Write it on the right: y = sum[i](x[i])."
            )


def _plain(write: tuple[Expr, ...]) -> bool:
    return all(isinstance(w, Index) for w in write) and len(set(write)) == len(write)


def _same_rank(reader: Reader, head: g.Read, write: tuple[Expr, ...]) -> None:
    """Lines of one tensor agree in rank, and in the size of an axis that each writes with a plain index."""
    for earlier in reader.draft.pending.get(head.name, []):
        if len(earlier.write) != len(write):
            reader.refuse(
                f"{head.name} has rank {len(earlier.write)} on an earlier line and rank {len(write)} here.",
                head.column,
                "Write all its lines with the same number of indices.",
                ShapeError,
            )
        if _plain(earlier.write) and _plain(write):
            reader.refuse(
                f"{head.name} is defined twice.",
                head.column,
                f"Add the two right sides in one equation, or write another cell: {head.name}[I + j] = ...",
                NotationError,
            )
        for axis, (before, now) in enumerate(zip(earlier.write, write)):
            if isinstance(before, Index) and isinstance(now, Index):
                column = head.positions[axis].column
                reader.uses.append(Use(now, earlier.sizes[before], head.name, axis, column))


def _own_axes(reader: Reader, head: g.Read, write: tuple[Expr, ...]) -> None:
    """What a recurrence reads of itself has the sizes of what the line writes."""
    for axis, plain in enumerate(reader.draft.recurrent.get(head.name, ())):
        if plain:
            reader.draft.sizes.unify(reader.extents[write[axis]], reader.draft.tensors[head.name].shape[axis])


def _emit(maker: Maker, head: g.Read, write: tuple[Expr, ...], tree: Tree) -> None:
    draft, name = maker.draft, head.name
    draft.remaining[name] -= 1
    if not _plain(write) or draft.remaining[name] or name in draft.pending:
        draft.pending.setdefault(name, []).extend(term(maker, write, part) for part in addends(maker, tree))
        if not draft.remaining[name]:
            _several(maker, head)
    elif not _whole(maker, name, write, tree):
        located(maker, "", write, addends(maker, tree), name=name)


def _whole(maker: Maker, name: str, write: tuple[Index, ...], tree: Tree) -> bool:
    """`p[n,k] = softmax[k](z[n,k])`: the reduction itself is the user's tensor."""
    if not isinstance(tree, Fold) or tree.kind not in ("max", "min", "prod", "softmax", "argmax"):
        return False
    if free(tree) == set(write):
        before = maker.draft.tensors.get(name)
        EXPANSIONS[tree.kind](maker, tree, name=name, layout=write)
        if maker.draft.tensors.get(name) is not before:
            return True
    if tree.kind != "argmax":
        return False
    located(maker, "", write, addends(maker, tree), name=name)
    maker.draft.tensors[name] = replace(maker.draft.tensors[name], dtype="int", over=maker.size(tree.bound[0]))
    return True


def _several(maker: Maker, head: g.Read) -> None:
    """All lines of a tensor are read: its extent is one more than the largest cell that they write."""
    draft, name = maker.draft, head.name
    terms = draft.pending.pop(name)
    shape = tuple(
        _extent(maker, head, axis, [(t.write[axis], t.sizes) for t in terms]) for axis in range(len(head.positions))
    )
    letters = tuple(_axis_letter([t.write[axis] for t in terms], axis) for axis in range(len(shape)))
    draft.equations.append(Equation(name, tuple(terms), source=maker.reader.line.text))
    draft.tensors[name] = Tensor(name, shape, letters=letters)


def _axis_letter(writes: list[Expr], axis: int) -> str:
    """The letter of the line that writes the axis with a plain index, or with one alone, as in t + 1."""
    plain = [w for w in writes if isinstance(w, Index)]
    alone = [i for w in writes if len(w.atoms(Index)) == 1 for i in w.atoms(Index)]
    return letter_of((plain or alone)[0]) if plain or alone else "ijklmnpqrst"[axis % 11]


def _extent(maker: Maker, head: g.Read, axis: int, writes) -> Expr:
    reaches = []
    for place, sizes in writes:
        slopes, rest = affine(place)
        for read in rest.atoms(Access):
            over = maker.draft.tensors[read.name].over
            if over is None:
                maker.reader.refuse(
                    f"{head.name}[{read.name}[...]] has no extent: the range of {read.name} is not declared.",
                    head.positions[axis].column,
                    f"Declare it as {read.name}: label[n] over k.",
                    ShapeError,
                )
            rest = rest.xreplace({read: over - 1})
        reaches.append(rest + sum((s * (sizes[i] - 1) for i, s in slopes.items()), Integer(1)))
    return Max(*dict.fromkeys(maker.draft.sizes.find(r.expand()) for r in reaches))


# the end


def _used_sizes(draft: Draft) -> None:
    known = {letter.upper() for letter in (*draft.letters, *draft.seen)}
    known |= {letter_of(r.index).upper() for e in draft.equations for t in e.terms for r in t.domain}
    for letter in draft.fixed:
        if letter not in known:
            refuse(
                f"sizes= names {letter.lower()}, which is no axis of the program.",
                kind=UnknownNameError,
                fix=f"Its axes are {', '.join(sorted(k.lower() for k in known))}.",
            )


def _updates(draft: Draft, lines: list[Line]) -> dict[str, str]:
    """`updates: w -> w_next, m -> m_next`"""
    updates: dict[str, str] = {}
    for line in lines:
        for part in line.right.split(","):
            old, arrow, new = (p.strip() for p in part.partition("->"))
            if not arrow:
                refuse("an update is written w -> w_next.", line.text, fix="Write updates: w -> w_next.")
            for name in (old, new):
                _need(draft, line, name, "is not a tensor of the program")
            tensor = draft.tensors[old]
            if tensor.role not in ("state", "parameter"):
                refuse(
                    f"{old} is {_article(tensor.role)}: only a state or a parameter is updated.",
                    line.text,
                    fix=f"Declare {old} as state.",
                )
            _same_shape(draft, line, old, new)
            updates[old] = new
    return updates


def _article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def _same_shape(draft: Draft, line: Line, old: str, new: str) -> None:
    left, right = draft.tensors[old], draft.tensors[new]
    try:
        if left.rank != right.rank:
            raise SizeConflict
        for a, b in zip(left.shape, right.shape):
            draft.sizes.unify(a, b)
    except SizeConflict:
        shapes = " and ".join(f"({', '.join(map(str, map(draft.sizes.find, t.shape)))})" for t in (left, right))
        refuse(f"{old} and {new} have different shapes.", line.text, fix=f"They have {shapes}.", kind=ShapeError)


def _outputs(draft: Draft, lines: list[Line], equations: tuple[Equation, ...]) -> tuple[str, ...]:
    """The names of the `outputs:` lines; without one, the named tensors that no other equation reads."""
    if lines:
        names = [(name.strip(), line) for line in lines for name in line.right.split(",")]
        for name, line in names:
            _need(draft, line, name, "does not exist: it cannot be an output")
        return tuple(dict.fromkeys(name for name, _ in names))
    circle = circles(equations)  # a recurrence that no other equation reads is a result, whoever reads inside
    read = {n for e in equations for name in e.read_names() - circle.get(e.tensor, set())
            for n in circle.get(name, {name})}  # fmt: skip
    made = [name for e in equations for name in e.writes if draft.tensors[name].named]
    return tuple(name for name in made if name not in read)


def _need(draft: Draft, line: Line, name: str, complaint: str) -> None:
    if name not in draft.tensors or not draft.tensors[name].named:
        known = [t.name for t in draft.tensors.values() if t.named]
        made = [t.name for t in draft.tensors.values() if t.named and t.role == "defined"]
        hint = f"{did_you_mean(name, known)} The program defines {', '.join(made)}.".strip()
        column = line.text.find(name, line.split + 1) if name else line.split
        refuse(f"{name or 'nothing'} {complaint}.", line.text, {column: ""}, hint, UnknownNameError)


def finished(draft: Draft, outputs: tuple[str, ...], updates: dict[str, str]) -> System:
    """Final sizes, the user's letters, and only functions of the table."""
    find = draft.sizes.find
    tensors = {
        name: replace(t, shape=tuple(map(find, t.shape)), over=None if t.over is None else find(t.over))
        for name, t in draft.tensors.items()
    }
    equations = tuple(
        e if isinstance(e, Call) else replace(e, terms=tuple(_in_rows(polished(draft, t)) for t in e.terms))
        for e in draft.equations
    )
    return System(tensors, in_order(tensors, equations, draft.recurrent), outputs, updates)


def _in_rows(term):
    return replace(term, body=in_rows(term.body), guard=tuple(map(in_rows, term.guard)))
