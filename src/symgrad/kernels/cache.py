"""Generated modules on disk. A file's name is a hash of its text, signature and the engine's versions, so it never
changes.

Beside a module lies the object file of its machine code, and what it needs from outside. A lock for each entry lets
one process compile while the others wait; then they load what it has made. Machine code is loaded only if a digest
taken when it was compiled still holds. Files and directories are private to the user, because what they hold is
executed.
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
from typing import NamedTuple

import llvmlite
import numpy as np
import platformdirs

from ..errors import SymgradError
from . import machine

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ENGINE = "4"  # raise it when a generated file would mean something else
_LOCK = threading.RLock()
_RUNS: dict[str, machine.Run] = {}  # of this process


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
        ENGINE, platform.python_version(), machine.processor(), _numba(), llvmlite.__version__, np.__version__,
    ])  # fmt: skip


def _numba() -> str:
    """Numba's version from its own file: importing it takes 0.2 s, and importlib.metadata 0.03."""
    spec = importlib.util.find_spec("numba")
    assert spec is not None and spec.origin is not None  # a dependency
    return Path(spec.origin).with_name("_version.py").read_text(encoding="utf-8")


def key(source: str, signature: str) -> str:
    """The content address: 40 hexadecimal digits."""
    return hashlib.sha256("\0".join([versions(), signature, source]).encode()).hexdigest()[:40]


def module(source: str, signature: str) -> ModuleType:
    """The module with text `source`, written to the cache if it is not there, and imported once per process."""
    name = f"symgrad_kernel_{key(source, signature)}"
    with _LOCK:
        if name in sys.modules:
            return sys.modules[name]
        with _entry(name, source) as path:
            return _imported(name, path)


def function(source: str, signature: str) -> machine.Run:
    """The compiled `run` of the module with text `source`: loaded if it was compiled before, by whatever process."""
    name = f"symgrad_kernel_{key(source, signature)}"
    with _LOCK:
        if name not in _RUNS:
            with _entry(name, source) as path:
                _RUNS[name] = _loaded(name, path) or _compiled(name, path)
        return _RUNS[name]


@contextmanager
def _entry(name: str, source: str):
    """The file of the text; no other process is inside."""
    folder = directory()
    with _alone(folder / f"{name}.lock"):
        yield write(folder / f"{name}.py", source)


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
def _loaded(name: str, path: Path) -> machine.Run | None:
    """The machine code on disk; None where it is not what was compiled here: cut off, changed, without a digest."""
    try:
        known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        data, needs = path.with_suffix(".o").read_bytes(), known["needs"]
        if known["digest"] != _digest(data, needs):
            return None
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if not machine.there(needs):
        from . import link  # noqa: PLC0415  (loads Numba)

        _imported(name, path)  # the text registers LAPACK
        link.awaken()
    return machine.load(data, _symbol(name)) if machine.there(needs) else None


def _compiled(name: str, path: Path) -> machine.Run:
    from . import link  # noqa: PLC0415  (loads Numba)

    made = link.assembled(vars(_imported(name, path)), _symbol(name))
    _replace(path.with_suffix(".o"), made.data)
    write(path.with_suffix(".json"), json.dumps({"needs": made.needs, "digest": _digest(made.data, made.needs)}))
    return machine.Run(made.address, made.library)


def _symbol(name: str) -> str:
    """The name of a module's entry in its object file: no other module's fits."""
    return f"{name}_entry"


def _digest(data: bytes, needs: list[str]) -> str:
    return hashlib.sha256("\n".join(needs).encode() + b"\0" + data).hexdigest()


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
    return _replace(path, source.encode())


def _replace(path: Path, data: bytes) -> Path:
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _imported(name: str, path: Path) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # a .py file has both
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded  # before it is executed: Numba looks functions up by the name of their module
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
