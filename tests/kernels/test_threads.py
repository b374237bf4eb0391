"""Kernels in several Python threads at once, on every threading layer that is here: right results, and no abort."""

import os
import subprocess
import sys

import pytest

WORK = """
import sys, threading
import numba, numpy as np
import symgrad as sg
from symgrad.kernels import threads

threads.find()  # finds the tbb that pip installed
program = "X: input[n,d]\\nw: parameter[d]\\ny: input[n]\\nL = mean[n](log(1 + exp(-y[n]*sum[d](X[n,d]*w[d]))))"
kernel = sg.program(program).gradient("L").compile(parallel=True)
rng = np.random.default_rng(0)
cases = [{"X": rng.standard_normal((900, 7)), "w": rng.standard_normal(7), "y": np.ones(900)} for _ in range(4)]
numba.set_num_threads(1)
try:
    alone = [kernel(**case) for case in cases]
except ValueError as error:  # Numba: no such layer on this machine
    sys.exit(str(error) if "threading layer" not in str(error) else 77)
wrong, begin = [], threading.Barrier(4)

def work(case, wanted):
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    bound = kernel.bind(**case)
    begin.wait()
    for _ in range(60):
        for found in (kernel(**case), bound()):
            wrong.extend(n for n in wanted if not np.array_equal(found[n], wanted[n]))

workers = [threading.Thread(target=work, args=pair) for pair in zip(cases, alone)]
[t.start() for t in workers]
[t.join() for t in workers]
print(numba.threading_layer(), len(wrong))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("layer", ["tbb", "omp", "workqueue"])
def test_threads_of_python_share_a_layer(layer, cache):
    """Workqueue aborts the process when two threads enter it: calls take turns there. The bits are those of one
    thread."""
    own = {"NUMBA_THREADING_LAYER": layer, "SYMGRAD_CACHE_DIR": cache, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", WORK], env=os.environ | own, capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(f"{layer} is not here")
    assert (done.returncode, done.stdout) == (0, f"{layer} 0\n"), done.stderr


def test_workqueue_aborts_without_turns(cache):
    """The negative control: the same without the lock ends in an abort."""
    code = "import contextlib\nfrom symgrad.kernels.targets import cpu\ncpu._LAUNCH = contextlib.nullcontext()\n" + WORK
    own = {"NUMBA_THREADING_LAYER": "workqueue", "SYMGRAD_CACHE_DIR": cache, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | own, capture_output=True, text=True)
    assert done.returncode < 0 and "Concurrent access has been detected" in done.stderr
