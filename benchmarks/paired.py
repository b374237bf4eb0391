"""Engines side by side: each in a process of its own, in turns, on the same arrays, and only where results agree.

A benchmark file has `CASES` (name -> whatever its engines take), `arrays(case)` (the inputs, from a fixed seed) and
`ENGINES` (name -> function of the case that returns `call` and `results`: what is timed, and its results by name), and
ends with `paired.main(...)`. The first engine is ours. Figures are medians over rounds; a ratio is the median of the
ratios of one round, because the machine's speed changes between rounds more than the engines differ. Before its slice
an engine waits until the threads of the one before it sleep, and then warms up.

`--keep` asks the C allocator of every process to keep freed memory: results of 32 MB and more are otherwise new pages
at every call of PyTorch and JAX. Ours are bound: the outputs are allocated once. `--cpu` gives every engine one thread
and reports processor time instead of wall-clock time: on a machine that does other work, only that can be compared.
"""

# ruff: noqa: PLC0415  (what a process imports is what is measured in it)

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

clock = time.process_time if os.environ.get("SYMGRAD_BENCH_CLOCK") == "cpu" else time.perf_counter
THREADS = int(os.environ.get("SYMGRAD_BENCH_THREADS", "2"))
KEPT = {"MALLOC_TOP_PAD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**33), "MALLOC_TRIM_THRESHOLD_": str(2**35)}
REST = 0.05  # seconds before a slice: threads of OpenBLAS and OpenMP spin that long after their last work
Engine = Callable[[Any], tuple[Callable[[], Any], Callable[[], Mapping[str, Any]]]]


def environment(keep: bool, cpu: bool) -> dict[str, str]:
    threads = str(1 if cpu else THREADS)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "SYMGRAD_BENCH_THREADS")
    found = dict(os.environ) | dict.fromkeys(names, threads) | (KEPT if keep else {})
    found["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(not cpu).lower()} intra_op_parallelism_threads={threads}"
    return found | ({"SYMGRAD_BENCH_CLOCK": "cpu"} if cpu else {})


class Process:
    """One engine: `measure(seconds)` is the median time of a call."""

    def __init__(self, file: str, engine: str, case: str, options, folder: str):
        self.engine, self.path = engine, Path(folder) / f"{engine.replace(' ', '_').replace('.', '_')}.npz"
        command = [sys.executable, file, "--child", engine, case, str(self.path)]
        pipe, own = subprocess.PIPE, environment(options.keep, options.cpu)
        self.child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=own)

    def answer(self) -> dict:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{self.engine} ended with code {self.child.wait()}")

    def measure(self, seconds: float) -> float:
        assert self.child.stdin is not None
        print(seconds, file=self.child.stdin, flush=True)
        return self.answer()["median"]

    def end(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()


def child(engines: Mapping[str, Engine], cases: Mapping[str, Any], engine: str, case: str, path: str) -> None:
    import numpy as np

    if hasattr(os, "sched_setaffinity"):  # JAX has no setting for its pool: it takes as many threads as CPUs
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    try:
        call, results = engines[engine](cases[case])
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    call()
    values = {n: np.asarray(a) for n, a in results().items()}
    np.savez(path, **values)
    begun = time.perf_counter()
    call()
    print(json.dumps({"ready": time.perf_counter() - begun}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"median": timed(call, float(line))}), flush=True)


def timed(call: Callable[[], Any], seconds: float) -> float:
    """The median time of a call; quick ones are timed in groups, so that the clock is not what is measured."""
    time.sleep(REST)
    end = time.perf_counter() + seconds / 5
    while time.perf_counter() < end:
        call()  # threads wake up, caches fill
    begun = clock()
    call()
    count = max(1, min(200, int(5e-5 / max(clock() - begun, 1e-9))))
    taken, end = [], time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        begun = clock()
        for _ in range(count):
            call()
        taken.append((clock() - begun) / count)
    return statistics.median(taken)


def compare(processes: list[Process], tolerance: float) -> None:
    """Every result equal to ours within `tolerance` of its largest entry, or nothing is timed."""
    import numpy as np

    ours, *others = [dict(np.load(p.path)) for p in processes]
    for process, theirs in zip(processes[1:], others):
        for name, value in ours.items():
            if name not in theirs:
                continue
            scale = np.abs(value).max() or 1.0
            error = np.abs(value - theirs[name].reshape(value.shape)).max() / scale
            if not error <= tolerance:
                raise SystemExit(f"{process.engine}: {name} differs by {error:.1e} of its largest entry")


def run_case(file: str, engines, case: str, options) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        started = []
        for name in engines:
            process = Process(file, name, case, options, folder)
            answer = process.answer()
            if "missing" in answer:
                print(f"    {name}: {answer['missing']}")
                continue
            started.append(process)
        compare(started, options.tolerance)
        rounds: dict[str, list[float]] = {p.engine: [] for p in started}
        end = time.perf_counter() + options.seconds
        while time.perf_counter() < end or len(rounds[started[0].engine]) < 5:
            for process in started:
                rounds[process.engine].append(process.measure(options.slice))
        for process in started:
            process.end()
    return rounds


def line(case: str, rounds: dict[str, list[float]]) -> str:
    """Medians in microseconds, and for each other engine the median of the ratios to ours within a round."""
    first, *others = rounds
    parts = [f"{case:14} {first} {1e6 * statistics.median(rounds[first]):.4g} us"]
    for name in others:
        ratio = statistics.median(b / a for a, b in zip(rounds[first], rounds[name]))
        parts.append(f"{name} {1e6 * statistics.median(rounds[name]):.4g} ({ratio:.2f})")
    return " | ".join(parts)


def main(
    file: str, question: str, cases: Mapping[str, Any], engines: Mapping[str, Engine], tolerance: float,
    note: Callable[[str, dict[str, list[float]]], str] = lambda case, rounds: "",
) -> None:  # fmt: skip
    """The command line. `note(case, rounds)` stands behind a case's line."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=question, formatter_class=layout)
    parser.add_argument("--case", action="append", choices=list(cases), help="only this case (may be repeated)")
    parser.add_argument("--engine", action="append", choices=list(engines), help="only this peer (may be repeated)")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each case (default 8)")
    parser.add_argument("--slice", type=float, default=0.1, help="seconds of one engine in a round (default 0.1)")
    parser.add_argument("--keep", action="store_true", help="let the allocator keep memory")
    parser.add_argument("--cpu", action="store_true", help="one thread, processor time")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(engines, cases, *options.child)
        return
    options.tolerance = tolerance
    first = next(iter(engines))
    chosen = [n for n in engines if n == first or not options.engine or n in options.engine]
    settings = ", memory kept" * options.keep + ", processor time of one thread" * options.cpu
    print(f"{question.splitlines()[0]}\n{machine()}{settings}", flush=True)
    for case in options.case or cases:
        rounds = run_case(file, chosen, case, options)
        print(line(case, rounds) + note(case, rounds), flush=True)


def machine() -> str:
    """What the figures were measured on."""
    import numba
    import numpy as np

    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [x.split(":")[1].strip() for x in information.read_text().splitlines() if x.startswith("model name")]
        model = names[0] if names else model
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, Numba {numba.__version__}"
    return f"{model}, {THREADS} threads, {versions}"
