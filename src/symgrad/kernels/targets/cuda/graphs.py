"""Launches recorded once and replayed: a CUDA graph.

A run that comes a second time with the same sizes and the same arrays is captured. The first run has compiled every
kernel and allocated all memory, which a capture may not do. What is replayed reads and writes the arrays that it was
captured with, so these are kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .streams import streams

KEPT = 64  # sets of sizes and arrays that are remembered
Replay = Callable[[], None]
Record = Callable[[Callable[[], None]], Replay]
LOCK = threading.RLock()  # what another thread launched on the stream would be captured as well


def capture(work: Callable[[], None]) -> Replay:
    """Record what `work` launches on the computing stream; nothing runs. The function that runs it."""
    from numba.cuda.cudadrv.driver import _to_core_stream  # noqa: PLC0415  # pyright: ignore

    stream: Any = _to_core_stream(streams().compute)
    builder = stream.create_graph_builder()
    builder.begin_building("relaxed")
    try:
        work()
    finally:
        builder.end_building()
    graph = builder.complete()
    return lambda: graph.launch(stream)


@dataclass
class Graphs:
    """Runs that were seen, and those that were captured. `record` is None where nothing can be."""

    record: Record | None
    known: OrderedDict[Hashable, tuple[Replay | None, Sequence]] = field(default_factory=OrderedDict)

    def run(self, key: Hashable, work: Callable[[], None], arrays: Sequence) -> None:
        """Do `work`, or replay it. `key` says all that it depends on, `arrays` are kept as long as it is known."""
        with LOCK:
            seen, (replay, _) = key in self.known, self.known.get(key, (None, ()))
            if replay is None and seen and self.record is not None:
                replay = self.record(work)
            (replay or work)()
            self.known[key] = (replay, arrays)
            self.known.move_to_end(key)
            while len(self.known) > KEPT:
                self.known.popitem(last=False)

    def clear(self) -> None:
        self.known.clear()
