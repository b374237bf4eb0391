"""Can a network learn XOR, and can a linear model?

    python examples/xor.py

A network with four hidden units gets all four points right. No linear model can: a Farkas combination of the four
constraints is a proof, and the best cross-entropy of one is log 2, that of guessing.
"""

from __future__ import annotations

import numpy as np

import symgrad as sg

X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([0, 1, 1, 0])


def train(*layers: int, epochs: int = 300, seed: int = 0) -> sg.Fit:
    """A network of these layers, trained on all four points in every step."""
    model = sg.models.mlp(*layers, activation="tanh")
    return sg.fit(model, (X, Y), optimizer=sg.optimizers.adam(0.1), epochs=epochs, batch_size=None, seed=seed)


def main() -> None:
    for layers in ((2, 4, 2), (2, 2)):
        done = train(*layers)
        right = int((done.predict(X).argmax(axis=1) == Y).sum())
        print(f"layers {layers}: loss {done.history[-1].loss:.4f}, {right} of 4 points right")
    print(sg.analysis.separable(X.astype(int).tolist(), Y.tolist()).conclusion)


if __name__ == "__main__":
    main()
