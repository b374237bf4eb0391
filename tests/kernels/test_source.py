"""The generated text: the same bytes everywhere, every literal typed, fused as designed."""

import ast
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg
from symgrad.kernels import compile_system

SOFTMAX = """\
X: input[n, d]
y: label[n] over k
W: parameter[d, k]
b: parameter[k]
z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
p[n,k] = softmax[k](z[n,k])
L = mean[n](-log(p[n,y[n]]))
"""


def text_of(program, output=None, dtype="float64", **options):
    model = sg.program(program)
    system = (model.gradient(output) if output else model).kernel
    return compile_system(system, dtype=dtype, **options).source


def after_imports(source):
    return source[source.index("def group_") :]


def bare_floats(source):
    """Float literals that are not the argument of a type, outside of functions that are made for float64."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith(("group_", "f_", "run")):
            typed = {id(a) for call in ast.walk(node) if _is_type(call) for a in call.args}
            found += [c.value for c in ast.walk(node)
                      if isinstance(c, ast.Constant) and isinstance(c.value, float) and id(c) not in typed]  # fmt: skip
    return found


def _is_type(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("float32", "float64")


@pytest.mark.parametrize(
    "text",
    [
        SOFTMAX,
        "x: parameter[n]\nL = sum[n](gelu(x[n]) + 0.1*x[n]**3 + softplus(x[n])/3 + sqrt(x[n]**2 + 0.5))",
        "x: parameter[n]\nL = mean[n](x[n]**2.5 + maximum(x[n], 0.25) + n*x[n])",
    ],
)
def test_no_bare_literal_in_float32(text):
    assert bare_floats(text_of(text, "L", "float32")) == []


def test_a_bare_literal_is_found():
    """Negative control."""
    source = text_of(SOFTMAX, "L", "float32")
    assert "float32(0.0)" in source
    assert 0.0 in bare_floats(source.replace("float32(0.0)", "0.0"))


def test_outputs_stay_in_float32():
    """What a bare literal would change."""
    program = sg.program(SOFTMAX).gradient("L").kernel
    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(5, 4)), "y": rng.integers(0, 3, 5), "W": rng.normal(size=(4, 3)), "b": np.zeros(3)}
    arrays = {n: a if n == "y" else a.astype(np.float32) for n, a in arrays.items()}
    out = compile_system(program, dtype="float32").run_python(**arrays)
    assert {np.asarray(v).dtype for v in out.values()} == {np.dtype("float32")}


def test_text_does_not_depend_on_hashing():
    code = (
        "import symgrad as sg\nfrom symgrad.kernels import compile_system\n"
        "from symgrad.train.model import training_system\n"
        f"print(compile_system(sg.program({SOFTMAX!r}).gradient('L').kernel).source)\n"
        "step = training_system(sg.program(sg.models.mlp(9, 5, 3)).raw.prune(['L']), 'L', sg.optimizers.adam(0.1))\n"
        "print(compile_system(step.system).in_place.source)"
    )
    texts = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1


def products(source):
    """The matrix products that `run` makes, and those in the steps of recurrences."""
    stages = {n.name: ast.unparse(n) for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    called = re.findall(r"^ *(?:once|perform)\((stage_\d+)", source, re.M)
    inside = [name for name in stages if name.startswith("group_")]
    return sum(len(re.findall(r"\bproduct\(", stages[name])) for name in [*called, *inside])


def test_softmax_loss_and_gradient_are_one_pass_over_rows():
    """Two matrix products, one group of loops between them; the pieces of softmax live in registers and row buffers."""
    source = text_of(SOFTMAX, "L", parallel=False)
    assert products(source) == 2
    assert source.count("def group_") == 1
    assert source.count(" in range(first, last") == 2  # short rows in tiles, or long ones
    (run,) = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == "run"]
    names = {n.id for n in ast.walk(run) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    assert not names & {"p_exp", "p_total", "p_max", "p", "v", "z"}


def test_header_says_what_it_is():
    head = ast.get_docstring(ast.parse(text_of(SOFTMAX, "L")))
    assert "X[N, D]: input float" in head and "operations:" in head and "bytes in float64:" in head
    assert "p_max[n] = max[k](z[n, k])" in head


def test_running_sums_are_one_pass():
    source = after_imports(text_of("x: input[n]\nc[n] = sum[m, m <= n](x[m])", parallel=False))
    assert "c[n - 1]" in source and source.count("for ") == 1
    both = after_imports(text_of("x: input[n, k]\nq[n,k] = prod[j, j != k](x[n,j])"))
    assert "range(K - 1, -1, -1)" in both and "for j" not in both


def test_three_factors_are_contracted_in_pairs():
    text = "A: input[i,j]\nB: input[j,k]\nC: input[k,l]\nT[i,l] = sum[j,k](A[i,j]*B[j,k]*C[k,l])"
    assert products(text_of(text, parallel=False)) == 2


def test_attention_products_are_matrix_products():
    text = "Q: input[t,h,d]\nK: input[s,h,d]\nA[h,t,s] = sum[d](Q[t,h,d]*K[s,h,d])"
    source = text_of(text, parallel=False)
    assert products(source) == 1 and "for batch_0 in range(" in source


def test_integers_do_not_go_to_blas():
    text = "t: label[n] over v\ns = sum[n](t[n]*t[n])"
    assert "    product(" not in text_of(text)


def test_arrays_of_five_axes_compile():
    """The fifth extent of an array is an argument of LLVM whose name ends as that of a data pointer does."""
    text = "X: parameter[i, j, k, l, m]\nL = sum[i,j,k,l,m](X[i,j,k,l,m]**2)"
    X = np.arange(32.0).reshape(2, 2, 2, 2, 2)
    found = sg.program(text).gradient("L").compile()(X=X)
    assert (X**2).sum() == found.L and (found.dL_dX == 2 * X).all()
