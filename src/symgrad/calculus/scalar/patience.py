"""A limit on time: `with within(10, "this integral"): ...` raises SymgradError after ten seconds of work.

The searches below call SymPy, which may run for hours without coming back to us. A watcher therefore raises in the
thread that asked (CPython's PyThreadState_SetAsyncExc, which works in every thread, unlike a signal). It counts the
processor time of that thread, so that a busy machine decides what an idle one does.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...errors import SymgradError, explain


class _Late(BaseException):
    """Not an Exception: SymPy's own handlers must not swallow it."""


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Give up after `seconds` of this thread's work. Raises SymgradError that says what was tried."""
    thread, clock, done = threading.get_ident(), _clock(), threading.Event()
    end = clock() + seconds

    def watch() -> None:
        while not done.wait(max(end - clock(), 0.01)):
            if clock() >= end:
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
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None)  # rung, but not heard yet
    except _Late:
        raise SymgradError(
            explain(f"{what} was not decided within {seconds:g} s.", fix="Pass a larger time limit, seconds=...")
        ) from None


def _clock() -> Callable[[], float]:
    """The processor time of this thread, to be read from another; the wall clock where the system has none."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.monotonic
    identity = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(identity)
