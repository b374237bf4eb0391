"""The laws on programs that nobody wrote: random chains of equations, printed as notation when they fail."""

import re

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from symgrad import program
from symgrad.ir.check import check
from symgrad.notation import to_text
from symgrad.verify import certify

LETTERS = "ij"
UNARY = ["{0}", "-{0}", "{0}**2", "1/(2 + {0}**2)"]
SMOOTH = ["tanh({0})", "exp(-{0}**2)", "sin({0})", "sigmoid({0})", "softplus({0})", "log(1 + {0}**2)"]
REDUCED = ["sum[{k}]({0})", "mean[{k}]({0})", "sum[{k}, {k} <= {f}]({0})", "sum[{k}, {k} != {f}]({0})"]
REDUCED.append("prod[{k}]({0})")
REDUCED_SMOOTH = ["logsumexp[{k}]({0})"]


@st.composite
def texts(draw, rational: bool):
    """A program over one square size: parameters of rank 0 to 2, three to five equations, each reading earlier ones."""
    ranks = {"a": 0, "x": 1, "y": 1, "A": 2}
    lines = ["a: parameter", "x, y: parameter[i]", "A: parameter[i, i]"]
    unary = UNARY + ([] if rational else SMOOTH)
    for number in range(draw(st.integers(2, 4))):
        rank = draw(st.integers(0, 2))
        name, left = f"t{number}", LETTERS[:rank]
        body = draw(expression(ranks, left, unary, [*REDUCED, *([] if rational else REDUCED_SMOOTH)]))
        body = "*".join([f"({body})", *(f"x[{s}]" for s in left if not re.search(rf"\[(\w,)?{s}[,\]]", body))])
        lines.append(f"{name}[{','.join(left)}] = {body}" if left else f"{name} = {body}")
        ranks[name] = rank
    final = " + ".join(total(n, r) for n, r in ranks.items() if n.startswith("t"))
    return "\n".join([*lines, f"L = {final} + sum[i](x[i]*y[i])"])


def total(name, rank):
    return f"sum[{','.join(LETTERS[:rank])}]({read(name, LETTERS[:rank])})" if rank else name


def read(name, letters):
    return f"{name}[{','.join(letters)}]" if letters else name


@st.composite
def expression(draw, ranks, free, unary, reductions):
    reduce = draw(st.sampled_from([None, *reductions]))
    inner = free
    if reduce is not None:
        if "{f}" in reduce and not free:
            reduce = "sum[{k}]({0})"
        inner = free + "k"
    factors = [draw(read_of(ranks, inner)) for _ in range(draw(st.integers(1, 3)))]
    body = draw(st.sampled_from(["*", " + ", " - "])).join(draw(st.sampled_from(unary)).format(f) for f in factors)
    if reduce is not None:
        body = reduce.format(body, k="k", f=free[:1])
        return body if "k" in body.split("](", 1)[1] else body.replace("](", "](x[k]*(", 1) + ")"
    return body


@st.composite
def read_of(draw, ranks, letters):
    usable = [n for n, r in ranks.items() if r == 0 or letters]
    name = draw(st.sampled_from(sorted(usable)))
    return read(name, "".join(draw(st.sampled_from(letters)) for _ in range(ranks[name])))


SETTINGS = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def hold(text):
    note(text)
    model = program(text)
    gradient = model.gradient("L")
    for form in ("raw", "display", "kernel"):
        system = check(getattr(gradient, form))
        note(f"--- {form}\n{to_text(system)}")
    certificate = certify(gradient, kernel=False)
    assert certificate.ok, str(certificate)
    return certificate


@given(texts(rational=True))
@SETTINGS
def test_random_rational_programs(text):
    rows = hold(text).rows
    assert not any(r.skipped for r in rows if r.name == "exact modulo p"), rows


@given(texts(rational=False))
@SETTINGS
def test_random_smooth_programs(text):
    hold(text)


# matrix notation with routines, to second order ------------------------------------------------------------------

REGULAR = "({0}.T @ {0} + 2*eye(I))"
MATRICES = ["{0} @ {1}", "{0}.T", "{0}*{1}", "{0} - {1}/2", f"inv({REGULAR})", f"cholesky({REGULAR})",
            "{0} + diag({2})", "outer({2}, {3})"]  # fmt: skip
VECTORS = ["{0} @ {2}", f"solve({REGULAR}, {{2}})", "{2}*{3}", "{2} - {3}", "diag({0})", "{0}.T @ {3}"]
SCALARS = ["{2} @ {3}", "tr({0})", "sum({0}*{1})", "det({0})", f"logdet({REGULAR})", f"{{2}} @ solve({REGULAR}, {{3}})"]
SMOOTH_VECTORS = ["tanh({2})", "exp(-{2}**2)", "softmax({2})"]


@st.composite
def matrix_texts(draw):
    """Parameters A, B, x, y of one size; matrices and vectors, each made of earlier ones; a sum of scalars."""
    matrices, vectors = ["A", "B"], ["x", "y"]
    lines = ["A, B: parameter[i, i]", "x, y: parameter[i]"]

    def made(forms):
        parts = [draw(st.sampled_from(pool)) for pool in (matrices, matrices, vectors, vectors)]
        return draw(st.sampled_from(forms)).format(*parts)

    for number in range(draw(st.integers(1, 3))):
        names, forms = (matrices, MATRICES) if draw(st.booleans()) else (vectors, VECTORS + SMOOTH_VECTORS)
        lines.append(f"t{number} = {made(forms)}")
        names.append(f"t{number}")
    used = [f"sum({name}**2)" for name in (*matrices, *vectors)]
    return "\n".join([*lines, f"L = {' + '.join([made(SCALARS), made(SCALARS), *used])}"])


@given(matrix_texts())
@settings(SETTINGS, max_examples=5)
def test_random_programs_in_matrix_notation_to_second_order(text):
    hold(text)
    wrt = "A" if len(text) % 2 else "x"
    certificate = certify(program(text).hvp("L", wrt), kernel=False)
    assert certificate.ok, str(certificate)
