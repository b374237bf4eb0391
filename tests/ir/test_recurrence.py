"""Recurrences: which equations form one, in which order they run, and what is refused."""

import numpy as np
import pytest
from sympy import Eq, Ge, Gt, Integer, Lt, Ne

import symgrad as sg
from symgrad.errors import CheckError, NotationError, RecurrenceError, ShapeError
from symgrad.ir.access import Access, Index, Size
from symgrad.ir.arithmetic import COMPLEX, EXACT, MPMATH
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.ir.recurrence import Scan, arranged, groups, plainly, sign
from symgrad.ir.system import Equation, Range, System, Tensor, Term

t, s, T = Index("t"), Index("s"), Size("T")


def scan_of(text, sizes=None):
    (scan,) = [u for u in groups(sg.program(text, sizes).raw.equations) if isinstance(u, Scan)]
    return scan


def test_no_recurrence_is_left_alone():
    equations = sg.program("x: input[n]\ny[n] = 2*x[n]\nL = sum[n](y[n])").raw.equations
    assert groups(equations) == equations


def test_mutual_recursion_is_one_group():
    scan = scan_of("x: input[t]\nc[t] = x[t] + where(t > 0, h[t-1], 0)\nh[t] = tanh(c[t])")
    assert {"c", "h"} <= set(scan.axes)
    assert (scan.size, scan.descending, scan.axes["h"]) == (T, False, 0)
    order = [eq.tensor for eq in scan.equations]
    assert order.index("c") < order.index("h")  # h[t] reads c[t]


def test_the_ordered_index_is_found_among_the_axes():
    text = "x: input[n, t, j]\nh[n,t,j] = x[n,t,j] + where(t > 0, h[n,t-1,j], 0)"
    assert scan_of(text).axes["h"] == 1


def test_descending():
    assert scan_of("r: input[t]\nG[t] = r[t] + where(t < T-1, G[t+1]/2, 0)").descending


def test_two_ordered_indices():
    scan = scan_of("x: input[i, j]\nS[i,j] = x[i,j] + where(i > 0, S[i-1,j], 0) + where(j > 0, S[i,j-1], 0)")
    assert scan.ordered("S") == (0, 1)


def test_values():
    fibonacci = sg.program("f[t] = where(t < 2, 1, f[t-1] + f[t-2])", sizes={"t": 8})
    assert list(fibonacci.evaluate()["f"]) == [1, 1, 2, 3, 5, 8, 13, 21]
    lines = sg.program("f[0] = 1\nf[1] = 1\nf[t+2] = f[t+1] + f[t]", sizes={"t": 6})
    assert list(lines.evaluate()["f"]) == [1, 1, 2, 3, 5, 8, 13, 21]
    returns = sg.program("r: input[t]\nG[t] = r[t] + where(t < T-1, G[t+1]/2, 0)")
    assert list(returns.evaluate(r=[1.0, 2.0, 4.0])["G"]) == [3.0, 4.0, 4.0]
    paths = sg.program("x: input[i, j]\nS[i,j] = where(i > 0, S[i-1,j], 0) + where(j > 0, S[i,j-1], 0) + x[i,j]")
    start = np.zeros((4, 5))
    start[0, 0] = 1
    assert paths.evaluate(x=start)["S"][3, 4] == 35  # ways from corner to corner: 7 over 3


def test_forward_substitution():
    lower = np.tril(np.random.default_rng(0).normal(size=(5, 5))) + 4 * np.eye(5)
    program = sg.program("A: input[i, i]\nb: input[i]\nx[i] = (b[i] - sum[j, j < i](A[i,j]*x[j]))/A[i,i]")
    np.testing.assert_allclose(lower @ program.evaluate(A=lower, b=np.arange(5.0))["x"], np.arange(5.0), atol=1e-14)


def test_a_tree():
    """A data-dependent read that a guard places before."""
    program = sg.program("p: label[t] over t\nx: input[t]\nh[t] = x[t] + where(p[t] < t, h[p[t]], 0)")
    assert list(program.evaluate(p=[0, 0, 0, 1], x=[1.0, 2, 4, 8])["h"]) == [1, 3, 5, 11]


def test_every_arithmetic():
    program = sg.program("x: input[t]\nP[t] = x[t]*where(t == 0, 1, P[t-1])").raw
    x = np.array([2.0, 3.0, -4.0])
    for arithmetic in (COMPLEX, MPMATH):
        assert [complex(v) for v in interpret(program, {"x": x}, arithmetic)["P"]] == [2, 6, -24]
    assert int(interpret(program, {"x": x.astype(int)}, EXACT)["P"][2]) == -24 % EXACT.modulus


def test_empty():
    assert sg.program("x: input[t]\nP[t] = x[t] + where(t > 0, P[t-1], 0)").evaluate(x=np.zeros(0))["P"].shape == (0,)


def test_signs_under_guards():
    assert sign(Integer(-1), ()) == -1
    assert sign(s - t, (Lt(s, t),)) == -1
    assert sign(s - t, (Gt(s, t),)) == 1
    assert sign(-t, (Ne(t, 0),)) == -1
    assert sign(-t, (Ge(t, 0),)) is None  # t may be 0
    assert sign(t - s, (Eq(t, 0), Gt(s, 0))) == -1
    assert sign(s - t, ()) is None


def test_shifted_writes_become_plain():
    back = plainly(Term((t + 1,), Access("x", t), (Range(t, T),)), 0, T + 1)
    assert (back.write, back.body, back.guard) == ((t,), Access("x", t - 1), (Ge(t, 1),))
    mirrored = plainly(Term((T - 1 - t,), Access("x", t), (Range(t, T),)), 0, T)
    assert (mirrored.write, mirrored.body, mirrored.guard) == ((t,), Access("x", T - 1 - t), ())
    one = plainly(Term((Integer(0),), Access("a"), ()), 0, T)
    assert (one.write, one.guard) == ((t,), (Eq(t, 0),))


REFUSED = {
    "itself": ("x: input[i]\ny[i] = y[i] + x[i]",
               ["y is defined by itself at the same entry.", "    y[i] = y[i] + x[i]\n           ^",
                "y[i] = where(i == 0, ..., ... y[i-1] ...)", "as in y_next"]),
    "scalars": ("a = b\nb = a",
                ["a is defined by itself, and it has no index along which it could grow.", "    a = b"]),
    "each other": ("x: input[i]\ny[i] = x[i]*z[i]\nz[i] = y[i]",
                   ["y and z are defined by each other, and no index orders them.",
                   "y[i] = x[i]*z[i]\n    z[i] = y[i]"]),
    "both ways": ("x: input[i]\ny[i] = x[i] + where(i > 0, y[i-1], 0) + where(i < I-1, y[i+1], 0)",
                  ["y reads both earlier and later entries of itself", "linear system"]),
    "by data": ("p: label[t] over t\nx: input[t]\ny[t] = x[t] + y[p[t]]",
                ["y[p[t]] is not known to come before", "where(p[t] < t, y[p[t]], ...)"]),
    "arrays": ("W: parameter[i, j]\nh = tanh(W @ h)", ["h is defined by itself, and it has no index"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    text, parts = REFUSED[name]
    with pytest.raises(RecurrenceError) as error:
        sg.program(text)
    for part in parts:
        assert part in str(error.value)


def test_a_recurrence_says_how_it_starts():
    with pytest.raises(ShapeError) as error:
        sg.program("x: input[t]\ny[t] = x[t] + y[t-1]")
    assert "y[t - 1] reaches index -1." in str(error.value)
    assert "where(0 <= t - 1, y[t - 1], ...)" in str(error.value)


def test_no_size():
    with pytest.raises(ShapeError, match="index t has no size") as error:
        sg.program("y[t] = where(t == 0, 1, 2*y[t-1])")
    assert 'sizes={"t": 10}' in str(error.value)


def test_what_is_no_recurrence_stands_in_order():
    with pytest.raises(NotationError, match="z is read before it is defined"):
        sg.program("x: input[t]\ny[t] = x[t] + z[t]\nz[t] = 2*x[t]")


def raw(*equations):
    tensors = {"x": Tensor("x", (T,), role="input", letters=("t",))}
    tensors |= {eq.tensor: Tensor(eq.tensor, (T,), letters=("t",)) for eq in equations}
    return System(tensors, equations, (equations[-1].tensor,))


def test_check_refuses_what_does_not_come_before():
    later = Term((t,), Access("y", t + 1), (Range(t, T),), (Lt(t, T - 1),))
    earlier = Term((t,), Access("y", t - 1), (Range(t, T),), (Gt(t, 0),))
    first = Term((t,), Access("x", t), (Range(t, T),))
    check(raw(Equation("y", (first, earlier))))
    check(raw(Equation("y", (first, later))))
    with pytest.raises(RecurrenceError):
        check(raw(Equation("y", (earlier, later))))
    with pytest.raises(RecurrenceError):  # the guard does not hold s back
        check(raw(Equation("y", (first, Term((t,), Access("y", s), (Range(t, T), Range(s, T)), (Ge(t, s),))))))


def test_check_wants_readers_behind_the_recurrence():
    first = Term((t,), Access("x", t), (Range(t, T),))
    y = Equation("y", (first, Term((t,), Access("y", t - 1), (Range(t, T),), (Gt(t, 0),))))
    z = Equation("z", (Term((t,), Access("y", t), (Range(t, T),)),))
    with pytest.raises(CheckError, match="y is read before it is written"):
        check(raw(z, y))
    assert arranged((z, y)) == (y, z)


def test_long_chains_do_not_recurse():
    """3000 equations: no Python recursion in the search for cycles."""
    equations = [Equation("a0", (Term((t,), Access("a2999", t - 1), (Range(t, T),), (Gt(t, 0),)),))]
    equations += [Equation(f"a{n}", (Term((t,), Access(f"a{n - 1}", t), (Range(t, T),)),)) for n in range(1, 3000)]
    (scan,) = groups(equations)
    assert scan.equations == tuple(equations)
