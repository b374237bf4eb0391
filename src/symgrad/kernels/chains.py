"""Rows that are computed with and then enter a weighted product `X^T diag(w) X`: some at a time go through both.

A thread reads them from memory once, and finds in its cache what it has just made of them. (A matrix product and what
is done with its rows was tried too: 1 or 2 in a hundred, against a second form of each layer in `run`.)
"""

from __future__ import annotations

from dataclasses import replace

from ..ir.access import Access
from . import loops


def chained(tuned: loops.Kernel, plain: loops.Kernel) -> loops.Kernel:
    """The tuned kernel with chains of two steps, where the plain one shows that they may go row by row."""
    steps: list[tuple[loops.Step, loops.Step]] = []  # as it runs, and as it was
    for step, shown in zip(tuned.steps, plain.steps, strict=True):
        place = _partner([s for _, s in steps], shown) if isinstance(shown, loops.Gram) else None
        if place is None:
            steps.append((step, shown))
        else:
            launch, _ = steps[place]
            assert isinstance(launch, loops.Launch) and isinstance(step, loops.Gram)
            steps[place] = (loops.Chain(launch, step), shown)  # what stands between comes after both
    return replace(tuned, steps=tuple(step for step, _ in steps))


def _partner(steps: list[loops.Step], gram: loops.Gram) -> int | None:
    """The place of a function before the product that goes through the same rows."""
    for place, step in reversed(list(enumerate(steps))):
        if isinstance(step, loops.Launch) and _by_rows(step, gram):
            return place
        if not isinstance(step, loops.Fill | loops.Launch) or not _apart(step, gram):
            return None
    return None


def _by_rows(step: loops.Launch, gram: loops.Gram) -> bool:
    """Do both read the same rows, and the product of what the function makes only what stands in the same row?"""
    f, made = step.function, _changed(step) & {*gram.arrays}
    if not f.parallel or f.extent != gram.count or gram.out in step.arguments or not {*step.arguments} & {*gram.arrays}:
        return False
    sums = {b for a, b in zip(f.arrays, step.arguments) if a in {p.name for p in f.partial}}
    read = [a.indices for e in (gram.value, gram.weight) for a in e.atoms(Access) if a.name in made]
    own = all(c[:1] == (gram.row,) and not any(i.has(gram.row) for i in c[1:]) for c in read)
    return own and not sums & made and _rows_alone(step, made)


def _rows_alone(step: loops.Launch, buffers: set[str]) -> bool:
    """Does the function touch cells of the buffers only in the row that it is at?"""
    f = step.function
    rows = [n.index for n in f.body if isinstance(n, loops.For) and n.rows]
    nodes = list(loops.walk(f.body))
    names = {a for a, b in zip(f.arrays, step.arguments) if b in buffers}
    if any(names & set(loops.written(n)) for n in nodes if not isinstance(n, loops.Store | loops.Combine)):
        return False
    cells = [a.indices for n in nodes for e in loops.values(n) for a in e.atoms(Access) if a.name in names]
    cells += [n.cell for n in nodes if isinstance(n, loops.Store) and n.buffer in names]
    cells += [n.cell or () for n in nodes if isinstance(n, loops.Combine) and n.target in names]
    return all([*cell[:1]] == rows for cell in cells)


def _apart(one: loops.Fill | loops.Launch, gram: loops.Gram) -> bool:
    """May the steps change places?"""
    touched = {*one.arguments} if isinstance(one, loops.Launch) else {one.buffer}
    return gram.out not in touched and not _changed(one) & {*gram.arrays}


def _changed(step: loops.Fill | loops.Launch) -> set[str]:
    """The buffers that a step writes to."""
    if isinstance(step, loops.Fill):
        return {step.buffer}
    written = {name for n in loops.walk(step.function.body) for name in loops.written(n)}
    return {b for a, b in zip(step.function.arrays, step.arguments) if a in written}
