"""Files and folders that are written whole or not at all: beside their target, flushed to the disk, renamed.

Whoever is killed in between, or runs out of disk, leaves the older one as it was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import SymgradError


def path_of(name: str, path: Any) -> Path:
    """`path` as a Path that is not empty."""
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise SymgradError(f"{name} is a path, as in \"run\"; it is {path!r}.")
    return Path(path)


def file_of(name: str, path: Any) -> Path:
    """`path` as a Path to a file, and no folder."""
    if path_of(name, path).is_dir():
        raise SymgradError(f"{name} is the path of a file, and {path} is a folder. Pass {Path(path) / 'fit.npz'}.")
    return Path(path)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes are `path` when the block ends. SymgradError where the disk is full or the folder may not be
    written."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        kept = " The older file there is whole." if path.exists() else ""
        raise SymgradError(f"{path} could not be written: {error.strerror or error}.{kept}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    """The process's mask of permissions: a temporary file is its owner's alone, the file is as any other."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _flush_folder(folder: Path) -> None:
    """The rename reaches the disk too (not every system lets a folder be opened)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of `folder` when all is written: an earlier export is there until then."""
    beside = folder.parent / f".{folder.name}.{os.getpid()}"
    new, old = beside / "new", beside / "old"
    try:
        new.mkdir(parents=True)
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        kept = " The earlier export there is whole." if folder.exists() else ""
        raise SymgradError(f"{folder} could not be written: {error.strerror or error}.{kept}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
