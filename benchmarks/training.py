"""Is training as good and as fast as what people would pick instead?

    python benchmarks/training.py                       every figure
    python benchmarks/training.py --only digits         digits | logistic | mapped | nist | killed

digits    an MLP 64-128-64-10 on the handwritten digits: the same split, batches, epochs, Adam and its rate as
          scikit-learn's MLPClassifier, alternating, five seeds; accuracy on a fifth held out, seconds of training.
          scikit-learn is timed as it comes and with one BLAS thread, as symgrad runs: with more threads it is slower
          wherever a core is busy; seconds of the processor say least of what else runs
logistic  L2-regularised logistic regression, breast_cancer and (multinomial) digits: the distance of the loss to
          scikit-learn's optimum at tight tolerance, by L-BFGS, Newton, trust-region Newton
mapped    one epoch over a memory-mapped file of 5 GB, rows in random order: the largest resident memory
nist      the 27 nonlinear regressions of NIST from both starts: digits of parameters, errors, sum of squares
killed    a run is killed (SIGKILL) 30 times at random moments, and resumed: the digest of its end, and of a whole run

Seconds are those of the epochs; deriving and compiling are given beside them, once for a model.
"""

# ruff: noqa: PLC0415  (each part loads what it needs)

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np

import symgrad as sg

SEEDS = 5
KILLS = 30
NIST = Path(__file__).parents[1] / "tests" / "train" / "nist_strd.json"


def digits() -> None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    from symgrad.train.digits import LAYERS, load_split

    warnings.simplefilter("ignore", ConvergenceWarning)
    epochs, batch, rate = 60, 64, 2e-3
    rows = []
    for seed in range(SEEDS):
        split, clock = load_split(seed), []
        fit = sg.fit(
            sg.models.mlp(*LAYERS), (split.X, split.y), optimizer=sg.optimizers.adam(rate), epochs=epochs,
            batch_size=batch, seed=seed, callbacks=lambda epoch, fit, clock=clock: clock.append(time.process_time()),
        )  # fmt: skip
        ours = sum(e.seconds for e in fit.history), (clock[-1] - clock[0]) * epochs / (epochs - 1)
        right = np.mean(fit.predict(X=split.X_test).argmax(1) == split.y_test)
        other = MLPClassifier(
            LAYERS[1:-1], batch_size=batch, learning_rate_init=rate, max_iter=epochs, alpha=0.0, tol=0.0,
            n_iter_no_change=epochs, random_state=seed,
        )  # fmt: skip
        usual = _timed(lambda: other.fit(split.X.astype(np.float32), split.y))  # noqa: B023
        with threadpool_limits(1, "blas"):
            single = _timed(lambda: other.fit(split.X.astype(np.float32), split.y))  # noqa: B023
        score = other.score(split.X_test.astype(np.float32), split.y_test)
        rows.append((right, score, ours[0], usual[0], single[0], ours[1], single[1]))
        print(f"  seed {seed}: accuracy {right:.4f} and {score:.4f}, {ours[0]:.2f} s; MLPClassifier {usual[0]:.2f} s, "
              f"with one BLAS thread {single[0]:.2f} s", flush=True)  # fmt: skip
    accuracy, reference = (statistics.mean(column) for column in list(zip(*rows))[:2])
    ours, usual, single, mine, theirs = (statistics.median(column) for column in list(zip(*rows))[2:])
    print(f"digits: mean accuracy {accuracy:.4f}, MLPClassifier {reference:.4f}; {ours:.2f} s, {usual / ours:.1f} "
          f"times faster than it as it comes, {single / ours:.1f} times than with one BLAS thread; seconds of "
          f"processor {mine:.2f} and {theirs:.2f} (one thread each): {theirs / mine:.1f} times (medians)")  # fmt: skip


def _timed(call) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    began, spent = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - spent


BINARY = """
X: input[n, d]
s: input[n]
w: parameter[d]
b: parameter
L = sum[n](softplus(-s[n]*(sum[d](X[n,d]*w[d]) + b))) + 0.5*sum[d](w[d]**2)
"""
MULTINOMIAL = """
X: input[n, d]
y: label[n] over k
W: parameter[d, k]
b: parameter[k]
z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
L = sum[n](logsumexp[k](z[n,k]) - z[n,y[n]]) + 0.5*sum[d,k](W[d,k]**2)
"""


def logistic() -> None:
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    X, y = load_breast_cancer(return_X_y=True)
    X, s = StandardScaler().fit_transform(X), 2.0 * y - 1
    model = LogisticRegression(C=1.0, tol=1e-12, solver="newton-cholesky").fit(X, y)
    best = np.logaddexp(0, -s * model.decision_function(X)).sum() + 0.5 * (model.coef_**2).sum()
    _reach("breast_cancer", BINARY, {"X": X, "s": s}, None, best)
    X, y = load_digits(return_X_y=True)
    X = X / 16
    model = LogisticRegression(C=1.0, tol=1e-12, solver="newton-cg", max_iter=2000).fit(X, y)
    z = X @ model.coef_.T + model.intercept_
    best = (np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), y]).sum() + 0.5 * (model.coef_**2).sum()
    _reach("digits", MULTINOMIAL, {"X": X, "y": y}, {"W": np.zeros((64, 10)), "b": np.zeros(10)}, best)


def _reach(name: str, text: str, data: dict, start, best: float) -> None:
    for method in ("l-bfgs", "trust-newton", "newton"):
        began = time.perf_counter()
        found = sg.minimize(sg.program(text), start, method=method, data=data)
        print(f"  {name}, {method}: relative distance {found.fun / best - 1:+.1e}, success {found.success}, "
              f"{found.nit} steps, {time.perf_counter() - began:.1f} s", flush=True)  # fmt: skip


def mapped() -> None:
    """5,000,000 rows of 250 float32, a row shorter than a page; the first column decides y = 2*x0 + 1."""
    text = "X: input[n, d]\nw: parameter[d]\nb: parameter\nL = mean[n]((sum[d](X[n,d]*w[d]) + b - 2*X[n,0] - 1)**2)"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        shape = (5_000_000, 250)
        _written(path, shape)
        X = np.load(path, mmap_mode="r")
        sg.fit(text, (X[:8192],), epochs=1, batch_size=4096, optimizer=sg.optimizers.sgd(0.1))  # compiles
        before, most, running = _resident(), [0], [True]

        def watch() -> None:
            while running[0]:
                most[0] = max(most[0], _resident())
                time.sleep(0.02)

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.perf_counter()
        fit = sg.fit(text, (X,), epochs=1, batch_size=4096, optimizer=sg.optimizers.sgd(0.1))
        seconds, running[0] = time.perf_counter() - began, False
        watcher.join()
        w = fit.parameters["w"]
        far = max(abs(w[0] - 2), np.abs(w[1:]).max(), abs(float(fit.parameters["b"]) - 1))
        stored = path.stat().st_blocks * 512
        print(f"mapped: {X.nbytes / 1e9:.1f} GB ({stored / 1e9:.1f} GB on the disk) in {seconds:.0f} s, parameters to "
              f"{far:.0e}; resident before {before / 2**20:.0f} MiB, at most {most[0] / 2**20:.0f} MiB")  # fmt: skip


def _written(path: Path, shape: tuple[int, int]) -> None:
    """A file of random numbers, a block repeated."""
    block = np.random.default_rng(0).standard_normal((50_000, shape[1])).astype(np.float32)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    start = file.offset
    del file
    with path.open("r+b") as stream:
        stream.seek(start)
        for _ in range(shape[0] // len(block)):
            stream.write(block.tobytes())


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def nist() -> None:
    print(f"  {'problem':9} {'start':6} {'success':7} parameters  errors  squares  residual sum of squares  seconds")
    least = 99.0
    for problem in json.loads(NIST.read_text())["problems"]:
        y = np.log(problem["y"]) if problem["response"] == "log(y)" else problem["y"]
        data = problem["x"] if isinstance(problem["x"], dict) else {"x": problem["x"]}
        for start in ("start1", "start2"):
            began = time.perf_counter()
            found = sg.curve_fit(problem["model"], data, y, dict(zip(problem["params"], problem[start])))
            figures = [
                _digits(found.parameters.values(), problem["certified"]),
                _digits(found.standard_errors.values(), problem["certified_se"]),
                _digits([found.residual_sum_of_squares], [problem["rss"]]),
            ]
            least = min(least, figures[0]) if found.success else least
            print(f"  {problem['name']:9} {start:6} {found.success!s:7} {figures[0]:10.1f} {figures[1]:7.1f} "
                  f"{figures[2]:8.1f} {found.residual_sum_of_squares:24.15e} {time.perf_counter() - began:8.1f}",
                  flush=True)  # fmt: skip
    print(f"nist: the fewest digits of a parameter where success was said: {least:.1f}")


def _digits(found, certified) -> float:
    """The digits that agree in the worst of the numbers (NIST's log relative error)."""
    found, certified = np.array(list(found), dtype=float), np.array(certified)
    return float(-np.log10(np.maximum(np.abs(found / certified - 1), 1e-15)).min())


def killed() -> None:
    helper = NIST.with_name("killed.py")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(helper), str(Path(folder) / "run.npz"), str(KILLS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    hits, resumed, whole = done.stdout.split("\n")[-4:-1]
    print(f"killed: {hits} times in its course, every checkpoint readable; the end is {resumed[:16]}..., "
          f"uninterrupted {whole[:16]}...: {'the same bits' if resumed == whole else 'DIFFERENT'}")  # fmt: skip


PARTS = {"digits": digits, "logistic": logistic, "mapped": mapped, "nist": nist, "killed": killed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS)
    chosen = parser.parse_args().only
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} cores")
    for name, part in PARTS.items():
        if chosen in (None, name):
            part()


if __name__ == "__main__":
    main()
