"""Checkpoints: one `.npz` of arrays and JSON, written whole or not at all; a resumed run goes on bit for bit.

A file is written beside its target, flushed to the disk and renamed: whoever is killed in between leaves the old one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..errors import DataError, SymgradError
from .files import file_of, whole_file

FORMAT = "symgrad fit 3"


def npz(path: str | Path) -> Path:
    """`path` with the suffix .npz.

    >>> npz("run").name
    'run.npz'
    """
    path = file_of("a saved fit", path)
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


def write(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Path:
    """Write the file atomically. SymgradError where the disk is full or the folder may not be written: an older file is
    then still there, whole."""
    text = np.frombuffer(json.dumps({"format": FORMAT, **meta}).encode(), dtype=np.uint8)
    with whole_file(path) as stream:
        np.savez(stream, meta=text, **arrays)
    return path


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `write` wrote. No pickle: nothing in the file is executed. DataError where it is something else."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            meta = json.loads(bytes(file["meta"]).decode())
            arrays = {n: file[n] for n in file.files if n != "meta"}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, EOFError, BadZipFile):
        raise DataError(f"{path} is not a saved fit: an .npz file that fit.save or a checkpoint wrote.") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise DataError(f"{path} is not a saved fit of this version ({FORMAT!r}).")
    return meta, arrays


def part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The arrays named `prefix.name`, by name."""
    return {n.removeprefix(f"{prefix}."): a for n, a in arrays.items() if n.startswith(f"{prefix}.")}


def prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{prefix}.{n}": np.asarray(a) for n, a in arrays.items()}


def same_run(path: Path, saved: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """SymgradError where a run is to be resumed with other settings than it was begun with."""
    for name, value in asked.items():
        if saved.get(name) != json.loads(json.dumps(value)):
            raise SymgradError(
                f"{path} holds a run with {name} = {saved.get(name)}; this one has {value}. "
                "Resume with the same settings, or write to another file."
            )
