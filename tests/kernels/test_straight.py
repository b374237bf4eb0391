"""Long rows without long loops: written out, in tiles, the same values at every number of rows, as packed numbers."""

import re

import numpy as np
import pytest
from assembly import libm, packed
from structures import PROJECTION

import symgrad as sg
from symgrad.kernels import straight

# a turned and projected point, its distortion, and its derivatives: loops of three and two, a shared parameter
TEXT = f"""
r, X: parameter[n, i]
k: parameter
y: input[n, a]
{PROJECTION}e[n,a] = (1 + k*sum[b](p[n,b]**2))*p[n,a] - y[n,a]
L = sum[n,a](e[n,a]**2)
"""
SIZES = {"i": 3, "a": 2}


@pytest.fixture(scope="module")
def program():
    return sg.program(TEXT, sizes=SIZES).gradient("L")


@pytest.fixture(scope="module")
def kernel(program):
    return program.compile(parallel=True)


def arrays(rows):
    rng = np.random.default_rng(rows)
    r, X, y = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 3)) + 4, rng.normal(size=(rows, 2))
    r[rows // 2] = 0  # no rotation at all
    return {"r": r, "X": X, "k": 0.1, "y": y}


@pytest.mark.parametrize("rows", [1, 7, 64, 129, 400])
def test_every_number_of_rows_gives_the_same(program, kernel, rows):
    given = arrays(rows)
    expected, found = program.evaluate(**given), kernel(**given)
    for name, value in expected.items():
        # sums in other orders; q[n,2] may be small beside its terms, and is divided by
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-11, err_msg=name)


def test_the_text_without_a_compiler_is_the_same(kernel):
    given = arrays(70)
    compiled, plain = kernel(**given), kernel.run_python(**given)
    for name in compiled:
        np.testing.assert_allclose(compiled[name], plain[name], rtol=1e-9, atol=1e-11, err_msg=name)


def test_the_rows_are_written_out_in_one_loop_over_a_tile(kernel):
    text = kernel.source.split("def group_")[1]
    assert kernel.source.count("def group_") == 1  # r, X and y have nothing in common at first
    assert "to_tile(X, tile, rows, X_tile, 3)" in text
    assert "from_tile(dL_dr, tile, rows, dL_dr_tile, 3)" in text
    assert len(re.findall(r"\bfor\b", text.split("def stage_")[0])) == 2


def test_costly_functions_have_a_loop_of_their_own_where_much_follows():
    derived = sg.program(TEXT, sizes=SIZES).jacobian("e", ("r", "X"))
    text = derived.compressed("de_dr", "de_dX").compile(parallel=False).source
    turned, rest = text.split("def group_")[1].split("def stage_")[0].split("for lane in")[1:]
    assert "f_stumpff_2" in turned and "f_" not in rest
    assert all(f"{name}_tile[lane] = {name}" in turned for name in re.findall(r"= (\w+)_tile\[lane\]", rest))


def test_the_assembly_is_packed_and_calls_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    fresh = sg.program(TEXT, sizes=SIZES).gradient("L").compile(parallel=False)
    fresh(**arrays(64))
    text = fresh.compiled.run.keep.get_asm_str()
    scalar = len(re.findall(r"\bv?(?:fn?m(?:add|sub)\d*|mul)sd\b|\bf?madd\s+d\d", text))
    assert packed(text) >= 150 and not libm(text)
    assert packed(text) >= scalar / 2  # the rows that fill no vector are a loop of their own


def test_what_is_added_to_keeps_what_was_there():
    """In place: a matrix that is read and written by rows, and one of which a part is written."""
    text = """
    w: parameter[n, i]
    g: input[n, i]
    s[n] = sum[i](w[n,i]*g[n,i])
    t[n] = 1 + s[n]**2 + s[n]**3*sum[i](g[n,i]**2)
    new[n,i] = w[n,i] - g[n,i]*t[n]*(s[n] + w[n,i]*(1 + g[n,i]*t[n]))
    updates: w -> new
    """
    program = sg.program(text, sizes={"i": 3})
    kernel = program.compile(parallel=False)
    assert "to_tile" in kernel.source
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=(2, 130, 3))
    expected = program.evaluate(w=w, g=g)
    bound = kernel.bind(w=w.copy(), g=g)
    bound.step()
    np.testing.assert_allclose(bound["w"], expected["new"], rtol=1e-12)


def test_rows_that_wait_for_memory_are_left_alone():
    """Negative control: a difference and a sum do less than two operations for each entry."""
    text = "x, y: input[n, i]\nd[n,i] = x[n,i] - y[n,i]\ns[n] = sum[i](d[n,i])"
    assert "to_tile" not in sg.program(text, sizes={"i": 3}).compile(parallel=False).source


@pytest.mark.parametrize("columns, tiles", [(3, True), (9, True), (10, False), (16, False)])
def test_wide_rows_that_are_taken_entry_by_entry_are_vectors_as_they_stand(columns, tiles):
    """An optimiser's update: copying to tiles costs more there than it gains."""
    text = "w, m, v: input[n, i]\nnew[n,i] = w[n,i] - m[n,i]/(sqrt(v[n,i]) + 1)*(w[n,i] + m[n,i])*v[n,i]"
    sums = "\ns[i] = sum[n](new[n,i]*m[n,i])\nr[n,i] = relu(new[n,i])"
    for more in ("", sums):
        source = sg.program(text + more, sizes={"i": columns}).compile(parallel=False).source
        assert ("to_tile" in source) == tiles


def test_wide_rows_with_sums_along_them_are_tiles():
    """Negative control: a sum along the row crosses the entries."""
    text = "w, m: input[n, i]\ns[n] = sum[i](w[n,i]**3*m[n,i]**2 + w[n,i]*m[n,i]**3)"
    assert "to_tile" in sg.program(text, sizes={"i": 12}).compile(parallel=False).source


def test_longer_rows_than_a_tile_takes_are_left_alone():
    size = straight.ENTRIES + 1
    text = "x: input[n, i]\ns[n] = sum[i](x[n,i]**2 + x[n,i]**3 + x[n,i]**4)"
    assert "to_tile" not in sg.program(text, sizes={"i": size}).compile(parallel=False).source
    assert "to_tile" in sg.program(text, sizes={"i": straight.ENTRIES}).compile(parallel=False).source


def test_a_divisor_that_changes_is_not_shared():
    """Negative control of the division: each sum divides by itself as it is then."""
    text = "x: input[n, i]\nc[n,i] = sum[j, j <= i](x[n,j])\ny[n,i] = x[n,i]/c[n,i] + (x[n,i] - 1)**2/c[n,i]"
    program = sg.program(text, sizes={"i": 3})
    x = np.random.default_rng(0).uniform(1, 2, (70, 3))
    np.testing.assert_allclose(program.compile(parallel=False)(x=x).y, program.evaluate(x=x)["y"], rtol=1e-14)
