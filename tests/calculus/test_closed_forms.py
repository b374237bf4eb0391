"""Closed forms are found, never typed in: each text is differentiated and its display form compared with a textbook."""

import pytest
import sympy

import symgrad as sg
from symgrad.ir.check import check

DATA = """
    X: input[n, d]
    W: parameter[d, k]
    b: parameter[k]
    z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
"""


def closed(text, output, wrt, name=None):
    """The display equation of d<output>_d<wrt>: one string for each term, `write: body for reduced indices`."""
    program = sg.program(text).gradient(output, wrt)
    system = program.display
    check(system.prune())
    name = name or f"d{output}_d{wrt}"
    (eq,) = [e for e in system.equations if e.tensor == name]
    return sorted(shown(t) for t in eq.terms)


def shown(term):
    write = ",".join(map(str, term.write))
    over = ",".join(r.index.name for r in term.reduced)
    given = f" if {', '.join(map(str, term.guard))}" if term.guard else ""
    return f"[{write}] {f'sum {over}: ' if over else ''}{term.body}{given}"


def test_softmax_cross_entropy_with_probabilities():
    text = DATA + """
    Y: input[n, k], distribution over k
    p[n,k] = softmax[k](z[n,k])
    L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))
    """
    assert closed(text, "L", "W") == ["[d,k] sum n: (-Y[n, k] + p[n, k])*X[n, d]/N"]
    assert closed(text, "L", "b") == ["[k] sum n: (-Y[n, k] + p[n, k])/N"]
    program = sg.program(text).gradient("L")
    used = {fact for step in program.derivation.steps for fact in step.under}
    assert used == {"sum[k](Y[n, k]) = 1"}


def test_without_the_fact_the_sum_of_the_targets_stays():
    text = DATA + """
    Y: input[n, k]
    p[n,k] = softmax[k](z[n,k])
    L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))
    """
    (term,) = closed(text, "L", "z")
    assert "total[n]" in term and "p[n, k]" in term


def test_softmax_cross_entropy_with_labels():
    text = DATA + """
    y: label[n] over k
    p[n,k] = softmax[k](z[n,k])
    L = mean[n](-log(p[n,y[n]]))
    """
    assert closed(text, "L", "z") == ["[n,k] p[n, k]/N", "[n,y[n]] -1/N"]


@pytest.mark.parametrize("loss", ["-y[n]*log(s[n]) - (1 - y[n])*log(1 - s[n])", "softplus(z[n]) - y[n]*z[n]"])
def test_sigmoid_and_binary_cross_entropy(loss):
    text = f"""
    X: input[n, d]
    y: input[n]
    w: parameter[d]
    z[n] = sum[d](X[n,d]*w[d])
    s[n] = sigmoid(z[n])
    L = mean[n]({loss})
    """
    assert closed(text, "L", "w") == ["[d] sum n: (s[n] - y[n])*X[n, d]/N"]


def test_linear_regression():
    text = """
    X: input[n, d]
    y: input[n]
    w: parameter[d]
    r[n] = sum[d](X[n,d]*w[d]) - y[n]
    L = sum[n](r[n]**2)/2
    """
    assert closed(text, "L", "w") == ["[d] sum n: r[n]*X[n, d]"]


def test_mean_squared_error():
    text = """
    y, t: input[n]
    a: parameter
    yhat[n] = a*t[n]
    L = mean[n]((yhat[n] - y[n])**2)
    """
    assert closed(text, "L", "yhat") == ["[n] 2*(-y[n] + yhat[n])/N"]


def test_gaussian_kl():
    text = """
    mu, sigma: parameter[j]
    L = sum[j](mu[j]**2 + sigma[j]**2 - log(sigma[j]**2) - 1)/2
    """
    assert closed(text, "L", "mu") == ["[j] mu[j]"]
    assert closed(text, "L", "sigma") == ["[j] sigma[j] - 1/sigma[j]"]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("sigmoid(x)", "f*(1 - f)"),
        ("1/(1 + exp(-x))", "f*(1 - f)"),
        ("tanh(x)", "1 - f**2"),
        ("exp(x)", "f"),
        ("1/(2 + exp(-3*x))", "3*f*(1 - 2*f)"),
        ("1/(5 + 2*exp(-x/3))", "f*(1 - 5*f)/3"),
        ("exp(-x**2)", "-2*f*x"),
        ("sqrt(1 + x**2)", "x/f"),
        ("1/x", "-f**2"),
        ("exp(x)/(3 + exp(x))", "f*(1 - f)"),
        ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", "1 - f**2"),
        ("(2 + exp(3*x))/(5 - exp(3*x))", "-3*(f + 1)*(2 - 5*f)/7"),
    ],
)
def test_scalar_definitions_give_their_differential_equation(definition, expected):
    """A metamorphic test: the derivative is expressed by the function itself, also where nobody wrote a rule for it."""
    (term,) = closed(f"x: parameter\nf = {definition}", "f", "x")
    found = sympy.sympify(term.removeprefix("[] "))
    assert sympy.simplify(found - sympy.sympify(expected)) == 0
    assert not found.has(sympy.exp) and found.count_ops() <= sympy.sympify(expected).count_ops() + 1


def test_softmax_jacobian():
    program = sg.program("z: parameter[k]\np[k] = softmax[k](z[k])").jacobian("p", "z")
    (eq,) = [e for e in program.display.equations if e.tensor == "dp_dz"]
    assert sorted(map(shown, eq.terms)) == ["[k,j] -p[j]*p[k]", "[k,k] p[k]"] or sorted(map(shown, eq.terms)) == [
        "[k,i] -p[i]*p[k]",
        "[k,k] p[k]",
    ]


@pytest.mark.parametrize("depth", [2, 4])
def test_multilayer_perceptron_in_the_textbook_form(depth):
    lines = ["X: input[n, d]", "y: label[n] over k"]
    previous, letter = "X[n,d]", "d"
    for layer in range(1, depth):
        unit = f"h{layer}"
        lines += [f"W{layer}: parameter[{letter}, {unit}]", f"b{layer}: parameter[{unit}]"]
        lines += [f"z{layer}[n,{unit}] = sum[{letter}]({previous}*W{layer}[{letter},{unit}]) + b{layer}[{unit}]"]
        lines += [f"a{layer}[n,{unit}] = tanh(z{layer}[n,{unit}])"]
        previous, letter = f"a{layer}[n,{unit}]", unit
    lines += [f"V: parameter[{letter}, k]", f"z[n,k] = sum[{letter}]({previous}*V[{letter},k])"]
    lines += ["p[n,k] = softmax[k](z[n,k])", "L = mean[n](-log(p[n,y[n]]))"]
    text = "\n".join(lines)
    last = depth - 1
    assert closed(text, "L", "V") == [f"[h{last},k] sum n: a{last}[n, h{last}]*dL_dz[n, k]"]
    assert closed(text, "L", f"z{last}") == [
        f"[n,h{last}] (1 - a{last}[n, h{last}]**2)*dL_da{last}[n, h{last}]"
    ]
    assert closed(text, "L", "W1") == ["[d,h1] sum n: X[n, d]*dL_dz1[n, h1]"]
    assert closed(text, "L", "b1") == ["[h1] sum n: dL_dz1[n, h1]"]


def test_label_smoothing_is_one_pass_over_the_classes():
    """The adjoint of a mean is one number: its sum is known, and 0.1/K is so far from 1 that p needs no complement."""
    system = sg.program("""
        z: parameter[n, k]
        y: label[n] over k
        p[n,k] = softmax[k](z[n,k])
        L = mean[n](-0.9*log(p[n,y[n]]) - 0.1*mean[k](log(p[n,k])))
    """).gradient("L").kernel
    (slope,) = (eq for eq in system.equations if eq.tensor == "dL_dz")
    assert slope.read_names() == {"p", "y"}


def test_a_difference_that_cancels_keeps_its_complement():
    """With one-hot targets p - T loses all digits where p is near 1."""
    text = """
    z: parameter[n, k]
    T: input[n, k], one-hot over k
    p[n,k] = softmax[k](z[n,k])
    L = -sum[n,k](T[n,k]*log(p[n,k]))
    """
    equations = sg.program(text).gradient("L").kernel.equations
    (slope,) = (eq for eq in equations if eq.tensor == "dL_dz")
    assert slope.read_names() > {"p", "T"}
