"""The generated text, un-jitted, on programs that nobody wrote: fixed positions, gathers, choices, nested reductions of
every kind. Serial, in chunks and plain, against the interpreter; the kernel's form against the raw one."""

import random
from dataclasses import replace

import numpy as np
import pytest

import symgrad as sg
from symgrad.ir.interpret import interpret
from symgrad.kernels.compiled import Options
from symgrad.kernels.kernel import Kernel

SHAPES = {"a": "", "x": "i", "z": "n", "A": "ni", "B": "ij", "V": "j", "K": "ki"}
EXTENT = {"i": 4, "j": 3, "k": 2, "n": 5}
LABELS = {"i": "t[n]", "k": "u[n]"}  # each names a position of its axis in row n
UNARY = ["{0}", "{0}", "tanh({0})", "sigmoid({0})", "({0})**2", "exp(-({0})**2)", "softplus({0})", "(1 - {0})",
         "1/(2 + ({0})**2)", "relu({0})", "abs({0} + 0.3)"]  # fmt: skip
REDUCTIONS = ["sum", "sum", "sum", "mean", "max", "min", "logsumexp", "prod"]
VARIANTS = ({}, {"parallel": True}, {"share": False, "blas": False})
HEAD = "".join(f"{name}: parameter[{', '.join(axes)}]\n" for name, axes in SHAPES.items()).replace("[]", "")
HEAD += "t: label[n] over i\nu: label[n] over k\n"


class Writer:
    """A text of one to three random equations and a loss."""

    def __init__(self, seed: int):
        self.random, self.tensors = random.Random(seed), dict(SHAPES)

    def text(self) -> str:
        lines, totals = [], []
        for number in range(self.random.randint(1, 3)):
            name, axes = f"q{number}", "".join(sorted(self.random.sample("nijk", self.random.randint(0, 2))))
            lines.append(f"{_read(name, axes)} = {self.sum(axes)}")
            self.tensors[name] = axes
            value = self.unary(_read(name, axes))
            totals.append(f"{self.random.choice(['sum', 'mean'])}[{','.join(axes)}]({value})" if axes else value)
        return "\n".join([*lines, f"L = {' + '.join(totals)}"])

    def sum(self, free: str, depth: int = 0) -> str:
        terms = [self.term(free, depth) for _ in range(self.random.randint(1, 3))]
        return self.random.choice([" + ", " - "]).join(terms)

    def term(self, free: str, depth: int) -> str:
        kind, rest = self.random.random(), [i for i in "nijk" if i not in free]
        if kind < 0.4 and rest and depth < 2:
            index, reduce = self.random.choice(rest), self.random.choice(REDUCTIONS)
            condition = ""
            if reduce == "sum" and free and self.random.random() < 0.3:
                condition = f", {index} {self.random.choice(['<=', '!=', '=='])} {self.random.choice(free)}"
            return f"{reduce}[{index}{condition}]({self.sum(free + index, depth + 1)})"
        if kind < 0.5 and free:
            index, relation = self.random.choice(free), self.random.choice(["==", "<", ">"])
            return f"where({index} {relation} {self.random.randrange(3)}, {self.product(free)}, {self.product(free)})"
        if kind < 0.6 and "i" in free:
            return f"where(i > 0, x[i-1], {self.product(free)})"
        return self.product(free)

    def product(self, free: str) -> str:
        return "*".join(self.unary(self.read(free)) for _ in range(self.random.randint(1, 3)))

    def unary(self, value: str) -> str:
        return self.random.choice(UNARY).format(value)

    def read(self, free: str) -> str:
        name = self.random.choice(list(self.tensors))
        return _read(name, [self.position(axis, free) for axis in self.tensors[name]])

    def position(self, axis: str, free: str) -> str:
        kind = self.random.random()
        if axis in free and kind < 0.75:
            return axis
        if axis in LABELS and "n" in free and kind < 0.9:
            return LABELS[axis]
        return str(self.random.randrange(EXTENT[axis]))


def _read(name: str, positions) -> str:
    return f"{name}[{','.join(positions)}]" if len(positions) else name


def arrays(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    found = {n: rng.normal(size=tuple(EXTENT[i] for i in axes)) for n, axes in SHAPES.items()}
    return found | {"t": rng.integers(0, 4, 5), "u": rng.integers(0, 2, 5)}


def wrong(found, expected) -> list[str]:
    """Names that differ: sums of some hundred terms in another order."""
    scales = {n: max(1.0, float(np.abs(v).max(initial=0))) for n, v in expected.items()}
    return [n for n, v in expected.items() if not np.allclose(found[n], v, rtol=1e-9, atol=1e-9 * scales[n])]


def hold(text: str, seed: int) -> None:
    data = arrays(seed)
    gradient = sg.program(HEAD + text).gradient("L")
    expected = interpret(gradient.raw, data)
    assert wrong(interpret(gradient.kernel, data), expected) == [], text
    for options in VARIANTS:
        kernel = Kernel(gradient.kernel.prune(), Options("float64", **options), gradient.kernel)
        assert wrong(kernel.run_python(**data), expected) == [], f"{options}\n{text}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9))
def test_random_programs(seed):
    hold(Writer(seed).text(), seed)


def test_a_kernel_that_leaves_out_a_term_is_found():
    """The negative control: of each equation with several terms, one is missing in turn."""
    text, data = FOUND["soft decision tree"], arrays(7)
    system = sg.program(HEAD + text).gradient("L").kernel
    expected = interpret(system, data)
    several = [eq for eq in system.prune().equations if len(eq.terms) > 1]
    for eq in several:
        less = [replace(e, terms=e.terms[1:]) if e is eq else e for e in system.equations]
        kernel = Kernel(system.with_equations(less).prune(), Options("float64"), system)
        assert wrong(kernel.run_python(**data), expected), eq.tensor
    assert several


FOUND = {
    # two terms of one equation at fixed positions, which are ready at different times
    "soft decision tree": "g[n,k] = sigmoid(sum[i](K[k,i]*A[n,i]))\n"
    "p[n] = g[n,0]*(g[n,1]*V[0] + (1 - g[n,1])*V[1]) + (1 - g[n,0])*z[n]\nL = mean[n]((p[n] - x[t[n]])**2)",
    # a row's loop that adds to what all rows share, with a function inside: tiles
    "sum over rows": "q[i] = sum[j,n](where(i > 0, sin(K[u[n],i])*abs(V[j] + 0.3), sin(A[n,i])))\nL = sum[i](q[i]**2)",
    # a condition on sizes only around the rows of a group that runs in chunks
    "condition on a size": "q[j,k] = where(j == 1, z[0]*softplus(V[1]), x[3])*K[k,0]\n"
    "L = sum[n](z[n]) + sum[j,k]((1 - q[j,k])*K[k,0])",
    # a cell that is written only where a position lies inside its axis
    "position beyond the axis": "q[k] = where(k == 2, x[1]*tanh(K[k,1]), a)\nL = sum[k](q[k]**2)",
    "product beyond the axis": "q[j] = sum[i](where(j == 3, tanh(A[1,i])*sigmoid(x[i])*(1 - a), x[i]))*z[0]\n"
    "L = sum[j](q[j]**2)",
    # nothing that is read has the size of k
    "unread size": "q[j] = prod[k](B[1,j] + a*B[2,j])\nL = sum[j](1/(2 + q[j]**2))",
    # a summed index that a condition shortens, beside conditions on what is read there
    "shortened sum": "e[j,i] = exp(-B[i,j]**2)\n"
    "L = sum[k,n,j, j == k](where(k > 0, z[0]*tanh(K[k,t[n]])*e[j,t[n]], 0))",
    # a maximum over rows whose loop is outside
    "extreme": "q[j,n] = max[i](where(n > 1, tanh(z[n]), B[i,j]) + where(n < 2, abs(B[i,j]), K[u[n],i])) + z[n]\n"
    "L = mean[j,n](sin(q[j,n]))",
    # two groups add to one matrix: none may move before what sets it to 0
    "filled once": "q = sum[n](sin(V[2])*abs(B[t[n],2] + 0.3) - max[k](K[k,t[n]]*x[t[n]]*A[2,t[n]]"
    " + 1/(2 + a**2)*tanh(V[0]) + where(k == 2, sin(z[n])*x[t[n]]*relu(V[2]), B[t[n],0]))) + (1 - z[1])\nL = q",
    # a logsumexp at a position that is read
    "shift at a label": "q[i] = logsumexp[k](K[k,i]*x[i])\nL = sum[n](q[t[n]] - K[1,t[n]]*x[t[n]])",
}


@pytest.mark.parametrize("name", FOUND)
def test_programs_that_once_failed(name):
    hold(FOUND[name], 7)
