"""The disk cache: private files, atomic writes, and a second process that compiles nothing."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from symgrad.kernels import cache

CODE = """
import numpy as np, numba
from numba.core import event
import symgrad as sg
from symgrad.kernels import compile_system
compiled = []
class Listener(event.Listener):
    def on_start(self, e): pass
    def on_end(self, e): compiled.append(1)
event.register("numba:run_pass", Listener())
x = np.arange(4.0)
out = compile_system(sg.program("x: parameter[n]\\nL = sum[n](tanh(x[n])**2)").gradient("L").kernel)(x=x)
print(len(compiled), repr(out.L), out.dL_dx.tolist())
"""


def run(directory):
    environment = {**os.environ, "SYMGRAD_CACHE_DIR": str(directory)}
    done = subprocess.run([sys.executable, "-W", "error", "-c", CODE], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    count, *values = done.stdout.split(maxsplit=1)
    return int(count), values


def test_a_second_process_compiles_nothing(tmp_path):
    first, values = run(tmp_path)
    second, again = run(tmp_path)
    assert first > 0 and second == 0
    assert values == again


def test_files_are_private_and_one_for_each_kernel(tmp_path):
    run(tmp_path)
    folder = tmp_path / "kernels"
    (file,) = folder.glob("*.py")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.glob("*.tmp")) == []


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    return tmp_path / "kernels"


def test_the_name_is_the_content(here):
    assert cache.key("a", "float64") == cache.key("a", "float64")
    assert len({cache.key("a", "float64"), cache.key("b", "float64"), cache.key("a", "float32")}) == 3
    one = cache.module("value = 1\n", "float64")
    assert one is cache.module("value = 1\n", "float64") and one.value == 1
    assert one.__name__ in sys.modules


def test_a_damaged_file_is_replaced(here):
    path = cache.directory() / "kernel.py"
    path.write_text("value = 2\n")
    assert cache.write(path, "value = 1\n").read_text() == "value = 1\n"


def test_a_module_that_fails_leaves_nothing(here):
    with pytest.raises(ZeroDivisionError):
        cache.module("1/0\n", "float64")
    assert f"symgrad_kernel_{cache.key('1/0' + chr(10), 'float64')}" not in sys.modules


def test_a_failed_write_leaves_no_temporary_file(here, monkeypatch):
    def refuse(self, target):
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        cache.write(cache.directory() / "kernel.py", "value = 1\n")
    assert list(here.glob("*.tmp")) == []
