"""Many steps in one compiled call: gather the rows, run the kernel, keep the loss; no Python in between.

`many` drives a bound kernel through its table. The driver is a module of its own, compiled once for all kernels: it
gets the kernel's address, and for each array that changes from step to step where its rows are and where they go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import cache as files
from .machine import Run, address
from .targets import cpu
from .targets.cpu_text import CELLS

if TYPE_CHECKING:
    from .bound import Slots

HEAD = 9  # numbers before the first gather
EACH = 5  # numbers of a gather


class Rows(NamedTuple):
    """What a tensor is in each step: the rows `rows[step]` of `source`, along its first axis. Without a second axis,
    one row is the whole tensor."""

    source: np.ndarray
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape in a step."""
        return (*self.rows.shape[1:], *self.source.shape[1:])

    def at(self, step: int) -> np.ndarray:
        return self.source[self.rows[step]]


def many(slots: Slots, loss: np.ndarray, targets: Mapping[str, np.ndarray], taken: Mapping[str, Rows]) -> np.ndarray:
    """Run the steps; the losses (float64) of those that were done. They end behind a loss that is not finite, and
    before a step that could not be done (a singular matrix)."""
    count = min((len(rows) for _, rows in taken.values()), default=0)
    losses, table = np.empty(count), slots.work.table
    single = loss.dtype == np.float32
    numbers = [slots.compiled.run.address, address(table), len(table), count, address(loss), single, address(losses)]
    numbers += [0, len(taken)]
    held = []
    for name, (source, rows) in taken.items():
        held += [source := np.ascontiguousarray(source), rows := np.ascontiguousarray(rows, np.int64)]
        size = rows[0].size if count else 1
        bytes_each = source[:1].nbytes if len(source) else 0
        numbers += [address(source), address(targets[name]), bytes_each, size, address(rows)]
    plan = np.array(numbers, np.int64)
    cpu.launch(_driver(), plan, slots.frame.guard)
    return losses[: plan[HEAD - 2]]


@cache
def _driver() -> Run:
    return files.function(TEXT + CELLS + RUN, "steps")


TEXT = '''"""Steps of a kernel: rows gathered, `run` called by its address, the loss kept."""

import math

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
'''
RUN = '''

@intrinsic
def call(context, function, table, count):
    def generate(target, builder, signature, arguments):
        integer, code = ir.IntType(64), ir.IntType(32)
        pointer = builder.inttoptr(arguments[0], ir.FunctionType(code, [integer.as_pointer()]).as_pointer())
        block = cgutils.alloca_once(builder, integer, size=3)
        for number, value in enumerate(arguments[1:]):
            builder.store(value, builder.gep(block, [integer(number)]))
        return builder.icmp_signed("==", builder.call(pointer, [block]), code(0))

    return types.boolean(function, table, count), generate


@intrinsic
def copied(context, target, source, size):
    def generate(context, builder, signature, arguments):
        pointers = [builder.inttoptr(a, cgutils.voidptr_t) for a in arguments[:2]]
        cgutils.raw_memcpy(builder, *pointers, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(target, source, size), generate


@njit(error_model="numpy", nogil=True, cache=True, no_cfunc_wrapper=True)
def run(plan):
    function = plan[0]
    losses = cells(plan[6], plan[3], types.float64(0.0))
    for step in range(plan[3]):
        for gather in range(plan[8]):
            place = 9 + 5 * gather
            source = plan[place]
            target = plan[place + 1]
            size = plan[place + 2]
            count = plan[place + 3]
            rows = cells(plan[place + 4], plan[3] * count, types.int64(0))
            for i in range(count):
                copied(target + i * size, source + rows[step * count + i] * size, size)
        if not call(function, plan[1], plan[2]):
            break
        if plan[5]:
            losses[step] = cells(plan[4], 1, types.float32(0.0))[0]
        else:
            losses[step] = cells(plan[4], 1, types.float64(0.0))[0]
        plan[7] = step + 1
        if not math.isfinite(losses[step]):
            break
'''
