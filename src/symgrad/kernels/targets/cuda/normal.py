"""Sums into memory as such: a register that is loaded, combined into and stored back hides that order is free."""

from __future__ import annotations

from dataclasses import replace

from ....ir.access import Access
from ... import loops
from ...lower import IDENTITY
from .uses import by_name, uses


def accumulations(body: list) -> list:
    """In every loop, `r = b[c]; ... r = op(r, x) ...; b[c] = r` becomes `r = identity; ...; b[c] = op(b[c], r)`."""
    return [replace(n, body=_inside(n.body)) if isinstance(n, loops.For | loops.If) else n for n in body]


def _inside(body: list) -> list:
    out = accumulations(body)
    for position, node in enumerate(body):
        match node:
            case loops.Set(register, Access() as cell):
                op = _op(body[position + 1 :], register, cell)
                if op:
                    out = _rewritten(out, position, register, cell, op)
    return [n for n in out if n is not None]


def _op(rest: list, register: str, cell: Access) -> str | None:
    """The reduction with which all that follows combines into the register, before it is stored at the cell."""
    found = by_name(uses(rest)).get(register, [])
    modes = {u.mode for u in found[:-1]}
    stored = any(n == loops.Store(cell.name, cell.indices, Access(register)) for n in rest)
    if stored and len(modes) == 1 and modes <= set(IDENTITY) and found[-1].mode == "read":
        return modes.pop()
    return None


def _rewritten(out: list, start: int, register: str, cell: Access, op: str) -> list:
    out = list(out)
    stored = loops.Store(cell.name, cell.indices, Access(register))
    end = max(i for i, n in enumerate(out) if n == stored)
    between = [i for i in range(start + 1, end) if out[i] is not None and register in by_name(uses([out[i]]))]
    if len(between) == 1 and isinstance(out[between[0]], loops.Combine) and not out[between[0]].masked:
        out[end] = loops.Combine(cell.name, cell.indices, op, out[between[0]].value)
        out[start] = out[between[0]] = None
    else:
        out[start] = loops.Set(register, IDENTITY[op])
        out[end] = loops.Combine(cell.name, cell.indices, op, Access(register))
    return out
