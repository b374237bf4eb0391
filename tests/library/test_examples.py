"""The examples do what their first line asks, on small settings, by the interpreter: nothing is compiled."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.row("E6")
@pytest.mark.slow
def test_xor(example):
    """Four units learn it; the best of a linear model is the cross-entropy of guessing, log 2."""
    xor = example("xor")
    assert (xor.train(2, 4, 2, epochs=120, engine="interpret").predict(xor.X).argmax(axis=1) == xor.Y).all()
    assert xor.train(2, 2, epochs=120, engine="interpret").history[-1].loss == pytest.approx(np.log(2), abs=5e-3)


@pytest.mark.row("E20")
def test_a_network_solves_the_oscillator(example):
    assert example("oscillator").solve(hidden=8, points=16, limit=300) < 1e-3


@pytest.mark.row("E7")
def test_the_error_falls_with_the_width(example):
    found = [example("universal_approximation").error(width, starts=2) for width in (1, 3, 9)]
    assert found[2] < found[1] / 3 < found[0] / 6


@pytest.mark.row("E15")
@pytest.mark.slow
def test_a_variational_autoencoder_of_digits(example, tmp_path):
    """The loss at full weight falls below that of the mean picture; the KL term does not collapse."""
    vae = example("digits_vae")
    X = vae.digits()[:960]
    done = vae.train(X, epochs=24, engine="interpret")
    E, KL = (float(done.compute(name, {"X": X})) for name in ("E", "KL"))
    p = np.clip(X.mean(0), 1e-6, 1 - 1e-6)
    guess = -(X * np.log(p) + (1 - X) * np.log(1 - p)).sum(1).mean()
    assert guess > E + KL and KL > 1  # nats; a collapsed posterior has none
    rows = [X[:8], done.predict(X=X[:8]), vae.sample(done, 8)]
    assert vae.picture(rows, tmp_path / "vae.png").read_bytes().startswith(b"\x89PNG")
    assert rows[2].min() >= 0 and rows[2].max() <= 1


@pytest.mark.row("E14")
@pytest.mark.slow
def test_a_denoising_autoencoder_of_digits(example):
    """On digits it has not seen, what it returns is nearer to them than what it was given."""
    denoising = example("digits_denoising")
    X = denoising.digits()
    done = denoising.train(X[:960], epochs=16, engine="interpret")
    corrupted, clean = denoising.restored(done, X[1500:])
    assert (corrupted == 0).mean() > (X[1500:] == 0).mean() + 0.1
    assert ((clean - X[1500:]) ** 2).mean() < ((corrupted - X[1500:]) ** 2).mean() / 1.5
