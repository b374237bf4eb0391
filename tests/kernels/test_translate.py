"""A function that is translated from its text computes what Numba's own compiler makes of it; what cannot be is left to
Numba."""

import importlib.util
import itertools
import math

import numba
import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels import cache, link, translate
from symgrad.kernels.translate import pipeline
from symgrad.kernels.translate.values import Unknown

HEAD = """
import math
import numpy as np
from numba import njit
from numpy import float32, float64, int32, int64, uint64

INF = float32(np.inf)
TABLE = (float64(0.5), float64(-2.0), float64(3.25))
"""
JIT = '@njit(error_model="numpy")'
SCALARS = {  # functions of two numbers, tried on every pair below
    "quotient": "return a // b",
    "remainder": "return a % b",
    "fraction": "return a / b",
    "power": "return float64(a) ** float64(b)",
    "least": "return min(a, b), max(a, b, int64(3))",
    "root": "return math.sqrt(math.fabs(float64(a))) + abs(b)",
    "narrow": "return float32(a) * float32(0.1) + float32(b), float32(a) < INF",
    "bits": "n = int32(a > b)\n    n = n | int32(a == b)\n    return n",
    "choice": "return a if a < b else (b if b != 0 else int64(7))",
    "nested": "c = 1.0 if a < 0 and not b > a or a == b else TABLE[1]\n    return c - float64(b)",
    "entry": "return TABLE[abs(a) % 3]",
    "swap": "x, y = float64(b), float64(a)\n    x, y = y, x\n    return x - 2.0 * y",
    "total": "t = 0.0\n    for i in range(b, a):\n        t += float64(i)\n        i = 0\n    return t",
    "down": "t = 0\n    for i in range(a, b, -2):\n        t = t * 3 + i\n    return t",
    "blocks": """t = 0.0
    for i in range(3):
        if i > a:
            n = int32(i)
            t += n * b
        else:
            n = float64(b)
            t += n / 2
        for j in range(i):
            n = int64(j)
            t += n
    return t""",
    "halves": "n = 1\n    while a > b and n < 100:\n        n *= 3\n        a -= 1\n    return n",
    "last": "i = 100\n    for i in range(a):\n        if i > b:\n            return i\n    return -i",
    "steps": "t = 0\n    for i in range(a, b, b - a if b != a else 1):\n        t = t * 3 + i\n    return t",
    "branches": "if a < b:\n        c = a + a\n    elif a == b:\n        c = 9\n    else:\n        c = b\n    return c",
}
PAIRS = list(itertools.product((-7, -3, 0, 2, 5), (-4, -1, 0, 2, 5)))


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """A function from its text, twice: translated, which must work, and by Numba."""
    numbers = itertools.count()

    def load(text):
        path = tmp_path / f"module_{next(numbers)}.py"
        path.write_text(HEAD + text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def both(text, left=False):
        ours, theirs = load(text), load(text)
        refused = []
        translated = pipeline._translated

        def watched(state):
            try:
                return translated(state)
            except Unknown as reason:
                refused.append(str(reason))
                raise

        monkeypatch.setattr(pipeline, "_translated", watched)
        translate.quick(vars(ours))

        def ours_watched(*arguments):
            result = ours.f(*arguments)
            assert bool(refused) == left, refused
            return result

        return ours_watched, theirs.f

    return both


@pytest.mark.parametrize("name", SCALARS)
def test_numbers(compiled, name):
    ours, theirs = compiled(f"{JIT}\ndef f(a, b):\n    {SCALARS[name]}\n")
    for a, b in PAIRS:
        assert np.array_equal(ours(a, b), theirs(a, b), equal_nan=True), (a, b)


CELLS = """
@njit(error_model="numpy")
def part(row, i):
    return row[i] + row[-1]


@njit(error_model="numpy")
def f(x, y, found, i):
    for a in range(x.shape[0]):
        at_a = uint64(a)
        for b in range(x.shape[1]):
            y[at_a, b] = x[a, b - 1] * y.itemsize
            y[a, -1] += part(x[a], b)
        found[a] = i >= 0 and x[a, i] > 0.0
        found[a] = found[a] or i < -3 or x[a, i] < -1.0
    return y.strides[0]
"""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cells(compiled, dtype):
    """Indices from the end, rows of arrays, cells that are read only where a test allows it."""
    ours, theirs = compiled(CELLS)
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(dtype)
    for i in (-(10**15), -2, 0, 2):
        results = []
        for f in (ours, theirs):
            y, found = np.zeros_like(x), np.zeros(4, np.bool_)
            results.append((f(x, y, found, i), y, found))
        for a, b in zip(*results):
            np.testing.assert_array_equal(a, b)
        expected = (i >= 0) & (x[:, i] > 0) | (x[:, i] < -1) if i > -4 else np.ones(4, bool)
        np.testing.assert_array_equal(results[0][2], expected)


LEFT = {
    "for i in range(a):\n        if i > 2:\n            break\n    return i": 3,
    "while a > 1:\n        a -= 2\n    else:\n        a = 7\n    return a": 7,
    "c = 1\n    c = c * 2.5\n    return c": 2.5,
    "return a**2": 25,
    "if a > 3:\n        n = 2\n    if a > 8:\n        n = 2.5\n    return n": 2,
    """for i in range(3):
        if i == 1:
            n = i
        if i == 2:
            a = n
        n = 2.5
    return a""": 2.5,
    "return 1 < a < 3": False,
    "if a < 0:\n        raise ValueError('negative')\n    return a": 5,
    "return np.zeros(a).sum()": 0.0,
    "if a < 3:\n        c = a\n    return sum((a, 2))": 7,
    "c = [a]\n    return c[0]": 5,
    "return inner(a)": 6,
}


@pytest.mark.parametrize("text", LEFT)
def test_what_is_not_known_is_left_to_numba(compiled, text):
    inner = f"{JIT}\ndef inner(a, b=1):\n    return a + b\n\n\n"
    ours, theirs = compiled(f"{inner}{JIT}\ndef f(a):\n    {text}\n", left=True)
    assert ours(5) == theirs(5) == LEFT[text]


def test_a_function_elsewhere_is_left_to_numba():
    """One whose text is not that of a function in a file."""
    made = numba.njit(lambda x: x + 1.0)
    translate.quick({"made": made})
    assert made(2.0) == 3.0


def test_errors_are_numbas(compiled):
    ours, _ = compiled(f"{JIT}\ndef f(a):\n    return missing(a)\n", left=True)
    with pytest.raises(numba.TypingError, match="missing"):
        ours(1.0)


PROGRAM = """
    X: input[n, d]
    y: label[n] over k
    W: parameter[d, k]
    b: parameter[k]
    z[n,k] = gelu(sum[d](X[n,d]*W[d,k]) + b[k])
    p[n,k] = softmax[k](z[n,k])
    s[k] = max[n](z[n,k])
    L = mean[n](-log(p[n,y[n]])) + sum[k](erf(s[k]))
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_are_translated(tmp_path, monkeypatch, dtype):
    """All functions; a slow compile would not be noticed otherwise."""
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    refused, translated = [], pipeline._translated

    def watched(state):
        try:
            return translated(state)
        except Exception:
            refused.append(state.func_id.func_name)
            raise

    monkeypatch.setattr(pipeline, "_translated", watched)
    kernel = sg.program(PROGRAM).gradient("L").compile("cpu", dtype=dtype, parallel=True)
    rng = np.random.default_rng(0)
    given = {"X": rng.standard_normal((5, 3)), "y": rng.integers(0, 4, 5), "W": rng.standard_normal((3, 4))}
    result = kernel(**given, b=np.zeros(4))
    assert math.isfinite(result["L"])
    assert not refused


def test_an_exported_text_needs_none_of_it(tmp_path, monkeypatch):
    """The same bits whether the text is translated or compiled by Numba."""
    rng = np.random.default_rng(1)
    given = {"x": rng.standard_normal(200)}
    results = []
    for folder in ("translated", "numba"):
        monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path / folder))
        if folder == "numba":
            monkeypatch.setattr(link, "quick", lambda names: None)
        monkeypatch.setattr(cache, "ENGINE", folder)
        cache.versions.cache_clear()
        program = sg.program("x: parameter[n]\nL = sum[n](log1p(exp(x[n]))*where(x[n] > 0, x[n], 2))")
        results.append(program.gradient("L").compile("cpu")(**given))
    cache.versions.cache_clear()
    np.testing.assert_allclose(results[0]["L"], results[1]["L"], rtol=1e-15)  # the order of a loose sum is LLVM's
    np.testing.assert_array_equal(results[0]["dL_dx"], results[1]["dL_dx"])
