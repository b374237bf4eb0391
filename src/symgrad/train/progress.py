"""Progress of a training run on standard error: a bar where there is a terminal and `rich`, else plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .epoch import Epoch


@contextmanager
def shown(epochs: int, wanted: bool) -> Iterator[Callable[[Epoch, Any], None]]:
    """A callback that shows each epoch; it does nothing where progress is not `wanted`."""
    if not wanted:
        yield lambda epoch, fit: None
    elif (bar := _rich_bar()) is not None:
        with bar:
            task = bar.add_task("training", total=epochs)
            yield lambda epoch, fit: bar.update(task, advance=1, description=describe(epoch))
    else:
        yield lambda epoch, fit: _line(epoch, epochs)


def describe(epoch: Epoch) -> str:
    """One line about an epoch.

    >>> describe(Epoch(3, 0.25, 0.5, 0.975, 0.1))
    'loss 0.2500  validation loss 0.5000  accuracy 97.5 %'
    """
    parts = [f"loss {epoch.loss:.4f}"]
    if epoch.validation_loss is not None:
        parts.append(f"validation loss {epoch.validation_loss:.4f}")
    if epoch.validation_accuracy is not None:
        parts.append(f"accuracy {100 * epoch.validation_accuracy:.1f} %")
    return "  ".join(parts)


def _line(epoch: Epoch, epochs: int) -> None:
    """Print about ten lines in all."""
    if epoch.number > 1 and epoch.number < epochs and epoch.number % max(1, epochs // 10):
        return
    print(f"epoch {epoch.number:>{len(str(epochs))}}/{epochs}  {describe(epoch)}", file=sys.stderr, flush=True)


def _rich_bar() -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from rich.console import Console  # noqa: PLC0415  (an extra)
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    except ImportError:
        return None
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True))
