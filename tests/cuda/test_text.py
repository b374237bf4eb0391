"""What needs neither a GPU nor its packages: the text of kernels, seats, and what the errors say."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

import symgrad as sg
from symgrad import cli
from symgrad.errors import SymgradError
from symgrad.kernels import compile_system
from symgrad.kernels.device import offline_kernel
from symgrad.kernels.targets.cuda import needs
from symgrad.kernels.targets.cuda.cublas import Cublas, gemm
from symgrad.kernels.targets.cuda.record import Record, Spec
from symgrad.kernels.targets.cuda.seats import Limits, seats

MODEL = "z: parameter[n, k]\ny: label[n] over k\nL = mean[n](logsumexp[k](z[n,k]) - z[n,y[n]])"
nothing_here = pytest.mark.skipif(needs.simulated() or bool(needs._device()), reason="a device is here")


def gradient():
    return sg.program(MODEL).gradient("L").kernel


@nothing_here
def test_without_a_gpu_the_error_says_what_is_missing_and_how_to_get_it():
    with pytest.raises(SymgradError) as error:
        sg.program(MODEL).compile("cuda")
    text = str(error.value)
    assert "CUDA kernels cannot run here: there is no " in text and "NVIDIA driver and GPU" in text
    for advice in ("nvidia-smi", "symgrad compile FILE --target cuda --emit", "NUMBA_ENABLE_CUDASIM=1", 'target="cpu"'):
        assert advice in text


def test_an_unknown_target_is_named():
    with pytest.raises(SymgradError, match=r'there is no target "tpu" in this version; there are cpu, cuda'):
        compile_system(gradient(), "tpu")


def test_a_routine_is_a_kernel_with_a_matrix_for_each_team():
    text = "A: input[n, i, i] \n b: input[i] \n x = solve(A, b)"
    source = offline_kernel(sg.program(text).kernel).source
    assert "code = f_solve(A[batch_0], b, x[batch_0], W, lane, width)" in source
    assert "gpu.seats(N, I, few=True)" in source and "gpu.scratch((seats.teams, I + 1, I + 2), float64)" in source


def test_the_text_is_the_same_each_time_and_names_no_double():
    source = offline_kernel(gradient(), "float32").source
    assert source == offline_kernel(gradient(), "float32").source
    kernels = source[source.index("@cuda.jit\n") :]
    assert "float64" not in kernels
    assert "for n in range(team, N, teams):" in kernels and "for k in range(lane, K, width):" in kernels
    assert "cuda.atomic" not in kernels  # the only sums are over rows, in two stages


def test_a_scatter_is_added_atomically():
    text = "x: parameter[n] \n t: label[n] over k \n s[t[n]] = x[n] \n L = sum[k](s[k]**2)"
    assert "cuda.atomic.add(s, t[n]," in offline_kernel(sg.program(text).kernel).source


@pytest.mark.parametrize("rows, lanes", [(1, 1), (5, 3), (1000, 10), (7, 5000), (100_000, 40), (0, 0)])
@pytest.mark.parametrize("options", [{}, {"splits": True}, {"few": True}, {"across": True}])
def test_seats_are_powers_of_two_and_fit_the_limits(rows, lanes, options):
    found, limits = seats(rows, lanes, **options), Limits()
    width, side = found.block
    assert width & (width - 1) == 0 and 32 <= width * side <= limits.threads
    assert found.blocks <= limits.blocks
    assert width <= limits.warp or side == 1  # a team is a part of a warp, or a block
    assert not options.get("few") or found.teams <= max(limits.few, side)


@pytest.mark.parametrize("turns", list(product((0, 1), repeat=3)))
def test_what_cublas_is_told_is_the_product(turns):
    """By a product of matrices stored by columns, as the library defines it."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
    stored = [(m.T if turned else m).ravel() for m, turned in zip((a, b), turns)]
    g = gemm((1, 2, 3, 4), *turns)
    first, second = stored if g.first_is_a else stored[::-1]
    left, right = (flat.reshape(-1, lead).T for flat, lead in ((first, g.lead_first), (second, g.lead_second)))
    result = (left.T if g.turn_first else left) @ (right.T if g.turn_second else right)
    assert result.shape == (g.m, g.n) == (g.lead_result, g.n)
    c = result.T.ravel().reshape((4, 2) if turns[2] else (2, 4))
    np.testing.assert_allclose(c.T if turns[2] else c, a @ b, rtol=1e-14)


class Library:
    """In cuBLAS's place: notes what is called."""

    def __init__(self, status=0):
        self.called, self.status = [], status

    def __getattr__(self, name):
        return lambda *arguments: self.called.append((name, arguments)) or self.status


@pytest.mark.parametrize("tf32", [False, True])
def test_cublas_gets_stream_workspace_and_precision_before_each_product(tf32):
    gpu = SimpleNamespace(stream=7, tf32=tf32, empty=lambda shape, dtype: np.empty(shape, dtype))
    a = np.zeros((2, 3), np.float32)
    library = Library()
    Cublas(library, None).multiply(gpu, (1, 2, 3, 2), a, 0, a, 1, np.zeros((2, 2), np.float32), 0)
    names = [name for name, _ in library.called]
    assert names == ["cublasSetStream_v2", "cublasSetWorkspace_v2", "cublasSetMathMode", "cublasSgemmStridedBatched"]
    assert library.called[2][1][1].value == (3 if tf32 else 0)
    with pytest.raises(SymgradError, match="cublasSetStream_v2 failed with status 1"):
        Cublas(Library(1), None).multiply(gpu, (1, 2, 3, 2), a, 0, a, 1, a, 0)


def test_what_is_read_across_is_read_in_tiles():
    """The teams of a block are rows: what they read along the rows lies side by side."""
    across = offline_kernel(sg.program("A: input[i, j] \n T[j,i] = exp(A[i,j])").kernel).source
    along = offline_kernel(sg.program("A: input[i, j] \n T[i,j] = exp(A[i,j])").kernel).source
    assert "across=True" in across and "across=True" not in along
    assert seats(5000, 5000).block == (256, 1) and seats(5000, 5000, across=True).block == (32, 8)


def test_memory_is_borrowed_in_one_plan():
    record = Record()
    record.each(None, Spec((3, 5), np.dtype("float32")), np.float32(0))
    taken = record.seats(10, 4, few=True)
    assert record.scratch((taken.teams, 4), np.float32).nbytes == taken.teams * 16
    assert record.launches[0].grid == (1,) and record.launches[0].arguments[0].shape == (15,)


def test_compile_prints_the_kernels_of_a_file(capsys, tmp_path):
    path = tmp_path / "model.txt"
    path.write_text(MODEL)
    assert cli.main(["compile", str(path), "--of", "L", "--emit"]) == 0
    assert "@njit" in capsys.readouterr().out
    code = cli.main(["compile", str(path), "--of", "L", "--target", "cuda", "--dtype", "float32", "--emit"])
    out, err = capsys.readouterr()
    assert "def group_0(" in out and "@cuda.jit" in out
    assert ((code, err) == (0, "") and ".visible .entry" in out) or (code == 2 and "PTX cannot be made here" in err)


def test_compile_says_what_it_takes(capsys):
    assert cli.main(["compile", "nothing.txt"]) == 2
    assert "nothing.txt is no file here and not in the gallery" in capsys.readouterr().err


def test_info_names_every_part(capsys):
    assert cli.main(["info"]) == 0
    out = capsys.readouterr().out
    for part in ("numba ", "threading layer: ", "NVIDIA driver and GPU: ", "CUDA compiler (NVVM): "):
        assert part in out
