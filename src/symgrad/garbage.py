"""Python's search for garbage, put off where there is none: while hundreds of modules are imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made inside is kept for long: nobody looks for garbage in it, and it is old from the start.

    Freezing and unfreezing moves all objects to the oldest generation (CPython's gc module), so that the next search
    does not go through them. Somebody else's frozen objects stay frozen.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if collecting:
            gc.enable()
