"""Layers as programs: the input `X`, the parameters, the output `Y` (`h`, `c` for recurrent cells).

Each is a text for `sg.program`; `program.call(layer, rename={...})` puts one behind another. A letter in brackets is a
size that stays open. Gradients of any of them: `sg.program(text).vjp("Y", "X")`.

    n example, d feature in, h feature out, t s position in a sequence, c channel in, o channel out, i j a b place
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import UnknownNameError
from .numbers import whole
from .recurrent import cell, recurrent

__all__ = ["LAYERS", "cell", "conv", "pool", "recurrent"]

LAYERS: Mapping[str, str] = {
    # one example
    "dense": """\
X: input[d]
W: parameter[h, d]
b: parameter[h]
Y[h] = sum[d](W[h,d]*X[d]) + b[h]""",
    "batched_dense": """\
X: input[n, d]
W: parameter[d, h]
b: parameter[h]
Y[n,h] = sum[d](X[n,d]*W[d,h]) + b[h]""",
    # inverted dropout: Srivastava et al., JMLR 15 (2014), section 10; `program.at(rate=0)` is evaluation
    "dropout": """\
X: input[n, d]
u: noise[n, d], uniform
rate: input
Y[n,d] = where(u[n,d] < rate, 0, X[n,d]/(1 - rate))""",
    # He et al., Deep residual learning, CVPR 2016, eq. 1
    "residual": """\
X: input[n, d]
W: parameter[d, h]
b: parameter[h]
V: parameter[h, d]
a[n,h] = relu(sum[d](X[n,d]*W[d,h]) + b[h])
Y[n,d] = X[n,d] + sum[h](a[n,h]*V[h,d])""",
    # Ioffe and Szegedy, Batch normalization, ICML 2015, Algorithm 1
    "batch_norm": """\
X: input[n, d]
gamma, beta: parameter[d]
eps: input, positive
mu[d] = mean[n](X[n,d])
v[d] = mean[n]((X[n,d] - mu[d])**2)
x_hat[n,d] = (X[n,d] - mu[d])/sqrt(v[d] + eps)
Y[n,d] = gamma[d]*x_hat[n,d] + beta[d]""",
    # with running averages; torch's momentum 0.1, which keeps the unbiased variance; zeros at the start
    "batch_norm_training": """\
X: input[n, d]
gamma, beta: parameter[d]
eps, momentum: input, positive
running_mu, running_v: state[d]
mu[d] = mean[n](X[n,d])
v[d] = mean[n]((X[n,d] - mu[d])**2)
x_hat[n,d] = (X[n,d] - mu[d])/sqrt(v[d] + eps)
Y[n,d] = gamma[d]*x_hat[n,d] + beta[d]
running_mu_next[d] = (1 - momentum)*running_mu[d] + momentum*mu[d]
running_v_next[d] = (1 - momentum)*running_v[d] + momentum*v[d]*size(n)/(size(n) - 1)
updates: running_mu -> running_mu_next, running_v -> running_v_next
outputs: Y""",
    # Ioffe and Szegedy, Algorithm 2: the averages are fixed
    "batch_norm_inference": """\
X: input[n, d]
gamma, beta: parameter[d]
eps: input, positive
running_mu: input[d]
running_v: input[d], positive
Y[n,d] = gamma[d]*(X[n,d] - running_mu[d])/sqrt(running_v[d] + eps) + beta[d]""",
    # Ba, Kiros, Hinton, Layer normalization, 2016, eq. 4
    "layer_norm": """\
X: input[n, d]
gamma, beta: parameter[d]
eps: input, positive
mu[n] = mean[d](X[n,d])
v[n] = mean[d]((X[n,d] - mu[n])**2)
x_hat[n,d] = (X[n,d] - mu[n])/sqrt(v[n] + eps)
Y[n,d] = gamma[d]*x_hat[n,d] + beta[d]""",
    # Zhang and Sennrich, Root mean square layer normalization, NeurIPS 2019, eq. 4
    "rms_norm": """\
X: input[n, d]
gamma: parameter[d]
eps: input, positive
r[n] = sqrt(mean[d](X[n,d]**2) + eps)
Y[n,d] = gamma[d]*X[n,d]/r[n]""",
    # Mikolov et al., 2013: a row for each token
    "embedding": """\
x: label[n, t] over v
E: parameter[v, d]
Y[n,t,d] = E[x[n,t],d]""",
    # Elman, Finding structure in time, Cognitive Science 14 (1990)
    "rnn_cell": cell("rnn"),
    # Hochreiter and Schmidhuber 1997 with the forget gate of Gers, Schmidhuber, Cummins 2000
    "lstm_cell": cell("lstm"),
    # Cho et al., EMNLP 2014
    "gru_cell": cell("gru"),
    # Vaswani et al., Attention is all you need, NeurIPS 2017, eq. 1
    "attention": """\
Q: input[n, t, d]
K: input[n, s, d]
V: input[n, s, h]
A[n,t,s] = softmax[s](sum[d](Q[n,t,d]*K[n,s,d])/sqrt(size(d)))
Y[n,t,h] = sum[s](A[n,t,s]*V[n,s,h])""",
}

_PLACES, _TAPS, _OUT = "ij", "ab", "pq"  # letters of a place in the input, in the kernel, in the output


def conv(axes: int = 2, stride: int = 1, padding: int = 0) -> str:
    """A convolution (a correlation, as in torch) over one or two axes, from channels `c` to channels `o`.

    `Y[n,o,p,q] = sum_cab Z[n,c,stride*p+a,stride*q+b] W[o,c,a,b] + bias[o]`, where `Z` is `X` with `padding` zeros on
    every side. LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86 (1998).

    >>> print(conv(1, stride=2, padding=1))
    X: input[n, c, i]
    W: parameter[o, c, a]
    bias: parameter[o]
    Z[n,c,i+1] = X[n,c,i]
    Z[n,c,size(i)+1] = 0
    Y[n,o,p] = sum[c,a](Z[n,c,2*p+a]*W[o,c,a]) + bias[o]
    """
    whole(1, axes=axes, stride=stride)
    places, taps, out = _PLACES[:axes], _TAPS[:axes], _OUT[:axes]
    lines = [f"X: input[n, c, {', '.join(places)}]", f"W: parameter[o, c, {', '.join(taps)}]", "bias: parameter[o]"]
    lines += padded("Z", "X", list(places), padding)
    source = "Z" if whole(0, padding=padding) else "X"
    at = ",".join(f"{stride}*{p}+{a}" if stride > 1 else f"{p}+{a}" for p, a in zip(out, taps))
    body = f"sum[c,{','.join(taps)}]({source}[n,c,{at}]*W[o,c,{','.join(taps)}])"
    return "\n".join([*lines, f"Y[n,o,{','.join(out)}] = {body} + bias[o]"])


def padded(name: str, source: str, places: list[str], padding: int, sizes: list[int] | None = None) -> list[str]:
    """Lines that define `name` as `source` with zeros around it: one write inside, and a zero in the last corner,
    which says how far it reaches. Nothing where `padding` is 0."""
    if not padding:
        return []
    last = [f"size({i})+" for i in places] if sizes is None else [f"{size}+" for size in sizes]
    ends = [f"{size}{2 * padding - 1}" for size in last]
    inside = ",".join(f"{i}+{padding}" for i in places)
    return [f"{name}[n,c,{inside}] = {source}[n,c,{','.join(places)}]", f"{name}[n,c,{','.join(ends)}] = 0"]


def pool(kind: str = "max", axes: int = 2, width: int = 2, stride: int | None = None) -> str:
    """Pooling without padding: the largest entry (`max`) or the `mean` of each window; a stride defaults to the width.

    >>> print(pool("mean", axes=1))
    X: input[n, c, i]
    Y[n,c,p] = mean[a, a < 2](X[n,c,2*p+a])
    """
    if kind not in ("max", "mean"):
        raise UnknownNameError(f"{kind} is not a pooling; there are max, mean.")
    whole(1, axes=axes, width=width)
    step = whole(1, stride=width if stride is None else stride)
    places, taps, out = _PLACES[:axes], _TAPS[:axes], _OUT[:axes]
    guards = ", ".join(f"{a} < {width}" for a in taps)
    at = ",".join(f"{step}*{p}+{a}" if step > 1 else f"{p}+{a}" for p, a in zip(out, taps))
    body = f"{kind}[{','.join(taps)}, {guards}](X[n,c,{at}])"
    return f"X: input[n, c, {', '.join(places)}]\nY[n,c,{','.join(out)}] = {body}"
