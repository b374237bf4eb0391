"""How does the error of one hidden layer fall with its width?

    python examples/universal_approximation.py

One hidden layer of tanh units is fitted to a continuous function on [0, 1] by Newton's method, from units whose steps
are spread over the interval (first-order methods crawl here: the units are nearly collinear); the best of a few starts
is kept.
Cybenko, Approximation by superpositions of a sigmoidal function, Math. Control Signals Systems 2 (1989).
"""

from __future__ import annotations

import numpy as np

import symgrad as sg

MODEL = """\
x, y: input[n]
W1, b1, W2: parameter[h]
b2: parameter
p[n] = sum[h](W2[h]*tanh(W1[h]*x[n] + b1[h])) + b2
L = mean[n]((p[n] - y[n])**2)
outputs: L"""


def target(x: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * x) + np.abs(x - 0.5)


def error(width: int, starts: int = 3, points: int = 64) -> float:
    """The root mean square error of the best of some starts."""
    x = np.linspace(0, 1, points)
    data = {"x": x, "y": target(x)}
    return min(_fitted(width, data, seed) for seed in range(starts)) ** 0.5


def _fitted(width: int, data: dict, seed: int) -> float:
    rng = np.random.default_rng(seed)
    slope = rng.uniform(2, 4 * width + 2, width)
    middle = (np.arange(width) + rng.uniform(size=width)) / width
    start = {"W1": slope, "b1": -slope * middle, "W2": rng.normal(size=width) / width, "b2": 0.0}
    program = sg.program(MODEL, sizes={"h": width})
    return float(sg.minimize(program, start, "newton", data, tolerance=1e-9, limit=200).fun)


if __name__ == "__main__":
    for width in (1, 2, 4, 8, 16):
        print(f"{width:3} units: error {error(width):.1e}")
