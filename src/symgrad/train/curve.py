"""The loss curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import SymgradError
from .epoch import Epoch
from .files import file_of, whole_file


def new_figure() -> tuple[Any, Any]:
    """A figure of matplotlib and its axes, on no screen."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (an extra)
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise SymgradError('The curve needs matplotlib: pip install "symgrad[train]".') from None
    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save_curve(histories: Sequence[Sequence[Epoch]], path: str | Path, title: str = "") -> Path:
    """Write training (solid) and validation loss (dashed) against the epoch; one pair of lines for each history."""
    figure, axes = new_figure()
    for number, history in enumerate(histories):
        epochs, color = [e.number for e in history], f"C{number}"
        axes.plot(epochs, [e.loss for e in history], color=color, label="training" if not number else None)
        if history and history[0].validation_loss is not None:
            held = [e.validation_loss for e in history]
            axes.plot(epochs, held, "--", color=color, label="validation" if not number else None)
    axes.set(xlabel="epoch", ylabel="loss", yscale="log", title=title)
    axes.legend(frameon=False)
    return save_figure(figure, path)


def need_picture(path: str | Path) -> Path:
    """The path; SymgradError where its suffix is no format of pictures."""
    path = file_of("a picture", path)
    if path.suffix[1:].lower() not in new_figure()[0].canvas.get_supported_filetypes():
        raise SymgradError(f"{path}: the suffix of a picture is its format: .png, .svg or .pdf.")
    return path


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a figure; SymgradError for a suffix that is no format, or a file that cannot be written."""
    path = need_picture(path)
    with whole_file(path) as stream:
        figure.savefig(stream, format=path.suffix[1:].lower(), dpi=150)
    return path
