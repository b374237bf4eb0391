"""What the host refuses before a kernel runs; the messages are asserted."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import DataError, DTypeError, IndexRangeError, ShapeError, SymgradError, UnknownNameError
from symgrad.kernels import compile_system

TEXT = """\
X: input[n, d]
Y: input[n, k], distribution over k
y: label[n] over k
W: parameter[d, k]
z[n,k] = sum[d](X[n,d]*W[d,k])
L = sum[n](z[n,y[n]]) + sum[n,k](Y[n,k]*z[n,k])
"""
GATHER = "E: input[v, j]\ni: label[n] over v\nr[n,j] = E[i[n] + 1, j]"


@pytest.fixture(scope="module")
def kernel():
    return compile_system(sg.program(TEXT).kernel, parallel=False)


def good():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 3)
    return {"X": rng.normal(size=(3, 4)), "Y": np.eye(2)[y], "y": y, "W": rng.normal(size=(4, 2))}


def test_good_arrays_pass(kernel):
    arrays = good()
    assert np.isclose(kernel.run_python(**arrays).L, kernel(**arrays).L)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"V": np.zeros(3)}, UnknownNameError, "V is not an input of this kernel; it takes X, Y, y, W."),
        ({"W": None}, UnknownNameError, "W was not passed; the kernel takes X, Y, y, W."),
        ({"W": np.zeros((5, 2))}, ShapeError, "index d has two sizes."),
        ({"W": np.zeros(4)}, ShapeError, "W has 2 axes, but the array has 1."),
        ({"y": np.zeros(3)}, DTypeError, "y must hold integers, but the array has dtype float64."),
        ({"X": np.zeros((3, 4), complex)}, DTypeError, "X must hold real numbers, but the array has dtype complex128."),
        ({"X": np.zeros((3, 4), complex)}, DTypeError, "Pass X.real"),
        ({"X": np.full((3, 4), None)}, DTypeError, "X[0, 0] is None: replace it by a number."),
        ({"X": np.full((3, 4), "a")}, DTypeError, "X must hold real numbers, but the array has dtype <U1."),
        ({"X": [[1.0, 2.0], [3.0]]}, ShapeError, "the rows of X differ in length."),
        ({"X": np.ma.masked_equal(np.arange(12.0).reshape(3, 4), 5)}, DataError, "X[1, 1] is masked."),
        ({"X": np.ma.masked_equal(np.arange(12.0).reshape(3, 4), 5)}, DataError, "Fill it, as in X.filled(0)"),
        ({"y": [0.0, 1.0, 1.0]}, DTypeError, "Pass np.asarray(y, int)."),
        ({"y": np.array([0, 2, 1])}, IndexRangeError, "label y[1] = 2 is out of range."),
        ({"y": np.array([1, 2, 1])}, IndexRangeError, "K is 2: labels are 0 .. 1. Labels start at 0: pass y - 1."),
        ({"y": np.array([0, 2**64 - 1, 1], np.uint64)}, IndexRangeError, "label y[1] = 18446744073709551615 is out of"),
        ({"w": np.zeros((4, 2))}, UnknownNameError, "w is not an input of this kernel; it takes X, Y, y, W."),
        ({"y": np.array([0, -1, 1])}, IndexRangeError, "label y[1] = -1 is out of range."),
        ({"Y": np.full((3, 2), 0.4)}, DataError, "Y is declared distribution, but a sum is 0.8, not 1."),
    ],
)
def test_bad_arrays_are_refused(kernel, change, error, words):
    arrays = {n: a for n, a in {**good(), **change}.items() if a is not None}
    with pytest.raises(error) as caught:
        kernel(**arrays)
    assert words in str(caught.value)


@pytest.mark.parametrize("dtype", [int, np.uint8, bool])
def test_whole_numbers_are_real_numbers(kernel, dtype):
    arrays = good() | {"X": np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 0]], dtype)}
    real = arrays["X"].astype(float)
    unmasked = np.ma.MaskedArray(real)  # nothing is masked: only its values count
    found = [kernel.run_python(**{**arrays, "X": X}).L for X in (real, arrays["X"], arrays["X"].tolist(), unmasked)]
    assert len(set(found)) == 1


def test_arrays_are_passed_by_name(kernel):
    arrays = good()
    bound = kernel.bind(**arrays)
    for call, name in ((kernel, "kernel"), (kernel.run_python, "kernel.run_python"), (kernel.bind, "kernel.bind"),
                       (bound, "bound"), (bound.step, "bound.step")):  # fmt: skip
        with pytest.raises(SymgradError) as caught:
            call(*arrays.values())
        assert str(caught.value) == (
            f"{name} takes its arrays by name, but 4 came without one.\n"
            f"    Pass them by name: {name}(X=X, Y=Y, y=y, W=W)."
        )


def test_a_number_of_classes_is_not_said_to_be_itself():
    kernel = compile_system(sg.program("z: input[n, 2]\ny: label[n] over 2\nL = sum[n](z[n,y[n]])").kernel)
    with pytest.raises(IndexRangeError) as caught:
        kernel.run_python(z=np.zeros((2, 2)), y=[0, 2])
    assert str(caught.value) == "label y[1] = 2 is out of range.\n    y: label[n] over 2\n    The labels are 0 .. 1."
    with pytest.raises(IndexRangeError, match=r"The labels are 0 \.\. 1\. Labels start at 0: pass y - 1\."):
        kernel.run_python(z=np.zeros((2, 2)), y=[1, 2])


@pytest.mark.parametrize("bad", [np.ones(2) * 1j, [1.0, None], ["1", "2"], np.array([1.0, "2"], object)])
def test_the_interpreter_takes_real_numbers_only(bad):
    program = sg.program("x: input[n]\nL = sum[n](x[n])")
    with pytest.raises(DTypeError, match="x must hold real numbers, but the array has dtype"):
        program.evaluate(x=bad)
    assert program.evaluate(x=np.array([1, 2.5], object))["L"] == 3.5
    with pytest.raises(DataError, match=r"x\[1\] is masked"):
        program.evaluate(x=np.ma.masked_invalid([1.0, np.nan]))


def test_the_fix_is_shown(kernel):
    with pytest.raises(DTypeError) as caught:
        kernel(**{**good(), "y": np.zeros(3)})
    assert "y: label[n] over K" in str(caught.value) and "Pass y.astype(int)." in str(caught.value)


def test_finite_on_request():
    kernel = compile_system(sg.program(TEXT).kernel, parallel=False, check_finite=True)
    arrays = good()
    arrays["X"][1, 2] = np.nan
    with pytest.raises(DataError, match=r"X\[1, 2\] is nan\."):
        kernel(**arrays)
    assert np.isnan(compile_system(sg.program(TEXT).kernel, parallel=False).run_python(**arrays).L)


def test_facts_are_looked_at_once():
    kernel = compile_system(sg.program(TEXT).kernel, parallel=False)
    arrays = good()
    kernel.run_python(**arrays)
    arrays["Y"][:] = 0.4  # the same object: it has been checked
    kernel.run_python(**arrays)
    with pytest.raises(DataError):
        kernel.run_python(**{**arrays, "Y": arrays["Y"].copy()})
    off = compile_system(sg.program(TEXT).kernel, parallel=False, check_facts=False)
    off.run_python(**arrays)


def test_gathered_rows_are_checked():
    kernel = compile_system(sg.program(GATHER).kernel, parallel=False)
    table = np.arange(6.0).reshape(3, 2)
    assert kernel.run_python(E=table, i=np.array([0, 1])).r.tolist() == [[2, 3], [4, 5]]
    with pytest.raises(IndexRangeError) as caught:
        kernel(E=table, i=np.array([0, 2]))
    assert str(caught.value).startswith("E[i[n] + 1, j] reaches")
    assert "reaches index 3 of an axis with 3 entries" in str(caught.value) and "r[n,j]" in str(caught.value)


def test_a_constant_index_is_shown_with_its_tensor():
    program = sg.program("x: input[n]\ny = 2*x[7]")
    kernel = compile_system(program.kernel, parallel=False)
    for run in (kernel, kernel.run_python, program.evaluate):
        with pytest.raises(IndexRangeError) as caught:
            run(x=np.zeros(5))
        assert str(caught.value) == "x[7] reaches index 7 of an axis with 5 entries.\n    y = 2*x[7]"


def test_affine_positions_are_checked_for_each_size():
    text = "x: input[n]\nw: input[k]\ny[n] = sum[k, 0 <= n+k-1, n+k-1 < size(n)](x[n+k-1]*w[k])"
    kernel = compile_system(sg.program(text).kernel, parallel=False)
    out = kernel.run_python(x=np.arange(4.0), w=np.ones(3))
    assert out.y.tolist() == [1, 3, 6, 5]
    unguarded = "x: input[n]\nw: input[k]\ny[i] = sum[k](x[i+k]*w[k])"
    fixed = compile_system(sg.program(unguarded).kernel, parallel=False)
    assert fixed.run_python(x=np.arange(4.0), w=np.ones(3)).y.tolist() == [3, 6]


def test_conversion_and_order(kernel):
    arrays = good()
    want = kernel.run_python(**arrays).L
    fortran = {n: np.asfortranarray(a) for n, a in arrays.items()}
    frozen = {n: a.copy() for n, a in arrays.items()}
    for a in frozen.values():
        a.flags.writeable = False
    strided = {**arrays, "X": np.repeat(arrays["X"], 2, axis=0)[::2], "y": arrays["y"].astype(np.int32)}
    for given in (fortran, frozen, strided):
        assert np.isclose(kernel(**given).L, want)
    single = compile_system(sg.program(TEXT).kernel, dtype="float32", parallel=False).run_python(**arrays)
    assert single.L.dtype == np.float32


def test_arguments_of_compile():
    system = sg.program(TEXT).kernel
    with pytest.raises(SymgradError, match='no target "tpu"'):
        compile_system(system, "tpu")
    with pytest.raises(SymgradError, match="float16"):
        compile_system(system, dtype="float16")


def test_inputs_are_not_modified(kernel):
    arrays = good()
    before = {n: a.copy() for n, a in arrays.items()}
    kernel(**arrays)
    assert all(np.array_equal(before[n], arrays[n]) for n in arrays)


def test_outputs_are_a_mapping_with_attributes(kernel):
    out = kernel(**good())
    assert out["L"] == out.L and list(out) == ["L"] and isinstance(out.L, np.float64)
    with pytest.raises(AttributeError, match="there is no output M; the outputs are L"):
        _ = out.M
    for error in (UnknownNameError, KeyError):
        with pytest.raises(error) as caught:
            _ = out["M"]
        assert str(caught.value) == "there is no output M; the outputs are L."
    assert "M" not in out and out.get("M") is None
