"""A denoising autoencoder of handwritten digits: is what it returns nearer to the digit than what it was given?

    python examples/digits_denoising.py --out denoised.png

A share of the pixels is set to 0 in the model, by noise that is drawn for each example and epoch. Written is a picture:
digits, the same corrupted, and restored. Vincent et al., Stacked denoising autoencoders, JMLR 11 (2010).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from digits_vae import digits, picture

import symgrad as sg

LEVEL = 0.3


def train(X: np.ndarray, epochs: int = 40, seed: int = 0) -> sg.Fit:
    model = sg.models.denoising_autoencoder(64, 48, noise="masking", level=LEVEL)
    return sg.fit(model, {"X": X}, optimizer=sg.optimizers.adam(3e-3), epochs=epochs, seed=seed)


def restored(done: sg.Fit, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the corrupted pictures, what the network makes of them): the noise of one seed is the same in both."""
    return done.compute("V", {"X": X}), done.predict(X=X)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("denoised.png"))
    arguments = parser.parse_args()
    X = digits()
    done = train(X[:1500], arguments.epochs)
    corrupted, clean = restored(done, X[1500:])
    for name, found in (("corrupted", corrupted), ("restored", clean)):
        print(f"{name}: mean squared error {((found - X[1500:]) ** 2).mean():.4f}, on digits it has not seen")
    print(f"wrote {picture([X[1500:1512], corrupted[:12], clean[:12]], arguments.out)}")


if __name__ == "__main__":
    main()
