"""Hand-made systems and equations that the typesetting tests print."""

from __future__ import annotations

from dataclasses import dataclass

from symgrad.ir.access import Access, Index, Size
from symgrad.ir.system import Range, Step, System, Tensor, Term

n, d, k, j, s, t, i = map(Index, "ndkjsti")
N, D, K, J, T, V, I = map(Size, "NDKJTVI")
A = Access


def tensor(name: str, *shape, letters: str = "", **kw) -> Tensor:
    return Tensor(name, shape, letters=tuple(letters or (str(x).lower() for x in shape)), **kw)


def ranges(**sizes) -> tuple[Range, ...]:
    return tuple(Range(Index(name), size) for name, size in sizes.items())


def term(write, body, *guard, **sizes) -> Term:
    return Term(tuple(write), body, ranges(**sizes), tuple(guard))


@dataclass(frozen=True)
class FakeRule:
    """What typeset needs of a calculus rule."""

    name: str
    cite: str = ""


TENSORS = (
    tensor("X", N, D, role="input"),
    tensor("Y", N, K, role="input"),
    tensor("W", D, K, role="parameter"),
    tensor("b", K, role="parameter"),
    tensor("E", V, J, role="parameter"),
    tensor("tok", N, role="input", dtype="int", over=V),
    tensor("y", N, role="input", dtype="int", over=K),
    tensor("mask", N, role="input", dtype="bool"),
    tensor("mu", D, role="parameter"),
    tensor("beta1", role="input"),
    tensor("x", T, letters="t", role="input"),
    tensor("w", K, letters="k", role="parameter"),
    tensor("g", I + J, letters="i"),
    tensor("z", N, K),
    tensor("z1", N, K),
    tensor("p", N, K),
    tensor("q", N, K, label=r"\operatorname{softmax}_{k}(z)", named=False),
    tensor("v_1", N, named=False),
    tensor("m", N),
    tensor("a", N, dtype="int"),
    tensor("o", T, letters="t"),
    tensor("w_next", D, letters="d"),
    tensor("W1_bar", D, K),
    tensor("H", D, D, letters="dd"),
    tensor("L"),
    tensor("dL_dW", D, K),
    tensor("dL_dz", N, K),
    tensor("dL_dE", V, J),
    tensor("dz_dmu", N, K, D, letters="nkd"),
    tensor("d2L_dmu_dmu", D, D, letters="dd"),
)


def system(*equations, outputs=("L",), log: tuple[Step, ...] = ()) -> System:
    """All the tensors above, whatever the equations write: printing asks for no invariants."""
    return System({t.name: t for t in TENSORS}, tuple(equations), outputs, log=log)


EMPTY = system()
