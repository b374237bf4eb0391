"""Large results are written past the caches: the same bits, at every length and alignment, and only where that pays."""

import re

import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels.targets import cpu_text, python

CROSS_ENTROPY = """
z: parameter[n, k]
y: label[n] over k
p[n,k] = softmax[k](z[n,k])
L = mean[n](-0.9*log(p[n,y[n]]) - 0.1*mean[k](log(p[n,k])))
"""
SQUARES = "x: parameter[n]\nw: input[n]\nL = sum[n](w[n]*x[n]**2)"
CELLS = "x: parameter[n, d, k]\nL = sum[n,d,k](x[n,d,k]**3)"


def compiled(text, dtype, far=None, **options):
    """The gradient's kernel; with `far`, arrays of so many bytes are large."""
    kernel = sg.program(text).gradient("L").compile(dtype=dtype, **options)
    if far is not None:
        usual = f"FAR = {cpu_text.FAR}"
        assert usual in kernel.source
        kernel.compiled.__dict__["source"] = kernel.source.replace(usual, f"FAR = {far}")
    return kernel


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_past_the_caches_are_the_same_bits(dtype):
    near, far = (compiled(CROSS_ENTROPY, dtype, f, parallel=True) for f in (None, 0))
    rng = np.random.default_rng(0)
    for rows, classes in [(1, 33), (3, 40), (70, 101), (131, 64), (2, 5000), (40, 5)]:
        given = {"z": rng.normal(size=(rows, classes)).astype(dtype), "y": rng.integers(0, classes, rows)}
        for name, value in near(**given).items():
            np.testing.assert_array_equal(far(**given)[name], value, err_msg=f"{name} {rows} {classes}")


def test_results_may_begin_anywhere():
    """The lines of memory at both ends of a strip are written in part."""
    near, far = (compiled(SQUARES, "float32", f, parallel=True) for f in (None, 0))
    usual = far.compiled.empty
    rng = np.random.default_rng(0)
    for count in (1, 15, 16, 17, 1023, 1024, 4097):
        x, w = rng.normal(size=(2, count)).astype("float32")
        expected = near(x=x, w=w)["dL_dx"]
        for offset in (0, 1, 7, 15):
            memory = np.full(count + 40, np.nan, "float32")
            result = memory[offset : offset + count]
            far.compiled.empty = lambda name, frame, r=result: r if name == "dL_dx" else usual(name, frame)
            far(x=x, w=w)
            np.testing.assert_array_equal(result, expected)
            assert np.isnan(memory[:offset]).all() and np.isnan(memory[offset + count :]).all()


@pytest.mark.parametrize("far", [0, cpu_text.FAR])
def test_the_text_runs_unjitted_in_both_ways(far, monkeypatch):
    monkeypatch.setattr(python, "FAR", far)
    rng = np.random.default_rng(0)
    program = sg.program(CELLS).gradient("L")
    x = rng.normal(size=(5, 3, 7))
    for name, value in program.evaluate(x=x).items():
        np.testing.assert_allclose(program.compile().run_python(x=x)[name], value, rtol=1e-13)  # a sum's order


def test_where_it_pays():
    """Not beside a costly function, not where another step reads the result or the cells are added to."""

    def strips(text):
        source = sg.program(text).gradient("L").compile(dtype="float32").source
        return set(re.findall(r"= edges\((\w+), ", source))

    assert strips(CROSS_ENTROPY) == {"dL_dz"} and strips(SQUARES) == strips(CELLS) == {"dL_dx"}
    assert not strips("x: parameter[n]\nL = sum[n](exp(x[n]))")
    assert not strips("x: parameter[n]\ni: label[m] over n\nL = sum[m](x[i[m]]**2)")
    # dL_dh, as large, is read by the product for W
    product = "X: input[n, d]\nW: parameter[d, k]\nh[n,k] = sum[d](X[n,d]*W[d,k])\nL = sum[n,k](h[n,k]**3)"
    assert strips(product) <= {"dL_dW"}


def test_the_busiest_loop_keeps_the_pace():
    """That of the exponentials; it fetches what the search for the largest entry would wait for."""

    def parts(text):
        lines = compiled(text, "float32").source.splitlines()
        starts = [i for i, line in enumerate(lines) if "for part in range" in line]
        return ["\n".join(lines[i : i + 8]) for i in starts]

    (busy,) = parts(CROSS_ENTROPY)
    assert "f_exp(v)" in busy and " = drained(" in busy and "fetch(z, tile + lane + extent_0, part, 128)" in busy
    assert not parts(SQUARES)


def test_a_tile_is_in_memory_when_the_next_but_one_is_written():
    """Tiles of one and of several rows, the last one shorter; results at any address, and nothing beside them."""
    near, far = (compiled(CROSS_ENTROPY, "float32", f, parallel=True) for f in (None, 0))
    usual = far.compiled.empty
    rng = np.random.default_rng(0)
    for rows, classes, offset in [(400, 700, 0), (390, 701, 3), (70, 1501, 5), (1, 40, 1), (5000, 33, 15)]:
        given = {"z": rng.normal(size=(rows, classes)).astype("float32"), "y": rng.integers(0, classes, rows)}
        memory = np.full(rows * classes + 40, np.nan, "float32")
        result = memory[offset : offset + rows * classes].reshape(rows, classes)
        far.compiled.empty = lambda name, frame, r=result: r if name == "dL_dz" else usual(name, frame)
        far(**given)
        np.testing.assert_array_equal(result, near(**given)["dL_dz"])
        assert np.isnan(memory[:offset]).all() and np.isnan(memory[offset + rows * classes :]).all()
