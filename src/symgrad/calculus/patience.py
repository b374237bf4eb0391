"""A limit on time: `with within(10, "this integral"): ...` raises SymgradError after ten seconds of work.

Derivations run under `limited`, whose seconds `time_limit` sets, and tell by `note` how far they are.

What runs below calls SymPy, which may run for hours without coming back to us. A watcher therefore raises in the
thread that asked (CPython's PyThreadState_SetAsyncExc, which works in every thread, unlike a signal). It counts the
processor time of that thread, so that a busy machine decides what an idle one does.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ..errors import SymgradError, TimeLimitError, explain

SECONDS = 300.0  # for each derivation, closed form or kernel form: a hundred layers take ten
TURNS = 1000  # of a loop in which an exception is heard that was sent: the first hears it, unless it was ignored before
_LIMIT: ContextVar[float | None] = ContextVar("seconds for each derivation", default=SECONDS)


@dataclass
class Progress:
    """How far a derivation is: the steps made, and what the last one was."""

    steps: int = 0
    last: str = ""


_PROGRESS: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    r"""The seconds of processor time that each derivation inside may take (300 otherwise); None: as long as it takes.

    >>> import symgrad as sg
    >>> with sg.time_limit(600):
    ...     outputs = sg.program("x: parameter \n y = x**2").gradient("y").outputs
    """
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
        raise SymgradError(f"a time limit is a number of seconds, not {seconds!r}: write sg.time_limit(60).")
    before = _LIMIT.set(seconds)
    try:
        yield
    finally:
        _LIMIT.reset(before)


@contextmanager
def limited(what: str) -> Iterator[None]:
    """Give up after the seconds that `time_limit` allows. Raises TimeLimitError that says how far `what` came."""
    seconds = _LIMIT.get()
    if seconds is None or _PROGRESS.get() is not None:  # a part of a derivation that is limited already
        yield
        return
    progress = Progress()
    before = _PROGRESS.set(progress)
    try:
        with within(seconds, what, lambda: _late(seconds, what, progress)):
            yield
    finally:
        _PROGRESS.reset(before)


def note(what: str) -> None:
    """One more step of the derivation that runs, if one does."""
    progress = _PROGRESS.get()
    if progress is not None:
        progress.steps, progress.last = progress.steps + 1, what


def _late(seconds: float, what: str, progress: Progress) -> SymgradError:
    done = f"{progress.steps} step{'s' * (progress.steps != 1)} done" + f", at {progress.last}" * bool(progress.last)
    return TimeLimitError(
        explain(
            f"{what} was not finished within {seconds:g} s: {done}.",
            fix=f"Give it longer, with sg.time_limit({10 * seconds:g}): ..., or differentiate by fewer tensors at a\n"
            "time: wrt=[...]. A long formula derives faster when its parts have equations of their own.",
        )
    )


class _Late(BaseException):
    """Not an Exception: SymPy's own handlers must not swallow it."""


@contextmanager
def within(seconds: float, what: str, late: Callable[[], SymgradError] | None = None) -> Iterator[None]:
    """Give up after `seconds` of this thread's work. Raises SymgradError that says what was tried, or `late()`."""
    thread, clock, done = threading.get_ident(), _clock(), threading.Event()
    end, rung = clock() + seconds, threading.Event()

    def watch() -> None:
        while not done.wait(max(end - clock(), 0.01)):
            if clock() >= end:
                rung.set()
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_Late))
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            done.set()
            watcher.join()
            for _ in range(TURNS if rung.is_set() else 0):
                if isinstance(sys.exc_info()[1], _Late):
                    break  # else it is not heard yet. To take it back would leave Python 3.11 looking for it forever
                time.sleep(0)
        if clock() >= end:  # too late by less than the watcher sees, or where Python ignores exceptions, as in __del__
            raise _Late
    except _Late:
        raise late() if late else SymgradError(
            explain(f"{what} was not decided within {seconds:g} s.", fix="Pass a larger time limit, seconds=...")
        ) from None


def _clock() -> Callable[[], float]:
    """The processor time of this thread, to be read from another; the wall clock where the system has none."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.monotonic
    identity = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(identity)
