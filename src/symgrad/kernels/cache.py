"""Generated modules on disk. A file's name is a hash of its text, signature and the engine's versions, so it never
changes.

Numba keeps its machine code beside the file (`__pycache__`), one signature per file. A lock for each entry lets one
process compile while the others wait; then they load what it has made. Machine code is loaded only if a digest taken
when it was compiled still holds. Files and directories are private to the user, because what they hold is executed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import stat
import sys
import tempfile
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import llvmlite
import numba
import numpy as np
import platformdirs

from ..errors import SymgradError
from . import link
from .translate import quick

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ENGINE = "2"  # raise it when a generated file would mean something else
_LOCK = threading.RLock()


def directory() -> Path:
    """Where the files go: $SYMGRAD_CACHE_DIR, else the user's cache directory."""
    chosen = os.environ.get("SYMGRAD_CACHE_DIR") or platformdirs.user_cache_dir("symgrad")
    path = Path(chosen) / "kernels"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _private(path)
    return path


def _private(path: Path) -> None:
    """SymgradError where somebody else could have put files into the directory."""
    if not hasattr(os, "getuid"):
        return
    found = path.stat()
    if found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return
    who = "belongs to another user" if found.st_uid != os.getuid() else "can be written by others"
    raise SymgradError(
        f"the cache directory {path} {who}, and what it holds would be executed.\n"
        f"    Set SYMGRAD_CACHE_DIR to a directory of your own, or run: chmod 700 {path}"
    )


@cache
def versions() -> str:
    return "|".join([
        ENGINE, platform.python_version(), platform.machine(), numba.__version__, llvmlite.__version__, np.__version__,
    ])  # fmt: skip


def key(source: str, signature: str) -> str:
    """The content address: 40 hexadecimal digits."""
    return hashlib.sha256("\0".join([versions(), signature, source]).encode()).hexdigest()[:40]


def module(source: str, signature: str) -> ModuleType:
    """The module with text `source`, written to the cache if it is not there, and imported once per process; its `run`
    is compiled."""
    name = f"symgrad_kernel_{key(source, signature)}"
    with _LOCK:
        if name in sys.modules:
            return sys.modules[name]
        folder = directory()
        with _alone(folder / f"{name}.lock"):
            path = write(folder / f"{name}.py", source)
            _drop_damaged(path)
            return _load(name, path)


@contextmanager
def _alone(path: Path):
    """No other process is inside for the same path. Without file locks (Windows) all are: they write the same bytes."""
    if fcntl is None:
        yield
        return
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # given back when the file is closed, also by a process that is killed
        yield


# ------------------------------------------------------------------------------------------------------- machine code
def _machine_code(path: Path) -> list[Path]:
    """The files that Numba keeps for a module: unpickled and executed when they are loaded."""
    return sorted((path.parent / "__pycache__").glob(f"{path.stem}.*.nb[ic]"))


def _digests(path: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in _machine_code(path)}


def _drop_damaged(path: Path) -> None:
    """Remove machine code that is not what was compiled here: cut off, changed, or without a digest."""
    try:
        known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if known != _digests(path):
        for file in _machine_code(path):
            file.unlink(missing_ok=True)


def _compile(loaded: ModuleType, path: Path) -> None:
    run: Any = getattr(loaded, "run", None)
    if not hasattr(run, "compile"):
        return
    before = _digests(path)
    quick(vars(loaded))
    with link.together(vars(loaded)):
        run.compile((numba.int64[::1],))
    after = _digests(path)
    if after != before:
        write(path.with_suffix(".json"), json.dumps(after))


# ---------------------------------------------------------------------------------------------------- what is kept
class Kept(NamedTuple):
    folder: Path
    kernels: int
    bytes: int


def kept() -> Kept:
    """How much the cache holds."""
    folder = directory()
    files = _files(folder)
    return Kept(folder, sum(f.suffix == ".py" for f in files), sum(f.stat().st_size for f in files))


def clear() -> Kept:
    """Remove every kernel from the disk; those that are loaded stay loaded. What there was."""
    found = kept()
    for file in _files(found.folder):
        file.unlink(missing_ok=True)
    return found


def _files(folder: Path) -> list[Path]:
    return [f for f in sorted(folder.glob("**/*")) if f.is_file() and f.name.startswith("symgrad_kernel_")]


def write(path: Path, source: str) -> Path:
    """Write atomically: another process sees the whole file or none."""
    if path.exists() and path.read_text(encoding="utf-8") == source:
        return path
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(source)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # a .py file has both
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded  # before it is executed: Numba's cache looks the module up by name
    written = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        spec.loader.exec_module(loaded)
        _compile(loaded, path)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.dont_write_bytecode = written
    return loaded
