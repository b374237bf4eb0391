"""A limit on time: `with within(10, "this integral"): ...` raises SymgradError once ten seconds have passed.

The searches below call SymPy, which may run for hours without coming back to us. A timer therefore raises in the
thread that asked (CPython's PyThreadState_SetAsyncExc, which works in every thread, unlike a signal).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import SymgradError, explain


class _Late(BaseException):
    """Not an Exception: SymPy's own handlers must not swallow it."""


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Give up after `seconds`. Raises SymgradError that says what was tried."""
    thread = threading.get_ident()
    lock = threading.Lock()
    running = True

    def ring() -> None:
        with lock:
            if running:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_Late))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    except _Late:
        raise SymgradError(
            explain(f"{what} was not decided within {seconds:g} s.", fix="Pass a larger time limit, seconds=...")
        ) from None
    finally:
        with lock:
            running = False
        timer.cancel()
