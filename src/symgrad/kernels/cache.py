"""Generated modules on disk. A file's name is a hash of its text, signature and the engine's versions, so it never
changes.

Numba keeps its machine code beside the file (`__pycache__`), one signature per file: then processes that compile the
same
kernel at once write the same bytes. Files and directories are private to the user, because what they hold is executed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from types import ModuleType

import llvmlite
import numba
import numpy as np
import platformdirs

ENGINE = "1"  # raise it when a generated file would mean something else
_LOCK = threading.RLock()


def directory() -> Path:
    """Where the files go: $SYMGRAD_CACHE_DIR, else the user's cache directory."""
    chosen = os.environ.get("SYMGRAD_CACHE_DIR") or platformdirs.user_cache_dir("symgrad")
    path = Path(chosen) / "kernels"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@cache
def versions() -> str:
    return "|".join([
        ENGINE, platform.python_version(), platform.machine(), numba.__version__, llvmlite.__version__, np.__version__,
    ])  # fmt: skip


def key(source: str, signature: str) -> str:
    """The content address: 40 hexadecimal digits."""
    return hashlib.sha256("\0".join([versions(), signature, source]).encode()).hexdigest()[:40]


def module(source: str, signature: str) -> ModuleType:
    """The module with text `source`, written to the cache if it is not there, and imported once per process."""
    name = f"symgrad_kernel_{key(source, signature)}"
    with _LOCK:
        if name in sys.modules:
            return sys.modules[name]
        return _load(name, write(directory() / f"{name}.py", source))


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
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.dont_write_bytecode = written
    return loaded
