"""The disk cache: private files, atomic writes, and a second process that compiles nothing."""

import ctypes
import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numba
import numba.extending
import numpy as np
import pytest

from symgrad.errors import SymgradError
from symgrad.kernels import cache, threads

CODE = """
import sys
import numpy as np
import symgrad as sg
from symgrad.kernels import compile_system
x = np.arange(4.0)
options = {"parallel": len(sys.argv) > 1}
out = compile_system(sg.program("x: parameter[n]\\nL = sum[n](tanh(x[n])**2)").gradient("L").kernel, **options)(x=x)
print("numba" in sys.modules, repr(out.L), out.dL_dx.tolist())
assert "scipy.linalg" not in sys.modules  # 0.1 s of a process's start
"""


def run(directory, *arguments):
    environment = {**os.environ, "SYMGRAD_CACHE_DIR": str(directory)}
    command = [sys.executable, "-W", "error", "-c", CODE, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(maxsplit=1)


def test_a_second_process_compiles_nothing_and_does_without_numba(tmp_path):
    compiled, values = run(tmp_path)
    loaded, again = run(tmp_path)
    assert (compiled, loaded) == ("True", "False")
    assert values == again


def test_threads_need_no_numba_either(tmp_path):
    """TBB's are started directly; other layers are Numba's to start."""
    _, values = run(tmp_path, "parallel")
    loaded, again = run(tmp_path, "parallel")
    assert loaded == str(threads.pool().layer != "tbb" or threads._configured())
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


# ------------------------------------------------------------------------------- damaged, foreign, and racing processes
MODULE = """\
import numpy as np
from numba import njit


@njit(cache=True)
def run(table):
    table[-1] = 3 * table[0] + NUMBER
"""


def triple(source):
    """3*5 + NUMBER by a module of the cache, loaded as in a new process."""
    name = f"symgrad_kernel_{cache.key(source, 'float64')}"
    sys.modules.pop(name, None)
    cache._RUNS.pop(name, None)
    table = np.array([5, 0])
    cache.function(source, "float64")(table)
    return int(table[-1])


def entry(here, source, suffix):
    return here / f"symgrad_kernel_{cache.key(source, 'float64')}.{suffix}"


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"\0" + b[1:], lambda b: b""])
@pytest.mark.parametrize("suffix", ["o", "json"])
def test_damaged_machine_code_is_compiled_again(here, suffix, damage):
    source = MODULE.replace("NUMBER", "1")
    assert triple(source) == 16
    file = entry(here, source, suffix)
    good = file.read_bytes()
    file.write_bytes(damage(good))
    assert triple(source) == 16
    assert entry(here, source, suffix).read_bytes() != damage(good)


def test_machine_code_of_another_module_is_not_executed(here):
    """Somebody else's file under our name: its digest was never written by us."""
    ours, other = MODULE.replace("NUMBER", "1"), MODULE.replace("NUMBER", "2")
    assert (triple(ours), triple(other)) == (16, 17)
    entry(here, ours, "o").write_bytes(entry(here, other, "o").read_bytes())
    assert triple(ours) == 16
    for suffix in ("o", "json"):  # with its digest too: it has no entry of our name
        entry(here, ours, suffix).write_bytes(entry(here, other, suffix).read_bytes())
    assert triple(ours) == 16


def test_machine_code_that_needs_what_is_not_here_is_compiled_again(here):
    """LLVM aborts the process at a name that it cannot find, so they are looked up first."""
    source = MODULE.replace("NUMBER", "1")
    assert triple(source) == 16
    data, needs = entry(here, source, "o").read_bytes(), ["memset", "symgrad_no_such_function"]
    known = {"needs": needs, "digest": cache._digest(data, needs)}
    entry(here, source, "json").write_text(json.dumps(known))
    assert triple(source) == 16
    assert json.loads(entry(here, source, "json").read_text()) != known


@pytest.mark.parametrize("error", [ValueError("singular"), np.linalg.LinAlgError("Array must not contain NaN.")])
def test_errors_of_compiled_code_are_read_and_not_executed(here, error):
    """Compiled just now, and loaded."""
    kind = "ValueError" if type(error) is ValueError else "np.linalg.LinAlgError"
    check = f"    if table[0] < 0:\n        raise {kind}({str(error)!r})\n"
    source = MODULE.replace("NUMBER", "1").replace("    table[-1]", f"{check}    table[-1]")
    for _ in range(2):
        assert triple(source) == 16
        with pytest.raises(type(error)) as found:
            cache.function(source, "float64")(np.array([-1, 0]))
        assert str(found.value) == str(error)


@pytest.mark.parametrize("chunks", [1, 2, 3, 7, 32])
def test_the_driver_runs_every_piece_once(here, chunks):
    """A stage in Numba's convention that counts its pieces; 32 more places than any of them may touch."""
    stage = numba.njit("void(int64, int64, int64)", no_cpython_wrapper=True)(count)
    compiled = stage.overloads[(numba.int64,) * 3]
    function = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    seen = np.zeros(64, np.int64)
    block = (ctypes.c_int64 * 3)(function, chunks, seen.ctypes.data)
    assert ctypes.CFUNCTYPE(ctypes.c_int32)(threads.driver())(block) == 0
    assert seen.tolist() == [chunks] * chunks + [0] * (64 - chunks)


def count(piece, chunks, place):
    numba.carray(integers(place), 64)[piece] += chunks


@numba.extending.intrinsic
def integers(context, place):
    def generate(target, builder, signature, arguments):
        return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

    return numba.types.CPointer(numba.types.int64)(place), generate


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_a_directory_that_others_can_write_is_refused(here):
    cache.directory().chmod(0o777)
    with pytest.raises(SymgradError, match="can be written by others") as error:
        cache.module("value = 'not loaded before'\n", "float64")
    assert "chmod 700" in str(error.value)


def test_info_and_clear(here):
    triple(MODULE.replace("NUMBER", "1"))
    other = here / "notes.txt"
    other.write_text("not a kernel")
    found = cache.kept()
    assert found.kernels == 1 and found.bytes > 0 and found.folder == here
    assert cache.clear() == found
    assert cache.kept().kernels == 0 and other.exists()


RACE = """
import sys, threading
import numpy as np
from symgrad.kernels import cache
source, found = open(sys.argv[1]).read(), []
def work():
    table = np.array([5, 0])
    cache.function(source, "float64")(table)
    found.append(int(table[-1]))
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(found)
"""


@pytest.mark.slow
def test_ten_processes_of_four_threads_on_a_cold_cache(tmp_path):
    file = tmp_path / "module.txt"
    file.write_text(MODULE.replace("NUMBER", "1"))
    environment = {**os.environ, "SYMGRAD_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(RACE), str(file)]
    pipe = subprocess.PIPE
    racing = [subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) for _ in range(10)]
    ended = [process.communicate() for process in racing]
    assert [p.returncode for p in racing] == [0] * 10, ended
    assert [out.strip() for out, _ in ended] == ["[16, 16, 16, 16]"] * 10
