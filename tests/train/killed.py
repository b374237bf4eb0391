"""Run by test_checkpoint: a training run is killed (SIGKILL) at random moments and resumed, over and over.

Arguments: the checkpoint, the number of kills. Prints how many kills hit a run, then the digest of the end.
"""

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import symgrad as sg
from symgrad.train import checkpoint

LINE = "X: input[n, d]\ny: input[n]\nw: parameter[d]\nb: parameter\nL = mean[n]((sum[d](X[n,d]*w[d]) + b - y[n])**2)"
RNG = np.random.default_rng(0)
DATA = (RNG.standard_normal((24, 3)), RNG.standard_normal(24))
EPOCHS = 200


def train(path: Path | None) -> sg.Fit:
    options = {
        "epochs": EPOCHS,
        "batch_size": 10,
        "optimizer": "adam",
        "engine": "interpret",
        "monitor": "validation_loss",
    }
    return sg.fit(LINE, DATA, validation=0.25, checkpoint=path, resume=True, **options)


def digest(fit: sg.Fit) -> str:
    """All bits of the parameters and of the history (but the seconds)."""
    found = hashlib.sha256()
    for name, array in sorted(fit.parameters.items()):
        found.update(name.encode() + np.asarray(array).tobytes())
    found.update(repr([(e.number, e.loss, e.validation_loss) for e in fit.history]).encode())
    return found.hexdigest()


def killed_at(path: Path, seconds: float) -> bool:
    child = os.fork()
    if child == 0:
        train(path)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(path: Path, kills: int) -> None:
    draw = random.Random(1)
    hits, seen = 0, 0
    while hits < kills:
        hits += killed_at(path, draw.uniform(0.01, 0.09))
        if path.exists():
            done = checkpoint.read(path)[0]["done"]  # readable, whatever was going on
            assert done >= seen, "a checkpoint was lost"
            seen = done
            if done >= EPOCHS // 2:
                print(f"restarted after epoch {done}")
                path.unlink()
                seen = 0
    print(hits)
    print(digest(train(path)))
    print(digest(train(None)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
