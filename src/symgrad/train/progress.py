"""Progress of a training run on standard error: a bar where there is a terminal and `rich`, else plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .epoch import Epoch, Running


@contextmanager
def shown(epochs: int, wanted: bool) -> Iterator[Callable[[Any, Any], None]]:
    """A callback that shows each epoch and the run between two updates; nothing where progress is not `wanted`."""
    if not wanted:
        yield lambda epoch, fit: None
    elif (bar := _rich_bar()) is not None:
        with bar:
            task = bar.add_task("training", total=epochs)
            yield lambda at, fit: bar.update(task, advance=int(isinstance(at, Epoch)), description=describe(at))
    else:
        yield lambda at, fit: _line(at, epochs)


def describe(epoch: Epoch | Running) -> str:
    """One line about an epoch, or about the run in the midst of it.

    >>> describe(Epoch(3, 0.25, 0.5, 0.975, 0.1))
    'loss 0.2500  validation loss 0.5000  accuracy 97.5 %'
    >>> describe(Running(400, 3, 0.25, 0.1))
    'step 400  loss 0.2500'
    """
    if isinstance(epoch, Running):
        return f"step {epoch.number}  loss {epoch.loss:.4f}"
    parts = [f"loss {epoch.loss:.4f}"]
    if epoch.validation_loss is not None:
        parts.append(f"validation loss {epoch.validation_loss:.4f}")
    if epoch.validation_accuracy is not None:
        parts.append(f"accuracy {100 * epoch.validation_accuracy:.1f} %")
    return "  ".join(parts)


def _line(epoch: Epoch | Running, epochs: int) -> None:
    """Print about ten lines for the epochs, and one for each call between updates."""
    if isinstance(epoch, Running):
        print(f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}  {describe(epoch)}", file=sys.stderr, flush=True)
        return
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
