"""A network that solves u'' = -u on [0, pi/2] with u(0) = 0 and u(pi/2) = 1.

    python examples/oscillator.py

The second derivative of the network by its input stands in the loss, which is then differentiated by the weights.
"""

from __future__ import annotations

import numpy as np

import symgrad as sg

END = np.pi / 2


def solve(hidden: int = 10, points: int = 20, limit: int = 600, seed: int = 0) -> float:
    """The largest error of the trained network against sin(x)."""
    x = np.linspace(0, END, points)
    program = sg.program(sg.models.pinn(hidden=hidden, weight=10.0))
    rng = np.random.default_rng(seed)
    start = {name: rng.normal(size=hidden) for name in ("W1", "b1", "W2")} | {"b2": 0.0}
    data = {"x": x, "x0": np.array([0, END]), "y0": np.array([0.0, 1.0])}
    found = sg.minimize(program, start, "bfgs", data, loss="L", tolerance=1e-6, limit=limit)
    grid = np.linspace(0, END, 101)
    u = np.tanh(np.outer(grid, found["W1"]) + found["b1"]) @ found["W2"] + found["b2"]
    return float(np.abs(u - np.sin(grid)).max())


if __name__ == "__main__":
    print(f"largest error: {solve():.1e}")
