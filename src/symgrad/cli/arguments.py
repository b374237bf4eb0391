"""What several commands ask of their arguments."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from ..errors import SymgradError


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:  # scikit-learn takes 32 bits
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**32 - 1}")
    return int(text)


def rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, such as 0.002")
    return value


def need_folder(path: Path) -> None:
    """SymgradError where the folder of a file to be written does not exist: a slip of the keys makes no folders."""
    if not path.parent.is_dir():
        raise SymgradError(f"{path}: the folder {path.parent} does not exist. Make it first, or write elsewhere.")
