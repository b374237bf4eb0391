"""The laws of structure on programs that nobody wrote: shifts, flips, strides, scatter, gather, windows, diagonals."""

import numpy as np
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from structures import differences, holds

from symgrad import program
from symgrad.errors import NotationError, ShapeError

POSITIONS = ["{i}", "{i}+1", "{i}+2", "2*{i}", "2*{i}+1", "3*{i}+1"]
SCALARS = ["tanh({0})", "{0}**2", "sin({0})", "{0}*exp(-{0}**2)", "{0}"]
KINDS = ["shifts", "gather", "window", "product", "total", "outer", "prefix", "flip", "scatter"]
PAIRS = ["({0})*({1})", "({0}) - ({1})**2", "({0}) + ({1})"]


@st.composite
def vectors(draw, number, source):
    """One equation that makes the vector `y<number>` of the vector `source`."""
    name, f = f"y{number}", draw(st.sampled_from(SCALARS))
    kind = draw(st.sampled_from(KINDS))
    i = "abcdefg"[number]
    if kind == "shifts":
        one, two = (f"{source}[{draw(st.sampled_from(POSITIONS)).format(i=i)}]" for _ in range(2))
        return f"{name}[{i}] = " + draw(st.sampled_from(PAIRS)).format(f.format(one), two)
    if kind == "gather":
        return f"{name}[n] = " + draw(st.sampled_from(PAIRS)).format(f.format(f"{source}[s[n]]"), f"{source}[t[n]]")
    if kind == "window":
        return f"{name}[{i}] = " + f.format(f"sum[k](w[k]*{source}[{i}+k])")
    if kind == "product":
        return f"{name}[m] = " + f.format(f"sum[{i}](B[m,{i}]*{source}[{i}])").replace("B", f"B{number}")
    if kind == "total":
        return f"{name}[{i}] = {f.format(f'{source}[{i}]')}*sum[j]({source}[j])"
    if kind == "outer":
        return f"M{number}[{i},j] = {source}[{i}]*{source}[j]**2\n{name}[{i}] = {f.format(f'M{number}[{i},{i}]')}"
    if kind == "prefix":
        return f"{name}[{i}] = {source}[{i}]*" + f.format(f"sum[j, j <= {i}]({source}[j])")
    if kind == "flip":
        return f"{name}[{i}] = {source}[{i}]*{f.format(f'{source}[size({i})-1-{i}]')}"
    return f"{name}[v] = sum[n, u[n] == v]({f.format(f'{source}[s[n]]')}) + {source}[v]"


@st.composite
def texts(draw):
    lines, source = ["x: parameter[p]", "w: input[k]"], "x"
    for number in range(draw(st.integers(1, 2))):
        line = draw(vectors(number, source))
        if "s[n]" in line:
            label = f"s{number}, t{number}, u{number}: label[n{number}]"
            line = line.replace("[n]", f"[n{number}]").replace("n,", f"n{number},")
            line = line.replace("s[", f"s{number}[").replace("t[", f"t{number}[").replace("u[", f"u{number}[")
            lines.append(label)
        if f"B{number}" in line:
            lines.append(f"B{number}: input[m{number},q{number}]")
            line = line.replace("[m]", f"[m{number}]").replace("[m,", f"[m{number},")
        lines.append(line)
        source = f"y{number}"
    return "\n".join([*lines, f"L = sum[z]({draw(st.sampled_from(SCALARS[:4])).format(f'{source}[z]')})"])


SETTINGS = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@given(texts(), st.integers(0, 3))
@SETTINGS
def test_random_structures(text, seed):
    note(text)
    try:
        of = program(text)
    except (NotationError, ShapeError):     # sizes that the notation does not solve for
        assume(False)
    last = [line for line in text.splitlines() if line.startswith("y")][-1][:2]
    for derived, value, output in (
        (of.hessian("L", "x"), of.gradient("L", "x"), "dL_dx"),
        (of.jacobian(last, "x"), of, last),
    ):
        name = derived.outputs[-1]
        _, dense, arrays = holds(derived, name, seed)
        note(str(derived.structure(name)))
        needed = dict(arrays)
        shown = value if output in value.outputs else program(text + f"\noutputs: {last}")
        expected = differences(shown, output, "x", needed)
        # h = 1e-5: h^2 times a third derivative; chains of three squares and exponentials reach 1e3
        np.testing.assert_allclose(dense, expected, rtol=1e-4, atol=1e-5 * (1 + np.abs(expected).max(initial=0)))
