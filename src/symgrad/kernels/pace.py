"""The busiest loop of a tile brings the tile before it to memory, and the next one's rows into the cache.

A core computes and waits for memory in turns if a tile is read, then computed, then written. So the loop with the
costly function is cut into parts, and between two of them a few lines of memory are on their way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sympy import Expr, Mul, floor

from ..ir.access import Access
from . import loops
from .expressions import costly

PART = 128  # turns of the loop


def paced(tiles: loops.Tiles) -> loops.Tiles:
    """The tiles with a pace for their strips, where a loop computes something costly."""
    found = list(_busy(tiles, tiles.body, ()))
    if not found:
        return tiles
    busy, around = max(found, key=lambda loop: len(loop[1]))
    parts = Mul(*around, floor((_turns(tiles, busy) + PART - 1) / PART))
    pace = loops.Pace(tiles.strips, tuple(_read_before(tiles, busy)), tiles.width)
    return replace(tiles, body=_replaced(tiles.body, busy, replace(busy, pace=pace)), parts=parts)


def _turns(tiles: loops.Tiles, loop: loops.For | loops.Lanes) -> Expr:
    return tiles.width if isinstance(loop, loops.Lanes) else loop.size


def _busy(tiles: loops.Tiles, nodes: list[loops.Node], around: tuple) -> Iterator[tuple]:
    """Innermost loops that compute something costly, with the turns of those around each."""
    for node in nodes:
        if not isinstance(node, loops.For | loops.Lanes):
            continue
        inner = any(isinstance(n, loops.For | loops.Lanes | loops.First | loops.Dot) for n in loops.walk(node.body))
        if inner:
            yield from _busy(tiles, node.body, (*around, _turns(tiles, node)))
        elif any(costly(e) for n in loops.walk(node.body) for e in loops.values(n)) and not _backwards(node):
            yield node, around


def _backwards(node: loops.Node) -> bool:
    return isinstance(node, loops.For) and node.reverse


def _read_before(tiles: loops.Tiles, busy: loops.For | loops.Lanes) -> list[str]:
    """Matrices of which another loop along the row reads as many entries: it would wait for them."""
    if isinstance(busy, loops.Lanes):
        return []
    along = [n for n in loops.walk(tiles.body) if isinstance(n, loops.For) and n.size == busy.size and n is not busy]
    found = {a.name for n in along for a in _reads(n.body) if a.indices == (tiles.index, n.index)}
    return sorted(found - {name for n in loops.walk(tiles.body) for name in loops.written(n)})


def _reads(nodes: list[loops.Node]) -> Iterator[Access]:
    return (a for n in loops.walk(nodes) for e in loops.values(n) for a in e.atoms(Access))


def _replaced(nodes: list[loops.Node], old: loops.Node, new: loops.Node) -> list[loops.Node]:
    return [new if n is old else loops.inside(n, lambda body: _replaced(body, old, new)) for n in nodes]
