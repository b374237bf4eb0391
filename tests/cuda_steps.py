"""A training step written out: a gradient, an update, a counter."""

import numpy as np

STEP = """\
X: input[n, d]
y: input[n]
lr: input
w: parameter[d]
t: state
r[n] = sum[d](X[n,d]*w[d]) - y[n]
L = mean[n](r[n]**2)
g[d] = 2*sum[n](r[n]*X[n,d])/size(n)
t_next = t + 1
w_next[d] = w[d] - lr*g[d]/t_next
outputs: L
updates: w -> w_next, t -> t_next
"""


def start(n=6, seed=0):
    rng = np.random.default_rng(seed)
    return {"X": rng.normal(size=(n, 3)), "y": rng.normal(size=n), "lr": 0.05, "w": np.ones(3), "t": 0.0}
