"""Recurrent cells, one step or a whole sequence: what the gates are, and what follows from them.

The equations are torch's (RNNCell, LSTMCell, GRUCell) with one bias for each gate, where torch adds two. The gates are
i f g o of an LSTM, r z of a GRU, whose reset gate stands behind the product.
"""

from __future__ import annotations

from ..errors import UnknownNameError
from .numbers import whole

Size = int | str

GATES = {
    "rnn": {"": "tanh"},
    "lstm": {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid"},
    "gru": {"r": "sigmoid", "z": "sigmoid"},
}
STATES = {  # what follows from the gates, at the place `at`; hp and cp are h and c one step before
    "rnn": ["h[{at},m] = {gate}"],
    "lstm": ["c[{at},m] = f[{at},m]*cp[{at},m] + i[{at},m]*g[{at},m]", "h[{at},m] = o[{at},m]*tanh(c[{at},m])"],
    "gru": [
        "u[{at},m] = tanh(sum[d](X[{at},d]*Wn[d,m]) + bn[m] + r[{at},m]*(sum[j](hp[{at},j]*Un[j,m]) + cn[m]))",
        "h[{at},m] = (1 - z[{at},m])*u[{at},m] + z[{at},m]*hp[{at},m]",
    ],
}


def cell(kind: str = "lstm", features: Size = "d", hidden: Size = "h") -> str:
    """One step: the next output `h` (of an lstm also the cell `c`) from `X[n,d]` and the ones before, `h0` and `c0`.

    `kind` is rnn, lstm or gru.

    >>> print(cell("rnn"))
    X: input[n, d]
    h0: input[n, h]
    W: parameter[d, h]
    U: parameter[h, h]
    b: parameter[h]
    h[n,m] = tanh(sum[d](X[n,d]*W[d,m]) + sum[j](h0[n,j]*U[j,m]) + b[m])
    outputs: h
    """
    lines = [*_declared(kind, "n", features, hidden, start=True), *_equations(kind, "n")]
    return _with_outputs(kind, [line.replace("hp[", "h0[").replace("cp[", "c0[") for line in lines])


def recurrent(cell: str = "lstm", features: Size = "d", hidden: Size = "h", start: bool = True) -> str:
    """A recurrent layer over the sequences `X[n,t,d]`: its outputs `h[n,t,m]`, of an lstm also its cells `c[n,t,m]`.

    `cell` is rnn, lstm or gru. With `start` the values before the first step are the inputs `h0` (and `c0`), without
    they are 0. Elman 1990; Hochreiter and Schmidhuber 1997; Cho et al. 2014.

    >>> print(recurrent("rnn", start=False))
    X: input[n, t, d]
    W: parameter[d, h]
    U: parameter[h, h]
    b: parameter[h]
    hp[n,t,m] = where(t > 0, h[n,t-1,m], 0)
    h[n,t,m] = tanh(sum[d](X[n,t,d]*W[d,m]) + sum[j](hp[n,t,j]*U[j,m]) + b[m])
    outputs: h
    """
    return _with_outputs(cell, recurrence(cell, features, hidden, start))


def recurrence(cell: str, features: Size, hidden: Size, start: bool) -> list[str]:
    """The lines of `recurrent`, without its outputs."""
    declared = _declared(cell, "n, t", features, hidden, start)
    before = [f"{s}p[n,t,m] = where(t > 0, {s}[n,t-1,m], {f'{s}0[n,m]' if start else 0})" for s in _kept(cell)]
    return [*declared, *before, *_equations(cell, "n,t")]


def _kept(kind: str) -> str:
    """The states that go from step to step."""
    return "hc" if kind == "lstm" else "h"


def _with_outputs(kind: str, lines: list[str]) -> str:
    return "\n".join([*lines, f"outputs: {', '.join(_kept(kind))}"])


def _declared(kind: str, at: str, features: Size, hidden: Size, start: bool) -> list[str]:
    if kind not in GATES:
        raise UnknownNameError(f"{kind} is not a recurrent cell; there are {', '.join(GATES)}.")
    for name, size in {"features": features, "hidden": hidden}.items():
        if isinstance(size, int):
            whole(1, **{name: size})
    letters = [*GATES[kind], "n"] if kind == "gru" else [*GATES[kind]]
    named = {kind: ", ".join(f"{kind}{letter}" for letter in letters) for kind in "WUb"}
    states = ", ".join(f"{name}0" for name in _kept(kind))
    return [
        f"X: input[{at}, {features}]", *[f"{states}: input[n, {hidden}]"] * start,
        f"{named['W']}: parameter[{features}, {hidden}]", f"{named['U']}: parameter[{hidden}, {hidden}]",
        f"{named['b']}{', cn' * (kind == 'gru')}: parameter[{hidden}]",
    ]  # fmt: skip


def _equations(kind: str, at: str) -> list[str]:
    inward = {
        gate: f"{squash}(sum[d](X[{at},d]*W{gate}[d,m]) + sum[j](hp[{at},j]*U{gate}[j,m]) + b{gate}[m])"
        for gate, squash in GATES[kind].items()
    }
    gates = [f"{gate}[{at},m] = {value}" for gate, value in inward.items() if gate]
    return [*gates, *(line.format(at=at, gate=inward.get("")) for line in STATES[kind])]
