"""Matrix notation out: the text, and what it is worth when it is read again as matrices (all sizes are 3)."""

import random
import re

import numpy as np
import pytest

import symgrad as sg
from symgrad.typeset.matrix import matrix_equation

SIZE = 3
TOKENS = re.compile(r"\\[a-zA-Z]+|\^\{\\top\}|\^\{\\odot \d\}|\^\{2\}|_F|\d+|[A-Za-z]|[-+(){}|]")


class Reader:
    """Reads the printed right sides: sums, juxtaposition, \\odot, transposes, diag, tr, norms; vectors are columns."""

    def __init__(self, text: str, values: dict):
        self.tokens = TOKENS.findall(text.replace(r"\left", "").replace(r"\right", ""))
        self.values = values

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, wanted: str = "") -> str:
        assert not wanted or self.peek() == wanted, (wanted, self.tokens)
        return self.tokens.pop(0)

    def total(self):
        sign = -1 if self.peek() == "-" and self.take() else 1
        value = sign * self.hadamard()
        while self.peek() in ("+", "-"):
            value = value + (1 if self.take() == "+" else -1) * self.hadamard()
        return value

    def hadamard(self):
        value = self.product()
        while self.peek() == r"\odot":
            self.take()
            value = value * self.product()
        return value

    def product(self):
        value = self.factor()
        while self.peek() and self.peek() not in ("+", "-", ")", "}", r"\odot", r"\rVert"):
            other = self.factor()
            scalar = np.ndim(value) == 0 or np.ndim(other) == 0
            value = value * other if scalar else value @ other
        return value

    def factor(self):
        value = self.atom()
        while self.peek().startswith("^"):
            mark = self.take()
            value = value.T if "top" in mark else value ** int(re.findall(r"\d", mark)[0])
        return value

    def group(self, opening: str, closing: str):
        self.take(opening)
        value = self.total()
        self.take(closing)
        return value

    def atom(self):
        token = self.peek()
        if token == "(":
            return self.group("(", ")")
        self.take()
        if token == r"\frac":
            return self.group("{", "}") / self.group("{", "}")
        if token == r"\mathbf":
            self.group("{", "}")
            return np.ones((SIZE, 1))
        if token == r"\operatorname":
            word = "".join(iter(lambda: self.take() if self.peek() not in ("{", "}") else "", "")) or self.word()
            inner = self.group("(", ")")
            return np.trace(inner) if word == "tr" else np.diag(inner[:, 0])
        if token == r"\lVert":
            inner = self.total()
            self.take(r"\rVert")
            if self.peek() == "_F":
                self.take()
            return np.sqrt((inner**2).sum()) if self.peek() else None
        if token == r"\tanh":
            return np.tanh(self.group("(", ")"))
        return float(token) if token.isdigit() else self.values[token]

    def word(self) -> str:
        self.take("{")
        letters = ""
        while self.peek() != "}":
            letters += self.take()
        self.take("}")
        return letters


def value(text: str, arrays: dict) -> np.ndarray:
    columns = {n: a.reshape(SIZE, 1) if a.ndim == 1 else a for n, a in arrays.items()}
    columns |= {"I": np.eye(SIZE), "N": float(SIZE)}
    found = np.asarray(Reader(text, columns).total())
    return found.reshape(()) if found.size == 1 else found


RANK = {"A": 2, "B": 2, "C": 2, "u": 1, "v": 1, "w": 1}
DECLARED = "A, B, C: input[n, n]\nu, v, w: input[n]\n"


def checked(line: str) -> str | None:
    """The matrix form of the line, after its worth has been compared with the interpreter's."""
    program = sg.program(DECLARED + line)
    system = program.display.prune()
    text = matrix_equation(system.equations[-1], system) if len(system.equations) == 1 else None
    if text is None:
        return None
    rng = np.random.default_rng(3)
    arrays = {n: rng.normal(size=(SIZE,) * r) for n, r in RANK.items()}
    expected = program.evaluate(**{n: arrays[n] for n in (t.name for t in system.declared())})["y"]
    expected = expected.reshape(SIZE, 1) if expected.ndim == 1 else expected
    assert value(text.split(" = ", 1)[1], arrays) == pytest.approx(expected, rel=1e-12), (line, text)
    return text


@pytest.mark.parametrize("line, text", [
    ("y[i,k] = sum[j](A[i,j]*B[j,k])", "A B"),
    ("y[i,k] = sum[j](A[j,i]*B[k,j])", r"A^{\top} B^{\top}"),
    ("y[i] = sum[j](A[i,j]*u[j])", "A u"),
    ("y[i,k] = sum[j](A[i,j]*u[j]*B[j,k])", r"A \operatorname{diag}(u) B"),
    ("y[i,j] = u[i]*v[j]", r"u v^{\top}"),
    ("y[i,j] = A[i,j]*B[j,i]", r"A \odot B^{\top}"),
    ("y = sum[i,j](A[i,j]*B[i,j])", r"\operatorname{tr}(A^{\top} B)"),
    ("y = sum[i,j,k](A[i,j]*B[j,k]*C[k,i])", r"\operatorname{tr}(A B C)"),
    ("y = sum[i,j](u[i]*A[i,j]*v[j])", r"u^{\top} A v"),
    ("y = sum[i,j](A[i,j])", r"\mathbf{1}^{\top} A \mathbf{1}"),
    ("y = sum[i,j](A[i,j]**2)", r"\left\lVert A \right\rVert_F^{2}"),
    ("y[i,j] = A[i,j] + u[i]", r"u \mathbf{1}^{\top} + A"),
    ("y[i] = mean[j](A[i,j]*(u[j] - v[j]))", r"\frac{1}{N} A (u - v)"),
    ("y[i] = sum[j](u[i]*A[i,j]*tanh(v[j]))", r"u \odot A \tanh(v)"),
])  # fmt: skip
def test_forms(line, text):
    assert checked(line) == f"y = {text}"


@pytest.mark.parametrize("line", [
    "y[i] = sum[j, j <= i](A[i,j]*u[j])", "y[i] = A[i,i]", "y[i,j] = sum[k](A[i,k]*B[j,k]*C[i,j])",
    "y[i,j,k] = A[i,j]*u[k]", "y[i] = max[j](A[i,j])", "y[i,j] = tanh(u[i] + v[j])",
])  # fmt: skip
def test_what_is_no_matrix_formula_has_no_such_form(line):
    assert checked(line) is None


def test_random_products():
    """Whatever text comes out has the interpreter's value."""
    source, texts = random.Random(0), []
    for _ in range(150):
        factors = []
        for _ in range(source.randint(1, 4)):
            name = source.choice("ABCuvw")
            factors.append(f"{name}[{','.join(source.sample('ijkl', RANK[name]))}]")
        used = sorted({c for f in factors for c in re.findall(r"[ijkl]", f)})
        out = source.sample(used, min(len(used), source.randint(0, 2)))
        rest = [c for c in used if c not in out]
        body = "*".join(factors)
        left = f"y[{','.join(out)}]" if out else "y"
        texts.append(checked(f"{left} = sum[{','.join(rest)}]({body})" if rest else f"{left} = {body}"))
    assert sum(t is not None for t in texts) > 60


def test_a_wrong_text_is_found():
    """The negative control of the reader."""
    arrays = {n: np.random.default_rng(0).normal(size=(SIZE,) * r) for n, r in RANK.items()}
    assert value(r"A B", arrays) != pytest.approx(value(r"A B^{\top}", arrays))
    assert value(r"A \odot B", arrays) != pytest.approx(value(r"A B", arrays))


def test_a_program_in_matrix_notation():
    text = sg.program("X: input[n, d]\ny: input[n]\nw: parameter[d]\nL = 0.5*norm2(X @ w - y)**2").gradient("L")
    assert r"X^{\top}" in text.latex(notation="matrix") and r"X_{n,d}" in text.latex()
    with pytest.raises(sg.errors.SymgradError, match="notation is index or matrix"):
        text.latex(notation="words")
