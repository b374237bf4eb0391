"""A variational autoencoder of handwritten digits: does the KL term survive annealing?

    python examples/digits_vae.py --out vae.png

The weight of the KL term rises from 0 to 1 along a schedule. Printed are loss, reconstruction error and KL; written
is a picture: digits, their reconstructions, samples from the prior.
Kingma and Welling, Auto-encoding variational Bayes (ICLR 2014); Bowman et al. (CoNLL 2016) for the annealing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import symgrad as sg

HIDDEN, CODE = 64, 8


def digits() -> np.ndarray:
    """1797 pictures of 8 x 8 pixels between 0 and 1."""
    from sklearn.datasets import load_digits  # noqa: PLC0415

    return load_digits().data / 16


def train(X: np.ndarray, epochs: int = 60, seed: int = 0, engine: str = "kernel") -> sg.Fit:
    steps = epochs * -(-len(X) // 64)
    model = sg.models.vae(64, HIDDEN, CODE, annealed=True)
    beta = sg.schedules.linear(0, 1, total_iters=steps // 2)
    return sg.fit(
        model, {"X": X}, loss="L", prediction="p", optimizer=sg.optimizers.adam(2e-3), epochs=epochs, seed=seed,
        schedules={"beta": beta}, engine=engine,
    )  # fmt: skip


def sample(done: sg.Fit, count: int, seed: int = 1) -> np.ndarray:
    """Pictures from codes that are drawn from the prior, by the decoder alone."""
    codes = np.random.default_rng(seed).normal(size=(count, CODE))
    decoder = sg.program(sg.models.mlp(CODE, HIDDEN, 64, loss="binary_cross_entropy_with_logits"))
    weights = {n: np.asarray(done.parameters[n[0] + "d" + n[1]], float) for n in ("W1", "b1", "W2", "b2")}
    return decoder.evaluate(X=codes, y=np.zeros((count, 64)), **weights)["p"]  # y is for the loss, which nobody reads


def picture(rows: list[np.ndarray], path: Path) -> Path:
    """One row of 8 x 8 pictures for each array."""
    from symgrad.train.curve import new_figure  # noqa: PLC0415  (loads matplotlib)

    figure, axes = new_figure()
    tiled = np.vstack([np.hstack([np.pad(x.reshape(8, 8), 1) for x in row]) for row in rows])
    axes.imshow(tiled, cmap="gray_r", vmin=0, vmax=1)
    axes.set_axis_off()
    figure.set_size_inches(8, 8 * tiled.shape[0] / tiled.shape[1] + 0.2)
    figure.savefig(path, dpi=120)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("vae.png"))
    arguments = parser.parse_args()
    X = digits()
    done = train(X, arguments.epochs)
    for epoch in done.history[:: max(1, arguments.epochs // 6)]:
        print(f"epoch {epoch.number}: loss {epoch.loss:.3f}")
    E, KL = (float(done.compute(name, {"X": X})) for name in ("E", "KL"))
    print(f"reconstruction {E:.3f}, KL {KL:.3f} nats")
    shown = X[:12]
    rows = [shown, done.predict(X=shown), sample(done, 12)]
    print(f"wrote {picture(rows, arguments.out)}")


if __name__ == "__main__":
    main()
