"""Checkpoints: a run that was killed, interrupted or stopped goes on bit for bit; errors of the disk lose nothing."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import DataError, SymgradError
from symgrad.library.models import mlp
from symgrad.library.optimizers import adam, sgd
from symgrad.train import checkpoint, files

RNG = np.random.default_rng(3)
Y = RNG.integers(0, 3, 60)
BLOBS = (RNG.standard_normal((60, 4)) + 2 * np.eye(3, 4)[Y], Y)


def run(path=None, epochs=6, resume=True, **options):
    options = {"optimizer": adam(0.02), "batch_size": 16, "validation": 0.2, "engine": "interpret"} | options
    return sg.fit(mlp(4, 5, 3), BLOBS, epochs=epochs, checkpoint=path, resume=resume, **options)


def same(a, b):
    assert [e[:4] for e in a.history] == [e[:4] for e in b.history]
    for name in a.parameters:
        assert np.array_equal(a.parameters[name], b.parameters[name]), name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_thirty_times_no_unreadable_checkpoint_and_the_same_bits(tmp_path):
    helper = Path(__file__).with_name("killed.py")
    command = [sys.executable, str(helper), str(tmp_path / "run.npz"), "30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    hits, resumed, uninterrupted = done.stdout.split("\n")[-4:-1]
    assert int(hits) == 30
    assert resumed == uninterrupted


@pytest.mark.parametrize("options", [{}, {"monitor": "validation_loss"}, {"accumulate": 2}], ids=str)
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, options):
    path = tmp_path / "run"
    run(path, epochs=2, **options)
    resumed = run(path, epochs=6, **options)
    same(resumed, run(epochs=6, **options))
    assert resumed.best_epoch == run(epochs=6, **options).best_epoch


def test_the_kernel_resumes_bit_for_bit(tmp_path):
    path = tmp_path / "run"
    def line(path=None, epochs=3):
        text = "X: input[n, d]\ny: label[n] over 3\nw: parameter[d]\nL = mean[n]((sum[d](X[n,d]*w[d]) - y[n])**2)"
        return sg.fit(text, BLOBS, epochs=epochs, checkpoint=path, resume=True, batch_size=16)

    line(path, epochs=1)
    same(line(path), line())


def test_a_checkpoint_is_a_fit(tmp_path):
    done = run(tmp_path / "run", epochs=2)
    loaded = sg.Fit.load(tmp_path / "run.npz", mlp(4, 5, 3))
    same(done, loaded)


def test_an_interrupt_ends_between_steps_and_keeps_the_last_epoch(tmp_path):
    """Ctrl-C in the third epoch: two epochs are on the disk, and the run goes on from there."""
    path = tmp_path / "run.npz"

    def press(epoch, fit):
        if epoch.number == 2:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = run(path, callbacks=press)
    assert stopped.stopped == "interrupted" and len(stopped.history) == 2
    assert checkpoint.read(path)[0]["done"] == 2
    same(run(path), run())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_keyboard_interrupt_in_a_callback_returns_the_fit():
    def press(epoch, fit):
        raise KeyboardInterrupt

    assert len(run(callbacks=press).history) == 1


def test_an_existing_file_is_not_overwritten_and_other_settings_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    run(path, epochs=1)
    with pytest.raises(SymgradError, match="exists: pass resume=True to go on from it"):
        run(path, resume=False)
    with pytest.raises(SymgradError, match="holds a run with batch_size = 16; this one has 8"):
        run(path, batch_size=8)
    with pytest.raises(SymgradError, match="holds a run with optimizer"):
        run(path, optimizer=sgd(0.1))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="is not a saved fit"):
        run(path)


def test_a_full_disk_says_so_and_keeps_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    run(path, epochs=1)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(SymgradError, match=r"could not be written: No space left.* The older file there is whole"):
        run(path, epochs=2)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]  # no temporary file is left
    same(run(path, epochs=3), run(epochs=3))


def test_what_a_full_disk_cuts_short_is_thrown_away(tmp_path):
    """The limit on a file's size stops a write in its middle, as a full disk does."""
    fit, path = run(tmp_path / "run.npz", epochs=1), tmp_path / "run.npz"
    fit.export(tmp_path / "model")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SymgradError, match=r"run.npz could not be written: File too large.* The older file"):
            run(path, epochs=2)
        with pytest.raises(SymgradError, match=r"model could not be written: File too large.* The earlier export"):
            fit.export(tmp_path / "model")
        with pytest.raises(SymgradError, match=r"fit.png could not be written: File too large"):
            fit.plot(tmp_path / "fit.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    same(run(path, epochs=3), run(epochs=3))


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SymgradError, match="could not be written"):
        run(tmp_path / "file" / "run.npz", epochs=1)
