"""Every kind of bad input gets an error with the equation and what to type instead; the text is asserted."""

import time

import pytest

from symgrad import notation
from symgrad.errors import DTypeError, NotationError, ShapeError, SymgradError, UnknownNameError

DECLARED = """
X: input[n, d]
w: parameter[d]
y: label[n] over k
m: input[n], boolean
b: parameter
"""


def message(text, kind, declared=DECLARED, sizes=None):
    with pytest.raises(kind) as caught:
        notation.parse(declared + text, sizes)
    assert type(caught.value) is kind
    return str(caught.value)


def block(text):
    """The message as it is written in this file."""
    lines = text.strip("\n").split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)


FULL = {
    "unknown name": ("z[n] = sum[d](XX[n,d]*w[d])", UnknownNameError, """
        XX is not declared.
            z[n] = sum[d](XX[n,d]*w[d])
                          ^
            Did you mean X?"""),
    "unknown name, nothing close": ("z[n] = sum[d](X[n,d]*v[d])", UnknownNameError, """
        v is not declared.
            z[n] = sum[d](X[n,d]*v[d])
                                 ^
            Declare it: a line `v: input[n, d]`."""),
    "unknown function": ("z = sofplus(b)", UnknownNameError, """
        sofplus is not a function of the notation.
            z = sofplus(b)
                ^
            Did you mean softplus?"""),
    "unknown reduction": ("z = sun[d](w[d])", UnknownNameError, """
        sun[...](...) is not a reduction of the notation.
            z = sun[d](w[d])
                ^
            Did you mean sum?"""),
    "free index": ("z[n] = X[n,d]*w[d]", NotationError, """
        index d is on the right side but not on the left.
            z[n] = X[n,d]*w[d]
                       ^ d
            Write it on the left, z[n,d] = ..., or sum over it: sum[d](...)."""),
    "free index as a value": ("z = b*d", NotationError, """
        index d is on the right side but not on the left.
            z = b*d
                  ^ d
            Write it on the left, z[d] = ..., or sum over it: sum[d](...)."""),
    "wrong rank": ("z[n] = sum[d](X[n]*w[d])", ShapeError, """
        X has 2 axes [n,d], but is read with 1 index.
            z[n] = sum[d](X[n]*w[d])
                          ^ 1 of 2
            Write X[n,d]."""),
    "no indices": ("z[n] = 2*w", ShapeError, """
        w has 1 axis [d], but is read with 0 indices.
            z[n] = 2*w
                     ^ 0 of 1
            Write w[d], or the whole equation without indices."""),
    "output": ("z = 2*b\noutputs: z, zz", UnknownNameError, """
        zz does not exist: it cannot be an output.
            outputs: z, zz
                        ^
            Did you mean z? The program defines z."""),
    "defined twice": ("z[n] = b\nz[n] = 2*b", NotationError, """
        z is defined twice.
            z[n] = 2*b
            ^
            Add the two right sides in one equation, or write another cell: z[I + j] = ..."""),
    "two ranks": ("z[0] = b\nz[0,1] = 2*b", ShapeError, """
        z has rank 1 on an earlier line and rank 2 here.
            z[0,1] = 2*b
            ^
            Write all its lines with the same number of indices."""),
    "read before": ("z[n] = u[n]\nu[n] = b", NotationError, """
        u is read before it is defined.
            z[n] = u[n]
                   ^
            Move the line that defines u above this one."""),
    "recursion": ("z[n] = z[n-1] + b", ShapeError, """
        z[n - 1] reaches index -1.
            z[n] = z[n-1] + b
                     ^
            A recurrence says how it starts: where(0 <= n - 1, z[n - 1], ...), with the first value for the dots."""),
    "code": ("z = __import__(b).system(b)", NotationError, """
        attributes such as .system are not part of the notation.
            z = __import__(b).system(b)
                ^
            Nothing in the text is ever run. Write sums with indices: sum[n](x[n])."""),
    "matrix product": ("z[n] = X @ w", NotationError, """
        the matrix product `@` has no place among indices.
            z[n] = X @ w
                   ^
            Write it with indices, y[i] = sum[j](A[i,j]*x[j]), or the whole equation without: y = A @ x."""),
    "transpose": ("z[d,n] = X.T", NotationError, """
        attributes such as .T are not part of the notation.
            z[d,n] = X.T
                     ^
            The transpose is written with indices: A[j,i] instead of A.T[i,j]."""),
    "derivative": ("z = diff(b, b)", NotationError, """
        b is not defined by an equation: its derivatives are 0 or 1.
            z = diff(b, b)
                     ^
            The first argument of diff is computed from the second by the lines above."""),
    "declared and defined": ("b = 3", NotationError, """
        b is declared as parameter and defined by an equation.
            b = 3
            ^
            Give one of the two another name."""),
    "lambda": ("z = lambda*b", NotationError, """
        this is not a formula.
            z = lambda*b
                ^
            lambda is a word of Python: choose another name, such as lam."""),
    "softmax without its letter": ("z[n] = softmax[d](X[n,d])", NotationError, """
        softmax[d] has a value for each d, and d is not in scope.
            z[n] = softmax[d](X[n,d])
                           ^
            Write d on the left, or a sum over it: sum[d](...)."""),
    "guard on a value": ("z = sum[d, w[d] > 0](w[d])", NotationError, """
        a guard compares indices, sizes and integer tensors, not computed values.
            z = sum[d, w[d] > 0](w[d])
                       ^
            Put the condition into the body: sum[j](where(x[j] > 0, x[j], 0))."""),
    "undetermined": ("z[i] = sum[j](i*j)", ShapeError, """
        index i has no size: nothing determines it.
            z[i] = sum[j](i*j)
            Pass it when the program is made: sg.program(text, sizes={"i": 10})."""),
    "several sizes": ("z[i,j] = w[i+j]", ShapeError, """
        index i has no size: several sizes fit.
            z[i,j] = w[i+j]
                       ^
            Pass it when the program is made: sg.program(text, sizes={"i": 10})."""),
    "leaves its axis": ("z[d] = w[d-1]*X[0,d]", ShapeError, """
        w[d - 1] reaches index -1.
            z[d] = w[d-1]*X[0,d]
                     ^
            Guard it, as in where(0 <= d - 1, ..., 0), or sum[j, 0 <= d - 1](...)."""),
    "index that is no integer": ("z[n] = X[n, b]", DTypeError, """
        b is not an integer tensor and cannot be an index.
            z[n] = X[n, b]
                        ^
            Declare it as b: label[n] over k."""),
    "boolean as a number": ("z[n] = 2*m[n]", DTypeError, """
        m is boolean, not a number.
            z[n] = 2*m[n]
                     ^
            Write where(m[...], 1, 0)."""),
    "power": ("z = b^2", NotationError, """
        `^` is not a power.
            z = b^2
                ^
            Write x**2."""),
    "index behind a formula": ("z = log(b)[0]", NotationError, """
        an index stands behind a name only.
            z = log(b)[0]
                ^
            Name the part by an equation, t[n] = ..., and read t[n]."""),
    "arity": ("z = tanh(b, b)", NotationError, """
        tanh takes 1 argument, not 2.
            z = tanh(b, b)
                ^
            Write tanh(a)."""),
    "no real value": ("z = b*log(0)", NotationError, """
        this has no real value.
            z = b*log(0)
                  ^
            A formula is of real numbers only."""),
    "update of an input": ("z = b\nupdates: X -> z", NotationError, """
        X is an input: only a state or a parameter is updated.
            updates: X -> z
            Declare X as state."""),
    "update of another shape": ("z = b\nupdates: w -> z", ShapeError, """
        w and z have different shapes.
            updates: w -> z
            They have (D) and ()."""),
    "role": ("q: inputs[n]\nz = b", UnknownNameError, """
        inputs is not a role.
            q: inputs[n]
              ^
            Did you mean input?"""),
    "fact": ("q: input[n], postive\nz = b", UnknownNameError, """
        postive is not a fact.
            q: input[n], postive
                         ^
            Did you mean positive?"""),
}  # fmt: skip


@pytest.mark.parametrize("name", FULL)
def test_message(name):
    text, kind, expected = FULL[name]
    assert message(text, kind) == block(expected)


def test_two_sizes_by_the_argument():
    text = "X: input[n, d]\nW: parameter[e, k]\nz[n,k] = sum[d](X[n,d]*W[d,k])"
    lines = message(text, ShapeError, "", sizes={"d": 783, "e": 784}).split("\n")
    assert lines[0] == "index d has two sizes."
    assert "^ 783" in lines[2] and "^ 784" in lines[2]


def test_two_sizes_marks_both_reads():
    text = "X: input[n, 3]\nW: parameter[4, k]\nz[n,k] = sum[d](X[n,d]*W[d,k])"
    assert message(text, ShapeError, "") == block("""
        index d has two sizes.
            z[n,k] = sum[d](X[n,d]*W[d,k])
                                ^ 3  ^ 4
            axis 1 of X has 3 entries, axis 0 of W has 4. Use two letters, or declare both axes with one size.""")


def test_a_size_that_cannot_equal_itself():
    text = "x: input[n]\nc[i] = x[i]\nc[N] = 1\nz[n] = c[n]*x[n]"
    assert "index n has two sizes." in message(text, ShapeError, "")


def test_scatter_without_a_range():
    text = "q: input[n], integer\nx: input[n]\nh[q[n]] = x[n]"
    assert "Declare it as q: label[n] over k." in message(text, ShapeError, "")


def test_sizes_are_checked():
    for sizes, expected in [
        ({"q": 3}, "sizes= names q, which is no axis of the program.\n    Its axes are d, k, n."),
        ({"n": -1}, "sizes={'n': -1} is not a size."),
        ({"n": 2.5}, "sizes={'n': 2.5} is not a size."),
    ]:
        with pytest.raises(SymgradError) as caught:
            notation.parse(DECLARED + "z = b", sizes)
        assert str(caught.value).startswith(expected)


def test_a_word_declared_as_name_is_explained():
    assert "lambda is a word of Python: choose another name, such as lam." in message(
        "lambda: parameter\nz=1", NotationError
    )


def test_ambiguous_size():
    text = "a: input[m]\nb: input[i]\nc[i] = a[i]\nc[I + j] = b[j]"
    assert "size(i) is ambiguous: M or I." in message(text, ShapeError, "")


HOSTILE = [
    "z = __import__('os').system('ls')",
    "z = __import__(os)",
    "z = b.__class__.__mro__",
    "z[n] = (lambda x: x)(b)",
    "z = (a := 3)",
    "z = [b for b in b]",
    "z = {b: b}",
    "z = f'{b}'",
    "z = b; import os",
    "z = b) + (b",
    "z = eval(b)",
    "z = exec(b)",
    "z = open(b)",
    "z = getattr(b, b)",
    "z = b if b else b",
    "z = yield b",
    "z = await b",
    "z = b\\",
    "z = *b",
    "z = ...",
    "z = b[...]",
    "z = None",
    "z = True*b",
    "z = 2j",
    "z = b is b",
    "z = X[n,:]",
    "z = f(**b)",
    "z = f(x=b)",
    "z = 9**9**9",
    "z = (10**300)**(10**300)",
    "z = pi**(10**300)",
    "z = (1/3)**(10**9)",
    "z = 1e400",
    "z = 1e-400",
    "z = " + "9" * 5000,
    "z = exp(exp(exp(9)))",
    "z = exp(1000)*b",
    "z = polygamma(10**9, 1)",
    "z = lgamma(10**300)*1e300",
    "z = " + "-" * 15000 + "b",
    "z = " + "(" * 70 + "b" + ")" * 70,
    "z = " + "**".join(["b"] * 3000),
    "z = " + "+".join(["b"] * 9000),
    "z = " + "b" * 30000,
    "z = " + "not " * 4000 + "b",
    "z = b\x00",
    "z = b +",
    "z = (b",
    "z = b)",
    "z =",
    "= b",
    "b",
    "1 = b",
    "z[b(1)] = b",
    "z[sum[i](w[i])] = b",
    "z() = b",
    ": input",
    "q: ",
    "q r: input",
    "outputs:",
    "updates: b",
    "z = 1//b",
    "z = b % 2",
    "z = b & b",
    "z = ~b",
    "z = b@b",
    "z = b < 1",
    "z = sum[](b)",
    "z = sum[d]",
    "z = sum(b)",
    "z = sum[d](w[d], b)",
    "z = sum[d<1](w[d])",
    "z = sum[d < 1, d](w[d])",
    "z = argmax[n,d](X[n,d])",
    "z = X[0, -1]",
    "z = X[0, 0.5]",
    "z[n] = X[n, n*n]",
    "z[n] = w[y[n]/2]",
    "z = where(b, 1, 0)",
    "z = where(b > 0, 1)",
    "z = b(3)",
    "z = 1/0",
    "z = sqrt(-2)",
    "z[b] = w[b]",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused(text):
    start = time.process_time()
    with pytest.raises(SymgradError) as caught:
        notation.parse(DECLARED + text)
    assert len(str(caught.value)) < 1000 or len(text) > 1000
    assert time.process_time() - start < 5  # not a speed claim: a denial of service takes minutes


def test_nothing_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in ("open(b)", "__import__(b)", "print(b)", "breakpoint()"):
        with pytest.raises(SymgradError):
            notation.parse(f"b: input\nz = {text}")
    assert not list(tmp_path.iterdir())


def test_empty_program():
    assert message("", NotationError) == "the program has no equation.\n    Write one: y[n] = 2*x[n]."
    with pytest.raises(NotationError, match="a program is text"):
        notation.parse(3)
